/* SPDX-License-Identifier: BSD-2-Clause */
/* input - the file, or the standard input, that a command reads */
#include "policy/ctl/input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/ctl/spool.h"

/* is_standard - whether the command reads standard input */
static bool
is_standard(const struct ctl *c)
{
	return c->options.words == 0 || strcmp(ctl_word(c, 0), "-") == 0;
}

const char *
input_name(const struct ctl *c)
{
	return is_standard(c) ? "standard input" : ctl_word(c, 0);
}

static enum error
cannot_read(struct ctl *c)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e != ERR_PERMISSION && e != ERR_FULL)
		e = is_standard(c) ? ERR_IO : ERR_NOINPUT;
	return error_set(
	    &c->why, e, "cannot read %s: %s", input_name(c), strerror(err));
}

/* spool - all of FROM into C's `in`, a temporary file */
static enum error
spool(struct ctl *c, FILE *from)
{
	char buf[4096];
	size_t n;
	enum error e = spool_open(c, &c->in);

	if (e != OK)
		return e;
	while ((n = fread(buf, 1, sizeof buf, from)) > 0)
		if (fwrite(buf, 1, n, c->in) != n)
			break;
	if (ferror(from))
		return cannot_read(c);
	if (ferror(c->in) || fflush(c->in) != 0)
		return error_set(&c->why, errno == ENOSPC ? ERR_FULL : ERR_IO,
		    "cannot write a temporary file: %s", strerror(errno));
	rewind(c->in);
	return OK;
}

enum error
input_open(struct ctl *c)
{
	FILE *f = is_standard(c) ? stdin : fopen(ctl_word(c, 0), "re");
	struct stat st;
	enum error e;

	if (f == NULL || fstat(fileno(f), &st) != 0)
		return cannot_read(c);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return cannot_read(c);
	}
	c->in = f;
	if (S_ISREG(st.st_mode))
		return OK;
	e = spool(c, f);
	if (f != stdin)
		fclose(f);
	return e;
}
