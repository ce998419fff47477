#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rule as one would write it with pymilter: rule_pymilter.py SOCKET FILE,
where the first word of each line of FILE is a login that may submit."""

import sys

import Milter

ALLOWED = set()


class Rule(Milter.Base):

    @Milter.noreply
    def connect(self, name, family, address):
        return Milter.CONTINUE

    def envfrom(self, sender, *_):
        login = self.getsymval('{auth_authen}')
        if not login or login.lower() in ALLOWED:
            return Milter.ACCEPT
        self.setreply('550', '5.7.1', 'SMTP AUTH is disabled')
        return Milter.REJECT


def main():
    where, path = sys.argv[1:]
    with open(path) as f:
        ALLOWED.update(line.split()[0] for line in f)
    Milter.factory = Rule
    Milter.set_flags(0)
    Milter.runmilter('rule', where, 60)


main()
