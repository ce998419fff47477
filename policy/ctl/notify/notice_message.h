/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_message - the message to a tenant's contact, and the notice of it */
#pragma once

#include "policy/ctl/notify/notice_plan.h"
#include "policy/ctl/notify/notice_template.h"
#include "policy/model/contact.h"

/* Begins as all zero. */
struct notice_message {
	char address[CONTACT_ASCII_MAX]; /* the contact, as ASCII */
	char *text;
	size_t len;
	struct notice notice; /* but for `state` and `when` */
};

/* Reads the template from a file. As notice_template_parse(), and read_file(). */
enum error notice_message_template(struct notice_template **template_r,
    const char *path, struct error_text *why) MUST_USE;

/*
 * Writes the message to the contact of P, in place of what MESSAGE held. ERR_DATA,
 * with the reason in WHY, where there can be none.
 */
enum error notice_message_write(struct notice_message *message,
    const struct notice_template *t, const struct notice_plan *p, const char *url,
    struct error_text *why) MUST_USE;

void notice_message_free(struct notice_message *message);
