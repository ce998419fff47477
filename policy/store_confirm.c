/* SPDX-License-Identifier: BSD-2-Clause */
/* store_confirm - whether what was read is what commits have written, and nothing else
 */
#include <string.h>

#include "policy/store_parts.h"
#include "policy/writers.h"

/* is_known - whether the file, written when WRITTEN_R says, is as its commit left it */
static enum error
is_known(struct store_txn *txn, struct timespec *written_r, bool *known_r)
{
	enum error e = db_written(txn->db, written_r);

	*known_r = e == OK &&
	    writing_is_known(&txn->store->writing, store_txn_id(txn), *written_r);
	return e;
}

/*
 * check_writing - what was read may have been written by something else than a commit.
 * Writers say when they are at work; one that has just ended has left the next commit
 * behind. In this order, or one could end in between.
 */
static enum error
check_writing(struct store_txn *txn, struct timespec *written_r)
{
	bool known;
	size_t lag = 0;
	enum error e = is_known(txn, written_r, &known);

	if (e != OK || known || writers_at_work(txn->store->writers_fd))
		return e;
	e = db_lag(txn->db, &lag);
	if (e == OK && lag == 0)
		return ERR_REPLACED;
	return e == OK && lag > 1 && txn->brief ? ERR_STALE : e;
}

enum error
store_trust(struct store_txn *txn)
{
	struct timespec written;
	enum error e = check_writing(txn, &written);

	if (e == OK)
		writing_trust(&txn->store->writing, store_txn_id(txn), written);
	return e;
}

enum error
store_was_written(struct store_txn *txn, bool *foreign_r)
{
	struct timespec written;
	enum error e = is_known(txn, &written, foreign_r);

	*foreign_r = !*foreign_r;
	return e;
}

/* check_same - by a look-up: whether the snapshot has the meta record it began with */
static enum error
check_same(struct store_txn *txn)
{
	struct store_meta now;
	enum error e = db_check(txn->db);

	if (e == OK)
		e = meta_read(txn->db, &now);
	if (e != OK)
		return e;
	return memcmp(now.id, txn->meta.id, sizeof now.id) == 0 &&
		memcmp(&now.digest, &txn->meta.digest, sizeof now.digest) == 0
	    ? OK
	    : ERR_REPLACED;
}

enum error
store_confirm(struct store_txn *txn)
{
	struct timespec written;
	enum error e;

	if (txn->store->mode == STORE_WRITE)
		return OK; /* it changes the record itself, and holds the writers' lock
			    */
	e = db_pin_holds(txn->db);
	if (e == ERR_NOTFOUND)
		e = check_same(txn);
	return e == OK ? check_writing(txn, &written) : e;
}
