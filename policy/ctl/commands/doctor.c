/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor - the command that checks the MTA, the daemon and the policy */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/config/config.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/usage/daemon.h"
#include "policy/doctor/listener.h"
#include "policy/doctor/mail_log.h"
#include "policy/doctor/postfix_checks.h"
#include "policy/doctor/probe.h"
#include "policy/doctor/sendmail.h"
#include "policy/identity/mta.h"
#include "policy/store/state_dir.h"
#include "policy/tables/domain_table.h"

enum { EXIT_FINDINGS = 1 };

#define SHOWN_MAX 3000

struct examination {
	struct ctl *ctl;
	struct config config;
	struct checks checks;
	enum mta mta; /* MTA_AUTO: there is none */
	struct daemon_view view;
	bool probed;
	struct probe probe;
};

/* choose_mta - as told, else the one that is installed */
static enum error
choose_mta(struct examination *x)
{
	static const char *const version[] = {"postconf", "-d", "mail_version", NULL};
	bool postfix = argument_option(x->ctl, OPT_POSTFIX) != NULL;
	bool sendmail = argument_option(x->ctl, OPT_SENDMAIL) != NULL;
	char *out = NULL;

	if (postfix && sendmail)
		return error_set(&x->ctl->why, ERR_USAGE,
		    "--postfix and --sendmail exclude each other");
	if (!postfix && !sendmail) {
		postfix = child_process_read(version, &out) == OK;
		sendmail = access(SENDMAIL_DEFAULT, R_OK) == 0;
		free(out);
	}
	x->mta = postfix ? MTA_POSTFIX : sendmail ? MTA_SENDMAIL : MTA_AUTO;
	return OK;
}

/* doctor_remedy - what to type where the database of DIR cannot be opened */
static const char *
doctor_remedy(enum error e, const char *dir)
{
	if (e == ERR_PERMISSION)
		return "run smtpauthctl doctor as root";
	if (e == ERR_MISSING)
		return state_dir_has_policy(dir) ? "smtpauthctl restore DIR"
						 : "smtpauthctl init";
	if (e == ERR_OLDER)
		return "smtpauthctl export, with the version that wrote it";
	return "smtpauthctl verify";
}

/* open_policy - a database that cannot be used is a finding, not the end */
static void
open_policy(struct examination *x)
{
	struct ctl *c = x->ctl;
	struct checks *s = &x->checks;
	char tenant[TENANT_NAME_MAX + 1];
	enum error e = store_open(&c->store, c->dir, STORE_READ, &c->why);

	if (e == OK) {
		e = store_begin(c->store, &c->txn);
		if (e != OK)
			store_about(&c->why, e, c->store);
	}
	if (e != OK) {
		findings_add(&s->findings, "database", c->dir, "%s", c->why.text);
		findings_fix(&s->findings, "%s", doctor_remedy(e, c->dir));
		return;
	}
	s->txn = c->txn;
	s->settings = store_settings(c->txn);
	s->catch_all =
	    domain_table_get(c->txn, DOMAIN_ANY, tenant) == OK && tenant[0] != '\0';
}

/* say_elsewhere - a daemon runs, but not where the configuration says */
static void
say_elsewhere(struct examination *x)
{
	struct findings *f = &x->checks.findings;

	findings_add(f, "daemon-elsewhere", "smtpauth-milter.conf",
	    "no daemon listens on %s, the configured socket, but one does on %s",
	    x->config.socket, x->checks.daemon.socket);
	findings_fix(f,
	    "name the socket that is meant in \"socket\"; if that is another instance, name its configuration with -c FILE, and start this one");
}

/*
 * find_daemon - the one of the configured socket, else whichever runs. Where that one
 * listens is the word of the daemon's user: it is printed, never connected to.
 */
static void
find_daemon(struct examination *x)
{
	const struct daemon_report *r = &x->view.report;
	struct checks *s = &x->checks;

	if (r->error != OK && r->error != ERR_MISSING)
		print_remark(x->ctl->err, "warning: %s", r->why.text);
	s->running = x->view.asked == DAEMON_RUNS || x->view.latest == DAEMON_RUNS;
	s->daemon = x->view.asked == DAEMON_RUNS ? r->asked : r->latest;
	if (s->running && x->view.asked != DAEMON_RUNS)
		say_elsewhere(x);
	(void)endpoint_from_milter(x->config.socket, &s->milter);
}

static const char *
option_or(const struct examination *x, enum option_id option, const char *other)
{
	const char *value = argument_option(x->ctl, option);

	return value != NULL ? value : other;
}

/* submission_of - what is to be asked: a login, or a session without one */
static struct submission
submission_of(const struct examination *x)
{
	const char *login = option_or(x, OPT_LOGIN, "");

	return (struct submission){
	    .login = login,
	    .login_len = strlen(login),
	    .mta = x->mta == MTA_SENDMAIL ? MTA_SENDMAIL : MTA_POSTFIX,
	    .client = option_or(x, OPT_CLIENT, "192.0.2.1"),
	    .listener = option_or(x, OPT_LISTENER, ""),
	    .mechanism = option_or(x, OPT_MECHANISM, "PLAIN"),
	};
}

