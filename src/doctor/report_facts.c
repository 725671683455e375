/* All facts, as they were measured. */
#include <string.h>

#include "doctor/report.h"

static void put_text(bson_t *to, const char *key, const char *text)
{
    if (text != NULL && bson_utf8_validate(text, strlen(text), false)) {
        BSON_APPEND_UTF8(to, key, text);
    }
}

static void begin(bson_t *array, size_t i, bson_t *item)
{
    char number[16];
    const char *key;
    bson_uint32_to_string((uint32_t)i, &key, number, sizeof number);
    bson_append_document_begin(array, key, -1, item);
}

static void put_step_fields(bson_t *to, const struct step_fact *s)
{
    put_text(to, "status", status_name(s->status));
    BSON_APPEND_INT64(to, "tookMS", s->took);
    put_text(to, "why", s->why);
}

static void put_step(bson_t *to, const char *key, const struct step_fact *s)
{
    bson_t item;
    if (s->is_tried) {
        bson_append_document_begin(to, key, -1, &item);
        put_step_fields(&item, s);
        bson_append_document_end(to, &item);
    }
}

static void put_reply(bson_t *to, const char *key, const struct reply_fact *r)
{
    bson_t item;
    if (!r->step.is_tried) {
        return;
    }
    bson_append_document_begin(to, key, -1, &item);
    put_step_fields(&item, &r->step);
    if (step_is_good(&r->step)) {
        BSON_APPEND_BOOL(&item, "ok", r->is_ok);
    }
    if (r->code != 0) {
        BSON_APPEND_INT32(&item, "code", r->code);
    }
    put_text(&item, "codeName", r->code_name);
    put_text(&item, "text", r->text);
    bson_append_document_end(to, &item);
}

static void put_machine(bson_t *to, const struct machine_fact *m)
{
    bson_t item;
    BSON_APPEND_DOCUMENT_BEGIN(to, "machine", &item);
    put_text(&item, "container", m->container);
    BSON_APPEND_BOOL(&item, "musl", m->is_musl);
    BSON_APPEND_BOOL(&item, "wsl", m->is_wsl);
    put_text(&item, "tunnels", m->vpn);
    put_text(&item, "searchDomains", m->search);
    put_text(&item, "proxyVariables", m->proxy_variables);
    BSON_APPEND_BOOL(&item, "routeIPv4", m->has_ipv4_route);
    BSON_APPEND_BOOL(&item, "routeIPv6", m->has_ipv6_route);
    BSON_APPEND_INT64(&item, "openFiles", (int64_t)m->open_files);
    BSON_APPEND_INT64(&item, "openFilesMost", (int64_t)m->open_files_most);
    BSON_APPEND_INT64(&item, "clock", m->wall_clock);
    bson_append_document_end(to, &item);
}

static void put_listeners(bson_t *to, const struct examination *e)
{
    static const char *const states[] = {"unknown", "free", "mooring", "taken", "unavailable"};
    bson_t array, item;
    char text[ADDRESS_TEXT_SIZE];
    BSON_APPEND_ARRAY_BEGIN(to, "listeners", &array);
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct listener_fact *l = &e->listeners[i];
        begin(&array, i, &item);
        put_text(&item, "address", address_print(&l->address, text));
        BSON_APPEND_BOOL(&item, "configured", l->is_configured);
        put_text(&item, "state", states[l->state]);
        put_text(&item, "program", l->holder);
        if (l->holder != NULL) {
            BSON_APPEND_INT64(&item, "pid", l->holder_pid);
        }
        put_step(&item, "dial", &l->step);
        put_reply(&item, "ping", &l->ping);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(to, &array);
}

