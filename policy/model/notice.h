/* SPDX-License-Identifier: BSD-2-Clause */
/* notice - a message to a tenant's contact, as a struct and as a stored record */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/model/tenant.h"

/* Recorded as SENDING before anything is sent; whoever finds that knows no more. */
enum notice_state { NOTICE_SENDING, NOTICE_SENT, NOTICE_FAILED };

struct notice {
	enum notice_state state;
	instant when;                         /* of the state */
	instant enforce_from, tempfail_until; /* the plan it tells of */
	char address[CONTACT_MAX + 1];
};

/* Whether the tenant will be switched off at a time that is still to come. */
bool notice_is_due(const struct tenant *t, instant now);

/* Whether the notice tells of the plan that the tenant has now. */
bool notice_is_of(const struct notice *n, const struct tenant *t);

void notice_encode(const struct notice *n, struct record_writer *w);

/* Decodes a record. ERR_DAMAGED or ERR_NEWER where it is not one of ours. */
enum error notice_decode(struct bytes from, struct notice *out_r) MUST_USE;
