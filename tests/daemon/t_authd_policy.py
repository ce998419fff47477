#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-authd decides as smtpauthctl check does, but for what only the
milter can tell; and what it does where there is no policy to decide by."""

import contextlib
import os
import shutil
import time

import harness
from authd import Authd

PASS = (0, '')
OUTSIDE, INSIDE = '203.0.113.9', '198.51.100.7'

# Policies, each with logins; tenant acme is disabled, open is enabled.
ACME = 'jane@acme.test'
POLICIES = {
    'tenants': ([], [ACME, 'jane@open.test', 'JANE@ACME.TEST',
                     'jane@free.test', 'jane', 'a b@acme.test',
                     'jane@', 'x' * 400 + '@open.test']),
    'mailbox off': (['mailbox set jane@open.test --smtp-auth disabled'],
                    ['jane@open.test', 'jim@open.test']),
    'exception': (['mailbox set jane@acme.test --smtp-auth enabled'],
                  [ACME, 'jim@acme.test']),
    'exception from a network': (
        ['mailbox set jane@acme.test --smtp-auth enabled '
         '--clients 198.51.100.0/24'], [ACME, 'jim@acme.test']),
    'exception that ends': (
        ['mailbox set jane@acme.test --smtp-auth enabled --until +1h'],
        [ACME]),
    'locks': (['mailbox set jane@acme.test --smtp-auth enabled',
               'mailbox lock jane@acme.test', 'tenant lock open',
               'lock stranger@free.test'],
              [ACME, 'jane@open.test', 'stranger@free.test']),
    'lock and exemptions': (
        ['settings add exempt-clients 198.51.100.0/24',
         'settings add exempt-listeners webmail',
         'mailbox lock jane@acme.test'], [ACME, 'jim@acme.test']),
    'not yet': (['tenant set acme --enforce-from +1d'], [ACME]),
    'tempfail until': (['tenant set acme --tempfail-until +1d'], [ACME]),
    'tempfail': (['tenant set acme --action tempfail'], [ACME]),
    'report': (['tenant set acme --action report'], [ACME]),
    'dry run': (['settings set enforce no', 'mailbox lock jim@acme.test'],
                [ACME, 'jim@acme.test']),
    'exempt client': (['settings add exempt-clients 198.51.100.0/24',
                       'mailbox set jane@open.test --smtp-auth disabled'],
                      [ACME, 'jane@open.test', 'jim@open.test', 'jane@']),
    'exempt listener': (['settings add exempt-listeners webmail'],
                        [ACME, 'jane@open.test', 'jane@']),
    'unknown tenant': (['settings set unknown-tenant reject'],
                       ['jane@free.test', 'jane']),
    'unknown tenant, later': (['settings set unknown-tenant tempfail'],
                              ['jane@free.test', 'jane']),
    'invalid login': (['settings set invalid-login accept'], ['jane@']),
    'catch-all': (['tenant add rest --domain * --smtp-auth disabled'],
                  ['jane@free.test', 'jane', 'jane@open.test']),
    'names': (['settings set default-domain acme.test',
               'settings set subaddress-delimiter +',
               'mailbox alias add on@acme.test short',
               'mailbox set on@acme.test --smtp-auth enabled'],
              ['jane', 'short', 'on+x@acme.test', 'on', 'öff@acme.test']),
    'passwords': (['tenant set acme --blocks passwords'], [ACME]),
    'exchange': (['settings set reply-style exchange',
                  'settings set help-url https://help.acme.test/?a=%20',
                  'mailbox lock jim@acme.test',
                  'mailbox set joe@acme.test --smtp-auth disabled'],
                 [ACME, 'jim@acme.test', 'joe@acme.test']),
    'own text': ([('tenant', 'set', 'acme', '--reply',
                   '100% "no" for {mailbox} from {client} \\o/')], [ACME]),
}


class Verdicts(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled',
             'tenant add open --domain open.test --smtp-auth enabled')

    @contextlib.contextmanager
    def policy(self, commands):
        """A daemon on a policy that these commands make."""
        shutil.rmtree(self.dir)
        self.make_state()
        with Authd(self) as daemon, daemon.client() as self.client:
            for command in commands:
                self.ctl(*([command] if isinstance(command, str) else command))
            yield

    def check(self, login, client, listener, mechanism):
        """What check says, as authd is to answer it."""
        options = ['--mta', 'postfix']
        for name, value in (('client', client), ('listener', listener),
                            ('mechanism', mechanism)):
            if value:
                options += ['--' + name, value]
        found = self.json('check', *options, '--', login, rc=(0, 10, 11))
        if found['verdict'] != 'reject':
            return PASS
        return -1, found['reply'].split(' ', 1)[1]

    def answer(self, login, client, listener, mechanism):
        """What authd answers, without the id."""
        status, message = self.client.decides(
            login, remote=client, protocol=listener, mechanism=mechanism)
        if status == 0:
            self.assertEqual(message, '')
            return PASS
        self.assertRegex(message, r' \[[0-9a-z]{10}\]$')
        return status, message[:-13]

    def holds(self, login, mechanism=None):
        """With client and listener the answers are those of check.  Where
        one is not known, an answer is 0 unless it is the same for all."""
        clients, listeners = (OUTSIDE, INSIDE), ('smtp', 'webmail')
        expected = {(c, l): self.check(login, c, l, mechanism)
                    for c in clients for l in listeners}
        for (client, listener), decision in expected.items():
            self.assertEqual(self.answer(login, client, listener, mechanism),
                             decision, (login, client, listener))
        for client in None, '', OUTSIDE:
            for listener in None, '', 'smtp':
                some = {d[0] for (c, l), d in expected.items()
                        if (not client or c == client)
                        and (not listener or l == listener)}
                status, _ = self.answer(login, client, listener, mechanism)
                self.assertEqual(status, -1 if some == {-1} else 0,
                                 (login, client, listener, expected))

    def test_as_check(self):
        for name, (commands, logins) in POLICIES.items():
            with self.subTest(policy=name), self.policy(commands):
                for login in logins:
                    self.holds(login)

    def test_mechanisms(self):
        with self.policy(['tenant set acme --blocks passwords']):
            for mechanism in 'PLAIN', 'LOGIN', 'XOAUTH2', 'GSSAPI', None:
                self.holds(ACME, mechanism)

    def test_until_is_over(self):
        """By the policy's own clock, with no command in between."""
        with self.policy([
                'mailbox set jane@acme.test --smtp-auth enabled']):
            self.assertEqual(self.answer(ACME, OUTSIDE, 'smtp', None), PASS)
            end = time.strftime('%Y-%m-%dT%H:%M:%SZ',
                                time.gmtime(time.time() + 2))
            self.ctl('mailbox set jane@acme.test --until ' + end)
            self.assertEqual(self.answer(ACME, OUTSIDE, 'smtp', None), PASS)
            harness.wait_for(lambda: self.answer(
                ACME, OUTSIDE, 'smtp', None)[0] == -1, timeout=10)


