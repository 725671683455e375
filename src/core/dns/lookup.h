/* Whom to ask one DNS question next, and whom to believe.
 *
 * The user's own resolvers (of the system or of dns.resolvers) are all asked, 150 ms apart. What
 * they do not know the resolvers to fall back on are asked: plain ones after 800 ms, those over TLS
 * after 1.5 s, over HTTPS after 2.5 s; one kind at a time, 400 ms apart. Who fails hard makes room
 * for the next at once; and a kind is begun early when all before it have failed hard.
 *
 * A positive answer is believed. That of an own resolver wins, also when it comes up to 200 ms
 * after another's: what it says of private names nobody else can know. A denial (there is no such
 * name, or no such record) is believed when it comes from a resolver that knew the name's other
 * records, when two say so who are independent of each other, or when nobody else can be asked.
 * Most names have no TXT or AAAA record, so that a denial of these hurries nobody.
 *
 * Independent are an own resolver and one to fall back on; but a device on the way can answer in
 * the place of all plain ones, so that where some can prove who they are (TLS, HTTPS) one of them
 * must agree, for the first 3 s. Pure: the shell asks and tells. */
#ifndef CORE_DNS_LOOKUP_H
#define CORE_DNS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/units.h"
#include "core/dns/message.h"
#include "core/dns/resolver.h"

enum {
    LOOKUP_RESOLVERS_MOST = 32,
    LOOKUP_STAGGER_MS = 150, /* between own resolvers */
    LOOKUP_SILENCE_MS = 400, /* between others of one kind */
    LOOKUP_PLAIN_MS = 800,
    LOOKUP_TLS_MS = 1500,
    LOOKUP_HTTPS_MS = 2500,
    LOOKUP_OWN_MS = 200, /* how much later an own resolver's answer still wins */
    LOOKUP_PROOF_MS = 3000,
    LOOKUP_BESIDE_MOST = 3, /* others of one kind that are waited for: each may hold sockets */
};

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
    X(TRUNCATED, "truncated")       \
    X(CLOSED, "closed")             \
    X(TLS_FAILED, "tls_failed")     \
    X(CERTIFICATE, "certificate")   \
    X(HTTP_ERROR, "http_error")

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

enum lookup_stage { LOOKUP_OWN, LOOKUP_PLAIN, LOOKUP_TLS, LOOKUP_HTTPS, LOOKUP_STAGES };

struct lookup {
    const struct resolver *list; /* lent */
    size_t count;
    uint16_t type;
    msec began_at;
    msec deadline;   /* of the whole question */
    msec head_start; /* of others, since own ones were silent a moment ago */
    msec proof_at;   /* until when a denial needs more proof; MSEC_NEVER: no longer */
    struct {
        msec asked_at; /* the latest of them; MSEC_NEVER: none yet */
        size_t owed;   /* who failed hard and was not yet followed by the next */
    } stages[LOOKUP_STAGES];
    size_t held;       /* index: a positive answer that waits for an own resolver's; count: none */
    msec held_until;   /* … */
    size_t vouched;    /* index: knows the name's other records; count: none */
    size_t believed;   /* index; count: none yet */
    bool is_confirmed; /* what is believed and negative */
    bool is_over;      /* BELIEVE or GIVE_UP was decided */
    bool is_told;      /* and handed out */
    struct lookup_try tries[LOOKUP_RESOLVERS_MOST];
};

enum lookup_action_kind {
    LOOKUP_ASK,     /* `resolver`; then lookup_on_word */
    LOOKUP_LEAVE,   /* `resolver`, which has been asked and is silent, for others' sake */
    LOOKUP_BELIEVE, /* `resolver`, which said OK, NXDOMAIN or NODATA; the last action */
    LOOKUP_GIVE_UP  /* nobody knew; the last action */
};

struct lookup_action {
    enum lookup_action_kind kind;
    size_t resolver;
};

/* Own resolvers and those to fall back on, in any order within `list`, which is lent; of more the
 * first LOOKUP_RESOLVERS_MOST count, and of none nothing can be known. `timeout` > 0. */
void lookup_init(struct lookup *l, const struct resolver *list, size_t count, uint16_t type,
                 msec timeout, msec now);

/* Told, before the first question: the own resolvers have been silent a moment ago. Others are not
 * kept waiting for them, and are asked from the beginning. */
void lookup_on_silent_before(struct lookup *l);

/* Told: what the resolver said. Ignored when it was not asked, has said something, or all is over.
 */
void lookup_on_word(struct lookup *l, size_t resolver, enum lookup_word word, msec now);

/* Told: the resolver was right about other records of the same name, so that what it says of this
 * one counts. It is asked next when it was not yet. */
void lookup_on_vouched(struct lookup *l, size_t resolver, msec now);

/* Told: time has passed. */
void lookup_on_time(struct lookup *l, msec now);

/* Asked, after every fact, until it says false. */
bool lookup_next_action(struct lookup *l, msec now, struct lookup_action *action);

/* Looked at: when lookup_on_time is due; MSEC_NEVER once all is over. */
msec lookup_deadline(const struct lookup *l);

/* Looked at: the answer that is believed is of a resolver to fall back on. */
bool lookup_fell_back(const struct lookup *l);

/* Looked at, when it has ended: the own resolvers were asked, and none has said anything. */
bool lookup_was_silent(const struct lookup *l);

/* Looked at, when a positive answer is believed: the own resolver that said that there is nothing;
 * `count`: none did. */
size_t lookup_denier(const struct lookup *l);

/* The word for what came of asking: a status, and the decoded answer when that is OK (`decoded` is
 * the outcome of message_decode then). */
enum lookup_word lookup_word_of(enum status asked, enum status decoded,
                                const struct dns_answer *answer);

/* Looked at, when it ended without OK: sets `why` to a sentence that names the finding, `subject`
 * ("the SRV record of x"), what the resolvers said, and the remedy. NAME_NOT_FOUND, NAME_NO_ANSWER
 * or NAME_LOOKUP_FAILED. */
enum status lookup_explain(const struct lookup *l, const char *subject, struct error *why);

/* Looked at: what the resolvers said that did not have the answer, as part of a sentence. */
void lookup_list_failures(const struct lookup *l, char *text, size_t room);

#endif
