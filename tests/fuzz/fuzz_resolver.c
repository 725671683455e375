/* Any bytes as the spelling of a resolver: what is accepted can be asked, and reads the same when
 * it is written out. */
#include "core/dns/resolver.h"
#include "target.h"

static void check(const struct resolver *r)
{
    struct resolver again;
    struct error why;
    require(r->address.family == ADDRESS_IPV4 || r->address.family == ADDRESS_IPV6);
    require(r->address.port != 0);
    require((r->host_name != NULL) == (r->kind != RESOLVER_PLAIN));
    require((r->path != NULL) == (r->kind == RESOLVER_HTTPS));
    require(resolver_parse(r->text, RESOLVER_LISTED, &again, &why) == STATUS_OK);
    require(strcmp(r->text, again.text) == 0 && r->kind == again.kind);
    require(address_equals(&r->address, &again.address));
    resolver_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct resolver r;
    struct error why = {.text = ""};
    char *text = xstrndup((const char *)bytes, size);
    if (resolver_parse(text, RESOLVER_FALLBACK, &r, &why) == STATUS_OK) {
        check(&r);
        resolver_clear(&r);
    } else {
        require(why.status == STATUS_BAD_INPUT && why.text[0] != '\0');
    }
    free(text);
    return 0;
}