class NoPolicy(harness.Case):

    given = ()
    answers = {'tempfail': 0, 'accept': 0, 'reject': -1}

    def setUp(self):
        super().setUp()
        os.mkdir(self.dir, 0o750)
        with open(os.path.join(self.dir, 'auth.key'), 'w') as f:
            f.write('0123456789abcdef\n')
        os.chmod(f.name, 0o640)

    def authd(self, **keys):
        """It does not wait for a policy that holds."""
        return Authd(self, ready='policy.mdb|verified', **keys)

    def answered(self, status, daemon, login=ACME, client=OUTSIDE):
        got, message = daemon.decides(login, remote=client)
        self.assertEqual(got, status, message)
        if status:
            self.assertRegex(message, '^5.3.0 SMTP AUTH policy temporarily '
                                      r'unavailable \[[0-9a-z]{10}\]$')

    def health(self, daemon):
        with daemon.client() as client:
            return client.asks(path='/health', method='GET', query='',
                               key='').status

    def test_none(self):
        for action, status in self.answers.items():
            with self.authd(on_error=action) as daemon:
                self.answered(status, daemon)
                self.answered(status, daemon, client=None)
                self.answered(status, daemon, login='jane@')
                self.assertEqual(self.health(daemon), 503)

    def test_it_comes(self):
        with self.authd(on_error='reject') as daemon:
            self.answered(-1, daemon)
            self.ctl('init')
            self.ctl('tenant add acme --domain acme.test')
            daemon.wait_log('verified')
            self.assertIn('disabled for tenant acme',
                          daemon.decides(ACME)[1])
            self.assertEqual(self.health(daemon), 200)

    def test_damage(self):
        self.ctl('init')
        self.ctl('tenant add acme --domain acme.test')
        path = os.path.join(self.dir, 'policy.mdb')
        with open(path, 'r+b') as f:
            f.write(os.urandom(os.path.getsize(path)))
        for action, status in self.answers.items():
            with self.authd(on_error=action) as daemon:
                self.answered(status, daemon)

    def test_damage_while_it_runs(self):
        self.ctl('init')
        self.ctl('tenant add acme --domain acme.test')
        path = os.path.join(self.dir, 'policy.mdb')
        with self.authd(on_error='reject') as daemon:
            daemon.wait_log('verified')
            self.assertEqual(daemon.decides('jane@free.test'), PASS)
            with open(path, 'r+b') as f:
                f.write(b'\0' * os.path.getsize(path))
            end = time.monotonic() + 10
            while daemon.decides('jane@free.test') == PASS:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
            self.answered(-1, daemon)
            self.answered(-1, daemon, login='jane@free.test')

    def test_replaced(self):
        self.ctl('init')
        self.ctl('tenant add acme --domain acme.test')
        path = os.path.join(self.dir, 'policy.mdb')
        with self.authd() as daemon, daemon.client() as client:
            daemon.wait_log('verified')
            self.assertEqual(client.decides(ACME)[0], -1)
            shutil.copy(path, path + '.new')
            self.ctl('tenant set acme --smtp-auth enabled')
            self.assertEqual(client.decides(ACME), PASS)
            os.rename(path + '.new', path)
            harness.wait_for(lambda: client.decides(ACME)[0] == -1)
            os.unlink(path)
            harness.wait_for(lambda: client.decides(ACME) == PASS)
            daemon.wait_log('reason=store-error')


if __name__ == '__main__':
    harness.main()
