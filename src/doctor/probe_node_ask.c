/* What is said to a node over a connection that stands:
 *
 *   hello ─ login ─ ping ─ connectionStatus ─ serverStatus
 *
 * A refusal of the last two is noted and is no fault; the others end the probe when they fail. */
#include <stdlib.h>

#include "base/require.h"
#include "core/wire/client_document.h"
#include "doctor/probe_node_parts.h"

/* Key derivation on another thread; `probe` is NULL when it ended meanwhile. */
struct node_job {
    struct login_work *work;
    struct doctor *doctor;
    struct node_probe *probe;
};

static void ask(struct node_probe *p, const bson_t *command)
{
    probe_ask(p->doctor, &p->talk, &p->stream, command);
}

static struct reply_fact *fact_under_way(struct node_probe *p)
{
    switch ((enum node_step)p->state.now_in) {
    case NODE_GREETING:
        return &p->fact->hello;
    case NODE_PROVING:
        return &p->fact->login;
    case NODE_PINGING:
        return &p->fact->ping;
    case NODE_NAMING:
        return &p->fact->who;
    case NODE_WEIGHING:
        return &p->fact->load;
    case NODE_FINDING:
    case NODE_DIALING:
    case NODE_TUNNELLING:
    case NODE_SECURING:
    case NODE_PAUSING:
    case NODE_LEAVING:
        break;
    }
    return NULL;
}

void node_fail_asking(struct node_probe *p, enum status status, const char *why)
{
    struct reply_fact *fact = fact_under_way(p);
    if (fact != NULL) {
        step_end(&fact->step, status, node_since(p), why);
    }
}

/* --- hello --- */

static struct login *new_login(struct doctor *d)
{
    static const enum login_mechanism mechanisms[] = {
        [AUTH_NONE] = LOGIN_DEFAULT,
        [AUTH_DEFAULT] = LOGIN_DEFAULT,
        [AUTH_SCRAM_SHA_1] = LOGIN_SCRAM_SHA_1,
        [AUTH_SCRAM_SHA_256] = LOGIN_SCRAM_SHA_256,
        [AUTH_X509] = LOGIN_X509,
    };
    const struct upstream_settings *up = &d->settings->upstream;
    struct login_credentials credentials = {.mechanism = mechanisms[up->auth_mechanism],
                                            .user = up->user,
                                            .password = up->password,
                                            .source = d->facts->auth_source};
    uint8_t nonce[LOGIN_NONCE_BYTES];
    if (up->auth_mechanism == AUTH_NONE || d->facts->skips_login ||
        d->logins == DOCTOR_LOGINS_MOST) {
        return NULL;
    }
    d->logins++;
    net_random(d->net, nonce, sizeof nonce);
    return login_new(&credentials, nonce, d->keys);
}

static bool is_balanced(const struct doctor *d)
{
    return d->settings->upstream.load_balanced || d->facts->txt_load_balanced;
}

void node_greet(struct node_probe *p)
{
    struct doctor *d = p->doctor;
    bson_t hello = BSON_INITIALIZER;
    bson_append_int32(&hello, is_balanced(d) ? "hello" : "isMaster", -1, 1);
    BSON_APPEND_BOOL(&hello, "helloOk", true);
    if (is_balanced(d)) {
        BSON_APPEND_BOOL(&hello, "loadBalanced", true);
    }
    client_document_append(&hello, "mooring doctor");
    p->login = new_login(d);
    if (p->login != NULL) {
        login_add_to_hello(p->login, &hello);
    }
    BSON_APPEND_UTF8(&hello, "$db", "admin");
    node_move(p, NODE_GREETING);
    ask(p, &hello);
    bson_destroy(&hello);
}

static char *read_mechanisms(const bson_t *reply)
{
    bson_iter_t it, each;
    char *list = NULL;
    if (!bson_iter_init_find(&it, reply, "saslSupportedMechs") || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !bson_iter_recurse(&it, &each)) {
        return NULL;
    }
    while (bson_iter_next(&each)) {
        if (BSON_ITER_HOLDS_UTF8(&each)) {
            char *longer = list == NULL ? xstrdup(bson_iter_utf8(&each, NULL))
                                        : xformat("%s, %s", list, bson_iter_utf8(&each, NULL));
            free(list);
            list = longer;
        }
    }
    return list;
}

static void note_hello(struct node_probe *p, const bson_t *reply)
{
    struct node_fact *n = p->fact;
    bson_iter_t it;
    struct error why;
    probe_read_reply(&n->hello, reply, node_since(p));
    n->is_described = server_description_read(span_of(bson_get_data(reply), reply->len),
                                              &n->description, &why) == STATUS_OK;
    n->mechanisms = read_mechanisms(reply);
    if (bson_iter_init_find(&it, reply, "localTime") && BSON_ITER_HOLDS_DATE_TIME(&it)) {
        n->clock_ms = bson_iter_date_time(&it);
    }
}

/* Those that the node names are examined as well, unless the string wants this one alone. */
static void add_members(struct node_probe *p)
{
    struct doctor *d = p->doctor;
    const struct server_description *description = &p->fact->description;
    bool is_one = d->settings->upstream.direct_connection || is_balanced(d);
    for (size_t i = 0; p->fact->is_described && !is_one && i < description->host_count; i++) {
        doctor_add_node(d, description->hosts[i], NODE_OF_HELLO);
    }
}

static void prove(struct node_probe *p);

static void ask_plainly(struct node_probe *p, enum node_step step, const char *command)
{
    bson_t document = BSON_INITIALIZER;
    probe_write_command(&document, command);
    node_move(p, step);
    ask(p, &document);
    bson_destroy(&document);
}

