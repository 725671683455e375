/* Happy path: ask the first resolver -> it knows -> believe it.
 *
 * Failures: it fails (the next is asked at once); it is silent (the next is asked beside it); all
 * have failed or the time is over (give up, with a word for everyone). */
#include "core/dns/lookup.h"

#include <stdio.h>
#include <string.h>

#include "base/require.h"

/* How many resolvers a sentence names; the rest are counted. */
enum { EXPLAINED_MOST = 3 };

const char *lookup_word_text(enum lookup_word word)
{
    static const char *const texts[] = {
#define LOOKUP_WORD_TEXT(name, text) [LOOKUP_##name] = text,
        LOOKUP_WORD_LIST(LOOKUP_WORD_TEXT)
#undef LOOKUP_WORD_TEXT
    };
    return texts[word];
}

void lookup_init(struct lookup *l, size_t resolvers, msec timeout, msec now)
{
    require(timeout > 0);
    *l = (struct lookup){.deadline = msec_after(now, timeout), .next_at = now};
    l->count = resolvers < LOOKUP_RESOLVERS_MOST ? resolvers : LOOKUP_RESOLVERS_MOST;
    l->believed = l->count;
    l->is_over = l->count == 0;
    l->stagger = l->count == 0 ? timeout : timeout / (msec)l->count;
    if (l->stagger < LOOKUP_STAGGER_LEAST_MS) {
        l->stagger = LOOKUP_STAGGER_LEAST_MS;
    }
}

bool lookup_is_answer(enum lookup_word word)
{
    return word == LOOKUP_OK || word == LOOKUP_NXDOMAIN || word == LOOKUP_NODATA;
}

static bool has_waiting(const struct lookup *l)
{
    for (size_t i = 0; i < l->asked; i++) {
        if (l->tries[i].word == LOOKUP_WAITING) {
            return true;
        }
    }
    return false;
}

static void end_try(struct lookup_try *t, enum lookup_word word, msec now)
{
    t->word = word;
    t->took = now - t->asked_at;
}

void lookup_on_word(struct lookup *l, size_t resolver, enum lookup_word word, msec now)
{
    if (l->is_over || resolver >= l->asked || l->tries[resolver].word != LOOKUP_WAITING) {
        return;
    }
    end_try(&l->tries[resolver], word, now);
    if (lookup_is_answer(word)) {
        l->believed = resolver;
        l->is_over = true;
    } else if (resolver + 1 == l->asked) {
        l->next_at = now; /* the latest one failed; an earlier one's end changes no turn */
    }
    if (l->asked == l->count && !has_waiting(l)) {
        l->is_over = true;
    }
}

void lookup_on_time(struct lookup *l, msec now)
{
    if (l->is_over || now < l->deadline) {
        return;
    }
    for (size_t i = 0; i < l->asked; i++) {
        if (l->tries[i].word == LOOKUP_WAITING) {
            end_try(&l->tries[i], LOOKUP_TIMEOUT, now);
        }
    }
    l->is_over = true;
}

bool lookup_next_action(struct lookup *l, msec now, struct lookup_action *action)
{
    if (l->is_over) {
        if (l->is_told) {
            return false;
        }
        l->is_told = true;
        bool knows = l->believed < l->count;
        *action = (struct lookup_action){.kind = knows ? LOOKUP_BELIEVE : LOOKUP_GIVE_UP,
                                         .resolver = l->believed};
        return true;
    }
    if (l->asked == l->count || now < l->next_at) {
        return false;
    }
    l->next_at = now + l->stagger;
    l->tries[l->asked] = (struct lookup_try){.word = LOOKUP_WAITING, .asked_at = now};
    *action = (struct lookup_action){.kind = LOOKUP_ASK, .resolver = l->asked++};
    return true;
}

msec lookup_deadline(const struct lookup *l)
{
    if (l->is_over) {
        return MSEC_NEVER;
    }
    return l->asked < l->count ? msec_earlier(l->next_at, l->deadline) : l->deadline;
}

