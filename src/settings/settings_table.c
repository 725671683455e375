#include "settings/settings_table.h"

#define AT(field) offsetof(struct settings, field)
#define MOST      INT64_C(1000000000)
#define YEAR      INT64_C(31536000000)
#define TEXT(path, field, fallback, uri, flags, help)                        \
    {                                                                        \
        path, OPTION_TEXT, AT(field), fallback, 0, 0, NULL, uri, flags, help \
    }
#define YES_NO(path, field, fallback, uri, help)                         \
    {                                                                    \
        path, OPTION_BOOL, AT(field), fallback, 0, 1, NULL, uri, 0, help \
    }
#define COUNT(path, field, fallback, low, high, uri, help)                     \
    {                                                                          \
        path, OPTION_COUNT, AT(field), fallback, low, high, NULL, uri, 0, help \
    }
#define BYTES(path, field, fallback, low, high, help)                           \
    {                                                                           \
        path, OPTION_BYTES, AT(field), fallback, low, high, NULL, NULL, 0, help \
    }
#define DURATION(path, field, fallback, low, uri, help)                           \
    {                                                                             \
        path, OPTION_DURATION, AT(field), fallback, low, MOST, NULL, uri, 0, help \
    }
#define CHOICE(path, field, fallback, choices, help)                           \
    {                                                                          \
        path, OPTION_CHOICE, AT(field), fallback, 0, 0, choices, NULL, 0, help \
    }
#define LIST(path, field, fallback, help)                                 \
    {                                                                     \
        path, OPTION_LIST, AT(field), fallback, 0, 0, NULL, NULL, 0, help \
    }

static const char *const read_preferences[] = {
    "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest", NULL};
