/* By transport, since what blocks one of them seldom blocks the next; within it first one address
 * of each operator. The addresses and names are the operators' own. */
#include "core/dns/resolver.h"

#include <string.h>
#include <strings.h>

const char *const resolver_public[] = {
    "8.8.8.8",
    "1.1.1.1",
    "9.9.9.9",
    "8.8.4.4",
    "1.0.0.1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2620:fe::fe",
    "tls://8.8.8.8#dns.google",
    "tls://1.1.1.1#one.one.one.one",
    "tls://9.9.9.9#dns.quad9.net",
    "tls://[2001:4860:4860::8888]#dns.google",
    "tls://[2606:4700:4700::1111]#one.one.one.one",
    "tls://[2620:fe::fe]#dns.quad9.net",
    "https://8.8.8.8/dns-query#dns.google",
    "https://1.1.1.1/dns-query#cloudflare-dns.com",
    "https://9.9.9.9/dns-query#dns.quad9.net",
    "https://[2001:4860:4860::8888]/dns-query#dns.google",
    "https://[2606:4700:4700::1111]/dns-query#cloudflare-dns.com",
    "https://[2620:fe::fe]/dns-query#dns.quad9.net",
    NULL,
};

bool resolver_public_can_know(const char *name)
{
    /* RFC 6761, 6762, 7686, 8375, 9476, and ICANN's choice of 2024. */
    static const char *const private[] = {".local", ".internal",  ".localhost", ".invalid",
                                          ".onion", ".home.arpa", ".alt"};
    size_t size = strlen(name);
    size -= size > 0 && name[size - 1] == '.';
    if (memchr(name, '.', size) == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
        size_t end = strlen(private[i]);
        if (size > end && strncasecmp(name + size - end, private[i], end) == 0) {
            return false;
        }
    }
    return true;
}
