/* TCP-01 to TCP-10, the network path, and ACL-01 to ACL-04, the access list. */
#include "doctor/findings_parts.h"

#define TCP(id) [FINDING_##id - FINDING_TCP_01]
#define ACL(id) [FINDING_##id - FINDING_ACL_01]

#define NOT_NAMES "It is not DNS, which found the address, and not the password, which nobody saw."

#define ADD_ADDRESS                                                                              \
    "In Atlas, Network Access: add {public|the public address of this machine}, and wait until " \
    "the entry is active.\n"                                                                     \
    "Look that it is the project of this cluster.\n"

const struct finding_row finding_rows_tcp[] = {
    TCP(TCP_01) =
        {STAGE_TCP, SEVERITY_FATAL, "network",
         "This network lets other traffic out, but nothing to port {port|27017}.", NOT_NAMES,
         "Have TCP {port|27017} opened outwards (sharded clusters 27016, private endpoints of AWS "
         "1024 to 65535).\n"
         "Or go through a proxy that may: upstream.socksProxy or upstream.httpProxy.",
         PAGE_TROUBLE},
    TCP(TCP_02) =
        {STAGE_TCP, SEVERITY_FATAL, "network",
         "{address|The address of a node} refuses connections on port {port|27017}: no database "
         "listens there now, or a firewall near here says no.",
         "It is not DNS and not the password.",
         "Look in Atlas whether the cluster is paused, resuming or being changed, and wait.\n"
         "Look for a REJECT rule in this machine's firewall.",
         PAGE_TROUBLE},
    TCP(TCP_03) =
        {STAGE_TCP, SEVERITY_FATAL, "network",
         "This machine has no way to {address|the node's address} ({code|unreachable}): no route, "
         "or a rule forbids it.",
         NOT_NAMES, "Look at routes, VPN and the container's network.", PAGE_TROUBLE},
    TCP(TCP_04) =
        {STAGE_TCP, SEVERITY_DEGRADED, "network",
         "Only {nodes|some} of the cluster's nodes can be reached from here.",
         "DNS, login and access list are good: other nodes answer.",
         "Allow all nodes in the firewall, by name or by range: single addresses change.\n"
         "When the missing one is primary, writes wait until that is done.",
         PAGE_TROUBLE},
    TCP(TCP_05) =
        {STAGE_TCP, SEVERITY_FATAL, "network",
         "This cluster listens on port {port|other than 27017}, and that port is closed from here "
         "or not the one that was tried.",
         NOT_NAMES,
         "Take the ports from the SRV record: mooring resolve prints them.\n"
         "Open these: mongos 27016, BI Connector 27015, private endpoints from 1024 on.",
         PAGE_PRIVATE},
    TCP(TCP_06) =
        {STAGE_PING, SEVERITY_DEGRADED, "network",
         "A firewall or load balancer on the way forgot the connection while it was idle "
         "({seconds|some minutes} is the usual limit).",
         "The cluster did not fail, and nothing is wrong with the login.",
         "Set TCP keep-alive below two minutes, and the pool's maxIdleTimeMS below the limit.\n"
         "Nothing to do for Mooring: upstream.keepAliveSeconds is 60.",
         PAGE_TROUBLE},
    TCP(TCP_07) =
        {STAGE_PING, SEVERITY_DEGRADED, "network",
         "The other end of a connection vanished without a word, and what was sent is never "
         "acknowledged.",
         NULL,
         "Set TCP_USER_TIMEOUT or a socket timeout, so that it is noticed within 30 seconds.\n"
         "Nothing to do for Mooring: upstream.tcpUserTimeoutMS does it.",
         NULL},
    TCP(TCP_08) =
        {STAGE_TLS, SEVERITY_FATAL, "network",
         "Small packets pass and large ones vanish, as in a VPN with a wrong MTU: the handshake "
         "never ends.",
         "The port is open; it is neither the access list nor the password.",
         "Lower the MTU of the VPN or container network (1280 to try), or have the MSS clamped.",
         NULL},
    TCP(TCP_09) =
        {STAGE_CONTROL, SEVERITY_FATAL, "network",
         "This network lets traffic out through a web proxy only, and the database was dialled "
         "directly.",
         NOT_NAMES,
         "Set upstream.httpProxy or upstream.socksProxy to that proxy.\n"
         "Else ask for TCP 27017 outwards.",
         NULL},
    TCP(TCP_10) = {STAGE_TCP, SEVERITY_FATAL, "network",
                   "The cluster is paused: its names may still exist, but no node listens.",
                   "It is not this machine's network and not the password.", "Resume it in Atlas.",
                   PAGE_PAUSE},
};

const struct finding_row finding_rows_acl[] = {
    ACL(ACL_01) =
        {STAGE_TCP, SEVERITY_FATAL, "access list",
         "Atlas ignores this machine: {public|its public address} is not on the project's access "
         "list, or the cluster is paused.",
         "It is not DNS and not the password.",
         ADD_ADDRESS "Machines with changing addresses need a NAT gateway or a private endpoint.",
         PAGE_ACCESS_LIST},
    ACL(ACL_02) =
        {STAGE_TLS, SEVERITY_FATAL, "access list",
         "The cluster hangs up during the TLS handshake, as free and Flex ones do when "
         "{public|this machine's public address} is not on the access list.",
         "It is not DNS, not a certificate and not the password.",
         ADD_ADDRESS
         "When it is there already: wait some minutes, and look whether a proxy changes the "
         "address.",
         PAGE_ACCESS_LIST},
    ACL(ACL_03) =
        {STAGE_CONTROL, SEVERITY_FATAL, "access list",
         "This machine's public address changed from {old|the one that was listed} to {new|another "
         "one}.",
         "It is not DNS and not the password.",
         "In Atlas, Network Access: add {new|the new address}; temporary entries end after 7 days "
         "at most.\n"
         "Get a fixed address (NAT gateway) for machines that stay.",
         PAGE_ACCESS_LIST},
    ACL(ACL_04) =
        {STAGE_TCP, SEVERITY_DEGRADED, "access list",
         "New connections are shut out while old ones still work: the entry for this machine was "
         "taken off the access list.",
         "It is not DNS and not the password.",
         ADD_ADDRESS "The old connections end too, sooner or later.", PAGE_ACCESS_LIST},
};
