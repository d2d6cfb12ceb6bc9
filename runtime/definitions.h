/* The definitions arena of a process: what events refer to by number. An entry's id is its offset.
 * Append-only, lock-free, one mapping that all threads share; an entry is claimed, marked with its
 * length, filled, and its header's kind is stored last (release), so a reader may walk at any time.
 * An id stays valid in a fork's child, which reads the ids of its parent's arena.
 *
 * Entry: one header word { kind 8 | extra 24 | payload bytes 32 }, then the payload, padded with
 * zeros to 8 bytes. A zero word is skipped. Id 0 means "not known" everywhere. */
#ifndef VT_RUNTIME_DEFINITIONS_H
#define VT_RUNTIME_DEFINITIONS_H

#include <stddef.h>
#include <stdint.h>

enum definition_kind {
    DEFINITION_PENDING = 1,
    DEFINITION_STRING = 2, /* the bytes; extra: 0 */
    DEFINITION_MODULE = 3, /* struct definition_module, then the path's bytes */
    DEFINITION_SITE = 4,   /* struct definition_site */
    DEFINITION_THREAD =
        5,                /* struct definition_thread; a later one for the same index replaces it */
    DEFINITION_CALLS = 6, /* struct definition_call[]: the call table */
    DEFINITION_THREAD_NAME = 7, /* struct definition_thread_name */
    DEFINITION_ADDRESS = 8, /* enum address_role in one byte, then a struct sockaddr; used like a
                               string: as what a descriptor is, or as a peer */
    DEFINITION_STACK = 9,   /* struct definition_stack */
};

enum address_role { ADDRESS_PEER, ADDRESS_CONNECTED, ADDRESS_ACCEPTED, ADDRESS_BOUND };

struct definition_module {
    uint64_t low, high; /* addresses in memory */
    uint64_t bias;      /* address in memory − address in the file */
    uint64_t tick;      /* loaded, or first seen */
    uint8_t build_id[32];
    uint32_t build_id_size;
    uint32_t path_size;
};

struct definition_site {
    uint32_t name; /* string ids */
    uint32_t file, function;
    uint32_t line;
};

struct definition_thread {
    uint32_t index, tid;
    uint32_t parent; /* index of the creating thread + 1, or 0 */
    uint32_t name;   /* string id */
    uint64_t tick;   /* from when on the handle is its own */
    uint64_t handle; /* its pthread_t, which later threads may reuse */
};

/* A thread was renamed, by itself or by another. */
struct definition_thread_name {
    uint64_t handle; /* its pthread_t */
    uint64_t tick;
    uint32_t name; /* string id */
    uint32_t reserved;
};

enum { STACK_FRAMES_MOST = 512 };

/* A stack is its innermost frame; its id is the id of that entry. */
struct definition_stack {
    uint64_t address; /* where the frame will go on: behind a call, unless STACK_EXACT */
    uint32_t caller;  /* id of the stack around it; 0: the thread began here */
    uint32_t flags;   /* enum stack_flags */
};

enum stack_flags {
    STACK_EXACT = 1, /* the address is that of the instruction: interrupted by a signal */
    STACK_CUT = 2,   /* there are more frames around it than are recorded, or they were not found */
};

/* A field of a call, one payload word each. */
enum call_field {
    FIELD_NONE,
    FIELD_FD,      /* low half: descriptor; high half: string id of what it is, or 0 */
    FIELD_BYTES,   /* a size asked for */
    FIELD_POINTER, /* an address of the program's */
    FIELD_PATH,    /* string id */
    FIELD_FLAGS,   /* open flags */
    FIELD_OFFSET,  /* file offset, signed */
    FIELD_NUMBER,  /* signed */
    FIELD_PID,
    FIELD_THREAD,      /* a pthread_t */
    FIELD_LOCK,        /* address of the lock */
    FIELD_CONDITION,   /* address of the condition variable */
    FIELD_NAME,        /* string id */
    FIELD_ARGUMENTS,   /* string id: a command line, its arguments separated by NULs */
    FIELD_COMMAND,     /* string id: a command for the shell */
    FIELD_TARGET,      /* string id: a second path, where something goes */
    FIELD_TARGET_FD,   /* as FIELD_FD: where bytes go */
    FIELD_PEER,        /* id of an address */
    FIELD_SERVICE,     /* string id */
    FIELD_COUNT,       /* how many of something */
    FIELD_TIMEOUT,     /* milliseconds, -1: none */
    FIELD_SIGNAL,      /* number of a signal */
    FIELD_STATUS,      /* what wait() says of a child, or -1 */
    FIELD_REQUEST,     /* of an ioctl */
    FIELD_FAMILY,      /* AF_… */
    FIELD_SOCKET_TYPE, /* SOCK_… */
    FIELD_HOLDER,      /* kernel's thread id of who had the lock, or 0 */
    FIELD_CODE,        /* a return address: where the lock had been taken, or 0 */
    FIELD_WAITERS,     /* how many threads waited when the lock was released */
    FIELD_LEVEL,       /* of a socket option */
    FIELD_OPTION,      /* its number */
    FIELD_KINDS
};

enum call_result {
    RESULT_NONE,    /* no word */
    RESULT_NUMBER,  /* signed, negative errno on failure */
    RESULT_BYTES,   /* bytes moved, negative errno on failure */
    RESULT_POINTER, /* address, 0 on failure */
    RESULT_FD,      /* as FIELD_FD, or negative errno */
    RESULT_ERROR,   /* 0 or a positive errno: pthread's way */
    RESULT_ANSWER,  /* a number that is never an errno */
    RESULT_MAPPED,  /* address, or negative errno */
};

enum call_flags {
    CALL_BEFORE = 1, /* recorded before it was made: no duration, no result */
    CALL_WAITS = 2,  /* its time is waiting, not work */
    CALL_SENDS = 8,  /* the bytes that it moved went out to its FIELD_FD; else they came in */
    CALL_ASIDE = 4,  /* its time overlaps what the thread does: no part of the thread's stack */
};

enum { CALL_FIELDS = 6, CALL_NAME_BYTES = 28 };

struct definition_call {
    char name[CALL_NAME_BYTES]; /* zero-padded */
    uint16_t number;
    uint8_t category;
    uint8_t result;
    uint8_t flags;
    uint8_t field_count;
    uint8_t fields[CALL_FIELDS];
};

/* ---- the traced process's side ---- */

struct live_header;

/* Creates the arena file of a new process; in a fork's child goes on from `base`. 0 or negative
 * errno. */
long definitions_open(const char *path, struct live_header *live, uint32_t parent_pid,
                      uint32_t parent_image);

/* Id of the entry, made on first use; the same bytes give the same id while the table has room.
 * 0: no room, counted. Any thread, any time, signal handlers too. */
uint32_t definitions_intern(enum definition_kind kind, const char *bytes, size_t length);

static inline uint32_t definitions_string(const char *bytes, size_t length)
{
    return definitions_intern(DEFINITION_STRING, bytes, length);
}

/* Before the process is sealed: room for what comes, which cannot be made later; 0 takes it back.
 */
void definitions_seal(int sealed);

/* The payload of an entry of this process or its ancestors. */
const void *definitions_payload(uint32_t id);

/* Appends one entry; the payload is head then tail. 0 when there is no room (counted). */
uint32_t definitions_append(enum definition_kind kind, const void *head, size_t head_size,
                            const void *tail, size_t tail_size);

#endif
