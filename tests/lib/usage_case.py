# SPDX-License-Identifier: BSD-2-Clause
"""Usage databases with given contents."""

import datetime
import json
import os
import subprocess
import time

import harness

DAY = 86400


def text(t, form='%Y-%m-%dT%H:%M:%SZ'):
    when = datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
    return when.strftime(form)


def escaped(name):
    """A login as usage_fill reads it."""
    return ''.join(chr(b) if 0x21 <= b < 0x7f and b != 0x5c else '\\%02x' % b
                   for b in name.encode())


def run_fill(folder, *lines):
    lines = ''.join(line + '\n' for line in lines)
    subprocess.run([harness.USAGE_FILL, folder], input=lines.encode(), check=True,
                   timeout=harness.TIMEOUT)


class Usage(harness.Case):

    def setUp(self):
        super().setUp()
        self.now = int(time.time())
        self.midnight = self.now // DAY * DAY

    def fill(self, *lines, folder=None):
        """Lines for usage_fill; a tuple is LOGIN TIME KIND N ..."""
        words = [line if isinstance(line, str) else
                 ' '.join([escaped(line[0]), *map(str, line[1:])])
                 for line in lines]
        run_fill(folder or self.dir,
                 'node host=here since=%d until=%d' % (
                     self.now - 30 * DAY, self.now), *words)

    def other(self, name, *lines):
        """The usage file of another machine."""
        folder = os.path.join(self.tmp, 'state-' + name)
        file = os.path.join(self.tmp, name + '.usage')
        if not os.path.isdir(folder):
            self.ctl('-d', folder, 'init')
        self.fill('node host=' + name, *lines, folder=folder)
        self.ctl('-d', folder, 'usage', 'export', file)
        return file

    def rows(self, *args):
        # A login may hold what Python takes for the end of a line.
        out = self.ctl('--json', 'usage', 'list', *args).raw
        return [json.loads(line) for line in out.split(b'\n')[:-1]]

    def logins(self, *args):
        return [row['login'] for row in self.rows(*args)]

    def table(self, *args):
        return self.ctl('usage', *args).lines
