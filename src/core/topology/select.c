/* 1. The read preference is checked as a mongos checks it.
 * 2. The topology's kind and the mode name candidates; staleness, then tags, thin them out.
 * 3. Of those in the latency window two are picked at random, and the less busy one is taken; or
 *    always the same one, when that is asked for.
 * Excluded servers come into question only when the first try without them finds none. */
#include "core/topology/select.h"

#include <bson/bson.h>
#include <stdio.h>
#include <string.h>

#include "base/require.h"
#include "core/wire/codes.h"

enum { SMALLEST_STALENESS_SECONDS = 90, IDLE_WRITE_PERIOD_SECONDS = 10 };

struct candidates {
    const struct server *at[TOPOLOGY_SERVERS_MOST];
    size_t count;
};

/* One call to select_server. */
struct choice {
    const struct topology *t;
    const struct selection *want;
    bool with_excluded;
};

static void add_candidate(struct candidates *c, const struct server *s)
{
    require(c->count < TOPOLOGY_SERVERS_MOST);
    c->at[c->count++] = s;
}

/* --- the read preference --- */

static bool is_empty_document(const bson_iter_t *at)
{
    const uint8_t *bytes;
    uint32_t size;
    if (!BSON_ITER_HOLDS_DOCUMENT(at)) {
        return false;
    }
    bson_iter_document(at, &size, &bytes);
    return size <= 5;
}

/* Neither absent, nor `[]`, nor `[{}]`. */
static bool has_tags(struct span tags)
{
    bson_t list;
    bson_iter_t set;
    if (tags.size < 5 || !bson_init_static(&list, tags.at, tags.size) ||
        !bson_iter_init(&set, &list) || !bson_iter_next(&set)) {
        return false;
    }
    return !is_empty_document(&set) || bson_iter_next(&set);
}

static enum select_outcome refuse(struct select_refusal *refusal, int32_t code, const char *text)
{
    if (refusal != NULL) {
        refusal->code = code;
        snprintf(refusal->text, sizeof refusal->text, "%s", text);
    }
    return SELECT_INVALID;
}

static enum select_outcome check(const struct choice *c, struct select_refusal *refusal)
{
    const struct selection *want = c->want;
    int64_t seconds = want->max_staleness_seconds;
    if (want->is_write) {
        return SELECT_NONE;
    }
    if (want->mode == READ_PRIMARY && has_tags(want->tags)) {
        return refuse(refusal, CODE_BAD_VALUE,
                      "Only empty tags are allowed with primary read preference");
    }
    if (seconds <= 0) {
        return SELECT_NONE;
    }
    if (want->mode == READ_PRIMARY) {
        return refuse(refusal, CODE_BAD_VALUE,
                      "maxStalenessSeconds can not be set for the primary mode");
    }
    /* Max staleness: other kinds do not look at the value; a server that does refuses it itself. */
    enum topology_kind kind = topology_kind(c->t);
    if (kind != TOPOLOGY_RS_NO_PRIMARY && kind != TOPOLOGY_RS_WITH_PRIMARY) {
        return SELECT_NONE;
    }
    int64_t heartbeat = topology_options(c->t)->heartbeat_frequency;
    if (seconds < SMALLEST_STALENESS_SECONDS) {
        return refuse(refusal, CODE_MAX_STALENESS_OUT_OF_RANGE,
                      "maxStalenessSeconds must be at least 90 seconds");
    }
    if (seconds <= INT64_MAX / 1000 &&
        seconds * 1000 < heartbeat + SECONDS(IDLE_WRITE_PERIOD_SECONDS)) {
        return refuse(
            refusal, CODE_MAX_STALENESS_OUT_OF_RANGE,
            "maxStalenessSeconds must be at least the heartbeat frequency plus 10 seconds");
    }
    return SELECT_NONE;
}

/* --- candidates --- */

static bool is_excluded(const struct choice *c, const struct server *s)
{
    for (size_t i = 0; !c->with_excluded && i < c->want->excluded_count; i++) {
        if (c->want->excluded[i] == s->id) {
            return true;
        }
    }
    return false;
}

