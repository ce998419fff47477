# SPDX-License-Identifier: BSD-2-Clause
"""What contrib/postfix ships and what README.md says, used as they stand on
a throw-away copy of this machine: Debian's Postfix with TLS, Dovecot's
submission proxy, another milter, the commands of both README.md."""

import os
import re
import shutil
import smtplib
import subprocess
import unittest

import harness
import machine_copy
from machine_copy import type_in

PASSED = '250 2.1.0 Ok'
TENANT = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
LOCKED = '550 5.7.1 SMTP AUTH is locked for mailbox alice@acme.test'
NO_MILTER = '451 4.7.1 Service unavailable - try again later'
NO_RELAY = re.compile('554 5.7.1 .*Relay access denied|554 5.7.1 .*rejected')
USERS = dict.fromkeys(('alice@acme.test', 'printer@acme.test',
                       'alice@acme.example', 'printer@acme.example'),
                      'open sesame')
STATE = '/var/lib/smtpauth-milter'
WEBMAIL, PROXY = '127.0.0.1:10587', '127.0.0.1:10588'

# More services, each to show one thing; what they have in common first.
PLAIN = """\
127.0.0.1:%d inet n - y - - smtpd
  -o syslog_name=postfix/%d
  -o smtpd_sasl_auth_enable=yes
"""
MILTERS = '  -o smtpd_milters=$mua_milters\n'


def service(port, *options):
    return PLAIN % (port, port) + ''.join(
        '  -o { %s }\n' % option for option in options)


def mua_milters(pattern):
    """A line of main.cf.example as it stands, without its comment sign."""
    return re.search('^#?(mua_milters = %s)$' % pattern, machine_copy.shipped(
        'main.cf.example'), re.M).group(1) + '\n'


def tcp():
    return mua_milters(r'\{ inet:[^}]*\}')


def ask(smtp, sender='sender@acme.test'):
    """The reply to one MAIL FROM in an open session."""
    code, text = smtp.docmd('MAIL', 'FROM:<%s>' % sender)
    if code == 250:
        smtp.rset()
    return '%d %s' % (code, text.decode())


class Copy(harness.Case):
    """A copy of the machine on which nothing of this project is set up; one
    Postfix for all tests of a class."""

    program = '/usr/local/bin/smtpauthctl'
    given = ()
    main, master = '', ''

    @classmethod
    def setUpClass(cls):
        cls.site = machine_copy.Postfix(USERS, cls.main, cls.master)
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()
        cls.site.start_dovecot()

    def setUp(self):
        super().setUp()
        self.dir = STATE
        for folder in STATE, '/etc/smtpauth-milter':
            shutil.rmtree(folder, ignore_errors=True)
        type_in('userdel smtpauth 2>/dev/null', rc=(0, 6))

    def diagnostics(self):
        return super().diagnostics() + 'log of Postfix and Dovecot:\n' + (
            ''.join(self.site.log().splitlines(True)[-40:]))

    def milter(self):
        """`smtpauth-milter' as typed: no option at all."""
        daemon = harness.Daemon(self)
        daemon.argv, daemon.port = ['smtpauth-milter'], 8899
        return daemon

    def denied(self, reply, expected, daemon, *fields):
        """The reply is the expected text and an id in brackets; the line
        of the daemon's log with that id has these fields."""
        match = re.fullmatch(re.escape(expected) + r' \[([^][\s]+)\]', reply)
        self.assertTrue(match, '%r is not %r with an id' % (reply, expected))
        line = daemon.wait_log(
            r'^.*\bid=%s .*$' % re.escape(match.group(1))).group(0)
        for field in fields:
            self.assertRegex(line, r'\b%s( |$)' % re.escape(field))

    def mail(self, login, port, tls='', **where):
        """The reply to the MAIL FROM of a new session."""
        with self.site.login(login, port, tls, **where) as smtp:
            return ask(smtp)

    def deliver(self, smtp, to='someone@else.test'):
        """Send a whole message; returns the number in Postfix' queue."""
        smtp.sendmail('sender@acme.test', [to],
                      'From: a@acme.test\nSubject: x\n\nx\n')
        smtp.quit()
        return self.site.wait_log(
            r'smtp[d/]*\[\d+\]: (\w+): client=(?:.|\n)*'
            r'\1: to=<%s>.* status=sent' % re.escape(to)).group(1)


