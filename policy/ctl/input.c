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

/* spool - all of FROM in a temporary file; NULL with errno */
static FILE *
spool(FILE *from)
{
	FILE *to = spool_file();
	char buf[4096];
	size_t n;

	while (to != NULL && (n = fread(buf, 1, sizeof buf, from)) > 0) {
		if (fwrite(buf, 1, n, to) != n) {
			fclose(to);
			return NULL;
		}
	}
	if (to != NULL && (ferror(from) || fflush(to) != 0)) {
		fclose(to);
		return NULL;
	}
	if (to != NULL)
		rewind(to);
	return to;
}

enum error
input_open(struct ctl *c)
{
	FILE *f = is_standard(c) ? stdin : fopen(ctl_word(c, 0), "re");
	struct stat st;

	if (f == NULL || fstat(fileno(f), &st) != 0)
		return cannot_read(c);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return cannot_read(c);
	}
	c->in = S_ISREG(st.st_mode) ? f : spool(f);
	if (c->in == NULL)
		return cannot_read(c);
	if (f != stdin && f != c->in)
		fclose(f);
	return OK;
}
