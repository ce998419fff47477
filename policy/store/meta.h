/* SPDX-License-Identifier: BSD-2-Clause */
/* meta - the record that every transaction reads first */
#pragma once

#include <stdint.h>

#include "policy/base/error.h"
#include "policy/crypto/digest.h"
#include "policy/db/db.h"

/*
 * In a file that has no meta record, or whose pages are damaged, every other look-up
 * would find nothing; so this one comes first.
 */
struct store_meta {
	uint8_t id[16];  /* random, made by init: another one is another database */
	uint64_t commit; /* number of the transaction that wrote this record */
	struct digest digest;
	struct digest local; /* of what is of this machine only: the locks made here */
	uint64_t tenants, domains, mailboxes, aliases, locks;
	uint64_t audit_count;     /* entries of the audit log ever made */
	struct digest audit_head; /* hash of the last one; zero where there is none */
	uint64_t serial;        /* of the last snapshot made or applied here; 0: none */
	struct digest snapshot; /* the policy digest of that one */
};

/* The counter of KEY's table, and the digest that it counts into; NULL for none. */
uint64_t *meta_count(struct store_meta *m, struct bytes key);
struct digest *meta_digest(struct store_meta *m, struct bytes key);

/* ERR_FORMAT where there is none, ERR_NEWER or ERR_OLDER for another version's. */
enum error meta_read(struct db_txn *db, struct store_meta *m) MUST_USE;
/* Writes M with the number of the transaction DB as its commit. */
enum error meta_write(struct db_txn *db, const struct store_meta *m) MUST_USE;
