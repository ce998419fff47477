/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_writer - writes what the usage_counter has, and the heartbeat, to the usage
 * database */
#include "milter/usage_writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "milter/metrics.h"
#include "milter/usage_counter.h"
#include "policy/usage/login_usage.h"
#include "policy/usage/strangers.h"
#include "policy/usage/usage_database.h"

/* A transaction takes shards until it has so many entries. */
#define BATCH_ENOUGH 256
#define BATCH_MAX (BATCH_ENOUGH + USAGE_COUNTER_SHARD_ENTRIES)

#define PRUNE_VISITS 20000 /* records a writing, some 10 ms */

static struct {
	const struct config *config;
	struct live_store *keeper;
	struct usage_entry *batch;
	uint32_t pruned_day;
	instant since; /* from then on recorded without a gap */
	struct usage_prune prune;
	bool doubt;       /* the policy could not be asked in this piece of it */
	uint64_t dropped; /* not yet in the record of the machine */
	_Atomic uint64_t recorded, dropped_ever, failures, others;
	_Atomic uint32_t strangers;
	_Atomic int64_t written;
} usage_writer = {.written = INSTANT_NONE, .prune.done = true};

enum error
usage_writer_start(const struct config *config, struct live_store *keeper)
{
	usage_writer.config = config;
	usage_writer.keeper = keeper;
	if (!config->usage)
		return OK;
	usage_writer.batch = calloc(BATCH_MAX, sizeof *usage_writer.batch);
	return usage_writer.batch != NULL ? usage_counter_start() : ERR_MEMORY;
}

static uint64_t
submissions_of(const struct usage_entry *entry, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < USAGE_KINDS; k++)
			sum += entry[i].day.count[k];
	return sum;
}

/* add_entry - to the database, and to OTHERS what has no row of its own there */
static enum error
add_entry(struct db_txn *txn, const struct usage_entry *entry, uint64_t *others)
{
	struct usage_entry admitted = *entry; /* the batch may have to go back */
	enum error e = usage_database_admit(txn, &admitted);

	if (e == OK && usage_is_others(&admitted.login))
		*others += submissions_of(&admitted, 1);
	return e == OK ? usage_database_add(txn, &admitted) : e;
}

