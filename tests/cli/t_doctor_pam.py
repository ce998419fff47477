# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor where saslauthd checks the passwords: planted mistakes in
PAM's files and in how saslauthd is started, with /etc/pam.d and /etc/default
of the test's own.
"""

import json
import os
import subprocess

import harness
from doctor_case import ids
from doctor_door import DoorCase

CONTROL = '[perm_denied=die default=ignore]'
LINE = 'auth %s pam_smtpauth.so' % CONTROL
OURS = LINE + ' port=%d key-file=%s\n'
REST = 'auth required pam_unix.so\naccount required pam_unix.so\n'


class Pam(DoorCase):
    """A Postfix with Cyrus SASL."""

    def setUp(self):
        super().setUp()
        if subprocess.run(['unshare', '--mount', '--pid', '--fork', 'true'],
                          capture_output=True).returncode:
            self.skipTest('namespaces are not to be had here')
        self.postconf('-e', 'smtpd_sasl_type=cyrus',
                      'smtpd_sasl_local_domain=acme.test')
        self.start_authd()
        self.pam = os.path.join(self.tmp, 'pam.d')
        self.default = os.path.join(self.tmp, 'default')
        for folder in self.pam, self.default:
            os.mkdir(folder)
        self.ours = OURS % (self.port, self.key_file)
        self.file('smtp', self.ours + REST)
        self.run_saslauthd('-a pam -r')

    def file(self, name, text):
        self.write(os.path.join(self.pam, name), text)

    def run_saslauthd(self, options, nobodys=None):
        """With these options, or None: it does not run. A user without
        rights may run a program of that name before, with other ones."""
        script = os.path.join(self.tmp, 'ctl')
        fifo = os.path.join(self.tmp, 'fifo')
        saslauthd = os.path.join(self.tmp, 'saslauthd')
        self.write(saslauthd, '#!/bin/sh\n'
                   'echo up >"$FIFO"\nread forever <"$FIFO"\n')
        lines = ['#!/bin/sh', 'mount --bind %s /etc/pam.d' % self.pam,
                 'mount --bind %s /etc/default' % self.default,
                 'rm -f %s %s.nobody' % (fifo, fifo)]
        for path, user, words in (
                (fifo + '.nobody', 'setpriv --reuid 65534 --regid 65534 '
                 '--clear-groups ', nobodys), (fifo, '', options)):
            if words is not None:
                lines += ['mkfifo -m 666 ' + path, 'FIFO=%s %s%s %s &' % (
                    path, user, saslauthd, words), 'read up <' + path]
        self.write(script, '\n'.join(
            lines + ['exec %s "$@"' % harness.CTL, '']))
        self.program = os.path.join(self.tmp, 'wrapper')
        self.write(self.program, '#!/bin/sh\nexec unshare --mount '
                   '--propagation private --pid --fork --kill-child '
                   '--mount-proc %s "$@"\n' % script)
        for path in saslauthd, script, self.program:
            os.chmod(path, 0o755)

    def examine(self, *args, **more):
        """The test's processes alone are to be seen, and so no daemon."""
        return super().examine('--ignore', 'daemon-silent', *args, **more)

    where = '/etc/pam.d/smtp'

    def test_right(self):
        report = self.silent()
        self.assertEqual(report['auth_asked_by'], 'PAM')

    def test_right_in_other_words(self):
        for text in (
                'auth required pam_env.so\n' + self.ours + REST,
                '# auth sufficient pam_unix.so\n' + self.ours + REST,
                '@include door\n@include common-auth\n',
                'auth include door\naccount include common-auth\n',
                'auth substack door\n' + REST,
                self.ours.replace(CONTROL, 'required') + REST,
                self.ours.replace(CONTROL, 'requisite') + REST,
                self.ours.replace(CONTROL, '[perm_denied=bad]') + REST,
                self.ours.replace(CONTROL, '[ignore=ignore]') + REST,
                self.ours.replace(CONTROL,
                                  '[success=ok ignore=ignore default=die]'),
                '-' + self.ours.replace(
                    'pam_', '/usr/lib/security/pam_').replace(
                        ' port', ' \\\n   port') + REST):
            self.file('door', self.ours)
            self.file('common-auth', REST)
            self.file('smtp', text)
            with self.subTest(text):
                self.assertEqual(self.silent()['auth_asked_by'], 'PAM')

    def test_not_used(self):
        """No PAM door, and none wanted: -c and no -r are right then."""
        self.run_saslauthd('-a pam -c')
        self.file('smtp', REST)
        self.assertIsNone(self.silent()['auth_asked_by'])
        os.unlink(os.path.join(self.pam, 'smtp'))
        self.assertIsNone(self.silent()['auth_asked_by'])

    def test_another_file(self):
        self.file('smtp', REST)
        for name in 'smtpd', 'saslauthd':
            self.file(name, self.ours + REST)
            finding = self.finds(('pam-not-asked', self.where),
                                 fix=LINE)
            self.assertIn('/etc/pam.d/' + name, finding['text'])
            os.unlink(os.path.join(self.pam, name))

    def test_late(self):
        for first in ('auth required pam_unix.so\n',
                      'auth [success=1 default=ignore] pam_unix.so\n'
                      'auth requisite pam_deny.so\n',
                      'auth include common-auth\n', '@include common-auth\n'):
            self.file('common-auth', REST)
            self.file('smtp', first + self.ours + REST)
            with self.subTest(first):
                finding = self.finds(('pam-late', self.where), fix='first')
                self.assertIn('pam_unix.so', finding['text'])

    def test_account_alone(self):
        self.file('smtp', REST + self.ours.replace('auth ', 'account '))
        self.finds(('pam-late', self.where), fix=LINE)

    def test_bypassed(self):
        for control in ('sufficient', '[success=done default=ignore]',
                        '[success=1 default=ignore]', '[success=2]'):
            self.file('smtp', 'auth %s pam_ldap.so\n%s%s' % (
                control, self.ours, REST))
            finding = self.finds(('pam-bypassed', self.where), fix='first')
            self.assertIn('pam_ldap.so', finding['text'])

    def test_control(self):
        for control in ('optional', 'sufficient', '[default=ignore]',
                        '[success=ok default=bad perm_denied=ignore]'):
            self.file('smtp', self.ours.replace(CONTROL, control) + REST)
            self.finds(('pam-control', self.where), fix=LINE)

    def test_port(self):
        for words in '', 'port=1':
            self.file('smtp', self.ours.replace(
                'port=%d' % self.port, words) + REST)
            self.finds(('pam-port', self.where), fix='port=%d' % self.port)

    def test_address(self):
        self.stop_authd()
        self.listen_on('127.0.0.2')
        self.start_authd()
        self.finds(('pam-address', self.where),
                   fix='inet:%d@127.0.0.1' % self.port)

    def test_key_file(self):
        self.file('smtp', self.ours.replace('.key', '.old') + REST)
        self.finds(('pam-key-file', self.where), fix=self.key_file)
        os.symlink(self.key_file, self.key_file.replace('.key', '.old'))
        self.silent()

    def test_include_missing(self):
        self.file('smtp', self.ours + '@include common-auth\n')
        report = self.silent()
        self.assertIn('was not all read', '\n'.join(report['not_looked_at']))

    def test_include_of_itself(self):
        self.file('smtp', self.ours + '@include smtp\n')
        self.assertEqual(self.silent()['auth_asked_by'], 'PAM')

    def test_flags(self):
        """As it was started, however the options are written."""
        for options, expected in (
                ('-a pam', ['saslauthd-realm']),
                ('-rc -a pam', ['saslauthd-cache']),
                ('-c -n 5 -apam', ['saslauthd-cache', 'saslauthd-realm']),
                ('-m /var/run/-c -ra pam', []),
                ('-r -a shadow', ['saslauthd-not-pam']),
                ('-V -a pam -n 5 -r', [])):
            self.run_saslauthd(options)
            with self.subTest(options):
                report = self.examine()
                self.assertEqual(sorted(i for i, _ in ids(report)), expected)
                for finding in report['findings']:
                    self.assertIn('systemctl restart saslauthd',
                                  finding['fix'])

    def test_one_of_another_user(self):
        """Root does not believe what anybody can run under that name."""
        os.chmod(self.tmp, 0o755)
        self.run_saslauthd('-a pam', nobodys='-r -a pam')
        self.finds(('saslauthd-realm', 'saslauthd'))
        self.run_saslauthd('-r -a pam', nobodys='-c -a shadow')
        self.silent()

    def test_one_domain(self):
        """Where logins have no domain anyway, -r is not needed."""
        self.run_saslauthd('-a pam')
        self.ctl('settings set default-domain acme.test')
        self.finds(('saslauthd-realm', 'saslauthd'))
        self.ctl('settings set login-domain default')
        self.silent()

    def test_defaults(self):
        """As Debian's package has them, while it does not run."""
        self.run_saslauthd(None)
        self.silent()
        path = os.path.join(self.default, 'saslauthd')
        where = '/etc/default/saslauthd'
        self.write(path, 'DESC="SASL"\nMECHANISMS="pam"\nMECH_OPTIONS=""\n'
                   '# OPTIONS="-r"\nOPTIONS="-c -m /var/run/saslauthd"\n')
        self.finds(('saslauthd-realm', where), ('saslauthd-cache', where))
        self.write(path, "MECHANISMS=pam\nOPTIONS='-r -m /run/x'\n")
        self.silent()
        self.write(path, 'MECHANISMS="ldap"\nOPTIONS="-r"\n')
        self.finds(('saslauthd-not-pam', where))

    def test_authd_stopped(self):
        self.stop_authd()
        finding = self.finds(('authd-not-running',
                              'inet:%d@127.0.0.1' % self.port))
        self.assertIn('is asked (PAM)', finding['text'])

    def test_sendmail(self):
        """saslauthd is the only way there."""
        cf = os.path.join(self.etc, 'sendmail.cf')
        self.write(cf, 'O DaemonPortOptions=Port=587, Name=MSA\n')
        self.file('smtp', REST + self.ours)
        result = self.run_doctor('--sendmail', cf, as_json=True, rc=1)
        report = json.loads(result.raw)
        self.assertIn(('pam-late', self.where), ids(report))
        self.assertEqual(report['auth_asked_by'], 'PAM')


if __name__ == '__main__':
    harness.main()
