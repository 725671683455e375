/* Datagrams: net_datagram. On the loop they go to a name server of ours on loopback, in the
 * simulation to one of its own. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

enum { HEADER = 12, RECORD = 16, TYPE_A = 1, PACKET_MOST = 5000, BURST = 200 };

/* Its name by a pointer to the question, type A, class IN, 60 s, 10.1.2.3. */
static const uint8_t record[RECORD] = {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3};

static const uint8_t question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\4name\4test\0\0\1\0";

struct server {
    struct world *w;
    struct address at;
    int descriptor; /* -1: there is none */
    struct watch *watch;
    size_t times; /* each is answered */
    size_t size;  /* of an answer, when it is not the usual one */
    size_t asked;
    struct sockaddr_storage from;
    socklen_t from_size;
};

static size_t make_answer(uint8_t *packet)
{
    memcpy(packet, question, sizeof question);
    packet[2] = 0x81;
    packet[3] = 0x80;
    packet[7] = 1;
    memcpy(packet + sizeof question, record, RECORD);
    return sizeof question + RECORD;
}

static void on_asked(void *owner)
{
    struct server *s = owner;
    static uint8_t packet[PACKET_MOST];
    s->from_size = sizeof s->from;
    ssize_t got = recvfrom(s->descriptor, packet, sizeof packet, MSG_DONTWAIT,
                           (struct sockaddr *)(void *)&s->from, &s->from_size);
    assert_int_equal(got, sizeof question);
    assert_memory_equal(packet, question, sizeof question);
    s->asked++;
    size_t size = make_answer(packet);
    for (size_t i = 0; i < s->times; i++) {
        sendto(s->descriptor, packet, s->size == 0 ? size : s->size, 0,
               (struct sockaddr *)(void *)&s->from, s->from_size);
    }
    world_check(s->w);
}

static void bind_server(struct server *s, bool is_ipv6)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *at = is_ipv6 ? (struct sockaddr *)(void *)&six : (void *)&four;
    socklen_t size = is_ipv6 ? sizeof six : sizeof four;
    s->descriptor = socket(at->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->descriptor, at, size), 0);
    getsockname(s->descriptor, at, &size);
    assert_true(address_parse(is_ipv6 ? "::1" : "127.0.0.1", 0, &s->at));
    s->at.port = ntohs(is_ipv6 ? six.sin6_port : four.sin_port);
    s->watch = net_watch(s->w->net, WATCH_READABLE, s->descriptor, NULL, on_asked, s);
    assert_non_null(s->watch);
}

/* Answers each datagram so many times; 0: never. */
static void server_init(struct server *s, struct world *w, size_t times)
{
    uint8_t packet[PACKET_MOST];
    *s = (struct server){.w = w, .descriptor = -1, .times = times};
    if (w->loop != NULL) {
        bind_server(s, false);
        return;
    }
    assert_true(address_parse("192.0.2.1:53", 0, &s->at));
    size_t size = make_answer(packet);
    sim_dns_answer(w->sim, NULL, "name.test", TYPE_A, STATUS_OK, span_of(packet, size), 3);
    sim_dns_behave(w->sim, NULL,
                   times == 0   ? SIM_DNS_SILENT
                   : times == 1 ? SIM_DNS_WELL
                                : SIM_DNS_FORGED);
}

/* Nobody is there any more. */
static void server_clear(struct server *s)
{
    if (s->watch != NULL) {
        net_watch_close(s->watch);
        close(s->descriptor);
        s->watch = NULL;
    }
    if (s->w->sim != NULL) {
        sim_dns_behave(s->w->sim, NULL, SIM_DNS_CLOSED);
    }
}

/* --- who asks --- */

struct asker {
    struct world *w;
    struct datagram *datagram; /* NULL: closed */
    size_t answers;
    size_t failures;
    enum status why;
    bool closes; /* inside of its event */
    uint8_t bytes[PACKET_MOST];
    size_t size;
};

