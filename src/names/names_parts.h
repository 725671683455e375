/* The inside of a request, shared by names.c (its end), names_question.c (questions), names_host.c
 * (addresses), names_seeds.c (seeds) and names_memory.c (what was known last), and by nobody else.
 */
#ifndef NAMES_NAMES_PARTS_H
#define NAMES_NAMES_PARTS_H

#include "base/list.h"
#include "names/asking.h"
#include "names/candidates.h"
#include "names/names.h"
#include "names/names_memory.h"

enum {
    QUESTIONS = 2,
    ADDRESSES_MOST = LAST_GOOD_ADDRESSES_MOST,
    NAMES_ROWS_MOST = QUESTIONS * LOOKUP_RESOLVERS_MOST
};

struct names {
    struct net *net;
    struct dns_settings settings; /* a copy */
    char *hosts_file;
    size_t requests;
    void (*on_news)(void *owner, const struct names_news *news);
    void *news_owner;
    struct tls_config *tls; /* NULL: not needed yet */
    bool has_tls_failed;
    bool has_told_denial;
    bool has_told_compression;
    bool has_fallen_back;
    msec fell_back_at;           /* when that was told last */
    msec silent_until;           /* own resolvers were silent, and are not waited for */
    struct list bursts;          /* hosts that are asked for */
    struct names_memory *memory; /* NULL: none */
};

struct question;

struct asked {
    struct question *question;
    struct asking *asking; /* NULL: not under way */
    size_t records;        /* when its word is OK */
    uint32_t ttl_seconds;
    char detail[NAMES_DETAIL_SIZE];
};

struct question {
    struct names_request *request;
    uint16_t type;
    char *name;
    struct lookup lookup;
    struct deadline deadline;
    struct asked asked[LOOKUP_RESOLVERS_MOST];
    struct dns_answer answer; /* records; of the resolver that is believed */
    bool is_over;
    bool is_known; /* somebody answered, maybe that there is nothing */
};

struct names_request {
    struct names *names;
    struct candidates *candidates; /* as they were when it began */
    struct deadline reread;        /* whether they still are */
    struct question questions[QUESTIONS];
    size_t question_count;
    bool has_fallen_back;                     /* and that was told */
    struct deadline done;                     /* on_done is due */
    const struct upstream_settings *upstream; /* seeds */
    bool is_poll;                             /* seeds, of a cluster that is known */
    bool is_live;                             /* an old answer will not do */
    bool is_impatient;                        /* questions are open, and an old answer has to do */
    msec began_at;
    struct deadline patience; /* then it becomes so */
    void (*on_seeds)(void *owner, const struct names_seeds *found);
    void (*on_addresses)(void *owner, const struct names_addresses *found);
    void *owner;
    char *host;
    uint16_t port;
    struct names_request
        *burst;         /* addresses: the one that asks; NULL: it has ended, or none does */
    struct list askers; /* of a burst: whose it is */
    struct list link;   /* a burst's in the names', an asker's in the burst's */
    struct names_addresses found; /* what the burst has brought, or what needs no DNS */
    struct address list[ADDRESSES_MOST];
    char *source;
};

/* For the listener, when there is one. */
void names_tell(const struct names *n, const struct names_news *news);

struct names_request *names_request_new(struct names *n, void *owner);
void names_request_free(struct names_request *r);

void names_add_question(struct names_request *r, uint16_t type, const char *name);

void names_cancel_askings(struct question *q);

/* What every resolver that was asked has said; texts are the request's. */
size_t names_list_rows(const struct names_request *r, struct names_row rows[NAMES_ROWS_MOST]);

/* Does what the question's lookup says. */
void names_advance(struct question *q);

/* Why it ended without an answer; `why` is set to its sentence. */
enum status names_explain(const struct question *q, struct error *why);

/* The same of a question that is open still. */
void names_explain_impatience(const struct question *q, struct error *why);

/* Who was believed: after an answer. */
const char *names_source(const struct question *q);

/* From now on an old answer will do, which there is, when no live one comes soon. */
void names_limit_patience(struct names_request *r);

/* Calls on_seeds, or on_addresses; the request ends. */
void names_finish_seeds(struct names_request *r);
void names_finish_host(struct names_request *r);

/* A burst has ended: tells all who have asked for it. */
void names_finish_burst(struct names_request *burst);

/* It is not wanted any more, and neither is the burst, if nobody else does. */
void names_leave_burst(struct names_request *r);

#endif
