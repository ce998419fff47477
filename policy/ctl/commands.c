/* SPDX-License-Identifier: BSD-2-Clause */
/* commands - the table of commands, and how one is found */
#include <stdio.h>
#include <string.h>

#include "policy/base/near_word.h"
#include "policy/ctl/commands.h"

#define TENANT_OPTIONS \
	(OPTION(OPT_SMTP_AUTH) | OPTION(OPT_ACTION) | OPTION(OPT_BLOCKS) | \
	    OPTION(OPT_ENFORCE_FROM) | OPTION(OPT_TEMPFAIL_UNTIL) | \
	    OPTION(OPT_CONTACT) | OPTION(OPT_REPLY) | OPTION(OPT_NOTE))

/* Of what could let logins pass that are refused. */
#define GUARD_OPTIONS (OPTION(OPT_FORCE) | OPTION(OPT_DRY_RUN) | OPTION(OPT_USAGE))

static const struct command table[] = {
    {"init", "", OPTION(OPT_NEW_POLICY), NEED_NOTHING, ctl_init,
	"create folder and policy, or repair modes; --new-policy: start over"},
    {"settings show", "", 0, NEED_READ, ctl_settings_show, "show all settings"},
    {"settings set", "KEY VALUE", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_settings_set, "change a setting"},
    {"settings unset", "KEY", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_settings_unset, "return a setting to its default"},
    {"settings add", "KEY ITEM", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_settings_add, "add an item to a list"},
    {"settings remove", "KEY ITEM", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_settings_remove, "remove an item from a list"},
    {"tenant add", "NAME",
	TENANT_OPTIONS | OPTION(OPT_DOMAIN) | OPTION(OPT_USAGE) | OPTION(OPT_FORCE),
	NEED_WRITE | NEED_LATER, ctl_tenant_add, "add a tenant"},
    {"tenant set", "NAME", TENANT_OPTIONS, NEED_WRITE, ctl_tenant_set,
	"change the given options, keep the rest"},
    {"tenant show", "NAME", 0, NEED_READ, ctl_tenant_show, "show one tenant"},
    {"tenant list", "", OPTION(OPT_SMTP_AUTH), NEED_READ, ctl_tenant_list,
	"list all tenants"},
    {"tenant remove", "NAME", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER, ctl_tenant_remove,
	"remove a tenant and its domains; --force: its mailboxes, too"},
    {"tenant rename", "NAME NEWNAME", 0, NEED_WRITE, ctl_tenant_rename,
	"give a tenant another name"},
    {"tenant lock", "NAME", OPTION(OPT_UNTIL) | OPTION(OPT_NOTE), NEED_WRITE,
	ctl_tenant_lock, "block all its logins until it is unlocked"},
    {"tenant unlock", "NAME", 0, NEED_WRITE, ctl_tenant_unlock, "end a lock"},
    {"domain add", "TENANT DOMAIN", OPTION(OPT_FORCE), NEED_WRITE, ctl_domain_add,
	"assign a domain to a tenant; * is every other login"},
    {"domain move", "DOMAIN TENANT", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_domain_move, "move a domain to another tenant"},
    {"domain remove", "DOMAIN", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_domain_remove, "take a domain from its tenant"},
    {"domain list", "", OPTION(OPT_TENANT), NEED_READ, ctl_domain_list,
	"list all domains"},
    {"mailbox set", "ADDRESS",
	OPTION(OPT_SMTP_AUTH) | OPTION(OPT_UNTIL) | OPTION(OPT_CLIENTS) |
	    OPTION(OPT_NOTE),
	NEED_WRITE, ctl_mailbox_set, "change a mailbox's own setting"},
    {"mailbox show", "ADDRESS", 0, NEED_READ, ctl_mailbox_show, "show one mailbox"},
    {"mailbox list", "",
	OPTION(OPT_TENANT) | OPTION(OPT_SMTP_AUTH) | OPTION(OPT_MATCH) |
	    OPTION(OPT_EXPIRED) | OPTION(OPT_EXPIRING_WITHIN),
	NEED_READ, ctl_mailbox_list, "list the mailboxes with their own setting"},
    {"mailbox remove", "ADDRESS", 0, NEED_WRITE, ctl_mailbox_remove,
	"return a mailbox to its tenant's setting"},
    {"mailbox rename", "ADDRESS NEWADDRESS", 0, NEED_WRITE, ctl_mailbox_rename,
	"move its setting and aliases to another address"},
    {"mailbox prune", "",
	OPTION(OPT_EXPIRED_BEFORE) | OPTION(OPT_TENANT) | OPTION(OPT_DRY_RUN),
	NEED_TRIAL, ctl_mailbox_prune, "remove settings that have ended"},
    {"mailbox lock", "ADDRESS|-", OPTION(OPT_UNTIL) | OPTION(OPT_NOTE),
	NEED_WRITE | NEED_LATER, ctl_mailbox_lock, "block it until it is unlocked"},
    {"mailbox unlock", "ADDRESS|-", 0, NEED_WRITE | NEED_LATER, ctl_mailbox_unlock,
	"end a lock"},
    {"mailbox alias add", "ADDRESS LOGIN", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_alias_add, "add another login of a mailbox"},
    {"mailbox alias remove", "LOGIN", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_alias_remove, "remove an alias"},
    {"mailbox alias list", "[ADDRESS]", 0, NEED_READ, ctl_alias_list,
	"list all aliases"},
    {"lock", "LOGIN|-", OPTION(OPT_UNTIL) | OPTION(OPT_NOTE), NEED_WRITE | NEED_LATER,
	ctl_lock, "block any login found in the log; -: those of standard input"},
    {"unlock", "LOGIN|-", 0, NEED_WRITE | NEED_LATER, ctl_unlock, "end a lock"},
    {"locks", "", OPTION(OPT_TENANT), NEED_READ, ctl_locks, "list all locks"},
    {"check", "LOGIN",
	OPTION(OPT_CLIENT) | OPTION(OPT_MECHANISM) | OPTION(OPT_LISTENER) |
	    OPTION(OPT_AT) | OPTION(OPT_MTA),
	NEED_READ, ctl_check, "show what would happen to a login, and why"},
    {"import", "FILE|-",
	OPTION(OPT_FORMAT) | OPTION(OPT_TENANT) | OPTION(OPT_REPLACE) |
	    OPTION(OPT_ALIASES) | OPTION(OPT_DRY_RUN) | OPTION(OPT_FORCE),
	NEED_TRIAL | NEED_LATER, ctl_import,
	"make all changes in a file, or none of them"},
    {"export", "", OPTION(OPT_FORMAT) | OPTION(OPT_TENANT), NEED_READ, ctl_export,
	"print the policy in the format that import reads"},
    {"audit list", "",
	OPTION(OPT_OBJECT) | OPTION(OPT_TENANT) | OPTION(OPT_SINCE) |
	    OPTION(OPT_UNTIL) | OPTION(OPT_COMMAND),
	NEED_READ, ctl_audit_list, "show who changed what; --actor: by whom"},
    {"audit show", "NUMBER", 0, NEED_READ, ctl_audit_show, "show one entry"},
    {"audit undo", "NUMBER|RANGE", GUARD_OPTIONS, NEED_TRIAL | NEED_LATER,
	ctl_audit_undo, "put back what entries changed, as 7 or 7-9"},
    {"audit verify", "", OPTION(OPT_HEAD), NEED_READ, ctl_audit_verify,
	"check that the audit log is as it was written"},
    {"audit prune", "", OPTION(OPT_BEFORE) | OPTION(OPT_FORCE), NEED_WRITE,
	ctl_audit_prune, "remove old entries; --before says which"},
    {"why", "ID", OPTION(OPT_LOG), NEED_READ | NEED_LATER, ctl_why,
	"explain a decision: log line, policy then, what changed since"},
    {"status", "", 0, NEED_READ | NEED_LATER, ctl_status,
	"show digest, counts, and the daemon"},
    {"usage [list]", "",
	OPTION(OPT_TENANT) | OPTION(OPT_SINCE) | OPTION(OPT_DENIED) | OPTION(OPT_CSV) |
	    OPTION(OPT_USAGE),
	NEED_READ | NEED_LATER, ctl_usage_list,
	"show who uses SMTP AUTH, and what they would get now"},
    {"usage tenants", "", OPTION(OPT_SINCE) | OPTION(OPT_CSV) | OPTION(OPT_USAGE),
	NEED_READ | NEED_LATER, ctl_usage_tenants,
	"show the totals of each tenant: in use, or unused"},
    {"usage export", "FILE", 0, NEED_NOTHING, ctl_usage_export,
	"write this machine's usage, for --usage on another"},
    {"usage prune", "", 0, NEED_READ | NEED_LATER, ctl_usage_prune,
	"delete usage older than usage-retention"},
    {"rollout plan", "",
	OPTION(OPT_UNUSED_FOR) | OPTION(OPT_TENANT) | OPTION(OPT_USAGE),
	NEED_READ | NEED_LATER, ctl_rollout_plan,
	"show what could be disabled, and what is in use"},
    {"rollout disable-unused", "",
	OPTION(OPT_UNUSED_FOR) | OPTION(OPT_ENFORCE_FROM) | OPTION(OPT_TEMPFAIL_UNTIL) |
	    OPTION(OPT_LIMIT) | OPTION(OPT_TENANT) | OPTION(OPT_USAGE) |
	    OPTION(OPT_FORCE) | OPTION(OPT_DRY_RUN),
	NEED_WRITE | NEED_LATER, ctl_rollout_disable_unused,
	"disable the tenants without use"},
    {"rollout grant", "",
	OPTION(OPT_TENANT) | OPTION(OPT_USED_WITHIN) | OPTION(OPT_UNTIL) |
	    OPTION(OPT_USAGE) | OPTION(OPT_DRY_RUN),
	NEED_WRITE | NEED_LATER, ctl_rollout_grant,
	"turn a tenant's use into exceptions"},
    {"rollout notify", "",
	OPTION(OPT_TEMPLATE) | OPTION(OPT_TENANT) | OPTION(OPT_SENDMAIL) |
	    OPTION(OPT_RESEND) | OPTION(OPT_USAGE) | OPTION(OPT_DRY_RUN) |
	    OPTION(OPT_PRINT),
	NEED_NOTHING, ctl_rollout_notify, "tell the contacts what is planned, once"},
    {"rollout status", "", OPTION(OPT_TENANT) | OPTION(OPT_USAGE),
	NEED_READ | NEED_LATER, ctl_rollout_status, "show the stage of every tenant"},
    {"snapshot create", "FILE", OPTION(OPT_KEY), NEED_WRITE | NEED_LATER,
	ctl_snapshot_create, "write the whole policy to a signed file"},
    {"snapshot apply", "FILE|-",
	OPTION(OPT_TRUST) | OPTION(OPT_FORCE) | OPTION(OPT_DRY_RUN),
	NEED_TRIAL | NEED_LATER, ctl_snapshot_apply,
	"make the policy equal to that of a signed file"},
    {"snapshot show", "FILE", OPTION(OPT_TRUST), NEED_NOTHING, ctl_snapshot_show,
	"show what a snapshot says of itself"},
    {"doctor", "",
	OPTION(OPT_POSTFIX) | OPTION(OPT_SENDMAIL) | OPTION(OPT_LOGIN) |
	    OPTION(OPT_CLIENT) | OPTION(OPT_MECHANISM) | OPTION(OPT_LISTENER) |
	    OPTION(OPT_LOG) | OPTION(OPT_IGNORE),
	NEED_NOTHING, ctl_doctor, "look for mistakes in the setup of MTA and milter"},
    {"verify", "", 0, NEED_STORE, ctl_verify, "check the whole database"},
    {"exchange", "", OPTION(OPT_DRY_RUN), NEED_TRIAL | NEED_LATER, ctl_exchange,
	"run Exchange's commands from standard input, all or none"},
    {"Get-TransportConfig", "-Organization TENANT", 0, NEED_READ, ctl_cmdlet,
	"show the tenants' settings"},
    {"Set-TransportConfig",
	"-SmtpClientAuthenticationDisabled True|False -Organization TENANT", 0,
	NEED_WRITE, ctl_cmdlet, "change a tenant's setting"},
    {"Get-CASMailbox", "[ADDRESS] -ResultSize N|Unlimited", 0, NEED_READ, ctl_cmdlet,
	"show the mailboxes' own settings, or one"},
    {"Set-CASMailbox", "ADDRESS -SmtpClientAuthenticationDisabled True|False|Null", 0,
	NEED_WRITE, ctl_cmdlet, "change a mailbox's own setting; Null: the tenant's"},
    {"backup", "DIR", 0, NEED_READ, ctl_backup,
	"write a compact copy of the policy database"},
    {"restore", "[DIR]", OPTION(OPT_FORCE), NEED_NOTHING, ctl_restore,
	"bring the policy of a backup back; replaces a damaged database"},
};

