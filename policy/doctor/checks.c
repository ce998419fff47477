/* SPDX-License-Identifier: BSD-2-Clause */
/* checks - the common part of the checks, and the checks that need no MTA */
#include "policy/doctor/checks.h"

#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/kernel/proc.h"
#include "policy/store/state_dir.h"
#include "policy/store/write_lock.h"

#define CONFIG_NAME "smtpauth-milter.conf"

/* A state folder with less room than this cannot be written to. */
#define ROOM_MIN (256u << 10)

const char *
checks_user(const struct checks *c)
{
	return c->config->user[0] != '\0' ? c->config->user : STATE_DIR_ACCOUNT;
}

const char *
checks_unless_root(const struct checks *c)
{
	return c->root ? "" : "not root: ";
}

void
checks_asks(struct checks *c, const char *service)
{
	size_t n = strlen(c->services);

	if (n + strlen(service) + 2 <= CHECKS_SERVICES_MAX)
		sprintf(c->services + n, "%s%s", n > 0 ? ", " : "", service);
}

void
checks_unknown_socket(struct checks *c)
{
	findings_add(&c->findings, "socket-unknown", CONFIG_NAME,
	    "socket = %s, and no daemon runs that would say where it listens: the MTA's side was not looked at",
	    c->config->socket);
	findings_fix(&c->findings, "start the service, then ask again");
}

void
checks_wrong_mta(struct checks *c, const char *text)
{
	findings_add(&c->findings, "mta-setting", CONFIG_NAME, "%s", text);
	findings_fix(&c->findings, "mta = auto");
}

static void
check_file(struct checks *c, const struct account *user, const char *file, int mode)
{
	char path[PATH_MAX];
	struct error_text why;
	enum error e;

	if (snprintf(path, sizeof path, "%s/%s", c->dir, file) >= (int)sizeof path)
		return;
	e = account_may(user, "", path, mode, &why);
	if (e == OK || (e == ERR_MISSING && c->txn == NULL))
		return; /* a policy that is gone is another finding */
	findings_add(&c->findings, "database-permission", path,
	    "the daemon's user cannot use it: %s", why.text);
	findings_fix(&c->findings, "smtpauthctl init");
}

/*
 * may_enter - whether the daemon's user gets into the state folder; init gives the
 * folder its group, and leaves the mode of one that it did not make
 */
static bool
may_enter(struct checks *c, const struct account *user)
{
	struct error_text why;
	struct stat st;
	enum error e = account_may(user, "", c->dir, X_OK, &why);
	bool in_group;

	if (e == OK || e == ERR_MISSING)
		return true;
	findings_add(&c->findings, "database-permission", c->dir,
	    "the daemon's user cannot enter it: %s", why.text);
	in_group = stat(c->dir, &st) == 0 && account_in_group(user, st.st_gid);
	if (in_group && (st.st_mode & S_IXGRP))
		findings_fix(&c->findings,
		    "let user %s enter the folder above it that is named", user->name);
	else if (in_group)
		findings_fix(&c->findings, "chmod 0750 %s", c->dir);
	else
		findings_fix(&c->findings,
		    "chgrp " STATE_DIR_ACCOUNT " %s; chmod 0750 %s", c->dir, c->dir);
	return false;
}

/* check_private - the policy names mailboxes: not for everybody */
static void
check_private(struct checks *c, mode_t mode)
{
	if ((mode & S_IRWXO) == 0)
		return;
	findings_add(&c->findings, "database-public", c->dir,
	    "every user of this machine may enter it (mode %04o)",
	    (unsigned)(mode & 07777));
	findings_fix(&c->findings, "chmod o= %s", c->dir);
}

/* check_mta_group - the MTA's user has no business in the policy */
static void
check_mta_group(struct checks *c, const char *mta, gid_t gid)
{
	const struct group *group;
	struct account user;

	if (gid == 0 || !account_find(mta, &user) || user.uid == 0 ||
	    !account_in_group(&user, gid))
		return;
	findings_add(&c->findings, "mta-in-group", c->dir,
	    "user %s is in the state folder's group, which may read the whole policy",
	    mta);
	group = getgrgid(gid);
	findings_fix(&c->findings,
	    "gpasswd -d %s %s; the milter's socket has a group of its own (socket-group)",
	    mta, group != NULL ? group->gr_name : STATE_DIR_ACCOUNT);
}