class Site(Copy):
    """With a policy: off for acme, on for printer@acme.test."""

    def setUp(self):
        super().setUp()
        type_in('useradd --system --user-group --no-create-home smtpauth')
        self.ctl('init')
        self.ctl('tenant add acme --domain acme.test')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')


class Submission(Site):

    main = tcp()
    master = machine_copy.shipped('master.cf.example', WEBMAIL) + service(
        10600) + MILTERS + service(
        10601, 'smtpd_delay_reject = no') + MILTERS + service(
        10602, 'smtpd_milter_maps = inline:{ { 192.0.2.77 = DISABLE } }'
        ) + MILTERS

    def allowed_and_denied(self, port, tls):
        with self.milter() as daemon:
            for mechanism in 'PLAIN', 'LOGIN':
                self.assertEqual(self.mail('printer@acme.test', port, tls,
                                           mechanism=mechanism), PASSED)
                self.denied(
                    self.mail('alice@acme.test', port, tls,
                              mechanism=mechanism), TENANT, daemon,
                    'verdict=reject', 'reason=tenant-disabled',
                    'login=alice@acme.test', 'client=127.0.0.1',
                    'mech=' + mechanism, 'listener=ORIGINATING')
            self.deliver(self.site.login('printer@acme.test', port, tls))

    def test_submission(self):
        with self.milter(), self.site.connect(587) as smtp:
            smtp.ehlo()
            self.assertNotIn('auth', smtp.esmtp_features)
            self.assertIn('Must issue a STARTTLS command first', ask(smtp))
        self.allowed_and_denied(587, 'starttls')

    def test_submissions(self):
        self.allowed_and_denied(465, 'implicit')

    def test_submission_without_login(self):
        with self.milter(), self.site.connect(587, 'starttls') as smtp:
            smtp.ehlo()
            smtp.docmd('MAIL', 'FROM:<sender@acme.test>')
            self.assertEqual(smtp.docmd('RCPT', 'TO:<you@else.test>')[0], 554)

    def test_webmail_by_listener(self):
        with self.milter() as daemon:
            self.denied(self.mail('alice@acme.test', 10587), TENANT, daemon,
                        'listener=WEBMAIL')
            type_in('smtpauthctl settings add exempt-listeners WEBMAIL')
            self.assertEqual(self.mail('alice@acme.test', 10587), PASSED)
            daemon.wait_log('verdict=allow reason=exempt-listener')
            self.denied(self.mail('alice@acme.test', 587, 'starttls'),
                        TENANT, daemon, 'listener=ORIGINATING')
            self.ctl('mailbox lock alice@acme.test')
            self.denied(self.mail('alice@acme.test', 10587), LOCKED, daemon,
                        'reason=locked', 'listener=WEBMAIL')

    def test_webmail_by_address(self):
        webmail = {'port': 587, 'tls': 'starttls', 'source': '192.0.2.25'}
        with self.milter() as daemon:
            self.denied(self.mail('alice@acme.test', **webmail), TENANT,
                        daemon, 'client=192.0.2.25')
            type_in('smtpauthctl settings add exempt-clients 192.0.2.25')
            self.assertEqual(self.mail('alice@acme.test', **webmail), PASSED)
            daemon.wait_log('verdict=allow reason=exempt-client')
            self.denied(self.mail('alice@acme.test', 587, 'starttls',
                                  source='192.0.2.77'), TENANT, daemon)
            self.ctl('mailbox lock alice@acme.test')
            self.denied(self.mail('alice@acme.test', **webmail), LOCKED,
                        daemon, 'reason=locked')

    def test_daemon_name_is_the_host_unless_told(self):
        with self.milter() as daemon:
            for port in 10600, 10601:
                self.denied(self.mail('alice@acme.test', port), TENANT,
                            daemon, 'listener=mx.example.test')
            self.ctl('settings add exempt-listeners mx.example.test')
            for port in 10600, 10601:
                self.assertEqual(self.mail('alice@acme.test', port), PASSED)

    def test_delay_reject_does_not_matter(self):
        with self.milter() as daemon:
            for port, delayed in (10600, 'yes'), (10601, 'no'):
                self.denied(self.mail('alice@acme.test', port), TENANT,
                            daemon)
                self.site.wait_log(r'postfix/%d/smtpd.* milter-reject: MAIL '
                                   r'from' % port)

    def test_milter_maps_turn_it_off(self):
        self.ctl('mailbox lock alice@acme.test')
        with self.milter() as daemon:
            self.denied(self.mail('alice@acme.test', 10602), LOCKED, daemon)
            self.assertEqual(self.mail('alice@acme.test', 10602,
                                       source='192.0.2.77'), PASSED)
            self.denied(self.mail('alice@acme.test', 10602), LOCKED, daemon)
            self.assertNotIn('192.0.2.77', daemon.log())

    def test_incoming_mail_while_the_milter_is_stopped(self):
        for port, tls in (587, 'starttls'), (465, 'implicit'):
            with self.assertRaises(smtplib.SMTPResponseException) as caught:
                self.mail('printer@acme.test', port, tls)
            self.assertEqual(caught.exception.smtp_code, 454)
        with self.site.connect(465, 'implicit') as smtp:
            smtp.ehlo()
            self.assertEqual(ask(smtp), NO_MILTER)
        self.deliver(self.site.connect(25), 'root@mx.example.test')


