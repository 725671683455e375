#include "load_watch.h"

#include <dirent.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Scale 0 holds each value below STEPS; every further one doubles the width of its steps. */
static size_t step_of(uint64_t ns)
{
    size_t scale = 0;
    while (ns >= STEPS && scale < SCALES - 1) {
        ns >>= 1;
        scale++;
    }
    return scale * STEPS + (ns < STEPS ? ns : STEPS - 1);
}

void latencies_add(struct latencies *l, uint64_t ns)
{
    l->counts[step_of(ns)]++;
    l->count++;
}

uint64_t latencies_at(const struct latencies *l, double share)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < SCALES * STEPS; i++) {
        seen += l->counts[i];
        if (l->counts[i] > 0 && (double)seen >= share * (double)l->count) {
            return (uint64_t)(i % STEPS) << (i / STEPS);
        }
    }
    return 0;
}

/* The first number of schedstat is the time that the thread ran. */
static uint64_t thread_time_ns(int pid, const char *thread)
{
    char path[300];
    uint64_t ran = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%" SCNu64, &ran) != 1) {
        ran = 0;
    }
    fclose(file);
    return ran;
}

uint64_t program_time_ns(int pid)
{
    char path[64];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *threads = pid == 0 ? NULL : opendir(path);
    if (threads == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
        if (entry->d_name[0] != '.') {
            sum += thread_time_ns(pid, entry->d_name);
        }
    }
    closedir(threads);
    return sum;
}
