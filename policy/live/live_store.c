/* SPDX-License-Identifier: BSD-2-Clause */
/* live_store - keeps a verified policy database open for the daemon's decisions */
#include "policy/live/live_store.h"

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
#include "policy/tables/verify.h"

#define SCAN_WAIT_MS 10000
#define SLOT_WAIT_MS 1000
#define LOOK_MS 1000       /* how often the files are checked */
#define READ_AGAIN_MS 1000 /* how long an overtaken reading is repeated */
#define SCAN_TRIES 4       /* ... and how often a scan */
#define RESCAN_MIN_MS 60000
#define RESCAN_FACTOR 1000 /* scanning takes about a thousandth of the time */
#define RETRY_FACTOR 2     /* after a fault: pause for twice the failed scan */
#define RETRY_MAX_MS 4000

struct live_store {
	char dir[PATH_MAX];
	live_store_listener *listener;
	void *arg;
	_Atomic enum live_store_state state;
	struct read_pool pool; /* open while the state is, or a moment ago was, good */
	/* of the thread alone: */
	struct store *store;
	int64_t scan_ms;
	struct store_baseline base; /* the file as of the last scan or look */
	struct error_text said;
	/* under the mutex: */
	pthread_mutex_t mutex;
	pthread_cond_t changed;          /* the state has */
	int64_t wait_ms;                 /* how long a scan is waited for */
	int64_t wait_until;              /* when waiting for a scan ends */
	struct live_store_report report; /* all of it but the state */
};

