/* See addresses.h. */
#include "collector/addresses.h"

#include "runtime/definitions.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* "127.0.0.1:80", "[::1]:80", "unix:/run/x", "unix:@name". */
static void show(char *text, size_t size, const struct sockaddr_storage *address, size_t length)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    const struct sockaddr_un *local = (const void *)address;
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET && length >= sizeof *v4) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address->ss_family == AF_INET6 &&
               length >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        size_t head = offsetof(struct sockaddr_un, sun_path);
        int path = length > head ? (int)(length - head) : 0;
        if (path && !local->sun_path[0])
            snprintf(text, size, "unix:@%.*s", path - 1, local->sun_path + 1);
        else
            snprintf(text, size, "unix:%.*s", path, local->sun_path);
    } else {
        snprintf(text, size, "address of family %u", address->ss_family);
    }
}

size_t address_show(char text[ADDRESS_TEXT], const char *entry, size_t size)
{
    static const char *const roles[] = {[ADDRESS_PEER] = "",
                                        [ADDRESS_CONNECTED] = "socket to ",
                                        [ADDRESS_ACCEPTED] = "socket from ",
                                        [ADDRESS_BOUND] = "socket at "};
    unsigned char role = (unsigned char)entry[0];
    struct sockaddr_storage address = {0};
    char shown[160];
    size = size - 1 < sizeof address ? size - 1 : sizeof address;
    memcpy(&address, entry + 1, size);
    show(shown, sizeof shown, &address, size);
    return (size_t)snprintf(text, ADDRESS_TEXT, "%s%s", role <= ADDRESS_BOUND ? roles[role] : "",
                            shown);
}
