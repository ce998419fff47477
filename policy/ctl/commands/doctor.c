/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor - the command that checks the MTA, the daemon and the policy */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/config/config.h"
#include "policy/ctl/commands/doctor_policy.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/usage/daemon.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/doctor/door/door.h"
#include "policy/doctor/listener.h"
#include "policy/doctor/mail_log.h"
#include "policy/doctor/postfix_checks.h"
#include "policy/doctor/probe.h"
#include "policy/doctor/sendmail.h"
#include "policy/identity/mta.h"
#include "policy/store/state_dir.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/verify.h"

enum { EXIT_FINDINGS = 1 };

/* A text of so many bytes is shown whole: advice that is cut may not be typed. */
#define WHOLE_MAX (64u << 10)
#define SHOWN_MAX (4 * WHOLE_MAX + 40)

/* A daemon that has just started gives its first sign of life within 3 s. */
#define BEAT_PAUSES 30
#define BEAT_PAUSE_NS 100000000

struct examination {
	struct ctl *ctl;
	struct config config, authd;
	struct checks checks;
	struct door door;
	enum mta mta; /* MTA_AUTO: there is none */
	struct daemon_view view;
	bool elsewhere; /* the daemon listens on another socket than configured */
	struct probe probe;
	enum error probe_error; /* of asking it, with: */
	struct error_text probe_why;
	struct mail_log log;
	struct usage_merge *usage; /* NULL: it cannot be read, for a reason: */
	struct error_text usage_why;
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
	if (e == ERR_MACHINE)
		return "smtpauthctl export, on a machine like the one that wrote it";
	if (e == ERR_DAMAGED || e == ERR_FORMAT)
		return "smtpauthctl restore DIR";
	return "smtpauthctl verify";
}

/* scan_policy - the whole database, whoever else has scanned it: ERR_DAMAGED */
static enum error
scan_policy(struct ctl *c)
{
	struct error_text what;
	enum error e = verify_store(c->store, NULL, &what);

	return e == ERR_DAMAGED ? error_set(&c->why, e, "%s", what.text) : OK;
}

