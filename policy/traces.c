/* SPDX-License-Identifier: BSD-2-Clause */
/* traces - what a policy leaves in the state folder, beside its database */
#include "policy/traces.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "policy/folder.h"

/* What the names of all files of a policy begin with. */
#define POLICY "policy."

bool
traces_found(const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	bool found = false;

	if (folder == NULL)
		return errno != ENOENT && errno != ENOTDIR;
	while (!found && (entry = readdir(folder)) != NULL)
		found = strncmp(entry->d_name, POLICY, sizeof POLICY - 1) == 0 ||
		    strcmp(entry->d_name, FOLDER_USAGE) == 0;
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
