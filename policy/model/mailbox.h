/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - a mailbox's own setting, as a struct and as a stored record */
#pragma once

#include <stdbool.h>

#include "policy/base/cidr.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/model/tenant.h"

struct mailbox {
	enum smtp_auth smtp_auth;
	instant until;            /* then as if inherit; INSTANT_NONE: for good */
	struct cidr_list clients; /* an `enabled` holds only from there; empty: all */
	char note[NOTE_MAX + 1];
};

/* A mailbox without any setting of its own. */
void mailbox_init(struct mailbox *m);

/*
 * Sets smtp-auth as of NOW. Where that changes it, until and clients go: they were
 * those of the setting before. A time that has come goes in any case.
 */
void mailbox_set_smtp_auth(struct mailbox *m, enum smtp_auth smtp_auth, instant now);

/* Whether nothing is set, so that no record needs to be kept. */
bool mailbox_is_empty(const struct mailbox *m);

/* Whether the mailbox has its own smtp-auth setting and it has not expired. */
bool mailbox_overrides(const struct mailbox *m, instant now);

void mailbox_encode(const struct mailbox *m, struct record_writer *w);
enum error mailbox_decode(struct bytes from, struct mailbox *out_r) MUST_USE;
