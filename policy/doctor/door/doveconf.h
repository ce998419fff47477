/* SPDX-License-Identifier: BSD-2-Clause */
/* doveconf - what Dovecot's configuration says of its policy server: doveconf(1) */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

#define DOVECONF_VALUE_MAX 1023
#define DOVECONF_NAME_MAX 64 /* of a protocol */

/* The settings auth_policy_... as one protocol has them. */
struct doveconf {
	bool filters; /* 2.4: named filters, and a default for what is not printed */
	char url[DOVECONF_VALUE_MAX + 1];
	char nonce[DOVECONF_VALUE_MAX + 1];
	char header[DOVECONF_VALUE_MAX + 1]; /* a secret */
	bool before, after;                  /* it asks before, after the password */
	bool reject_on_fail, log_only;
	long timeout_ms;     /* 0: none; -1: cannot be read */
	bool one_connection; /* at most, to the server; 2.3 has no such setting */
	char login[DOVECONF_VALUE_MAX + 1];  /* what is sent as that attribute; "" */
	char remote[DOVECONF_VALUE_MAX + 1]; /* for nothing */
	char protocol[DOVECONF_VALUE_MAX + 1];
	char mechanism[DOVECONF_VALUE_MAX + 1];
	char protocols[DOVECONF_VALUE_MAX + 1]; /* that Dovecot serves, " imap pop3 " */
	char base_dir[DOVECONF_VALUE_MAX + 1];
};

/*
 * The value of PATH in what doveconf prints: "base_dir", or with slashes for what is in
 * blocks, "service/anvil/process_limit" for "service anvil { process_limit = 1 }".
 * False: there is none, or it does not fit. OUT has DOVECONF_VALUE_MAX + 1 bytes.
 */
bool doveconf_value(const char *text, const char *path, char *out);

/* Whether all lines of TEXT are settings, blocks or comments, and all blocks closed. */
bool doveconf_is_whole(const char *text);

/* A time as doveconf prints it, "2000", "2s", "1 mins", in milliseconds; 0 for
 * "infinite"; -1. A number alone is in units of UNIT ms. */
long doveconf_time(const char *value, long unit);

/* Fills OUT by what doveconf has printed. ERR_FORMAT with WHY. */
enum error doveconf_parse(
    struct doveconf *out, const char *text, struct error_text *why) MUST_USE;

/*
 * Asks doveconf about PROTOCOL. ERR_MISSING: no such program; ERR_CONFIG, with WHY: it
 * fails, or does not end, or prints something else; ERR_MEMORY.
 */
enum error doveconf_read(
    struct doveconf *out, const char *protocol, struct error_text *why) MUST_USE;

/*
 * The mode of the listener that delays clients whose logins failed. False if that
 * cannot be learned.
 */
bool doveconf_penalty_mode(unsigned *mode_r);
