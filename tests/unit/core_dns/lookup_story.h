/* One lookup, and a list of resolvers for it; the clock is a number. */
#ifndef TESTS_LOOKUP_STORY_H
#define TESTS_LOOKUP_STORY_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "core/dns/lookup.h"

enum { TIMEOUT_MS = 5000, LIST_MOST = 8 };

static struct resolver list[LIST_MOST];
static size_t count;
static char texts[LIST_MOST][ADDRESS_TEXT_SIZE];
static struct lookup l;

/* One letter a resolver: o own, p plain, t TLS, h HTTPS; each at an address of its own. */
static inline void begin(const char *kinds, uint16_t type)
{
    for (count = 0; kinds[count] != '\0'; count++) {
        char kind = kinds[count];
        struct resolver *r = &list[count];
        *r = (struct resolver){
            .kind = kind == 't'   ? RESOLVER_TLS
                    : kind == 'h' ? RESOLVER_HTTPS
                                  : RESOLVER_PLAIN,
            .origin = kind == 'o' ? RESOLVER_SYSTEM : RESOLVER_FALLBACK,
            .address = {.family = ADDRESS_IPV4, .ip = {10, 0, 0, (uint8_t)count}, .port = 53},
        };
        r->text = texts[count];
        address_print(&r->address, r->text);
    }
    lookup_init(&l, list, count, type, TIMEOUT_MS, 0);
}

static inline void expect_ask(size_t resolver, msec now)
{
    struct lookup_action action;
    lookup_on_time(&l, now);
    assert_true(lookup_next_action(&l, now, &action));
    assert_int_equal(action.kind, LOOKUP_ASK);
    assert_int_equal(action.resolver, resolver);
}

static inline void expect_nothing(msec now)
{
    struct lookup_action action;
    lookup_on_time(&l, now);
    assert_false(lookup_next_action(&l, now, &action));
    assert_true(lookup_deadline(&l) > now); /* else it would go round and round */
}

/* Nobody before that time, and then that one. */
static inline void expect_ask_only_at(size_t resolver, msec at)
{
    expect_nothing(at - 1);
    assert_int_equal(lookup_deadline(&l), at);
    expect_ask(resolver, at);
}

static inline void says(size_t resolver, enum lookup_word word, msec now)
{
    lookup_on_word(&l, resolver, word, now);
}

static inline void expect_end(enum lookup_action_kind kind, size_t resolver, msec now)
{
    struct lookup_action action;
    assert_true(lookup_next_action(&l, now, &action));
    assert_int_equal(action.kind, kind);
    if (kind == LOOKUP_BELIEVE) {
        assert_int_equal(action.resolver, resolver);
    }
    assert_false(lookup_next_action(&l, now, &action));
    assert_true(lookup_deadline(&l) == MSEC_NEVER);
}

static inline void expect_believed(size_t resolver, msec now)
{
    expect_end(LOOKUP_BELIEVE, resolver, now);
}

static inline void expect_try(size_t resolver, enum lookup_word word, msec took)
{
    assert_string_equal(lookup_word_text(l.tries[resolver].word), lookup_word_text(word));
    assert_int_equal(l.tries[resolver].took, took);
}

#endif
