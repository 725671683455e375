/* One question of a request: asked of the candidates as its lookup says, and its answer.
 *
 * The two questions of a request help each other: a resolver that knew one of a name's records is
 * believed about the others, and when there is no SRV record nothing depends on TXT any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/require.h"
#include "names/names_parts.h"

enum {
    RESOLUTION_DELAY_MS = 50, /* RFC 8305 section 3: for the other family's addresses */
    REFRESH_MS = 3000,        /* longest time for what is known already */
    TOLD_MS = 600000,         /* between two log lines about falling back */
    REREAD_MS = 500,          /* between two looks at resolv.conf while nobody answers */
    SILENT_MS = 30000,        /* RFC 8767 section 5: before silence is waited for again */
};

static void on_reread(struct deadline *d, msec now);

static void on_time(struct deadline *d, msec now)
{
    struct question *q = container_of(d, struct question, deadline);
    lookup_on_time(&q->lookup, now);
    names_advance(q);
}

static void begin(struct question *q, msec timeout)
{
    const struct candidates *c = q->request->candidates;
    const struct names *n = q->request->names;
    bool is_private = c->are_others_public && !resolver_public_can_know(q->name);
    lookup_init(&q->lookup, c->list, is_private ? c->own_count : c->count, q->type, timeout,
                net_now(n->net));
    if (net_now(n->net) < n->silent_until) {
        lookup_on_silent_before(&q->lookup);
    }
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        q->asked[i] = (struct asked){.question = q};
    }
}

void names_add_question(struct names_request *r, uint16_t type, const char *name)
{
    struct question *q = &r->questions[r->question_count++];
    msec timeout = r->names->settings.timeout_ms;
    if (r->candidates == NULL) {
        r->candidates = candidates_new(&r->names->settings);
        deadline_init(&r->reread, on_reread);
        net_set_deadline(r->names->net, &r->reread, net_now(r->names->net) + REREAD_MS);
    }
    q->request = r;
    q->type = type;
    q->name = xstrdup(name);
    deadline_init(&q->deadline, on_time);
    begin(q, r->is_live && timeout > REFRESH_MS ? REFRESH_MS : timeout);
}

static void leave(struct asked *a)
{
    if (a->asking != NULL) {
        asking_cancel(a->asking);
        a->asking = NULL;
    }
}

void names_cancel_askings(struct question *q)
{
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        leave(&q->asked[i]);
    }
}

/* --- a list that changes meanwhile --- */

/* Nothing is known yet, and there is time left. */
static bool can_begin_anew(const struct names_request *r)
{
    msec now = net_now(r->names->net);
    for (size_t i = 0; i < r->question_count; i++) {
        if (r->questions[i].is_over || r->questions[i].lookup.deadline <= now) {
            return false;
        }
    }
    return true;
}

static void begin_anew(struct names_request *r, struct candidates *candidates)
{
    struct candidates *old = r->candidates;
    r->candidates = candidates;
    for (size_t i = 0; i < r->question_count; i++) {
        struct question *q = &r->questions[i];
        names_cancel_askings(q);
        begin(q, q->lookup.deadline - net_now(r->names->net));
    }
    candidates_free(old);
    for (size_t i = 0; i < r->question_count; i++) {
        names_advance(&r->questions[i]);
    }
}

/* A network that changes (a VPN, another Wi-Fi) leaves questions behind that nobody answers, while
 * whom to ask now stands in the file already. */
static void on_reread(struct deadline *d, msec now)
{
    struct names_request *r = container_of(d, struct names_request, reread);
    if (!can_begin_anew(r)) {
        return;
    }
    struct candidates *fresh = candidates_new(&r->names->settings);
    net_set_deadline(r->names->net, &r->reread, now + REREAD_MS);
    if (candidates_are_same(r->candidates, fresh)) {
        candidates_free(fresh);
    } else {
        begin_anew(r, fresh);
    }
}

/* --- what is told --- */

/* A resolver that is lied to, or lies, is told of once, not with every name. */
static void tell_of_denial(const struct question *q)
{
    struct names *n = q->request->names;
    const struct lookup *l = &q->lookup;
    size_t denier = lookup_denier(l);
    if (denier == l->count || n->has_told_denial) {
        return;
    }
    n->has_told_denial = true;
    log_warn(LOG_DNS, NULL,
             "DNS-07: resolver %s says that there is no %s record of %s, and resolver %s has it: "
             "going on with that; look for a DNS filter, or a private zone of that domain",
             l->list[denier].text, dns_type_name(q->type), q->name, l->list[l->believed].text);
}