/* open_policy - a database that cannot be used is a finding, not the end */
static void
open_policy(struct examination *x)
{
	struct ctl *c = x->ctl;
	struct checks *s = &x->checks;
	char tenant[TENANT_NAME_MAX + 1];
	enum error e = store_open(&c->store, c->dir, STORE_READ, &c->why);

	if (e == OK && (e = scan_policy(c)) == OK &&
	    (e = store_begin(c->store, &c->txn)) != OK)
		store_about(&c->why, e, c->store);
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

	s->beats_unseen = r->error == ERR_PERMISSION && !s->root;
	if (r->error != OK && r->error != ERR_MISSING && !s->beats_unseen)
		print_remark(x->ctl->err, "warning: %s", r->why.text);
	s->running = x->view.asked == DAEMON_RUNS || x->view.latest == DAEMON_RUNS;
	s->daemon = x->view.asked == DAEMON_RUNS ? r->asked : r->latest;
	x->elsewhere = s->running && x->view.asked != DAEMON_RUNS;
	if (x->elsewhere)
		say_elsewhere(x);
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

/* probe_first - a connection starts a daemon whose socket systemd holds */
static void
probe_first(struct examination *x)
{
	const struct timespec pause = {0, BEAT_PAUSE_NS};
	const struct submission s = submission_of(x);
	struct checks *c = &x->checks;

	daemon_look(x->ctl, x->config.socket, &x->view);
	if (!endpoint_from_milter(x->config.socket, &c->milter))
		return; /* fd:N */
	x->probe_error = probe_milter(&c->milter, &s, &x->probe, &x->probe_why);
	c->answers = x->probe_error == OK;
	for (int i = 0; i < BEAT_PAUSES && c->answers &&
	     x->view.asked == DAEMON_ABSENT && x->view.report.error != ERR_PERMISSION;
	     i++) {
		nanosleep(&pause, NULL);
		daemon_look(x->ctl, x->config.socket, &x->view);
	}
}

/* is_stopped - whether it is a finding that no daemon runs */
static bool
is_stopped(const struct checks *c)
{
	return !c->running && !c->beats_unseen;
}

/* say_answer - what the milter answered */
static void
say_answer(struct examination *x)
{
	struct checks *c = &x->checks;
	char address[ENDPOINT_MAX + 32];

	if (c->milter.kind == ENDPOINT_NONE)
		return; /* fd:N, and no daemon that would say what it is */
	endpoint_milter(&c->milter, address);
	if (x->probe_error == ERR_PERMISSION && !c->root) {
		findings_add(&c->unseen, "not-root", "",
		    "%swhat the milter on %s answers: %s", checks_unless_root(c),
		    address, x->probe_why.text);
	} else if (x->probe_error == ERR_MISSING && (x->elsewhere || is_stopped(c))) {
		return; /* nobody listens there, and why is said */
	} else if (x->probe_error != OK) {
		findings_add(&c->findings, "milter-unreachable", address,
		    "the milter does not answer: %s", x->probe_why.text);
		findings_fix(&c->findings,
		    "see whether the daemon runs and its log; \"socket\" in smtpauth-milter.conf is where it listens");
	} else if (argument_option(x->ctl, OPT_LOGIN) == NULL &&
	    x->probe.kind != PROBE_PASSES) {
		findings_add(&c->findings, "milter-answer", address,
		    "a session without a login does not pass: %s", x->probe.reply);
		findings_fix(&c->findings, "another program may listen there");
	}
}

/* maillog_of - the log that Postfix writes itself, to be freed; NULL for none */
static char *
maillog_of(const struct examination *x)
{
	const char *dir = argument_option(x->ctl, OPT_POSTFIX);
	const char *const argv[] = {"postconf", "-h",
	    dir != NULL ? "-c" : "maillog_file", dir, "maillog_file", NULL};
	char *out = NULL;

	if (x->mta != MTA_POSTFIX || child_process_read(argv, &out) != OK)
		return NULL;
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* take_usage - of this machine, before the policy is opened */
static void
take_usage(struct examination *x)
{
	struct ctl *c = x->ctl;
	enum error e;

	if (x->view.report.error == ERR_BUSY) { /* and would be again, after seconds */
		x->usage_why = x->view.report.why;
		return;
	}
	c->hurried = true;
	e = usage_sources_open(c);
	if (e == OK)
		e = usage_sources_merge(c, &x->usage);
	if (e != OK)
		x->usage_why = c->why;
	error_set(&c->why, OK, "%s", "");
}

/* usage_unseen - what was not looked at, as the usage cannot be read */
static void
usage_unseen(struct examination *x, const char *what, const char *why)
{
	findings_add(&x->checks.unseen, "usage", "", "%s%s: %s",
	    checks_unless_root(&x->checks), what, why);
}

/* look_at_usage - the logins that it knows, where no log does */
static void
look_at_usage(struct examination *x)
{
	static const char none[] = "no mail log found (" MAIL_LOG_PLACES ")";
	struct checks *s = &x->checks;
	struct error_text why;
	instant until;

	if (x->usage == NULL) {
		findings_add(&s->unseen, "mail-log", "",
		    "%s%s: logins were not looked at", checks_unless_root(s), none);
		return;
	}
	findings_add(&s->unseen, "mail-log", "",
	    "%s%s: of logins, those that the daemon has recorded were looked at",
	    checks_unless_root(s), none);
	if (logins_add_usage(x->log.logins, x->usage, &until, &why) != OK)
		usage_unseen(x, "logins that the daemon has recorded", why.text);
	else if (s->settings != NULL)
		logins_say(s, x->log.logins, "usage", until);
}

/* look_at_log - what the MTA's log shows */
static enum error
look_at_log(struct examination *x)
{
	struct ctl *c = x->ctl;
	char *maillog = maillog_of(x);
	enum error e = mail_log_read(&x->log, &x->checks, argument_option(c, OPT_LOG),
	    maillog != NULL ? maillog : "", &c->why);

	free(maillog);
	if (e != OK)
		return e;
	if (x->log.where != NULL)
		mail_log_check(&x->checks, &x->log);
	else if (x->log.missing)
		look_at_usage(x);
	return OK;
}

/* has_cause - whether a finding says already why logins are not asked about */
static bool
has_cause(const struct findings *f)
{
	static const char causes[] =
	    "milter-not-listed,milter-switched-off,milter-maps-disable,milter-maps-replace,nobody-asks,default-action-accept,filter-without-f,daemon-elsewhere,milter-dead,milter-syntax,master-syntax,all-exempt,listener-exempt,exempt-clients-wide,postfix-not-reloaded";

	for (size_t i = 0; i < f->count; i++)
		if (sendmail_list_has(causes, f->item[i].id))
			return true;
	return false;
}

/* compare_log - with what the daemon has recorded, unless the cause is known */
static void
compare_log(struct examination *x)
{
	struct error_text why;

	if (x->log.where == NULL || x->checks.logins == 0 ||
	    has_cause(&x->checks.findings))
		return;
	if (x->usage == NULL)
		usage_unseen(
		    x, "whether all logins were asked about", x->usage_why.text);
	else if (mail_log_compare(&x->checks, &x->log, x->usage, &why) != OK)
		usage_unseen(x, "whether all logins were asked about", why.text);
}

/* look_at_mta - by the socket that is meant; which one that is must be known */
static void
look_at_mta(struct examination *x)
{
	const struct ctl *c = x->ctl;

	if (x->elsewhere && x->probe_error == ERR_MISSING)
		findings_add(&x->checks.unseen, "mta", "",
		    "the MTA: nobody listens on the configured socket, by which its milters are judged");
	else if (x->mta == MTA_POSTFIX)
		postfix_checks(&x->checks, argument_option(c, OPT_POSTFIX));
	else if (x->mta == MTA_SENDMAIL)
		sendmail_check(&x->checks, argument_option(c, OPT_SENDMAIL));
	else
		findings_add(&x->checks.findings, "no-mta", "",
		    "neither postconf nor " SENDMAIL_DEFAULT
		    " is here: name the MTA with --postfix DIR or --sendmail FILE");
}

/* look_at_door - after the MTA, whose services it is about */
static void
look_at_door(struct examination *x)
{
	const struct submission s = submission_of(x);

	door_checks(&x->door, &x->checks, &x->authd, s.login_len > 0 ? &s : NULL,
	    x->mta == MTA_SENDMAIL);
}

/* doctor_examine - what the MTA's log shows comes before what is only likely */
static enum error
doctor_examine(struct examination *x)
{
	struct ctl *c = x->ctl;
	enum error e;

	x->checks.root = geteuid() == 0;
	probe_first(x); /* while no policy is open, */
	take_usage(x);  /* and this, too */
	open_policy(x);
	find_daemon(x);
	checks_daemon(&x->checks);
	listener_check(&x->checks);
	say_answer(x);
	e = look_at_log(x);
	if (e != OK)
		return e;
	checks_state(&x->checks);
	checks_settings(&x->checks);
	doctor_policy_reported(&x->checks);
	doctor_policy_history(&x->checks);
	checks_units(&x->checks);
	look_at_mta(x);
	mail_log_settle(&x->checks, &x->log);
	checks_restart(&x->checks,
	    c->options.config_file != NULL ? c->options.config_file : CONFIG_FILE);
	compare_log(x);
	look_at_door(x);
	return OK;
}

/* answer_text - what the milter said about the login, NULL when it was not asked */
static const char *
answer_text(const struct examination *x)
{
	if (!x->checks.answers || argument_option(x->ctl, OPT_LOGIN) == NULL)
		return NULL;
	return x->probe.kind == PROBE_PASSES ? "passes"
	    : x->probe.kind == PROBE_REPLIES ? x->probe.reply
					     : "refused without a text of the milter's";
}

/* auth_answer_text - what smtpauth-authd said about it, NULL when it was not asked */
static const char *
auth_answer_text(const struct examination *x)
{
	if (!x->door.asked)
		return NULL;
	return x->door.answer.refused ? x->door.answer.text : "passes";
}

/* print_fields - all of it as JSON, for people what was looked at */
static void
print_fields(struct printer *p, const struct examination *x)
{
	static const struct print_column columns[] = {{"mta", "mta"},
	    {"socket", "milter"}, {"asked_by", "asked by"}, {"mail_log", "mail log"},
	    {"answer", "answer"}, {"auth_asked_by", "asked at AUTH"},
	    {"auth_answer", "answer at AUTH"}, {NULL, NULL}};
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
	print_text(p, "mail_log", x->log.where);
	print_text(p, "login", argument_option(x->ctl, OPT_LOGIN));
	print_text(p, "answer", answer_text(x));
	print_text(p, "auth_asked_by", x->door.asked_by);
	print_text(p, "auth_answer", auth_answer_text(x));
	print_array_start(p, "not_looked_at");
	for (size_t i = 0; i < s->unseen.count; i++)
		print_item(p, s->unseen.item[i].text, strlen(s->unseen.item[i].text));
	print_array_end(p);
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
	text_typed(&t, s, strlen(s), WHOLE_MAX);
	return buf;
}

static void
print_findings(
    FILE *out, const struct findings *findings, const struct findings *unseen)
{
	static char buf[SHOWN_MAX];

	for (size_t i = 0; i < unseen->count; i++)
		fprintf(out, "%-16s %s\n", "not looked at",
		    doctor_shown(unseen->item[i].text, buf));
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

	if (e == OK)
		e = config_read_authd(&x.authd, c->options.config_file, &c->why);
	if (e == OK && strlen(c->dir) < sizeof x.authd.state_dir)
		strcpy(x.authd.state_dir, c->dir); /* as -d has it */

	/* Logs have the time of the machine's zone, whatever this user's zone is. */
	unsetenv("TZ");
	tzset();
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
	if (e == OK && (found->failed || x.checks.unseen.failed))
		e = error_set(&c->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	if (e == OK) {
		print_fields(&c->print, &x);
		if (!c->options.json)
			print_findings(c->out, found, &x.checks.unseen);
	}
	c->status = found->count > 0 ? EXIT_FINDINGS : 0;
	findings_free(found);
	findings_free(&x.checks.unseen);
	mail_log_free(&x.log);
	return e;
}
