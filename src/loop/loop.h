/* The product's world: net.h over libuv, one thread, one loop. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "net/net.h"

struct loop;

/* `buffer_bytes` bounds all queued bytes. SIGPIPE is ignored from now on. NULL on failure. */
struct loop *loop_new(byte_count buffer_bytes, struct error *why);

struct net *loop_net(struct loop *loop);

/* Runs until loop_stop, or until nothing is left that could make an event. */
void loop_run(struct loop *loop);

/* Leaves loop_run after the current turn; may be called from any event. */
void loop_stop(struct loop *loop);

/* Closes what is the loop's own, after waiting for work and close callbacks under way (5 s at
 * most), and returns the result of uv_loop_close: 0 when everything that others opened was closed.
 * Only then the loop is freed. */
int loop_free(struct loop *loop);

/* "libuv 1.44.2", of the library that is loaded; returns `text`. */
enum { LOOP_LIBRARIES_SIZE = 64 };
const char *loop_libraries(char text[LOOP_LIBRARIES_SIZE]);

#endif