#define COMMANDS (sizeof table / sizeof *table)

const struct command *
commands_at(size_t i)
{
	return i < COMMANDS ? &table[i] : NULL;
}

bool
commands_is_of(const struct command *command, const char *noun)
{
	size_t n = strcspn(command->name, " ");

	return strlen(noun) == n && memcmp(command->name, noun, n) == 0;
}

/* command_has_noun - whether WORD is the first of several words of a command's name */
static bool
command_has_noun(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands_is_of(&table[i], word) &&
		    strchr(table[i].name, ' ') != NULL)
			return true;
	return false;
}

/*
 * command_starts - how many words of the command line are the command's name, or 0; a
 * word of it in brackets may be left out
 */
static size_t
command_starts(const struct options *o, const char *name)
{
	size_t i = 0, n;

	for (; *name != '\0'; name += strspn(name, " ")) {
		bool optional = *name == '[';

		name += optional;
		n = strcspn(name, " ]");
		if (i < o->words && strlen(o->word[i]) == n &&
		    memcmp(o->word[i], name, n) == 0)
			i++;
		else if (!optional)
			return 0;
		name += n + optional;
	}
	return i;
}

/* What other programs call the same, and people type. */
static const struct {
	const char *typed, *command;
} synonyms[] = {
    {"add", "set"},
    {"create", "add"},
    {"new", "add"},
    {"ls", "list"},
    {"get", "show"},
    {"del", "remove"},
    {"delete", "remove"},
    {"rm", "remove"},
    {"mv", "rename"},
    {"edit", "set"},
    {"modify", "set"},
    {"disable", "set"},
    {"enable", "set"},
    {"block", "lock"},
    {"unblock", "unlock"},
    {"users", "mailbox"},
    {"user", "mailbox"},
    {"mailboxes", "mailbox"},
    {"tenants", "tenant"},
    {"domains", "domain"},
    {"setting", "settings"},
    {"config", "settings"},
    {"undo", "audit"},
    {"log", "audit"},
    {"stats", "usage"},
};

