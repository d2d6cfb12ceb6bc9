/* Sockets: the rows of calls/sockets.def. Addresses go into the trace as they are, to be read
 * there.
 */
#include "preload/wrap.h"

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#include "preload/calls/sockets.def"

/* Id of an address that the kernel has accepted or written, 0 for none. */
static uint32_t address_id(enum address_role role, const void *address, socklen_t length)
{
    char entry[1 + sizeof(struct sockaddr_storage)] = {(char)role};
    if (!is_plausible(address) || length < sizeof(sa_family_t))
        return 0;
    if (length > sizeof entry - 1)
        length = sizeof entry - 1;
    memcpy(entry + 1, address, length);
    return definitions_intern(DEFINITION_ADDRESS, entry, length + 1);
}

EXPORT int socketpair(int family, int type, int protocol, int fds[2])
{
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_socketpair, 0) : 0;
    int answer = real.socketpair(family, type, protocol, fds);
    if (begun) {
        uint64_t word = RESULT_WORD_NUMBER(answer);
        if (answer == 0) {
            descriptor_learn(fds[0]);
            descriptor_learn(fds[1]);
        }
        call_end(NUMBER_socketpair, begun, word, F2(FAMILY, family, SOCKET_TYPE, type));
    }
    return answer;
}

/* Whether a bind or connect got as far as reading its address; behind the call. */
static int was_read(int answer, socklen_t length)
{
    return answer == 0 || (errno != EFAULT && errno != EBADF && errno != ENOTSOCK &&
                           length <= sizeof(struct sockaddr_storage));
}

/* bind and connect: what the descriptor is from now on; a connect may go on after EINPROGRESS. */
#define ADDRESS(name, role)                                                                        \
    EXPORT int name(int fd, const struct sockaddr *address, socklen_t length)                      \
    {                                                                                              \
        uint64_t begun =                                                                           \
            process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, descriptor_field(fd)) : 0;   \
        int answer = real.name(fd, address, length);                                               \
        if (begun) {                                                                               \
            uint64_t word = RESULT_WORD_NUMBER(answer);                                            \
            uint32_t peer =                                                                        \
                was_read(answer, length) ? address_id(ADDRESS_PEER, address, length) : 0;          \
            if (peer && (answer == 0 || errno == EINPROGRESS))                                     \
                descriptor_set(fd, address_id(role, address, length));                             \
            call_end(NUMBER_##name, begun, word, (uint64_t[]){descriptor_field(fd), peer}, 2);     \
        }                                                                                          \
        return answer;                                                                             \
    }
ADDRESS(bind, ADDRESS_BOUND)
ADDRESS(connect, ADDRESS_CONNECTED)

/* Who came is asked for in any case: the program may not want to know. */
static ALWAYS_INLINE int accepted(enum call_number number, int fd, struct sockaddr *address,
                                  socklen_t *length, int flags)
{
    struct sockaddr_storage mine;
    socklen_t my_length = sizeof mine;
    uint64_t fields[] = {descriptor_field(fd), 0};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(number, fields[0]) : 0;
    int asks = begun && !address;
    socklen_t room = begun && !asks && is_plausible(length) ? *length : 0;
    struct sockaddr *to = asks ? (struct sockaddr *)&mine : address;
    socklen_t *to_length = asks ? &my_length : length;
    int answer = number == NUMBER_accept ? real.accept(fd, to, to_length)
                                         : real.accept4(fd, to, to_length, flags);
    if (begun) {
        if (answer >= 0) {
            socklen_t known = asks ? my_length : *length < room ? *length : room;
            fields[1] = address_id(ADDRESS_PEER, to, known);
            descriptor_set(answer, address_id(ADDRESS_ACCEPTED, to, known));
        }
        call_end(number, begun, RESULT_WORD_FD(answer), fields, 2);
    }
    return answer;
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    return accepted(NUMBER_accept, fd, address, length, 0);
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return accepted(NUMBER_accept4, fd, address, length, flags);
}

EXPORT ssize_t sendto(int fd, const void *buffer, size_t size, int flags,
                      const struct sockaddr *address, socklen_t length)
{
    uint64_t fields[] = {descriptor_field(fd), size, 0};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_sendto, fields[0]) : 0;
    ssize_t answer = real.sendto(fd, buffer, size, flags, address, length);
    if (begun) {
        uint64_t word = RESULT_WORD_BYTES(answer);
        fields[2] = answer >= 0 ? address_id(ADDRESS_PEER, address, length) : 0;
        call_end(NUMBER_sendto, begun, word, fields, 3);
    }
    return answer;
}

