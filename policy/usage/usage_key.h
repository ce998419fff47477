/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_key - the keys of logins and their days in the usage database */
#ifndef POLICY_USAGE_USAGE_KEY_H
#define POLICY_USAGE_USAGE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/identity/login.h"
#include "policy/model/key.h"

#define TABLE_USAGE 'u'

/* The key of a login; and, from it, that of one of its days. */
void usage_key_login(struct key *k, const struct login *login);
void usage_key_add_day(struct key *k, uint32_t day);

/* Reads either back, also of usage_others(); ERR_DAMAGED for what is none. DAY_R is set
 * where HAS_DAY_R. */
enum error usage_key_parse(
    struct bytes key, struct login *login_r, uint32_t *day_r, bool *has_day_r) MUST_USE;

#endif
