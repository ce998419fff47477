/* SPDX-License-Identifier: BSD-2-Clause */
/* arguments - the typed values of the command line */
#include "policy/ctl/frame/arguments.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/model/address.h"
#include "policy/tables/ownership.h"
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
argument_time(struct ctl *c, enum option_id id, enum instant_date date, instant *out_r)
{
	const char *typed = argument_option(c, id);

	if (strcmp(typed, "none") == 0) {
		*out_r = INSTANT_NONE;
		return OK;
	}
	return instant_parse(typed, date, c->now, out_r, &c->why);
}

enum error
argument_future_time(struct ctl *c, enum option_id id, instant *out_r)
{
	char buf[INSTANT_TEXT_MAX];
	enum error e = argument_time(c, id, INSTANT_DAY_END, out_r);

	if (e == OK && *out_r != INSTANT_NONE && *out_r <= c->now)
		return error_set(&c->why, ERR_DATA, "--%s %s is in the past: %s",
		    option_name(id), argument_option(c, id),
		    instant_print(*out_r, buf));
	return e;
}

enum error
argument_past_time(struct ctl *c, enum option_id id, instant *out_r)
{
	const char *typed = argument_option(c, id);
	struct error_text why;
	int64_t seconds;

	if (instant_parse_span(typed, &seconds, &why) == OK) {
		*out_r = seconds < c->now ? c->now - seconds : 0;
		return OK;
	}
	if (*typed == '+' ||
	    instant_parse(typed, INSTANT_DAY_START, c->now, out_r, &why) != OK)
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%.200s\" for --%s: use a span of time (7d, 12h) or a "
		    "time (2026-12-01, 2026-12-01T09:00:00Z)",
		    typed, option_name(id));
	if (*out_r > c->now)
		return error_set(&c->why, ERR_DATA, "--%s %.200s is in the future",
		    option_name(id), typed);
	return OK;
}

enum error
argument_line(struct ctl *c, enum option_id id, size_t max, char *out)
{
	const char *typed = argument_option(c, id);
	size_t n = strlen(typed);

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
argument_login(struct ctl *c, const char *typed, struct login *out_r)
{
	return address_login(store_settings(c->txn), typed, out_r, &c->why);
}

enum error
argument_address(struct ctl *c, const char *typed, struct login *out_r)
{
	return address_normalize(store_settings(c->txn), typed, out_r, &c->why);
}

enum error
argument_mailbox(struct ctl *c, const char *typed, struct login *out_r)
{
	return ownership_mailbox(c->txn, typed, out_r, &c->why);
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
