/* SPDX-License-Identifier: BSD-2-Clause */
/* row - what one line of an import file says */
#include "policy/row.h"

enum error
row_check_mailbox(const struct row *row, struct error_text *why)
{
	const struct mailbox *m = &row->mailbox;

	if (m->clients.count > 0 && m->smtp_auth != SMTP_AUTH_ENABLED)
		return error_set(why, ERR_DATA,
		    "clients go with smtp_auth enabled only, not %s",
		    smtp_auth_name(m->smtp_auth));
	if (m->until != INSTANT_NONE && m->smtp_auth == SMTP_AUTH_INHERIT)
		return error_set(why, ERR_DATA,
		    "until goes with smtp_auth enabled or disabled, not inherit");
	return OK;
}
