/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_storm.c - one writer as fast as it can, and readers of every kind beside
 * it: nothing that counts is wrong, and every reading ends. STORM_SECONDS: for how
 * long. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/db/guard.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAIRS = 200,       /* of mailboxes that are written together, with one note */
	READERS = 6,       /* some of them sleep in the middle of a reading */
	SECONDS = 3,       /* the usual time */
	PAGE_BOUND = 4000, /* of the file, in the end */
};

/* What all processes count, in memory that they share. */
struct counts {
	_Atomic unsigned long commits, reads, overtaken, wrong, scans, copies, given_up;
	_Atomic bool over;
};

static struct state state;
static struct counts *counts;
static struct error_text why;

static void
setup(void)
{
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(counts, MAP_FAILED);
	state_open_ready(&state);
	guard_install();
}

static void
name_of(char *name, size_t cap, char side, int pair)
{
	snprintf(name, cap, "%c%d@a.test", side, pair);
}

/* pair_write - both mailboxes, with a note whose length changes: pages come and go */
static void
pair_write(struct store_txn *txn, int pair, unsigned n)
{
	char name[40], note[200];

	memset(note, 'a' + (int)(n % 26), sizeof note);
	note[20 + n * 7 % 170] = '\0';
	for (const char *side = "xy"; *side != '\0'; side++) {
		name_of(name, sizeof name, *side, pair);
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, note);
	}
}

static void
pairs_fill(struct store_txn *txn, void *arg)
{
	(void)arg;
	for (int i = 0; i < PAIRS; i++)
		pair_write(txn, i, (unsigned)i);
}

/* writer_run - commits without a pause */
static int
writer_run(int number)
{
	struct store *store = state_store(&state, STORE_WRITE);
	struct store_txn *txn;

	(void)number;
	for (unsigned n = 1; !counts->over; n++) {
		if (store_begin(store, &txn) != OK)
			return 1;
		for (unsigned k = 0; k < 1 + n % 4; k++)
			pair_write(txn, (int)((n * 31 + k * 57) % PAIRS), n);
		if (store_commit(&txn) != OK)
			return 2;
		counts->commits++;
	}
	store_close(&store);
	return 0;
}

/* doze - as a process that loses the processor, some of them for milliseconds */
static void
doze(int number)
{
	const struct timespec nap = {0, number % 3 == 1 ? 300000 : 3000000};

	if (number % 3 != 0)
		nanosleep(&nap, NULL);
}

/* pair_read - OK where both have one note; ERR_CONFLICT else */
static enum error
pair_read(struct store_txn *txn, int pair, int number)
{
	struct mailbox x, y;
	struct login login;
	bool found_x, found_y;
	char name[40];
	enum error e;

	name_of(name, sizeof name, 'x', pair);
	login = login_make(name);
	e = mailbox_table_get(txn, &login, &x, &found_x);
	doze(number);
	name_of(name, sizeof name, 'y', pair);
	login = login_make(name);
	if (e == OK)
		e = mailbox_table_get(txn, &login, &y, &found_y);
	if (e != OK)
		return e;
	if (!found_x || !found_y)
		return ERR_NOTFOUND;
	return strcmp(x.note, y.note) == 0 ? OK : ERR_CONFLICT;
}

/* reader_run - what a decision does */
static int
reader_run(int number)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);

	for (int n = 0; !counts->over; n++) {
		enum error e = store_reset(txn), whole;

		if (e == OK)
			e = store_renew(txn);
		if (e == OK)
			e = pair_read(txn, n * 13 % PAIRS, number);
		whole = store_check(txn);
		counts->reads++;
		if (whole == ERR_OVERTAKEN)
			counts->overtaken++;
		else if (whole != OK || e != OK)
			counts->wrong++;
	}
	return 0;
}

/* scanner_run - a whole scan; overtaken, or right */
static int
scanner_run(int number)
{
	(void)number;
	while (!counts->over) {
		struct store *store = state_store(&state, STORE_READ);
		enum error e = verify_store(store, NULL, &why);

		for (int i = 0; e == ERR_OVERTAKEN && i < 3; i++) {
			store_spare(store);
			e = verify_store(store, NULL, &why);
			store_unspare(store);
		}
		if (e == ERR_OVERTAKEN)
			counts->given_up++;
		else if (e != OK)
			counts->wrong++;
		counts->scans++;
		store_close(&store);
	}
	return 0;
}

/* copier_run - a backup; overtaken, or whole */
static int
copier_run(int number)
{
	char path[STATE_PATH + 8];

	(void)number;
	snprintf(path, sizeof path, "%s/copy", state.dir);
	while (!counts->over) {
		struct store *store = state_store(&state, STORE_READ);
		struct store_txn *txn = txn_begin(store);
		struct backup b;
		enum error e;

		unlink(path);
		e = backup_copy(txn, path, 0, &b, &why);
		if (store_check(txn) == ERR_OVERTAKEN)
			e = ERR_OVERTAKEN;
		if (e == OK)
			e = backup_verify(path, 0, &b, &why);
		if (e != OK && e != ERR_OVERTAKEN)
			counts->wrong++;
		counts->copies++;
		store_abort(&txn);
		store_close(&store);
	}
	return 0;
}

static pid_t
start(int (*run)(int), int number)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(run(number));
	ck_assert_int_gt(pid, 0);
	return pid;
}

START_TEST(nothing_that_counts_is_wrong)
{
	const char *text = getenv("STORM_SECONDS");
	int seconds = text != NULL ? atoi(text)
	    : suite_at_length()    ? SECONDS
				   : 1,
	    status;
	pid_t pid[READERS + 3];
	int n = 0;

	state_change(&state, pairs_fill, NULL);
	pid[n++] = start(writer_run, 0);
	pid[n++] = start(scanner_run, 0);
	pid[n++] = start(copier_run, 0);
	for (int i = 0; i < READERS; i++)
		pid[n++] = start(reader_run, i);
	for (int64_t end = clock_now() + seconds * 1000; clock_now() < end;)
		deadline_pause(end);
	counts->over = true;
	for (int i = 0; i < n; i++) {
		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_msg(status == 0, "process %d ended with %d", i, status);
	}
	printf("# %lu commits, %lu readings, %lu overtaken, %lu scans (%lu given up), "
	       "%lu copies, %lu wrong, file of %lld bytes\n",
	    counts->commits, counts->reads, counts->overtaken, counts->scans,
	    counts->given_up, counts->copies, counts->wrong,
	    (long long)file_size(state.data));
	ck_assert_uint_eq(counts->wrong, 0);
	ck_assert_uint_gt(counts->commits, 100);
	ck_assert_uint_gt(counts->overtaken, 0);
	ck_assert_uint_gt(counts->reads, counts->overtaken);
	ck_assert_uint_gt(counts->scans, counts->given_up);
	ck_assert_int_lt(file_size(state.data), PAGE_BOUND * sysconf(_SC_PAGESIZE));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_storm");
	TCase *tcase;

	if (access("/dev/shm", W_OK) == 0)
		state_base = "/dev/shm"; /* where a commit waits for no disk */
	tcase = state_add_case(suite, "store_storm");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase, nothing_that_counts_is_wrong);
	return suite_run(suite);
}