class WrongPlaces(Site):
    """The milter where contrib/postfix/README.md says not to put it."""

    main = tcp() + 'smtpd_milters = $mua_milters\n' \
                   'non_smtpd_milters = $mua_milters\n'
    master = service(
        10600, 'smtpd_milters =', 'smtpd_recipient_restrictions = '
        'check_client_access static:HOLD, permit_sasl_authenticated, reject')

    def test_on_port_25_a_stopped_milter_defers_incoming_mail(self):
        with self.milter():
            self.deliver(self.site.connect(25), 'root@mx.example.test')
        with self.site.connect(25) as smtp:
            smtp.ehlo()
            self.assertEqual(ask(smtp), NO_MILTER)

    def local_mail(self, to):
        type_in('echo x | sendmail -f sender@acme.test %s' % to)

    def test_as_non_smtpd_milter_it_has_nothing_to_decide(self):
        self.ctl('mailbox lock printer@acme.test')
        with self.milter() as daemon:
            self.local_mail('local@else.test')
            self.site.wait_log('to=<local@else.test>.* status=sent')
            # what came with a login and is queued anew is not put to milters
            with self.site.login('printer@acme.test', 10600) as smtp:
                smtp.sendmail('sender@acme.test', ['again@else.test'],
                              'Subject: x\n\nx\n')
            held = self.site.wait_log(r'(\w+): client=.*sasl_user').group(1)
            # pickup may just be starting: then the kick breaks off
            type_in('postsuper -r %s hold; for i in 1 2 3 4 5; do '
                    'postkick public pickup W && break; sleep 0.2; done; :'
                    % held)
            self.site.wait_log('to=<again@else.test>.* status=sent')
            self.assertNotIn('verdict=', daemon.log())
        self.local_mail('late@else.test')
        self.site.wait_log(r'cleanup\[.* milter-reject: CONNECT from .*'
                           'Service unavailable')
        self.assertNotIn('late@else.test', self.site.log())


