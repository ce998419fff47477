/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_writer - writes what was counted, and the heartbeat, to the usage database */
#include "milter/usage_writer.h"

#include "milter/daemon.h"
#include "policy/usage/login_usage.h"
#include "policy/usage/usage_database.h"

#define BATCH 512          /* entries of a transaction */
#define PRUNE_VISITS 20000 /* records a writing, some 10 ms */

enum error
usage_writer_start(struct daemon *d)
{
	d->usage_writer.prune.done = true;
	d->usage_writer.report.written = INSTANT_NONE;
	return d->config.usage ? usage_counter_start(&d->usage_counter) : OK;
}

/* add_entry - and count its submissions, in OTHERS too if it gets no row of its own */
static enum error
add_entry(
    struct db_txn *txn, struct usage_entry *entry, uint64_t *sum, uint64_t *others)
{
	uint64_t n = 0;
	enum error e = usage_database_admit(txn, entry);

	for (int k = 0; k < USAGE_KINDS; k++)
		n += entry->day.count[k];
	*sum += n;
	if (e == OK && usage_is_others(&entry->login))
		*others += n;
	return e == OK ? usage_database_add(txn, entry) : e;
}

/* write_batch - the first N of the taken entries, in one transaction */
static enum error
write_batch(struct daemon *d, size_t n)
{
	struct usage_report *report = &d->usage_writer.report;
	uint64_t sum = 0, others = 0;
	struct usage_entry entry;
	struct db_txn *txn;
	enum error e = db_begin(d->usage_writer.handle.db, true, &txn);

	for (size_t i = 0; i < n && e == OK; i++) {
		entry = *usage_counter_entry(&d->usage_counter, i);
		e = add_entry(txn, &entry, &sum, &others);
	}
	if (e == OK)
		e = db_commit(&txn);
	db_abort(&txn);
	if (e != OK)
		return e;
	usage_counter_written(&d->usage_counter, n);
	report->recorded += sum;
	report->others += others;
	return OK;
}

/* write_entries - those that could not be written the last time come first */
static enum error
write_entries(struct daemon *d)
{
	enum error e = OK;
	size_t n;

	for (int round = 0; round < 2; round++) {
		while (e == OK && (n = usage_counter_taken(&d->usage_counter)) > 0)
			e = write_batch(d, n < BATCH ? n : BATCH);
		if (e == OK && round == 0)
			usage_counter_take(&d->usage_counter);
	}
	return e;
}

/* put_host - all is written up to NOW, except for DROPPED submissions */
static enum error
put_host(struct daemon *d, struct db_txn *txn, instant now, uint64_t dropped)
{
	struct recording_host host;
	bool found;
	enum error e = usage_database_get_host(txn, &host, &found);

	if (e == OK && !found)
		e = recording_host_init(&host, now);
	if (e != OK)
		return e;
	recording_host_touch(&host, now, d->config.usage, dropped);
	d->usage_writer.since = host.since;
	return usage_database_put_host(txn, &host);
}

/* write_signs - the heartbeat and the record of the machine, in one transaction */
static enum error
write_signs(struct daemon *d, struct heartbeat *h)
{
	struct usage_writer *w = &d->usage_writer;
	uint64_t dropped = d->usage_counter.dropped;
	uint32_t strangers;
	struct db_txn *txn;
	enum error e = db_begin(w->handle.db, true, &txn);

	if (e != OK)
		return e;
	h->beat = instant_now();
	metrics_totals(&d->metrics, &h->counters);
	h->counters.usage_on = d->config.usage;
	h->counters.usage_recorded = w->report.recorded;
	h->counters.usage_dropped = dropped;
	e = heartbeat_put(txn, h);
	if (e == OK)
		e = put_host(d, txn, h->beat, dropped - w->dropped);
	if (e == OK)
		e = usage_database_count_strangers(txn, &strangers);
	if (e == OK)
		e = db_commit(&txn);
	db_abort(&txn);
	if (e != OK)
		return e;
	w->dropped = dropped;
	w->report.strangers = strangers;
	return OK;
}

static enum error
read_retention(void *arg, struct store_txn *txn)
{
	unsigned *days = arg;

	*days = store_settings(txn)->usage_retention;
	return OK;
}

struct question {
	const struct login *login;
	bool known;
};

static enum error
ask(void *arg, struct store_txn *txn)
{
	struct question *q = arg;

	return login_usage_is_known(txn, q->login, &q->known);
}

/*
 * is_known - after a failure yes for the rest of the piece: a write transaction is open
 * and must not wait for the policy again
 */
static bool
is_known(void *arg, const struct login *login)
{
	struct daemon *d = arg;
	struct question q = {login, true};

	if (d->usage_writer.doubt || live_store_state(d->store) != LIVE_STORE_GOOD)
		return true;
	if (live_store_read(d->store, ask, &q) == OK)
		return q.known;
	d->usage_writer.doubt = true;
	return true;
}

/*
 * start_prune - once a day. After a gap in recording it waits for a day: a clock far
 * ahead looks like a gap, and would make everything old.
 */
static void
start_prune(struct daemon *d, instant now)
{
	struct usage_writer *w = &d->usage_writer;
	unsigned days;

	if (!w->prune.done || usage_day_of(now) == w->pruned_day ||
	    now - w->since < RECORDING_HOST_GAP_SECONDS ||
	    live_store_state(d->store) != LIVE_STORE_GOOD ||
	    live_store_read(d->store, read_retention, &days) != OK)
		return;
	w->pruned_day = usage_day_of(now);
	usage_prune_start(&w->prune, now, days);
	w->prune.known = is_known;
	w->prune.arg = d;
}

/* prune - a piece at a time, so that nothing waits for a large database */
static enum error
prune(struct daemon *d, instant now)
{
	struct usage_writer *w = &d->usage_writer;
	struct db_txn *txn;
	enum error e;

	start_prune(d, now);
	if (w->prune.done)
		return OK;
	e = db_begin(w->handle.db, true, &txn);
	if (e != OK)
		return e;
	w->doubt = false;
	e = usage_prune_step(txn, &w->prune, PRUNE_VISITS);
	if (e == OK)
		e = db_commit(&txn);
	db_abort(&txn);
	return e;
}

void
usage_writer_close(struct daemon *d)
{
	usage_handle_close(&d->usage_writer.handle);
	d->usage_writer.damaged = false;
}

static enum error
write_all(struct daemon *d, struct heartbeat *h)
{
	enum error e = write_entries(d);

	if (e == OK)
		e = write_signs(d, h);
	return e == OK ? prune(d, h->beat) : e;
}

enum error
usage_writer_write(struct daemon *d, struct heartbeat *h, struct error_text *why)
{
	struct usage_writer *w = &d->usage_writer;
	enum error e;

	if (w->damaged) {
		w->report.failures++;
		return error_set(why, ERR_MEMORY, "cannot start a thread");
	}
	e = usage_handle_open(&w->handle, d->config.state_dir, why);
	if (e == OK) {
		e = write_all(d, h);
		if (e != OK)
			error_set(why, e, "%s/usage/usage.mdb: %s%s",
			    d->config.state_dir, error_string(e),
			    e == ERR_DAMAGED ? "; move it away, and a new one is begun"
					     : "");
	}
	w->damaged = e == ERR_DAMAGED;
	if (e != OK && !w->damaged)
		usage_writer_close(d);
	if (e != OK)
		w->report.failures++;
	else
		w->report.written = h->beat;
	return e;
}
