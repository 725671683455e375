/* What every fuzzer defines, and what the ones that cut their input into pieces share. */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/span.h"

/* libFuzzer's entry point; 0 always. A property that fails aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Sizes of pieces that follow from the input alone: 1 to 16 bytes, or what is left. */
static inline size_t piece_size(uint32_t *seed, size_t left)
{
    *seed = *seed * 1664525U + 1013904223U;
    size_t size = 1 + (*seed >> 24) % 16;
    return size < left ? size : left;
}

/* Collects what happened, to compare two ways of coming to it. */
static inline void mix(uint64_t *print, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        *print = (*print ^ bytes.at[i]) * 1099511628211U;
    }
}

static inline void mix_number(uint64_t *print, uint64_t number)
{
    mix(print, span_of(&number, sizeof number));
}

/* A copy of its own size: reading beyond it is seen, and it can be changed. */
static inline uint8_t *copy_of(struct span bytes)
{
    uint8_t *copy = xmalloc(bytes.size == 0 ? 1 : bytes.size);
    if (bytes.size > 0) {
        memcpy(copy, bytes.at, bytes.size);
    }
    return copy;
}

#endif
