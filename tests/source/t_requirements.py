#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""REQUIREMENTS.md and SECURITY.md name tests: all of them exist, and each
promise has some."""

import os
import re
import unittest

import harness

PAGE = os.path.join(harness.ROOT, 'REQUIREMENTS.md')
SECURITY = os.path.join(harness.ROOT, 'SECURITY.md')
MANUAL = os.path.join(harness.ROOT, 'milter', 'smtpauth-milter.8')
FOLDERS = ['tests/' + f for f in
           ('unit', 'daemon', 'cli', 'system', 'source', 'faults', 'fuzz')]


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def source(name):
    """The text of a test program, or None."""
    for folder in FOLDERS:
        for ending in '.c', '.py', '.sh':
            path = os.path.join(harness.ROOT, folder, name + ending)
            if os.path.exists(path):
                return read(path)
    return None


def named(text):
    """Pairs of a program and one of its tests, or None for all of it."""
    for quoted in re.findall(r'`((?:check|t|fuzz)_[^`]*)`', text):
        program, _, tests = ' '.join(quoted.split()).partition(':')
        for test in tests.split(',') if tests else [None]:
            yield program, test and test.strip()


class Requirements(unittest.TestCase):

    def setUp(self):
        self.promises, self.limits = read(PAGE).split('## 7.')

    def test_tests_exist(self):
        count = 0
        for program, test in named(self.promises + self.limits
                                   + read(SECURITY)):
            text = source(program)
            self.assertIsNotNone(text, program)
            if test:
                self.assertRegex(text, r'(START_TEST\(|def )%s\b' % test)
            count += 1
        self.assertGreater(count, 60)

    def test_security_names_some(self):
        self.assertTrue(list(named(read(SECURITY))))

    def test_the_promise_of_two_seconds(self):
        for path in PAGE, SECURITY, MANUAL:
            text = re.sub(r'\s+', ' ', read(path))
            self.assertIn('What is written into the live file from outside is '
                          'noticed within 2 seconds, and from then on nothing '
                          'is decided until a scan holds', text, path)
            self.assertIn('check_live_store_storm: files_overwritten_in_place',
                          text, path)

    def test_each_promise_names_some(self):
        parts = re.split(r'^(\d\.\d+) ', self.promises, flags=re.M)
        self.assertGreater(len(parts), 40)
        for number, text in zip(parts[1::2], parts[2::2]):
            self.assertTrue(list(named(text)), number)


if __name__ == '__main__':
    harness.main()
