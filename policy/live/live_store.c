/* SPDX-License-Identifier: BSD-2-Clause */
/* live_store - keeps a verified policy database open for the daemon's decisions */
#include "policy/live/live_store.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/base/instant.h"
#include "policy/base/monotonic.h"
#include "policy/live/read_pool.h"
#include "policy/store/state_dir.h"
#include "policy/store/traces.h"
#include "policy/tables/verify.h"

#define FIRST_SCAN_WAIT_MS 10000
#define SLOT_WAIT_MS 1000
#define LOOK_MS 1000       /* how often the files are looked at */
#define READ_AGAIN_MS 1000 /* so long a reading is overtaken again and again */
#define SCAN_TRIES 4       /* ... and so often a scan */
#define RESCAN_MIN_MS 60000
#define RESCAN_FACTOR 1000 /* scanning takes about a thousandth of the time */
#define RETRY_FACTOR 2     /* after a fault: pause for twice the failed scan */
#define RETRY_MAX_MS 4000

struct live_store {
	char dir[PATH_MAX];
	keeper_listener *listener;
	void *arg;
	_Atomic enum live_store_state state;
	struct read_pool pool; /* open while the state is, or a moment ago was, good */
	struct store *store;   /* the thread's own */
	int64_t scan_ms;
	struct store_baseline base; /* the file as a scan or a look has found it */
	struct error_text said;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int64_t wait_until; /* under the mutex: when waiting for a scan ends, */
	struct live_store_report report; /* and all but the state of this */
};

static struct timespec
as_timespec(int64_t ms)
{
	return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

/* set_state - set the state and wake all waiters */
static void
set_state(struct live_store *k, enum live_store_state state)
{
	pthread_mutex_lock(&k->mutex);
	if (state == KEEPER_VERIFYING && atomic_load(&k->state) != KEEPER_VERIFYING)
		k->wait_until = monotonic_ms() + FIRST_SCAN_WAIT_MS;
	atomic_store(&k->state, state);
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->mutex);
}

/* pause_while - until DEADLINE, or until the state is no longer STATE */
static void
pause_while(struct live_store *k, enum live_store_state state, int64_t deadline)
{
	struct timespec until = as_timespec(deadline);

	pthread_mutex_lock(&k->mutex);
	while (atomic_load(&k->state) == state && monotonic_ms() < deadline)
		pthread_cond_timedwait(&k->changed, &k->mutex, &until);
	pthread_mutex_unlock(&k->mutex);
}

/* fault - says what is wrong, but not the same thing again and again */
static void
fault(struct live_store *k, const struct error_text *why)
{
	set_state(k, KEEPER_BAD);
	if (strcmp(why->text, k->said.text) == 0)
		return;
	k->said = *why;
	k->listener(k->arg, KEEPER_FAULT, why->text);
}

/* close_all - decisions under way end first; new ones see that the state is not good */
static void
close_all(struct live_store *k)
{
	const struct timespec millisecond = {0, 1000000};

	while (!read_pool_is_idle(&k->pool))
		nanosleep(&millisecond, NULL);
	read_pool_close(&k->pool);
	store_close(&k->store);
}

/* note_meta - what the snapshot says of the whole database */
static void
note_meta(struct live_store *k, const struct store_txn *txn)
{
	pthread_mutex_lock(&k->mutex);
	k->report.meta = *store_meta(txn);
	pthread_mutex_unlock(&k->mutex);
}

/* note_scan - that one has held */
static void
note_scan(struct live_store *k)
{
	pthread_mutex_lock(&k->mutex);
	k->report.verified = instant_now();
	k->report.scan_ms = k->scan_ms;
	pthread_mutex_unlock(&k->mutex);
}

/*
 * verify - scans the open database; calmly, which is up to twice as long, where RECORDS
 * is NULL: decisions are made meanwhile. Writers spare a scan that they overtook.
 */
