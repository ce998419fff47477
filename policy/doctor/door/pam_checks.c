/* SPDX-License-Identifier: BSD-2-Clause */
/* pam_checks - mistakes about pam_smtpauth, and the saslauthd that uses it */
#include "policy/doctor/door/pam_checks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MODULE "pam_smtpauth.so"
/* What contrib/pam has: where the module cannot be loaded, logins go on. */
#define LINE "auth [perm_denied=die default=ignore] " MODULE
#define SERVICE "smtp"   /* by which both MTAs ask saslauthd */
#define HOST "127.0.0.1" /* where it asks */
#define KEY_FILE LOCALSTATEDIR "/lib/smtpauth-milter/" AUTH_KEY_FILE

/* A line of the file, and what stands about it. */
struct visit {
	struct door *door;
	struct findings *found;
	const char *folder;
	char file[PATH_MAX];
	struct pam_stack stack;
};

/* find_module - the first of our lines of the phase; NULL: there is none */
static const struct pam_module *
find_module(const struct pam_stack *stack, enum pam_phase phase)
{
	for (size_t i = 0; i < stack->count; i++)
		if (stack->module[i].phase == phase &&
		    strcmp(stack->module[i].name, MODULE) == 0)
			return &stack->module[i];
	return NULL;
}

/* lets_in - whether ours is not reached where the module M, before it, succeeds */
static bool
lets_in(const struct pam_module *m, const struct pam_module *ours)
{
	char buf[PAM_STACK_TEXT_MAX + 1];
	const char *action = pam_stack_action(m, "success", buf);
	long over = strtol(action, NULL, 10); /* that many modules */

	if (strcmp(action, "done") == 0)
		return true;
	while (over > 0 && m < ours)
		over -= (++m)->phase == PAM_PHASE_AUTH;
	return m == ours;
}

/* is_harmless - modules that do not look at a password */
static bool
is_harmless(const struct pam_module *m)
{
	static const char *const names[] = {"pam_env.so", "pam_faildelay.so",
	    "pam_deny.so", "pam_nologin.so", "pam_warn.so", "pam_succeed_if.so",
	    "pam_listfile.so", "pam_access.so", "pam_shells.so", "pam_time.so",
	    "pam_tally2.so", "pam_faillock.so", NULL};

	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(m->name, names[i]) == 0)
			return true;
	return false;
}

/* check_order - what is asked before ours */
static void
check_order(struct visit *v, const struct pam_module *ours)
{
	for (const struct pam_module *m = v->stack.module; m < ours; m++) {
		bool bypass = m->phase == PAM_PHASE_AUTH && lets_in(m, ours);

		if (m->phase != PAM_PHASE_AUTH || (!bypass && is_harmless(m)))
			continue;
		if (bypass)
			findings_add(v->found, "pam-bypassed", v->file,
			    "%s (%s) stands before " MODULE
			    ": about whom it lets in smtpauth-authd is not asked",
			    m->name, m->control);
		else
			findings_add(v->found, "pam-late", v->file,
			    "%s stands before " MODULE
			    ": the password is looked at first, and a right one gets another answer, or another time, than a wrong one",
			    m->name);
		findings_fix(
		    v->found, "make \"" LINE "\" the first auth line of that file");
		return;
	}
}

/* check_control - whether a refusal counts */
static void
check_control(struct visit *v, const struct pam_module *ours)
{
	char buf[PAM_STACK_TEXT_MAX + 1];
	const char *action = pam_stack_action(ours, "perm_denied", buf);

	if (strcmp(action, "die") == 0 || strcmp(action, "bad") == 0)
		return;
	findings_add(v->found, "pam-control", v->file,
	    MODULE " is \"%s\": PAM goes on after its refusal, and nothing is refused",
	    ours->control);
	findings_fix(v->found, LINE);
}

/* is_same_file - by whatever names, or with the same name */
static bool
is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 ||
	    (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino);
}

/* check_place - whether it asks where authd listens */
static void
check_place(struct visit *v, const struct pam_module *ours)
{
	const struct endpoint *at = &v->door->authd.at;
	const struct endpoint asked = {ENDPOINT_INET, HOST, at->port};
	char value[PAM_STACK_TEXT_MAX + 1], port[20];

	snprintf(port, sizeof port, "%u", at->port);
	if (!pam_stack_argument(ours, "port", value))
		strcpy(value, "8898");
	if (strcmp(value, port) != 0) {
		findings_add(v->found, "pam-port", v->file,
		    MODULE
		    " asks at port %s, and smtpauth-authd listens on %s: nothing is refused at AUTH",
		    value, port);
		findings_fix(v->found, "add port=%s to the line of " MODULE, port);
	} else if (!endpoint_reaches(&asked, at)) {
		findings_add(v->found, "pam-address", v->file,
		    MODULE
		    " asks at " HOST
		    ", and smtpauth-authd listens on %s: nothing is refused at AUTH",
		    at->name);
		findings_fix(v->found,
		    "socket = inet:%s@" HOST
		    " in section [authd]; systemctl restart smtpauth-authd",
		    port);
	}
}

