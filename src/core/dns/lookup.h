/* Whom to ask one DNS question next, and whom to believe.
 *
 * The resolvers of a list are asked in order: the next one as soon as the last has failed, or when
 * it has been silent for a share of the time limit. A resolver once asked may still answer until
 * the end. The first that knows (also that the name or the record does not exist) is believed; one
 * that fails (SERVFAIL, REFUSED, no answer, …) only passes the question on. Pure: the shell asks
 * and tells. */
#ifndef CORE_DNS_LOOKUP_H
#define CORE_DNS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/units.h"
#include "core/dns/message.h"

enum { LOOKUP_RESOLVERS_MOST = 16, LOOKUP_STAGGER_LEAST_MS = 500 };

/* What a resolver said. The texts are for tables, logs and metrics. */
#define LOOKUP_WORD_LIST(X)         \
    X(NOT_ASKED, "not_asked")       \
    X(WAITING, "waiting")           \
    X(OK, "ok")                     \
    X(NXDOMAIN, "nxdomain")         \
    X(NODATA, "nodata")             \
    X(SERVFAIL, "servfail")         \
    X(REFUSED, "refused")           \
    X(FAILED, "failed")             \
    X(TIMEOUT, "timeout")           \
    X(CONN_REFUSED, "conn_refused") \
    X(UNREACHABLE, "unreachable")   \
    X(MALFORMED, "malformed")       \
    X(TRUNCATED, "truncated")

enum lookup_word {
#define LOOKUP_WORD_ENUM(name, text) LOOKUP_##name,
    LOOKUP_WORD_LIST(LOOKUP_WORD_ENUM)
#undef LOOKUP_WORD_ENUM
};

const char *lookup_word_text(enum lookup_word word);

/* Whether it says what is there, or that nothing is. */
bool lookup_is_answer(enum lookup_word word);

struct lookup_try {
    enum lookup_word word;
    msec asked_at;
    msec took; /* until the word was known; for WAITING and NOT_ASKED 0 */
};

struct lookup {
    msec deadline; /* of the whole question */
    msec stagger;
    msec next_at; /* when the next resolver is asked although the last has said nothing */
    size_t count;
    size_t asked;
    size_t believed; /* index; count: none yet */
    bool is_over;    /* BELIEVE or GIVE_UP was decided */
    bool is_told;    /* and handed out */
    struct lookup_try tries[LOOKUP_RESOLVERS_MOST];
};

enum lookup_action_kind {
    LOOKUP_ASK,     /* `resolver`; then lookup_on_word */
    LOOKUP_BELIEVE, /* `resolver`, which said OK, NXDOMAIN or NODATA; the last action */
    LOOKUP_GIVE_UP  /* nobody knew; the last action */
};

struct lookup_action {
    enum lookup_action_kind kind;
    size_t resolver;
};

/* Of more `resolvers` the first LOOKUP_RESOLVERS_MOST count, and of none nothing can be known;
 * `timeout` > 0. */
void lookup_init(struct lookup *l, size_t resolvers, msec timeout, msec now);

/* Told: what the resolver said. Ignored when it was not asked, has said something, or all is over.
 */
void lookup_on_word(struct lookup *l, size_t resolver, enum lookup_word word, msec now);

/* Told: time has passed. */
void lookup_on_time(struct lookup *l, msec now);

/* Asked, after every fact, until it says false. */
bool lookup_next_action(struct lookup *l, msec now, struct lookup_action *action);

/* Looked at: when lookup_on_time is due; MSEC_NEVER once all is over. */
msec lookup_deadline(const struct lookup *l);

/* The word for what came of asking: a status, and the decoded answer when that is OK (`decoded` is
 * the outcome of message_decode then). */
enum lookup_word lookup_word_of(enum status asked, enum status decoded,
                                const struct dns_answer *answer);

/* Looked at, when it ended without OK: sets `why` to a sentence that begins with `subject` ("the
 * SRV record x"), names what every resolver said and the remedy. NAME_NOT_FOUND, NAME_NO_ANSWER or
 * NAME_LOOKUP_FAILED. `resolvers` are the names of the list. */
enum status lookup_explain(const struct lookup *l, const char *const *resolvers,
                           const char *subject, struct error *why);

#endif
