/* SPDX-License-Identifier: BSD-2-Clause */
/* override - why a mailbox's own setting did or did not apply, in words */
#pragma once

#include "policy/decision/decision.h"

#define OVERRIDE_TEXT_MAX 160

/*
 * "enabled until T", "enabled, but expired at T", "enabled, but not for client C", or
 * "" without an override, into BUF; of the mailbox's SETTING and UNTIL. CLIENT may be
 * "".
 */
const char *override_text(enum override override, enum smtp_auth setting, instant until,
    const char *client, char *buf);

/* "held", "expired", "other-client"; "" for OVERRIDE_NONE. */
const char *override_name(enum override o);
