/* SPDX-License-Identifier: BSD-2-Clause */
/* socket_activation - a listening socket inherited from systemd */
#include "milter/service/socket_activation.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy/base/number.h"
#include "policy/config/endpoint.h"

#define SYSTEMD_FIRST 3 /* SD_LISTEN_FDS_START */

/* from_systemd - its socket, or -1 */
static enum error
from_systemd(int *fd, struct error_text *why)
{
	uint64_t count, pid;

	*fd = -1;
	(void)number_parse(getenv("LISTEN_FDS"), INT_MAX, &count);
	(void)number_parse(getenv("LISTEN_PID"), INT_MAX, &pid);
	if (count < 1 || pid != (uint64_t)getpid())
		return OK;
	if (count > 1)
		return error_set(why, ERR_CONFIG,
		    "systemd hands over %llu sockets, but a daemon listens on one: give each ListenStream= a socket unit and a service of its own (smtpauth-milter@.socket)",
		    (unsigned long long)count);
	*fd = SYSTEMD_FIRST;
	return OK;
}

static int
option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static void
name_inet(const struct sockaddr_storage *address, char *name)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	bool is6 = address->ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN];

	inet_ntop(address->ss_family,
	    is6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host,
	    sizeof host);
	snprintf(name, SOCKET_ACTIVATION_NAME_MAX + 1, "%s:%u@%s",
	    is6 ? "inet6" : "inet", ntohs(is6 ? in6->sin6_port : in->sin_port), host);
}

/* name_socket - what the socket of FD listens on */
static void
name_socket(int fd, char *name)
{
	struct sockaddr_storage address = {0};
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address;
	socklen_t len = sizeof address;

	snprintf(name, SOCKET_ACTIVATION_NAME_MAX + 1, "fd:%d", fd);
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return;
	if (address.ss_family == AF_UNIX && un->sun_path[0] == '/')
		snprintf(name, SOCKET_ACTIVATION_NAME_MAX + 1, "unix:%.*s",
		    (int)sizeof un->sun_path, un->sun_path);
	else if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
		name_inet(&address, name);
}

enum error
socket_activation_find(const char *spec, int *fd_r,
    char name[SOCKET_ACTIVATION_NAME_MAX + 1], struct error_text *why)
{
	enum error e = from_systemd(fd_r, why);
	int fd = *fd_r;
	uint64_t given;

	if (e == OK && fd < 0 && strncmp(spec, "fd:", 3) == 0 &&
	    number_parse(spec + 3, INT_MAX, &given))
		fd = *fd_r = (int)given;
	if (e != OK || fd < 0)
		return e;
	if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1)
		return error_set(why, ERR_CONFIG,
		    "descriptor %d is no listening stream socket: with \"socket = fd:3\" the daemon is started by systemd, through its socket unit",
		    fd);
	name_socket(fd, name);
	return OK;
}

bool
socket_activation_suits(const char *spec, const char *name)
{
	if (strncmp(spec, "local:", 6) == 0 && strncmp(name, "unix:", 5) == 0)
		return strcmp(spec + 6, name + 5) == 0;
	return strncmp(spec, "fd:", 3) == 0 || strcmp(spec, name) == 0;
}

/* A TCP address of the configuration. */
struct inet {
	struct endpoint at;
	bool is6;
};

/* inet_read - false for other addresses */
static bool
inet_read(const char *spec, struct inet *out)
{
	out->is6 = strncmp(spec, "inet6:", 6) == 0;
	return endpoint_from_milter(spec, &out->at) && out->at.kind == ENDPOINT_INET;
}

/* is_only6 - whether the IPv6 socket FD does not take IPv4 */
static bool
is_only6(int fd)
{
	int only = 1;
	socklen_t len = sizeof only;

	return getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) != 0 || only != 0;
}

/* families_meet - the same family, or "::" that takes IPv4 as well */
static bool
families_meet(const struct inet *spec, const struct inet *held, int fd)
{
	if (spec->is6 == held->is6)
		return true;
	if (spec->is6)
		return strcmp(spec->at.name, "::") == 0;
	return strcmp(held->at.name, "::") == 0 && !is_only6(fd);
}

bool
socket_activation_overlaps(const char *spec, int fd, const char *name)
{
	struct inet chosen, held;

	return inet_read(spec, &chosen) && inet_read(name, &held) &&
	    families_meet(&chosen, &held, fd) &&
	    (endpoint_reaches(&chosen.at, &held.at) ||
		endpoint_reaches(&held.at, &chosen.at));
}
