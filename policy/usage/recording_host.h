/* SPDX-License-Identifier: BSD-2-Clause */
/* recording_host - a machine that records usage, and what its records cover */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"

#define RECORDING_HOST_ID_BYTES 16
#define RECORDING_HOST_ID_TEXT_MAX (2 * RECORDING_HOST_ID_BYTES + 1)
#define RECORDING_HOST_NAME_MAX 255

/* A pause of recording that is no gap: the daemon was restarted, or a disk was full. */
#define RECORDING_HOST_GAP_SECONDS 86400

struct recording_host {
	/* Random; a copied database has the same. */
	uint8_t id[RECORDING_HOST_ID_BYTES];
	char name[RECORDING_HOST_NAME_MAX + 1];
	instant since;    /* from then on recorded without a gap */
	instant until;    /* the last time it was written */
	uint64_t dropped; /* submissions that could not be counted, ever */
	instant last_dropped;
	/*
	 * Of a usage file: it has refusals at AUTH, too. Such a file is of a newer
	 * version than others; the record in the database never says so.
	 */
	bool has_auth_denied;
};

/* A new machine with a random number; ERR_INTERNAL when the system has none. */
enum error recording_host_init(struct recording_host *n, instant now) MUST_USE;

/*
 * Notes that at NOW all is written, but for DROPPED submissions. After a longer pause,
 * or where the daemon does not RECORD, what is covered begins anew.
 */
void recording_host_touch(
    struct recording_host *n, instant now, bool record, uint64_t dropped);

bool recording_host_same(
    const struct recording_host *a, const struct recording_host *b);

const char *recording_host_id_print(const struct recording_host *n, char *buf);

void recording_host_encode(const struct recording_host *n, struct record_writer *w);
enum error recording_host_decode(
    struct bytes from, struct recording_host *out_r) MUST_USE;
