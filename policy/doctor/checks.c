/* SPDX-License-Identifier: BSD-2-Clause */
/* checks - the checks that need no MTA: the state folder, the settings, the daemon */
#include "policy/doctor/checks.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/store/state_dir.h"
#include "policy/store/write_lock.h"

void
checks_asks(struct checks *s, const char *service)
{
	size_t n = strlen(s->services);

	if (n + strlen(service) + 2 <= CHECKS_SERVICES_MAX)
		sprintf(s->services + n, "%s%s", n > 0 ? ", " : "", service);
}

void
checks_unknown_socket(struct checks *s)
{
	findings_add(&s->findings, "socket-unknown", "smtpauth-milter.conf",
	    "socket = %s, and no daemon runs that would say where it listens: the MTA's side was not looked at",
	    s->config->socket);
	findings_fix(&s->findings, "start the service, then ask again");
}

void
checks_wrong_mta(struct checks *s, const char *text)
{
	findings_add(&s->findings, "mta-setting", "smtpauth-milter.conf", "%s", text);
	findings_fix(&s->findings, "mta = auto");
}

/* account_of - the user that the daemon runs as; false when there is none */
static bool
account_of(const struct checks *s, struct account *out)
{
	const char *name =
	    s->config->user[0] != '\0' ? s->config->user : FOLDER_ACCOUNT;

	return account_find(name, out) == OK;
}

/* need - that the daemon's user may use a file of the state folder */
static void
need(struct checks *s, const struct account *user, const char *file, int mode)
{
	char path[PATH_MAX];
	struct error_text why;
	enum error e;

	if (snprintf(path, sizeof path, "%s%s%s", s->dir, *file != '\0' ? "/" : "",
		file) >= (int)sizeof path)
		return;
	e = account_may(user, "", path, mode, &why);
	if (e == OK || (e == ERR_MISSING && s->txn == NULL))
		return; /* a policy that is gone is another finding */
	findings_add(&s->findings, "database-permission", path,
	    "the daemon's user cannot use it: %s", why.text);
	findings_fix(&s->findings, "smtpauthctl init");
}

/*
 * may_enter - whether the daemon's user gets into the state folder; init gives the
 * folder its group, and leaves the mode of one that it did not make
 */
static bool
may_enter(struct checks *s, const struct account *user)
{
	struct error_text why;
	struct stat st;
	enum error e = account_may(user, "", s->dir, X_OK, &why);
	bool in_group;

	if (e == OK || e == ERR_MISSING)
		return true;
	findings_add(&s->findings, "database-permission", s->dir,
	    "the daemon's user cannot enter it: %s", why.text);
	in_group = stat(s->dir, &st) == 0 && account_in_group(user, st.st_gid);
	if (in_group && (st.st_mode & S_IXGRP))
		findings_fix(&s->findings,
		    "let user %s enter the folder above it that is named", user->name);
	else
		findings_fix(&s->findings, "%s%s%schmod 0750 %s",
		    in_group ? "" : "chgrp " FOLDER_ACCOUNT " ", in_group ? "" : s->dir,
		    in_group ? "" : "; ", s->dir);
	return false;
}

/* check_private - the policy names mailboxes: not for everybody */
static void
check_private(struct checks *s)
{
	struct stat st;

	if (stat(s->dir, &st) != 0 || (st.st_mode & S_IRWXO) == 0)
		return;
	findings_add(&s->findings, "database-public", s->dir,
	    "every user of this machine may enter it (mode %04o)",
	    (unsigned)(st.st_mode & 07777));
	findings_fix(&s->findings, "chmod o= %s", s->dir);
}

/* check_mta_group - the MTA's user has no business in the policy */
static void
check_mta_group(struct checks *s, const char *mta)
{
	struct account user;
	const struct group *group;
	struct stat st;

	if (stat(s->dir, &st) != 0 || st.st_gid == 0 ||
	    account_find(mta, &user) != OK || user.uid == 0 ||
	    !account_in_group(&user, st.st_gid))
		return;
	findings_add(&s->findings, "mta-in-group", s->dir,
	    "user %s is in the state folder's group, which may read the whole policy",
	    mta);
	group = getgrgid(st.st_gid);
	findings_fix(&s->findings,
	    "gpasswd -d %s %s; the milter's socket has a group of its own (socket-group)",
	    mta, group != NULL ? group->gr_name : FOLDER_ACCOUNT);
}