static enum error
verify(struct live_store *k, uint64_t *records, struct error_text *why)
{
	enum error e = ERR_OVERTAKEN;

	for (int i = 0; e == ERR_OVERTAKEN && i < SCAN_TRIES; i++) {
		if (i == 1)
			store_spare(k->store);
		e = records != NULL ? verify_store(k->store, records, why)
				    : verify_store_calmly(k->store, why);
	}
	store_unspare(k->store);
	return e;
}

/* scan - verifies, and remembers how long that takes */
static enum error
scan(struct live_store *k, uint64_t *records, struct error_text *why)
{
	int64_t start = monotonic_ms();
	enum error e = verify(k, records, why);

	k->scan_ms = monotonic_ms() - start;
	if (e == OK)
		note_scan(k);
	return e;
}

/* start_over - what is written from now on is written behind the coming scan */
static enum error
start_over(struct live_store *k, struct error_text *why)
{
	struct store_txn *txn;
	enum error e = store_baseline(k->store, &k->base);

	if (e == OK)
		e = store_begin(k->store, &txn);
	if (e != OK)
		return store_about(why, e, k->store);
	note_meta(k, txn);
	store_abort(&txn);
	return OK;
}

/* open_and_verify - OK with the pool open, or nothing open */
static enum error
open_and_verify(struct live_store *k, uint64_t *records, struct error_text *why)
{
	enum error e = store_open(&k->store, k->dir, STORE_READ, why);

	k->scan_ms = 0;
	if (e != OK)
		return e;
	e = start_over(k, why);
	if (e == OK)
		e = scan(k, records, why);
	if (e == OK) {
		e = read_pool_open(&k->pool, k->store);
		if (e != OK)
			store_about(why, e, k->store);
	}
	if (e != OK)
		store_close(&k->store);
	return e;
}

/* missing - told as opening tells it, so that one loss is one message */
static enum error
missing(const struct live_store *k, struct error_text *why)
{
	char path[PATH_MAX];
	enum error e = state_dir_path(path, k->dir, STORE_DATA, why);

	return e == OK ? traces_missing(k->dir, path, why) : e;
}

/* look - whether the open database is still the one in the folder, and as it was left
 */
static enum error
look(struct live_store *k, struct error_text *why)
{
	enum store_look found;
	struct store_txn *txn;
	enum error e = store_look(k->store, &k->base, &found);

	if (e == ERR_MISSING)
		return missing(k, why);
	if (e == OK && found == STORE_STRANGE)
		return error_set(why, ERR_REPLACED,
		    "something else than a commit has written into the policy database "
		    "of %s: it is verified",
		    k->dir);
	if (e == OK)
		e = store_begin(k->store, &txn);
	if (e != OK)
		return store_about(why, e, k->store);
	note_meta(k, txn);
	store_abort(&txn);
	return OK;
}

/* scan_is_due - after a pause that grows with what a scan takes */
static bool
scan_is_due(const struct live_store *k, int64_t scanned)
{
	int64_t pause = RESCAN_FACTOR * k->scan_ms;

	return monotonic_ms() - scanned >=
	    (pause > RESCAN_MIN_MS ? pause : RESCAN_MIN_MS);
}

/* watch - until something is wrong; returns what */
static enum error
watch(struct live_store *k, struct error_text *why)
{
	int64_t scanned = monotonic_ms();
	enum error e;

	for (;;) {
		pause_while(k, KEEPER_GOOD, monotonic_ms() + LOOK_MS);
		if (atomic_load(&k->state) == KEEPER_VERIFYING)
			return error_about(why, ERR_REPLACED, k->dir);
		if (atomic_load(&k->state) != KEEPER_GOOD)
			return error_set(why, ERR_DAMAGED,
			    "a decision met damage in the policy database of %s",
			    k->dir);
		e = look(k, why);
		if (e != OK)
			return e;
		if (!scan_is_due(k, scanned))
			continue;
		e = scan(k, NULL, why);
		if (e != OK &&
		    e != ERR_OVERTAKEN) /* that one says nothing of the file */
			return e;
		scanned = monotonic_ms();
	}
}

