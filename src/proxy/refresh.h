/* When to ask again what names mean: the pauses of the SRV record and of each node's addresses. */
#ifndef PROXY_REFRESH_H
#define PROXY_REFRESH_H

#include "base/units.h"
#include "net/net.h"

/* The longest pause after one more failure: 5 s, doubled each time, 60 s at most. Counts it in
 * `failed` (in a row), which the caller sets to 0 after a success. */
msec refresh_pause(unsigned *failed);

/* Somewhere between `least` and `most`, so that many processes do not ask at once. */
msec refresh_between(struct net *net, msec least, msec most);

#endif
