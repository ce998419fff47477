/* SPDX-License-Identifier: BSD-2-Clause */
/* commands - the table of commands */
#include "policy/ctl/ctl.h"

#define TENANT_OPTIONS \
	(OPTION(OPT_SMTP_AUTH) | OPTION(OPT_ACTION) | OPTION(OPT_BLOCKS) | \
	    OPTION(OPT_ENFORCE_FROM) | OPTION(OPT_TEMPFAIL_UNTIL) | \
	    OPTION(OPT_CONTACT) | OPTION(OPT_REPLY) | OPTION(OPT_NOTE))

static const struct command table[] = {
    {"init", "", 0, NEED_NOTHING, ctl_init,
	"create the state folder and an empty policy"},
    {"settings show", "", 0, NEED_READ, ctl_settings_show, "all settings"},
    {"settings set", "KEY VALUE", 0, NEED_WRITE, ctl_settings_set, "change a setting"},
    {"settings unset", "KEY", 0, NEED_WRITE, ctl_settings_unset, "back to the default"},
    {"settings add", "KEY ITEM", 0, NEED_WRITE, ctl_settings_add, "add to a list"},
    {"settings remove", "KEY ITEM", 0, NEED_WRITE, ctl_settings_remove,
	"take from a list"},
    {"tenant add", "NAME", TENANT_OPTIONS | OPTION(OPT_DOMAIN) | OPTION(OPT_USAGE),
	NEED_WRITE, ctl_tenant_add, "a new customer"},
    {"tenant set", "NAME", TENANT_OPTIONS, NEED_WRITE, ctl_tenant_set,
	"change what is named, keep the rest"},
    {"tenant show", "NAME", 0, NEED_READ, ctl_tenant_show, "all of one tenant"},
    {"tenant list", "", OPTION(OPT_SMTP_AUTH), NEED_READ, ctl_tenant_list,
	"all tenants"},
    {"tenant remove", "NAME", OPTION(OPT_FORCE), NEED_WRITE, ctl_tenant_remove,
	"with its domains; --force: with its mailboxes"},
    {"tenant lock", "NAME", OPTION(OPT_UNTIL) | OPTION(OPT_NOTE), NEED_WRITE,
	ctl_tenant_lock, "nothing passes until it is unlocked"},
    {"tenant unlock", "NAME", 0, NEED_WRITE, ctl_tenant_unlock, "end a lock"},
    {"domain add", "TENANT DOMAIN", 0, NEED_WRITE, ctl_domain_add,
	"give a domain to a tenant; * is every other login"},
    {"domain move", "DOMAIN TENANT", 0, NEED_WRITE, ctl_domain_move,
	"from one tenant to another"},
    {"domain remove", "DOMAIN", OPTION(OPT_FORCE), NEED_WRITE, ctl_domain_remove,
	"take a domain from its tenant"},
    {"domain list", "", OPTION(OPT_TENANT), NEED_READ, ctl_domain_list, "all domains"},
    {"mailbox set", "ADDRESS",
	OPTION(OPT_SMTP_AUTH) | OPTION(OPT_UNTIL) | OPTION(OPT_CLIENTS) |
	    OPTION(OPT_NOTE),
	NEED_WRITE, ctl_mailbox_set, "a mailbox's own setting"},
    {"mailbox show", "ADDRESS", 0, NEED_READ, ctl_mailbox_show, "one mailbox"},
    {"mailbox list", "",
	OPTION(OPT_TENANT) | OPTION(OPT_SMTP_AUTH) | OPTION(OPT_EXPIRING_WITHIN),
	NEED_READ, ctl_mailbox_list, "all mailboxes with their own setting"},
    {"mailbox remove", "ADDRESS", 0, NEED_WRITE, ctl_mailbox_remove,
	"back to the tenant's setting"},
    {"mailbox lock", "ADDRESS", OPTION(OPT_UNTIL), NEED_WRITE, ctl_mailbox_lock,
	"nothing passes until it is unlocked"},
    {"mailbox unlock", "ADDRESS", 0, NEED_WRITE, ctl_mailbox_unlock, "end a lock"},
    {"mailbox alias add", "ADDRESS LOGIN", 0, NEED_WRITE, ctl_alias_add,
	"another login of a mailbox"},
    {"mailbox alias remove", "LOGIN", 0, NEED_WRITE, ctl_alias_remove, "forget it"},
    {"mailbox alias list", "[ADDRESS]", 0, NEED_READ, ctl_alias_list, "all aliases"},
    {"check", "LOGIN",
	OPTION(OPT_CLIENT) | OPTION(OPT_MECHANISM) | OPTION(OPT_LISTENER) |
	    OPTION(OPT_AT) | OPTION(OPT_MTA),
	NEED_READ, ctl_check, "what would happen to a login, and why"},
    {"import", "FILE|-",
	OPTION(OPT_FORMAT) | OPTION(OPT_TENANT) | OPTION(OPT_REPLACE) |
	    OPTION(OPT_DRY_RUN) | OPTION(OPT_FORCE),
	NEED_TRIAL_LATER, ctl_import, "all changes of a file, or none of them"},
    {"export", "", OPTION(OPT_FORMAT) | OPTION(OPT_TENANT), NEED_READ, ctl_export,
	"the policy, as import takes it"},
    {"audit list", "", OPTION(OPT_OBJECT) | OPTION(OPT_SINCE), NEED_READ,
	ctl_audit_list, "who changed what; --actor: by whom"},
    {"audit verify", "", OPTION(OPT_HEAD), NEED_READ, ctl_audit_verify,
	"whether the audit log is the one that was written"},
    {"audit prune", "", OPTION(OPT_BEFORE) | OPTION(OPT_FORCE), NEED_WRITE,
	ctl_audit_prune, "remove old entries; --before says which"},
    {"status", "", 0, NEED_READ, ctl_status, "digest, counts, and the daemon"},
    {"usage [list]", "",
	OPTION(OPT_TENANT) | OPTION(OPT_SINCE) | OPTION(OPT_CSV) | OPTION(OPT_USAGE),
	NEED_READ, ctl_usage_list, "who uses SMTP AUTH, and what they would get now"},
    {"usage tenants", "", OPTION(OPT_SINCE) | OPTION(OPT_CSV) | OPTION(OPT_USAGE),
	NEED_READ, ctl_usage_tenants, "totals of each tenant: in use, or unused"},
    {"usage export", "FILE", 0, NEED_NOTHING, ctl_usage_export,
	"this machine's usage, for --usage on another"},
    {"usage prune", "", 0, NEED_READ, ctl_usage_prune,
	"forget what is older than usage-retention"},
    {"rollout plan", "",
	OPTION(OPT_UNUSED_FOR) | OPTION(OPT_TENANT) | OPTION(OPT_USAGE), NEED_READ,
	ctl_rollout_plan, "what could be switched off, and what is in use"},
    {"rollout disable-unused", "",
	OPTION(OPT_UNUSED_FOR) | OPTION(OPT_ENFORCE_FROM) | OPTION(OPT_TEMPFAIL_UNTIL) |
	    OPTION(OPT_LIMIT) | OPTION(OPT_TENANT) | OPTION(OPT_USAGE) |
	    OPTION(OPT_FORCE) | OPTION(OPT_DRY_RUN),
	NEED_WRITE, ctl_rollout_disable_unused, "switch unused tenants off"},
    {"rollout grant", "",
	OPTION(OPT_TENANT) | OPTION(OPT_USED_WITHIN) | OPTION(OPT_UNTIL) |
	    OPTION(OPT_USAGE) | OPTION(OPT_DRY_RUN),
	NEED_WRITE, ctl_rollout_grant, "turn a tenant's use into exceptions"},
    {"rollout notify", "",
	OPTION(OPT_TEMPLATE) | OPTION(OPT_TENANT) | OPTION(OPT_SENDMAIL) |
	    OPTION(OPT_RESEND) | OPTION(OPT_USAGE) | OPTION(OPT_DRY_RUN),
	NEED_NOTHING, ctl_rollout_notify, "tell the contacts what is planned, once"},
    {"rollout status", "", OPTION(OPT_TENANT) | OPTION(OPT_USAGE), NEED_READ,
	ctl_rollout_status, "where every tenant stands"},
    {"snapshot create", "FILE", OPTION(OPT_KEY), NEED_WRITE_LATER, ctl_snapshot_create,
	"the whole policy as a signed file"},
    {"snapshot apply", "FILE|-",
	OPTION(OPT_TRUST) | OPTION(OPT_FORCE) | OPTION(OPT_DRY_RUN), NEED_TRIAL_LATER,
	ctl_snapshot_apply, "make the policy here equal to a signed file"},
    {"snapshot show", "FILE", OPTION(OPT_TRUST), NEED_NOTHING, ctl_snapshot_show,
	"what a snapshot says of itself"},
    {"doctor", "",
	OPTION(OPT_POSTFIX) | OPTION(OPT_SENDMAIL) | OPTION(OPT_LOGIN) |
	    OPTION(OPT_CLIENT) | OPTION(OPT_MECHANISM) | OPTION(OPT_LISTENER) |
	    OPTION(OPT_LOG) | OPTION(OPT_IGNORE),
	NEED_NOTHING, ctl_doctor, "what is wrong with the MTA's side, and ours"},
    {"verify", "", 0, NEED_STORE, ctl_verify, "whether the whole database holds"},
    {"exchange", "", 0, NEED_TRIAL_LATER, ctl_exchange,
	"Exchange's commands on standard input, all or nothing"},
    {"Get-TransportConfig", "-Organization TENANT", 0, NEED_READ,
	ctl_get_transport_config, "the tenants' settings"},
    {"Set-TransportConfig",
	"-SmtpClientAuthenticationDisabled True|False -Organization TENANT", 0,
	NEED_WRITE, ctl_set_transport_config, "a tenant's setting"},
    {"Get-CASMailbox", "[ADDRESS] -ResultSize N|Unlimited", 0, NEED_READ,
	ctl_get_cas_mailbox, "the mailboxes' own settings, or one"},
    {"Set-CASMailbox", "ADDRESS -SmtpClientAuthenticationDisabled True|False|Null", 0,
	NEED_WRITE, ctl_set_cas_mailbox, "a mailbox's own; Null: the tenant's"},
    {"backup", "DIR", 0, NEED_READ, ctl_backup,
	"a compact copy of the policy database"},
    {"restore", "DIR", OPTION(OPT_FORCE), NEED_NOTHING, ctl_restore,
	"the policy of a backup; replaces a database that is damaged"},
};

const struct command *
command_at(size_t i)
{
	return i < sizeof table / sizeof *table ? &table[i] : NULL;
}
