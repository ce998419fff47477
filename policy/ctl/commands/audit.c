/* SPDX-License-Identifier: BSD-2-Clause */
/* audit - the commands on the audit log */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/audit/audit_prune.h"
#include "policy/audit/audit_verify.h"
#include "policy/base/number.h"
#include "policy/base/text.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/identity/domain.h"
#include "policy/model/domain_record.h"
#include "policy/tables/ownership.h"

#define FINDINGS_SHOWN 20

#define USER_TEXT_MAX 80
#define OBJECT_TEXT_MAX (OBJECT_NAME_MAX + 16)

/* Which entries are wanted. */
struct filter {
	struct ctl *c;
	instant since, until;             /* INSTANT_NONE: all */
	const char *actor;                /* NULL: all */
	const char *command;              /* NULL: all */
	char tenant[TENANT_NAME_MAX + 1]; /* "": all */
	const char *type;                 /* of the object, "mailbox"; NULL: any */
	unsigned names;                   /* of the object; 0: any, or no object */
	char name[4][OBJECT_NAME_MAX];
};

/* filter_name - one more way to spell the object; a longer one is no object's */
static void
filter_name(struct filter *f, const char *name)
{
	size_t n = strlen(name);

	if (n < OBJECT_NAME_MAX)
		memcpy(f->name[f->names++], name, n + 1);
}

/* filter_type - takes "mailbox " off TYPED */
static const char *
filter_type(struct filter *f, const char *typed)
{
	static const char *const types[] = {
	    "setting", "tenant", "domain", "mailbox", "alias", "lock", "tenant-lock"};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		size_t n = strlen(types[i]);

		if (strncasecmp(typed, types[i], n) != 0 || typed[n] != ' ')
			continue;
		f->type = types[i];
		return typed + n + strspn(typed + n, " ");
	}
	return typed;
}

/* filter_object - the name as it was typed, and what it is in normal form */
static enum error
filter_object(struct filter *f, struct ctl *c, const char *typed)
{
	const struct settings *s = store_settings(c->txn);
	char domain[DOMAIN_MAX + 1];
	struct error_text why;
	struct login login;

	typed = filter_type(f, typed);
	if (*typed == '\0')
		return error_set(&c->why, ERR_DATA, "--object: the name is missing");
	filter_name(f, typed);
	if (domain_parse(typed, domain, &why) == OK)
		filter_name(f, domain);
	if (login_normalize(typed, strlen(typed), s->login_separators, &login, &why) ==
	    OK) {
		filter_name(f, login.text);
		if (!login.has_domain && s->default_domain[0] != '\0' &&
		    login_append_domain(&login, s->default_domain) == OK)
			filter_name(f, login.text);
	}
	if (f->names == 0)
		return error_set(&c->why, ERR_DATA, "--object is too long");
	return OK;
}

/* filter_read - --since, --until, --tenant, --command, --actor and --object */
static enum error
filter_read(struct filter *f, struct ctl *c)
{
	struct audit_log checked;
	enum error e = OK;

	*f = (struct filter){.c = c,
	    .since = INSTANT_NONE,
	    .until = INSTANT_NONE,
	    .actor = c->options.actor,
	    .command = argument_option(c, OPT_COMMAND)};
	if (f->actor != NULL)
		e = audit_origin_read(c, "audit list", &checked);
	if (e == OK)
		e = argument_past_time(c, OPT_SINCE, &f->since);
	if (e == OK)
		e = argument_past_time(c, OPT_UNTIL, &f->until);
	if (e == OK && argument_option(c, OPT_TENANT) != NULL)
		e = tenant_name_parse(
		    argument_option(c, OPT_TENANT), f->tenant, &c->why);
	if (e == OK && argument_option(c, OPT_OBJECT) != NULL)
		e = filter_object(f, c, argument_option(c, OPT_OBJECT));
	return e;
}

/* filter_has_type - a tenant or mailbox includes its lock, "lock" both kinds */
static bool
filter_has_type(const struct filter *f, const char *type)
{
	const char *wanted = f->type;

	if (wanted == NULL || strcmp(wanted, type) == 0)
		return true;
	if (strcmp(type, "tenant-lock") == 0)
		return strcmp(wanted, "tenant") == 0 || strcmp(wanted, "lock") == 0;
	return strcmp(type, "lock") == 0 && strcmp(wanted, "mailbox") == 0;
}

