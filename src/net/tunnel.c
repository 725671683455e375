/* SOCKS5: method offer, method choice, (login, verdict,) request, verdict with the bound address.
 * HTTP: one request, one head of a response that ends with an empty line.
 * Failures: a method that we did not offer, a refused login, a refused target, a malformed answer.
 */
#include "net/tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"

enum { SOCKS_VERSION = 5, SOCKS_NO_LOGIN = 0, SOCKS_LOGIN = 2, SOCKS_NAME = 3, TEXT_MOST = 255 };
enum { STAGE_METHOD, STAGE_LOGIN, STAGE_REQUEST };

static void put(struct tunnel *t, const void *bytes, size_t size)
{
    memcpy(t->out + t->out_size, bytes, size);
    t->out_size += size;
}

static void put_byte(struct tunnel *t, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put(t, &byte, 1);
}

static void put_text(struct tunnel *t, const char *text)
{
    put_byte(t, (unsigned)strlen(text));
    put(t, text, strlen(text));
}

static void put_base64(char *out, const uint8_t *in, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)in[i] << 16;
        three |= i + 1 < size ? (uint32_t)in[i + 1] << 8 : 0;
        three |= i + 2 < size ? in[i + 2] : 0;
        *out++ = digits[three >> 18];
        *out++ = digits[three >> 12 & 63];
        *out++ = i + 1 < size ? digits[three >> 6 & 63] : '=';
        *out++ = i + 2 < size ? digits[three & 63] : '=';
    }
    *out = '\0';
}

static void begin_http(struct tunnel *t)
{
    char login[TEXT_MOST * 2 + 2];
    char encoded[sizeof login * 4 / 3 + 8] = "";
    if (t->target.user != NULL) {
        snprintf(login, sizeof login, "%s:%s", t->target.user, t->target.password);
        put_base64(encoded, (const uint8_t *)login, strlen(login));
    }
    bool v6 = strchr(t->target.host, ':') != NULL;
    int size = snprintf((char *)t->out, sizeof t->out,
                        "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n%s%s%s\r\n",
                        v6 ? "[" : "", t->target.host, v6 ? "]" : "", t->target.port, v6 ? "[" : "",
                        t->target.host, v6 ? "]" : "", t->target.port,
                        encoded[0] == '\0' ? "" : "Proxy-Authorization: Basic ", encoded,
                        encoded[0] == '\0' ? "" : "\r\n");
    t->out_size = (size_t)size < sizeof t->out ? (size_t)size : 0;
}

static void begin_socks(struct tunnel *t)
{
    bool login = t->target.user != NULL;
    put_byte(t, SOCKS_VERSION);
    put_byte(t, login ? 2 : 1);
    put_byte(t, SOCKS_NO_LOGIN);
    if (login) {
        put_byte(t, SOCKS_LOGIN);
    }
}

enum status tunnel_init(struct tunnel *t, enum tunnel_kind kind, const struct tunnel_target *target,
                        struct error *why)
{
    const char *texts[] = {target->host, target->user, target->password};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] != NULL && strlen(texts[i]) > TEXT_MOST) {
            return error_set(
                why, STATUS_BAD_INPUT,
                "a host, user or password for the outbound proxy has more than %d bytes",
                TEXT_MOST);
        }
    }
    *t = (struct tunnel){.kind = kind, .target = *target};
    if (t->target.user != NULL && t->target.password == NULL) {
        t->target.password = "";
    }
    if (kind == TUNNEL_HTTP) {
        begin_http(t);
    } else {
        begin_socks(t);
    }
    if (t->out_size == 0) {
        return error_set(why, STATUS_BAD_INPUT, "the login for the outbound proxy is too long");
    }
    return STATUS_OK;
}

struct span tunnel_take_output(struct tunnel *t)
{
    struct span all = span_of(t->out, t->out_size);
    t->out_size = 0;
    return all;
}

static void ask_socks_target(struct tunnel *t)
{
    static const uint8_t connect_by_name[] = {SOCKS_VERSION, 1, 0, SOCKS_NAME};
    put(t, connect_by_name, sizeof connect_by_name);
    put_text(t, t->target.host);
    put_byte(t, t->target.port >> 8);
    put_byte(t, t->target.port & 0xFF);
    t->stage = STAGE_REQUEST;
}

static enum tunnel_step refuse(struct error *why, const char *reason)
{
    error_set(why, STATUS_PROXY_REFUSED, "the outbound SOCKS5 proxy refused: %s", reason);
    return TUNNEL_FAILED;
}

static enum tunnel_step on_socks_method(struct tunnel *t, struct error *why)
{
    uint8_t method = t->got[1];
    t->got_size = 0;
    if (method == SOCKS_NO_LOGIN) {
        ask_socks_target(t);
        return TUNNEL_WAIT;
    }
    if (method != SOCKS_LOGIN || t->target.user == NULL) {
        return refuse(why, "it wants a login: set user and password in upstream.socksProxy");
    }
    put_byte(t, 1);
    put_text(t, t->target.user);
    put_text(t, t->target.password);
    t->stage = STAGE_LOGIN;
    return TUNNEL_WAIT;
}

