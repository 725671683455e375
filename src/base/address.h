/* Where a listener stands or a dial goes: an IPv4 or IPv6 address with a port, or a Unix socket
 * path. Never a name: names are resolved before an address exists. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum address_family { ADDRESS_NONE, ADDRESS_IPV4, ADDRESS_IPV6, ADDRESS_UNIX };

struct address {
    enum address_family family;
    uint16_t port;  /* host order; 0 for ADDRESS_UNIX, or "any" for a listener */
    uint8_t ip[16]; /* network order; the first 4 bytes for IPv4 */
    uint32_t scope; /* IPv6, link-local: the interface's index; else 0 */
    char path[108]; /* ADDRESS_UNIX */
};

enum { ADDRESS_TEXT_SIZE = 112 };

/* Reads "1.2.3.4:80", "[::1]:80", "1.2.3.4", "::1" (then with `default_port`) or "/path.sock".
 * False when it is none of these, a host name for instance. */
bool address_parse(const char *text, uint16_t default_port, struct address *out);

/* Writes the form that address_parse reads; returns `text`. */
const char *address_print(const struct address *a, char text[ADDRESS_TEXT_SIZE]);

bool address_equals(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *a);

#endif
