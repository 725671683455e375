/* Stages 2 to 4: what is wrong with the resolvers, by what each of them says of the seed list (of
 * mongodb://: of a node), what it says of other names, and what others say. */
#include <string.h>

#include "doctor/judge_names_parts.h"

const struct question_fact *find_question(const struct examination *e, size_t resolver,
                                          enum question_about about, enum question_way way)
{
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        if (q->resolver == resolver && q->about == about && q->way == way) {
            return q;
        }
    }
    return NULL;
}

enum lookup_word word_of(const struct examination *e, size_t resolver, enum question_about about,
                         enum question_way way)
{
    const struct question_fact *q = find_question(e, resolver, about, way);
    return q == NULL ? LOOKUP_WAITING : q->word;
}

bool is_negative(enum lookup_word word)
{
    return word == LOOKUP_NXDOMAIN || word == LOOKUP_NODATA;
}

/* Of mongodb+srv:// the seed list, else a node. */
static enum question_about main_question(const struct examination *e)
{
    return e->settings->upstream.srv_host != NULL ? ABOUT_SRV : ABOUT_NODE;
}

static bool is_own(const struct examination *e, size_t resolver)
{
    return e->resolvers[resolver].origin != RESOLVER_FALLBACK;
}

/* Nothing of what the string needs could be looked up. */
static bool is_lost(const struct examination *e)
{
    if (e->settings->upstream.srv_host != NULL) {
        return !step_is_good(&e->seeds);
    }
    for (size_t i = 0; i < e->node_count; i++) {
        if (step_is_good(&e->nodes[i]->lookup)) {
            return false;
        }
    }
    return true;
}

enum finding_severity names_severity(const struct examination *e)
{
    return is_lost(e) ? SEVERITY_FATAL : SEVERITY_DEGRADED;
}

static struct finding *add(const struct examination *e, struct diagnosis *d, enum finding_id id,
                           enum finding_confidence confidence, const struct question_fact *q)
{
    struct finding *f = diagnosis_add(d, id, names_severity(e), confidence);
    const char *host = e->settings->upstream.srv_host;
    finding_note(f, "resolver", "%s", e->resolvers[q->resolver].text);
    finding_note(f, "host", "%s", host != NULL ? host : q->name);
    finding_note(f, "code", "%s", lookup_word_text(q->word));
    if (q->reason != NULL) {
        finding_note(f, "reason", "%s", q->reason);
    }
    return f;
}

/* Another resolver that knows; the machine's own go first. e->resolver_count: none. */
static size_t who_knows(const struct examination *e, size_t but)
{
    enum question_about about = main_question(e);
    for (size_t i = 0; i < e->resolver_count; i++) {
        if (i != but && word_of(e, i, about, WAY_USUAL) == LOOKUP_OK) {
            return i;
        }
    }
    return e->resolver_count;
}

static bool has_second_denial(const struct examination *e, size_t but)
{
    for (size_t i = 0; i < e->resolver_count; i++) {
        if (i != but && is_negative(word_of(e, i, ABOUT_SRV, WAY_USUAL))) {
            return true;
        }
    }
    return false;
}

/* --- it says that there is none --- */

static void judge_denied(const struct examination *e, const struct question_fact *q,
                         struct diagnosis *d)
{
    size_t other = who_knows(e, q->resolver);
    bool is_srv = q->about == ABOUT_SRV;
    if (is_srv && word_of(e, q->resolver, ABOUT_TXT, WAY_USUAL) == LOOKUP_OK) {
        add(e, d, FINDING_DNS_04, CONFIDENCE_LIKELY, q); /* it knows the cluster otherwise */
    } else if (other < e->resolver_count) {
        struct finding *f = add(e, d, is_own(e, other) ? FINDING_DNS_23 : FINDING_DNS_07,
                                is_own(e, other) ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN, q);
        finding_note(f, "other", "%s", e->resolvers[other].text);
    } else if (is_srv && word_of(e, q->resolver, ABOUT_HOST, WAY_USUAL) == LOOKUP_OK) {
        add(e, d, FINDING_URI_07, CONFIDENCE_LIKELY, q);
    } else if (is_srv) {
        add(e, d, FINDING_DNS_06,
            has_second_denial(e, q->resolver) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY, q);
    }
}

