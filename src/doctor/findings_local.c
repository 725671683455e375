/* LOC-01 to LOC-09: between the application and what it dials on its own machine. */
#include "doctor/findings_parts.h"

#define LAYER  "local connection"
#define AT(id) [FINDING_##id - FINDING_LOC_01]

#define NOT_ATLAS "It is not Atlas: nothing left this machine."

const struct finding_row finding_rows_loc[] = {
    AT(LOC_01) =
        {STAGE_THROUGH, SEVERITY_FATAL, LAYER,
         "Nothing listens on {address|127.0.0.1} port {port|27017} of this machine.",
         NOT_ATLAS " Waiting longer does not open a port.",
         "Start Mooring (or the database that should be there), and look at its first lines.\n"
         "Compare the ports: ss -ltnp shows who listens where.\n"
         "When the cluster is meant: the application's URI is unset, and its default was used.",
         NULL},
    AT(LOC_02) =
        {STAGE_THROUGH, SEVERITY_FATAL, LAYER,
         "The application went to ::1 (IPv6), but the service listens on 127.0.0.1 (IPv4) only.",
         NOT_ATLAS,
         "Write 127.0.0.1 instead of localhost.\n"
         "Or let the service listen on both; Mooring does unless listen.addresses says otherwise.",
         NULL},
    AT(LOC_03) =
        {STAGE_THROUGH, SEVERITY_FATAL, LAYER,
         "In a container localhost is the container itself, and nothing listens on port "
         "{port|27017} in this one.",
         NOT_ATLAS,
         "Use the other service's name, or share its network: network_mode: \"service:mooring\".\n"
         "For a program on the host: host.docker.internal (on Linux with extra_hosts: "
         "host-gateway).",
         NULL},
    AT(LOC_04) =
        {STAGE_THROUGH, SEVERITY_FATAL, LAYER,
         "The service listens on {bound|loopback} only, and the client comes from elsewhere.",
         NOT_ATLAS,
         "Set listen.addresses to an address that the client can reach.\n"
         "Whoever reaches it has the cluster: think of listen.allowUnauthenticated first.",
         NULL},
    AT(LOC_05) =
        {STAGE_LOCAL, SEVERITY_FATAL, LAYER,
         "Port {port|27017} is taken by {program|another program, often a local mongod}, process "
         "{pid|unknown}.",
         NOT_ATLAS, "Stop that program, or set listen.addresses to another port.", NULL},
    AT(LOC_06) =
        {STAGE_THROUGH, SEVERITY_DEGRADED, LAYER,
         "The application was up before the service that it dials.", NOT_ATLAS,
         "Start it when the service is ready: depends_on with service_healthy, or a startup "
         "probe.\n"
         "Mooring listens at once and lets applications wait: start it first.",
         NULL},
    AT(LOC_07) =
        {STAGE_THROUGH, SEVERITY_FATAL, LAYER,
         "The application speaks TLS to the local port, where plain MongoDB is spoken.", NOT_ATLAS,
         "Its URI is mongodb://127.0.0.1:{port|27017}/, without +srv and without tls=true.", NULL},
    AT(LOC_08) =
        {STAGE_THROUGH, SEVERITY_FATAL, LAYER,
         "The application sends a user name and password to Mooring, which has the login itself.",
         "The password is not wrong: nobody looked at it.",
         "Take user:password@ out of the application's URI.", NULL},
    AT(LOC_09) = {STAGE_THROUGH, SEVERITY_INFO, LAYER,
                  "A web browser or HTTP client came to the port of the database.", NULL,
                  "Use a driver or mongosh there; health checks have a command of their own.",
                  NULL},
};
