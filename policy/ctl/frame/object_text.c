/* SPDX-License-Identifier: BSD-2-Clause */
/* object_text - a record of the policy as JSON for programs and as words for people */
#include "policy/ctl/frame/object_text.h"

#include <stdlib.h>
#include <string.h>

#include "policy/ctl/frame/output.h"
#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/settings.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"

const char *
object_text_type(struct bytes key)
{
	switch (key.len > 0 ? (enum table) * (const uint8_t *)key.at : TABLE_META) {
	case TABLE_SETTING:
		return "setting";
	case TABLE_TENANT:
		return "tenant";
	case TABLE_DOMAIN:
		return "domain";
	case TABLE_MAILBOX:
		return "mailbox";
	case TABLE_ALIAS:
		return "alias";
	case TABLE_LOCK:
	case TABLE_LOCAL_LOCK:
		return key.len > 1 && ((const uint8_t *)key.at)[1] == LOCK_TENANT
		    ? "tenant-lock"
		    : "lock";
	case TABLE_META:
	case TABLE_NOTICE:
	case TABLE_AUDIT:
	case INDEX_ALIAS:
	case INDEX_DOMAIN:
		break;
	}
	return NULL;
}

/* lock_name - that of what is locked */
static enum error
lock_name(struct bytes key, char *name)
{
	char tenant[TENANT_NAME_MAX + 1];
	enum lock_kind kind;
	struct login login;
	enum error e = key_to_lock(key, &kind, tenant, &login);

	if (e == OK)
		snprintf(name, OBJECT_NAME_MAX, "%s",
		    kind == LOCK_TENANT ? tenant : login.text);
	return e;
}

enum error
object_text_name(struct bytes key, char *name)
{
	const uint8_t *at = key.at;
	struct login login;
	enum error e;

	if (key.len < 2)
		return ERR_DAMAGED;
	if (at[0] == TABLE_MAILBOX || at[0] == TABLE_ALIAS) {
		e = key_to_login(key, &login);
		if (e == OK)
			memcpy(name, login.text, login.len + 1);
		return e;
	}
	if (at[0] == TABLE_LOCK || at[0] == TABLE_LOCAL_LOCK)
		return lock_name(key, name);
	if (key.len > OBJECT_NAME_MAX)
		return ERR_DAMAGED;
	memcpy(name, at + 1, key.len - 1);
	name[key.len - 1] = '\0';
	return OK;
}

void
json_tenant_members(
    struct json *j, const struct tenant *t, const struct lock_state *lock)
{
	json_quoted(j, "smtp_auth", word_of_smtp_auth(t->smtp_auth));
	json_quoted(j, "action", word_of_action(t->action));
	json_quoted(j, "blocks", word_of_blocks(t->blocks));
	json_instant(j, "enforce_from", t->enforce_from);
	json_instant(j, "tempfail_until", t->tempfail_until);
	if (lock != NULL)
		json_lock(j, "lock", lock);
	json_text(j, "contact", t->contact);
	json_text(j, "reply", t->reply);
	json_text(j, "note", t->note);
}

void
json_mailbox_members(
    struct json *j, const struct mailbox *m, const struct lock_state *lock)
{
	json_quoted(j, "smtp_auth", word_of_smtp_auth(m->smtp_auth));
	json_instant(j, "until", m->until);
	json_networks(j, "clients", &m->clients);
	if (lock != NULL)
		json_lock(j, "lock", lock);
	json_text(j, "note", m->note);
}

void
json_lock_members(struct json *j, const struct lock *lock)
{
	json_instant(j, "until", lock->until);
	json_text(j, "note", lock->note);
	json_text(j, "who", lock->who);
	json_instant(j, "when", lock->when);
}

/* A record of any table, decoded. */
struct decoded {
	enum table table;
	union {
		struct tenant tenant;
		struct mailbox mailbox;
		struct lock lock;
		struct login alias;               /* the mailbox it leads to */
		char domain[TENANT_NAME_MAX + 1]; /* its tenant */
		char setting[SETTING_TEXT_MAX + 1];
	} of;
};

static enum error
decode(struct bytes record, struct bytes value, struct decoded *d)
{
	d->table = (enum table) * (const uint8_t *)record.at;
	switch (d->table) {
	case TABLE_SETTING:
		return settings_decode(value, d->of.setting, sizeof d->of.setting);
	case TABLE_TENANT:
		return tenant_decode(value, &d->of.tenant);
	case TABLE_DOMAIN:
		return domain_record_decode(value, d->of.domain);
	case TABLE_MAILBOX:
		return mailbox_decode(value, &d->of.mailbox);
	case TABLE_ALIAS:
		return alias_record_decode(value, &d->of.alias);
	case TABLE_LOCK:
	case TABLE_LOCAL_LOCK:
		return lock_decode(value, &d->of.lock);
	case TABLE_META:
	case TABLE_NOTICE:
	case TABLE_AUDIT:
	case INDEX_ALIAS:
	case INDEX_DOMAIN:
		break;
	}
	return ERR_DAMAGED;
}

enum error
object_text_json(
    struct json *j, const char *key, struct bytes record, struct bytes value)
{
	struct decoded d;
	enum error e;

