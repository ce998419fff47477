/* SPDX-License-Identifier: BSD-2-Clause */
/* backup - a compact copy of a policy database, record by record */
#ifndef POLICY_TRANSFER_BACKUP_H
#define POLICY_TRANSFER_BACKUP_H

#include <stdint.h>

#include "policy/base/error.h"
#include "policy/crypto/digest.h"
#include "policy/store/store.h"

/* What a copy has. */
struct backup {
	uint64_t records;     /* of all tables and indexes */
	uint64_t bytes;       /* of the file */
	struct digest policy; /* the policy digest */
	struct digest all;    /* the same of all records but the meta record */
};

/*
 * Copies every record of FROM, a read transaction, into the file PATH, which is missing
 * or empty, and waits until it is on disk. FROM is verified first: one snapshot, in
 * which everything holds, while others may go on writing. Pages are filled; memory is
 * that of some thousand records, however many there are. A copy is only good once
 * backup_verify() says so; the caller removes what is left behind after an error.
 * ERR_DAMAGED (of FROM), ERR_FULL, ERR_IO, and so on, with WHY.
 */
enum error backup_copy(struct store_txn *from, const char *path, struct backup *out_r,
    struct error_text *why) MUST_USE;

/*
 * Reads the copy back: whether the database holds (verify.h), and has exactly the
 * records that B counts; fills in `bytes`. ERR_DAMAGED, ERR_IO, with WHY.
 */
enum error backup_verify(
    const char *path, struct backup *b, struct error_text *why) MUST_USE;

#endif
