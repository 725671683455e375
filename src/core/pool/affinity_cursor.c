/* Cursors. Those of one id at several servers hang in a chain from the one that is in the table. */
#include "core/pool/affinity_parts.h"

static struct cursor_place *first_of_id(const struct affinity *a, int64_t cursor)
{
    struct cursor_place *found = NULL;
    HASH_FIND(hh, a->cursors, &cursor, sizeof cursor, found);
    return found;
}

static struct cursor_place *find_place(const struct affinity *a, int64_t cursor, uint32_t server)
{
    struct cursor_place *c = first_of_id(a, cursor);
    while (c != NULL && c->known.server != server) {
        c = c->same;
    }
    return c;
}

void affinity_forget_cursor(struct affinity *a, struct cursor_place *c)
{
    struct cursor_place *first = first_of_id(a, c->known.id);
    if (first == c) {
        HASH_DEL(a->cursors, c);
        if (c->same != NULL) {
            HASH_ADD(hh, a->cursors, known.id, sizeof c->known.id, c->same);
        }
    } else {
        while (first->same != c) {
            first = first->same;
        }
        first->same = c->same;
    }
    list_remove(&c->by_use);
    list_remove(&c->of_owner);
    affinity_settle_owner(a, c->known.owner);
    a->cursor_count--;
    free(c->ns);
    free(c);
}

static void use(struct affinity *a, struct cursor_place *c, msec now)
{
    c->known.used = now;
    c->turn = ++a->uses;
    list_remove(&c->by_use);
    list_push_front(&a->cursors_by_use, &c->by_use);
}

/* Most often it is what is known already. */
static void set_ns(struct cursor_place *c, struct span ns)
{
    if (ns.size == 0 || (c->ns != NULL && span_equals(ns, c->known.ns))) {
        return;
    }
    free(c->ns);
    c->ns = xstrndup((const char *)ns.at, ns.size);
    c->known.ns = span_of(c->ns, ns.size);
}

static struct cursor_place *add_place(struct affinity *a, int64_t cursor)
{
    if (a->cursor_count == a->cursors_most) {
        affinity_forget_cursor(a, cursor_of(list_last(&a->cursors_by_use)));
    }
    struct cursor_place *c = xcalloc(1, sizeof *c);
    c->known.id = cursor;
    list_init(&c->by_use);
    list_init(&c->of_owner);
    a->cursor_count++;
    struct cursor_place *first = first_of_id(a, cursor);
    if (first == NULL) {
        HASH_ADD(hh, a->cursors, known.id, sizeof c->known.id, c);
    } else {
        c->same = first->same;
        first->same = c;
    }
    return c;
}

void affinity_on_cursor(struct affinity *a, const struct known_cursor *cursor, msec now)
{
    affinity_on_cursor_gone(a, cursor->id, cursor->server);
    struct cursor_place *c = add_place(a, cursor->id);
    c->known = *cursor;
    c->known.ns = span_of(NULL, 0);
    set_ns(c, cursor->ns);
    struct owner_place *owner = affinity_take_owner(a, cursor->owner);
    if (owner != NULL) {
        list_push_back(&owner->cursors, &c->of_owner);
    }
    use(a, c, now);
}

bool affinity_on_cursor_used(struct affinity *a, int64_t cursor, uint32_t server, struct span ns,
                             msec now)
{
    struct cursor_place *c = find_place(a, cursor, server);
    if (c == NULL) {
        return false;
    }
    set_ns(c, ns);
    use(a, c, now);
    return true;
}

void affinity_on_cursor_gone(struct affinity *a, int64_t cursor, uint32_t server)
{
    struct cursor_place *c = find_place(a, cursor, server);
    if (c != NULL) {
        affinity_forget_cursor(a, c);
    }
}

/* --- asked --- */

static bool is_namespace(struct span ns, const struct cursor_asked *asked)
{
    size_t dot = asked->database.size;
    return ns.size > dot && ns.at[dot] == '.' && span_equals(span_head(ns, dot), asked->database) &&
           span_equals(span_tail(ns, dot + 1), asked->collection);
}

static bool is_lsid(const struct known_cursor *c, const struct cursor_asked *asked)
{
    if (asked->lsid == NULL || !c->has_lsid) {
        return asked->lsid == NULL && !c->has_lsid;
    }
    return memcmp(c->lsid, asked->lsid, LSID_BYTES) == 0;
}

/* A server refuses a getMore of another namespace or lsid; the owner is a mere hint. */
static int likeness(const struct known_cursor *c, const struct cursor_asked *asked)
{
    return 4 * is_namespace(c->ns, asked) + 2 * is_lsid(c, asked) + (c->owner == asked->owner);
}

const struct known_cursor *affinity_find_cursor(const struct affinity *a,
                                                const struct cursor_asked *asked)
{
    const struct cursor_place *best = first_of_id(a, asked->id);
    if (best == NULL || best->same == NULL) {
        return best == NULL ? NULL : &best->known;
    }
    int most = likeness(&best->known, asked);
    for (const struct cursor_place *c = best->same; c != NULL; c = c->same) {
        int like = likeness(&c->known, asked);
        if (like > most || (like == most && c->turn > best->turn)) {
            best = c;
            most = like;
        }
    }
    return &best->known;
}

const struct known_cursor *affinity_next_cursor_of(const struct affinity *a, uint64_t owner,
                                                   const struct known_cursor *after)
{
    const struct owner_place *o = affinity_find_owner(a, owner);
    if (o == NULL) {
        return NULL;
    }
    struct list *link = o->cursors.next;
    if (after != NULL) {
        link = container_of(after, const struct cursor_place, known)->of_owner.next;
    }
    return link == &o->cursors ? NULL : &container_of(link, struct cursor_place, of_owner)->known;
}

/* --- looked at --- */

size_t affinity_cursors(const struct affinity *a)
{
    return a->cursor_count;
}

size_t affinity_cursors_at(const struct affinity *a, uint32_t server)
{
    size_t count = 0;
    list_for_each (link, &a->cursors_by_use) {
        count += cursor_of(link)->known.server == server;
    }
    return count;
}
