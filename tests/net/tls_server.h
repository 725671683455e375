/* A TLS server (or a plain one) of OpenSSL over net.h: one connection, plain bytes in and out. */
#ifndef TESTS_NET_TLS_SERVER_H
#define TESTS_NET_TLS_SERVER_H

#include "unit/net/tls_world.h"
#include "world.h"

struct tls_server {
    struct world *w;
    struct listener *listener;
    struct address at;
    SSL_CTX *ctx;      /* NULL: plain TCP */
    struct conn *conn; /* NULL: none, or gone */
    SSL *ssl;
    size_t accepted;
    size_t step; /* 0, or most bytes in one send: a wire that cuts */
    bool closes_at_accept;
    enum status why; /* how the conn ended */
    /* What the test does with it. */
    void (*on_ready)(struct tls_server *s);
    void (*on_plain)(struct tls_server *s, struct span bytes);
    void *test;
};

static inline void tls_server_flush(struct tls_server *s)
{
    uint8_t bytes[4096];
    int size = 1;
    while (s->conn != NULL && size > 0) {
        size = BIO_read(SSL_get_wbio(s->ssl), bytes, (int)(s->step == 0 ? sizeof bytes : s->step));
        struct span part = span_of(bytes, size > 0 ? (size_t)size : 0);
        if (size > 0) {
            conn_send(s->conn, &part, 1);
        }
    }
}

static inline void tls_server_send(struct tls_server *s, struct span bytes)
{
    if (s->ctx != NULL) {
        require(SSL_write(s->ssl, bytes.at, (int)bytes.size) == (int)bytes.size);
        tls_server_flush(s);
        return;
    }
    while (bytes.size > 0) {
        struct span part =
            span_head(bytes, s->step == 0 || s->step > bytes.size ? bytes.size : s->step);
        conn_send(s->conn, &part, 1);
        bytes = span_tail(bytes, part.size);
    }
}

static inline void tls_server_close(struct tls_server *s, enum close_how how)
{
    if (s->ssl != NULL && how != CLOSE_RESET) {
        SSL_shutdown(s->ssl);
        tls_server_flush(s);
    }
    if (s->conn != NULL) {
        conn_close(s->conn, how);
    }
}

static inline void tls_server_on_bytes(void *owner, struct span bytes)
{
    struct tls_server *s = owner;
    static uint8_t room[64 * 1024];
    if (s->ctx == NULL) {
        s->on_plain(s, bytes);
        return;
    }
    bool was_ready = SSL_is_init_finished(s->ssl) == 1;
    BIO_write(SSL_get_rbio(s->ssl), bytes.at, (int)bytes.size);
    ERR_clear_error();
    int size = SSL_read(s->ssl, room, sizeof room);
    tls_server_flush(s);
    if (!was_ready && SSL_is_init_finished(s->ssl) == 1 && s->on_ready != NULL) {
        s->on_ready(s);
    }
    while (size > 0 && s->conn != NULL) {
        s->on_plain(s, span_of(room, (size_t)size));
        size = s->ssl == NULL ? 0 : SSL_read(s->ssl, room, sizeof room);
    }
    ERR_clear_error();
}

static inline void tls_server_ignore(void *owner)
{
    (void)owner;
}

static inline void tls_server_on_closed(void *owner, enum status why)
{
    struct tls_server *s = owner;
    s->conn = NULL;
    s->why = why;
    SSL_free(s->ssl);
    s->ssl = NULL;
    world_check(s->w);
}

static inline void tls_server_on_accept(void *owner, struct conn *conn, const struct address *peer)
{
    static const struct conn_events events = {.on_open = tls_server_ignore,
                                              .on_bytes = tls_server_on_bytes,
                                              .on_drained = tls_server_ignore,
                                              .on_closed = tls_server_on_closed};
    struct tls_server *s = owner;
    (void)peer;
    require(s->conn == NULL); /* each request has a connection of its own, and there is one */
    s->conn = conn;
    s->accepted++;
    conn_attach(conn, &events, s);
    if (s->ctx != NULL) {
        s->ssl = SSL_new(s->ctx);
        SSL_set_bio(s->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(s->ssl);
    }
    if (s->closes_at_accept) {
        conn_close(conn, CLOSE_NOW);
    }
}

/* `ctx` is the caller's; NULL for plain TCP. */
static inline void tls_server_init(struct tls_server *s, struct world *w, SSL_CTX *ctx)
{
    struct address at = {.family = ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
    static const struct listen_options options = {0};
    struct error why = {0};
    *s = (struct tls_server){.w = w, .ctx = ctx};
    enum status status =
        net_listen(w->net, &at, &options, tls_server_on_accept, s, &s->listener, &why);
    require(status == STATUS_OK);
    listener_address(s->listener, &s->at);
}

static inline bool tls_server_is_gone(void *owner)
{
    const struct tls_server *s = owner;
    return s->conn == NULL;
}

static inline void tls_server_clear(struct tls_server *s)
{
    tls_server_close(s, CLOSE_NOW);
    world_run_until(s->w, tls_server_is_gone, s);
    listener_close(s->listener);
}

#endif