/* --- it says nothing, or that it will not --- */

static bool is_address(const struct address *a, const char *text)
{
    struct address other;
    return address_parse(text, a->port, &other) && address_equals(a, &other);
}

/* Whether the same resolver gives answers about anything. */
static bool answers_otherwise(const struct examination *e, const struct question_fact *q)
{
    enum lookup_word host = word_of(e, q->resolver, ABOUT_HOST, WAY_USUAL);
    enum lookup_word txt = word_of(e, q->resolver, ABOUT_TXT, WAY_USUAL);
    return q->about == ABOUT_SRV && (lookup_is_answer(host) || lookup_is_answer(txt));
}

static void judge_silent(const struct examination *e, const struct question_fact *q,
                         struct diagnosis *d)
{
    const struct resolver_fact *r = &e->resolvers[q->resolver];
    enum finding_id id = FINDING_DNS_03;
    if (answers_otherwise(e, q)) {
        add(e, d, FINDING_DNS_04, CONFIDENCE_CERTAIN, q);
        return;
    }
    if (is_address(&r->address, "127.0.0.11")) {
        id = FINDING_DNS_20;
    } else if (q->word == LOOKUP_CONN_REFUSED && address_is_loopback(&r->address)) {
        id = FINDING_DNS_01;
    } else if (e->machine.is_wsl && r->origin == RESOLVER_SYSTEM) {
        id = FINDING_DNS_22;
    }
    bool is_sure = id == FINDING_DNS_01 || q->word == LOOKUP_TIMEOUT;
    add(e, d, id, is_sure ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY, q);
}

/* --- it knows, with trouble --- */

static void judge_known(const struct examination *e, const struct question_fact *q,
                        struct diagnosis *d)
{
    enum lookup_word udp = word_of(e, q->resolver, ABOUT_SRV, WAY_UDP);
    enum lookup_word plain = word_of(e, q->resolver, ABOUT_SRV, WAY_UDP_PLAIN);
    if (q->has_compressed_target) {
        add(e, d, FINDING_DNS_10, CONFIDENCE_CERTAIN, q);
    }
    if (q->about == ABOUT_SRV && q->alias != NULL) {
        struct finding *f = add(e, d, FINDING_DNS_13, CONFIDENCE_LIKELY, q);
        finding_note(f, "name", "%s", q->alias);
    }
    if (udp == LOOKUP_TIMEOUT && plain == LOOKUP_TIMEOUT) {
        struct finding *f = add(e, d, FINDING_DNS_03, CONFIDENCE_LIKELY, q);
        finding_note(f, "udp", "timeout");
    } else if (udp == LOOKUP_TIMEOUT && (plain == LOOKUP_OK || plain == LOOKUP_TRUNCATED)) {
        add(e, d, FINDING_DNS_09, CONFIDENCE_LIKELY, q);
    }
}

static void judge_answer(const struct examination *e, const struct question_fact *q,
                         struct diagnosis *d)
{
    switch (q->word) {
    case LOOKUP_OK:
        judge_known(e, q, d);
        break;
    case LOOKUP_NXDOMAIN:
    case LOOKUP_NODATA:
        judge_denied(e, q, d);
        break;
    case LOOKUP_SERVFAIL:
        add(e, d, FINDING_DNS_05, CONFIDENCE_CERTAIN, q);
        break;
    case LOOKUP_MALFORMED:
        add(e, d, FINDING_DNS_05, CONFIDENCE_POSSIBLE, q);
        break;
    case LOOKUP_TRUNCATED:
        add(e, d, FINDING_DNS_08, CONFIDENCE_CERTAIN, q);
        break;
    case LOOKUP_REFUSED:
    case LOOKUP_FAILED:
    case LOOKUP_TIMEOUT:
    case LOOKUP_CONN_REFUSED:
    case LOOKUP_UNREACHABLE:
    case LOOKUP_CLOSED:
    case LOOKUP_TLS_FAILED:
    case LOOKUP_CERTIFICATE:
    case LOOKUP_HTTP_ERROR:
        judge_silent(e, q, d);
        break;
    case LOOKUP_NOT_ASKED:
    case LOOKUP_WAITING:
        break;
    }
}

