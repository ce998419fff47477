/* SPDX-License-Identifier: BSD-2-Clause */
/* error - what can go wrong, as values and as words */
#include "policy/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* error_string - the phrase; no default, so that the compiler finds a gap */
const char *
error_string(enum error e)
{
	switch (e) {
	case OK:
		return "no error";
	case ERR_NOTFOUND:
		return "not found";
	case ERR_USAGE:
		return "wrong usage";
	case ERR_DATA:
		return "bad value";
	case ERR_EXISTS:
		return "exists already";
	case ERR_CONFLICT:
		return "contradicts what is stored";
	case ERR_PROTECTED:
		return "would let pass what is denied now";
	case ERR_MISSING:
		return "there is no policy database";
	case ERR_NOINPUT:
		return "no such file";
	case ERR_DAMAGED:
		return "the database is damaged";
	case ERR_REPLACED:
		return "the database file was replaced";
	case ERR_OVERTAKEN:
		return "the database changed too often while it was read; try again";
	case ERR_FORMAT:
		return "not a policy database";
	case ERR_NEWER:
		return "the database was written by a newer version";
	case ERR_OLDER:
		return "the policy database was written by an older version of smtpauth-milter; export it with that version and import it with this one, see NEWS";
	case ERR_NETWORK_FS:
		return "the state folder is on a network file system";
	case ERR_PID_SPACE:
		return "the process number is taken in the lock file: all programs on one state folder must share a PID namespace";
	case ERR_BUSY:
		return "the database is busy";
	case ERR_FULL:
		return "the disk or the database is full";
	case ERR_IO:
		return "input/output error";
	case ERR_CREATE:
		return "cannot create";
	case ERR_PERMISSION:
		return "permission denied";
	case ERR_CONFIG:
		return "configuration error";
	case ERR_MEMORY:
		return "out of memory";
	case ERR_LIMIT:
		return "too long";
	case ERR_INTERNAL:
		return "internal error";
	}
	return "unknown error";
}

/* error_set - store the line, hand the error through */
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

/* error_about - "PHRASE: WHAT" */
enum error
error_about(struct error_text *why, enum error e, const char *what)
{
	return error_set(why, e, "%s: %s", error_string(e), what);
}

/* error_from_errno - the one mapper for the C library's errors */
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
	case EBUSY:
	case EWOULDBLOCK:
		return ERR_BUSY;
	default:
		return ERR_IO;
	}
}
