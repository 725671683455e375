/* A hash table by identity; those without a connection stand in a list as well, in the order in
 * which their grace ends. */
#include "core/pool/peers.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/require.h"

#define uthash_malloc(size)       xmalloc(size)
#define uthash_free(memory, size) free(memory)
#define uthash_fatal(message)     require_failed(message, __FILE__, __LINE__, __func__)
#include <uthash.h>

struct peer {
    uint64_t identity;
    size_t connections;
    msec in_doubt_until; /* we closed one of its connections not long ago */
    msec vanishes_at;
    struct list leaving; /* without a connection */
    UT_hash_handle hh;
};

struct peers {
    size_t most;
    msec grace;
    struct peer *all;
    struct list leaving;
    size_t leaving_count;
};

/* FNV-1a. */
uint64_t peers_identity(const struct span *parts, size_t count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < parts[i].size; j++) {
            hash = (hash ^ parts[i].at[j]) * UINT64_C(1099511628211);
        }
        hash = (hash ^ parts[i].size) * UINT64_C(1099511628211);
    }
    hash &= ~UINT64_C(1);
    return hash == 0 ? 2 : hash;
}

struct peers *peers_new(size_t most, msec grace)
{
    struct peers *p = xcalloc(1, sizeof *p);
    p->most = most;
    p->grace = grace;
    list_init(&p->leaving);
    return p;
}

static struct peer *find(const struct peers *p, uint64_t identity)
{
    struct peer *found = NULL;
    HASH_FIND(hh, p->all, &identity, sizeof identity, found);
    return found;
}

static struct peer *leaving_of(struct list *link)
{
    return container_of(link, struct peer, leaving);
}

static void forget(struct peers *p, struct peer *peer)
{
    if (peer->connections == 0 && !list_is_empty(&peer->leaving)) {
        list_remove(&peer->leaving);
        p->leaving_count--;
    }
    HASH_DEL(p->all, peer);
    free(peer);
}

void peers_free(struct peers *p)
{
    struct peer *peer;
    struct peer *next;
    if (p == NULL) {
        return;
    }
    HASH_ITER(hh, p->all, peer, next)
    {
        forget(p, peer);
    }
    free(p);
}

static struct peer *take(struct peers *p, uint64_t identity)
{
    struct peer *peer = find(p, identity);
    if (peer == NULL) {
        peer = xcalloc(1, sizeof *peer);
        peer->identity = identity;
        list_init(&peer->leaving);
        HASH_ADD(hh, p->all, identity, sizeof peer->identity, peer);
    }
    return peer;
}

void peers_on_joined(struct peers *p, uint64_t identity)
{
    if (identity == 0) {
        return;
    }
    struct peer *peer = take(p, identity);
    if (!list_is_empty(&peer->leaving)) {
        list_remove(&peer->leaving);
        p->leaving_count--;
    }
    peer->connections++;
}

static void begin_grace(struct peers *p, struct peer *peer, msec now)
{
    if (p->leaving_count >= p->most && p->leaving_count > 0) {
        forget(p, leaving_of(list_first(&p->leaving)));
    }
    bool is_alone = peers_is_alone(peer->identity);
    peer->vanishes_at = is_alone ? now : now + p->grace;
    if (is_alone) {
        list_push_front(&p->leaving, &peer->leaving);
    } else {
        list_push_back(&p->leaving, &peer->leaving);
    }
    p->leaving_count++;
}

void peers_on_left(struct peers *p, uint64_t identity, bool by_itself, msec now)
{
    struct peer *peer = identity == 0 ? NULL : find(p, identity);
    if (peer == NULL) {
        return;
    }
    require(peer->connections > 0);
    peer->connections--;
    if (!by_itself) {
        peer->in_doubt_until = now + PEERS_DOUBT;
    }
    if (peer->connections > 0) {
        return;
    }
    bool is_alone = peers_is_alone(identity);
    if (is_alone || (p->grace > 0 && peer->in_doubt_until <= now)) {
        begin_grace(p, peer, now);
    } else {
        forget(p, peer);
    }
}

void peers_on_left_behind(struct peers *p, uint64_t identity, msec now)
{
    if (identity == 0 || find(p, identity) != NULL ||
        (p->grace == 0 && !peers_is_alone(identity))) {
        return; /* it is here, or what it left will be looked at when its grace ends */
    }
    begin_grace(p, take(p, identity), now);
}

bool peers_next_vanished(struct peers *p, msec now, uint64_t *identity)
{
    struct list *first = list_first(&p->leaving);
    if (first == NULL || leaving_of(first)->vanishes_at > now) {
        return false;
    }
    *identity = leaving_of(first)->identity;
    forget(p, leaving_of(first));
    return true;
}

msec peers_deadline(const struct peers *p)
{
    struct list *first = list_first(&p->leaving);
    return first == NULL ? MSEC_NEVER : leaving_of(first)->vanishes_at;
}

bool peers_is_here(const struct peers *p, uint64_t identity)
{
    const struct peer *peer = find(p, identity);
    return peer != NULL && peer->connections > 0;
}

size_t peers_count(const struct peers *p)
{
    return HASH_COUNT(p->all);
}
