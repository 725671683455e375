/* TOPO-01 to TOPO-09: what the cluster says of itself. */
#include "doctor/findings_parts.h"

#define LAYER  "topology"
#define AT(id) [FINDING_##id - FINDING_TOPO_01]

const struct finding_row finding_rows_topo[] = {
    AT(TOPO_01) =
        {STAGE_TOPOLOGY, SEVERITY_DEGRADED, LAYER,
         "The cluster is electing a primary, which takes 5 to 12 seconds as a rule; writes wait "
         "until then.",
         "It is neither the access list nor the password.",
         "Wait, and leave retryWrites on.\n"
         "Nothing to do behind Mooring: operations wait in it.",
         PAGE_FAILOVER},
    AT(TOPO_02) =
        {STAGE_TOPOLOGY, SEVERITY_FATAL, LAYER,
         "The cluster has had no primary for {seconds|over 60} seconds: most nodes are down, or "
         "the primary cannot be reached from here.",
         "Names and login are good.",
         "Look in Atlas at the state of the nodes.\n"
         "Look whether a firewall lets you to some nodes only (TCP-04).",
         PAGE_FAILOVER},
    AT(TOPO_03) =
        {STAGE_TOPOLOGY, SEVERITY_FATAL, LAYER,
         "The nodes belong to the replica set {actual|of another name}, not to {set|the one asked "
         "for}, and are not used.",
         "The machines were reached: it is not the network.",
         "Take replicaSet out of the connection string.\n"
         "Look whether the hosts are those of this cluster.",
         PAGE_URI},
    AT(TOPO_04) =
        {STAGE_TOPOLOGY, SEVERITY_FATAL, LAYER,
         "The cluster calls its nodes by names that cannot be found from here, such as "
         "{host|internal ones}.",
         "The first contact worked: it is not the login.",
         "Take the string for your way in (public, peering, private endpoint) from Connect in "
         "Atlas.\n"
         "With a set of your own: name its members by names that clients know.",
         PAGE_CHANGES},
    AT(TOPO_05) =
        {STAGE_TOPOLOGY, SEVERITY_DEGRADED, LAYER,
         "The cluster is still being built or changed, which takes up to 10 minutes (free ones 15 "
         "seconds).",
         "It is neither the access list nor the password.",
         "Wait, and try again with growing pauses; Mooring does.", PAGE_CHANGES},
    AT(TOPO_06) = {STAGE_TOPOLOGY, SEVERITY_INFO, LAYER,
                   "The cluster has other machines than before: {name|the list of nodes changed}.",
                   NULL,
                   "Nothing to do with mongodb+srv://.\n"
                   "Renew lists of hosts in mongodb:// strings, firewalls and upstream.seeds.",
                   PAGE_CHANGES},
    AT(TOPO_07) = {STAGE_HELLO, SEVERITY_FATAL, LAYER,
                   "Client and cluster do not agree whether a load balancer stands between them.",
                   "Network and login are not to blame.",
                   "Copy the string from Connect in Atlas.\n"
                   "loadBalanced=true wants exactly one host, and no replicaSet.",
                   PAGE_URI},
    AT(TOPO_08) = {STAGE_TCP, SEVERITY_FATAL, LAYER,
                   "The private endpoint {host|of the cluster} has a name, but its door is closed.",
                   "It is not DNS and not the password; the access list does not matter here.",
                   "In Atlas the endpoint must say Available.\n"
                   "Its security group must admit this machine on ports 1024 to 65535.",
                   PAGE_PRIVATE},
    AT(TOPO_09) =
        {STAGE_HELLO, SEVERITY_FATAL, LAYER,
         "Driver and server have no version of the wire protocol in common ({version|one is too "
         "old}).",
         "Network and login are not to blame.",
         "Upgrade the driver when it is the older one, else the server.", NULL},
};
