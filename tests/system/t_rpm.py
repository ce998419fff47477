#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rpm, built by Debian's rpmbuild with the macros of packages.py, and
its life on a machine with a real systemd.

What this cannot show: Fedora's own macros of systemd and its compiler flags,
the names of the packages it needs, SELinux.
"""

import contextlib
import os
import re
import shutil

import harness
import packages
import service_machine
from machine import Machine
from packages import run
from service_machine import ADDRESS, AUTHD, UNIT, ask_at_auth

CONF = '/etc/smtpauth-milter/smtpauth-milter.conf'
STATE = '/var/lib/smtpauth-milter'
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
PLAIN = '-rw-r--r-- root:root '
PROGRAM = '-rwxr-xr-x root:root '
FILES = {
    '/etc/smtpauth-milter': 'drwxr-xr-x root:root ',
    CONF: PLAIN + 'cn',         # config(noreplace)
    STATE: 'drwxr-x--- root:smtpauth ',
    '/usr/bin/smtpauthctl': PROGRAM, '/usr/sbin/smtpauth-milter': PROGRAM,
    '/usr/sbin/smtpauth-authd': PROGRAM,
    '/usr/share/bash-completion/completions/smtpauthctl': PLAIN,
    '/usr/share/man/man5/smtpauth-milter.conf.5': PLAIN + 'd',
    '/usr/share/man/man5/smtpauth-settings.5': PLAIN + 'd',
    '/usr/share/man/man7/smtpauth-rollout.7': PLAIN + 'd',
    '/usr/share/man/man8/smtpauth-authd.8': PLAIN + 'd',
    '/usr/share/man/man8/smtpauth-milter.8': PLAIN + 'd',
    '/usr/share/man/man8/smtpauthctl.8': PLAIN + 'd',
    '/usr/lib/sysusers.d/smtpauth-milter.conf': PLAIN,
    '/usr/lib/tmpfiles.d/smtpauth-milter.conf': PLAIN,
    **{'/usr/lib/systemd/system/%s%s' % (UNIT, kind): PLAIN
       for kind in ('.service', '@.service', '.socket', '@.socket')},
    **{'/usr/lib/systemd/system/%s%s' % (AUTHD, kind): PLAIN
       for kind in ('.service', '.socket')},
    '/usr/lib/systemd/system/smtpauth-snapshot.path': PLAIN,
    '/usr/lib/systemd/system/smtpauth-snapshot.service': PLAIN}
DOCS = {'README.md', 'NEWS', 'REQUIREMENTS.md', 'SECURITY.md', 'COPYING',
        *('contrib/' + name for name in packages.documents())}
# Two instances of a Postfix that is not there.
POSTCONF = r"""#!/bin/sh
case "$*" in
"-xh multi_instance_directories") echo /etc/two ;;
"-c /etc/postfix -xP")
    echo "submission/inet/smtpd_milters =" \
        "{ inet:127.0.0.1:8899, default_action=tempfail }"
    echo "smtps/inet/smtpd_milters = inet:127.0.0.1:8891, inet:127.0.0.1:18899" ;;
"-c /etc/two -xn")
    echo "mua_milters = unix:/smtpauth/milter.sock"
    echo "smtpd_milters = unix:/smtpauth/milter.sock" ;;
