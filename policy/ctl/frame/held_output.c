/* SPDX-License-Identifier: BSD-2-Clause */
/* held_output - output that is complete before any of it is printed */
#include "policy/ctl/frame/held_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/ctl/frame/output.h"

/* folder - where temporary files are made */
static const char *
folder(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL && *dir == '/' ? dir : "/tmp";
}

FILE *
held_output_file(void)
{
	char path[PATH_MAX];
	FILE *f;
	int fd, n;

	n = snprintf(path, sizeof path, "%s/smtpauthctl.XXXXXX", folder());
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

/* fail - remembers the first failure: stdio forgets the reason */
static bool
fail(struct held_output *s, enum error e)
{
	s->failed = e;
	s->failed_errno = errno;
	return false;
}

/* make_file - without a buffer: what goes there has been in one */
static bool
make_file(struct held_output *s)
{
	s->file = held_output_file();
	if (s->file == NULL)
		return fail(s, errno == ENOSPC ? ERR_FULL : ERR_CREATE);
	(void)setvbuf(s->file, NULL, _IONBF, 0); /* at worst it has one */
	return true;
}

/* move - what is in memory to the file */
static bool
move(struct held_output *s)
{
	if (s->file == NULL && !make_file(s))
		return false;
	errno = EIO;
	if (fwrite(s->rest, 1, s->len, s->file) != s->len)
		return fail(s, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO);
	s->len = 0;
	return true;
}

/* take - N bytes that were printed; 0, which stdio takes for an error, once one failed
 */
static ssize_t
take(void *arg, const char *bytes, size_t n)
{
	struct held_output *s = arg;

	for (size_t done = 0, some; done < n; done += some) {
		if (s->failed != OK || (s->len == SPOOL_MEMORY && !move(s)))
			return 0;
		some =
		    n - done < SPOOL_MEMORY - s->len ? n - done : SPOOL_MEMORY - s->len;
		memcpy(s->rest + s->len, bytes + done, some);
		s->len += some;
	}
	return (ssize_t)n;
}

enum error
held_output_open(struct held_output *s, struct error_text *why)
{
	const cookie_io_functions_t functions = {.write = take};

	*s = (struct held_output){.rest = malloc(SPOOL_MEMORY)};
	if (s->rest != NULL)
		s->to = fopencookie(s, "w", functions);
	if (s->to != NULL)
		return OK;
	held_output_close(s);
	return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
}

enum error
held_output_flush(struct held_output *s, struct error_text *why)
{
	if (fflush(s->to) == 0 && !ferror(s->to))
		return OK;
	return error_set(why, s->failed, "cannot %s a temporary file in %s: %s",
	    s->file == NULL ? "create" : "write", folder(), strerror(s->failed_errno));
}

enum error
held_output_print(struct held_output *s, FILE *to, struct error_text *why)
{
	enum error e = held_output_flush(s, why);

	if (e != OK)
		return e;
	if (s->file != NULL) {
		rewind(s->file);
		if (!copy_stream(s->file, to) && ferror(s->file))
			return error_set(why, ERR_IO,
			    "cannot read a temporary file in %s", folder());
	}
	fwrite(s->rest, 1, s->len, to);
	return OK;
}

void
held_output_close(struct held_output *s)
{
	s->failed = ERR_IO; /* nothing more is taken */
	if (s->to != NULL)
		fclose(s->to);
	if (s->file != NULL)
		fclose(s->file);
	free(s->rest);
	memset(s, 0, sizeof *s);
}
