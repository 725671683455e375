/* The names of /etc/hosts. Pure: the text is read elsewhere. */
#ifndef CORE_DNS_HOSTS_FILE_H
#define CORE_DNS_HOSTS_FILE_H

#include <stddef.h>

#include "base/address.h"
#include "base/span.h"

/* Writes the addresses that the file's text gives for the name (case does not matter), with `port`,
 * in the file's order; returns how many, at most `room`. Lines that make no sense are skipped. */
size_t hosts_file_find(struct span text, const char *name, uint16_t port, struct address *out,
                       size_t room);

#endif