esac
"""
# What rpmlint may say.
KNOWN = {
    # The state folder is root's, and the group's to read.
    'non-standard-gid', 'non-standard-dir-perm',
    # A package that nobody has signed or put into a distribution.
    'no-signature', 'no-packager-tag', 'no-group-tag', 'no-buildroot-tag',
    'no-url-tag', 'invalid-url', 'incoherent-version-in-changelog',
    # Debian's rpmbuild neither strips nor compresses, and rpmlint then does
    # not find the man pages; it knows no licence by its SPDX name.
    'unstripped-binary-or-object', 'manpage-not-compressed',
    'no-manual-page-for-binary', 'invalid-license',
    # It takes the page of a configuration file for a folder "manconf".
    'bad-manual-page-folder'}
# Words that rpmlint 2.7 does not know.
WORDS = {'tempfails'}


class Rpm(harness.Case):

    given = ()

    def setUp(self):
        reason = packages.missing(*packages.RPM_NEEDS)
        if reason:
            self.skipTest(reason)
        super().setUp()
        self.rpm, self.pam_rpm = packages.rpm()

    @staticmethod
    def files(rpm):
        """{path: mode, owner and flags}."""
        text = run('rpm', '-qp', '--qf', '[%{FILENAMES}\t%{FILEMODES:perms} '
                   '%{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags}\n]',
                   rpm).stdout
        return {re.sub(r'(/man/.*\.\d)\.\w+$', r'\1', path): rest for
                path, rest in (line.split('\t') for line in
                               text.splitlines())
                if '/.build-id' not in path}

    def test_the_pam_module_has_a_package_of_its_own(self):
        found = self.files(self.pam_rpm)
        module, = (path for path in found if path.endswith('.so'))
        self.assertRegex(module, r'^/usr/lib\w*/security/pam_smtpauth\.so$')
        self.assertEqual({path: rest for path, rest in found.items()
                          if not path.startswith('/usr/share/licenses/')},
                         {module: PROGRAM,
                          '/usr/share/man/man8/pam_smtpauth.8': PLAIN + 'd'})

    def test_files_owners_modes_and_flags(self):
        found = self.files(self.rpm)
        docs = {path for path in found
                if re.match('/usr/share/(doc|licenses)/', path)}
        self.assertEqual({path: rest for path, rest in found.items()
                          if path not in docs}, FILES)
        self.assertLessEqual(DOCS, {re.sub(r'^(/[^/]+){4}/', '', path)
                                    for path in docs})
        for path in docs:
            self.assertRegex(found[path], r'^(drwxr-xr-x root:root $|'
                                          r'-rw-r--r-- root:root [dl]$)', path)

    def test_scripts_are_good_shell(self):
        if packages.missing('shellcheck'):
            self.skipTest(packages.missing('shellcheck'))
        text = run('rpm', '-qp', '--scripts', self.rpm).stdout
        parts = re.split(r'(?m)^(\w+) scriptlet \(using /bin/sh\):\n', text)
        scripts = dict(zip(parts[1::2], parts[2::2]))
        self.assertEqual(set(scripts), {'preinstall', 'postinstall',
                                        'preuninstall', 'postuninstall'})
        for name, script in scripts.items():
            self.assertNotIn('%', script, name)     # a macro nobody knows
            done = run('shellcheck', '-s', 'sh', '-e', 'SC2086', '-',
                       input=script, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ''), name)

    def test_rpmlint_says_nothing_new(self):
        if packages.missing('rpmlint'):
            self.skipTest(packages.missing('rpmlint'))
        spec = os.path.join(harness.ROOT, 'contrib/rpm/smtpauth-milter.spec')
        text = run('rpmlint', self.rpm, spec, check=False).stdout
        self.transcript.append(text)
        found = set(re.findall(r'(?m)^smtpauth-milter\S+ [EW]: (\S+)', text))
        self.assertIn('no-signature', found)        # it did run
        words = set(re.findall(r"spelling-error \(?'?(\w+)", text))
        self.assertEqual(words - WORDS, set())
        self.assertEqual(found - KNOWN - {'spelling-error'}, set())


class Life(harness.Case):
    """On one machine, without the package at the beginning of each."""

    given = ()

    @classmethod
    def setUpClass(cls):
        cls.why_not = packages.missing(*packages.RPM_NEEDS) \
            or service_machine.missing()
        if cls.why_not is None:
            # Debian's rpm wanted it up to 4.18, and does not know it since.
            if '--force-debian' in run('rpm', '--help').stdout:
                cls.program_rpm = 'rpm --force-debian --nodeps'
            cls.box = Machine((*service_machine.libraries(), 'rpm')).__enter__()
            cls.addClassCleanup(cls.box.end)

    def setUp(self):
        if self.why_not:
            self.skipTest(self.why_not)
        super().setUp()
        self.box.run('%s -e %s; rm -rf %s /etc/smtpauth-milter' % (
            self.program_rpm, UNIT, STATE), check=False)

    program_rpm = 'rpm --nodeps'

    def diagnostics(self):
        return super().diagnostics() + self.box.status(UNIT)

    def rpm(self, option, release=None):
        """-i or -U a build of the package, or -e it."""
        name = UNIT
        if release:
            path, _ = packages.rpm(release)
            name = '/root/' + os.path.basename(path)
            shutil.copy(path, self.box.root + name)
        done = self.box.run('%s %s %s 2>&1' % (self.program_rpm, option, name))
        self.transcript.append(done.stdout)
        return done.stdout

    def decides(self, address=ADDRESS):
        for login, expected in (('alice@acme.test', DENIED),
                                ('printer@acme.test', 'allow')):
            with contextlib.closing(self.box.connect(address, 20)) as s:
                self.assertIn(expected, service_machine.Mta(s).mail(login))

    def fill(self):
        self.box.run('smtpauthctl tenant add acme --domain acme.test '
                     '--smtp-auth disabled && smtpauthctl mailbox set '
                     'printer@acme.test --smtp-auth enabled')

    def test_installed_it_waits_to_be_started(self):
        self.rpm('-i', 'one')
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        self.assertEqual(self.box.run(
            'stat -c "%%n %%U:%%G %%a" %s %s/policy.mdb' % (STATE, STATE)
        ).stdout.splitlines(), [STATE + ' root:smtpauth 750',
                                STATE + '/policy.mdb root:smtpauth 640'])
        self.assertEqual(self.box.run('rpm -V --nodeps ' + UNIT).stdout, '')
        self.assertRegex(self.box.run('getent passwd smtpauth').stdout,
                         r'^smtpauth:[x!*]:\d{1,3}:\d{1,3}:.*:/:\S*/nologin$')
        self.box.run('systemctl start %s %s' % (UNIT, AUTHD))
        self.fill()
        self.decides()
        self.decides_at_auth()

    def decides_at_auth(self):
        key = self.box.read(STATE + '/auth.key').strip()
        for login, expected in ('alice', -1), ('printer', 0):
            self.assertEqual(ask_at_auth(
                self.box, key, login=login + '@acme.test')[1]['status'],
                expected)

    def test_upgraded_and_erased(self):
        self.rpm('-i', 'one')
        self.box.write('/etc/smtpauth-milter/two.conf',
                       'socket = inet:8912@127.0.0.1\n')
        edited = self.box.read(CONF) + 'log-allowed = no\n'
        self.box.write(CONF, edited)
        units = UNIT, UNIT + '@two', AUTHD
        self.box.run('systemctl start %s %s %s' % units)
        self.fill()
        before = [self.box.show(unit, 'MainPID') for unit in units]
        self.rpm('-U', 'two')
        for unit, pid in zip(units, before):
            self.box.wait(unit)
            self.assertNotEqual(self.box.show(unit, 'MainPID'), pid, unit)
        self.decides()
        self.decides(('127.0.0.1', 8912))
        self.decides_at_auth()
        self.assertEqual(self.box.read(CONF), edited)
        policy = STATE + '/policy.mdb'
        self.box.run('mv %s /root/kept; touch %s-lock' % (policy, policy))
        self.rpm('-U', 'up')            # makes no policy, a lost one or not
        self.assertEqual(self.box.run('ls %s*' % policy, check=False).stdout,
                         '')
        self.box.run('mv /root/kept %s; rm %s/auth.key' % (policy, STATE))
        self.rpm('-U', 'upper')         # makes the key that older ones lack
        self.box.wait(AUTHD)
        self.decides_at_auth()
        self.box.run('systemctl enable %s@two smtpauth-snapshot.path '
                     'smtpauth-snapshot.service' % UNIT)
        self.assertNotIn('still names', self.rpm('-e --test'))
        self.box.write('/usr/sbin/postconf', POSTCONF, 0o755)
        self.addCleanup(self.box.run, 'rm /usr/sbin/postconf')
        said = self.rpm('-e')
        self.assertIn('the mail server still names this milter', said)
        self.assertEqual(re.findall('(?m)^  .*', said), [
            '  /etc/postfix: submission/inet/smtpd_milters = { inet:'
            '127.0.0.1:8899, default_action=tempfail }',
            '  /etc/two: smtpd_milters = unix:/smtpauth/milter.sock'])
        self.assertEqual(self.box.run(
            'find /etc/systemd -name "smtpauth-*"').stdout, '')
        for unit in units:
            self.assertEqual(self.box.show(unit, 'ActiveState'), 'inactive')
        self.assertEqual(self.box.read(CONF + '.rpmsave'), edited)
        self.rpm('-i', 'one')
        self.box.run('systemctl start ' + UNIT)
        self.decides()


if __name__ == '__main__':
    harness.main()
