dnl SPDX-License-Identifier: BSD-2-Clause
dnl What smtpauth-milter adds to sendmail.mc: ask it at every MAIL of every listener, defer mail while it cannot be asked.
dnl R is above the 10 seconds that a decision may take while a freshly started milter verifies its database.
dnl Another address: define confSMTPAUTH_SOCKET before this file is included.
ifdef(`confSMTPAUTH_SOCKET', `dnl', `define(`confSMTPAUTH_SOCKET', `inet:8899@127.0.0.1')dnl')
INPUT_MAIL_FILTER(`smtpauth', `S='confSMTPAUTH_SOCKET`, F=T, T=C:3s;S:5s;R:15s;E:30s')dnl