/* write_batch - N entries in one transaction: all, or none */
static enum error
write_batch(struct db *db, const struct usage_entry *entry, size_t n)
{
	struct db_txn *txn;
	uint64_t others = 0;
	enum error e = db_begin(db, true, &txn);

	if (e != OK)
		return e;
	for (size_t i = 0; i < n && e == OK; i++)
		e = add_entry(txn, &entry[i], &others);
	if (e == OK)
		e = db_commit(&txn);
	if (e == OK)
		atomic_fetch_add(&usage_writer.others, others);
	db_abort(&txn);
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

/* write_entries - shard by shard; after an error what was taken goes back */
static enum error
write_entries(struct db *db)
{
	size_t n = 0;
	enum error e = OK;

	for (unsigned i = 0; i < USAGE_COUNTER_SHARDS && e == OK; i++) {
		n += usage_counter_drain(i, usage_writer.batch + n);
		if (n == 0 || (n < BATCH_ENOUGH && i + 1 < USAGE_COUNTER_SHARDS))
			continue;
		e = write_batch(db, usage_writer.batch, n);
		if (e == OK)
			atomic_fetch_add(&usage_writer.recorded,
			    submissions_of(usage_writer.batch, n));
		else
			usage_counter_restore(usage_writer.batch, n);
		n = 0;
	}
	return e;
}

/* take_dropped - what the record of the machine does not know of yet */
static void
take_dropped(void)
{
	uint64_t n = usage_counter_take_dropped();

	usage_writer.dropped += n;
	atomic_fetch_add(&usage_writer.dropped_ever, n);
}

/* put_node - that all is written up to now */
static enum error
put_node(struct db_txn *txn, instant now)
{
	struct usage_node node;
	enum error e = usage_database_get_node(txn, &node);

	if (e == ERR_NOTFOUND)
		e = recording_host_init(&node, now);
	if (e != OK)
		return e;
	recording_host_touch(
	    &node, now, usage_writer.config->usage, usage_writer.dropped);
	usage_writer.since = node.since;
	return usage_database_put_node(txn, &node);
}

static void
fill_counters(struct heartbeat *h)
{
	struct usage_writer_report r = usage_writer_report();

	metrics_totals(&h->counters);
	h->counters.usage_on = r.on;
	h->counters.usage_recorded = r.recorded;
	h->counters.usage_dropped = r.dropped;
}

/* write_signs - the heartbeat and the record of the machine, in one transaction */
static enum error
write_signs(struct db *db, struct heartbeat *h)
{
	struct db_txn *txn;
	uint32_t strangers;
	enum error e = db_begin(db, true, &txn);

	if (e != OK)
		return e;
	h->beat = instant_now();
	take_dropped();
	fill_counters(h);
	e = heartbeat_put(txn, h);
	if (e == OK)
		e = put_node(txn, h->beat);
	if (e == OK)
		e = strangers_count(txn, &strangers);
	if (e != OK) {
		db_abort(&txn);
		return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
	}
	e = db_commit(&txn);
	if (e != OK)
		return e;
	usage_writer.dropped = 0;
	atomic_store(&usage_writer.strangers, strangers);
	return OK;
}

static enum error
read_retention(void *arg, struct store_txn *txn)
{
	unsigned *days = arg;

	*days = store_settings(txn)->usage_retention;
	return OK;
}

/* A login, and whether a tenant owns it. */
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
 * is_known - yes in doubt, and then for all that follow in this piece: the database is
 * being written, and the policy may be waited for
 */
static bool
is_known(void *arg, const struct login *login)
{
	struct question q = {login, true};

	(void)arg;
	if (usage_writer.doubt || live_store_state(usage_writer.keeper) != KEEPER_GOOD)
		return true;
	if (live_store_read(usage_writer.keeper, ask, &q) == OK)
		return q.known;
	usage_writer.doubt = true;
	return true;
}

/*
 * start_prune - once a day; how long things are kept is a setting of the policy. After
 * a gap it waits for a day: a clock that is far ahead looks like one, and would make
 * everything old.
 */
static void
start_prune(instant now)
{
	unsigned days;

	if (!usage_writer.prune.done || usage_day_of(now) == usage_writer.pruned_day ||
	    now - usage_writer.since < NODE_GAP_SECONDS ||
	    live_store_state(usage_writer.keeper) != KEEPER_GOOD ||
	    live_store_read(usage_writer.keeper, read_retention, &days) != OK)
		return;
	usage_writer.pruned_day = usage_day_of(now);
	usage_prune_start(&usage_writer.prune, now, days);
	usage_writer.prune.known = is_known;
}

/* prune - a piece each time, so that nothing has to wait for a large database */
static enum error
prune(struct db *db, instant now)
{
	struct db_txn *txn;
	enum error e;

	start_prune(now);
	if (usage_writer.prune.done)
		return OK;
	e = db_begin(db, true, &txn);
	if (e != OK)
		return e;
	usage_writer.doubt = false;
	e = usage_prune_step(txn, &usage_writer.prune, PRUNE_VISITS);
	if (e == OK)
		return db_commit(&txn);
	db_abort(&txn);
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

/* One writing. */
struct writing {
	struct heartbeat *heartbeat;
	struct error_text *why;
	struct db *db;
	enum error error;
};

static void *
write_all(void *arg)
{
	struct writing *w = arg;
	const char *dir = usage_writer.config->state_dir;

	w->error = usage_database_open(&w->db, dir, true, w->why);
	if (w->error != OK)
		return NULL;
	w->error = usage_writer.config->usage ? write_entries(w->db) : OK;
	if (w->error == OK)
		w->error = write_signs(w->db, w->heartbeat);
	if (w->error == OK)
		w->error = prune(w->db, w->heartbeat->beat);
	if (w->error != OK)
		error_set(w->why, w->error, "%s/usage/usage.mdb: %s%s", dir,
		    error_string(w->error),
		    w->error == ERR_DAMAGED ? "; move it away, and a new one is begun"
					    : "");
	return NULL;
}

/*
 * usage_writer_write - in a thread of its own: where damage has trapped it in the
 * middle of a transaction, LMDB's lock is given up by the end of the thread, and only
 * then may the database be closed (see db.h).
 */
enum error
usage_writer_write(struct heartbeat *h, struct error_text *why)
{
	struct writing w = {.heartbeat = h, .why = why};
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_all, &w) != 0)
		w.error = error_set(why, ERR_MEMORY, "cannot start a thread");
	else
		pthread_join(thread, NULL);
	db_close(&w.db);
	if (w.error != OK) {
		take_dropped();
		atomic_fetch_add(&usage_writer.failures, 1);
	} else {
		atomic_store(&usage_writer.written, h->beat);
	}
	return w.error;
}

struct usage_writer_report
usage_writer_report(void)
{
	return (struct usage_writer_report){
	    .on = usage_writer.config != NULL && usage_writer.config->usage,
	    .recorded = atomic_load(&usage_writer.recorded),
	    .dropped = atomic_load(&usage_writer.dropped_ever),
	    .failures = atomic_load(&usage_writer.failures),
	    .others = atomic_load(&usage_writer.others),
	    .strangers = atomic_load(&usage_writer.strangers),
	    .waiting = usage_counter_entries(),
	    .written = atomic_load(&usage_writer.written),
	};
}
