/* A topology that is driven by lines of JSON on standard input and answers each with a line, for
 * tests/spec/beside_pymongo:
 *
 *   {"begin": URI}                                       a new topology
 *   {"hear": ADDRESS, "hello": {…}, "rtt": n, "now": n}  a hello came
 *   {"fail": ADDRESS}                                    a check failed
 *   {"select": {…}, "spared": [ADDRESS…]}                which servers any draw gives
 *
 * The answer to the first three is what the topology is now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/topology/select.h"
#include "sdam.h"

enum { DRAWS = 60, SPARED_MOST = 8 };

static struct sdam world;

static void take_actions(void)
{
    struct topology_action a;
    while (topology_next_action(world.t, &a)) {
    }
}

static uint32_t id_of(const char *address)
{
    const struct server *s = sdam_find(&world, address);
    return s == NULL ? 0 : s->id;
}

static void hear(const bson_t *line)
{
    bson_t hello;
    struct server_description d;
    struct error why;
    require(spec_document(line, "hello", &hello));
    require(server_description_read(span_of(bson_get_data(&hello), hello.len), &d, &why) ==
            STATUS_OK);
    topology_on_hello(world.t, id_of(spec_text(line, "hear")), &d, spec_int(line, "rtt", 0),
                      spec_int(line, "now", 0));
    server_description_clear(&d);
    take_actions();
}

static void print_max(void)
{
    int64_t version;
    const uint8_t *id = topology_max_election_id(world.t);
    bool is_set = topology_max_set_version(world.t, &version);
    bson_oid_t oid;
    char text[25] = "-";
    if (id != NULL) {
        bson_oid_init_from_data(&oid, id);
        bson_oid_to_string(&oid, text);
    }
    printf(" %s ", text);
    if (is_set) {
        printf("%lld", (long long)version);
    } else {
        printf("-");
    }
}

static void print_state(void)
{
    struct topology_limits limits;
    const char *set_name = topology_set_name(world.t);
    bool has_timeout = topology_limits(world.t, &limits) && limits.has_lsid_timeout;
    printf("%s %s", topology_kind_name(topology_kind(world.t)), set_name == NULL ? "-" : set_name);
    print_max();
    printf(" %d", has_timeout ? limits.lsid_timeout_minutes : -1);
    for (size_t i = 0; i < topology_count(world.t); i++) {
        const struct server *s = topology_at(world.t, i);
        printf(" %s=%s", s->address, server_type_name(s->description.type));
    }
    printf("\n");
}

static void select_any(const bson_t *line)
{
    static const char *const modes[] = {"primary", "primaryPreferred", "secondary",
                                        "secondaryPreferred", "nearest"};
    bson_t wanted, tags, spared;
    bson_iter_t at;
    uint32_t ids[SPARED_MOST];
    bool is_chosen[SDAM_IDS_MOST] = {false};
    struct selection want = {.excluded = ids};
    require(spec_document(line, "select", &wanted));
    want.is_write = strcmp(spec_text(&wanted, "mode"), "write") == 0;
    want.max_staleness_seconds = spec_int(&wanted, "maxStalenessSeconds", -1);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i], spec_text(&wanted, "mode")) == 0) {
            want.mode = (enum read_mode)i;
        }
    }
    if (spec_document(&wanted, "tags", &tags)) {
        want.tags = span_of(bson_get_data(&tags), tags.len);
    }
    if (spec_document(line, "spared", &spared) && bson_iter_init(&at, &spared)) {
        while (bson_iter_next(&at) && want.excluded_count < SPARED_MOST) {
            ids[want.excluded_count++] = id_of(bson_iter_utf8(&at, NULL));
        }
    }
    for (want.random = 0; want.random < DRAWS; want.random++) {
        uint32_t id;
        if (select_server(world.t, &want, &id, NULL) == SELECT_FOUND) {
            is_chosen[id % SDAM_IDS_MOST] = true;
        }
    }
    for (size_t i = 0; i < topology_count(world.t); i++) {
        const struct server *s = topology_at(world.t, i);
        printf("%s ", is_chosen[s->id % SDAM_IDS_MOST] ? s->address : "");
    }
    printf("\n");
}

static void obey(const bson_t *line)
{
    if (bson_has_field(line, "begin")) {
        sdam_end(&world);
        sdam_begin(&world, spec_text(line, "begin"));
    } else if (bson_has_field(line, "hear")) {
        hear(line);
    } else if (bson_has_field(line, "fail")) {
        topology_on_check_failed(world.t, id_of(spec_text(line, "fail")), STATUS_PEER_RESET, NULL,
                                 0);
        take_actions();
    } else {
        select_any(line);
        return;
    }
    print_state();
}

int main(void)
{
    auto_free char *text = NULL;
    size_t room = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (getline(&text, &room, stdin) > 0) {
        bson_error_t why;
        bson_t *line = bson_new_from_json((const uint8_t *)text, -1, &why);
        require(line != NULL);
        obey(line);
        bson_destroy(line);
    }
    sdam_end(&world);
    return 0;
}
