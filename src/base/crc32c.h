/* CRC-32C (Castagnoli), the checksum of OP_MSG and of files of ours. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stdint.h>

#include "base/span.h"

/* Of `bytes` behind what gave `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, struct span bytes);

#endif
