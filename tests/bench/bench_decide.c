/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_decide.c - the decision alone, against one bare mdb_get() of the mailbox's
 * record in the same database:
 *
 *	bench_decide DIR TENANTS MAILBOXES [ROUNDS [DECISIONS]]
 *
 * DIR is a state folder with the policy of bench_policy. The get and the decision have
 * a snapshot that lasts; the third figure is a decision that takes a snapshot and gives
 * it back, as the daemon's do. Three processes, as LMDB is not to open a file twice in
 * one, take turns; each measures its own processor time. Prints JSON: nanoseconds of
 * each round.
 */
#include "policy/decision/submission.h"
#include "policy/identity/mta.h"
#include "rows.h"

#include <err.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, ROUNDS_MAX = 99, DECISIONS = 300000, PATH = 400 };

#define MAP_SIZE ((size_t)64 << 30)

static struct rows rows;
static unsigned rounds = ROUNDS, decisions = DECISIONS;
static const char *dir;
static char (*logins)[ROW_SIZE];
static struct key *keys;

/* prepare - what is asked for, so that its making is not measured */
static void
prepare(void)
{
	uint64_t state = 7;

	logins = calloc(decisions, sizeof(*logins));
	keys = calloc(decisions, sizeof(*keys));
	if (logins == NULL || keys == NULL)
		err(EXIT_FAILURE, "calloc");
	for (unsigned i = 0; i < decisions; i++) {
		struct login login;
		size_t n =
		    row_login(&rows, row_random(&state) % rows.mailboxes, logins[i]);

		if (login_from_normal(logins[i], n, &login) != OK)
			errx(EXIT_FAILURE, "%s is no login", logins[i]);
		key_login(&keys[i], TABLE_MAILBOX, &login);
	}
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* One of the processes; the parent holds its ends of the pipes. */
struct side {
	int ask, answer;
};

/* serve - measures a round whenever asked */
static void __attribute__((noreturn))
serve(int ask, int answer, void (*run)(void *), void *arg)
{
	char c;

	run(arg); /* so that all pages are in this process's page table */
	while (read(ask, &c, 1) == 1) {
		int64_t took = now_ns();

		run(arg);
		took = now_ns() - took;
		if (write(answer, &took, sizeof(took)) != sizeof(took))
			break;
	}
	_exit(EXIT_SUCCESS);
}

/* judge - the submission by login number I must pass by its override */
static void
judge(struct store_txn *txn, unsigned i)
{
	const struct submission s = {.login = logins[i],
	    .login_len = strlen(logins[i]),
	    .mta = MTA_POSTFIX,
	    .client = "192.0.2.10",
	    .listener = "ORIGINATING",
	    .mechanism = "PLAIN",
	    .now = 1700000000};
	struct outcome o;

	if (submission_judge(txn, &s, &o, NULL) != OK ||
	    o.decision.reason != REASON_MAILBOX_ENABLED)
		errx(EXIT_FAILURE, "wrong decision about %s", logins[i]);
}

static void
decide_all(void *arg)
{
	for (unsigned i = 0; i < decisions; i++)
		judge(arg, i);
}

static void
decide_all_anew(void *arg)
{
	for (unsigned i = 0; i < decisions; i++) {
		if (store_renew(arg) != OK)
			errx(EXIT_FAILURE, "no snapshot");
		judge(arg, i);
		if (store_check(arg) != OK)
			errx(EXIT_FAILURE, "overtaken");
		if (store_reset(arg) != OK)
			errx(EXIT_FAILURE, "no reset");
	}
}

static struct store_txn *
open_ours(void)
{
	struct store *store;
	struct store_txn *txn;
	struct error_text why;

	if (store_open(&store, dir, STORE_READ, &why) != OK)
		errx(EXIT_FAILURE, "%s", why.text);
	if (store_begin(store, &txn) != OK)
		errx(EXIT_FAILURE, "%s: no transaction", dir);
	return txn;
}

static void __attribute__((noreturn)) be_decider(int ask, int answer)
{
	serve(ask, answer, decide_all, open_ours());
}

static void __attribute__((noreturn)) be_renewer(int ask, int answer)
{
	struct store_txn *txn = open_ours();

	if (store_reset(txn) != OK)
		errx(EXIT_FAILURE, "no reset");
	serve(ask, answer, decide_all_anew, txn);
}

static void
must(int rc)
{
	if (rc != MDB_SUCCESS)
		errx(EXIT_FAILURE, "%s: %s", dir, mdb_strerror(rc));
}

struct bare {
	MDB_txn *txn;
	MDB_dbi dbi;
};

static void
get_all(void *arg)
{
	const struct bare *bare = arg;

	for (unsigned i = 0; i < decisions; i++) {
		MDB_val key = {keys[i].len, keys[i].at}, value;

		must(mdb_get(bare->txn, bare->dbi, &key, &value));
	}
}

static void
open_bare(struct bare *bare)
{
	char path[PATH];
	MDB_env *env;

	snprintf(path, sizeof(path), "%s/%s", dir, STORE_DATA);
	must(mdb_env_create(&env));
	must(mdb_env_set_mapsize(env, MAP_SIZE));
	must(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0));
	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &bare->txn));
	must(mdb_dbi_open(bare->txn, NULL, 0, &bare->dbi));
}

