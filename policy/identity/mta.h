/* SPDX-License-Identifier: BSD-2-Clause */
/* mta - the mail server that hands a login over */
#ifndef POLICY_IDENTITY_MTA_H
#define POLICY_IDENTITY_MTA_H

/* Which MTA handed the login over; it decides the encoding. */
enum mta { MTA_AUTO, MTA_POSTFIX, MTA_SENDMAIL };

/*
 * Which MTA sends "v" as macro `v`: a leading digit is Sendmail, anything else
 * Postfix, whose mail_name can be changed. MTA_AUTO for NULL or "": unknown.
 */
enum mta mta_from_version(const char *v);

#endif
