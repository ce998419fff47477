/* SPDX-License-Identifier: BSD-2-Clause */
/* output_file - a file, written beside its place and moved there once whole */
#include "policy/ctl/frame/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ctl/frame/held_output.h"

#define FILE_MODE 0640

/* output_file_cannot - with errno: what failed with the file */
static enum error
output_file_cannot(struct ctl *c, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING || e == ERR_BUSY)
		e = ERR_CREATE;
	return error_set(&c->why, e, "cannot %s %s: %s", what,
	    path != NULL ? path : "a temporary file", strerror(err));
}

static void
output_file_forget(struct output_file *o)
{
	free(o->temporary);
	o->temporary = NULL;
}

/* output_file_beside - a new file with a name of its own in the folder of the path */
static enum error
output_file_beside(struct output_file *o, struct ctl *c)
{
	int fd;

	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return error_about(&c->why, ERR_MEMORY, o->path);
	}
	fd = mkostemp(o->temporary, O_CLOEXEC);
	if (fd < 0) {
		enum error e = output_file_cannot(c, "create", o->path);

		output_file_forget(o);
		return e;
	}
	o->file = fdopen(fd, "w+");
	if (o->file != NULL)
		return OK;
	close(fd);
	return output_file_cannot(c, "create", o->path);
}

enum error
output_file_open(struct output_file *o, struct ctl *c, const char *path)
{
	struct stat st;

	memset(o, 0, sizeof *o);
	o->path = strcmp(path, "-") != 0 ? path : NULL;
	if (o->path == NULL) {
		o->file = held_output_file();
		return o->file != NULL ? OK : output_file_cannot(c, "create", NULL);
	}
	/* A link would be replaced, and may be one of /dev. */
	if (lstat(o->path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(&c->why, ERR_CREATE,
		    "%s is no regular file; \"-\" is standard output", o->path);
	return output_file_beside(o, c);
}

enum error
output_file_sync(struct output_file *o, struct ctl *c)
{
	int fd = fileno(o->file);

	if (fflush(o->file) != 0)
		return output_file_cannot(c, "write", o->path);
	if (o->path != NULL && (fchmod(fd, FILE_MODE) != 0 || fsync(fd) != 0))
		return output_file_cannot(c, "write", o->path);
	return OK;
}

void
output_file_sync_name(const char *path)
{
	char *copied = strdup(path);
	int fd = -1;

	if (copied != NULL)
		fd = open(dirname(copied), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copied);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

enum error
output_file_deliver(struct output_file *o, struct ctl *c)
{
	if (o->path == NULL) {
		rewind(o->file);
		if (held_output_copy(o->file, stdout))
			return OK;
		return ferror(o->file)
		    ? output_file_cannot(c, "read", "what is to be written")
		    : output_file_cannot(c, "write", "standard output");
	}
	if (rename(o->temporary, o->path) != 0)
		return output_file_cannot(c, "replace", o->path);
	output_file_forget(o);
	output_file_sync_name(o->path);
	return OK;
}

void
output_file_close(struct output_file *o)
{
	if (o->temporary != NULL)
		unlink(o->temporary);
	output_file_forget(o);
	if (o->file != NULL)
		fclose(o->file);
	o->file = NULL;
}
