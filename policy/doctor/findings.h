/* SPDX-License-Identifier: BSD-2-Clause */
/* findings - mistakes found on this machine, and their remedies */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct finding {
	const char *id; /* a constant name for programs, "default-action-accept" */
	char *where;    /* a service, a file, or "" */
	char *text;     /* the mistake and its effect */
	char *fix;      /* the remedy, or a command; "" if the text has it */
};

struct findings {
	struct finding *item;
	size_t count;
	size_t last; /* the one that findings_fix() is about */
	bool joined; /* it was there before */
	bool failed; /* out of memory: something may be missing */
};

/*
 * Adds a finding. WHERE is copied, ID is borrowed for good. One cause is one finding:
 * if there is one with this ID and text, WHERE is added to its places.
 */
void findings_add(struct findings *list, const char *id, const char *where,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * The remedy for the finding that was added last. To one that was there before, the
 * steps (separated by "; ") are added that it does not have, each after its like, and
 * before "postfix reload".
 */
void findings_fix(struct findings *list, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops finding NUMBER, counted from 0. */
void findings_drop(struct findings *list, size_t number);

void findings_free(struct findings *list);
