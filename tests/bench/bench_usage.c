/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_usage.c - what recording costs: decisions a second and processor time of each,
 * with `usage = yes` and `usage = no` in turn, over 8 connections and 5,000 mailboxes.
 * No test: BUILDDIR=. tests/bench/bench_usage [ROUNDS [SUBMISSIONS]]
 */
#include "../deadline.h"
#include "../file.h"
#include "../mta.h"
#include "../sample.h"
#include "../suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORKERS = 8,
	MAILBOXES = 5000,
	ROUNDS = 9,
	ROUNDS_MAX = 99,
	SUBMISSIONS = 150000
};
enum { SECOND_MS = 1000, LIMIT_S = 3600, LOGIN_SIZE = 40, WARM = 5000 };

static struct site site;

/* What one round gave. */
struct figures {
	double rate, cpu_us;
};

/* cpu_ms - processor time of the milter */
static double
cpu_ms(void)
{
	unsigned long user, system;
	char path[64], *text, *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)site.pid);
	text = file_read(path, NULL);
	at = text != NULL ? strrchr(text, ')') : NULL;
	if (at == NULL ||
	    sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		&system) != 2)
		exit(EXIT_FAILURE);
	free(text);
	return (double)(user + system) * SECOND_MS / (double)sysconf(_SC_CLK_TCK);
}

static void __attribute__((noreturn)) worker_run(unsigned worker, unsigned n)
{
	struct submission s = submission_by("");
	struct mta *mta = submission_connect(&site, &s);
	char login[LOGIN_SIZE];
	unsigned seed = worker + 1;

	s.login = login;
	for (unsigned i = 0; i < n; i++) {
		struct mta_reply reply;

		snprintf(login, sizeof(login), "u%u@open.test",
		    (unsigned)rand_r(&seed) % MAILBOXES);
		reply = submission_ask(mta, &s);
		if (reply.kind != MTA_ACCEPT)
			_exit(EXIT_FAILURE);
	}
	_exit(EXIT_SUCCESS);
}

static void
load(unsigned n)
{
	int status;

	for (unsigned i = 0; i < WORKERS; i++)
		if (fork() == 0)
			worker_run(i, n / WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		if (wait(&status) < 0 || status != 0)
			exit(EXIT_FAILURE);
}

static struct figures
round_run(const char *usage, unsigned n)
{
	struct figures f;
	int64_t begin;
	double cpu;

	sample_open(&site);
	site_configure(&site, "usage", usage);
	site_configure(&site, "usage-flush", "1");
	site_configure(&site, "log-allowed", "no");
	site_start(&site);
	load(WARM);
	cpu = cpu_ms();
	begin = clock_now();
	load(n);
	f.rate = n * (double)SECOND_MS / (double)(clock_now() - begin);
	f.cpu_us = (cpu_ms() - cpu) * SECOND_MS / n;
	kill(site.pid, SIGTERM);
	waitpid(site.pid, NULL, 0);
	site.pid = 0;
	folder_remove(site.folder);
	return f;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
tell(const char *what, double *value, unsigned n)
{
	qsort(value, n, sizeof(*value), compare);
	printf("# %-28s median %9.3f, %9.3f to %9.3f\n", what, value[n / 2], value[0],
	    value[n - 1]);
}

static unsigned rounds = ROUNDS, submissions = SUBMISSIONS;

START_TEST(cost_of_usage)
{
	static double rate[2][ROUNDS_MAX], cpu[2][ROUNDS_MAX], ratio[2][ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		struct figures f[2];
		unsigned first = i % 2;

		f[first] = round_run(first ? "yes" : "no", submissions);
		f[!first] = round_run(first ? "no" : "yes", submissions);
		for (int k = 0; k < 2; k++) {
			rate[k][i] = f[k].rate;
			cpu[k][i] = f[k].cpu_us;
		}
		ratio[0][i] = f[1].rate / f[0].rate;
		ratio[1][i] = f[1].cpu_us / f[0].cpu_us;
	}
	tell("decisions/s, usage = no", rate[0], rounds);
	tell("decisions/s, usage = yes", rate[1], rounds);
	tell("  yes/no of each round", ratio[0], rounds);
	tell("us of processor, usage = no", cpu[0], rounds);
	tell("us of processor, usage = yes", cpu[1], rounds);
	tell("  yes/no of each round", ratio[1], rounds);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("usage");
	TCase *bench = suite_add_case(suite, "bench");

	if (argc > 1)
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		submissions = (unsigned)strtoul(argv[2], NULL, 10);
	if (rounds == 0 || rounds > ROUNDS_MAX || submissions < WORKERS)
		return EXIT_FAILURE;
	tcase_set_timeout(bench, LIMIT_S);
	tcase_add_test(bench, cost_of_usage);
	return suite_run(suite);
}
