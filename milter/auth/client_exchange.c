/* SPDX-License-Identifier: BSD-2-Clause */
/* client_exchange - pam_smtpauth asks smtpauth-authd, within a time limit */
#include "milter/auth/client_exchange.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/base/monotonic.h"

/* One question to the server. */
struct exchange {
	int fd;
	int64_t deadline;
	struct error_text *why;
};

static enum error
system_fault(const struct exchange *x, const char *what)
{
	return error_set(
	    x->why, error_from_errno(errno), "%s: %s", what, strerror(errno));
}

/* wait_for - poll(2) for EVENTS; what the socket has to report comes with its next use
 */
static enum error
wait_for(const struct exchange *x, short events)
{
	struct pollfd p = {.fd = x->fd, .events = events};
	int64_t left;
	int n;

	do {
		left = x->deadline - monotonic_ms();
		if (left <= 0)
			return error_set(x->why, ERR_BUSY,
			    "no answer in time: \"systemctl status smtpauth-authd\" shows whether it hangs; timeout_ms= is the limit");
		n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n > 0 ? OK : system_fault(x, "poll");
}

/* connect_fault - what errno of a connect(2) means */
static enum error
connect_fault(const struct exchange *x)
{
	if (errno == ECONNREFUSED)
		return error_set(x->why, ERR_IO,
		    "%s: start smtpauth-authd, or set port= to its port",
		    strerror(errno));
	return system_fault(x, "connect");
}

static enum error
open_connection(struct exchange *x, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(int);
	enum error e;
	int err = 0;

	x->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->fd < 0)
		return system_fault(x, "socket");
	if (connect(x->fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return OK;
	if (errno != EINPROGRESS && errno != EINTR)
		return connect_fault(x);
	e = wait_for(x, POLLOUT);
	if (e != OK)
		return e;
	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return system_fault(x, "getsockopt");
	errno = err;
	return err == 0 ? OK : connect_fault(x);
}

static enum error
send_all(const struct exchange *x, const char *text, size_t len)
{
	enum error e;
	ssize_t n;

	while (len > 0) {
		e = wait_for(x, POLLOUT);
		if (e != OK)
			return e;
		n = send(x->fd, text, len, MSG_NOSIGNAL);
		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno != EINTR && errno != EAGAIN) {
			return system_fault(x, "send");
		}
	}
	return OK;
}

/* answer_fault - why what has come is no answer */
static enum error
answer_fault(const struct exchange *x, int http_status)
{
	if (http_status == 401)
		return error_set(x->why, ERR_PERMISSION,
		    "the key is not the one of smtpauth-authd: set key-file= to the file that its configuration names");
	if (http_status != 0 && http_status != 200)
		return error_set(x->why, ERR_DATA,
		    "HTTP status %d: does another program listen on this port?",
		    http_status);
	return error_set(x->why, ERR_DATA,
	    "not an answer of smtpauth-authd: does another program listen on this port?");
}

/* receive - reads until there is an answer, or can be none */
static enum error
receive(const struct exchange *x, struct client_answer *answer, enum client_verdict *v)
{
	char text[CLIENT_ANSWER_MAX];
	size_t len = 0;
	enum error e;
	ssize_t n;

	*v = CLIENT_ANSWER_MORE;
	while (*v == CLIENT_ANSWER_MORE && len < sizeof text) {
		e = wait_for(x, POLLIN);
		if (e != OK)
			return e;
		n = recv(x->fd, text + len, sizeof text - len, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return system_fault(x, "recv");
		if (n == 0)
			return error_set(x->why, ERR_DATA,
			    "the connection was closed before the answer was complete");
		len += (size_t)n;
		*v = client_answer_read(answer, text, len);
	}
	if (*v == CLIENT_ANSWER_PASS || *v == CLIENT_ANSWER_REFUSE)
		return OK;
	return answer_fault(x, answer->http_status);
}

enum error
client_exchange(uint16_t port, int64_t deadline, const struct client_question *question,
    struct client_answer *answer, enum client_verdict *verdict_r,
    struct error_text *why)
{
	struct exchange x = {.deadline = deadline, .why = why};
	enum error e = open_connection(&x, port);

	*answer = (struct client_answer){0};
	*verdict_r = CLIENT_ANSWER_BAD;
	if (e == OK)
		e = send_all(&x, question->text, question->len);
	if (e == OK)
		e = receive(&x, answer, verdict_r);
	if (x.fd >= 0)
		close(x.fd);
	if (e != OK)
		*verdict_r = CLIENT_ANSWER_BAD;
	return e;
}
