/* Bytes to and from one accepted descriptor of the stand-in, plain or by TLS. */
#ifndef BENCH_PEER_IO_H
#define BENCH_PEER_IO_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

struct peer_io {
    int fd;
    SSL *ssl; /* NULL: plain */
};

/* The server side of TLS; ends the program with a sentence when a file cannot be used. */
SSL_CTX *peer_io_tls(const char *certificate, const char *key);

/* Owns the descriptor. `tls` NULL: plain. */
void peer_io_init(struct peer_io *io, int fd, SSL_CTX *tls);
void peer_io_clear(struct peer_io *io);

/* The bytes moved; 0: nothing now; -1: the end, or broken. */
ssize_t peer_io_read(struct peer_io *io, void *room, size_t size);
ssize_t peer_io_write(struct peer_io *io, const void *bytes, size_t size);

#endif
