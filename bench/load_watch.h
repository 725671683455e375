/* What the load generator measures: latencies, and the processor time of another program. */
#ifndef BENCH_LOAD_WATCH_H
#define BENCH_LOAD_WATCH_H

#include <stdint.h>

/* Counts of latencies, in steps of at most 0.4 %. */
enum { STEPS = 256, SCALES = 48 };
struct latencies {
    uint64_t counts[SCALES * STEPS];
    uint64_t count;
};

uint64_t now_ns(void);
void latencies_add(struct latencies *l, uint64_t ns);

/* The latency that this share of all did not exceed, in ns; 0 when there is none. */
uint64_t latencies_at(const struct latencies *l, double share);

/* Processor time of all threads of a program so far, in ns; 0 when `pid` is 0 or gone. */
uint64_t program_time_ns(int pid);

#endif
