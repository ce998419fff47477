/* SPDX-License-Identifier: BSD-2-Clause */
/* doveconf - what Dovecot's configuration says of its policy server: doveconf(1) */
#include "policy/doctor/door/doveconf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/child_process.h"

#define PENALTY "service/anvil/unix_listener/anvil-auth-penalty/mode"
#define PATH_LENGTH_MAX 500
#define TIMEOUT_24_MS 2000 /* 2.4's, where nothing is printed */

/* A place in the text: its line, and the blocks around it. */
struct cursor {
	const char *at; /* the next line */
	const char *line;
	size_t len;                       /* of the line, without blanks around it */
	char path[PATH_LENGTH_MAX + 200]; /* of the blocks, each followed by '/' */
	size_t depth;                     /* of PATH */
	bool bad;                         /* a line is none of doveconf's */
};

/* cursor_line - the next line that is neither empty nor a comment */
static bool
cursor_line(struct cursor *c)
{
	while (*c->at != '\0') {
		c->line = c->at + strspn(c->at, " \t");
		c->len = strcspn(c->at, "\n");
		c->at += c->len;
		c->len -= (size_t)(c->line - (c->at - c->len));
		c->at += *c->at == '\n';
		if (c->len > 0 && *c->line != '#')
			return true;
	}
	return false;
}

/* cursor_enter - a block "NAME MORE {": a part of the path for each word */
static void
cursor_enter(struct cursor *c)
{
	size_t n = c->len - 2;

	if (n == 0 || c->depth + n + 1 > PATH_LENGTH_MAX) {
		c->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *part = c->line[i] == ' ' ? "/" : &c->line[i];

		c->path[c->depth++] = *part;
	}
	c->path[c->depth++] = '/';
	c->path[c->depth++] = '\n'; /* where the block begins, for its end */
	c->path[c->depth] = '\0';
}

static void
cursor_leave(struct cursor *c)
{
	if (c->depth == 0) {
		c->bad = true;
		return;
	}
	c->depth--; /* its own mark */
	while (c->depth > 0 && c->path[c->depth - 1] != '\n')
		c->depth--;
	c->path[c->depth] = '\0';
}

/* cursor_setting - goes to the next line "NAME = VALUE"; false at the end */
static bool
cursor_setting(struct cursor *c)
{
	while (!c->bad && cursor_line(c)) {
		const char *equal = memchr(c->line, '=', c->len);

		if (equal != NULL && equal > c->line && equal[-1] == ' ')
			return true;
		if (c->len == 1 && *c->line == '}')
			cursor_leave(c);
		else if (c->len > 2 && memcmp(c->line + c->len - 2, " {", 2) == 0)
			cursor_enter(c);
		else
			c->bad = true;
	}
	c->bad |= c->depth > 0;
	return false;
}

/* cursor_is - whether the setting is that of PATH */
static bool
cursor_is(const struct cursor *c, const char *path)
{
	size_t n = (size_t)((const char *)memchr(c->line, '=', c->len) - c->line) - 1;

	for (const char *p = c->path; *p != '\0'; p++)
		if (*p != '\n' && *p != *path++)
			return false;
	return strncmp(path, c->line, n) == 0 && path[n] == '\0';
}

/* cursor_value - what follows the "=", without the quotes of 2.4 */
static bool
cursor_value(const struct cursor *c, char *out)
{
	const char *from = (const char *)memchr(c->line, '=', c->len) + 1;
	const char *end = c->line + c->len;
	size_t n = 0;
	bool quoted;

	while (from < end && *from == ' ')
		from++;
	quoted = end - from >= 2 && *from == '"' && end[-1] == '"';
	from += quoted, end -= quoted;
	for (; from < end; from++) {
		if (n == DOVECONF_VALUE_MAX)
			return false;
		if (quoted && *from == '\\' && from + 1 < end)
			from++;
		out[n++] = *from;
	}
	out[n] = '\0';
	return true;
}

bool
doveconf_value(const char *text, const char *path, char *out)
{
	struct cursor c = {.at = text};

	out[0] = '\0';
	while (cursor_setting(&c))
		if (cursor_is(&c, path)) {
			bool fits = cursor_value(&c, out);

			if (!fits)
				out[0] = '\0';
			return fits;
		}
	return false;
}

