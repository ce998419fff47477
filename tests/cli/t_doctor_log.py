# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor and the mail log: where it is looked for, what the logins
and the ends of programs in it say, and how it compares with what the daemon
has recorded.
"""

import json
import os
import shutil
import subprocess
import time

import harness
from doctor_case import PATH, PostfixCase, ids
from mta import Mta

POSTFIX_LINE = ('Nov 23 10:00:00 mx postfix/submission/smtpd[17]: 4B2C9: '
                'client=%s, sasl_method=PLAIN, sasl_username=%s\n')
# As Postfix 3.8 and later log a guess of a password.
POSTFIX_FAILED = ('Nov 23 10:00:00 mx postfix/submission/smtpd[17]: warning: '
                  'unknown[192.0.2.9]: SASL PLAIN authentication failed: '
                  '(reason unavailable), sasl_username=%s\n')
SENDMAIL_LINE = ('Nov 23 10:00:00 mx sm-mta[17]: AUTH=server, relay=%s, '
                 'authid=%s, mech=PLAIN, bits=0\n')


class Logs(PostfixCase):
    """Logins in a mail log."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def logins(self, *lines):
        self.write(self.log, ''.join(lines))

    def test_well(self):
        self.logins(POSTFIX_LINE % ('mua[192.0.2.7]', 'alice@acme.test'),
                    SENDMAIL_LINE % ('mua [192.0.2.7]', 'bob@acme.test'),
                    'Nov 23 10:00:00 mx postfix/smtpd[3]: connect from x\n')
        self.silent()

    def test_kinds(self):
        for client, login, finding, fix in (
                ('mua[192.0.2.7]', 'carol@other.test',
                 'logins-unknown-tenant', 'smtpauthctl domain add'),
                ('mua[192.0.2.7]', 'bob', 'login-without-realm',
                 'default-domain'),
                ('mua[192.0.2.7]', 'bob@', 'logins-invalid',
                 'smtpauthctl check'),
                ('localhost[127.0.0.1]', 'alice@acme.test',
                 'webmail-not-exempt', 'exempt-listeners'),
                ('localhost[::1]', 'alice@acme.test',
                 'webmail-not-exempt', 'exempt-listeners')):
            for line in (POSTFIX_LINE % (client, login),
                         SENDMAIL_LINE % (client.replace('[', ' ['), login)):
                with self.subTest(line):
                    self.logins(line, line)
                    found = self.finds((finding, 'mail log'), fix=fix)
                    self.assertIn(login, found['text'])
                    self.assertTrue(found['text'].startswith('1 login '))

    def test_xtext_of_sendmail(self):
        """Its logins are encoded; the daemon, and so the doctor, decodes
        them."""
        self.ctl('domain add acme b\xfccher.test')
        self.ctl('mailbox', 'alias', 'add', 'alice@acme.test', 'ACME\\alice')
        self.logins(*(SENDMAIL_LINE % ('mua [192.0.2.7]', login) for login in (
            'j+C3+B6rg@b+C3+BCcher.test', 'ACME+5Calice', 'a+2Bb@acme.test')))
        self.silent()
        for login, finding, shown in (
                ('j+C3+B6rg@other.test', 'logins-unknown-tenant',
                 'j\xf6rg@other.test'),
                ('ACME+5Cbob', 'login-without-realm', 'ACME\\bob')):
            self.logins(SENDMAIL_LINE % ('mua [192.0.2.7]', login))
            found = self.finds((finding, 'mail log'))
            self.assertIn(shown, found['text'])
            self.assertIn(shown, self.run_doctor(*self.mta()).out)
        # Postfix does not encode: these are the characters of the login.
        self.logins(POSTFIX_LINE % ('mua[192.0.2.7]', 'ACME+5Calice'))
        self.assertIn('ACME+5Calice', self.finds(
            ('login-without-realm', 'mail log'))['text'])

    def test_old_test_from_this_machine(self):
        """What an operator tried yesterday is no webmail."""
        tried = POSTFIX_LINE % ('localhost[127.0.0.1]', 'alice@acme.test')
        later = POSTFIX_LINE % ('mua[192.0.2.7]', 'alice@acme.test')
        self.logins(tried, later.replace('23 10:00', '24 09:00'))
        found = self.finds(('webmail-not-exempt', 'mail log'),
                           fix='tests of yours')
        self.assertRegex(found['text'], r'last seen at \d{4}-11-2\dT')
        self.logins(tried, later.replace('23 10:00', '24 10:01'))
        self.silent()

    FATAL = ('Nov 23 10:00:%02d mx %s[17]: fatal: invalid "-o smtpd_milters" '
             "option value: missing '=' after attribute name\n")
    MASTER = 'Nov 23 10:0%d:00 mx postfix/master[3]: %s\n'
    THROTTLED = MASTER % (1, 'warning: /usr/lib/postfix/sbin/smtpd: bad '
                          'command startup -- throttling')

    def test_smtpd_that_cannot_run(self):
        """One finding for a program, the last words of which are shown."""
        self.logins(*(self.FATAL % (i, 'postfix/smtpd') for i in range(3)),
                    self.FATAL % (4, 'postfix/submission/smtpd'),
                    self.THROTTLED)
        found = self.finds(('mta-fatal', 'postfix/smtpd'),
                           ('mta-fatal', 'postfix/submission/smtpd'),
                           fix='postfix reload')
        self.assertIn('invalid "-o smtpd_milters"', found['text'])
        self.assertIn('(3 times since', found['text'])
        long = ('Nov 23 10:00:00 mx postfix/smtpd[17]: fatal: %s\n'
                % ('x' * 100000))
        self.logins(long)
        self.assertIn('bytes]', self.finds(('mta-fatal', 'postfix/smtpd'))[
            'text'])
        self.logins(self.THROTTLED)
        self.assertIn('throttling', self.finds(
            ('mta-fatal', 'postfix/master'))['text'])

    def test_smtpd_that_runs_again(self):
        whole = (self.FATAL % (0, 'postfix/smtpd') + self.THROTTLED)
        for line in ('reload -- version 3.7.11, configuration /etc/postfix',
                     'daemon started -- version 3.7.11'):
            self.logins(whole, self.MASTER % (2, line))
            self.silent()
        self.logins(self.FATAL % (0, 'postfix/submission/smtpd'),
                    'Nov 23 10:02:00 mx postfix/submission/smtpd[18]: '
                    'connect from mua[192.0.2.7]\n')
        self.silent()
        # Another service of that name says nothing of this one.
        self.logins(self.FATAL % (0, 'postfix/smtpd'),
                    'Nov 23 10:02:00 mx postfix/smtpd[18]: '
                    'connect from mua[192.0.2.7]\n')
        self.finds(('mta-fatal', 'postfix/smtpd'))
        # Long ago: a line of two days later.
        self.logins(whole, 'Nov 25 10:02:00 mx postfix/smtpd[18]: '
                    'disconnect from mua[192.0.2.7]\n')
        self.silent()

    def test_guesses(self):
        """Logins that were not let in are no logins."""
        self.logins(*(POSTFIX_FAILED % login for login in (
            'admin', 'x@other.test', 'test@', '(unavailable)')))
        self.silent()

    def test_many(self):
        self.logins(*(POSTFIX_LINE % ('mua[192.0.2.7]', 'u%d@other.test' % i)
                      for i in range(20000)))
        found = self.finds(('logins-unknown-tenant', 'mail log'))
        self.assertIn('10000 logins', found['text'])
        self.assertLess(len(found['text']), 400)

    def test_long_log(self):
        """Only the end of a long one is read, whole lines of it."""
        with open(self.log, 'w') as f:
            f.write(POSTFIX_LINE % ('mua[192.0.2.7]', 'old@other.test'))
            line = POSTFIX_LINE % ('mua[192.0.2.7]', 'alice@acme.test')
            f.write(line * ((17 << 20) // len(line)))
        self.silent()

    def test_standard_input(self):
        line = POSTFIX_LINE % ('mua[192.0.2.7]', 'carol@other.test')
        self.finds(('logins-unknown-tenant', 'mail log'),
                   args=('--log', '-'), stdin=line)

    def test_hostile(self):
        """Whatever a log holds, the terminal gets printable text."""
        with open(self.log, 'wb') as f:
            f.write(b'client=, sasl_username=\xff\x1b[31m\x07@other.test\n'
                    b'client=, sasl_username=' + b'x' * 100000 + b'\n'
                    b'client=, sasl_username=\0\nAUTH=server, authid=\n'
                    b'client=[, sasl_username=<>\nclient=x[1.2.3.4'
                    b'\nAUTH=server, authid=\x1b]0;x\x07, x\n'
                    b'client=, sasl_username=%n%s@other.test')
        for args in (), ('--login', 'a\x1b[1m@acme.test'):
            result = self.run_doctor(*self.mta(), *args, rc=1)
            self.assertNotRegex(result.raw, rb'[\x00-\x09\x0b-\x1f\x7f]')
            self.assertIn('%n%s@other.test', result.out)
            self.examine(*args)

    def test_unreadable(self):
        for path in os.path.join(self.tmp, 'missing.log'), self.tmp:
            result = self.run_doctor(*self.mta(), '--log', path, rc=None)
            self.assertNotIn(result.rc, (0, 1))
            self.assertIn(path, result.err)
            self.assertEqual(result.out, '')

    def test_read_that_fails(self):
        """It is not the end of the log: more lines could tell more."""
        path = '/proc/self/mem'     # opens, and its first page is not there
        result = self.run_doctor(*self.mta(), '--log', path, rc=None)
        self.assertEqual(result.rc, 74)
        self.assertIn(path, result.err)

    def test_hostile_configuration(self):
        self.postconf('-e', 'mail_name=8\x1b[31m\x07\xff x')
        self.write(os.path.join(self.etc, 'table'), '1.2.3.4 DISABLE\n')
        self.postconf('-e', 'smtpd_milter_maps=cidr:%s/table, cidr:\x1b[31m'
                      % self.etc)
        result = self.run_doctor(*self.mta(), rc=1)
        self.assertIn('mta-detection', result.out)
        self.assertNotRegex(result.raw, rb'[\x00-\x09\x0b-\x1f\x7f]')


class Places(PostfixCase):
    """Where the log of this machine is looked for, in a mount namespace with
    its own /var/log."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()
        self.log = None
        self.var_log = os.path.join(self.tmp, 'var-log')
        os.mkdir(self.var_log)
        script = os.path.join(self.tmp, 'ctl')
        self.write(script, '#!/bin/sh\nmount --bind %s /var/log\n'
                   'exec %s "$@"\n' % (self.var_log, harness.CTL))
        os.chmod(script, 0o755)
        wrapper = os.path.join(self.tmp, 'wrapper')
        self.write(wrapper, '#!/bin/sh\nexec unshare --mount --propagation '
                   'private %s "$@"\n' % script)
        os.chmod(wrapper, 0o755)
        if subprocess.run(['unshare', '--mount', 'true'],
                          capture_output=True).returncode:
            self.skipTest('mount namespaces are not to be had here')
        self.program = wrapper

    def journal(self, *lines, status=0):
        """A journalctl that has these lines, and notes what it was asked."""
        path = os.path.join(self.bin, 'journalctl')
        self.write(os.path.join(self.tmp, 'lines'), ''.join(lines))
        self.write(path, '#!/bin/sh\necho "$*" >>%s/asked\ncat %s/lines\n'
                   'exit %d\n' % (self.tmp, self.tmp, status))
        os.chmod(path, 0o755)

    def asked(self):
        try:
            with open(os.path.join(self.tmp, 'asked')) as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def log_file(self, name, login, age=0):
        path = os.path.join(self.var_log, name)
        self.write(path, POSTFIX_LINE % ('mua[192.0.2.7]', login))
        os.utime(path, (time.time() - age,) * 2)
        return path

    def found_in(self, where, login):
        report = self.examine()
        self.assertEqual(report['mail_log'], where)
        self.assertEqual(report['not_looked_at'], [])
        self.assertEqual(ids(report), [('logins-unknown-tenant', 'mail log')])
        self.assertIn(login, report['findings'][0]['text'])
        text = self.run_doctor(*self.mta()).out
        self.assertRegex(text, r'(?m)^mail log +%s$' % where)
        return report

    def test_journal(self):
        """The identifiers of all services, by their facility."""
        line = POSTFIX_LINE % ('mua[192.0.2.7]', 'carol@other.test')
        for when in 'Nov 23 10:00:00', '2026-11-23T10:00:00+0100':
            self.journal(line.replace('Nov 23 10:00:00', when))
            report = self.found_in('journal', 'carol@other.test')
        self.assertIn('last seen at 2026-11-23T09:00:00Z',
                      report['findings'][0]['text'])
        self.assertIn('SYSLOG_FACILITY=2', self.asked())
        self.assertIn('--output=short-iso', self.asked())

    def test_long_journal(self):
        """More than is taken from a program: the end of it."""
        self.write(os.path.join(self.bin, 'journalctl'), """#!/bin/sh
case "$*" in
*=20000*) yes "%s" | head -c 5000000 ;;
*) echo "%s" ;;
esac
""" % (POSTFIX_LINE % ('mua[192.0.2.7]', 'early@other.test'),
               (POSTFIX_LINE % ('mua[192.0.2.7]', 'late@other.test'))[:-1]))
        os.chmod(os.path.join(self.bin, 'journalctl'), 0o755)
        report = self.found_in('journal', 'late@other.test')
        self.assertNotIn('early', report['findings'][0]['text'])

    def test_files(self):
        self.journal(POSTFIX_LINE % ('mua[192.0.2.7]', 'j@other.test'))
        self.log_file('maillog', 'rhel@other.test')
        self.found_in('/var/log/maillog', 'rhel@other.test')
        self.log_file('mail.log', 'debian@other.test')
        self.found_in('/var/log/mail.log', 'debian@other.test')
        own = os.path.join(self.tmp, 'postfix.log')
        shutil.copy(self.log_file('own', 'own@other.test'), own)
        self.postconf('-e', 'maillog_file=' + own)
        self.found_in(own, 'own@other.test')
        self.postconf('-e', 'maillog_file=/dev/stdout')     # a container's
        self.found_in('/var/log/mail.log', 'debian@other.test')
        with open(self.log_file('out', 'out@other.test'), 'a+') as out:
            subprocess.run(     # doctor >>FILE
                [self.program, '-d', self.dir, '--json', '-c',
                 self.daemon.conf, 'doctor', *self.mta()], stdout=out,
                stdin=subprocess.DEVNULL, env={'PATH': self.bin + ':' + PATH})
            out.seek(0)
            report = json.loads(out.readlines()[-1])
        self.assertEqual(report['mail_log'], '/var/log/mail.log')
        self.assertEqual(self.asked(), '')

    def test_file_that_is_no_longer_written(self):
        """An upgrade took the syslog daemon away, and left its files."""
        self.log_file('mail.log', 'old@other.test', 2 * 86400)
        self.journal(POSTFIX_LINE % ('mua[192.0.2.7]', 'new@other.test'))
        self.found_in('journal', 'new@other.test')
        self.journal()
        self.found_in('/var/log/mail.log', 'old@other.test')

    def nowhere(self, *words):
        report = self.examine()
        self.assertIsNone(report['mail_log'])
        unseen, = report['not_looked_at']
        for word in ('no mail log found', '/var/log/mail.log',
                     '/var/log/maillog', 'the journal', *words):
            self.assertIn(word, unseen)
        self.assertIn('not looked at    ' + unseen,
                      self.run_doctor(*self.mta()).out)
        return report

    def test_no_log(self):
        self.daemon.stop()
        shutil.rmtree(os.path.join(self.dir, 'usage'))
        for status in 0, 1:
            self.journal(status=status)
            self.nowhere('logins were not looked at')

    def test_log_that_may_not_be_read(self):
        """As an ordinary user: no word about a journal that is not asked."""
        os.chmod(self.log_file('mail.log', 'x@other.test'), 0o600)
        self.journal(POSTFIX_LINE % ('mua[192.0.2.7]', 'j@other.test'))
        program = os.path.join(self.tmp, 'smtpauthctl')
        shutil.copy(harness.CTL, program)
        self.write(os.path.join(self.tmp, 'ctl'), '#!/bin/sh\n'
                   'mount --bind %s /var/log\nexec setpriv --reuid daemon '
                   '--regid nogroup --clear-groups %s "$@"\n' % (
                       self.var_log, program))
        os.chmod(self.daemon.conf, 0o644)
        report = self.examine()
        self.assertEqual(report['findings'], [])
        self.assertIsNone(report['mail_log'])
        self.assertIn('not root: the mail log /var/log/mail.log: '
                      'Permission denied', report['not_looked_at'])
        os.remove(os.path.join(self.var_log, 'mail.log'))
        self.journal()
        self.assertIn('not root: no mail log found',
                      '\n'.join(self.examine()['not_looked_at']))
        self.assertEqual(self.examine()['findings'], [])

    def test_logins_of_the_usage(self):
        """What the daemon has recorded, where there is no log."""
        self.journal()
        self.assertEqual(self.nowhere('has recorded')['findings'], [])
        with Mta(self.daemon) as mta:
            for login in 'carol@other.test', 'bob', 'alice@acme.test':
                mta.mail(login)
        self.daemon.stop()
        self.daemon.start()
        harness.wait_for(lambda: self.examine()['running'], what='heartbeat')
        report = self.nowhere('has recorded')
        self.assertEqual(ids(report), [('logins-unknown-tenant', 'usage'),
                                       ('login-without-realm', 'usage')])
        self.assertIn('carol@other.test', report['findings'][0]['text'])
        self.assertIn(': bob (', report['findings'][1]['text'])


class Unasked(PostfixCase):
    """Logins whose mail Postfix took, and of which the daemon knows nothing."""

    def setUp(self):
        super().setUp()
        self.start(usage_flush=1)
        self.site()
        self.began = int(time.time())
        self.wait_written(self.began + 4)

    def wait_written(self, until):
        """Until the usage covers that time."""
        want = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(until))
        harness.wait_for(
            lambda: (self.status()['usage']['until'] or '') > want,
            what='usage written after ' + want)

    def accepted(self, login, at=None, client='mua[192.0.2.7]', host='mx',
                 log='a'):
        at = time.gmtime(self.began + 2 if at is None else at)
        with open(self.log, log) as f:
            f.write((POSTFIX_LINE % (client, login)).replace(
                'Nov 23 10:00:00 mx',
                time.strftime('%Y-%m-%dT%H:%M:%S.5Z ', at) + host))

    def test_nothing_recorded(self):
        self.accepted('bob@acme.test')
        self.accepted('bob@acme.test', client='mua[192.0.2.8]')
        self.accepted('BOB@acme.test')
        found = self.finds(('logins-not-asked', 'mail log'),
                           fix='postfix reload')
        self.assertIn('1 login passed without being asked', found['text'])
        self.assertIn('postfix/submission/smtpd', found['text'])
        with Mta(self.daemon) as mta:
            mta.mail('bob@acme.test')
        self.wait_written(time.time() + 2)
        self.silent()

    def test_the_cause_is_known(self):
        """One finding for a service that does not ask."""
        self.accepted('bob@acme.test')
        for service in 'submission', 'submissions':
            self.postconf('-P', service + '/inet/smtpd_milters=')
        self.assertEqual({f for f, _ in ids(self.examine())},
                         {'milter-not-listed', 'nobody-asks'} & {
                             f for f, _ in ids(self.examine())})

    def test_no_false_accusation(self):
        cases = {
            'before the daemon started': dict(at=self.began - 3600),
            'not written yet': dict(at=time.time() + 30),
            'the clock of another zone': dict(at=time.time() + 7200),
        }
        for what, words in cases.items():
            with self.subTest(what):
                self.accepted('bob@acme.test', log='w', **words)
                self.silent()
        with self.subTest('lines of two machines'):
            self.accepted('bob@acme.test', log='w')
            self.accepted('bob@acme.test', host='mx2')
            self.silent()
        with self.subTest('no message'):
            self.write(self.log, POSTFIX_FAILED % 'bob@acme.test')
            self.silent()

    def test_zone_of_the_machine(self):
        """A log is in the machine's zone; that of the caller is of no
        concern."""
        at = time.localtime(self.began + 2)
        self.write(self.log, time.strftime('%b %e %H:%M:%S', at) + (
            POSTFIX_LINE % ('mua[192.0.2.7]', 'bob@acme.test'))[15:])
        for zone in 'UTC', 'XYZ-5:30', 'XYZ+9', '':
            self.finds(('logins-not-asked', 'mail log'),
                       env={'TZ': zone})

    def test_alias(self):
        """A login by another name is the same mailbox."""
        self.ctl('mailbox alias add alice@acme.test al')
        with Mta(self.daemon) as mta:
            mta.mail('al')
        self.wait_written(time.time() + 2)
        self.accepted('al')
        self.silent()

    def test_alias_that_is_new(self):
        """What was recorded under the name of then."""
        with Mta(self.daemon) as mta:
            mta.mail('al')
        self.accepted('al')
        self.wait_written(time.time() + 2)
        for change in ('mailbox alias add alice@acme.test al',
                       'settings set default-domain acme.test'):
            self.ctl(change)
            self.assertNotIn('logins-not-asked', dict(ids(self.examine())))

    def test_exempt_and_reported(self):
        """What passes is recorded, too."""
        self.ctl('settings set enforce no')
        with Mta(self.daemon) as mta:
            self.assertEqual(mta.mail('alice@acme.test')[:1], 'a')
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        with Mta(self.daemon) as mta:
            mta.mail('bob@acme.test')
        now = int(time.time())
        harness.wait_for(lambda: time.time() > now + 1, what='a second')
        for login in 'alice@acme.test', 'bob@acme.test':
            self.accepted(login, at=now + 1)
        self.wait_written(now + 3)
        self.assertNotIn('logins-not-asked', dict(ids(self.examine())))
        self.accepted('carol@acme.test', at=now + 1)
        self.assertIn('logins-not-asked', dict(ids(self.examine())))

    def test_usage_is_off(self):
        self.daemon.stop()
        self.conf(usage='no')
        self.daemon.start()
        harness.wait_for(lambda: self.examine()['running'], what='heartbeat')
        self.began = int(time.time())
        self.wait_written(self.began + 4)
        self.accepted('bob@acme.test')
        self.silent()


if __name__ == '__main__':
    harness.main()
