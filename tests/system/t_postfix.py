# SPDX-License-Identifier: BSD-2-Clause
"""What is Postfix's alone, with the milter line that contrib/postfix ships;
t_mtas.py has what holds for every MTA."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness
import postfix_rig
from submission_cases import PASSED, PASSWORD, STORE, TENANT, Submissions

CONTRIB = os.path.join(harness.ROOT, 'contrib', 'postfix')
LOGINS = 'alice@acme.test', 'printer@acme.test', 'a+2Bb@acme.test'
TEXT = {PASSED: '250 2.1.0 Ok'}


def shipped(name, pattern):
    """What a pattern finds in a snippet of contrib/postfix."""
    with open(os.path.join(CONTRIB, name), encoding='utf-8') as f:
        return re.search(pattern, f.read(), re.M).group(1)


class Postfix(Submissions):
    """One Postfix for all tests; each has a policy and a milter anew."""

    skip = staticmethod(postfix_rig.missing)

    @classmethod
    def setUpClass(cls):
        if cls.skip():
            return
        cls.port = harness.free_port()
        tcp = shipped('main.cf.example', r'^mua_milters = (.*8899.*)$')
        unix = shipped('main.cf.example', r'^#mua_milters = (.*unix:.*)$')
        sock = 'unix:smtpauth/milter.sock'
        assert sock in unix, unix
        parameter = shipped('master.cf.example', r'smtpd_milters=(\S+)')
        milters = {'smtpd_milters': parameter}
        cls.site = postfix_rig.Rig({
            'submission': milters,
            'renamed': dict(milters, mail_name='Acme Mail'),
            'relative': {'smtpd_milters': unix},
            'relative-chroot': {'smtpd_milters': unix, 'chroot': 'y'},
            'absolute-chroot': {'smtpd_milters': unix.replace(
                sock, 'unix:/smtpauth/milter.sock'), 'chroot': 'y'},
            'absolute': {'smtpd_milters': unix.replace(
                sock, 'unix:$queue_directory/smtpauth/milter.sock')},
        }, dict.fromkeys(LOGINS, PASSWORD),
            {'mua_milters': tcp.replace('8899', str(cls.port))})
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    @staticmethod
    def words(expected):
        return TEXT.get(expected, expected)

    def test_mail_name_changed(self):
        self.ctl('mailbox set a+2bb@acme.test --smtp-auth enabled')
        with self.milter():
            self.is_reply(self.mail('a+2Bb@acme.test', 'renamed'), PASSED)
            self.is_reply(self.mail('alice@acme.test', 'renamed'), TENANT)

    def test_unix_socket(self):
        # README.md's folder, and a daemon that is not root.
        self.unprivileged()
        folder = os.path.join(self.site.queue, 'smtpauth')
        os.mkdir(folder)
        self.addCleanup(shutil.rmtree, folder)
        shutil.chown(folder, 'nobody', 'postfix')
        os.chmod(folder, 0o2710)
        path = os.path.join(folder, 'milter.sock')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        with harness.Daemon(self, path, user='nobody'):
            for name in self.site.listeners:
                if name.startswith(('relative', 'absolute')):
                    with self.subTest(listener=name):
                        self.is_reply(self.mail('alice@acme.test', name),
                                      TENANT, 'verdict=reject')
                        self.is_reply(self.mail('printer@acme.test', name),
                                      PASSED)
        self.assertFalse(os.path.exists(path))

    def test_database_lost_and_found(self):
        database = os.path.join(self.dir, 'policy.mdb')
        aside = os.path.join(self.tmp, 'aside')
        with self.milter():
            alice = self.session('alice@acme.test')

            def until(expected, seconds, *meanwhile):
                """Ask until the answer comes; until then only these."""
                end = time.monotonic() + seconds
                while True:
                    reply = self.ask(alice)
                    text = re.sub(r' \[[^][]+\]$', '', reply)
                    if text == expected:
                        return reply
                    self.assertIn(text, meanwhile)
                    self.assertLess(time.monotonic(), end,
                                    'no %r in %d s' % (expected, seconds))

            def move(source, target):
                os.rename(source, target)

            self.reply(alice, TENANT)
            move(database, aside)
            reply = until(STORE, 5, TENANT)
            self.is_reply(reply, STORE, 'verdict=tempfail',
                          'reason=store-error')
            move(aside, database)
            until(TENANT, 5, STORE)

            move(database, aside)
            until(STORE, 5, TENANT)
            self.ctl('init --new-policy')
            self.ctl('tenant add acme --domain acme.test '
                     '--smtp-auth disabled --action tempfail')
            until(TENANT.replace('550 5', '450 4'), 5, STORE)
            self.ctl('mailbox set alice@acme.test --smtp-auth enabled')
            self.reply(alice, PASSED)

    @unittest.skipUnless(shutil.which('swaks'), 'swaks is missing')
    def test_swaks(self):
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        with self.milter():
            for login, status, reply in (('printer@acme.test', 0, PASSED),
                                         ('alice@acme.test', 23, TENANT)):
                for mechanism in 'PLAIN', 'LOGIN':
                    run = subprocess.run(
                        ['swaks', '--server', self.site.address('submission'),
                         '--auth', mechanism, '--auth-user', login,
                         '--auth-password', PASSWORD, '--from', login,
                         '--to', 'you@else.test', '--helo', 'client.test'],
                        stdin=subprocess.DEVNULL, capture_output=True,
                        encoding='utf-8', timeout=harness.TIMEOUT)
                    self.assertEqual(run.returncode, status, run.stdout)
                    self.assertIn(' ' + self.words(reply), run.stdout)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # tidy up
    harness.main()
