/* SPDX-License-Identifier: BSD-2-Clause */
/* http_server - HTTP/1.1 on one listening socket, one thread, many connections */
#include "milter/auth/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/base/monotonic.h"

#define IN_MAX (HTTP_REQUEST_HEAD_MAX + HTTP_SERVER_BODY_MAX)
#define ACCEPT_PAUSE_MS 100

struct connection {
	int fd;        /* -1: free */
	bool trusted;  /* its last request had a good key */
	bool closing;  /* after what is to be sent */
	bool has_head; /* `request` is set, and its body is awaited */
	struct http_request request;
	uint64_t skip; /* bytes of a long body that are still to come */
	int64_t since; /* of the request's first byte, or of the last answer */
	size_t in, out, sent;
	char from[IN_MAX];
	char to[HTTP_SERVER_ANSWER_MAX];
};

struct http_server {
	int fd;
	int wake[2]; /* a pipe; its end is closed to stop the thread */
	http_server_handler *handler;
	void *arg;
	struct http_server_counts counts;
	int64_t accept_after; /* in monotonic_ms() */
	int used;             /* connections that have been open; none after them */
	pthread_t thread;
	struct pollfd poll[2 + HTTP_SERVER_CONNECTIONS];
	struct connection connection[HTTP_SERVER_CONNECTIONS];
};

static void
close_connection(struct http_server *s, struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	(*s->counts.connections)--;
}

static void
drop_connection(struct http_server *s, struct connection *c)
{
	(*s->counts.dropped)++;
	close_connection(s, c);
}

static const char *
reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 401:
		return "Unauthorized";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/* set_answer - what is to be sent; it fits */
static void
set_answer(struct connection *c, const struct http_answer *a)
{
	int n = snprintf(c->to, sizeof c->to,
	    "HTTP/1.1 %d %s\r\n"
	    "Content-Type: application/json\r\n"
	    "Cache-Control: no-store\r\n"
	    "%s%s"
	    "Content-Length: %zu\r\n"
	    "\r\n"
	    "%s",
	    a->status, reason_of(a->status),
	    a->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
	    c->closing ? "Connection: close\r\n" : "", strlen(a->body), a->body);

	c->out = (size_t)n;
	c->sent = 0;
}

/* set_error - the answer to what is no request; where the next one begins is unknown */
static void
set_error(struct http_server *s, struct connection *c, int status)
{
	struct http_answer a = {.status = status};

	(*s->counts.bad)++;
	strcpy(a.body, "{\"error\":\"this is not a request that is answered here\"}");
	c->closing = true;
	set_answer(c, &a);
	c->in = 0;
}

/* drop_input - the first N bytes that came */
static void
drop_input(struct connection *c, size_t n)
{
	c->in -= n;
	memmove(c->from, c->from + n, c->in);
}

/* answer_request - the one that is whole; its body, if any, begins after the head */
static void
answer_request(struct http_server *s, struct connection *c)
{
	const struct http_request *r = &c->request;
	bool is_long = r->content > HTTP_SERVER_BODY_MAX;
	struct http_answer a = {.status = 200};

	s->handler(s->arg, r, is_long ? NULL : c->from + r->head,
	    is_long ? 0 : (size_t)r->content, &a);
	c->trusted = a.trusted;
	c->closing = !r->keep_alive || !a.trusted;
	c->has_head = false;
	set_answer(c, &a);
	drop_input(c, r->head + (is_long ? 0 : (size_t)r->content));
	c->since = monotonic_ms();
}

/* read_head - false until it is there */
static bool
read_head(struct http_server *s, struct connection *c)
{
	size_t body;
	int status;

	switch (http_request_read(c->from, c->in, &c->request, &status)) {
	case HTTP_REQUEST_MORE:
		return false;
	case HTTP_REQUEST_BAD:
		set_error(s, c, status);
		return false;
	case HTTP_REQUEST_WHOLE:
		break;
	}
	c->has_head = true;
	c->skip = 0;
	if (c->request.content <= HTTP_SERVER_BODY_MAX)
		return true;
	/* the head stays: the answer needs it. Of the body nothing does. */
	body = c->in - c->request.head;
	if (body > c->request.content)
		body = (size_t)c->request.content;
	c->skip = c->request.content - body;
	memmove(c->from + c->request.head, c->from + c->request.head + body,
	    c->in - c->request.head - body);
	c->in -= body;
	return true;
}

/* is_whole - whether the body of the request whose head has come is there, too */
static bool
is_whole(struct connection *c)
{
	size_t n = c->in - c->request.head;

	if (c->request.content <= HTTP_SERVER_BODY_MAX)
		return n >= c->request.content;
	if (n > c->skip)
		n = (size_t)c->skip;
	c->skip -= n;
	c->in -= n; /* while some are missing, nothing comes after them */
	if (c->skip == 0 && c->in > c->request.head)
		memmove(c->from + c->request.head, c->from + c->request.head + n,
		    c->in - c->request.head);
	return c->skip == 0;
}

/* send_answer - false if the connection has ended */
static bool
send_answer(struct http_server *s, struct connection *c)
{
	while (c->sent < c->out) {
		ssize_t n =
		    send(c->fd, c->to + c->sent, c->out - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n <= 0) {
			close_connection(s, c);
			return false;
		}
		c->sent += (size_t)n;
	}
	c->out = c->sent = 0;
	if (!c->closing)
		return true;
	close_connection(s, c);
	return false;
}

