#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The examples of smtpauthctl(8) and smtpauth-settings(5): typed as they stand, they
print what the pages show, apart from numbers and digests."""

import calendar
import os
import re
import subprocess
import time
import unittest

import harness
from fake_clock import CC, FakeClock

STATE, BACKUP = '/var/lib/smtpauth-milter', '/var/backups/smtpauth'
WRITTEN = calendar.timegm((2026, 11, 23, 20, 15, 25))   # when the pages were


def blocks(page, section):
    """The blocks of literal text in a section of a page."""
    with open(os.path.join(harness.ROOT, 'policy', page), encoding='utf-8') as f:
        text = re.search(r'(?ms)^\.S[hs] %s$(.*?)(?=^\.S[hs] )' % section,
                         f.read()).group(1)
    return [block.replace('\\e\n', '') for block in
            re.findall(r'(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed', text)]


def dialogue(block):
    """Pairs of a typed line and what is printed after it."""
    return re.findall(r'(?m)^# (.*)\n((?:(?!# ).*\n)*)', block)


def masked(text):
    """What is the same at each run: no digests, numbers and widths of columns."""
    text = re.sub(r'\b[0-9a-f]{64}\b|\b[0-9a-f]{8}\.\.\.', 'DIGEST', text)
    return re.sub(' +', ' ', re.sub(r'\d+', 'N', text))


class Examples(harness.Case):

    def type(self, line):
        """One line of the page in a shell; the folders are ours."""
        line = re.sub('^smtpauthctl', '%s -c %s' % (harness.CTL, self.conf), line)
        run = subprocess.run(
            ['sh', '-c', line.replace(BACKUP, self.backup)], cwd=self.tmp,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding='utf-8',
            stderr=subprocess.STDOUT, env={**harness.ENV, **self.clock.env})
        return run.stdout.replace(self.dir, STATE).replace(self.backup, BACKUP)

    def shows(self, block, mask=masked):
        for line, printed in dialogue(block):
            self.assertEqual(mask(self.type(line)), mask(printed), line)

    @unittest.skipIf(CC is None, 'no compiler')
    def test_smtpauthctl(self):
        self.clock = FakeClock(self.tmp)
        self.clock.set(WRITTEN - int(time.time()))
        self.conf = os.path.join(self.tmp, 'conf')
        self.backup = os.path.join(self.tmp, 'backup')
        with open(self.conf, 'w', encoding='utf-8') as f:
            f.write('state-dir = %s\n' % self.dir)
        *commands, status, backup, _ = blocks('smtpauthctl.8', 'EXAMPLES')
        self.assertEqual(len(commands), 4)
        for block in commands:
            self.shows(block, str)
        with harness.Daemon(self) as daemon:
            self.clock.set(0)
            harness.wait_for(lambda: 'the verified policy' in self.ctl(
                'status', rc=(0, 3)).out, what='heartbeat')
            self.assertEqual(
                masked(self.type('smtpauthctl status')).replace(
                    masked(daemon.socket), 'inet:N@N.N.N.N'), masked(status)
                .partition('\n')[2])
        made, restore = backup.split('# smtpauthctl restore')
        self.shows(made)
        self.ctl('mailbox remove printer@acme.example')
        self.shows('# smtpauthctl restore' + restore)

    def test_settings(self):
        block = blocks('smtpauth-settings.5', 'JSON Lines')[0]
        lines = block.replace('\n ', '')
        self.assertEqual(lines.count('\n'), 5)
        result = self.ctl('import -', stdin=lines)
        self.assertEqual(result.out, '6 created, 0 changed, 0 removed\n')


if __name__ == '__main__':
    harness.main()