#define RECEIVE_FROM(name, parameters, arguments)                                                  \
    EXPORT ssize_t name parameters                                                                 \
    {                                                                                              \
        uint64_t fields[] = {descriptor_field(fd), size, 0};                                       \
        uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, fields[0]) : 0; \
        socklen_t room = begun && address && is_plausible(length) ? *length : 0;                   \
        ssize_t answer = real.name arguments;                                                      \
        if (begun) {                                                                               \
            uint64_t word = RESULT_WORD_BYTES(answer);                                             \
            if (answer >= 0 && room)                                                               \
                fields[2] = address_id(ADDRESS_PEER, address, *length < room ? *length : room);    \
            call_end(NUMBER_##name, begun, word, fields, 3);                                       \
        }                                                                                          \
        return answer;                                                                             \
    }
RECEIVE_FROM(recvfrom,
             (int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
              socklen_t *length),
             (fd, buffer, size, flags, address, length))
RECEIVE_FROM(__recvfrom_chk,
             (int fd, void *buffer, size_t size, size_t room_there, int flags,
              struct sockaddr *address, socklen_t *length),
             (fd, buffer, size, room_there, flags, address, length))

static uint64_t size_of_message(const struct msghdr *message)
{
    uint64_t size = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    return size;
}

/* Descriptors that came with a message. */
static void learn_received(const struct msghdr *message)
{
    const char *control = message->msg_control;
    size_t size = control ? message->msg_controllen : 0, at = 0;
    struct cmsghdr part;
    while (at + sizeof part <= size) {
        memcpy(&part, control + at, sizeof part);
        if (part.cmsg_len < sizeof part || part.cmsg_len > size - at)
            return;
        for (size_t i = CMSG_LEN(0);
             part.cmsg_level == SOL_SOCKET && part.cmsg_type == SCM_RIGHTS &&
             i + sizeof(int) <= part.cmsg_len;
             i += sizeof(int)) {
            int fd;
            memcpy(&fd, control + at + i, sizeof fd);
            descriptor_learn(fd);
        }
        at += CMSG_ALIGN(part.cmsg_len);
    }
}

/* Of an address that had not enough room the kernel says how long it is, and writes a part. */
#define MESSAGE(name, type, is_received)                                                           \
    EXPORT ssize_t name(int fd, type *message, int flags)                                          \
    {                                                                                              \
        uint64_t fields[] = {descriptor_field(fd), 0, 0};                                          \
        uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, fields[0]) : 0; \
        socklen_t room = (socklen_t)-1;                                                            \
        if (is_received)                                                                           \
            room = begun && is_plausible(message) ? message->msg_namelen : 0;                      \
        ssize_t answer = real.name(fd, message, flags);                                            \
        if (begun) {                                                                               \
            uint64_t word = RESULT_WORD_BYTES(answer);                                             \
            if (answer >= 0) {                                                                     \
                socklen_t known = message->msg_namelen < room ? message->msg_namelen : room;       \
                fields[1] = size_of_message(message);                                              \
                fields[2] = address_id(ADDRESS_PEER, message->msg_name, known);                    \
                if (is_received)                                                                   \
                    learn_received(message);                                                       \
            }                                                                                      \
            call_end(NUMBER_##name, begun, word, fields, 3);                                       \
        }                                                                                          \
        return answer;                                                                             \
    }
MESSAGE(sendmsg, const struct msghdr, 0)
MESSAGE(recvmsg, struct msghdr, 1)

/* Bytes that the first `count` messages moved. */
static uint64_t moved(const struct mmsghdr *messages, int count)
{
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += messages[i].msg_len;
    return bytes;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    uint64_t fields[] = {descriptor_field(fd), count, 0};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_sendmmsg, fields[0]) : 0;
    int answer = real.sendmmsg(fd, messages, count, flags);
    if (begun) {
        uint64_t word = RESULT_WORD_NUMBER(answer);
        fields[2] = moved(messages, answer);
        call_end(NUMBER_sendmmsg, begun, word, fields, 3);
    }
    return answer;
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    uint64_t fields[] = {descriptor_field(fd), count, 0};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_recvmmsg, fields[0]) : 0;
    int answer = real.recvmmsg(fd, messages, count, flags, timeout);
    if (begun) {
        uint64_t word = RESULT_WORD_NUMBER(answer);
        fields[2] = moved(messages, answer);
        for (int i = 0; i < answer; i++)
            learn_received(&messages[i].msg_hdr);
        call_end(NUMBER_recvmmsg, begun, word, fields, 3);
    }
    return answer;
}
