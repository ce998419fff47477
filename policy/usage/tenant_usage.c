/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_usage - the use of every tenant in a span of time */
#include "policy/usage/tenant_usage.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/tables/tenant_table.h"

/* Data that are older say nothing of what is used today. */
#define FRESH_SECONDS 86400

struct survey {
	size_t n, room;
	struct tenant_usage_tenant *tenant; /* in the order of names */
	const char *only;
	instant last_other;
};

/* add_tenant - one row of the list, with nothing seen yet */
static enum error
add_tenant(void *arg, const struct tenant *t)
{
	struct survey *s = arg;
	struct tenant_usage_tenant *row;

	if (s->only != NULL && strcmp(s->only, t->name) != 0)
		return OK;
	row = array_grow(s->tenant, s->n, &s->room, sizeof *row);
	if (row == NULL)
		return ERR_MEMORY;
	s->tenant = row;
	row = &s->tenant[s->n++];
	memset(row, 0, sizeof *row);
	memcpy(row->name, t->name, sizeof row->name);
	row->smtp_auth = t->smtp_auth;
	row->blocks = t->blocks;
	row->enforce_from = t->enforce_from;
	row->tempfail_until = t->tempfail_until;
	row->has_contact = t->contact[0] != '\0';
	row->first_seen = row->last_seen = row->last_use = INSTANT_NONE;
	return OK;
}

static int
compare(const void *name, const void *row)
{
	return strcmp(name, ((const struct tenant_usage_tenant *)row)->name);
}

/* place_of - of a login's tenant in the list, or SURVEY_NO_TENANT */
static size_t
place_of(const struct survey *s, const struct outcome *o)
{
	const struct tenant_usage_tenant *row = NULL;

	if (o->has_tenant && s->n > 0)
		row = bsearch(
		    o->tenant.name, s->tenant, s->n, sizeof *s->tenant, compare);
	return row != NULL ? (size_t)(row - s->tenant) : SURVEY_NO_TENANT;
}

/* add_login - to the sums of its tenant */
static void
add_login(
    struct tenant_usage_tenant *t, const struct usage *u, const struct login_usage *st)
{
	for (int k = 0; k < USAGE_KINDS; k++)
		t->count[k] += st->count[k];
	t->first_seen = usage_earlier(t->first_seen, u->first_seen);
	t->last_seen = usage_later(t->last_seen, u->last_seen);
	t->last_use = usage_later(t->last_use, u->last_use);
	t->mailboxes += st->used;
	t->excepted += st->used && st->excepted;
	t->exposed += st->exposed;
}

/* One reading of all sources. */
struct run {
	struct survey *survey;
	struct store_txn *txn;
	instant since, now;
	survey_visit *visit;
	void *arg;
	struct error_text *why;
};

static enum error
take_login(struct run *r, const struct usage_row *row)
{
	struct survey *s = r->survey;
	struct login_usage st;
	size_t place;
	enum error e = login_usage_of(r->txn, row, r->since, r->now, &st);

	if (e != OK)
		return error_about(r->why, e, "the policy database");
	if (usage_is_others(&row->login))
		s->last_other = row->usage.last_use;
	place = place_of(s, &st.outcome);
	if (s->only != NULL && place == SURVEY_NO_TENANT)
		return OK;
	if (place != SURVEY_NO_TENANT)
		add_login(&s->tenant[place], &row->usage, &st);
	return r->visit != NULL ? r->visit(r->arg, place, row, &st) : OK;
}

/* read_all - to the end, where the sources' sums have held */
static enum error
read_all(struct run *r, struct usage_merge *merge)
{
	struct usage_row row;
	enum error e;

	while ((e = usage_merge_next(merge, &row, r->why)) == OK) {
		e = take_login(r, &row);
		if (e != OK)
			return e == ERR_NOTFOUND ? ERR_INTERNAL : e;
	}
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
tenant_usage_run(struct survey **survey_r, struct store_txn *txn,
    struct usage_merge *merge, instant since, instant now, const char *only,
    survey_visit *visit, void *arg, struct error_text *why)
{
	struct survey *s = calloc(1, sizeof *s);
	struct run r = {s, txn, since, now, visit, arg, why};
	enum error e;

	*survey_r = s;
	if (s == NULL)
		return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	s->only = only;
	s->last_other = INSTANT_NONE;
	e = tenant_table_each(txn, add_tenant, s);
	if (e == OK && s->n != (only != NULL ? 1 : store_meta(txn)->tenants))
		e = ERR_DAMAGED;
	if (e != OK)
		error_about(why, e, "the policy database");
	else
		e = read_all(&r, merge);
	if (e != OK)
		tenant_usage_free(survey_r);
	return e;
}

void
tenant_usage_free(struct survey **survey)
{
	if (*survey == NULL)
		return;
	free((*survey)->tenant);
	free(*survey);
	*survey = NULL;
}

const struct tenant_usage_tenant *
tenant_usage_tenant(const struct survey *survey, size_t i)
{
	return i < survey->n ? &survey->tenant[i] : NULL;
}

instant
tenant_usage_last_other(const struct survey *survey)
{
	return survey->last_other;
}

enum error
tenant_usage_covers(const struct usage_coverage *c, unsigned nodes_wanted,
    instant since, instant now, struct error_text *why)
{
	char a[INSTANT_TEXT_MAX], b[INSTANT_TEXT_MAX];

	if (c->hosts < nodes_wanted)
		return error_set(why, ERR_PROTECTED,
		    "there is usage of %u machine%s, and usage-nodes says %u: give the "
		    "others' with --usage FILE (see \"usage export\")",
		    c->hosts, c->hosts == 1 ? "" : "s", nodes_wanted);
	if (c->hosts == 0 || c->since > since)
		return error_set(why, ERR_PROTECTED,
		    "usage is recorded without a gap since %s only, and would have to "
		    "be since %s",
		    c->hosts == 0 ? "now" : instant_print(c->since, a),
		    instant_print(since, b));
	if (now - c->until > FRESH_SECONDS)
		return error_set(why, ERR_PROTECTED,
		    "the usage of some machine ends at %s: is its daemon running, and "
		    "its export of today?",
		    instant_print(c->until, a));
	if (c->last_dropped != INSTANT_NONE && c->last_dropped >= since)
		return error_set(why, ERR_PROTECTED,
		    "%llu submissions could not be counted, the last at %s: who made "
		    "them is not known",
		    (unsigned long long)c->dropped, instant_print(c->last_dropped, a));
	return OK;
}
