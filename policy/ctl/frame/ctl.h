/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl - one run of smtpauthctl: what a command works with */
#ifndef POLICY_CTL_FRAME_CTL_H
#define POLICY_CTL_FRAME_CTL_H

#include <stdio.h>

#include "policy/audit/audit_table.h"
#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/ctl/frame/options.h"
#include "policy/identity/login.h"
#include "policy/model/tenant.h"
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
	FILE *out;                   /* what it says; see below */
	FILE *err;                   /* remarks; see remark.h */
	bool tells; /* what is in `out` holds, though the command fails */
	instant now;
	bool spared; /* it was overtaken before: writers are to wait a little */
	int status;  /* exit status of a success other than 0 */
	struct error_text why;
};

/*
 * What a command runs in. --dry-run makes NEED_WRITE a NEED_READ; NEED_TRIAL is for
 * commands that find out what would change by changing it: with --dry-run they run in a
 * write transaction as without, which is dropped. With _LATER the command calls
 * transaction_begin() itself when all is prepared, so that others need not wait for it:
 * the usage, for one, is read before (see as_usage_user.h).
 */
enum need {
	NEED_NOTHING,
	NEED_STORE,
	NEED_READ,
	NEED_READ_LATER,
	NEED_WRITE,
	NEED_WRITE_LATER,
	NEED_TRIAL,
	NEED_TRIAL_LATER,
};

/* One command: dispatch, number of words, options and help are all in its row. */
struct command {
	const char *name; /* "tenant add" */
	const char *args; /* "NAME", "" for none, in brackets what may be left out */
	uint64_t options; /* a set of OPTION() */
	enum need need;
	enum error (*run)(struct ctl *c);
	const char *help;
};

/* Row I of the table, or NULL past the end. */
const struct command *command_at(size_t i);

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

/* The command's word I behind its name, and the value of an option (or NULL). */
const char *ctl_word(const struct ctl *c, size_t i);
const char *ctl_option(const struct ctl *c, enum option_id id);

/*
 * ERR_DAMAGED unless a list of a whole table met as many records as the meta record
 * counts: a damaged page can look like the end.
 */
enum error ctl_walked(struct ctl *c, uint64_t walked, uint64_t counted) MUST_USE;

/* Readers of typed values; the error names the word. */

/* TIME or "none", which gives INSTANT_NONE. */
enum error ctl_time(
    struct ctl *c, enum option_id id, enum instant_date date, instant *out_r) MUST_USE;
/* The same, but a time in the past is bad data. */
enum error ctl_future_time(struct ctl *c, enum option_id id, instant *out_r) MUST_USE;
/*
 * A time that has come: as above, the start of a day, or a span that counts back from
 * now, as 7d. ERR_DATA for one in the future.
 */
enum error ctl_past_time(struct ctl *c, enum option_id id, instant *out_r) MUST_USE;
/* A line of at most MAX bytes into OUT (MAX + 1 bytes); "" clears. */
enum error ctl_line(struct ctl *c, enum option_id id, size_t max, char *out) MUST_USE;
/* A login as typed, in normal form. */
enum error ctl_login(struct ctl *c, const char *typed, struct login *out_r) MUST_USE;
/* A mailbox's address in normal form, default-domain applied, whoever's it is. */
enum error ctl_address(struct ctl *c, const char *typed, struct login *out_r) MUST_USE;
/* ... of one whose domain has a tenant, and not an alias. */
enum error ctl_mailbox(struct ctl *c, const char *typed, struct login *out_r) MUST_USE;
/* The tenant of that name; ERR_NOTFOUND with its line. */
enum error ctl_tenant(struct ctl *c, const char *typed, struct tenant *out_r) MUST_USE;

#endif
