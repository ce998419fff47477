/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - the users that listen on an address of this machine */
#include "policy/doctor/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/kernel/peer_user.h"
#include "policy/kernel/proc.h"

#define STATE_LISTEN 10 /* TCP_LISTEN */

/* A line of the kernel's table; the address is IPv6, or IPv4 mapped to it. */
struct entry {
	uint32_t word[4]; /* as it lies in memory */
	unsigned port, state, user;
};

/* word_read - the four bytes of eight digits */
static uint32_t
word_read(const char *digits)
{
	char word[9] = "";

	memcpy(word, digits, 8);
	return (uint32_t)strtoul(word, NULL, 16);
}

/* entry_read - "0: 0100007F:22C3 00000000:0000 0A 0:0 0:0 0 UID ..."; false: another */
static bool
entry_read(const char *line, struct entry *out)
{
	char address[33], port[5], state[3], user[11];

	if (sscanf(line,
		"%*s %32[0-9A-F]:%4[0-9A-F] %*s %2[0-9A-F] %*s %*s %*s %10[0-9]",
		address, port, state, user) != 4)
		return false;
	out->port = (unsigned)strtoul(port, NULL, 16);
	out->state = (unsigned)strtoul(state, NULL, 16);
	out->user = (unsigned)strtoul(user, NULL, 10);
	if (strlen(address) == 32) {
		for (size_t i = 0; i < 4; i++)
			out->word[i] = word_read(address + 8 * i);
		return true;
	}
	if (strlen(address) != 8)
		return false;
	out->word[0] = out->word[1] = 0;
	out->word[2] = htonl(0xFFFF);
	out->word[3] = word_read(address);
	return true;
}

/* entry_takes - whether a connection to A may arrive at the entry's socket */
static bool
entry_takes(const struct entry *entry, const struct addrinfo *a)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a->ai_addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)a->ai_addr;
	static const uint32_t any[4];
	uint32_t to[4] = {0, 0, htonl(0xFFFF), 0};

	if (memcmp(entry->word, any, sizeof any) == 0)
		return true; /* it takes IPv4 as well */
	if (a->ai_family == AF_INET6)
		return memcmp(entry->word, &in6->sin6_addr, sizeof in6->sin6_addr) == 0;
	if (memcmp(entry->word, to, sizeof to) == 0)
		return true; /* 0.0.0.0 */
	to[3] = in->sin_addr.s_addr;
	return memcmp(entry->word, to, sizeof to) == 0;
}

/* add_user - each user once */
static size_t
add_user(uid_t user, uid_t *users, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (users[i] == user)
			return count;
	if (count < LISTENER_MAX)
		users[count++] = user;
	return count;
}

/* read_table - adds those of one file to the COUNT that are known */
static size_t
read_table(const char *path, const struct addrinfo *all, unsigned port, uid_t *users,
    size_t count)
{
	FILE *from = fopen(path, "re");
	struct entry entry;
	char line[512];

	if (from == NULL)
		return count;
	while (fgets(line, sizeof line, from) != NULL) {
		if (!entry_read(line, &entry) || entry.port != port ||
		    entry.state != STATE_LISTEN)
			continue;
		for (const struct addrinfo *a = all; a != NULL; a = a->ai_next)
			if (entry_takes(&entry, a))
				count = add_user((uid_t)entry.user, users, count);
	}
	fclose(from);
	return count;
}

size_t
listener_in(const struct endpoint *e, const char *tcp4, const char *tcp6,
    uid_t users[LISTENER_MAX])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all;
	size_t count;

	if (getaddrinfo(e->name, NULL, &hints, &all) != 0)
		return 0;
	count = read_table(tcp4, all, e->port, users, 0);
	count = read_table(tcp6, all, e->port, users, count);
	freeaddrinfo(all);
	return count;
}

/* find_unix - the kernel notes the user of listen(2) */
static size_t
find_unix(const struct endpoint *e, uid_t *users)
{
	int fd = endpoint_connect(e);
	size_t count = 0;

	if (fd < 0)
		return 0;
	count += peer_user(fd, users);
	close(fd);
	return count;
}

/* is_ours - the daemon's user; root, as systemd holds sockets; or the caller */
static bool
is_ours(const struct checks *c, uid_t user)
{
	struct account account;

	return user == 0 || user == geteuid() ||
	    (account_find(checks_user(c), &account) && account.uid == user);
}

void
listener_check(struct checks *c)
{
	uid_t users[LISTENER_MAX];
	char address[ENDPOINT_MAX + 32];
	size_t count = 0;

	if (c->milter.kind == ENDPOINT_UNIX)
		count = find_unix(&c->milter, users);
	else if (c->milter.kind == ENDPOINT_INET)
		count = listener_in(&c->milter, PROC_TCP4, PROC_TCP6, users);
	for (size_t i = 0; i < count; i++) {
		const struct passwd *pw;

		if (is_ours(c, users[i]))
			continue;
		pw = getpwuid(users[i]);
		findings_add(&c->findings, "stranger-listens",
		    endpoint_milter(&c->milter, address),
		    "user %s (%lu) listens here, who is neither root nor the daemon's user: whoever answers the MTA can let everything pass",
		    pw != NULL ? pw->pw_name : "without a name",
		    (unsigned long)users[i]);
		findings_fix(&c->findings,
		    "see whose program that is (ss -lntxp) and end it; systemctl enable --now smtpauth-milter.socket keeps a TCP address for the daemon while it is down, without systemd a unix socket does; \"user\" in smtpauth-milter.conf is the daemon's");
	}
}
