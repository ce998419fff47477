/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_milter.c - a connection of any bytes to the daemon's filter, which denies all */
#include "fuzz.h"
#include "milter_answers.h"
#include "policy.h"

#include "milter/daemon.h"
#include "milter/filter.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/service/log_writer.h"
#include "policy/base/text.h"
#include "policy/tables/setting_table.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/*
 * The first byte of an input says what the others are: 'r' or 'R', the bytes of the
 * connection; else packets without their lengths, each ended by a newline, which
 * libFuzzer can change without destroying the frame. Capitals have the log in JSON.
 */

enum { WAIT_SECONDS = 60, LOG_LINE_MAX = 7000 };

static char dir[200], path[sizeof dir + 8];
static uint8_t answer[8 << 20];
static atomic_bool ending;
static enum log_target log_target = LOG_TO_STDERR;

/* The daemon's log ends here: whatever an MTA sends, a line is a line. */
void
log_writer_put(enum log_level level, const char *line, size_t n)
{
	(void)level;
	fuzz_expect(n > 2 && n <= LOG_LINE_MAX && line[n - 1] == '\n');
	fuzz_expect(text_is_line(line, n - 1));
	if (log_target == LOG_TO_JSON)
		fuzz_expect(line[0] == '{' && line[n - 2] == '}');
}

enum error
log_writer_open(enum log_target target, log_writer_notice *notice)
{
	(void)target;
	(void)notice;
	return OK;
}

/* Nobody writes usage: what finds no room in the usage_counter is dropped. */
void
reporter_hurry(struct daemon *d)
{
	(void)d;
}

/*
 * finish - removes the folder, which the live store sees, and complains. Its threads
 * and those of libmilter run on, so that no destructor may pull things away, as in
 * main.c of the daemon. Who gets here has had no finding: that would have been
 * abort(3).
 */
static void
finish(void)
{
	static const char *const names[] = {
	    "socket", STORE_DATA, TURN_FILE, WRITERS_FILE};
	char name[sizeof dir + 40];

	atomic_store(&ending, true);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(name, sizeof name, "%s/%s", dir, names[i]);
		unlink(name);
	}
	rmdir(dir);
	_exit(EXIT_SUCCESS);
}

static void
state_dir_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof dir, "%s/fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	fuzz_expect(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/socket", dir);
}

/* policy_make - every login has a tenant, all tenants are disabled; no login is bad */
static void
policy_make(void)
{
	static const char *const settings[][2] = {{"unknown-tenant", "reject"},
	    {"invalid-login", "reject"}, {"default-domain", "acme.test"},
	    {"login-separators", "%!"}, {"subaddress-delimiter", "+"}};
	struct error_text why;
	struct store_txn *txn;
	struct store *store;
	bool created;

	fuzz_expect(store_create(&store, dir, &created, &why) == OK);
	fuzz_expect(store_begin(store, &txn) == OK);
	policy_put_tenant(txn, "acme", "acme.test", "");
	policy_put_tenant(
	    txn, "rest", "*", "{mailbox} of {tenant}, {client}: 100% {id}");
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		fuzz_expect(setting_table_set(txn, settings_find(settings[i][0]),
				settings[i][1], &why) == OK);
	fuzz_expect(store_commit(&txn) == OK);
	store_close(&store);
}

static void
on_live_store(void *arg, enum live_store_event event, const char *text)
{
	(void)arg;
	(void)text;
	fuzz_expect(event != LIVE_STORE_FAULT || atomic_load(&ending));
}

static void *
serve(void *arg)
{
	fuzz_expect(filter_serve(arg) == OK);
	return NULL;
}

/* start - the daemon but for its main(), in threads of this process */
static void
start(void)
{
	static struct daemon daemon;
	char spec[sizeof path + 8];
	struct error_text why;
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	setlogmask(LOG_MASK(LOG_EMERG)); /* libmilter complains of bad packets */
	fuzz_expect(log_open(log_target, LEVEL_DEBUG) == OK);
	state_dir_make();
	policy_make();
	fuzz_expect(config_read(&daemon.config, "/dev/null", &why) == OK);
	fuzz_expect(
	    id_start() == OK && usage_counter_start(&daemon.usage_counter) == OK);
	snprintf(spec, sizeof spec, "unix:%s", path);
	fuzz_expect(filter_open(spec, &why) == OK);
	fuzz_expect(live_store_start(&daemon.store, dir, on_live_store, NULL) == OK);
	fuzz_expect(pthread_create(&thread, NULL, serve, &daemon) == 0);
	fuzz_expect(atexit(finish) == 0); /* the last is called first */
}

