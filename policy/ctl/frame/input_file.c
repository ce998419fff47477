/* SPDX-License-Identifier: BSD-2-Clause */
/* input_file - a file that a person named, which is read more than once */
#include "policy/ctl/frame/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ctl/frame/held_output.h"

static enum error
cannot(struct ctl *c, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	return error_set(&c->why, e == ERR_MISSING ? ERR_NOINPUT : e,
	    "cannot %s %s: %s", what, path, strerror(err));
}

/* spool - standard input, as a file */
static enum error
spool(struct ctl *c, FILE **file_r)
{
	enum error e = OK;

	*file_r = held_output_file();
	if (*file_r == NULL)
		return error_set(&c->why, errno == ENOSPC ? ERR_FULL : ERR_CREATE,
		    "cannot create a temporary file: %s", strerror(errno));
	if (!held_output_copy(stdin, *file_r))
		e = ferror(stdin) ? cannot(c, "read", "standard input")
				  : cannot(c, "write", "a temporary file");
	rewind(*file_r);
	if (e == OK)
		return OK;
	fclose(*file_r);
	*file_r = NULL;
	return e;
}

enum error
input_file_open(struct ctl *c, const char *path, FILE **file_r)
{
	struct stat st;
	int fd;

	*file_r = NULL;
	if (strcmp(path, "-") == 0)
		return spool(c, file_r);
	/* Not to wait for somebody who writes to a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0) {
		enum error e = cannot(c, "open", path);

		if (fd >= 0)
			close(fd);
		return e;
	}
	if (S_ISREG(st.st_mode) && (*file_r = fdopen(fd, "r")) != NULL)
		return OK;
	close(fd);
	return S_ISREG(st.st_mode)
	    ? cannot(c, "open", path)
	    : error_set(&c->why, ERR_DATA,
		  "%s is no regular file; \"-\" is standard input", path);
}

const char *
input_file_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}
