/* SPDX-License-Identifier: BSD-2-Clause */
/* init - creates the state folder and an empty policy database */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/store/auth_key.h"
#include "policy/store/state_dir.h"

#define PAUSE_NS 10000000L
#define PAUSES 200 /* two seconds */

/* policy_make - the first policy, or one that was asked for; an existing one stays */
static enum error
policy_make(struct ctl *c, bool *created_r)
{
	struct store *store;
	enum error e = store_create(&store, c->dir, created_r, &c->why);

	if (e == OK)
		store_close(&store);
	return e;
}

/* policy_keep - repairs modes; never makes a new policy in place of a lost one */
static enum error
policy_keep(struct ctl *c)
{
	enum error e = store_mend(c->dir, &c->why);

	if (e != ERR_MISSING)
		return e;
	return error_set(&c->why, ERR_CREATE,
	    "%s: a policy has been here and is gone; bring a backup back with \"smtpauthctl restore DIR\"; \"smtpauthctl init --new-policy\" makes an empty one, which lets everybody in",
	    c->dir);
}

/*
 * take_turn - among those who make a database here: a descriptor to close, or -1. A
 * group member may hold the lock, so it does not wait for long.
 */
static int
take_turn(const char *dir)
{
	const struct timespec pause = {0, PAUSE_NS};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < PAUSES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			break; /* without locks, the turn of the writer will tell */
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* init - in its turn: the half of what another init makes looks like a lost policy */
static enum error
init(struct ctl *c, bool *created_r, bool *key_r)
{
	bool anew =
	    argument_option(c, OPT_NEW_POLICY) != NULL || !state_dir_has_policy(c->dir);
	enum error e = state_dir_create(c->dir, &c->why);

	if (e != OK)
		return e;
	e = anew ? policy_make(c, created_r) : policy_keep(c);
	return e == OK ? auth_key_make(c->dir, key_r, &c->why) : e;
}

enum error
ctl_init(struct ctl *c)
{
	struct printer *p = &c->print;
	bool created = false, key = false;
	enum error e = state_dir_make(c->dir, &c->why);
	int turn;

	if (e != OK)
		return e;
	turn = take_turn(c->dir);
	e = init(c, &created, &key);
	if (turn >= 0)
		close(turn);
	if (e != OK)
		return e;
	if (created && argument_option(c, OPT_NEW_POLICY) != NULL)
		print_remark(c->err,
		    "warning: the new policy is empty: every login passes until it has tenants");
	print_line(p, "%s: %s", c->dir,
	    created ? "policy database created" : "policy database is there already");
	if (key && !created)
		print_line(p, "%s: key of smtpauth-authd created", c->dir);
	print_object_start(p, NULL);
	print_string(p, "dir", c->dir);
	print_text(p, "policy", created ? "created" : "present");
	print_object_end(p);
	return OK;
}
