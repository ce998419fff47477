/* SPDX-License-Identifier: BSD-2-Clause */
/* row - what one line of an import file says */
#include "policy/import/row.h"

#include <string.h>

#include "policy/base/text.h"

enum field_kind {
	FIELD_NAME,      /* a pointer to the value */
	FIELD_TENANT,    /* the same, and the name in normal form */
	FIELD_SMTP_AUTH, /* of a mailbox */
	FIELD_SWITCH,    /* of a tenant: smtp_auth without inherit */
	FIELD_ACTION,
	FIELD_BLOCKS,
	FIELD_DAY_START, /* a time; a date is its first or its last second */
	FIELD_DAY_END,
	FIELD_LINE,
	FIELD_CONTACT,
};

struct row_field {
	const char *key;
	enum row_type type;
	enum field_kind kind;
	size_t at;            /* in struct row */
	size_t max;           /* bytes of a line */
	const char *expected; /* where only some words are taken */
};

#define AT(member) offsetof(struct row, member)

static const struct row_field row_fields[] = {
    {"address", ROW_MAILBOX, FIELD_NAME, AT(name), 0, NULL},
    {"smtp_auth", ROW_MAILBOX, FIELD_SMTP_AUTH, AT(mailbox.smtp_auth), 0,
	"enabled, disabled or inherit"},
    {"until", ROW_MAILBOX, FIELD_DAY_END, AT(mailbox.until), 0, NULL},
    {"note", ROW_MAILBOX, FIELD_LINE, AT(mailbox.note), NOTE_MAX, NULL},
    {"name", ROW_TENANT, FIELD_TENANT, AT(tenant.name), 0, NULL},
    {"smtp_auth", ROW_TENANT, FIELD_SWITCH, AT(tenant.smtp_auth), 0,
	"enabled or disabled"},
    {"action", ROW_TENANT, FIELD_ACTION, AT(tenant.action), 0,
	"reject, tempfail, report or default"},
    {"blocks", ROW_TENANT, FIELD_BLOCKS, AT(tenant.blocks), 0, "all or passwords"},
    {"enforce_from", ROW_TENANT, FIELD_DAY_START, AT(tenant.enforce_from), 0, NULL},
    {"tempfail_until", ROW_TENANT, FIELD_DAY_END, AT(tenant.tempfail_until), 0, NULL},
    {"contact", ROW_TENANT, FIELD_CONTACT, AT(tenant.contact), CONTACT_MAX,
	"one plain address, as it@acme.example"},
    {"reply", ROW_TENANT, FIELD_LINE, AT(tenant.reply), REPLY_TEXT_MAX, NULL},
    {"note", ROW_TENANT, FIELD_LINE, AT(tenant.note), NOTE_MAX, NULL},
    {"key", ROW_SETTING, FIELD_NAME, AT(name), 0, NULL},
    {"login", ROW_ALIAS, FIELD_NAME, AT(name), 0, NULL},
    {"mailbox", ROW_ALIAS, FIELD_NAME, AT(value), 0, NULL},
    {"login", ROW_LOCK, FIELD_NAME, AT(name), 0, NULL},
    {"tenant", ROW_LOCK, FIELD_NAME, AT(value), 0, NULL},
    {"until", ROW_LOCK, FIELD_DAY_END, AT(lock.until), 0, NULL},
    {"when", ROW_LOCK, FIELD_DAY_START, AT(lock.when), 0, NULL},
    {"who", ROW_LOCK, FIELD_LINE, AT(lock.who), LOCK_WHO_MAX, NULL},
    {"note", ROW_LOCK, FIELD_LINE, AT(lock.note), NOTE_MAX, NULL},
};

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

const struct row_field *
row_field_find(enum row_type type, const char *key)
{
	for (size_t i = 0; i < sizeof row_fields / sizeof *row_fields; i++)
		if (row_fields[i].type == type && strcmp(row_fields[i].key, key) == 0)
			return &row_fields[i];
	return NULL;
}

static enum error
row_set_instant(const struct row_field *f, const char *value, instant now,
    instant *out_r, struct error_text *why)
{
	enum instant_date date =
	    f->kind == FIELD_DAY_END ? INSTANT_DAY_END : INSTANT_DAY_START;
	struct error_text bad;
	enum error e = instant_parse(value, date, now, out_r, &bad);

	return e == OK ? OK : error_set(why, e, "%s: %.600s", f->key, bad.text);
}

static enum error
row_set_line(
    const struct row_field *f, const char *value, char *out, struct error_text *why)
{
	size_t n = strlen(value);

	if (n > f->max)
		return error_set(
		    why, ERR_DATA, "%s is longer than %zu bytes", f->key, f->max);
	if (!text_is_line(value, n))
		return error_set(why, ERR_DATA,
		    "%s has control characters or is not UTF-8; save the file as UTF-8",
		    f->key);
	memcpy(out, value, n + 1);
	return OK;
}

enum error
row_set(struct row *row, const struct row_field *field, const char *value, instant now,
    struct error_text *why)
{
	void *out = (char *)row + field->at;
	bool good = false;
	enum error e;

	switch (field->kind) {
	case FIELD_NAME:
		*(const char **)out = value;
		return OK;
	case FIELD_TENANT:
		row->name = value;
		return tenant_name_parse(value, out, why);
	case FIELD_DAY_START:
	case FIELD_DAY_END:
		return row_set_instant(field, value, now, out, why);
	case FIELD_LINE:
		return row_set_line(field, value, out, why);
	case FIELD_CONTACT:
		e = row_set_line(field, value, out, why);
		if (e != OK)
			return e;
		good = tenant_contact_is_valid(value);
		break;
	case FIELD_SMTP_AUTH:
		good = word_to_smtp_auth(value, out);
		break;
	case FIELD_SWITCH:
		good = word_to_smtp_auth(value, out) &&
		    row->tenant.smtp_auth != SMTP_AUTH_INHERIT;
		break;
	case FIELD_ACTION:
		good =
		    word_to_action(value, out) && row->tenant.action != ACTION_ACCEPT;
		break;
	case FIELD_BLOCKS:
		good = word_to_blocks(value, out);
		break;
	}
	if (good)
		return OK;
	return error_set(why, ERR_DATA, "bad %s \"%.100s\": use %s", field->key, value,
	    field->expected);
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
