/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_stat.c - what mdb_stat() says of the policy database in a state folder, as
 * JSON.
 *
 *	bench_stat DIR
 */
#include <err.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH = 400 };

static void
must(int rc)
{
	if (rc != MDB_SUCCESS)
		errx(EXIT_FAILURE, "%s", mdb_strerror(rc));
}

int
main(int argc, char **argv)
{
	char path[PATH];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_stat s;

	if (argc != 2)
		errx(EXIT_FAILURE, "usage: bench_stat DIR");
	snprintf(path, sizeof(path), "%s/policy.mdb", argv[1]);
	must(mdb_env_create(&env));
	must(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0));
	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	must(mdb_dbi_open(txn, NULL, 0, &dbi));
	must(mdb_stat(txn, dbi, &s));
	printf("{\"page\":%u,\"depth\":%u,\"branch\":%zu,\"leaf\":%zu,\"overflow\":%zu,"
	       "\"entries\":%zu}\n",
	    s.ms_psize, s.ms_depth, s.ms_branch_pages, s.ms_leaf_pages,
	    s.ms_overflow_pages, s.ms_entries);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return EXIT_SUCCESS;
}
