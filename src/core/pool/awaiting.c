#include "core/pool/awaiting.h"

static msec least_slice(const struct awaiting *a)
{
    return msec_earlier(a->most, AWAITING_SLICE_MS);
}

msec awaiting_give_up_at(const struct awaiting *a)
{
    bool is_short = a->most <= AWAITING_SLICE_MS;
    return msec_after(a->arrived, is_short ? a->most : a->most - AWAITING_SLICE_MS);
}

msec awaiting_slice(const struct awaiting *a, struct pool_awaiting pool, msec now)
{
    msec least = least_slice(a);
    msec left = a->arrived + a->most - now;
    if (pool.is_tight || left <= least) {
        return least;
    }
    size_t all = pool.held + pool.waiting;
    if (2 * all <= pool.slots) {
        return now - a->arrived < AWAITING_SLICE_MS ? a->most : left;
    }
    msec share = AWAITING_ROUND_MS * (msec)pool.slots / (msec)all;
    share = msec_earlier(share, AWAITING_ROUND_MS);
    return msec_earlier(left, share < least ? least : share);
}

bool awaiting_keeps(const struct awaiting *a, msec began, msec length, msec now)
{
    bool is_early = now - began < length / 2;
    return !is_early && now < awaiting_give_up_at(a);
}
