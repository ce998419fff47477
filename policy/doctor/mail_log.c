/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_log - what the logins in a mail log would meet */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/text.h"
#include "policy/decision/submission.h"
#include "policy/doctor/checks.h"
#include "policy/identity/mta.h"

#define TAIL_MAX (16L << 20)
#define LOGINS_MAX 10000
#define SLOTS 32768 /* of the table of logins; a power of two */
#define NAMES_SHOWN 3
#define NAME_SHOWN_MAX 80

/* What was found of one kind. */
struct group {
	unsigned count;
	char buf[NAMES_SHOWN * (NAME_SHOWN_MAX + 40)];
	struct text names;
};

struct log {
	struct checks *checks;
	char **seen; /* SLOTS strings "CLIENT LOGIN" */
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

/* field - what stands between BEGIN and one of ENDS; false when it is not there */
static bool
field(const char *line, const char *begin, const char *ends, char *out, size_t cap)
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

/* client_of - the address in brackets behind "client=", "from " or "relay=" */
static void
client_of(const char *line, char *out, size_t cap)
{
	static const char *const places[] = {"client=", ": MAIL from ", "relay="};

	out[0] = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *at = strstr(line, places[i]);

		if (at != NULL && field(at, "[", "]", out, cap))
			return;
	}
}

/* is_new - whether the pair was not met before; a full table takes no more */
static bool
is_new(struct log *log, const char *client, const char *login)
{
	uint32_t slot = 2166136261u;
	char *pair;

	if (log->logins == LOGINS_MAX || asprintf(&pair, "%s %s", client, login) < 0)
		return false;
	for (const char *s = pair; *s != '\0'; s++)
		slot = (slot ^ (unsigned char)*s) * 16777619u;
	for (;; slot++) {
		char **at = &log->seen[slot % SLOTS];

		if (*at == NULL) {
			*at = pair;
			log->logins++;
			return true;
		}
		if (strcmp(*at, pair) == 0) {
			free(pair);
			return false;
		}
	}
}

static bool
is_loopback(const char *client)
{
	struct cidr_list one = {.count = 1};
	struct cidr_ip a;

	if (!cidr_ip_parse(client, &a))
		return false;
	one.net[0] = (struct cidr){a, 128};
	return cidr_list_has_loopback(&one);
}

/* judge - by the policy as it is now */
static void
judge(struct log *log, const char *client, const char *login)
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
	struct outcome o;

	if (is_loopback(client) && settings->exempt_listeners[0] == '\0' &&
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
	if (!field(line, "sasl_username=", ",\r\n", login, sizeof login) &&
	    !(strstr(line, "AUTH=server") != NULL &&
		field(line, "authid=", ",\r\n", login, sizeof login)))
		return;
	client_of(line, client, sizeof client);
	if (is_new(log, client, login))
		judge(log, client, login);
}

static void
say_unknown(struct log *log)
{
	struct findings *f = &log->checks->findings;
	const char *action = word_of_action(log->checks->settings->unknown_tenant);

	if (log->unknown.count > 0) {
		findings_add(f, "logins-unknown-tenant", "mail log",
		    "%u login%s of domains that no tenant has (unknown-tenant is %s): %s",
		    log->unknown.count, log->unknown.count == 1 ? "" : "s", action,
		    log->unknown.buf);
		findings_fix(f,
		    "smtpauthctl domain add TENANT DOMAIN, or a tenant with domain '*'");
	}
	if (log->bare.count > 0) {
		findings_add(f, "login-without-realm", "mail log",
		    "%u login%s without a domain, so of no tenant (unknown-tenant is %s): %s",
		    log->bare.count, log->bare.count == 1 ? "" : "s", action,
		    log->bare.buf);
		findings_fix(f,
		    "smtpauthctl settings set default-domain DOMAIN, or \"smtpauthctl mailbox alias add ADDRESS LOGIN\"");
	}
}

static void
say_others(struct log *log)
{
	struct findings *f = &log->checks->findings;

	if (log->invalid.count > 0) {
		findings_add(f, "logins-invalid", "mail log",
		    "%u login%s that cannot be read as an address (invalid-login is %s): %s",
		    log->invalid.count, log->invalid.count == 1 ? "" : "s",
		    word_of_action(log->checks->settings->invalid_login),
		    log->invalid.buf);
		findings_fix(
		    f, "smtpauthctl check LOGIN says what is wrong with each of them");
	}
	if (log->loopback.count > 0) {
		findings_add(f, "webmail-not-exempt", "mail log",
		    "%u login%s from this machine itself, as webmail does it, and nothing is exempt: %s",
		    log->loopback.count, log->loopback.count == 1 ? "" : "s",
		    log->loopback.buf);
		findings_fix(f,
		    "give webmail a listener of its own and \"smtpauthctl settings add exempt-listeners WEBMAIL\"; if these are clients of a proxy, let it send XCLIENT");
	}
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

/* log_free - with all it has seen; NULL is let be */
static void
log_free(struct log *log)
{
	if (log == NULL)
		return;
	for (size_t i = 0; log->seen != NULL && i < SLOTS; i++)
		free(log->seen[i]);
	free(log->seen);
	free(log);
}

/* log_new - NULL without memory */
static struct log *
log_new(struct checks *s)
{
	struct log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	log->checks = s;
	log->seen = calloc(SLOTS, sizeof *log->seen);
	if (log->seen == NULL) {
		log_free(log);
		return NULL;
	}
	return log;
}

enum error
mail_log_check(struct checks *s, const char *file, struct error_text *why)
{
	struct log *log;
	FILE *f = open_log(file);

	if (f == NULL && file != NULL)
		return error_set(
		    why, error_from_errno(errno), "%s: %s", file, strerror(errno));
	if (f == NULL)
		return OK;
	log = s->settings != NULL ? log_new(s) : NULL;
	if (log != NULL)
		read_log(log, f);
	if (f != stdin)
		fclose(f);
	if (s->settings == NULL)
		return OK;
	if (log == NULL)
		return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	s->logins = log->logins;
	say_unknown(log);
	say_others(log);
	log_free(log);
	return OK;
}
