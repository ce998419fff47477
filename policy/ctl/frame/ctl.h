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

/* One command: dispatch, number of words, options and help are all in its row. */
struct command {
	const char *name; /* "tenant add" */
	const char *args; /* "NAME", "" for none, in brackets what may be left out */
	uint64_t options; /* a set of OPTION() */
	unsigned needs;   /* of NEED_... */
	enum error (*run)(struct ctl *c);
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

enum error ctl_init(struct ctl *c) MUST_USE;
enum error ctl_settings_show(struct ctl *c) MUST_USE;
enum error ctl_settings_set(struct ctl *c) MUST_USE;
enum error ctl_settings_unset(struct ctl *c) MUST_USE;
enum error ctl_settings_add(struct ctl *c) MUST_USE;
enum error ctl_settings_remove(struct ctl *c) MUST_USE;
enum error ctl_tenant_add(struct ctl *c) MUST_USE;
enum error ctl_tenant_set(struct ctl *c) MUST_USE;
enum error ctl_tenant_show(struct ctl *c) MUST_USE;
enum error ctl_tenant_list(struct ctl *c) MUST_USE;
enum error ctl_tenant_remove(struct ctl *c) MUST_USE;
enum error ctl_tenant_lock(struct ctl *c) MUST_USE;
enum error ctl_tenant_unlock(struct ctl *c) MUST_USE;
enum error ctl_domain_add(struct ctl *c) MUST_USE;
enum error ctl_domain_move(struct ctl *c) MUST_USE;
enum error ctl_domain_remove(struct ctl *c) MUST_USE;
enum error ctl_domain_list(struct ctl *c) MUST_USE;
enum error ctl_mailbox_set(struct ctl *c) MUST_USE;
enum error ctl_mailbox_show(struct ctl *c) MUST_USE;
enum error ctl_mailbox_list(struct ctl *c) MUST_USE;
enum error ctl_mailbox_remove(struct ctl *c) MUST_USE;
enum error ctl_mailbox_lock(struct ctl *c) MUST_USE;
enum error ctl_mailbox_unlock(struct ctl *c) MUST_USE;
enum error ctl_alias_add(struct ctl *c) MUST_USE;
enum error ctl_alias_remove(struct ctl *c) MUST_USE;
enum error ctl_alias_list(struct ctl *c) MUST_USE;
enum error ctl_lock(struct ctl *c) MUST_USE;
enum error ctl_unlock(struct ctl *c) MUST_USE;
enum error ctl_locks(struct ctl *c) MUST_USE;
enum error ctl_import(struct ctl *c) MUST_USE;
enum error ctl_export(struct ctl *c) MUST_USE;
enum error ctl_check(struct ctl *c) MUST_USE;
enum error ctl_status(struct ctl *c) MUST_USE;
enum error ctl_snapshot_create(struct ctl *c) MUST_USE;
enum error ctl_snapshot_apply(struct ctl *c) MUST_USE;
enum error ctl_snapshot_show(struct ctl *c) MUST_USE;
enum error ctl_doctor(struct ctl *c) MUST_USE;
enum error ctl_verify(struct ctl *c) MUST_USE;
enum error ctl_audit_list(struct ctl *c) MUST_USE;
enum error ctl_audit_verify(struct ctl *c) MUST_USE;
enum error ctl_audit_prune(struct ctl *c) MUST_USE;
enum error ctl_backup(struct ctl *c) MUST_USE;
enum error ctl_restore(struct ctl *c) MUST_USE;
enum error ctl_usage_list(struct ctl *c) MUST_USE;
enum error ctl_usage_tenants(struct ctl *c) MUST_USE;
enum error ctl_usage_export(struct ctl *c) MUST_USE;
enum error ctl_usage_prune(struct ctl *c) MUST_USE;
enum error ctl_rollout_plan(struct ctl *c) MUST_USE;
enum error ctl_rollout_disable_unused(struct ctl *c) MUST_USE;
enum error ctl_rollout_grant(struct ctl *c) MUST_USE;
enum error ctl_rollout_notify(struct ctl *c) MUST_USE;
enum error ctl_rollout_status(struct ctl *c) MUST_USE;
enum error ctl_exchange(struct ctl *c) MUST_USE;
enum error ctl_get_transport_config(struct ctl *c) MUST_USE;
enum error ctl_set_transport_config(struct ctl *c) MUST_USE;
enum error ctl_get_cas_mailbox(struct ctl *c) MUST_USE;
enum error ctl_set_cas_mailbox(struct ctl *c) MUST_USE;

#endif
