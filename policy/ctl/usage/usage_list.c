/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_list - usage list: who uses SMTP AUTH, and what they would get now */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/decision/override.h"
#include "policy/usage/auth_denied.h"
#include "policy/usage/login_usage.h"

#define SINCE_DAYS 7

/* Which logins are listed. */
struct selection {
	instant since;
	char tenant[TENANT_NAME_MAX + 1]; /* "": of all */
	bool denied; /* only who was denied, or would have been, most tries first */
};

/* A login as it is listed, kept small: there may be millions. */
struct line {
	struct usage usage;
	uint64_t count[USAGE_KINDS]; /* of whole days of the span */
	uint64_t auth_denied; /* refusals at AUTH in the span, and the last one: */
	instant last_auth_denied;
	struct cidr_ip auth_client;
	uint32_t mechanisms;
	uint32_t place; /* among all logins, in the order of keys */
	instant last;   /* of all that counts in this list */
	instant until;  /* of the mailbox's own setting */
	bool has_tenant, has_auth_client;
	uint8_t verdict, reason, override, setting;
	uint16_t mailbox, tenant; /* where they begin in `text` */
	char text[];              /* the login, the mailbox, the tenant */
};

struct lines {
	struct line **at;
	size_t count, room;
};

/* is_others - the line of usage_others(): without a login, and the last one */
static bool
is_others(const struct line *l)
{
	return l->text[0] == '\0';
}

/* line_set_denied - from its refusals at AUTH, if there are any */
static void
line_set_denied(struct line *l, const struct login_usage *s, bool tries)
{
	const struct auth_denied *denied = s->row->auth_denied;

	l->auth_denied = s->auth_denied;
	l->last_auth_denied = denied != NULL ? denied->last : INSTANT_NONE;
	l->has_auth_client = denied != NULL && denied->has_client;
	if (l->has_auth_client)
		l->auth_client = denied->client;
	l->last = usage_later(l->usage.last_seen, l->usage.last_exempt);
	if (tries)
		l->last = usage_later(l->last, l->last_auth_denied);
}

/* line_make - the line of a login, in a list of TRIES or of all; NULL: no memory */
static struct line *
line_make(const struct login_usage *s, bool tries)
{
	const struct outcome *o = &s->outcome;
	const char *login = s->row->login.text, *tenant = submission_tenant(o);
	const char *mailbox = o->has_tenant ? submission_mailbox(o) : "";
	bool same = strcmp(mailbox, login) == 0;
	size_t login_n = strlen(login) + 1, mailbox_n = same ? 0 : strlen(mailbox) + 1;
	size_t tenant_n = strlen(tenant) + 1;
	struct line *l = malloc(sizeof *l + login_n + mailbox_n + tenant_n);

	if (l == NULL)
		return NULL;
	l->usage = s->row->usage;
	memcpy(l->count, s->count, sizeof l->count);
	line_set_denied(l, s, tries);
	l->mechanisms = s->mechanisms;
	l->until = o->has_mailbox ? o->mailbox.until : INSTANT_NONE;
	l->has_tenant = o->has_tenant;
	l->verdict = (uint8_t)o->decision.verdict;
	l->reason = (uint8_t)o->decision.reason;
	l->override = (uint8_t)o->decision.override;
	l->setting = o->has_mailbox ? (uint8_t)o->mailbox.smtp_auth : 0;
	l->mailbox = same ? 0 : (uint16_t)login_n;
	l->tenant = (uint16_t)(login_n + mailbox_n);
	memcpy(l->text, login, login_n);
	memcpy(l->text + login_n, mailbox, mailbox_n);
	memcpy(l->text + l->tenant, tenant, tenant_n);
	return l;
}

/* happened - whether there is anything of the login from the first day on */
static bool
happened(const struct usage_row *row, const struct selection *wanted)
{
	uint32_t first = usage_day_of(wanted->since);
	instant last = usage_later(row->usage.last_seen, row->usage.last_exempt);

	if (wanted->denied && row->auth_denied != NULL)
		last = usage_later(last, row->auth_denied->last);
	if (row->days > 0 && row->day[row->days - 1].day >= first)
		return true;
	return last != INSTANT_NONE && usage_day_of(last) >= first;
}

