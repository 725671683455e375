/* Any bytes as the file of last good answers: as they are, and with the checksum that makes the
 * lines count. What is read can be written, and means the same again. */
#include "target.h"

#include <stdio.h>

#include "base/crc32c.h"
#include "core/dns/last_good.h"

static const struct last_good_clocks CLOCKS = {.now = 1000, .wall = INT64_C(1800000000000)};

static void read_bytes(struct span bytes)
{
    struct last_good l;
    struct last_good again;
    struct error why = {0};
    last_good_init(&l, "c");
    last_good_init(&again, "c");
    if (last_good_read(&l, bytes, CLOCKS, &why) != STATUS_OK) {
        require(why.text[0] != '\0' && l.seeds.count == 0 && l.name_count == 0);
    } else {
        size_t size;
        char *written = last_good_write(&l, CLOCKS, &size);
        require(last_good_read(&again, span_of(written, size), CLOCKS, &why) == STATUS_OK);
        require(again.seeds.count == l.seeds.count && again.name_count == l.name_count);
        require(!last_good_put_seeds(&again, &l.seeds) || l.seeds.count == 0);
        free(written);
    }
    last_good_clear(&l);
    last_good_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char front[] = "mooring names, version 1\ncluster c\n";
    char last[16];
    read_bytes(span_of(bytes, size));
    uint8_t *whole = xmalloc(sizeof front + size + sizeof last);
    memcpy(whole, front, sizeof front - 1);
    memcpy(whole + sizeof front - 1, bytes, size);
    size_t end = sizeof front - 1 + size;
    snprintf(last, sizeof last, "end %08x\n", crc32c(0, span_of(whole, end)));
    memcpy(whole + end, last, strlen(last));
    read_bytes(span_of(whole, end + strlen(last)));
    free(whole);
    return 0;
}
