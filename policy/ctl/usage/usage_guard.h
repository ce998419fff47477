/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_guard - whether domains are in use that are about to be closed by default */
#pragma once

#include "policy/ctl/frame/ctl.h"

/* usage_sources_open(), with the way out in WHY where it fails. */
enum error usage_guard_open(struct ctl *c) MUST_USE;

/*
 * ERR_PROTECTED, with the login and the way out in WHY, if a login of one of the
 * --domain options ("*": a login of no tenant) has passed within the last 30 days, on
 * this machine or one of --usage FILE. Other errors if the usage cannot be read. OK on
 * a machine that has recorded nothing.
 */
enum error usage_guard(struct ctl *c) MUST_USE;
