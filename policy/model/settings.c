/* SPDX-License-Identifier: BSD-2-Clause */
/* settings - the global settings: one table of keys, values and defaults */
#include "policy/model/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/near_word.h"
#include "policy/base/number.h"
#include "policy/base/text.h"

#define SETTING_VERSION 1

static const char *const action_words[] = {"", "reject", "tempfail", "report", NULL};
static const char *const new_tenant_words[] = {"", "enabled", "disabled", NULL};
static const char *const login_domain_words[] = {"keep", "default", NULL};
static const char *const reply_style_words[] = {"standard", "exchange", NULL};

static enum error
setting_bad(const char *value, const char *expected, struct error_text *why)
{
	return error_set(why, ERR_DATA, "bad value \"%s\": use %s", value, expected);
}

/* set_word - an enumeration; a value that the setting does not take is "" */
static enum error
set_word(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	return word_find(row->words, value, member)
	    ? OK
	    : setting_bad(value, row->expected, why);
}

static enum error
set_domain(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	size_t len = 0;

	if (domain_normalize(value, strlen(value), member, DOMAIN_MAX, &len) != OK)
		return setting_bad(value, row->values, why);
	((char *)member)[len] = '\0';
	return OK;
}

/* set_characters - ASCII punctuation that is not FORBIDDEN */
static enum error
set_characters(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	size_t n = strlen(value);

	if (n == 0 || n >= row->room)
		return setting_bad(value, "1 to 16 characters", why);
	for (size_t i = 0; i < n; i++) {
		if (strchr(row->forbidden, value[i]) != NULL)
			return error_set(why, ERR_DATA, "'%c' cannot be used here%s",
			    value[i],
			    value[i] == '\\' ? ": use \"mailbox alias add\"" : "");
		if ((unsigned char)value[i] >= 0x80 ||
		    !ispunct((unsigned char)value[i]))
			return setting_bad(value, "ASCII punctuation", why);
	}
	memcpy(member, value, n + 1);
	return OK;
}

static enum error
set_networks(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	(void)row;
	return cidr_list_parse(value, member, why);
}

static enum error
set_text(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	size_t n = strlen(value);

	if (n == 0)
		return error_set(why, ERR_DATA, "empty value: use \"settings unset\"");
	if (n >= row->room)
		return error_set(
		    why, ERR_DATA, "the value is longer than %zu bytes", row->room - 1);
	if (!text_is_line(value, n))
		return error_set(
		    why, ERR_DATA, "the value has control characters or is not UTF-8");
	memcpy(member, value, n + 1);
	return OK;
}

static enum error
set_url(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	if (strpbrk(value, " \t<>\"") != NULL || strchr(value, ':') == NULL)
		return setting_bad(value, row->values, why);
	return set_text(row, member, value, why);
}

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* set_names - in order and once each, so that a list has one form */
static enum error
set_names(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	char copy[SETTING_LISTENERS_MAX + 1], *names[SETTING_LISTENERS_MAX / 2 + 1];
	struct text t;
	size_t n = 0;
	enum error e = set_text(row, copy, value, why);

	if (e != OK)
		return e;
	for (char *next = copy, *name; (name = strsep(&next, ",")) != NULL;) {
		size_t len;

		name += strspn(name, " ");
		for (len = strlen(name); len > 0 && name[len - 1] == ' '; len--)
			name[len - 1] = '\0';
		if (len > 0)
			names[n++] = name;
	}
	qsort(names, n, sizeof *names, compare_words);
	text_init(&t, member, row->room);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			text_printf(&t, "%s%s", i > 0 ? "," : "", names[i]);
	return n > 0 ? OK : setting_bad(value, row->values, why);
}

/* set_number - a decimal from 1 to MOST */
static enum error
set_number(
    const struct setting *row, void *member, const char *value, struct error_text *why)
{
	uint64_t n;

	if (!number_parse(value, row->most, &n) || n < 1)
		return error_set(why, ERR_DATA,
		    "bad value \"%s\": use a number from 1 to %u", value, row->most);
	*(unsigned *)member = (unsigned)n;
	return OK;
}

#define MEMBER(m) .offset = offsetof(struct settings, m)
#define TEXT_MEMBER(m) MEMBER(m), .room = sizeof(((struct settings *)0)->m)

