/* Every call of preload/calls/sockets.def: see expected.h. Everything stays on this machine. */
#define _GNU_SOURCE
#include "expected.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags,
                       struct sockaddr *address, socklen_t *length);

static char bytes[1000] = "0123456789", copy[1000];

#define ADDRESS(address) (struct sockaddr *)&(address)

/* The program's own address of a socket. */
static struct sockaddr_in own_address(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    expect(getsockname(fd, ADDRESS(address), &length) == 0, "getsockname");
    return address;
}

static const char *shown(const struct sockaddr_in *address)
{
    char *text = text_buffer();
    snprintf(text, 256, "127.0.0.1:%d", ntohs(address->sin_port));
    return text;
}

/* What a descriptor is, from now on, to somebody. */
static void becomes(int fd, const char *role, const char *whom)
{
    char text[256];
    snprintf(text, sizeof text, "socket %s %s", role, whom);
    paths[fd] = strdup(text);
}

static const struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_addr = {0x0100007f}};

static void make(int fd, int type, const char *type_shown)
{
    CALLS(socket, fd, (AF_INET, type | SOCK_CLOEXEC, 0), "'family':'AF_INET','type':'%s'",
          type_shown);
    learn(fd);
}

/* A stream: 3 listens, 4 and 5 connect, 6 and 7 are their other ends. */
static void streams(void)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int one = 1;
    make(3, SOCK_STREAM, "SOCK_STREAM");
    CALLS(setsockopt, 0, (3, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one),
          "%s,'level':%d,'option':%d", descriptor(3), SOL_SOCKET, SO_REUSEADDR);
    FAILS(setsockopt, ENOPROTOOPT, (3, IPPROTO_TCP, 9999, &one, sizeof one),
          "%s,'level':%d,'option':9999", descriptor(3), IPPROTO_TCP);
    CALLS(bind, 0, (3, ADDRESS(nowhere), sizeof nowhere), "%s,'peer':'127.0.0.1:0'",
          "'fd':3,'path':'socket at 127.0.0.1:0'");
    becomes(3, "at", "127.0.0.1:0");
    FAILS(bind, EINVAL, (3, ADDRESS(nowhere), sizeof nowhere), "%s,'peer':'127.0.0.1:0'",
          descriptor(3));
    CALLS(listen, 0, (3, 5), "%s,'number':5", descriptor(3));
    FAILS(listen, EBADF, (60, 5), "'fd':60,'number':5");
    struct sockaddr_in server = own_address(3);
    for (int fd = 4; fd < 6; fd++) {
        make(fd, SOCK_STREAM, "SOCK_STREAM");
        CALLS(connect, 0, (fd, ADDRESS(server), sizeof server),
              "'fd':%d,'path':'socket to %s','peer':'%s'", fd, shown(&server), shown(&server));
        becomes(fd, "to", shown(&server));
    }
    FAILS(connect, EISCONN, (4, ADDRESS(server), sizeof server), "%s,'peer':'%s'", descriptor(4),
          shown(&server));
    struct sockaddr_in first = own_address(4), second = own_address(5);
    CALLS(accept, 6, (3, NULL, NULL), "%s,'peer':'%s'", descriptor(3), shown(&first));
    becomes(6, "from", shown(&first));
    CALLS(accept4, 7, (3, ADDRESS(peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC), "%s,'peer':'%s'",
          descriptor(3), shown(&second));
    becomes(7, "from", shown(&second));
    expect(length == sizeof peer && peer.sin_port == second.sin_port, "accept4: who came");
    expect(fcntl(7, F_GETFL) & O_NONBLOCK, "accept4: its flags");
    EVENT("fcntl", "%s,'number':%d,'result':%d", descriptor(7), F_GETFL, O_RDWR | O_NONBLOCK);
    CALLS(fcntl, 0, (3, F_SETFL, O_NONBLOCK), "%s,'number':%d", descriptor(3), F_SETFL);
    FAILS(accept, EAGAIN, (3, NULL, NULL), "%s", descriptor(3));
    FAILS(accept4, EINVAL, (3, NULL, NULL, -1), "%s", descriptor(3));
}