static struct timespec
as_timespec(int64_t ms)
{
	return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

/* set_state - set the state and wake all waiters */
static void
set_state(struct live_store *live, enum live_store_state state)
{
	pthread_mutex_lock(&live->mutex);
	if (state == LIVE_STORE_VERIFYING &&
	    atomic_load(&live->state) != LIVE_STORE_VERIFYING)
		live->wait_until = monotonic_ms() + live->wait_ms;
	atomic_store(&live->state, state);
	pthread_cond_broadcast(&live->changed);
	pthread_mutex_unlock(&live->mutex);
}

/* pause_while - wait until DEADLINE, or until the state is no longer STATE */
static void
pause_while(struct live_store *live, enum live_store_state state, int64_t deadline)
{
	struct timespec until = as_timespec(deadline);

	pthread_mutex_lock(&live->mutex);
	while (atomic_load(&live->state) == state && monotonic_ms() < deadline)
		pthread_cond_timedwait(&live->changed, &live->mutex, &until);
	pthread_mutex_unlock(&live->mutex);
}

/* fault - report what is wrong, but not the same thing again and again */
static void
fault(struct live_store *live, const struct error_text *why)
{
	set_state(live, LIVE_STORE_BAD);
	if (strcmp(why->text, live->said.text) == 0)
		return;
	live->said = *why;
	live->listener(live->arg, LIVE_STORE_FAULT, why->text);
}

/* close_all - wait for decisions under way; new ones see that the state is not good */
static void
close_all(struct live_store *live)
{
	const struct timespec millisecond = {0, 1000000};

	while (!read_pool_is_idle(&live->pool))
		nanosleep(&millisecond, NULL);
	read_pool_close(&live->pool);
	store_close(&live->store);
}

/* read_meta - what the last commit says of the whole database */
static enum error
read_meta(struct live_store *live, struct error_text *why)
{
	struct store_txn *txn;
	enum error e = store_begin(live->store, &txn);

	if (e != OK)
		return store_about(why, e, live->store);
	pthread_mutex_lock(&live->mutex);
	live->report.meta = *store_meta(txn);
	pthread_mutex_unlock(&live->mutex);
	store_abort(&txn);
	return OK;
}

/*
 * verify - scan the open database; with RECORDS at NULL on one thread only, because
 * decisions are made meanwhile. Writers spare a scan that they overtook.
 */
static enum error
verify(struct live_store *live, uint64_t *records, struct error_text *why)
{
	enum error e = ERR_OVERTAKEN;

	for (int i = 0; e == ERR_OVERTAKEN && i < SCAN_TRIES; i++) {
		if (i == 1)
			store_spare(live->store);
		e = records != NULL ? verify_store(live->store, records, why)
				    : verify_store_calmly(live->store, why);
	}
	store_unspare(live->store);
	return e;
}

/* scan - verifies, and remembers how long that takes */
static enum error
scan(struct live_store *live, uint64_t *records, struct error_text *why)
{
	int64_t start = monotonic_ms();
	enum error e = verify(live, records, why);

	live->scan_ms = monotonic_ms() - start;
	if (e != OK)
		return e;
	pthread_mutex_lock(&live->mutex);
	live->report.verified = instant_now();
	live->report.scan_ms = live->scan_ms;
	pthread_mutex_unlock(&live->mutex);
	return OK;
}

/* open_and_verify - OK with the pool open, or nothing open */
static enum error
open_and_verify(struct live_store *live, uint64_t *records, struct error_text *why)
{
	enum error e = store_open(&live->store, live->dir, STORE_READ, why);

	live->scan_ms = 0;
	if (e != OK)
		return e;
	/* The baseline first: what is written during the scan is found later. */
	e = store_baseline(live->store, &live->base);
	if (e != OK)
		store_about(why, e, live->store);
	if (e == OK)
		e = read_meta(live, why);
	if (e == OK)
		e = scan(live, records, why);
	if (e == OK) {
		e = read_pool_open(&live->pool, live->store);
		if (e != OK)
			store_about(why, e, live->store);
	}
	if (e != OK)
		store_close(&live->store);
	return e;
}

/* missing - with the line that store_open() gives, so that one loss is one message */
static enum error
missing(const struct live_store *live, struct error_text *why)
{
	char path[PATH_MAX];
	enum error e = state_dir_path(path, live->dir, STORE_DATA, why);

	return e == OK ? state_dir_missing(live->dir, path, why) : e;
}

/* look - whether the open database is still the one in the folder, and unharmed */
static enum error
look(struct live_store *live, struct error_text *why)
{
	enum store_look found;
	enum error e = store_look(live->store, &live->base, &found);

	if (e == ERR_MISSING)
		return missing(live, why);
	if (e != OK)
		return store_about(why, e, live->store);
	if (found == STORE_STRANGE)
		return error_set(why, ERR_REPLACED,
		    "something else than a commit has written into the policy database of %s: it is verified",
		    live->dir);
	return read_meta(live, why);
}

/* scan_is_due - after a pause that grows with the time a scan takes */
static bool
scan_is_due(const struct live_store *live, int64_t scanned)
{
	int64_t pause = monotonic_ms() - scanned;

	return pause >= RESCAN_MIN_MS && pause >= RESCAN_FACTOR * live->scan_ms;
}

/* watch - return what is wrong, once something is */
static enum error
watch(struct live_store *live, struct error_text *why)
{
	int64_t scanned = monotonic_ms();
	enum error e;

	for (;;) {
		pause_while(live, LIVE_STORE_GOOD, monotonic_ms() + LOOK_MS);
		if (atomic_load(&live->state) == LIVE_STORE_VERIFYING)
			return error_about(why, ERR_REPLACED, live->dir);
		if (atomic_load(&live->state) != LIVE_STORE_GOOD)
			return error_set(why, ERR_DAMAGED,
			    "a decision met damage in the policy database of %s",
			    live->dir);
		e = look(live, why);
		if (e != OK)
			return e;
		if (!scan_is_due(live, scanned))
			continue;
		e = scan(live, NULL, why);
		if (e != OK && e != ERR_OVERTAKEN) /* no sign of damage */
			return e;
		scanned = monotonic_ms();
	}
}

/* announce - report that decisions are made again */
static void
announce(struct live_store *live, uint64_t records)
{
	char text[120];

	snprintf(text, sizeof text,
	    "policy database verified: %llu record%s in %lld ms",
	    (unsigned long long)records, records == 1 ? "" : "s",
	    (long long)live->scan_ms);
	live->said.text[0] = '\0';
	live->listener(live->arg, LIVE_STORE_READY, text);
}

/* tell_unseen - warn that foreign writing will be found late */
static void
tell_unseen(struct live_store *live)
{
	struct error_text why;

	error_set(&why, ERR_PERMISSION,
	    "%s/" WRITERS_FILE
	    " cannot be read, so who writes into the policy database cannot be told; run \"smtpauthctl init\" and restart",
	    live->dir);
	live->listener(live->arg, LIVE_STORE_NOTE, why.text);
}

static void *
keep(void *arg)
{
	struct live_store *live = arg;
	struct error_text why;
	uint64_t records = 0;
	int64_t pause;

	for (;;) {
		if (open_and_verify(live, &records, &why) != OK) {
			fault(live, &why);
			pause = LOOK_MS + RETRY_FACTOR * live->scan_ms;
			pause_while(live, LIVE_STORE_BAD,
			    monotonic_ms() +
				(pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS));
			continue;
		}
		set_state(live, LIVE_STORE_GOOD);
		if (!store_sees_writers(live->store))
			tell_unseen(live);
		announce(live, records);
		if (watch(live, &why) == ERR_REPLACED) {
			/* a good file may stand there now: worth waiting for */
			set_state(live, LIVE_STORE_VERIFYING);
			live->listener(live->arg, LIVE_STORE_NOTE, why.text);
		} else {
			fault(live, &why);
		}
		close_all(live);
	}
	return NULL;
}

/* init_wait - a condition on the monotonic clock: setting the time must not stall us */
static enum error
init_wait(struct live_store *live)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return error_from_errno(rc);
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(&live->changed, &attr);
	if (rc == 0)
		rc = pthread_mutex_init(&live->mutex, NULL);
	pthread_condattr_destroy(&attr);
	return error_from_errno(rc);
}

