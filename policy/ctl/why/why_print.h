/* SPDX-License-Identifier: BSD-2-Clause */
/* why_print - what is known of a decision, for people and for programs */
#pragma once

#include "policy/ctl/why/log_search.h"
#include "policy/ctl/why/policy_past.h"
#include "policy/decision/submission.h"

#define WHY_STEPS_MAX 12000

/* The decision by the policy of one time. */
struct why_judgement {
	bool made;   /* else the rest is undefined */
	bool agrees; /* with the line of the log */
	struct outcome outcome;
	char steps[WHY_STEPS_MAX];
};

/* All that is known of it. */
struct why {
	struct ctl *c;
	struct log_search search;
	struct policy_past past;
	uint64_t first; /* the entries from here on have been made since */
	bool guessed;   /* THEN is the last that decides so: the line has no time */
	struct why_judgement then, now;
};

/* Errors of the store. */
enum error why_print(struct why *w) MUST_USE;
