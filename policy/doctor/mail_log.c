/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_log - decisions for the logins in a mail log */
#include "policy/doctor/mail_log.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/text.h"
#include "policy/decision/submission.h"
#include "policy/identity/mta.h"

#define TAIL_MAX (16L << 20)
#define LOGINS_MAX 10000
#define NAMES_SHOWN 3
#define NAME_SHOWN_MAX 80

/* Logins of one kind. */
struct group {
	unsigned count;
	char buf[NAMES_SHOWN * (NAME_SHOWN_MAX + 40)];
	struct text names;
};

struct log {
	struct checks *checks;
	void *seen; /* a tree of strings "CLIENT LOGIN" */
	unsigned logins;
	struct group unknown, bare, invalid, loopback;
};

static void
group_add(struct group *g, const char *login)
{
	if (g->count == 0)
		text_init(&g->names, g->buf, sizeof g->buf);
	if (g->count < NAMES_SHOWN) {
		text_puts(&g->names, g->count > 0 ? ", " : "");
		text_show(&g->names, login, strlen(login), NAME_SHOWN_MAX);
	} else if (g->count == NAMES_SHOWN) {
		text_puts(&g->names, ", ...");
	}
	g->count++;
}

/* log_field - what stands between BEGIN and one of ENDS; false when it is not there */
static bool
log_field(const char *line, const char *begin, const char *ends, char *out, size_t cap)
{
	const char *at = strstr(line, begin);
	size_t n;

	if (at == NULL)
		return false;
	at += strlen(begin);
	if (*at == '<') {
		at++;
		ends = ">";
	}
	n = strcspn(at, ends);
	if (n == 0 || n >= cap)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	return true;
}

/* client_of - the address in brackets after "client=", "from " or "relay=" */
static void
client_of(const char *line, char *out, size_t cap)
{
	static const char *const places[] = {"client=", ": MAIL from ", "relay="};

	out[0] = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *at = strstr(line, places[i]);

		if (at != NULL && log_field(at, "[", "]", out, cap))
			return;
	}
}

