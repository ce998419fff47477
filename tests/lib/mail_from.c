/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_from.c - one authenticated MAIL FROM as an MTA tells it, and what must follow */
#include "tests/lib/mail_from.h"

#include "tests/lib/deadline.h"
#include "tests/lib/log_line.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ID_SIZE = 64, EXPLANATION_SIZE = 8192, LINE_LIMIT = 2000 };

static char explanation[EXPLANATION_SIZE];

struct mail_from
mail_from_by(const char *login)
{
	struct mail_from mail = {
	    .version = "Postfix 3.7.11",
	    .listener = "ORIGINATING",
	    .client = "192.0.2.10",
	    .login = login,
	    .mechanism = login != NULL ? "PLAIN" : NULL,
	    .sender = "<sender@example.test>",
	};

	return mail;
}

struct mail_from
mail_from_by_sendmail(const char *login)
{
	struct mail_from mail = mail_from_by(login);

	mail.version = "8.17.1.9/8.17.1.9/Debian-2";
	mail.listener = "MSA";
	/* Sendmail sends the macros of AUTH empty when there was none. */
	if (login == NULL) {
		mail.login = "";
		mail.mechanism = "";
	}
	return mail;
}

/* macros_tell - sends those macros of a submission that were asked for at a stage */
static bool
macros_tell(struct mta *mta, enum mta_stage stage, const struct mail_from *mail)
{
	const char *pairs[] = {"j", "mx.example.test", "v", "", "{daemon_name}", "",
	    "{client_addr}", "", "{auth_authen}", "", "{auth_type}", "",
	    "{auth_author}", "", "{mail_addr}", "", NULL};

	pairs[3] = mail->version;
	pairs[5] = mail->listener;
	pairs[7] = mail->client;
	/* Nobody has authenticated before the session's first MAIL. */
	pairs[9] = stage == MTA_AT_MAIL ? mail->login : NULL;
	pairs[11] = stage == MTA_AT_MAIL ? mail->mechanism : NULL;
	pairs[13] = stage == MTA_AT_MAIL ? mail->author : NULL;
	pairs[15] = stage == MTA_AT_MAIL ? mail->sender : NULL;
	return mta_stage_macros(mta, stage, pairs);
}

struct mta *
mail_from_connect(const struct instance *instance, const struct mail_from *mail)
{
	struct mta *mta = mta_open(instance->socket);
	struct mta_reply reply;

	ck_assert_msg(mta != NULL, "no connection to %s", instance->socket);
	ck_assert(mta_negotiate(mta));
	ck_assert(macros_tell(mta, MTA_AT_CONNECT, mail));
	reply = mta_connect(mta, "client.example.test", "192.0.2.10");
	ck_assert_int_eq(reply.kind, MTA_CONTINUE);
	ck_assert(macros_tell(mta, MTA_AT_HELO, mail));
	reply = mta_helo(mta, "client.example.test");
	ck_assert_int_eq(reply.kind, MTA_CONTINUE);
	return mta;
}

struct mta_reply
mail_from_ask(struct mta *mta, const struct mail_from *mail)
{
	struct mta_reply reply = {.kind = MTA_CLOSED};

	if (!macros_tell(mta, MTA_AT_MAIL, mail))
		return reply;
	reply = mta_mail(mta, mail->sender != NULL ? mail->sender : "<>");
	mta_abort(mta);
	return reply;
}

struct mta_reply
mail_from_send(const struct instance *instance, const struct mail_from *mail)
{
	struct mta *mta = mail_from_connect(instance, mail);
	struct mta_reply reply = mail_from_ask(mta, mail);

	mta_quit(mta);
	mta_close(&mta);
	return reply;
}

struct mta_reply
mail_from_send_by(const struct instance *instance, const char *login)
{
	struct mail_from mail = mail_from_by(login);

	return mail_from_send(instance, &mail);
}

/* explain - writes an explanation */
static const char *__attribute__((format(printf, 1, 2)))
explain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(explanation, sizeof(explanation), format, arguments);
	va_end(arguments);
	return explanation;
}

const char *
reply_not_accept(const struct mta_reply *reply)
{
	if (reply->kind == MTA_ACCEPT)
		return NULL;
	return explain(
	    "wanted accept, got %s %s", mta_kind_name(reply->kind), reply->text);
}

/* text_printable - says whether a reply is one line of printable ASCII */
static bool
text_printable(const struct mta_reply *reply)
{
	size_t i;

	for (i = 0; i < reply->size; i++) {
		if (reply->text[i] < ' ' || reply->text[i] > '~')
			return false;
	}
	return true;
}

void
reply_id(const struct mta_reply *reply, char *id, size_t size)
{
	const char *open = strrchr(reply->text, '[');
	size_t length = open != NULL ? strcspn(open + 1, "]") : 0;

	*id = '\0';
	if (length == 0 || length >= size || strcmp(open + 1 + length, "]") != 0)
		return;
	memcpy(id, open + 1, length);
	id[length] = '\0';
}

const char *
reply_not_denial(const struct mta_reply *reply, const char *text)
{
	size_t length = strlen(text);
	char id[ID_SIZE];

	reply_id(reply, id, sizeof(id));
	if (reply->kind != MTA_REPLY || strncmp(reply->text, text, length) != 0)
		return explain("wanted \"%s\", got %s \"%s\"", text,
		    mta_kind_name(reply->kind), reply->text);
	if (!text_printable(reply))
		return explain("not printable ASCII: \"%s\"", reply->text);
	if (*id == '\0' || strspn(id, "-_.:") == strlen(id))
		return explain("no id at the end of \"%s\"", reply->text);
	if (strncmp(reply->text + length, " [", 2) != 0 ||
	    reply->size != length + strlen(id) + 3)
		return explain(
		    "more than an id after \"%s\": \"%s\"", text, reply->text);
	return NULL;
}

const char *
log_not_denial(const struct instance *instance, const struct mta_reply *reply,
    const char *verdict, const char *reason)
{
	char line[LOG_LINE_SIZE], id[ID_SIZE];

	reply_id(reply, id, sizeof(id));
	if (!log_line_find(instance, "id", id, line, sizeof(line)))
		return explain("no line with id=%s in %s", id, instance->log);
	if (!log_line_says(line, "verdict", verdict) ||
	    !log_line_says(line, "reason", reason))
		return explain("wanted %s, %s, got: %.4000s", verdict, reason, line);
	return NULL;
}

const char *
log_not_decision(const struct instance *instance, const char *login,
    const char *verdict, const char *reason)
{
	int64_t deadline = deadline_in(LINE_LIMIT);
	char line[LOG_LINE_SIZE];

	/* The last line may still be that of an earlier decision. */
	do {
		if (!log_line_find(instance, "login", login, line, sizeof(line)))
			return explain(
			    "no line with login=%s in %s", login, instance->log);
		if (log_line_says(line, "verdict", verdict) &&
		    log_line_says(line, "reason", reason))
			return NULL;
	} while (deadline_pause(deadline));
	return explain("wanted %s, %s, got: %.4000s", verdict, reason, line);
}
