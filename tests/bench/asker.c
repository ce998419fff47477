/* SPDX-License-Identifier: BSD-2-Clause */
/* asker.c - one milter connection that asks about one submission after the other. */
#include "asker.h"

#include "tests/lib/milter_packet.h"
#include "tests/lib/test_socket.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, PACKETS_SIZE = 1024 };

/* Packets under construction. */
struct packets {
	char at[PACKETS_SIZE];
	size_t len, begin;
};

int64_t
asker_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
asker_open(struct asker *asker, const char *socket)
{
	const uint32_t offer[] = {htonl(6), htonl(0x1ff), htonl(0x1fffff)};
	char command, *data = NULL;
	size_t size;

	memset(asker, 0, sizeof(*asker));
	asker->fd = test_socket_connect(socket);
	if (asker->fd < 0)
		err(EXIT_FAILURE, "%s", socket);
	if (!milter_packet_send(asker->fd, 'O', offer, sizeof(offer)) ||
	    milter_packet_read(asker->fd, PATIENCE_MS, &command, &data, &size) !=
		MILTER_PACKET_READ ||
	    command != 'O')
		errx(EXIT_FAILURE, "%s: no milter", socket);
	free(data);
	fcntl(asker->fd, F_SETFL, O_NONBLOCK);
}

static void
add(struct packets *p, const char *s, size_t n)
{
	memcpy(p->at + p->len, s, n);
	p->len += n;
}

/* begin - a packet, whose length is not known yet */
static void
begin(struct packets *p, char command)
{
	p->begin = p->len;
	add(p, "\0\0\0\0", sizeof(uint32_t));
	add(p, &command, 1);
}

static void
add_macro(struct packets *p, const char *name, const char *value)
{
	add(p, name, strlen(name) + 1);
	add(p, value, strlen(value) + 1);
}

static void
end(struct packets *p)
{
	uint32_t n = htonl((uint32_t)(p->len - p->begin - sizeof(uint32_t)));

	memcpy(p->at + p->begin, &n, sizeof(n));
}

void
asker_ask(struct asker *asker, const char *login, int64_t since)
{
	struct packets p = {.len = 0};

	begin(&p, 'A');
	end(&p);
	begin(&p, 'D');
	add(&p, "M", 1);
	add_macro(&p, "{client_addr}", "192.0.2.10");
	add_macro(&p, "{auth_authen}", login);
	add_macro(&p, "{auth_type}", "PLAIN");
	add_macro(&p, "{daemon_name}", "ORIGINATING");
	add_macro(&p, "v", "Postfix 3.7.11");
	add_macro(&p, "{tls_version}", "TLSv1.3");
	end(&p);
	begin(&p, 'M');
	add(&p, "<sender@example.test>", sizeof("<sender@example.test>"));
	end(&p);
	asker->since = since;
	asker->have = 0;
	if (write(asker->fd, p.at, p.len) != (ssize_t)p.len)
		err(EXIT_FAILURE, "write");
}

int
asker_take(struct asker *asker)
{
	static const char accept[] = {0, 0, 0, 1, 'a'};
	ssize_t n = read(asker->fd, asker->answer + asker->have,
	    sizeof(asker->answer) - asker->have);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		errx(EXIT_FAILURE, "the milter has closed a connection");
	asker->have += (unsigned)n;
	if (asker->have < sizeof(asker->answer))
		return 0;
	if (memcmp(asker->answer, accept, sizeof(accept)) != 0)
		errx(EXIT_FAILURE, "the answer is '%c' and not ACCEPT",
		    asker->answer[4]);
	return 1;
}
