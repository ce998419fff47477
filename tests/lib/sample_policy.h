/* SPDX-License-Identifier: BSD-2-Clause */
/* sample_policy.h - the policy most milter tests start from, and the milter's own
 * words. */
#pragma once

#include "tests/lib/instance.h"
#include "tests/lib/mail_from.h"

#include <stdbool.h>
#include <stddef.h>

/* What the replies say, up to the tenant or mailbox. */
#define WORDS_DISABLED "550 5.7.1 SMTP AUTH is disabled for "
#define WORDS_DISABLED_FOR_NOW "450 4.7.1 SMTP AUTH is disabled for "
#define WORDS_LOCKED "550 5.7.1 SMTP AUTH is locked for "
#define WORDS_OTHER "550 5.7.1 SMTP AUTH login not accepted"
#define WORDS_OTHER_FOR_NOW "450 4.7.1 SMTP AUTH login not accepted"
#define WORDS_STORE_ERROR "451 4.3.0 SMTP AUTH policy temporarily unavailable"
#define WORDS_STORE_ERROR_REJECT "550 5.3.0 SMTP AUTH policy temporarily unavailable"
#define WORDS_SHUT WORDS_DISABLED "tenant shut"

/* The same in Exchange's style. */
#define EXCHANGE_UNSUCCESSFUL "535 5.7.139 Authentication unsuccessful, "
#define EXCHANGE_FOR_NOW "454 4.7.0 Authentication unsuccessful, "
#define EXCHANGE_TENANT "SmtpClientAuthentication is disabled for the Tenant."
#define EXCHANGE_MAILBOX "SmtpClientAuthentication is disabled for the Mailbox."
#define EXCHANGE_LOCKED \
	EXCHANGE_UNSUCCESSFUL "user is locked by your organization's security policy."
#define EXCHANGE_OTHER "535 5.7.3 Authentication unsuccessful"
#define EXCHANGE_OTHER_FOR_NOW "454 4.7.0 Authentication unsuccessful"

/* Makes an instance with tenant "open" (open.test), which may submit, and tenant "shut"
 * (shut.test), which may not. No milter runs yet. */
void sample_policy_open(struct instance *instance);

/* Expects a denial in the standard words, and then in Exchange's. */
void sample_policy_expect_styles(const struct instance *instance, const char *login,
    const char *standard, const char *exchange, const char *verdict,
    const char *reason);

/* Waits until mail of a login passes, or no longer does; returns whether it came so. */
bool sample_policy_await(
    const struct instance *instance, const char *login, bool passes);

/* Writes the time some seconds from now, in slow runs a little later, as RFC 3339. */
void sample_policy_time(char *text, size_t size, int seconds);

/* Expects that mail of tenant shut is denied as such. */
#define expect_shut(instance, login) \
	expect_denial(instance, login, WORDS_SHUT, "reject", "tenant-disabled")
#define expect_mail_from_shut(instance, mail) \
	expect_mail_from_denial(instance, mail, WORDS_SHUT, "reject", "tenant-disabled")
