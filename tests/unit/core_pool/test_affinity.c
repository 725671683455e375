/* What is remembered of cursors and transactions, and when it is forgotten. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pool/affinity.h"

static const uint8_t lsid_a[LSID_BYTES] = {1, 2, 3};
static const uint8_t lsid_b[LSID_BYTES] = {1, 2, 4};

/* A cursor of shop.things without lsid and owner. */
static void open_at(struct affinity *a, int64_t id, uint32_t server, msec now)
{
    struct known_cursor c = {.id = id, .server = server, .ns = span_text("shop.things")};
    affinity_on_cursor(a, &c, now);
}

static void open_of(struct affinity *a, int64_t id, uint32_t server, const uint8_t *lsid,
                    const char *ns, uint64_t owner)
{
    struct known_cursor c = {.id = id, .server = server, .owner = owner, .ns = span_text(ns)};
    if (lsid != NULL) {
        c.has_lsid = true;
        memcpy(c.lsid, lsid, LSID_BYTES);
    }
    affinity_on_cursor(a, &c, 0);
}

/* The server of the cursor that a follow-up means; 0: none. */
static uint32_t find_of(const struct affinity *a, int64_t id, const uint8_t *lsid,
                        const char *database, const char *collection, uint64_t owner)
{
    struct cursor_asked asked = {.id = id,
                                 .owner = owner,
                                 .database = span_text(database),
                                 .collection = span_text(collection),
                                 .lsid = lsid};
    const struct known_cursor *found = affinity_find_cursor(a, &asked);
    return found == NULL ? 0 : found->server;
}

static uint32_t find(const struct affinity *a, int64_t id)
{
    return find_of(a, id, NULL, "shop", "things", 0);
}

static void begin(struct affinity *a, const uint8_t *lsid, int64_t number, uint32_t server,
                  msec now)
{
    struct known_transaction t = {.number = number, .server = server, .is_open = true};
    memcpy(t.lsid, lsid, LSID_BYTES);
    affinity_on_transaction(a, &t, now);
}

static uint32_t find_transaction(const struct affinity *a, const uint8_t *lsid, int64_t number)
{
    const struct known_transaction *t = affinity_find_transaction(a, lsid, number);
    return t == NULL ? 0 : t->server;
}

/* --- cursors --- */

static void a_cursor_is_found_until_it_is_gone(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    assert_int_equal(find(a, 77), 0);
    open_at(a, 77, 3, 0);
    open_at(a, 77, 3, 1);
    assert_int_equal(affinity_cursors(a), 1);
    assert_int_equal(find(a, 77), 3);
    affinity_on_cursor_gone(a, 77, 4); /* another server's */
    assert_int_equal(affinity_cursors(a), 1);
    affinity_on_cursor_gone(a, 77, 3);
    assert_int_equal(find(a, 77), 0);
    assert_int_equal(affinity_cursors(a), 0);
    affinity_free(a);
}

static void facts_of_a_cursor_are_kept(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    char ns[] = "shop.things";
    struct known_cursor c = {.id = 5,
                             .server = 2,
                             .owner = 9,
                             .ns = span_text(ns),
                             .has_lsid = true,
                             .lsid = {7},
                             .has_txn_number = true,
                             .txn_number = 3,
                             .is_await = true,
                             .is_change_stream = true};
    affinity_on_cursor(a, &c, 0);
    ns[0] = 'x'; /* it was copied */
    struct cursor_asked asked = {.id = 5};
    const struct known_cursor *known = affinity_find_cursor(a, &asked);
    assert_true(span_is(known->ns, "shop.things"));
    assert_int_equal(known->owner, 9);
    assert_int_equal(known->lsid[0], 7);
    assert_int_equal(known->txn_number, 3);
    assert_true(known->has_lsid && known->has_txn_number);
    assert_true(known->is_await && known->is_change_stream);
    assert_int_equal(known->used, 0);
    assert_true(affinity_on_cursor_used(a, 5, 2, span_text("shop.renamed"), 1));
    assert_int_equal(affinity_find_cursor(a, &asked)->used, 1);
    assert_true(span_is(affinity_find_cursor(a, &asked)->ns, "shop.renamed"));
    assert_true(affinity_on_cursor_used(a, 5, 2, span_of(NULL, 0), 1)); /* it was not said */
    assert_true(span_is(affinity_find_cursor(a, &asked)->ns, "shop.renamed"));
    assert_false(affinity_on_cursor_used(a, 5, 1, span_of(NULL, 0), 1));

    open_at(a, 5, 2, 2); /* the server has given the id to another cursor */
    known = affinity_find_cursor(a, &asked);
    assert_false(known->is_await || known->has_lsid || known->owner != 0);
    affinity_free(a);
}

