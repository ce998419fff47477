/* SPDX-License-Identifier: BSD-2-Clause */
/* override - why a mailbox's own setting did or did not apply, in words */
#include "policy/decision/override.h"

#include <stdio.h>

const char *
override_text(enum override override, enum smtp_auth setting, instant until,
    const char *client, char *buf)
{
	const char *name = word_of_smtp_auth(setting);
	char when[INSTANT_TEXT_MAX] = "";

	if (until != INSTANT_NONE)
		instant_print(until, when);
	buf[0] = '\0';
	switch (override) {
	case OVERRIDE_NONE:
		break;
	case OVERRIDE_HELD:
		snprintf(buf, OVERRIDE_TEXT_MAX, "%s%s%s", name,
		    when[0] != '\0' ? " until " : "", when);
		break;
	case OVERRIDE_EXPIRED:
		snprintf(buf, OVERRIDE_TEXT_MAX, "%s, but expired at %s", name, when);
		break;
	case OVERRIDE_OTHER_CLIENT:
		snprintf(buf, OVERRIDE_TEXT_MAX, "%s, but not for client %.60s", name,
		    client[0] != '\0' ? client : "(unknown)");
		break;
	}
	return buf;
}

const char *
override_name(enum override o)
{
	static const char *const names[] = {"", "held", "expired", "other-client"};

	return names[o];
}
