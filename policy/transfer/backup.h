/* SPDX-License-Identifier: BSD-2-Clause */
/* backup - a compact copy of a policy database, record by record */
#pragma once

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
 * Verifies FROM, a read transaction, and copies its records into the file PATH, which
 * is missing or empty (FD: open already, or 0), and to disk, while others may write.
 * Pages are filled; memory is that of some thousand records. A copy is good once
 * backup_verify() says so; after an error the caller removes it. ERR_DAMAGED (of FROM),
 * ERR_FULL, ERR_IO, ... with WHY.
 */
enum error backup_copy(struct store_txn *from, const char *path, int fd,
    struct backup *out_r, struct error_text *why) MUST_USE;

/* Verifies that copy and compares its records with B; fills in `bytes`. With WHY. */
enum error backup_verify(
    const char *path, int fd, struct backup *b, struct error_text *why) MUST_USE;