/* is_selected - by what is known of it; whether it happened is asked before */
static bool
is_selected(const struct selection *wanted, const struct login_usage *s)
{
	if (wanted->denied &&
	    s->count[USAGE_DENIED] + s->count[USAGE_WOULD_DENY] + s->auth_denied == 0)
		return false;
	return wanted->tenant[0] == '\0' ||
	    strcmp(submission_tenant(&s->outcome), wanted->tenant) == 0;
}

static enum error
lines_add(struct lines *lines, struct ctl *c, const struct usage_row *row,
    const struct selection *wanted)
{
	struct login_usage s;
	struct line **at;
	enum error e;

	if (!happened(row, wanted))
		return OK;
	e = login_usage_read(c->txn, row, wanted->since, c->now, &s);
	if (e != OK)
		return store_about(&c->why, e, c->store);
	if (!is_selected(wanted, &s))
		return OK;
	at = array_grow(lines->at, lines->count, &lines->room, sizeof(struct line *));
	if (at != NULL) {
		lines->at = at;
		at[lines->count] = line_make(&s, wanted->denied);
	}
	if (at == NULL || at[lines->count] == NULL)
		return error_about(&c->why, ERR_MEMORY, "too many logins");
	at[lines->count]->place = (uint32_t)lines->count;
	lines->count++;
	return OK;
}

/*
 * compare - logins of tenants first, the newest first, those of one moment in the order
 * of keys
 */
static int
compare(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;

	if (x->has_tenant != y->has_tenant)
		return x->has_tenant ? -1 : 1;
	if (is_others(x) != is_others(y))
		return is_others(y) ? -1 : 1;
	if (x->last != y->last)
		return x->last > y->last ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* denied - at either door */
static uint64_t
denied(const struct line *l)
{
	return l->count[USAGE_DENIED] + l->auth_denied;
}

/* compare_tries - who was denied most comes first, then who would have been */
static int
compare_tries(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;

	if (denied(x) != denied(y))
		return denied(x) > denied(y) ? -1 : 1;
	if (x->count[USAGE_WOULD_DENY] != y->count[USAGE_WOULD_DENY])
		return x->count[USAGE_WOULD_DENY] > y->count[USAGE_WOULD_DENY] ? -1 : 1;
	return compare(a, b);
}

/* lines_read - what is wanted, in order */
static enum error
lines_read(struct lines *lines, struct ctl *c, struct usage_merge *merge,
    const struct selection *wanted)
{
	struct usage_row row;
	bool found = true;
	enum error e = OK;

	while (e == OK && found) {
		e = usage_merge_next(merge, &row, &found, &c->why);
		if (e == OK && found)
			e = lines_add(lines, c, &row, wanted);
	}
	if (e == OK && lines->count > 0)
		qsort(lines->at, lines->count, sizeof(struct line *),
		    wanted->denied ? compare_tries : compare);
	return e;
}

static void
lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->at[i]);
	free(lines->at);
}

/* print_name_words - for people: the mailbox, and the login where it is another one */
static void
print_name_words(struct printer *p, const struct line *l)
{
	const char *login = l->text, *mailbox = login + l->mailbox;
	char both[2 * LOGIN_MAX + 4];

	if (is_others(l)) {
		print_words(p, "mailbox", "(other logins)");
	} else if (l->mailbox == 0 || *mailbox == '\0') {
		print_shown(p, "mailbox", login);
	} else {
		snprintf(both, sizeof both, "%s (%s)", mailbox, login);
		print_shown(p, "mailbox", both);
	}
}

/* print_now - for people: what it would get, and what became of its exception */
static void
print_now(struct printer *p, const struct line *l)
{
	const char *note = l->override == OVERRIDE_EXPIRED ? " (exception expired)"
	    : l->override == OVERRIDE_OTHER_CLIENT         ? " (not for this client)"
							   : "";
	char now[128];

	if (is_others(l))
		return;
	snprintf(now, sizeof now, "%s %s%s",
	    decision_verdict_name((enum verdict)l->verdict),
	    decision_reason_name((enum reason)l->reason), note);
	print_words(p, "now", now);
}