/* --- all together --- */

static void judge_no_resolver(const struct examination *e, struct diagnosis *d)
{
    for (size_t i = 0; i < e->resolver_count; i++) {
        if (is_own(e, i)) {
            return;
        }
    }
    struct finding *f = diagnosis_add(d, FINDING_DNS_01, names_severity(e), CONFIDENCE_CERTAIN);
    finding_note(f, "list", "empty");
}

/* Plain resolvers out in the world say what the one here says, encrypted ones say otherwise. */
static void judge_redirected(const struct examination *e, struct diagnosis *d)
{
    const struct question_fact *plain = NULL;
    bool is_known = false, is_plain_known = false;
    for (size_t i = 0; i < e->resolver_count; i++) {
        const struct question_fact *q = find_question(e, i, ABOUT_SRV, WAY_USUAL);
        if (q == NULL || is_own(e, i)) {
            continue;
        }
        bool is_plain = e->resolvers[i].kind == RESOLVER_PLAIN;
        is_known |= !is_plain && q->word == LOOKUP_OK;
        is_plain_known |= is_plain && q->word == LOOKUP_OK;
        plain = is_plain && q->rcode >= 0 ? q : plain;
    }
    if (is_known && !is_plain_known && plain != NULL) {
        add(e, d, FINDING_DNS_19, CONFIDENCE_LIKELY, plain);
    }
}

static void judge_inventions(const struct examination *e, struct diagnosis *d)
{
    bool is_denied = false;
    for (size_t i = 0; i < e->resolver_count; i++) {
        is_denied |= word_of(e, i, ABOUT_NOTHING, WAY_USUAL) == LOOKUP_NXDOMAIN;
    }
    for (size_t i = 0; i < e->resolver_count; i++) {
        const struct question_fact *q = find_question(e, i, ABOUT_NOTHING, WAY_USUAL);
        bool is_odd = is_denied || examination_is_atlas(e);
        if (q != NULL && is_own(e, i) && q->word == LOOKUP_OK && is_odd) {
            struct finding *f =
                add(e, d, FINDING_DNS_18, is_denied ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY, q);
            finding_note(f, "address", "%s", q->said);
        }
    }
}

/* Programs that ask by the C library try the cluster's name with every search domain first. */
static void judge_search(const struct examination *e, struct diagnosis *d)
{
    const char *host = e->settings->upstream.srv_host;
    int64_t dots = 0;
    for (const char *at = host; at != NULL && *at != '\0'; at++) {
        dots += *at == '.';
    }
    if (host != NULL && e->machine.search != NULL && dots < e->machine.ndots) {
        struct finding *f = diagnosis_add(d, FINDING_DNS_24, SEVERITY_INFO, CONFIDENCE_CERTAIN);
        finding_note(f, "search", "%s", e->machine.search);
        finding_note(f, "ndots", "%lld", (long long)e->machine.ndots);
    }
}

void judge_names(const struct examination *e, struct diagnosis *d)
{
    enum question_about about = main_question(e);
    if (e->needs_resolvers) {
        size_t before = d->count;
        judge_no_resolver(e, d);
        for (size_t i = 0; i < e->resolver_count; i++) {
            const struct question_fact *q = find_question(e, i, about, WAY_USUAL);
            if (q != NULL && is_own(e, i)) {
                judge_answer(e, q, d);
            }
        }
        judge_redirected(e, d);
        judge_inventions(e, d);
        if (d->count > before && e->machine.is_musl) {
            diagnosis_add(d, FINDING_DNS_21, SEVERITY_INFO, CONFIDENCE_POSSIBLE);
        }
    }
    judge_search(e, d);
    judge_records(e, d);
    judge_addresses(e, d);
}
