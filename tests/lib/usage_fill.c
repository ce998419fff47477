/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_fill.c - fills the usage database of a state folder, for tests. It reads lines:
 *
 *	LOGIN TIME KIND N [CLIENT [MECHANISM [TLS [LISTENER]]]]
 *	others TIME KIND N
 *	auth LOGIN TIME N [CLIENT]	(a refusal at AUTH; "-": of other logins)
 *	strangers N
 *	node [since=TIME] [until=TIME] [dropped=N] [last-dropped=TIME] [id=HEX]
 *[host=NAME]
 *
 * TIME is in seconds since 1970, KIND one of allowed, denied, would-deny and exempt;
 *"-" is what the MTA does not tell, and \20 in a login a space. As root it has the
 *rights of the owner of the folder "usage", which is made where it is missing. */
#include "policy/decision/decision.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage_database.h"

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS = 9, STATUS_BAD = 65, STATUS_FAILED = 70, LINES_A_COMMIT = 20000 };

static unsigned long line_number;

static void __attribute__((noreturn)) bad(const char *what)
{
	errx(STATUS_BAD, "line %lu: bad %s", line_number, what);
}

static void
must(enum error e, const char *what)
{
	if (e != OK)
		errx(STATUS_FAILED, "%s: %s", what, error_string(e));
}

static int64_t
number(const char *text, const char *what)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		bad(what);
	return n;
}

/* unescape - \HH, in place; returns the length */
static size_t
unescape(char *text)
{
	size_t n = 0;

	for (const char *s = text; *s != '\0'; n++) {
		char hex[3] = "";

		if (*s != '\\') {
			text[n] = *s++;
			continue;
		}
		snprintf(hex, sizeof hex, "%s", s + 1);
		s += 1 + strlen(hex);
		text[n] = (char)strtoul(hex, NULL, 16);
	}
	text[n] = '\0';
	return n;
}