static void tell_of_compression(const struct question *q)
{
    struct names *n = q->request->names;
    if (!q->answer.has_compressed_target || n->has_told_compression) {
        return;
    }
    n->has_told_compression = true;
    log_warn(LOG_DNS, NULL,
             "DNS-10: resolver %s compresses the targets of SRV records, which RFC 2782 forbids: "
             "they are read all the same, but drivers of some languages will refuse them",
             q->lookup.list[q->lookup.believed].text);
}

static void tell_of_fallback(const struct question *q)
{
    struct names *n = q->request->names;
    char cause[ERROR_TEXT_SIZE];
    msec now = net_now(n->net);
    if (!lookup_fell_back(&q->lookup) || q->request->has_fallen_back) {
        return;
    }
    q->request->has_fallen_back = true;
    lookup_list_failures(&q->lookup, cause, sizeof cause);
    struct names_news news = {
        .kind = NAMES_FALLBACK_USED,
        .name = q->name,
        .source = q->lookup.list[q->lookup.believed].text,
        .cause = cause[0] == '\0' ? "there is no own resolver" : cause,
        .is_repeated = n->has_fallen_back && now - n->fell_back_at < TOLD_MS,
    };
    if (!news.is_repeated) {
        n->has_fallen_back = true;
        n->fell_back_at = now;
    }
    names_tell(n, &news);
}

/* --- its end --- */

static struct question *other_of(const struct question *q)
{
    struct names_request *r = q->request;
    for (size_t i = 0; i < r->question_count; i++) {
        if (&r->questions[i] != q && !r->questions[i].is_over) {
            return &r->questions[i];
        }
    }
    return NULL;
}

static void stop(struct question *q)
{
    q->is_over = true;
    names_cancel_askings(q);
    net_clear_deadline(q->request->names->net, &q->deadline);
}

static void end_question(struct question *q)
{
    struct names_request *r = q->request;
    struct net *net = r->names->net;
    struct question *other = other_of(q);
    bool has_records = q->answer.count > 0;
    stop(q);
    if (other != NULL && q->type == DNS_SRV && !has_records) {
        stop(other);
        other = NULL;
    }
    if (other == NULL) {
        net_clear_deadline(net, &r->reread);
        net_set_deadline(net, &r->done, net_now(net));
        return;
    }
    if (r->on_seeds == NULL && has_records) {
        net_set_deadline(net, &r->done, net_now(net) + RESOLUTION_DELAY_MS);
    }
    if (has_records) {
        lookup_on_vouched(&other->lookup, q->lookup.believed, net_now(net));
        names_advance(other);
    }
}

static void on_believed(struct question *q)
{
    struct names *n = q->request->names;
    q->is_known = true;
    if (lookup_fell_back(&q->lookup) && lookup_was_silent(&q->lookup)) {
        n->silent_until = net_now(n->net) + SILENT_MS;
    }
    if (q->answer.count > 0) {
        tell_of_denial(q);
        tell_of_compression(q);
        tell_of_fallback(q);
    }
    end_question(q);
}

/* --- asking --- */

/* The answer of an own resolver comes before another's. */
static void take_answer(struct asked *a, struct asking_result *result)
{
    struct question *q = a->question;
    size_t resolver = (size_t)(a - q->asked);
    a->records = result->answer.count;
    a->ttl_seconds = result->answer.ttl_seconds;
    if (q->answer.count == 0 || resolver < q->request->candidates->own_count) {
        dns_answer_clear(&q->answer);
        q->answer = result->answer;
        result->answer = (struct dns_answer){0};
    }
}

static void note_detail(struct asked *a, const struct asking_result *result)
{
    const struct dns_extended_error *e = &result->extended_error;
    const struct question *q = a->question;
    if (result->has_extended_error) {
        snprintf(a->detail, sizeof a->detail, "extended error %u%s%.70s", e->code,
                 e->text[0] == '\0' ? "" : ": ", e->text);
    } else if (result->word != LOOKUP_OK) {
        snprintf(a->detail, sizeof a->detail, "%.99s", result->why.text);
    }
    log_debug(LOG_DNS, NULL, "%s of %s: resolver %s says %s in %lld ms %s", dns_type_name(q->type),
              q->name, q->lookup.list[a - q->asked].text, lookup_word_text(result->word),
              (long long)result->took, a->detail);
}

