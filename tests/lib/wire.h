/* SPDX-License-Identifier: BSD-2-Clause */
/* wire.h - packets of the milter protocol over a connected socket, for the fake MTA. */
#ifndef TESTS_LIB_WIRE_H
#define TESTS_LIB_WIRE_H

#include <stdbool.h>
#include <stddef.h>

enum wire_result { WIRE_READ, WIRE_CLOSED, WIRE_SILENT };

/* Sends all of the bytes; false when the peer is gone. */
bool wire_send(int fd, const void *bytes, size_t size);

/* Sends one packet: length, command, data. */
bool wire_send_packet(int fd, char command, const void *data, size_t size);

/* Reads one packet, waiting at most `patience` milliseconds for each part of it. On
 * WIRE_READ *data holds *size bytes and a NUL behind them; the caller frees it. */
enum wire_result wire_read_packet(
    int fd, int patience, char *command, char **data, size_t *size);

#endif
