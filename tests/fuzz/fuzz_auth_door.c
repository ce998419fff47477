/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_auth_door.c - any bytes as the question of a mail server, about who is refused
 */
#include "fuzz.h"
#include "policy.h"

#include "milter/auth/auth_door.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/service/log_writer.h"
#include "policy/base/cidr.h"
#include "policy/base/text.h"
#include "policy/json/json_value.h"
#include "policy/store/write_lock.h"
#include "policy/tables/setting_table.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/*
 * All logins are asked of two doors. Of the first, every login has a tenant, all
 * tenants are disabled and nothing is exempt: whatever the question, the answer is -1.
 * Of the second, a network and a listener are exempt, so that the answer is 0 where the
 * client or the listener is one of these or is not known, and -1 elsewhere.
 */

#define EXEMPT_CLIENTS "192.0.2.0/24"
#define EXEMPT_LISTENER "webmail"

enum { MESSAGE_MAX = 460, LOG_LINE_MAX = 7000 };

struct door {
	char dir[200];
	struct config config;
	struct auth_metrics metrics;
	struct auth_denials denials;
	struct auth_door door;
};

static struct door doors[2];
static atomic_bool ending;
static char logged[LOG_LINE_MAX + 1]; /* the last line */
static unsigned counted;              /* refusals */

/* The log ends here: whatever is asked, a line is a line. */
void
log_writer_put(enum log_level level, const char *line, size_t n)
{
	(void)level;
	fuzz_expect(n > 2 && n <= LOG_LINE_MAX && line[n - 1] == '\n');
	fuzz_expect(text_is_line(line, n - 1));
	memcpy(logged, line, n);
	logged[n] = '\0';
}

enum error
log_writer_open(enum log_target target, log_writer_notice *notice)
{
	(void)target;
	(void)notice;
	return OK;
}

/* Nobody writes refusals. */
void
auth_denials_add(
    struct auth_denials *d, const struct outcome *o, const char *client, instant now)
{
	(void)d;
	(void)now;
	fuzz_expect(o->decision.verdict == VERDICT_REJECT && client != NULL);
	counted++;
}

/* finish - as in fuzz_milter.c: threads run on */
static void
finish(void)
{
	static const char *const names[] = {STORE_DATA, TURN_FILE, WRITERS_FILE};

	atomic_store(&ending, true);
	for (size_t d = 0; d < 2; d++) {
		int at = open(doors[d].dir, O_RDONLY | O_DIRECTORY);

		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			unlinkat(at, names[i], 0);
		close(at);
		rmdir(doors[d].dir);
	}
	_exit(EXIT_SUCCESS);
}

static void
set(struct store_txn *txn, const char *key, const char *value)
{
	struct error_text why;

	fuzz_expect(setting_table_set(txn, settings_find(key), value, &why) == OK);
}

