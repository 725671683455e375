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

/* Requires that nothing is alive: no conn, listener, question, work, watch, program or deadline,
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

/* What `resolver` (NULL: every one not named otherwise) answers: a DNS message (status OK; the id
 * is set to the question's) or a status. `delay` MSEC_NEVER: no answer. Replaces an earlier row of
 * the same resolver, name and type. Names without a row do not exist (NXDOMAIN). */
void sim_dns_answer(struct sim *sim, const char *resolver, const char *name, uint16_t type,
                    enum status status, struct span message, msec delay);

/* Questions asked so far, of this resolver (NULL: of all). */
size_t sim_dns_count(const struct sim *sim, const char *resolver);

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
