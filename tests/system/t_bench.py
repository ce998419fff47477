#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmarks work: a short try of every part gives all its rows, with
figures that can be.  Nothing is said of how good they are."""

import os
import re
import subprocess
import sys
import unittest

import harness
import postfix_rig

RUN = os.path.join(harness.ROOT, 'tests', 'bench', 'run.py')
NUMBER = re.compile(r'-?\d+(\.\d+)?')
ROWS = {'protocol': 12, 'decision': 1, 'usage': 1, 'size': 3, 'write': 2}


class Bench(unittest.TestCase):

    def rows(self, part):
        """The cells of every row but the heads."""
        out = subprocess.run(
            [sys.executable, RUN, '--quick', '--rounds', '1', part],
            check=True, stdout=subprocess.PIPE, text=True,
            timeout=20 * harness.TIMEOUT).stdout
        lines = [line for line in out.splitlines() if line.startswith('|')]
        heads = [i for i, line in enumerate(lines) if '| ---' in line]
        return [[cell.strip() for cell in line.strip('|').split('|')]
                for i, line in enumerate(lines)
                if i not in heads and i + 1 not in heads]

    def check(self, part, rows):
        found = self.rows(part)
        self.assertEqual(len(found), rows, found)
        for row in found:
            self.assertRegex(row[-1], NUMBER, row)

    def test_protocol(self):
        self.check('protocol', ROWS['protocol'])

    def test_decision(self):
        self.check('decision', ROWS['decision'])

    def test_usage(self):
        self.check('usage', ROWS['usage'])

    def test_size(self):
        self.check('size', ROWS['size'])

    def test_write(self):
        self.check('write', ROWS['write'])

    def test_postfix(self):
        missing = postfix_rig.missing()
        if missing:
            self.skipTest(missing)
        names = [row[0] for row in self.rows('postfix')]
        for name in ('no milter', 'no-op, tcp', 'ours, tcp', 'no-op, unix',
                     'ours, unix', 'check_sasl_access lmdb:'):
            self.assertIn(name, names)


if __name__ == '__main__':
    harness.main()