static void gather(const struct choice *c, enum server_type type, struct candidates *found)
{
    for (size_t i = 0; i < topology_count(c->t); i++) {
        const struct server *s = topology_at(c->t, i);
        if (s->description.type == type && !is_excluded(c, s)) {
            add_candidate(found, s);
        }
    }
}

/* --- staleness --- */

static const struct server *known_primary(const struct topology *t)
{
    uint32_t id = topology_primary(t);
    return id == 0 ? NULL : topology_server(t, id);
}

static int64_t freshest_write(const struct topology *t)
{
    int64_t freshest = INT64_MIN;
    for (size_t i = 0; i < topology_count(t); i++) {
        const struct server_description *d = &topology_at(t, i)->description;
        if (d->type == SERVER_RS_SECONDARY && d->has_last_write && d->last_write_ms > freshest) {
            freshest = d->last_write_ms;
        }
    }
    return freshest;
}

/* Max staleness: how far a secondary may be behind, in ms. Saturates: the dates are the servers'.
 */
static int64_t staleness_of(const struct topology *t, const struct server *s)
{
    const struct server *primary = known_primary(t);
    int64_t heartbeat = topology_options(t)->heartbeat_frequency;
    int64_t behind;
    if (!s->description.has_last_write) {
        return INT64_MAX;
    }
    int64_t reference = primary != NULL ? primary->description.last_write_ms : freshest_write(t);
    if (__builtin_sub_overflow(reference, s->description.last_write_ms, &behind) ||
        __builtin_add_overflow(behind, heartbeat, &behind)) {
        return reference > s->description.last_write_ms ? INT64_MAX : 0;
    }
    /* (S.lastUpdate - S.lastWrite) - (P.lastUpdate - P.lastWrite) */
    msec later = primary != NULL ? s->updated_at - primary->updated_at : 0;
    if (__builtin_add_overflow(behind, later, &behind)) {
        return INT64_MAX;
    }
    return behind;
}

static void drop_stale(const struct choice *c, struct candidates *found)
{
    int64_t seconds = c->want->max_staleness_seconds;
    if (seconds <= 0 || seconds > INT64_MAX / 1000) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct server *s = found->at[i];
        if (s->description.type != SERVER_RS_SECONDARY || staleness_of(c->t, s) <= seconds * 1000) {
            found->at[kept++] = s;
        }
    }
    found->count = kept;
}

/* --- tags --- */

