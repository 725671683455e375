/* Questions to resolvers: net_query. On the loop they go to a resolver of ours on loopback. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

enum { HEADER = 12, RECORD = 16, TYPE_A = 1, NXDOMAIN = 3, PACKET_MOST = 1500 };

/* Its name by a pointer to the question, type A, class IN, 60 s, 10.1.2.3. */
static const uint8_t record[RECORD] = {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3};

/* What "name.test" is answered with; the question follows the header. */
static const uint8_t question[] = "\4name\4test\0\0\1\0\1";

struct resolver {
    struct world *w;
    char name[40]; /* for net_query */
    int descriptor;
    struct watch *watch;
    uint8_t rcode;
    bool has_record;
    bool is_silent;
    size_t asked;
};

struct answer {
    struct world *w;
    size_t count;
    enum status status;
    uint8_t message[PACKET_MOST];
    size_t size;
};

static size_t put_answer(const struct resolver *r, uint8_t *packet, size_t size)
{
    packet[2] = 0x81;
    packet[3] = 0x80 | r->rcode;
    memset(packet + 6, 0, 6);
    if (r->has_record) {
        packet[7] = 1;
        memcpy(packet + size, record, RECORD);
        size += RECORD;
    }
    return size;
}

static void on_asked(void *owner)
{
    struct resolver *r = owner;
    uint8_t packet[PACKET_MOST];
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    ssize_t got = recvfrom(r->descriptor, packet, sizeof packet - RECORD, MSG_DONTWAIT,
                           (struct sockaddr *)(void *)&from, &from_size);
    if (got < HEADER + (ssize_t)sizeof question - 1) {
        return;
    }
    r->asked++;
    if (!r->is_silent) {
        size_t size = put_answer(r, packet, HEADER + sizeof question - 1);
        sendto(r->descriptor, packet, size, 0, (struct sockaddr *)(void *)&from, from_size);
    }
    world_check(r->w);
}

static void resolver_bind(struct resolver *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    r->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(r->descriptor, (struct sockaddr *)(void *)&at, size), 0);
    getsockname(r->descriptor, (struct sockaddr *)(void *)&at, &size);
    snprintf(r->name, sizeof r->name, "127.0.0.1:%d", ntohs(at.sin_port));
    r->watch = net_watch(r->w->net, WATCH_READABLE, r->descriptor, NULL, on_asked, r);
    assert_non_null(r->watch);
}

static void resolver_init(struct resolver *r, struct world *w, uint8_t rcode, bool has_record)
{
    *r = (struct resolver){.w = w, .rcode = rcode, .has_record = has_record, .descriptor = -1};
    if (w->loop != NULL) {
        resolver_bind(r);
        return;
    }
    uint8_t packet[HEADER + sizeof question + RECORD] = {[5] = 1};
    snprintf(r->name, sizeof r->name, "127.0.0.1:%d", 1000 + rcode);
    memcpy(packet + HEADER, question, sizeof question - 1);
    size_t size = put_answer(r, packet, HEADER + sizeof question - 1);
    sim_dns_answer(w->sim, r->name, "name.test", TYPE_A, STATUS_OK, span_of(packet, size), 3);
}

static void resolver_be_silent(struct resolver *r)
{
    r->is_silent = true;
    if (r->w->sim != NULL) {
        sim_dns_answer(r->w->sim, r->name, "name.test", TYPE_A, STATUS_OK, span_of(NULL, 0),
                       MSEC_NEVER);
    }
}

/* Nobody is there any more. */
static void resolver_clear(struct resolver *r)
{
    if (r->watch != NULL) {
        net_watch_close(r->watch);
        close(r->descriptor);
        r->watch = NULL;
    }
    if (r->w->sim != NULL) {
        sim_dns_answer(r->w->sim, r->name, "name.test", TYPE_A, STATUS_REFUSED, span_of(NULL, 0),
                       0);
    }
}

static void on_answer(void *owner, enum status status, struct span message)
{
    struct answer *a = owner;
    assert_false(a->w->is_in_call);
    a->count++;
    assert_int_equal(a->count, 1);
    a->status = status;
    require(message.size <= sizeof a->message);
    if (message.size > 0) {
        memcpy(a->message, message.at, message.size);
    }
    a->size = message.size;
    world_check(a->w);
}

