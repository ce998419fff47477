/* SPDX-License-Identifier: BSD-2-Clause */
/* pulse - writes the daemon's heartbeat, and its metrics */
#include "milter/pulse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/log.h"
#include "milter/metrics_file.h"
#include "policy/heartbeat.h"

struct pulse {
	const char *dir;
	struct keeper *keeper;
	struct heartbeat heartbeat;
	struct error_text said, metrics_said; /* the last complaints */
};

/* complain - but not of the same trouble again and again */
static void
complain(struct error_text *said, const struct error_text *why, const char *what)
{
	if (strcmp(why->text, said->text) == 0)
		return;
	*said = *why;
	log_message(LEVEL_WARNING, "%s: %s", what, why->text);
}

static void
write_metrics(struct pulse *p)
{
	struct error_text why;

	if (metrics_file_write(&why) == OK)
		p->metrics_said.text[0] = '\0';
	else
		complain(&p->metrics_said, &why, "the metrics cannot be written");
}

/* beat - the database is open only for one record, so that it may be replaced */
static void
beat(struct pulse *p)
{
	struct error_text why;
	struct db *db;
	enum error e = heartbeat_open(&db, p->dir, true, &why);

	if (e == OK) {
		p->heartbeat.beat = instant_now();
		e = heartbeat_put(db, &p->heartbeat);
		if (e != OK)
			error_about(&why, e, p->dir);
		db_close(&db);
	}
	if (e != OK)
		complain(&p->said, &why,
		    "no heartbeat, so status will say that no daemon runs");
	else
		p->said.text[0] = '\0';
}

static uint8_t
policy_of(struct keeper *keeper)
{
	switch (keeper_state(keeper)) {
	case KEEPER_VERIFYING:
		return HEARTBEAT_VERIFYING;
	case KEEPER_GOOD:
		return HEARTBEAT_GOOD;
	case KEEPER_BAD:
		break;
	}
	return HEARTBEAT_FAULT;
}

static void *
run(void *arg)
{
	const struct timespec second = {1, 0};
	struct pulse *p = arg;

	for (unsigned seconds = 0;; seconds++) {
		uint8_t policy = policy_of(p->keeper);

		if (seconds % p->heartbeat.interval == 0 ||
		    policy != p->heartbeat.policy) {
			p->heartbeat.policy = policy;
			write_metrics(p); /* first: it needs no disk */
			beat(p);
		}
		nanosleep(&second, NULL);
	}
	return NULL;
}

enum error
pulse_start(const struct config *config, struct keeper *keeper)
{
	struct pulse *p = calloc(1, sizeof *p);
	pthread_t thread;

	if (p == NULL)
		return ERR_MEMORY;
	p->dir = config->state_dir;
	p->keeper = keeper;
	snprintf(p->heartbeat.socket, sizeof p->heartbeat.socket, "%s", config->socket);
	snprintf(
	    p->heartbeat.version, sizeof p->heartbeat.version, "%s", PACKAGE_VERSION);
	p->heartbeat.pid = (uint32_t)getpid();
	p->heartbeat.interval = config->usage_flush;
	p->heartbeat.started = instant_now();
	metrics_file_open(config, keeper);
	if (pthread_create(&thread, NULL, run, p) != 0) {
		free(p);
		return ERR_MEMORY;
	}
	pthread_detach(thread);
	return OK;
}
