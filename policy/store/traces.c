/* SPDX-License-Identifier: BSD-2-Clause */
/* traces - what a policy leaves in the state folder, beside its database */
#include "policy/store/traces.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "policy/store/state_dir.h"

/* What the names of all files of a policy begin with. */
#define POLICY "policy."
/* The lock of "rollout notify", which takes it before it opens the policy. */
#define NOTIFY "policy.notify"

static bool
is_trace(const char *name)
{
	return strcmp(name, FOLDER_USAGE) == 0 ||
	    (strncmp(name, POLICY, sizeof POLICY - 1) == 0 &&
		strcmp(name, NOTIFY) != 0);
}

bool
traces_found(const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	bool found = false;

	if (folder == NULL)
		return errno != ENOENT && errno != ENOTDIR;
	while (!found && (entry = readdir(folder)) != NULL)
		found = is_trace(entry->d_name);
	closedir(folder);
	return found;
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