static struct query *ask(const struct resolver *r, struct answer *a)
{
    struct query_asked asked = {.on_answer = on_answer, .owner = a};
    *a = (struct answer){.w = r->w};
    world_enter(r->w);
    struct query *q = net_query(r->w->net, r->name, "name.test", TYPE_A, asked);
    world_leave(r->w);
    assert_non_null(q);
    assert_int_equal(a->count, 0);
    return q;
}

static bool is_answered(void *owner)
{
    return ((struct answer *)owner)->count > 0;
}

static void assert_is_record(const struct answer *a)
{
    assert_int_equal(a->status, STATUS_OK);
    assert_true(a->size >= HEADER + RECORD);
    assert_memory_equal(a->message + a->size - RECORD, record, RECORD);
}

static void test_answer(struct world *w)
{
    struct resolver r;
    struct answer a;
    resolver_init(&r, w, 0, true);
    ask(&r, &a);
    world_run_until(w, is_answered, &a);
    assert_is_record(&a);
    ask(&r, &a); /* and again */
    world_run_until(w, is_answered, &a);
    assert_is_record(&a);
    resolver_clear(&r);
}

/* The message is given as it is, also when it says no. */
static void test_answer_that_says_no(struct world *w)
{
    static const uint8_t rcodes[] = {NXDOMAIN, 2 /* SERVFAIL */, 5 /* REFUSED */, 0};
    for (size_t i = 0; i < sizeof rcodes; i++) {
        struct resolver r;
        struct answer a;
        resolver_init(&r, w, rcodes[i], false);
        ask(&r, &a);
        world_run_until(w, is_answered, &a);
        assert_int_equal(a.status, STATUS_OK);
        assert_int_equal(a.size, HEADER + sizeof question - 1);
        assert_int_equal(a.message[3] & 15, rcodes[i]);
        resolver_clear(&r);
    }
}

static void test_refused(struct world *w)
{
    struct resolver r;
    struct answer a;
    resolver_init(&r, w, 0, true);
    resolver_clear(&r);
    ask(&r, &a);
    world_run_until(w, is_answered, &a);
    assert_int_equal(a.status, STATUS_REFUSED);
    assert_int_equal(a.size, 0);
}

/* Each resolver is asked by itself. */
static void test_two_resolvers(struct world *w)
{
    struct resolver yes;
    struct resolver no;
    struct answer a;
    struct answer b;
    resolver_init(&yes, w, 0, true);
    resolver_init(&no, w, NXDOMAIN, false);
    ask(&yes, &a);
    ask(&no, &b);
    world_run_until(w, is_answered, &a);
    if (b.count == 0) {
        world_run_until(w, is_answered, &b);
    }
    assert_is_record(&a);
    assert_int_equal(b.message[3] & 15, NXDOMAIN);
    resolver_clear(&yes);
    resolver_clear(&no);
}

static bool has_been_asked(void *owner)
{
    const struct resolver *r = owner;
    return r->w->sim != NULL || r->asked > 0;
}

static void test_cancel(struct world *w)
{
    struct resolver r;
    struct answer gone;
    struct answer a;
    resolver_init(&r, w, 0, true);
    net_query_cancel(ask(&r, &gone)); /* at once */
    ask(&r, &a);
    world_run_until(w, is_answered, &a);
    assert_int_equal(gone.count, 0);
    resolver_be_silent(&r);
    r.asked = 0;
    struct query *q = ask(&r, &gone); /* while nobody answers */
    world_run_until(w, has_been_asked, &r);
    net_query_cancel(q);
    world_run_for(w, 20);
    assert_int_equal(gone.count, 0);
    resolver_clear(&r);
}

/* A text that names no resolver is told like any other failure: later. */
static void test_no_such_resolver(struct world *w)
{
    struct resolver r = {.w = w, .name = "nonsense:port"};
    struct answer a;
    ask(&r, &a);
    world_run_until(w, is_answered, &a);
    assert_int_equal(a.status, STATUS_NAME_LOOKUP_FAILED);
    net_query_cancel(ask(&r, &a)); /* known at once, and taken back */
    world_run_for(w, 5);
    assert_int_equal(a.count, 0);
}

int main(void)
{
    static const struct net_case cases[] = {
        {"an answer", test_answer, ON_BOTH},
        {"an answer that says no", test_answer_that_says_no, ON_BOTH},
        {"a resolver that is not there", test_refused, ON_BOTH},
        {"two resolvers", test_two_resolvers, ON_BOTH},
        {"cancel", test_cancel, ON_BOTH},
        {"no such resolver", test_no_such_resolver, ON_LOOP},
    };
    return run_cases("names", cases, sizeof cases / sizeof *cases);
}
