/* SPDX-License-Identifier: BSD-2-Clause */
/* restore - the policy of a backup, back into the live database or in its place */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/audit/audit_table.h"
#include "policy/store/store.h"

/* The database that is replaced stays under this name, until the next is. */
#define RESTORE_KEPT STORE_DATA ".damaged"

enum restore_way {
	RESTORE_NOTHING, /* the live policy is that of the backup */
	RESTORE_POLICY,  /* one transaction in the live database */
	RESTORE_FILE,    /* the live database was replaced */
};

/* What restore_run() has done. */
struct restore {
	enum restore_way way;
	struct audit_summary changes; /* RESTORE_POLICY */
	struct error_text cause;      /* RESTORE_FILE: what was wrong */
	bool kept;                    /* RESTORE_FILE: there is a RESTORE_KEPT */
	uint64_t locks;  /* in force here or in the backup, and put in as made here */
	bool locks_lost; /* RESTORE_FILE: those of the old file could not all be read */
	struct store_meta meta; /* as it is now */
};

/*
 * Makes the policy of the state folder DIR that of FROM, a transaction of a verified
 * backup. Creates DIR if it is missing, and takes the writers' turn (ERR_BUSY after
 * 10 s). If the live database holds, its policy is replaced in one transaction, with
 * one AUDIT_SUMMARY by LOG; audit log and notices go on, and the higher serial counts.
 * If it is damaged, no policy database, of an older version, or missing, a copy of the
 * backup gets the same entry after its own audit log, is verified, and put in place;
 * the daemon goes on with it within some seconds.
 *
 * Either way no lock ends that is in force in the live database or in the backup: what
 * would be missing is put in as a lock made here. An empty backup is ERR_PROTECTED,
 * unless FORCE, or the live policy is empty, too, or DIR has never had one. ERR_NEWER:
 * a newer version's database is left alone. After an error, with WHY, nothing is
 * changed.
 */
enum error restore_run(const char *dir, struct store_txn *from, bool force,
    const struct audit_log *log, struct restore *out_r,
    struct error_text *why) MUST_USE;
