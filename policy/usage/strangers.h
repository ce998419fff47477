/* SPDX-License-Identifier: BSD-2-Clause */
/* strangers - how many logins of no tenant the usage database has */
#ifndef POLICY_USAGE_STRANGERS_H
#define POLICY_USAGE_STRANGERS_H

#include <stdint.h>

#include "policy/base/error.h"
#include "policy/db/db.h"

/*
 * A login that no tenant owns can be made up, where the MTA takes any spelling. So the
 * database has no more than so many rows of them; what the others do is counted in one
 * row, that of usage_others(). A login of a tenant always has its row.
 */
#define USAGE_STRANGERS_MAX 20000

/* The number of rows whose `stranger` is set. */
enum error strangers_count(struct db_txn *txn, uint32_t *count_r) MUST_USE;

/* The number once N rows more, or less than before, have it set. */
enum error strangers_change(struct db_txn *txn, int32_t n) MUST_USE;

#endif
