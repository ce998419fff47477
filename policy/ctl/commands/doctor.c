/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor - looks at the MTA, the daemon and the policy, and says what is wrong */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/config/config.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/usage/daemon.h"
#include "policy/doctor/listener.h"
#include "policy/doctor/mail_log.h"
#include "policy/doctor/postfix_checks.h"
#include "policy/doctor/probe.h"
#include "policy/doctor/sendmail.h"
#include "policy/identity/mta.h"
#include "policy/store/traces.h"
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
	char *out = NULL;

	if (argument_option(x->ctl, OPT_POSTFIX) != NULL &&
	    argument_option(x->ctl, OPT_SENDMAIL) != NULL)
		return error_set(&x->ctl->why, ERR_USAGE,
		    "--postfix and --sendmail exclude each other");
	x->mta = MTA_AUTO;
	if (argument_option(x->ctl, OPT_POSTFIX) != NULL)
		x->mta = MTA_POSTFIX;
	else if (argument_option(x->ctl, OPT_SENDMAIL) != NULL)
		x->mta = MTA_SENDMAIL;
	else if (child_process_read(version, &out) == OK)
		x->mta = MTA_POSTFIX;
	else if (access(SENDMAIL_DEFAULT, R_OK) == 0)
		x->mta = MTA_SENDMAIL;
	free(out);
	return OK;
}

/* remedy - what to type where the database of DIR cannot be opened */
static const char *
remedy(enum error e, const char *dir)
{
	if (e == ERR_PERMISSION)
		return "run smtpauthctl doctor as root";
	if (e == ERR_MISSING)
		return traces_found(dir) ? "smtpauthctl restore DIR"
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
		findings_fix(&s->findings, "%s", remedy(e, c->dir));
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

/* submission_of - what is to be asked: a login, or a session without one */
static struct submission
submission_of(const struct examination *x)
{
	const struct ctl *c = x->ctl;
	const char *login = argument_option(c, OPT_LOGIN);
	const char *client = argument_option(c, OPT_CLIENT);
	const char *listener = argument_option(c, OPT_LISTENER);
	const char *mechanism = argument_option(c, OPT_MECHANISM);

	return (struct submission){
	    .login = login != NULL ? login : "",
	    .login_len = login != NULL ? strlen(login) : 0,
	    .mta = x->mta == MTA_SENDMAIL ? MTA_SENDMAIL : MTA_POSTFIX,
	    .client = client != NULL ? client : "192.0.2.1",
	    .listener = listener != NULL ? listener : "",
	    .mechanism = mechanism != NULL ? mechanism : "PLAIN",
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

/* examine - the answer of the MTA's log comes before what is only likely without it */
static enum error
examine(struct examination *x)
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

/* forget - findings that --ignore names, parted by commas */
static void
forget(struct findings *list, const char *ids)
{
	for (size_t i = list->count; i-- > 0;)
		if (sendmail_list_has(ids, list->item[i].id))
			findings_drop(list, i);
}

/* answer_text - what the milter said about the login, NULL when it was not asked */
static const char *
answer_text(const struct examination *x)
{
	if (!x->probed || argument_option(x->ctl, OPT_LOGIN) == NULL)
		return NULL;
	switch (x->probe.kind) {
	case PROBE_PASSES:
		return "passes";
	case PROBE_REPLIES:
		return x->probe.reply;
	case PROBE_REFUSES:
		break;
	}
	return "refused without a text of the milter's";
}

static const char *
mta_words(const struct examination *x)
{
	return x->mta == MTA_POSTFIX ? "postfix"
	    : x->mta == MTA_SENDMAIL ? "sendmail"
				     : "";
}

static void
print_json(const struct examination *x)
{
	const struct checks *s = &x->checks;
	char address[ENDPOINT_MAX + 32] = "";
	struct json j;

	if (s->milter.kind != ENDPOINT_NONE)
		endpoint_milter(&s->milter, address);
	json_to_stream(&j, x->ctl->out);
	json_object_start(&j, NULL);
	json_text(&j, "mta", mta_words(x));
	json_text(&j, "socket", address);
	json_bool(&j, "running", s->running);
	json_text(&j, "asked_by", s->services);
	json_text(&j, "login", argument_option(x->ctl, OPT_LOGIN));
	json_text(&j, "answer", answer_text(x));
	json_array_start(&j, "findings");
	for (size_t i = 0; i < s->findings.count; i++) {
		const struct finding *f = &s->findings.item[i];

		json_object_start(&j, NULL);
		json_quoted(&j, "id", f->id);
		json_text(&j, "where", f->where);
		json_quoted(&j, "text", f->text);
		json_text(&j, "fix", f->fix);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	json_line_end(&j, x->ctl->out);
}

/* shown - configuration files may hold anything; a terminal gets what is printable */
static const char *
shown(const char *s, char *buf)
{
	struct text t;

	text_init(&t, buf, SHOWN_MAX);
	text_show(&t, s, strlen(s), SHOWN_MAX / 4 - 40);
	return buf;
}

static void
print_finding(FILE *out, size_t number, const struct finding *f)
{
	char buf[SHOWN_MAX];

	fprintf(out, "\n%zu. [%s] %s", number, f->id, shown(f->where, buf));
	fprintf(out, "%s%s\n", f->where[0] != '\0' ? ": " : "", shown(f->text, buf));
	if (f->fix[0] != '\0')
		fprintf(out, "   -> %s\n", shown(f->fix, buf));
}

static void
doctor_text(const struct examination *x)
{
	const struct checks *s = &x->checks;
	FILE *out = x->ctl->out;
	char address[ENDPOINT_MAX + 32];
	const char *answer = answer_text(x);

	property(out, "mta", mta_words(x));
	if (s->milter.kind != ENDPOINT_NONE)
		property(out, "milter", endpoint_milter(&s->milter, address));
	property(out, "asked by", s->services);
	if (answer != NULL)
		property(out, "answer", answer);
	for (size_t i = 0; i < s->findings.count; i++)
		print_finding(out, i + 1, &s->findings.item[i]);
	if (s->findings.count == 0)
		fprintf(out, "nothing found to be wrong\n");
	else
		fprintf(out, "\n%zu finding%s\n", s->findings.count,
		    s->findings.count == 1 ? "" : "s");
}

enum error
ctl_doctor(struct ctl *c)
{
	static struct examination x; /* large */
	enum error e = config_read(&x.config, c->options.config_file, &c->why);

	x.ctl = c;
	x.checks.dir = c->dir;
	x.checks.config = &x.config;
	if (e == OK)
		e = choose_mta(&x);
	if (e != OK)
		return e;
	e = examine(&x);
	if (argument_option(c, OPT_IGNORE) != NULL)
		forget(&x.checks.findings, argument_option(c, OPT_IGNORE));
	if (e == OK && x.checks.findings.failed)
		e = error_set(&c->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	if (e == OK && c->options.json)
		print_json(&x);
	else if (e == OK)
		doctor_text(&x);
	c->status = x.checks.findings.count > 0 ? EXIT_FINDINGS : 0;
	findings_free(&x.checks.findings);
	return e;
}
