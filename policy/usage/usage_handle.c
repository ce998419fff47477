/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_handle - the usage database, kept open to write until its files are replaced */
#include "policy/usage/usage_handle.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "policy/db/lmdb_file.h"
#include "policy/usage/usage_database.h"

/* find - the file NAME of the usage folder, and its path; false: there is none */
static bool
find(const char *dir, const char *name, char *path, struct stat *st)
{
	return snprintf(path, PATH_MAX, "%s/usage/%s", dir, name) < PATH_MAX &&
	    stat(path, st) == 0;
}

/* is_current - whether the open files are still those in the folder, and intact */
static bool
is_current(const struct usage_handle *h, const char *dir)
{
	char path[PATH_MAX];
	struct db_file open;
	struct stat st;

	return db_file(h->db, &open) == OK && find(dir, "usage.mdb", path, &st) &&
	    st.st_dev == open.dev && st.st_ino == open.ino &&
	    lmdb_file_check(path, false) == OK &&
	    find(dir, "usage.mdb-lock", path, &st) && st.st_dev == h->lock_dev &&
	    st.st_ino == h->lock_ino;
}

enum error
usage_handle_open(struct usage_handle *h, const char *dir, struct error_text *why)
{
	char path[PATH_MAX];
	struct stat st;
	enum error e;

	if (h->db != NULL && is_current(h, dir))
		return OK;
	usage_handle_close(h);
	e = usage_database_open(&h->db, dir, true, why);
	if (e == OK && find(dir, "usage.mdb-lock", path, &st)) {
		h->lock_dev = st.st_dev;
		h->lock_ino = st.st_ino;
	}
	return e;
}

void
usage_handle_close(struct usage_handle *h)
{
	db_close(&h->db);
}