@unittest.skipUnless(shutil.which('opendkim'), 'opendkim is missing')
class TwoMilters(Site):
    """A site that has OpenDKIM in main.cf's smtpd_milters already."""

    main = mua_milters(r'.*inet:127\.0\.0\.1:8891') + tcp().replace(
        'mua_milters', 'only_ours') + """\
smtpd_milters = inet:127.0.0.1:8891
milter_header_checks = static:WARN
"""
    master = machine_copy.shipped('master.cf.example') + service(
        10600, 'smtpd_milters = $only_ours')

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        type_in('openssl genrsa -out /etc/dkim.key 2048 2>/dev/null && '
                'chmod 600 /etc/dkim.key')
        machine_copy.write('/etc/dkim.conf', 'Domain acme.test\nSelector s1\n'
                       'KeyFile /etc/dkim.key\nMode s\n'
                       'Socket inet:8891@127.0.0.1\n')
        cls.signer = subprocess.Popen(['opendkim', '-f', '-x',
                                       '/etc/dkim.conf'])
        cls.addClassCleanup(cls.signer.wait, harness.TIMEOUT)
        cls.addClassCleanup(cls.signer.terminate)
        harness.wait_for(lambda: cls.signer.poll() is not None or type_in(
            'exec 2>/dev/null; : </dev/tcp/127.0.0.1/8891 && echo up',
            rc=(0, 1)), what='OpenDKIM')

    def signed(self, smtp, **to):
        """Send a message; whether a signature was added to it."""
        number = self.deliver(smtp, **to)
        return '%s: milter-header-warning: header DKIM-Signature' % (
            number) in self.site.log()

    def test_both_are_asked(self):
        with self.milter() as daemon:
            self.assertTrue(self.signed(self.site.connect(25),
                                        to='root@mx.example.test'))
            self.assertTrue(self.signed(self.site.login(
                'printer@acme.test', 587, 'starttls'), to='b@else.test'))
            daemon.wait_log('verdict=allow .*login=printer@acme.test')
            self.denied(self.mail('alice@acme.test', 587, 'starttls'),
                        TENANT, daemon)

    def test_a_list_without_it_drops_it_silently(self):
        with self.milter() as daemon:
            self.assertFalse(self.signed(self.site.login(
                'printer@acme.test', 10600), to='c@else.test'))
            daemon.wait_log('verdict=allow .*login=printer@acme.test')


@unittest.skipUnless(os.path.exists('/usr/lib/dovecot/submission-login'),
                     'dovecot-submissiond is missing')