static void stream_bytes(void)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    MOVES(send, 100, (4, bytes, 100, 0), "%s,'size':100", descriptor(4));
    MOVES(send, 100, (5, bytes, 100, MSG_NOSIGNAL), "%s,'size':100", descriptor(5));
    MOVES(recv, 60, (6, copy, 60, MSG_WAITALL), "%s,'size':60", descriptor(6));
    expect(memcmp(copy, bytes, 60) == 0, "recv: what came");
    MOVES(__recv_chk, 40, (6, copy, 41, sizeof copy, 0), "%s,'size':41", descriptor(6));
    MOVES(recvfrom, 30, (7, copy, 30, 0, NULL, NULL), "%s,'size':30", descriptor(7));
    MOVES(recvfrom, 70, (7, copy, 80, 0, ADDRESS(peer), &length), "%s,'size':80", descriptor(7));
    expect(length == 0, "recvfrom: a stream has no addresses");
    FAILS(recv, EAGAIN, (7, copy, 10, 0), "%s,'size':10", descriptor(7));
    MOVES(sendto, 10, (6, bytes, 10, 0, NULL, 0), "%s,'size':10", descriptor(6));
    CALLS(shutdown, 0, (6, SHUT_WR), "%s,'number':1", descriptor(6));
    FAILS(shutdown, EBADF, (60, SHUT_WR), "'fd':60,'number':1");
    MOVES(recv, 10, (4, copy, 99, 0), "%s,'size':99", descriptor(4));
    MOVES(recv, 0, (4, copy, 99, 0), "%s,'size':99", descriptor(4)); /* the end */
    FAILS(send, EPIPE, (6, bytes, 1, MSG_NOSIGNAL), "%s,'size':1", descriptor(6));
    for (int fd = 3; fd < 8; fd++)
        shut(fd);
}

/* Datagrams: from 3 to 4. */
static void datagrams(void)
{
    struct sockaddr_in peer;
    struct iovec parts[] = {{bytes, 7}, {bytes, 5}}, room[] = {{copy, 9}, {copy + 9, 90}};
    socklen_t length = sizeof peer;
    for (int fd = 3; fd < 5; fd++) {
        make(fd, SOCK_DGRAM, "SOCK_DGRAM");
        CALLS(bind, 0, (fd, ADDRESS(nowhere), sizeof nowhere),
              "'fd':%d,'path':'socket at 127.0.0.1:0','peer':'127.0.0.1:0'", fd);
        becomes(fd, "at", "127.0.0.1:0");
    }
    struct sockaddr_in here = own_address(3), there = own_address(4);
    struct msghdr out = {&there, sizeof there, parts, 2, NULL, 0, 0};
    struct msghdr in = {&peer, sizeof peer, room, 2, NULL, 0, 0};
    struct mmsghdr outs[] = {{out, 0}, {{&there, sizeof there, parts, 1, NULL, 0, 0}, 0}};
    struct mmsghdr ins[] = {{in, 0}, {in, 0}, {in, 0}};
    MOVES(sendto, 9, (3, bytes, 9, 0, ADDRESS(there), sizeof there), "%s,'size':9,'peer':'%s'",
          descriptor(3), shown(&there));
    MOVES(sendto, 0, (3, bytes, 0, 0, ADDRESS(there), sizeof there), "%s,'size':0,'peer':'%s'",
          descriptor(3), shown(&there));
    MOVES(recvfrom, 9, (4, copy, 50, 0, ADDRESS(peer), &length), "%s,'size':50,'peer':'%s'",
          descriptor(4), shown(&here));
    expect(length == sizeof peer && peer.sin_port == here.sin_port, "recvfrom: who");
    MOVES(__recvfrom_chk, 0, (4, copy, 50, sizeof copy, 0, ADDRESS(peer), &length),
          "%s,'size':50,'peer':'%s'", descriptor(4), shown(&here));
    FAILS(recvfrom, EAGAIN, (4, copy, 50, MSG_DONTWAIT, ADDRESS(peer), &length), "%s,'size':50",
          descriptor(4));
    MOVES(sendmsg, 12, (3, &out, 0), "%s,'size':12,'peer':'%s'", descriptor(3), shown(&there));
    MOVES(recvmsg, 12, (4, &in, 0), "%s,'size':99,'peer':'%s'", descriptor(4), shown(&here));
    expect(memcmp(copy + 7, bytes, 5) == 0 && peer.sin_port == here.sin_port, "recvmsg");
    FAILS(recvmsg, EAGAIN, (4, &in, MSG_DONTWAIT), "%s,'size':0", descriptor(4));
    CALLS(sendmmsg, 2, (3, outs, 2, 0), "%s,'count':2,'size':19", descriptor(3));
    CALLS(recvmmsg, 2, (4, ins, 3, MSG_DONTWAIT, NULL), "%s,'count':3,'size':19", descriptor(4));
    expect(ins[0].msg_len == 12 && ins[1].msg_len == 7, "recvmmsg: lengths");
    FAILS(recvmmsg, EAGAIN, (4, ins, 3, MSG_DONTWAIT, NULL), "%s,'count':3,'size':0",
          descriptor(4));
    FAILS(sendmmsg, EBADF, (60, outs, 2, 0), "'fd':60,'count':2,'size':0");
    FAILS(sendmsg, EMSGSIZE,
          (3,
           (&(struct msghdr){&there, sizeof there, &(struct iovec){bytes, 1 << 17}, 1, NULL, 0, 0}),
           0),
          "%s,'size':0", descriptor(3));
    shut(3);
    shut(4);
}

