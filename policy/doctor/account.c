/* SPDX-License-Identifier: BSD-2-Clause */
/* account - access of a user to a file, by owners and modes */
#include "policy/doctor/account.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
account_find(const char *name, struct account *out)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL || strlen(name) >= sizeof out->name)
		return false;
	strcpy(out->name, name);
	out->uid = pw->pw_uid;
	out->groups = ACCOUNT_GROUPS_MAX;
	if (getgrouplist(name, pw->pw_gid, out->group, &out->groups) < 0)
		out->groups = ACCOUNT_GROUPS_MAX; /* the first ones must do */
	return true;
}

bool
account_in_group(const struct account *account, gid_t group)
{
	for (int i = 0; i < account->groups; i++)
		if (account->group[i] == group)
			return true;
	return false;
}

/* account_allows - the one of the three sets of bits that counts for the account */
static bool
account_allows(const struct account *account, const struct stat *st, int mode)
{
	mode_t bits = st->st_mode;

	if (account->uid == 0)
		return true;
	if (st->st_uid == account->uid)
		bits >>= 6;
	else if (account_in_group(account, st->st_gid))
		bits >>= 3;
	return ((int)bits & mode) == mode;
}

static enum error
account_check(
    const struct account *account, const char *path, int mode, struct error_text *why)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		enum error e = error_from_errno(errno);

		return error_set(why, e == ERR_MISSING ? e : ERR_PERMISSION, "%s: %s",
		    path, strerror(errno));
	}
	if (account_allows(account, &st, mode))
		return OK;
	return error_set(why, ERR_PERMISSION,
	    "%s (mode %04o, owner %lu, group %lu) does not let user %s %s", path,
	    (unsigned)(st.st_mode & 07777), (unsigned long)st.st_uid,
	    (unsigned long)st.st_gid, account->name,
	    S_ISDIR(st.st_mode) && mode == X_OK ? "in"
		: mode & W_OK                   ? "write"
						: "read");
}

enum error
account_may(const struct account *account, const char *root, const char *path, int mode,
    struct error_text *why)
{
	char part[PATH_MAX];
	size_t from = strlen(root);
	enum error e = OK;

	if (strlen(path) >= sizeof part || strncmp(path, root, from) != 0 ||
	    (from > 0 && path[from] != '/'))
		return error_set(why, ERR_DATA, "not below %s: %s", root, path);
	for (size_t i = from > 0 ? from : 1; e == OK && path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		e = account_check(account, part, X_OK, why);
	}
	return e == OK ? account_check(account, path, mode, why) : e;
}
