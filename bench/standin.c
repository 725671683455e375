/* A MongoDB server as far as a benchmark needs one: the primary of a set of one, without a login.
 *
 *   bench_standin PORT CONTROL_PORT [CERTIFICATE KEY]
 *
 * It answers hello, find ({filter: {token, bytes}}: one document with the token and a string of
 * that many bytes) and, with ok: 1, everything else. On the control port each connection is told
 * the counts, one "name value" a line, and closed; the peaks begin anew then.
 *
 * One thread; level-triggered epoll; a reply goes out at once as far as the kernel takes it. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "peer_io.h"

enum { EVENTS = 256, ROOM = 256 * 1024, SIZES_MOST = 16 };

struct bytes {
    uint8_t *at;
    size_t size;
    size_t used; /* from the front */
};

struct peer {
    struct peer_io io;
    struct bytes in;  /* the beginning of a message */
    struct bytes out; /* what the kernel did not take */
    bool serves;      /* it asked for more than hello: no monitor */
};

static struct {
    long connections, connections_peak;
    long serving, serving_peak;
    long accepted;
    long served; /* commands other than hello */
} counts;

static struct {
    int epoll;
    int listener, control;
    int port;
    SSL_CTX *tls;
    int32_t last_id;
    struct message hello_msg, hello_query, ok;
    struct message finds[SIZES_MOST];
    int32_t find_bytes[SIZES_MOST];
    int find_count;
    uint8_t room[ROOM];
} standin;

/* --- replies --- */

/* What every reply of a replica set carries. */
static void append_cluster_time(bson_t *reply)
{
    bson_t cluster_time, signature;
    uint8_t hash[20] = {0};
    uint32_t now = (uint32_t)time(NULL);
    BSON_APPEND_DOUBLE(reply, "ok", 1);
    BSON_APPEND_DOCUMENT_BEGIN(reply, "$clusterTime", &cluster_time);
    BSON_APPEND_TIMESTAMP(&cluster_time, "clusterTime", now, 1);
    BSON_APPEND_DOCUMENT_BEGIN(&cluster_time, "signature", &signature);
    BSON_APPEND_BINARY(&signature, "hash", BSON_SUBTYPE_BINARY, hash, sizeof hash);
    BSON_APPEND_INT64(&signature, "keyId", 7);
    bson_append_document_end(&cluster_time, &signature);
    bson_append_document_end(reply, &cluster_time);
    BSON_APPEND_TIMESTAMP(reply, "operationTime", now, 1);
}

static void write_hello(bson_t *reply)
{
    bson_t hosts;
    char me[32];
    snprintf(me, sizeof me, "127.0.0.1:%d", standin.port);
    BSON_APPEND_BOOL(reply, "helloOk", true);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", true);
    BSON_APPEND_BOOL(reply, "ismaster", true);
    BSON_APPEND_BOOL(reply, "secondary", false);
    BSON_APPEND_UTF8(reply, "setName", "standin");
    BSON_APPEND_INT32(reply, "setVersion", 1);
    BSON_APPEND_ARRAY_BEGIN(reply, "hosts", &hosts);
    BSON_APPEND_UTF8(&hosts, "0", me);
    bson_append_array_end(reply, &hosts);
    BSON_APPEND_UTF8(reply, "primary", me);
    BSON_APPEND_UTF8(reply, "me", me);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16 * 1024 * 1024);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", MESSAGE_MOST);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_DATE_TIME(reply, "localTime", (int64_t)time(NULL) * 1000);
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "connectionId", 1);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 21);
    BSON_APPEND_BOOL(reply, "readOnly", false);
    append_cluster_time(reply);
}

static void make_find(struct message *m, int32_t bytes)
{
    bson_t reply = BSON_INITIALIZER;
    bson_t cursor, batch, document;
    char *text = malloc((size_t)bytes + 1);
    memset(text, 'x', (size_t)bytes);
    BSON_APPEND_DOCUMENT_BEGIN(&reply, "cursor", &cursor);
    BSON_APPEND_ARRAY_BEGIN(&cursor, "firstBatch", &batch);
    BSON_APPEND_DOCUMENT_BEGIN(&batch, "0", &document);
    BSON_APPEND_INT64(&document, "token", 0);
    bson_append_utf8(&document, "text", -1, text, bytes);
    bson_append_document_end(&batch, &document);
    bson_append_array_end(&cursor, &batch);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", "bench.documents");
    bson_append_document_end(&reply, &cursor);
    append_cluster_time(&reply);
    message_make(m, &reply);
    bson_destroy(&reply);
    free(text);
}

