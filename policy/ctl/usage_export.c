/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_export - usage export: this machine's usage as a file for another */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ctl/ctl.h"
#include "policy/ctl/output.h"
#include "policy/ctl/owner.h"
#include "policy/ctl/usage_sources.h"

#define HERE "the usage of this machine"
#define FILE_MODE 0640

/* A file on its way: written beside its place, read back, then put there. */
struct outgoing {
	const char *path; /* NULL: standard output */
	char *temporary;  /* its name until then, or NULL */
	FILE *file;
	struct usage_node node;
	uint64_t logins;
};

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
forget_name(struct outgoing *o)
{
	free(o->temporary);
	o->temporary = NULL;
}

static enum error
open_temporary(struct ctl *c, struct outgoing *o)
{
	struct stat st;
	int fd;

	if (o->path == NULL) {
		o->file = tmpfile();
		return o->file != NULL ? OK : cannot(c, "create", NULL);
	}
	/* A link would be replaced, and may be one of /dev. */
	if (lstat(o->path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(&c->why, ERR_CREATE,
		    "%s is no regular file; \"-\" is standard output", o->path);
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

/* copy - all bytes; the reader will tell what is wrong with them */
static enum error
copy(struct ctl *c, FILE *from, FILE *to, const char *path)
{
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof buf, from)) > 0)
		if (fwrite(buf, 1, n, to) != n)
			return cannot(c, "write", path);
	if (ferror(from))
		return error_set(&c->why, ERR_IO, "cannot read " HERE);
	return fflush(to) == 0 ? OK : cannot(c, "write", path);
}

/* receive - what the owner's process says, into the file */
static enum error
receive(struct ctl *c, struct outgoing *o)
{
	struct owner owner;
	struct stat st;
	enum error e = owner_start(c, usage_sources_serve, NULL, &owner);

	if (e != OK)
		return e;
	e = copy(c, owner.from, o->file, o->path);
	owner_end(&owner);
	if (e == OK && fstat(fileno(o->file), &st) == 0 && st.st_size == 0)
		return error_set(&c->why, ERR_IO,
		    "the process that reads " HERE " ended without a word");
	return e;
}

/* read_back - whether those who get the file will be able to read it */
static enum error
read_back(struct ctl *c, struct outgoing *o)
{
	struct usage_reader *reader;
	struct usage_row row;
	enum error e;

	rewind(o->file);
	e = usage_reader_open(&reader, o->file, HERE, &c->why);
	if (e != OK)
		return e;
	o->node = *usage_reader_node(reader);
	while ((e = usage_reader_next(reader, &row, &c->why)) == OK)
		o->logins++;
	usage_reader_close(&reader);
	return e == ERR_NOTFOUND ? OK : e;
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

/* deliver - the file to its place */
static enum error
deliver(struct ctl *c, struct outgoing *o)
{
	if (o->path == NULL) {
		rewind(o->file);
		return copy(c, o->file, c->out, "standard output");
	}
	if (fchmod(fileno(o->file), FILE_MODE) != 0 || fsync(fileno(o->file)) != 0)
		return cannot(c, "write", o->path);
	if (rename(o->temporary, o->path) != 0)
		return cannot(c, "replace", o->path);
	forget_name(o);
	sync_folder(o->path);
	return OK;
}

static void
tell(struct ctl *c, const struct outgoing *o)
{
	char since[INSTANT_TEXT_MAX], id[NODE_ID_TEXT_MAX];
	struct json j;

	if (o->path == NULL)
		return;
	if (!c->options.json) {
		fprintf(c->out,
		    "%" PRIu64 " login%s of %s, recorded since %s, written to %s\n",
		    o->logins, o->logins == 1 ? "" : "s",
		    o->node.host[0] != '\0' ? o->node.host : "this machine",
		    instant_print(o->node.since, since), o->path);
		return;
	}
	json_to_stream(&j, c->out);
	json_object(&j, NULL);
	json_string(&j, "node", node_id_print(&o->node, id));
	json_text(&j, "host", o->node.host);
	json_instant(&j, "since", o->node.since);
	json_instant(&j, "until", o->node.until);
	json_number(&j, "logins", (int64_t)o->logins);
	json_string(&j, "file", o->path);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

enum error
ctl_usage_export(struct ctl *c)
{
	const char *path = ctl_word(c, 0);
	struct outgoing o = {.path = strcmp(path, "-") != 0 ? path : NULL};
	enum error e = open_temporary(c, &o);

	if (e == OK)
		e = receive(c, &o);
	if (e == OK)
		e = read_back(c, &o);
	if (e == OK)
		e = deliver(c, &o);
	if (o.temporary != NULL)
		unlink(o.temporary);
	forget_name(&o);
	if (o.file != NULL)
		fclose(o.file);
	if (e == OK)
		tell(c, &o);
	return e;
}
