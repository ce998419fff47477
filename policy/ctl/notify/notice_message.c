/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_message - the message to a tenant's contact, and the notice of it */
#include "policy/ctl/notify/notice_message.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/read_file.h"

enum error
notice_message_template(
    struct notice_template **template_r, const char *path, struct error_text *why)
{
	char *text = malloc(NOTICE_TEMPLATE_BYTES_MAX + 1);
	size_t len;
	enum error e;

	*template_r = NULL;
	if (text == NULL)
		return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	e = read_file(path, text, NOTICE_TEMPLATE_BYTES_MAX + 1, &len, NULL, why);
	if (e == OK)
		e = notice_template_parse(template_r, text, len, path, why);
	free(text);
	return e;
}

/* time_text - in words where there is none */
static const char *
time_text(instant t, char *buf, const char *none)
{
	return t != INSTANT_NONE ? instant_print_words(t, buf) : none;
}

static enum error
compose(struct notice_message *message, const struct notice_template *t,
    const struct notice_plan *p, const char *url, struct error_text *why)
{
	char from[INSTANT_WORDS_MAX], until[INSTANT_WORDS_MAX];
	struct notice_template_values values = {.to = message->address,
	    .mailbox = (const char *const *)p->mailbox,
	    .mailboxes = p->mailboxes,
	    .more = p->more,
	    .text = {[NOTICE_TEMPLATE_TENANT] = p->tenant,
		[NOTICE_TEMPLATE_ENFORCE_FROM] =
		    time_text(p->enforce_from, from, "at once"),
		[NOTICE_TEMPLATE_TEMPFAIL_UNTIL] =
		    time_text(p->tempfail_until, until, "not at all"),
		[NOTICE_TEMPLATE_URL] = url}};
	FILE *to = open_memstream(&message->text, &message->len);
	enum error e;

	if (to == NULL)
		return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	e = notice_template_print(t, &values, to, why);
	if ((fclose(to) != 0 || message->text == NULL) && e == OK)
		e = error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	return e;
}

enum error
notice_message_write(struct notice_message *message, const struct notice_template *t,
    const struct notice_plan *p, const char *url, struct error_text *why)
{
	notice_message_free(message);
	message->notice = (struct notice){
	    .enforce_from = p->enforce_from, .tempfail_until = p->tempfail_until};
	if (!contact_to_ascii(p->contact, message->address))
		return error_set(
		    why, ERR_DATA, "the contact is not a plain mail address");
	memcpy(message->notice.address, p->contact, strlen(p->contact) + 1);
	return compose(message, t, p, url, why);
}

void
notice_message_free(struct notice_message *message)
{
	free(message->text);
	message->text = NULL;
	message->len = 0;
}