bool
doveconf_is_whole(const char *text)
{
	struct cursor c = {.at = text};

	while (cursor_setting(&c))
		;
	return !c.bad;
}

/* multiply - A * B, or the most there is */
static long
multiply(long a, long b)
{
	return a > LONG_MAX / b ? LONG_MAX : a * b;
}

long
doveconf_time(const char *value, long unit)
{
	static const struct {
		const char *begin;
		long ms;
	} units[] = {{"msec", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000},
	    {"d", 86400000}};
	char *end;
	long n = strtol(value, &end, 10);

	if (strcmp(value, "infinite") == 0)
		return 0;
	if (end == value || n < 0)
		return -1;
	end += strspn(end, " ");
	if (*end == '\0')
		return multiply(n, unit);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strncmp(end, units[i].begin, strlen(units[i].begin)) == 0)
			return multiply(n, units[i].ms);
	return -1;
}

/* is_yes - as Dovecot reads it; INITIAL where nothing is printed */
static bool
is_yes(const char *text, const char *path, bool initial)
{
	char value[DOVECONF_VALUE_MAX + 1];

	if (!doveconf_value(text, path, value))
		return initial;
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "y") == 0 ||
	    strcmp(value, "1") == 0;
}

/* attribute_23 - of "login=%{user} remote=%{rip}" */
static void
attribute_23(const char *list, const char *name, char *out)
{
	size_t n = strlen(name);

	out[0] = '\0';
	for (; *list != '\0'; list += strcspn(list, " ")) {
		list += strspn(list, " ");
		if (strncmp(list, name, n) == 0 && list[n] == '=')
			snprintf(out, DOVECONF_VALUE_MAX + 1, "%.*s",
			    (int)strcspn(list + n + 1, " "), list + n + 1);
	}
}

static void
take_23(struct doveconf *out, const char *text)
{
	char value[DOVECONF_VALUE_MAX + 1];

	doveconf_value(text, "auth_policy_server_url", out->url);
	doveconf_value(text, "auth_policy_hash_nonce", out->nonce);
	doveconf_value(text, "auth_policy_server_api_header", out->header);
	out->before = is_yes(text, "auth_policy_check_before_auth", true);
	out->after = is_yes(text, "auth_policy_check_after_auth", true);
	out->reject_on_fail = is_yes(text, "auth_policy_reject_on_fail", false);
	out->log_only = is_yes(text, "auth_policy_log_only", false);
	if (doveconf_value(text, "auth_policy_server_timeout_msecs", value))
		out->timeout_ms = doveconf_time(value, 1);
	doveconf_value(text, "auth_policy_request_attributes", value);
	attribute_23(value, "login", out->login);
	attribute_23(value, "remote", out->remote);
	attribute_23(value, "protocol", out->protocol);
	attribute_23(value, "mechanism", out->mechanism);
}

#define FILTER "auth_policy/"
#define ATTRIBUTES FILTER "request_attributes/"

static void
take_24(struct doveconf *out, const char *text)
{
	char value[DOVECONF_VALUE_MAX + 1];

	doveconf_value(text, FILTER "server_url", out->url);
	doveconf_value(text, FILTER "hash_nonce", out->nonce);
	doveconf_value(text, FILTER "server_api_header", out->header);
	out->before = is_yes(text, FILTER "check_before_auth", true);
	out->after = is_yes(text, FILTER "check_after_auth", true);
	out->reject_on_fail = is_yes(text, FILTER "reject_on_fail", false);
	out->log_only = is_yes(text, FILTER "log_only", false);
	if (doveconf_value(text, FILTER "http_client_request_absolute_timeout", value))
		out->timeout_ms = doveconf_time(value, 1000);
	out->one_connection =
	    doveconf_value(
		text, FILTER "http_client_max_parallel_connections", value) &&
	    strcmp(value, "1") == 0;
	doveconf_value(text, ATTRIBUTES "login", out->login);
	doveconf_value(text, ATTRIBUTES "remote", out->remote);
	doveconf_value(text, ATTRIBUTES "protocol", out->protocol);
	doveconf_value(text, ATTRIBUTES "mechanism", out->mechanism);
}

