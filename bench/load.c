/* A closed loop of MongoDB clients: each asks, waits for its reply, checks that it is its own.
 *
 *   bench_load PORT [clients=N] [active=N] [bytes=N] [warm=MS] [measure=MS] [program=PID] [churn=1]
 *
 * All clients connect and say hello. Of them `active` have a find under way at any time, and which
 * ones they are changes with each reply. With measure=0 every client asks once, the word "ready" is
 * printed, and they stay idle until standard input ends. With churn=1 each client lives for one
 * hello and one find, and another takes its place.
 *
 * The last line printed is JSON. `wrong` counts replies of somebody else (responseTo or token),
 * `errors` those that are no reply to a find. The status is 1 when nothing came for ten seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_watch.h"
#include "message.h"

enum {
    EVENTS = 256,
    ROOM = 256 * 1024,
    BEGINNING = 96,      /* bytes of a reply that are kept: the head and the token */
    CONNECTS_MOST = 200, /* under way at once */
    SOURCES = 200,       /* own addresses in turn: one has too few ports for churn */
    PATIENCE_MS = 10000,
    OVERHEAD_MOST = 1024, /* of a reply, besides the bytes asked for */
};

enum life { CONNECTING, GREETING, IDLE, ASKING };

struct client {
    int fd;
    enum life life;
    size_t slot; /* in load.order */
    int32_t id;  /* of its request */
    int64_t token;
    uint64_t asked_at;
    size_t got; /* bytes of the reply so far */
    uint8_t beginning[BEGINNING];
};

static struct options {
    long port, clients, active, bytes, warm, measure, program, churn;
} options = {.clients = 1, .active = 1, .measure = 1000};

static struct {
    int epoll;
    struct client *clients;
    struct client **order; /* the first `active` are asking, the others idle */
    long started, greeted, asked_once;
    bool is_measuring, is_over, is_asking;
    int32_t last_id;
    uint64_t random;
    struct message hello, find;
    uint64_t began_at, ends_at, program_began, program_ran, lasted;
    uint64_t wrong, errors;
    struct latencies latencies;
    uint8_t room[ROOM];
} load = {.random = 88172645463325252u};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t next_random(void)
{
    load.random ^= load.random << 13;
    load.random ^= load.random >> 7;
    load.random ^= load.random << 17;
    return load.random;
}

/* --- messages --- */

static void make_hello(void)
{
    bson_t body = BSON_INITIALIZER;
    bson_t client, part;
    BSON_APPEND_INT32(&body, "isMaster", 1);
    BSON_APPEND_BOOL(&body, "helloOk", true);
    BSON_APPEND_DOCUMENT_BEGIN(&body, "client", &client);
    BSON_APPEND_DOCUMENT_BEGIN(&client, "driver", &part);
    BSON_APPEND_UTF8(&part, "name", "bench");
    BSON_APPEND_UTF8(&part, "version", "1.0.0");
    bson_append_document_end(&client, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&client, "os", &part);
    BSON_APPEND_UTF8(&part, "type", "Linux");
    bson_append_document_end(&client, &part);
    BSON_APPEND_UTF8(&client, "platform", "plain C");
    bson_append_document_end(&body, &client);
    message_make_query(&load.hello, &body);
    bson_destroy(&body);
}

static void make_find(void)
{
    bson_t body = BSON_INITIALIZER;
    bson_t filter, session;
    uint8_t session_id[16] = "load generator.";
    BSON_APPEND_UTF8(&body, "find", "documents");
    BSON_APPEND_DOCUMENT_BEGIN(&body, "filter", &filter);
    BSON_APPEND_INT64(&filter, "token", 0);
    BSON_APPEND_INT32(&filter, "bytes", (int32_t)options.bytes);
    bson_append_document_end(&body, &filter);
    BSON_APPEND_INT32(&body, "limit", 1);
    BSON_APPEND_BOOL(&body, "singleBatch", true);
    BSON_APPEND_DOCUMENT_BEGIN(&body, "lsid", &session);
    BSON_APPEND_BINARY(&session, "id", BSON_SUBTYPE_UUID, session_id, sizeof session_id);
    bson_append_document_end(&body, &session);
    BSON_APPEND_UTF8(&body, "$db", "bench");
    message_make(&load.find, &body);
    bson_destroy(&body);
}

