# SPDX-License-Identifier: BSD-2-Clause
"""Real submissions through a real Postfix, with the milter line that
contrib/postfix ships."""

import os
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import time
import unittest

import harness
import rig

CONTRIB = os.path.join(harness.ROOT, 'contrib', 'postfix')
PASSWORD = 'open sesame'
LOGINS = (
    'alice@acme.test', 'printer@acme.test', 'printer+scan@acme.test',
    'Printer@ACME.Test', 'a+2Bb@acme.test', '100%s=x@acme.test',
    'jörg@bücher.test', 'JÖRG@BÜCHER.test', 'bob', 'stranger@else.test')
PASSED = '250 2.1.0 Ok'
TENANT = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
MAILBOX = '550 5.7.1 SMTP AUTH is disabled for mailbox alice@acme.test'
OTHER = '550 5.7.1 SMTP AUTH login not accepted'
STORE = '451 4.3.0 SMTP AUTH policy temporarily unavailable'
EXCHANGE = ('535 5.7.139 Authentication unsuccessful, '
            'SmtpClientAuthentication is disabled for the %s.')
NO_MILTER = '451 4.7.1 Service unavailable - try again later'


def shipped(name, pattern):
    """What a pattern finds in a snippet of contrib/postfix."""
    with open(os.path.join(CONTRIB, name), encoding='utf-8') as f:
        return re.search(pattern, f.read(), re.M).group(1)


def ask(smtp):
    """The reply to one MAIL FROM in an open session."""
    code, text = smtp.docmd('MAIL', 'FROM:<sender@acme.test>')
    if code == 250:
        smtp.rset()
    return '%d %s' % (code, text.decode())


