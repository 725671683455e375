/* What the files of the simulated world share. For them alone. */
#ifndef SUPPORT_SIM_PARTS_H
#define SUPPORT_SIM_PARTS_H

#include "base/list.h"
#include "support/sim_net.h"

/* Something that will happen, embedded in its owner. */
struct sim_event {
    struct list link; /* in the sim's order */
    msec at;
    uint64_t order; /* among those of one millisecond */
    void (*happen)(struct sim_event *e);
};

struct sim_fault {
    uint64_t skip;
    uint64_t fail;
    uint64_t fired;
    bool is_aimed;
    struct address at;
};

/* What is known of one listener's address. */
struct sim_place {
    struct list link;
    struct address at;
    msec latency;
    enum sim_route route;
};

struct sim_invariant {
    struct list link;
    void (*check)(void *owner);
    void *owner;
};

struct sim_program {
    enum status status;
    int exit_code;
    msec duration;
    char *last; /* NULL: none yet */
    uint8_t *input;
    size_t input_size;
};

enum { SIM_TYPES = 256 };

struct sim {
    struct net net;
    msec now;
    int64_t wall_shift;      /* of the wall clock, by whoever set it */
    uint64_t steps_now;      /* since the clock moved */
    uint64_t schedule_state; /* of the seed's two rows of numbers: what the world does */
    uint64_t random_state;   /* and what net_random gives */
    struct list events;      /* sorted */
    struct list conns;
    struct list listeners;
    struct list places;
    struct list invariants;
    struct list rows;      /* of the zone */
    struct list servers;   /* name servers that were named */
    struct list datagrams; /* that listen */
    struct list dns_conns;
    struct list files;
    struct list watches;
    struct list runs; /* work, stores and programs under way */
    struct chunk_pool wire;
    struct sim_fault faults[FAULT_COUNT];
    byte_count buffer_bytes;
    uint16_t next_port;
    size_t asked_types[SIM_TYPES]; /* questions of that type */
    struct sim_program program;
    const char *failing_stores;
};

static inline struct sim *sim_of(struct net *net)
{
    return container_of(net, struct sim, net);
}

void sim_event_init(struct sim_event *e, void (*happen)(struct sim_event *e));

/* Lets it happen at `at`, or at the time it has already when that is earlier. */
void sim_schedule(struct sim *sim, struct sim_event *e, msec at);
void sim_cancel(struct sim_event *e);
bool sim_is_scheduled(const struct sim_event *e);

/* Passes a fault's point `times` times; true when it goes wrong within them. `*before` (may be
 * NULL) is how many times passed well before. `at` NULL: no address. */
bool sim_passes_fault(struct sim *sim, enum fault point, const struct address *at, uint64_t times,
                      uint64_t *before);

/* True when it goes wrong now. */
static inline bool sim_goes_wrong(struct sim *sim, enum fault point, const struct address *at)
{
    return sim_passes_fault(sim, point, at, 1, NULL);
}

/* The place, made when it is not known yet. */
struct sim_place *sim_place_of(struct sim *sim, const struct address *at);

/* After its route changed: what waited goes on. */
void sim_wake_conns(struct sim *sim, const struct sim_place *place);

/* The operations, by file. */
enum status
sim_listen(struct net *net, const struct address *at, const struct listen_options *options,
           void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
           void *owner, struct listener **out, struct error *why);
void sim_listener_address(struct listener *listener, struct address *out);
void sim_listener_close(struct listener *listener);
struct conn *sim_dial(struct net *net, const struct address *to, const struct dial_options *options,
                      const struct conn_events *events, void *owner);
bool sim_send(struct conn *conn, const struct span *parts, size_t count);
bool sim_send_buf(struct conn *conn, struct buf *bytes);
byte_count sim_queued(const struct conn *conn);
void sim_local_address(const struct conn *conn, struct address *out);
bool sim_peer_process(const struct conn *conn, struct peer_process *out);
void sim_pause(struct conn *conn);
void sim_resume(struct conn *conn);
void sim_close(struct conn *conn, enum close_how how);
struct datagram *sim_datagram(struct net *net, const struct address *to, struct span bytes,
                              const struct datagram_events *events, void *owner);
void sim_datagram_close(struct datagram *datagram);

/* What a name server sends for one question. */
struct sim_dns_reply {
    bool is_refused; /* its port is closed; else: */
    msec delay;      /* MSEC_NEVER: nothing is sent */
    uint8_t *bytes;  /* owned by who asked */
    size_t size;
};
enum { SIM_DNS_REPLIES = 2 };

/* By its script; returns how many replies there are. */
size_t sim_dns_reply(struct sim *sim, const struct address *server, struct span question,
                     bool is_tcp, struct sim_dns_reply replies[SIM_DNS_REPLIES]);

/* Whether a name server takes conns there. */
bool sim_dns_takes_conns(struct sim *sim, const struct address *at);
void sim_dns_accept(struct sim *sim, struct conn *conn);
void sim_dns_clear(struct sim *sim);
void sim_work(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job);
void sim_store(struct net *net, const char *path, struct span bytes,
               void (*on_done)(void *owner, enum status status), void *owner);
struct watch *sim_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                        void (*on_event)(void *owner), void *owner);
void sim_watch_close(struct watch *watch);
void sim_spawn(struct net *net, const struct spawn_request *request,
               void (*on_done)(void *owner, enum status status, int exit_code), void *owner);
void sim_work_clear(struct sim *sim);

#endif