	if (value.at == NULL) {
		json_none(j, key);
		return OK;
	}
	e = decode(record, value, &d);
	if (e != OK)
		return e;
	json_object_start(j, key);
	if (d.table == TABLE_SETTING)
		json_quoted(j, "value", d.of.setting);
	else if (d.table == TABLE_TENANT)
		json_tenant_members(j, &d.of.tenant, NULL);
	else if (d.table == TABLE_DOMAIN)
		json_quoted(j, "tenant", d.of.domain);
	else if (d.table == TABLE_MAILBOX)
		json_mailbox_members(j, &d.of.mailbox, NULL);
	else if (d.table == TABLE_LOCK || d.table == TABLE_LOCAL_LOCK)
		json_lock_members(j, &d.of.lock);
	else
		json_quoted(j, "mailbox", d.of.alias.text);
	json_object_end(j);
	return OK;
}

/* Between words while they are made: a value, escaped, has no such byte. */
#define BREAK "\n"

static void
next_word(struct text *t, const char *key)
{
	text_printf(t, "%s%s=", t->len > 0 ? BREAK : "", key);
}

/* word - "KEY=VALUE" with a break in front where one is needed; nothing for "" */
static void
word(struct text *t, const char *key, const char *value)
{
	if (*value == '\0')
		return;
	next_word(t, key);
	text_show(t, value, strlen(value), strlen(value));
}

static void
word_instant(struct text *t, const char *key, instant at)
{
	char buf[INSTANT_TEXT_MAX];

	word(t, key, at != INSTANT_NONE ? instant_print(at, buf) : "");
}

static void
lock_words(struct text *t, const struct lock *lock)
{
	char buf[INSTANT_TEXT_MAX];

	word(t, "locked",
	    lock->until != INSTANT_NONE ? instant_print(lock->until, buf) : "yes");
	word(t, "note", lock->note);
	word(t, "who", lock->who);
	word_instant(t, "when", lock->when);
}

static void
tenant_words(struct text *t, const struct tenant *of)
{
	word(t, "smtp-auth", word_of_smtp_auth(of->smtp_auth));
	if (of->action != ACTION_DEFAULT)
		word(t, "action", word_of_action(of->action));
	if (of->blocks != BLOCKS_ALL)
		word(t, "blocks", word_of_blocks(of->blocks));
	word_instant(t, "enforce-from", of->enforce_from);
	word_instant(t, "tempfail-until", of->tempfail_until);
	word(t, "contact", of->contact);
	word(t, "reply", of->reply);
	word(t, "note", of->note);
}

static void
mailbox_words(struct text *t, const struct mailbox *m)
{
	word(t, "smtp-auth", word_of_smtp_auth(m->smtp_auth));
	word_instant(t, "until", m->until);
	if (m->clients.count > 0) {
		next_word(t, "clients");
		cidr_list_print(&m->clients, t);
	}
	word(t, "note", m->note);
}

/* words - parted by breaks */
static enum error
words(struct text *t, struct bytes record, struct bytes value)
{
	struct decoded d;
	enum error e = decode(record, value, &d);

	if (e != OK)
		return e;
	if (d.table == TABLE_SETTING)
		word(t, "value", d.of.setting);
	else if (d.table == TABLE_TENANT)
		tenant_words(t, &d.of.tenant);
	else if (d.table == TABLE_DOMAIN)
		word(t, "tenant", d.of.domain);
	else if (d.table == TABLE_MAILBOX)
		mailbox_words(t, &d.of.mailbox);
	else if (d.table == TABLE_LOCK || d.table == TABLE_LOCAL_LOCK)
		lock_words(t, &d.of.lock);
	else
		word(t, "mailbox", d.of.alias.text);
	return OK;
}

enum error
object_text_words(struct text *t, struct bytes record, struct bytes value)
{
	enum error e = words(t, record, value);

	for (size_t i = 0; i < t->len; i++)
		if (t->at[i] == BREAK[0])
			t->at[i] = ' ';
	return e;
}

/* has_word - whether the words OF, parted by breaks, have this one */
static bool
has_word(const char *of, const char *word, size_t n)
{
	for (; *of != '\0'; of += strcspn(of, BREAK), of += *of == BREAK[0])
		if (strcspn(of, BREAK) == n && memcmp(of, word, n) == 0)
			return true;
	return false;
}

/* add_others - the words of FROM that OTHER has not, or "-" */
static void
add_others(struct text *t, const char *from, const char *other)
{
	size_t n, before = t->len;

	for (; *from != '\0'; from += n, from += *from == BREAK[0]) {
		n = strcspn(from, BREAK);
		if (has_word(other, from, n))
			continue;
		text_puts(t, t->len > before ? " " : "");
		text_add(t, from, n);
	}
	if (t->len == before)
		text_puts(t, "-");
}

enum error
object_text_change(
    struct text *t, struct bytes record, struct bytes before, struct bytes after)
{
	char *buf = malloc((size_t)2 * OBJECT_WORDS_MAX);
	struct text old, new;
	enum error e = OK;

	if (buf == NULL)
		return ERR_MEMORY;
	text_init(&old, buf, OBJECT_WORDS_MAX);
	text_init(&new, buf + OBJECT_WORDS_MAX, OBJECT_WORDS_MAX);
	if (before.at != NULL)
		e = words(&old, record, before);
	if (e == OK && after.at != NULL)
		e = words(&new, record, after);
	if (e == OK) {
		add_others(t, old.at, new.at);
		text_puts(t, " -> ");
		add_others(t, new.at, old.at);
	}
	if (e == OK && (old.cut || new.cut || t->cut))
		e = ERR_INTERNAL; /* OBJECT_WORDS_MAX is too small */
	free(buf);
	return e;
}
