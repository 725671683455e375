/* What the files of an exchange share: exchange.c (the walk), exchange_local.c (answers of our
 * own), exchange_reply.c (the server's reply), exchange_retry.c (the second attempt),
 * exchange_tour.c (from node to node), exchange_await.c (getMore that waits for events) and
 * exchange_end.c (how it ends). Nobody else includes this. */
#ifndef PROXY_EXCHANGE_PARTS_H
#define PROXY_EXCHANGE_PARTS_H

#include "proxy/exchange.h"

/* How long a hello may be held for the first contact with the cluster. */
#define FIRST_CONTACT_MS SECONDS(1)

/* The client while its conn stands, else NULL: one whose conn is gone may end with this exchange.
 */
struct client *exchange_live_client(const struct exchange *x);

/* One with nothing but its id. */
struct exchange *exchange_new(struct proxy *proxy);

/* Reads what is held of the request. */
enum inspect_result exchange_inspect(struct exchange *x);

/* Queues it in the node's pool. */
void exchange_wait(struct exchange *x, struct node *node);

/* Chooses a server, now or when its application has room for it. */
void exchange_admit(struct exchange *x);

/* The wait that its state is in has lasted long enough. */
void exchange_on_deadline(struct deadline *d, msec now);

void exchange_move(struct exchange *x, enum exchange_state state);

/* The column of the table of errors. The getMore of a cursor that nobody knows may be a change
 * stream's: a driver looks at what that says more for its change streams only. */
enum operation exchange_operation(const struct exchange *x);

enum { EXCHANGE_NAME_SIZE = 24 };

/* "client 17", for texts; lent: `name`, or static. */
const char *exchange_print_client(const struct exchange *x, char name[EXCHANGE_NAME_SIZE]);

/* The request is out: its reply is awaited, for at most upstream.operationTimeoutMS. */
void exchange_await_reply(struct exchange *x);

/* Before it is sent, or sent again: the request now says this read preference, in its bytes and in
 * its facts. False, and nothing changed, when it is not held whole (larger than limits.holdBytes).
 */
bool exchange_set_read_preference(struct exchange *x, enum read_mode mode);

/* listen.defaultReadPreference, for a read that says none. */
void exchange_prefer(struct exchange *x);

/* The request is now these bytes, inspected and found complete, which the exchange takes. */
void exchange_replace_request(struct exchange *x, uint8_t *bytes, size_t size);

/* It waits in that node's pool, or until some server suits. */
void exchange_wait(struct exchange *x, struct node *node);
void exchange_wait_for_server(struct exchange *x);

/* Takes the backend away from the exchange and closes it. */
void exchange_drop_backend(struct exchange *x, enum status why);

/* The last step: leaves all queues, frees what is held; the client goes on. No backend any more. */
void exchange_finish(struct exchange *x);

/* hello, a refused command, a read preference that cannot be read: answered (now or later), true.
 */
bool exchange_answer_locally(struct exchange *x);

/* The request's bytes are malformed: the table's error, or a close. */
void exchange_answer_fault(struct exchange *x);

/* Sends an error document (nothing to who expects none) and finishes. `text` without "mooring: ".
 */
void exchange_answer_error(struct exchange *x, struct error_row row, const char *text);

/* --- the second attempt --- */

/* Its operation's own limit, counted from its arrival; MSEC_NEVER when it has none. */
msec exchange_own_deadline(const struct exchange *x);

/* Whether the request may go out again after its connection was lost, or after the reply that is
 * complete by now. */
bool exchange_may_repeat_after_loss(const struct exchange *x);
bool exchange_may_repeat_after_reply(const struct exchange *x);

/* Sends it again, to whatever node suits now; it has no backend any more. When that comes to
 * nothing a write's client gets what `earlier` holds. */
void exchange_repeat(struct exchange *x);

/* Whether `earlier` is what the client should get, and not the reply that is complete by now. */
bool exchange_prefers_earlier(const struct exchange *x);

/* Whether `earlier` must be told when the second attempt is not sent. */
bool exchange_must_tell_earlier(const struct exchange *x);

/* Sends it. */
void exchange_send_earlier(struct exchange *x);

/* --- from node to node --- */

/* Whether it is, or now becomes, a command that goes to several nodes, one after the other;
 * exchange_tour_go_on then sends it to the next, or ends it. */
bool exchange_tour_begin(struct exchange *x);
void exchange_tour_go_on(struct exchange *x);

/* To the same node once more. */
void exchange_tour_again(struct exchange *x);

/* Whether the tour goes on after this reply, which is then not the client's. `body`: what follows
 * the header. */
bool exchange_tour_takes_reply(struct exchange *x, struct span body);

/* Whether it goes on, and has gone on, after the backend is lost, or a pool has refused. */
bool exchange_tour_takes_loss(struct exchange *x);
bool exchange_tour_takes_refusal(struct exchange *x, enum status status);

/* Forgets it. */
void exchange_tour_end(struct exchange *x);

/* The reply did not come within upstream.operationTimeoutMS, or the drained one not in time. */
void exchange_on_no_reply(struct exchange *x);

/* --- getMore that waits at the server (exchange_await.c) --- */

/* Whether it is one; for a getMore only. */
bool exchange_awaits(struct exchange *x);

/* How long the server may keep the request that is out, for events to come; 0: not at all. */
msec exchange_event_time(const struct exchange *x);

/* Queues it for its turn; when the time is over first, exchange_ends_turns follows. */
struct waiter_id exchange_take_turn(struct exchange *x, struct node *node);

/* Sends it with a shorter wait; false: it is to be sent as it came. */
bool exchange_send_slice(struct exchange *x);

/* A whole reply (from behind its header): true when it says nothing, there is time left, and it is
 * kept. Its end is then followed by exchange_ask_again. */
bool exchange_keeps_reply(struct exchange *x, struct span body);
bool exchange_is_to_ask_again(const struct exchange *x);
void exchange_ask_again(struct exchange *x);

/* It was refused a turn. True: its time is over, and it was answered with the server's last empty
 * reply or one of our own (an error when none of them has been served for long). */
bool exchange_ends_turns(struct exchange *x, enum status *status);

void exchange_free_await(struct exchange *x);

/* --- behind a load balancer (exchange_pin.c) --- */

/* True when it has gone to the backend that it must have, or waits for that or for room. */
bool exchange_choose_pinned(struct exchange *x);

/* Its reply is complete: the backend goes back to the pool, or is kept for what lives on it. */
void exchange_give_backend(struct exchange *x, struct backend *backend);

/* The last step: others may have what it might have pinned. */
void exchange_give_room(struct exchange *x);

#endif
