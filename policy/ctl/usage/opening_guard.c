/* SPDX-License-Identifier: BSD-2-Clause */
/* opening_guard - what would let logins pass that are refused now */
#include "policy/ctl/usage/opening_guard.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/usage/login_usage.h"

#define NAMES_SHOWN 3
#define WAY_OUT "; use --force if that is meant"

/* has_new_listener - whether one is exempt now and was not before */
static bool
has_new_listener(const struct settings *before, const struct settings *now)
{
	char names[sizeof now->exempt_listeners], *rest = names, *name;

	strcpy(names, now->exempt_listeners);
	while ((name = strsep(&rest, ",")) != NULL)
		if (*name != '\0' && !settings_exempt_listener(before, name))
			return true;
	return false;
}

void
opening_guard_exempts(struct opening *opening_r, const struct settings *before,
    const struct settings *now)
{
	opening_r->listeners = has_new_listener(before, now);
	opening_r->exempts = opening_r->listeners ||
	    cidr_list_new(&now->exempt_clients, &before->exempt_clients, false) != NULL;
}

bool
opening_guard_wide(
    const struct settings *before, const struct settings *now, char *cause, size_t cap)
{
	const struct cidr *wide =
	    cidr_list_new(&now->exempt_clients, &before->exempt_clients, true);
	char net[CIDR_TEXT_MAX];

	if (wide != NULL)
		snprintf(cause, cap, "network %s is wider than a /16 (IPv6: a /32)",
		    cidr_print(wide, net));
	return wide != NULL;
}

enum error
opening_guard_begin(struct ctl *c)
{
	enum error e;

	c->hurried = true;
	e = usage_sources_open(c);
	if (e == ERR_BUSY) /* usage_sources_merge() says that, too */
		e = error_set(&c->why, OK, "%s", "");
	return e == OK ? transaction_begin(c) : e;
}

/* What the usage tells. */
struct found {
	uint64_t
	    opened; /* logins of that time that are refused now, and then are not */
	uint64_t submissions; /* of those logins in that time that were not exempt */
	uint64_t unknown_listener; /* of these, of logins whose listener is not known */
	uint64_t exempted;         /* of these, of logins that the change exempts */
	char names[NAMES_SHOWN * (LOGIN_MAX + 2)];
	char unknown[300];          /* why the usage cannot be read, or "" */
	struct login_usage was, is; /* of the present login, before and after */
};

static bool
is_exempt(const struct decision *d)
{
	return d->reason == REASON_EXEMPT_CLIENT || d->reason == REASON_EXEMPT_LISTENER;
}

static void
found_name(struct found *f, const char *login)
{
	struct text t;
	size_t n = strlen(f->names);

	if (f->opened > NAMES_SHOWN)
		return;
	text_init(&t, f->names + n, sizeof f->names - n);
	text_printf(&t, "%s%s", n > 0 ? ", " : "", login);
}

/* found_add - one login, before and after */
static enum error
found_add(struct ctl *c, struct store_txn *before, const struct usage_row *row,
    const struct opening *o, struct found *f)
{
	instant since = c->now - OPENING_GUARD_DAYS * (int64_t)USAGE_SECONDS_A_DAY;
	const struct decision *was = &f->was.outcome.decision;
	const struct decision *is = &f->is.outcome.decision;
	enum error e;

	if (usage_is_others(&row->login) || row->usage.last_seen < since)
		return OK;
	e = login_usage_read(before, row, since, c->now, &f->was);
	if (e == OK)
		e = login_usage_read(c->txn, row, since, c->now, &f->is);
	if (e != OK)
		return e;
	f->submissions += usage_submissions(f->was.count);
	if (row->usage.listener[0] == '\0')
		f->unknown_listener += usage_submissions(f->was.count);
	if (is_exempt(is) && !is_exempt(was))
		f->exempted += usage_submissions(f->was.count);
	if (decision_passes(was->verdict) || !decision_passes(is->verdict))
		return OK;
	if (o->by_settings && !is_exempt(is) && is->reason != REASON_UNKNOWN_TENANT)
		return OK;
	f->opened++;
	found_name(f, row->login.text);
	return OK;
}

