/* SPDX-License-Identifier: BSD-2-Clause */
/* test_socket.c - sockets written as in the milter's configuration. */
#include "tests/lib/test_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 512 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* local_read - reads PATH */
static socklen_t
local_read(const char *path, union address *address)
{
	if (strlen(path) >= sizeof(address->local.sun_path))
		return 0;
	address->local.sun_family = AF_UNIX;
	strcpy(address->local.sun_path, path);
	return sizeof(address->local);
}

/* inet_read - reads PORT@HOST */
static socklen_t
inet_read(const char *text, union address *address)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*end != '@' || port > 65535)
		return 0;
	address->v4.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, end + 1, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		return sizeof(address->v4);
	}
	/* The port lies in the same place in both. */
	if (inet_pton(AF_INET6, end + 1, &address->v6.sin6_addr) == 1) {
		address->v6.sin6_family = AF_INET6;
		return sizeof(address->v6);
	}
	return 0;
}

/* address_read - reads a socket's written form; 0 when it has none of the forms */
static socklen_t
address_read(const char *socket, union address *address)
{
	memset(address, 0, sizeof(*address));
	if (strncmp(socket, "unix:", 5) == 0)
		return local_read(socket + 5, address);
	if (strncmp(socket, "inet:", 5) == 0)
		return inet_read(socket + 5, address);
	if (strncmp(socket, "inet6:", 6) == 0)
		return inet_read(socket + 6, address);
	return 0;
}

/* socket_close - closes a descriptor but keeps the errno of what went wrong */
static int
socket_close(int fd)
{
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

int
test_socket_connect(const char *text)
{
	const int on = 1;
	union address address;
	socklen_t size = address_read(text, &address);
	int fd;

	if (size == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, &address.any, size) != 0)
		return socket_close(fd);
	if (address.any.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* socket_bind - makes a socket with one of these addresses */
static int
socket_bind(const char *text)
{
	const int on = 1;
	union address address;
	socklen_t size = address_read(text, &address);
	int fd;

	if (size == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address.any, size) != 0)
		return socket_close(fd);
	return fd;
}

int
test_socket_listen(const char *text)
{
	int fd = socket_bind(text);

	if (fd >= 0 && listen(fd, BACKLOG) != 0)
		return socket_close(fd);
	return fd;
}

int
test_socket_port(int fd)
{
	union address address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) != 0)
		return 0;
	return ntohs(address.v4.sin_port);
}

int
test_socket_free_port(const char *host)
{
	char text[64];
	int fd;

	snprintf(text, sizeof(text), "inet:0@%s", host);
	fd = socket_bind(text);
	/* Left open. It does not listen, so that another socket can take the same port;
	 * but no outgoing connection gets it, nor does one connect to itself there. */
	return fd < 0 ? 0 : test_socket_port(fd);
}
