/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_table - the notices as the database has them: one a tenant, the last one */
#pragma once

#include "policy/model/notice.h"
#include "policy/store/store.h"

/* The notice of TENANT (its name in lower case). */
enum error notice_table_get(struct store_txn *txn, const char *tenant,
    struct notice *out_r, bool *found_r) MUST_USE;

/* Stores the notice in the place of the tenant's last one. The digest stays. */
enum error notice_table_put(
    struct store_txn *txn, const char *tenant, const struct notice *n) MUST_USE;

/* Forgets it, or ERR_NOTFOUND. */
enum error notice_table_remove(struct store_txn *txn, const char *tenant) MUST_USE;
