/* AUTH-01 to AUTH-09: who one is, and what one may. */
#include "doctor/findings_parts.h"

#define LAYER  "login"
#define AT(id) [FINDING_##id - FINDING_AUTH_01]

#define NOT_NET \
    "It is not DNS, not the network, not TLS and not the access list: the server answered."

const struct finding_row finding_rows_auth[] = {
    AT(AUTH_01) =
        {STAGE_AUTH, SEVERITY_FATAL, LAYER,
         "The server was reached and works, but it does not accept {user|this user} with this "
         "password.",
         NOT_NET,
         "Use a database user (Database Access), not the account of the Atlas website.\n"
         "Look at the project, at authSource, and at characters that want encoding (mooring "
         "encode).\n"
         "Look whether the user is restricted to other clusters; give a new one some seconds.",
         PAGE_TROUBLE},
    AT(AUTH_02) =
        {STAGE_AUTH, SEVERITY_FATAL, LAYER,
         "The login asks the database {database|that authSource names}, which has no such user.",
         NOT_NET, "authSource=admin; for X.509, AWS and LDAP authSource=$external.", PAGE_TROUBLE},
    AT(AUTH_03) = {STAGE_AUTH, SEVERITY_FATAL, LAYER,
                   "The cluster does not offer the login by {mechanism|that mechanism}.", NOT_NET,
                   "Take authMechanism out: client and server then agree by themselves.\n"
                   "Free and Flex clusters know SCRAM-SHA-1, X.509 and AWS only.",
                   PAGE_TROUBLE},
    AT(AUTH_04) =
        {STAGE_AUTH, SEVERITY_FATAL, LAYER,
         "The client certificate is not accepted ({alert|missing, expired, or of no known user}).",
         "It is neither DNS nor the access list.",
         "Look at its dates, and give it with its key: tls.certificateKeyFile.\n"
         "Its subject must be a user of $external; authSource=$external.",
         PAGE_TROUBLE},
    AT(AUTH_05) = {STAGE_AUTH, SEVERITY_FATAL, LAYER,
                   "AWS did not vouch for the credentials that the server checked there.", NOT_NET,
                   "Renew the session token, and look at the clock.\n"
                   "Add the role to Database Access in Atlas.",
                   PAGE_TROUBLE},
    AT(AUTH_06) =
        {STAGE_AUTH, SEVERITY_FATAL, LAYER,
         "{user|This user} may log in from certain addresses only, and this is none of them.",
         NOT_NET,
         "Change the user's authenticationRestrictions, or come from an address that they name.",
         NULL},
    AT(AUTH_07) =
        {STAGE_AUTH, SEVERITY_FATAL, LAYER,
         "{user|This user} belongs to another cluster or project, which cannot be seen from here.",
         NOT_NET,
         "In Atlas, Database Access, Edit: look at the project and at the clusters the user is "
         "restricted to.",
         PAGE_TROUBLE},
    AT(AUTH_08) =
        {STAGE_PING, SEVERITY_DEGRADED, "permissions",
         "The login works, but its roles, or the cluster's tier, do not allow this command.",
         "It is not the password: the login is done.",
         "Give the user a role that allows it on that database.\n"
         "Free and Flex clusters forbid some commands to everybody.",
         PAGE_ATLAS_LIMITS},
    AT(AUTH_09) = {STAGE_AUTH, SEVERITY_DEGRADED, LAYER,
                   "A login that was refused is tried again and again, {count|many} times so far.",
                   NOT_NET,
                   "Stop the program that does it: trying again does not mend a password.\n"
                   "Mooring asks again slowly by itself.",
                   NULL},
};