static const char *const dns_fallbacks[] = {"auto", "listed", "off", NULL};
static const char *const outage_modes[] = {"queue", "failFast", NULL};
static const char *const monitoring_modes[] = {"auto", "stream", "poll", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const presentations[] = {"mongos", "replicaSet", NULL};
static const char *const give_up_ways[] = {"stay", "exit", NULL};
static const char *const startup_modes[] = {"lazy", "strict", "readyGate", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"text", "json", NULL};

const struct option option_table[] = {
    TEXT("upstream.uri", upstream.uri, NULL, NULL, OPTION_SECRET,
         "Connection string of the cluster, mongodb+srv:// or mongodb://."),
    TEXT("upstream.uriFile", upstream.uri_file, NULL, NULL, 0,
         "File that holds the connection string, instead of upstream.uri."),
    TEXT("upstream.username", upstream.username, NULL, NULL, 0,
         "User name, as it is (not percent-encoded); goes before the connection string's."),
    TEXT("upstream.passwordFile", upstream.password_file, NULL, NULL, 0,
         "File that holds the password, as it is; goes before the connection string's."),
    LIST("upstream.seeds", upstream.seeds, "",
         "Servers (host:port) to begin with when the SRV record cannot be had."),
    {"upstream.appName", OPTION_TEXT, AT(upstream.app_name), "mooring", 0, 128, NULL, "appName", 0,
     "Name that the cluster's logs show for our connections."},
    DURATION("upstream.localThresholdMS", upstream.local_threshold_ms, "15", 0, "localThresholdMS",
             "Servers at most this much slower than the nearest share the reads."),
    DURATION("upstream.heartbeatFrequencyMS", upstream.heartbeat_frequency_ms, "10000", 500,
             "heartbeatFrequencyMS", "Time between two checks of a server."),
    {"upstream.serverMonitoringMode", OPTION_CHOICE, AT(upstream.server_monitoring_mode), "auto", 0,
     0, monitoring_modes, "serverMonitoringMode", 0,
     "stream (auto is the same): servers report changes at once, where they can, over a second "
     "connection to each; poll: they are only asked."},
    DURATION("upstream.connectTimeoutMS", upstream.connect_timeout_ms, "5000", 1,
             "connectTimeoutMS",
             "Longest time for a new connection to be ready, TLS and login included."),
    DURATION("upstream.operationTimeoutMS", upstream.operation_timeout_ms, "0", 0,
             "socketTimeoutMS",
             "Longest wait for a reply, beyond what a cursor may wait for events; 0: no limit."),
    COUNT("upstream.keepAliveSeconds", upstream.keep_alive_seconds, "60", 0, 32767, NULL,
          "Idle time before TCP keep-alive probes; 0: off."),
    DURATION("upstream.tcpUserTimeoutMS", upstream.tcp_user_timeout_ms, "30000", 0, NULL,
             "Longest time that sent bytes may stay unacknowledged (TCP_USER_TIMEOUT); 0: the "
             "system's."),
    TEXT("upstream.socksProxy", upstream.socks_proxy, NULL, NULL, OPTION_SECRET,
         "Outbound SOCKS5 proxy, [user:password@]host:port."),
    TEXT("upstream.httpProxy", upstream.http_proxy, NULL, NULL, OPTION_SECRET,
         "Outbound HTTP proxy (CONNECT), [user:password@]host:port."),
    LIST("listen.addresses", listen.addresses, "127.0.0.1:27017,[::1]:27017",
         "Addresses that applications connect to."),
    TEXT("listen.unixSocket", listen.unix_socket, NULL, NULL, 0,
         "Path of a Unix socket to listen on as well."),
    {"listen.unixSocketMode", OPTION_OCTAL, AT(listen.unix_socket_mode), "0600", 0, 0777, NULL,
     NULL, 0, "Permission bits of that socket."},
    COUNT("listen.maxClients", listen.max_clients, "10000", 1, 1000000, NULL,
          "Most application connections at once."),
    COUNT("listen.keepAliveSeconds", listen.keep_alive_seconds, "60", 0, 32767, NULL,
          "Idle time before TCP keep-alive probes to a client, which may be on another machine; 0: "
          "off."),
    CHOICE(
        "listen.presentation", listen.presentation, "mongos", presentations,
        "What applications see: a mongos, or the primary of a replica set of one, for those that "
        "cannot drop replicaSet= from their URI."),
    {"listen.advertisedHost", OPTION_TEXT, AT(listen.advertised_host), NULL, 0, 260, NULL, NULL, 0,
     "Host, or host:port, by which applications reach that replica set over TCP; else the address "
     "on which each of them did."},
    {"listen.replicaSet", OPTION_TEXT, AT(listen.replica_set), NULL, 0, 127, NULL, NULL, 0,
     "Name of that replica set; else the cluster's."},
    TEXT("listen.lastHelloFile", listen.last_hello_file, "auto", NULL, 0,
         "File that keeps what hello said last, for a start while the cluster cannot be reached; "
         "auto: in the state folder, off: none."),
    YES_NO("listen.allowUnauthenticated", listen.allow_unauthenticated, "false", NULL,
           "Allows to listen on an address that is not loopback: anyone who reaches it has the "
           "cluster."),
    CHOICE("listen.defaultReadPreference", listen.default_read_preference, "primary",
           read_preferences,
           "Read preference of reads that say none and are not part of a transaction."),
    COUNT("pool.maxPoolSize", pool.max_pool_size, "20", 1, 65535, "maxPoolSize",
          "Most pooled connections to one server, dials included."),
    COUNT("pool.minPoolSize", pool.min_pool_size, "1", 0, 65535, "minPoolSize",
          "Connections kept open to each server that can be elected (or is a mongos)."),
    COUNT("pool.maxTotalConnections", pool.max_total_connections, "0", 0, 1000000, NULL,
          "Most connections to all servers, monitors included; 0: no limit."),
    COUNT("pool.maxConnecting", pool.max_connecting, "2", 1, 1000, "maxConnecting",
          "Most connections to one server that come up at once."),
    COUNT("pool.connectsPerSecond", pool.connects_per_second, "5", 0, 100000, NULL,
          "New connections per second to one server, after connectBurst; 0: no limit."),
    COUNT("pool.connectBurst", pool.connect_burst, "5", 1, 100000, NULL,
          "New connections to one server that need not be paced."),
    DURATION("pool.maxIdleTimeMS", pool.max_idle_time_ms, "180000", 0, "maxIdleTimeMS",
             "Idle time after which a pooled connection is closed; 0: never."),
    DURATION("pool.maxLifetimeMS", pool.max_lifetime_ms, "3600000", 0, NULL,
             "Age (varied by 20 %) at which a pooled connection is replaced; 0: never."),
    DURATION("pool.checkAfterIdleMS", pool.check_after_idle_ms, "30000", 0, NULL,
             "Idle time after which a pooled connection is pinged before reuse; 0: never."),
    DURATION("pool.waitQueueTimeoutMS", pool.wait_queue_timeout_ms, "15000", 0,
             "waitQueueTimeoutMS", "Longest wait for a pooled connection; 0: no limit."),
    {"pool.maxAwaiting", OPTION_SHARE, AT(pool.max_awaiting), "50%", 1, 65535, NULL, NULL, 0,
     "Most of a server's pooled connections that change streams and other waits for events may "
     "hold "
     "at once, as a number or as a share of maxPoolSize; beyond that they take turns."},
    {"pool.maxPinned", OPTION_SHARE, AT(pool.max_pinned), "75%", 1, 65535, NULL, NULL, 0,
     "Behind a load balancer: most pooled connections that open cursors and transactions may hold, "
     "as a number or as a share of maxPoolSize; what might need one more waits."},
    DURATION("pool.maxPinnedIdleTimeMS", pool.max_pinned_idle_time_ms, "600000", 0, NULL,
             "Behind a load balancer: time after which a connection is closed whose cursors and "
             "transactions nobody used; 0: never."),
    CHOICE("outage.mode", outage.mode, "queue", outage_modes,
           "queue: operations wait for a suitable server; failFast: they fail at once."),
    DURATION("outage.queueTimeoutMS", outage.queue_timeout_ms, "15000", 1,
             "serverSelectionTimeoutMS", "Longest wait for a suitable server."),
    COUNT("outage.queueMaxOperations", outage.queue_max_operations, "1000", 0, 10000000, NULL,
          "Most operations that wait for a server, and for a connection in each pool's lane."),
    BYTES("outage.queueMaxBytes", outage.queue_max_bytes, "16MiB", 0, INT64_C(1) << 40,
          "Most bytes of requests that wait for a server."),
    YES_NO("outage.readsFromSecondary", outage.reads_from_secondary, "false", NULL,
           "While no primary is known, reads that ask for it are answered by a secondary; they may "
           "miss the latest writes."),
    DURATION("reconnect.initialMS", reconnect.initial_ms, "250", 1, NULL,
             "First pause after a failed connection attempt (full jitter)."),
    {"reconnect.factor", OPTION_FACTOR, AT(reconnect.factor), "2", 1, 100, NULL, NULL, 0,
     "By what the pause grows with each failure."},
    DURATION("reconnect.maxMS", reconnect.max_ms, "15000", 1, NULL, "Longest pause."),
    DURATION("reconnect.faultMS", reconnect.fault_ms, "45000", 1, NULL,
             "Pause, varied by a third, after faults that do not pass by themselves (credentials, "
             "certificates, a wrong name): these are told at once, and not tried often."),
    DURATION("reconnect.maxElapsedMS", reconnect.max_elapsed_ms, "0", 0, NULL,
             "Time without a suitable server after which Mooring gives up: operations then fail at "
             "once, until one is back; 0: never."),
    CHOICE("reconnect.onGiveUp", reconnect.on_give_up, "stay", give_up_ways,
           "stay: goes on looking for a server, at the pace of checks; exit: drains and ends with "
           "status 2, to be started again."),
    CHOICE("startup.mode", startup.mode, "lazy", startup_modes,
           "lazy: listens at once and holds clients until the cluster is reached; strict: ends "
           "with status 2 when it is not reached at first; readyGate: listens once it is reached, "
           "and ends likewise."),
    DURATION("startup.timeoutMS", startup.timeout_ms, "30000", 1, NULL,
             "Time that strict and readyGate allow for reaching the cluster."),
    LIST("dns.resolvers", dns.resolvers, "system",
         "Resolvers to ask: system, addresses like 10.0.0.2:53, tls://10.0.0.2#dns.example or "
         "https://10.0.0.2/dns-query#dns.example."),
    TEXT("dns.resolvConf", dns.resolv_conf, "/etc/resolv.conf", NULL, 0,
         "File with the system's resolvers, read anew for every look-up."),
    CHOICE("dns.fallback", dns.fallback, "auto", dns_fallbacks,
           "Who is asked when those do not answer: dns.fallbackResolvers, and if none are named "
           "public resolvers (auto), only those named (listed), or nobody (off)."),
    LIST("dns.fallbackResolvers", dns.fallback_resolvers, "",
         "Resolvers to fall back on, spelled as in dns.resolvers; none: those of Google, "
         "Cloudflare and Quad9, by plain DNS, TLS and HTTPS."),
    TEXT("dns.caFile", dns.ca_file, NULL, NULL, 0,
         "CA certificates (PEM) that vouch for resolvers over TLS and HTTPS; none: the system's."),
    DURATION("dns.timeoutMS", dns.timeout_ms, "5000", 1, NULL, "Longest time for one look-up."),
    TEXT("dns.lastGoodFile", dns.last_good_file, "auto", NULL, 0,
         "File that keeps what the resolvers said last of the cluster (no secrets), for a start "
         "while they cannot be asked; auto: in the state folder, off: none."),
    {"dns.staleWarnMS", OPTION_DURATION, AT(dns.stale_warn_ms), "259200000", 0, YEAR, NULL, NULL, 0,
     "Age from which on the use of such an answer is told, once a day."},
    {"dns.staleMaxMS", OPTION_DURATION, AT(dns.stale_max_ms), "2592000000", 0, YEAR, NULL, NULL, 0,
     "Age from which on it is not used any more; 0: never used."},
    TEXT("tls.caFile", tls.ca_file, NULL, "tlsCAFile", 0,
         "Certificates to trust (PEM), instead of the system's."),
    TEXT("tls.certificateKeyFile", tls.certificate_key_file, NULL, "tlsCertificateKeyFile", 0,
         "Own certificate and key (PEM), for MONGODB-X509."),
    TEXT("tls.certificateKeyFilePassword", tls.certificate_key_file_password, NULL,
         "tlsCertificateKeyFilePassword", OPTION_SECRET, "Password of that key."),
    CHOICE("tls.minVersion", tls.min_version, "1.2", tls_versions, "Oldest version of TLS."),
    YES_NO("tls.allowInvalidCertificates", tls.allow_invalid_certificates, "false",
           "tlsAllowInvalidCertificates", "Accepts any certificate: for experiments only."),
    YES_NO("tls.allowInvalidHostnames", tls.allow_invalid_hostnames, "false",
           "tlsAllowInvalidHostnames", "Accepts a certificate of another name."),
    BYTES("limits.bufferBytes", limits.buffer_bytes, "256MiB", 1 << 20, INT64_C(1) << 40,
          "Most memory for bytes in transit."),
    BYTES("limits.holdBytes", limits.hold_bytes, "256KiB", 1024, 48000000,
          "A request up to this size is held until it is answered; a larger one streams."),
    BYTES("limits.maxMessageBytes", limits.max_message_bytes, "48000000", 1024, 48000000,
          "Largest message accepted."),
    DURATION("limits.clientIdleTimeoutMS", limits.client_idle_timeout_ms, "0", 0, NULL,
             "Idle time after which a client is closed; 0: never."),
    DURATION("limits.handshakeTimeoutMS", limits.handshake_timeout_ms, "10000", 0, NULL,
             "Time a client has for its first message; 0: no limit."),
    DURATION(
        "limits.clientSendTimeoutMS", limits.client_send_timeout_ms, "60000", 0, NULL,
        "Longest time that a client may leave its replies unread, or a large request unfinished."),
    COUNT("limits.maxOperationsPerApp", limits.max_operations_per_app, "0", 0, 1000000, NULL,
          "Most operations in progress of one application (by appName; those without one count as "
          "one), beyond which they wait in order; 0: no limit."),
    DURATION("limits.drainReplyMS", limits.drain_reply_ms, "5000", 1, NULL,
             "Longest time that the reply to a client that left is still read, so that its pooled "
             "connection can serve again; else that is closed."),
    BYTES("limits.drainReplyBytes", limits.drain_reply_bytes, "4MiB", 0, INT64_C(1) << 40,
          "Most bytes of such a reply."),
    DURATION("limits.vanishedGraceMS", limits.vanished_grace_ms, "2000", 0, NULL,
             "Time after the last connection of an application's process is gone until its open "
             "cursors and transactions are ended; 0: never, the server ends them later."),
    TEXT("events.hook", events.hook, NULL, NULL, OPTION_SECRET,
         "Command that is run for each event, with the event as a line of JSON on standard input; "
         "words as in a shell ('...', \"...\", \\), but no shell."),
    DURATION("events.hookTimeoutMS", events.hook_timeout_ms, "5000", 1, NULL,
             "Time after which that command is ended."),
    COUNT("events.hookQueue", events.hook_queue, "64", 1, 10000, NULL,
          "Most events that wait for that command; beyond them the oldest is dropped."),
    DURATION("drain.minMS", drain.min_ms, "0", 0, NULL,
             "Time that the listeners stay open after SIGTERM."),
    DURATION("drain.maxMS", drain.max_ms, "25000", 0, NULL,
             "Time that clients have to finish after that."),
    DURATION("doctor.timeoutMS", doctor.timeout_ms, "5000", 1, NULL,
             "Longest time for one step of mooring doctor; all of it takes half as long again at "
             "most."),
    LIST("doctor.controlAddresses", doctor.control_addresses, "1.1.1.1:853,8.8.8.8:443",
         "Addresses that mooring doctor dials (and sends nothing to) to see whether anything gets "
         "out of this network."),
    TEXT("doctor.publicAddressProbe", doctor.public_address_probe,
         "myip.opendns.com@208.67.222.222:53", NULL, 0,
         "What mooring doctor --public-ip asks for this network's public address: NAME@RESOLVER; "
         "its A record is the address."),
    TEXT("doctor.portProbe", doctor.port_probe, "portquiz.net:27017", NULL, 0,
         "Where mooring doctor --portquiz sees whether port 27017 gets out."),
    CHOICE("log.format", log.format, "text", log_formats, "Form of the log's lines."),
    CHOICE("log.level", log.level, "info", log_levels, "Least level that is logged."),
    LIST("log.groups", log.groups, "", "Levels of single groups: pool=debug, dns=warn."),
};

const size_t option_count = sizeof option_table / sizeof *option_table;
