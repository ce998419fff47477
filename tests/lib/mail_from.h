/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_from.h - one authenticated MAIL FROM as an MTA tells it, and what must follow */
#pragma once

#include "tests/lib/instance.h"
#include "tests/lib/mta.h"

/* The macros of a mail; NULL leaves one out. */
struct mail_from {
	const char *version;   /* v */
	const char *listener;  /* {daemon_name} */
	const char *client;    /* {client_addr} */
	const char *login;     /* {auth_authen} */
	const char *mechanism; /* {auth_type} */
	const char *author;    /* {auth_author} */
	const char *sender;    /* {mail_addr} and the argument of MAIL FROM */
};

/* A submission by `login` through Postfix, with PLAIN, from 192.0.2.10. */
struct mail_from mail_from_by(const char *login);

/* The same as Sendmail tells it; `login` is xtext already. */
struct mail_from mail_from_by_sendmail(const char *login);

/* Connects to the instance's milter, negotiates, and tells what an MTA tells before
 * MAIL. Fails the test when the milter is not there. mta_close() ends it. */
struct mta *mail_from_connect(
    const struct instance *instance, const struct mail_from *mail);

/* Sends the macros of MAIL, and MAIL, and takes the message back (ABORT). */
struct mta_reply mail_from_ask(struct mta *mta, const struct mail_from *mail);

/* Both, on a connection that ends with it. */
struct mta_reply mail_from_send(
    const struct instance *instance, const struct mail_from *mail);

/* Asks with mail_from_by(login). */
struct mta_reply mail_from_send_by(const struct instance *instance, const char *login);

/* Why a reply is not one that lets the mail pass (the string is good until the next
 * call), or NULL when it is. */
const char *reply_not_accept(const struct mta_reply *reply);

/* Why a reply is not the wanted denial, or NULL when it is: `text` and then an id in
 * brackets, on one line of printable ASCII. */
const char *reply_not_denial(const struct mta_reply *reply, const char *text);

/* Copies the id of a denial to `id`, or the empty string when there is none. */
void reply_id(const struct mta_reply *reply, char *id, size_t size);

/* Why the log has no line for this denial with this verdict and reason, or NULL. */
const char *log_not_denial(const struct instance *instance,
    const struct mta_reply *reply, const char *verdict, const char *reason);

/* Why the last line of the log for `login` has not this verdict and reason, or NULL. */
const char *log_not_decision(const struct instance *instance, const char *login,
    const char *verdict, const char *reason);

/* Fails the test with the explanation, when there is one. */
#define expect_nothing_wrong(explanation) \
	do { \
		const char *wrong = (explanation); \
		ck_assert_msg(wrong == NULL, "%s", wrong); \
	} while (0)

/* The mail passes, and the log says why. */
#define expect_pass(instance, login, verdict, reason) \
	do { \
		struct mta_reply passed = mail_from_send_by(instance, login); \
		expect_nothing_wrong(reply_not_accept(&passed)); \
		expect_nothing_wrong( \
		    log_not_decision(instance, login, verdict, reason)); \
	} while (0)

/* The mail is denied with these words, and the log says why, under the reply's id. */
#define expect_denial(instance, login, text, verdict, reason) \
	do { \
		struct mta_reply denied = mail_from_send_by(instance, login); \
		expect_nothing_wrong(reply_not_denial(&denied, text)); \
		expect_nothing_wrong( \
		    log_not_denial(instance, &denied, verdict, reason)); \
	} while (0)

/* The same two for a struct mail_from. */
#define expect_mail_from_pass(instance, mail) \
	do { \
		struct mta_reply passed = mail_from_send(instance, mail); \
		expect_nothing_wrong(reply_not_accept(&passed)); \
	} while (0)

#define expect_mail_from_denial(instance, mail, text, verdict, reason) \
	do { \
		struct mta_reply denied = mail_from_send(instance, mail); \
		expect_nothing_wrong(reply_not_denial(&denied, text)); \
		expect_nothing_wrong( \
		    log_not_denial(instance, &denied, verdict, reason)); \
	} while (0)
