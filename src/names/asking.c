/* Happy path: a datagram with EDNS -> a reply with its id and question -> the answer.
 *
 * Failures: FORMERR or NOTIMP (once more without EDNS); a truncated reply (TCP); a second of
 * silence (TCP, and one datagram more, since one may have been lost; whoever answers first);
 * a closed port, a carrier that fails while nothing else is waited for, a reply that cannot be
 * read, an error code (the end, with its word); the time limit. */
#include "names/asking.h"

#include <stdlib.h>
#include <string.h>

#include "base/require.h"

/* With EDNS, without, and each once more after silence. */
enum { SENDINGS_MOST = 4 };

/* One datagram of ours. */
struct sending {
    struct asking *asking;
    struct datagram *datagram; /* NULL: closed */
    uint16_t id;
    bool has_edns;
};

struct asking {
    struct net *net;
    const struct resolver *resolver;
    struct tls_config *tls;
    char *name;
    uint16_t type;
    bool without_tcp;
    bool has_edns;
    msec began_at;
    struct sending sendings[SENDINGS_MOST];
    size_t sent;
    struct carrier *carrier; /* NULL: none under way */
    uint16_t carrier_id;
    bool carrier_has_edns;
    bool is_truncated; /* by UDP */
    struct deadline silence;
    struct deadline limit;
    struct asking_result result;
    void (*on_done)(void *owner, struct asking_result *result);
    void *owner;
};

/* --- the end --- */

static void close_datagrams(struct asking *a)
{
    for (size_t i = 0; i < a->sent; i++) {
        if (a->sendings[i].datagram != NULL) {
            datagram_close(a->sendings[i].datagram);
            a->sendings[i].datagram = NULL;
        }
    }
}

static void asking_free(struct asking *a)
{
    close_datagrams(a);
    if (a->carrier != NULL) {
        carrier_cancel(a->carrier);
    }
    net_clear_deadline(a->net, &a->silence);
    net_clear_deadline(a->net, &a->limit);
    dns_answer_clear(&a->result.answer);
    free(a->name);
    free(a);
}

void asking_cancel(struct asking *a)
{
    asking_free(a);
}

static void finish(struct asking *a, enum lookup_word word)
{
    struct asking_result result = a->result;
    void (*on_done)(void *owner, struct asking_result *result) = a->on_done;
    void *owner = a->owner;
    result.word = word;
    result.took = net_now(a->net) - a->began_at;
    result.used_edns = a->has_edns;
    a->result.answer = (struct dns_answer){0};
    asking_free(a);
    on_done(owner, &result);
    dns_answer_clear(&result.answer);
}

static bool is_waiting(const struct asking *a)
{
    for (size_t i = 0; i < a->sent; i++) {
        if (a->sendings[i].datagram != NULL) {
            return true;
        }
    }
    return a->carrier != NULL;
}

/* One way has failed; the others may still bring something. */
static void on_way_failed(struct asking *a, enum status status, const char *sentence)
{
    if (is_waiting(a)) {
        return;
    }
    error_set(&a->result.why, status, "%s", sentence);
    finish(a, a->is_truncated ? LOOKUP_TRUNCATED
                              : lookup_word_of(status, STATUS_OK, &a->result.answer));
}

static void on_limit(struct deadline *d, msec now)
{
    struct asking *a = container_of(d, struct asking, limit);
    (void)now;
    error_set(&a->result.why, STATUS_TIMED_OUT, "%s", "");
    finish(a, a->is_truncated ? LOOKUP_TRUNCATED : LOOKUP_TIMEOUT);
}

/* --- asking --- */

static void send_datagram(struct asking *a);
static void start_carrier(struct asking *a);

/* Returns the size of the question, under a new id; 0: the name is none. */
static size_t write_question(struct asking *a, uint16_t *id, uint8_t out[DNS_QUESTION_BYTES_MOST])
{
    net_random(a->net, id, sizeof *id);
    if (a->resolver->kind == RESOLVER_HTTPS) {
        *id = 0; /* RFC 8484 section 4.1: so that caches work */
    }
    return message_encode(*id, a->type, a->name, a->has_edns, out);
}

/* It knew no EDNS, or so it says. */
static void ask_without_edns(struct asking *a, bool is_tcp)
{
    a->has_edns = false;
    if (is_tcp) {
        start_carrier(a);
    } else {
        close_datagrams(a);
        send_datagram(a);
    }
}

static void ask_by_tcp(struct asking *a)
{
    a->is_truncated = true;
    close_datagrams(a);
    net_set_deadline(a->net, &a->limit, msec_earlier(a->limit.at, net_now(a->net) + ASKING_TCP_MS));
    if (a->carrier == NULL) {
        start_carrier(a);
    }
}