/* print_auth - its refusals at AUTH, and for people the last try at either door */
static void
print_auth(struct printer *p, const struct line *l)
{
	bool last = l->last_auth_denied > l->usage.last_seen;
	char client[CIDR_IP_TEXT_MAX] = "", seen[CIDR_IP_TEXT_MAX] = "";
	char when[INSTANT_TEXT_MAX] = "";
	instant t = last ? l->last_auth_denied : l->usage.last_seen;

	if (l->has_auth_client)
		cidr_ip_print(&l->auth_client, client);
	if (l->usage.has_client)
		cidr_ip_print(&l->usage.client, seen);
	if (t != INSTANT_NONE)
		instant_print(t, when);
	print_number(p, "auth_denied", l->auth_denied);
	print_time(p, "last_auth_denied", l->last_auth_denied);
	print_text(p, "last_auth_client", client);
	print_words(p, "try_client", last ? client : seen);
	print_words(p, "try", when);
}

static void
line_print(struct printer *p, const struct line *l)
{
	char override[OVERRIDE_TEXT_MAX], client[CIDR_IP_TEXT_MAX] = "";
	char mechanisms[USAGE_MECHANISMS_TEXT_MAX];
	const char *name;
	uint32_t set = usage_mechanisms_known(l->mechanisms);
	bool known = !is_others(l);

	if (l->usage.has_client)
		cidr_ip_print(&l->usage.client, client);
	print_object_start(p, NULL);
	print_name(p, "mailbox", l->text + l->mailbox);
	print_name_words(p, l);
	print_name(p, "login", l->text);
	print_text(p, "tenant", l->text + l->tenant);
	print_number(p, "submissions", usage_submissions(l->count));
	print_number(p, "denied", l->count[USAGE_DENIED]);
	print_number(p, "would_deny", l->count[USAGE_WOULD_DENY]);
	print_number(p, "exempt", l->count[USAGE_EXEMPT]);
	print_time(p, "first_seen", l->usage.first_seen);
	print_time(p, "last_seen", l->usage.last_seen);
	print_text(p, "last_client", client);
	print_array_start(p, "mechanisms");
	for (uint8_t i = 1; i < USAGE_MECHANISM_CODES; i++) {
		name = usage_mechanism_name(i);
		if (set & (UINT32_C(1) << i))
			print_item(p, name, strlen(name));
	}
	print_array_end(p);
	print_words(p, "mechanisms", usage_mechanisms_print(set, mechanisms));
	print_text(p, "tls", usage_tls_name(l->usage.tls));
	print_text(
	    p, "verdict", known ? decision_verdict_name((enum verdict)l->verdict) : "");
	print_text(
	    p, "reason", known ? decision_reason_name((enum reason)l->reason) : "");
	print_text(p, "override",
	    override_text((enum override)l->override, (enum smtp_auth)l->setting,
		l->until, client, override));
	print_now(p, l);
	print_time(p, "last_use", l->usage.last_use);
	print_time(p, "last_exempt", l->usage.last_exempt);
	print_auth(p, l);
	print_object_end(p);
}

/* print_coverage - what all of this is worth: since when, and what is missing */
static void
print_coverage(struct ctl *c, const struct usage_coverage *k, instant since)
{
	unsigned retention = store_settings(c->txn)->usage_retention;
	uint32_t today = usage_day_of(c->now);
	uint32_t first = today > retention ? today - retention : 0;
	char when[INSTANT_TEXT_MAX], dropped[INSTANT_TEXT_MAX] = "";

	if (usage_day_of(since) < first)
		print_line(&c->print,
		    "counts before %.10s are forgotten (setting usage-retention)",
		    instant_print((instant)first * USAGE_SECONDS_A_DAY, when));
	if (k->last_dropped != INSTANT_NONE)
		instant_print(k->last_dropped, dropped);
	print_line(&c->print,
	    "recorded since %s on %u machine%s; %" PRIu64
	    " submission%s could not be counted%s%s",
	    instant_print(k->since, when), k->hosts, k->hosts == 1 ? "" : "s",
	    k->dropped, k->dropped == 1 ? "" : "s",
	    *dropped != '\0' ? ", the last at " : "", dropped);
}

