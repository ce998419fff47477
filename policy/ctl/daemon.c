/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat */
#include "policy/ctl/daemon.h"

#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MAX 256 /* more are an error */

/* Root's own groups, while it has given up its rights for a moment. */
struct rights {
	bool given_up;
	gid_t gid, group[GROUPS_MAX];
	int groups;
};

/*
 * give_up - root takes the rights of the usage folder's owner before it opens files
 * there: a lock file could be a link to anywhere
 */
static enum error
give_up(struct ctl *c, struct rights *r)
{
	char usage[PATH_MAX];
	struct stat st;

	r->given_up = false;
	if (geteuid() != 0 ||
	    snprintf(usage, sizeof usage, "%s/usage", c->dir) >= (int)sizeof usage ||
	    stat(usage, &st) != 0 || st.st_uid == 0)
		return OK;
	r->gid = getegid();
	r->groups = getgroups(GROUPS_MAX, r->group);
	r->given_up = r->groups >= 0;
	if (r->groups < 0 || setgroups(0, NULL) != 0 || setegid(st.st_gid) != 0 ||
	    seteuid(st.st_uid) != 0)
		return error_set(
		    &c->why, ERR_PERMISSION, "cannot become the owner of %s", usage);
	return OK;
}

/* take_back - a process that cannot is in no state to go on */
static void
take_back(const struct rights *r)
{
	if (r->given_up &&
	    (seteuid(0) != 0 || setegid(r->gid) != 0 ||
		setgroups((size_t)r->groups, r->group) != 0))
		abort();
}

bool
daemon_find(struct ctl *c, const char *socket, struct heartbeat *out_r)
{
	struct error_text why = {""};
	struct rights rights;
	struct db *db;
	enum error e = give_up(c, &rights);

	if (e == OK)
		e = heartbeat_open(&db, c->dir, false, &why);
	else
		why = c->why;
	if (e == OK) {
		e = heartbeat_latest(db, socket, out_r);
		db_close(&db);
	} else if (e != ERR_MISSING) {
		fprintf(stderr, "smtpauthctl: warning: %s\n", why.text);
	}
	take_back(&rights);
	return e == OK && heartbeat_is_alive(out_r, c->now);
}
