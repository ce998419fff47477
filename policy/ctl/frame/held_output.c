/* SPDX-License-Identifier: BSD-2-Clause */
/* held_output - output that is complete before any of it is printed */
#include "policy/ctl/frame/held_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

bool
held_output_copy(FILE *from, FILE *to)
{
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof buf, from)) > 0)
		if (fwrite(buf, 1, n, to) != n)
			return false;
	return !ferror(from) && fflush(to) == 0;
}

/* fail - keeps the first failure: stdio forgets the reason; 0 is an error for stdio */
static ssize_t
fail(struct held_output *h, enum error e)
{
	if (h->failed == OK) {
		h->failed = e;
		h->failed_errno = errno;
	}
	return 0;
}

/* take - what the buffer of `to` has no room for, or what it had at the end */
static ssize_t
take(void *arg, const char *bytes, size_t n)
{
	struct held_output *h = arg;

	if (h->failed != OK)
		return 0;
	if (h->printed_to != NULL)
		return (ssize_t)fwrite(bytes, 1, n, h->printed_to);
	if (h->file == NULL) {
		h->file = held_output_file();
		if (h->file == NULL)
			return fail(h, errno == ENOSPC ? ERR_FULL : ERR_CREATE);
		(void)setvbuf(h->file, NULL, _IONBF, 0); /* at worst it has a buffer */
	}
	errno = EIO;
	if (fwrite(bytes, 1, n, h->file) == n)
		return (ssize_t)n;
	return fail(h, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO);
}

enum error
held_output_open(struct held_output *h, struct error_text *why)
{
	const cookie_io_functions_t functions = {.write = take};

	*h = (struct held_output){.buffer = malloc(HELD_MEMORY)};
	if (h->buffer != NULL)
		h->to = fopencookie(h, "w", functions);
	if (h->to != NULL && setvbuf(h->to, h->buffer, _IOFBF, HELD_MEMORY) == 0)
		return OK;
	held_output_close(h);
	return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
}

enum error
held_output_check(const struct held_output *h, struct error_text *why)
{
	if (!ferror(h->to))
		return OK;
	return error_set(why, h->failed, "cannot %s a temporary file in %s: %s",
	    h->file == NULL ? "create" : "write", folder(), strerror(h->failed_errno));
}

enum error
held_output_print(struct held_output *h, FILE *to, struct error_text *why)
{
	enum error e = held_output_check(h, why);

	if (e != OK)
		return e;
	if (h->file != NULL) {
		rewind(h->file);
		if (!held_output_copy(h->file, to) && ferror(h->file))
			return error_set(why, ERR_IO,
			    "cannot read a temporary file in %s", folder());
	}
	h->printed_to = to;
	fflush(h->to);
	return OK;
}

void
held_output_close(struct held_output *h)
{
	h->failed = ERR_IO; /* nothing more is taken */
	if (h->to != NULL)
		fclose(h->to);
	if (h->file != NULL)
		fclose(h->file);
	free(h->buffer);
	memset(h, 0, sizeof *h);
}
