#include "sdam.h"

#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "core/wire/reply_skim.h"

static void take_actions(struct sdam *s)
{
    struct topology_action a;
    while (topology_next_action(s->t, &a)) {
        require(a.id < SDAM_IDS_MOST);
        if (a.kind == TOPOLOGY_CLEAR_POOL) {
            s->generation[a.id]++;
        }
        if (s->on_action != NULL) {
            s->on_action(s, &a);
        }
    }
}

void sdam_begin(struct sdam *s, const char *uri)
{
    struct spec_settings loaded = {0};
    size_t count = 0;
    spec_load(&loaded, uri);
    const struct upstream_settings *up = &loaded.s.upstream;
    /* The topology knows the kind, whatever the settings think of it. */
    bool is_load_balanced = strstr(uri, "loadBalanced=true") != NULL;
    struct topology_options options = {.is_direct = up->direct_connection,
                                       .is_load_balanced = is_load_balanced,
                                       .set_name = up->replica_set,
                                       .heartbeat_frequency = SECONDS(10),
                                       .local_threshold = 15};
    while (up->hosts[count] != NULL) {
        count++;
    }
    memset(s->generation, 0, sizeof s->generation);
    s->t = topology_new(&options);
    topology_on_seeds(s->t, (const char *const *)up->hosts, count);
    take_actions(s);
    spec_clear(&loaded);
}

void sdam_end(struct sdam *s)
{
    topology_free(s->t);
    s->t = NULL;
}

const struct server *sdam_find(const struct sdam *s, const char *address)
{
    for (size_t i = 0; i < topology_count(s->t); i++) {
        if (strcasecmp(topology_at(s->t, i)->address, address) == 0) {
            return topology_at(s->t, i);
        }
    }
    return NULL;
}

void sdam_hear(struct sdam *s, const bson_t *response)
{
    bson_t hello;
    struct server_description d;
    struct error why;
    require(spec_document(response, "1", &hello));
    const struct server *server = sdam_find(s, spec_text(response, "0"));
    uint32_t id = server == NULL ? 0 : server->id;
    if (bson_empty(&hello)) {
        topology_on_check_failed(s->t, id, STATUS_PEER_RESET, NULL, 1000);
    } else {
        require(server_description_read(span_of(bson_get_data(&hello), hello.len), &d, &why) ==
                STATUS_OK);
        topology_on_hello(s->t, id, &d, 5, 1000);
        server_description_clear(&d);
    }
    take_actions(s);
}

/* The reply as it passes through the proxy. */
static struct reply_facts facts_of(const bson_t *reply)
{
    struct reply_skim skim;
    static const uint8_t front[5] = {0}; /* flags, and the kind of section */
    int32_t length = (int32_t)(HEADER_BYTES + sizeof front + reply->len);
    reply_skim_begin(&skim, (struct message_head){.length = length, .opcode = OP_MSG});
    reply_skim_feed(&skim, span_of(front, sizeof front));
    require(reply_skim_feed(&skim, span_of(bson_get_data(reply), reply->len)) == REPLY_COMPLETE);
    return skim.facts;
}

static void fail_command(struct sdam *s, uint32_t id, bool is_current, const bson_t *reply)
{
    struct reply_facts facts = facts_of(reply);
    struct topology_error error = {
        .code = reply_state_change(&facts),
        .version = {.is_set = facts.has_topology_version, .counter = facts.topology_counter},
        .is_current = is_current,
    };
    memcpy(error.version.process_id, facts.process_id, OBJECT_ID_BYTES);
    topology_on_command_error(s->t, id, &error, 2000);
}

void sdam_fail(struct sdam *s, const bson_t *error)
{
    bson_t reply;
    const struct server *server = sdam_find(s, spec_text(error, "address"));
    const char *type = spec_text(error, "type");
    bool is_early = strcmp(spec_text(error, "when"), "beforeHandshakeCompletes") == 0;
    require(server != NULL);
    uint32_t id = server->id;
    int64_t current = s->generation[id];
    bool is_current = spec_int(error, "generation", current) == current;
    if (strcmp(type, "command") == 0) {
        require(spec_document(error, "response", &reply));
        fail_command(s, id, is_current, &reply);
    } else if (is_early || strcmp(type, "network") == 0) {
        /* Whether a failed dial is told at all is the shell's affair: the younger rules take one
         * that did not get as far as the login for overload. */
        topology_on_network_error(s->t, id, is_current, STATUS_PEER_RESET, 2000);
    } /* else a command timed out, which says nothing about its server */
    take_actions(s);
}