/* Local sockets, and a descriptor that comes with a message. */
static void local(void)
{
    struct sockaddr_un name = {AF_UNIX, "socket"}, hidden = {AF_UNIX, "\0hidden"}, peer;
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = "", got[sizeof control];
    socklen_t head = offsetof(struct sockaddr_un, sun_path), length = 4;
    int fds[2] = {-5, -5};
    CALLS(socketpair, 0, (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
          "'family':'AF_UNIX','type':'SOCK_STREAM'");
    expect(fds[0] == 3 && fds[1] == 4, "socketpair");
    learn(3);
    learn(4);
    OPENS(open, 5, "/dev/null", ("/dev/null", O_RDONLY), "'path':'/dev/null','flags':'O_RDONLY'");
    struct msghdr out = {NULL, 0, &(struct iovec){bytes, 3}, 1, control, sizeof control, 0};
    struct msghdr in = {NULL, 0, &(struct iovec){copy, 30}, 1, got, sizeof got, 0};
    struct cmsghdr *part = CMSG_FIRSTHDR(&out);
    *part = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(part), (int[]){5}, sizeof(int));
    MOVES(sendmsg, 3, (3, &out, 0), "%s,'size':3", descriptor(3));
    MOVES(recvmsg, 3, (4, &in, 0), "%s,'size':30", descriptor(4));
    expect(in.msg_controllen == sizeof got && *(int *)CMSG_DATA(CMSG_FIRSTHDR(&in)) == 6, "6 came");
    paths[6] = "/dev/null";
    for (int fd = 3; fd < 7; fd++)
        shut(fd);
    FAILS(socketpair, EOPNOTSUPP, (AF_INET, SOCK_STREAM, 0, fds),
          "'family':'AF_INET','type':'SOCK_STREAM'");
    FAILS(socket, EAFNOSUPPORT, (999, SOCK_STREAM, 0), "'family':999,'type':'SOCK_STREAM'");
    for (int fd = 3; fd < 5; fd++) {
        CALLS(socket, fd, (AF_UNIX, SOCK_DGRAM, 0), "'family':'AF_UNIX','type':'SOCK_DGRAM'");
        learn(fd);
    }
    FAILS(connect, ENOENT, (4, ADDRESS(name), sizeof name), "%s,'peer':'unix:socket'",
          descriptor(4));
    CALLS(bind, 0, (3, ADDRESS(name), sizeof name),
          "'fd':3,'path':'socket at unix:socket','peer':'unix:socket'");
    becomes(3, "at", "unix:socket");
    CALLS(bind, 0, (4, ADDRESS(hidden), head + 7),
          "'fd':4,'path':'socket at unix:@hidden','peer':'unix:@hidden'");
    becomes(4, "at", "unix:@hidden");
    MOVES(sendto, 8, (4, bytes, 8, 0, ADDRESS(name), sizeof name),
          "%s,'size':8,'peer':'unix:socket'", descriptor(4));
    memset(&peer, 'x', sizeof peer);
    struct msghdr cut = {&peer, 5, &(struct iovec){copy, 30}, 1, NULL, 0, 0}; /* room for "\0hi" */
    MOVES(recvmsg, 8, (3, &cut, 0), "%s,'size':30,'peer':'unix:@hi'", descriptor(3));
    expect(cut.msg_namelen == head + 7 && peer.sun_path[3] == 'x', "recvmsg: an address is cut");
    MOVES(sendto, 8, (4, bytes, 8, 0, ADDRESS(name), sizeof name),
          "%s,'size':8,'peer':'unix:socket'", descriptor(4));
    MOVES(recvfrom, 8, (3, copy, 30, 0, ADDRESS(peer), &length), "%s,'size':30,'peer':'unix:@h'",
          descriptor(3));
    expect(length == head + 7, "recvfrom: an address is cut");
    shut(3);
    shut(4);
}

