#include "proxy/refresh.h"

enum { FAILED_LEAST_MS = 5000, FAILED_MOST_MS = 60000 };

msec refresh_pause(unsigned *failed)
{
    msec pause = FAILED_LEAST_MS;
    for (unsigned i = 0; i < *failed && pause < FAILED_MOST_MS; i++) {
        pause *= 2;
    }
    (*failed)++;
    return msec_earlier(pause, FAILED_MOST_MS);
}

msec refresh_between(struct net *net, msec least, msec most)
{
    uint32_t word;
    net_random(net, &word, sizeof word);
    return least + (msec)((uint64_t)(most - least) * word / UINT32_MAX);
}
