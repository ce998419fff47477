/* SPDX-License-Identifier: BSD-2-Clause */
/* logins - the logins that were seen on this machine, and what the policy makes of them
 */
#include "policy/doctor/logins.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/base/text.h"
#include "policy/decision/submission.h"
#include "policy/doctor/mail_line.h"
#include "policy/identity/xtext.h"
#include "policy/usage/usage_key.h"

#define NAMES_SHOWN 3
#define NAME_SHOWN_MAX 80

/* A test of an operator's counts for so long. */
#define LOOPBACK_SECONDS 86400

/* Of the usage, so long. */
#define USAGE_SECONDS (30 * 86400)

/*
 * A client may take so long from MAIL, when the daemon is asked, to RCPT, when Postfix
 * logs the message: twice its smtpd_timeout.
 */
#define PAUSE_SECONDS 600

/* One pair of client and login. */
struct pair {
	char *key; /* "MTA CLIENT LOGIN" */
	const char *login;
	char *client, *program;
	enum mta mta;
	bool normal;
	instant at, mail; /* the last times; INSTANT_NONE: not known, or none */
};

struct logins {
	void *tree; /* of struct pair */
	struct pair **pair;
	size_t count, room;
};

/* Logins of one kind. */
struct group {
	unsigned count;
	instant last;
	char buf[NAMES_SHOWN * (NAME_SHOWN_MAX + 40)];
	struct text names;
};

struct logins *
logins_new(void)
{
	return calloc(1, sizeof(struct logins));
}

static void
pair_free(void *node)
{
	struct pair *p = node;

	free(p->key);
	free(p->client);
	free(p->program);
	free(p);
}

static void
leave(void *node)
{
	(void)node;
}

void
logins_free(struct logins **logins)
{
	struct logins *l = *logins;

	if (l == NULL)
		return;
	tdestroy(l->tree, leave);
	for (size_t i = 0; i < l->count; i++)
		pair_free(l->pair[i]);
	free(l->pair);
	free(l);
	*logins = NULL;
}

size_t
logins_count(const struct logins *logins)
{
	return logins->count;
}

static int
pair_compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* pair_new - as it was seen, without times */
static struct pair *
pair_new(const struct login_seen *s)
{
	struct pair *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->mta = s->mta;
	p->normal = s->normal;
	p->at = p->mail = INSTANT_NONE;
	p->client = strdup(s->client);
	if (asprintf(&p->key, "%c %s %s", s->mta == MTA_SENDMAIL ? 's' : 'p', s->client,
		s->login) < 0)
		p->key = NULL; /* the C library leaves it open */
	if (p->client == NULL || p->key == NULL) {
		pair_free(p);
		return NULL;
	}
	p->login = p->key + strlen(p->key) - strlen(s->login);
	return p;
}

/* pair_touch - a sight of it */
static void
pair_touch(struct pair *p, const struct login_seen *s)
{
	p->at = usage_later(p->at, s->at);
	if (!s->mail || s->at == INSTANT_NONE || s->at < p->mail)
		return;
	p->mail = s->at;
	if (p->program == NULL || strcmp(p->program, s->program) != 0) {
		free(p->program);
		p->program = strdup(s->program); /* NULL: it is not named */
	}
}

bool
logins_add(struct logins *l, const struct login_seen *seen)
{
	struct pair *p = pair_new(seen), **at;
	void *grown;

	if (p == NULL)
		return false;
	at = tfind(p, &l->tree, pair_compare);
	if (at != NULL || l->count == LOGINS_MAX) {
		pair_free(p);
		if (at != NULL)
			pair_touch(*at, seen);
		return true;
	}
	grown = array_grow(l->pair, l->count, &l->room, sizeof(struct pair *));
	if (grown != NULL)
		l->pair = grown;
	if (grown == NULL || tsearch(p, &l->tree, pair_compare) == NULL) {
		pair_free(p);
		return false;
	}
	l->pair[l->count++] = p;
	pair_touch(p, seen);
	return true;
}

enum error
logins_add_usage(struct logins *l, struct usage_merge *usage, instant *until_r,
    struct error_text *why)
{
	struct usage_row row;
	bool found = true;
	enum error e;