static enum tunnel_step on_socks_verdict(struct tunnel *t, struct error *why)
{
    static const char *const reasons[] = {"granted",
                                          "general failure",
                                          "not allowed by its rules",
                                          "network unreachable",
                                          "host unreachable",
                                          "the target refused the connection",
                                          "TTL expired",
                                          "command not supported",
                                          "address type not supported"};
    uint8_t verdict = t->got[1];
    if (verdict != 0) {
        return refuse(why,
                      verdict < sizeof reasons / sizeof *reasons ? reasons[verdict] : "unknown");
    }
    size_t address = t->got[3] == 1 ? 4 : t->got[3] == 4 ? 16 : (size_t)t->got[4] + 1;
    size_t whole = 4 + address + 2;
    if (t->got_size < whole) {
        return TUNNEL_WAIT;
    }
    return t->got_size == whole ? TUNNEL_DONE : refuse(why, "bytes after its answer");
}

static enum tunnel_step socks_step(struct tunnel *t, struct error *why)
{
    if (t->got_size < 2) {
        return TUNNEL_WAIT;
    }
    if (t->stage == STAGE_LOGIN) {
        bool accepted = t->got[1] == 0;
        t->got_size = 0;
        if (!accepted) {
            return refuse(why, "wrong user or password in upstream.socksProxy");
        }
        ask_socks_target(t);
        return TUNNEL_WAIT;
    }
    if (t->got[0] != SOCKS_VERSION) {
        error_set(why, STATUS_PROTOCOL_ERROR, "the outbound proxy does not speak SOCKS5");
        return TUNNEL_FAILED;
    }
    if (t->stage == STAGE_METHOD) {
        return on_socks_method(t, why);
    }
    return t->got_size < 5 ? TUNNEL_WAIT : on_socks_verdict(t, why);
}

/* The first line says it all when it is a refusal: a page of any length may follow. */
static enum tunnel_step http_step(struct tunnel *t, struct error *why)
{
    const char *head = (const char *)t->got;
    const uint8_t *line_end = memchr(t->got, '\r', t->got_size);
    if (line_end == NULL) {
        return TUNNEL_WAIT;
    }
    int line = (int)(line_end - t->got);
    if (line < 12 || strncmp(head, "HTTP/1.", 7) != 0) {
        error_set(why, STATUS_PROTOCOL_ERROR, "the outbound proxy does not speak HTTP");
        return TUNNEL_FAILED;
    }
    if (head[9] != '2') {
        error_set(why, STATUS_PROXY_REFUSED, "the outbound HTTP proxy refused: %.*s", line - 9,
                  head + 9);
        return TUNNEL_FAILED;
    }
    const uint8_t *end = memmem(t->got, t->got_size, "\r\n\r\n", 4);
    if (end == NULL) {
        return TUNNEL_WAIT;
    }
    if (end + 4 != t->got + t->got_size) {
        error_set(why, STATUS_PROTOCOL_ERROR,
                  "the outbound HTTP proxy sent bytes after its answer");
        return TUNNEL_FAILED;
    }
    return TUNNEL_DONE;
}

enum tunnel_step tunnel_on_bytes(struct tunnel *t, struct span bytes, struct error *why)
{
    size_t room = sizeof t->got - t->got_size;
    size_t part = bytes.size < room ? bytes.size : room;
    memcpy(t->got + t->got_size, bytes.at, part);
    t->got_size += part;
    enum tunnel_step step = t->kind == TUNNEL_HTTP ? http_step(t, why) : socks_step(t, why);
    if (part < bytes.size && step != TUNNEL_FAILED) {
        error_set(why, STATUS_PROTOCOL_ERROR, "the outbound proxy's answer is too long");
        return TUNNEL_FAILED;
    }
    return step;
}

/* --- the settings' spelling --- */

enum { SOCKS_PORT = 1080 };

void tunnel_proxy_read(const char *socks, const char *http, struct tunnel_proxy *out)
{
    const char *text = socks != NULL ? socks : http;
    *out = (struct tunnel_proxy){.is_used = text != NULL};
    if (text == NULL) {
        return;
    }
    const char *at = strrchr(text, '@');
    const char *host = at == NULL ? text : at + 1;
    const char *colon = strrchr(host, ':');
    out->kind = socks != NULL ? TUNNEL_SOCKS5 : TUNNEL_HTTP;
    out->host = xstrndup(host, colon == NULL ? strlen(host) : (size_t)(colon - host));
    out->port = (uint16_t)(colon == NULL ? SOCKS_PORT : strtoul(colon + 1, NULL, 10));
    if (at != NULL) {
        size_t size = (size_t)(at - text);
        const char *separator = memchr(text, ':', size);
        size_t user = separator == NULL ? size : (size_t)(separator - text);
        out->user = xstrndup(text, user);
        out->password = separator == NULL ? xstrdup("") : xstrndup(separator + 1, size - user - 1);
    }
}

void tunnel_proxy_clear(struct tunnel_proxy *proxy)
{
    free(proxy->host);
    free(proxy->user);
    if (proxy->password != NULL) {
        explicit_bzero(proxy->password, strlen(proxy->password));
    }
    free(proxy->password);
    *proxy = (struct tunnel_proxy){0};
}
