/* SPDX-License-Identifier: BSD-2-Clause */
/* spool - output that is complete before any of it is printed */
#include "policy/ctl/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/ctl/output.h"

FILE *
spool_file(void)
{
	const char *dir = getenv("TMPDIR");
	char path[PATH_MAX];
	FILE *f;
	int fd, n;

	if (dir == NULL || *dir != '/')
		dir = "/tmp";
	n = snprintf(path, sizeof path, "%s/smtpauthctl.XXXXXX", dir);
	if (n < 0 || n >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	unlink(path);
	f = fdopen(fd, "w+");
	if (f == NULL)
		close(fd);
	return f;
}

enum error
spool_open(struct ctl *c, FILE **spool_r)
{
	*spool_r = spool_file();
	return *spool_r != NULL
	    ? OK
	    : error_set(&c->why, ERR_CREATE, "cannot create a temporary file: %s",
		  strerror(errno));
}

enum error
spool_flush(struct ctl *c, FILE *spool)
{
	errno = EIO; /* of a write that failed before, whose reason is forgotten */
	if (fflush(spool) == 0 && !ferror(spool))
		return OK;
	return error_set(&c->why, errno == ENOSPC ? ERR_FULL : ERR_IO,
	    "cannot write a temporary file: %s", strerror(errno));
}

/* copy - all of it; whether standard output took it, main looks */
static enum error
copy(struct ctl *c, FILE *from)
{
	enum error e = spool_flush(c, from);

	if (e != OK)
		return e;
	rewind(from);
	if (!copy_stream(from, stdout) && ferror(from))
		return error_set(&c->why, ERR_IO, "cannot read a temporary file");
	return OK;
}

enum error
spool_print(struct ctl *c, FILE **spool, enum error e)
{
	if (e == OK)
		e = copy(c, *spool);
	fclose(*spool);
	*spool = NULL;
	return e;
}
