/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_load.c - asks a milter about submissions of random mailboxes over many
 * connections, one question at a time on each:
 *
 *	bench_load SOCKET PID CONNECTIONS QUESTIONS RATE TENANTS MAILBOXES ACTIVE [SEED]
 *
 * Of all MAILBOXES (where there are none, of 100 of each tenant) ACTIVE submit, chosen
 * at random by SEED; 0: all.
 *
 * With RATE 0 the loop is closed: every connection asks again once it is answered. Else
 * questions fall due at random, RATE a second, whether or not there are answers, and
 * the time of a question begins when it is due. Where no connection is free it waits.
 * It sleeps while there is nothing to do, so as not to take a processor from the
 *milter. Prints JSON: answers a second, processor time of process PID for each, and how
 *long answers took. An answer that is not ACCEPT ends the program.
 */
#include "asker.h"
#include "rows.h"

#include <err.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64 };

static struct load {
	struct rows rows;
	unsigned long *active, actives;
	unsigned connections, questions, asked, answered;
	double rate;
	struct asker *asker;
	unsigned *idle, idlers; /* a stack of connections */
	int64_t *took, due;
	uint64_t random;
	int epoll;
} load;

static unsigned
number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static void *
room(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(EXIT_FAILURE, "calloc");
	return p;
}

/* processor_ns - what a process has used so far */
static int64_t
processor_ns(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		errx(EXIT_FAILURE, "there is no process %d", (int)pid);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
ask(unsigned which, int64_t since)
{
	char login[ROW_SIZE];
	uint64_t n = row_random(&load.random) % load.actives;

	row_login(&load.rows, load.active != NULL ? load.active[n] : n, login);
	asker_ask(&load.asker[which], login, since);
	load.asked++;
}

/* next_due - exponential pauses: what many clients together look like */
static void
next_due(void)
{
	double u = (double)(row_random(&load.random) >> 11) * 0x1p-53;

	load.due += (int64_t)(-log(1 - u) * 1e9 / load.rate);
}

/* ask_due - all that is due, as far as connections are free */
static void
ask_due(void)
{
	while (load.idlers > 0 && load.asked < load.questions &&
	    (load.rate <= 0 || load.due <= asker_now())) {
		ask(load.idle[--load.idlers], load.rate > 0 ? load.due : asker_now());
		if (load.rate > 0)
			next_due();
	}
}

static void
take(unsigned which)
{
	struct asker *asker = &load.asker[which];

	if (!asker_take(asker))
		return;
	load.took[load.answered++] = asker_now() - asker->since;
	load.idle[load.idlers++] = which;
}

/* wait_for_events - until there are some, or the next question is due */
static int
wait_for_events(struct epoll_event *event)
{
	int64_t left = load.due - asker_now();
	struct timespec timeout = {0, 0};

	if (load.rate <= 0 || load.idlers == 0 || load.asked == load.questions)
		return epoll_pwait2(load.epoll, event, EVENTS, NULL, NULL);
	if (left > 0)
		timeout = (struct timespec){
		    (time_t)(left / 1000000000), (long)(left % 1000000000)};
	return epoll_pwait2(load.epoll, event, EVENTS, &timeout, NULL);
}

/* run - until all is answered */
static void
run(void)
{
	struct epoll_event event[EVENTS];

	prctl(
	    PR_SET_TIMERSLACK, 1UL); /* on time to the microsecond, not to 50 of them */
	load.due = asker_now();
	while (load.answered < load.questions) {
		int n;

		ask_due();
		n = wait_for_events(event);
		for (int i = 0; i < n; i++)
			take(event[i].data.u32);
	}
}

/* choose - who submits */
static void
choose(unsigned active)
{
	unsigned long all =
	    load.rows.mailboxes > 0 ? load.rows.mailboxes : load.rows.tenants * 100;

	load.actives = active > 0 && active < all ? active : all;
	if (load.actives == all)
		return;
	load.active = room(active, sizeof(*load.active));
	for (unsigned i = 0; i < active; i++)
		load.active[i] = row_random(&load.random) % all;
}

static void
open_all(const char *socket)
{
	load.epoll = epoll_create1(0);
	load.asker = room(load.connections, sizeof(*load.asker));
	load.idle = room(load.connections, sizeof(*load.idle));
	load.took = room(load.questions, sizeof(*load.took));
	for (unsigned i = 0; i < load.connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		asker_open(&load.asker[i], socket);
		if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, load.asker[i].fd, &event) != 0)
			err(EXIT_FAILURE, "epoll_ctl");
		load.idle[load.idlers++] = i;
	}
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
quantile_us(double q)
{
	return (double)load.took[(size_t)(q * (load.questions - 1))] / 1e3;
}

int
main(int argc, char **argv)
{
	int64_t begin, cpu;
	pid_t pid;

	if (argc < 9)
		errx(EXIT_FAILURE,
		    "usage: bench_load SOCKET PID CONNECTIONS QUESTIONS RATE TENANTS "
		    "MAILBOXES ACTIVE [SEED]");
	pid = (pid_t)number(argv[2]);
	load.connections = number(argv[3]);
	load.questions = number(argv[4]);
	load.rate = number(argv[5]);
	load.rows = (struct rows){number(argv[6]), number(argv[7])};
	load.random = argc > 9 ? number(argv[9]) : 1;
	if (load.connections == 0 || load.questions == 0 || load.rows.tenants == 0)
		errx(EXIT_FAILURE, "a number is out of range");
	choose(number(argv[8]));
	open_all(argv[1]);
	cpu = processor_ns(pid);
	begin = asker_now();
	run();
	begin = asker_now() - begin;
	cpu = processor_ns(pid) - cpu;
	qsort(load.took, load.questions, sizeof(*load.took), compare);
	printf("{\"rate\":%.0f,\"cpu_us\":%.4f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"max_us\":%.1f}\n",
	    load.questions * 1e9 / (double)begin, (double)cpu / 1e3 / load.questions,
	    quantile_us(0.5), quantile_us(0.99), quantile_us(1));
	return EXIT_SUCCESS;
}
