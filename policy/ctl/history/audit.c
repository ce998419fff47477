/* SPDX-License-Identifier: BSD-2-Clause */
/* audit - the commands on the audit log */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/audit_prune.h"
#include "policy/audit/audit_verify.h"
#include "policy/base/number.h"
#include "policy/base/text.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/history/audit_filter.h"

#define FINDINGS_SHOWN 20

#define USER_TEXT_MAX 80
#define OBJECT_TEXT_MAX (OBJECT_NAME_MAX + 16)

/* The name of a uid; that of the row before is asked for once. */
struct user {
	bool known;
	uint32_t uid;
	char name[33];
};

struct audit_list {
	struct ctl *c;
	struct audit_filter filter;
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
static enum error
summary_print(struct ctl *c, const struct audit_entry *entry)
{
	const struct audit_summary *s = &entry->summary;
	struct printer *p = &c->print;
	uint64_t first;
	enum error e = audit_table_listed(c->txn, entry, &first);
	bool stub = entry->kind == AUDIT_STUB;

	print_object_start(p, "summary");
	if (entry->kind == AUDIT_SUMMARY) {
		print_digest(p, "content", &s->content);
		print_number(p, "serial", s->serial);
		print_number(p, "created", s->created);
		print_number(p, "changed", s->changed);
		print_number(p, "removed", s->removed);
		print_bool(p, "complete", first > 0);
	} else {
		print_number(p, "pruned_up_to", stub ? entry->number : s->serial);
		print_digest(p, "pruned_hash", stub ? &entry->hash : &s->content);
		if (!stub)
			print_number(p, "removed", s->removed);
	}
	print_object_end(p);
	return e;
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
change_print(struct ctl *c, const struct audit_entry *entry)
{
	struct printer *p = &c->print;
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
	return e == OK && entry->kind != AUDIT_CHANGE ? summary_print(c, entry) : e;
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
	e = change_print(list->c, entry);
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
	bool wanted;
	enum error e;

	if (entry->number != list->last + 1 &&
	    (list->last > 0 || entry->kind != AUDIT_STUB))
		list->has_skipped = true;
	list->last = entry->number;
	e = audit_filter_wants(&list->filter, entry, &wanted);
	return e == OK && wanted ? entry_print(list, entry) : e;
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

/* audit_list_end - what could be read is worth more than nothing; but E is told */
static enum error
audit_list_end(struct audit_list *list, enum error e)
{
	const char *tenant = list->filter.tenant;
	struct ctl *c = list->c;
	struct tenant t;

	c->tells = true;
	if (e == ERR_DAMAGED)
		return error_set(&c->why, e,
		    "the audit log cannot be read behind entry %" PRIu64
		    "; see \"smtpauthctl audit verify\"",
		    list->last);
	/* a list that is not whole must not look like it */
	if (e == OK &&
	    (list->has_skipped || list->last != store_meta(c->txn)->audit_count))
		return error_set(&c->why, ERR_DAMAGED,
		    "the audit log is not whole; see \"smtpauthctl audit verify\"");
	/* A tenant that is gone has entries; a name that has none either is a mistake.
	 */
	if (e == OK && tenant[0] != '\0' && c->print.objects == 0)
		return argument_tenant(c, tenant, &t);
	return e;
}

enum error
ctl_audit_list(struct ctl *c)
{
	struct audit_list list = {.c = c};
	enum error e = audit_filter_open(&list.filter, c);

	if (e == OK)
		e = audit_list_end(&list, audit_list_run(&list));
	audit_filter_close(&list.filter);
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
