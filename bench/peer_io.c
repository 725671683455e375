#include "peer_io.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

SSL_CTX *peer_io_tls(const char *certificate, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "stand-in: cannot use %s with %s\n", certificate, key);
        exit(1);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

void peer_io_init(struct peer_io *io, int fd, SSL_CTX *tls)
{
    io->fd = fd;
    io->ssl = NULL;
    if (tls != NULL) {
        io->ssl = SSL_new(tls);
        SSL_set_fd(io->ssl, fd);
        SSL_set_accept_state(io->ssl);
    }
}

void peer_io_clear(struct peer_io *io)
{
    SSL_free(io->ssl);
    close(io->fd);
}

static ssize_t plain_result(ssize_t moved)
{
    if (moved > 0) {
        return moved;
    }
    return moved < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t tls_result(SSL *ssl, int moved)
{
    if (moved > 0) {
        return moved;
    }
    int code = SSL_get_error(ssl, moved);
    ERR_clear_error();
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

ssize_t peer_io_read(struct peer_io *io, void *room, size_t size)
{
    if (io->ssl == NULL) {
        return plain_result(read(io->fd, room, size));
    }
    return tls_result(io->ssl, SSL_read(io->ssl, room, (int)size));
}

ssize_t peer_io_write(struct peer_io *io, const void *bytes, size_t size)
{
    if (io->ssl == NULL) {
        return plain_result(write(io->fd, bytes, size));
    }
    return tls_result(io->ssl, SSL_write(io->ssl, bytes, (int)size));
}
