/* SPDX-License-Identifier: BSD-2-Clause */
/* read_file - a file that a person named, read whole */
#include "policy/base/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum error
read_file(const char *path, char *text, size_t cap, size_t *len_r, mode_t *mode_r,
    struct error_text *why)
{
	FILE *file = fopen(path, "re");
	int err = errno; /* of fopen */
	struct stat st = {0};
	enum error e;

	*len_r = 0;
	if (file != NULL) {
		*len_r = fread(text, 1, cap, file);
		err = ferror(file) || fstat(fileno(file), &st) != 0 ? errno : 0;
		fclose(file);
	}
	if (err == 0 && mode_r != NULL)
		*mode_r = st.st_mode;
	if (err == 0)
		return OK;
	e = error_from_errno(err);
	return error_set(
	    why, e == ERR_MISSING ? ERR_NOINPUT : e, "%s: %s", path, strerror(err));
}
