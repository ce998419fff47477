#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""restore under a daemon that is asked all the time."""

import os
import shutil
import threading
import time

import harness
from backup_case import Restored
from mta import Mta

DISABLED = '550 5.7.1 SMTP AUTH is disabled'


class Running(Restored):
    """With a daemon that is asked all the time."""

    def setUp(self):
        super().setUp()
        self.daemon = harness.Daemon(self).start()
        self.daemon.wait_log('policy database verified')
        self.mta = Mta(self.daemon)
        self.addCleanup(self.mta.socket.close)

    def is_first(self):
        """Whether the daemon decides by the backup's policy."""
        answers = [self.mta.mail(login) for login in (
            'printer@a.test', 'printer', 'new@a.test')]
        return answers[0] == answers[1] == 'a' and DISABLED in answers[2]

    def is_second(self):
        answers = [self.mta.mail(login) for login in (
            'printer@a.test', 'printer', 'new@a.test')]
        return answers[2] == 'a' and all(DISABLED in a for a in answers[:2])

    def test_into_live(self):
        """In force at the next MAIL FROM, and nothing is put off."""
        answers = []
        stop = threading.Event()

        def ask():
            with Mta(self.daemon) as mta:
                while not stop.is_set():
                    answers.append(mta.mail('new@a.test'))

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for _ in range(10):
                self.assertTrue(self.is_second())
                self.ctl('restore ' + self.out)
                self.assertTrue(self.is_first())
                self.later()
        finally:
            stop.set()
            thread.join()
        self.assertGreater(len(answers), 100)
        self.assertEqual({'a' if a == 'a' else a[:len(DISABLED)]
                          for a in answers}, {'a', DISABLED})

    def recovers(self, damage):
        self.assertTrue(self.is_second())
        damage()
        self.ctl('restore ' + self.out)
        start = time.monotonic()
        answer = self.mta.mail('new@a.test')
        harness.wait_for(self.is_first, 15, 'decision by the new database')
        self.assertLess(time.monotonic() - start, 8, answer)
        self.ctl('mailbox set new@a.test --smtp-auth enabled')
        self.assertEqual(self.mta.mail('new@a.test'), 'a')
        self.ctl('verify')
        self.later()

    def write(self, content):
        with open(self.path(), 'r+b') as f:
            f.truncate(0)
            f.write(content)

    def test_which_backup(self):
        """At night, with a damaged database: what it needs."""
        self.refused(['restore'], 64, 'restore DIR',
                     '"smtpauthctl backup DIR" has written')

    def test_over_a_damaged_one(self):
        def zero():
            size = os.stat(self.path()).st_size
            with open(self.path(), 'r+b') as f:
                f.seek(8192)
                f.write(bytes(size - 8192))

        self.recovers(lambda: self.write(b''))
        self.recovers(zero)
        self.recovers(lambda: self.write(b'text' * 5000))

    def test_over_a_missing_one(self):
        self.recovers(lambda: os.remove(self.path()))

    def test_over_one_that_was_moved_there(self):
        """Another file of ours, by mv."""
        def move():
            copied = os.path.join(self.tmp, 'copied')
            shutil.copy(self.file(), copied)
            os.rename(copied, self.path())
        self.recovers(move)


if __name__ == '__main__':
    harness.main()