/* found_read - all logins; BEFORE is the policy that is in force */
static enum error
found_read(
    struct ctl *c, struct store_txn *before, const struct opening *o, struct found *f)
{
	struct usage_merge *merge;
	struct usage_row row;
	bool more = true;
	enum error e = usage_sources_merge(c, &merge);

	if (e == ERR_MISSING)
		return OK;
	while (e == OK) {
		e = usage_merge_next(merge, &row, &more, &c->why);
		if (e != OK || !more)
			break;
		e = found_add(c, before, &row, o, f);
	}
	if (e != OK)
		snprintf(f->unknown, sizeof f->unknown, "%.299s",
		    c->why.text[0] != '\0' ? c->why.text : error_string(e));
	return OK;
}

/* found_words - why the change needs --force; "" where it needs none */
static void
found_words(const struct found *f, const struct opening *o, struct text *t)
{
	if (o->cause != NULL)
		text_puts(t, o->cause);
	if (f->opened > 0)
		text_printf(t,
		    "%s%" PRIu64
		    " login%s of the last %d days, refused now, would pass: %s%s",
		    t->len > 0 ? ": " : "", f->opened, f->opened == 1 ? "" : "s",
		    OPENING_GUARD_DAYS, f->names,
		    f->opened > NAMES_SHOWN ? " and others" : "");
	if (o->exempts && f->exempted * 2 > f->submissions)
		text_printf(t,
		    "%s%" PRIu64 " of %" PRIu64
		    " submissions of the last %d days are of logins last seen there, which would be exempt from the policy",
		    t->len > 0 ? "; " : "", f->exempted, f->submissions,
		    OPENING_GUARD_DAYS);
	if (f->unknown[0] != '\0' && !o->harmless)
		text_printf(t, "%swhich logins would pass is not known: %s",
		    t->len > 0 ? "; " : "", f->unknown);
}

/* found_remark - what the usage cannot tell, where that is most of it */
static void
found_remark(struct ctl *c, const struct found *f, const struct opening *o)
{
	if (f->unknown[0] != '\0' && o->harmless)
		print_remark(c->err,
		    "warning: which logins would pass is not known: %s", f->unknown);
	if (o->listeners && f->unknown_listener * 2 > f->submissions)
		print_remark(c->err,
		    "warning: the listener of %" PRIu64 " of %" PRIu64
		    " submissions of the last %d days is not known, so they were not looked at",
		    f->unknown_listener, f->submissions, OPENING_GUARD_DAYS);
}

enum error
opening_guard_refuse(struct ctl *c, const char *fmt, ...)
{
	char words[ERROR_TEXT_MAX - sizeof WAY_OUT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	if (argument_option(c, OPT_FORCE) == NULL &&
	    argument_option(c, OPT_DRY_RUN) == NULL)
		return error_set(&c->why, ERR_PROTECTED, "%s" WAY_OUT, words);
	print_remark(c->err, "warning: %s", words);
	return OK;
}

enum error
opening_guard_check(struct ctl *c, const struct opening *o)
{
	struct found *f = calloc(1, sizeof *f);
	struct store_txn *before = NULL;
	struct store *store = NULL;
	char words[ERROR_TEXT_MAX];
	struct text t;
	enum error e;

	if (f == NULL)
		return error_about(&c->why, ERR_MEMORY, "the usage");
	e = store_open(&store, c->dir, STORE_READ, &c->why);

	if (e == OK && (e = store_begin(store, &before)) != OK)
		e = store_about(&c->why, e, store);
	if (e == OK)
		e = found_read(c, before, o, f);
	store_abort(&before);
	store_close(&store);
	text_init(&t, words, sizeof words - sizeof WAY_OUT);
	if (e == OK)
		found_words(f, o, &t);
	if (e == OK && t.len > 0)
		e = opening_guard_refuse(c, "%s", words);
	if (e == OK)
		found_remark(c, f, o);
	free(f);
	if (e == OK && argument_option(c, OPT_DRY_RUN) != NULL)
		print_remark(c->err, "dry run: nothing is changed");
	return e;
}

const char *
opening_guard_less(const struct tenant *t)
{
	return t->smtp_auth == SMTP_AUTH_ENABLED
	    ? ""
	    : " deny as much, by its action, blocks or enforce-from";
}
