/* SPDX-License-Identifier: BSD-2-Clause */
/* address - logins and mailbox addresses as administrators type them */
#pragma once

#include "policy/identity/login.h"
#include "policy/model/settings.h"

/* TYPED without leading blanks; LEN_R: its bytes without those at the end. */
const char *address_trim(const char *typed, size_t *len_r);

/*
 * A login in normal form, as an MTA may hand it over, without the blanks around it.
 * ERR_DATA with WHY.
 */
enum error address_exact(const struct settings *s, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

/*
 * A login in normal form, by the settings S, without the blanks around it; where
 * login-domain is default, with default-domain. ERR_DATA with WHY.
 */
enum error address_login(const struct settings *s, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

/*
 * A mailbox address in normal form: default-domain is applied to a plain name without
 * '@', blanks around are cut off. Stricter than a login, or a slip would make a setting
 * that no login ever has: ':', ';', ',', '<', '>', '\\', '"', '*' and a second '@' are
 * ERR_DATA, with WHY, and so is a GUID.
 */
enum error address_normalize(const struct settings *s, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;
