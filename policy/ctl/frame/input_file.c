/* SPDX-License-Identifier: BSD-2-Clause */
/* input_file - a file that a person named, which is read more than once */
#include "policy/ctl/frame/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ctl/frame/held_output.h"
#include "policy/import/utf16.h"

static enum error
cannot(struct ctl *c, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	return error_set(&c->why, e == ERR_MISSING ? ERR_NOINPUT : e,
	    "cannot %s %s: %s", what, path, strerror(err));
}

static enum error
no_temporary_file(struct ctl *c)
{
	return error_set(&c->why, errno == ENOSPC ? ERR_FULL : ERR_CREATE,
	    "cannot create a temporary file: %s", strerror(errno));
}

/* spool - standard input, as a file */
static enum error
spool(struct ctl *c, FILE **file_r)
{
	enum error e = OK;

	*file_r = held_output_file();
	if (*file_r == NULL)
		return no_temporary_file(c);
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

/* decode - *FILE, in that byte order, into another file that takes its place */
static enum error
decode(struct ctl *c, const char *path, enum utf16_order order, FILE **file)
{
	FILE *text = held_output_file();
	enum error e;

	if (text == NULL)
		return no_temporary_file(c);
	e = utf16_to_utf8(*file, order, text);
	if (e == ERR_DATA)
		error_set(&c->why, e,
		    "%s looks like UTF-16, but has half a character: save it as UTF-8",
		    input_file_name(path));
	else if (e != OK && ferror(*file))
		e = cannot(c, "read", input_file_name(path));
	else if (e != OK)
		e = cannot(c, "write", "a temporary file");
	rewind(text);
	fclose(*file);
	*file = text;
	return e;
}

enum error
input_file_open_text(struct ctl *c, const char *path, FILE **file_r)
{
	enum utf16_order order = UTF16_NOT;
	enum error e = input_file_open(c, path, file_r);

	if (*file_r == NULL)
		return e;
	if (utf16_find(*file_r, &order) != OK)
		return cannot(c, "read", input_file_name(path));
	return order != UTF16_NOT ? decode(c, path, order, file_r) : OK;
}

const char *
input_file_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}
