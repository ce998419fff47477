/* SPDX-License-Identifier: BSD-2-Clause */
/* mta - the mail server that hands a login over */
#include "policy/identity/mta.h"

#include <stddef.h>

enum mta
mta_from_version(const char *v)
{
	if (v == NULL || *v == '\0')
		return MTA_AUTO;
	return *v >= '0' && *v <= '9' ? MTA_SENDMAIL : MTA_POSTFIX;
}
