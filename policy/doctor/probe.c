/* SPDX-License-Identifier: BSD-2-Clause */
/* probe - asks a running milter as an MTA would, and an SMTP service as a client */
#include "policy/doctor/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/base/record.h"
#include "policy/identity/mta.h"

/* The milter protocol, from libmilter's include/libmilter/mfdef.h. */
#define MILTER_VERSION 6
#define ALL_ACTIONS 0x1ffu
#define ALL_STEPS 0x1fffffu
#define PACKET_MAX 65536
#define ANSWER_S 15 /* a decision may wait 10 s for the first scan */

/* A packet under construction: length, command, data. */
struct packet {
	struct record_writer w;
	uint8_t buf[2048];
};

/* packet_start - the length is filled in by packet_send() */
static void
packet_start(struct packet *p, char command)
{
	record_write_start(&p->w, p->buf, sizeof p->buf);
	record_put_u32(&p->w, 0);
	record_put_u8(&p->w, (uint8_t)command);
}

static void
packet_put_macro(struct packet *p, const char *name, const char *value)
{
	record_put_bytes(&p->w, name, strlen(name) + 1);
	record_put_bytes(&p->w, value, strlen(value) + 1);
}

/* packet_put_login - in xtext (RFC 3461 section 4) for Sendmail, else as it is */
static void
packet_put_login(struct packet *p, const struct submission *s)
{
	char hex[4];

	for (size_t i = 0; i < s->login_len; i++) {
		unsigned char c = (unsigned char)s->login[i];

		snprintf(hex, sizeof hex, "+%02X", c);
		if (s->mta == MTA_SENDMAIL &&
		    (c <= ' ' || c >= 0x7f || strchr("+=<>()\\\"", c) != NULL))
			record_put_bytes(&p->w, hex, 3);
		else
			record_put_u8(&p->w, c);
	}
	record_put_u8(&p->w, 0);
}

