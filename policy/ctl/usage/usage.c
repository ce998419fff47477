/* SPDX-License-Identifier: BSD-2-Clause */
/* usage - usage list: who uses SMTP AUTH, and what they would get now */
#include <inttypes.h>
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/csv.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_rows.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/tables/tenant_table.h"

#define SINCE_DAYS 7
#define SHOWN_MAX (4 * LOGIN_MAX + 32) /* a login as text_show() may make it */

/* verdict_text, reason_text - what it would get now; "" for logins that are not known
 */
static const char *
verdict_text(const struct usage_line *l)
{
	return usage_line_is_others(l)
	    ? ""
	    : decision_verdict_name((enum verdict)l->verdict);
}

static const char *
reason_text(const struct usage_line *l)
{
	return usage_line_is_others(l) ? ""
				       : decision_reason_name((enum reason)l->reason);
}

static void
print_json(struct ctl *c, const struct usage_line *l)
{
	char buf[OVERRIDE_TEXT_MAX], client[CIDR_IP_TEXT_MAX];
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_text(&j, "mailbox", usage_line_mailbox(l));
	json_text(&j, "login", usage_line_login(l));
	json_text(&j, "tenant", usage_line_tenant(l));
	json_number(&j, "submissions", (int64_t)usage_line_submissions(l));
	json_number(&j, "denied", (int64_t)l->count[USAGE_DENIED]);
	json_number(&j, "would_deny", (int64_t)l->count[USAGE_WOULD_DENY]);
	json_number(&j, "exempt", (int64_t)l->count[USAGE_EXEMPT]);
	json_instant(&j, "first_seen", l->first_seen);
	json_instant(&j, "last_seen", l->last_seen);
	json_text(&j, "last_client",
	    l->has_client ? cidr_ip_print(&l->client, client) : NULL);
	json_array_start(&j, "mechanisms");
	for (uint8_t i = 1; i < USAGE_MECHANISM_CODES; i++)
		if (l->mechanisms & (UINT32_C(1) << i))
			json_quoted(&j, NULL, usage_mechanism_name(i));
	json_array_end(&j);
	json_text(&j, "tls", usage_tls_name(l->tls));
	json_text(&j, "verdict", verdict_text(l));
	json_text(&j, "reason", reason_text(l));
	json_text(&j, "override", usage_line_override(l, buf));
	json_instant(&j, "last_use", l->last_use);
	json_instant(&j, "last_exempt", l->last_exempt);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
usage_csv(struct ctl *c, const struct usage_line *l)
{
	char buf[OVERRIDE_TEXT_MAX], client[CIDR_IP_TEXT_MAX] = "";
	char mechanisms[USAGE_MECHANISMS_TEXT_MAX];
	struct csv row = {c->out, false};

	if (l->has_client)
		cidr_ip_print(&l->client, client);
	usage_mechanisms_print(l->mechanisms, mechanisms);
	for (char *s = mechanisms; (s = strchr(s, ',')) != NULL;)
		*s = ' ';
	csv_name(&row, usage_line_mailbox(l));
	csv_name(&row, usage_line_login(l));
	csv_text(&row, usage_line_tenant(l));
	csv_number(&row, usage_line_submissions(l));
	for (int kind = USAGE_DENIED; kind < USAGE_KINDS; kind++)
		csv_number(&row, l->count[kind]);
	csv_instant(&row, l->first_seen);
	csv_instant(&row, l->last_seen);
	csv_text(&row, client);
	csv_text(&row, mechanisms);
	csv_text(&row, usage_tls_name(l->tls));
	csv_text(&row, verdict_text(l));
	csv_text(&row, reason_text(l));
	csv_text(&row, usage_line_override(l, buf));
	csv_instant(&row, l->last_use);
	csv_instant(&row, l->last_exempt);
	csv_end(&row);
}

static void
csv_head(struct ctl *c)
{
	fputs("mailbox,login,tenant,submissions,denied,would_deny,exempt,first_seen,"
	      "last_seen,last_client,mechanisms,tls,verdict,reason,override,last_use,"
	      "last_exempt\r\n",
	    c->out);
}

/* show_name - the mailbox, and the login where it is another one */
static const char *
show_name(const struct usage_line *l, char *buf)
{
	const char *mailbox = usage_line_mailbox(l), *login = usage_line_login(l);
	struct text t;

	if (usage_line_is_others(l))
		return "(other logins)";
	text_init(&t, buf, 2 * (size_t)SHOWN_MAX);
	if (*mailbox != '\0' && strcmp(mailbox, login) != 0) {
		text_show(&t, mailbox, strlen(mailbox), LOGIN_MAX);
		text_puts(&t, " (");
		text_show(&t, login, strlen(login), LOGIN_MAX);
		text_puts(&t, ")");
	} else {
		text_show(&t, login, strlen(login), LOGIN_MAX);
	}
	return buf;
}

/* show_now - what it would get, and what became of its exception */
static const char *
show_now(const struct usage_line *l, char *buf, size_t cap)
{
	const char *note = l->override == OVERRIDE_EXPIRED ? " (exception expired)"
	    : l->override == OVERRIDE_OTHER_CLIENT         ? " (not for this client)"
							   : "";

	if (usage_line_is_others(l))
		return "-";
	snprintf(buf, cap, "%s %s%s", verdict_text(l), reason_text(l), note);
	return buf;
}

static const char *
or_dash(const char *s)
{
	return *s != '\0' ? s : "-";
}

static void
print_row(struct listing *listing, const struct usage_line *l)
{
	char name[2 * SHOWN_MAX], number[USAGE_KINDS][24], seen[INSTANT_TEXT_MAX] = "";
	char client[CIDR_IP_TEXT_MAX] = "", mechanisms[USAGE_MECHANISMS_TEXT_MAX],
	     now[128];

	snprintf(number[0], sizeof number[0], "%" PRIu64, usage_line_submissions(l));
	for (int k = USAGE_DENIED; k < USAGE_KINDS; k++)
		snprintf(number[k], sizeof number[k], "%" PRIu64, l->count[k]);
	if (l->last_seen != INSTANT_NONE)
		instant_print(l->last_seen, seen);
	if (l->has_client)
		cidr_ip_print(&l->client, client);
	listing_row_plain(listing,
	    (const char *[]){show_name(l, name), or_dash(usage_line_tenant(l)),
		number[0], number[USAGE_DENIED], number[USAGE_WOULD_DENY],
		number[USAGE_EXEMPT], or_dash(seen), or_dash(client),
		or_dash(usage_mechanisms_print(l->mechanisms, mechanisms)),
		or_dash(usage_tls_name(l->tls)), show_now(l, now, sizeof now)});
}

/* usage_table - lines FROM to TO */
static void
usage_table(struct ctl *c, const struct usage_lines *lines, size_t from, size_t to)
{
	static const char *const headings[] = {"MAILBOX", "TENANT", "SUBMISSIONS",
	    "DENIED", "WOULD-DENY", "EXEMPT", "LAST SEEN", "LAST CLIENT", "MECHANISMS",
	    "TLS", "NOW"};
	struct listing listing;

	listing_start(&listing, c->out, sizeof headings / sizeof *headings, headings);
	for (size_t i = from; i < to; i++)
		print_row(&listing, lines->at[i]);
	listing_end(&listing);
}

/* print_coverage - what all of this is worth: since when, and what is missing */
static void
print_coverage(struct ctl *c, const struct usage_coverage *k, instant since)
{
	unsigned retention = store_settings(c->txn)->usage_retention;
	uint32_t today = usage_day_of(c->now);
	uint32_t first = today > retention ? today - retention : 0;
	char when[INSTANT_TEXT_MAX];

	if (usage_day_of(since) < first)
		fprintf(c->out,
		    "counts before %.10s are forgotten (setting usage-retention)\n",
		    instant_print((instant)first * USAGE_SECONDS_A_DAY, when));
	fprintf(c->out,
	    "recorded since %s on %u machine%s; %" PRIu64
	    " submission%s could not be counted",
	    instant_print(k->since, when), k->hosts, k->hosts == 1 ? "" : "s",
	    k->dropped, k->dropped == 1 ? "" : "s");
	if (k->last_dropped != INSTANT_NONE)
		fprintf(
		    c->out, ", the last at %s", instant_print(k->last_dropped, when));
	fputc('\n', c->out);
}

static void
usage_print_lines(struct ctl *c, const struct usage_lines *lines)
{
	size_t known = 0;

	while (known < lines->count && lines->at[known]->has_tenant)
		known++;
	usage_table(c, lines, 0, known);
	if (known == lines->count)
		return;
	fprintf(c->out, "%sLogins of no tenant:\n", known > 0 ? "\n" : "");
	usage_table(c, lines, known, lines->count);
}

/* print - as the options want it */
static void
print(struct ctl *c, const struct usage_lines *lines, const struct usage_coverage *k,
    instant since)
{
	bool csv = argument_option(c, OPT_CSV) != NULL;

	if (csv)
		csv_head(c);
	for (size_t i = 0; i < lines->count && (csv || c->options.json); i++)
		if (csv)
			usage_csv(c, lines->at[i]);
		else
			print_json(c, lines->at[i]);
	if (csv || c->options.json)
		return;
	usage_print_lines(c, lines);
	print_coverage(c, k, since);
}

static enum error
find_merge(struct ctl *c, struct usage_merge **merge_r)
{
	enum error e = usage_sources_merge(c, merge_r);
	struct error_text why = c->why;

	if (e == ERR_MISSING)
		return error_set(&c->why, e,
		    "%.700s; smtpauth-milter with \"usage = yes\" records it, and "
		    "--usage FILE reads another machine's",
		    why.text);
	return e;
}

enum error
ctl_usage_list(struct ctl *c)
{
	char only[TENANT_NAME_MAX + 1];
	struct usage_coverage coverage;
	struct usage_lines lines;
	struct usage_merge *merge;
	instant since;
	bool verified;
	enum error e = usage_since(c, SINCE_DAYS, &since);

	if (e == OK && argument_option(c, OPT_CSV) != NULL && c->options.json)
		e = error_set(&c->why, ERR_USAGE, "use --csv or --json, not both");
	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK)
		e = argument_tenant_option(c, only);
	if (e == OK)
		e = transaction_verify(c, &verified);
	if (e == OK)
		e = find_merge(c, &merge);
	if (e != OK)
		return e;
	coverage = usage_merge_coverage(merge);
	e = usage_lines_read(&lines, c, merge, since, only[0] != '\0' ? only : NULL);
	if (e != OK)
		return e;
	print(c, &lines, &coverage, since);
	usage_lines_free(&lines);
	return OK;
}
