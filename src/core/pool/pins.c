/* A pin per backend, found by the index of its id; its cursors and its transactions hang on it, and
 * are found by their own keys in two hash tables. A pin without either is freed at once. */
#include "core/pool/pins.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/require.h"

#define uthash_malloc(size)       xmalloc(size)
#define uthash_free(memory, size) free(memory)
#define uthash_fatal(message)     require_failed(message, __FILE__, __LINE__, __func__)
#include <uthash.h>

/* The next cursor of a backend that has so many takes the place of its oldest. */
enum { CURSORS_OF_ONE_MOST = 1000 };

struct pin {
    struct backend_id backend;
    struct list by_use;
    struct list cursors; /* the oldest first */
    size_t cursor_count;
    struct list transactions;
    msec used;
};

struct pinned_cursor {
    int64_t id;
    struct pin *pin;
    bool is_in_transaction;
    uint8_t lsid[LSID_BYTES]; /* of that transaction */
    struct list link;
    UT_hash_handle hh;
};

struct pinned_transaction {
    uint8_t lsid[LSID_BYTES];
    int64_t number;
    struct pin *pin;
    struct list link;
    UT_hash_handle hh;
};

struct pins {
    size_t most;
    msec idle_most;
    struct pin **by_index;
    size_t room;
    size_t count;
    size_t with_transactions;
    size_t may_pin;
    struct list by_use; /* the last used first */
    struct pinned_cursor *cursors;
    struct pinned_transaction *transactions;
};

struct pins *pins_new(size_t most, msec idle_most)
{
    struct pins *p = xcalloc(1, sizeof *p);
    list_init(&p->by_use);
    pins_on_limits(p, most, idle_most);
    return p;
}

size_t pins_most(size_t max_size, size_t wanted)
{
    size_t most = max_size < 2 ? 1 : max_size - 1;
    return wanted < 1 ? 1 : wanted < most ? wanted : most;
}

void pins_on_limits(struct pins *p, size_t most, msec idle_most)
{
    require(most >= 1);
    p->most = most;
    p->idle_most = idle_most;
}

static struct pin *find_pin(const struct pins *p, struct backend_id backend)
{
    struct pin *pin = backend.index < p->room ? p->by_index[backend.index] : NULL;
    return pin != NULL && backend_id_equals(pin->backend, backend) ? pin : NULL;
}

static struct pin *pin_of(struct pins *p, struct backend_id backend, msec now)
{
    struct pin *pin = find_pin(p, backend);
    if (pin == NULL) {
        if (backend.index >= p->room) {
            size_t room = (size_t)backend.index + 8;
            p->by_index = xrealloc(p->by_index, room * sizeof *p->by_index);
            memset(p->by_index + p->room, 0, (room - p->room) * sizeof *p->by_index);
            p->room = room;
        }
        require(p->by_index[backend.index] == NULL);
        pin = p->by_index[backend.index] = xcalloc(1, sizeof *pin);
        pin->backend = backend;
        list_init(&pin->by_use);
        list_init(&pin->cursors);
        list_init(&pin->transactions);
        p->count++;
    }
    pin->used = now;
    list_remove(&pin->by_use);
    list_push_front(&p->by_use, &pin->by_use);
    return pin;
}

static void free_if_unused(struct pins *p, struct pin *pin)
{
    if (list_is_empty(&pin->cursors) && list_is_empty(&pin->transactions)) {
        list_remove(&pin->by_use);
        p->by_index[pin->backend.index] = NULL;
        p->count--;
        free(pin);
    }
}

static void forget_cursor(struct pins *p, struct pinned_cursor *c)
{
    HASH_DEL(p->cursors, c);
    list_remove(&c->link);
    c->pin->cursor_count--;
    free_if_unused(p, c->pin);
    free(c);
}

static void forget_transaction(struct pins *p, struct pinned_transaction *t)
{
    list_for_each_safe (link, &t->pin->cursors) {
        struct pinned_cursor *c = container_of(link, struct pinned_cursor, link);
        if (c->is_in_transaction && memcmp(c->lsid, t->lsid, LSID_BYTES) == 0) {
            forget_cursor(p, c); /* the pin stays: the transaction is still there */
        }
    }
    HASH_DEL(p->transactions, t);
    list_remove(&t->link);
    p->with_transactions -= list_is_empty(&t->pin->transactions);
    free_if_unused(p, t->pin);
    free(t);
}

static struct pinned_cursor *find_cursor(const struct pins *p, int64_t cursor)
{
    struct pinned_cursor *found = NULL;
    HASH_FIND(hh, p->cursors, &cursor, sizeof cursor, found);
    return found;
}

static struct pinned_transaction *find_lsid(const struct pins *p, const uint8_t lsid[LSID_BYTES])
{
    struct pinned_transaction *found = NULL;
    HASH_FIND(hh, p->transactions, lsid, LSID_BYTES, found);
    return found;
}

static void forget_all_of(struct pins *p, struct pin *pin)
{
    struct backend_id backend = pin->backend;
    while ((pin = find_pin(p, backend)) != NULL) {
        struct list *transaction = list_first(&pin->transactions);
        if (transaction != NULL) {
            forget_transaction(p, container_of(transaction, struct pinned_transaction, link));
        } else {
            forget_cursor(p, container_of(list_first(&pin->cursors), struct pinned_cursor, link));
        }
    }
}

