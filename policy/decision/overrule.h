/* SPDX-License-Identifier: BSD-2-Clause */
/* overrule - what holds at present instead of the setting of a tenant or mailbox */
#pragma once

#include <stdbool.h>

#include "policy/base/instant.h"
#include "policy/base/text.h"
#include "policy/model/mailbox.h"
#include "policy/model/settings.h"
#include "policy/model/tenant.h"

/* A set of causes. */
enum overrule {
	OVERRULE_LOCK = 0x01,             /* of tenant, login or mailbox */
	OVERRULE_ENFORCE = 0x02,          /* enforce is no */
	OVERRULE_ACTION = 0x04,           /* the action is report */
	OVERRULE_ENFORCE_FROM = 0x08,     /* the time is still to come */
	OVERRULE_UNTIL = 0x10,            /* the mailbox's setting has ended */
	OVERRULE_EXEMPT_CLIENTS = 0x20,   /* for clients there */
	OVERRULE_EXEMPT_LISTENERS = 0x40, /* for listeners there */
};
#define OVERRULE_FIRST OVERRULE_LOCK
#define OVERRULE_LAST OVERRULE_EXEMPT_LISTENERS

/*
 * What lets a login pass, or denies it, against smtp-auth of the tenant. LOCKED: a lock
 * of the tenant holds. Pure.
 */
unsigned overrule_tenant(
    const struct settings *s, const struct tenant *t, bool locked, instant now);

/* The same for the mailbox's own smtp-auth; LOCKED: a lock of any of them holds. */
unsigned overrule_mailbox(
    const struct settings *s, const struct mailbox *m, bool locked, instant now);

/* The same for the setting KEY as it is in S; 0 for one that denies nothing. */
unsigned overrule_setting(const struct settings *s, const char *key);

/* The word for one cause, as in JSON: the key that it comes from, with '_' for '-'. */
const char *overrule_word(enum overrule cause);

#define OVERRULE_TEXT_MAX 256

/* The causes in words, with commas: "enforce is no, enforce-from is 2027-...". */
void overrule_describe(unsigned causes, const struct tenant *t, struct text *out);

/* What the setting KEY of S lets pass, in words: "enforce" no, "action" report. Or NULL
 */
const char *overrule_lax(const struct settings *s, const char *key);

/* The same of whichever was not so BEFORE. */
const char *overrule_laxer(const struct settings *before, const struct settings *now);