static void
say_no_user(struct checks *s)
{
	const char *user = s->config->user;

	findings_add(&s->findings, "no-user", "smtpauth-milter.conf",
	    "there is no user %s: the daemon would %s",
	    user[0] != '\0' ? user : FOLDER_ACCOUNT,
	    user[0] != '\0' ? "not start" : "stay root");
	findings_fix(&s->findings,
	    "%suseradd --system --user-group --no-create-home --shell /usr/sbin/nologin smtpauth; smtpauthctl init",
	    user[0] != '\0' ? "user = smtpauth in smtpauth-milter.conf; " : "");
}

void
checks_state(struct checks *s)
{
	static const char *const mtas[] = {"postfix", "smmsp", "smmta"};
	struct account user;

	for (size_t i = 0; i < sizeof mtas / sizeof *mtas; i++)
		check_mta_group(s, mtas[i]);
	check_private(s);
	if (geteuid() != 0)
		return; /* an ordinary user cannot see it all */
	if (!account_of(s, &user)) {
		say_no_user(s);
		return;
	}
	if (!may_enter(s, &user))
		return;
	need(s, &user, "policy.mdb", R_OK);
	need(s, &user, WRITERS_FILE, R_OK);
	need(s, &user, "usage", R_OK | W_OK | X_OK);
}

void
checks_settings(struct checks *s)
{
	struct findings *f = &s->findings;

	if (s->config->on_error == ACTION_ACCEPT) {
		findings_add(f, "on-error-accept", "smtpauth-milter.conf",
		    "on-error = accept: whenever the database cannot be used, everything passes");
		findings_fix(f, "on-error = tempfail");
	}
	if (s->settings == NULL)
		return;
	if (!s->settings->enforce) {
		findings_add(f, "dry-run", "settings",
		    "enforce is no: denials are logged as report, and pass");
		findings_fix(f, "smtpauthctl settings set enforce yes");
	}
	if (s->settings->action == ACTION_REPORT) {
		findings_add(f, "action-report", "settings",
		    "action is report: tenants at \"default\" are logged, and pass");
		findings_fix(f, "smtpauthctl settings set action reject");
	}
	if (s->settings->invalid_login == ACTION_ACCEPT) {
		findings_add(f, "invalid-login-accept", "settings",
		    "invalid-login is accept: a login that cannot be read passes");
		findings_fix(f, "smtpauthctl settings set invalid-login reject");
	}
	if (s->settings->login_domain == LOGIN_DOMAIN_DEFAULT &&
	    s->settings->default_domain[0] == '\0') {
		findings_add(f, "login-domain-unset", "settings",
		    "login-domain is default, but default-domain is not set: the domain of a login counts");
		findings_fix(f, "smtpauthctl settings set default-domain DOMAIN");
	}
}

void
checks_daemon(struct checks *s)
{
	struct findings *f = &s->findings;
	char path[40];
	struct stat st;

	if (!s->running) {
		findings_add(f, "daemon-not-running", "smtpauth-milter",
		    "there is no fresh sign of life of a daemon in %s", s->dir);
		findings_fix(f,
		    "systemctl start smtpauth-milter; its log says why if it does not stay");
		return;
	}
	if (s->daemon.policy == HEARTBEAT_FAULT) {
		findings_add(f, "daemon-on-error", "smtpauth-milter",
		    "it answers with on-error: its policy database cannot be used");
		findings_fix(f, "smtpauthctl verify; the daemon's log names the fault");
	}
	snprintf(path, sizeof path, "/proc/%lu", (unsigned long)s->daemon.pid);
	if (stat(path, &st) == 0 && st.st_uid == 0) {
		findings_add(
		    f, "runs-as-root", "smtpauth-milter", "the daemon runs as root");
		findings_fix(f, "user = smtpauth in smtpauth-milter.conf");
	}
}
