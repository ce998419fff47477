# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: planted mistakes, one by one.  Each is found by its
name and place, with nothing else; where the advice can be carried out here,
it is, and then nothing is found.  Here: settings, files, the daemon, and the
logins in a mail log.
"""

import os
import pwd
import re
import shutil
import stat
import subprocess
import sys

import harness
from doctor_case import USER, PostfixCase, ids

POSTFIX_LINE = ('Nov 23 10:00:00 mx postfix/submission/smtpd[17]: 4B2C9: '
                'client=%s, sasl_method=PLAIN, sasl_username=%s\n')
# As Postfix 3.8 and later log a guess of a password.
POSTFIX_FAILED = ('Nov 23 10:00:00 mx postfix/submission/smtpd[17]: warning: '
                  'unknown[192.0.2.9]: SASL PLAIN authentication failed: '
                  '(reason unavailable), sasl_username=%s\n')
SENDMAIL_LINE = ('Nov 23 10:00:00 mx sm-mta[17]: AUTH=server, relay=%s, '
                 'authid=%s, mech=PLAIN, bits=0\n')


class Settings(PostfixCase):
    """What the policy and the daemon's configuration say."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def test_fail_open(self):
        for setting, value, finding in (
                ('enforce', 'no', 'dry-run'),
                ('action', 'report', 'action-report'),
                ('invalid-login', 'accept', 'invalid-login-accept')):
            with self.subTest(finding):
                self.ctl('settings', 'set', setting, value)
                found = self.finds((finding, 'settings'),
                                   fix='smtpauthctl settings set ' + setting)
                self.assertEqual(self.follow(found), 1)
                self.silent()

    def test_ignore(self):
        self.ctl('settings set enforce no')
        self.ctl('settings set invalid-login accept')
        found = ('dry-run', 'settings'), ('invalid-login-accept', 'settings')
        self.finds(*found, args=('--ignore', 'dry,accept'))
        self.finds(found[0], args=('--ignore', 'invalid-login-accept'))
        self.finds(found[1], args=('--ignore', 'dry-run'))
        self.silent('--ignore', 'invalid-login-accept,dry-run')

    def test_other_socket(self):
        """The daemon that runs is not the one of this configuration."""
        self.conf(socket='unix:%s/other' % self.tmp)
        found = [f for f in self.examine()['findings']
                 if f['id'] == 'daemon-elsewhere']
        self.assertEqual(len(found), 1)
        self.assertIn(self.daemon.socket, found[0]['text'])
        self.assertIn('%s/other' % self.tmp, found[0]['text'])

    def test_on_error(self):
        self.conf(on_error='accept')
        self.finds(('on-error-accept', 'smtpauth-milter.conf'),
                   fix='on-error = tempfail')
        self.conf(on_error='tempfail')
        self.silent()

    def test_no_realm_of_cyrus(self):
        self.postconf('-e', 'smtpd_sasl_type=cyrus')
        self.finds(('login-without-realm', 'main.cf'), fix='default-domain')
        self.ctl('settings set default-domain acme.test')
        self.silent()
        self.ctl('settings unset default-domain')
        self.ctl('tenant add rest --domain *')
        self.silent()
        self.ctl('tenant remove rest --force')
        self.postconf('-e', 'smtpd_sasl_local_domain=acme.test')
        self.silent()

    def test_no_realm_of_dovecot(self):
        for cut in '%n', '%Ln', '%{user | username}':
            self.program_of_dovecot(cut)
            self.finds(('login-without-realm', 'main.cf'),
                       fix='default-domain')
        for whole in '%u', '%{user | lower}':
            self.program_of_dovecot(whole)
            self.silent()

    def test_files(self):
        self.daemon.stop()
        self.daemon.argv[:0] = 'prlimit', '--nofile=4096:4096', '--'
        self.daemon.start()
        harness.wait_for(lambda: self.examine()['running'], what='heartbeat')
        for limit, expected in ('2016', []), ('2017', [
                ('fd-limit', 'smtpauth-milter')]):
            for service in 'submission', 'submissions':
                self.postconf('-F', '%s/inet/process_limit=%s' % (
                    service, limit))
            self.assertEqual(ids(self.examine()), expected)
        finding = self.finds(*expected, fix='LimitNOFILE=')
        self.assertIn('4096 files', finding['text'])
        self.assertIn('4034 smtpd processes', finding['text'])
        self.postconf('-F', 'submission/inet/process_limit=0')
        finding = self.finds(*expected, fix='LimitNOFILE=')
        self.assertIn('any number', finding['text'])


