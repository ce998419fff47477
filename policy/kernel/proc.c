/* SPDX-License-Identifier: BSD-2-Clause */
/* proc - what the kernel tells about processes, as files: proc(5) */
#include "policy/kernel/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef CLOCK_BOOTTIME
#define SINCE_BOOT CLOCK_BOOTTIME
#else
#define SINCE_BOOT CLOCK_MONOTONIC
#endif

const char *
proc_path(int fd, char path[PROC_PATH_MAX])
{
#ifdef LINUX_CALLS
	snprintf(path, PROC_PATH_MAX, PROC "/self/fd/%d", fd);
#else
	snprintf(path, PROC_PATH_MAX, "/dev/fd/%d", fd);
#endif
	return path;
}

long
proc_open_files(void)
{
	DIR *dir = opendir(PROC "/self/fd");
	long n = -1; /* without the folder's own */

	if (dir == NULL)
		return -1;
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

bool
proc_login_uid(uint32_t *uid_r)
{
	FILE *f = fopen(PROC "/self/loginuid", "re");
	unsigned long uid = 0;
	char digits[11];
	bool ok;

	if (f == NULL)
		return false;
	ok = fscanf(f, "%10[0-9]", digits) == 1;
	fclose(f);
	if (ok)
		uid = strtoul(digits, NULL, 10);
	ok = ok && uid < UINT32_MAX; /* which stands for nobody */
	if (ok)
		*uid_r = (uint32_t)uid;
	return ok;
}

/* file_of - of a process; NULL: not known */
static FILE *
file_of(pid_t pid, const char *name)
{
	char path[PROC_PATH_MAX];

	snprintf(path, sizeof path, PROC "/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

bool
proc_user(pid_t pid, uid_t *user_r)
{
	char path[PROC_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof path, PROC "/%ld", (long)pid);
	if (stat(path, &st) != 0)
		return false;
	*user_r = st.st_uid;
	return true;
}

bool
proc_files_limit(pid_t pid, long *limit_r)
{
	FILE *f = file_of(pid, "limits");
	char line[200];
	long limit = 0;

	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Max open files", 14) == 0)
			limit = strtol(line + 14, NULL, 10);
	fclose(f);
	*limit_r = limit;
	return limit > 0;
}

/* stat_line - what follows the name in PID's line, which then ends with the name */
static char *
stat_line(pid_t pid, char *line, size_t cap)
{
	FILE *f = file_of(pid, "stat");
	char *end;
	bool ok;

	if (f == NULL)
		return NULL;
	ok = fgets(line, (int)cap, f) != NULL;
	fclose(f);
	end = ok ? strrchr(line, ')') : NULL;
	if (end != NULL)
		*end++ = '\0';
	return end;
}

bool
proc_read(pid_t pid, struct proc *out_r)
{
	enum { STATE = 3, PARENT = 4, START = 22 }; /* fields, counted from 1 */
	char line[1024], *end = stat_line(pid, line, sizeof line), *rest;
	const char *open = end != NULL ? strchr(line, '(') : NULL, *word;
	struct timespec now, up;
	long long ticks = 0; /* 31 bits are eight months */

	if (open == NULL)
		return false;
	snprintf(out_r->name, sizeof out_r->name, "%.*s", PROC_NAME_MAX, open + 1);
	out_r->parent = 0;
	word = strtok_r(end, " ", &rest);
	for (int i = STATE; word != NULL && i <= START; i++) {
		if (i == PARENT)
			out_r->parent = (pid_t)strtol(word, NULL, 10);
		if (i == START)
			ticks = strtoll(word, NULL, 10);
		word = strtok_r(NULL, " ", &rest);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(SINCE_BOOT, &up);
	out_r->start = now.tv_sec - up.tv_sec + ticks / sysconf(_SC_CLK_TCK);
	return ticks > 0;
}

/* is_named - a program may have put its path there */
static bool
is_named(const struct proc *p, const char *name)
{
	const char *slash = strrchr(p->name, '/');

	return strcmp(slash != NULL ? slash + 1 : p->name, name) == 0;
}

void
proc_each(proc_visitor *fn, void *arg)
{
	DIR *all = opendir(PROC);
	struct dirent *entry;
	struct proc p;
	bool more = true;

	while (all != NULL && more && (entry = readdir(all)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		more = !isdigit((unsigned char)entry->d_name[0]) ||
		    !proc_read(pid, &p) || fn(arg, pid, &p);
	}
	if (all != NULL)
		closedir(all);
}

/* A search for a child. */
struct child_search {
	pid_t parent;
	const char *name;
	struct proc *out;
	bool found;
};

/* match_child - see proc_each() */
static bool
match_child(void *arg, pid_t pid, const struct proc *p)
{
	struct child_search *s = arg;

	(void)pid;
	s->found = p->parent == s->parent && is_named(p, s->name);
	if (s->found)
		*s->out = *p;
	return !s->found;
}

bool
proc_child(pid_t parent, const char *name, struct proc *out_r)
{
	struct child_search s = {parent, name, out_r, false};

	proc_each(match_child, &s);
	return s.found;
}

size_t
proc_arguments(pid_t pid, char *text, size_t cap)
{
	FILE *f = file_of(pid, "cmdline");
	size_t n;

	if (f == NULL)
		return 0;
	n = fread(text, 1, cap, f);
	fclose(f);
	while (n > 0 && text[n - 1] != '\0')
		n--;
	return n;
}
