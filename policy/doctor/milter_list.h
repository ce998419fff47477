/* SPDX-License-Identifier: BSD-2-Clause */
/* milter_list - Postfix's list of milters (smtpd_milters) */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/config/endpoint.h"

#define MILTER_LIST_MAX 32
#define MILTER_ACTION_MAX 32

/* One milter of the list; postconf(5), "milter_default_action" and MILTER_README. */
struct milter_entry {
	char address[ENDPOINT_MAX + 16];            /* as it is written */
	struct endpoint endpoint;                   /* ENDPOINT_NONE: cannot be read */
	char default_action[MILTER_ACTION_MAX + 1]; /* "": not set */
	long command_timeout;                       /* seconds; -1: not set */
};

struct milter_list {
	struct milter_entry entry[MILTER_LIST_MAX];
	size_t count;
	bool cut;      /* more milters, or a longer address, than can be kept */
	unsigned open; /* braces without a "}": smtpd refuses the value, and ends */
};

/*
 * Reads an expanded value: separated by commas or space, an entry with options in
 * braces,
 * "{ inet:host:port, connect_timeout=3s, { default_action = tempfail } }".
 */
void milter_list_parse(const char *value, struct milter_list *out);

/*
 * Writes VALUE without white space to OUT, as "postconf -P" wants it: commas
 * replace the space between entries. False if it does not fit.
 */
bool milter_list_squeeze(const char *value, char *out, size_t cap);

/*
 * Writes VALUE to OUT with the word ADDRESS, one that milter_list_parse() found in it,
 * replaced by OTHER. False if it is not there, or does not fit.
 */
bool milter_list_replace(
    const char *value, const char *address, const char *other, char *out, size_t cap);

/*
 * Writes VALUE to OUT with the option NAME of entry NUMBER (counted from 0) set; an
 * entry without options gets its braces. False if there is no such entry, or no room.
 */
bool milter_list_set(const char *value, size_t number, const char *name,
    const char *setting, char *out, size_t cap);

/* A Postfix time ("15s", "2m", "30") in seconds, or -1. */
long milter_list_seconds(const char *value);
