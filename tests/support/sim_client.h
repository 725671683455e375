/* An application's connection in the simulated world. It checks that every reply is its own: each
 * request carries a token, fresh in the world, that the reply must repeat. */
#ifndef SUPPORT_SIM_CLIENT_H
#define SUPPORT_SIM_CLIENT_H

#include "base/list.h"
#include "support/sim_wire.h"

struct sim_world;

enum { SIM_ASKED_MOST = 64 };

struct sim_client {
    struct list link; /* in the world, which frees it at its end */
    struct sim_world *world;
    struct conn *conn; /* NULL: closed */
    struct sim_inbox inbox;
    struct sim_asked {
        int32_t request_id;
        int64_t token;
        msec at;
    } asked[SIM_ASKED_MOST]; /* and not answered, in order */
    size_t asked_count;
    uint8_t *rest; /* of a request that was sent in part */
    size_t rest_size;

    size_t replies; /* errors too */
    size_t errors;
    bson_t *last; /* the last reply; NULL: none */
    msec took;    /* from its request */
    enum status why_closed;

    /* Called for each reply, also when the conn ends (`reply` NULL); NULL: nobody. */
    void (*on_reply)(struct sim_client *c, const bson_t *reply);
    void *owner;
    int64_t number; /* for the scenario */
};

/* A transaction of an application: `lsid` and a number. */
struct sim_txn {
    uint8_t lsid[16];
    int64_t number;
    bool has_begun;
};

/* The `client` document of a hello, with the application's name to be filled in. */
#define SIM_CLIENT_DOCUMENT                                                       \
    "{'application': {'name': '%s'}, 'driver': {'name': 'sim', 'version': '1'}, " \
    "'os': {'type': 'Linux'}}"

/* Dials the proxy; requests may be sent at once. */
struct sim_client *sim_client_open(struct sim_world *w);

/* Sends a command (JSON with ', without $db) and returns its token. */
int64_t sim_client_ask(struct sim_client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with moreToCome: no reply comes. */
int64_t sim_client_tell(struct sim_client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same within a transaction, which its first statement begins. */
int64_t sim_client_ask_in(struct sim_client *c, struct sim_txn *t, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends only the first `part` bytes of it; sim_client_send_rest the others. */
int64_t sim_client_ask_in_part(struct sim_client *c, size_t part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sim_client_send_rest(struct sim_client *c);

void sim_client_leave(struct sim_client *c, enum close_how how);
void sim_client_free(struct sim_client *c);

static inline bool sim_client_is_answered(const struct sim_client *c)
{
    return c->asked_count == 0 || c->conn == NULL;
}

/* The code of the last reply's error; 0: it was none. */
static inline int64_t sim_client_code(const struct sim_client *c)
{
    return c->last == NULL ? -1 : sim_int(c->last, "code");
}

/* The text of the last reply's error. */
static inline const char *sim_client_said(const struct sim_client *c)
{
    return c->last == NULL ? "" : sim_text(c->last, "errmsg");
}

#endif
