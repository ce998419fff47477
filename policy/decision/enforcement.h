/* SPDX-License-Identifier: BSD-2-Clause */
/* enforcement - how many tenants are denied at present, and how many only seem to be */
#pragma once

#include <stdint.h>

#include "policy/base/instant.h"
#include "policy/base/text.h"
#include "policy/store/store.h"

/* Tenants, each counted once, in the order in which a cause comes first. */
struct enforcement {
	uint64_t walked;    /* all of them */
	uint64_t enabled;   /* smtp-auth is enabled */
	uint64_t scheduled; /* enforce-from is still to come */
	uint64_t reported;  /* the action is report, or enforce is no */
	uint64_t denied;    /* the rest */
};

/* Walks through all tenants. Errors as tenant_table_each(). */
enum error enforcement_count(
    struct store_txn *txn, instant now, struct enforcement *out_r) MUST_USE;

#define ENFORCEMENT_TEXT_MAX 200

/* One line: "enforcing: 3 of 5 tenants denied, 1 reported only, ...", or DRY RUN. */
void enforcement_describe(
    const struct settings *s, const struct enforcement *n, struct text *out);
