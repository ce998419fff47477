/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint - a milter's address, as the milter, Postfix and Sendmail write it */
#include "policy/config/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_S 5
#define PRINTED_MAX (ENDPOINT_MAX + 32)

/* after - what follows the prefix, or NULL */
static const char *
after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* endpoint_set - false if NAME is empty or too long, or the port is not one */
static bool
endpoint_set(
    struct endpoint *e, int kind, const char *name, size_t len, const char *port)
{
	char *end = NULL;
	unsigned long n = port != NULL ? strtoul(port, &end, 10) : 0;

	if (len == 0 || len > ENDPOINT_MAX)
		return false;
	if (port != NULL &&
	    (*port < '0' || *port > '9' || (*end != '\0' && *end != '@') || n == 0 ||
		n > 65535))
		return false;
	memcpy(e->name, name, len);
	e->name[len] = '\0';
	e->port = (unsigned)n;
	e->kind = kind;
	return true;
}

static bool
endpoint_set_path(struct endpoint *e, const char *path)
{
	return endpoint_set(e, ENDPOINT_UNIX, path, strlen(path), NULL);
}

bool
endpoint_from_milter(const char *s, struct endpoint *out)
{
	const char *rest, *at;

	*out = (struct endpoint){.kind = ENDPOINT_NONE};
	if ((rest = after(s, "unix:")) != NULL || (rest = after(s, "local:")) != NULL)
		return endpoint_set_path(out, rest);
	if ((rest = after(s, "inet:")) == NULL && (rest = after(s, "inet6:")) == NULL)
		return false;
	at = strchr(rest, '@');
	return at != NULL &&
	    endpoint_set(out, ENDPOINT_INET, at + 1, strlen(at + 1), rest);
}

bool
endpoint_from_postfix(const char *s, struct endpoint *out)
{
	const char *rest, *colon;

	*out = (struct endpoint){.kind = ENDPOINT_NONE};
	if ((rest = after(s, "unix:")) != NULL || (rest = after(s, "local:")) != NULL)
		return endpoint_set_path(out, rest);
	if ((rest = after(s, "inet:")) == NULL)
		return false;
	colon = strrchr(rest, ':');
	if (colon == NULL || strchr(colon + 1, '@') != NULL)
		return false;
	if (rest[0] == '[' && colon > rest + 2 && colon[-1] == ']')
		return endpoint_set(out, ENDPOINT_INET, rest + 1,
		    (size_t)(colon - rest) - 2, colon + 1);
	return endpoint_set(
	    out, ENDPOINT_INET, rest, (size_t)(colon - rest), colon + 1);
}

/* is_own - whether the address is one of this machine: only then can it be bound */
static bool
is_own(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool own = fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0;

	if (fd >= 0)
		close(fd);
	return own;
}

/* leads_to - whether a connection to A arrives at a socket that listens on B */
static bool
leads_to(const struct addrinfo *a, const struct addrinfo *b)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)b->ai_addr;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)b->ai_addr;

	if (b->ai_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		return is_own(a); /* takes IPv4 as well */
	if (b->ai_family == AF_INET && v4->sin_addr.s_addr == INADDR_ANY)
		return a->ai_family == AF_INET && is_own(a);
	return a->ai_addrlen == b->ai_addrlen &&
	    memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
}

/* hosts_meet - by their addresses: a host has many names */
static bool
hosts_meet(const char *from, const char *to)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *as, *bs;
	bool meet = false;

	if (getaddrinfo(from, NULL, &hints, &as) != 0)
		return false;
	if (getaddrinfo(to, NULL, &hints, &bs) == 0) {
		for (const struct addrinfo *a = as; a != NULL; a = a->ai_next)
			for (const struct addrinfo *b = bs; b != NULL; b = b->ai_next)
				meet = meet || leads_to(a, b);
		freeaddrinfo(bs);
	}
	freeaddrinfo(as);
	return meet;
}

/* same_file - whatever links and slashes lead to it */
static bool
same_file(const char *a, const char *b)
{
	struct stat one, other;

	return strcmp(a, b) == 0 ||
	    (stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
		one.st_ino == other.st_ino);
}

bool
endpoint_reaches(const struct endpoint *a, const struct endpoint *b)
{
	if (a->kind != b->kind || a->kind == ENDPOINT_NONE)
		return false;
	if (a->kind == ENDPOINT_UNIX)
		return same_file(a->name, b->name);
	return a->port == b->port &&
	    (strcasecmp(a->name, b->name) == 0 || hosts_meet(a->name, b->name));
}

const char *
endpoint_postfix(const struct endpoint *e, char *out)
{
	if (e->kind == ENDPOINT_UNIX)
		snprintf(out, PRINTED_MAX, "unix:%s", e->name);
	else
		snprintf(out, PRINTED_MAX,
		    strchr(e->name, ':') != NULL ? "inet:[%s]:%u" : "inet:%s:%u",
		    e->name, e->port);
	return out;
}

const char *
endpoint_milter(const struct endpoint *e, char *out)
{
	if (e->kind == ENDPOINT_UNIX)
		snprintf(out, PRINTED_MAX, "unix:%s", e->name);
	else
		snprintf(out, PRINTED_MAX, "%s:%u@%s",
		    strchr(e->name, ':') != NULL ? "inet6" : "inet", e->port, e->name);
	return out;
}

/* dial_address - one address, with the time limit */
static int
dial_address(int family, const struct sockaddr *address, socklen_t len)
{
	const struct timeval limit = {CONNECT_S, 0};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, address, len) == 0)
		return fd;
	err = errno;
	close(fd);
	/* as the limit of a socket is called */
	errno = err == EINPROGRESS || err == EAGAIN ? ETIMEDOUT : err;
	return -1;
}

static int
dial_unix(const struct endpoint *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(e->name) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, e->name);
	return dial_address(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

static int
dial_inet(const struct endpoint *e)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all, *a;
	char port[12];
	int fd = -1;

	snprintf(port, sizeof port, "%u", e->port);
	if (getaddrinfo(e->name, port, &hints, &all) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (a = all; a != NULL && fd < 0; a = a->ai_next)
		fd = dial_address(a->ai_family, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(all);
	return fd;
}

int
endpoint_connect(const struct endpoint *e)
{
	return e->kind == ENDPOINT_UNIX ? dial_unix(e) : dial_inet(e);
}
