/* Filter expressions: which spans a user wants to see.
 *
 *     module(libssl*) and not tag(memory) and duration > 1ms
 *
 * filter_parse turns text into a program (our process only: it allocates); filter_match runs it
 * over the fields of one span, allocates nothing, and may be called from any thread on the same
 * program.
 *
 * Grammar, in the order of binding:
 *     expression := and-part ( "or" and-part )*
 *     and-part   := factor ( "and" factor )*
 *     factor     := "not" factor | "(" expression ")" | predicate
 *     predicate  := NAME "(" PATTERN ")" | "duration" OP NUMBER [ UNIT ]
 *     NAME       := module | function | tag | thread | process
 *     OP         := > | >= | < | <= | = | !=
 *     NUMBER     := digits [ "." digits ], with its unit a whole number of ns
 *     UNIT       := ns | us | µs | ms | s | m (minutes); ns when there is none
 *     PATTERN    := a glob up to the closing parenthesis, parentheses in it balanced, as in
 *                   operator()(int), and blanks around it ignored; or a glob between double
 *                   quotes, where parentheses and blanks are free and a quote is \"
 * Words are in lower case. Parentheses around expressions nest 100 deep at most.
 *
 * A glob has * (any run, "/" included), ? (one byte), [a-z], [!a-z], and \ before a character that
 * is meant literally, inside [ ] too. "[]" is just these two characters, as in operator[], and any
 * other "[" needs its "]". A glob has to match all of the text, and case counts: *alloc matches
 * calloc, alloc does not. A pattern also matches the very text it spells, so a name copied from a
 * report, to_string[abi:cxx11](int), finds its function. A module is matched by its path or by the
 * last component of it; a thread or a process by its name or, when the pattern is all digits, by
 * its number. */
#ifndef VT_FILTER_FILTER_H
#define VT_FILTER_FILTER_H

#include <stddef.h>
#include <stdint.h>

struct filter;

/* What can be asked about. Strings are NUL-terminated and never NULL ("" when unknown). */
struct filter_fields {
    const char *module;   /* path of the ELF file that the function is in */
    const char *function; /* the span's name: function, call, scope */
    const char *tag;      /* its category: "memory", "io", … */
    const char *thread;   /* thread name */
    const char *process;  /* process name */
    uint64_t tid, pid;
    uint64_t duration_ns;
};

struct filter_error {
    size_t position;   /* byte offset in the expression */
    char message[120]; /* one line, without the position */
};

/* NULL on an error, which is then described in *error (unless error is NULL); an empty expression
 * is one. *error is not touched otherwise. The expression is not needed afterwards. */
struct filter *filter_parse(const char *expression, struct filter_error *error);
/* 1 to keep the span, 0 to drop it. Time is at most the sum of pattern length times text length. */
int filter_match(const struct filter *filter, const struct filter_fields *fields);
/* NULL is allowed. */
void filter_free(struct filter *filter);

#endif