/* take_protocols - a list, or 2.4's block of "imap = yes"; " imap pop3 " */
static void
take_protocols(struct doveconf *out, const char *text)
{
	char value[DOVECONF_VALUE_MAX + 1];
	struct cursor c = {.at = text};
	size_t n;

	if (doveconf_value(text, "protocols", value)) {
		snprintf(out->protocols, sizeof out->protocols, " %.*s ",
		    DOVECONF_VALUE_MAX - 2, value);
		return;
	}
	strcpy(out->protocols, " ");
	while (cursor_setting(&c)) {
		if (strcmp(c.path, "protocols/\n") != 0 || !cursor_value(&c, value) ||
		    strcasecmp(value, "yes") != 0)
			continue;
		n = strlen(out->protocols);
		snprintf(out->protocols + n, sizeof out->protocols - n, "%.*s ",
		    (int)strcspn(c.line, " "), c.line);
	}
}

enum error
doveconf_parse(struct doveconf *out, const char *text, struct error_text *why)
{
	*out = (struct doveconf){.timeout_ms = TIMEOUT_24_MS, .one_connection = true};
	if (!doveconf_is_whole(text) ||
	    !doveconf_value(text, "base_dir", out->base_dir))
		return error_set(
		    why, ERR_FORMAT, "what doveconf prints is not a configuration");
	out->filters = strstr(text, "auth_policy {\n") != NULL;
	if (out->filters)
		take_24(out, text);
	else
		take_23(out, text);
	take_protocols(out, text);
	return OK;
}

/* doveconf_failed - why, in its own words if it has any */
static enum error
doveconf_failed(const char *const *argv, struct error_text *why)
{
	char *said = NULL, *line = NULL, *rest;

	if (child_process_complaints(argv, &said) == OK)
		for (char *l = strtok_r(said, "\n", &rest); l != NULL;
		     l = strtok_r(NULL, "\n", &rest))
			line = l;
	if (line != NULL && strcasestr(line, "bearer") != NULL)
		line = NULL; /* it has the key */
	error_set(why, ERR_CONFIG, "doveconf fails: %s",
	    line != NULL ? line : "run it by hand to see why");
	free(said);
	return ERR_CONFIG;
}

enum error
doveconf_read(struct doveconf *out, const char *protocol, struct error_text *why)
{
	char filter[DOVECONF_NAME_MAX + 10];
	const char *const argv[] = {"doveconf", "-P", "-f", filter, "auth_policy",
	    "auth_policy_server_url", "auth_policy_hash_nonce",
	    "auth_policy_server_api_header", "auth_policy_check_before_auth",
	    "auth_policy_check_after_auth", "auth_policy_reject_on_fail",
	    "auth_policy_log_only", "auth_policy_server_timeout_msecs",
	    "auth_policy_request_attributes", "protocols", "base_dir", NULL};
	char *text;
	enum error e;

	if (snprintf(filter, sizeof filter, "protocol=%s", protocol) >=
	    (int)sizeof filter)
		return error_set(why, ERR_CONFIG, "the name %s is too long", protocol);
	e = child_process_read(argv, &text);
	if (e == ERR_BUSY)
		return error_set(why, ERR_CONFIG, "doveconf does not end");
	if (e == ERR_MISSING || e == ERR_MEMORY)
		return error_set(why, e, "no program doveconf");
	if (e != OK)
		return doveconf_failed(argv, why);
	e = doveconf_parse(out, text, why) == OK ? OK : ERR_CONFIG;
	free(text);
	return e;
}

bool
doveconf_penalty_mode(unsigned *mode_r)
{
	static const char *const argv[] = {"doveconf", PENALTY, NULL};
	char value[DOVECONF_VALUE_MAX + 1], *text, *end;
	bool found;

	if (child_process_read(argv, &text) != OK)
		return false;
	found = doveconf_is_whole(text) && doveconf_value(text, PENALTY, value);
	free(text);
	if (!found)
		return false;
	*mode_r = (unsigned)strtoul(value, &end, 8);
	return end != value && *end == '\0';
}
