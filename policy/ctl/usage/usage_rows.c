/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_rows - the logins that did something in a span of time, as they are listed */
#include "policy/ctl/usage/usage_rows.h"
#include "policy/ctl/frame/arguments.h"

#include <stdlib.h>
#include <string.h>

const char *
usage_line_login(const struct usage_line *l)
{
	return l->text;
}

bool
usage_line_is_others(const struct usage_line *l)
{
	return l->text[0] == '\0';
}

const char *
usage_line_mailbox(const struct usage_line *l)
{
	return l->text + l->mailbox;
}

const char *
usage_line_tenant(const struct usage_line *l)
{
	return l->text + l->tenant;
}

uint64_t
usage_line_submissions(const struct usage_line *l)
{
	return usage_submissions(l->count);
}

const char *
usage_line_override(const struct usage_line *l, char *buf)
{
	char client[CIDR_IP_TEXT_MAX] = "";

	if (l->has_client)
		cidr_ip_print(&l->client, client);
	return override_text((enum override)l->override, (enum smtp_auth)l->setting,
	    l->until, client, buf);
}

/* last_of - the last time that anything was heard of the login */
static instant
last_of(const struct usage_line *l)
{
	return usage_later(l->last_seen, l->last_exempt);
}

/* fill - all but the texts */
static void
fill(struct usage_line *l, const struct usage_row *row, const struct login_usage *s)
{
	const struct outcome *o = &s->outcome;

	l->first_seen = row->usage.first_seen;
	l->last_seen = row->usage.last_seen;
	l->last_use = row->usage.last_use;
	l->last_exempt = row->usage.last_exempt;
	memcpy(l->count, s->count, sizeof l->count);
	l->until = o->has_mailbox ? o->mailbox.until : INSTANT_NONE;
	l->client = row->usage.client;
	l->mechanisms = s->mechanisms;
	l->has_client = row->usage.has_client;
	l->has_tenant = o->has_tenant;
	l->tls = row->usage.tls;
	l->verdict = (uint8_t)o->decision.verdict;
	l->reason = (uint8_t)o->decision.reason;
	l->override = (uint8_t)o->decision.override;
	l->setting = o->has_mailbox ? (uint8_t)o->mailbox.smtp_auth : 0;
}

/* make - the line of a login, or NULL without memory */
static struct usage_line *
make(const struct usage_row *row, const struct login_usage *s)
{
	const char *mailbox =
	    s->outcome.has_tenant ? submission_mailbox(&s->outcome) : "";
	const char *tenant = submission_tenant(&s->outcome);
	bool same = strcmp(mailbox, row->login.text) == 0;
	size_t login_n = row->login.len + 1, mailbox_n = same ? 0 : strlen(mailbox) + 1;
	size_t tenant_n = strlen(tenant) + 1;
	struct usage_line *l = malloc(sizeof *l + login_n + mailbox_n + tenant_n);

	if (l == NULL)
		return NULL;
	fill(l, row, s);
	l->mailbox = same ? 0 : (uint16_t)login_n;
	l->tenant = (uint16_t)(login_n + mailbox_n);
	memcpy(l->text, row->login.text, login_n);
	memcpy(l->text + login_n, mailbox, mailbox_n);
	memcpy(l->text + l->tenant, tenant, tenant_n);
	return l;
}

static enum error
keep(struct usage_lines *lines, struct usage_line *l)
{
	if (lines->count == lines->room) {
		size_t room = lines->room > 0 ? 2 * lines->room : 1024;
		struct usage_line **at = reallocarray(lines->at, room, sizeof *at);

		if (at == NULL) {
			free(l);
			return ERR_MEMORY;
		}
		lines->at = at;
		lines->room = room;
	}
	lines->at[lines->count++] = l;
	return OK;
}

/* happened - whether there is anything of the login from the first day on */
static bool
happened(const struct usage_row *row, instant since)
{
	uint32_t first = usage_day_of(since);
	instant last = usage_later(row->usage.last_seen, row->usage.last_exempt);

	if (row->days > 0 && row->day[row->days - 1].day >= first)
		return true;
	return last != INSTANT_NONE && usage_day_of(last) >= first;
}

static enum error
take(struct usage_lines *lines, struct ctl *c, const struct usage_row *row,
    instant since, const char *only)
{
	struct usage_line *line;
	struct login_usage s;
	enum error e;

	if (!happened(row, since))
		return OK;
	e = login_usage_read(c->txn, row, since, c->now, &s);
	if (e != OK)
		return store_about(&c->why, e, c->store);
	if (only != NULL && strcmp(submission_tenant(&s.outcome), only) != 0)
		return OK;
	line = make(row, &s);
	if (line != NULL)
		line->place = (uint32_t)lines->count;
	e = line != NULL ? keep(lines, line) : ERR_MEMORY;
	return e == OK ? OK : error_about(&c->why, e, "too many logins");
}

static int
compare(const void *a, const void *b)
{
	const struct usage_line *x = *(struct usage_line *const *)a;
	const struct usage_line *y = *(struct usage_line *const *)b;

	if (x->has_tenant != y->has_tenant)
		return x->has_tenant ? -1 : 1;
	if (usage_line_is_others(x) != usage_line_is_others(y))
		return usage_line_is_others(y) ? -1 : 1;
	if (last_of(x) != last_of(y))
		return last_of(x) > last_of(y) ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

enum error
usage_lines_read(struct usage_lines *lines, struct ctl *c, struct usage_merge *merge,
    instant since, const char *only)
{
	struct usage_row row;
	bool found = true;
	enum error e = OK;

	memset(lines, 0, sizeof *lines);
	while (e == OK && found) {
		e = usage_merge_next(merge, &row, &found, &c->why);
		if (e == OK && found)
			e = take(lines, c, &row, since, only);
	}
	if (e != OK) {
		usage_lines_free(lines);
		return e;
	}
	if (lines->count > 0)
		qsort(lines->at, lines->count, sizeof(struct usage_line *), compare);
	return OK;
}

void
usage_lines_free(struct usage_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->at[i]);
	free(lines->at);
	memset(lines, 0, sizeof *lines);
}

enum error
usage_since(struct ctl *c, unsigned days, instant *since_r)
{
	int64_t seconds = (int64_t)days * USAGE_SECONDS_A_DAY;

	if (argument_option(c, OPT_SINCE) != NULL)
		return argument_past_time(c, OPT_SINCE, since_r);
	*since_r = seconds < c->now ? c->now - seconds : 0;
	return OK;
}