#define SYNONYMS (sizeof synonyms / sizeof *synonyms)

/*
 * command_words - word I of every command's name, of NOUN alone for the second word;
 * each is NUL-terminated in BUF
 */
static size_t
command_words(const char *noun, const char **words, char (*buf)[NEAR_WORD_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < COMMANDS; i++) {
		const char *name = table[i].name;

		if (noun != NULL && !commands_is_of(&table[i], noun))
			continue;
		if (noun != NULL) {
			name += strcspn(name, " ");
			name += strspn(name, " [");
		}
		snprintf(buf[n], sizeof *buf, "%.*s", (int)strcspn(name, " ]"), name);
		words[n] = buf[n];
		n++;
	}
	return n;
}

/* command_near - what WORD may mean, as the first word or as the second after NOUN */
static const char *
command_near(const char *noun, const char *word, char *out)
{
	char buf[COMMANDS][NEAR_WORD_MAX + 1];
	const char *words[COMMANDS], *near;
	size_t n = command_words(noun, words, buf);

	near = near_word_find(word, words, n);
	for (size_t i = 0; i < SYNONYMS && near == NULL; i++)
		for (size_t k = 0; k < n && strcmp(word, synonyms[i].typed) == 0; k++)
			if (strcmp(words[k], synonyms[i].command) == 0)
				near = words[k];
	if (near == NULL)
		return NULL;
	snprintf(out, NEAR_WORD_MAX + 1, "%s", near);
	return out;
}

