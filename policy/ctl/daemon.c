/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat */
#include "policy/ctl/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/text.h"

/* What a process of its own finds out for root. */
struct answer {
	enum error error;
	struct heartbeat heartbeat;
};

static enum error
read_heartbeat(struct ctl *c, const char *socket, struct heartbeat *out_r)
{
	struct error_text why;
	struct db *db;
	enum error e = heartbeat_open(&db, c->dir, false, &why);

	if (e == OK) {
		e = heartbeat_latest(db, socket, out_r);
		db_close(&db);
	} else if (e != ERR_MISSING) {
		fprintf(stderr, "smtpauthctl: warning: %s\n", why.text);
	}
	return e;
}

/* become - gives up root's rights for good */
static bool
become(const struct stat *owner)
{
	return setgroups(0, NULL) == 0 &&
	    setresgid(owner->st_gid, owner->st_gid, owner->st_gid) == 0 &&
	    setresuid(owner->st_uid, owner->st_uid, owner->st_uid) == 0;
}

/* serve - the child: answers, and ends */
static void
serve(struct ctl *c, const char *socket, const struct stat *owner, int to)
{
	struct answer a = {.error = ERR_PERMISSION};

	if (become(owner))
		a.error = read_heartbeat(c, socket, &a.heartbeat);
	_exit(write(to, &a, sizeof a) == (ssize_t)sizeof a ? 0 : 1);
}

/* is_sane - the answer comes from a process with the daemon's rights */
static bool
is_sane(struct answer *a)
{
	struct heartbeat *h = &a->heartbeat;

	h->socket[sizeof h->socket - 1] = '\0';
	h->version[sizeof h->version - 1] = '\0';
	return text_is_line(h->socket, strlen(h->socket)) &&
	    text_is_line(h->version, strlen(h->version)) &&
	    h->policy <= HEARTBEAT_FAULT;
}

/*
 * ask_owner - for root: the database, the lock file and the links there are what the
 * daemon's user made of them, so another process with that user's rights looks at them
 */
static enum error
ask_owner(struct ctl *c, const char *socket, const struct stat *owner,
    struct heartbeat *out_r)
{
	struct answer a = {.error = ERR_IO};
	int end[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(end, O_CLOEXEC) != 0)
		return ERR_IO;
	pid = fork();
	if (pid == 0)
		serve(c, socket, owner, end[1]);
	close(end[1]);
	n = pid > 0 ? read(end[0], &a, sizeof a) : -1;
	close(end[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof a)
		return ERR_IO;
	if (a.error == OK && !is_sane(&a))
		return ERR_DAMAGED;
	*out_r = a.heartbeat;
	return a.error;
}

bool
daemon_find(struct ctl *c, const char *socket, struct heartbeat *out_r)
{
	char usage[PATH_MAX];
	struct stat owner;
	enum error e;

	if (snprintf(usage, sizeof usage, "%s/usage", c->dir) >= (int)sizeof usage ||
	    stat(usage, &owner) != 0)
		return false;
	e = geteuid() == 0 && owner.st_uid != 0 ? ask_owner(c, socket, &owner, out_r)
						: read_heartbeat(c, socket, out_r);
	return e == OK && heartbeat_is_alive(out_r, c->now);
}