static void client_send(struct client *c, struct message *m)
{
    c->id = ++load.last_id;
    c->token = (int64_t)next_random();
    c->got = 0;
    c->asked_at = now_ns();
    message_patch(m, c->id, 0, c->token);
    if (write(c->fd, m->bytes, m->size) != (ssize_t)m->size) {
        die("a request could not be written");
    }
}

/* --- the life of a client --- */

static void client_connect(struct client *c)
{
    int on = 1;
    uint32_t source = 0x7f000001u + 1 + (uint32_t)(load.started % SOURCES);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(source)}};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)options.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("no descriptor for a client (ulimit -n)");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        die("cannot connect");
    }
    c->life = CONNECTING;
    load.started++;
    epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void connect_more(void)
{
    while (load.started < options.clients && load.started - load.greeted < CONNECTS_MOST) {
        client_connect(&load.clients[load.started]);
    }
}

static void ask(struct client *c)
{
    c->life = ASKING;
    client_send(c, &load.find);
}

static void swap(size_t a, size_t b)
{
    struct client *c = load.order[a];
    load.order[a] = load.order[b];
    load.order[b] = c;
    load.order[a]->slot = a;
    load.order[b]->slot = b;
}

/* One of the idle clients takes the place of this one, when there are any. */
static void ask_next(struct client *c)
{
    size_t slot = c->slot;
    size_t idle = (size_t)(options.clients - options.active);
    if (idle > 0) {
        swap(slot, (size_t)options.active + next_random() % idle);
    }
    ask(load.order[slot]);
}

static void begin_asking(void)
{
    load.is_asking = true;
    load.began_at = now_ns() + (uint64_t)options.warm * 1000000;
    load.ends_at = load.began_at + (uint64_t)options.measure * 1000000;
    for (long i = 0; i < options.active; i++) {
        ask(load.order[i]);
    }
}

static void on_greeted(struct client *c)
{
    c->life = IDLE;
    load.greeted++;
    if (options.churn || options.measure == 0) {
        ask(c);
    } else if (load.greeted == options.clients) {
        begin_asking();
    }
    if (!options.churn) {
        connect_more();
    }
}

static void live_again(struct client *c, uint64_t now)
{
    close(c->fd);
    if (!load.is_asking) {
        load.is_asking = true;
        load.began_at = now + (uint64_t)options.warm * 1000000;
        load.ends_at = load.began_at + (uint64_t)options.measure * 1000000;
    }
    client_connect(c);
}

static void measure(uint64_t asked_at, uint64_t now)
{
    if (!load.is_measuring && now >= load.began_at) {
        load.is_measuring = true;
        load.began_at = now;
        load.program_began = program_time_ns((int)options.program);
    } else if (load.is_measuring && !load.is_over) {
        latencies_add(&load.latencies, now - asked_at);
    }
    if (load.is_measuring && !load.is_over && now >= load.ends_at) {
        load.is_over = true;
        load.lasted = now - load.began_at;
        load.program_ran = program_time_ns((int)options.program) - load.program_began;
    }
}

static void on_answered(struct client *c)
{
    uint64_t now = now_ns();
    if (options.measure == 0) {
        c->life = IDLE;
        load.asked_once++;
        load.is_over = load.asked_once == options.clients;
        return;
    }
    if (load.is_asking) {
        measure(c->asked_at, now);
    }
    if (load.is_over) {
        return;
    }
    if (options.churn) {
        live_again(c, now);
    } else {
        c->life = IDLE;
        ask_next(c);
    }
}

/* --- replies --- */

static void check(const struct client *c)
{
    int64_t token = 0;
    size_t length = (size_t)head_length(c->beginning);
    size_t kept = c->got < BEGINNING ? c->got : BEGINNING;
    if (c->got > length || head_response_to(c->beginning) != c->id) {
        load.wrong++;
    } else if (c->life == GREETING) {
        load.errors += length < HEAD_BYTES + 100;
    } else if (!token_find(c->beginning, kept, &token)) {
        load.errors++;
    } else if (token != c->token) {
        load.wrong++;
    } else if (length < (size_t)options.bytes || length > (size_t)options.bytes + OVERHEAD_MOST) {
        load.errors++;
    }
}