/* Made once for each size; NULL when there are too many sizes. */
static struct message *find_reply(int32_t bytes)
{
    for (int i = 0; i < standin.find_count; i++) {
        if (standin.find_bytes[i] == bytes) {
            return &standin.finds[i];
        }
    }
    if (standin.find_count == SIZES_MOST || bytes < 0 || bytes > MESSAGE_MOST / 2) {
        return NULL;
    }
    standin.find_bytes[standin.find_count] = bytes;
    make_find(&standin.finds[standin.find_count], bytes);
    return &standin.finds[standin.find_count++];
}

static void make_replies(void)
{
    bson_t hello = BSON_INITIALIZER;
    bson_t ok = BSON_INITIALIZER;
    write_hello(&hello);
    message_make(&standin.hello_msg, &hello);
    message_make_reply(&standin.hello_query, &hello);
    append_cluster_time(&ok);
    message_make(&standin.ok, &ok);
    bson_destroy(&hello);
    bson_destroy(&ok);
}

/* --- requests --- */

static bool is_hello(const char *name)
{
    return strcasecmp(name, "ismaster") == 0 || strcmp(name, "hello") == 0;
}

static void read_filter(const bson_t *body, int64_t *token, int32_t *bytes)
{
    bson_iter_t at, filter;
    if (!bson_iter_init_find(&at, body, "filter") || !bson_iter_recurse(&at, &filter)) {
        return;
    }
    while (bson_iter_next(&filter)) {
        if (strcmp(bson_iter_key(&filter), "token") == 0) {
            *token = bson_iter_as_int64(&filter);
        } else if (strcmp(bson_iter_key(&filter), "bytes") == 0) {
            *bytes = (int32_t)bson_iter_as_int64(&filter);
        }
    }
}

static void count_serving(struct peer *p)
{
    counts.served++;
    if (!p->serves) {
        p->serves = true;
        counts.serving++;
        counts.serving_peak =
            counts.serving > counts.serving_peak ? counts.serving : counts.serving_peak;
    }
}

/* NULL: not a request that can be answered. */
static struct message *answer(struct peer *p, const uint8_t *request, size_t size)
{
    bson_t body;
    bson_iter_t first;
    int64_t token = 0;
    int32_t bytes = 0;
    struct message *m = &standin.ok;
    if (!message_body(request, size, &body) || !bson_iter_init(&first, &body) ||
        !bson_iter_next(&first)) {
        return NULL;
    }
    if (is_hello(bson_iter_key(&first))) {
        m = head_opcode(request) == OP_QUERY ? &standin.hello_query : &standin.hello_msg;
    } else {
        count_serving(p);
    }
    if (strcmp(bson_iter_key(&first), "find") == 0) {
        read_filter(&body, &token, &bytes);
        m = find_reply(bytes);
    }
    if (m != NULL) {
        message_patch(m, ++standin.last_id, head_id(request), token);
    }
    return m;
}

/* --- peers --- */

static void keep(struct bytes *b, const uint8_t *at, size_t size)
{
    uint8_t *room = malloc(b->size - b->used + size);
    if (room == NULL) {
        abort();
    }
    size_t old = b->size - b->used;
    if (old > 0) {
        memcpy(room, b->at + b->used, old);
    }
    memcpy(room + old, at, size);
    free(b->at);
    *b = (struct bytes){.at = room, .size = old + size};
}

static void bytes_clear(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){0};
}

static void watch(struct peer *p, int change)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    if (p->out.at != NULL) {
        event.events |= EPOLLOUT;
    }
    epoll_ctl(standin.epoll, change, p->io.fd, &event);
}

static void peer_end(struct peer *p)
{
    counts.connections--;
    counts.serving -= p->serves;
    bytes_clear(&p->in);
    bytes_clear(&p->out);
    peer_io_clear(&p->io);
    free(p);
}

/* False when the peer is broken. */
static bool peer_send(struct peer *p, const struct message *m)
{
    size_t sent = 0;
    while (p->out.at == NULL && sent < m->size) {
        ssize_t moved = peer_io_write(&p->io, m->bytes + sent, m->size - sent);
        if (moved < 0) {
            return false;
        }
        if (moved == 0) {
            break;
        }
        sent += (size_t)moved;
    }
    if (sent < m->size) {
        bool is_new = p->out.at == NULL;
        keep(&p->out, m->bytes + sent, m->size - sent);
        if (is_new) {
            watch(p, EPOLL_CTL_MOD);
        }
    }
    return true;
}

