/* SPDX-License-Identifier: BSD-2-Clause */
/* log_search - finds the log line of a decision */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/why/decision_line.h"

#define LOG_SEARCH_PLACE_MAX 300
#define LOG_SEARCH_LOOKED_MAX 500
#define LOG_SEARCH_OTHER_MAX 400

struct log_search {
	bool found;
	struct decision_line line;
	char place[LOG_SEARCH_PLACE_MAX];   /* where it was found, for people */
	char looked[LOG_SEARCH_LOOKED_MAX]; /* all places, with what hindered there */
	char other[LOG_SEARCH_OTHER_MAX]; /* a line of another program that names it */
};

/*
 * Looks for the line of ID: in FILE ("-" is standard input), or, where that is NULL, in
 * the journal of the unit smtpauth-milter and in the usual mail logs. In a file the
 * last such line counts. That it is nowhere is no error. ERR_NOINPUT, ERR_PERMISSION,
 * ERR_IO, with C's `why`: FILE cannot be read.
 */
enum error log_search_run(
    struct ctl *c, const char *id, const char *file, struct log_search *out_r) MUST_USE;