static void names(void)
{
    struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
    char host[64], service[16];
    expect(getaddrinfo("127.0.0.1", "80", &numeric, &found) == 0, "getaddrinfo");
    EVENT("getaddrinfo", "'name':'127.0.0.1','service':'80','result':0");
    expect(((struct sockaddr_in *)found->ai_addr)->sin_port == htons(80), "what it found");
    expect(getaddrinfo("no number", NULL, &numeric, &found) == EAI_NONAME, "getaddrinfo fails");
    EVENT("getaddrinfo", "'name':'no number','result':%d", EAI_NONAME);
    CALLS(
        getnameinfo, 0,
        (ADDRESS(nowhere), sizeof nowhere, host, 64, service, 16, NI_NUMERICHOST | NI_NUMERICSERV),
        "");
    expect(strcmp(host, "127.0.0.1") == 0 && strcmp(service, "0") == 0, "getnameinfo: its answer");
    CALLS(getnameinfo, EAI_FAMILY, (ADDRESS(nowhere), 3, host, 64, NULL, 0, 0), "");
}

static void wrong_pointers(void)
{
    void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EVENT("mmap", "'size':4096,'fd':-1,'offset':0,'result':'%p'", gone);
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    make(3, SOCK_DGRAM, "SOCK_DGRAM");
    for (int i = 0; i < 4; i++) {
        void *wrong = i < 3 ? bad_pointers[i] : gone;
        FAILS(connect, EFAULT, (3, wrong, 16), "%s", descriptor(3));
        FAILS(connect, EBADF, (60, wrong, 16), "'fd':60");
        FAILS(bind, ENOTSOCK, (0, wrong, 16), "%s", descriptor(0));
        FAILS(bind, EFAULT, (3, wrong, 16), "%s", descriptor(3));
        FAILS(bind, EINVAL, (3, wrong, 4000), "%s", descriptor(3));
        FAILS(bind, EINVAL, (3, wrong, (socklen_t)-1), "%s", descriptor(3));
        FAILS(sendmsg, EFAULT, (3, wrong, 0), "%s,'size':0", descriptor(3));
        FAILS(sendmmsg, EFAULT, (3, wrong, 1, 0), "%s,'count':1,'size':0", descriptor(3));
        FAILS(recvmmsg, EFAULT, (3, wrong, 1, 0, NULL), "%s,'count':1,'size':0", descriptor(3));
        FAILS(socketpair, EFAULT, (AF_UNIX, SOCK_STREAM, 0, wrong),
              "'family':'AF_UNIX','type':'SOCK_STREAM'");
        FAILS(setsockopt, EFAULT, (3, SOL_SOCKET, SO_REUSEADDR, wrong, 4),
              "%s,'level':1,'option':2", descriptor(3));
        if (i == 3)
            break;
        FAILS(recvmsg, EFAULT, (3, wrong, 0), "%s,'size':0", descriptor(3));
        if (wrong)
            FAILS(sendto, EFAULT, (3, bytes, 1, 0, wrong, 16), "%s,'size':1", descriptor(3));
        FAILS(accept, EBADF, (60, ADDRESS(peer), wrong), "'fd':60");
        FAILS(accept, EBADF, (60, wrong, &length), "'fd':60");
    }
}

int main(void)
{
    surface_begin();
    learn(0);
    streams();
    stream_bytes();
    datagrams();
    local();
    names();
    wrong_pointers();
    return 0;
}
