#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A file system without locks, and a kernel without some calls: what is said."""

import errno
import os
import time
import unittest

import harness
import missing_calls
from usage_case import run_fill

NO_LOCKS = ('the file system does not support file locks, which the state '
            'folder needs: ')
READERS_WAIT = 2    # seconds that a writer waits for readers
EX_UNAVAILABLE = 69


@unittest.skipUnless(missing_calls.CC, 'no C compiler')
class Case(harness.Case):

    def setUp(self):
        super().setUp()
        self.calls = missing_calls.MissingCalls(self.tmp)

    def run_without(self, *args, rc=0, **calls):
        return self.ctl(*args, rc=rc, env=self.calls.env(**calls))


class NoLocks(Case):

    given = *harness.Case.given, 'tenant add acme --domain acme.test'
    numbers = errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL

    def without_locks(self, number, *args, rc=0):
        return self.run_without(*args, rc=rc, flock=number, ofd=number,
                                setlk=number)

    def test_a_write_names_the_file_and_does_nothing(self):
        before = self.ctl('export').out
        for number in self.numbers:
            r = self.without_locks(number, 'tenant', 'set', 'acme',
                                   '--smtp-auth', 'enabled', rc=EX_UNAVAILABLE)
            self.assertEqual(r.out, '')
            self.assertEqual(r.err, 'smtpauthctl: %s%s/policy.turn\n'
                             % (NO_LOCKS, self.dir))
        self.assertEqual(self.ctl('export').out, before)

    def test_init_backup_and_restore(self):
        copy, other = (os.path.join(self.tmp, n) for n in ('copy', 'other'))
        self.ctl('backup', copy)
        for args in (('-d', other, 'init'), ('backup', other + '2'),
                     ('restore', '--force', copy)):
            r = self.without_locks(errno.EOPNOTSUPP, *args, rc=EX_UNAVAILABLE)
            self.assertEqual(len(r.err.splitlines()), 1, r.err)
            self.assertIn(NO_LOCKS, r.err)

    def test_readers_need_none(self):
        for args in ('verify',), ('export',), ('tenant', 'list'):
            r = self.without_locks(errno.ENOLCK, *args)
            self.assertEqual(r.out, self.ctl(*args).out)

    def test_usage_is_not_called_damaged(self):
        run_fill(self.dir, 'node host=here since=1 until=2')
        for number in self.numbers[:3]:
            r = self.without_locks(number, 'usage', 'list', rc=EX_UNAVAILABLE)
            self.assertEqual(r.out, '')
            self.assertIn(NO_LOCKS, r.err)
            self.assertIn('usage.mdb', r.err)

    def test_daemon_decides_and_says_that_it_cannot_write_the_usage(self):
        daemon = harness.Daemon(self)
        refused = self.calls.env(flock=errno.ENOLCK, ofd=errno.ENOLCK,
                                 setlk=errno.ENOLCK)
        daemon.argv = ['env', *map('='.join, refused.items()), *daemon.argv]
        with daemon:
            daemon.wait_log('verified')
            daemon.wait_log('usage and heartbeat cannot be written: ' + NO_LOCKS)


class NoCall(Case):

    def test_write_without_locks_of_open_files_waits_for_nobody(self):
        start = time.monotonic()
        self.run_without('tenant', 'add', 'acme', '--domain', 'acme.test',
                         ofd=errno.EINVAL)
        if not harness.SLOW:
            self.assertLess(time.monotonic() - start, READERS_WAIT)
        self.ctl('verify')

    def test_usage_is_read_without_a_call(self):
        run_fill(self.dir, 'node host=here since=1 until=2')
        expected = self.ctl('usage', 'list').out
        for calls in ({'prctl': errno.ENOSYS}, {'prctl': errno.EINVAL},
                      {'close_range': errno.ENOSYS},
                      {'close_range': errno.EPERM}):
            with self.subTest(calls):
                self.assertEqual(
                    self.run_without('usage', 'list', **calls).out, expected)

    def test_helper_that_may_not_give_up_its_rights_says_so(self):
        with open(harness.CTL, 'rb') as f:
            if b'prctl' not in f.read():
                self.skipTest('built without prctl(2)')
        run_fill(self.dir, 'node host=here since=1 until=2')
        r = self.run_without('usage', 'list', rc=None, prctl=errno.EPERM)
        self.assertNotEqual(r.rc, 0)
        self.assertEqual(r.out, '')
        self.assertNotIn('there is no usage database', r.err)


if __name__ == '__main__':
    harness.main()
