/* SPDX-License-Identifier: BSD-2-Clause */
/* strangers - how many logins of no tenant the usage database has */
#include "policy/usage/strangers.h"

#define STRANGERS_VERSION 1
#define RECORD_ROOM 16

static const struct key where = {1, {'s'}};

enum error
strangers_count(struct db_txn *txn, uint32_t *count_r)
{
	uint8_t buf[RECORD_ROOM];
	struct record_reader r;
	struct bytes value;
	enum error e = db_get(txn, &where, buf, sizeof buf, &value);

	*count_r = 0;
	if (e != OK || value.at == NULL)
		return e == ERR_LIMIT ? ERR_DAMAGED : e;
	e = record_read_version(&r, value, STRANGERS_VERSION);
	if (e != OK)
		return e;
	*count_r = record_get_u32(&r);
	return record_end(&r);
}

enum error
strangers_change(struct db_txn *txn, int32_t n)
{
	uint8_t buf[RECORD_ROOM];
	struct record_writer w;
	uint32_t count;
	enum error e;

	if (n == 0)
		return OK;
	e = strangers_count(txn, &count);
	if (e != OK)
		return e;
	record_write_start(&w, buf, sizeof buf);
	record_put_u8(&w, STRANGERS_VERSION);
	/* rows that an older version wrote were not counted */
	record_put_u32(&w, n < 0 && count < (uint32_t)-n ? 0 : count + (uint32_t)n);
	return db_put(txn, &where, (struct bytes){buf, w.len});
}
