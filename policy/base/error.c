/* SPDX-License-Identifier: BSD-2-Clause */
/* error - errors as values and as words */
#include "policy/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if SIZE_MAX > UINT32_MAX
#define MAP_MOST "32 GiB"
#else
#define MAP_MOST "1 GiB"
#endif

static const char *const phrases[] = {
    [OK] = "no error",
    [ERR_NOTFOUND] = "not found",
    [ERR_USAGE] = "wrong usage",
    [ERR_DATA] = "bad value",
    [ERR_EXISTS] = "exists already",
    [ERR_CONFLICT] = "contradicts what is stored",
    [ERR_PROTECTED] = "would let pass what is denied now",
    [ERR_MISSING] = "there is no policy database",
    [ERR_NOINPUT] = "no such file",
    [ERR_DAMAGED] = "the database is damaged",
    [ERR_REPLACED] = "the database file was replaced",
    [ERR_OVERTAKEN] = "the database changed too often while it was read; try again",
    [ERR_FORMAT] = "not a policy database",
    [ERR_NEWER] = "the database was written by a newer version",
    [ERR_OLDER] =
	"the policy database was written by an older version of smtpauth-milter; export it with that version and import it with this one, see NEWS",
    [ERR_MACHINE] =
	"the database was made on a machine of another word size or byte order; export it there and import it here, or use a snapshot",
    [ERR_NETWORK_FS] = "the state folder is on a network file system",
    [ERR_NO_LOCKS] =
	"the file system does not support file locks, which the state folder needs",
    [ERR_PID_SPACE] =
	"the process number is taken in the lock file: all programs on one state folder must share a PID namespace",
    [ERR_BUSY] = "the database is busy",
    [ERR_FULL] = "the disk or the database is full",
    [ERR_MAP] = ("the database has outgrown its address space (at most " MAP_MOST
		 " on this machine, less with ulimit -v or LimitAS=)"),
    [ERR_IO] = "input/output error",
    [ERR_CREATE] = "cannot create",
    [ERR_PERMISSION] = "permission denied",
    [ERR_CONFIG] = "configuration error",
    [ERR_MEMORY] = "out of memory",
    [ERR_FILES] = "too many open files",
    [ERR_LIMIT] = "too long",
    [ERR_INTERNAL] = "internal error",
};

const char *
error_string(enum error e)
{
	return (size_t)e < sizeof phrases / sizeof *phrases && phrases[e] != NULL
	    ? phrases[e]
	    : "unknown error";
}

enum error
error_set(struct error_text *why, enum error e, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (why == NULL)
		return e;
	va_start(ap, fmt);
	n = vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof why->text)
		memcpy(why->text + sizeof why->text - 4, "...", 4);
	return e;
}

enum error
error_about(struct error_text *why, enum error e, const char *what)
{
	return error_set(why, e, "%s: %s", error_string(e), what);
}

enum error
error_from_errno(int err)
{
	switch (err) {
	case 0:
		return OK;
	case ENOENT:
	case ENOTDIR:
		return ERR_MISSING;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case ENOMEM:
		return ERR_MEMORY;
	case ENOLCK:
		return ERR_NO_LOCKS;
	case EMFILE:
	case ENFILE:
		return ERR_FILES;
	case EBUSY:
	case EWOULDBLOCK:
		return ERR_BUSY;
	default:
		return ERR_IO;
	}
}

enum error
error_from_lock(int err)
{
	switch (err) {
	case EWOULDBLOCK:
	case EINTR:
		return ERR_BUSY;
	case EINVAL:
	case ENOSYS:
	case EOPNOTSUPP:
		return ERR_NO_LOCKS;
	default:
		return error_from_errno(err);
	}
}
