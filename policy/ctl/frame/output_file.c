/* SPDX-License-Identifier: BSD-2-Clause */
/* output_file - a file on its way: written beside its place, then put there */
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

/* cannot - with errno: what failed with the file */
static enum error
cannot(struct ctl *c, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING || e == ERR_BUSY)
		e = ERR_CREATE;
	return error_set(&c->why, e, "cannot %s %s: %s", what,
	    path != NULL ? path : "a temporary file", strerror(err));
}

static void
forget_name(struct output_file *o)
{
	free(o->temporary);
	o->temporary = NULL;
}

/* open_beside - a new file with a name of its own in the folder of the path */
static enum error
open_beside(struct output_file *o, struct ctl *c)
{
	int fd;

	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return error_about(&c->why, ERR_MEMORY, o->path);
	}
	fd = mkostemp(o->temporary, O_CLOEXEC);
	if (fd < 0) {
		enum error e = cannot(c, "create", o->path);

		forget_name(o);
		return e;
	}
	o->file = fdopen(fd, "w+");
	if (o->file != NULL)
		return OK;
	close(fd);
	return cannot(c, "create", o->path);
}

enum error
output_file_open(struct output_file *o, struct ctl *c, const char *path)
{
	struct stat st;

	memset(o, 0, sizeof *o);
	o->path = strcmp(path, "-") != 0 ? path : NULL;
	if (o->path == NULL) {
		o->file = held_output_file();
		return o->file != NULL ? OK : cannot(c, "create", NULL);
	}
	/* A link would be replaced, and may be one of /dev. */
	if (lstat(o->path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(&c->why, ERR_CREATE,
		    "%s is no regular file; \"-\" is standard output", o->path);
	return open_beside(o, c);
}

static enum error
copy(struct ctl *c, FILE *from, FILE *to, const char *path)
{
	if (held_output_copy(from, to))
		return OK;
	return ferror(from) ? cannot(c, "read", "what is to be written")
			    : cannot(c, "write", path);
}

enum error
output_file_sync(struct output_file *o, struct ctl *c)
{
	int fd = fileno(o->file);

	if (fflush(o->file) != 0)
		return cannot(c, "write", o->path);
	if (o->path != NULL && (fchmod(fd, FILE_MODE) != 0 || fsync(fd) != 0))
		return cannot(c, "write", o->path);
	return OK;
}

/* sync_folder - so that the new name is on disk, too; best effort */
static void
sync_folder(const char *path)
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
		return copy(c, o->file, stdout, "standard output");
	}
	if (rename(o->temporary, o->path) != 0)
		return cannot(c, "replace", o->path);
	forget_name(o);
	sync_folder(o->path);
	return OK;
}

void
output_file_close(struct output_file *o)
{
	if (o->temporary != NULL)
		unlink(o->temporary);
	forget_name(o);
	if (o->file != NULL)
		fclose(o->file);
	o->file = NULL;
}
