/* SPDX-License-Identifier: BSD-2-Clause */
/* milter_answers.h - what a filter that denies every login may answer to some bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets, up to the first that is none or that is not complete. */
struct milter_questions {
	size_t negotiations;
	size_t mails;
	size_t open;   /* mails that may be those of nobody */
	size_t others; /* that may be answered by "continue" */
};

/*
 * Counts what was sent. A mail is certainly somebody's when the packet right before it
 * has macros for MAIL, in good form, and {auth_authen} is one of them and not empty. Of
 * others that depends on what libmilter remembers.
 */
struct milter_questions milter_ask(const uint8_t *sent, size_t n);

/*
 * Whether a packet has macros without a value for the last name: libmilter 8.17 reads
 * behind the end of such a list. That is not ours, and such a packet is not sent.
 */
bool milter_is_harmful(const uint8_t *packet, size_t n);

/* Whether there is one among the packets. */
bool milter_is_deadly(const uint8_t *sent, size_t n);

struct milter_answers {
	size_t negotiations, accepted, denied, continued;
};

/*
 * Counts the answers, and expects that each is a whole packet of a kind we have; that
 * no mail of somebody was accepted, and nothing but a mail was denied; that the
 * negotiation declines all but MAIL, and changes nothing; that replies are lines of
 * SMTP.
 */
struct milter_answers milter_expect(
    const uint8_t *answer, size_t n, const struct milter_questions *questions);