static void
policy_make(const char *dir, bool exempt)
{
	struct error_text why;
	struct store_txn *txn;
	struct store *store;
	bool created;

	fuzz_expect(store_create(&store, dir, &created, &why) == OK);
	fuzz_expect(store_begin(store, &txn) == OK);
	policy_put_tenant(txn, "acme", "acme.test", "");
	policy_put_tenant(txn, "rest", "*",
	    "{mailbox} \"of\" \\{tenant}, {client}: 100% {id} {mailbox} {mailbox}");
	set(txn, "default-domain", "acme.test");
	set(txn, "subaddress-delimiter", "+");
	if (exempt) {
		set(txn, "exempt-clients", EXEMPT_CLIENTS);
		set(txn, "exempt-listeners", EXEMPT_LISTENER);
	}
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

static void
start_door(struct door *d, bool exempt)
{
	const char *tmp = getenv("TMPDIR");
	struct error_text why;

	snprintf(d->dir, sizeof d->dir, "%s/fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	fuzz_expect(mkdtemp(d->dir) != NULL);
	policy_make(d->dir, exempt);
	fuzz_expect(config_read_authd(&d->config, "/dev/null", &why) == OK);
	d->door = (struct auth_door){&d->config, NULL, &d->denials, &d->metrics};
	fuzz_expect(
	    live_store_start(&d->door.store, d->dir, on_live_store, NULL) == OK);
	while (live_store_state(d->door.store) == LIVE_STORE_VERIFYING)
		usleep(1000);
	fuzz_expect(live_store_state(d->door.store) == LIVE_STORE_GOOD);
}

/* expect_message - printable ASCII, and the id that the log has, at its end */
static void
expect_message(const char *msg)
{
	size_t n = strlen(msg);
	const char *id = strstr(logged, "id=");

	fuzz_expect(n > ID_LENGTH + 8 && n <= MESSAGE_MAX);
	fuzz_expect(strncmp(msg, "5.7.1 ", 6) == 0);
	for (size_t i = 0; i < n; i++)
		fuzz_expect(msg[i] >= ' ' && msg[i] <= '~');
	fuzz_expect(id != NULL && msg[n - 1] == ']' && msg[n - ID_LENGTH - 2] == '[');
	fuzz_expect(memcmp(msg + n - ID_LENGTH - 1, id + 3, ID_LENGTH) == 0);
}

/* is_refused - what the answer says, which is an object of two members */
static bool
is_refused(const char *answer)
{
	const char *msg;
	struct error_text why;
	json_value *v;
	long long status;

	fuzz_expect(strlen(answer) < AUTH_DOOR_ANSWER_MAX);
	fuzz_expect(json_value_parse(answer, strlen(answer), &v, &why) == OK);
	fuzz_expect(json_value_is_object(v) && json_value_size(v) == 2);
	fuzz_expect(json_value_is_integer(json_value_member(v, "status")));
	status = json_value_integer(json_value_member(v, "status"));
	msg = json_value_string(json_value_member(v, "msg"));
	fuzz_expect(msg != NULL && (status == 0 || status == -1));
	if (status == -1)
		expect_message(msg);
	else
		fuzz_expect(msg[0] == '\0');
	json_value_free(v);
	return status == -1;
}

/* ask - the question, and a probe, which is neither logged nor counted */
static bool
ask(struct door *d, const char *body, size_t n)
{
	char answer[AUTH_DOOR_ANSWER_MAX], again[AUTH_DOOR_ANSWER_MAX];
	unsigned before = counted;
	bool refused;

	memset(answer, 'x', sizeof answer);
	logged[0] = '\0';
	auth_door_ask(&d->door, body, n, false, answer);
	refused = is_refused(answer);
	fuzz_expect(strstr(logged, " door=auth ") != NULL);
	fuzz_expect(
	    (strstr(logged, refused ? "answer=refuse" : "answer=continue")) != NULL);
	fuzz_expect(counted == before + (refused ? 1 : 0));
	logged[0] = '\0';
	auth_door_ask(&d->door, body, n, true, again);
	fuzz_expect(logged[0] == '\0' && counted == before + (refused ? 1 : 0));
	fuzz_expect(strncmp(answer, again, 12) == 0); /* {"status":-1 */
	return refused;
}

static const char *
member(const json_value *v, const char *key)
{
	const char *s = json_value_string(json_value_member(v, key));

	return s != NULL ? s : "";
}

/* is_exempt - at the second door, or may be: client or listener are not known */
static bool
is_exempt(const char *body, size_t n)
{
	static struct cidr_list list;
	struct error_text why;
	json_value *v = NULL;
	struct cidr_ip ip;
	bool exempt;

	fuzz_expect(cidr_list_parse(EXEMPT_CLIENTS, &list, &why) == OK);
	if (json_value_parse(body, n, &v, &why) != OK)
		return true;
	exempt = !cidr_ip_parse(member(v, "remote"), &ip) ||
	    cidr_list_has(&list, &ip) || member(v, "protocol")[0] == '\0' ||
	    strcasecmp(member(v, "protocol"), EXEMPT_LISTENER) == 0;
	json_value_free(v);
	return exempt;
}

/* start - and show that both answers are given */
static void
start(void)
{
	static const char plain[] =
	    "{\"login\":\"a@acme.test\",\"remote\":\"203.0.113.9\",\"protocol\":\"smtp\"}";
	static const char webmail[] =
	    "{\"login\":\"a@acme.test\",\"remote\":\"203.0.113.9\",\"protocol\":\"webmail\"}";

	fuzz_expect(log_open(LOG_TO_STDERR, LEVEL_DEBUG) == OK && id_start() == OK);
	start_door(&doors[0], false);
	start_door(&doors[1], true);
	fuzz_expect(ask(&doors[0], plain, sizeof plain - 1));
	fuzz_expect(ask(&doors[1], plain, sizeof plain - 1));
	fuzz_expect(ask(&doors[0], webmail, sizeof webmail - 1));
	fuzz_expect(!ask(&doors[1], webmail, sizeof webmail - 1));
	fuzz_expect(ask(&doors[0], NULL, 0));
	fuzz_expect(atexit(finish) == 0); /* the last is called first */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	char *body = (char *)fuzz_copy(data, size);

	if (!started)
		start();
	started = true;
	fuzz_expect(ask(&doors[0], body, size));
	fuzz_expect(ask(&doors[1], body, size) != is_exempt(body, size));
	free(body);
	return 0;
}