/* The tables for people: all of it, and of tries alone. */
static const struct print_column of_all[] = {{"mailbox", "MAILBOX"},
    {"tenant", "TENANT"}, {"submissions", "SUBMISSIONS"}, {"denied", "DENIED"},
    {"would_deny", "WOULD-DENY"}, {"exempt", "EXEMPT"}, {"last_seen", "LAST SEEN"},
    {"last_client", "LAST CLIENT"}, {"mechanisms", "MECHANISMS"}, {"tls", "TLS"},
    {"now", "NOW"}, {NULL, NULL}};
static const struct print_column of_tries[] = {{"denied", "DENIED"},
    {"auth_denied", "AT AUTH"}, {"would_deny", "WOULD-DENY"}, {"mailbox", "MAILBOX"},
    {"tenant", "TENANT"}, {"try_client", "LAST CLIENT"}, {"try", "LAST TRY"},
    {"now", "NOW"}, {NULL, NULL}};

static void
lines_print_csv(struct printer *p, const struct lines *lines)
{
	static const struct print_column columns[] = {{"mailbox", ""}, {"login", ""},
	    {"tenant", ""}, {"submissions", ""}, {"denied", ""}, {"would_deny", ""},
	    {"exempt", ""}, {"first_seen", ""}, {"last_seen", ""}, {"last_client", ""},
	    {"mechanisms", ""}, {"tls", ""}, {"verdict", ""}, {"reason", ""},
	    {"override", ""}, {"last_use", ""}, {"last_exempt", ""},
	    {"auth_denied", ""}, {"last_auth_denied", ""}, {"last_auth_client", ""},
	    {NULL, NULL}};

	print_csv(p, columns);
	for (size_t i = 0; i < lines->count; i++)
		line_print(p, lines->at[i]);
}

/* lines_print - for people, with a table of their own for logins of no tenant */
static void
lines_print(struct printer *p, const struct lines *lines)
{
	bool known = true;

	print_table(p, of_all, "-");
	for (size_t i = 0; i < lines->count; i++) {
		if (known && !lines->at[i]->has_tenant) {
			if (i > 0)
				print_line(p, "%s", "");
			print_line(p, "Logins of no tenant:");
			print_table(p, of_all, "-");
		}
		known = lines->at[i]->has_tenant;
		line_print(p, lines->at[i]);
	}
}

/* lines_print_tries - for people, whoever has most tries first */
static void
lines_print_tries(struct printer *p, const struct lines *lines)
{
	print_table(p, of_tries, "-");
	for (size_t i = 0; i < lines->count; i++)
		line_print(p, lines->at[i]);
	if (lines->count == 0)
		print_line(p, "nobody was denied in this time, or would have been");
}

static enum error
find_merge(struct ctl *c, struct usage_merge **merge_r)
{
	enum error e = usage_sources_merge(c, merge_r);
	struct error_text why = c->why;

	if (e == ERR_MISSING)
		return error_set(&c->why, e,
		    "%.700s; smtpauth-milter with \"usage = yes\" records it, and --usage FILE reads another machine's",
		    why.text);
	return e;
}

enum error
ctl_usage_list(struct ctl *c)
{
	bool verified, csv = argument_option(c, OPT_CSV) != NULL;
	struct selection wanted = {.denied = argument_option(c, OPT_DENIED) != NULL};
	struct usage_coverage coverage;
	struct lines lines = {.at = NULL};
	struct usage_merge *merge;
	enum error e = usage_sources_since(c, SINCE_DAYS, &wanted.since);

	if (e == OK && csv && c->options.json)
		e = error_set(&c->why, ERR_USAGE, "use --csv or --json, not both");
	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK)
		e = argument_tenant_option(c, wanted.tenant);
	if (e == OK)
		e = transaction_verify(c, &verified);
	if (e == OK)
		e = find_merge(c, &merge);
	if (e != OK)
		return e;
	coverage = usage_merge_coverage(merge);
	if (wanted.denied)
		usage_merge_show_auth_denied(merge);
	e = lines_read(&lines, c, merge, &wanted);
	if (e == OK && csv)
		lines_print_csv(&c->print, &lines);
	else if (e == OK && wanted.denied)
		lines_print_tries(&c->print, &lines);
	else if (e == OK)
		lines_print(&c->print, &lines);
	if (e == OK && !csv)
		print_coverage(c, &coverage, wanted.since);
	lines_free(&lines);
	return e;
}
