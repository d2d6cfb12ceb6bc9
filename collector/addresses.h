/* What the address of a socket looks like. */
#ifndef VT_COLLECTOR_ADDRESSES_H
#define VT_COLLECTOR_ADDRESSES_H

#include <stddef.h>

enum { ADDRESS_TEXT = 192 };

/* "127.0.0.1:80", "socket from [::1]:80", "socket at unix:/run/x": of a DEFINITION_ADDRESS, `size`
 * bytes, at least two: the role, and a sockaddr as far as it is known. Returns the length. */
size_t address_show(char text[ADDRESS_TEXT], const char *entry, size_t size);

#endif
