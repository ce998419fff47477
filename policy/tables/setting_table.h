/* SPDX-License-Identifier: BSD-2-Clause */
/* setting_table - the settings as the database has them */
#pragma once

#include "policy/model/settings.h"
#include "policy/store/store.h"

/*
 * Stores VALUE in its canonical form; ERR_DATA with WHY, and ERR_CONFLICT for login
 * separators that a login alias stands in the way of.
 */
enum error setting_table_set(struct store_txn *txn, const struct setting *setting,
    const char *value, struct error_text *why) MUST_USE;

/* Back to the default; ERR_NOTFOUND where it stands there already. */
enum error setting_table_unset(
    struct store_txn *txn, const struct setting *setting) MUST_USE;

/* Adds one item to a list, or takes one out (ERR_NOTFOUND where it is not in it). */
enum error setting_table_add(struct store_txn *txn, const struct setting *setting,
    const char *item, struct error_text *why) MUST_USE;
enum error setting_table_remove(struct store_txn *txn, const struct setting *setting,
    const char *item, struct error_text *why) MUST_USE;
