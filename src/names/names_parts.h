/* The inside of a request, shared by names.c (addresses), names_question.c (questions) and
 * names_seeds.c (seeds), and by nobody else. */
#ifndef NAMES_NAMES_PARTS_H
#define NAMES_NAMES_PARTS_H

#include "names/asking.h"
#include "names/candidates.h"
#include "names/names.h"

enum { QUESTIONS = 2, ADDRESSES_MOST = 16, NAMES_ROWS_MOST = QUESTIONS * LOOKUP_RESOLVERS_MOST };

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
    msec fell_back_at; /* when that was told last */
};

struct question;

struct asked {
    struct question *question;
    struct asking *asking; /* NULL: not under way */
    size_t records;        /* when its word is OK */
    uint32_t ttl_seconds;
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
    struct question questions[QUESTIONS];
    size_t question_count;
    bool has_fallen_back;                     /* and that was told */
    struct deadline done;                     /* on_done is due */
    const struct upstream_settings *upstream; /* seeds */
    bool is_poll;                             /* seeds, of a cluster that is known */
    void (*on_seeds)(void *owner, const struct names_seeds *found);
    void (*on_addresses)(void *owner, const struct names_addresses *found);
    void *owner;
    char *host;
    uint16_t port;
    struct address known[ADDRESSES_MOST]; /* without DNS */
    size_t known_count;
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

/* Calls on_seeds; the request ends. */
void names_finish_seeds(struct names_request *r);

#endif
