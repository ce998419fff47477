/* SPDX-License-Identifier: BSD-2-Clause */
/* settings - the global settings: one table of keys, values and defaults */
#include "policy/model/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/text.h"

#define SETTING_VERSION 1
#define DAYS_MAX 3650
#define NODES_MAX 10000

static enum error
bad(const char *value, const char *expected, struct error_text *why)
{
	return error_set(why, ERR_DATA, "bad value \"%s\": use %s", value, expected);
}

static enum error
set_enforce(struct settings *s, const char *value, struct error_text *why)
{
	s->enforce = strcmp(value, "yes") == 0;
	return s->enforce || strcmp(value, "no") == 0 ? OK
						      : bad(value, "yes or no", why);
}

static enum error
set_action(struct settings *s, const char *value, struct error_text *why)
{
	if (word_to_action(value, &s->action) && s->action != ACTION_DEFAULT &&
	    s->action != ACTION_ACCEPT)
		return OK;
	return bad(value, "reject, tempfail or report", why);
}

static enum error
set_new_tenant(struct settings *s, const char *value, struct error_text *why)
{
	if (word_to_smtp_auth(value, &s->new_tenant_smtp_auth) &&
	    s->new_tenant_smtp_auth != SMTP_AUTH_INHERIT)
		return OK;
	return bad(value, "disabled or enabled", why);
}

/* set_three_way - accept, tempfail or reject */
static enum error
set_three_way(enum action *member, const char *value, struct error_text *why)
{
	if (word_to_action(value, member) && *member != ACTION_DEFAULT &&
	    *member != ACTION_REPORT)
		return OK;
	return bad(value, "accept, tempfail or reject", why);
}

static enum error
set_unknown_tenant(struct settings *s, const char *value, struct error_text *why)
{
	return set_three_way(&s->unknown_tenant, value, why);
}

static enum error
set_login_domain(struct settings *s, const char *value, struct error_text *why)
{
	s->login_domain =
	    strcmp(value, "default") == 0 ? LOGIN_DOMAIN_DEFAULT : LOGIN_DOMAIN_KEEP;
	if (s->login_domain == LOGIN_DOMAIN_DEFAULT || strcmp(value, "keep") == 0)
		return OK;
	return bad(value, "keep or default", why);
}

static enum error
set_invalid_login(struct settings *s, const char *value, struct error_text *why)
{
	return set_three_way(&s->invalid_login, value, why);
}

static enum error
set_default_domain(struct settings *s, const char *value, struct error_text *why)
{
	size_t len = 0;

	if (domain_normalize(
		value, strlen(value), s->default_domain, DOMAIN_MAX, &len) != OK)
		return bad(value, "a domain", why);
	s->default_domain[len] = '\0';
	return OK;
}

/* set_characters - ASCII punctuation that is neither '@' nor in FORBIDDEN */
static enum error
set_characters(
    char *member, const char *value, const char *forbidden, struct error_text *why)
{
	size_t n = strlen(value);

	if (n == 0 || n > SETTING_CHARACTERS_MAX)
		return bad(value, "1 to 16 characters", why);
	for (size_t i = 0; i < n; i++) {
		if (strchr(forbidden, value[i]) != NULL)
			return error_set(why, ERR_DATA, "'%c' cannot be used here%s",
			    value[i],
			    value[i] == '\\' ? ": use \"mailbox alias add\"" : "");
		if ((unsigned char)value[i] >= 0x80 ||
		    !ispunct((unsigned char)value[i]))
			return bad(value, "ASCII punctuation", why);
	}
	memcpy(member, value, n + 1);
	return OK;
}

static enum error
set_login_separators(struct settings *s, const char *value, struct error_text *why)
{
	return set_characters(s->login_separators, value, "@\\", why);
}

static enum error
set_subaddress_delimiter(struct settings *s, const char *value, struct error_text *why)
{
	return set_characters(s->subaddress_delimiter, value, "@", why);
}

static enum error
set_exempt_clients(struct settings *s, const char *value, struct error_text *why)
{
	return cidr_list_parse(value, &s->exempt_clients, why);
}

/* set_line - one line of text of at most MAX bytes */
static enum error
set_line(char *member, size_t max, const char *value, struct error_text *why)
{
	size_t n = strlen(value);

	if (n == 0)
		return error_set(why, ERR_DATA, "empty value: use \"settings unset\"");
	if (n > max)
		return error_set(
		    why, ERR_DATA, "the value is longer than %zu bytes", max);
	if (!text_is_line(value, n))
		return error_set(
		    why, ERR_DATA, "the value has control characters or is not UTF-8");
	memcpy(member, value, n + 1);
	return OK;
}

/* compare_words - for qsort(3) */
static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* split_names - the names in S, parted by commas, without the blanks around them */
static size_t
split_names(char *s, char **names, size_t most)
{
	size_t n = 0;

	while (*s != '\0' && n < most) {
		size_t word, len = strcspn(s, ",");
		bool last = s[len] == '\0';

		for (word = len; word > 0 && s[word - 1] == ' ';)
			word--;
		s[word] = '\0';
		if (s[strspn(s, " ")] != '\0')
			names[n++] = s + strspn(s, " ");
		s += last ? len : len + 1;
		if (last)
			break;
	}
	return n;
}

/* set_exempt_listeners - in order and once each, so that a list has one form */
static enum error
set_exempt_listeners(struct settings *s, const char *value, struct error_text *why)
{
	char copy[SETTING_LISTENERS_MAX + 1] = "",
					  *names[SETTING_LISTENERS_MAX / 2 + 1];
	struct text t;
	size_t n;
	enum error e = set_line(copy, SETTING_LISTENERS_MAX, value, why);

	if (e != OK)
		return e;
	n = split_names(copy, names, sizeof names / sizeof *names);
	qsort(names, n, sizeof *names, compare_words);
	text_init(&t, s->exempt_listeners, sizeof s->exempt_listeners);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		if (t.len > 0)
			text_puts(&t, ",");
		text_puts(&t, names[i]);
	}
	return n > 0 && !t.cut ? OK : bad(value, "names of listeners", why);
}

