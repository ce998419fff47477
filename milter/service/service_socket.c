/* SPDX-License-Identifier: BSD-2-Clause */
/* service_socket - where a daemon listens: its own socket, or the one systemd passes */
#include "milter/service/service_socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter/service/listen_fault.h"
#include "milter/service/log.h"
#include "milter/service/socket_activation.h"
#include "policy/base/number.h"
#include "policy/config/endpoint.h"

#define BACKLOG 512

/* take_socket - use the inherited socket, and put its address in the configuration */
static enum error
take_socket(
    const struct service_socket *s, int fd, const char *name, struct error_text *why)
{
	char spec[16];
	enum error e;

	snprintf(spec, sizeof spec, "fd:%d", fd);
	e = s->open(s->arg, spec, why);
	return e == OK ? config_set(s->config, "socket", name, why) : e;
}

/* make_socket - bind before root is given up, so that the file can get its group */
static enum error
make_socket(const struct service_socket *s, struct error_text *why)
{
	enum error e = listener_clear(s->config, why);
	struct error_text ignored;

	umask(0177); /* for the owner only until the mode is set */
	if (e == OK)
		e = s->open(s->arg, s->config->socket, why);
	umask(0007);
	if (e != OK)
		return e;
	e = listener_adjust(s->config, s->listener, why);
	if (e != OK && listener_remove(s->config, s->listener, &ignored) != OK)
		log_message(LEVEL_WARNING, "%s", ignored.text);
	return e;
}

/*
 * choose_socket - the configured address, although systemd holds another one: the MTA
 * connects there. Only if it cannot be bound because systemd holds a part of it, the
 * inherited socket is used.
 */
static enum error
choose_socket(
    const struct service_socket *s, int fd, const char *name, struct error_text *why)
{
	enum error e = make_socket(s, why);

	if (e != OK && socket_activation_overlaps(s->config->socket, fd, name)) {
		log_message(LEVEL_WARNING,
		    "%s; %s, which systemd holds, is used instead", why->text, name);
		return take_socket(s, fd, name, why);
	}
	close(fd);
	if (e == OK)
		log_message(LEVEL_WARNING,
		    "systemd holds %s, too, and nobody answers there: \"socket\" is %s; the MTA must ask at the latter, or remove \"socket\" from the configuration. To give up the former: systemctl mask --now %s",
		    name, s->config->socket, s->unit);
	return e;
}

enum error
service_socket_open(const struct service_socket *s, struct error_text *why)
{
	char name[SOCKET_ACTIVATION_NAME_MAX + 1];
	int fd;
	enum error e = socket_activation_find(s->config->socket, &fd, name, why);

	if (e != OK)
		return e;
	if (fd < 0)
		return make_socket(s, why);
	if (!s->config->socket_is_set ||
	    socket_activation_suits(s->config->socket, name))
		return take_socket(s, fd, name, why);
	return choose_socket(s, fd, name, why);
}

/* listen_on - a listening descriptor, or -1 with errno */
static int
listen_on(int family, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, err;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int
listen_unix(const struct endpoint *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(at->name) >= sizeof address.sun_path)
		return -1;
	strcpy(address.sun_path, at->name);
	return listen_on(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

/* listen_inet - on the first address of the host that can be had */
static int
listen_inet(const struct endpoint *at, int family)
{
	const struct addrinfo hints = {
	    .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *all, *a;
	char port[12];
	int fd = -1;

	snprintf(port, sizeof port, "%u", at->port);
	if (getaddrinfo(at->name, port, &hints, &all) != 0)
		return -1;
	for (a = all; a != NULL && fd < 0; a = a->ai_next)
		fd = listen_on(a->ai_family, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(all);
	return fd;
}

enum error
service_socket_listen(const char *spec, int *fd_r, struct error_text *why)
{
	struct endpoint at;
	uint64_t given;

	*fd_r = -1;
	if (strncmp(spec, "fd:", 3) == 0) {
		if (!number_parse(spec + 3, 65535, &given))
			return error_set(why, ERR_CONFIG, "bad socket %s", spec);
		*fd_r = (int)given;
		return OK;
	}
	if (endpoint_from_milter(spec, &at))
		*fd_r = at.kind == ENDPOINT_UNIX
		    ? listen_unix(&at)
		    : listen_inet(
			  &at, strncmp(spec, "inet6:", 6) == 0 ? AF_INET6 : AF_INET);
	return *fd_r >= 0 ? OK : listen_fault_find(spec, why);
}
