/* SPDX-License-Identifier: BSD-2-Clause */
/* listen_fault - why a socket cannot be listened on, which libmilter tells syslog only
 */
#include "milter/service/listen_fault.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy/config/endpoint.h"

#define PATH_LIMIT (sizeof((struct sockaddr_un *)0)->sun_path - 2)
#define HOST_MAX 64 /* an address as text */

/* What is tried. */
struct trial {
	const char *spec;
	struct endpoint at;
	int family;
	struct error_text *why;
};

/* fault - the line about the socket, with the reason and the way out */
__attribute__((format(printf, 2, 3))) static enum error
fault(const struct trial *t, const char *fmt, ...)
{
	char reason[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	return error_set(t->why, ERR_IO, "cannot listen on %s: %s", t->spec, reason);
}

enum error
listen_fault_of_name(const char *spec, struct error_text *why)
{
	struct endpoint at;

	if (!endpoint_from_milter(spec, &at) || at.kind != ENDPOINT_UNIX ||
	    strlen(at.name) <= PATH_LIMIT)
		return OK;
	return error_set(why, ERR_CONFIG,
	    "cannot listen on %s: the path has %zu bytes, and a socket's may have %zu: choose a shorter one",
	    spec, strlen(at.name), PATH_LIMIT);
}

/* try_bind - true if it can be listened on; else errno. The socket is closed again. */
static bool
try_bind(int family, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, err;
	bool good = fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, address, len) == 0 && listen(fd, 1) == 0;

	err = errno;
	if (fd >= 0)
		close(fd);
	errno = err;
	return good;
}

/* unknown - it can be listened on now */
static enum error
unknown(const struct trial *t)
{
	return fault(t,
	    "nothing is wrong at a second look; libmilter has told syslog its reason, facility mail");
}

/* folder_of - what is before the last slash of a path */
static void
folder_of(const char *path, char folder[ENDPOINT_MAX + 1])
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	snprintf(folder, ENDPOINT_MAX + 1, "%.*s", n == 0 ? 1 : (int)n, path);
}

static enum error
find_unix(const struct trial *t)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[ENDPOINT_MAX + 1];
	struct stat st;

	if (listen_fault_of_name(t->spec, t->why) != OK)
		return ERR_IO;
	folder_of(t->at.name, folder);
	if (stat(folder, &st) != 0 && errno == ENOENT)
		return fault(t,
		    "there is no folder %s: make it, and give it to the user of the daemon",
		    folder);
	strcpy(address.sun_path, t->at.name);
	if (try_bind(AF_UNIX, (const struct sockaddr *)&address, sizeof address)) {
		unlink(t->at.name);
		return unknown(t);
	}
	if (errno == EACCES || errno == EPERM)
		return fault(t,
		    "no right to make a file in folder %s: give the folder to the user of the daemon",
		    folder);
	if (errno == EROFS)
		return fault(t,
		    "folder %s cannot be written: with systemd, name it in ReadWritePaths= or take one below /run",
		    folder);
	return fault(t, "%s", strerror(errno));
}

static const char *
family_name(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* host_fault - why the host has no address of the family */
static enum error
host_fault(const struct trial *t, int error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all;
	int other = getaddrinfo(t->at.name, NULL, &hints, &all);

	if (other == 0) {
		freeaddrinfo(all);
		return fault(t,
		    "host \"%s\" has no %s address: write \"%s\", or another host",
		    t->at.name, family_name(t->family),
		    t->family == AF_INET6 ? "inet:" : "inet6:");
	}
	return fault(t,
	    "host \"%s\" cannot be looked up (%s): write an address of this machine, such as %s",
	    t->at.name, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error),
	    t->family == AF_INET6 ? "::1" : "127.0.0.1");
}

/* bind_fault - what errno means for a port */
static enum error
bind_fault(const struct trial *t, const char *address)
{
	unsigned port = t->at.port;

	switch (errno) {
	case EADDRINUSE:
		return fault(t,
		    "another program listens on port %u: \"ss -ltnp\" shows which; end it, or choose another port",
		    port);
	case EADDRNOTAVAIL:
		return fault(t,
		    "%s is no address of this machine: \"ip address\" shows them; %s is every one",
		    address, t->family == AF_INET6 ? "::" : "0.0.0.0");
	case EACCES:
		if (port < 1024)
			return fault(t,
			    "no right to port %u: a port below 1024 needs CAP_NET_BIND_SERVICE; choose a higher one",
			    port);
		return fault(t, "no right to port %u: does SELinux know it?", port);
	case EAFNOSUPPORT:
		return fault(t,
		    "this machine, or its service unit, has no %s: choose another address",
		    family_name(t->family));
	default:
		return fault(t, "%s", strerror(errno));
	}
}

static enum error
find_inet(const struct trial *t)
{
	const struct addrinfo hints = {
	    .ai_family = t->family, .ai_socktype = SOCK_STREAM};
	char port[12], address[HOST_MAX] = "it";
	struct addrinfo *all, *a;
	enum error e;
	int error;

	snprintf(port, sizeof port, "%u", t->at.port);
	error = getaddrinfo(t->at.name, port, &hints, &all);
	if (error != 0)
		return host_fault(t, error);
	for (a = all; a != NULL; a = a->ai_next)
		if (!try_bind(a->ai_family, a->ai_addr, a->ai_addrlen))
			break;
	if (a == NULL) {
		e = unknown(t);
	} else {
		error = errno;
		(void)getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address,
		    NULL, 0, NI_NUMERICHOST);
		errno = error;
		e = bind_fault(t, address);
	}
	freeaddrinfo(all);
	return e;
}

enum error
listen_fault_find(const char *spec, struct error_text *why)
{
	struct trial t = {.spec = spec, .why = why};

	t.family = strncmp(spec, "inet6:", 6) == 0 ? AF_INET6 : AF_INET;
	if (!endpoint_from_milter(spec, &t.at))
		return fault(&t, "it is no address that libmilter takes");
	return t.at.kind == ENDPOINT_UNIX ? find_unix(&t) : find_inet(&t);
}
