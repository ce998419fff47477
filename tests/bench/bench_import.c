/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_import.c - what import costs: its time as a ratio to bare mdb_put() of the same
 * rows in the same order, and its peak of anonymous memory, for both formats, in the
 * order of keys and in none. No test: BUILDDIR=. tests/bench/bench_import [ROUNDS [ROWS
 * [TENANTS]]], with room for 200 bytes a row below $TMPDIR or /tmp.
 */
#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, ROUNDS_MAX = 99, ROWS = 1000000, TENANTS = 10000, PATH = 400 };

#define MAP_SIZE ((size_t)32 << 30)

static char dir[PATH / 4];
static unsigned long rows = ROWS, tenants = TENANTS;

static void __attribute__((noreturn)) give_up(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static const char *
below(const char *name)
{
	static char paths[4][PATH];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH, "%s/%s", dir, name);
	return path;
}

static FILE *
open_file(const char *name, const char *mode)
{
	FILE *f = fopen(below(name), mode);

	if (f == NULL)
		give_up(name);
	return f;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* order - the numbers of the rows, as they are or shuffled */
static unsigned *
order(bool shuffled)
{
	unsigned *at = malloc(rows * sizeof *at);

	if (at == NULL)
		give_up("malloc");
	for (unsigned i = 0; i < rows; i++)
		at[i] = i;
	srandom(1);
	for (unsigned i = (unsigned)rows; shuffled && i-- > 1;) {
		unsigned k = (unsigned)random() % (i + 1), swap = at[i];

		at[i] = at[k];
		at[k] = swap;
	}
	return at;
}

/* write_files - the tenants, the rows in both formats, and their keys */
static void
write_files(bool shuffled)
{
	FILE *head = open_file("head", "w"), *csv = open_file("csv", "w"),
	     *jsonl = open_file("jsonl", "w"), *keys = open_file("keys", "w");
	unsigned long each = (rows + tenants - 1) / tenants;
	unsigned *at = order(shuffled);

	for (unsigned long i = 0; i < tenants; i++)
		fprintf(head,
		    "{\"type\":\"tenant\",\"name\":\"t%06lu\",\"domains\":[\"t%06lu."
		    "test\"],"
		    "\"smtp_auth\":\"disabled\"}\n",
		    i, i);
	fputs("address,smtp_auth\n", csv);
	for (unsigned long i = 0; i < rows; i++) {
		unsigned long t = at[i] / each, u = at[i] % each;

		fprintf(csv, "user%07lu@t%06lu.test,enabled\n", u, t);
		fprintf(jsonl,
		    "{\"type\":\"mailbox\",\"address\":\"user%07lu@t%06lu.test\","
		    "\"smtp_auth\":\"enabled\"}\n",
		    u, t);
		fprintf(keys, "zt%06lu.test%cuser%07lu\n", t, '\0', u);
	}
	free(at);
	if (fclose(head) != 0 || fclose(csv) != 0 || fclose(jsonl) != 0 ||
	    fclose(keys) != 0)
		give_up("write");
}

/* read_keys - all of the file */
static char *
read_keys(size_t *n_r)
{
	FILE *f = open_file("keys", "r");
	char *text;

	fseek(f, 0, SEEK_END);
	*n_r = (size_t)ftell(f);
	rewind(f);
	text = malloc(*n_r);
	if (text == NULL || fread(text, 1, *n_r, f) != *n_r)
		give_up("keys");
	fclose(f);
	return text;
}

static void
must(int rc)
{
	if (rc == MDB_SUCCESS)
		return;
	fprintf(stderr, "%s\n", mdb_strerror(rc));
	exit(EXIT_FAILURE);
}

/* put_bare - what LMDB alone takes for the rows, in seconds */
static double
put_bare(void)
{
	size_t n;
	char *text = read_keys(&n), *next;
	double start;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	unlink(below("bare.mdb"));
	must(mdb_env_create(&env));
	must(mdb_env_set_mapsize(env, MAP_SIZE));
	must(mdb_env_open(env, below("bare.mdb"), MDB_NOSUBDIR, 0600));
	start = seconds();
	must(mdb_txn_begin(env, NULL, 0, &txn));
	must(mdb_dbi_open(txn, NULL, 0, &dbi));
	for (char *at = text; at < text + n; at = next + 1) {
		MDB_val key, value;
		char plain[] = {1, 1};

		next = memchr(at, '\n', (size_t)(text + n - at));
		key = (MDB_val){(size_t)(next - at), at};
		value = (MDB_val){sizeof plain, plain};
		must(mdb_put(txn, dbi, &key, &value, 0));
	}
	must(mdb_txn_commit(txn));
	start = seconds() - start;
	mdb_env_close(env);
	free(text);
	return start;
}

/* anonymous_kb - of a process, now; 0 when it has ended */
static unsigned long
anonymous_kb(pid_t pid)
{
	char path[64], line[200];
	unsigned long kb = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && kb == 0 && fgets(line, sizeof line, f) != NULL)
		sscanf(line, "RssAnon: %lu", &kb);
	if (f != NULL)
		fclose(f);
	return kb;
}

