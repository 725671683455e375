/* A topology that is told what the cases of server discovery and monitoring say: begun by a
 * connection string, fed with hello documents and errors of applications. All actions are taken at
 * once, as the proxy does. */
#ifndef TESTS_SPEC_SDAM_H
#define TESTS_SPEC_SDAM_H

#include "core/topology/topology.h"
#include "spec.h"

enum { SDAM_IDS_MOST = 64 };

struct sdam {
    struct topology *t;
    unsigned generation[SDAM_IDS_MOST]; /* of the pools, by server id: CLEAR_POOL counts it */
    void (*on_action)(struct sdam *s, const struct topology_action *a); /* NULL: nobody looks */
};

void sdam_begin(struct sdam *s, const char *uri);
void sdam_end(struct sdam *s);

/* NULL when the address is not part of the topology. */
const struct server *sdam_find(const struct sdam *s, const char *address);

/* A pair ["host:port", hello]; {} is a check that failed by a network error. What is said by a
 * server that left is passed over. */
void sdam_hear(struct sdam *s, const bson_t *response);

/* One of applicationErrors. */
void sdam_fail(struct sdam *s, const bson_t *error);

#endif
