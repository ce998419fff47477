#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The door at AUTH of sites with saslauthd: Postfix and Sendmail with the
PAM configuration that contrib/pam ships, smtpauth-authd and the milter on one
policy.  What the one refuses is what the other would refuse."""

import secrets
import signal
import time

import harness
import pam_rig
from mta import Mta

PASSWORD = 'open sesame'
ALICE, PRINTER, STRANGER = ('alice@acme.test', 'printer@acme.test',
                            'stranger@else.test')
LONG = 'x@%s.test' % ('a' * 64)
USERS = dict.fromkeys((ALICE, PRINTER, STRANGER, LONG, 'jörg@acme.test',
                       'a b@acme.test', 'q"\\@acme.test'), PASSWORD)
IN, REFUSED = '235', 'refused'
PASSED = '250'
TENANT = 'SMTP AUTH is disabled for tenant acme ['
EXCEPTION = 'mailbox set %s --smtp-auth enabled' % PRINTER
PAST = ('import', '-')      # an exception that is over; `set' refuses one
EXPIRED = ('{"type":"mailbox","address":"%s","smtp_auth":"enabled",'
           '"until":"2020-01-01T00:00:00Z"}\n' % PRINTER)

# {name: (commands, login, listener, answer at AUTH, words of that at MAIL)}
TABLE = {
    'tenant off': ([], ALICE, 'submission', REFUSED, ''),
    'mailbox off': (
        ['tenant set acme --smtp-auth enabled',
         'mailbox set %s --smtp-auth disabled' % ALICE],
        ALICE, 'submission', REFUSED, ''),
    'tenant on': (['tenant set acme --smtp-auth enabled'], ALICE,
                  'submission', IN, PASSED),
    'exception': ([EXCEPTION], PRINTER, 'submission', IN, PASSED),
    'no exception': ([EXCEPTION], ALICE, 'submission', REFUSED, ''),
    'mailbox lock': ([EXCEPTION, 'mailbox lock ' + PRINTER], PRINTER,
                     'submission', REFUSED, ''),
    'tenant lock': ([EXCEPTION, 'tenant lock acme'], PRINTER, 'submission',
                    REFUSED, ''),
    'lock at an exempt listener': (
        ['settings add exempt-listeners WEBMAIL', 'lock ' + ALICE], ALICE,
        'webmail', REFUSED, ''),
    'expired': ([PAST], PRINTER, 'submission', REFUSED, ''),
    'schedule': (['tenant set acme --enforce-from +1d'], ALICE, 'submission',
                 IN, PASSED),
    'schedule, tempfail first': (
        ['tenant set acme --tempfail-until +1d'], ALICE, 'submission', IN,
        '450 4.7.1 '),
    'tempfail': (['tenant set acme --action tempfail'], ALICE, 'submission',
                 IN, '450 4.7.1 '),
    'report': (['tenant set acme --action report'], ALICE, 'submission', IN,
               PASSED),
    'dry run': (['settings set enforce no'], ALICE, 'submission', IN, PASSED),
    'exempt listener': (['settings add exempt-listeners WEBMAIL'], ALICE,
                        'webmail', IN, PASSED),
    'not the exempt listener': (
        ['settings add exempt-listeners WEBMAIL'], ALICE, 'submission', IN,
        '550 5.7.1 '),
    'exempt client': (['settings add exempt-clients 127.0.0.1 --force'],
                      ALICE, 'submission', IN, PASSED),
    'not the exempt client': (['settings add exempt-clients 192.0.2.1'],
                              ALICE, 'submission', IN, '550 5.7.1 '),
    'exception for other clients': (
        [EXCEPTION + ' --clients 192.0.2.1'], PRINTER, 'submission', IN,
        '550 5.7.1 '),
    'unknown tenant, accept': ([], STRANGER, 'submission', IN, PASSED),
    'unknown tenant, tempfail': (
        ['settings set unknown-tenant tempfail'], STRANGER, 'submission', IN,
        '450 4.7.1 '),
    'unknown tenant, reject': (['settings set unknown-tenant reject'],
                               STRANGER, 'submission', REFUSED, ''),
    'invalid login': ([], LONG, 'submission', REFUSED, ''),
    'invalid login, accept': (['settings set invalid-login accept'], LONG,
                              'submission', IN, PASSED),
    'blocks passwords': (['tenant set acme --blocks passwords'], ALICE,
                         'submission', REFUSED, ''),
    'not ASCII': ([], 'jörg@acme.test', 'submission', REFUSED, ''),
    'a blank': ([], 'a b@acme.test', 'submission', REFUSED, ''),
    'quote and backslash': ([], 'q"\\@acme.test', 'submission', REFUSED, ''),
}


class Door(harness.Case):
    """One server for all tests of a class."""

    given = ('init', 'tenant add acme --domain acme.test --smtp-auth disabled')
    site = None

    @classmethod
    def setUpClass(cls):
        if cls.rig.missing():
            return
        cls.milter_port = harness.free_port()
        cls.door_port = harness.free_port()
        cls.key = secrets.token_hex(32)
        cls.site = cls.rig(cls.milter_port, cls.door_port, cls.key, USERS)
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    def setUp(self):
        if self.rig.missing():
            self.skipTest(self.rig.missing())
        super().setUp()
        with open(self.dir + '/auth.key', 'w', encoding='ascii') as f:
            f.write(self.key + '\n')

    def diagnostics(self):
        return super().diagnostics() + 'log of the MTA:\n' + ''.join(
            self.site.log().splitlines(True)[-30:]) + ''.join(
            self.site._read('output').splitlines(True)[-30:])

    def milter(self):
        daemon = harness.Daemon(
            self, args=('-s', 'inet:%d@127.0.0.1' % self.milter_port))
        daemon.port = self.milter_port
        return daemon

    def authd(self):
        return pam_rig.Authd(self, self.door_port)

    def milter_refuses(self, what):
        auth, mail = self.site.attempt('submission', ALICE)
        self.assertTrue(auth.startswith(IN), (what, auth))
        self.assertRegex(mail, r'^550 5\.7\.1 .*' + TENANT.replace('[', r'\['))
        auth, mail = self.site.attempt('submission', PRINTER)
        self.assertEqual((auth[:3], mail[:3]), (IN, PASSED), what)

    def door_refuses(self):
        self.assertEqual(self.site.attempt('submission', ALICE),
                         (self.site.refused, '-'))
        auth, mail = self.site.attempt('submission', PRINTER)
        self.assertEqual((auth[:3], mail[:3]), (IN, PASSED))


class Rows:
    """The tests of both MTAs."""

    def run_row(self, commands, login, listener, at_auth, at_mail):
        with self.milter() as milter, self.authd() as authd:
            for command in commands:
                if command is PAST:
                    self.ctl(*PAST, stdin=EXPIRED)
                else:
                    self.ctl(command)
            for mechanism in 'PLAIN', 'LOGIN':
                before = len(self.site.asked())
                auth, mail = self.site.attempt(listener, login,
                                               mechanism=mechanism)
                wrong, _ = self.site.attempt(listener, login, 'wrong',
                                             mechanism)
                self.assertEqual(wrong, self.site.refused)
                asked = self.site.asked()[before:]
                if at_auth == REFUSED:
                    # In the same words, and the password is nobody's matter.
                    self.assertEqual((auth, asked), (wrong, []))
                else:
                    self.assertTrue(auth.startswith(at_auth), auth)
                    self.assertIn(at_mail, mail)
                    self.assertEqual(len(asked), 2)
            line = authd.wait_log(r'^.*\bdoor=auth .*$').group(0)
            self.assertIn('answer=' + (
                'refuse' if at_auth == REFUSED else 'continue'), line)
            if at_auth == REFUSED:
                self.would_refuse(milter, login, listener)

    def would_refuse(self, milter, login, listener):
        """The milter and `check' say the same."""
        words = {'client': '127.0.0.1'}
        if listener == 'webmail':
            words['listener'] = 'WEBMAIL'
        verdict = self.json('check', login, *(
            '--%s=%s' % pair for pair in words.items()), rc=None)
        self.assertEqual(verdict['verdict'], 'reject')
        with Mta(milter) as mta:
            self.assertRegex(mta.mail(login, client_addr='127.0.0.1',
                                      daemon_name=words.get('listener', 'M')),
                             r'^550 5\.7\.1 ')

    # -- authd away --------------------------------------------------------

    def test_authd_is_away(self):
        """Not started, killed, hung, back: the login goes on, nothing is
        accepted; and it is asked again at once."""
        self.ctl(EXCEPTION)
        with self.milter():
            self.milter_refuses('not started')
            authd = self.authd().start()
            self.door_refuses()
            authd.kill()
            self.milter_refuses('killed')
            authd = self.authd().start()
            self.door_refuses()
            harness.freeze(authd.process)
            began = time.monotonic()
            self.milter_refuses('hung')
            took = time.monotonic() - began
            # Its limit is a second, once for the login that is refused, and
            # once for the one that is not.
            self.assertTrue(2 <= took < 2 + 5 * (1 + harness.SLOW), took)
            authd.process.send_signal(signal.SIGCONT)
            self.door_refuses()
            authd.stop()
            self.milter_refuses('stopped')

    def test_key_of_another_machine(self):
        with self.milter():
            with open(self.dir + '/auth.key', 'w', encoding='ascii') as f:
                f.write('0' * 64 + '\n')
            with self.authd():
                auth, mail = self.site.attempt('submission', ALICE)
                self.assertTrue(auth.startswith(IN), auth)
                self.assertIn(TENANT, mail)

    def test_a_change_is_in_force_at_the_next_auth(self):
        with self.milter(), self.authd():
            with self.site.connect('submission') as smtp:
                for _ in range(5):
                    self.ctl(EXCEPTION)
                    self.assertEqual(self.site.attempt(
                        'submission', PRINTER)[0][:3], IN)
                    self.ctl('mailbox set %s --smtp-auth disabled' % PRINTER)
                    self.assertEqual(self.site.auth(smtp, PRINTER),
                                     self.site.refused)
                self.ctl(EXCEPTION)         # in the session that is open
                self.assertEqual(self.site.auth(smtp, PRINTER)[:3], IN)

    def test_refusals_are_no_use(self):
        with self.milter() as milter, self.authd() as authd:
            for _ in range(3):
                self.assertEqual(self.site.attempt('submission', ALICE),
                                 (self.site.refused, '-'))
            authd.stop()
            milter.stop()
        rows = self.jsonl('usage', 'list', '--denied')
        self.assertEqual([(row['login'], row['auth_denied'], row['denied'])
                          for row in rows], [(ALICE, 3, 0)], rows)


def row_test(row):
    return lambda self: self.run_row(*row)


for NAME, ROW in TABLE.items():
    setattr(Rows, 'test_' + NAME.replace(',', '').replace(' ', '_'),
            row_test(ROW))


class PlainRig(pam_rig.Postfix):
    options = ()


class RemovedRig(pam_rig.Postfix):
    def _pam(self):
        return super()._pam().replace(pam_rig.MODULE, '/nonexistent/pam_x.so')


class CacheRig(pam_rig.Postfix):
    options = '-r', '-c'


class WithoutRealm(Door):
    """Why contrib/pam wants -r."""

    rig = PlainRig

    def test_whose_login_is_it(self):
        """PAM sees `alice', which is nobody's, unless the policy says whose
        it is."""
        self.ctl(EXCEPTION)
        with self.milter(), self.authd() as authd:
            self.milter_refuses('no -r')
            authd.wait_log('login=alice mailbox= tenant= ')
            self.ctl('settings set default-domain acme.test')
            self.door_refuses()


class WithoutModule(Door):
    """Why it wants no `requisite': the package is removed, its line stays."""

    rig = RemovedRig

    def test_logins_go_on(self):
        self.ctl(EXCEPTION)
        with self.milter(), self.authd():
            self.milter_refuses('no module')


class WithCache(Door):
    """Why it wants no -c."""

    rig = CacheRig

    def test_a_good_password_stays_good(self):
        with self.milter(), self.authd():
            self.ctl('tenant set acme --smtp-auth enabled')
            auth, mail = self.site.attempt('submission', ALICE)
            self.assertEqual((auth[:3], mail[:3]), (IN, PASSED))
            self.ctl('tenant set acme --smtp-auth disabled')
            auth, mail = self.site.attempt('submission', ALICE)
            self.assertEqual(auth[:3], IN)
            self.assertIn(TENANT, mail)
            self.assertEqual(self.site.attempt('submission', ALICE, 'wrong'),
                             (self.site.refused, '-'))


class Postfix(Rows, Door):
    rig = pam_rig.Postfix


class Sendmail(Rows, Door):
    rig = pam_rig.Sendmail


if __name__ == '__main__':
    harness.main()
