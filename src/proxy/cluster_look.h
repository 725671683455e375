/* The cluster as a report shows it. */
#ifndef PROXY_CLUSTER_LOOK_H
#define PROXY_CLUSTER_LOOK_H

#include <stdbool.h>
#include <stddef.h>

struct cluster;

enum { CLUSTER_ROWS_MOST = 64 };

struct cluster_row {
    const char *name;
    const char *type; /* "RSPrimary" */
    bool is_usable;   /* operations may go there */
    bool is_ready;    /* a connection stands, TLS and login included */
    bool is_settled;  /* ready, or known to need no connection, or something has failed */
    const char *why;  /* the last failure; empty: none */
};

/* Texts are the cluster's, for the moment. */
struct cluster_sight {
    const char *kind;     /* "ReplicaSetWithPrimary"; NULL while the servers' names are not known */
    const char *set_name; /* NULL: none */
    const char *why;      /* the last cause of trouble; empty: none */
    bool is_serving;      /* a connection stands to a server that takes writes */
    bool is_settled;      /* every server is */
    bool is_whole;        /* settled, and nothing has failed */
    size_t count;
    struct cluster_row rows[CLUSTER_ROWS_MOST];
};

/* False while no server is known. */
bool cluster_look(struct cluster *c, struct cluster_sight *out);

#endif
