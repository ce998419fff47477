/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_url - the address of a policy server, as Dovecot has it */
#pragma once

#include <stdbool.h>

#include "policy/config/endpoint.h"

#define AUTH_URL_PATH_MAX 200

struct auth_url {
	bool tls;                         /* https:// */
	struct endpoint at;               /* ENDPOINT_INET */
	char path[AUTH_URL_PATH_MAX + 1]; /* without the query, "/" for none */
};

/*
 * Reads "http://HOST[:PORT][/PATH][?QUERY]", or https://. False for anything else, for
 * user names, and for one that is too long.
 */
bool auth_url_parse(const char *url, struct auth_url *out_r);
