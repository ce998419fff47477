/* SPDX-License-Identifier: BSD-2-Clause */
/* audit - an entry of the audit log, as a struct and as a stored record */
#pragma once

#include <stdint.h>

#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/crypto/digest.h"
#include "policy/db/db.h"
#include "policy/model/key.h"

#define AUDIT_ACTOR_MAX 100
#define AUDIT_COMMAND_MAX 40
#define AUDIT_NO_UID UINT32_MAX /* the kernel's value for an unset login uid */

enum audit_kind {
	AUDIT_CHANGE = 1, /* of one record, with what it was before and is after */
	AUDIT_SUMMARY,    /* of many at once, by import, snapshot or restore */
	AUDIT_PRUNE,      /* a summary, too: of the entries removed */
	AUDIT_STUB,       /* stands for all entries up to its own, which are gone */
};

/* Who makes changes, and by what. */
struct audit_origin {
	uint32_t uid, login_uid;
	char actor[AUDIT_ACTOR_MAX + 1]; /* a label that was typed, "" for none */
	char command[AUDIT_COMMAND_MAX + 1];
};

/* What AUDIT_SUMMARY and AUDIT_PRUNE tell. */
struct audit_summary {
	/*
	 * The content, as store_content() has it: of an import the records of its file,
	 * of a snapshot or backup all of its policy. AUDIT_PRUNE: the hash of the last
	 * entry that is gone.
	 */
	struct digest content;
	struct digest
	    previous; /* AUDIT_SUMMARY: the policy digest before the changes */
	uint64_t
	    serial; /* of a snapshot; AUDIT_PRUNE: number of the last that is gone */
	uint64_t created, changed, removed;
};

/* So many changes of an import or a snapshot have an entry each, before the summary. */
#define AUDIT_SUMMARY_LISTED 10000

/* Counts a change of a record in S; `at` of BEFORE or AFTER is NULL for none. */
void audit_summary_count(
    struct audit_summary *s, struct bytes before, struct bytes after);

/* The number of changes in S. */
uint64_t audit_summary_total(const struct audit_summary *s);

struct audit_entry {
	uint64_t number; /* the record's key; from 1 */
	enum audit_kind kind;
	instant when;
	instant latest; /* of all times up to this one, as clocks are set back */
	struct audit_origin origin;
	struct bytes object;          /* the key of what was changed; empty for none */
	struct bytes before, after;   /* AUDIT_CHANGE: records; at is NULL for none */
	struct audit_summary summary; /* AUDIT_SUMMARY, AUDIT_PRUNE */
	struct digest policy;         /* the policy digest after the change */
	struct digest hash;
};

/* Bytes of the longest entry: all fields at their limits, and two records. */
#define AUDIT_ENTRY_MAX DB_VALUE_MAX

/*
 * Writes the entry with its hash, which is SHA-256 of the hash of the entry before it
 * (PREVIOUS; zero for the first), of its number, and of all else that it says; the
 * hash is also put into E. A stub keeps the hash it has. ERR_LIMIT; ERR_INTERNAL.
 */
enum error audit_encode(struct audit_entry *e, const struct digest *previous,
    struct hasher *h, struct record_writer *w) MUST_USE;

/*
 * The stub for all entries up to NUMBER, whose hash is HASH. It says nothing else, so
 * that every other byte of it is known.
 */
void audit_stub(struct audit_entry *out, uint64_t number, const struct digest *hash);

/*
 * Reads an entry from a key and a value, from which it borrows. ERR_DAMAGED or
 * ERR_NEWER where it is none of ours. Whether its hash holds is not looked at.
 */
enum error audit_decode(
    struct bytes key, struct bytes value, struct audit_entry *out_r) MUST_USE;

/* The hash that the stored bytes of entry NUMBER should have behind PREVIOUS. */
enum error audit_hash(uint64_t number, struct bytes value,
    const struct digest *previous, struct hasher *h, struct digest *out_r) MUST_USE;