static void one_id_at_several_servers_gives_the_last_used(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    open_at(a, 77, 1, 10);
    open_at(a, 77, 2, 11);
    open_at(a, 77, 3, 11);
    assert_int_equal(find(a, 77), 3);
    affinity_on_cursor_used(a, 77, 1, span_of(NULL, 0), 12);
    assert_false(affinity_on_cursor_used(a, 78, 1, span_of(NULL, 0), 12)); /* not known */
    assert_int_equal(find(a, 77), 1);
    assert_int_equal(affinity_cursors_at(a, 2), 1);
    static const uint32_t gone[] = {3, 1, 2}; /* the middle of the chain, its first, the last */
    static const uint32_t found[] = {1, 2, 0};
    for (size_t i = 0; i < 3; i++) {
        affinity_on_cursor_gone(a, 77, gone[i]);
        assert_int_equal(find(a, 77), found[i]);
    }
    assert_int_equal(affinity_cursors(a), 0);
    affinity_free(a);
}

/* Of each pair that one thing alone tells apart, the one that was not used last is meant. */
static void one_id_is_told_apart_by_what_a_server_would_check(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(20, 10);
    open_of(a, 1, 1, lsid_a, "shop.things", 1);
    open_of(a, 1, 2, lsid_a, "shop.others", 1);
    assert_int_equal(find_of(a, 1, lsid_a, "shop", "things", 1), 1);
    assert_int_equal(find_of(a, 1, lsid_a, "shop", "others", 1), 2);
    assert_int_equal(find_of(a, 1, lsid_a, "shop.others", "", 1),
                     2); /* nothing like it: the last */

    open_of(a, 2, 1, lsid_a, "shop.things", 1);
    open_of(a, 2, 2, lsid_b, "shop.things", 1);
    open_of(a, 2, 3, NULL, "shop.things", 1);
    assert_int_equal(find_of(a, 2, lsid_a, "shop", "things", 1), 1);
    assert_int_equal(find_of(a, 2, lsid_b, "shop", "things", 1), 2);
    assert_int_equal(find_of(a, 2, NULL, "shop", "things", 1), 3);

    open_of(a, 3, 1, NULL, "shop.things", 1);
    open_of(a, 3, 2, NULL, "shop.things", 2);
    assert_int_equal(find_of(a, 3, NULL, "shop", "things", 1), 1);

    open_of(a, 4, 1, lsid_b, "shop.things", 2); /* the namespace counts more than the rest */
    open_of(a, 4, 2, lsid_a, "shop.others", 1);
    assert_int_equal(find_of(a, 4, lsid_a, "shop", "things", 1), 1);
    affinity_free(a);
}

static void a_bulk_cursor_is_found_by_its_namespace(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    open_of(a, 1, 1, NULL, "admin.$cmd.bulkWrite", 0);
    open_of(a, 1, 2, NULL, "shop.things", 0);
    assert_int_equal(find_of(a, 1, NULL, "admin", "$cmd.bulkWrite", 0), 1);
    affinity_free(a);
}

static void the_least_used_cursor_makes_room(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(3, 1);
    for (int64_t id = 1; id <= 3; id++) {
        open_at(a, id, 1, id);
    }
    affinity_on_cursor_used(a, 1, 1, span_of(NULL, 0), 4);
    open_at(a, 4, 1, 5);
    assert_int_equal(affinity_cursors(a), 3);
    assert_int_equal(find(a, 2), 0);
    assert_int_equal(find(a, 1), 1);
    affinity_free(a);
}

static void what_was_not_used_for_long_is_forgotten(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    assert_int_equal(affinity_deadline(a), MSEC_NEVER);
    open_at(a, 1, 1, 0);
    begin(a, lsid_a, 1, 1, 50);
    open_at(a, 2, 1, 100);
    affinity_on_cursor_used(a, 1, 1, span_of(NULL, 0), 200);
    assert_int_equal(affinity_deadline(a), 50 + AFFINITY_LIFETIME);
    affinity_on_time(a, 49 + AFFINITY_LIFETIME);
    assert_int_equal(affinity_transactions(a), 1);
    affinity_on_time(a, 100 + AFFINITY_LIFETIME);
    assert_int_equal(affinity_transactions(a), 0);
    assert_int_equal(affinity_cursors(a), 1);
    assert_int_equal(affinity_deadline(a), 200 + AFFINITY_LIFETIME);
    affinity_free(a);
}

/* --- transactions --- */