static void
say_no_user(struct checks *c)
{
	bool configured = c->config->user[0] != '\0';

	findings_add(&c->findings, "no-user", CONFIG_NAME,
	    "there is no user %s: the daemon would %s", checks_user(c),
	    configured ? "not start" : "stay root");
	findings_fix(&c->findings,
	    "%suseradd --system --user-group --no-create-home --shell /usr/sbin/nologin smtpauth; smtpauthctl init",
	    configured ? "user = smtpauth in smtpauth-milter.conf; " : "");
}

/* check_usage - what the daemon writes */
static void
check_usage(struct checks *c, const struct account *user)
{
	static const char *const files[] = {"usage/usage.mdb", "usage/usage.mdb-lock"};
	struct error_text why;
	char path[PATH_MAX];
	size_t before = c->findings.count;

	check_file(c, user, "usage", R_OK | W_OK | X_OK);
	for (size_t i = 0; i < 2 && c->findings.count == before; i++) {
		if (snprintf(path, sizeof path, "%s/%s", c->dir, files[i]) >=
			(int)sizeof path ||
		    account_may(user, "", path, R_OK | W_OK, &why) != ERR_PERMISSION)
			continue;
		findings_add(&c->findings, "database-permission", path,
		    "the daemon's user cannot use it, so no sign of life and no usage is recorded: %s",
		    why.text);
		findings_fix(&c->findings,
		    "chown %s: %s/usage/*; chmod 0600 %s/usage/*; systemctl restart smtpauth-milter",
		    user->name, c->dir, c->dir);
	}
}

/* check_room - a full disk stops changes and usage, not decisions */
static void
check_room(struct checks *c)
{
	struct statvfs fs;
	const char *what = NULL;

	if (statvfs(c->dir, &fs) != 0)
		return; /* another finding */
	if (fs.f_flag & ST_RDONLY)
		what = "is mounted read-only";
	else if ((unsigned long long)fs.f_bavail * fs.f_frsize < ROOM_MIN)
		what = "is full";
	else if (fs.f_files > 0 && fs.f_favail == 0)
		what = "has no room for another file (inodes)";
	if (what == NULL)
		return;
	findings_add(&c->findings, "disk-full", c->dir,
	    "the file system of the state folder %s: decisions go on, but no change of the policy, no lock and no usage can be written",
	    what);
	findings_fix(&c->findings, "make room there: \"df -h %s\", \"df -i %s\"",
	    c->dir, c->dir);
}

/* say_silent - a daemon that answers, and of which there is no sign of life */
static void
say_silent(struct checks *c)
{
	findings_add(&c->findings, "daemon-silent", "smtpauth-milter",
	    "the milter answers, but there is no fresh sign of life of a daemon in %s/usage: what it decides is not counted, and may be by another policy",
	    c->dir);
	findings_fix(&c->findings,
	    "the daemon's log says why it cannot write; if another program answers there, stop that; systemctl start smtpauth-milter");
}

/* check_owners - whether the daemon's user may use its files */
static void
check_owners(struct checks *c)
{
	struct account user;

	if (!account_find(checks_user(c), &user)) {
		say_no_user(c);
		return;
	}
	if (!may_enter(c, &user))
		return;
	check_file(c, &user, "policy.mdb", R_OK);
	check_file(c, &user, WRITERS_FILE, R_OK);
	check_usage(c, &user);
}

void
checks_state(struct checks *c)
{
	static const char *const mtas[] = {"postfix", "smmsp", "smmta"};
	size_t before;
	struct stat st;

	if (stat(c->dir, &st) == 0) {
		for (size_t i = 0; i < sizeof mtas / sizeof *mtas; i++)
			check_mta_group(c, mtas[i], st.st_gid);
		check_private(c, st.st_mode);
	}
	before = c->findings.count;
	check_room(c);
	if (!c->root) {
		findings_add(&c->unseen, "not-root", "",
		    "%swho may use the files in %s", checks_unless_root(c), c->dir);
		return;
	}
	check_owners(c);
	if (!c->running && c->answers && c->findings.count == before)
		say_silent(c); /* else that is why */
}

