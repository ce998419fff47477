#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Refusals at AUTH in the usage database, which the milter writes too."""

import json
import os
import re
import threading

import harness
from authd import Authd
from mta import Mta

COMPLAINT = r'warning: refusals at AUTH cannot be written: .*'


class Denied(harness.Case):

    given = (*harness.Case.given, 'tenant add acme --domain a.test')

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.dir, 'usage')

    def start(self, **keys):
        return Authd(self, **{'usage_flush': '1', **keys}).start()

    def refuses(self, client, login):
        return client.decides(login, remote='192.0.2.7')[0] < 0

    def milter(self):
        milter = harness.Daemon(self, usage_flush='1').start()
        milter.wait_log('policy database verified')
        harness.wait_for(lambda: self.status()['daemon'], what='heartbeat')
        return milter

    def rows(self, *args):
        out = self.ctl('--json', 'usage', 'list', '--denied', *args).out
        return {row['login']: row for row in map(json.loads, out.splitlines())}

    def counts(self):
        return {login: (row['denied'], row['auth_denied'])
                for login, row in self.rows().items()}

    def test_both_doors(self):
        """One login at both doors, one at AUTH alone, and names of no tenant:
        those that the policy rejects, and none that it lets pass."""
        self.ctl('settings set unknown-tenant reject')
        self.ctl('mailbox set on@a.test --smtp-auth enabled')
        milter, authd = self.milter(), self.start()
        client = authd.client()
        for login, refused in (
                ('both@a.test', True), ('auth@a.test', True),
                ('auth@a.test', True), ('on@a.test', False),
                ('x@nobody.test', True), ('y@nobody.test', True),
                ('bad login @', True)):
            self.assertEqual(self.refuses(client, login), refused, login)
        with Mta(milter) as mta:
            self.assertRegex(mta.mail('both@a.test'), '^550 ')
        milter.stop()
        authd.stop()
        self.assertEqual(self.counts(), {
            'both@a.test': (1, 1), 'auth@a.test': (0, 2), None: (0, 3)})
        row = self.rows()['auth@a.test']
        self.assertEqual((row['last_auth_client'], row['last_seen'],
                          row['submissions']), ('192.0.2.7', None, 0))
        plain = self.ctl('--json usage').out.splitlines()
        self.assertEqual([json.loads(line)['login'] for line in plain],
                         ['both@a.test'])

    def test_killed(self):
        """Either daemon is killed while both write; the other one goes on, and
        nothing is damaged."""
        milter, authd = self.milter(), self.start()
        for round in range(4):
            end = threading.Event()
            threads = [threading.Thread(target=self.submit, args=(milter, end)),
                       threading.Thread(target=self.guess, args=(authd, end))]
            for thread in threads:
                thread.start()
            before = sum(sum(n) for n in self.counts().values())
            harness.wait_for(lambda: sum(
                sum(n) for n in self.counts().values()) > before + 50)
            victim = (authd, milter)[round % 2]
            victim.process.kill()
            victim.process.wait()
            end.set()
            for thread in threads:
                thread.join()
            before = self.counts()
            if victim is authd:
                with Mta(milter) as mta:
                    mta.mail('mark@a.test')
                authd = self.start()
            else:
                self.assertTrue(self.refuses(authd, 'mark@a.test'))
                milter = self.milter()
            harness.wait_for(lambda: self.counts().get('mark@a.test') !=
                             before.get('mark@a.test'))
        milter.stop()
        authd.stop()
        for daemon in self.daemons:
            self.assertNotIn('cannot be written', daemon.log())

    def submit(self, milter, end):
        try:
            with Mta(milter) as mta:
                while not end.is_set():
                    mta.mail('used@a.test')
        except OSError:
            pass                    # it was killed

    def guess(self, authd, end):
        try:
            with authd.client() as client:
                i = 0
                while not end.is_set():
                    self.refuses(client, 'guess%d@a.test' % i)
                    i += 1
        except (OSError, AttributeError, AssertionError):
            pass                    # there is no answer, or half of one

    def test_no_folder(self):
        """It is said once, decisions go on, and nothing is lost."""
        os.rename(self.folder, self.folder + '.away')
        authd = self.start()
        client = authd.client()
        for i in range(30):
            self.assertTrue(self.refuses(client, 'u%d@a.test' % (i % 3)))
        harness.wait_for(lambda: 'cannot be written' in authd.log())
        for i in range(30):
            self.assertTrue(self.refuses(client, 'u%d@a.test' % (i % 3)))
        os.rename(self.folder + '.away', self.folder)
        authd.wait_log('refusals at AUTH are written again')
        self.assertEqual(len(re.findall(COMPLAINT, authd.log())), 1)
        authd.stop()
        self.milter().stop()
        self.assertEqual(self.counts(), {'u%d@a.test' % i: (0, 20)
                                         for i in range(3)})

    def test_lost_at_the_end(self):
        os.rename(self.folder, self.folder + '.away')
        authd = self.start()
        client = authd.client()
        self.assertTrue(self.refuses(client, 'a@a.test'))
        authd.stop()
        self.assertIn('the refusals at AUTH of 1 logins are lost', authd.log())

    def test_usage_off(self):
        authd = self.start(usage='no')
        self.assertTrue(self.refuses(authd, 'a@a.test'))
        authd.stop()
        self.assertEqual(os.listdir(self.folder), [])


harness.main()
