/* SPDX-License-Identifier: BSD-2-Clause */
/* object_text - a record of the policy as fields, and as words for people */
#include "policy/ctl/frame/object_text.h"

#include <stdlib.h>
#include <string.h>

#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/settings.h"

static bool
is_lock(const uint8_t *key)
{
	return key[0] == TABLE_LOCK || key[0] == TABLE_LOCAL_LOCK;
}

const char *
object_text_type(struct bytes key)
{
	static const char *const types[] = {[TABLE_SETTING] = "setting",
	    [TABLE_TENANT] = "tenant",
	    [TABLE_DOMAIN] = "domain",
	    [TABLE_MAILBOX] = "mailbox",
	    [TABLE_ALIAS] = "alias",
	    [TABLE_LOCK] = "lock",
	    [TABLE_LOCAL_LOCK] = "lock"};
	const uint8_t *at = key.at;

	if (key.len == 0 || at[0] >= sizeof types / sizeof *types)
		return NULL;
	return is_lock(at) && key.len > 1 && at[1] == LOCK_TENANT ? "tenant-lock"
								  : types[at[0]];
}

enum error
object_text_name(struct bytes key, char *name)
{
	const uint8_t *at = key.at;
	char tenant[TENANT_NAME_MAX + 1];
	enum lock_kind kind = LOCK_LOGIN;
	struct login login;
	enum error e;

	if (key.len < 2)
		return ERR_DAMAGED;
	if (at[0] != TABLE_MAILBOX && at[0] != TABLE_ALIAS && !is_lock(at))
		return key_to_name(key, 1, OBJECT_NAME_MAX - 1, name);
	e = is_lock(at) ? key_to_lock(key, &kind, tenant, &login)
			: key_to_login(key, &login);
	if (e == OK)
		snprintf(name, OBJECT_NAME_MAX, "%s",
		    kind == LOCK_TENANT ? tenant : login.text);
	return e;
}

/* networks_print - an array, and for people a text */
static void __attribute__((noinline)) /* a large frame */
networks_print(struct printer *p, const char *key, const struct cidr_list *list)
{
	char all[CIDR_LIST_MAX * CIDR_TEXT_MAX], net[CIDR_TEXT_MAX];
	struct text t;

	if (!p->has_json) {
		text_init(&t, all, sizeof all);
		cidr_list_print(list, &t);
		print_text(p, key, all);
		return;
	}
	print_array_start(p, key);
	for (unsigned i = 0; i < list->count; i++) {
		cidr_print(&list->net[i], net);
		print_item(p, net, strlen(net));
	}
	print_array_end(p);
}

/* lock_state_print - null for none */
static void
lock_state_print(struct printer *p, const struct lock_state *lock, instant now)
{
	char buf[LOCK_TEXT_MAX];

	if (lock == NULL)
		return;
	print_words(p, "lock", lock_words(lock, now, buf));
	if (!lock->set) {
		print_none(p, "lock");
		return;
	}
	print_object_start(p, "lock");
	print_time(p, "until", lock->until);
	print_object_end(p);
}

void
object_text_overruled(struct printer *p, unsigned causes, const struct tenant *t)
{
	char buf[OVERRULE_TEXT_MAX];
	const char *word;
	struct text text;

	text_init(&text, buf, sizeof buf);
	overrule_describe(causes, t, &text);
	if (p->form != PRINT_TABLE) /* which has room for the keys alone */
		print_words(p, "overruled_by", buf);
	print_array_start(p, "overruled_by");
	for (unsigned c = OVERRULE_FIRST; c <= OVERRULE_LAST; c <<= 1) {
		word = overrule_word((enum overrule)c);
		if ((causes & c) && (p->has_json || p->form == PRINT_TABLE))
			print_item(p, word, strlen(word));
	}
	print_array_end(p);
}

void
object_text_expired(struct printer *p, const char *key, instant until, instant now)
{
	char buf[INSTANT_TEXT_MAX + 16], when[INSTANT_TEXT_MAX];

	if (until == INSTANT_NONE || now < until)
		return;
	snprintf(buf, sizeof buf, "%s (expired)", instant_print(until, when));
	print_words(p, key, buf);
}

void
object_text_tenant(struct printer *p, const struct tenant *t,
    const struct lock_state *lock, instant now)
{
	bool words = p->form == PRINT_WORDS;

	print_text(p, "smtp_auth", word_of_smtp_auth(t->smtp_auth));
	if (!words || t->action != ACTION_DEFAULT)
		print_text(p, "action", word_of_action(t->action));
	if (!words || t->blocks != BLOCKS_ALL)
		print_text(p, "blocks", word_of_blocks(t->blocks));
	print_time(p, "enforce_from", t->enforce_from);
	print_time(p, "tempfail_until", t->tempfail_until);
	lock_state_print(p, lock, now);
	print_text(p, "contact", t->contact);
	print_text(p, "reply", t->reply);
	print_text(p, "note", t->note);
}

void
object_text_mailbox(struct printer *p, const struct mailbox *m,
    const struct lock_state *lock, instant now)
{
	print_text(p, "smtp_auth", word_of_smtp_auth(m->smtp_auth));
	print_time(p, "until", m->until);
	networks_print(p, "clients", &m->clients);
	lock_state_print(p, lock, now);
	print_text(p, "note", m->note);
}

