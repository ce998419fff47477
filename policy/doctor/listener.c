/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - who it is that listens on an address of this machine */
#include "policy/doctor/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS_MAX 4     /* of 32 bits, in an address, */
#define HEX 8u          /* as so many digits */
#define STATE_LISTEN 10 /* TCP_LISTEN */

/* A line: "0: 0100007F:22C3 00000000:0000 0A 0:0 0:0 0 UID ...", by its fields. */
enum { FIELD_LOCAL = 1, FIELD_STATE = 3, FIELD_USER = 7 };

struct entry {
	uint32_t word[WORDS_MAX]; /* as it lies in memory */
	unsigned long port, state, user;
};

/* field - number N of those that blanks part; "" where there are fewer */
static const char *
field(const char *line, int n)
{
	for (line += strspn(line, " "); n > 0; n--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* number - up to the character END */
static bool
number(const char *at, int base, char end, unsigned long *out_r)
{
	char *behind;

	errno = 0;
	*out_r = strtoul(at, &behind, base);
	return errno == 0 && behind > at && *behind == end;
}

/* read_address - of WORDS words, each in the machine's order */
static bool
read_address(const char *at, size_t words, struct entry *out)
{
	char digits[HEX + 1] = "";
	unsigned long n;

	for (size_t i = 0; i < words; i++, at += HEX) {
		if (strspn(at, "0123456789ABCDEF") < HEX)
			return false;
		memcpy(digits, at, HEX);
		if (!number(digits, 16, '\0', &n))
			return false;
		out->word[i] = (uint32_t)n;
	}
	return *at == ':' && number(at + 1, 16, ' ', &out->port);
}

/* read_entry - false for a line that is none, as the head of the table */
static bool
read_entry(const char *line, size_t words, struct entry *out)
{
	return read_address(field(line, FIELD_LOCAL), words, out) &&
	    number(field(line, FIELD_STATE), 16, ' ', &out->state) &&
	    number(field(line, FIELD_USER), 10, ' ', &out->user);
}

static bool
is_zero(const struct entry *entry, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (entry->word[i] != 0)
			return false;
	return true;
}

/* has_address - whether a connection to A may arrive at the entry's socket */
static bool
has_address(const struct entry *entry, size_t words, const struct addrinfo *a)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a->ai_addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)a->ai_addr;
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

	if (words == 1)
		return a->ai_family == AF_INET &&
		    (entry->word[0] == 0 || entry->word[0] == in->sin_addr.s_addr);
	if (is_zero(entry, words))
		return true; /* it takes IPv4 as well */
	if (a->ai_family == AF_INET6)
		return memcmp(entry->word, &in6->sin6_addr, sizeof in6->sin6_addr) == 0;
	return memcmp(entry->word, mapped, sizeof mapped) == 0 &&
	    entry->word[3] == in->sin_addr.s_addr;
}

/* add - each user once */
static size_t
add(uid_t user, uid_t *users, size_t count)
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
read_table(const char *path, size_t words, const struct addrinfo *all, unsigned port,
    uid_t *users, size_t count)
{
	FILE *from = fopen(path, "re");
	struct entry entry;
	char line[512];

	if (from == NULL)
		return count;
	while (fgets(line, sizeof line, from) != NULL) {
		if (!read_entry(line, words, &entry) || entry.port != port ||
		    entry.state != STATE_LISTEN)
			continue;
		for (const struct addrinfo *a = all; a != NULL; a = a->ai_next)
			if (has_address(&entry, words, a))
				count = add((uid_t)entry.user, users, count);
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
	count = read_table(tcp4, 1, all, e->port, users, 0);
	count = read_table(tcp6, WORDS_MAX, all, e->port, users, count);
	freeaddrinfo(all);
	return count;
}

/* find_unix - the kernel notes who listens when he begins to */
static size_t
find_unix(const struct endpoint *e, uid_t *users)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	int fd = endpoint_connect(e);
	size_t count = 0;

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		users[count++] = peer.uid;
	close(fd);
	return count;
}

size_t
listener_find(const struct endpoint *e, uid_t users[LISTENER_MAX])
{
	switch (e->kind) {
	case ENDPOINT_UNIX:
		return find_unix(e, users);
	case ENDPOINT_INET:
		return listener_in(e, "/proc/net/tcp", "/proc/net/tcp6", users);
	case ENDPOINT_NONE:
		break;
	}
	return 0;
}
