/* The simulated world: net.h over a virtual clock, in one process, on one thread, from one seed.
 *
 * Nothing happens by itself. sim_step() takes the earliest of deadlines and deliveries, sets the
 * clock to it, lets exactly one event happen, and checks what was registered as always true. What
 * falls into the same millisecond comes in an order that the seed decides. Dials go to listeners of
 * the same world, so simulated servers and applications are written over net.h like the product.
 * Bytes take the latency of the listener's address, and a receiver that does not read makes the
 * sender's queue grow after SIM_WINDOW_BYTES. */
#ifndef SUPPORT_SIM_NET_H
#define SUPPORT_SIM_NET_H

#include "net/net.h"
#include "support/faults.h"

/* What the "kernels" between two ends take, each direction. */
#define SIM_WINDOW_BYTES (128 * KIB)

struct sim;

struct sim *sim_new(uint64_t seed);

/* Requires that nothing is alive: no conn, listener, datagram, work, watch, program or deadline,
 * and no chunk. Prints what is. */
void sim_free(struct sim *sim);

struct net *sim_net(struct sim *sim);

/* Bounds all queued bytes; 256 MiB unless said. */
void sim_limit_buffers(struct sim *sim, byte_count bytes);

/* --- time --- */

/* One event; false when there is none left. */
bool sim_step(struct sim *sim);

/* All events up to `at`, where the clock then stands. */
void sim_run_until(struct sim *sim, msec at);

/* As sim_run_until, for `wait` from now. */
void sim_run_for(struct sim *sim, msec wait);

/* Steps while `is_going_on` says so; false when it still does but nothing is left to happen, or
 * one hour (of the virtual clock) has passed. */
bool sim_run_while(struct sim *sim, bool (*is_going_on)(void *owner), void *owner);

/* Somebody sets the wall clock ahead by so many ms, or back. */
void sim_shift_wall(struct sim *sim, int64_t shift);

/* A number of the seed's, below `limit`, for scenarios. */
uint64_t sim_pick(struct sim *sim, uint64_t limit);

/* Called after every step; aborts or fails the test by itself. */
void sim_add_invariant(struct sim *sim, void (*check)(void *owner), void *owner);

/* --- the network --- */

enum sim_route {
    SIM_REACHABLE,
    SIM_SILENT,      /* dials hang; bytes and ends wait until it is reachable again */
    SIM_UNREACHABLE, /* dials fail; what stands is as with SIM_SILENT */
};

/* Of the listener's address, there and back the same. 0 unless set. For conns dialled from now. */
void sim_set_latency(struct sim *sim, const struct address *at, msec latency);

void sim_set_route(struct sim *sim, const struct address *at, enum sim_route route);

/* Ends that are alive now, both sides counted. */
size_t sim_count_conns(const struct sim *sim);

/* Conns dialled to `at` that are not gone yet (on_closed may be still to come). */
size_t sim_count_dialled(const struct sim *sim, const struct address *at);
size_t sim_count_dialling(const struct sim *sim, const struct address *at);

/* --- faults --- */

/* From now on: passes `skip` times, then goes wrong `fail` times. */
void sim_set_fault(struct sim *sim, enum fault point, uint64_t skip, uint64_t fail);

/* As above, only for conns to the listener at `at`. */
void sim_set_fault_at(struct sim *sim, enum fault point, const struct address *at, uint64_t skip,
                      uint64_t fail);

/* How often it went wrong since it was set. */
uint64_t sim_fault_fired(const struct sim *sim, enum fault point);

/* --- names --- */

/* Name servers are at every address with port 53, and at those that are named here; they answer
 * datagrams and TCP. A resolver is named by its address as settings spell it. */

/* What `resolver` (NULL: every one not named otherwise) answers: a DNS message (status OK; id and
 * question are set to what was asked) or, with status REFUSED, that its port is closed. `delay`
 * MSEC_NEVER: no answer. Replaces an earlier row of the same resolver, name and type. Names without
 * any row do not exist (NXDOMAIN). A message too large for a datagram comes cut off, without
 * records.
 */
void sim_dns_answer(struct sim *sim, const char *resolver, const char *name, uint16_t type,
                    enum status status, struct span message, msec delay);

/* How a name server behaves, whatever the question. */
enum sim_dns_way {
    SIM_DNS_WELL = 0,
    SIM_DNS_CLOSED = 1 << 0, /* nobody is there: datagrams and dials are refused */
    SIM_DNS_SILENT = 1 << 1,
    SIM_DNS_UDP_SILENT = 1 << 2, /* TCP is answered */
    SIM_DNS_NO_TCP = 1 << 3,     /* dials are refused */
    SIM_DNS_TRUNCATES = 1 << 4,  /* whatever comes by UDP */
    SIM_DNS_NO_EDNS = 1 << 5,    /* FORMERR when there is an OPT record */
    SIM_DNS_FORGED = 1 << 6,     /* by UDP a wrong id comes first, with an answer, then the right */
    SIM_DNS_WRONG_ID = 1 << 7,
    SIM_DNS_WRONG_QUESTION = 1 << 8,
    SIM_DNS_GARBAGE = 1 << 9, /* the right id, and no sense */
    SIM_DNS_SERVFAIL = 1 << 10,
    SIM_DNS_SAYS_REFUSED = 1 << 11,
    SIM_DNS_NXDOMAIN = 1 << 12,
    SIM_DNS_NODATA = 1 << 13,
};

/* `ways`: of enum sim_dns_way; NULL: all that are not named otherwise. */
void sim_dns_behave(struct sim *sim, const char *resolver, unsigned ways);

/* Questions asked so far, of this resolver (NULL: of all); those by TCP alone. */
size_t sim_dns_count(const struct sim *sim, const char *resolver);
size_t sim_dns_count_type(const struct sim *sim, uint16_t type); /* 1 A, 28 AAAA, 33 SRV, 16 TXT */
size_t sim_dns_count_tcp(const struct sim *sim, const char *resolver);

/* Datagrams that still listen. */
size_t sim_count_datagrams(const struct sim *sim);

/* --- files, signals, programs --- */

/* What was stored under that name; false when nothing was. */
bool sim_file(struct sim *sim, const char *path, struct span *out);

/* Writes the file as someone else would: watches ring. */
void sim_put_file(struct sim *sim, const char *path, struct span bytes);

/* Stores to paths that begin so fail from now on; NULL: none do. The text is lent. */
void sim_fail_stores(struct sim *sim, const char *prefix);

void sim_raise(struct sim *sim, int signal_number);
void sim_make_readable(struct sim *sim, int descriptor);

/* What programs spawned from now on do: end with `exit_code` after `duration`; FILE_FAILED as
 * status means that they cannot be started. At first: OK, 0, 1 ms. */
void sim_set_program(struct sim *sim, enum status status, int exit_code, msec duration);

/* The last program spawned: its input; false when there was none. */
bool sim_last_program(struct sim *sim, const char **program, struct span *input);

#endif
