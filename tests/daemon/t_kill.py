#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Kill -9 at random moments of the commands that change or copy much at once,
with a daemon beside them that is asked all the time and is never to give a
wrong answer.  KILL_ROUNDS sets the number of kills of each; KILL_SEED repeats
a run."""

import os
import random
import signal
import subprocess
import time

import harness
from mta import DISABLED, Asker

ROUNDS = int(os.environ.get('KILL_ROUNDS', 10 if harness.SLOW else 40))
SEED = int(os.environ.get('KILL_SEED', time.time_ns() % 1000000))
ROWS = 60
PUT_OFF = '451 4.3.0 SMTP AUTH policy temporarily unavailable'


class Killed(harness.Case):
    """The policy is in one of two states, `old` and `new`, which agree on
    `always` and `never`, and differ on `old` and `new`."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.out = os.path.join(self.tmp, 'backup')
        self.ctl('tenant add acme --domain a.test --smtp-auth disabled')
        self.ctl('mailbox set always@a.test --smtp-auth enabled')
        self.ctl('mailbox set new@a.test --smtp-auth enabled')
        for n in range(ROWS):
            self.ctl('mailbox set u%d@a.test --smtp-auth enabled --note %s' % (
                n, 'x' * 200))
        self.new = self.digest()
        self.ctl('backup ' + self.out)
        self.make_old()

    def make_old(self):
        """From `new`, or where it is already."""
        self.ctl('mailbox set new@a.test --smtp-auth disabled')
        self.ctl('mailbox set old@a.test --smtp-auth enabled')
        self.old = self.digest()

    def diagnostics(self):
        return 'KILL_SEED=%d\n' % SEED + super().diagnostics()

    def start_asking(self):
        daemon = harness.Daemon(self).start()
        daemon.wait_log('policy database verified')
        self.asker = Asker(daemon, ('always@a.test', 'never@a.test',
                                    'old@a.test', 'new@a.test'))
        self.asker.start()
        self.addCleanup(self.asker.end)

    def end_asking(self, faults=False):
        """No answer was wrong. With FAULTS, where the database was damaged,
        a decision may have been put off."""
        harness.wait_for(lambda: self.asker.problem or self.asker.asked > 100)
        self.asker.end()
        self.assertIsNone(self.asker.problem)
        put_off = {PUT_OFF[:len(DISABLED)]} if faults else set()
        for login, right in (('always@a.test', {'a'}),
                             ('never@a.test', {DISABLED}),
                             ('old@a.test', {'a', DISABLED}),
                             ('new@a.test', {'a', DISABLED})):
            self.assertLessEqual(self.asker.answers[login] - put_off, right,
                                 login)
        print('# %d answers, the longest took %.0f ms' % (
            self.asker.asked, 1000 * self.asker.longest))

    def learn(self, *words):
        """How long the command takes."""
        start = time.monotonic()
        self.ctl(*words)
        self.length = 1.2 * (time.monotonic() - start)

    def kill(self, *words):
        """Whether the command had come to its end; what it takes to meet it
        is learnt as we go."""
        process = subprocess.Popen(
            [harness.CTL, '-d', self.dir, *words], env=harness.ENV,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, self.length))
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertIn(process.returncode, (0, -signal.SIGKILL))
        ended = process.returncode == 0
        self.length = min(max(self.length * (0.95 if ended else 1.05), 0.0005),
                          1)
        return ended

    def rounds(self, *words):
        """From `old` to `new`, or not; never anything else."""
        self.learn(*words)
        self.assertEqual(self.digest(), self.new)
        done = []
        for _ in range(ROUNDS):
            self.make_old()
            ended = self.kill(*words)
            self.ctl('verify')
            digest = self.digest()
            self.assertIn(digest, (self.old, self.new))
            self.assertTrue(digest == self.new or not ended)
            done.append(digest == self.new)
        if ROUNDS >= 20:
            self.assertIn(True, done)
            self.assertIn(False, done)
        self.make_old()
        self.ctl(*words)
        self.assertEqual(self.digest(), self.new)

    def test_restore(self):
        self.start_asking()
        self.rounds('restore', self.out)
        self.end_asking()

    def test_restore_over_a_damaged_one(self):
        """It stays damaged, or is whole."""
        self.start_asking()
        with open(self.path(), 'r+b') as f:
            f.truncate(4096)
        self.learn('restore', self.out)
        done = []
        for _ in range(ROUNDS):
            with open(self.path(), 'r+b') as f:
                f.truncate(4096)
            self.kill('restore', self.out)
            done.append(os.stat(self.path()).st_size > 4096)
            if done[-1]:
                self.ctl('verify')
                self.assertEqual(self.digest(), self.new)
                self.make_old()
        if ROUNDS >= 20:
            self.assertIn(True, done)
            self.assertIn(False, done)
        with open(self.path(), 'r+b') as f:
            f.truncate(4096)
        self.ctl('restore ' + self.out)
        self.assertEqual(self.digest(), self.new)
        self.assertEqual(sorted(os.listdir(self.dir)), [
            'auth.key', 'policy.mdb', 'policy.mdb.damaged', 'policy.turn',
            'policy.writers', 'usage'])
        self.end_asking(faults=True)

    def test_backup(self):
        """The backup is the last one or the new one."""
        self.start_asking()
        self.learn('backup', self.out)
        live, made, ended = self.dir, {self.new, self.digest()}, []
        for n in range(ROUNDS):
            self.ctl('mailbox set u1@a.test --smtp-auth enabled --note %d' % n)
            made.add(self.digest())
            ended.append(self.kill('backup', self.out))
            self.dir = self.out
            self.ctl('verify')
            self.assertIn(self.digest(), made)
            self.dir = live
        if ROUNDS >= 20:
            self.assertIn(False, ended)
        self.ctl('backup ' + self.out)
        self.assertEqual(os.listdir(self.out), ['policy.mdb'])
        self.ctl('verify')
        self.end_asking()

    def at_new(self, *words):
        """Run a command while the policy is the new one."""
        self.ctl('restore ' + self.out)
        result = self.ctl(*words)
        self.make_old()
        return result

    def file(self, name, content):
        path = os.path.join(self.tmp, name)
        with open(path, 'wb') as f:
            f.write(content)
        return path

    def test_import(self):
        """Rows that change some mailboxes, and keep many."""
        rows = ''.join('u%d@a.test,enabled\n' % n for n in range(ROWS))
        path = self.file('rows.csv', ('address,smtp_auth\n' + rows
                         + 'new@a.test,enabled\nold@a.test,inherit\n'
                         ).encode())
        self.start_asking()
        self.rounds('import', path)
        self.end_asking()

    def test_import_replace(self):
        """By way of a scratch database, of which nothing is left."""
        path = self.file('all.jsonl', self.at_new('export').raw)
        self.start_asking()
        self.rounds('import', '--replace', path)
        self.end_asking()
        self.assertNotIn('policy.scratch', os.listdir(self.dir))

    def test_snapshot_apply(self):
        key, public, snapshot = (os.path.join(self.tmp, name) for name in (
            'key.pem', 'key.pub', 'policy.snapshot'))
        for words in (['genpkey', '-algorithm', 'ed25519', '-out', key],
                      ['pkey', '-in', key, '-pubout', '-out', public]):
            subprocess.run(['openssl', *words], check=True)
        self.at_new('snapshot', 'create', snapshot, '--key', key)
        self.start_asking()
        self.rounds('snapshot', 'apply', snapshot, '--trust', public)
        self.end_asking()

    def path(self, name='policy.mdb'):
        return os.path.join(self.dir, name)


if __name__ == '__main__':
    harness.main()
