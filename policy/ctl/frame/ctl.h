/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl - one run of smtpauthctl: what a command works with */
#pragma once

#include <stdio.h>

#include "policy/audit/audit_table.h"
#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/ctl/frame/options.h"
#include "policy/ctl/frame/print.h"
#include "policy/store/store.h"

/*
 * A command returns an error with its line in `why`; main prints the line and maps the
 * error to an exit status. What a command with a store prints to `out` and `err` is
 * held until its transaction has ended, so that a slow reader does not hold up others,
 * and is dropped if the command has to run again. After an error `out` is printed only
 * if `tells` is set. A command that has work to do after the commit commits itself,
 * with audit_origin_commit().
 */
struct ctl {
	struct options options;
	const struct command *command;
	const char *dir;
	struct store *store; /* NULL for a command without one */
	struct store_txn *txn;
	struct audit_log log;        /* for the changes of TXN */
	struct usage_sources *usage; /* see usage_sources.h; NULL: not read */
	FILE *in;                    /* the input of a command that reads a file */
	FILE *out;                   /* its output */
	struct printer print;        /* writes to `out` */
	FILE *err;                   /* for print_remark() */
	bool tells;                  /* `out` is true although the command fails */
	instant now;
	bool hurried; /* it can do without the usage, see as_usage_user.h */
	bool spared;  /* commits have overtaken it before: writers wait a little */
	int status;   /* the exit status of a success */
	struct error_text why;
};

/*
 * What a command runs in. With --dry-run, NEED_WRITE is a reader; NEED_TRIAL, for
 * commands that find out what would change by changing it, is a writer whose
 * transaction is dropped. With NEED_LATER the command calls transaction_begin() itself
 * once all is prepared, so that others need not wait for it: it reads the usage before,
 * for one (see as_usage_user.h).
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

/* A row of the command table: all that is known of one command. */
struct command {
	const char *name; /* "tenant add" */
	const char *args; /* "NAME", "" for none, "[NAME]" for an optional one */
	uint64_t options; /* a set of OPTION() */
	unsigned needs;   /* of NEED_... */
	command_run *run;
	const char *help;
};

/* The commands; each in a file of its noun. */
command_run ctl_init, ctl_settings_show, ctl_settings_set, ctl_settings_unset,
    ctl_settings_add, ctl_settings_remove, ctl_tenant_add, ctl_tenant_set,
    ctl_tenant_show, ctl_tenant_list, ctl_tenant_rename, ctl_tenant_remove,
    ctl_tenant_lock, ctl_tenant_unlock, ctl_domain_add, ctl_domain_move,
    ctl_domain_remove, ctl_domain_list, ctl_mailbox_set, ctl_mailbox_show,
    ctl_mailbox_list, ctl_mailbox_remove, ctl_mailbox_rename, ctl_mailbox_prune,
    ctl_mailbox_lock, ctl_mailbox_unlock, ctl_alias_add, ctl_alias_remove,
    ctl_alias_list, ctl_lock, ctl_unlock, ctl_locks, ctl_import, ctl_export, ctl_check,
    ctl_status, ctl_snapshot_create, ctl_snapshot_apply, ctl_snapshot_show, ctl_doctor,
    ctl_verify, ctl_audit_list, ctl_audit_show, ctl_audit_undo, ctl_audit_verify,
    ctl_audit_prune, ctl_backup, ctl_restore, ctl_usage_list, ctl_usage_tenants,
    ctl_usage_export, ctl_usage_prune, ctl_rollout_plan, ctl_rollout_disable_unused,
    ctl_rollout_grant, ctl_rollout_notify, ctl_rollout_status, ctl_exchange, ctl_cmdlet,
    ctl_why;