class State(PostfixCase):
    """The daemon, and who may use its files."""

    def place(self, name=''):
        return os.path.join(self.dir, name) if name else self.dir

    def test_not_running(self):
        self.start()
        self.site()
        self.daemon.stop()
        self.conf(socket=self.daemon.socket)
        report = self.examine()
        self.assertEqual(ids(report), [
            ('daemon-not-running', 'smtpauth-milter'),
            ('milter-unreachable', self.daemon.socket)])
        self.assertIs(report['running'], False)
        self.assertIn('systemctl start smtpauth-milter',
                      report['findings'][0]['fix'])

    def stranger(self, family, address):
        """Another user listens there, and ends each connection."""
        code = ('import os, socket; os.setgroups([]); os.setuid(%d)\n'
                's = socket.socket(socket.%s)\n'
                's.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n'
                's.bind(%r); s.listen()\n'
                'print(flush=True)\n'
                'while True: s.accept()[0].close()' % (
                    pwd.getpwnam('daemon').pw_uid, family, address))
        found = subprocess.Popen([sys.executable, '-c', code],
                                 stdout=subprocess.PIPE)
        self.addCleanup(found.wait)
        self.addCleanup(found.kill)
        self.addCleanup(found.stdout.close)
        self.assertEqual(found.stdout.readline(), b'\n')
        return found

    def strangers(self):
        return [f for f in self.examine()['findings']
                if f['id'] == 'stranger-listens']

    def test_stranger(self):
        """Who listens in the place of a daemon that is down."""
        self.start()
        self.site()
        self.conf(socket=self.daemon.socket)
        self.silent()
        self.daemon.stop()
        self.assertEqual(self.strangers(), [])
        folder = os.path.join(self.tmp, 'open')
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        port, path = self.daemon.port, folder + '/sock'
        for family, address, name in (
                ('AF_INET', ('127.0.0.1', port), self.daemon.socket),
                ('AF_INET', ('0.0.0.0', port), self.daemon.socket),
                ('AF_UNIX', path, 'unix:' + path)):
            self.conf(socket=name, user=USER)
            program = self.stranger(family, address)
            finding, = self.strangers()
            self.assertEqual(finding['where'], name)
            self.assertIn('user daemon', finding['text'])
            self.assertIn('smtpauth-milter.socket', finding['fix'])
            self.conf(user='daemon')
            self.assertEqual(self.strangers(), [])
            program.kill()
            program.wait()

    def test_runs_as_root(self):
        os.chown(self.place('usage'), 0, -1)    # as where it never was another
        self.start(user='root')
        self.site()
        self.finds(('runs-as-root', 'smtpauth-milter'),
                   fix='user = smtpauth')

    def test_no_such_user(self):
        self.start()
        self.site()
        self.conf(user='no-such-user-here')
        finding = self.finds(('no-user', 'smtpauth-milter.conf'),
                             fix='useradd')
        self.assertIn('no user no-such-user-here: the daemon would not start',
                      finding['text'])

    def test_public(self):
        self.start()
        self.site()
        os.chmod(self.dir, 0o755)
        finding = self.finds(('database-public', self.dir), fix='chmod o=')
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_permission(self):
        self.start()
        self.site()
        for name, mode in ('policy.mdb', 0o600), ('usage', 0o500):
            with self.subTest(name):
                path = self.place(name)
                before = stat.S_IMODE(os.stat(path).st_mode)
                os.chmod(path, mode)
                finding = self.finds(('database-permission', path))
                self.assertIn(path, finding['text'])
                self.assertIn('user ' + USER, finding['text'])
                os.chmod(path, before)
                self.silent()

    def test_folder_that_the_daemon_may_not_enter(self):
        self.start()
        self.site()
        found = ('database-permission', self.dir)
        for closed, fix in ((self.dir, 'chmod 0750 ' + self.dir),
                            (self.tmp, 'let user %s enter the folder above it '
                             'that is named' % USER)):
            with self.subTest(closed):
                before = stat.S_IMODE(os.stat(closed).st_mode)
                os.chmod(closed, 0o700)
                report = self.examine()
                # The heartbeat is out of reach, too; nothing else is said.
                self.assertIn(found, ids(report))
                self.assertLessEqual({f for f, _ in ids(report)}, {
                    'database-permission', 'daemon-not-running'})
                finding = [f for f in report['findings']
                           if f['id'] == 'database-permission'][0]
                self.assertEqual(finding['fix'], fix)
                self.assertIn('%s (mode 0700' % closed, finding['text'])
                self.assertIn('user %s in' % USER, finding['text'])
                if not self.follow(finding):
                    os.chmod(closed, before)
                self.silent()

    def test_no_database(self):
        self.start()
        self.site()
        for name in ('policy.mdb',):
            os.remove(self.place(name))
        report = self.examine()
        self.assertIn(('database', self.dir), ids(report))
        self.assertEqual(report['findings'][0]['fix'],
                         'smtpauthctl restore DIR')
        # What follows from it may be said too, and nothing else.
        self.assertLessEqual({f for f, _ in ids(report)}, {
            'database', 'daemon-on-error', 'milter-answer'})
        shutil.rmtree(self.dir)
        self.assertEqual(self.examine()['findings'][0]['fix'],
                         'smtpauthctl init')

    def test_damaged(self):
        self.start()
        self.site()
        with open(self.place('policy.mdb'), 'r+b') as f:
            f.write(b'\xff' * 8192)
        harness.wait_for(
            lambda: ('daemon-on-error', 'smtpauth-milter')
            in ids(self.examine()), what='fault in the heartbeat')
        report = self.examine('--login', 'alice@acme.test')
        self.assertEqual(ids(report), [
            ('database', self.dir), ('daemon-on-error', 'smtpauth-milter')])
        self.assertEqual(report['findings'][0]['fix'], 'smtpauthctl verify')
        self.assertTrue(report['answer'].startswith('451 4.3.0 '))

    def test_mta_in_group(self):
        """Another /etc/group, in a mount namespace."""
        self.start()
        self.site()
        group = os.path.join(self.tmp, 'group')
        with open('/etc/group') as f:
            text = re.sub(r'^(nogroup:.*:)$', r'\1postfix', f.read(),
                          flags=re.M)
        self.assertIn('postfix\n', text)
        self.write(group, text)
        if subprocess.run(['unshare', '--mount', 'mount', '--bind', group,
                           '/etc/group'], capture_output=True).returncode:
            self.skipTest('mount namespaces are not to be had here')
        script = os.path.join(self.tmp, 'ctl')
        self.write(script, '#!/bin/sh\nmount --bind %s /etc/group\n'
                   'exec %s "$@"\n' % (group, harness.CTL))
        os.chmod(script, 0o755)
        wrapper = os.path.join(self.tmp, 'wrapper')
        self.write(wrapper, '#!/bin/sh\nexec unshare --mount --propagation '
                   'private %s "$@"\n' % script)
        os.chmod(wrapper, 0o755)
        self.program = wrapper
        self.finds(('mta-in-group', self.dir),
                   fix='gpasswd -d postfix nogroup')

    def test_not_root(self):
        """An ordinary user is told to be root, and nothing false."""
        self.start()
        self.site()
        self.conf(socket=self.daemon.socket)
        shutil.copy(harness.CTL, os.path.join(self.tmp, 'smtpauthctl'))
        self.program = os.path.join(self.tmp, 'smtpauthctl')
        os.chmod(self.daemon.conf, 0o644)
        report = self.examine(user='daemon', group='daemon', extra_groups=[],
                              cwd='/')
        self.assertEqual(ids(report)[0], ('database', self.dir))
        self.assertIn('as root', report['findings'][0]['fix'])
        self.assertNotIn('milter-not-listed', dict(ids(report)))


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
            f.write(b'sasl_username=\xff\x1b[31m\x07@other.test\n'
                    b'sasl_username=' + b'x' * 100000 + b'\n'
                    b'sasl_username=\0\nAUTH=server, authid=\n'
                    b'client=[, sasl_username=<>\nclient=x[1.2.3.4'
                    b'\nAUTH=server, authid=\x1b]0;x\x07, x\n'
                    b'sasl_username=%n%s@other.test')
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

    def test_hostile_configuration(self):
        self.postconf('-e', 'mail_name=8\x1b[31m\x07\xff x')
        self.write(os.path.join(self.etc, 'table'), '1.2.3.4 DISABLE\n')
        self.postconf('-e', 'smtpd_milter_maps=cidr:%s/table, cidr:\x1b[31m'
                      % self.etc)
        result = self.run_doctor(*self.mta(), rc=1)
        self.assertIn('mta-detection', result.out)
        self.assertNotRegex(result.raw, rb'[\x00-\x09\x0b-\x1f\x7f]')


if __name__ == '__main__':
    harness.main()