static void close_asker(struct asker *a)
{
    world_enter(a->w);
    datagram_close(a->datagram);
    world_leave(a->w);
    a->datagram = NULL;
}

static void on_datagram(void *owner, struct span bytes)
{
    struct asker *a = owner;
    assert_false(a->w->is_in_call);
    assert_non_null(a->datagram);
    assert_int_equal(a->failures, 0);
    a->answers++;
    require(bytes.size <= sizeof a->bytes);
    if (bytes.size > 0) {
        memcpy(a->bytes, bytes.at, bytes.size);
    }
    a->size = bytes.size;
    if (a->closes) {
        close_asker(a);
    }
    world_check(a->w);
}

static void on_failed(void *owner, enum status why)
{
    struct asker *a = owner;
    assert_false(a->w->is_in_call);
    assert_non_null(a->datagram);
    a->failures++;
    assert_int_equal(a->failures, 1);
    a->why = why;
    if (a->closes) {
        close_asker(a);
    }
    world_check(a->w);
}

static void ask(struct asker *a, const struct server *s)
{
    static const struct datagram_events events = {.on_datagram = on_datagram,
                                                  .on_failed = on_failed};
    *a = (struct asker){.w = s->w};
    uint8_t *copy = xmalloc(sizeof question);
    memcpy(copy, question, sizeof question);
    world_enter(s->w);
    a->datagram = net_datagram(s->w->net, &s->at, span_of(copy, sizeof question), &events, a);
    world_leave(s->w);
    free(copy); /* it was copied or sent */
    assert_non_null(a->datagram);
    assert_int_equal(a->answers + a->failures, 0);
}

static bool has_answer(void *owner)
{
    return ((struct asker *)owner)->answers > 0;
}

static bool has_two_answers(void *owner)
{
    return ((struct asker *)owner)->answers > 1;
}

static bool has_failed(void *owner)
{
    return ((struct asker *)owner)->failures > 0;
}

static void assert_is_record(const struct asker *a)
{
    assert_int_equal(a->size, sizeof question + RECORD);
    assert_memory_equal(a->bytes + a->size - RECORD, record, RECORD);
}

/* --- cases --- */

static void test_answer(struct world *w)
{
    struct server s;
    struct asker a;
    server_init(&s, w, 1);
    for (int i = 0; i < 2; i++) {
        ask(&a, &s);
        world_run_until(w, has_answer, &a);
        assert_is_record(&a);
        close_asker(&a);
    }
    server_clear(&s);
}

static void test_many_answers(struct world *w)
{
    struct server s;
    struct asker a;
    server_init(&s, w, 2);
    ask(&a, &s);
    world_run_until(w, has_two_answers, &a);
    assert_is_record(&a);
    close_asker(&a);
    ask(&a, &s);
    a.closes = true; /* the second finds nobody */
    world_run_until(w, has_answer, &a);
    world_run_for(w, 10);
    assert_int_equal(a.answers, 1);
    server_clear(&s);
}

static void test_closed_port(struct world *w)
{
    struct server s;
    struct asker a;
    server_init(&s, w, 1);
    server_clear(&s);
    for (int closes = 0; closes <= 1; closes++) {
        ask(&a, &s);
        a.closes = closes;
        world_run_until(w, has_failed, &a);
        assert_int_equal(a.why, STATUS_REFUSED);
        world_run_for(w, 10); /* and it is told once */
        if (!closes) {
            close_asker(&a);
        }
    }
}

static void test_silence(struct world *w)
{
    struct server s;
    struct asker a;
    server_init(&s, w, 0);
    ask(&a, &s);
    world_run_for(w, 50);
    assert_int_equal(a.answers + a.failures, 0);
    close_asker(&a);
    server_clear(&s);
}

static void test_closed_before_the_answer(struct world *w)
{
    struct server s;
    struct asker a;
    server_init(&s, w, 1);
    ask(&a, &s);
    close_asker(&a);
    world_run_for(w, 20);
    assert_int_equal(a.answers + a.failures, 0);
    server_clear(&s);
}