static enum error
set_reply_style(struct settings *s, const char *value, struct error_text *why)
{
	s->reply_style =
	    strcmp(value, "exchange") == 0 ? REPLY_EXCHANGE : REPLY_STANDARD;
	if (s->reply_style == REPLY_EXCHANGE || strcmp(value, "standard") == 0)
		return OK;
	return bad(value, "standard or exchange", why);
}

static enum error
set_help_url(struct settings *s, const char *value, struct error_text *why)
{
	if (strpbrk(value, " \t<>\"") != NULL || strstr(value, ":") == NULL)
		return bad(value, "a URL", why);
	return set_line(s->help_url, SETTING_URL_MAX, value, why);
}

static enum error
set_reply_tenant(struct settings *s, const char *value, struct error_text *why)
{
	return set_line(s->reply_tenant, REPLY_TEXT_MAX, value, why);
}

static enum error
set_reply_mailbox(struct settings *s, const char *value, struct error_text *why)
{
	return set_line(s->reply_mailbox, REPLY_TEXT_MAX, value, why);
}

/* set_number - a decimal from 1 to MAX */
static enum error
set_number(unsigned *member, unsigned max, const char *value, struct error_text *why)
{
	unsigned n = 0;
	const char *p;

	for (p = value; *p >= '0' && *p <= '9' && n <= max; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (*p != '\0' || n < 1 || n > max)
		return error_set(why, ERR_DATA,
		    "bad value \"%s\": use a number from 1 to %u", value, max);
	*member = n;
	return OK;
}

static enum error
set_usage_retention(struct settings *s, const char *value, struct error_text *why)
{
	return set_number(&s->usage_retention, DAYS_MAX, value, why);
}

static enum error
set_usage_nodes(struct settings *s, const char *value, struct error_text *why)
{
	return set_number(&s->usage_nodes, NODES_MAX, value, why);
}

#define TEXT_MEMBER(m) offsetof(struct settings, m), sizeof(((struct settings *)0)->m)

static const struct setting table[] = {
    {"enforce", "yes | no (dry run)", "yes", SETTING_WORD, set_enforce, 0, 0},
    {"action", "reject | tempfail | report", "reject", SETTING_WORD, set_action, 0, 0},
    {"new-tenant-smtp-auth", "disabled | enabled", "disabled", SETTING_WORD,
	set_new_tenant, 0, 0},
    {"unknown-tenant", "accept | tempfail | reject", "accept", SETTING_WORD,
	set_unknown_tenant, 0, 0},
    {"login-domain", "keep | default", "keep", SETTING_WORD, set_login_domain, 0, 0},
    {"invalid-login", "reject | tempfail | accept", "reject", SETTING_WORD,
	set_invalid_login, 0, 0},
    {"default-domain", "a domain", NULL, SETTING_WORD, set_default_domain,
	TEXT_MEMBER(default_domain)},
    {"login-separators", "characters", NULL, SETTING_WORD, set_login_separators,
	TEXT_MEMBER(login_separators)},
    {"subaddress-delimiter", "characters", NULL, SETTING_WORD, set_subaddress_delimiter,
	TEXT_MEMBER(subaddress_delimiter)},
    {"exempt-clients", "networks", NULL, SETTING_LIST, set_exempt_clients, 0, 0},
    {"exempt-listeners", "names of listeners", NULL, SETTING_LIST, set_exempt_listeners,
	TEXT_MEMBER(exempt_listeners)},
    {"reply-style", "standard | exchange", "standard", SETTING_WORD, set_reply_style, 0,
	0},
    {"help-url", "a URL", NULL, SETTING_WORD, set_help_url, TEXT_MEMBER(help_url)},
    {"reply-tenant", "text", NULL, SETTING_WORD, set_reply_tenant,
	TEXT_MEMBER(reply_tenant)},
    {"reply-mailbox", "text", NULL, SETTING_WORD, set_reply_mailbox,
	TEXT_MEMBER(reply_mailbox)},
    {"usage-retention", "days", "90", SETTING_NUMBER, set_usage_retention, 0, 0},
    {"usage-nodes", "machines", "1", SETTING_NUMBER, set_usage_nodes, 0, 0},
};

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

void
settings_init(struct settings *s)
{
	const struct setting *row;

	memset(s, 0, sizeof *s);
	for (size_t i = 0; (row = settings_at(i)) != NULL; i++)
		if (row->initial != NULL && row->set(s, row->initial, NULL) != OK)
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
	e = setting->set(&s, value, why);
	if (e != OK)
		return e;
	text_init(&t, out, cap);
	if (setting->set == set_exempt_clients)
		cidr_list_print(&s.exempt_clients, &t);
	else if (setting->room > 0)
		text_puts(&t, (const char *)&s + setting->offset);
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
	return setting->set(s, value, NULL) == OK ? OK : ERR_DAMAGED;
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
	enum error e;

	record_read_start(&r, from);
	e = record_get_version(&r, SETTING_VERSION);
	if (e != OK)
		return e;
	record_get_string(&r, out, cap);
	return record_end(&r);
}

bool
settings_identifies(const struct setting *setting)
{
	return setting->set == set_login_domain || setting->set == set_default_domain ||
	    setting->set == set_login_separators ||
	    setting->set == set_subaddress_delimiter;
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
