/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_denials - counts who is refused at AUTH, and writes it to the usage database */
#include "milter/auth/auth_denials.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "milter/service/log.h"
#include "policy/base/monotonic.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage.h"

#define BATCH 512 /* entries of a transaction: the milter writes in between */
#define RETRY_S 2 /* after a failure, if the flush is longer */
#define SAY_DROPPED_MS (10 * 60 * 1000) /* from one line on lost counts to the next */

/* write_entry - of the taken ones; its refusals are added to OTHERS, too, if it is */
static enum error
write_entry(struct auth_denials *d, struct db_txn *txn, size_t i, uint64_t *sum,
    uint64_t *others)
{
	const struct auth_denied_entry *entry = denial_counter_entry(&d->counter, i);
	bool other;
	enum error e = auth_denied_table_add(txn, entry, &other);

	if (e != OK)
		return e;
	*sum += entry->count;
	*others += other ? entry->count : 0;
	return OK;
}

/* write_batch - the first N of the taken entries, in one transaction */
static enum error
write_batch(struct auth_denials *d, size_t n)
{
	uint64_t sum = 0, others = 0;
	uint32_t guessed;
	struct db_txn *txn;
	enum error e = db_begin(d->handle.db, true, &txn);

	for (size_t i = 0; i < n && e == OK; i++)
		e = write_entry(d, txn, i, &sum, &others);
	if (e == OK)
		e = auth_denied_table_count_guessed(txn, &guessed);
	if (e == OK)
		e = db_commit(&txn);
	db_abort(&txn);
	if (e != OK)
		return e;
	denial_counter_written(&d->counter, n);
	pthread_mutex_lock(&d->mutex);
	d->report.recorded += sum;
	d->report.others += others;
	d->report.guessed = guessed;
	pthread_mutex_unlock(&d->mutex);
	return OK;
}

/* write_entries - those that could not be written the last time come first */
static enum error
write_entries(struct auth_denials *d)
{
	enum error e = OK;
	size_t n;

	for (int round = 0; round < 2; round++) {
		while (e == OK && (n = denial_counter_taken(&d->counter)) > 0)
			e = write_batch(d, n < BATCH ? n : BATCH);
		if (e == OK && round == 0)
			denial_counter_take(&d->counter);
	}
	return e;
}

/*
 * write_database - after damage another thread closes it: this one may hold LMDB's lock
 * until it ends (see db.h)
 */
static enum error
write_database(struct auth_denials *d, struct error_text *why)
{
	enum error e = usage_handle_open(&d->handle, d->state_dir, why);

	if (e != OK)
		return e;
	e = write_entries(d);
	if (e == OK)
		return OK;
	d->damaged = e == ERR_DAMAGED;
	if (!d->damaged)
		usage_handle_close(&d->handle);
	return error_set(why, e, "%s/usage/usage.mdb: %s%s", d->state_dir,
	    error_string(e),
	    d->damaged ? "; move it away, and a new one is begun" : "");
}

/* complain - log a failure, unless it is the same as before */
static void
complain(struct auth_denials *d, const struct error_text *why)
{
	if (strcmp(why->text, d->said.text) == 0)
		return;
	d->said = *why;
	log_message(LEVEL_WARNING, "refusals at AUTH cannot be written: %s", why->text);
}

/* say_dropped - log that more was dropped; not at each writing */
static void
say_dropped(struct auth_denials *d, bool last)
{
	uint64_t dropped = d->counter.dropped;

	if (dropped == d->said_dropped || (!last && monotonic_ms() < d->say_dropped))
		return;
	log_message(LEVEL_WARNING,
	    "%llu refusals at AUTH could not be counted, %llu since the start",
	    (unsigned long long)(dropped - d->said_dropped),
	    (unsigned long long)dropped);
	d->said_dropped = dropped;
	d->say_dropped = monotonic_ms() + SAY_DROPPED_MS;
}

static enum error
write_or_complain(struct auth_denials *d)
{
	struct error_text why = {.text = ""};
	enum error e = ERR_MEMORY;

	if (!d->damaged)
		e = write_database(d, &why);
	else
		error_set(&why, e, "cannot start a thread");
	if (e != OK)
		complain(d, &why);
	else if (d->said.text[0] != '\0')
		log_message(LEVEL_INFO, "refusals at AUTH are written again");
	if (e == OK)
		d->said.text[0] = '\0';
	return e;
}

/* write_all - what there is, and set the time of the next writing */
static void
write_all(struct auth_denials *d)
{
	unsigned seconds = d->flush_s;
	enum error e;

	if (d->counter.waiting > 0) {
		e = write_or_complain(d);
		if (e != OK && seconds > RETRY_S)
			seconds = RETRY_S;
		pthread_mutex_lock(&d->mutex);
		d->report.failures += e != OK;
		if (e == OK)
			d->report.written = instant_now();
		pthread_mutex_unlock(&d->mutex);
	}
	say_dropped(d, false);
	d->due = monotonic_ms() + 1000 * (int64_t)seconds;
}

