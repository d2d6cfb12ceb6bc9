/* Input and output: what goes into pipes, sockets and files comes out of them. */
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t io_read(int fd, void *buffer, size_t size)
{
    BOOK(io_read);
    ssize_t got = read(fd, buffer, size);
    DONE(read, got > 0 ? got : 0);
    return got;
}

ssize_t io_write(int fd, const void *buffer, size_t size)
{
    BOOK(io_write);
    ssize_t put = write(fd, buffer, size);
    DONE(write, put > 0 ? put : 0);
    return put;
}

void let_go(int fd)
{
    MUST(close(fd) == 0);
    DONE(close, 0);
}

PLAIN static void all_out(int fd, const char *at, size_t size)
{
    while (size > 0) {
        ssize_t put = io_write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        MUST(put > 0);
        if (put <= 0)
            return;
        at += put;
        size -= (size_t)put;
    }
}

PLAIN static void all_in(int fd, char *at, size_t size)
{
    while (size > 0) {
        ssize_t got = io_read(fd, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        MUST(got > 0);
        if (got <= 0)
            return;
        at += got;
        size -= (size_t)got;
    }
}

void do_pipes(struct dice *dice)
{
    int ends[2];
    char out[4000], in[sizeof out];
    int sockets = (int)draw(dice, 2);
    if ((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) != 0) {
        MUST(!"a pipe");
        return;
    }
    for (unsigned i = draw(dice, 12); i > 0; i--) {
        size_t size = 1 + draw(dice, sizeof out);
        memset(in, 0, sizeof in);
        for (size_t k = 0; k < size; k++)
            out[k] = (char)draw(dice, 256);
        all_out(ends[1], out, size);
        all_in(ends[0], in, size);
        MUST(memcmp(in, out, size) == 0);
    }
    if (draw(dice, 2)) {
        int copy = dup(ends[1]);
        DONE(dup, 0);
        MUST(copy >= 0);
        all_out(copy, "x", 1);
        all_in(ends[0], in, 1);
        let_go(copy);
    }
    let_go(ends[0]);
    let_go(ends[1]);
}

void do_file(struct dice *dice)
{
    char name[64], out[2000], in[sizeof out];
    size_t size = 1 + draw(dice, sizeof out);
    snprintf(name, sizeof name, "stress-%ld-%u", syscall(SYS_gettid), draw(dice, 1000));
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    DONE(open, 0);
    MUST(fd >= 0);
    if (fd < 0)
        return;
    memset(out, (int)draw(dice, 256), size);
    ssize_t put = pwrite(fd, out, size, 100);
    DONE(pwrite, put > 0 ? put : 0);
    ssize_t got = pread(fd, in, sizeof in, 100);
    DONE(pread, got > 0 ? got : 0);
    MUST(put == (ssize_t)size && got == put && memcmp(in, out, size) == 0);
    let_go(fd);
    MUST(unlink(name) == 0);
}
