/* What servers say, step by step, to a topology: no bytes break it or what always holds of it.
 *
 * A step is a byte that chooses the fact and the server, then for a hello the document: its own
 * length says how long, at most what is left. */
#include "core/topology/select.h"
#include "target.h"

enum fact { FACT_HELLO, FACT_CHECK_FAILED, FACT_COMMAND_ERROR, FACT_NETWORK_ERROR };

struct world {
    struct topology *t;
    struct span left;
    msec now;
    size_t said; /* added and not removed, as the actions say */
};

static size_t operations(void *owner, uint32_t id)
{
    const struct world *w = owner;
    require(topology_server(w->t, id) != NULL);
    return id;
}

static void perform(struct world *w)
{
    struct topology_action a;
    while (topology_next_action(w->t, &a)) {
        if (a.kind == TOPOLOGY_ADD) {
            require(topology_server(w->t, a.id) != NULL && a.address[0] != '\0');
            w->said++;
        } else if (a.kind == TOPOLOGY_REMOVE) {
            require(topology_server(w->t, a.id) == NULL);
            w->said--;
        } else if (a.kind != TOPOLOGY_CHANGED) {
            require(topology_server(w->t, a.id) != NULL);
        }
    }
    require(w->said == topology_count(w->t));
}

static void check(const struct world *w)
{
    enum topology_kind kind = topology_kind(w->t);
    size_t primaries = 0;
    for (size_t i = 0; i < topology_count(w->t); i++) {
        const struct server *s = topology_at(w->t, i);
        enum server_type type = s->description.type;
        primaries += type == SERVER_RS_PRIMARY;
        require(kind != TOPOLOGY_SHARDED || type == SERVER_MONGOS || type == SERVER_UNKNOWN);
        require(kind != TOPOLOGY_RS_NO_PRIMARY || type != SERVER_MONGOS);
        for (size_t j = 0; j < i; j++) {
            require(strcmp(topology_at(w->t, j)->address, s->address) != 0);
        }
    }
    require(kind == TOPOLOGY_SINGLE || primaries == (kind == TOPOLOGY_RS_WITH_PRIMARY));
    char text[300];
    topology_print(w->t, text, sizeof text);
}

/* Any bytes serve as tags, too. */
static void choose(const struct world *w, struct span tags)
{
    for (int mode = READ_PRIMARY; mode <= READ_NEAREST; mode++) {
        struct selection want = {.mode = mode,
                                 .tags = tags,
                                 .max_staleness_seconds = mode == READ_PRIMARY ? -1 : 90,
                                 .operations = operations,
                                 .owner = (void *)(uintptr_t)w,
                                 .random = (uint64_t)w->now << 31};
        uint32_t id;
        struct select_refusal refusal;
        if (select_server(w->t, &want, &id, &refusal) == SELECT_FOUND) {
            require(topology_is_usable(w->t, id));
        }
    }
}

static void hear_hello(struct world *w, uint32_t id)
{
    size_t size = w->left.size;
    if (size >= 2 && (w->left.at[0] | w->left.at[1] << 8) < (int)size) {
        size = (size_t)(w->left.at[0] | w->left.at[1] << 8);
    }
    uint8_t *copy = copy_of(span_head(w->left, size));
    struct server_description d;
    struct error why;
    if (server_description_read(span_of(copy, size), &d, &why) == STATUS_OK) {
        struct server_description again;
        server_description_copy(&again, &d);
        require(server_description_equals(&d, &again));
        require(d.host_count <= MAX_HELLO_HOSTS && d.tag_count <= MAX_HELLO_TAGS);
        require((d.type == SERVER_UNKNOWN) == (d.error != NULL));
        server_description_clear(&again);
        topology_on_hello(w->t, id, &d, (msec)(size % 40), w->now);
        server_description_clear(&d);
    }
    choose(w, span_of(copy, size));
    free(copy);
    w->left = span_tail(w->left, size);
}

static void step(struct world *w)
{
    uint8_t choice = w->left.at[0];
    w->left = span_tail(w->left, 1);
    if (topology_count(w->t) == 0) {
        static const char *const again[] = {"a:1"};
        topology_on_seeds(w->t, again, 1);
        w->now++;
    }
    uint32_t id = topology_at(w->t, (choice >> 2) % topology_count(w->t))->id;
    struct topology_error error = {.code = choice & 0x80 ? 91 : 10107, .is_current = true};
    w->now += choice;
    switch ((enum fact)(choice & 3)) {
    case FACT_HELLO:
        hear_hello(w, id);
        break;
    case FACT_CHECK_FAILED:
        topology_on_check_failed(w->t, id, STATUS_PEER_RESET, "reset", w->now);
        break;
    case FACT_COMMAND_ERROR:
        error.version = topology_server(w->t, id)->description.version;
        error.version.counter += choice & 0x40 ? 1 : 0;
        topology_on_command_error(w->t, id, &error, w->now);
        break;
    case FACT_NETWORK_ERROR:
        topology_on_network_error(w->t, id, choice < 0x80, STATUS_PEER_CLOSED, w->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const seeds[] = {"a:1", "b:1", "c:1"};
    if (size == 0) {
        return 0;
    }
    struct topology_options options = {.set_name = bytes[0] & 1 ? "rs" : NULL,
                                       .is_direct = (bytes[0] & 2) != 0,
                                       .heartbeat_frequency = SECONDS(10),
                                       .local_threshold = 15};
    struct world w = {.t = topology_new(&options), .left = span_of(bytes + 1, size - 1)};
    topology_on_seeds(w.t, seeds, bytes[0] & 4 ? 1 : 3);
    perform(&w);
    while (w.left.size > 0) {
        step(&w);
        perform(&w);
        check(&w);
    }
    topology_free(w.t);
    return 0;
}
