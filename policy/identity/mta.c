/* SPDX-License-Identifier: BSD-2-Clause */
/* mta - the mail server that passes a login */
#include "policy/identity/mta.h"

#include <stddef.h>
#include <string.h>

enum mta
mta_from_version(const char *v)
{
	if (v == NULL || *v == '\0')
		return MTA_AUTO;
	return *v >= '0' && *v <= '9' ? MTA_SENDMAIL : MTA_POSTFIX;
}

const char *
mta_probe_version(enum mta mta)
{
	return mta == MTA_SENDMAIL ? "8 doctor" : "Postfix doctor";
}

bool
mta_is_probe(const char *v)
{
	return strcmp(v, mta_probe_version(MTA_POSTFIX)) == 0 ||
	    strcmp(v, mta_probe_version(MTA_SENDMAIL)) == 0;
}
