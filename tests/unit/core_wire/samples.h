/* Requests of many shapes, for tests that hold for every one of them. */
#ifndef UNIT_CORE_WIRE_SAMPLES_H
#define UNIT_CORE_WIRE_SAMPLES_H

#include "wire_make.h"

#include "base/crc32c.h"

#define SAMPLE_LSID                                                               \
    "\"lsid\": {\"id\": {\"$binary\": {\"base64\": \"AAECAwQFBgcICQoLDA0ODw==\"," \
    " \"subType\": \"04\"}}}"

static const char *const SAMPLE_BODIES[] = {
    "{\"ping\": 1, \"$db\": \"admin\"}",
    "{\"find\": \"things\", \"filter\": {\"a\": {\"$gt\": 5}}, \"tailable\": true, \"awaitData\":"
    " true, \"maxTimeMS\": 500, " SAMPLE_LSID ", \"$readPreference\": {\"mode\": \"nearest\","
    " \"tags\": [{\"dc\": \"ny\"}, {}], \"maxStalenessSeconds\": 120, \"hedge\": {}},"
    " \"$db\": \"shop\"}",
    "{\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {\"re\": {\"$regularExpression\":"
    " {\"pattern\": \"^a\", \"options\": \"i\"}}}}, {\"$group\": {\"_id\": null}}, {\"$out\": "
    "\"o\"}],"
    " \"cursor\": {}, \"apiVersion\": \"1\", \"$db\": \"d\"}",
    "{\"aggregate\": 1, \"pipeline\": [{\"$changeStream\": {\"fullDocument\": \"default\"}}],"
    " \"cursor\": {}, \"$db\": \"admin\"}",
    "{\"insert\": \"c\", \"documents\": [{\"a\": \"0123456789012345678901234567890123456789\"}],"
    " \"writeConcern\": {\"w\": 0}, " SAMPLE_LSID ", \"txnNumber\": {\"$numberLong\": \"5\"},"
    " \"$db\": \"d\"}",
    "{\"update\": \"c\", " SAMPLE_LSID ", \"txnNumber\": {\"$numberLong\": \"5\"},"
    " \"startTransaction\": true, \"autocommit\": false, \"$db\": \"d\"}",
    "{\"getMore\": {\"$numberLong\": \"123456789\"}, \"collection\": \"c\", \"maxTimeMS\":"
    " {\"$numberLong\": \"1000\"}, \"$db\": \"d\"}",
    "{\"killCursors\": \"c\", \"cursors\": [{\"$numberLong\": \"1\"}, {\"$numberLong\": \"2\"}],"
    " \"$db\": \"d\"}",
    "{\"endSessions\": [{\"id\": 1}, {\"id\": 2}], \"$db\": \"admin\"}",
    "{\"explain\": {\"aggregate\": \"c\", \"pipeline\": [{\"$out\": \"x\"}]}, \"verbosity\":"
    " \"queryPlanner\", \"$db\": \"d\"}",
    "{\"mapReduce\": \"c\", \"out\": {\"inline\": 1}, \"$db\": \"d\"}",
    "{\"hello\": 1, \"helloOk\": true, \"topologyVersion\": {\"processId\": {\"$oid\":"
    " \"0123456789abcdef01234567\"}, \"counter\": {\"$numberLong\": \"4\"}}, \"maxAwaitTimeMS\":"
    " 10000, \"saslSupportedMechs\": \"admin.u\", \"speculativeAuthenticate\": {\"a\": 1},"
    " \"client\": {\"driver\": {\"name\": \"n\", \"version\": \"1\"}, \"os\": {\"type\": \"t\"},"
    " \"application\": {\"name\": \"app\"}}, \"loadBalanced\": true, \"$db\": \"admin\"}",
    "{\"a_command_with_a_name_that_is_longer_than_sixty_four_characters_in_all\": \"x\", \"$db\":"
    " \"d\"}",
    "{\"$db\": \"d\"}",
    "{\"find\": \"c\"}",
    "{}",
    "{\"find\": \"c\", \"$db\": 5}",
};

enum { SAMPLE_BODY_COUNT = sizeof SAMPLE_BODIES / sizeof SAMPLE_BODIES[0] };

/* Every body alone; then messages of other shapes, good and bad ones. */
enum { SAMPLE_COUNT = SAMPLE_BODY_COUNT + 12 };

static inline void make_checksum(struct maker *m, bool is_right)
{
    make_int32(m, 0);
    make_end(m);
    m->size -= 4;
    uint32_t crc = crc32c(0, span_of(m->bytes, m->size));
    make_int32(m, (int32_t)(is_right ? crc : ~crc));
}

static inline void make_odd_sample(struct maker *m, int which)
{
    static const char DOCUMENT[] = "{\"x\": \"0123456789\"}";
    static const char INSERT[] = "{\"insert\": \"c\", \"ordered\": true, \"$db\": \"d\"}";
    make_int32(m, which == 0 || which == 1 ? 1 : 0);
    switch (which) {
    case 0:
    case 1:
        make_body(m, INSERT);
        make_sequence(m, "documents", DOCUMENT, 2);
        make_checksum(m, which == 0);
        break;
    case 2:
        make_sequence(m, "documents", DOCUMENT, 30);
        make_body(m, INSERT);
        break;
    case 3:
        make_sequence(m, "ops", DOCUMENT, 1);
        make_body(m, "{\"bulkWrite\": 1, \"$db\": \"admin\"}");
        make_sequence(m, "nsInfo", DOCUMENT, 0);
        break;
    case 4:
        make_body(m, INSERT);
        make_body(m, INSERT);
        break;
    case 5:
        make_sequence(m, "documents", DOCUMENT, 1);
        make_sequence(m, "documents", DOCUMENT, 1);
        make_body(m, INSERT);
        break;
    case 6:
        make_body(m, "{\"insert\": \"c\", \"documents\": [], \"$db\": \"d\"}");
        make_sequence(m, "documents", DOCUMENT, 1);
        break;
    case 7:
        make_sequence(m, "documents", DOCUMENT, 1);
        make_body(m, "{\"insert\": \"c\", \"documents\": [], \"$db\": \"d\"}");
        break;
    case 8:
        make_sequence(m, "a", DOCUMENT, 1);
        make_sequence(m, "b", DOCUMENT, 1);
        make_sequence(m, "c", DOCUMENT, 1);
        break;
    default:
        make_sequence(m, "documents", DOCUMENT, 1);
        break;
    }
}

static inline struct span make_sample(struct maker *m, int which)
{
    if (which < SAMPLE_BODY_COUNT) {
        return make_msg(m, 0, SAMPLE_BODIES[which]);
    }
    which -= SAMPLE_BODY_COUNT;
    if (which == 10) {
        return make_query(m, "admin.$cmd",
                          "{\"$query\": {\"isMaster\": 1, \"helloOk\": true},"
                          " \"$readPreference\": {\"mode\": \"nearest\"}}");
    }
    if (which == 11) {
        return make_query(m, "d.c", "{\"a\": 1}");
    }
    make_header(m, 7, 2013);
    make_odd_sample(m, which);
    return make_end(m);
}

#endif