/* announce - that decisions are made again */
static void
announce(struct live_store *k, uint64_t records)
{
	char text[120];

	snprintf(text, sizeof text,
	    "policy database verified: %llu record%s in %lld ms",
	    (unsigned long long)records, records == 1 ? "" : "s",
	    (long long)k->scan_ms);
	k->said.text[0] = '\0';
	k->listener(k->arg, KEEPER_READY, text);
}

/* tell_unseen - a database that others write into is found late then */
static void
tell_unseen(struct live_store *k)
{
	struct error_text why;

	error_set(&why, ERR_PERMISSION,
	    "%s/" WRITERS_FILE
	    " cannot be read, so who writes into the policy database cannot be told; "
	    "run \"smtpauthctl init\" and restart",
	    k->dir);
	k->listener(k->arg, KEEPER_NOTE, why.text);
}

static void *
keep(void *arg)
{
	struct live_store *k = arg;
	struct error_text why;
	uint64_t records = 0;
	int64_t pause;

	for (;;) {
		if (open_and_verify(k, &records, &why) != OK) {
			fault(k, &why);
			pause = LOOK_MS + RETRY_FACTOR * k->scan_ms;
			pause_while(k, KEEPER_BAD,
			    monotonic_ms() +
				(pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS));
			continue;
		}
		set_state(k, KEEPER_GOOD);
		if (!store_sees_writers(k->store))
			tell_unseen(k);
		announce(k, records);
		if (watch(k, &why) == ERR_REPLACED) {
			/* a good file may stand there now: worth waiting for */
			set_state(k, KEEPER_VERIFYING);
			k->listener(k->arg, KEEPER_NOTE, why.text);
		} else {
			fault(k, &why);
		}
		close_all(k);
	}
	return NULL;
}

/* init_wait - a condition on the monotonic clock: setting the time must not stall us */
static enum error
init_wait(struct live_store *k)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return error_from_errno(rc);
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(&k->changed, &attr);
	if (rc == 0)
		rc = pthread_mutex_init(&k->mutex, NULL);
	pthread_condattr_destroy(&attr);
	return error_from_errno(rc);
}

enum error
live_store_start(
    struct live_store **keeper_r, const char *dir, keeper_listener *listener, void *arg)
{
	struct live_store *k = calloc(1, sizeof *k);
	pthread_t thread;
	enum error e;

	*keeper_r = NULL;
	if (k == NULL)
		return ERR_MEMORY;
	e = strlen(dir) < sizeof k->dir ? init_wait(k) : ERR_LIMIT;
	if (e != OK) {
		free(k);
		return e;
	}
	memcpy(k->dir, dir, strlen(dir) + 1);
	k->listener = listener;
	k->arg = arg;
	k->report.verified = INSTANT_NONE;
	k->wait_until = monotonic_ms() + FIRST_SCAN_WAIT_MS;
	atomic_store(&k->state, KEEPER_VERIFYING);
	if (pthread_create(&thread, NULL, keep, k) != 0) {
		free(k);
		return ERR_MEMORY;
	}
	pthread_detach(thread);
	*keeper_r = k;
	return OK;
}

/* wait_good - for the scan that is under way, if one is */
static enum error
wait_good(struct live_store *k)
{
	enum live_store_state state = atomic_load(&k->state);
	int64_t until;

	if (state == KEEPER_VERIFYING) {
		pthread_mutex_lock(&k->mutex);
		until = k->wait_until;
		pthread_mutex_unlock(&k->mutex);
		pause_while(k, KEEPER_VERIFYING, until);
		state = atomic_load(&k->state);
	}
	return state == KEEPER_GOOD ? OK : ERR_BUSY;
}

