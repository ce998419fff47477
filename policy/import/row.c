/* SPDX-License-Identifier: BSD-2-Clause */
/* row - what one line of an import file says */
#include "policy/import/row.h"

#include <string.h>

#include "policy/base/text.h"

void
row_start(struct row *row, enum row_type type)
{
	row->type = type;
	row->name = row->value = NULL;
	row->domains = 0;
	row->says = ROW_ALL;
	row->locked = false;
	lock_init(&row->lock);
	if (type == ROW_MAILBOX)
		mailbox_init(&row->mailbox);
	else if (type == ROW_TENANT)
		tenant_init(&row->tenant);
}

enum error
row_check_mailbox(const struct row *row, struct error_text *why)
{
	const struct mailbox *m = &row->mailbox;

	if (m->clients.count > 0 && m->smtp_auth != SMTP_AUTH_ENABLED)
		return error_set(why, ERR_DATA,
		    "clients go with smtp_auth enabled only, not %s",
		    word_of_smtp_auth(m->smtp_auth));
	if (m->until != INSTANT_NONE && m->smtp_auth == SMTP_AUTH_INHERIT)
		return error_set(why, ERR_DATA,
		    "until goes with smtp_auth enabled or disabled, not inherit");
	return OK;
}

static enum error
bad_word(
    const char *key, const char *value, const char *expected, struct error_text *why)
{
	return error_set(
	    why, ERR_DATA, "bad %s \"%.100s\": use %s", key, value, expected);
}

static enum error
set_instant(const char *key, const char *value, enum instant_date date, instant now,
    instant *out_r, struct error_text *why)
{
	struct error_text bad;
	enum error e = instant_parse(value, date, now, out_r, &bad);

	return e == OK ? OK : error_set(why, e, "%s: %.600s", key, bad.text);
}

/* set_line - a text of one line and at most MAX bytes */
static enum error
set_line(
    const char *key, const char *value, size_t max, char *out, struct error_text *why)
{
	size_t n = strlen(value);

	if (n > max)
		return error_set(
		    why, ERR_DATA, "%s is longer than %zu bytes", key, max);
	if (!text_is_line(value, n))
		return error_set(
		    why, ERR_DATA, "%s has control characters or is not UTF-8", key);
	memcpy(out, value, n + 1);
	return OK;
}

enum error
row_set_mailbox(struct row *row, const char *key, const char *value, instant now,
    struct error_text *why)
{
	struct mailbox *m = &row->mailbox;

	if (strcmp(key, "address") == 0) {
		row->name = value;
		return OK;
	}
	if (strcmp(key, "smtp_auth") == 0)
		return word_to_smtp_auth(value, &m->smtp_auth)
		    ? OK
		    : bad_word(key, value, "enabled, disabled or inherit", why);
	if (strcmp(key, "until") == 0)
		return set_instant(key, value, INSTANT_DAY_END, now, &m->until, why);
	if (strcmp(key, "note") == 0)
		return set_line(key, value, NOTE_MAX, m->note, why);
	return ERR_NOTFOUND;
}

/* set_word - of a tenant: the values that are one of a few words */
static enum error
set_word(struct tenant *t, const char *key, const char *value, struct error_text *why)
{
	if (strcmp(key, "smtp_auth") == 0)
		return word_to_smtp_auth(value, &t->smtp_auth) &&
			t->smtp_auth != SMTP_AUTH_INHERIT
		    ? OK
		    : bad_word(key, value, "enabled or disabled", why);
	if (strcmp(key, "action") == 0)
		return word_to_action(value, &t->action) && t->action != ACTION_ACCEPT
		    ? OK
		    : bad_word(key, value, "reject, tempfail, report or default", why);
	if (strcmp(key, "blocks") == 0)
		return word_to_blocks(value, &t->blocks)
		    ? OK
		    : bad_word(key, value, "all or passwords", why);
	return ERR_NOTFOUND;
}

static enum error
set_contact(struct tenant *t, const char *value, struct error_text *why)
{
	enum error e = set_line("contact", value, CONTACT_MAX, t->contact, why);

	if (e == OK && !tenant_contact_is_valid(value))
		return bad_word("contact", value, "an address", why);
	return e;
}

enum error
row_set_tenant(struct row *row, const char *key, const char *value, instant now,
    struct error_text *why)
{
	struct tenant *t = &row->tenant;
	enum error e = set_word(t, key, value, why);

	if (e != ERR_NOTFOUND)
		return e;
	if (strcmp(key, "name") == 0) {
		row->name = value;
		return tenant_name_parse(value, t->name, why);
	}
	if (strcmp(key, "enforce_from") == 0)
		return set_instant(
		    key, value, INSTANT_DAY_START, now, &t->enforce_from, why);
	if (strcmp(key, "tempfail_until") == 0)
		return set_instant(
		    key, value, INSTANT_DAY_END, now, &t->tempfail_until, why);
	if (strcmp(key, "contact") == 0)
		return set_contact(t, value, why);
	if (strcmp(key, "reply") == 0)
		return set_line(key, value, REPLY_TEXT_MAX, t->reply, why);
	if (strcmp(key, "note") == 0)
		return set_line(key, value, NOTE_MAX, t->note, why);
	return ERR_NOTFOUND;
}

enum error
row_set_lock(struct row *row, const char *key, const char *value, instant now,
    struct error_text *why)
{
	struct lock *lock = &row->lock;

	if (strcmp(key, "login") == 0) {
		row->name = value;
		return OK;
	}
	if (strcmp(key, "tenant") == 0) {
		row->value = value;
		return OK;
	}
	if (strcmp(key, "until") == 0)
		return set_instant(key, value, INSTANT_DAY_END, now, &lock->until, why);
	if (strcmp(key, "when") == 0)
		return set_instant(
		    key, value, INSTANT_DAY_START, now, &lock->when, why);
	if (strcmp(key, "who") == 0)
		return set_line(key, value, LOCK_WHO_MAX, lock->who, why);
	if (strcmp(key, "note") == 0)
		return set_line(key, value, NOTE_MAX, lock->note, why);
	return ERR_NOTFOUND;
}