void
checks_settings(struct checks *c)
{
	static const struct settings unknown = {.enforce = true};
	const struct settings *s = c->settings != NULL ? c->settings : &unknown;
	const struct {
		bool found;
		const char *id, *where, *text, *fix;
	} rows[] = {
	    {c->config->on_error == ACTION_ACCEPT, "on-error-accept", CONFIG_NAME,
		"on-error = accept: whenever the database cannot be used, everything passes",
		"on-error = tempfail"},
	    {c->config->log_level < LEVEL_INFO, "denials-not-logged", CONFIG_NAME,
		"log-level is error or warning: denials leave no line in the log",
		"log-level = info; systemctl restart smtpauth-milter"},
	    {!s->enforce, "dry-run", "settings",
		"enforce is no: denials are logged as report, and pass",
		"smtpauthctl settings set enforce yes"},
	    {s->action == ACTION_REPORT, "action-report", "settings",
		"action is report: tenants at \"default\" are logged, and pass",
		"smtpauthctl settings set action reject"},
	    {s->invalid_login == ACTION_ACCEPT, "invalid-login-accept", "settings",
		"invalid-login is accept: a login that cannot be read passes",
		"smtpauthctl settings set invalid-login reject"},
	    {s->login_domain == LOGIN_DOMAIN_DEFAULT && s->default_domain[0] == '\0',
		"login-domain-unset", "settings",
		"login-domain is default, but default-domain is not set: the domain of a login counts",
		"smtpauthctl settings set default-domain DOMAIN"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!rows[i].found)
			continue;
		findings_add(
		    &c->findings, rows[i].id, rows[i].where, "%s", rows[i].text);
		findings_fix(&c->findings, "%s", rows[i].fix);
	}
}

void
checks_daemon(struct checks *c)
{
	struct findings *f = &c->findings;
	uid_t user;

	if (c->beats_unseen) {
		findings_add(&c->unseen, "not-root", "",
		    "%sthe daemon's signs of life in %s/usage", checks_unless_root(c),
		    c->dir);
		return;
	}
	if (!c->running && c->answers)
		return; /* see checks_state() */
	if (!c->running) {
		findings_add(f, "daemon-not-running", "smtpauth-milter",
		    "there is no fresh sign of life of a daemon in %s", c->dir);
		findings_fix(f,
		    "systemctl start smtpauth-milter; its log says why if it does not stay");
		return;
	}
	if (c->daemon.policy == HEARTBEAT_FAULT && (c->txn != NULL || !c->root)) {
		findings_add(f, "daemon-on-error", "smtpauth-milter",
		    "it answers with on-error: its policy database cannot be used");
		findings_fix(f,
		    "the daemon's log and \"smtpauthctl verify\" name the fault; \"smtpauthctl restore DIR\" brings a backup back");
	}
	if (proc_user((pid_t)c->daemon.pid, &user) && user == 0) {
		findings_add(
		    f, "runs-as-root", "smtpauth-milter", "the daemon runs as root");
		findings_fix(f, "user = smtpauth in smtpauth-milter.conf");
	}
}

void
checks_units(struct checks *c)
{
	static const char *const ask[] = {
	    "systemctl", "is-failed", "smtpauth-snapshot.service", NULL};
	char *out = NULL;

	if (child_process_read(ask, &out) == OK && strcmp(out, "failed\n") == 0) {
		findings_add(&c->findings, "snapshot-failed", ask[2],
		    "the last snapshot could not be applied: this machine still has the policy from before it");
		findings_fix(&c->findings,
		    "journalctl -u smtpauth-snapshot says why; then systemctl restart smtpauth-snapshot");
	}
	free(out);
}

void
checks_restart(struct checks *c, const char *file)
{
	char started[INSTANT_TEXT_MAX], when[INSTANT_TEXT_MAX];
	struct stat st;

	if (!c->running || c->daemon.config == 0 ||
	    c->daemon.config == config_digest(c->config) || stat(file, &st) != 0 ||
	    (instant)st.st_mtime <= c->daemon.started)
		return; /* in the second of the start it was read, as a rule */
	for (size_t i = 0; i < c->findings.count; i++)
		if (strcmp(c->findings.item[i].where, CONFIG_NAME) == 0)
			return; /* which may be the change */
	findings_add(&c->findings, "restart-needed", CONFIG_NAME,
	    "%s was changed at %s, and the daemon, which runs since %s, does not know: it reads it at a start only",
	    file, instant_print((instant)st.st_mtime, when),
	    instant_print(c->daemon.started, started));
	findings_fix(&c->findings, "systemctl restart smtpauth-milter");
}
