/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h - a small policy in a database that nobody else sees. */
#pragma once

#include "policy/import/row.h"
#include "policy/store/store.h"

#include <stdio.h>

#define POLICY_NOW INT64_C(1800000000)

/* A write transaction on the policy as it always is; store_abort() it. */
struct store_txn *policy_begin(void);

/* Stores a disabled tenant with a domain, and a text for its replies ("": none). */
void policy_put_tenant(
    struct store_txn *txn, const char *name, const char *domain, const char *reply);

/* Where the rows of a file come from: as csv_rows_next(), one after the other. */
struct policy_rows {
	enum error (*next)(
	    void *reader, struct row *row, bool *found_r, struct error_text *why);
	void *reader;
};

/* Whether a row is what every reader of one relies on. */
void policy_expect_row(const struct row *row);

/*
 * Puts the rows into the policy, in a transaction that is aborted; returns how many
 * there were. What it expects: errors are of rows, lines ascend, a policy that was
 * imported without an error holds.
 */
size_t policy_import(const struct policy_rows *rows);