enum error
live_store_take(struct live_store *keeper, struct store_txn **txn_r, int *slot_r)
{
	enum error e;

	for (;;) {
		e = wait_good(keeper);
		if (e != OK)
			return e;
		*slot_r = read_pool_take(&keeper->pool, SLOT_WAIT_MS);
		if (*slot_r < 0)
			return ERR_BUSY;
		/* close_all() sets the state first and looks at the pool then */
		if (atomic_load(&keeper->state) == KEEPER_GOOD)
			break;
		read_pool_give(&keeper->pool, *slot_r);
	}
	*txn_r = keeper->pool.slot[*slot_r];
	e = store_renew(*txn_r);
	if (e != OK)
		live_store_give(keeper, *slot_r, e);
	return e;
}

/* is_suspect - whether the error says something about the files */
static bool
is_suspect(enum error e)
{
	return e != OK && e != ERR_MEMORY && e != ERR_BUSY && e != ERR_OVERTAKEN;
}

void
live_store_give(struct live_store *keeper, int slot, enum error used)
{
	enum error e = store_reset(keeper->pool.slot[slot]);

	/* The state first: once the slot is free, the keeper may have started anew. */
	if (used == ERR_REPLACED)
		set_state(keeper, KEEPER_VERIFYING);
	else if (is_suspect(used) || is_suspect(e))
		set_state(keeper, KEEPER_BAD);
	read_pool_give(&keeper->pool, slot);
}

/* read_once - FN in one snapshot; what it returns counts only if that was whole */
static enum error
read_once(struct live_store *keeper, keeper_reader *fn, void *arg)
{
	struct store_txn *txn;
	enum error e, whole;
	int slot;

	e = live_store_take(keeper, &txn, &slot);
	if (e != OK)
		return e;
	e = fn(arg, txn);
	whole = store_check(txn);
	if (whole != OK)
		e = whole;
	live_store_give(keeper, slot, e);
	return e;
}

/*
 * A database that was replaced or written to is verified first, which is waited for,
 * and then read once more.
 */
enum error
live_store_read(struct live_store *keeper, keeper_reader *fn, void *arg)
{
	int64_t deadline = 0;
	bool verified = false;
	enum error e;

	for (;;) {
		e = read_once(keeper, fn, arg);
		if (e == ERR_REPLACED && !verified) {
			verified = true;
			continue;
		}
		if (e != ERR_OVERTAKEN)
			return e;
		if (deadline == 0)
			deadline = monotonic_ms() + READ_AGAIN_MS;
		else if (monotonic_ms() >= deadline)
			return ERR_BUSY;
	}
}

/* One decision, made again in each snapshot. */
struct judgement {
	const struct submission *submission;
	const char *id;
	struct outcome *outcome;
	struct reply *reply;
};

/* judge - the reply is built while the settings are valid */
static enum error
judge(void *arg, struct store_txn *txn)
{
	const struct judgement *j = arg;
	const struct outcome *o = j->outcome;
	enum error e = submission_judge(txn, j->submission, j->outcome, NULL);

	if (e != OK)
		return e;
	reply_build(store_settings(txn), o->has_tenant ? &o->tenant : NULL,
	    &o->decision,
	    &(struct reply_names){submission_tenant(o), submission_mailbox(o),
		j->submission->client, j->id},
	    j->reply);
	return OK;
}

enum error
live_store_decide(struct live_store *keeper, const struct submission *s, const char *id,
    struct outcome *out, struct reply *reply)
{
	struct judgement j = {s, id, out, reply};

	return live_store_read(keeper, judge, &j);
}

enum live_store_state
live_store_state(struct live_store *keeper)
{
	return atomic_load(&keeper->state);
}

void
live_store_report(struct live_store *keeper, struct live_store_report *out_r)
{
	pthread_mutex_lock(&keeper->mutex);
	*out_r = keeper->report;
	out_r->state = atomic_load(&keeper->state);
	pthread_mutex_unlock(&keeper->mutex);
	out_r->has_meta = out_r->state == KEEPER_GOOD;
}
