/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_denials - counts who is refused at AUTH, and writes it to the usage database */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "milter/auth/denial_counter.h"
#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/decision/submission.h"
#include "policy/usage/usage_handle.h"

/* Since the start; refusals at AUTH, except where it says so. */
struct auth_denials_report {
	uint64_t recorded; /* that are in the database */
	uint64_t others;   /* among these, of names that have no row */
	uint64_t dropped;  /* that were not counted */
	uint64_t failures; /* writings that did not succeed */
	uint32_t guessed;  /* rows of guessed names, at the last writing */
	size_t waiting;    /* logins whose counts are not written yet */
	instant written;   /* the last success; INSTANT_NONE: none */
};

/* All zero before auth_denials_start(); until then nothing is counted. */
struct auth_denials {
	bool started; /* constant once there are other threads */
	struct denial_counter counter;
	/* The thread's own: */
	const char *state_dir;
	struct usage_handle handle;
	unsigned flush_s;
	bool damaged;
	struct error_text said; /* the last complaint */
	uint64_t said_dropped;
	int64_t say_dropped; /* not before, in monotonic_ms() */
	int64_t due;         /* the next writing */
	pthread_t thread;
	pthread_t before; /* the one that handed over to it */
	/* Shared: */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool hurry, stop, ended;
	struct auth_denials_report report;
};

/*
 * Starts a thread that writes what was counted to usage/usage.mdb of STATE_DIR, which
 * is borrowed, every FLUSH_S seconds, and when much has been counted. The milter writes
 * to the same file. Failures are logged once and tried again; what cannot be written
 * stays, in a memory of fixed size. ERR_MEMORY. Once.
 */
enum error auth_denials_start(
    struct auth_denials *d, const char *state_dir, unsigned flush_s) MUST_USE;

/*
 * Counts a login that AUTH refuses by O, for the client address CLIENT ("" where it is
 * not known). Counts nothing where O does not reject, or rejects by on-error. The names
 * of logins of no tenant, and of invalid ones, are not kept. Never waits for I/O, no
 * allocation. Thread-safe.
 */
void auth_denials_add(
    struct auth_denials *d, const struct outcome *o, const char *client, instant now);

/* Writes all for the last time; waits at most LIMIT_MS, and logs what is lost. */
void auth_denials_stop(struct auth_denials *d, unsigned limit_ms);

/* What has been counted and written. Thread-safe. */
void auth_denials_report(struct auth_denials *d, struct auth_denials_report *out_r);
