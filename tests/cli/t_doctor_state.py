# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: planted mistakes, one by one.  Each is found by its
name and place, with nothing else; where the advice can be carried out here,
it is, and then nothing is found.  Here: settings, files and the daemon.
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

    def test_tenant_in_report_mode(self):
        self.ctl('tenant set acme --action report')
        found = self.finds(('tenant-report', 'tenants'),
                           fix='smtpauthctl tenant set acme --action default')
        self.assertEqual(self.follow(found), 1)
        self.silent()
        for i in range(5):
            self.ctl('tenant', 'add', 't%d' % i, '--smtp-auth', 'disabled',
                     '--action', 'report')
        found = self.finds(('tenant-report', 'tenants'), fix='tenant set t0 ')
        self.assertIn('5 tenants', found['text'])
        self.assertIn(': t0, t1, t2, ...', found['text'])
        # One finding for the cause: nothing at all is denied.
        self.ctl('settings set enforce no')
        self.finds(('dry-run', 'settings'))

    def test_log_level(self):
        for level in 'warning', 'error':
            self.conf(log_level=level)
            self.restart()
            self.finds(('denials-not-logged', 'smtpauth-milter.conf'),
                       fix='log-level = info')
        self.conf(log_level='debug')
        self.restart()
        self.silent()

    def test_restart_needed(self):
        """By what the daemon runs with, not by the time of the file only."""
        self.conf(usage_flush=33)
        found = self.finds(('restart-needed', 'smtpauth-milter.conf'),
                           fix='systemctl restart smtpauth-milter')
        self.assertIn(self.daemon.conf, found['text'])
        with open(self.daemon.conf) as f:
            text = f.read()
        self.write(self.daemon.conf, '# a remark\n' + text)
        self.conf(usage_flush=10)               # the default
        self.silent()
        self.conf(usage_flush=33)
        os.utime(self.daemon.conf, (1, 1))      # another file, long there
        self.silent()
        os.utime(self.daemon.conf)
        self.restart()
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
        finding = self.finds(('daemon-elsewhere', 'smtpauth-milter.conf'))
        self.assertIn(self.daemon.socket, finding['text'])
        self.assertIn('%s/other' % self.tmp, finding['text'])

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
            ('daemon-not-running', 'smtpauth-milter')])
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

    def test_not_writable_for_the_daemon(self):
        """It runs and answers, and cannot write: that is said, not that it
        is to be started."""
        self.start(usage_flush=1)
        self.site()
        path = self.place('usage/usage.mdb')
        for name in os.listdir(self.place('usage')):
            shutil.chown(self.place('usage/' + name), 'root', 'root')
        self.restart_without_beat()
        found = self.finds(('database-permission', path), fix='chown ' + USER)
        self.assertIn('no sign of life', found['text'])
        for part in found['fix'].split('; ')[:2]:
            subprocess.run(part, shell=True, check=True)
        self.restart()
        self.silent()

    def restart_without_beat(self):
        self.daemon.stop()
        self.daemon.start()

    def test_silent_daemon(self):
        """It answers, and its files are fine."""
        self.start()
        self.site()
        other = os.path.join(self.tmp, 'other')
        shutil.copytree(self.dir, other)
        for folder, _, files in os.walk(self.dir):      # not their owners
            for path in folder, *(os.path.join(folder, f) for f in files):
                owner = os.stat(path)
                os.chown(path.replace(self.dir, other, 1), owner.st_uid,
                         owner.st_gid)
        self.daemon.stop()
        for name in os.listdir(self.place('usage')):
            os.remove(self.place('usage/' + name))
        self.daemon.argv[self.daemon.argv.index('-d') + 1] = other
        self.daemon.start()
        self.finds(('daemon-silent', 'smtpauth-milter'), fix='log')

    def test_full_disk(self):
        self.start()
        self.site()
        program = self.wrapper('mount -t tmpfs -o size=1m,mode=0750 none '
                               '%s/full' % self.tmp,
                               'cp -a %s/. %s/full' % (self.dir, self.tmp),
                               'head -c 1m /dev/zero >%s/full/f 2>/dev/null'
                               % self.tmp,
                               'mount --bind %s/full %s' % (
                                   self.tmp, self.dir))
        os.mkdir(os.path.join(self.tmp, 'full'))
        shutil.chown(os.path.join(self.tmp, 'full'), 'root', 'nogroup')
        self.program = program
        report = self.examine()
        self.assertIn(('disk-full', self.dir), ids(report))
        found, = [f for f in report['findings'] if f['id'] == 'disk-full']
        self.assertIn('is full', found['text'])
        self.assertIn('df -h ' + self.dir, found['fix'])

    def test_snapshot_failed(self):
        self.start()
        self.site()
        path = os.path.join(self.bin, 'systemctl')
        for text, status, expected in (
                ('failed', 0, [('snapshot-failed',
                                'smtpauth-snapshot.service')]),
                ('inactive', 1, []), ('active', 1, []),
                ('System has not been booted with systemd', 1, [])):
            self.write(path, '#!/bin/sh\n[ "$1 $2" = "is-failed smtpauth-'
                       'snapshot.service" ] && echo "%s"\nexit %d\n'
                       % (text, status))
            os.chmod(path, 0o755)
            self.assertEqual(ids(self.examine()), expected)

    def test_replica_that_was_changed(self):
        """Its next snapshot takes the change back; a lock stays."""
        self.start()
        self.site()
        key, file = (os.path.join(self.tmp, name) for name in ('key', 'snap'))
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out',
                        key], check=True, capture_output=True)
        subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-out',
                        key + '.pub'], check=True, capture_output=True)
        self.ctl('snapshot', 'create', file, '--key', key)
        self.ctl('mailbox set bob@acme.test --smtp-auth enabled')
        self.silent()       # where snapshots are made, changes are made
        self.ctl('snapshot', 'apply', file, '--trust', key + '.pub', '--force')
        self.silent()
        self.ctl('mailbox lock alice@acme.test')
        self.silent()
        self.ctl('mailbox set bob@acme.test --smtp-auth enabled')
        found = self.finds(('policy-changed-here', 'policy'),
                           fix='smtpauthctl audit list --since 2')
        self.assertIn('1 change was made', found['text'])
        self.ctl('mailbox remove bob@acme.test')
        self.silent()

    def wrapper(self, *commands):
        """smtpauthctl in a mount namespace, after these commands."""
        if subprocess.run(['unshare', '--mount', 'true'],
                          capture_output=True).returncode:
            self.skipTest('mount namespaces are not to be had here')
        script = os.path.join(self.tmp, 'ctl')
        self.write(script, '#!/bin/sh\n%s\nexec %s "$@"\n' % (
            '\n'.join(commands), harness.CTL))
        os.chmod(script, 0o755)
        path = os.path.join(self.tmp, 'wrapper')
        self.write(path, '#!/bin/sh\nexec unshare --mount --propagation '
                   'private %s "$@"\n' % script)
        os.chmod(path, 0o755)
        return path

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
            lambda: (self.examine('--login', 'alice@acme.test')['answer']
                     or '').startswith('451 4.3.0 '), what='on-error')
        # that the daemon answers so is no finding of its own
        self.finds(('database', self.dir), fix='smtpauthctl restore DIR')

    def test_damaged_record(self):
        """It can be opened; what was written is not what is there.  The
        advice, with a backup, mends it."""
        self.start()
        self.site()
        backup = os.path.join(self.tmp, 'backup')
        self.ctl('backup', backup)
        for i in range(3):
            self.ctl('mailbox set u%d@acme.test --smtp-auth enabled' % i)
        with open(self.place('policy.mdb'), 'r+b') as f:
            data = f.read()
            f.seek(0)
            f.write(data.replace(b'u1', b'u7'))
        report = self.examine()
        self.assertEqual(ids(report)[0], ('database', self.dir))
        self.assertEqual(report['findings'][0]['fix'],
                         'smtpauthctl restore DIR')
        self.assertIn('restore DIR', self.ctl('verify', rc=1).err)
        self.ctl('restore', backup)
        harness.wait_for(lambda: self.examine()['findings'] == [],
                         what='daemon that decides again')

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
        self.program = self.wrapper('mount --bind %s /etc/group' % group)
        self.finds(('mta-in-group', self.dir),
                   fix='gpasswd -d postfix nogroup')

    def examine_as(self, user, groups):
        """The report for an ordinary user in these groups."""
        shutil.copy(harness.CTL, os.path.join(self.tmp, 'smtpauthctl'))
        self.program = os.path.join(self.tmp, 'smtpauthctl')
        os.chmod(self.daemon.conf, 0o644)
        os.chmod(self.log, 0o600)
        args = () if self.log is None else ('--log', '-')
        return self.examine(*args, user=user, group=user,
                            extra_groups=groups, cwd='/')

    def test_not_root(self):
        """An ordinary user is told to be root, and nothing false."""
        self.start()
        self.site()
        report = self.examine_as('daemon', [])
        self.assertEqual(ids(report), [('database', self.dir)])
        self.assertIn('as root', report['findings'][0]['fix'])
        self.assertIn(self.dir, '\n'.join(report['not_looked_at']))

    def test_member_of_the_group(self):
        """Who may read the policy, and not connect, accuses nobody."""
        folder = os.path.join(self.tmp, 'run')
        os.mkdir(folder)
        shutil.chown(folder, USER, 'root')
        os.chmod(folder, 0o2710)
        self.start(os.path.join(folder, 'milter.sock'))
        self.site(chroot='n')
        report = self.examine_as('daemon', ['nogroup'])
        self.assertEqual([f for f in ids(report)
                          if f[0] != 'socket-not-writable'], [])
        unseen = report['not_looked_at']
        for words in ('who may use the files in ' + self.dir,
                      "the daemon's signs of life in %s/usage" % self.dir,
                      'what the milter on unix:%s/milter.sock answers: '
                      'Permission denied' % folder):
            self.assertIn('not root: ' + words, '\n'.join(unseen))


if __name__ == '__main__':
    harness.main()
