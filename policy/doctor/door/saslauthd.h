/* SPDX-License-Identifier: BSD-2-Clause */
/* saslauthd - how the saslauthd of this machine was started */
#pragma once

#include <stdbool.h>

#define SASLAUTHD_DEFAULTS "/etc/default/saslauthd"

struct saslauthd {
	bool known;  /* it runs, or the file for its start could be read */
	bool runs;   /* and its own arguments were looked at */
	bool pam;    /* -a pam */
	bool realm;  /* -r: PAM gets the login with its domain */
	bool caches; /* -c: a login that was good once is not asked about again */
};

/*
 * Looks at the arguments of the running saslauthd, else at OPTIONS and MECHANISMS of
 * the file DEFAULTS.
 */
void saslauthd_look(struct saslauthd *out, const char *defaults);

/* Takes its arguments, COUNT words; the first is not its name. */
void saslauthd_take(struct saslauthd *out, char *const *word, int count);