class Proxy(Site):
    """Dovecot's submission service has port 587."""

    main = tcp()
    master = re.sub(r'(?m)^submission inet.*\n(  .*\n)+', '',
                    machine_copy.shipped('master.cf.example', PROXY))

    def proxy(self, trusted='yes', more='', fields=()):
        self.site.stop_dovecot()
        self.site.start_dovecot(' submission', machine_copy.shipped(
            'dovecot-submission.conf.example').replace(
            'trusted = yes', 'trusted = ' + trusted) + more, fields)
        self.addCleanup(self.site.stop_dovecot)

    def session(self, login, source='192.0.2.77'):
        smtp = self.site.login(login, 587, 'starttls', source=source)
        self.addCleanup(smtp.close)
        return smtp

    def test_trusted(self):
        self.proxy()
        with self.milter() as daemon:
            alice = self.session('alice@acme.test')
            for _ in range(2):
                self.denied(
                    ask(alice), TENANT, daemon, 'login=alice@acme.test',
                    'mailbox=alice@acme.test', 'client=192.0.2.77',
                    'mech=XCLIENT', 'listener=PROXY')
                alice.rset()
            self.deliver(self.session('printer@acme.test'))
            daemon.wait_log('verdict=allow reason=mailbox-enabled '
                            'login=printer@acme.test .*client=192.0.2.77')

            self.ctl('settings add exempt-clients 127.0.0.1')
            self.denied(self.mail('alice@acme.test', 587, 'starttls',
                                  source='192.0.2.77'), TENANT, daemon)
            self.ctl('tenant set acme --blocks passwords')
            self.denied(ask(self.session('alice@acme.test')), TENANT, daemon)

    def test_locks_and_exemptions(self):
        self.proxy()
        with self.milter() as daemon:
            self.ctl('settings add exempt-clients 192.0.2.25')
            self.assertEqual(ask(self.session('alice@acme.test',
                                              '192.0.2.25')), PASSED)
            self.denied(ask(self.session('alice@acme.test')), TENANT, daemon)
            self.ctl('mailbox lock alice@acme.test')
            for source in '192.0.2.25', '192.0.2.77':
                self.denied(ask(self.session('alice@acme.test', source)),
                            LOCKED, daemon, 'client=' + source)

    def test_untrusted_nobody_is_judged_and_nothing_relayed(self):
        self.proxy('no')
        with self.milter() as daemon:
            for login in 'alice@acme.test', 'printer@acme.test':
                smtp = self.session(login)
                smtp.docmd('MAIL', 'FROM:<sender@acme.test>')
                code, text = smtp.docmd('RCPT', 'TO:<someone@else.test>')
                self.assertRegex('%d %s' % (code, text.decode()), NO_RELAY)
            self.assertNotIn('verdict=', daemon.log())

    def test_by_a_master_user_everybody_is_the_loopback(self):
        self.proxy('no', 'submission_relay_master_user = relay\n'
                         'submission_relay_password = key\n',
                   {'submission_relay_user': '%{user}'})
        with self.milter() as daemon:
            self.denied(ask(self.session('alice@acme.test')), TENANT, daemon,
                        'login=alice@acme.test', 'client=127.0.0.1')
            type_in('smtpauthctl settings add exempt-clients 127.0.0.1')
            self.assertEqual(ask(self.session('alice@acme.test')), PASSED)
            daemon.wait_log('reason=exempt-client login=alice@acme.test')


# -- README.md ---------------------------------------------------------------

def section(title, page='README.md'):
    """The text below one heading of a page."""
    text = machine_copy.read(os.path.join(harness.ROOT, page))
    return re.search(r'(?ms)^#+ %s\n(.*?)(^#+ |\Z)' % re.escape(title),
                     re.sub('(?ms)^```\n.*?^```$', lambda m: m.group(
                         0).replace('\n#', '\n\0#'), text)
                     ).group(1).replace('\0', '')


def blocks(title, page='contrib/postfix/README.md'):
    """Its blocks of code, without their indentation."""
    return [re.sub('(?m)^' + indent, '', text) for indent, text in re.findall(
        r'(?ms)^( *)```\n(.*?)^ *```$', section(title, page))]


def dialogue(block):
    """Pairs of a typed line and what is printed after it."""
    found = re.findall(r'(?m)^# (.*)\n((?:(?!# ).*\n)*)', block)
    assert found, block
    return found


def plain(text):
    """Without what differs from run to run."""
    text = re.sub(r'\bin \d+ ms', 'in 1 ms', text)
    text = re.sub(r'(?<=\bid=)[0-9a-z]{10}|(?<=\[)[0-9a-z]{10}(?=\])', 'ID',
                  text)
    text = re.sub(r'smtpd\[\d+\]', 'smtpd[1]', text)
    return re.sub(r'(?:localhost|unknown)\[127', 'unknown[127', text)


def listing(text):
    """Mode, owner, group and name of each line of ls -la."""
    rows = [line.split() for line in text.splitlines()]
    return [row[0] + ' ' + ' '.join(row[2:4]) + ' ' + row[-1]
            for row in rows if row[0] != 'total']