static void on_asked(void *owner, struct asking_result *result)
{
    struct asked *a = owner;
    struct question *q = a->question;
    size_t resolver = (size_t)(a - q->asked);
    a->asking = NULL;
    note_detail(a, result);
    if (result->word != LOOKUP_TIMEOUT && resolver < q->request->candidates->own_count) {
        q->request->names->silent_until = 0;
    }
    if (result->word == LOOKUP_OK) {
        take_answer(a, result);
    }
    lookup_on_word(&q->lookup, resolver, result->word, net_now(q->request->names->net));
    names_advance(q);
}

/* Made when it is needed first: reading the system's roots takes a moment. NULL: it cannot be. */
static struct tls_config *tls_of(struct names *n)
{
    if (n->tls == NULL && !n->has_tls_failed) {
        struct error why;
        n->tls = carrier_tls(n->settings.ca_file, &why);
        n->has_tls_failed = n->tls == NULL;
        if (n->has_tls_failed) {
            log_warn(LOG_DNS, NULL, "no resolver can be asked over TLS or HTTPS: %s", why.text);
        }
    }
    return n->tls;
}

static void ask(struct question *q, size_t resolver)
{
    struct names *n = q->request->names;
    const struct resolver *to = &q->request->candidates->list[resolver];
    struct asking_wanted wanted = {.resolver = to,
                                   .name = q->name,
                                   .type = q->type,
                                   .timeout = q->lookup.deadline - net_now(n->net),
                                   .tls = to->kind == RESOLVER_PLAIN ? NULL : tls_of(n)};
    q->asked[resolver].asking = asking_start(n->net, &wanted, on_asked, &q->asked[resolver]);
}

void names_advance(struct question *q)
{
    struct net *net = q->request->names->net;
    struct lookup_action action;
    while (!q->is_over && lookup_next_action(&q->lookup, net_now(net), &action)) {
        switch (action.kind) {
        case LOOKUP_ASK:
            ask(q, action.resolver);
            break;
        case LOOKUP_LEAVE:
            leave(&q->asked[action.resolver]);
            break;
        case LOOKUP_BELIEVE:
            on_believed(q);
            return;
        case LOOKUP_GIVE_UP:
            end_question(q);
            return;
        }
    }
    if (!q->is_over) {
        net_set_deadline(net, &q->deadline, lookup_deadline(&q->lookup));
    }
}

/* --- looked at --- */

/* There is no own resolver: that is the first fault, whatever others said. */
static enum status explain_no_list(const struct question *q, const char *subject, struct error *why)
{
    char said[ERROR_TEXT_SIZE];
    lookup_list_failures(&q->lookup, said, sizeof said);
    return error_set(why, STATUS_NAME_LOOKUP_FAILED,
                     "DNS-01: %s could not be looked up: no resolver is known, since %s names "
                     "none%s%s; write \"nameserver ADDRESS\" there, or set dns.resolvers",
                     subject, q->request->names->settings.resolv_conf,
                     said[0] == '\0' ? "" : ", and ", said);
}

enum status names_explain(const struct question *q, struct error *why)
{
    char subject[400];
    snprintf(subject, sizeof subject, "the %s record of %s", dns_type_name(q->type), q->name);
    if (q->request->candidates->own_count == 0 && q->lookup.believed == q->lookup.count) {
        return explain_no_list(q, subject, why);
    }
    return lookup_explain(&q->lookup, subject, why);
}

size_t names_list_rows(const struct names_request *r, struct names_row rows[NAMES_ROWS_MOST])
{
    size_t count = 0;
    for (size_t i = 0; i < r->question_count; i++) {
        const struct question *q = &r->questions[i];
        for (size_t j = 0; j < q->lookup.count; j++) {
            const struct lookup_try *t = &q->lookup.tries[j];
            if (t->word == LOOKUP_NOT_ASKED) {
                continue;
            }
            struct names_row *row = &rows[count++];
            *row = (struct names_row){.type = q->type,
                                      .name = q->name,
                                      .resolver = r->candidates->list[j].text,
                                      .word = t->word,
                                      .ttl_seconds = q->asked[j].ttl_seconds,
                                      .records = q->asked[j].records,
                                      .took = t->took};
            memcpy(row->detail, q->asked[j].detail, sizeof row->detail);
        }
    }
    return count;
}
