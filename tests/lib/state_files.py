# SPDX-License-Identifier: BSD-2-Clause
"""Tests that look at the files of the state folder."""

import os
import stat

import harness

# A command of every kind: all need a database.
EVERY_KIND = ['status', 'verify', 'settings show', 'settings set enforce no',
              'tenant list', 'tenant add acme', 'tenant show acme',
              'domain list', 'domain add acme a.test', 'mailbox list',
              'mailbox set u@a.test --smtp-auth enabled',
              'mailbox show u@a.test', 'mailbox alias list',
              'mailbox alias add u@a.test jdoe', 'check u@a.test']


class Files(harness.Case):
    """Cases that look at the state folder itself."""

    def path(self, name='policy.mdb'):
        return os.path.join(self.dir, name)

    def mode(self, name):
        return oct(stat.S_IMODE(os.stat(self.path(name)).st_mode))

    def fails(self, command, rc, *words, **options):
        """Like refused, where there is no policy to compare."""
        result = self.ctl(command, rc=rc, **options)
        self.assertEqual(result.out, '', str(result))
        self.assertEqual(len(result.err.splitlines()), 1, str(result))
        self.assertTrue(result.err.startswith('smtpauthctl: '), str(result))
        for word in words:
            self.assertIn(word, result.err)
        return result
