dnl SPDX-License-Identifier: BSD-2-Clause
dnl Instead of smtpauth.m4: ask smtpauth-milter on the submission listeners only. Port 25 goes on while the milter is away.
dnl R is above the 10 seconds that a decision may take while a freshly started milter verifies its database.
dnl Another address: define confSMTPAUTH_SOCKET before this file is included.
ifdef(`confSMTPAUTH_SOCKET', `dnl', `define(`confSMTPAUTH_SOCKET', `inet:8899@127.0.0.1')dnl')
MAIL_FILTER(`smtpauth', `S='confSMTPAUTH_SOCKET`, F=T, T=C:3s;S:5s;R:15s;E:30s')dnl
dnl
dnl A listener with InputMailFilters asks these filters and no others, in this order, with ; between them: name the site's
dnl own after smtpauth. A listener without it asks those of INPUT_MAIL_FILTER.
dnl M: E no ETRN, a AUTH is required, s TLS from the first byte. A: no AUTH on port 25, which does not ask the milter.
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Port=smtp, Name=MTA, M=A')dnl
DAEMON_OPTIONS(`Port=submission, Name=MSA, M=Ea, InputMailFilters=smtpauth')dnl
DAEMON_OPTIONS(`Port=submissions, Name=TLSMSA, M=Eas, InputMailFilters=smtpauth')dnl