static void on_reply_bytes(struct client *c, const uint8_t *bytes, size_t size)
{
    if (c->got < BEGINNING) {
        size_t room = BEGINNING - c->got;
        memcpy(c->beginning + c->got, bytes, size < room ? size : room);
    }
    c->got += size;
    if (c->got < HEAD_BYTES || c->got < (size_t)head_length(c->beginning)) {
        return;
    }
    check(c);
    if (c->life == GREETING) {
        on_greeted(c);
    } else {
        on_answered(c);
    }
}

static void on_connected(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    socklen_t size = sizeof errno;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errno, &size) != 0 || errno != 0) {
        die("cannot connect");
    }
    epoll_ctl(load.epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->life = GREETING;
    client_send(c, &load.hello);
}

static void on_event(struct client *c)
{
    if (c->life == CONNECTING) {
        on_connected(c);
        return;
    }
    ssize_t size = read(c->fd, load.room, ROOM);
    if (size > 0 && c->life == IDLE) {
        load.wrong++; /* it asked for nothing */
    } else if (size > 0) {
        on_reply_bytes(c, load.room, (size_t)size);
    } else if (size == 0 || errno != EAGAIN) {
        errno = size == 0 ? ECONNRESET : errno;
        die("a client was closed by the other side");
    }
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    while (!load.is_over) {
        int ready = epoll_wait(load.epoll, events, EVENTS, PATIENCE_MS);
        if (ready == 0) {
            errno = ETIMEDOUT;
            die("no reply");
        }
        for (int i = 0; i < ready && !load.is_over; i++) {
            on_event(events[i].data.ptr);
        }
    }
}

static void stay_idle(void)
{
    char byte;
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
        continue;
    }
}

static void report(void)
{
    const struct latencies *l = &load.latencies;
    double seconds = (double)load.lasted / 1e9;
    double count = l->count > 0 ? (double)l->count : 1;
    printf("{\"operations\": %llu, \"per_second\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
           "\"program_us\": %.3f, \"wrong\": %llu, \"errors\": %llu}\n",
           (unsigned long long)l->count, seconds > 0 ? (double)l->count / seconds : 0,
           (double)latencies_at(l, 0.5) / 1e3, (double)latencies_at(l, 0.99) / 1e3,
           (double)load.program_ran / 1e3 / count, (unsigned long long)load.wrong,
           (unsigned long long)load.errors);
}

static void read_option(const char *word)
{
    static const struct {
        const char *name;
        long *value;
    } known[] = {{"clients", &options.clients}, {"active", &options.active},
                 {"bytes", &options.bytes},     {"warm", &options.warm},
                 {"measure", &options.measure}, {"program", &options.program},
                 {"churn", &options.churn}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].name);
        if (strncmp(word, known[i].name, length) == 0 && word[length] == '=') {
            *known[i].value = strtol(word + length + 1, NULL, 10);
            return;
        }
    }
    fprintf(stderr, "load: unknown option %s\n", word);
    exit(2);
}

int main(int count, char **words)
{
    if (count < 2) {
        fprintf(stderr, "usage: bench_load PORT [NAME=VALUE ...]\n");
        return 2;
    }
    options.port = strtol(words[1], NULL, 10);
    for (int i = 2; i < count; i++) {
        read_option(words[i]);
    }
    options.active = options.active < options.clients ? options.active : options.clients;
    load.clients = calloc((size_t)options.clients, sizeof *load.clients);
    load.order = calloc((size_t)options.clients, sizeof(struct client *));
    for (size_t i = 0; i < (size_t)options.clients; i++) {
        load.order[i] = &load.clients[i];
        load.clients[i].slot = i;
    }
    load.last_id = (int32_t)(now_ns() % 1000000000);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    make_hello();
    make_find();
    connect_more();
    run();
    if (options.measure == 0) {
        stay_idle();
    }
    report();
    return 0;
}
