/* SPDX-License-Identifier: BSD-2-Clause */
/* owner - work in the usage folder with the rights of its owner */
#include "policy/ctl/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whoever may write there can make LMDB wait; nobody else shall wait with it. */
#define LIMIT_SECONDS 60

/* become - gives up root's rights for good */
static bool
become(const struct stat *owner)
{
	if (geteuid() != 0 || owner->st_uid == 0)
		return true;
	return setgroups(0, NULL) == 0 &&
	    setresgid(owner->st_gid, owner->st_gid, owner->st_gid) == 0 &&
	    setresuid(owner->st_uid, owner->st_uid, owner->st_uid) == 0;
}

/* serve - the process; it ends without a word where it has no right to speak */
static void
serve(struct ctl *c, void (*fn)(struct ctl *c, void *arg, FILE *to), void *arg,
    const struct stat *owner, int fd)
{
	FILE *to = become(owner) ? fdopen(fd, "w") : NULL;

	if (to == NULL)
		_exit(1);
	signal(SIGALRM, SIG_DFL);
	alarm(LIMIT_SECONDS);
	fn(c, arg, to);
	_exit(fclose(to) == 0 ? 0 : 1);
}

static enum error
find_owner(struct ctl *c, struct stat *owner)
{
	char usage[PATH_MAX];

	if (snprintf(usage, sizeof usage, "%s/usage", c->dir) >= (int)sizeof usage)
		return error_set(
		    &c->why, ERR_LIMIT, "the name of the state folder is too long");
	if (stat(usage, owner) == 0)
		return OK;
	return error_set(&c->why, error_from_errno(errno), "%s: %s", usage,
	    errno == ENOENT ? "not there; see \"smtpauthctl init\"" : strerror(errno));
}

enum error
owner_start(struct ctl *c, void (*fn)(struct ctl *c, void *arg, FILE *to), void *arg,
    struct owner *owner_r)
{
	struct stat owner = {0};
	int end[2];
	enum error e = find_owner(c, &owner);

	if (e != OK)
		return e;
	if (pipe2(end, O_CLOEXEC) != 0)
		return error_set(
		    &c->why, ERR_IO, "cannot make a pipe: %s", strerror(errno));
	owner_r->pid = fork();
	if (owner_r->pid == 0) {
		close(end[0]);
		serve(c, fn, arg, &owner, end[1]);
	}
	close(end[1]);
	owner_r->from = owner_r->pid > 0 ? fdopen(end[0], "r") : NULL;
	if (owner_r->from != NULL)
		return OK;
	close(end[0]);
	return error_set(&c->why, ERR_IO, "cannot start a process");
}

void
owner_end(struct owner *owner)
{
	int status;

	fclose(owner->from);
	while (waitpid(owner->pid, &status, 0) < 0 && errno == EINTR)
		;
}
