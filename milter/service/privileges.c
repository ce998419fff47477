/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges - the limits and the user of a daemon */
#include "milter/service/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum error
privileges_raise_files(struct error_text *why)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return error_set(why, ERR_INTERNAL, "getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < PRIVILEGES_FILES_MIN)
		return error_set(why, ERR_CONFLICT,
		    "the limit on open files is %llu, at least %d are needed: raise it, e.g. LimitNOFILE= in the service's unit",
		    (unsigned long long)limit.rlim_max, PRIVILEGES_FILES_MIN);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return error_set(why, ERR_INTERNAL, "setrlimit: %s", strerror(errno));
	return OK;
}

enum error
privileges_become(const char *user, struct error_text *why)
{
	const struct passwd *pw;

	if (geteuid() != 0 || user[0] == '\0')
		return OK;
	pw = getpwnam(user);
	if (pw == NULL)
		return error_set(why, ERR_CONFIG, "there is no user \"%s\"", user);
	if (pw->pw_uid == 0)
		return OK;
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return error_set(why, ERR_PERMISSION, "cannot become user %s: %s", user,
		    strerror(errno));
	if (setuid(0) == 0)
		return error_set(
		    why, ERR_INTERNAL, "still root after becoming user %s", user);
	return OK;
}