void pins_free(struct pins *p)
{
    if (p == NULL) {
        return;
    }
    while (!list_is_empty(&p->by_use)) {
        forget_all_of(p, container_of(list_first(&p->by_use), struct pin, by_use));
    }
    free(p->by_index);
    free(p);
}

struct backend_id pins_on_cursor(struct pins *p, struct backend_id backend, int64_t cursor,
                                 const uint8_t *lsid, msec now)
{
    struct backend_id former = {0};
    struct pin *pin = pin_of(p, backend, now);
    struct pinned_cursor *c = find_cursor(p, cursor);
    if (c != NULL && c->pin == pin) {
        return former;
    }
    struct pinned_cursor *added = xcalloc(1, sizeof *added);
    added->id = cursor;
    added->pin = pin;
    added->is_in_transaction = lsid != NULL;
    if (lsid != NULL) {
        memcpy(added->lsid, lsid, LSID_BYTES);
    }
    list_init(&added->link);
    list_push_back(&pin->cursors, &added->link);
    pin->cursor_count++;
    if (c != NULL) {
        former = c->pin->backend;
        forget_cursor(p, c);
    }
    HASH_ADD(hh, p->cursors, id, sizeof added->id, added);
    if (pin->cursor_count > CURSORS_OF_ONE_MOST) {
        forget_cursor(p, container_of(list_first(&pin->cursors), struct pinned_cursor, link));
    }
    return former;
}

void pins_on_cursor_gone(struct pins *p, struct backend_id backend, int64_t cursor)
{
    struct pinned_cursor *c = find_cursor(p, cursor);
    if (c != NULL && backend_id_equals(c->pin->backend, backend)) {
        forget_cursor(p, c);
    }
}

struct backend_id pins_on_transaction(struct pins *p, struct backend_id backend,
                                      const uint8_t lsid[LSID_BYTES], int64_t number, msec now)
{
    struct backend_id former = {0};
    struct pin *pin = pin_of(p, backend, now);
    struct pinned_transaction *t = find_lsid(p, lsid);
    if (t != NULL && t->pin == pin) {
        t->number = number;
        return former;
    }
    if (t != NULL) {
        former = t->pin->backend;
        forget_transaction(p, t);
    }
    t = xcalloc(1, sizeof *t);
    memcpy(t->lsid, lsid, LSID_BYTES);
    t->number = number;
    t->pin = pin;
    list_init(&t->link);
    p->with_transactions += list_is_empty(&pin->transactions);
    list_push_back(&pin->transactions, &t->link);
    HASH_ADD(hh, p->transactions, lsid, LSID_BYTES, t);
    return former;
}

struct backend_id pins_on_transaction_gone(struct pins *p, const uint8_t lsid[LSID_BYTES])
{
    struct backend_id backend = {0};
    struct pinned_transaction *t = find_lsid(p, lsid);
    if (t != NULL) {
        backend = t->pin->backend;
        forget_transaction(p, t);
    }
    return backend;
}

void pins_on_used(struct pins *p, struct backend_id backend, msec now)
{
    if (find_pin(p, backend) != NULL) {
        pin_of(p, backend, now);
    }
}

void pins_on_backend_gone(struct pins *p, struct backend_id backend)
{
    struct pin *pin = find_pin(p, backend);
    if (pin != NULL) {
        forget_all_of(p, pin);
    }
}

bool pins_has_room(const struct pins *p)
{
    return p->count + p->may_pin < p->most;
}

bool pins_take_room(struct pins *p)
{
    if (!pins_has_room(p)) {
        return false;
    }
    p->may_pin++;
    return true;
}

void pins_on_room_given(struct pins *p)
{
    require(p->may_pin > 0);
    p->may_pin--;
}

bool pins_find_cursor(const struct pins *p, int64_t cursor, struct backend_id *backend)
{
    const struct pinned_cursor *c = find_cursor(p, cursor);
    if (c != NULL) {
        *backend = c->pin->backend;
    }
    return c != NULL;
}

bool pins_find_transaction(const struct pins *p, const uint8_t lsid[LSID_BYTES], int64_t number,
                           struct backend_id *backend)
{
    const struct pinned_transaction *t = find_lsid(p, lsid);
    if (t == NULL || t->number != number) {
        return false;
    }
    *backend = t->pin->backend;
    return true;
}

bool pins_holds(const struct pins *p, struct backend_id backend)
{
    return find_pin(p, backend) != NULL;
}

bool pins_next_expired(const struct pins *p, msec now, struct backend_id *backend)
{
    if (pins_deadline(p) > now) {
        return false;
    }
    *backend = container_of(list_last(&p->by_use), struct pin, by_use)->backend;
    return true;
}

msec pins_deadline(const struct pins *p)
{
    struct list *last = list_last(&p->by_use);
    if (last == NULL || p->idle_most == 0) {
        return MSEC_NEVER;
    }
    return container_of(last, struct pin, by_use)->used + p->idle_most;
}

struct pins_counts pins_counts(const struct pins *p)
{
    return (struct pins_counts){.by_transactions = p->with_transactions,
                                .by_cursors = p->count - p->with_transactions,
                                .may_pin = p->may_pin};
}
