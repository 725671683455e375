/* One question to one resolver: every way it can go, in virtual time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "names/asking.h"
#include "support/sim_net.h"
#include "unit/core_dns/dns_wire.h"

#define NAME "a.test"

enum { ANSWER = 0x8180, TIMEOUT_MS = 5000, DELAY_MS = 10, MANY = 60 };

struct world {
    struct sim *sim;
    struct net *net;
    struct resolver resolver;
    struct asking_wanted wanted;
    struct asking *asking; /* NULL: over */
    bool is_done;
    struct asking_result result;
    struct dns_answer answer;
};

static struct world w;

static void put_addresses(size_t count, msec delay)
{
    static struct wire m;
    wire_open(&m, ANSWER, NAME, DNS_A);
    for (size_t i = 0; i < count; i++) {
        wire_bytes(&m, "@12", DNS_A, 60, "\x0a\x01\x02\x03", 4);
    }
    sim_dns_answer(w.sim, NULL, NAME, DNS_A, STATUS_OK, wire_span(&m), delay);
}

static int begin(void **state)
{
    struct error why;
    (void)state;
    w = (struct world){.sim = sim_new(7)};
    w.net = sim_net(w.sim);
    assert_int_equal(resolver_parse("192.0.2.1", RESOLVER_LISTED, &w.resolver, &why), STATUS_OK);
    put_addresses(1, DELAY_MS);
    w.wanted = (struct asking_wanted){
        .resolver = &w.resolver, .name = NAME, .type = DNS_A, .timeout = TIMEOUT_MS};
    return 0;
}

static int end(void **state)
{
    (void)state;
    dns_answer_clear(&w.answer);
    sim_run_for(w.sim, 10); /* conns that are closing */
    resolver_clear(&w.resolver);
    assert_int_equal(sim_count_datagrams(w.sim), 0);
    assert_int_equal(sim_count_conns(w.sim), 0);
    sim_free(w.sim);
    return 0;
}

static void on_done(void *owner, struct asking_result *result)
{
    (void)owner;
    assert_false(w.is_done);
    w.is_done = true;
    w.asking = NULL;
    dns_answer_clear(&w.answer);
    w.answer = result->answer;
    result->answer = (struct dns_answer){0};
    w.result = *result;
}

static bool is_going_on(void *owner)
{
    (void)owner;
    return !w.is_done;
}

static void start(void)
{
    w.is_done = false;
    w.asking = asking_start(w.net, &w.wanted, on_done, NULL);
    assert_false(w.is_done);
}

static void expect(unsigned ways, enum lookup_word word, msec took)
{
    sim_dns_behave(w.sim, NULL, ways);
    start();
    assert_true(sim_run_while(w.sim, is_going_on, NULL));
    assert_string_equal(lookup_word_text(w.result.word), lookup_word_text(word));
    assert_int_equal(w.result.took, took);
    if (word == LOOKUP_OK) {
        assert_true(w.answer.count > 0);
        assert_int_equal(w.answer.ttl_seconds, 60);
        assert_string_equal(w.result.why.text, "");
    } else {
        assert_int_equal(w.answer.count, 0);
    }
}

/* --- by datagram --- */

static void an_answer(void **state)
{
    (void)state;
    expect(SIM_DNS_WELL, LOOKUP_OK, DELAY_MS);
    assert_int_equal(w.result.rcode, 0);
    assert_true(w.result.used_edns);
    assert_false(w.result.used_tcp);
    assert_int_equal(sim_dns_count(w.sim, NULL), 1);
    w.wanted.without_edns = true;
    expect(SIM_DNS_WELL, LOOKUP_OK, DELAY_MS);
    assert_false(w.result.used_edns);
}

static void what_a_resolver_says_is_its_word(void **state)
{
    (void)state;
    expect(SIM_DNS_NXDOMAIN, LOOKUP_NXDOMAIN, DELAY_MS);
    assert_int_equal(w.result.rcode, DNS_NXDOMAIN);
    expect(SIM_DNS_NODATA, LOOKUP_NODATA, DELAY_MS);
    expect(SIM_DNS_SERVFAIL, LOOKUP_SERVFAIL, DELAY_MS);
    expect(SIM_DNS_SAYS_REFUSED, LOOKUP_REFUSED, DELAY_MS);
    expect(SIM_DNS_GARBAGE, LOOKUP_MALFORMED, DELAY_MS);
    assert_string_not_equal(w.result.why.text, "");
    expect(SIM_DNS_CLOSED, LOOKUP_CONN_REFUSED, 0);
    assert_int_equal(w.result.rcode, -1);
    assert_int_equal(sim_dns_count_tcp(w.sim, NULL), 0);
    sim_set_route(w.sim, &w.resolver.address, SIM_UNREACHABLE);
    expect(SIM_DNS_WELL, LOOKUP_UNREACHABLE, 0);
}