void
object_text_lock_members(struct printer *p, const struct lock *lock)
{
	if (p->form == PRINT_WORDS && lock->until == INSTANT_NONE)
		print_text(p, "locked", "yes");
	else
		print_time(p, p->form == PRINT_WORDS ? "locked" : "until", lock->until);
	print_text(p, "note", lock->note);
	print_text(p, "who", lock->who);
	print_time(p, "when", lock->when);
}

/* What a record of the policy holds. */
union stored {
	struct tenant tenant;
	struct mailbox mailbox;
	struct lock lock;
	struct login login;
	char text[SETTING_TEXT_MAX + 1]; /* of a setting; the tenant of a domain */
};

/* stored_decode - by the table of its key */
static enum error
stored_decode(enum table table, struct bytes value, union stored *out_r)
{
	if (table == TABLE_SETTING)
		return settings_decode(value, out_r->text, sizeof out_r->text);
	if (table == TABLE_TENANT)
		return tenant_decode(value, &out_r->tenant);
	if (table == TABLE_DOMAIN)
		return domain_record_decode(value, out_r->text);
	if (table == TABLE_MAILBOX)
		return mailbox_decode(value, &out_r->mailbox);
	if (table == TABLE_ALIAS)
		return alias_record_decode(value, &out_r->login);
	if (table == TABLE_LOCK || table == TABLE_LOCAL_LOCK)
		return lock_decode(value, &out_r->lock);
	return ERR_DAMAGED;
}

static void
stored_print(struct printer *p, enum table table, const union stored *of)
{
	if (table == TABLE_SETTING)
		print_string(p, "value", of->text);
	else if (table == TABLE_TENANT)
		object_text_tenant(p, &of->tenant, NULL, INSTANT_NONE);
	else if (table == TABLE_DOMAIN)
		print_text(p, "tenant", of->text);
	else if (table == TABLE_MAILBOX)
		object_text_mailbox(p, &of->mailbox, NULL, INSTANT_NONE);
	else if (table == TABLE_ALIAS)
		print_text(p, "mailbox", of->login.text);
	else
		object_text_lock_members(p, &of->lock);
}

enum error
object_text_record(
    struct printer *p, const char *key, struct bytes record, struct bytes value)
{
	enum table table = (enum table) * (const uint8_t *)record.at;
	union stored of;
	enum error e;

	if (value.at == NULL) {
		print_none(p, key);
		return OK;
	}
	e = stored_decode(table, value, &of);
	if (e != OK)
		return e;
	print_object_start(p, key);
	stored_print(p, table, &of);
	print_object_end(p);
	return OK;
}

/* has_word - whether the lines OF have this one */
static bool
has_word(const char *of, const char *word, size_t n)
{
	for (; *of != '\0'; of += strcspn(of, "\n"), of += *of == '\n')
		if (strcspn(of, "\n") == n && memcmp(of, word, n) == 0)
			return true;
	return false;
}

/* put_others - the words of FROM that OTHER has not, or "-" */
static void
put_others(FILE *out, const char *from, const char *other)
{
	size_t n;
	bool any = false;

	for (; *from != '\0'; from += n, from += *from == '\n') {
		n = strcspn(from, "\n");
		if (has_word(other, from, n))
			continue;
		fprintf(out, "%s%.*s", any ? " " : "", (int)n, from);
		any = true;
	}
	if (!any)
		putc('-', out);
}

/* words_of - the words of a record, a line each, for free(); none without a value */
static enum error
words_of(struct bytes record, struct bytes value, char **words_r)
{
	struct printer p;
	size_t size;
	FILE *out = open_memstream(words_r, &size);
	enum error e = OK;

	if (out == NULL)
		return ERR_MEMORY;
	print_open(&p, out, false);
	p.form = PRINT_WORDS;
	if (value.at != NULL)
		e = object_text_record(&p, NULL, record, value);
	return fclose(out) == 0 && *words_r != NULL ? e : ERR_MEMORY;
}

enum error
object_text_change(
    char **text_r, struct bytes record, struct bytes before, struct bytes after)
{
	char *old = NULL, *new = NULL;
	size_t size;
	FILE *out;
	enum error e = words_of(record, before, &old);

	*text_r = NULL;
	if (e == OK)
		e = words_of(record, after, &new);
	if (e == OK) {
		out = open_memstream(text_r, &size);
		if (out != NULL) {
			put_others(out, old, new);
			fputs(" -> ", out);
			put_others(out, new, old);
		}
		if (out == NULL || fclose(out) != 0 || *text_r == NULL)
			e = ERR_MEMORY;
	}
	free(old);
	free(new);
	return e;
}

void
object_text_steps(struct printer *p, const char *steps)
{
	size_t n;

	print_array_start(p, "steps");
	for (; *steps != '\0'; steps += n, steps += *steps == '\n') {
		n = strcspn(steps, "\n");
		print_item(p, steps, n);
		if (!p->has_json)
			fprintf(p->out, "  %.*s\n", (int)n, steps); /* safe already */
	}
	print_array_end(p);
}