/* Answers the complete messages and keeps the beginning of the next; false when broken. */
static bool take(struct peer *p, const uint8_t *at, size_t size)
{
    while (size >= HEAD_BYTES) {
        size_t length = (size_t)head_length(at);
        if (length < HEAD_BYTES || length > MESSAGE_MOST) {
            return false;
        }
        if (length > size) {
            break;
        }
        struct message *reply = answer(p, at, length);
        if (reply == NULL || !peer_send(p, reply)) {
            return false;
        }
        at += length;
        size -= length;
    }
    if (size > 0) {
        keep(&p->in, at, size);
    }
    return true;
}

static bool on_bytes(struct peer *p, const uint8_t *at, size_t size)
{
    if (p->in.at == NULL) {
        return take(p, at, size);
    }
    keep(&p->in, at, size);
    struct bytes whole = p->in;
    p->in = (struct bytes){0};
    bool is_fine = take(p, whole.at, whole.size);
    free(whole.at);
    return is_fine;
}

/* TLS may hold more than the kernel shows: it is read until nothing comes. */
static bool on_readable(struct peer *p)
{
    ssize_t size;
    do {
        size = peer_io_read(&p->io, standin.room, ROOM);
        if (size < 0 || (size > 0 && !on_bytes(p, standin.room, (size_t)size))) {
            return false;
        }
    } while (size > 0 && p->io.ssl != NULL);
    return true;
}

static bool on_writable(struct peer *p)
{
    while (p->out.used < p->out.size) {
        ssize_t moved = peer_io_write(&p->io, p->out.at + p->out.used, p->out.size - p->out.used);
        if (moved <= 0) {
            return moved == 0;
        }
        p->out.used += (size_t)moved;
    }
    bytes_clear(&p->out);
    watch(p, EPOLL_CTL_MOD);
    return true;
}

static void on_event(struct peer *p, uint32_t events)
{
    bool stands = true;
    if (events & EPOLLOUT) {
        stands = p->out.at == NULL || on_writable(p);
    }
    if (stands && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        stands = on_readable(p);
    }
    if (!stands) {
        peer_end(p);
    }
}

/* --- listening --- */

static int listen_on(int port)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0) {
        fprintf(stderr, "stand-in: cannot listen on 127.0.0.1:%d\n", port);
        exit(1);
    }
    return fd;
}

static void accept_peers(void)
{
    int fd;
    while ((fd = accept4(standin.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *p = calloc(1, sizeof *p);
        peer_io_init(&p->io, fd, standin.tls);
        watch(p, EPOLL_CTL_ADD);
        counts.accepted++;
        counts.connections++;
        counts.connections_peak = counts.connections > counts.connections_peak
                                      ? counts.connections
                                      : counts.connections_peak;
    }
}

static void tell_counts(void)
{
    int fd = accept4(standin.control, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    dprintf(fd,
            "connections %ld\nconnections_peak %ld\nserving %ld\nserving_peak %ld\naccepted %ld\n"
            "served %ld\n",
            counts.connections, counts.connections_peak, counts.serving, counts.serving_peak,
            counts.accepted, counts.served);
    close(fd);
    counts.connections_peak = counts.connections;
    counts.serving_peak = counts.serving;
}

static void watch_listener(int *listener)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
    epoll_ctl(standin.epoll, EPOLL_CTL_ADD, *listener, &event);
}

static void serve(void)
{
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(standin.epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
        void *of = events[i].data.ptr;
        if (of == &standin.listener) {
            accept_peers();
        } else if (of == &standin.control) {
            tell_counts();
        } else {
            on_event(of, events[i].events);
        }
    }
}

int main(int count, char **words)
{
    if (count != 3 && count != 5) {
        fprintf(stderr, "usage: bench_standin PORT CONTROL_PORT [CERTIFICATE KEY]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    standin.port = atoi(words[1]);
    standin.tls = count == 5 ? peer_io_tls(words[3], words[4]) : NULL;
    standin.epoll = epoll_create1(EPOLL_CLOEXEC);
    standin.listener = listen_on(standin.port);
    standin.control = listen_on(atoi(words[2]));
    make_replies();
    watch_listener(&standin.listener);
    watch_listener(&standin.control);
    for (;;) {
        serve();
    }
}