/* advance - answers all requests that are there, until an answer has to wait */
static void
advance(struct http_server *s, struct connection *c)
{
	while (c->out == 0) {
		if (!c->has_head && (c->in == 0 || !read_head(s, c)) && c->out == 0)
			return;
		if (c->out == 0 && !is_whole(c))
			return;
		if (c->out == 0)
			answer_request(s, c);
		if (!send_answer(s, c))
			return;
	}
}

/* receive - what has come, and act on it */
static void
receive(struct http_server *s, struct connection *c)
{
	ssize_t n = recv(c->fd, c->from + c->in, sizeof c->from - c->in, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		close_connection(s, c);
		return;
	}
	if (c->in == 0 && !c->has_head)
		c->since = monotonic_ms();
	c->in += (size_t)n;
	advance(s, c);
}

/* is_before - whether A makes room before B */
static bool
is_before(const struct connection *a, const struct connection *b)
{
	if (a->trusted != b->trusted)
		return !a->trusted;
	return a->since < b->since;
}

/* make_room - a free connection, even if another one has to end */
static struct connection *
make_room(struct http_server *s)
{
	struct connection *c = s->connection, *chosen = c;

	for (; c < s->connection + s->used; c++) {
		if (c->fd < 0)
			return c;
		if (is_before(c, chosen))
			chosen = c;
	}
	if (s->used < HTTP_SERVER_CONNECTIONS)
		return &s->connection[s->used++];
	drop_connection(s, chosen);
	return chosen;
}

static void
add_connection(struct http_server *s, int fd)
{
	struct connection *c = make_room(s);
	int on = 1;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->fd = fd;
	c->trusted = c->closing = c->has_head = false;
	c->in = c->out = c->sent = 0;
	c->since = monotonic_ms();
	(*s->counts.connections)++;
}

/*
 * accept_all - those that wait, but not for ever: others want to be read. After an
 * error that does not pass at once accept(2) would fail again and again.
 */
static void
accept_all(struct http_server *s)
{
	for (int i = 0; i < HTTP_SERVER_CONNECTIONS / 4; i++) {
		int fd = accept(s->fd, NULL, NULL);

		if (fd >= 0) {
			add_connection(s, fd);
			continue;
		}
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			s->accept_after = monotonic_ms() + ACCEPT_PAUSE_MS;
		return;
	}
}

/* end_of - when the connection is late, in monotonic_ms() */
static int64_t
end_of(const struct connection *c)
{
	bool idle = c->in == 0 && !c->has_head && c->out == 0;

	return c->since + (idle ? HTTP_SERVER_IDLE_MS : HTTP_SERVER_REQUEST_MS);
}

/*
 * prepare - what poll(2) is to wait for, and until when; connections that are late end
 */
static int
prepare(struct http_server *s)
{
	int64_t now = monotonic_ms(), end = now + HTTP_SERVER_IDLE_MS;

	s->poll[0] = (struct pollfd){s->wake[0], POLLIN, 0};
	s->poll[1] = (struct pollfd){now < s->accept_after ? -1 : s->fd, POLLIN, 0};
	if (now < s->accept_after)
		end = s->accept_after;
	for (int i = 0; i < s->used; i++) {
		struct connection *c = &s->connection[i];

		if (c->fd >= 0 && end_of(c) <= now)
			drop_connection(s, c);
		if (c->fd >= 0 && end_of(c) < end)
			end = end_of(c);
		s->poll[2 + i] =
		    (struct pollfd){c->fd, c->out > 0 ? POLLOUT : POLLIN, 0};
	}
	return (int)(end - now);
}

static void
serve_ready(struct http_server *s)
{
	for (int i = 0; i < s->used; i++) {
		struct connection *c = &s->connection[i];

		if (c->fd < 0 || s->poll[2 + i].revents == 0)
			continue;
		if (c->out == 0)
			receive(s, c);
		else if (send_answer(s, c))
			advance(s, c);
	}
	if (s->poll[1].revents != 0)
		accept_all(s);
}

static void *
run(void *arg)
{
	struct http_server *s = arg;

	do {
		int wait = prepare(s);

		if (poll(s->poll, 2 + (nfds_t)s->used, wait) > 0)
			serve_ready(s);
	} while (s->poll[0].revents == 0);
	for (int i = 0; i < s->used; i++)
		if (s->connection[i].fd >= 0)
			close_connection(s, &s->connection[i]);
	return NULL;
}

enum error
http_server_start(struct http_server **server_r, int fd, http_server_handler *handler,
    void *arg, const struct http_server_counts *counts)
{
	struct http_server *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return ERR_MEMORY;
	s->fd = fd;
	s->handler = handler;
	s->arg = arg;
	s->counts = *counts;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (pipe(s->wake) != 0) {
		munmap(s, sizeof *s);
		return ERR_MEMORY;
	}
	if (pthread_create(&s->thread, NULL, run, s) != 0) {
		close(s->wake[0]);
		close(s->wake[1]);
		munmap(s, sizeof *s);
		return ERR_MEMORY;
	}
	*server_r = s;
	return OK;
}

void
http_server_stop(struct http_server **server)
{
	struct http_server *s = *server;

	if (s == NULL)
		return;
	*server = NULL;
	close(s->wake[1]);
	pthread_join(s->thread, NULL);
	close(s->wake[0]);
	munmap(s, sizeof *s);
}
