/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_key - the keys of logins and their days in the usage database */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/identity/login.h"
#include "policy/model/key.h"

#define TABLE_USAGE 'u'
#define TABLE_AUTH_DENIED 'a'

/* The key of a login; and, from it, that of one of its days. */
void usage_key_login(struct key *k, const struct login *login);
void usage_key_add_day(struct key *k, uint32_t day);

/* The order of keys: less than, equal to, or greater than 0. */
int usage_key_order(const struct login *a, const struct login *b);

/*
 * Reads either back, also that of usage_others(). DAY_R is set if HAS_DAY_R.
 * ERR_DAMAGED.
 */
enum error usage_key_parse(
    struct bytes key, struct login *login_r, uint32_t *day_r, bool *has_day_r) MUST_USE;

/* The key of a login's refusals at AUTH, in the same order; and the login back. */
void usage_key_auth_denied(struct key *k, const struct login *login);
enum error usage_key_parse_auth_denied(
    struct bytes key, struct login *login_r) MUST_USE;