class Readme(Copy):

    master = re.sub(r'(?m)^submission inet.*\n(  .*\n)+', '',
                    machine_copy.shipped('master.cf.example'))

    def milter_prints(self, expected):
        """Start it, wait for as many lines as expected, and compare."""
        daemon = self.milter().start()
        harness.wait_for(lambda: daemon.log().count('\n')
                         >= expected.count('\n'), what='all of\n' + expected)
        self.assertEqual(plain(daemon.log()), plain(expected))
        return daemon

    def first_policy(self):
        """Type the block; returns the daemon that its last line starts."""
        block, = blocks('A first policy', 'README.md')
        pairs = dialogue(block)
        self.assertEqual(pairs[-1][0], 'smtpauth-milter')
        for line, printed in pairs[:-1]:
            # `smtpauthctl check' ends with 11 for what is rejected
            self.assertEqual(plain(type_in(line, rc=(0, 11))),
                             plain(printed), line)
        return self.milter_prints(pairs[-1][1])

    def test_first_policy(self):
        self.first_policy().stop()
        named = re.findall(r'`(smtpauthctl [^`]*)`', section(
            'A first policy'))
        self.assertGreaterEqual(len(named), 3)
        for line in named:
            type_in(line)

    def session(self, login):
        smtp = self.site.login(login, 587, 'starttls')
        self.addCleanup(smtp.close)
        return smtp

    def denied_as_shown(self, daemon):
        """The three blocks: what client, milter and Postfix see."""
        reply, logged, line = blocks('What a refusal looks like')
        sent, received = re.fullmatch(
            r'-> MAIL FROM:<(.*)>\n<- (.*)\n', reply).groups()
        smtp = self.session(sent)
        self.assertEqual(plain(ask(smtp, sent)), plain(received))
        harness.wait_for(lambda: plain(logged) in plain(daemon.log()),
                         what=logged)
        self.site.wait_log('milter-reject: MAIL .*' + re.escape(sent))
        self.assertIn(plain(line), plain(self.site.log()))

    def test_beside_postfix(self):
        """Over TCP first, then the unix socket, as a reader would."""
        line, service_lines = blocks('Quick setup')
        body = re.search(r'(?m)^submission inet.*\n((  .*\n)+?)  -o smtpd_mi',
                         machine_copy.shipped('master.cf.example')).group(1)
        machine_copy.write('/etc/postfix/main.cf', machine_copy.read(
            '/etc/postfix/main.cf') + line)
        machine_copy.write('/etc/postfix/master.cf', machine_copy.read(
            '/etc/postfix/master.cf') + service_lines.replace(
            '  ...\n', body))
        self.site.postfix('reload')
        daemon = self.first_policy()
        self.site.wait_log('reload -- version')
        self.denied_as_shown(daemon)
        self.assertEqual(ask(self.session('printer@acme.example')), PASSED)
        daemon.stop()

        commands, console = blocks('Over a unix socket')
        type_in('set -e\n' + commands)
        daemon = self.milter()
        daemon.port = None
        daemon.path = '/var/spool/postfix/smtpauth/milter.sock'
        with daemon:
            for typed, printed in dialogue(console):
                shown = type_in(typed + ' >/tmp/shown 2>&1; cat /tmp/shown')
                if typed.startswith('ls'):
                    self.assertEqual(listing(shown), listing(printed))
            self.site.wait_log(r'reload -- version(?:.|\n)*reload -- version')
            self.denied_as_shown(daemon)
            self.assertEqual(ask(self.session('printer@acme.example')),
                             PASSED)
            self.assertIn('smtpd', type_in(
                'for p in /proc/[0-9]*; do [ "$(readlink $p/root)" = '
                '/var/spool/postfix ] && cat $p/comm; done; true'))
        self.assertFalse(os.path.exists(daemon.path))


if __name__ == '__main__':
    machine_copy.enter()
    machine_copy.install()
    harness.main()
