divert(-1)
SPDX-License-Identifier: BSD-2-Clause
What smtpauth-milter adds to sendmail.mc: ask it at every MAIL, defer mail while it cannot be asked.
R is above the 10 seconds that a decision may take while a freshly started milter verifies its database.
divert(0)dnl
INPUT_MAIL_FILTER(`smtpauth', `S=inet:8899@127.0.0.1, F=T, T=C:3s;S:5s;R:15s;E:30s')dnl