/* Told in a later turn, and not when it was closed before. */
static void test_failure_at_once(struct world *w)
{
    struct server s = {.w = w, .descriptor = -1};
    struct asker a;
    assert_true(address_parse("255.255.255.255:53", 0, &s.at)); /* no broadcasts without asking */
    if (w->sim != NULL) {
        sim_set_route(w->sim, &s.at, SIM_UNREACHABLE);
    }
    ask(&a, &s);
    world_run_until(w, has_failed, &a);
    assert_int_equal(a.why, w->sim != NULL ? STATUS_UNREACHABLE : STATUS_PERMISSION_DENIED);
    close_asker(&a);
    ask(&a, &s);
    close_asker(&a);
    world_run_for(w, 10);
    assert_int_equal(a.failures, 0);
}

static void test_burst(struct world *w)
{
    static struct asker askers[BURST];
    struct server s;
    server_init(&s, w, 1);
    for (size_t i = 0; i < BURST; i++) {
        ask(&askers[i], &s);
    }
    for (size_t i = 0; i < BURST; i++) {
        if (askers[i].answers == 0) {
            world_run_until(w, has_answer, &askers[i]);
        }
        assert_is_record(&askers[i]);
        close_asker(&askers[i]);
    }
    server_clear(&s);
}

static void test_ipv6(struct world *w)
{
    struct server s = {.w = w, .times = 1};
    struct asker a;
    bind_server(&s, true);
    ask(&a, &s);
    world_run_until(w, has_answer, &a);
    assert_is_record(&a);
    close_asker(&a);
    server_clear(&s);
}

/* Fragments are put together by the kernel: what comes is whole. */
static void test_sizes(struct world *w)
{
    static const size_t sizes[] = {1, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct server s;
        struct asker a;
        server_init(&s, w, 1);
        s.size = sizes[i];
        ask(&a, &s);
        world_run_until(w, has_answer, &a);
        assert_int_equal(a.size, sizes[i]);
        close_asker(&a);
        server_clear(&s);
    }
}

/* Somebody else who knows the port is not heard; and the next port is another. */
static void test_stranger(struct world *w)
{
    struct server s;
    struct server stranger;
    struct asker a;
    in_port_t ports[8];
    server_init(&s, w, 1);
    server_init(&stranger, w, 1);
    s.times = 0;
    for (size_t i = 0; i < 8; i++) {
        ask(&a, &s);
        world_run_for(w, 10);
        assert_int_equal(s.asked, i + 1);
        ports[i] = ((struct sockaddr_in *)(void *)&s.from)->sin_port;
        sendto(stranger.descriptor, "lies", 4, 0, (struct sockaddr *)(void *)&s.from, s.from_size);
        world_run_for(w, 10);
        assert_int_equal(a.answers, 0);
        close_asker(&a);
    }
    assert_false(ports[1] == ports[0] && ports[2] == ports[0] && ports[3] == ports[0]);
    int step = ntohs(ports[1]) - ntohs(ports[0]);
    bool is_row = true; /* they can be foreseen */
    for (size_t i = 1; i < 8; i++) {
        is_row &= ntohs(ports[i]) - ntohs(ports[i - 1]) == step;
    }
    assert_false(is_row);
    server_clear(&s);
    server_clear(&stranger);
}

int main(void)
{
    static const struct net_case cases[] = {
        {"an answer", test_answer, ON_BOTH},
        {"many answers", test_many_answers, ON_BOTH},
        {"a closed port", test_closed_port, ON_BOTH},
        {"silence", test_silence, ON_BOTH},
        {"closed before the answer", test_closed_before_the_answer, ON_BOTH},
        {"a failure at once", test_failure_at_once, ON_BOTH},
        {"a burst", test_burst, ON_BOTH},
        {"IPv6", test_ipv6, ON_LOOP},
        {"sizes", test_sizes, ON_LOOP},
        {"a stranger", test_stranger, ON_LOOP},
    };
    return run_cases("datagrams", cases, sizeof cases / sizeof *cases);
}
