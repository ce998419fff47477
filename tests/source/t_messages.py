#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The messages that the man pages explain are those of the programs."""

import os
import re
import unittest

import harness

# The pages, and how many messages each has at the least.
PAGES = {'policy/smtpauthctl.8': 25, 'milter/smtpauth-milter.8': 25,
         'milter/auth/smtpauth-authd.8': 8, 'milter/auth/pam_smtpauth.8': 15}
# Of libc; and one with a plural.
ELSEWHERE = {'No such file or directory', 'Permission denied',
             'Connection refused', 'log lines were lost'}
# What stands for something else on the page.
OPEN = r'\b[A-Z]+(?::LINE)?\b|\.\.\.|/policy\.\w+|\d+|"|: '


def read(path):
    with open(os.path.join(harness.ROOT, path), encoding='utf-8') as f:
        return f.read()


def sources():
    """The text of the product, in which no string is broken in two."""
    text = ''
    for top in 'policy', 'milter':
        for folder, _, names in os.walk(os.path.join(harness.ROOT, top)):
            for name in names:
                if name.endswith(('.c', '.h')):
                    text += read(os.path.join(folder, name))
    text = text.replace('" AUTHD "', 'authd')       # the name of a section
    return re.sub(r'"\s*\n\s*"', '', text).replace('\\"', '"')


def explained(page):
    """What is the same in each message of the section."""
    section = read(page).split('.Sh DIAGNOSTICS')[1].split('.Sh ')[0]
    for item in re.findall(r'(?m)^\.It (.*)$', section):
        plain = item.replace('\\(dq', '"').replace('\\&', '')
        plain = re.sub('^warning: ', '', plain)
        for part in re.split(OPEN, plain):
            part = part.strip(' :,;')
            if len(part) > 5 and part not in ELSEWHERE:
                yield part


class Messages(unittest.TestCase):

    def test_programs_have_them(self):
        text = sources()
        for page, least in PAGES.items():
            parts = list(explained(page))
            self.assertGreater(len(parts), least)
            self.assertEqual([part for part in parts if part not in text], [],
                             page)


if __name__ == '__main__':
    harness.main()