static bool
filter_has_object(const struct filter *f, struct bytes key)
{
	const char *type = object_text_type(key);
	char name[OBJECT_NAME_MAX];

	if (type == NULL || !filter_has_type(f, type) ||
	    object_text_name(key, name) != OK)
		return false;
	for (unsigned i = 0; i < f->names; i++)
		if (strcasecmp(name, f->name[i]) == 0)
			return true;
	return false;
}

/* domain_is_of - whether a record of a domain, before or after, names the tenant */
static bool
domain_is_of(const struct filter *f, struct bytes record)
{
	char owner[TENANT_NAME_MAX + 1];

	return record.at != NULL && domain_record_decode(record, owner) == OK &&
	    strcmp(owner, f->tenant) == 0;
}

/*
 * filter_has_tenant - whether the object is the tenant, a domain that it had or got, or
 * in a domain that it has now
 */
static bool
filter_has_tenant(const struct filter *f, const struct audit_entry *e)
{
	const char *type = object_text_type(e->object), *domain;
	char name[OBJECT_NAME_MAX], owner[TENANT_NAME_MAX + 1];

	if (f->tenant[0] == '\0')
		return true;
	if (type == NULL || object_text_name(e->object, name) != OK)
		return false;
	if (strcmp(type, "tenant") == 0 || strcmp(type, "tenant-lock") == 0)
		return strcmp(name, f->tenant) == 0;
	if (strcmp(type, "domain") == 0)
		return domain_is_of(f, e->before) || domain_is_of(f, e->after);
	domain = strrchr(name, '@');
	return ownership_of_domain(
		   f->c->txn, domain != NULL ? domain + 1 : DOMAIN_ANY, owner) == OK &&
	    strcmp(type, "setting") != 0 && strcmp(owner, f->tenant) == 0;
}

static bool
filter_wants(const struct filter *f, const struct audit_entry *e)
{
	if (e->kind == AUDIT_STUB)
		return f->since == INSTANT_NONE && f->until == INSTANT_NONE &&
		    f->actor == NULL && f->command == NULL && f->names == 0 &&
		    f->tenant[0] == '\0';
	return (f->since == INSTANT_NONE || e->when >= f->since) &&
	    (f->until == INSTANT_NONE || e->when <= f->until) &&
	    (f->actor == NULL || strcmp(e->origin.actor, f->actor) == 0) &&
	    (f->command == NULL || strcasecmp(e->origin.command, f->command) == 0) &&
	    (f->names == 0 || filter_has_object(f, e->object)) &&
	    filter_has_tenant(f, e);
}

/* The name of a uid; that of the row before is asked for once. */
struct user {
	bool known;
	uint32_t uid;
	char name[33];
};

struct audit_list {
	struct ctl *c;
	struct filter filter;
	struct user user, login;
	uint64_t last;    /* the number of the entry before, 0 at first */
	bool has_skipped; /* the number does not follow from it */
};

static const char *
user_name(struct user *u, uint32_t uid)
{
	const struct passwd *pw;

	if (u->known && u->uid == uid)
		return u->name;
	u->known = true;
	u->uid = uid;
	pw = getpwuid((uid_t)uid);
	if (pw != NULL && strlen(pw->pw_name) < sizeof u->name)
		snprintf(u->name, sizeof u->name, "%s", pw->pw_name);
	else
		snprintf(u->name, sizeof u->name, "%" PRIu32, uid);
	return u->name;
}

/* user_print - the user, and in brackets the login user if that is another one */
static void
user_print(struct audit_list *list, const struct audit_origin *o)
{
	const char *name = user_name(&list->user, o->uid);
	char both[USER_TEXT_MAX];

	if (o->login_uid == AUDIT_NO_UID || o->login_uid == o->uid) {
		print_plain(&list->c->print, "user", name);
		return;
	}
	snprintf(
	    both, sizeof both, "%s (%s)", name, user_name(&list->login, o->login_uid));
	print_plain(&list->c->print, "user", both);
}

