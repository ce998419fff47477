/* SPDX-License-Identifier: BSD-2-Clause */
/* client_key - the key that smtpauth-authd demands, as pam_smtpauth reads it */
#pragma once

#include "policy/base/error.h"

#define CLIENT_KEY_MIN 16 /* bytes, as policy/store/auth_key.h has it */
#define CLIENT_KEY_MAX 256

/*
 * Reads the key, the one line of the regular file PATH: a b64token of RFC 6750. Never
 * waits for what is no regular file. ERR_NOINPUT, ERR_PERMISSION, ERR_DATA, ERR_IO,
 * with WHY, which names the path and the way out.
 */
enum error client_key_read(
    const char *path, char key[CLIENT_KEY_MAX + 1], struct error_text *why) MUST_USE;
