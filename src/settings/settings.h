/* The settings, and nothing else: what every part of the program is told at start.
 *
 * Texts belong to the struct (settings_clear frees them). A list is NULL-terminated, or NULL when
 * empty. Times are milliseconds and sizes bytes, as the names say; 0 means "no limit" where the
 * help of the option says so. The rows in settings_table.c fill it; the rules between options are
 * in settings_check.c, and what the connection string says is in settings_uri.c. */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

/* In the order of enum read_mode. */
enum read_preference_setting {
    PREFER_PRIMARY,
    PREFER_PRIMARY_PREFERRED,
    PREFER_SECONDARY,
    PREFER_SECONDARY_PREFERRED,
    PREFER_NEAREST
};
/* Who is asked when the resolvers of dns.resolvers do not answer: AUTO: fallback_resolvers, or the
 * public ones when none are named; LISTED: only those named. */
enum dns_fallback { DNS_FALLBACK_AUTO, DNS_FALLBACK_LISTED, DNS_FALLBACK_OFF };
enum outage_mode { OUTAGE_QUEUE, OUTAGE_FAIL_FAST };
enum auth_mechanism { AUTH_NONE, AUTH_DEFAULT, AUTH_SCRAM_SHA_1, AUTH_SCRAM_SHA_256, AUTH_X509 };
enum monitoring_mode { MONITORING_AUTO, MONITORING_STREAM, MONITORING_POLL };
enum tls_version { TLS_1_2, TLS_1_3 };
enum on_give_up { GIVE_UP_STAY, GIVE_UP_EXIT };
enum startup_mode { STARTUP_LAZY, STARTUP_STRICT, STARTUP_READY_GATE };
enum presentation_setting { SHOW_MONGOS, SHOW_REPLICA_SET };

struct upstream_settings {
    char *uri; /* whole connection string; secret */
    char *uri_file;
    char *username;
    char *password_file;
    char **seeds; /* as given: "host" or "host:port"; used when SRV cannot be had */
    char *app_name;
    msec local_threshold_ms;
    msec heartbeat_frequency_ms;
    enum monitoring_mode server_monitoring_mode;
    msec connect_timeout_ms;
    msec operation_timeout_ms;
    int64_t keep_alive_seconds;
    msec tcp_user_timeout_ms;
    char *socks_proxy; /* [user:password@]host:port */
    char *http_proxy;  /* [user:password@]host:port */

    /* Filled from the connection string and the files named above. */
    char *srv_host;         /* lower case; NULL for mongodb:// */
    char *srv_service_name; /* "mongodb" */
    int64_t srv_max_hosts;
    char **hosts; /* "host:port", "[v6]:port" or "/path.sock" */
    char *replica_set;
    bool direct_connection;
    bool load_balanced;
    bool tls;     /* TLS wanted: SRV, or tls=true */
    bool tls_set; /* said by the connection string, so that TXT or defaults do not matter */
    enum auth_mechanism auth_mechanism;
    char *auth_source; /* NULL: not said; the mechanism's or TXT's default holds */
    char *user;        /* raw, percent-decoded; NULL when no login is wanted */
    char *password;    /* secret */
    char *database;    /* the path of the connection string, or NULL */
    char *uri_options; /* what stands behind '?', as it is, or NULL; may hold secrets */
};

struct listen_settings {
    char **addresses;
    bool addresses_are_default; /* a family that the machine lacks is then only a warning */
    char *unix_socket;
    int64_t unix_socket_mode;
    int64_t max_clients;
    int64_t keep_alive_seconds;
    enum presentation_setting presentation;
    char *advertised_host; /* "host" or "host:port"; NULL: where the client reached us */
    char *replica_set;     /* NULL: the cluster's own name */
    char *last_hello_file; /* NULL: none */
    bool allow_unauthenticated;
    enum read_preference_setting default_read_preference;
};

/* A number, or a percentage of another number: "10", "50%". */
struct share {
    int64_t amount;
    bool is_percentage;
};

/* At least 1, at most `whole` (1 or more). */
static inline int64_t share_of(struct share share, int64_t whole)
{
    int64_t part = share.is_percentage ? whole * share.amount / 100 : share.amount;
    return part < 1 ? 1 : part > whole ? whole : part;
}

struct pool_settings {
    int64_t max_pool_size;
    int64_t min_pool_size;
    int64_t max_total_connections; /* 0: no limit */
    int64_t max_connecting;
    int64_t connects_per_second;
    int64_t connect_burst;
    msec max_idle_time_ms;
    msec max_lifetime_ms;
    msec check_after_idle_ms;
    msec wait_queue_timeout_ms;
    struct share max_awaiting; /* of max_pool_size */
    struct share max_pinned;   /* of max_pool_size */
    msec max_pinned_idle_time_ms;
};

struct outage_settings {
    enum outage_mode mode;
    msec queue_timeout_ms;
    int64_t queue_max_operations;
    byte_count queue_max_bytes;
    bool reads_from_secondary;
};

struct reconnect_settings {
    msec initial_ms;
    double factor;
    msec max_ms;
    msec fault_ms;
    msec max_elapsed_ms; /* 0: never give up */
    enum on_give_up on_give_up;
};

/* When the listeners open, and whether the process ends when the cluster is not reached at first.
 */
struct startup_settings {
    enum startup_mode mode;
    msec timeout_ms;
};

struct events_settings {
    char *hook; /* a command line as base/words.h reads it; NULL: none; may hold secrets */
    msec hook_timeout_ms;
    int64_t hook_queue;
};

struct dns_settings {
    char **resolvers;  /* "system", or as core/dns/resolver.h spells them */
    char *resolv_conf; /* where "system" is written down */
    enum dns_fallback fallback;
    char **fallback_resolvers; /* as core/dns/resolver.h spells them */
    char *ca_file;             /* for DNS over TLS and HTTPS; NULL: the system's roots */
    msec timeout_ms;
    char *last_good_file; /* NULL: none */
    msec stale_warn_ms;
    msec stale_max_ms;
};

struct tls_settings {
    char *ca_file; /* NULL: the system's roots */
    char *certificate_key_file;
    char *certificate_key_file_password; /* secret */
    enum tls_version min_version;
    bool allow_invalid_certificates;
    bool allow_invalid_hostnames;
};

struct limits_settings {
    byte_count buffer_bytes;
    byte_count hold_bytes;
    byte_count max_message_bytes;
    msec client_idle_timeout_ms;
    msec handshake_timeout_ms;
    msec client_send_timeout_ms;
    msec drain_reply_ms;
    byte_count drain_reply_bytes;
    int64_t max_operations_per_app; /* 0: no limit */
    msec vanished_grace_ms;         /* 0: what vanished clients leave open is the server's to end */
};

struct doctor_settings {
    msec timeout_ms;
    char **control_addresses; /* "address:port" */
    char *port_probe;         /* "host:port"; NULL: none */
    char *public_address_probe;
};

struct drain_settings {
    msec min_ms;
    msec max_ms;
};

enum log_level_setting { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };
enum log_format_setting { FORMAT_TEXT, FORMAT_JSON };

struct log_settings {
    enum log_format_setting format;
    enum log_level_setting level;
    char **groups; /* "pool=debug", … */
};

struct settings {
    struct upstream_settings upstream;
    struct listen_settings listen;
    struct pool_settings pool;
    struct outage_settings outage;
    struct reconnect_settings reconnect;
    struct dns_settings dns;
    struct tls_settings tls;
    struct limits_settings limits;
    struct startup_settings startup;
    struct events_settings events;
    struct drain_settings drain;
    struct doctor_settings doctor;
    struct log_settings log;
};

#endif