/* summary_print - what a change of the whole policy, or a prune, has for a change */
static void
summary_print(struct printer *p, const struct audit_entry *entry)
{
	const struct audit_summary *s = &entry->summary;
	bool stub = entry->kind == AUDIT_STUB;

	print_object_start(p, "summary");
	if (entry->kind == AUDIT_SUMMARY) {
		print_digest(p, "content", &s->content);
		print_number(p, "serial", s->serial);
		print_number(p, "created", s->created);
		print_number(p, "changed", s->changed);
		print_number(p, "removed", s->removed);
		print_bool(
		    p, "complete", audit_summary_total(s) <= AUDIT_SUMMARY_LISTED);
	} else {
		print_number(p, "pruned_up_to", stub ? entry->number : s->serial);
		print_digest(p, "pruned_hash", stub ? &entry->hash : &s->content);
		if (!stub)
			print_number(p, "removed", s->removed);
	}
	print_object_end(p);
}

/* change_words - the change as people see it, for free() */
static enum error
change_words(const struct audit_entry *entry, char **text_r)
{
	const struct audit_summary *s = &entry->summary;
	int n;

	if (entry->kind == AUDIT_CHANGE)
		return object_text_change(
		    text_r, entry->object, entry->before, entry->after);
	if (entry->kind == AUDIT_STUB)
		n = asprintf(text_r, "entries 1 to %" PRIu64 " pruned", entry->number);
	else if (entry->kind == AUDIT_PRUNE)
		n = asprintf(text_r, "%" PRIu64 " entries pruned, up to %" PRIu64,
		    s->removed, s->serial);
	else
		n = asprintf(text_r,
		    "%" PRIu64 " created, %" PRIu64 " changed, %" PRIu64 " removed%s",
		    s->created, s->changed, s->removed,
		    audit_summary_total(s) > AUDIT_SUMMARY_LISTED
			? "; only the first 10000 have an entry"
			: "");
	if (n >= 0)
		return OK;
	*text_r = NULL;
	return ERR_MEMORY;
}

/* change_print - the object that was changed, before and after */
static enum error
change_print(struct printer *p, const struct audit_entry *entry)
{
	const char *type = object_text_type(entry->object);
	char name[OBJECT_NAME_MAX] = "", both[OBJECT_TEXT_MAX], *words = NULL;
	enum error e = type != NULL ? object_text_name(entry->object, name) : OK;

	if (e == OK && type == NULL && entry->object.len > 0 && !p->has_json)
		e = ERR_DAMAGED;
	print_text(p, "type", type);
	print_text(p, "object", name);
	if (e == OK && !p->has_json) {
		snprintf(both, sizeof both, "%s %s", type != NULL ? type : "", name);
		print_shown(p, "object", type != NULL ? both : "");
		e = change_words(entry, &words);
		print_plain(p, "change", words != NULL ? words : "");
		free(words);
		return e;
	}
	if (e == OK)
		e = object_text_record(p, "before", entry->object, entry->before);
	if (e == OK)
		e = object_text_record(p, "after", entry->object, entry->after);
	if (e == OK && entry->kind != AUDIT_CHANGE)
		summary_print(p, entry);
	return e;
}

static enum error
entry_print(struct audit_list *list, const struct audit_entry *entry)
{
	const struct audit_origin *o = &entry->origin;
	struct printer *p = &list->c->print;
	bool stub = entry->kind == AUDIT_STUB;
	enum error e;

	print_object_start(p, NULL);
	print_number(p, "number", entry->number);
	print_time(p, "when", entry->when);
	print_number_if(p, "uid", o->uid != AUDIT_NO_UID, o->uid);
	print_number_if(p, "login_uid", o->login_uid != AUDIT_NO_UID, o->login_uid);
	if (!stub && !p->has_json)
		user_print(list, o);
	print_text(p, "actor", o->actor);
	print_shown(p, "actor", o->actor);
	print_text(p, "command", o->command);
	print_shown(p, "command", o->command);
	e = change_print(p, entry);
	if (stub)
		print_none(p, "policy_digest");
	else
		print_digest(p, "policy_digest", &entry->policy);
	print_digest(p, "hash", &entry->hash);
	if (e == OK || p->has_json) /* what people see of a bad entry is not a row */
		print_object_end(p);
	return e;
}

static enum error
audit_list_one(void *arg, const struct audit_entry *entry)
{
	struct audit_list *list = arg;

	if (entry->number != list->last + 1 &&
	    (list->last > 0 || entry->kind != AUDIT_STUB))
		list->has_skipped = true;
	list->last = entry->number;
	return filter_wants(&list->filter, entry) ? entry_print(list, entry) : OK;
}