static void edns_is_left_out_when_it_is_not_known(void **state)
{
    (void)state;
    expect(SIM_DNS_NO_EDNS, LOOKUP_OK, 2 * DELAY_MS);
    assert_false(w.result.used_edns);
    assert_int_equal(sim_dns_count(w.sim, NULL), 2);
    w.wanted.without_udp = true; /* a dial, and another, take no time here */
    expect(SIM_DNS_NO_EDNS, LOOKUP_OK, 2 * DELAY_MS);
    assert_int_equal(sim_dns_count_tcp(w.sim, NULL), 2);
}

/* Anybody can have sent it. */
static void what_is_no_reply_is_passed_over(void **state)
{
    (void)state;
    expect(SIM_DNS_FORGED, LOOKUP_OK, DELAY_MS);
    assert_int_equal(w.result.ignored, 1);
    expect(SIM_DNS_WRONG_ID | SIM_DNS_NO_TCP, LOOKUP_TIMEOUT, TIMEOUT_MS);
    assert_int_equal(w.result.ignored, 2);
    assert_int_equal(w.result.rcode, -1);
    expect(SIM_DNS_WRONG_QUESTION | SIM_DNS_NO_TCP, LOOKUP_TIMEOUT, TIMEOUT_MS);
    assert_int_equal(w.result.ignored, 2);
}

/* --- by TCP --- */

static void what_does_not_fit_comes_by_tcp(void **state)
{
    (void)state;
    expect(SIM_DNS_TRUNCATES, LOOKUP_OK, 2 * DELAY_MS);
    assert_true(w.result.used_tcp);
    put_addresses(MANY, DELAY_MS); /* 60 * 16 bytes: too many without EDNS only */
    expect(SIM_DNS_WELL, LOOKUP_OK, DELAY_MS);
    assert_int_equal(w.answer.count, MANY);
    assert_false(w.result.used_tcp);
    expect(SIM_DNS_NO_EDNS, LOOKUP_OK, 3 * DELAY_MS);
    assert_int_equal(w.answer.count, MANY);
    assert_true(w.result.used_tcp);
}

static void a_part_of_the_answer_is_none(void **state)
{
    (void)state;
    expect(SIM_DNS_TRUNCATES | SIM_DNS_NO_TCP, LOOKUP_TRUNCATED, DELAY_MS);
    assert_true(w.result.used_tcp);
    assert_int_equal(w.result.why.status, STATUS_REFUSED);
    w.wanted.without_tcp = true;
    expect(SIM_DNS_TRUNCATES, LOOKUP_TRUNCATED, DELAY_MS);
    assert_int_equal(sim_dns_count_tcp(w.sim, NULL), 0);
    w.wanted.without_tcp = false;
    struct address at = w.resolver.address;
    sim_set_fault_at(w.sim, FAULT_DIAL_HANGS, &at, 0, 1);
    expect(SIM_DNS_TRUNCATES, LOOKUP_TRUNCATED, DELAY_MS + ASKING_TCP_MS);
    w.wanted.timeout = 500;
    sim_set_fault_at(w.sim, FAULT_DIAL_HANGS, &at, 0, 1);
    expect(SIM_DNS_TRUNCATES, LOOKUP_TRUNCATED, 500);
}

/* After a second of silence both are waited for. */
static void silence_is_answered_by_tcp(void **state)
{
    (void)state;
    expect(SIM_DNS_UDP_SILENT, LOOKUP_OK, ASKING_TCP_AFTER_MS + DELAY_MS);
    assert_true(w.result.used_tcp);
    w.wanted.without_tcp = true;
    expect(SIM_DNS_UDP_SILENT, LOOKUP_TIMEOUT, TIMEOUT_MS);
    assert_int_equal(sim_dns_count_tcp(w.sim, NULL), 1);
}

static void a_lost_datagram_is_sent_again(void **state)
{
    (void)state;
    sim_set_fault(w.sim, FAULT_DNS_HANGS, 0, 1);
    expect(SIM_DNS_NO_TCP, LOOKUP_OK, ASKING_TCP_AFTER_MS + DELAY_MS);
    assert_false(w.result.used_tcp);
}

static void a_late_answer_is_taken(void **state)
{
    (void)state;
    put_addresses(1, 3000);
    expect(SIM_DNS_NO_TCP, LOOKUP_OK, 3000);
    sim_set_fault(w.sim, FAULT_DNS_HANGS, 1, UINT32_MAX); /* all but the first */
    expect(SIM_DNS_WELL, LOOKUP_OK, 3000);
    assert_false(w.result.used_tcp);
}