static enum usage_kind
kind_of(const char *name)
{
	static const char *const names[USAGE_KINDS] = {
	    "allowed", "denied", "would-deny", "exempt"};

	for (int i = 0; i < USAGE_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return (enum usage_kind)i;
	bad("kind");
	return USAGE_ALLOWED;
}

/* word - word I, "" for "-" and for one that is not there */
static const char *
word(char *const *words, size_t n, size_t i)
{
	return i < n && strcmp(words[i], "-") != 0 ? words[i] : "";
}

/* describe - what the daemon would note of a submission at T */
static void
describe(struct usage_entry *e, enum usage_kind kind, instant t, char *const *w,
    size_t words)
{
	const char *client = word(w, words, 4), *mechanism = word(w, words, 5);
	struct usage *u = &e->usage;

	usage_init(u);
	if (kind == USAGE_EXEMPT) {
		u->last_exempt = t;
		return;
	}
	u->first_seen = u->last_seen = t;
	u->has_client = *client != '\0';
	if (u->has_client && !cidr_ip_parse(client, &u->client))
		bad("client");
	u->elsewhere = !u->has_client || !cidr_ip_is_loopback(&u->client);
	u->mechanism = usage_mechanism_code(mechanism);
	u->tls = usage_tls_code(word(w, words, 6));
	usage_set_listener(u, word(w, words, 7));
	e->day.mechanisms = UINT32_C(1) << u->mechanism;
	if (kind == USAGE_DENIED)
		return;
	u->last_use = t;
	if (!decision_is_modern(mechanism))
		u->last_password_use = t;
}

static void
add_line(struct db_txn *txn, char *const *w, size_t words)
{
	struct usage_entry e = {.day = {.day = 0}};
	struct error_text why = {.text = ""};
	enum usage_kind kind;
	instant t;
	size_t n;

	if (words < 4)
		bad("line");
	n = unescape(w[0]);
	/* one that the daemon would not take is stored as it is: a file may have any */
	if (login_normalize(w[0], n, "", &e.login, &why) != OK &&
	    login_from_normal(w[0], n, &e.login) != OK)
		bad(why.text);
	t = number(w[1], "time");
	kind = kind_of(w[2]);
	e.day.day = usage_day_of(t);
	e.day.count[kind] = (uint32_t)number(w[3], "number");
	describe(&e, kind, t, w, words);
	must(usage_database_add(txn, &e), w[0]);
}

/* others_line - what logins did that have no row of their own */
static void
others_line(struct db_txn *txn, char *const *w, size_t words)
{
	struct usage_entry e = {.day = {.day = 0}};
	enum usage_kind kind;

	if (words != 4)
		bad("line");
	kind = kind_of(w[2]);
	e.day.day = usage_day_of(number(w[1], "time"));
	e.day.count[kind] = (uint32_t)number(w[3], "number");
	describe(&e, kind, number(w[1], "time"), w, words);
	usage_entry_make_others(&e);
	must(usage_database_add(txn, &e), w[0]);
}

/* auth_line - a refusal at AUTH, as smtpauth-authd would note it */
static void
auth_line(struct db_txn *txn, char *const *w, size_t words)
{
	struct auth_denied_entry e = {.count = 0};
	struct error_text why = {.text = ""};
	const char *client = word(w, words, 4);
	bool others;
	size_t n;

	if (words < 4)
		bad("line");
	n = unescape(w[1]);
	if (strcmp(w[1], "-") != 0 &&
	    login_normalize(w[1], n, "", &e.login, &why) != OK)
		bad(why.text);
	e.last = number(w[2], "time");
	e.day = usage_day_of(e.last);
	e.count = (uint32_t)number(w[3], "number");
	e.has_client = *client != '\0';
	if (e.has_client && !cidr_ip_parse(client, &e.client))
		bad("client");
	must(auth_denied_table_add(txn, &e, &others), w[1]);
}

/* strangers_line - so many more rows count as those of logins of no tenant */
static void
strangers_line(struct db_txn *txn, char *const *w, size_t words)
{
	if (words != 2)
		bad("line");
	must(usage_database_add_strangers(txn, (int32_t)number(w[1], "number")), w[0]);
}

static void
set_id(struct recording_host *host, const char *hex)
{
	if (strlen(hex) != (size_t)2 * RECORDING_HOST_ID_BYTES)
		bad("id");
	for (size_t i = 0; i < RECORDING_HOST_ID_BYTES; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		char *end;

		host->id[i] = (uint8_t)strtoul(two, &end, 16);
		if (*end != '\0')
			bad("id");
	}
}

static void
set_part(struct recording_host *host, const char *key, const char *value)
{
	if (strcmp(key, "since") == 0)
		host->since = number(value, key);
	else if (strcmp(key, "until") == 0)
		host->until = number(value, key);
	else if (strcmp(key, "dropped") == 0)
		host->dropped = (uint64_t)number(value, key);
	else if (strcmp(key, "last-dropped") == 0)
		host->last_dropped = number(value, key);
	else if (strcmp(key, "id") == 0)
		set_id(host, value);
	else if (strcmp(key, "host") == 0)
		snprintf(host->name, sizeof host->name, "%s", value);
	else
		bad(key);
}

static void
node_line(struct db_txn *txn, char *const *w, size_t words)
{
	struct recording_host host;
	bool found;
	enum error e = usage_database_get_host(txn, &host, &found);

	if (e == OK && !found)
		e = recording_host_init(&host, instant_now());
	must(e, "the record of the machine");
	for (size_t i = 1; i < words; i++) {
		char *value = strchr(w[i], '=');

		if (value == NULL)
			bad("line");
		*value = '\0';
		set_part(&host, w[i], value + 1);
	}
	must(usage_database_put_host(txn, &host), "the record of the machine");
}

static void
take_line(struct db_txn *txn, char *line)
{
	char *w[WORDS], *rest;
	size_t words = 0;

	for (char *s = strtok_r(line, " \t\r\n", &rest); s != NULL;
	     s = strtok_r(NULL, " \t\r\n", &rest)) {
		if (words == WORDS)
			bad("line");
		w[words++] = s;
	}
	if (words == 0 || w[0][0] == '#')
		return;
	if (strcmp(w[0], "node") == 0)
		node_line(txn, w, words);
	else if (strcmp(w[0], "others") == 0)
		others_line(txn, w, words);
	else if (strcmp(w[0], "auth") == 0)
		auth_line(txn, w, words);
	else if (strcmp(w[0], "strangers") == 0)
		strangers_line(txn, w, words);
	else
		add_line(txn, w, words);
}

/* become_owner - what the daemon's user could do, and no more */
static void
become_owner(const char *dir)
{
	char usage[4096];
	struct stat st;

	snprintf(usage, sizeof usage, "%s/usage", dir);
	if (mkdir(usage, 0770) != 0 && errno != EEXIST)
		err(STATUS_FAILED, "%s", usage);
	if (stat(usage, &st) != 0)
		err(STATUS_FAILED, "%s", usage);
	if (geteuid() != 0 || st.st_uid == 0)
		return;
	if (setregid(st.st_gid, st.st_gid) != 0 || setreuid(st.st_uid, st.st_uid) != 0)
		err(STATUS_FAILED, "%s: cannot become its owner", usage);
}

int
main(int argc, char **argv)
{
	struct error_text why = {.text = ""};
	struct db_txn *txn;
	char *line = NULL;
	struct db *db;
	size_t cap = 0;

	if (argc != 2)
		errx(STATUS_BAD, "usage: usage_fill DIR <LINES");
	become_owner(argv[1]);
	if (usage_database_open(&db, argv[1], true, &why) != OK)
		errx(STATUS_FAILED, "%s", why.text);
	must(db_begin(db, true, &txn), "write");
	node_line(txn, NULL, 0); /* there is one in any case */
	while (getline(&line, &cap, stdin) > 0) {
		take_line(txn, line);
		if (++line_number % LINES_A_COMMIT == 0) {
			must(db_commit(&txn), "commit");
			must(db_begin(db, true, &txn), "write");
		}
	}
	must(db_commit(&txn), "commit");
	db_close(&db);
	free(line);
	return 0;
}