/* A reply that is ours, by either way; `had_edns`: what was asked. */
static void on_reply(struct asking *a, struct span reply, bool is_tcp, bool had_edns)
{
    struct dns_answer answer = {0};
    enum status decoded = message_decode(reply, a->type, a->name, &answer, &a->result.why);
    a->result.used_tcp = is_tcp;
    a->result.rcode = reply.at[3] & 0x0f;
    a->result.has_extended_error = message_extended_error(reply, &a->result.extended_error);
    if (had_edns && (a->result.rcode == DNS_FORMERR || a->result.rcode == DNS_NOTIMP)) {
        dns_answer_clear(&answer);
        ask_without_edns(a, is_tcp);
        return;
    }
    if (answer.is_truncated && !is_tcp && !a->without_tcp) {
        dns_answer_clear(&answer);
        ask_by_tcp(a);
        return;
    }
    if (decoded == STATUS_OK) {
        a->result.answer = answer;
        error_set(&a->result.why, STATUS_OK, "%s", "");
    }
    finish(a, lookup_word_of(STATUS_OK, decoded, &answer));
}

static void on_datagram(void *owner, struct span bytes)
{
    struct sending *s = owner;
    struct asking *a = s->asking;
    if (!message_is_reply(bytes, s->id, a->type, a->name)) {
        a->result.ignored++;
        return;
    }
    on_reply(a, bytes, false, s->has_edns);
}

static void on_datagram_failed(void *owner, enum status why)
{
    struct sending *s = owner;
    datagram_close(s->datagram);
    s->datagram = NULL;
    on_way_failed(s->asking, why, "");
}

static void send_datagram(struct asking *a)
{
    static const struct datagram_events events = {.on_datagram = on_datagram,
                                                  .on_failed = on_datagram_failed};
    uint8_t question[DNS_QUESTION_BYTES_MOST];
    struct sending *s = &a->sendings[a->sent];
    require(a->sent < SENDINGS_MOST);
    s->asking = a;
    s->has_edns = a->has_edns;
    size_t size = write_question(a, &s->id, question);
    s->datagram = net_datagram(a->net, &a->resolver->address, span_of(question, size), &events, s);
    a->sent++;
}

static void on_carried(void *owner, enum status status, struct span reply, const struct error *why)
{
    struct asking *a = owner;
    a->carrier = NULL;
    if (status != STATUS_OK) {
        a->result.used_tcp = true;
        on_way_failed(a, status, why->text);
    } else if (message_is_reply(reply, a->carrier_id, a->type, a->name)) {
        on_reply(a, reply, true, a->carrier_has_edns);
    } else {
        error_set(&a->result.why, STATUS_PROTOCOL_ERROR, "it is no reply to what was asked");
        finish(a, LOOKUP_MALFORMED);
    }
}

static void start_carrier(struct asking *a)
{
    uint8_t question[DNS_QUESTION_BYTES_MOST];
    size_t size = write_question(a, &a->carrier_id, question);
    a->carrier_has_edns = a->has_edns;
    a->carrier = carrier_start(a->net, a->resolver, a->tls, span_of(question, size),
                               (struct carrier_done){.on_done = on_carried, .owner = a});
}

/* A datagram may be lost, and UDP may be blocked. */
static void on_silence(struct deadline *d, msec now)
{
    struct asking *a = container_of(d, struct asking, silence);
    (void)now;
    if (a->carrier == NULL && !a->is_truncated) {
        send_datagram(a);
        if (!a->without_tcp) {
            start_carrier(a);
        }
    }
}

static void on_bad_name(struct deadline *d, msec now)
{
    struct asking *a = container_of(d, struct asking, limit);
    (void)now;
    error_set(&a->result.why, STATUS_BAD_INPUT, "%.260s is no DNS name", a->name);
    finish(a, LOOKUP_FAILED);
}

struct asking *asking_start(struct net *net, const struct asking_wanted *wanted,
                            void (*on_done)(void *owner, struct asking_result *result), void *owner)
{
    struct asking *a = xcalloc(1, sizeof *a);
    uint8_t unused[DNS_QUESTION_BYTES_MOST];
    bool is_plain = wanted->resolver->kind == RESOLVER_PLAIN;
    msec now = net_now(net);
    require(wanted->timeout > 0 && !(wanted->without_udp && wanted->without_tcp));
    a->net = net;
    a->resolver = wanted->resolver;
    a->tls = wanted->tls;
    a->name = xstrdup(wanted->name);
    a->type = wanted->type;
    a->without_tcp = wanted->without_tcp;
    a->has_edns = !wanted->without_edns;
    a->began_at = now;
    a->result.rcode = -1;
    a->on_done = on_done;
    a->owner = owner;
    deadline_init(&a->silence, on_silence);
    if (message_encode(0, a->type, a->name, true, unused) == 0) {
        deadline_init(&a->limit, on_bad_name);
        net_set_deadline(net, &a->limit, now);
        return a;
    }
    deadline_init(&a->limit, on_limit);
    net_set_deadline(net, &a->limit, msec_after(now, wanted->timeout));
    if (is_plain && !wanted->without_udp) {
        send_datagram(a);
        net_set_deadline(net, &a->silence, now + ASKING_TCP_AFTER_MS);
    } else {
        start_carrier(a);
    }
    return a;
}