	*until_r = usage_merge_coverage(usage).until;
	while ((e = usage_merge_next(usage, &row, &found, why)) == OK && found) {
		char client[CIDR_IP_TEXT_MAX] = "";
		const struct usage *u = &row.usage;

		if (usage_is_others(&row.login) || u->last_use == INSTANT_NONE ||
		    *until_r == INSTANT_NONE || u->last_use < *until_r - USAGE_SECONDS)
			continue;
		if (u->has_client)
			cidr_ip_print(&u->client, client);
		if (!logins_add(l,
			&(struct login_seen){.login = row.login.text,
			    .client = client,
			    .mta = MTA_POSTFIX,
			    .normal = true,
			    .at = u->last_seen}))
			return error_set(
			    why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	}
	return e;
}

static void
group_add(struct group *g, const char *login, instant at)
{
	if (g->count == 0) {
		text_init(&g->names, g->buf, sizeof g->buf);
		g->last = INSTANT_NONE;
	}
	if (g->count < NAMES_SHOWN) {
		text_puts(&g->names, g->count > 0 ? ", " : "");
		text_typed(&g->names, login, strlen(login), NAME_SHOWN_MAX);
	} else if (g->count == NAMES_SHOWN) {
		text_puts(&g->names, ", ...");
	}
	g->last = usage_later(g->last, at);
	g->count++;
}

/* The groups of one judgement. */
struct groups {
	struct checks *checks;
	instant until;
	struct group unknown, bare, invalid, loopback;
};

static enum error
pair_judge(struct checks *c, const struct pair *p, struct outcome *o)
{
	const struct submission s = {
	    .login = p->login,
	    .login_len = strlen(p->login),
	    .normal = p->normal,
	    .mta = p->mta,
	    .client = p->client,
	    .listener = "",
	    .mechanism = "",
	    .now = instant_now(),
	};

	return submission_judge(c->txn, &s, o, NULL);
}

/* pair_shown - the login as the daemon sees it: without Sendmail's encoding */
static const char *
pair_shown(const struct pair *p, char *buf, size_t cap)
{
	size_t n;

	if (p->mta != MTA_SENDMAIL ||
	    xtext_decode(p->login, strlen(p->login), buf, cap - 1, &n) != OK ||
	    memchr(buf, '\0', n) != NULL)
		return p->login;
	buf[n] = '\0';
	return buf;
}

/* is_webmail - whether the login came from this machine, lately, and nothing is exempt
 */
static bool
is_webmail(const struct groups *g, const struct pair *p)
{
	const struct settings *s = g->checks->settings;
	struct cidr_ip ip;

	if (p->at != INSTANT_NONE && g->until != INSTANT_NONE &&
	    p->at < g->until - LOOPBACK_SECONDS)
		return false;
	return cidr_ip_parse(p->client, &ip) && cidr_ip_is_loopback(&ip) &&
	    s->exempt_listeners[0] == '\0' &&
	    !cidr_list_has_loopback(&s->exempt_clients);
}

static void
groups_take(struct groups *g, const struct pair *p)
{
	char buf[LOGIN_MAX + 1];
	const char *shown = pair_shown(p, buf, sizeof buf);
	struct outcome o;

	if (is_webmail(g, p))
		group_add(&g->loopback, shown, p->at);
	if (pair_judge(g->checks, p, &o) != OK)
		return;
	if (o.decision.reason == REASON_INVALID_LOGIN)
		group_add(&g->invalid, shown, p->at);
	else if (o.decision.reason == REASON_UNKNOWN_TENANT &&
	    strchr(shown, '@') == NULL)
		group_add(&g->bare, shown, p->at);
	else if (o.decision.reason == REASON_UNKNOWN_TENANT)
		group_add(&g->unknown, shown, p->at);
}

/* say_group - the finding ID about these logins: "N logins TEXT: NAMES" */
static void
say_group(struct checks *c, const struct group *g, const char *where, const char *id,
    const char *text, const char *fix)
{
	char when[INSTANT_TEXT_MAX];

	if (g->count == 0)
		return;
	findings_add(&c->findings, id, where, "%u login%s %s: %s%s%s%s", g->count,
	    g->count == 1 ? "" : "s", text, g->buf,
	    g->last != INSTANT_NONE ? " (last seen at " : "",
	    g->last != INSTANT_NONE ? instant_print(g->last, when) : "",
	    g->last != INSTANT_NONE ? ")" : "");
	findings_fix(&c->findings, "%s", fix);
}

static void
say_groups(const struct groups *g, const char *where)
{
	struct checks *c = g->checks;
	const struct settings *s = c->settings;
	char text[120];

	snprintf(text, sizeof text,
	    "of domains that no tenant has (unknown-tenant is %s)",
	    word_of_action(s->unknown_tenant));
	say_group(c, &g->unknown, where, "logins-unknown-tenant", text,
	    "smtpauthctl domain add TENANT DOMAIN, or a tenant with domain '*'");
	snprintf(text, sizeof text,
	    "without a domain, so of no tenant (unknown-tenant is %s)",
	    word_of_action(s->unknown_tenant));
	say_group(c, &g->bare, where, "login-without-realm", text,
	    "smtpauthctl settings set default-domain DOMAIN, or \"smtpauthctl mailbox alias add ADDRESS LOGIN\"");
	snprintf(text, sizeof text,
	    "that cannot be read as an address (invalid-login is %s)",
	    word_of_action(s->invalid_login));
	say_group(c, &g->invalid, where, "logins-invalid", text,
	    "smtpauthctl check LOGIN says what is wrong with each of them");
	say_group(c, &g->loopback, where, "webmail-not-exempt",
	    "from this machine itself, as webmail does it, and nothing is exempt",
	    "if these were tests of yours: nothing, a day later they no longer count; if they are clients of a proxy: let it send XCLIENT or PROXY; if this is webmail: a listener of its own for it, and \"smtpauthctl settings add exempt-listeners WEBMAIL\"");
}

void
logins_say(struct checks *c, struct logins *logins, const char *where, instant until)
{
	struct groups *g = calloc(1, sizeof *g);

	if (g == NULL) {
		c->findings.failed = true;
		return;
	}
	g->checks = c;
	g->until = until;
	for (size_t i = 0; i < logins->count; i++)
		groups_take(g, logins->pair[i]);
	say_groups(g, where);
	free(g);
}

/* One login that sent mail, and what the daemon knows of it. */
struct sender {
	struct login login; /* in normal form */
	const struct pair *pair;
	bool has_tenant;
	bool recorded;
	instant last; /* that was recorded */
};

struct senders {
	struct sender *at;
	size_t count;
	bool others; /* some logins of no tenant have no row of their own */
};

static int
sender_order(const void *a, const void *b)
{
	const struct sender *x = a, *y = b;

	return usage_key_order(&x->login, &y->login);
}

/*
 * senders_pick - those whose last mail came while this daemon ran, after all changes by
 * which a login counts as another one, and was written down before UNTIL
 */
static void
senders_pick(
    struct checks *c, const struct logins *logins, instant until, struct senders *s)
{
	for (size_t i = 0; i < logins->count; i++) {
		const struct pair *p = logins->pair[i];
		struct sender *n = &s->at[s->count];
		struct outcome o;

		if (p->mail == INSTANT_NONE || p->mail <= c->daemon.started ||
		    p->mail <= c->renamed || p->mail >= until ||
		    pair_judge(c, p, &o) != OK || !o.has_login)
			continue;
		*n = (struct sender){.login = o.login,
		    .pair = p,
		    .has_tenant = o.has_tenant,
		    .last = INSTANT_NONE};
		s->count++;
	}
	qsort(s->at, s->count, sizeof *s->at, sender_order);
}

/* senders_note - what the usage knows of a login, which may be there several times */
static void
senders_note(struct senders *s, const struct usage_row *row)
{
	const struct sender key = {.login = row->login};
	struct sender *at, *end = s->at + s->count;

	if (usage_is_others(&row->login)) {
		s->others = true;
		return;
	}
	at = bsearch(&key, s->at, s->count, sizeof *s->at, sender_order);
	if (at == NULL)
		return;
	while (at > s->at && sender_order(at - 1, &key) == 0)
		at--;
	for (; at < end && sender_order(at, &key) == 0; at++) {
		at->recorded = true;
		at->last = usage_later(row->usage.last_seen, row->usage.last_exempt);
	}
}

/* sender_is_unasked - never in doubt: see PAUSE_SECONDS */
static bool
sender_is_unasked(const struct senders *s, const struct sender *n)
{
	if (s->others && !n->has_tenant)
		return false;
	return !n->recorded || n->last == INSTANT_NONE ||
	    n->pair->mail > n->last + PAUSE_SECONDS;
}

static void
senders_say(struct checks *c, const struct senders *s)
{
	const struct pair *last = NULL;
	const struct sender *named = NULL;
	char buf[LOGIN_MAX + 1], from[INSTANT_TEXT_MAX], when[INSTANT_TEXT_MAX];
	struct group g = {.count = 0};

	for (size_t i = 0; i < s->count; i++) {
		const struct pair *p = s->at[i].pair;

		if (!sender_is_unasked(s, &s->at[i]))
			continue;
		if (named == NULL || sender_order(named, &s->at[i]) != 0)
			group_add(&g, pair_shown(p, buf, sizeof buf), p->mail);
		named = &s->at[i];
		if (last == NULL || p->mail > last->mail)
			last = p;
	}
	if (last == NULL)
		return;
	findings_add(&c->findings, "logins-not-asked", "mail log",
	    "%u login%s passed without being asked: the MTA accepted mail from %s (the last at %s, by %s), and the daemon, which runs since %s, has recorded nothing of it",
	    g.count, g.count == 1 ? "" : "s", g.buf, instant_print(last->mail, when),
	    last->program != NULL ? last->program : "a program that is not named",
	    instant_print(c->daemon.started, from));
	findings_fix(&c->findings,
	    "let that service ask the milter; if its configuration says so already, it is not in force yet: postfix reload");
}

enum error
logins_compare(struct checks *c, struct logins *logins, struct usage_merge *usage,
    struct error_text *why)
{
	const struct usage_coverage cover = usage_merge_coverage(usage);
	struct senders s = {.at = calloc(logins->count + 1, sizeof *s.at)};
	struct usage_row row;
	bool found = true;
	enum error e = OK;

	if (s.at == NULL)
		return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	if (c->running && c->daemon.counters.usage_on && cover.until != INSTANT_NONE &&
	    (cover.last_dropped == INSTANT_NONE ||
		cover.last_dropped < c->daemon.started))
		senders_pick(c, logins, cover.until - 1, &s);
	while (s.count > 0 && found && e == OK) {
		e = usage_merge_next(usage, &row, &found, why);
		if (e == OK && found)
			senders_note(&s, &row);
	}
	if (e == OK)
		senders_say(c, &s);
	free(s.at);
	return e;
}
