/* Another request in the place of one that is held whole. */
#include <stdlib.h>

#include "base/require.h"
#include "core/wire/request_edit.h"
#include "proxy/exchange_parts.h"
#include "proxy/proxy.h"

void exchange_replace_request(struct exchange *x, uint8_t *bytes, size_t size)
{
    free(x->flat_owned);
    x->flat_owned = bytes;
    x->flat = span_of(bytes, size);
    require(inspect_request(x->flat, &x->facts, &x->fault) == INSPECT_COMPLETE);
}

bool exchange_set_read_preference(struct exchange *x, enum read_mode mode)
{
    size_t size;
    uint8_t *bytes = x->is_held_whole ? request_with_read_preference(x->flat, mode, &size) : NULL;
    if (bytes != NULL) {
        exchange_replace_request(x, bytes, size);
    }
    return bytes != NULL;
}

void exchange_prefer(struct exchange *x)
{
    enum read_mode mode = (enum read_mode)x->proxy->settings->listen.default_read_preference;
    if (mode != READ_PRIMARY && facts_takes_default_preference(&x->facts)) {
        exchange_set_read_preference(x, mode);
    }
}
