/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl - one run of smtpauthctl: what a command works with */
#ifndef POLICY_CTL_FRAME_CTL_H
#define POLICY_CTL_FRAME_CTL_H

#include <stdio.h>

#include "policy/audit/audit_table.h"
#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/ctl/frame/options.h"
#include "policy/ctl/frame/print.h"
#include "policy/store/store.h"

/*
 * Commands return an error with its line in `why`; main prints it and maps it to the
 * exit status. What a command with a store prints to `out` and `err` is held back until
 * its transaction has ended, so that nobody who reads slowly holds up others, and may
 * be dropped and said anew; of an error `out` is shown only if `tells` is set. A
 * command may commit by itself (audit_origin_commit()), where something has to follow.
 */
struct ctl {
	struct options options;
	const struct command *command; /* the one that runs */
	const char *dir;
	struct store *store; /* NULL for commands that need none */
	struct store_txn *txn;
	struct audit_log log;        /* of what TXN changes, where it may */
	struct usage_sources *usage; /* see usage_sources.h; NULL: not read */
	FILE *in;                    /* what it reads, of a command that reads a file */
	FILE *out;                   /* what it says */
	struct printer print;        /* the same, object by object */
	FILE *err;                   /* for print_remark() */
	bool tells; /* what is in `out` holds, though the command fails */
	instant now;
	bool spared; /* it was overtaken before: writers are to wait a little */
	int status;  /* exit status of a success other than 0 */
	struct error_text why;
};

/*
 * What a command runs in; --dry-run makes a write a read. NEED_TRIAL is for commands
 * that find out what would change by changing it: with --dry-run they run in a write
 * transaction as without, which is dropped. With NEED_LATER the command calls
 * transaction_begin() itself when all is prepared, so that others need not wait for it:
 * the usage, for one, is read before (see as_usage_user.h).
 */
enum {
	NEED_NOTHING = 0,
	NEED_STORE = 1,
	NEED_TXN = 2,
	NEED_TURN = 4, /* among the writers */
	NEED_TURN_ALWAYS = 8,
	NEED_LATER = 16,
	NEED_READ = NEED_STORE | NEED_TXN,
	NEED_WRITE = NEED_READ | NEED_TURN,
	NEED_TRIAL = NEED_WRITE | NEED_TURN_ALWAYS,
};

typedef enum error command_run(struct ctl *c);

/* One command: dispatch, number of words, options and help are all in its row. */
struct command {
	const char *name; /* "tenant add" */
	const char *args; /* "NAME", "" for none, in brackets what may be left out */
	uint64_t options; /* a set of OPTION() */
	unsigned needs;   /* of NEED_... */
	command_run *run;
	const char *help;
};

/* Row I of the table, or NULL past the end. */
const struct command *commands_at(size_t i);

/*
 * The command with the longest name that O's words begin with; they lose it. ERR_USAGE,
 * with WHY, where there is none, or with words or options that it does not take.
 */
enum error commands_find(struct options *o, const struct command **command_r,
    struct error_text *why) MUST_USE;

/* ERR_USAGE: the line for words that are no command. */
enum error commands_unknown(const struct options *o, struct error_text *why) MUST_USE;

/* The commands; each in a file of its noun. */
command_run ctl_init, ctl_settings_show, ctl_settings_set, ctl_settings_unset,
    ctl_settings_add, ctl_settings_remove, ctl_tenant_add, ctl_tenant_set,
    ctl_tenant_show, ctl_tenant_list, ctl_tenant_remove, ctl_tenant_lock,
    ctl_tenant_unlock, ctl_domain_add, ctl_domain_move, ctl_domain_remove,
    ctl_domain_list, ctl_mailbox_set, ctl_mailbox_show, ctl_mailbox_list,
    ctl_mailbox_remove, ctl_mailbox_lock, ctl_mailbox_unlock, ctl_alias_add,
    ctl_alias_remove, ctl_alias_list, ctl_lock, ctl_unlock, ctl_locks, ctl_import,
    ctl_export, ctl_check, ctl_status, ctl_snapshot_create, ctl_snapshot_apply,
    ctl_snapshot_show, ctl_doctor, ctl_verify, ctl_audit_list, ctl_audit_verify,
    ctl_audit_prune, ctl_backup, ctl_restore, ctl_usage_list, ctl_usage_tenants,
    ctl_usage_export, ctl_usage_prune, ctl_rollout_plan, ctl_rollout_disable_unused,
    ctl_rollout_grant, ctl_rollout_notify, ctl_rollout_status, ctl_exchange, ctl_cmdlet;

#endif