static const struct setting table[] = {
    {"enforce", "yes | no (dry run)", "yes", SETTING_WORD, set_word, MEMBER(enforce),
	.words = word_yes_no, .expected = "yes or no"},
    {"action", "reject | tempfail | report", "reject", SETTING_WORD, set_word,
	MEMBER(action), .words = action_words,
	.expected = "reject, tempfail or report"},
    {"new-tenant-smtp-auth", "disabled | enabled", "disabled", SETTING_WORD, set_word,
	MEMBER(new_tenant_smtp_auth), .words = new_tenant_words,
	.expected = "disabled or enabled"},
    {"unknown-tenant", "accept | tempfail | reject", "accept", SETTING_WORD, set_word,
	MEMBER(unknown_tenant), .words = word_three_way,
	.expected = "accept, tempfail or reject"},
    {"login-domain", "keep | default", "keep", SETTING_WORD, set_word,
	MEMBER(login_domain), .words = login_domain_words,
	.expected = "keep or default", .identifies = true},
    {"invalid-login", "reject | tempfail | accept", "reject", SETTING_WORD, set_word,
	MEMBER(invalid_login), .words = word_three_way,
	.expected = "accept, tempfail or reject"},
    {"default-domain", "a domain", NULL, SETTING_WORD, set_domain,
	TEXT_MEMBER(default_domain), .identifies = true},
    {"login-separators", "characters", NULL, SETTING_WORD, set_characters,
	TEXT_MEMBER(login_separators), .forbidden = "@\\", .identifies = true},
    {"subaddress-delimiter", "characters", NULL, SETTING_WORD, set_characters,
	TEXT_MEMBER(subaddress_delimiter), .forbidden = "@", .identifies = true},
    {"exempt-clients", "networks", NULL, SETTING_LIST, set_networks,
	MEMBER(exempt_clients)},
    {"exempt-listeners", "names of listeners", NULL, SETTING_LIST, set_names,
	TEXT_MEMBER(exempt_listeners)},
    {"reply-style", "standard | exchange", "standard", SETTING_WORD, set_word,
	MEMBER(reply_style), .words = reply_style_words,
	.expected = "standard or exchange"},
    {"help-url", "a URL", NULL, SETTING_WORD, set_url, TEXT_MEMBER(help_url)},
    {"reply-tenant", "text", NULL, SETTING_WORD, set_text, TEXT_MEMBER(reply_tenant)},
    {"reply-mailbox", "text", NULL, SETTING_WORD, set_text, TEXT_MEMBER(reply_mailbox)},
    {"usage-retention", "days", "90", SETTING_NUMBER, set_number,
	MEMBER(usage_retention), .most = 3650},
    {"usage-nodes", "machines", "1", SETTING_NUMBER, set_number, MEMBER(usage_nodes),
	.most = 10000},
};

static void *
setting_member(const struct setting *row, struct settings *s)
{
	return (char *)s + row->offset;
}

const struct setting *
settings_at(size_t i)
{
	return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const struct setting *
settings_find(const char *key)
{
	const struct setting *row;

	for (size_t i = 0; (row = settings_at(i)) != NULL; i++)
		if (strcmp(row->key, key) == 0)
			return row;
	return NULL;
}

enum error
settings_unknown(const char *key, struct error_text *why)
{
	const char *known[sizeof table / sizeof *table], *near;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		known[i] = table[i].key;
	near = near_word_find(key, known, sizeof table / sizeof *table);
	if (near != NULL)
		return error_set(why, ERR_DATA,
		    "unknown setting \"%s\"; do you mean \"%s\"?", key, near);
	return error_set(why, ERR_DATA,
	    "unknown setting \"%s\"; see \"smtpauthctl settings show\"", key);
}

void
settings_init(struct settings *s)
{
	const struct setting *row;

	memset(s, 0, sizeof *s);
	for (size_t i = 0; (row = settings_at(i)) != NULL; i++)
		if (row->initial != NULL && settings_apply(row, row->initial, s) != OK)
			abort(); /* a default of the table above is wrong */
}

enum error
settings_canonical(const struct setting *setting, const char *value, char *out,
    size_t cap, struct error_text *why)
{
	struct settings s;
	struct text t;
	enum error e;

	settings_init(&s);
	e = setting->set(setting, setting_member(setting, &s), value, why);
	if (e != OK)
		return e;
	text_init(&t, out, cap);
	if (setting->set == set_networks)
		cidr_list_print(&s.exempt_clients, &t);
	else if (setting->room > 0)
		text_puts(&t, setting_member(setting, &s));
	else
		text_puts(&t,
		    setting->shape == SETTING_NUMBER ? value + strspn(value, "0")
						     : value);
	if (t.cut)
		return error_set(
		    why, ERR_DATA, "the value is longer than %zu bytes", cap - 1);
	return OK;
}

enum error
settings_apply(const struct setting *setting, const char *value, struct settings *s)
{
	return setting->set(setting, setting_member(setting, s), value, NULL) == OK
	    ? OK
	    : ERR_DAMAGED;
}

void
settings_encode(const char *value, struct record_writer *w)
{
	record_put_u8(w, SETTING_VERSION);
	record_put_string(w, value);
}

enum error
settings_decode(struct bytes from, char *out, size_t cap)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, SETTING_VERSION);

	if (e != OK)
		return e;
	record_get_string(&r, out, cap);
	return record_end(&r);
}

bool
settings_replace_domain(const struct settings *s)
{
	return s->login_domain == LOGIN_DOMAIN_DEFAULT && s->default_domain[0] != '\0';
}

bool
settings_exempt_listener(const struct settings *s, const char *name)
{
	size_t n = strlen(name);
	const char *at = s->exempt_listeners;

	while (n > 0 && *at != '\0') {
		size_t word = strcspn(at, ",");

		if (word == n && strncasecmp(at, name, n) == 0)
			return true;
		at += word;
		at += *at == ',';
	}
	return false;
}