/* audit_list_run - from the first entry that can be wanted on */
static enum error
audit_list_run(struct audit_list *list)
{
	static const struct print_column columns[] = {{"number", "NUMBER"},
	    {"when", "WHEN"}, {"user", "USER"}, {"actor", "ACTOR"},
	    {"command", "COMMAND"}, {"object", "OBJECT"}, {"change", "CHANGE"},
	    {NULL, NULL}};
	struct ctl *c = list->c;
	uint64_t first = 1;
	enum error e = OK;

	if (list->filter.since != INSTANT_NONE)
		e = audit_table_since(c->txn, list->filter.since, &first);
	if (e != OK)
		return e;
	list->last = first - 1;
	print_table(&c->print, columns, "-");
	return audit_table_each(c->txn, first, audit_list_one, list);
}

enum error
ctl_audit_list(struct ctl *c)
{
	struct audit_list list = {.c = c};
	enum error e = filter_read(&list.filter, c);

	if (e != OK)
		return e;
	e = audit_list_run(&list);
	c->tells = true; /* what could be read is worth more than nothing */
	if (e == ERR_DAMAGED)
		return error_set(&c->why, e,
		    "the audit log cannot be read behind entry %" PRIu64
		    "; see \"smtpauthctl audit verify\"",
		    list.last);
	/* a list that is not whole must not look like it */
	if (e == OK &&
	    (list.has_skipped || list.last != store_meta(c->txn)->audit_count))
		return error_set(&c->why, ERR_DAMAGED,
		    "the audit log is not whole; see \"smtpauthctl audit verify\"");
	return e;
}

/* show_one - the entry itself, and nothing after it */
static enum error
show_one(void *arg, const struct audit_entry *entry)
{
	struct audit_list *list = arg;
	enum error e;

	if (entry->number != list->last)
		return WALK_STOP;
	list->has_skipped = false;
	e = entry_print(list, entry);
	return e == OK ? WALK_STOP : e;
}

enum error
ctl_audit_show(struct ctl *c)
{
	static const struct print_column columns[] = {{"number", "number"},
	    {"when", "when"}, {"user", "user"}, {"actor", "actor"},
	    {"command", "command"}, {"object", "object"}, {"change", "change"},
	    {"policy_digest", "policy digest"}, {"hash", "hash"}, {NULL, NULL}};
	struct audit_list list = {.c = c, .has_skipped = true};
	enum error e;

	if (!number_parse(argument_word(c, 0), UINT64_MAX, &list.last))
		return error_set(&c->why, ERR_DATA,
		    "bad entry \"%s\": use a number of \"audit list\"",
		    argument_word(c, 0));
	print_properties(&c->print, columns);
	e = audit_table_each(c->txn, list.last, show_one, &list);
	if (e == OK && list.has_skipped)
		return error_set(&c->why, ERR_NOTFOUND,
		    "there is no entry %" PRIu64 " in the audit log", list.last);
	return e;
}

/* What audit verify found so far. */
struct audit_check {
	struct ctl *c;
	uint64_t findings;
};

/* finding_line - "entry 7 (2026-12-01T09:00:00Z, tenant set): its hash ..." */
static void
finding_line(FILE *out, const struct audit_finding *f)
{
	char when[INSTANT_TEXT_MAX], command[4 * AUDIT_COMMAND_MAX + 32];
	struct text t;

	if (f->problem == AUDIT_MISSING || f->number == 0) {
		fprintf(out, "%s\n", f->text.text);
		return;
	}
	fprintf(out, "entry %" PRIu64, f->number);
	if (f->entry != NULL) {
		text_init(&t, command, sizeof command);
		text_show(&t, f->entry->origin.command,
		    strlen(f->entry->origin.command), AUDIT_COMMAND_MAX);
		fprintf(out, " (%s, %s)", instant_print(f->entry->when, when), command);
	}
	fprintf(out, ": %s\n", f->text.text);
}

static void
finding_print(void *arg, const struct audit_finding *f)
{
	struct audit_check *check = arg;
	struct printer *p = &check->c->print;

	if (check->findings++ >= FINDINGS_SHOWN)
		return;
	if (!p->has_json)
		finding_line(p->out, f);
	print_object_start(p, NULL);
	print_text(p, "problem", audit_verify_problem_name(f->problem));
	print_number(p, "number", f->number);
	print_time(p, "when", f->entry != NULL ? f->entry->when : INSTANT_NONE);
	print_text(p, "command", f->entry != NULL ? f->entry->origin.command : "");
	print_string(p, "text", f->text.text);
	print_object_end(p);
}

