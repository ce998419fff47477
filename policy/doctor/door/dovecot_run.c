/* SPDX-License-Identifier: BSD-2-Clause */
/* dovecot_run - what runs of Dovecot, beside what its configuration says */
#include "policy/doctor/door/dovecot_run.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/doctor/door/dovecot_settings.h"
#include "policy/kernel/proc.h"

#define PENALTY "anvil-auth-penalty"
#define FILE_MAX 1023

/* The newest file of the configuration. */
struct newest {
	char path[FILE_MAX + 1];
	time_t written;
};

static void
look_at_file(struct newest *n, const char *path)
{
	struct stat st;

	if (strlen(path) > FILE_MAX || stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_mtime <= n->written)
		return;
	strcpy(n->path, path);
	n->written = st.st_mtime;
}

/* is_read - by their names: what Dovecot's own files include */
static bool
is_read(const char *name)
{
	size_t n = strlen(name);

	return (n > 5 && strcmp(name + n - 5, ".conf") == 0) ||
	    (n > 9 && strcmp(name + n - 9, ".conf.ext") == 0);
}

static void
look_in_folder(struct newest *n, const char *folder)
{
	char path[PATH_MAX];
	DIR *dir = opendir(folder);

	if (dir == NULL)
		return;
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		if (is_read(d->d_name) &&
		    snprintf(path, sizeof path, "%s/%s", folder, d->d_name) <
			(int)sizeof path)
			look_at_file(n, path);
	closedir(dir);
}

/* find_newest - by the link that Dovecot makes at its start; false: there is none */
static bool
find_newest(struct newest *n, const char *base_dir)
{
	char path[PATH_MAX], *file, *slash;

	*n = (struct newest){.written = 0};
	if (snprintf(path, sizeof path, "%s/dovecot.conf", base_dir) >=
	    (int)sizeof path)
		return false;
	file = realpath(path, NULL);
	if (file == NULL)
		return false;
	look_at_file(n, file);
	slash = strrchr(file, '/');
	*slash = '\0';
	look_in_folder(n, file);
	if (snprintf(path, sizeof path, "%s/conf.d", file) < (int)sizeof path)
		look_in_folder(n, path);
	free(file);
	return n->written > 0;
}

/* A search for the oldest process that answers to Postfix. */
struct oldest {
	pid_t master;
	time_t start; /* 0: none */
};

/* match_auth - see proc_each(); one whose master has ended is the child of pid 1 */
static bool
match_auth(void *arg, pid_t pid, const struct proc *p)
{
	static const char title[] = "dovecot/auth";
	struct oldest *o = arg;
	char name[sizeof title];

	if (strcmp(p->name, "auth") != 0 || (p->parent != o->master && p->parent != 1))
		return true;
	if (proc_arguments(pid, name, sizeof name) == sizeof title &&
	    strcmp(name, title) == 0 && (o->start == 0 || p->start < o->start))
		o->start = p->start;
	return true;
}

/* master_of - the pid of the Dovecot of BASE_DIR; 0: not known */
static pid_t
master_of(const char *base_dir)
{
	char path[PATH_MAX], line[20];
	long pid = 0;
	FILE *f;

	if (snprintf(path, sizeof path, "%s/master.pid", base_dir) >= (int)sizeof path)
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof line, f) != NULL)
		pid = strtol(line, NULL, 10);
	fclose(f);
	return pid > 1 ? (pid_t)pid : 0;
}

/* check_age - a process of before lives on while Postfix holds connections to it */
static void
check_age(struct door *d, const char *base_dir)
{
	struct findings *f = &d->checks->findings;
	struct oldest o = {.master = master_of(base_dir)};
	struct newest n;

	if (o.master == 0 || !find_newest(&n, base_dir))
		return;
	proc_each(match_auth, &o);
	if (o.start == 0 || n.written <= o.start + 1)
		return;
	findings_add(f, "dovecot-not-reloaded", n.path,
	    "it was changed, and a process of Dovecot that checks passwords is older: it goes on with the settings of before while Postfix holds connections to it");
	findings_fix(f, "doveadm reload; postfix reload");
}

/* check_penalty - others behind the same address wait for what we refuse */
static void
check_penalty(struct door *d, const char *base_dir)
{
	struct findings *f = &d->checks->findings;
	char path[PATH_MAX];
	struct stat st;
	unsigned mode;

	if (!doveconf_penalty_mode(&mode))
		return;
	if (mode != 0) {
		findings_add(f, "auth-penalty", "service anvil",
		    "Dovecot counts a refusal as a wrong password of the client's address: all others behind that address, with right passwords, wait up to 15 s, and Postfix gives up after 10");
		findings_fix(f,
		    "service anvil { unix_listener " PENALTY
		    " { mode = 0 } }, a line each; guessing is then slowed by auth_failure_delay and fail2ban; rm %s/" PENALTY
			DOVECOT_SETTINGS_RELOAD,
		    base_dir);
		return;
	}
	if (snprintf(path, sizeof path, "%s/" PENALTY, base_dir) >= (int)sizeof path ||
	    stat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	findings_add(f, "auth-penalty-stale", path,
	    "the listener is switched off, and its socket was left behind: the first login waits 5 s for it");
	findings_fix(f, "rm %s", path);
}

void
dovecot_run_check(struct door *d, const char *base_dir)
{
	if (base_dir[0] == '\0')
		return;
	check_penalty(d, base_dir);
	check_age(d, base_dir);
}
