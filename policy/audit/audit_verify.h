/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_verify - whether the audit log is the one that was written */
#pragma once

#include <stdint.h>

#include "policy/audit/audit.h"
#include "policy/store/store.h"

enum audit_problem {
	AUDIT_ALTERED,    /* an entry's hash does not hold */
	AUDIT_UNREADABLE, /* a record of the log that is no entry */
	AUDIT_MISSING,    /* entries in front of another one */
	AUDIT_CUT,        /* entries at the end */
	AUDIT_BEHIND,     /* entries behind the last that the meta record counts */
	AUDIT_HEAD,       /* the meta record's head is not the last entry's hash */
	AUDIT_PRUNED,     /* stub and prune entry do not fit */
	AUDIT_POLICY,     /* the policy was changed, and the log does not say so */
	AUDIT_NO_HEAD,    /* the head asked for is no entry's */
	AUDIT_DAMAGE,     /* the database itself */
};

struct audit_finding {
	enum audit_problem problem;
	uint64_t number;                 /* the entry it is about */
	const struct audit_entry *entry; /* it, as far as it can be read, or NULL */
	struct error_text text;          /* what is wrong, for a person */
};

struct audit_account {
	uint64_t entries;     /* read, without a stub */
	uint64_t first, last; /* their numbers; 0 where there are none */
	uint64_t pruned;      /* the number of the stub; 0 where there is none */
	uint64_t findings;
	uint64_t head_number; /* the entry that has the head asked for; 0: none */
	instant head_when;    /* INSTANT_NONE for the stub */
};

/*
 * Reads the whole log and calls FOUND for whatever does not hold: altered, missing,
 * inserted or moved entries, each by itself. With HEAD (else NULL), also if that is the
 * hash of no entry: nothing else shows a tail that was cut off, or a log that was
 * rewritten together with the meta record. OK at the end of the log, whatever was
 * found, and at damage, which is a finding; else ERR_MEMORY or ERR_INTERNAL. Needs no
 * memory for entries.
 *
 * It also finds a change of the policy that has no entry: each entry has the policy
 * digest after its change, which is the one before it with the record exchanged; a
 * summary also has the one before it.
 */
enum error audit_verify(struct store_txn *txn, const struct digest *head,
    void (*found)(void *arg, const struct audit_finding *f), void *arg,
    struct audit_account *out_r) MUST_USE;

/* A word for programs, as "altered". */
const char *audit_verify_problem_name(enum audit_problem problem);