/* packet_send - false also for a packet that did not fit */
static bool
packet_send(int fd, struct packet *p)
{
	uint32_t n = htonl((uint32_t)(p->w.len - sizeof n));

	if (p->w.failed)
		return false;
	memcpy(p->buf, &n, sizeof n);
	for (size_t done = 0; done < p->w.len;) {
		ssize_t sent = send(fd, p->buf + done, p->w.len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		done += (size_t)sent;
	}
	return true;
}

/* probe_receive - until DEADLINE, however slowly it drips in */
static bool
probe_receive(int fd, int64_t deadline, void *out, size_t n)
{
	size_t done = 0;

	while (done < n) {
		const int64_t left = deadline - monotonic_ms();
		const struct timeval limit = {left / 1000, left % 1000 * 1000};
		ssize_t got;

		errno = EAGAIN;
		if (left <= 0 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
			return false;
		errno = 0;
		got = recv(fd, (char *)out + done, n - done, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/*
 * probe_answer - the next packet, within SECONDS, its data cut to OUT; false for none
 * or a bad one
 */
static bool
probe_answer(int fd, int seconds, char *command, char *out, size_t cap)
{
	const int64_t deadline = monotonic_ms() + 1000 * seconds;
	size_t kept = 0;
	uint32_t n;
	char byte;

	if (!probe_receive(fd, deadline, &n, sizeof n))
		return false;
	n = ntohl(n);
	if (n < 1 || n > PACKET_MAX || !probe_receive(fd, deadline, command, 1))
		return false;
	while (--n > 0) {
		if (!probe_receive(fd, deadline, &byte, 1))
			return false;
		if (kept + 1 < cap)
			out[kept++] = byte;
	}
	out[kept] = '\0';
	return true;
}

/* probe_negotiate - offers everything, as MTAs do */
static bool
probe_negotiate(int fd, int seconds)
{
	struct packet p;
	char command, ignored[16];

	packet_start(&p, 'O');
	record_put_u32(&p.w, MILTER_VERSION);
	record_put_u32(&p.w, ALL_ACTIONS);
	record_put_u32(&p.w, ALL_STEPS);
	return packet_send(fd, &p) &&
	    probe_answer(fd, seconds, &command, ignored, sizeof ignored) &&
	    command == 'O';
}

/* probe_quit - as MTAs take their leave */
static bool
probe_quit(int fd)
{
	struct packet quit;

	packet_start(&quit, 'Q');
	return packet_send(fd, &quit);
}

/* send_mail - the macros of the connection and of MAIL, and MAIL itself */
static bool
send_mail(int fd, const struct submission *s)
{
	static const char sender[] = "<doctor@localhost>";
	struct packet p;

	packet_start(&p, 'D');
	record_put_u8(&p.w, 'M');
	packet_put_macro(&p, "v", mta_probe_version(s->mta));
	packet_put_macro(&p, "{daemon_name}", s->listener);
	packet_put_macro(&p, "{client_addr}", s->client);
	if (s->login_len > 0) {
		record_put_bytes(&p.w, "{auth_authen}", sizeof "{auth_authen}");
		packet_put_login(&p, s);
		packet_put_macro(&p, "{auth_type}", s->mechanism);
	}
	if (!packet_send(fd, &p))
		return false;
	packet_start(&p, 'M');
	record_put_bytes(&p.w, sender, sizeof sender);
	return packet_send(fd, &p);
}

/* undouble_percent - "%%" is how a milter sends "%" */
static void
undouble_percent(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		*out++ = *s;
		if (s[0] == '%' && s[1] == '%')
			s++;
	}
	*out = '\0';
}

static enum error
probe_converse(
    int fd, const struct submission *s, struct probe *out, struct error_text *why)
{
	char command;

	if (!probe_negotiate(fd, ANSWER_S))
		return error_set(why, ERR_IO, "it does not answer as a milter: %s",
		    errno == EAGAIN ? "nothing came" : "is it another program?");
	if (!send_mail(fd, s) ||
	    !probe_answer(fd, ANSWER_S, &command, out->reply, sizeof out->reply))
		return error_set(why, ERR_IO, "no answer to MAIL FROM");
	out->kind = command == 'y'                               ? PROBE_REPLIES
	    : command == 'r' || command == 't' || command == '4' ? PROBE_REFUSES
								 : PROBE_PASSES;
	undouble_percent(out->reply);
	return OK;
}

/* connect_error - ERR_MISSING where nobody listens */
static enum error
connect_error(int number)
{
	if (number == EACCES || number == EPERM)
		return ERR_PERMISSION;
	return number == ECONNREFUSED || number == ENOENT ? ERR_MISSING : ERR_IO;
}

enum error
probe_milter(const struct endpoint *at, const struct submission *s, struct probe *out,
    struct error_text *why)
{
	enum error e;
	int fd = endpoint_connect(at);

	*out = (struct probe){.kind = PROBE_REFUSES};
	if (fd < 0)
		return error_set(why, connect_error(errno), "%s", strerror(errno));
	errno = 0;
	e = probe_converse(fd, s, out, why);
	if (!probe_quit(fd) && e == OK)
		e = error_set(why, ERR_IO, "it closed the connection");
	close(fd);
	return e;
}

int
probe_listener(const struct endpoint *at)
{
	int fd = endpoint_connect(at);
	bool answers;

	if (fd < 0)
		return errno;
	answers = probe_negotiate(fd, PROBE_LISTENER_S);
	(void)probe_quit(fd);
	close(fd);
	return answers ? 0 : PROBE_NO_ANSWER;
}

#define LINES_MAX 4096 /* of one answer */

/* An answer as it comes in. */
struct answer {
	int fd;
	int64_t deadline;
	char text[LINES_MAX + 1];
	size_t len;
	bool closed;
};

/* answer_more - reads on; false at the end, or when the time is over */
static bool
answer_more(struct answer *a)
{
	ssize_t n;

	do
		n = recv(a->fd, a->text + a->len, LINES_MAX - a->len, 0);
	while (n < 0 && (errno == EINTR || errno == EAGAIN) &&
	    monotonic_ms() < a->deadline);
	a->closed = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return false;
	a->len += (size_t)n;
	a->text[a->len] = '\0';
	return monotonic_ms() < a->deadline;
}

/* answer_last - the last line of a whole answer ("250 ..."), or NULL */
static const char *
answer_last(const struct answer *a)
{
	const char *line = a->text, *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (end - line > 3 && line[3] != '-')
			return line;
	return NULL;
}

/* answer_read - a whole answer; its code, or 0 */
static int
answer_read(struct answer *a)
{
	const char *line;

	a->len = 0;
	a->text[0] = '\0';
	a->deadline = monotonic_ms() + 1000 * PROBE_SERVICE_S;
	while ((line = answer_last(a)) == NULL)
		if (a->len == LINES_MAX || !answer_more(a))
			return 0;
	return (int)strtol(line, NULL, 10);
}

/* answer_has_auth - "250-AUTH PLAIN", or the old form "250-AUTH=PLAIN" */
static bool
answer_has_auth(const struct answer *a)
{
	for (const char *line = a->text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strlen(line) > 8 && strncasecmp(line + 4, "AUTH", 4) == 0 &&
		    strchr(" =", line[8]) != NULL)
			return true;
	}
	return false;
}

static bool
say(int fd, const void *what, size_t n)
{
	return send(fd, what, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static enum probe_service
ask_in_clear(struct answer *a)
{
	static const char ehlo[] = "EHLO [127.0.0.1]\r\n", quit[] = "QUIT\r\n";
	int code = answer_read(a);
	enum probe_service result = PROBE_SERVICE_OTHER;

	if (code == 0)
		return a->len > 0 ? PROBE_SERVICE_OTHER
		    : a->closed   ? PROBE_SERVICE_CLOSED
				  : PROBE_SERVICE_SILENT;
	if (code == 220 && say(a->fd, ehlo, sizeof ehlo - 1) && answer_read(a) == 250)
		result =
		    answer_has_auth(a) ? PROBE_SERVICE_WELL : PROBE_SERVICE_NO_AUTH;
	else if (code == 220 && a->len == 0)
		result = a->closed ? PROBE_SERVICE_CLOSED : PROBE_SERVICE_SILENT;
	(void)say(a->fd, quit, sizeof quit - 1);
	return result;
}

/*
 * ask_in_tls - a ClientHello of TLS 1.2 (RFC 5246, 7.4.1.2) without extensions: a
 * server answers it with its own or with an alert, and either shows that it is alive
 */
static enum probe_service
ask_in_tls(struct answer *a)
{
	static const unsigned char hello[] = {22, 3, 1, 0, 57, 1, 0, 0, 53, 3, 3, 's',
	    'm', 't', 'p', 'a', 'u', 't', 'h', 'c', 't', 'l', ' ', 'd', 'o', 'c', 't',
	    'o', 'r', ' ', 'l', 'o', 'o', 'k', 's', ' ', 'h', 'e', 'r', 'e', ' ', ' ',
	    ' ', 0, 0, 14, 0xc0, 0x2f, 0xc0, 0x2b, 0xc0, 0x30, 0xc0, 0x2c, 0, 0x9c, 0,
	    0x2f, 0, 0x35, 1, 0};

	a->len = 0;
	a->deadline = monotonic_ms() + 1000 * PROBE_SERVICE_S;
	if (!say(a->fd, hello, sizeof hello))
		return PROBE_SERVICE_CLOSED;
	(void)answer_more(a);
	return a->len > 0 ? PROBE_SERVICE_WELL
	    : a->closed   ? PROBE_SERVICE_CLOSED
			  : PROBE_SERVICE_SILENT;
}

/* is_own - whether the address is one of this machine: a socket can be bound to it */
static bool
is_own(const struct endpoint *at)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all;
	bool own = false;

	if (getaddrinfo(at->name, NULL, &hints, &all) != 0)
		return false;
	for (const struct addrinfo *a = all; a != NULL && !own; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		own = fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(all);
	return own;
}

enum probe_service
probe_service(const struct endpoint *at, bool tls)
{
	struct answer a = {.fd = -1};
	enum probe_service result;

	if (!is_own(at))
		return PROBE_SERVICE_OTHER;
	a.fd = endpoint_connect(at);
	if (a.fd < 0)
		return errno == ECONNREFUSED ? PROBE_SERVICE_ABSENT
					     : PROBE_SERVICE_OTHER;
	result = tls ? ask_in_tls(&a) : ask_in_clear(&a);
	close(a.fd);
	return result;
}
