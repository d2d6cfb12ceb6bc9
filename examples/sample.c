/* A toy compiler that is worth tracing: writes a few modules, compiles them on worker threads into
 * code for a stack machine, then links and runs them.
 *
 *     cc -g -O1 -pthread -finstrument-functions -Iinclude examples/sample.c -o sample
 *     vitte-trace run -o sample.json -- ./sample some-folder
 *
 * In its trace: every function with its callers (-finstrument-functions), phases (VT_SCOPE), a
 * counter and instants (vitte_trace.h), the reads and writes of its files, allocations, threads
 * with their names, and the time that they waited for the queue and for the lock of the names. */
#include "vitte_trace.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODULES = 6, WORKERS = 3, STATEMENTS = 60, NAMES = 500 };

/* Too small to be worth a bar in the picture. */
#define TINY __attribute__((no_instrument_function))

static const char *folder;

static void die(const char *what)
{
    fprintf(stderr, "sample: %s: %s\n", what, strerror(errno));
    exit(1);
}

TINY static void *need(void *memory)
{
    if (!memory)
        die("malloc");
    return memory;
}

/* ---- text that grows, and files ---- */

struct text {
    char *bytes;
    size_t size, room;
};

TINY static void append(struct text *text, const char *bytes, size_t size)
{
    if (text->size + size + 1 > text->room) {
        text->room = 2 * (text->room + size + 1);
        text->bytes = need(realloc(text->bytes, text->room));
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

TINY static void append_string(struct text *text, const char *string)
{
    append(text, string, strlen(string));
}

TINY static void append_number(struct text *text, long number)
{
    char digits[24];
    append(text, digits, (size_t)snprintf(digits, sizeof digits, "%ld", number));
}

TINY static int open_module(int module, const char *suffix, int flags)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/module%d.%s", folder, module, suffix);
    int fd = open(path, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        die(path);
    return fd;
}

static struct text read_file(int module, const char *suffix)
{
    struct text text = {NULL, 0, 0};
    char part[1024];
    int fd = open_module(module, suffix, O_RDONLY);
    for (ssize_t got; (got = read(fd, part, sizeof part)) > 0;)
        append(&text, part, (size_t)got);
    close(fd);
    return text;
}

static void write_file(int module, const char *suffix, const struct text *text)
{
    int fd = open_module(module, suffix, O_WRONLY | O_CREAT | O_TRUNC);
    if (write(fd, text->bytes, text->size) != (ssize_t)text->size)
        die("write");
    close(fd);
}

/* ---- names: one table for all threads ---- */

static char names[NAMES][16];
static int name_count;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

/* The number of a name; the lock is held for the whole search, so that there is something to wait
 * for. */
static int name_number(const char *bytes, size_t size)
{
    int number = 0;
    pthread_mutex_lock(&names_lock);
    while (number < name_count &&
           (strlen(names[number]) != size || memcmp(names[number], bytes, size) != 0))
        number++;
    if (number == name_count && number < NAMES) {
        snprintf(names[number], sizeof names[number], "%.*s", (int)size, bytes);
        name_count++;
    }
    pthread_mutex_unlock(&names_lock);
    return number;
}

/* ---- parsing: statement := name '=' sum ';'   sum := product (+|- product)*   and so on ---- */

enum kind { NUMBER, NAME, OPERATION };

struct node {
    enum kind kind;
    long value; /* a number, a name's number, or an operator's character */
    struct node *left, *right;
};

TINY static struct node *new_node(enum kind kind, long value, struct node *left, struct node *right)
{
    struct node *node = need(malloc(sizeof *node));
    *node = (struct node){kind, value, left, right};
    return node;
}

static struct node *parse_sum(const char **at);

static struct node *parse_factor(const char **at)
{
    if (**at == '(') {
        ++*at;
        struct node *inside = parse_sum(at);
        ++*at; /* the closing parenthesis */
        return inside;
    }
    if (isdigit((unsigned char)**at)) {
        char *end;
        long value = strtol(*at, &end, 10);
        *at = end;
        return new_node(NUMBER, value, NULL, NULL);
    }
    size_t size = strspn(*at, "abcdefghijklmnopqrstuvwxyz0123456789");
    int number = name_number(*at, size);
    *at += size;
    return new_node(NAME, number, NULL, NULL);
}

static struct node *parse_product(const char **at)
{
    struct node *left = parse_factor(at);
    while (**at == '*') {
        ++*at;
        left = new_node(OPERATION, '*', left, parse_factor(at));
    }
    return left;
}

static struct node *parse_sum(const char **at)
{
    struct node *left = parse_product(at);
    while (**at == '+' || **at == '-') {
        char sign = *(*at)++;
        left = new_node(OPERATION, sign, left, parse_product(at));
    }
    return left;
}

static struct node *parse_statement(const char **at)
{
    struct node *target = parse_factor(at);
    ++*at; /* = */
    struct node *statement = new_node(OPERATION, '=', target, parse_sum(at));
    *at += 2; /* ; and the end of the line */
    return statement;
}

/* ---- optimising: operations on numbers become numbers ---- */

TINY static long calculate(long sign, long left, long right)
{
    unsigned long l = (unsigned long)left, r = (unsigned long)right;
    return (long)(sign == '+' ? l + r : sign == '-' ? l - r : l * r);
}

static int fold_constants(struct node *node)
{
    if (node->kind != OPERATION)
        return 0;
    int folded = fold_constants(node->left) + fold_constants(node->right);
    if (node->value == '=' || node->left->kind != NUMBER || node->right->kind != NUMBER)
        return folded;
    long value = calculate(node->value, node->left->value, node->right->value);
    free(node->left);
    free(node->right);
    *node = (struct node){NUMBER, value, NULL, NULL};
    return folded + 1;
}

/* ---- generating: the left side, the right side, the operation ---- */

static void generate(struct text *code, const struct node *node)
{
    if (node->kind == OPERATION) {
        if (node->value != '=')
            generate(code, node->left);
        generate(code, node->right);
    }
    char operation[3] = {(char)node->value, ' ', '\0'};
    append_string(code, node->kind == NUMBER ? "push " : node->kind == NAME ? "load " : operation);
    if (node->kind != OPERATION)
        append_number(code, node->value);
    else if (node->value == '=')
        append_number(code, node->left->value);
    append_string(code, "\n");
}

TINY static void free_tree(struct node *node)
{
    if (node->kind == OPERATION) {
        free_tree(node->left);
        free_tree(node->right);
    }
    free(node);
}

/* ---- one module ---- */

static size_t parse_module(struct node **statements, const char *source)
{
    VT_SCOPE("parse");
    size_t count = 0;
    while (*source && count < STATEMENTS)
        statements[count++] = parse_statement(&source);
    return count;
}

static void optimise_module(struct node **statements, size_t count, int module)
{
    VT_SCOPE("optimise");
    int folded = 0;
    for (size_t i = 0; i < count; i++)
        folded += fold_constants(statements[i]);
    struct vt_arg arguments[] = {VT_INT("module", module), VT_INT("operations", folded)};
    vt_instant("folded", 2, arguments);
}

static struct text generate_module(struct node **statements, size_t count)
{
    VT_SCOPE("generate");
    struct text code = {NULL, 0, 0};
    for (size_t i = 0; i < count; i++) {
        generate(&code, statements[i]);
        free_tree(statements[i]);
    }
    return code;
}

static void compile_module(int module)
{
    struct node *statements[STATEMENTS];
    char name[32];
    snprintf(name, sizeof name, "compile module%d", module);
    vt_begin(name, 0, NULL);
    struct text source = read_file(module, "toy");
    size_t count = parse_module(statements, source.bytes);
    optimise_module(statements, count, module);
    struct text code = generate_module(statements, count);
    write_file(module, "code", &code);
    free(source.bytes);
    free(code.bytes);
    vt_end();
}

/* ---- the queue and its workers ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int next, pushed, done;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

/* The next module to compile, or -1 when there will be none. */
static int take_module(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.next == queue.pushed && queue.pushed < MODULES)
        pthread_cond_wait(&queue.changed, &queue.lock);
    int module = queue.next < queue.pushed ? queue.next++ : -1;
    pthread_mutex_unlock(&queue.lock);
    return module;
}

static void *work(void *name)
{
    vt_thread_name(name);
    for (int module; (module = take_module()) >= 0;) {
        compile_module(module);
        vt_counter_int("modules compiled", __atomic_add_fetch(&queue.done, 1, __ATOMIC_RELAXED));
    }
    return NULL;
}

static void push_module(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.pushed++;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

/* ---- the sources: made up here, the same ones every time ---- */

static unsigned long seed;

TINY static unsigned random_below(unsigned limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % limit;
}

TINY static void append_factor(struct text *source, int depth)
{
    if (depth > 0 && random_below(5) > 0) {
        append_string(source, "(");
        append_factor(source, depth - 1);
        append_string(source, &"+\0-\0*"[2 * random_below(3)]);
        append_factor(source, depth - 1);
        append_string(source, ")");
    } else if (random_below(2)) {
        append_string(source, "v");
        append_number(source, random_below(NAMES));
    } else {
        append_number(source, random_below(1000));
    }
}

static void write_source(int module)
{
    struct text source = {NULL, 0, 0};
    seed = (unsigned long)module;
    for (int i = 0; i < STATEMENTS; i++) {
        append_string(&source, "v");
        append_number(&source, random_below(NAMES));
        append_string(&source, "=");
        append_factor(&source, 3 + module % 3);
        append_string(&source, ";\n");
    }
    write_file(module, "toy", &source);
    free(source.bytes);
}

/* ---- the stack machine ---- */

static void run_module(int module, long *variables)
{
    struct text code = read_file(module, "code");
    long stack[64], *top = stack;
    for (char *line = strtok(code.bytes, "\n"); line; line = strtok(NULL, "\n")) {
        long operand = strchr(line, ' ') ? strtol(strchr(line, ' '), NULL, 10) : 0;
        if (line[0] == 'p')
            *top++ = operand;
        else if (line[0] == 'l')
            *top++ = variables[operand];
        else if (line[0] == '=')
            variables[operand] = *--top;
        else {
            top--;
            top[-1] = calculate(line[0], top[-1], top[0]);
        }
    }
    free(code.bytes);
}

int main(int argc, char **argv)
{
    static char worker_names[WORKERS][16];
    pthread_t workers[WORKERS];
    long variables[NAMES + 1] = {0}, sum = 0;
    folder = argc > 1 ? argv[1] : ".";
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        die(folder);
    vt_thread_name("main");
    {
        VT_SCOPE("compile");
        for (int i = 0; i < WORKERS; i++) {
            snprintf(worker_names[i], sizeof worker_names[i], "worker %d", i + 1);
            if (pthread_create(&workers[i], NULL, work, worker_names[i]) != 0)
                die("pthread_create");
        }
        for (int i = 0; i < MODULES; i++) {
            write_source(i);
            push_module();
        }
        for (int i = 0; i < WORKERS; i++)
            pthread_join(workers[i], NULL);
    }
    {
        VT_SCOPE("run");
        for (int i = 0; i < MODULES; i++)
            run_module(i, variables);
    }
    for (int i = 0; i < NAMES; i++)
        sum += variables[i] & 0xff;
    printf("%d modules, %d names, checksum %ld\n", MODULES, name_count, sum);
    return 0;
}
