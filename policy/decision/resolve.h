/* SPDX-License-Identifier: BSD-2-Clause */
/* resolve - the mailbox that a login in normal form stands for */
#pragma once

#include "policy/base/text.h"
#include "policy/identity/login.h"
#include "policy/store/store.h"

/*
 * Puts the mailbox, or login without domain, that LOGIN stands for in its place: by
 * login-domain, aliases and default-domain, each of which writes a line of STEPS (may
 * be NULL). ERR_DATA where it grows too long; else OK or an error of the store.
 */
enum error resolve_login(
    struct store_txn *txn, struct login *login, struct text *steps) MUST_USE;
