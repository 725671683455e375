/* The rows of each family (findings_uri.c, …), in the order of their ids; for findings.c. A row's
 * fields stand in the order of `struct finding_row`: stage, severity, layer, what is wrong, what it
 * is not, what to do, where to read more. */
#ifndef DOCTOR_FINDINGS_PARTS_H
#define DOCTOR_FINDINGS_PARTS_H

#include "doctor/findings.h"

extern const struct finding_row finding_rows_uri[];
extern const struct finding_row finding_rows_dns[];
extern const struct finding_row finding_rows_tcp[];
extern const struct finding_row finding_rows_acl[];
extern const struct finding_row finding_rows_tls[];
extern const struct finding_row finding_rows_auth[];
extern const struct finding_row finding_rows_lim[];
extern const struct finding_row finding_rows_topo[];
extern const struct finding_row finding_rows_loc[];

/* Public pages. */
#define PAGE_TROUBLE      "https://www.mongodb.com/docs/atlas/troubleshoot-connection/"
#define PAGE_ACCESS_LIST  "https://www.mongodb.com/docs/atlas/security/ip-access-list/"
#define PAGE_ATLAS_LIMITS "https://www.mongodb.com/docs/atlas/reference/atlas-limits/"
#define PAGE_OVERLOAD     "https://www.mongodb.com/docs/atlas/overload-errors/"
#define PAGE_SECURITY     "https://www.mongodb.com/docs/atlas/reference/faq/security/"
#define PAGE_CHANGES      "https://www.mongodb.com/docs/atlas/reference/faq/connection-changes/"
#define PAGE_PRIVATE      "https://www.mongodb.com/docs/atlas/security-private-endpoint/"
#define PAGE_PAUSE        "https://www.mongodb.com/docs/atlas/pause-terminate-cluster/"
#define PAGE_URI          "https://www.mongodb.com/docs/manual/reference/connection-string/"
#define PAGE_FAILOVER \
    "https://www.mongodb.com/docs/atlas/tutorial/test-resilience/test-primary-failover/"

#endif
