/* SPDX-License-Identifier: BSD-2-Clause */
/* log_sink - where lines of the log go: standard error, the journal, syslog */
#include "milter/service/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "policy/base/text.h"

#define SYSLOG_PATH "/dev/log"
#define PREFIX_MAX 40

static struct {
	const char *program;
	enum log_target target;
	bool by_journal;
	atomic_bool replaced; /* there is no syslog */
	bool cut;             /* the last line has no newline: the disk was full */
	char out[PREFIX_MAX + LOG_SINK_LINE_MAX];
} sink = {.program = "smtpauth-milter"};

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

/* is_journal - whether standard error is the stream that JOURNAL_STREAM names */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(stream, own) == 0;
}

/* put_prefix - what a line of text begins with on standard error; returns its bytes */
static size_t
put_prefix(char out[PREFIX_MAX], bool by_journal, enum log_level level)
{
	int n = by_journal ? snprintf(out, PREFIX_MAX, "<%d>", priorities[level])
			   : snprintf(out, PREFIX_MAX, "%s: ", sink.program);

	return (size_t)n;
}

/* write_bytes - to standard error, which somebody may have set to O_NONBLOCK */
static bool
write_bytes(const char *out, size_t n)
{
	struct pollfd room = {STDERR_FILENO, POLLOUT, 0};
	size_t at = 0;

	while (at < n) {
		ssize_t done = write(STDERR_FILENO, out + at, n - at);

		if (done > 0)
			at += (size_t)done;
		else if (done < 0 && errno == EAGAIN)
			poll(&room, 1, -1);
		else if (done == 0 || errno != EINTR)
			break;
	}
	if (at > 0)
		sink.cut = out[at - 1] != '\n';
	return at == n;
}

/* write_text - one write(2) a line, so that no other's gets into it */
static bool
write_text(enum log_level level, const char *line, size_t n)
{
	size_t len = 0;

	if (sink.cut)
		sink.out[len++] = '\n';
	if (sink.target != LOG_TO_JSON)
		len += put_prefix(sink.out + len, sink.by_journal, level);
	memcpy(sink.out + len, line, n);
	return write_bytes(sink.out, len + n);
}

/* syslog_fault - why syslog takes nothing: an errno; 0: it is there */
static int
syslog_fault(void)
{
	const struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = SYSLOG_PATH};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return 0; /* that says nothing of syslog */
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
		err = errno;
	close(fd);
	return err == EPROTOTYPE ? 0 : err; /* a stream socket: syslog(3) tries both */
}

void
log_sink_name(const char *program)
{
	sink.program = program;
}

void
log_sink_open(enum log_target target)
{
	sink.target = target;
	sink.by_journal = is_journal();
	/* whatever the target is, libmilter writes to syslog by itself */
	openlog(sink.program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
log_sink_look(void)
{
	char line[200];
	int err, n;

	if (sink.target != LOG_TO_SYSLOG)
		return;
	err = syslog_fault();
	if ((err != 0) == sink.replaced)
		return;
	sink.replaced = err != 0;
	if (err == 0) {
		syslog(LOG_INFO, "the log goes to syslog again");
		return;
	}
	n = snprintf(line, sizeof line,
	    "warning: there is no syslog (" SYSLOG_PATH
	    ": %s): the log goes to standard error until there is\n",
	    strerror(err));
	(void)write_text(LEVEL_WARNING, line, (size_t)n);
}

bool
log_sink_write(enum log_level level, const char *line, size_t n)
{
	if (sink.target != LOG_TO_SYSLOG || sink.replaced)
		return write_text(level, line, n);
	syslog(priorities[level], "%.*s", (int)n - 1, line);
	return true;
}

bool
log_sink_is_replaced(void)
{
	return sink.replaced;
}

void
log_sink_error(const char *text)
{
	char prefix[PREFIX_MAX], shown[4 * ERROR_TEXT_MAX];
	bool by_journal = is_journal();
	struct text t;

	put_prefix(prefix, by_journal, LEVEL_ERROR);
	text_init(&t, shown, sizeof shown);
	text_show(&t, text, strlen(text), ERROR_TEXT_MAX);
	fprintf(stderr, "%s%s\n", prefix, shown);
}
