#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Debian's package, built from the release tarball, and installed, used,
upgraded, removed and purged on a machine with a real systemd."""

import contextlib
import glob
import json
import os
import re
import shutil

import harness
import packages
import service_machine
from machine import Machine
from packages import run, source
from service_machine import ADDRESS, UNIT

CONF = '/etc/smtpauth-milter/smtpauth-milter.conf'
STATE = '/var/lib/smtpauth-milter'
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
# What an installation may change below /etc.
ACCOUNTS = {'/etc/' + name + old for old in ('', '-')
            for name in ('passwd', 'group', 'shadow', 'gshadow')}
WANTED = {'/etc/systemd/system/%s.target.wants/%s.%s' % (target, UNIT, kind)
          for target, kind in (('multi-user', 'service'),
                               ('sockets', 'socket'))}


class Files(harness.Case):
    """What the files say of each other, without building anything."""

    given = ()

    def printed(self, *args):
        text = run(harness.MILTER, '-p', *args).stdout
        return dict(re.findall(r'^([a-z-]+) = (.*)$', text, re.M))

    def test_the_shipped_configuration_is_the_default(self):
        """Every key once, commented, in the order and with the value that
        the program prints; and the program takes all of them."""
        text = source('contrib/smtpauth-milter.conf')
        shipped = re.findall(r'^#([a-z-]+) = ?(.*)$', text, re.M)
        default = self.printed()
        self.assertEqual([key for key, _ in shipped], list(default))
        self.assertNotRegex(text, r'(?m)^[^#\n]')
        path = self.tmp + '/all.conf'
        with open(path, 'w') as f:
            f.write(''.join('%s = %s\n' % pair for pair in shipped))
        taken = self.printed('-c', path)
        self.assertEqual(taken, dict(shipped))
        # These depend on the machine and on the prefix of the build.
        self.assertIn(default.pop('user'), ('', 'smtpauth'))
        self.assertRegex(default.pop('state-dir'), '/lib/smtpauth-milter$')
        del taken['user'], taken['state-dir']
        self.assertEqual(taken, default)

    def test_make_install_puts_all_in_place(self):
        show = '--eval=show-%:;@echo $($*)'
        at = {name: packages.make('-s', show,
                                  'show-' + name).stdout.split()[-1]
              for name in ('sbindir', 'bindir', 'mandir', 'docdir',
                           'systemdsystemunitdir', 'sysusersdir',
                           'tmpfilesdir', 'bashcompletiondir')}
        expected = {
            'sbindir': {'smtpauth-milter'}, 'bindir': {'smtpauthctl'},
            'mandir': {'man5/smtpauth-milter.conf.5',
                       'man5/smtpauth-settings.5',
                       'man7/smtpauth-rollout.7',
                       'man8/smtpauth-milter.8', 'man8/smtpauthctl.8'},
            'docdir': {'README.md', 'NEWS', 'REQUIREMENTS.md', 'SECURITY.md',
                       'COPYING'},
            'systemdsystemunitdir': {UNIT + '.service', UNIT + '@.service',
                                     UNIT + '.socket', UNIT + '@.socket',
                                     'smtpauth-snapshot.path',
                                     'smtpauth-snapshot.service'},
            'sysusersdir': {UNIT + '.conf'}, 'tmpfilesdir': {UNIT + '.conf'},
            'bashcompletiondir': {'smtpauthctl'}}
        expected = {'%s/%s' % (at[folder], name):
                    0o755 if folder.endswith('bindir') else 0o644
                    for folder, names in expected.items() for name in names}
        packages.make('install', 'DESTDIR=' + self.tmp)
        self.assertEqual(self.installed(), expected)
        packages.make('uninstall', 'DESTDIR=' + self.tmp)
        self.assertEqual(self.installed(), {})

    def installed(self):
        return {os.path.join(folder, name)[len(self.tmp):]:
                os.stat(os.path.join(folder, name)).st_mode & 0o7777
                for folder, _, names in os.walk(self.tmp) for name in names}

    def test_shellcheck(self):
        if packages.missing('shellcheck'):
            self.skipTest(packages.missing('shellcheck'))
        folder = os.path.join(harness.ROOT, 'contrib')
        scripts = glob.glob(folder + '/debian/*.p*[mt]')
        self.assertEqual({os.path.splitext(path)[1] for path in scripts},
                         {'.postinst', '.prerm', '.postrm'})
        done = run('shellcheck', *scripts, folder +
                   '/bash-completion/smtpauthctl', check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ''))


class Package(harness.Case):
    """One build for all tests."""

    given = ()

    @classmethod
    def missing(cls):
        return packages.missing(*packages.DEB_NEEDS)

    @classmethod
    def setUpClass(cls):
        cls.why_not = cls.missing()
        if cls.why_not is None:
            try:
                cls.deb, cls.changes, cls.said = packages.deb()
                cls.prepare()
            except packages.Lacking as e:
                cls.why_not = str(e)

    @classmethod
    def prepare(cls):
        pass

    def setUp(self):
        if self.why_not:
            self.skipTest(self.why_not)
        super().setUp()


class Build(Package):

    def test_the_tests_ran_and_none_failed(self):
        found = {key: int(number) for key, number in
                 re.findall(r'^# (\w+): +(\d+)$', self.said, re.M)}
        self.assertIn('TOTAL', found, 'it ran none')
        print('# the build of the package ran %(TOTAL)d tests, '
              '%(SKIP)d skipped' % found)
        self.assertGreater(found['PASS'], 500)
        self.assertEqual(found['PASS'] + found['SKIP'], found['TOTAL'])

    def test_lintian_has_nothing_to_say(self):
        done = run('lintian', '--allow-root', '--fail-on=error,warning',
                   '--tag-display-limit=0', self.changes, check=False)
        said = [line for line in done.stdout.splitlines()
                if not line.startswith('N:')]
        self.assertEqual((done.returncode, said), (0, []))

    def test_lintian_would_see_a_mistake(self):
        tree = os.path.join(self.tmp, 'tree')
        run('dpkg-deb', '-R', self.deb, tree)
        os.chmod(tree + '/usr/share/man/man8/smtpauthctl.8.gz', 0o755)
        with open(tree + '/DEBIAN/postinst', 'a') as f:
            f.write('systemctl restart postfix\n')
        run('dpkg-deb', '-b', tree, tree + '.deb')
        done = run('lintian', '--allow-root', tree + '.deb', check=False)
        self.assertIn('calls-systemctl', done.stdout)
        self.assertIn('executable-manual-page', done.stdout)


class Life(Package):
    """On one machine, beside a Postfix; each begins without the package."""

    @classmethod
    def missing(cls):
        return super().missing() or service_machine.missing()

    @classmethod
    def prepare(cls):
        cls.newer = packages.newer_deb(cls.deb, '99-1')
        cls.box = Machine((*service_machine.libraries(), 'postfix')).__enter__()
        cls.addClassCleanup(cls.box.end)
        for path in cls.deb, cls.newer:
            shutil.copy(path, cls.box.root + '/root/')
        cls.box.write('/etc/mail/sendmail.mc', 'divert(0)\n')
        cls.box.wait('postfix')

    def setUp(self):
        super().setUp()
        self.box.run('rm -f /usr/sbin/policy-rc.d; dpkg --purge %s; rm -rf '
                     '/etc/systemd/system/%s* %s /etc/smtpauth-milter; '
                     'systemctl daemon-reload; systemctl reset-failed' % (
                         UNIT, UNIT, STATE), check=False)

    def diagnostics(self):
        return super().diagnostics() + self.box.status(UNIT)

    def install(self, path=None):
        path = '/root/' + os.path.basename(path or self.deb)
        done = self.box.run('dpkg --force-confold -i %s 2>&1' % path)
        self.transcript.append(done.stdout)
        return done.stdout

    def fill(self):
        self.box.run('smtpauthctl tenant add acme --domain acme.test '
                     '--smtp-auth disabled && smtpauthctl mailbox set '
                     'printer@acme.test --smtp-auth enabled')

    def digest(self):
        return json.loads(self.box.run('smtpauthctl --json status',
                                       check=False).stdout)['policy_digest']

    def ask(self, login, address=ADDRESS):
        with contextlib.closing(self.box.connect(address, 20)) as s:
            return service_machine.Mta(s).mail(login)

    def decides(self, address=ADDRESS):
        self.assertIn(DENIED, self.ask('alice@acme.test', address))
        self.assertEqual(self.ask('printer@acme.test', address), 'allow')

    def verified(self):
        return self.box.run('dpkg -V ' + UNIT, check=False).stdout

    def exists(self, path):
        return os.path.lexists(self.box.path(path))

    def etc(self):
        """Everything below /etc, with what it holds."""
        text = self.box.run('find /etc ! -type d -printf "%p\\t%l %m %u %g " '
                            '\\( -type f -exec md5sum {} \\; -o -printf '
                            '"\\n" \\)').stdout
        return dict(line.split('\t') for line in text.splitlines())

    def changed(self, before):
        after = self.etc()
        return {path for path in {*before, *after}
                if before.get(path) != after.get(path)}

    def test_installed_and_it_runs(self):
        self.install()
        shown = self.box.show(UNIT, 'ActiveState', 'UnitFileState', 'Result')
        self.assertEqual(shown, {'ActiveState': 'active', 'Result': 'success',
                                 'UnitFileState': 'enabled'})
        harness.wait_for(lambda: self.box.run(
            'smtpauthctl status', check=False).returncode == 0, what='status')
        self.box.run('smtpauth-milter -t')
        self.assertEqual(self.box.run(
            'stat -c "%%n %%U:%%G %%a" %s %s/policy.mdb %s' % (
                STATE, STATE, CONF)).stdout.splitlines(), [
            STATE + ' root:smtpauth 750',
            STATE + '/policy.mdb root:smtpauth 640', CONF + ' root:root 644'])
        self.assertEqual(self.verified(), '')
        self.assertRegex(self.box.run('getent passwd smtpauth').stdout,
                         r'^smtpauth:[x!*]:\d{1,3}:\d{1,3}:.*:/:\S*/nologin$')
        self.assertRegex(self.box.run('getent shadow smtpauth').stdout,
                         r'^smtpauth:!')
        self.assertEqual(
            self.box.show(UNIT + '.socket', 'ActiveState', 'UnitFileState'),
            {'ActiveState': 'active', 'UnitFileState': 'enabled'})
        self.assertEqual(self.box.show(UNIT + '@x.service', 'ActiveState'),
                         'inactive')
        # systemd holds the address, not the daemon
        self.assertRegex(self.box.run('cat /proc/net/tcp').stdout,
                         r' 0100007F:22C3 \S+ 0A (\S+ ){3} +0 ')

    def test_nothing_else_is_changed(self):
        self.install()          # the user stays after a purge
        self.box.run('dpkg --purge ' + UNIT)
        mail = self.box.show('postfix@-', 'MainPID')
        before = self.etc()
        self.assertIn('/etc/postfix/main.cf', before)
        self.assertIn('/etc/mail/sendmail.mc', before)
        self.install()
        self.assertEqual(self.changed(before), {CONF, *WANTED})
        self.install(self.newer)
        self.assertEqual(self.changed(before), {CONF, *WANTED})
        self.box.run('dpkg --remove ' + UNIT)
        self.box.run('dpkg --purge ' + UNIT)
        self.assertEqual(self.changed(before), set())
        self.assertEqual(self.box.show('postfix@-', 'MainPID'), mail)

    def test_the_first_installation_adds_an_account_only(self):
        self.box.run('userdel smtpauth', check=False)
        before = self.etc()
        self.install()
        self.assertLessEqual(self.changed(before), {CONF, *WANTED, *ACCOUNTS})

    def test_used_upgraded_removed_and_purged(self):
        self.install()
        self.fill()
        self.decides()
        digest = self.digest()
        edited = self.box.read(CONF) + 'log-allowed = no\n'
        self.box.write(CONF, edited)
        for path in self.deb, self.newer:       # over itself, and a later one
            pid = self.box.show(UNIT, 'MainPID')
            self.install(path)
            self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'active')
            self.assertNotEqual(self.box.show(UNIT, 'MainPID'), pid)
            self.assertEqual(self.box.read(CONF), edited)
            self.assertEqual(self.verified(), '??5?????? c %s\n' % CONF)
            self.assertEqual(self.digest(), digest)
            self.decides()
        self.box.run('dpkg --remove ' + UNIT)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        with self.assertRaises(ConnectionRefusedError):
            self.ask('alice@acme.test')
        self.assertFalse(self.exists('/usr/sbin/smtpauth-milter'))
        self.assertEqual(self.box.read(CONF), edited)
        self.assertTrue(self.exists(STATE + '/policy.mdb'))
        self.install()
        self.assertEqual(self.box.read(CONF), edited)
        self.assertEqual(self.digest(), digest)
        self.decides()
        self.box.run('dpkg --purge ' + UNIT)
        for path in STATE, os.path.dirname(CONF), *WANTED:
            self.assertFalse(self.exists(path), path)

    def test_a_lost_policy_lets_nobody_in(self):
        """Whatever a person or an upgrade does, until it is brought back."""
        self.install()
        self.fill()
        self.box.run('rm -rf /root/backup; smtpauthctl backup /root/backup')
        self.box.run('rm %s/policy.mdb; touch %s/policy.mdb-lock' % (
            STATE, STATE))
        advice = self.box.run('smtpauthctl doctor', check=False).stdout
        self.assertIn('-> smtpauthctl restore DIR', advice)
        self.assertNotIn('smtpauthctl init', advice)
        harness.wait_for(lambda: '451' in self.ask('printer@acme.test'),
                         what='loss seen by the daemon')
        for what in ('smtpauthctl init', 'dpkg -i /root/*-newer.deb',
                     'systemctl restart ' + UNIT, 'dpkg-reconfigure ' + UNIT,
                     'dpkg --remove %s; dpkg -i /root/*-1_*.deb' % UNIT):
            self.transcript.append(self.box.run(what + ' 2>&1',
                                                check=False).stdout)
            self.assertFalse(self.exists(STATE + '/policy.mdb'), what)
            for login in 'alice@acme.test', 'printer@acme.test':
                self.assertIn('451 4.3.0', self.ask(login), what)
        self.assertFalse(self.exists(STATE + '/policy.mdb-lock'))
        self.box.run('smtpauthctl restore /root/backup')
        harness.wait_for(lambda: self.ask('printer@acme.test') == 'allow',
                         what='policy of the backup')
        self.decides()
        self.box.run('rm %s/policy.mdb; smtpauthctl init --new-policy' % STATE)
        harness.wait_for(lambda: self.ask('alice@acme.test') == 'allow',
                         what='new policy')

    def test_sockets_and_instances(self):
        """They are restarted by an upgrade, during which systemd holds the
        address, and gone after a removal."""
        self.install()
        self.fill()
        self.box.write('/etc/smtpauth-milter/two.conf',
                       'socket = inet:8912@127.0.0.1\n')
        self.box.run('systemctl start %s@two.service' % UNIT)
        held = self.box.show(UNIT + '.socket', 'ActiveEnterTimestampMonotonic')
        second = '127.0.0.1', 8912
        self.decides()
        self.decides(second)
        units = UNIT, UNIT + '@two'
        before = [self.box.show(unit, 'MainPID') for unit in units]
        self.install(self.newer)
        self.assertEqual(held, self.box.show(
            UNIT + '.socket', 'ActiveEnterTimestampMonotonic'))
        self.decides()
        self.decides(second)
        for unit, pid in zip(units, before):
            self.assertNotIn(self.box.show(unit, 'MainPID'), (pid, '0'), unit)
        self.box.run('dpkg --remove ' + UNIT)
        for address in ADDRESS, second:
            with self.assertRaises(ConnectionRefusedError):
                self.ask('alice@acme.test', address)
        self.assertEqual(self.box.run(
            'systemctl list-units --plain --no-legend --state=active "%s*"'
            % UNIT).stdout, '')

    def test_policy_rc_d_is_obeyed(self):
        self.box.write('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755)
        self.install()
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        self.assertTrue(self.exists(STATE + '/policy.mdb'))
        self.install(self.newer)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        self.box.run('systemctl start ' + UNIT)
        self.fill()
        self.decides()

    def test_a_broken_configuration_does_not_break_the_upgrade(self):
        self.install()
        self.fill()
        good = self.box.read(CONF)
        self.box.write(CONF, 'colour = blue\n')
        self.assertIn('colour', self.install(self.newer))
        self.assertEqual(self.box.run(
            ['dpkg-query', '-W', '-f', '${Status}', UNIT]).stdout,
            'install ok installed')
        self.box.write(CONF, good)
        self.box.run('systemctl restart ' + UNIT)
        self.decides()

    def test_without_a_running_systemd(self):
        """As in a container or while an image is made."""
        root = self.box.run('mktemp -d').stdout.strip()
        self.box.run('for i in bin etc lib lib64 sbin usr var; do cp -a /$i '
                     '%s/; done; mkdir %s/tmp %s/proc %s/dev; cp %s %s/tmp/; '
                     'touch %s/dev/null' % (
                         (root,) * 4 + ('/root/' + os.path.basename(self.deb),
                                        root, root)))
        self.box.run('chroot %s dpkg -i /tmp/%s' % (
            root, os.path.basename(self.deb)))
        self.assertIn('policy digest', self.box.run(
            'chroot %s smtpauthctl status' % root, check=False).stdout)
        self.assertIn('smtpauth:', self.box.run(
            'chroot %s getent passwd smtpauth' % root).stdout)
        self.box.run(['rm', '-rf', root])


if __name__ == '__main__':
    harness.main()
