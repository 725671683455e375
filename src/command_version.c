/* mooring version: ours, the protocol's limits, and the libraries that are really loaded. */
#include <bson/bson.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stringprep.h>
#include <yaml.h>

#include "commands.h"
#include "core/wire/hello_reply.h"
#include "loop/loop.h"

int command_version(const struct command_line *line)
{
    struct hello_values limits;
    char libraries[LOOP_LIBRARIES_SIZE];
    (void)line;
    hello_values_init(&limits);
    puts("mooring " MOORING_VERSION);
    printf("protocol: messages up to %d bytes, documents up to %d bytes, batches up to %d writes; "
           "wire version as the cluster's, %d before it is known\n",
           limits.max_message_bytes, limits.max_bson_object_bytes, limits.max_write_batch_size,
           limits.max_wire_version);
    printf("libraries: %s, OpenSSL %s, libnghttp2 %s, libbson %s, libyaml %s, libidn %s\n",
           loop_libraries(libraries), OpenSSL_version(OPENSSL_VERSION_STRING),
           nghttp2_version(0)->version_str, bson_get_version(), yaml_get_version_string(),
           stringprep_check_version(NULL));
    return EXIT_GOOD;
}