static void __attribute__((noreturn)) be_getter(int ask, int answer)
{
	struct bare bare;

	open_bare(&bare);
	serve(ask, answer, get_all, &bare);
}

static struct side
start(void (*child)(int ask, int answer))
{
	int ask[2], answer[2];

	if (pipe(ask) != 0 || pipe(answer) != 0)
		err(EXIT_FAILURE, "pipe");
	if (fork() == 0) {
		close(ask[1]);
		close(answer[0]);
		child(ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	return (struct side){ask[1], answer[0]};
}

/* round_of - nanoseconds of processor time for each decision or get */
static double
round_of(struct side side)
{
	int64_t took;

	if (write(side.ask, "", 1) != 1 ||
	    read(side.answer, &took, sizeof(took)) != sizeof(took))
		errx(EXIT_FAILURE, "a process has ended early");
	return (double)took / decisions;
}

static void
print(const char *name, const double *value)
{
	printf(",\"%s\":[", name);
	for (unsigned i = 0; i < rounds; i++)
		printf("%s%.1f", i == 0 ? "" : ",", value[i]);
	printf("]");
}

enum { SIDES = 3 };

static const struct {
	const char *name;
	void (*child)(int ask, int answer);
} sides[SIDES] = {{"get_ns", be_getter}, {"decision_ns", be_decider},
    {"with_snapshot_ns", be_renewer}};

/* measure - the rounds of all sides, each time in another order */
static void
measure(double took[SIDES][ROUNDS_MAX])
{
	struct side side[SIDES];

	for (int i = 0; i < SIDES; i++)
		side[i] = start(sides[i].child);
	for (unsigned r = 0; r < rounds; r++)
		for (unsigned i = 0; i < SIDES; i++) {
			unsigned k = (r + i) % SIDES;

			took[k][r] = round_of(side[k]);
		}
	for (int i = 0; i < SIDES; i++)
		close(side[i].ask);
	while (wait(NULL) > 0)
		continue;
}

int
main(int argc, char **argv)
{
	static double took[SIDES][ROUNDS_MAX];

	if (argc < 4)
		errx(EXIT_FAILURE,
		    "usage: bench_decide DIR TENANTS MAILBOXES [ROUNDS [DECISIONS]]");
	dir = argv[1];
	rows.tenants = strtoul(argv[2], NULL, 10);
	rows.mailboxes = strtoul(argv[3], NULL, 10);
	if (argc > 4)
		rounds = (unsigned)strtoul(argv[4], NULL, 10);
	if (argc > 5)
		decisions = (unsigned)strtoul(argv[5], NULL, 10);
	if (rows.tenants == 0 || rows.mailboxes == 0 || rounds == 0 ||
	    rounds > ROUNDS_MAX || decisions == 0)
		errx(EXIT_FAILURE, "a number is out of range");
	prepare();
	measure(took);
	printf("{\"mailboxes\":%lu", rows.mailboxes);
	for (int i = 0; i < SIDES; i++)
		print(sides[i].name, took[i]);
	puts("}");
	return EXIT_SUCCESS;
}