/* frame_packet - one with its length; macros are made pairs, see milter_is_harmful() */
static size_t
frame_packet(const uint8_t *packet, size_t n, uint8_t *out)
{
	size_t whole = n + milter_is_harmful(packet, n);

	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(whole >> (24 - 8 * i));
	memcpy(out + 4, packet, n);
	if (whole > n)
		out[4 + n] = '\0';
	return 4 + whole;
}

/* frame_lines - each line that is not empty as a packet */
static size_t
frame_lines(struct fuzz_input *input, uint8_t *out)
{
	size_t n = 0;

	while (input->left > 0) {
		const uint8_t *start = input->at;
		const uint8_t *end = memchr(start, '\n', input->left);
		size_t len = end != NULL ? (size_t)(end - start) : input->left;

		input->at += len + (end != NULL);
		input->left -= len + (end != NULL);
		if (len > 0)
			n += frame_packet(start, len, out + n);
	}
	return n;
}

/* set_log - between two connections nobody logs */
static void
set_log(uint8_t kind)
{
	enum log_target target = (kind & 0x20) != 0 ? LOG_TO_STDERR : LOG_TO_JSON;

	if (target != log_target)
		fuzz_expect(log_open(target, LEVEL_DEBUG) == OK);
	log_target = target;
}

/* frame - the bytes of the connection; the caller frees them */
static uint8_t *
frame(struct fuzz_input *input, size_t *n_r)
{
	uint8_t kind = fuzz_byte(input), *out = malloc(6 * (input->left + 1));

	fuzz_expect(out != NULL);
	set_log(kind);
	if (kind != 'r' && kind != 'R') {
		*n_r = frame_lines(input, out);
		return out;
	}
	memcpy(out, input->at, input->left);
	*n_r = input->left;
	return out;
}

static int
dial(void)
{
	const struct timeval patience = {.tv_sec = WAIT_SECONDS};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	fuzz_expect(fd >= 0 && strlen(path) < sizeof to.sun_path);
	strcpy(to.sun_path, path);
	fuzz_expect(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	fuzz_expect(
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
	return fd;
}

/* listen_on - reads to the end; libmilter may hang up with bytes of ours left */
static size_t
listen_on(int fd)
{
	size_t have = 0;
	ssize_t got;

	do {
		got = recv(fd, answer + have, sizeof answer - have, 0);
		have += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	/* the time is over, or the room? */
	fuzz_expect(got == 0 || errno == ECONNRESET);
	fuzz_expect(have < sizeof answer);
	return have;
}

/* talk - sends all, and returns how many bytes came back */
static size_t
talk(const uint8_t *bytes, size_t n)
{
	int fd = dial();
	size_t have;
	ssize_t sent = 0;

	do {
		bytes += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
		sent = send(fd, bytes, n, MSG_NOSIGNAL);
	} while ((sent > 0 && n > 0) || (sent < 0 && errno == EINTR));
	shutdown(fd, SHUT_WR);
	have = listen_on(fd);
	close(fd);
	return have;
}

static struct milter_answers
converse(const uint8_t *bytes, size_t n)
{
	struct milter_questions questions = milter_ask(bytes, n);

	return milter_expect(answer, talk(bytes, n), &questions);
}

#define SAY(text) ((const uint8_t *)(text)), sizeof(text) - 1
#define NEGOTIATION "\0\0\0\x0DO\0\0\0\x06\0\0\x01\xFF\0\x1F\xFF\xFF"
#define MAIL "\0\0\0\x05M<a>\0"

/* try - that somebody is denied and nobody is not: or all else would mean nothing */
static void
try(void)
{
	struct milter_answers a =
	    converse(SAY(NEGOTIATION "\0\0\0\x12"
				     "DM{auth_authen}\0a\0" MAIL));

	fuzz_expect(a.negotiations == 1 && a.denied == 1 && a.accepted == 0);
	a = converse(SAY(NEGOTIATION MAIL));
	fuzz_expect(a.negotiations == 1 && a.denied == 0 && a.accepted == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct fuzz_input input = {data, size};
	uint8_t *bytes;
	size_t n;

	if (!started) {
		start();
		try();
	}
	started = true;
	bytes = frame(&input, &n);
	if (!milter_is_deadly(bytes, n))
		converse(bytes, n);
	free(bytes);
	return 0;
}