class Postfix(harness.Case):
    """One Postfix for all tests; each has a policy and a milter anew."""

    site = None

    @classmethod
    def setUpClass(cls):
        if rig.missing():
            return
        cls.ports = rig.free_port(), rig.free_port()
        tcp = shipped('main.cf.example', r'^mua_milters = (.*8899.*)$')
        unix = shipped('main.cf.example', r'^#mua_milters = (.*unix:.*)$')
        sock = 'unix:smtpauth/milter.sock'
        assert sock in unix, unix
        parameter = shipped('master.cf.example', r'smtpd_milters=(\S+)')
        first, second = (tcp.replace('8899', str(p)) for p in cls.ports)
        milters = {'smtpd_milters': parameter}
        cls.site = rig.Rig({
            'submission': milters,
            'webmail': dict(milters, milter_macro_daemon_name='WEBMAIL'),
            'renamed': dict(milters, mail_name='Acme Mail'),
            'two': {'smtpd_milters': '%s, %s' % (first, second)},
            'relative': {'smtpd_milters': unix},
            'relative-chroot': {'smtpd_milters': unix, 'chroot': 'y'},
            'absolute-chroot': {'smtpd_milters': unix.replace(
                sock, 'unix:/smtpauth/milter.sock'), 'chroot': 'y'},
            'absolute': {'smtpd_milters': unix.replace(
                sock, 'unix:$queue_directory/smtpauth/milter.sock')},
        }, dict.fromkeys(LOGINS, PASSWORD), {'mua_milters': first})
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    def setUp(self):
        if rig.missing():
            self.skipTest(rig.missing())
        super().setUp()
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')

    def diagnostics(self):
        return super().diagnostics() + 'log of Postfix:\n' + ''.join(
            self.site.log().splitlines(True)[-40:])

    def milter(self, number=0, **keys):
        """The daemon on the port that Postfix knows (the last -s counts)."""
        port = self.ports[number]
        daemon = harness.Daemon(
            self, args=('-s', 'inet:%d@127.0.0.1' % port), **keys)
        daemon.port = port
        return daemon

    def session(self, login, listener='submission', **source):
        """A session that is logged in, closed when the test is over."""
        smtp = self.site.login(listener, login, **source)
        self.addCleanup(smtp.close)
        return smtp

    def mail(self, login, listener='submission', **source):
        """The reply to the MAIL FROM of a new session."""
        with self.site.login(listener, login, **source) as smtp:
            return ask(smtp)

    def denied(self, reply, expected, daemon=None, *fields):
        """The reply is the expected text and an id in brackets; the line
        of the daemon's log with that id has these fields."""
        match = re.fullmatch(re.escape(expected) + r' \[([^][\s]+)\]', reply)
        self.assertTrue(match, '%r is not %r with an id' % (reply, expected))
        if daemon is not None:
            line = daemon.wait_log(
                r'^.*\bid=%s .*$' % re.escape(match.group(1))).group(0)
            for field in fields:
                self.assertRegex(line, r'\b%s( |$)' % re.escape(field))
        return match.group(1)

    def deliver(self, login):
        """Send a whole message and wait until Postfix has delivered it."""
        to = '%x@else.test' % time.monotonic_ns()
        with self.site.login('submission', login) as smtp:
            smtp.sendmail('sender@acme.test', [to], 'Subject: x\n\nx\n')
        self.site.wait_log(r'to=<%s>.* status=sent' % re.escape(to))

    # -- the two settings ------------------------------------------------

    def test_two_settings_in_both_directions(self):
        with self.milter() as daemon:
            self.denied(self.mail('alice@acme.test'), TENANT, daemon,
                        'verdict=reject', 'reason=tenant-disabled',
                        'login=alice@acme.test', 'mailbox=alice@acme.test',
                        'tenant=acme', 'client=127.0.0.1', 'mech=PLAIN')
            self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
            self.assertEqual(self.mail('printer@acme.test'), PASSED)
            self.deliver('printer@acme.test')
            daemon.wait_log(r'verdict=allow reason=mailbox-enabled '
                            r'login=printer@acme\.test')
            self.denied(self.mail('alice@acme.test'), TENANT)

            self.ctl('tenant set acme --smtp-auth enabled')
            self.assertEqual(self.mail('alice@acme.test'), PASSED)
            self.deliver('alice@acme.test')
            daemon.wait_log(r'verdict=allow reason=tenant-enabled '
                            r'login=alice@acme\.test')
            self.ctl('mailbox set alice@acme.test --smtp-auth disabled')
            self.denied(self.mail('alice@acme.test'), MAILBOX, daemon,
                        'verdict=reject', 'reason=mailbox-disabled')
            self.assertEqual(self.mail('printer@acme.test'), PASSED)

            for address in 'alice@acme.test', 'printer@acme.test':
                self.ctl('mailbox', 'set', address, '--smtp-auth', 'inherit')
                self.assertEqual(self.mail(address), PASSED)
            self.ctl('tenant set acme --smtp-auth disabled')
            for address in 'alice@acme.test', 'printer@acme.test':
                self.denied(self.mail(address), TENANT)

    def test_postfix_logs_the_rejection(self):
        with self.milter():
            number = self.denied(self.mail('alice@acme.test'), TENANT)
            line = self.site.wait_log(
                r'^.*\[%s\].*$' % re.escape(number)).group(0)
            self.assertIn('NOQUEUE: milter-reject: MAIL from '
                          'unknown[127.0.0.1]: %s [' % TENANT, line)
            self.assertIn('from=<sender@acme.test>', line)

    def test_change_holds_at_the_next_mail_of_an_open_session(self):
        with self.milter() as daemon:
            alice = self.session('alice@acme.test')
            printer = self.session('printer@acme.test')
            pid = daemon.process.pid
            for _ in range(25):
                self.denied(ask(alice), TENANT)
                self.denied(ask(printer), TENANT)
                self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
                self.assertEqual(ask(printer), PASSED)
                self.denied(ask(alice), TENANT)
                self.ctl('tenant set acme --smtp-auth enabled')
                self.assertEqual(ask(alice), PASSED)
                self.ctl('mailbox set alice@acme.test --smtp-auth disabled')
                self.denied(ask(alice), MAILBOX)
                self.assertEqual(ask(printer), PASSED)
                self.ctl('tenant set acme --smtp-auth disabled')
                self.ctl('mailbox remove alice@acme.test')
                self.ctl('mailbox remove printer@acme.test')
            self.assertEqual(daemon.process.pid, pid)
            self.assertIsNone(daemon.process.poll())

    # -- replies ---------------------------------------------------------

    def test_tempfail(self):
        self.ctl('tenant set acme --action tempfail')
        with self.milter() as daemon:
            alice = self.session('alice@acme.test')
            self.denied(ask(alice), TENANT.replace('550 5', '450 4'), daemon,
                        'verdict=tempfail', 'reason=tenant-disabled')
            self.ctl('settings set reply-style exchange')
            self.denied(ask(alice), (EXCHANGE % 'Tenant').replace(
                '535 5.7.139', '454 4.7.0'))
            self.ctl('tenant set acme --action report')
            self.assertEqual(ask(alice), PASSED)
            daemon.wait_log('verdict=report reason=tenant-disabled '
                            'login=alice@acme.test')
            self.ctl('tenant set acme --action reject')
            self.denied(ask(alice), EXCHANGE % 'Tenant')

    def test_both_reply_styles(self):
        self.ctl('mailbox set alice@acme.test --smtp-auth disabled')
        self.ctl('settings set unknown-tenant reject')
        url = 'https://help.acme.test/smtp%20auth?a=%d&b=%%'
        with self.milter() as daemon:
            alice = self.session('alice@acme.test')
            printer = self.session('printer@acme.test')
            stranger = self.session('stranger@else.test')
            for extra in '', '; see ' + url:
                if extra:
                    self.ctl('settings', 'set', 'help-url', url)
                self.denied(ask(alice), MAILBOX + extra)
                self.denied(ask(printer), TENANT + extra)
                self.denied(ask(stranger), OTHER + extra, daemon,
                            'verdict=reject', 'reason=unknown-tenant')
            self.ctl('settings set reply-style exchange')
            for extra in ' Visit %s for more information.' % url, '':
                self.denied(ask(alice), EXCHANGE % 'Mailbox' + extra)
                self.denied(ask(printer), EXCHANGE % 'Tenant' + extra)
                self.denied(ask(stranger), '535 5.7.3 Authentication '
                            'unsuccessful' + extra)
                self.ctl('settings unset help-url')

    def test_own_text(self):
        self.ctl('tenant', 'set', 'acme', '--reply',
                 '100% no for {mailbox}, {tenant} %s')
        with self.milter():
            self.denied(self.mail('alice@acme.test'), '550 5.7.1 100% no '
                        'for alice@acme.test, acme %s')

    def test_lock(self):
        locked = '550 5.7.1 SMTP AUTH is locked for '
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        self.ctl('settings add exempt-listeners WEBMAIL')
        with self.milter() as daemon:
            printer = self.session('printer@acme.test')
            webmail = self.session('printer@acme.test', 'webmail')
            for smtp in printer, webmail:
                self.assertEqual(ask(smtp), PASSED)
            self.ctl('mailbox lock printer@acme.test')
            for smtp in printer, webmail:
                self.denied(ask(smtp), locked + 'mailbox printer@acme.test',
                            daemon, 'verdict=reject', 'reason=locked')
            self.ctl('mailbox unlock printer@acme.test')
            self.assertEqual(ask(printer), PASSED)
            self.ctl('tenant lock acme')
            for smtp in printer, webmail:
                self.denied(ask(smtp), locked + 'tenant acme')
            self.ctl('settings set enforce no')
            self.denied(ask(printer), locked + 'tenant acme')
            self.ctl('settings set reply-style exchange')
            self.denied(ask(printer), '535 5.7.139 Authentication '
                        'unsuccessful, user is locked by your '
                        "organization's security policy.")
            self.ctl('tenant unlock acme')
            self.assertEqual(ask(printer), PASSED)

    def test_dry_run(self):
        self.ctl('mailbox set printer@acme.test --smtp-auth disabled')
        self.ctl('settings set enforce no')
        with self.milter() as daemon:
            self.assertEqual(self.mail('alice@acme.test'), PASSED)
            daemon.wait_log('verdict=report reason=tenant-disabled')
            self.assertEqual(self.mail('printer@acme.test'), PASSED)
            daemon.wait_log('verdict=report reason=mailbox-disabled')
            self.ctl('settings set enforce yes')
            self.denied(self.mail('alice@acme.test'), TENANT)

    # -- who is asking ---------------------------------------------------

    def test_unauthenticated_mail_passes(self):
        self.ctl('tenant add everyone --domain * --smtp-auth disabled')
        self.ctl('settings set invalid-login reject')
        with self.milter() as daemon:
            with self.site.connect('submission') as smtp:
                self.assertEqual(ask(smtp), PASSED)
                smtp.sendmail('alice@acme.test', ['root@mx.example.test'],
                              'Subject: x\n\nx\n')
            alice = self.session('stranger@else.test')
            self.denied(ask(alice), TENANT.replace('acme', 'everyone'),
                        daemon, 'tenant=everyone')

    def test_logins(self):
        self.ctl('tenant add buch --domain bücher.test --smtp-auth disabled')
        for login, mailbox, other in (
                ('printer+scan@acme.test', 'printer+scan@acme.test',
                 'printer@acme.test'),
                ('Printer@ACME.Test', 'printer@acme.test', 'alice@acme.test'),
                ('a+2Bb@acme.test', 'a+2bb@acme.test', 'a+b@acme.test'),
                ('100%s=x@acme.test', '100%s=x@acme.test', 's=x@acme.test'),
                ('jörg@bücher.test', 'jörg@xn--bcher-kva.test',
                 'j?rg@bücher.test'),
                ('JÖRG@BÜCHER.test', 'jörg@bücher.test',
                 'jorg@bücher.test')):
            tenant = 'acme' if 'acme' in mailbox else 'buch'
            with self.subTest(login=login), self.milter() as daemon:
                smtp = self.session(login)
                refused = TENANT.replace('acme', tenant)
                self.denied(ask(smtp), refused, daemon, 'tenant=' + tenant)
                self.ctl('mailbox', 'set', other, '--smtp-auth', 'enabled')
                self.denied(ask(smtp), refused)
                self.ctl('mailbox', 'set', mailbox, '--smtp-auth', 'enabled')
                self.assertEqual(ask(smtp), PASSED)
                self.ctl('mailbox', 'set', mailbox, '--smtp-auth', 'disabled')
                # in the reply the A-label, and ? for what is not ASCII
                shown = mailbox.replace('bücher', 'xn--bcher-kva')
                self.denied(ask(smtp), MAILBOX.replace(
                    'alice@acme.test', shown.replace('ö', '?')))
                for address in mailbox, other:
                    self.ctl('mailbox', 'remove', address)

    def test_login_without_a_domain(self):
        with self.milter() as daemon:
            bob = self.session('bob')
            self.assertEqual(ask(bob), PASSED)
            daemon.wait_log('verdict=allow reason=unknown-tenant login=bob')
            self.ctl('settings set default-domain acme.test')
            self.denied(ask(bob), TENANT, daemon, 'login=bob',
                        'mailbox=bob@acme.test')
            self.ctl('mailbox set bob@acme.test --smtp-auth enabled')
            self.assertEqual(ask(bob), PASSED)
            self.ctl('mailbox set bob@acme.test --smtp-auth disabled')
            self.denied(ask(bob), MAILBOX.replace('alice', 'bob'))
            self.ctl('mailbox alias add printer@acme.test bob')
            self.denied(ask(bob), TENANT)
            self.ctl('settings unset default-domain')
            self.denied(ask(bob), TENANT)
            self.ctl('mailbox alias remove bob')
            self.assertEqual(ask(bob), PASSED)

    def test_unknown_tenant(self):
        with self.milter() as daemon:
            stranger = self.session('stranger@else.test')
            self.assertEqual(ask(stranger), PASSED)
            self.ctl('settings set unknown-tenant reject')
            self.denied(ask(stranger), OTHER, daemon,
                        'verdict=reject', 'reason=unknown-tenant')
            self.ctl('settings set unknown-tenant tempfail')
            self.denied(ask(stranger), OTHER.replace('550 5', '450 4'),
                        daemon, 'verdict=tempfail', 'reason=unknown-tenant')
            self.ctl('settings set unknown-tenant accept')
            self.assertEqual(ask(stranger), PASSED)

    def test_exempt_clients(self):
        with self.milter() as daemon:
            webmail = self.session('alice@acme.test', source='127.0.0.77')
            alice = self.session('alice@acme.test')
            self.denied(ask(webmail), TENANT, daemon, 'client=127.0.0.77')
            self.ctl('settings add exempt-clients 127.0.0.64/27')
            self.assertEqual(ask(webmail), PASSED)
            daemon.wait_log('verdict=allow reason=exempt-client')
            self.denied(ask(alice), TENANT)
            self.ctl('settings remove exempt-clients 127.0.0.64/27')
            self.denied(ask(webmail), TENANT)

    def test_exempt_listeners(self):
        with self.milter() as daemon:
            webmail = self.session('alice@acme.test', 'webmail')
            alice = self.session('alice@acme.test')
            self.denied(ask(webmail), TENANT, daemon, 'listener=WEBMAIL')
            self.ctl('settings add exempt-listeners WEBMAIL')
            self.assertEqual(ask(webmail), PASSED)
            daemon.wait_log('verdict=allow reason=exempt-listener')
            self.denied(ask(alice), TENANT)
            self.ctl('settings remove exempt-listeners WEBMAIL')
            self.denied(ask(webmail), TENANT)

    # -- Postfix and the daemon together ---------------------------------

    def test_mail_name_changed(self):
        self.ctl('mailbox set a+2bb@acme.test --smtp-auth enabled')
        with self.milter():
            self.assertEqual(self.mail('a+2Bb@acme.test', 'renamed'), PASSED)
            self.denied(self.mail('alice@acme.test', 'renamed'), TENANT)

    def test_unix_socket(self):
        # README.md's folder, and a daemon that is not root.
        shutil.chown(self.tmp, group='nogroup')
        os.chmod(self.tmp, 0o750)
        for folder, _names, files in os.walk(self.dir):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                shutil.chown(path, group='nogroup')
        folder = os.path.join(self.site.queue, 'smtpauth')
        os.mkdir(folder)
        self.addCleanup(shutil.rmtree, folder)
        shutil.chown(folder, 'nobody', 'postfix')
        os.chmod(folder, 0o2710)
        path = os.path.join(folder, 'milter.sock')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        with harness.Daemon(self, path, user='nobody') as daemon:
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            with open('/proc/%d/status' % daemon.process.pid) as f:
                self.assertRegex(f.read(), r'(?m)^Uid:(\s+65534){4}$')
            for name in self.site.listeners:
                if name.startswith(('relative', 'absolute')):
                    with self.subTest(listener=name):
                        self.denied(self.mail('alice@acme.test', name),
                                    TENANT, daemon, 'verdict=reject')
                        self.assertEqual(
                            self.mail('printer@acme.test', name), PASSED)
        self.assertFalse(os.path.exists(path))

    def test_other_milters_keep_their_say(self):
        second = harness.Case()
        second.tmp, second.dir = self.tmp, os.path.join(self.tmp, 'second')
        second.transcript, second.daemons = self.transcript, self.daemons
        second.ctl('init')
        second.ctl('tenant add other --domain acme.test --smtp-auth disabled')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        with self.milter():
            daemon = harness.Daemon(second, args=(
                '-s', 'inet:%d@127.0.0.1' % self.ports[1]))
            daemon.port = self.ports[1]
            self.addCleanup(daemon.kill)
            with daemon:
                printer = self.session('printer@acme.test', 'two')
                self.denied(ask(printer), TENANT.replace('acme', 'other'))
                second.ctl('tenant set other --smtp-auth enabled')
                self.assertEqual(ask(printer), PASSED)
                self.denied(self.mail('alice@acme.test', 'two'), TENANT)

    def test_database_lost_and_found(self):
        database = os.path.join(self.dir, 'policy.mdb')
        aside = os.path.join(self.tmp, 'aside')
        with self.milter() as daemon:
            alice = self.session('alice@acme.test')

            def until(expected, seconds, *meanwhile):
                """Ask until the answer comes; until then only these."""
                end = time.monotonic() + seconds
                while True:
                    reply = ask(alice)
                    text = re.sub(r' \[[^][]+\]$', '', reply)
                    if text == expected:
                        return reply
                    self.assertIn(text, meanwhile)
                    self.assertLess(time.monotonic(), end,
                                    'no %r in %d s' % (expected, seconds))

            def move(source, target):
                for suffix in '', '-lock':
                    os.rename(source + suffix, target + suffix)

            self.denied(ask(alice), TENANT)
            move(database, aside)
            reply = until(STORE, 5, TENANT)
            self.denied(reply, STORE, daemon, 'verdict=tempfail',
                        'reason=store-error')
            move(aside, database)
            until(TENANT, 5, STORE)

            move(database, aside)
            until(STORE, 5, TENANT)
            self.ctl('init')
            self.ctl('tenant add acme --domain acme.test '
                     '--smtp-auth disabled --action tempfail')
            until(TENANT.replace('550 5', '450 4'), 5, STORE)
            self.ctl('mailbox set alice@acme.test --smtp-auth enabled')
            self.assertEqual(ask(alice), PASSED)

    def test_daemon_stopped(self):
        with self.milter():
            alice = self.session('alice@acme.test')
            printer = self.session('printer@acme.test')
            self.denied(ask(alice), TENANT)
        for smtp in alice, printer:
            self.assertEqual(ask(smtp), NO_MILTER)
        with self.site.connect('submission') as smtp:
            self.assertEqual(ask(smtp), NO_MILTER)
        with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
            self.site.login('submission', 'alice@acme.test')
        self.assertEqual(caught.exception.smtp_code, 454)
        with self.milter():
            self.denied(self.mail('alice@acme.test'), TENANT)
            # what README.md says of sessions from before
            self.assertEqual(ask(alice), NO_MILTER)

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
                    self.assertIn(' %s' % reply, run.stdout)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # tidy up
    harness.main()
