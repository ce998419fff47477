/* SPDX-License-Identifier: BSD-2-Clause */
/* arguments - the typed values of the command line */
#include "policy/ctl/frame/arguments.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/decision/reply.h"
#include "policy/tables/tenant_table.h"

const char *
argument_word(const struct ctl *c, size_t i)
{
	return c->options.word[i];
}

const char *
argument_option(const struct ctl *c, enum option_id id)
{
	return c->options.value[id];
}

enum error
argument_some_option(struct ctl *c)
{
	char buf[ERROR_TEXT_MAX - 100];
	const char *between = "";
	struct text names;

	text_init(&names, buf, sizeof buf);
	for (int i = 0; i < OPT_COUNT; i++) {
		if (argument_option(c, (enum option_id)i) != NULL)
			return OK;
		if (!(c->command->options & OPTION(i)))
			continue;
		text_printf(&names, "%s--%s", between, option_name((enum option_id)i));
		between = ", ";
	}
	return error_set(&c->why, ERR_USAGE, "%s changes nothing without one of %s",
	    c->command->name, buf);
}

enum error
argument_bad(struct ctl *c, enum option_id id, const char *expected)
{
	return error_set(&c->why, ERR_DATA, "bad value \"%s\" for --%s: use %s",
	    argument_option(c, id), option_name(id), expected);
}

enum error
argument_smtp_auth(struct ctl *c, bool inherit, enum smtp_auth *out)
{
	const char *typed = argument_option(c, OPT_SMTP_AUTH);

	if (typed == NULL ||
	    (word_to_smtp_auth(typed, out) && (inherit || *out != SMTP_AUTH_INHERIT)))
		return OK;
	return argument_bad(c, OPT_SMTP_AUTH,
	    inherit ? "enabled, disabled or inherit" : "enabled or disabled");
}

enum error
argument_time(struct ctl *c, enum option_id id, enum instant_date date, instant *out)
{
	const char *typed = argument_option(c, id);

	if (typed == NULL)
		return OK;
	if (strcmp(typed, "none") == 0) {
		*out = INSTANT_NONE;
		return OK;
	}
	return instant_parse(typed, date, c->now, out, &c->why);
}

enum error
argument_future_time(struct ctl *c, enum option_id id, instant *out)
{
	const char *typed = argument_option(c, id);
	char buf[INSTANT_TEXT_MAX];
	enum error e = argument_time(c, id, INSTANT_DAY_END, out);

	if (e == OK && typed != NULL && *out != INSTANT_NONE && *out <= c->now)
		return error_set(&c->why, ERR_DATA, "--%s %s is in the past: %s",
		    option_name(id), typed, instant_print(*out, buf));
	return e;
}

enum error
argument_past_time(struct ctl *c, enum option_id id, instant *out)
{
	const char *typed = argument_option(c, id);
	struct error_text why;
	int64_t seconds;

	if (typed == NULL)
		return OK;
	if (instant_parse_span(typed, &seconds, &why) == OK) {
		*out = seconds < c->now ? c->now - seconds : 0;
		return OK;
	}
	if (*typed == '+' ||
	    instant_parse(typed, INSTANT_DAY_START, c->now, out, &why) != OK)
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%.200s\" for --%s: use a span of time (7d, 12h) or a time (2026-12-01, 2026-12-01T09:00:00Z)",
		    typed, option_name(id));
	if (*out > c->now)
		return error_set(&c->why, ERR_DATA, "--%s %.200s is in the future",
		    option_name(id), typed);
	return OK;
}

enum error
argument_line(struct ctl *c, enum option_id id, size_t max, char *out)
{
	const char *typed = argument_option(c, id);
	size_t n = typed != NULL ? strlen(typed) : 0;

	if (typed == NULL)
		return OK;
	if (n > max)
		return error_set(&c->why, ERR_DATA, "--%s is longer than %zu bytes",
		    option_name(id), max);
	if (!text_is_line(typed, n))
		return error_set(&c->why, ERR_DATA,
		    "--%s has control characters or is not UTF-8: \"%s\"",
		    option_name(id), typed);
	memcpy(out, typed, n + 1);
	return OK;
}

enum error
argument_tenant(struct ctl *c, const char *typed, struct tenant *out_r)
{
	char name[TENANT_NAME_MAX + 1];
	bool found;
	enum error e = tenant_name_parse(typed, name, &c->why);

	if (e == OK)
		e = tenant_table_get(c->txn, name, out_r, &found);
	if (e == OK && !found)
		return error_set(&c->why, ERR_NOTFOUND, "there is no tenant %s", name);
	return e;
}

enum error
argument_tenant_option(struct ctl *c, char *name_r)
{
	const char *typed = argument_option(c, OPT_TENANT);
	struct tenant t = {.name = ""};
	enum error e = typed != NULL ? argument_tenant(c, typed, &t) : OK;

	memcpy(name_r, t.name, sizeof t.name);
	return e;
}

void
argument_warn_reply(struct ctl *c, const char *name, const char *text)
{
	char unknown[REPLY_FIELD_MAX];

	if (reply_unknown_field(text, unknown))
		print_remark(c->err,
		    "warning: %s: %s is no field and stays as it is; fields are {tenant}, {mailbox}, {client}, {url} and {id}",
		    name, unknown);
	if (!reply_is_ascii(text))
		print_remark(c->err,
		    "warning: %s: a reply has ASCII characters only; others are sent as \"?\"",
		    name);
}
