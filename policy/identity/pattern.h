/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern - a pattern of addresses: "*" is any text, "?" any one character */
#pragma once

#include <stdbool.h>

#include "policy/identity/login.h"

struct pattern {
	char text[LOGIN_MAX + 1];
};

/*
 * Reads TYPED and brings it into the form that addresses have: lower case, NFC, and
 * A-labels where a label of the domain has no wildcard. ERR_DATA where it is empty, too
 * long, or not UTF-8.
 */
enum error pattern_parse(struct pattern *p, const char *typed) MUST_USE;

/* Whether all of ADDRESS, which is in normal form, is what the pattern says. */
bool pattern_matches(const struct pattern *p, const char *address);
