/* SPDX-License-Identifier: BSD-2-Clause */
/* traces - what a policy leaves in the state folder, beside its database */
#include "policy/traces.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/stat.h>

#include "policy/folder.h"
#include "policy/store.h"
#include "policy/write_lock.h"

/* is_there - or may be */
static bool
is_there(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return folder_path(path, dir, name, NULL) != OK || lstat(path, &st) == 0 ||
	    (errno != ENOENT && errno != ENOTDIR);
}

bool
traces_found(const char *dir)
{
	static const char *const names[] = {
	    STORE_OLD_LOCK, TURN_FILE, WRITERS_FILE, FOLDER_USAGE};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is_there(dir, names[i]))
			return true;
	return false;
}

enum error
traces_missing(const char *dir, const char *path, struct error_text *why)
{
	if (traces_found(dir))
		return error_set(why, ERR_MISSING,
		    "the policy database is gone; bring a backup back with "
		    "\"smtpauthctl restore DIR\": %s",
		    path);
	return error_set(why, ERR_MISSING,
	    "there is no policy database; run \"smtpauthctl init\": %s", path);
}
