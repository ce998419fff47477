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
from service_machine import ADDRESS, AUTHD, UNIT

CONF = '/etc/smtpauth-milter/smtpauth-milter.conf'
STATE = '/var/lib/smtpauth-milter'
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
# Each is said by one of the lintians of Debian 12 and 13, and to the other one
# an override would be a finding: Debian 12's wants an init.d script, and knows
# no newer Standards-Version.
NOT_ASKED = re.compile(r' (package-supports-alternative-init-but-no-init\.d-'
                       r'script|out-of-date-standards-version) ')
# What an installation may change below /etc.
ACCOUNTS = {'/etc/' + name + old for old in ('', '-')
            for name in ('passwd', 'group', 'shadow', 'gshadow')}
WANTED = {'/etc/systemd/system/%s.target.wants/%s.%s' % (target, unit, kind)
          for target, kind in (('multi-user', 'service'),
                               ('sockets', 'socket'))
          for unit in (UNIT, AUTHD)}


class Files(harness.Case):
    """What the files say of each other, without building anything."""

    given = ()

    def printed(self, *args):
        """The keys of the milter, and those of smtpauth-authd's section."""
        milter = run(harness.MILTER, '-p', *args).stdout
        authd = run(harness.AUTHD, '-p', *args).stdout.split('\n[authd]\n')[1]
        return [dict(re.findall(r'^([a-z-]+) = (.*)$', text, re.M))
                for text in (milter, authd)]

    def test_the_shipped_configuration_is_the_default(self):
        """Every key once, commented, in the order and with the value that
        the programs print; and the programs take all of them."""
        text = source('contrib/smtpauth-milter.conf')
        shipped = [re.findall(r'^#([a-z-]+) = ?(.*)$', part, re.M)
                   for part in text.split('\n#[authd]\n')]
        default = self.printed()
        self.assertEqual([[key for key, _ in part] for part in shipped],
                         [list(part) for part in default])
        self.assertNotRegex(text, r'(?m)^[^#\n]')
        path = self.tmp + '/all.conf'
        with open(path, 'w') as f:
            f.write('[authd]\n'.join(''.join(
                '%s = %s\n' % pair for pair in part) for part in shipped))
        taken = self.printed('-c', path)
        self.assertEqual(taken, [dict(part) for part in shipped])
        # These depend on the machine and on the prefix of the build.
        self.assertRegex(default[0].pop('state-dir'), '/lib/smtpauth-milter$')
        del taken[0]['state-dir']
        for one, other in zip(default, taken):
            self.assertIn(one.pop('user'), ('', 'smtpauth'))
            del other['user']
        self.assertEqual(taken, default)

    def test_make_install_puts_all_in_place(self):
        show = '--eval=show-%:;@echo $($*)'
        at = {name: packages.make('-s', show,
                                  'show-' + name).stdout.split()[-1]
              for name in ('sbindir', 'bindir', 'mandir', 'docdir',
                           'systemdsystemunitdir', 'sysusersdir',
                           'tmpfilesdir', 'bashcompletiondir', 'pamdir')}
        expected = {
            'sbindir': {'smtpauth-milter', 'smtpauth-authd'},
            'bindir': {'smtpauthctl'},
            'mandir': {'man5/smtpauth-milter.conf.5',
                       'man5/smtpauth-settings.5',
                       'man7/smtpauth-rollout.7',
                       'man8/smtpauth-authd.8', 'man8/smtpauth-milter.8',
                       'man8/smtpauthctl.8', 'man8/pam_smtpauth.8'},
            'pamdir': {'pam_smtpauth.so'},
            'docdir': {'README.md', 'NEWS', 'REQUIREMENTS.md', 'SECURITY.md',
                       'COPYING'},
            'systemdsystemunitdir': {AUTHD + '.service', AUTHD + '.socket',
                                     UNIT + '.service', UNIT + '@.service',
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

    def test_what_is_named_is_in_the_tarball(self):
        """Every file of contrib, and each that a README.md links to."""
        _, tree = packages.tarball(self.tmp)
        self.assertLessEqual(packages.documents(),
                             packages.documents(tree))
        pages = ['README.md', *('contrib/' + name for name in sorted(
            packages.documents()) if name.endswith('README.md'))]
        for page in pages:
            for link in re.findall(r'\]\(([^):#]+)', source(page)):
                self.assertTrue(os.path.exists(os.path.join(
                    tree, os.path.dirname(page), link)), (page, link))

    def test_a_listener_has_one_name_everywhere(self):
        """An exempt listener is one that a service of contrib has."""
        named, exempt = set(), set()
        for name in packages.documents() | {'../policy/smtpauth-rollout.7'}:
            text = source('contrib/' + name)
            named |= set(re.findall(r'milter_macro_daemon_name=(\w+)|'
                                    r'\bName=(\w+)', text))
            exempt |= set(re.findall(r'exempt-listeners (\w+)', text))
        self.assertEqual(exempt, {'WEBMAIL'})
        self.assertLessEqual(exempt, {word for pair in named for word in pair})

    def test_shellcheck(self):
        if packages.missing('shellcheck'):
            self.skipTest(packages.missing('shellcheck'))
        folder = os.path.join(harness.ROOT, 'contrib')
        tests = glob.glob(folder + '/debian/tests/s*')
        self.assertEqual(len(tests), 2)
        scripts = glob.glob(folder + '/debian/*.p*[mt]')
        self.assertEqual({os.path.splitext(path)[1] for path in scripts},
                         {'.preinst', '.postinst', '.prerm', '.postrm'})
        done = run('shellcheck', *scripts, *tests, folder +
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

    def test_what_is_named_is_in_it(self):
        """Links of README.md lead somewhere from where it is installed."""
        run('dpkg-deb', '-x', self.deb, self.tmp)
        folder = self.tmp + '/usr/share/doc/smtpauth-milter'
        self.assertEqual({path: os.access(os.path.join(
            folder, 'contrib', path), os.R_OK)
            for path in packages.documents()},
            dict.fromkeys(packages.documents(), True))
        self.assertEqual(glob.glob(folder + '/contrib/*/*.gz'), [])
        for link in re.findall(r'\]\((contrib/[^):#]+)', source('README.md')):
            self.assertTrue(os.path.exists(os.path.join(folder, link)) or
                            link.startswith('contrib/debian/'), link)

    def test_the_pam_module_has_a_package_of_its_own(self):
        """Whoever installs the milter changes nothing of PAM."""
        def files(path):
            listed = run('dpkg-deb', '-c', path).stdout
            return {line.split()[5][1:]: line.split()[0]
                    for line in listed.splitlines() if line[0] == '-'}
        triplet = run('dpkg-architecture', '-q',
                      'DEB_HOST_MULTIARCH').stdout.strip()
        found = files(packages.pam_deb())
        self.assertEqual({path: mode for path, mode in found.items() if not
                          re.match('/usr/share/(doc|lintian)/', path)},
                         dict.fromkeys((
                             '/usr/lib/%s/security/pam_smtpauth.so' % triplet,
                             '/usr/share/man/man8/pam_smtpauth.8.gz'),
                             '-rw-r--r--'))
        self.assertEqual([path for path in files(self.deb)
                          if 'pam_smtpauth' in path], [])

    def test_lintian_has_nothing_to_say(self):
        done = run('lintian', '--allow-root', '--display-info', '--pedantic',
                   '--fail-on=none', '--tag-display-limit=0', self.changes,
                   check=False)
        said = [line for line in done.stdout.splitlines()
                if not (line.startswith('N:') or NOT_ASKED.search(line))]
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
                     '/etc/systemd/system/smtpauth-* %s /etc/smtpauth-milter; '
                     'systemctl daemon-reload; systemctl reset-failed' % (
                         UNIT, STATE), check=False)

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

    def key(self):
        return self.box.read(STATE + '/auth.key').strip()

    def decides_at_auth(self):
        for login, expected in ('alice', -1), ('printer', 0):
            status, said = service_machine.ask_at_auth(
                self.box, self.key(), login=login + '@acme.test')
            self.assertEqual((status, said['status']), (200, expected), login)

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
        # systemd holds the addresses, not the daemons
        for port in '22C3', '22C2':
            self.assertRegex(self.box.run('cat /proc/net/tcp').stdout,
                             r' 0100007F:%s \S+ 0A (\S+ ){3} +0 ' % port)

    def test_the_door_at_auth_is_there_for_who_asks(self):
        self.install()
        for unit in AUTHD, AUTHD + '.socket':
            self.assertEqual(
                self.box.show(unit, 'ActiveState', 'UnitFileState'),
                {'ActiveState': 'active', 'UnitFileState': 'enabled'})
        self.assertEqual(self.box.run(
            'stat -c "%%U:%%G %%a" %s/auth.key' % STATE).stdout,
            'root:smtpauth 640\n')
        self.fill()
        self.decides_at_auth()
        self.assertEqual(service_machine.ask_at_auth(
            self.box, 'x' * 64, login='printer@acme.test')[0], 401)

    def test_an_upgrade_makes_the_key_that_older_versions_lack(self):
        """And no policy with it, where that is lost."""
        self.install()
        self.fill()
        digest = self.digest()
        lose = 'rm %s/auth.key; systemctl stop %s.socket %s' % (
            STATE, AUTHD, AUTHD)
        self.box.run(lose)
        self.install(self.newer)
        self.assertEqual(self.box.run(
            'stat -c "%%U:%%G %%a" %s/auth.key' % STATE).stdout,
            'root:smtpauth 640\n')
        self.assertEqual(self.digest(), digest)
        self.decides_at_auth()
        self.box.run('rm -rf /root/kept; mkdir /root/kept; '
                     'mv %s/policy.mdb /root/kept; %s' % (STATE, lose))
        self.install(self.deb)
        for name in 'policy.mdb', 'auth.key':
            self.assertFalse(self.exists('%s/%s' % (STATE, name)), name)
        self.assertEqual(self.box.run(
            ['dpkg-query', '-W', '-f', '${Status}', UNIT]).stdout,
            'install ok installed')
        self.box.run('mv /root/kept/policy.mdb %s; smtpauthctl init; '
                     'systemctl restart %s' % (STATE, AUTHD))
        self.decides_at_auth()

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

    def test_into_another_root_without_chroot(self):
        """It leaves this machine alone, its units and its policy, too."""
        self.box.run('rm -rf /root/other; mkdir -p /root/other/var/lib/dpkg '
                     '/root/other/etc; touch /root/other/var/lib/dpkg/status; '
                     'cp /etc/passwd /etc/group /root/other/etc')
        before = self.etc()
        for option in '-i /root/' + os.path.basename(self.deb), \
                '-i /root/' + os.path.basename(self.newer), '--purge ' + UNIT:
            done = self.box.run('dpkg --root=/root/other --force-depends '
                                '--force-script-chrootless %s 2>&1' % option)
            self.transcript.append(done.stdout)
            self.assertEqual('type: smtpauthctl init' in done.stdout,
                             self.deb.endswith(option.split('/')[-1]))
            self.assertNotIn('configuration is wrong', done.stdout)
        self.assertEqual(self.changed(before), set())
        self.assertFalse(self.exists(STATE))
        self.assertFalse(self.exists('/root/other' + STATE))

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
            units, key = (UNIT, AUTHD), self.key()
            pids = [self.box.show(unit, 'MainPID') for unit in units]
            self.install(path)
            for unit, pid in zip(units, pids):
                self.assertEqual(self.box.show(unit, 'ActiveState'), 'active')
                self.assertNotEqual(self.box.show(unit, 'MainPID'), pid)
            self.assertEqual(self.key(), key)
            self.assertEqual(self.box.read(CONF), edited)
            self.assertEqual(self.verified(), '??5?????? c %s\n' % CONF)
            self.assertEqual(self.digest(), digest)
            self.decides()
            self.decides_at_auth()
        self.box.run('dpkg --remove ' + UNIT)
        for unit in UNIT, AUTHD:
            self.assertEqual(self.box.show(unit, 'ActiveState'), 'inactive')
        with self.assertRaises(ConnectionRefusedError):
            self.ask('alice@acme.test')
        with self.assertRaises(ConnectionRefusedError):
            self.decides_at_auth()
        self.assertFalse(self.exists('/usr/sbin/smtpauth-milter'))
        self.assertEqual(self.box.read(CONF), edited)
        self.assertTrue(self.exists(STATE + '/policy.mdb'))
        self.install()
        self.assertEqual(self.box.read(CONF), edited)
        self.assertEqual(self.digest(), digest)
        self.assertEqual(self.key(), key)
        self.decides()
        self.decides_at_auth()
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
            'systemctl list-units --plain --no-legend --state=active '
            '"smtpauth-*"').stdout, '')

    OWN = ('smtpauth-snapshot.path', 'smtpauth-snapshot.service',
           UNIT + '@two.service', UNIT + '@three.socket')

    def active(self, *units):
        return {unit for unit in units
                if self.box.show(unit, 'ActiveState') == 'active'}

    def dangling(self):
        return self.box.run('find /etc/systemd /usr/local/lib/systemd -xtype l '
                            '2>/dev/null', check=False).stdout.split()

    def test_what_is_enabled_comes_back_and_goes_with_a_purge(self):
        self.install()
        self.fill()
        self.box.write(os.path.dirname(CONF) + '/two.conf',
                       'socket = inet:8912@127.0.0.1\n')
        self.box.run('systemctl enable --now ' + ' '.join(self.OWN))
        # enabled, and stopped by hand: an upgrade lets that be
        self.box.run('systemctl stop smtpauth-snapshot.path')
        units = {UNIT + '.service', UNIT + '.socket', *self.OWN[2:]}
        self.install(self.newer)
        self.assertEqual(self.active(*units, *self.OWN), units)
        self.box.run('dpkg --remove ' + UNIT)
        self.assertEqual(self.active(*units, *self.OWN), set())
        self.install(self.newer)
        units.add('smtpauth-snapshot.path')
        self.assertEqual(self.active(*units, *self.OWN), units)
        self.decides()
        self.decides(('127.0.0.1', 8912))
        self.box.run('dpkg --purge ' + UNIT)
        self.assertEqual(self.dangling(), [])
        self.assertEqual(self.box.run(
            'find /etc/systemd -name "smtpauth-*"').stdout, '')
        self.install()          # and nothing of the old is enabled
        self.assertEqual(self.active(*self.OWN), set())

    def test_a_reinstallation_that_is_aborted(self):
        """It leaves no note that keeps later upgrades from a restart."""
        note = '/run/smtpauth-milter.reinstalled'
        self.install()
        self.box.run('dpkg --remove ' + UNIT)
        self.box.run('''
            cd /root; rm -rf broken; dpkg-deb -R %s broken
            sed -i 's,^exit 0$,test ! -e %s,' broken/DEBIAN/preinst
            dpkg-deb -b broken broken.deb''' % (
                os.path.basename(self.deb), note))
        done = self.box.run('dpkg -i /root/broken.deb 2>&1', check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.box.run('test ! -e ' + note)
        self.box.run('dpkg --purge ' + UNIT)
        self.install()
        pid = self.box.show(UNIT, 'MainPID')
        self.install(self.newer)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'active')
        self.assertNotEqual(self.box.show(UNIT, 'MainPID'), pid)

    WARNS = 'the mail server still names this milter'

    def test_remove_warns_while_postfix_names_it(self):
        """In both lists, beside another milter, and in a second instance;
        what it says to type ends that, and leaves the other one alone."""
        self.install()
        self.assertNotIn(self.WARNS, self.box.run(
            'dpkg --remove %s 2>&1' % UNIT).stdout)
        self.install()
        self.box.run(r"""
            rm -rf /etc/postfix-two; cp -a /etc/postfix /etc/postfix.kept
            cd /etc/postfix
            postconf -e other=inet:127.0.0.1:8891 \
                'ours = { inet:127.0.0.1:8899, default_action=tempfail }' \
                'mua_milters = $ours, $other'
            postconf -M submission/inet='submission inet n - y - - smtpd'
            postconf -P 'submission/inet/smtpd_milters=$mua_milters'
            cp -a /etc/postfix /etc/postfix-two
            cd /etc/postfix-two
            postconf -c . -e 'smtpd_milters = inet:127.0.0.1:8891 unix:/smtpauth/milter.sock' \
                queue_directory=/var/spool/postfix-two data_directory=/var/lib/postfix-two
            postconf -e multi_instance_directories=/etc/postfix-two
            printf 'Xsmtpauth, S=inet:8899@localhost, F=T\nXother, S=inet:8891@localhost\n' \
                >/etc/mail/sendmail.cf""")
        self.addCleanup(self.box.run, 'rm -rf /etc/postfix /etc/postfix-two '
                        '/etc/mail/sendmail.cf; mv /etc/postfix.kept '
                        '/etc/postfix')
        self.box.write(CONF, 'socket = unix:/var/spool/postfix/smtpauth/'
                       'milter.sock\n')
        said = self.box.run('dpkg --remove %s 2>&1' % UNIT).stdout
        self.transcript.append(said)
        self.assertIn(self.WARNS, said)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        advice = re.findall('(?m)^  (postconf .*)$', said)
        self.assertEqual(len(advice), 3, said)
        self.assertIn('/etc/mail/sendmail.cf:1: Xsmtpauth', said)
        self.assertNotIn('Xother', said)
        for line in advice:
            self.box.run(line)
        for folder, kind, shown in (
                ('postfix', '-xP', 'submission/inet/smtpd_milters'),
                ('postfix-two', '-xP', 'submission/inet/smtpd_milters'),
                ('postfix-two', '-xn', 'smtpd_milters')):
            self.assertEqual(self.box.run(
                'postconf -c /etc/%s %s | grep "^%s ="' % (
                    folder, kind, shown)).stdout,
                '%s = inet:127.0.0.1:8891\n' % shown)
        self.box.run('rm /etc/mail/sendmail.cf')
        self.install()
        self.assertNotIn(self.WARNS, self.box.run(
            'dpkg --remove %s 2>&1' % UNIT).stdout)

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
        """The daemon goes on with what it has read; the first words say
        what is wrong, and what to do."""
        self.install()
        self.fill()
        good = self.box.read(CONF)
        two = os.path.dirname(CONF) + '/two.conf'
        self.box.write(two, 'socket = inet:8912@127.0.0.1\n')
        self.box.run('systemctl start %s@two' % UNIT)
        pids = [self.box.show(unit, 'MainPID')
                for unit in (UNIT, UNIT + '@two')]
        for path in CONF, two:
            self.box.write(path, 'colour = blue\n')
        said = self.install(self.newer)
        for path, unit in (CONF, UNIT), (two, UNIT + '@two'):
            self.assertRegex(said, re.escape(path) + ':1: .*colour')
            self.assertIn('then: systemctl restart %s\n' % unit, said)
        self.assertNotIn('deb-systemd-invoke', said)
        self.assertEqual(self.box.run(
            ['dpkg-query', '-W', '-f', '${Status}', UNIT]).stdout,
            'install ok installed')
        self.assertEqual(pids, [self.box.show(unit, 'MainPID')
                                for unit in (UNIT, UNIT + '@two')])
        self.decides()
        self.decides(('127.0.0.1', 8912))
        self.box.write(CONF, good)
        self.box.run('systemctl restart ' + UNIT)
        self.decides()
        self.box.run('dpkg --remove ' + UNIT)
        self.box.write(CONF, 'colour = blue\n')
        said = self.install()
        self.assertRegex(said, r'(?s):1: .*colour.*systemctl restart %s\n' %
                         UNIT)
        self.assertEqual(self.box.run(
            ['dpkg-query', '-W', '-f', '${Status}', UNIT]).stdout,
            'install ok installed')

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
