#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl init: the first policy is made, a policy that is there is mended,
and one that is gone is not begun anew by accident."""

import os
import shutil
import stat
import subprocess
import unittest

import harness
from state_files import EVERY_KIND
from mta import Mta

DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
ROOT = os.geteuid() == 0
TRACES = 'policy.mdb-lock', 'policy.writers', 'policy.turn', 'usage'
OTHERS = ['import -', 'export', 'backup {tmp}/other', 'audit list',
          'audit verify', 'rollout plan', 'tenant lock acme',
          'mailbox lock alice@acme.test', 'settings unset enforce',
          'Get-TransportConfig', 'exchange', 'rollout status']


class Lost(harness.Case):
    """A policy that denies, a backup of it, and then the file is gone."""

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled')

    def setUp(self):
        super().setUp()
        self.copy = os.path.join(self.tmp, 'backup')
        self.ctl('backup', self.copy)
        self.was = self.digest()
        self.file = os.path.join(self.dir, 'policy.mdb')

    def lose(self, empty=False):
        os.unlink(self.file)
        if empty:
            open(self.file, 'w').close()

    def gone(self):
        """Nothing was made in its place."""
        return not os.path.exists(self.file) or os.path.getsize(self.file) == 0

    def refuses(self):
        r = self.ctl('init', rc=73)
        self.assertEqual(r.out, '')
        self.assertEqual(len(r.err.splitlines()), 1)
        for words in 'smtpauthctl restore', 'init --new-policy':
            self.assertIn(words, r.err)
        self.assertTrue(self.gone())

    @harness.at_length
    def test_whatever_is_typed_nothing_is_begun(self):
        for empty in False, True:
            self.lose(empty)
            for command in EVERY_KIND + OTHERS:
                with self.subTest(command=command, empty=empty):
                    r = self.ctl(command.format(tmp=self.tmp), rc=69)
                    self.assertIn('smtpauthctl restore', r.err)
                    self.assertNotIn('init', r.err)
                    self.assertTrue(self.gone())
            for _ in range(2):
                self.refuses()
            r = self.ctl('doctor', rc=1)
            self.assertIn('-> smtpauthctl restore DIR', r.out)
            self.assertNotIn('-> smtpauthctl init', r.out)
            self.assertTrue(self.gone())
            r = subprocess.run([harness.MILTER, '-t', '-d', self.dir],
                               stdout=subprocess.PIPE, check=True)
            self.assertIn(b'smtpauthctl restore', r.stdout)
            self.ctl('restore', self.copy)
            self.assertEqual(self.digest(), self.was)
            self.ctl('init')
            self.assertEqual(self.digest(), self.was)

    def test_each_trace_counts(self):
        for name in TRACES:
            self.dir = os.path.join(self.tmp, name + '-alone')
            self.file = os.path.join(self.dir, 'policy.mdb')
            os.mkdir(self.dir)
            if name == 'usage':
                os.mkdir(os.path.join(self.dir, name))
            else:
                open(os.path.join(self.dir, name), 'w').close()
            with self.subTest(trace=name):
                self.refuses()

    def test_new_policy(self):
        r = self.ctl('init --new-policy')
        self.assertEqual((r.err, self.digest()), ('', self.was))
        for empty in False, True:
            self.lose(empty)
            r = self.ctl('init --new-policy')
            self.assertIn('every login passes', r.err)
            self.assertIn('created', r.out)
            self.assertNotEqual(self.digest(), self.was)
            self.ctl('verify')

    def test_daemon_lets_nothing_pass(self):
        with harness.Daemon(self) as daemon:
            daemon.wait_log('verified')
            with Mta(daemon) as mta:
                self.assertIn(DENIED, mta.mail('alice@acme.test'))
                self.lose()
                daemon.wait_log('smtpauthctl restore')
                self.refuses()
                self.assertIn('451', mta.mail('alice@acme.test'))
            daemon.stop()
        with harness.Daemon(self) as daemon:        # the next one as well
            daemon.wait_log('smtpauthctl restore')
            self.refuses()
            with Mta(daemon) as mta:
                self.assertIn('451', mta.mail('alice@acme.test'))
                self.ctl('restore', self.copy)
                daemon.wait_log('verified')
                self.assertIn(DENIED, mta.mail('alice@acme.test'))
                self.lose()
                harness.wait_for(lambda: daemon.log().count('restore') > 1,
                                 what='loss in the log')
                self.assertIn('451', mta.mail('alice@acme.test'))
                self.ctl('init --new-policy')
                harness.wait_for(lambda: daemon.log().count('verified') > 1,
                                 what='new policy in the log')
                self.assertEqual(mta.mail('alice@acme.test'), 'a')


class First(harness.Case):

    given = ()

    def test_two_at_once(self):
        for n in range(20):
            self.dir = os.path.join(self.tmp, str(n))
            both = [subprocess.Popen([harness.CTL, '-d', self.dir, 'init'],
                                     stdout=subprocess.PIPE)
                    for _ in range(2)]
            said = [p.communicate()[0] for p in both]
            self.assertEqual([p.returncode for p in both], [0, 0], said)
            self.assertEqual(sum(b'created' in s for s in said), 1, said)

    def test_modes_are_mended(self):
        self.ctl('init')
        files = {'policy.mdb': 0o640, 'policy.turn': 0o600,
                 'policy.writers': 0o640, 'auth.key': 0o640}
        digest = self.digest()
        for name in files:
            path = os.path.join(self.dir, name)
            os.chmod(path, 0o666)
            if ROOT:
                shutil.chown(path, 'nobody', 'nogroup')
        self.ctl('init')
        folder = os.stat(self.dir)
        for name, mode in files.items():
            st = os.stat(os.path.join(self.dir, name))
            self.assertEqual((stat.S_IMODE(st.st_mode), st.st_uid),
                             (mode, folder.st_uid), name)
            if mode & stat.S_IRGRP:
                self.assertEqual(st.st_gid, folder.st_gid, name)
        self.assertEqual(self.digest(), digest)

    @unittest.skipUnless(ROOT, 'needs root to give a file away')
    def test_links_are_not_followed(self):
        self.ctl('init')
        path = os.path.join(self.dir, 'policy.turn')
        secret = os.path.join(self.tmp, 'secret')
        open(secret, 'w').close()
        shutil.chown(secret, 'nobody')
        os.unlink(path)
        os.symlink(secret, path)
        self.ctl('init', rc=None)
        self.assertNotEqual(os.stat(secret).st_uid, 0)

    def test_root_touches_nothing_of_others_in_a_folder_of_a_user(self):
        self.ctl('init')
        secret = os.path.join(self.tmp, 'secret')
        with open(secret, 'w') as f:
            os.fchmod(f.fileno(), 0o600)
        path = os.path.join(self.dir, 'policy.writers')
        os.unlink(path)
        os.link(secret, path)
        shutil.chown(self.dir, 'nobody', 'nogroup')
        self.ctl('init', rc=None)
        self.assertEqual(os.stat(secret).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(secret).st_gid, os.getegid())

    @unittest.skipUnless(ROOT, 'needs root for a folder of root')
    def test_modes_of_files_with_another_name(self):
        """A backup may be a hard link; where others make names, it may be theirs."""
        self.ctl('init')
        path = os.path.join(self.dir, 'policy.mdb')
        os.link(path, os.path.join(self.tmp, 'backup'))
        for folder, mode in (0o750, 0o640), (0o770, 0o600), (0o757, 0o600):
            os.chmod(self.dir, folder)
            os.chmod(path, 0o600)
            self.ctl('init')
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode,
                             oct(folder))

    def test_old_lock_file_goes(self):
        self.ctl('init')
        path = os.path.join(self.dir, 'policy.mdb-lock')
        open(path, 'w').close()
        self.ctl('init')
        self.assertFalse(os.path.exists(path))


if __name__ == '__main__':
    harness.main()