static void put_resolvers(bson_t *to, const struct examination *e)
{
    static const char *const origins[] = {"system", "listed", "fallback"};
    bson_t array, item;
    BSON_APPEND_ARRAY_BEGIN(to, "resolvers", &array);
    for (size_t i = 0; i < e->resolver_count; i++) {
        begin(&array, i, &item);
        put_text(&item, "resolver", e->resolvers[i].text);
        put_text(&item, "origin", origins[e->resolvers[i].origin]);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(to, &array);
}

static void put_question(bson_t *to, const struct examination *e, const struct question_fact *q)
{
    static const char *const ways[] = {"usual", "udp", "udp without EDNS", "tcp"};
    put_text(to, "type", dns_type_name(q->type));
    put_text(to, "name", q->name);
    put_text(to, "resolver", e->resolvers[q->resolver].text);
    put_text(to, "way", ways[q->way]);
    put_text(to, "word", lookup_word_text(q->word));
    BSON_APPEND_INT32(to, "rcode", q->rcode);
    BSON_APPEND_BOOL(to, "usedTCP", q->used_tcp);
    BSON_APPEND_INT64(to, "records", (int64_t)q->records);
    BSON_APPEND_INT64(to, "ttlSeconds", q->ttl_seconds);
    BSON_APPEND_INT64(to, "tookMS", q->took);
    put_text(to, "said", q->said);
    put_text(to, "alias", q->alias);
    put_text(to, "reason", q->reason);
    if (q->has_compressed_target) {
        BSON_APPEND_BOOL(to, "compressedTarget", true);
    }
}

static void put_questions(bson_t *to, const struct examination *e)
{
    bson_t array, item;
    BSON_APPEND_ARRAY_BEGIN(to, "questions", &array);
    for (size_t i = 0; i < e->question_count; i++) {
        begin(&array, i, &item);
        put_question(&item, e, e->questions[i]);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(to, &array);
}

static void put_sides(bson_t *to, const struct examination *e)
{
    static const char *const kinds[] = {"control", "port", "publicAddress"};
    bson_t array, item;
    BSON_APPEND_ARRAY_BEGIN(to, "sides", &array);
    for (size_t i = 0; i < e->side_count; i++) {
        const struct side_fact *side = &e->sides[i];
        begin(&array, i, &item);
        put_text(&item, "kind", kinds[side->kind]);
        put_text(&item, "target", side->target);
        put_text(&item, "said", side->said);
        put_step(&item, "dial", &side->step);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(to, &array);
}

/* --- nodes --- */

static void put_dials(bson_t *to, const struct node_fact *n)
{
    bson_t array, item;
    char text[ADDRESS_TEXT_SIZE];
    BSON_APPEND_ARRAY_BEGIN(to, "dials", &array);
    for (size_t i = 0; i < n->dial_count; i++) {
        begin(&array, i, &item);
        put_text(&item, "address", address_print(&n->dials[i].to, text));
        put_step_fields(&item, &n->dials[i].step);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(to, &array);
}

static void put_tls(bson_t *to, const struct node_fact *n)
{
    const struct tls_facts *facts = &n->tls_facts;
    bson_t item;
    if (!n->tls.is_tried) {
        return;
    }
    BSON_APPEND_DOCUMENT_BEGIN(to, "tls", &item);
    put_step_fields(&item, &n->tls);
    put_text(&item, "version", facts->version);
    BSON_APPEND_BOOL(&item, "serverHello", facts->saw_server_hello);
    BSON_APPEND_INT32(&item, "alert", facts->alert);
    BSON_APPEND_INT32(&item, "verifyCode", facts->verify_code);
    if (facts->has_certificate) {
        put_text(&item, "issuer", facts->issuer);
        put_text(&item, "names", facts->names);
        BSON_APPEND_INT64(&item, "notBefore", facts->not_before);
        BSON_APPEND_INT64(&item, "notAfter", facts->not_after);
    }
    BSON_APPEND_INT64(&item, "tries", (int64_t)n->tls_tries);
    BSON_APPEND_INT64(&item, "brokenOff", (int64_t)n->tls_breaks);
    bson_append_document_end(to, &item);
}

static void put_description(bson_t *to, const struct node_fact *n)
{
    const struct server_description *s = &n->description;
    bson_t item;
    if (!n->is_described) {
        return;
    }
    BSON_APPEND_DOCUMENT_BEGIN(to, "server", &item);
    put_text(&item, "type", server_type_name(s->type));
    put_text(&item, "setName", s->set_name);
    put_text(&item, "me", s->me);
    put_text(&item, "primary", s->primary);
    BSON_APPEND_INT64(&item, "hosts", (int64_t)s->host_count);
    BSON_APPEND_INT32(&item, "minWireVersion", s->min_wire);
    BSON_APPEND_INT32(&item, "maxWireVersion", s->max_wire);
    BSON_APPEND_INT32(&item, "maxBsonObjectSize", s->max_document_bytes);
    BSON_APPEND_INT32(&item, "maxMessageSizeBytes", s->max_message_bytes);
    BSON_APPEND_INT32(&item, "maxWriteBatchSize", s->max_batch_count);
    BSON_APPEND_BOOL(&item, "serviceId", s->has_service_id);
    bson_append_document_end(to, &item);
}

static void put_node(bson_t *to, const struct node_fact *n)
{
    put_text(to, "name", n->name);
    BSON_APPEND_BOOL(to, "ofURI", (n->sources & NODE_OF_URI) != 0);
    BSON_APPEND_BOOL(to, "ofSRV", (n->sources & NODE_OF_SRV) != 0);
    BSON_APPEND_BOOL(to, "ofHello", (n->sources & NODE_OF_HELLO) != 0);
    put_step(to, "lookup", &n->lookup);
    put_dials(to, n);
    put_step(to, "tunnel", &n->tunnel);
    put_tls(to, n);
    put_reply(to, "hello", &n->hello);
    put_description(to, n);
    put_text(to, "mechanismsOffered", n->mechanisms);
    put_text(to, "mechanism", n->mechanism);
    put_reply(to, "login", &n->login);
    put_reply(to, "ping", &n->ping);
    put_reply(to, "connectionStatus", &n->who);
    put_reply(to, "serverStatus", &n->load);
    if (n->has_load) {
        BSON_APPEND_INT64(to, "connections", n->connections);
        BSON_APPEND_INT64(to, "connectionsLeft", n->connections_left);
    }
}

void report_write_facts(const struct examination *e, bson_t *out)
{
    bson_t array, item;
    put_machine(out, &e->machine);
    put_listeners(out, e);
    put_step(out, "trust", &e->trust);
    put_step(out, "seeds", &e->seeds);
    put_resolvers(out, e);
    put_questions(out, e);
    put_sides(out, e);
    BSON_APPEND_ARRAY_BEGIN(out, "nodes", &array);
    for (size_t i = 0; i < e->node_count; i++) {
        begin(&array, i, &item);
        put_node(&item, e->nodes[i]);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(out, &array);
}