/* run - smtpauthctl on the state folder; its peak of anonymous memory */
static unsigned long
run(const char *command, const char *word)
{
	const struct timespec pause = {0, 5000000};
	const char *build = getenv("BUILDDIR");
	unsigned long kb, peak = 0;
	char program[PATH];
	int status;
	pid_t pid;

	snprintf(program, sizeof program, "%s/policy/smtpauthctl",
	    build != NULL ? build : ".");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(EXIT_FAILURE);
		execl(program, program, "-d", below("state"), command, word,
		    (char *)NULL);
		_exit(EXIT_FAILURE);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		kb = anonymous_kb(pid);
		if (kb > peak)
			peak = kb;
		nanosleep(&pause, NULL);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "smtpauthctl %s failed\n", command);
		exit(EXIT_FAILURE);
	}
	return peak;
}

/* empty_state - a folder with the tenants and nothing else */
static void
empty_state(void)
{
	unlink(below("state/policy.mdb"));
	run("init", "--new-policy");
	run("import", below("head"));
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* measure - one format in one order: the two in turn */
static void
measure(const char *format, bool shuffled, unsigned long rounds)
{
	double ratio[ROUNDS_MAX] = {0}, bare, ours;
	unsigned long kb, peak = 0;

	for (unsigned long i = 0; i < rounds; i++) {
		empty_state();
		bare = put_bare();
		ours = seconds();
		kb = run("import", below(format));
		ours = seconds() - ours;
		ratio[i] = ours / bare;
		if (kb > peak)
			peak = kb;
	}
	qsort(ratio, rounds, sizeof *ratio, compare);
	printf("%-8s %-9s %6.2f %6.2f %6.2f %8lu\n", format,
	    shuffled ? "shuffled" : "in order", ratio[0], ratio[rounds / 2],
	    ratio[rounds - 1], peak / 1024);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
	const char *tmp = getenv("TMPDIR");
	char command[PATH];

	if (argc > 2)
		rows = strtoul(argv[2], NULL, 10);
	if (argc > 3)
		tenants = strtoul(argv[3], NULL, 10);
	if (rounds < 1 || rounds > ROUNDS_MAX || rows < 1 || tenants < 1) {
		fprintf(stderr, "usage: bench_import [ROUNDS [ROWS [TENANTS]]]\n");
		return 64;
	}
	snprintf(
	    dir, sizeof dir, "%.60s/bench-import-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		give_up(dir);
	printf("%lu mailboxes in %lu tenants, %lu rounds: time / bare mdb_put\n"
	       "format   order        min median    max  anon MB\n",
	    rows, tenants, rounds);
	for (int shuffled = 0; shuffled < 2; shuffled++) {
		write_files(shuffled);
		measure("csv", shuffled, rounds);
		measure("jsonl", shuffled, rounds);
	}
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) == 0 ? 0 : EXIT_FAILURE;
}