static void all_is_silent(void **state)
{
    (void)state;
    expect(SIM_DNS_SILENT, LOOKUP_TIMEOUT, TIMEOUT_MS);
    assert_int_equal(w.result.why.status, STATUS_TIMED_OUT);
    assert_int_equal(sim_dns_count(w.sim, NULL), 3); /* two datagrams, one conn */
    w.wanted.timeout = 300;
    expect(SIM_DNS_SILENT, LOOKUP_TIMEOUT, 300);
    assert_int_equal(sim_dns_count(w.sim, NULL), 4);
}

static void tcp_alone(void **state)
{
    (void)state;
    w.wanted.without_udp = true;
    expect(SIM_DNS_WELL, LOOKUP_OK, DELAY_MS);
    assert_true(w.result.used_tcp);
    expect(SIM_DNS_CLOSED, LOOKUP_CONN_REFUSED, 0);
    expect(SIM_DNS_WRONG_ID, LOOKUP_MALFORMED, DELAY_MS); /* here nobody else can have sent it */
    expect(SIM_DNS_WRONG_QUESTION, LOOKUP_MALFORMED, DELAY_MS);
    expect(SIM_DNS_GARBAGE, LOOKUP_MALFORMED, DELAY_MS);
    expect(SIM_DNS_SILENT, LOOKUP_TIMEOUT, TIMEOUT_MS);
    sim_set_fault(w.sim, FAULT_DNS_REFUSED, 0, 1); /* the conn is reset */
    expect(SIM_DNS_WELL, LOOKUP_CLOSED, 0);
    assert_int_equal(w.result.why.status, STATUS_PEER_RESET);
    sim_set_fault(w.sim, FAULT_ONE_BYTE, 0, UINT32_MAX);
    expect(SIM_DNS_WELL, LOOKUP_OK, DELAY_MS);
}

/* --- the rest --- */

static void what_is_no_name_is_told_later(void **state)
{
    (void)state;
    w.wanted.name = "a..test";
    expect(SIM_DNS_WELL, LOOKUP_FAILED, 0);
    assert_int_equal(w.result.why.status, STATUS_BAD_INPUT);
    assert_int_equal(sim_dns_count(w.sim, NULL), 0);
    start();
    asking_cancel(w.asking);
}

static void other_kinds_are_told_when_they_cannot_be_asked(void **state)
{
    static const char *const texts[] = {"tls://192.0.2.1#dns.test", "https://192.0.2.1#dns.test"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct error why;
        resolver_clear(&w.resolver);
        assert_int_equal(resolver_parse(texts[i], RESOLVER_LISTED, &w.resolver, &why), STATUS_OK);
        expect(SIM_DNS_WELL, LOOKUP_FAILED, 0);
        assert_string_not_equal(w.result.why.text, "");
        start();
        asking_cancel(w.asking);
    }
}

/* After each step of each course; nothing is left, and nothing comes. */
static void it_can_be_cancelled_at_any_time(void **state)
{
    static const unsigned courses[] = {SIM_DNS_WELL, SIM_DNS_NO_EDNS, SIM_DNS_TRUNCATES,
                                       SIM_DNS_SILENT, SIM_DNS_UDP_SILENT | SIM_DNS_NO_EDNS};
    (void)state;
    for (size_t i = 0; i < sizeof courses / sizeof *courses; i++) {
        sim_dns_behave(w.sim, NULL, courses[i]);
        for (size_t steps = 0, is_over = 0; !is_over; steps++) {
            start();
            for (size_t j = 0; j < steps && !w.is_done; j++) {
                assert_true(sim_step(w.sim));
            }
            is_over = w.is_done;
            if (!is_over) {
                asking_cancel(w.asking);
                assert_int_equal(sim_count_datagrams(w.sim), 0);
                sim_run_for(w.sim, 2 * TIMEOUT_MS);
                assert_false(w.is_done);
                assert_int_equal(sim_count_conns(w.sim), 0);
            }
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer),
        TEST(what_a_resolver_says_is_its_word),
        TEST(edns_is_left_out_when_it_is_not_known),
        TEST(what_is_no_reply_is_passed_over),
        TEST(what_does_not_fit_comes_by_tcp),
        TEST(a_part_of_the_answer_is_none),
        TEST(silence_is_answered_by_tcp),
        TEST(a_lost_datagram_is_sent_again),
        TEST(a_late_answer_is_taken),
        TEST(all_is_silent),
        TEST(tcp_alone),
        TEST(what_is_no_name_is_told_later),
        TEST(other_kinds_are_told_when_they_cannot_be_asked),
        TEST(it_can_be_cancelled_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
