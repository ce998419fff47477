/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - the socket file: what may be in its place, its mode, its end */
#include "milter/service/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config/endpoint.h"
#include "policy/kernel/held_file.h"

/* path_of - the file of a unix socket, or NULL; AT is for its name */
static const char *
path_of(const struct config *config, struct endpoint *at)
{
	return endpoint_from_milter(config->socket, at) && at->kind == ENDPOINT_UNIX
	    ? at->name
	    : NULL;
}

enum error
listener_clear(const struct config *config, struct error_text *why)
{
	struct endpoint at;
	const char *path = path_of(config, &at);
	struct stat st;
	int fd;

	if (path == NULL)
		return OK;
	if (lstat(path, &st) != 0)
		return errno == ENOENT
		    ? OK
		    : error_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return error_set(
		    why, ERR_CONFLICT, "%s is in the way: it is no socket", path);
	fd = endpoint_connect(&at);
	if (fd >= 0) {
		close(fd);
		return error_set(
		    why, ERR_EXISTS, "another program listens on %s", path);
	}
	if (errno != ECONNREFUSED)
		return error_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	if (unlink(path) != 0)
		return error_set(why, ERR_IO, "cannot remove the stale socket %s: %s",
		    path, strerror(errno));
	return OK;
}

/* owner_of - the future owner and group of the file; -1: no change */
static enum error
owner_of(const struct config *config, uid_t *user, gid_t *group, struct error_text *why)
{
	const struct passwd *pw;
	const struct group *gr;

	*user = (uid_t)-1;
	*group = (gid_t)-1;
	if (geteuid() == 0 && config->user[0] != '\0') {
		pw = getpwnam(config->user);
		if (pw == NULL)
			return error_set(
			    why, ERR_CONFIG, "there is no user \"%s\"", config->user);
		*user = pw->pw_uid;
	}
	if (config->socket_group[0] != '\0') {
		gr = getgrnam(config->socket_group);
		if (gr == NULL)
			return error_set(why, ERR_CONFIG,
			    "socket-group: there is no group \"%s\"",
			    config->socket_group);
		*group = gr->gr_gid;
	}
	return OK;
}

/* set_access - set group, owner and mode of the file that is held */
static enum error
set_access(const struct config *config, struct held_file *file, struct error_text *why)
{
	uid_t user;
	gid_t group;
	enum error e = owner_of(config, &user, &group, why);

	if (e != OK)
		return e;
	if ((user != (uid_t)-1 || group != (gid_t)-1) &&
	    !held_file_set_owner(file, user, group))
		return error_set(why, ERR_PERMISSION,
		    "cannot give %s to group \"%s\": %s", file->path,
		    config->socket_group, held_file_why(file));
	if (!held_file_set_mode(file, (mode_t)config->socket_mode))
		return error_set(why, ERR_PERMISSION, "cannot set the mode of %s: %s",
		    file->path, held_file_why(file));
	return OK;
}

enum error
listener_adjust(const struct config *config, struct listener *l, struct error_text *why)
{
	struct endpoint at;
	const char *path = path_of(config, &at);
	struct held_file file;
	enum error e;

	l->is_file = false;
	if (path == NULL)
		return OK;
	if (!held_file_open(&file, path) || !S_ISSOCK(file.st.st_mode)) {
		e = error_set(why, ERR_IO, "%s is not the socket that was made", path);
	} else {
		l->is_file = true;
		l->dev = file.st.st_dev;
		l->ino = file.st.st_ino;
		e = set_access(config, &file, why);
	}
	held_file_close(&file);
	return e;
}

enum error
listener_remove(
    const struct config *config, const struct listener *l, struct error_text *why)
{
	struct endpoint at;
	const char *path = path_of(config, &at);
	struct stat st;

	if (!l->is_file || lstat(path, &st) != 0 || st.st_dev != l->dev ||
	    st.st_ino != l->ino || unlink(path) == 0)
		return OK;
	return error_set(why, ERR_PERMISSION, "cannot remove the socket %s: %s", path,
	    strerror(errno));
}