enum error
live_store_start(struct live_store **live_r, const char *dir,
    live_store_listener *listener, void *arg)
{
	struct live_store *live = calloc(1, sizeof *live);
	pthread_t thread;
	enum error e;

	*live_r = NULL;
	if (live == NULL)
		return ERR_MEMORY;
	e = strlen(dir) < sizeof live->dir ? init_wait(live) : ERR_LIMIT;
	if (e != OK) {
		free(live);
		return e;
	}
	memcpy(live->dir, dir, strlen(dir) + 1);
	live->listener = listener;
	live->arg = arg;
	live->report.verified = INSTANT_NONE;
	live->wait_ms = SCAN_WAIT_MS;
	live->wait_until = monotonic_ms() + SCAN_WAIT_MS;
	atomic_store(&live->state, LIVE_STORE_VERIFYING);
	*live_r = live; /* the listener may use it */
	if (pthread_create(&thread, NULL, keep, live) != 0) {
		free(live);
		*live_r = NULL;
		return ERR_MEMORY;
	}
	pthread_detach(thread);
	return OK;
}

void
live_store_limit_wait(struct live_store *live, unsigned ms)
{
	pthread_mutex_lock(&live->mutex);
	live->wait_ms = ms;
	live->wait_until = monotonic_ms() + ms;
	pthread_mutex_unlock(&live->mutex);
}

/* wait_good - wait for the scan that is under way, if any */
static enum error
wait_good(struct live_store *live)
{
	enum live_store_state state = atomic_load(&live->state);
	int64_t until;

	if (state == LIVE_STORE_VERIFYING) {
		pthread_mutex_lock(&live->mutex);
		until = live->wait_until;
		pthread_mutex_unlock(&live->mutex);
		pause_while(live, LIVE_STORE_VERIFYING, until);
		state = atomic_load(&live->state);
	}
	return state == LIVE_STORE_GOOD ? OK : ERR_BUSY;
}

enum error
live_store_take(struct live_store *live, struct store_txn **txn_r, int *slot_r)
{
	enum error e;

	for (;;) {
		e = wait_good(live);
		if (e != OK)
			return e;
		*slot_r = read_pool_take(&live->pool, SLOT_WAIT_MS);
		if (*slot_r < 0)
			return ERR_BUSY;
		/* close_all() sets the state first and looks at the pool then */
		if (atomic_load(&live->state) == LIVE_STORE_GOOD)
			break;
		read_pool_give(&live->pool, *slot_r);
	}
	*txn_r = live->pool.slot[*slot_r];
	e = store_renew(*txn_r);
	if (e != OK)
		live_store_give(live, *slot_r, e);
	return e;
}

/* is_suspect - whether the error casts doubt on the files */
static bool
is_suspect(enum error e)
{
	return e != OK && e != ERR_MEMORY && e != ERR_MAP && e != ERR_FILES &&
	    e != ERR_BUSY && e != ERR_OVERTAKEN;
}

void
live_store_give(struct live_store *live, int slot, enum error used)
{
	enum error e = store_reset(live->pool.slot[slot]);

	/* The state first: once the slot is free, the thread may start over. */
	if (used == ERR_REPLACED)
		set_state(live, LIVE_STORE_VERIFYING);
	else if (is_suspect(used) || is_suspect(e))
		set_state(live, LIVE_STORE_BAD);
	read_pool_give(&live->pool, slot);
}

/* read_once - FN in one snapshot; its result counts only if that was whole */
static enum error
read_once(struct live_store *live, live_store_reader *fn, void *arg)
{
	struct store_txn *txn;
	enum error e, whole;
	int slot;

	e = live_store_take(live, &txn, &slot);
	if (e != OK)
		return e;
	e = fn(arg, txn);
	whole = store_check(txn);
	if (whole != OK)
		e = whole;
	live_store_give(live, slot, e);
	return e;
}

/* A database that was replaced or written to is verified and then read once more. */
enum error
live_store_read(struct live_store *live, live_store_reader *fn, void *arg)
{
	int64_t deadline = 0;
	bool verified = false;
	enum error e;

	for (;;) {
		e = read_once(live, fn, arg);
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
live_store_decide(struct live_store *live, const struct submission *s, const char *id,
    struct outcome *out, struct reply *reply)
{
	struct judgement j = {s, id, out, reply};

	return live_store_read(live, judge, &j);
}

enum live_store_state
live_store_state(struct live_store *live)
{
	return atomic_load(&live->state);
}

void
live_store_report(struct live_store *live, struct live_store_report *out_r)
{
	pthread_mutex_lock(&live->mutex);
	*out_r = live->report;
	out_r->state = atomic_load(&live->state);
	pthread_mutex_unlock(&live->mutex);
	out_r->has_meta = out_r->state == LIVE_STORE_GOOD;
}
