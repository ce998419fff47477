/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_key - the secret by which mail servers ask smtpauth-authd, and its file */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

#define AUTH_KEY_FILE "auth.key" /* in the state folder */
#define AUTH_KEY_MIN 16          /* bytes */
#define AUTH_KEY_MAX 256

struct auth_key {
	char text[AUTH_KEY_MAX + 1];
	size_t len;
	bool exposed; /* every user of the machine can read the file */
};

/* The file's PATH (PATH_MAX bytes): CONFIGURED, or for "" the one in DIR. ERR_LIMIT. */
enum error auth_key_path(char *path, const char *configured, const char *dir,
    struct error_text *why) MUST_USE;

/*
 * Makes the file in the state folder DIR, for its owner and group, with 256 random bits
 * in hexadecimal digits; MADE_R says so. A file that is there keeps its key, and gets
 * the same owner and mode. ERR_MISSING (the folder), ERR_CREATE, ERR_PERMISSION,
 * ERR_FULL, with WHY.
 */
enum error auth_key_make(
    const char *dir, bool *made_r, struct error_text *why) MUST_USE;

/*
 * Reads PATH: one line of AUTH_KEY_MIN to AUTH_KEY_MAX characters of RFC 6750's
 * b64token. ERR_MISSING, ERR_PERMISSION, ERR_CONFIG for a file without such a line;
 * with WHY, which never has the key.
 */
enum error auth_key_read(
    struct auth_key *key, const char *path, struct error_text *why) MUST_USE;

/*
 * Whether the N bytes VALUE of an Authorization field are "Bearer KEY" (RFC 6750). The
 * time it takes depends on the length alone.
 */
bool auth_key_is(const struct auth_key *key, const char *value, size_t n);