static void on_hello(struct node_probe *p, const bson_t *reply)
{
    note_hello(p, reply);
    add_members(p);
    if (!p->fact->hello.is_ok || p->doctor->facts->skips_login) {
        node_leave(p);
    } else if (p->login != NULL) {
        node_move(p, NODE_PROVING);
        login_on_hello(p->login, reply);
        prove(p);
    } else if (p->doctor->settings->upstream.auth_mechanism == AUTH_NONE) {
        ask_plainly(p, NODE_PINGING, "ping");
    } else {
        node_leave(p);
    }
}

/* --- login --- */

static void end_login(struct node_probe *p, bool is_in)
{
    struct reply_fact *fact = &p->fact->login;
    const struct error *why = login_why(p->login);
    step_end(&fact->step, STATUS_OK, node_since(p), NULL);
    fact->is_ok = is_in;
    p->fact->mechanism = xstrdup(login_mechanism_name(p->login));
    if (is_in) {
        return;
    }
    fact->code = login_server_code(p->login);
    fact->code_name = xstrdup(status_name(why->status));
    fact->text = xstrdup(why->text);
    p->fact->is_refused_for_good = login_error_is_permanent(p->login);
}

static void derive(void *owner)
{
    struct node_job *job = owner;
    login_work_run(job->work);
}

static void on_derived(void *owner)
{
    struct node_job *job = owner;
    struct node_probe *p = job->probe;
    struct doctor *d = job->doctor;
    d->jobs--;
    if (p == NULL) {
        login_work_free(job->work);
        free(job);
        doctor_advance(d);
        return;
    }
    p->job = NULL;
    login_on_worked(p->login, job->work);
    free(job);
    if (p->state.now_in == NODE_PROVING) {
        prove(p);
    }
}

static void prove(struct node_probe *p)
{
    bson_t command = BSON_INITIALIZER;
    switch (login_next_action(p->login, &command)) {
    case LOGIN_WAIT:
        break;
    case LOGIN_SEND:
        ask(p, &command);
        break;
    case LOGIN_WORK:
        p->job = xcalloc(1, sizeof *p->job);
        *p->job =
            (struct node_job){.work = login_take_work(p->login), .doctor = p->doctor, .probe = p};
        p->doctor->jobs++;
        net_work(p->doctor->net, derive, on_derived, p->job);
        break;
    case LOGIN_DONE:
        end_login(p, true);
        ask_plainly(p, NODE_PINGING, "ping");
        break;
    case LOGIN_FAILED:
        end_login(p, false);
        node_leave(p);
        break;
    }
    bson_destroy(&command);
}

void node_end_asking(struct node_probe *p)
{
    if (p->job != NULL) {
        p->job->probe = NULL;
    }
    login_free(p->login);
    p->login = NULL;
}

/* --- commands --- */

static int64_t count_of(const bson_t *reply, const char *path)
{
    bson_iter_t it, at, each;
    int64_t count = 0;
    if (bson_iter_init(&it, reply) && bson_iter_find_descendant(&it, path, &at) &&
        BSON_ITER_HOLDS_ARRAY(&at) && bson_iter_recurse(&at, &each)) {
        while (bson_iter_next(&each)) {
            count++;
        }
    }
    return count;
}

static bool number_of(const bson_t *reply, const char *path, int64_t *out)
{
    bson_iter_t it, at;
    bool found = bson_iter_init(&it, reply) && bson_iter_find_descendant(&it, path, &at) &&
                 BSON_ITER_HOLDS_NUMBER(&at);
    *out = found ? bson_iter_as_int64(&at) : 0;
    return found;
}

static void weigh(struct node_probe *p)
{
    static const char *const unwanted[] = {"repl", "metrics", "locks", "wiredTiger", "tcmalloc"};
    bson_t command = BSON_INITIALIZER;
    BSON_APPEND_INT32(&command, "serverStatus", 1);
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
        bson_append_int32(&command, unwanted[i], -1, 0);
    }
    BSON_APPEND_UTF8(&command, "$db", "admin");
    node_move(p, NODE_WEIGHING);
    ask(p, &command);
    bson_destroy(&command);
}

static void on_command(struct node_probe *p, const bson_t *reply)
{
    struct node_fact *n = p->fact;
    probe_read_reply(fact_under_way(p), reply, node_since(p));
    switch ((int)p->state.now_in) {
    case NODE_PINGING:
        ask_plainly(p, NODE_NAMING, "connectionStatus");
        break;
    case NODE_NAMING:
        n->user_count = count_of(reply, "authInfo.authenticatedUsers");
        n->role_count = count_of(reply, "authInfo.authenticatedUserRoles");
        weigh(p);
        break;
    default:
        n->has_load = number_of(reply, "connections.current", &n->connections) &&
                      number_of(reply, "connections.available", &n->connections_left);
        node_leave(p);
        break;
    }
}

void node_on_bytes(struct node_probe *p, struct span bytes)
{
    bson_t reply;
    if (fact_under_way(p) == NULL) {
        return;
    }
    switch (talk_on_bytes(&p->talk, bytes, &reply)) {
    case TALK_MORE:
        return;
    case TALK_BAD:
        node_fail_asking(p, STATUS_PROTOCOL_ERROR, NULL);
        node_leave(p);
        talk_done(&p->talk);
        return;
    case TALK_REPLY:
        break;
    }
    if (p->state.now_in == NODE_GREETING) {
        on_hello(p, &reply);
    } else if (p->state.now_in == NODE_PROVING) {
        login_on_reply(p->login, &reply);
        prove(p);
    } else {
        on_command(p, &reply);
    }
    talk_done(&p->talk);
}
