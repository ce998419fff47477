# SPDX-License-Identifier: BSD-2-Clause
"""A policy to be backed up, and one to be restored."""

import os
import subprocess

from state_files import Files


class Backup(Files):

    given = ('init',
             'tenant add acme --domain a.test --smtp-auth disabled',
             'mailbox set printer@a.test --smtp-auth enabled',
             'mailbox alias add printer@a.test printer')

    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.tmp, 'backup')
        self.first = self.digest()

    def file(self, name='policy.mdb'):
        return os.path.join(self.out, name)

    def later(self):
        """Something to undo."""
        self.ctl('mailbox set printer@a.test --smtp-auth disabled')
        self.ctl('mailbox set new@a.test --smtp-auth enabled')
        self.second = self.digest()

    def mount(self, *args):
        r = subprocess.run(['mount', *args], stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no mount here: ' + r.stderr.decode().strip())
        self.addCleanup(subprocess.run, ['umount', args[-1]], check=True)

    def fill(self, rows):
        """Some more records."""
        for n in range(rows):
            self.ctl('mailbox set u%d@a.test --smtp-auth enabled --note %s' % (
                n, 'x' * 200))


class Restored(Backup):
    """With a backup, and something that was changed since."""

    def setUp(self):
        super().setUp()
        self.ctl('backup ' + self.out)
        self.later()