/* ask_milter - whether it answers, and what a login would get */
static void
ask_milter(struct examination *x)
{
	struct findings *f = &x->checks.findings;
	const struct submission s = submission_of(x);
	char address[ENDPOINT_MAX + 32];
	struct error_text why;

	if (x->checks.milter.kind == ENDPOINT_NONE)
		return; /* fd:N, and no daemon that would say what it is */
	endpoint_milter(&x->checks.milter, address);
	if (probe_milter(&x->checks.milter, &s, &x->probe, &why) != OK) {
		findings_add(f, "milter-unreachable", address,
		    "the milter does not answer: %s", why.text);
		findings_fix(f,
		    "see whether the daemon runs and its log; \"socket\" in smtpauth-milter.conf is where it listens");
		return;
	}
	x->probed = true;
	if (s.login_len == 0 && x->probe.kind != PROBE_PASSES) {
		findings_add(f, "milter-answer", address,
		    "a session without a login does not pass: %s", x->probe.reply);
		findings_fix(f, "another program may listen there");
	}
}

/* doctor_examine - what the MTA's log shows comes before what is only likely */
static enum error
doctor_examine(struct examination *x)
{
	struct ctl *c = x->ctl;
	enum error e;

	daemon_look(c, x->config.socket, &x->view); /* while no policy is open */
	open_policy(x);
	find_daemon(x);
	checks_daemon(&x->checks);
	listener_check(&x->checks);
	ask_milter(x);
	e = mail_log_check(&x->checks, argument_option(c, OPT_LOG), &c->why);
	if (e != OK)
		return e;
	checks_state(&x->checks);
	checks_settings(&x->checks);
	if (x->mta == MTA_POSTFIX)
		postfix_checks(&x->checks, argument_option(c, OPT_POSTFIX));
	else if (x->mta == MTA_SENDMAIL)
		sendmail_check(&x->checks, argument_option(c, OPT_SENDMAIL));
	else
		findings_add(&x->checks.findings, "no-mta", "",
		    "neither postconf nor " SENDMAIL_DEFAULT
		    " is here: name the MTA with --postfix DIR or --sendmail FILE");
	return OK;
}

/* answer_text - what the milter said about the login, NULL when it was not asked */
static const char *
answer_text(const struct examination *x)
{
	if (!x->probed || argument_option(x->ctl, OPT_LOGIN) == NULL)
		return NULL;
	return x->probe.kind == PROBE_PASSES ? "passes"
	    : x->probe.kind == PROBE_REPLIES ? x->probe.reply
					     : "refused without a text of the milter's";
}

/* print_fields - all of it as JSON, for people what was looked at */
static void
print_fields(struct printer *p, const struct examination *x)
{
	static const struct print_column columns[] = {{"mta", "mta"},
	    {"socket", "milter"}, {"asked_by", "asked by"}, {"answer", "answer"},
	    {NULL, NULL}};
	static const char *const mtas[] = {
	    [MTA_AUTO] = "", [MTA_POSTFIX] = "postfix", [MTA_SENDMAIL] = "sendmail"};
	const struct checks *s = &x->checks;
	char address[ENDPOINT_MAX + 32] = "";

	if (s->milter.kind != ENDPOINT_NONE)
		endpoint_milter(&s->milter, address);
	print_properties(p, columns);
	print_object_start(p, NULL);
	print_text(p, "mta", mtas[x->mta]);
	print_text(p, "socket", address);
	print_bool(p, "running", s->running);
	print_text(p, "asked_by", s->services);
	print_text(p, "login", argument_option(x->ctl, OPT_LOGIN));
	print_text(p, "answer", answer_text(x));
	print_array_start(p, "findings");
	for (const struct finding *f = s->findings.item;
	     f < s->findings.item + s->findings.count; f++) {
		print_object_start(p, NULL);
		print_string(p, "id", f->id);
		print_text(p, "where", f->where);
		print_string(p, "text", f->text);
		print_text(p, "fix", f->fix);
		print_object_end(p);
	}
	print_array_end(p);
	print_object_end(p);
}

/* doctor_shown - S made printable: a configuration file may hold anything */
static const char *
doctor_shown(const char *s, char *buf)
{
	struct text t;

	text_init(&t, buf, SHOWN_MAX);
	text_show(&t, s, strlen(s), SHOWN_MAX / 4 - 40);
	return buf;
}

static void
print_findings(FILE *out, const struct findings *findings)
{
	char buf[SHOWN_MAX];

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->item[i];

		fprintf(
		    out, "\n%zu. [%s] %s", i + 1, f->id, doctor_shown(f->where, buf));
		fprintf(out, "%s%s\n", f->where[0] != '\0' ? ": " : "",
		    doctor_shown(f->text, buf));
		if (f->fix[0] != '\0')
			fprintf(out, "   -> %s\n", doctor_shown(f->fix, buf));
	}
	if (findings->count == 0)
		fprintf(out, "nothing found to be wrong\n");
	else
		fprintf(out, "\n%zu finding%s\n", findings->count,
		    findings->count == 1 ? "" : "s");
}

enum error
ctl_doctor(struct ctl *c)
{
	static struct examination x; /* large */
	struct findings *found = &x.checks.findings;
	const char *ignore = argument_option(c, OPT_IGNORE);
	enum error e = config_read(&x.config, c->options.config_file, &c->why);

	x.ctl = c;
	x.checks.dir = c->dir;
	x.checks.config = &x.config;
	if (e == OK)
		e = choose_mta(&x);
	if (e != OK)
		return e;
	e = doctor_examine(&x);
	for (size_t i = found->count; ignore != NULL && i-- > 0;)
		if (sendmail_list_has(ignore, found->item[i].id))
			findings_drop(found, i);
	if (e == OK && found->failed)
		e = error_set(&c->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	if (e == OK) {
		print_fields(&c->print, &x);
		if (!c->options.json)
			print_findings(c->out, found);
	}
	c->status = found->count > 0 ? EXIT_FINDINGS : 0;
	findings_free(found);
	return e;
}