enum error
commands_unknown(const struct options *o, struct error_text *why)
{
	char near[NEAR_WORD_MAX + 1];
	const char *noun = o->words > 0 ? o->word[0] : NULL;
	bool found;

	if (noun == NULL)
		return error_set(
		    why, ERR_USAGE, "a command is missing; see \"smtpauthctl --help\"");
	if (!command_has_noun(noun)) {
		if (command_near(NULL, noun, near) != NULL)
			return error_set(why, ERR_USAGE,
			    "unknown command \"%s\"; do you mean \"%s\"?", noun, near);
		return error_set(why, ERR_USAGE,
		    "unknown command \"%s\"; see \"smtpauthctl help\"", noun);
	}
	if (o->words == 1)
		return error_set(why, ERR_USAGE,
		    "\"%s\" needs one of its commands; see \"smtpauthctl help %s\"",
		    noun, noun);
	found = command_near(noun, o->word[1], near) != NULL;
	if (found && strcmp(near, o->word[1]) == 0)
		return error_set(why, ERR_USAGE,
		    "\"%s %s\" needs one of its commands; see \"smtpauthctl help %s\"",
		    noun, near, noun);
	if (found)
		return error_set(why, ERR_USAGE,
		    "\"%s\" has no command \"%s\"; do you mean \"%s %s\"?", noun,
		    o->word[1], noun, near);
	return error_set(why, ERR_USAGE,
	    "\"%s\" has no command \"%s\"; see \"smtpauthctl help %s\"", noun,
	    o->word[1], noun);
}