/* raise_flag - the mutex is held for looking at flags and numbers only */
static void
raise_flag(struct auth_denials *d, bool *flag)
{
	pthread_mutex_lock(&d->mutex);
	*flag = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->mutex);
}

/* wait_for - one of two flags, until END in monotonic_ms(); under the mutex */
static void
wait_for(struct auth_denials *d, const bool *flag, const bool *other, int64_t end)
{
	const struct timespec until = {end / 1000, end % 1000 * 1000000};

	while (!*flag && !*other &&
	    pthread_cond_timedwait(&d->changed, &d->mutex, &until) != ETIMEDOUT)
		;
}

/*
 * wait - until the next writing is due, or hurries; true to stop. After a failure
 * nothing hurries: a full counter would stay full.
 */
static bool
wait(struct auth_denials *d)
{
	static const bool never = false;
	bool stop, failed = d->said.text[0] != '\0';

	pthread_mutex_lock(&d->mutex);
	wait_for(d, &d->stop, failed ? &never : &d->hurry, d->due);
	d->hurry = false;
	stop = d->stop;
	pthread_mutex_unlock(&d->mutex);
	return stop;
}

static void *run(void *arg);

/* hand_over - start a successor, see write_database(); false: there is none */
static bool
hand_over(struct auth_denials *d)
{
	pthread_t next;

	d->before = pthread_self();
	if (pthread_create(&next, NULL, run, d) != 0)
		return false;
	d->thread = next;
	return true;
}

static void *
run(void *arg)
{
	struct auth_denials *d = arg;

	if (d->damaged) {
		pthread_join(d->before, NULL);
		usage_handle_close(&d->handle);
		d->damaged = false;
	}
	while (!wait(d)) {
		write_all(d);
		if (d->damaged && hand_over(d))
			return NULL;
	}
	write_all(d);
	say_dropped(d, true);
	raise_flag(d, &d->ended);
	return NULL;
}

enum error
auth_denials_start(struct auth_denials *d, const char *state_dir, unsigned flush_s)
{
	pthread_condattr_t attr;
	enum error e = denial_counter_start(&d->counter);

	if (e != OK)
		return e;
	d->state_dir = state_dir;
	d->flush_s = flush_s;
	d->report.written = INSTANT_NONE;
	d->due = monotonic_ms() + 1000 * (int64_t)flush_s;
	pthread_mutex_init(&d->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->changed, &attr);
	pthread_condattr_destroy(&attr);
	d->started = pthread_create(&d->thread, NULL, run, d) == 0;
	return d->started ? OK : ERR_MEMORY;
}

void
auth_denials_add(
    struct auth_denials *d, const struct outcome *o, const char *client, instant now)
{
	struct auth_denied_entry entry = {
	    .day = usage_day_of(now), .count = 1, .last = now};

	if (!d->started || o->decision.verdict != VERDICT_REJECT ||
	    o->decision.reason == REASON_STORE_ERROR)
		return;
	if (o->has_login && o->has_tenant) {
		entry.login = o->login;
		entry.known = o->has_mailbox;
		entry.has_client = cidr_ip_parse(client, &entry.client);
	} else {
		auth_denied_entry_make_others(&entry);
	}
	if (denial_counter_add(&d->counter, &entry))
		raise_flag(d, &d->hurry);
}

void
auth_denials_stop(struct auth_denials *d, unsigned limit_ms)
{
	size_t waiting;
	bool ended;

	if (!d->started)
		return;
	raise_flag(d, &d->stop);
	pthread_mutex_lock(&d->mutex);
	wait_for(d, &d->ended, &d->ended, monotonic_ms() + limit_ms);
	ended = d->ended;
	pthread_mutex_unlock(&d->mutex);
	if (ended) {
		pthread_join(d->thread, NULL);
		usage_handle_close(&d->handle);
	}
	waiting = d->counter.waiting;
	if (waiting > 0)
		log_message(LEVEL_WARNING,
		    "the refusals at AUTH of %zu logins are lost: they could not be written before the end",
		    waiting);
}

void
auth_denials_report(struct auth_denials *d, struct auth_denials_report *out_r)
{
	memset(out_r, 0, sizeof *out_r);
	out_r->written = INSTANT_NONE;
	if (!d->started)
		return;
	pthread_mutex_lock(&d->mutex);
	*out_r = d->report;
	pthread_mutex_unlock(&d->mutex);
	out_r->dropped = d->counter.dropped;
	out_r->waiting = d->counter.waiting;
}
