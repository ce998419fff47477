dnl SPDX-License-Identifier: BSD-2-Clause
dnl After submission.m4: a listener of its own for webmail on this machine, exempt by its name:
dnl   smtpauthctl settings add exempt-listeners WEBMAIL
dnl After smtpauth.m4 leave InputMailFilters out.
DAEMON_OPTIONS(`Port=10587, Addr=127.0.0.1, Name=WEBMAIL, M=Ea, InputMailFilters=smtpauth')dnl