/* check_key - whether it asks with authd's key */
static void
check_key(struct visit *v, const struct pam_module *ours)
{
	const struct authd *authd = &v->door->authd;
	char value[PAM_STACK_TEXT_MAX + 1];

	if (!pam_stack_argument(ours, "key-file", value))
		strcpy(value, KEY_FILE);
	if (is_same_file(value, authd->key_file))
		return;
	findings_add(v->found, "pam-key-file", v->file,
	    MODULE " takes its key from %s, and that of smtpauth-authd is in %s", value,
	    authd->key_file);
	findings_fix(
	    v->found, "add key-file=%s to the line of " MODULE, authd->key_file);
}

/* has_one_domain - whether the policy takes all logins for those of one domain */
static bool
has_one_domain(const struct settings *s)
{
	return s != NULL && s->login_domain == LOGIN_DOMAIN_DEFAULT &&
	    s->default_domain[0] != '\0';
}

/* check_saslauthd - how PAM is asked */
static void
check_saslauthd(struct visit *v, const char *defaults)
{
	struct saslauthd s;
	const char *where = "saslauthd";

	saslauthd_look(&s, defaults);
	if (!s.known)
		return;
	if (!s.runs)
		where = defaults;
	if (!s.pam) {
		findings_add(v->found, "saslauthd-not-pam", where,
		    "it does not ask PAM (-a pam), so " MODULE " is never asked");
		findings_fix(v->found,
		    "MECHANISMS=\"pam\" in " SASLAUTHD_DEFAULTS
		    "; systemctl restart saslauthd");
		return;
	}
	if (!s.realm && !has_one_domain(v->door->checks->settings)) {
		findings_add(v->found, "saslauthd-realm", where,
		    "it runs without -r: PAM gets \"alice\" in place of \"alice@example.com\", which is no login of any tenant, and all pass");
		findings_fix(v->found,
		    "-r in OPTIONS of " SASLAUTHD_DEFAULTS
		    "; systemctl restart saslauthd");
	}
	if (s.caches) {
		findings_add(v->found, "saslauthd-cache", where,
		    "it runs with -c: a login that was good once is not asked about again, for hours after it was disabled");
		findings_fix(v->found,
		    "take -c out of OPTIONS in " SASLAUTHD_DEFAULTS
		    "; systemctl restart saslauthd");
	}
}

/* check_elsewhere - our line in a file that is asked for something else */
static void
check_elsewhere(struct visit *v)
{
	static const char *const wrong[] = {
	    "saslauthd", "smtpd", "postfix", "sendmail", "submission", "smtps"};
	static struct pam_stack other; /* large */

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (!pam_stack_read(&other, v->folder, wrong[i]) ||
		    (find_module(&other, PAM_PHASE_AUTH) == NULL &&
			find_module(&other, PAM_PHASE_ACCOUNT) == NULL))
			continue;
		findings_add(v->found, "pam-not-asked", v->file,
		    MODULE
		    " is in %s/%s and not in this file, which is the one that is asked for SMTP: nothing is refused at AUTH",
		    v->folder, wrong[i]);
		findings_fix(
		    v->found, "make \"" LINE "\" the first auth line of this file");
		return;
	}
}

void
pam_checks(struct door *d, const char *folder, const char *defaults)
{
	static struct visit v; /* large */
	const struct pam_module *ours, *late;

	memset(&v, 0, sizeof v);
	v.door = d;
	v.found = &d->checks->findings;
	v.folder = folder;
	snprintf(v.file, sizeof v.file, "%s/" SERVICE, folder);
	(void)pam_stack_read(&v.stack, folder, SERVICE);
	ours = find_module(&v.stack, PAM_PHASE_AUTH);
	late = find_module(&v.stack, PAM_PHASE_ACCOUNT);
	if (ours == NULL && late == NULL) {
		check_elsewhere(&v);
		return;
	}
	door_asks(d, "PAM");
	d->used = true;
	if (v.stack.cut)
		findings_add(&d->checks->unseen, "pam", "",
		    "what %s includes was not all read", v.file);
	if (ours != NULL) {
		check_order(&v, ours);
	} else {
		findings_add(v.found, "pam-late", v.file,
		    MODULE
		    " is an account line alone: it is asked after the password, so a right one gets another answer than a wrong one");
		findings_fix(
		    v.found, "make \"" LINE "\" the first auth line of that file");
	}
	check_control(&v, ours != NULL ? ours : late);
	check_place(&v, ours != NULL ? ours : late);
	check_key(&v, ours != NULL ? ours : late);
	check_saslauthd(&v, defaults);
}
