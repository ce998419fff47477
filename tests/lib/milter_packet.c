/* SPDX-License-Identifier: BSD-2-Clause */
/* milter_packet.c - packets of the milter protocol over a connected socket, for the
 * fake MTA. */
#include "tests/lib/milter_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER_SIZE = 5, SIZE_LIMIT = 1 << 20 };

bool
milter_packet_send_bytes(int fd, const void *bytes, size_t size)
{
	const char *from = bytes;

	while (size > 0) {
		ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		from += sent;
		size -= (size_t)sent;
	}
	return true;
}

bool
milter_packet_send(int fd, char command, const void *data, size_t size)
{
	/* One send for the whole packet: two would meet Nagle and delayed ACK. */
	char *packet = malloc(HEADER_SIZE + size);
	uint32_t length = htonl((uint32_t)(size + 1));
	bool sent;

	if (packet == NULL)
		return false;
	memcpy(packet, &length, sizeof(length));
	packet[sizeof(length)] = command;
	if (size > 0)
		memcpy(packet + HEADER_SIZE, data, size);
	sent = milter_packet_send_bytes(fd, packet, HEADER_SIZE + size);
	free(packet);
	return sent;
}

/* bytes_read - reads exactly `size` bytes */
static enum milter_packet_result
bytes_read(int fd, int patience, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int events = poll(&ready, 1, patience);
		ssize_t got;

		if (events < 0 && errno == EINTR)
			continue;
		if (events == 0)
			return MILTER_PACKET_SILENT;
		got = recv(fd, to + have, size - have, 0);
		if (got <= 0)
			return MILTER_PACKET_CLOSED;
		have += (size_t)got;
	}
	return MILTER_PACKET_READ;
}

enum milter_packet_result
milter_packet_read(int fd, int patience, char *command, char **data, size_t *size)
{
	char header[HEADER_SIZE];
	uint32_t length;
	enum milter_packet_result result =
	    bytes_read(fd, patience, header, sizeof(header));

	if (result != MILTER_PACKET_READ)
		return result;
	memcpy(&length, header, sizeof(length));
	*command = header[HEADER_SIZE - 1];
	length = ntohl(length);
	*size = length - 1;
	*data = length == 0 || length > SIZE_LIMIT ? NULL : malloc(length);
	if (*data == NULL)
		return MILTER_PACKET_CLOSED; /* no milter means such a packet */
	(*data)[*size] = '\0';
	result = bytes_read(fd, patience, *data, *size);
	if (result != MILTER_PACKET_READ) {
		free(*data);
		*data = NULL;
	}
	return result;
}