static bool has_tag(const struct server_description *d, const char *name, const char *value)
{
    for (size_t i = 0; i < d->tag_count; i++) {
        if (strcmp(d->tags[i].name, name) == 0 && strcmp(d->tags[i].value, value) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the server has every tag of the set, a document. */
static bool matches_set(const struct server_description *d, const bson_iter_t *set)
{
    bson_iter_t tag;
    if (!BSON_ITER_HOLDS_DOCUMENT(set) || !bson_iter_recurse(set, &tag)) {
        return false;
    }
    while (bson_iter_next(&tag)) {
        if (!BSON_ITER_HOLDS_UTF8(&tag) ||
            !has_tag(d, bson_iter_key(&tag), bson_iter_utf8(&tag, NULL))) {
            return false;
        }
    }
    return true;
}

/* The first set that matches any candidate decides; a list of which none matches leaves nobody. */
static void keep_tagged(const struct choice *c, struct candidates *found)
{
    bson_t list;
    bson_iter_t set;
    if (!has_tags(c->want->tags) ||
        !bson_init_static(&list, c->want->tags.at, c->want->tags.size) ||
        !bson_iter_init(&set, &list)) {
        return;
    }
    struct candidates matching = {.count = 0};
    while (matching.count == 0 && bson_iter_next(&set)) {
        for (size_t i = 0; i < found->count; i++) {
            if (matches_set(&found->at[i]->description, &set)) {
                add_candidate(&matching, found->at[i]);
            }
        }
    }
    *found = matching;
}

/* --- by kind and mode --- */

static void gather_secondaries(const struct choice *c, struct candidates *found)
{
    gather(c, SERVER_RS_SECONDARY, found);
    drop_stale(c, found);
    keep_tagged(c, found);
}

static void gather_members(const struct choice *c, struct candidates *found)
{
    switch (c->want->is_write ? READ_PRIMARY : c->want->mode) {
    case READ_PRIMARY:
        gather(c, SERVER_RS_PRIMARY, found);
        break;
    case READ_PRIMARY_PREFERRED:
        gather(c, SERVER_RS_PRIMARY, found);
        if (found->count == 0) {
            gather_secondaries(c, found);
        }
        break;
    case READ_SECONDARY:
        gather_secondaries(c, found);
        break;
    case READ_SECONDARY_PREFERRED:
        gather_secondaries(c, found);
        if (found->count == 0) {
            gather(c, SERVER_RS_PRIMARY, found);
        }
        break;
    case READ_NEAREST:
        gather(c, SERVER_RS_PRIMARY, found);
        gather(c, SERVER_RS_SECONDARY, found);
        drop_stale(c, found);
        keep_tagged(c, found);
        break;
    }
}

static void gather_all(const struct choice *c, struct candidates *found)
{
    switch (topology_kind(c->t)) {
    case TOPOLOGY_UNKNOWN:
        break;
    case TOPOLOGY_SINGLE:
    case TOPOLOGY_LOAD_BALANCED:
        for (size_t i = 0; i < topology_count(c->t); i++) {
            if (topology_is_usable(c->t, topology_at(c->t, i)->id)) {
                add_candidate(found, topology_at(c->t, i));
            }
        }
        break;
    case TOPOLOGY_SHARDED:
        gather(c, SERVER_MONGOS, found);
        break;
    case TOPOLOGY_RS_NO_PRIMARY:
    case TOPOLOGY_RS_WITH_PRIMARY:
        gather_members(c, found);
        break;
    }
}

/* --- latency and load --- */

/* A server that was never measured counts as far away. */
static double distance(const struct server *s)
{
    return s->rtt.samples > 0 ? s->rtt.average_ms : 1e12;
}

static void keep_near(const struct choice *c, struct candidates *found)
{
    double least = 1e12;
    for (size_t i = 0; i < found->count; i++) {
        double ms = distance(found->at[i]);
        least = ms < least ? ms : least;
    }
    double most = least + (double)topology_options(c->t)->local_threshold;
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        if (distance(found->at[i]) <= most) {
            found->at[kept++] = found->at[i];
        }
    }
    found->count = kept;
}

static const struct server *pick(const struct choice *c, const struct candidates *found)
{
    const struct selection *want = c->want;
    uint64_t low = want->random & UINT32_MAX;
    uint64_t high = want->random >> 32;
    const struct server *first = found->at[low % found->count];
    if (found->count == 1 || want->operations == NULL) {
        return first;
    }
    size_t step = 1 + (size_t)(high % (found->count - 1));
    const struct server *second = found->at[(low % found->count + step) % found->count];
    return want->operations(want->owner, second->id) < want->operations(want->owner, first->id)
               ? second
               : first;
}

static const struct server *first_by_address(const struct candidates *found)
{
    const struct server *first = found->at[0];
    for (size_t i = 1; i < found->count; i++) {
        first = strcmp(found->at[i]->address, first->address) < 0 ? found->at[i] : first;
    }
    return first;
}

enum select_outcome select_server(const struct topology *t, const struct selection *want,
                                  uint32_t *out, struct select_refusal *refusal)
{
    struct choice c = {.t = t, .want = want};
    if (check(&c, refusal) == SELECT_INVALID) {
        return SELECT_INVALID;
    }
    struct candidates found = {.count = 0};
    gather_all(&c, &found);
    if (found.count == 0 && want->excluded_count > 0) {
        c.with_excluded = true;
        gather_all(&c, &found);
    }
    if (found.count == 0) {
        return SELECT_NONE;
    }
    if (want->is_fixed) {
        *out = first_by_address(&found)->id;
        return SELECT_FOUND;
    }
    keep_near(&c, &found);
    *out = pick(&c, &found)->id;
    return SELECT_FOUND;
}