static void
account_print(struct ctl *c, const struct audit_account *a, bool with_head)
{
	const struct store_meta *m = store_meta(c->txn);
	struct printer *p = &c->print;

	print_bool(p, "holds", a->findings == 0);
	print_number(p, "problems", a->findings);
	print_number(p, "entries", a->entries);
	print_number_if(p, "first", a->first > 0, a->first);
	print_number_if(p, "last", a->last > 0, a->last);
	print_number_if(p, "pruned_up_to", a->pruned > 0, a->pruned);
	if (m->audit_count > 0)
		print_digest(p, "head", &m->audit_head);
	else
		print_none(p, "head");
	if (with_head) {
		print_number_if(p, "head_number", a->head_number > 0, a->head_number);
		print_time(p, "head_when", a->head_when);
	}
}

/* account_lines - what was proven, where all holds */
static void
account_lines(struct ctl *c, const struct audit_account *a, bool with_head)
{
	const struct store_meta *m = store_meta(c->txn);
	char text[DIGEST_TEXT_MAX], when[INSTANT_TEXT_MAX];
	struct printer *p = &c->print;

	if (a->pruned > 0)
		print_line(p, "entries 1 to %" PRIu64 " are pruned", a->pruned);
	print_line(p, "%" PRIu64 " audit entr%s verified", a->entries,
	    a->entries == 1 ? "y" : "ies");
	if (m->audit_count > 0)
		print_property(p, "audit head", digest_print(&m->audit_head, text));
	if (with_head)
		print_line(p,
		    "the given head is entry %" PRIu64 "%s%s; %" PRIu64
		    " came after it",
		    a->head_number, a->head_when != INSTANT_NONE ? " of " : "",
		    a->head_when != INSTANT_NONE ? instant_print(a->head_when, when)
						 : "",
		    a->last - a->head_number);
}

/* audit_check_end - the exit status, and the line that goes with it */
static enum error
audit_check_end(struct ctl *c, const struct audit_account *a)
{
	if (a->findings == 0)
		return OK;
	if (a->findings > FINDINGS_SHOWN)
		print_line(&c->print, "... and %" PRIu64 " more",
		    a->findings - FINDINGS_SHOWN);
	c->tells = true;
	return error_set(&c->why, ERR_NOTFOUND, /* status 1 */
	    "the audit log does not hold: %" PRIu64 " problem%s", a->findings,
	    a->findings == 1 ? "" : "s");
}

enum error
ctl_audit_verify(struct ctl *c)
{
	const char *typed = argument_option(c, OPT_HEAD);
	struct audit_check check = {.c = c};
	struct audit_account a;
	struct digest head;
	enum error e;

	if (typed != NULL && !digest_parse(typed, &head))
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%.200s\" for --head: it is 64 hexadecimal digits, as status and the system's log have it",
		    typed);
	print_object_start(&c->print, NULL);
	print_array_start(&c->print, "findings");
	e = audit_verify(
	    c->txn, typed != NULL ? &head : NULL, finding_print, &check, &a);
	if (e != OK)
		return store_about(&c->why, e, c->store);
	print_array_end(&c->print);
	account_print(c, &a, typed != NULL);
	print_object_end(&c->print);
	if (a.findings == 0)
		account_lines(c, &a, typed != NULL);
	return audit_check_end(c, &a);
}

enum error
ctl_audit_prune(struct ctl *c)
{
	struct audit_pruned done;
	struct printer *p = &c->print;
	instant before;
	enum error e;

	if (argument_option(c, OPT_BEFORE) == NULL)
		return error_set(&c->why, ERR_USAGE,
		    "audit prune needs --before TIME: what is older is removed");
	e = argument_past_time(c, OPT_BEFORE, &before);
	if (e == OK)
		e = audit_prune(c->txn, &c->log, before,
		    argument_option(c, OPT_FORCE) != NULL, &done, &c->why);
	if (e != OK)
		return e;
	print_line(p, "%" PRIu64 " audit entr%s removed", done.removed,
	    done.removed == 1 ? "y" : "ies");
	print_object_start(p, NULL);
	print_number(p, "removed", done.removed);
	print_number_if(p, "pruned_up_to", done.last > 0, done.last);
	print_object_end(p);
	return OK;
}
