/* DNS-01 to DNS-24: from the name to addresses. */
#include "doctor/findings_parts.h"

#define LAYER  "DNS"
#define AT(id) [FINDING_##id - FINDING_DNS_01]

#define NOT_BEYOND                                                                              \
    "It is not port 27017, not the access list and not the password: no server of the cluster " \
    "was asked yet."

const struct finding_row finding_rows_dns[] = {
    AT(DNS_01) =
        {STAGE_RESOLVER, SEVERITY_FATAL, LAYER,
         "This machine has no DNS server that can be reached: at {resolver|its address} nothing "
         "takes questions.",
         NOT_BEYOND,
         "Look which servers are set: /etc/resolv.conf, the network's, the VPN's or the "
         "container's settings.\n"
         "Set one that answers, or name some in dns.resolvers.",
         PAGE_TROUBLE},
    AT(DNS_02) =
        {STAGE_RESOLVER, SEVERITY_FATAL, LAYER,
         "The program asks a DNS server that this machine does not use: some Node releases misread "
         "the settings of Windows.",
         NOT_BEYOND,
         "Print require('dns').getServers() there: 127.0.0.1 alone is the sign.\n"
         "Change the Node release: 20.20.0, 22.22.0, 24.13.0 and 25.3.0 are known to be bad.\n"
         "Or connect through Mooring, or call dns.setServers() in the application.",
         NULL},
    AT(DNS_03) = {STAGE_RESOLVER, SEVERITY_FATAL, LAYER,
                  "The DNS server {resolver|of this machine} does not answer.", NOT_BEYOND,
                  "Ask another one: dig @1.1.1.1 SRV _mongodb._tcp.{host|CLUSTER}\n"
                  "Look at VPN and firewall: port 53, UDP and TCP, must be open to that server.\n"
                  "Leave dns.fallback on: Mooring then asks others by itself.",
                  PAGE_TROUBLE},
    AT(DNS_04) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "The DNS server {resolver|of this machine} answers for ordinary names but not for SRV "
         "records, which mongodb+srv:// needs.",
         NOT_BEYOND,
         "Use another DNS server, or leave dns.fallback on.\n"
         "On a router look for a filter of useless queries (dnsmasq: filterwin2k) and turn it "
         "off.\n"
         "Else use the mongodb:// string, which mooring resolve prints where SRV works.",
         PAGE_TROUBLE},
    AT(DNS_05) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "The DNS server {resolver|of this machine} tried and failed (SERVFAIL): what it asks "
         "itself, DNSSEC or a policy stops it.",
         NOT_BEYOND,
         "Try again in a minute, and another DNS server now.\n"
         "Tell whoever runs that server.",
         PAGE_TROUBLE},
    AT(DNS_06) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "The name {host|of the cluster} does not exist: it is mistyped, or the cluster is deleted "
         "or paused.",
         "It is neither the access list nor the password, and another DNS server will not help.",
         "Compare the name with Connect in Atlas, letter by letter.\n"
         "Resume the cluster when it is paused (free ones pause after 30 days without a "
         "connection), and wait a minute.\n"
         "A terminated cluster does not come back.",
         PAGE_PAUSE},
    AT(DNS_07) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "{resolver|This machine's DNS server} says that {host|the cluster's name} does not exist; "
         "{other|a DNS server outside} knows it.",
         "The cluster is there: it is not deleted.",
         "Look for a private zone called mongodb.net, which hides the real one.\n"
         "Look for a filter, and wait in case a new name was asked for too early.\n"
         "Leave dns.fallback on.",
         PAGE_TROUBLE},
    AT(DNS_08) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "The answer is too long for one packet, and the way for long ones, TCP to port 53 of "
         "{resolver|the DNS server}, is closed.",
         NOT_BEYOND,
         "Open TCP port 53 to that server.\n"
         "Or use one that allows larger packets, or dns.fallback.",
         PAGE_TROUBLE},
    AT(DNS_09) =
        {STAGE_SRV, SEVERITY_DEGRADED, LAYER,
         "Large or extended (EDNS) DNS packets get lost on the way to {resolver|the DNS server}; "
         "plain small ones pass.",
         NOT_BEYOND,
         "Let the device between pass EDNS and fragments.\n"
         "Nothing to do in Mooring: it asks again without.",
         PAGE_TROUBLE},
    AT(DNS_10) =
        {STAGE_SRV, SEVERITY_DEGRADED, LAYER,
         "{resolver|The DNS server} writes SRV answers in a form that the standard forbids, which "
         "strict programs reject and dig does not show.",
         NOT_BEYOND,
         "Nothing to do for Mooring: it accepts them.\n"
         "Else use another DNS server, systemd newer than Ubuntu 18.04's, Go from 1.18 on, or "
         "another Node release.",
         PAGE_TROUBLE},
    AT(DNS_11) =
        {STAGE_TXT, SEVERITY_DEGRADED, LAYER,
         "The servers were found, but the TXT record with the cluster's options could not be read "
         "({code|no answer}).",
         "It is neither the access list nor the password.",
         "Nothing to do for Mooring: it goes on with authSource=admin.\n"
         "Else write authSource and replicaSet into the connection string.",
         PAGE_TROUBLE},
    AT(DNS_12) =
        {STAGE_TXT, SEVERITY_DEGRADED, LAYER,
         "The TXT record of {host|the cluster} holds what does not belong there: "
         "{name|a second record or another key}.",
         NULL,
         "Atlas writes one record with authSource, replicaSet and loadBalanced only: take away "
         "what else is on that name.",
         PAGE_URI},
    AT(DNS_13) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "An alias (CNAME) to {name|another domain} stands in front of the cluster, which neither "
         "drivers nor certificates accept.",
         NULL, "Use the name that Atlas gave, not one of your own.", PAGE_TROUBLE},
    AT(DNS_14) = {STAGE_ADDRESS, SEVERITY_FATAL, LAYER,
                  "The cluster's record was found, but the address of {host|a node} was not "
                  "({code|no answer}).",
                  "It is not the access list and not the password.",
                  "Look that name up by another DNS server and compare.\n"
                  "With some nodes only: wait a minute, the cluster may be changing.\n"
                  "Leave dns.fallback on.",
                  PAGE_TROUBLE},
    AT(DNS_15) =
        {STAGE_ADDRESS, SEVERITY_FATAL, LAYER,
         "DNS gave the private address {address|of a peered network} for {host|a node}, and this "
         "machine is not in that network.",
         "It is not the password; the access list was not asked.",
         "Join the peered network (VPC, VPN), or ask a DNS server outside of it.\n"
         "Take the string for the way you use from Connect in Atlas.",
         PAGE_TROUBLE},
    AT(DNS_16) = {STAGE_ADDRESS, SEVERITY_FATAL, LAYER,
                  "This machine has IPv6 only, and the nodes of Atlas have IPv4 addresses only.",
                  "It is not the access list and not the password.",
                  "Give the machine IPv4, or DNS64 with NAT64.\n"
                  "Or use a private endpoint.",
                  PAGE_TROUBLE},
    AT(DNS_17) =
        {STAGE_ADDRESS, SEVERITY_DEGRADED, LAYER,
         "{host|A node} has moved from {old|an old address} to {new|another}, and the old one is "
         "still used.",
         NULL,
         "Take fixed addresses out of hosts files, firewalls and code.\n"
         "Restart what keeps addresses longer than a minute; Mooring asks again by itself.",
         PAGE_CHANGES},
    AT(DNS_18) =
        {STAGE_ADDRESS, SEVERITY_FATAL, LAYER,
         "{resolver|The DNS server} invents answers: names that cannot exist get the address "
         "{address|of a page of its own}.",
         "The cluster is not to blame.",
         "Use another DNS server: the provider's own is not honest.\n"
         "Leave dns.fallback on.",
         PAGE_TROUBLE},
    AT(DNS_19) =
        {STAGE_RESOLVER, SEVERITY_DEGRADED, LAYER,
         "This network redirects all DNS to its own server: what comes from {resolver|a public "
         "address} was answered here.",
         NOT_BEYOND,
         "Choosing another plain DNS server changes nothing here.\n"
         "Use DNS over TLS or HTTPS: dns.fallback does, or dns.resolvers.",
         PAGE_TROUBLE},
    AT(DNS_20) =
        {STAGE_RESOLVER, SEVERITY_FATAL, LAYER,
         "Docker's own DNS server ({resolver|127.0.0.11}) does not pass the question on, though "
         "the host may have working DNS.",
         NOT_BEYOND,
         "Set dns: in the Compose file, or \"dns\" in Docker's daemon.json.\n"
         "Leave dns.fallback on.",
         NULL},
    AT(DNS_21) =
        {STAGE_RESOLVER, SEVERITY_DEGRADED, LAYER,
         "The C library of Alpine (musl) looks names up in its own way and now and then gives up "
         "where others do not.",
         NOT_BEYOND,
         "Use Alpine 3.18 or later, or an image with glibc.\n"
         "In Kubernetes end the names by a dot, or set ndots to 1.\n"
         "Or connect through Mooring, which asks by itself.",
         NULL},
    AT(DNS_22) =
        {STAGE_RESOLVER, SEVERITY_FATAL, LAYER,
         "Windows no longer passes on DNS questions of its Linux subsystem (WSL): "
         "{resolver|its relay} is silent.",
         NOT_BEYOND,
         "wsl --shutdown, and start again.\n"
         "For good: networkingMode=mirrored, or generateResolvConf=false with a DNS server of your "
         "own.",
         NULL},
    AT(DNS_23) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "The DNS servers of this machine disagree on {host|the cluster}: {resolver|the VPN's} "
         "does not know it, {other|another} does.",
         "The cluster is there: it is not deleted.",
         "Send mongodb.net to the DNS server outside the VPN (split DNS by domain).\n"
         "Leave dns.fallback on: Mooring asks them all.",
         PAGE_TROUBLE},
    AT(DNS_24) =
        {STAGE_RESOLVER, SEVERITY_INFO, LAYER,
         "Names are tried with the search domains of /etc/resolv.conf first, which costs time and "
         "useless questions.",
         NULL,
         "End the names by a dot, or set ndots to 1.\n"
         "Nothing to do for Mooring: it asks for whole names only.",
         NULL},
};
