/* SPDX-License-Identifier: BSD-2-Clause */
/* mta - the mail server that passes a login */
#pragma once

#include <stdbool.h>

/* The MTA that passes the login; it decides the encoding. */
enum mta { MTA_AUTO, MTA_POSTFIX, MTA_SENDMAIL };

/*
 * Which MTA sends "v" as macro `v`: a leading digit is Sendmail, anything else
 * Postfix, whose mail_name can be changed. MTA_AUTO for NULL or "": unknown.
 */
enum mta mta_from_version(const char *v);

/* The macro `v` that a probe of the milter sends in the place of an MTA. */
const char *mta_probe_version(enum mta mta);
bool mta_is_probe(const char *v);