static enum lookup_word word_of_answer(const struct dns_answer *answer)
{
    if (answer->is_truncated) {
        return LOOKUP_TRUNCATED;
    }
    switch (answer->rcode) {
    case DNS_NOERROR:
        return answer->count > 0 ? LOOKUP_OK : LOOKUP_NODATA;
    case DNS_NXDOMAIN:
        return LOOKUP_NXDOMAIN;
    case DNS_SERVFAIL:
        return LOOKUP_SERVFAIL;
    case DNS_REFUSED:
        return LOOKUP_REFUSED;
    default:
        return LOOKUP_FAILED;
    }
}

enum lookup_word lookup_word_of(enum status asked, enum status decoded,
                                const struct dns_answer *answer)
{
    if (asked == STATUS_OK) {
        return decoded == STATUS_OK ? word_of_answer(answer) : LOOKUP_MALFORMED;
    }
    if (asked == STATUS_TIMED_OUT) {
        return LOOKUP_TIMEOUT;
    }
    if (asked == STATUS_REFUSED) {
        return LOOKUP_CONN_REFUSED;
    }
    return asked == STATUS_UNREACHABLE ? LOOKUP_UNREACHABLE : LOOKUP_FAILED;
}

static const char *clause_of(enum lookup_word word)
{
    switch (word) {
    case LOOKUP_OK:
        return "answered";
    case LOOKUP_NOT_ASKED:
    case LOOKUP_WAITING:
    case LOOKUP_TIMEOUT:
        return "did not answer in time";
    case LOOKUP_NXDOMAIN:
        return "says that the name does not exist (NXDOMAIN)";
    case LOOKUP_NODATA:
        return "says that the name has no such record (NODATA)";
    case LOOKUP_SERVFAIL:
        return "failed to find out (SERVFAIL)";
    case LOOKUP_REFUSED:
        return "refuses to answer such questions (REFUSED)";
    case LOOKUP_FAILED:
        return "could not answer";
    case LOOKUP_CONN_REFUSED:
        return "refused the connection";
    case LOOKUP_UNREACHABLE:
        return "is unreachable";
    case LOOKUP_MALFORMED:
        return "sent an answer that makes no sense";
    case LOOKUP_TRUNCATED:
        return "sent only a part of the answer";
    }
    return "";
}

static const char *remedy_of(const struct lookup *l)
{
    size_t silent = 0;
    if (l->believed < l->count) {
        return l->tries[l->believed].word == LOOKUP_NXDOMAIN
                   ? "check the host name in the connection string, and whether this resolver "
                     "(a VPN's, for instance) knows public names"
                   : "check the host name in the connection string; some routers drop such "
                     "records, another resolver in dns.resolvers may have them";
    }
    for (size_t i = 0; i < l->asked; i++) {
        silent += l->tries[i].word == LOOKUP_TIMEOUT;
    }
    return silent == l->asked
               ? "check the network, or name a resolver that answers in dns.resolvers"
               : "name a resolver that works in dns.resolvers, or repair this one";
}

/* Adds to the text; what does not fit is cut off. */
static void add(char *text, size_t room, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%s", more);
}

enum status lookup_explain(const struct lookup *l, const char *const *resolvers,
                           const char *subject, struct error *why)
{
    char said[ERROR_TEXT_SIZE] = "";
    char more[ERROR_TEXT_SIZE];
    bool knows = l->believed < l->count;
    size_t first = knows ? l->believed : 0;
    size_t last = knows ? l->believed + 1 : l->asked;
    enum status status = STATUS_NAME_LOOKUP_FAILED;
    if (knows) {
        bool has_name = l->tries[l->believed].word != LOOKUP_NXDOMAIN;
        status = has_name ? STATUS_NAME_NO_ANSWER : STATUS_NAME_NOT_FOUND;
    }
    for (size_t i = first; i < last && i < first + EXPLAINED_MOST; i++) {
        snprintf(more, sizeof more, "%sresolver %.60s %s", i > first ? ", " : "", resolvers[i],
                 clause_of(l->tries[i].word));
        add(said, sizeof said, more);
    }
    if (last > first + EXPLAINED_MOST) {
        snprintf(more, sizeof more, ", and %zu more failed", last - first - EXPLAINED_MOST);
        add(said, sizeof said, more);
    }
    return error_set(why, status, "%s could not be looked up: %s; %s", subject, said, remedy_of(l));
}