/* command_usage - in place of a command with too many words, or too few */
static enum error
command_usage(const struct command *command, const char *word, struct error_text *why)
{
	size_t n = strcspn(command->name, "[");
	char extra[128] = "";

	n -= n > 0 && command->name[n - 1] == ' ';
	if (word != NULL)
		snprintf(extra, sizeof extra, "\"%.80s\" is one word too many; ", word);
	return error_set(why, ERR_USAGE,
	    "%susage: smtpauthctl %s%s%s%s; see \"smtpauthctl help %.*s\"", extra,
	    command->name, *command->args != '\0' ? " " : "", command->args,
	    command->options != 0 ? " [options]" : "", (int)n, command->name);
}

/* command_check - whether it takes these words and options; "[NAME]" may be missing */
static enum error
command_check(
    const struct command *command, const struct options *o, struct error_text *why)
{
	size_t least = 0, most = 0;

	for (const char *s = command->args; *s != '\0'; s += strspn(s, " ")) {
		most++;
		least += *s != '[';
		s += strcspn(s, " ");
	}
	if (!o->cmdlet && (o->words < least || o->words > most))
		return command_usage(
		    command, o->words > most ? o->word[most] : NULL, why);
	return options_check(o, command->options, why);
}

enum error
commands_find(
    struct options *o, const struct command **command_r, struct error_text *why)
{
	size_t words, most = 0;

	*command_r = NULL;
	for (size_t i = 0; i < COMMANDS; i++) {
		words = command_starts(o, table[i].name);
		if (words <= most)
			continue;
		most = words;
		*command_r = &table[i];
	}
	if (*command_r == NULL)
		return commands_unknown(o, why);
	o->word += most;
	o->words -= most;
	return command_check(*command_r, o, why);
}
