#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""contrib/fail2ban on what the daemon and a real Postfix log; and smtpauthctl why
with the id of a real refusal."""

import os
import re
import shutil
import subprocess
import time
import unittest

import authd
import harness
import mta
import postfix_rig

FOLDER = os.path.join(harness.ROOT, 'contrib', 'fail2ban')
FILTER = os.path.join(FOLDER, 'filter.d', 'smtpauth-milter.conf')
JAIL = os.path.join(FOLDER, 'jail.d', 'smtpauth-milter.conf')
REGEX = shutil.which('fail2ban-regex')
ALL = 'locked|unknown-tenant|invalid-login|mailbox-disabled|tenant-disabled'
PASSWORD = 'secret'


@unittest.skipUnless(REGEX, 'fail2ban-regex is missing (package fail2ban)')
class Filter(harness.Case):
    given = ('init', 'tenant add acme --domain acme.test',
             'tenant add open --domain open.test --smtp-auth enabled',
             'settings set unknown-tenant reject')

    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.tmp, 'mail.log')

    def matched(self, *lines, reasons=None):
        """The lines that the filter finds, with the client's address of each."""
        with open(self.file, 'w', encoding='utf-8') as f:
            f.write(''.join(line + '\n' for line in lines))
        name = FILTER + ('[reasons="%s"]' % reasons if reasons else '')
        found = []
        for what in 'ip', 'msg':
            r = subprocess.run([REGEX, '-o', what, self.file, name],
                               capture_output=True, text=True, timeout=60)
            self.transcript.append(r.stdout + r.stderr)
            found.append(r.stdout.splitlines())
        return list(zip(*found))

    @staticmethod
    def syslog(line):
        """A line of the daemon as syslog writes it."""
        return '%s mx smtpauth-milter[865]: %s' % (
            time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime()), line)

    def daemon_lines(self, *mails, log='stderr'):
        """What the daemon logs of these, each (login, macros)."""
        with harness.Daemon(self, log=log) as daemon:
            with mta.Mta(daemon) as m:
                for login, macros in mails:
                    m.mail(login, **macros)
        return [line for line in daemon.log().splitlines() if 'verdict' in line]

    def addresses(self, lines, **options):
        return [ip for ip, _ in self.matched(*lines, **options)]

    def mails(self):
        self.ctl('lock eve@open.test')
        return [('eve@open.test', {'client_addr': '192.0.2.1'}),
                ('eve@open.test', {'client_addr': 'IPv6:2001:db8::2'}),
                ('x@nobody.test', {'client_addr': '192.0.2.3'}),
                ('a@@b', {'client_addr': '192.0.2.4'}),
                ('u@acme.test', {'client_addr': '192.0.2.5'}),
                ('u@open.test', {'client_addr': '192.0.2.6'})]

    def test_what_counts(self):
        for log in 'stderr', 'json':
            with self.subTest(log=log):
                lines = self.daemon_lines(*self.mails(), log=log)
                self.assertEqual(len(lines), 6)
                head = [self.syslog(line) for line in lines]
                for form in (head, lines) if log == 'json' else (head,):
                    self.assertEqual(self.addresses(form), [
                        '192.0.2.1', '2001:db8::2', '192.0.2.3', '192.0.2.4'])
                    self.assertEqual(self.addresses(form, reasons=ALL), [
                        '192.0.2.1', '2001:db8::2', '192.0.2.3', '192.0.2.4',
                        '192.0.2.5'])
                    self.assertEqual(self.addresses(form, reasons='locked'), [
                        '192.0.2.1', '2001:db8::2'])

    def test_what_counts_at_auth(self):
        """The lines of smtpauth-authd; without a client nobody is banned."""
        self.ctl('lock eve@open.test')
        asked = (('eve@open.test', '192.0.2.1'), ('eve@open.test', ''),
                 ('eve@open.test', '2001:db8::2'), ('u@acme.test', '192.0.2.5'),
                 ('u@open.test', '192.0.2.6'))
        for log in 'stderr', 'json':
            with self.subTest(log=log):
                with authd.Authd(self, log=log) as daemon:
                    for login, remote in asked:
                        daemon.decides(login, remote=remote)
                lines = [line for line in daemon.log().splitlines()
                         if 'verdict' in line]
                self.assertEqual(len(lines), len(asked))
                head = [self.syslog(line).replace('milter[', 'authd[')
                        for line in lines]
                for form in (head, lines) if log == 'json' else (head,):
                    self.assertEqual(self.addresses(form),
                                     ['192.0.2.1', '2001:db8::2'])
                    self.assertEqual(self.addresses(form, reasons=ALL), [
                        '192.0.2.1', '2001:db8::2', '192.0.2.5'])

    def test_the_filter_of_postfix_leaves_refusals_to_ours(self):
        """With the line of README.md, and counts wrong passwords still."""
        with open(FOLDER + '/README.md', encoding='utf-8') as f:
            ignored = re.search(r'`ignoreregex = (.*)`', f.read())[1]
        line = ('Nov 30 11:00:00 mx postfix/submission/smtpd[9]: warning: '
                'unknown[192.0.2.7]: SASL PLAIN authentication failed: %s, '
                'sasl_username=u@acme.test\n')
        with open(self.file, 'w', encoding='utf-8') as f:
            for reason in ('(reason unavailable)', '5.7.1 SMTP AUTH is disabled'
                           ' for tenant acme [k106p8psz4]'):
                f.write(line % reason)
        for words, counts in ((), '0 ignored, 2 matched'), (
                (ignored,), '1 ignored, 1 matched'):
            r = subprocess.run([REGEX, self.file, 'postfix[mode=auth]', *words],
                               capture_output=True, text=True, timeout=60)
            self.transcript.append(r.stdout + r.stderr)
            self.assertIn(counts, r.stdout)

    def test_nobody_can_have_others_banned(self):
        """What a client chooses makes no line, and no address, of its own."""
        evil = ('x client=198.51.100.9 mech=@nobody.test',
                'x" ,"client":"198.51.100.9"@nobody.test',
                'x\nsmtpauth-milter: id=0000000000 verdict=reject reason=locked '
                'login=a mailbox= tenant= client=198.51.100.9 mech=',
                'x' * 600 + ' client=198.51.100.9 mech=@nobody.test')
        mails = [(login, {'client_addr': '192.0.2.1'}) for login in evil]
        for log in 'stderr', 'json':
            lines = [self.syslog(line) for line in
                     self.daemon_lines(*mails, log=log)]
            self.assertEqual(set(self.addresses(lines)), {'192.0.2.1'})
        forged = ('from=<"smtpauth-milter: id=0 verdict=reject reason=locked login=a '
                  'mailbox= tenant= client=198.51.100.9 mech="@x.test>')
        self.assertEqual(self.addresses([
            self.syslog('x').replace('smtpauth-milter[865]: x', 'postfix/smtpd[9]: '
                                     + forged)]), [])

    def test_jail(self):
        """fail2ban takes the jail as it is, with the filter beside it."""
        etc = os.path.join(self.tmp, 'fail2ban')
        shutil.copytree('/etc/fail2ban', etc, symlinks=True)
        for name in os.listdir(os.path.join(etc, 'jail.d')):    # sshd, for one
            os.remove(os.path.join(etc, 'jail.d', name))
        shutil.copy(FILTER, os.path.join(etc, 'filter.d'))
        shutil.copy(JAIL, os.path.join(etc, 'jail.d'))
        r = subprocess.run(['fail2ban-client', '-c', etc, '-t'],
                           capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        r = subprocess.run(['fail2ban-client', '-c', etc, '-d'],
                           capture_output=True, text=True, timeout=60)
        self.assertIn("'smtpauth-milter', 'addfailregex'", r.stdout)
        self.assertIn('_SYSTEMD_UNIT=smtpauth-milter.service', r.stdout)


class Postfix(harness.Case):
    """A refusal as Postfix hands it on, beside Postfix's own lines of it."""
    given = Filter.given

    def setUp(self):
        super().setUp()
        why = postfix_rig.missing()
        if why:
            self.skipTest(why)

    def test_a_refusal(self):
        login = 'alice@acme.test'
        with harness.Daemon(self) as daemon, postfix_rig.Rig(
                {'submission': {'smtpd_milters': daemon.socket_postfix}},
                {login: PASSWORD}) as site:
            self.ctl('lock ' + login)
            with site.login('submission', login, source='127.0.0.3') as smtp:
                code, reply = smtp.docmd('MAIL FROM:<%s>' % login)
            self.assertEqual(code, 550)
            found = re.search(rb'\[(\w+)\]$', reply)[1].decode()
            line = daemon.wait_log('.*id=%s .*' % found)[0]
            site.wait_log('milter-reject: MAIL from .*' + found)
            both = site.log() + Filter.syslog(line) + '\n'
        log = os.path.join(self.tmp, 'both.log')
        with open(log, 'w', encoding='utf-8') as f:
            f.write(both)
        with self.subTest('why'):
            got = self.json('why', found, '--log', log)
            self.assertEqual((got['reason'], got['login'], got['client']),
                             ('locked', login, '127.0.0.3'))
            self.assertEqual(got['then']['reason'], 'locked')
            self.assertIsNone(got['doubt'])
        with self.subTest('fail2ban'):
            self.assertTrue(REGEX, 'fail2ban-regex is missing (package fail2ban)')
            r = subprocess.run([REGEX, '-o', 'ip', log, FILTER],
                               capture_output=True, text=True, timeout=60)
            self.assertEqual(r.stdout.split(), ['127.0.0.3'])


if __name__ == '__main__':
    harness.main()
