/* SPDX-License-Identifier: BSD-2-Clause */
/* milter_packet.h - packets of the milter protocol over a connected socket, for the
 * fake MTA. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum milter_packet_result {
	MILTER_PACKET_READ,
	MILTER_PACKET_CLOSED,
	MILTER_PACKET_SILENT
};

/* Sends all of the bytes; false when the peer is gone. */
bool milter_packet_send_bytes(int fd, const void *bytes, size_t size);

/* Sends one packet: length, command, data. */
bool milter_packet_send(int fd, char command, const void *data, size_t size);

/* Reads one packet, waiting at most `patience` milliseconds for each part of it. On
 * MILTER_PACKET_READ *data holds *size bytes and a NUL behind them; the caller frees
 * it. */
enum milter_packet_result milter_packet_read(
    int fd, int patience, char *command, char **data, size_t *size);