static void a_transaction_is_found_by_its_number(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 2);
    begin(a, lsid_a, 5, 1, 0);
    begin(a, lsid_b, 5, 2, 0);
    assert_int_equal(find_transaction(a, lsid_b, 5), 2);
    assert_int_equal(find_transaction(a, lsid_b, 6), 0);
    begin(a, lsid_a, 6, 3, 1); /* the next transaction of that lsid */
    assert_int_equal(find_transaction(a, lsid_a, 5), 0);
    assert_int_equal(find_transaction(a, lsid_a, 6), 3);
    assert_int_equal(affinity_transactions(a), 2);
    static const uint8_t third[LSID_BYTES] = {9};
    begin(a, third, 1, 1, 2); /* makes room: lsid_b goes */
    assert_int_equal(find_transaction(a, lsid_b, 5), 0);
    affinity_on_transaction_gone(a, lsid_a);
    affinity_on_transaction_gone(a, lsid_a);
    assert_int_equal(find_transaction(a, lsid_a, 6), 0);
    assert_int_equal(affinity_transactions(a), 1);
    affinity_free(a);
}

/* The application may commit again, at the same server. */
static void a_committed_transaction_is_kept_and_not_open(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 2);
    begin(a, lsid_a, 5, 1, 0);
    affinity_on_transaction_committed(a, lsid_a, 4); /* of another number: nothing */
    assert_true(affinity_find_transaction(a, lsid_a, 5)->is_open);
    affinity_on_transaction_committed(a, lsid_a, 5);
    assert_int_equal(find_transaction(a, lsid_a, 5), 1);
    begin(a, lsid_a, 5, 2, 1); /* committed again, elsewhere */
    assert_int_equal(find_transaction(a, lsid_a, 5), 2);
    assert_false(affinity_find_transaction(a, lsid_a, 5)->is_open);
    affinity_free(a);
}

/* --- owners and servers --- */

static void an_owner_has_what_it_opened(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    struct known_transaction t = {.number = 1, .server = 1, .owner = 7, .is_open = true};
    assert_null(affinity_next_cursor_of(a, 7, NULL));
    open_of(a, 1, 1, NULL, "a.b", 7);
    open_of(a, 2, 1, NULL, "a.b", 8);
    open_of(a, 3, 1, NULL, "a.b", 7);
    open_of(a, 4, 1, NULL, "a.b", 0);
    memcpy(t.lsid, lsid_a, LSID_BYTES);
    affinity_on_transaction(a, &t, 0);
    t.owner = 8; /* a later statement by another: it stays whose it was */
    affinity_on_transaction(a, &t, 0);

    const struct known_cursor *c = affinity_next_cursor_of(a, 7, NULL);
    assert_int_equal(c->id, 1);
    c = affinity_next_cursor_of(a, 7, c);
    assert_int_equal(c->id, 3);
    assert_null(affinity_next_cursor_of(a, 7, c));
    assert_null(affinity_next_cursor_of(a, 0, NULL));
    affinity_on_cursor_gone(a, 1, 1);
    affinity_on_cursor_gone(a, 3, 1);
    assert_null(affinity_next_cursor_of(a, 7, NULL));

    const struct known_transaction *found = affinity_next_transaction_of(a, 7, NULL);
    assert_memory_equal(found->lsid, lsid_a, LSID_BYTES);
    assert_null(affinity_next_transaction_of(a, 7, found));
    assert_null(affinity_next_transaction_of(a, 8, NULL));
    affinity_on_transaction_committed(a, lsid_a, 1);
    assert_null(affinity_next_transaction_of(a, 7, NULL)); /* it is not open any more */
    affinity_free(a);
}

static void a_server_that_leaves_takes_its_entries_along(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    open_at(a, 1, 1, 0);
    open_at(a, 1, 2, 0);
    open_at(a, 2, 1, 0);
    begin(a, lsid_a, 1, 1, 0);
    begin(a, lsid_b, 1, 2, 0);
    affinity_on_server_gone(a, 1);
    assert_int_equal(affinity_cursors(a), 1);
    assert_int_equal(find(a, 1), 2);
    assert_int_equal(find_transaction(a, lsid_a, 1), 0);
    assert_int_equal(find_transaction(a, lsid_b, 1), 2);
    affinity_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_is_found_until_it_is_gone),
        cmocka_unit_test(facts_of_a_cursor_are_kept),
        cmocka_unit_test(one_id_at_several_servers_gives_the_last_used),
        cmocka_unit_test(one_id_is_told_apart_by_what_a_server_would_check),
        cmocka_unit_test(a_bulk_cursor_is_found_by_its_namespace),
        cmocka_unit_test(the_least_used_cursor_makes_room),
        cmocka_unit_test(what_was_not_used_for_long_is_forgotten),
        cmocka_unit_test(a_transaction_is_found_by_its_number),
        cmocka_unit_test(a_committed_transaction_is_kept_and_not_open),
        cmocka_unit_test(an_owner_has_what_it_opened),
        cmocka_unit_test(a_server_that_leaves_takes_its_entries_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
