/* Words about the way to a server, and last those that only say that something failed. */
#include "doctor/explain_parts.h"

#define CODED(words, code, ...)                       \
    {                                                 \
        words, {__VA_ARGS__}, TWIST_NONE, false, code \
    }

#define NO_SERVER POSSIBLE(ACL_01), POSSIBLE(TCP_01), POSSIBLE(ACL_02)

/* What Node prints below its sentence; all there is when only the object was logged. */
#define OBJECT(code, twist)                                      \
    {"code: '" code "'", {{0}}, TWIST_##twist, true, NULL},      \
        {"code':'" code "'", {{0}}, TWIST_##twist, true, NULL},  \
        {"code': '" code "'", {{0}}, TWIST_##twist, true, NULL}, \
    {                                                            \
        "code=" code, {{0}}, TWIST_##twist, true, NULL           \
    }

const struct pattern explain_network[] = {
    OBJECT("econnrefused", CONNECT_REFUSED),
    OBJECT("etimedout", CONNECT_SILENT),
    OBJECT("enetunreach", NO_ROUTE),
    OBJECT("ehostunreach", NO_ROUTE),
    TWISTED("connect econnrefused", CONNECT_REFUSED, "ECONNREFUSED"),
    TWISTED("econnrefused", CONNECT_REFUSED, "ECONNREFUSED"),
    TWISTED("connection refused calling hello", CONNECT_REFUSED, "ECONNREFUSED"),
    TWISTED("actively refused it", CONNECT_REFUSED, "10061"),
    TWISTED("winerror 10061", CONNECT_REFUSED, "10061"),
    TWISTED("connection refused", CONNECT_REFUSED, "ECONNREFUSED"),
    TWISTED("connect etimedout", CONNECT_SILENT, "ETIMEDOUT"),
    TWISTED("socket 'secureconnect' timed out", CONNECT_SILENT, NULL),
    TWISTED("socket 'connect' timed out", CONNECT_SILENT, NULL),
    TWISTED("dial tcp*i/o timeout", CONNECT_SILENT, NULL),
    TWISTED("dial tcp*operation timed out", CONNECT_SILENT, "ETIMEDOUT"),
    TWISTED("exception opening socket*connect timed out", CONNECT_SILENT, NULL),
    TWISTED("sockettimeoutexception: connect timed out", CONNECT_SILENT, NULL),
    TWISTED("connect timed out", CONNECT_SILENT, NULL),
    TWISTED("connection timeout calling hello", CONNECT_SILENT, NULL),
    TWISTED("connected party did not properly respond", CONNECT_SILENT, "10060"),
    TWISTED("winerror 10060", CONNECT_SILENT, "10060"),
    TWISTED("errno 110", CONNECT_SILENT, "ETIMEDOUT"),
    TWISTED("connection timed out", CONNECT_SILENT, "ETIMEDOUT"),
    TWISTED("mongonetworktimeouterror: connection timed out", CONNECT_SILENT, NULL),
    TWISTED("networktimeout*timed out", CONNECT_SILENT, NULL),
    TWISTED(":27017: timed out", CONNECT_SILENT, NULL),
    ROW("connection <monitor> to*timed out", LIKELY(TCP_07), POSSIBLE(TCP_04)),
    ROW("interrupted due to server monitor timeout", LIKELY(TCP_07), POSSIBLE(TCP_04)),
    ROW("socket timeout calling hello", POSSIBLE(TCP_08), POSSIBLE(LIM_02), POSSIBLE(TCP_07)),
    CODED("read etimedout", "ETIMEDOUT", LIKELY(TCP_07)),
    ROW("mongonetworktimeouterror: connection*to*timed out", LIKELY(TCP_07), POSSIBLE(ACL_01)),
    TWISTED("etimedout", CONNECT_SILENT, "ETIMEDOUT"),
    TWISTED("enetunreach", NO_ROUTE, "ENETUNREACH"),
    TWISTED("ehostunreach", NO_ROUTE, "EHOSTUNREACH"),
    TWISTED("network is unreachable", NO_ROUTE, "ENETUNREACH"),
    TWISTED("no route to host", NO_ROUTE, "EHOSTUNREACH"),
    TWISTED("unreachable network", NO_ROUTE, "10051"),
    TWISTED("unreachable host", NO_ROUTE, "10065"),
    TWISTED("connect eacces", NO_ROUTE, "EACCES"),
    CODED("407 proxy authentication required", "407", LIKELY(TCP_09)),
    ROW("proxyconnect tcp", LIKELY(TCP_09)),
    /* A connection that worked before. */
    CODED("write epipe", "EPIPE", LIKELY(TCP_06), POSSIBLE(TCP_07)),
    CODED("broken pipe", "EPIPE", LIKELY(TCP_06), POSSIBLE(TCP_07)),
    CODED("read econnreset", "ECONNRESET", LIKELY(TCP_06), POSSIBLE(ACL_02), POSSIBLE(LIM_01)),
    CODED("econnreset", "ECONNRESET", LIKELY(TCP_06), POSSIBLE(ACL_02), POSSIBLE(LIM_01)),
    CODED("connection reset by peer", "ECONNRESET", LIKELY(TCP_06), POSSIBLE(ACL_02),
          POSSIBLE(LIM_01)),
    CODED("forcibly closed by the remote host", "10054", LIKELY(TCP_06), POSSIBLE(ACL_02),
          POSSIBLE(LIM_01)),
    CODED("socketexception: connection reset", "ECONNRESET", LIKELY(TCP_06), POSSIBLE(ACL_02),
          POSSIBLE(LIM_01)),
    ROW("prematurely reached end of stream", LIKELY(TCP_06), POSSIBLE(ACL_02), POSSIBLE(LIM_01)),
    ROW("connection <monitor> to*closed", POSSIBLE(ACL_02), POSSIBLE(URI_11), POSSIBLE(LIM_01)),
    ROW("socket was unexpectedly closed: eof", LIKELY(TCP_06), POSSIBLE(LIM_01)),
    ROW("mongonetworkerror: connection*to*closed", LIKELY(TCP_06), POSSIBLE(LIM_01)),
    ROW("poolclearederror", POSSIBLE(TCP_06), POSSIBLE(TOPO_01)),
    ROW("autoreconnect*connection closed", LIKELY(TCP_06), POSSIBLE(LIM_01)),
    ROW("failed to read 4 bytes*socket error or timeout", LIKELY(TCP_07), POSSIBLE(TCP_06)),
    ROW("socket error or timeout", LIKELY(TCP_07), POSSIBLE(TCP_06)),
    ROW("timeout while receiving message", LIKELY(TCP_07)),
    ROW("sockettimeoutexception: read timed out", LIKELY(TCP_07), POSSIBLE(LIM_06)),
    ROW("the read operation timed out", LIKELY(TCP_07), POSSIBLE(TCP_08)),
    ROW("tls handshake timeout", LIKELY(TCP_08), POSSIBLE(LIM_02)),
    ROW("handshake operation timed out", LIKELY(TCP_08), POSSIBLE(LIM_02)),
    {NULL, {{0}}, 0, false, NULL},
};

const struct pattern explain_wrappers[] = {
    WRAPPER("network access list allows connections from your ip", NO_SERVER),
    WRAPPER("an ip that isn't whitelisted", NO_SERVER),
    WRAPPER("could not connect to any servers in your mongodb atlas cluster", NO_SERVER),
    WRAPPER("ip is*not on*access list", LIKELY(ACL_01), POSSIBLE(ACL_02)),
    WRAPPER("connecting with ssl enabled, but the server is not accepting ssl connections",
            POSSIBLE(ACL_02), POSSIBLE(LIM_01), POSSIBLE(TLS_10)),
    WRAPPER("replicasetnoprimary", POSSIBLE(TOPO_01), POSSIBLE(TOPO_02), POSSIBLE(ACL_01)),
    WRAPPER("no suitable servers found", POSSIBLE(TOPO_01), POSSIBLE(TOPO_02), POSSIBLE(ACL_01)),
    WRAPPER("no replica set members found yet", POSSIBLE(ACL_01), POSSIBLE(TCP_01),
            POSSIBLE(TOPO_03)),
    WRAPPER("no servers found yet", NO_SERVER),
    WRAPPER("no servers available", NO_SERVER),
    WRAPPER("no available servers", NO_SERVER),
    WRAPPER("server selection timed out", NO_SERVER),
    WRAPPER("server selection timeout", NO_SERVER),
    WRAPPER("server selection error", NO_SERVER),
    WRAPPER("selecting a server", NO_SERVER),
    WRAPPER("mongoserverselectionerror", NO_SERVER),
    WRAPPER("serverselectiontimeouterror", NO_SERVER),
    WRAPPER("while waiting for a server that matches", NO_SERVER),
    WRAPPER("buffering timed out after", NO_SERVER),
    WRAPPER("topology was destroyed", NO_SERVER),
    WRAPPER("topology is closed", NO_SERVER),
    WRAPPER("no reachable servers", NO_SERVER),
    WRAPPER("no server available", NO_SERVER),
    WRAPPER("noserveravailable", NO_SERVER),
    WRAPPER("can't reach database server at", NO_SERVER),
    WRAPPER("while waiting to connect", NO_SERVER),
    WRAPPER("exception opening socket", NO_SERVER),
    WRAPPER("invalid connection string", POSSIBLE(URI_02), POSSIBLE(URI_01)),
    WRAPPER("couldn't connect to server", NO_SERVER),
    WRAPPER("failed to reconnect after", NO_SERVER),
    WRAPPER("failed to connect to server*on first connect", NO_SERVER),
    WRAPPER("no connection available for operation", NO_SERVER),
    WRAPPER("unable to authenticate using mechanism", LIKELY(AUTH_03), POSSIBLE(AUTH_01)),
    WRAPPER("failed looking up srv record", LIKELY(DNS_03), POSSIBLE(DNS_04)),
    {NULL, {{0}}, 0, false, NULL},
};
