/* SPDX-License-Identifier: BSD-2-Clause */
/* stored_settings - the settings as one snapshot of the database has them */
#ifndef POLICY_STORE_STORED_SETTINGS_H
#define POLICY_STORE_STORED_SETTINGS_H

#include "policy/db/db.h"
#include "policy/model/settings.h"

/* The stored text of one setting; none is found where it stands at its default. */
enum error stored_settings_get(struct db_txn *txn, const struct setting *setting,
    char *out, size_t cap, bool *found_r) MUST_USE;

/* All settings: the stored ones, the others at their defaults. */
enum error stored_settings_load(struct db_txn *txn, struct settings *out_r) MUST_USE;

#endif