static int
compare_pairs(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* is_new - whether the pair was not seen before; a full tree takes no more */
static bool
is_new(struct log *log, const char *client, const char *login)
{
	char *pair, **at;

	if (log->logins == LOGINS_MAX || asprintf(&pair, "%s %s", client, login) < 0)
		return false;
	at = tsearch(pair, &log->seen, compare_pairs);
	if (at == NULL || *at != pair) {
		free(pair);
		return false;
	}
	log->logins++;
	return true;
}

/* judge_login - by the policy as it is now */
static void
judge_login(struct log *log, const char *client, const char *login)
{
	const struct settings *settings = log->checks->settings;
	const struct submission s = {
	    .login = login,
	    .login_len = strlen(login),
	    .mta = MTA_POSTFIX,
	    .client = client,
	    .listener = "",
	    .mechanism = "",
	    .now = instant_now(),
	};
	struct cidr_ip ip;
	struct outcome o;

	if (cidr_ip_parse(client, &ip) && cidr_ip_is_loopback(&ip) &&
	    settings->exempt_listeners[0] == '\0' &&
	    !cidr_list_has_loopback(&settings->exempt_clients))
		group_add(&log->loopback, login);
	if (submission_judge(log->checks->txn, &s, &o, NULL) != OK)
		return;
	if (o.decision.reason == REASON_INVALID_LOGIN)
		group_add(&log->invalid, login);
	else if (o.decision.reason == REASON_UNKNOWN_TENANT &&
	    strchr(login, '@') == NULL)
		group_add(&log->bare, login);
	else if (o.decision.reason == REASON_UNKNOWN_TENANT)
		group_add(&log->unknown, login);
}

static void
take_line(struct log *log, const char *line)
{
	char login[LOGIN_MAX + 1], client[64];

	if (strstr(line, "authentication failed") != NULL)
		return; /* Postfix 3.8 and later name the login of a guess, too */
	if (!log_field(line, "sasl_username=", ",\r\n", login, sizeof login) &&
	    !(strstr(line, "AUTH=server") != NULL &&
		log_field(line, "authid=", ",\r\n", login, sizeof login)))
		return;
	client_of(line, client, sizeof client);
	if (is_new(log, client, login))
		judge_login(log, client, login);
}

/* say_group - the finding ID about these logins: "N logins TEXT: NAMES" */
static void
say_group(struct log *log, const struct group *g, const char *id, const char *text,
    const char *fix)
{
	if (g->count == 0)
		return;
	findings_add(&log->checks->findings, id, "mail log", "%u login%s %s: %s",
	    g->count, g->count == 1 ? "" : "s", text, g->buf);
	findings_fix(&log->checks->findings, "%s", fix);
}

static void
say_groups(struct log *log)
{
	const struct settings *s = log->checks->settings;
	char text[120];

	snprintf(text, sizeof text,
	    "of domains that no tenant has (unknown-tenant is %s)",
	    word_of_action(s->unknown_tenant));
	say_group(log, &log->unknown, "logins-unknown-tenant", text,
	    "smtpauthctl domain add TENANT DOMAIN, or a tenant with domain '*'");
	snprintf(text, sizeof text,
	    "without a domain, so of no tenant (unknown-tenant is %s)",
	    word_of_action(s->unknown_tenant));
	say_group(log, &log->bare, "login-without-realm", text,
	    "smtpauthctl settings set default-domain DOMAIN, or \"smtpauthctl mailbox alias add ADDRESS LOGIN\"");
	snprintf(text, sizeof text,
	    "that cannot be read as an address (invalid-login is %s)",
	    word_of_action(s->invalid_login));
	say_group(log, &log->invalid, "logins-invalid", text,
	    "smtpauthctl check LOGIN says what is wrong with each of them");
	say_group(log, &log->loopback, "webmail-not-exempt",
	    "from this machine itself, as webmail does it, and nothing is exempt",
	    "give webmail a listener of its own and \"smtpauthctl settings add exempt-listeners WEBMAIL\"; if these are clients of a proxy, let it send XCLIENT");
}

static void
read_log(struct log *log, FILE *f)
{
	char *line = NULL;
	size_t room = 0;

	if (fseek(f, -TAIL_MAX, SEEK_END) == 0 && getline(&line, &room, f) < 0)
		clearerr(f); /* the rest of a line that began before */
	while (getline(&line, &room, f) >= 0)
		take_line(log, line);
	free(line);
}

/* open_log - the file that was named, or the first of the usual ones; may be NULL */
static FILE *
open_log(const char *file)
{
	struct stat st;
	FILE *f;

	if (file != NULL && strcmp(file, "-") == 0)
		return stdin;
	if (file != NULL && stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR; /* fopen() would not say so */
		return NULL;
	}
	if (file != NULL)
		return fopen(file, "re");
	f = fopen("/var/log/mail.log", "re");
	if (f == NULL)
		f = fopen("/var/log/maillog", "re");
	return f;
}

static enum error
read_logins(struct checks *c, FILE *f)
{
	struct log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return ERR_MEMORY;
	log->checks = c;
	read_log(log, f);
	c->logins = log->logins;
	say_groups(log);
	tdestroy(log->seen, free);
	free(log);
	return OK;
}

enum error
mail_log_check(struct checks *c, const char *file, struct error_text *why)
{
	FILE *f = open_log(file);
	enum error e = OK;

	if (f == NULL && file != NULL)
		return error_set(
		    why, error_from_errno(errno), "%s: %s", file, strerror(errno));
	if (f == NULL)
		return OK;
	if (c->settings != NULL)
		e = read_logins(c, f);
	if (f != stdin)
		fclose(f);
	return e == OK ? OK : error_set(why, e, "%s", error_string(e));
}
