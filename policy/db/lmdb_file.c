/* SPDX-License-Identifier: BSD-2-Clause */
/* lmdb_file - what must hold of a file before LMDB is let loose on it */
#include "policy/db/lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* LMDB's limits on the page size and its mark (mdb.c: MAX_PAGESIZE, MDB_MAGIC) */
#define PAGE_MIN 512u
#define PAGE_MAX 32768u
#define META_MAGIC 0xBEEFC0DEu

/* header_number - the one at AT of HEADER */
static uint32_t
header_number(const uint8_t *header, size_t at, bool swapped)
{
	uint32_t n;

	memcpy(&n, header + at, sizeof n);
	return swapped ? __builtin_bswap32(n) : n;
}

/*
 * header_ok - whether HEADER starts one of LMDB's meta pages with a sane page size, as
 * a machine writes it whose words have WORD bytes
 */
static bool
header_ok(const uint8_t *header, size_t word, bool swapped)
{
	/* MDB_page up to mp_ptrs, then MDB_meta up to mm_dbs[FREE_DBI].md_pad */
	const size_t meta = word + 8;
	const size_t pad = meta + 8 + word + word;
	uint32_t magic = header_number(header, meta, swapped);
	uint32_t page = header_number(header, pad, swapped);

	return magic == META_MAGIC && page >= PAGE_MIN && page <= PAGE_MAX &&
	    (page & (page - 1)) == 0;
}

/* header_check - what HEADER says the file is */
static enum error
header_check(const uint8_t *header)
{
	if (header_ok(header, sizeof(size_t), false))
		return OK;
	for (size_t word = 4; word <= 8; word += 4)
		if (header_ok(header, word, false) || header_ok(header, word, true))
			return ERR_MACHINE;
	return ERR_FORMAT;
}

enum error
lmdb_file_check_open(int fd, bool may_create)
{
	uint8_t header[64];
	struct stat st;
	ssize_t n = pread(fd, header, sizeof header, 0);

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return ERR_FORMAT;
	if (n < 0)
		return ERR_IO;
	if (n == 0 && may_create)
		return OK;
	return n == sizeof header ? header_check(header) : ERR_FORMAT;
}

enum error
lmdb_file_check(const char *path, bool may_create)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum error e;

	if (fd < 0 && errno == ELOOP)
		return ERR_FORMAT;
	if (fd < 0)
		return may_create && errno == ENOENT ? OK : error_from_errno(errno);
	e = lmdb_file_check_open(fd, may_create);
	close(fd);
	return e;
}
