#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What can be said of the units and of the init script without booting
anything: t_service.py runs them."""

import contextlib
import difflib
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness

UNITS = os.path.join(harness.BUILDDIR, 'contrib', 'systemd')
SHIPPED = os.path.join(harness.ROOT, 'contrib', 'systemd')
SCRIPT = os.path.join(harness.ROOT, 'contrib', 'rc', 'smtpauth-milter')
AUTHD_SCRIPT = os.path.join(harness.ROOT, 'contrib', 'rc', 'smtpauth-authd')
# The exposure that systemd-analyze finds, 0 to 10; less is better.
LIMITS = {'smtpauth-milter.service': 1.1, 'smtpauth-milter@.service': 1.1,
          'smtpauth-authd.service': 1.1}
LIMIT_UNIX = 0.5
# It is root: the policy is root's. Without capabilities and without a network.
LIMIT_SNAPSHOT = 0.9


def run(*argv, rc=0, **keys):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, **keys)
    assert rc is None or done.returncode == rc, '%s: status %d\n%s' % (
        ' '.join(argv), done.returncode, done.stdout)
    return done


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise unittest.SkipTest(program + ' is missing')


class Units(unittest.TestCase):
    """The files as the build made them, below a scratch root."""

    def setUp(self):
        needs('systemd-analyze', 'systemd-sysusers', 'systemd-tmpfiles')
        self.root = tempfile.mkdtemp(prefix='smtpauth-units-')
        self.addCleanup(shutil.rmtree, self.root)
        os.chmod(self.root, 0o755)
        self.folder = self.root + '/etc/systemd/system'
        os.makedirs(self.folder)
        for kind in 'service', 'socket', 'path':
            for path in glob.glob(UNITS + '/*.' + kind):
                shutil.copy(path, self.folder)
        self.folders = self.folders_of_the_build()

    def folders_of_the_build(self):
        """The state folder's parent, and where the daemon is installed."""
        with open(self.folder + '/smtpauth-milter.service') as f:
            text = f.read()
        return (re.search(r'^ReadWritePaths=(/\S+)/lib/', text, re.M)[1],
                re.search(r'^ExecStart=(\S+)', text, re.M)[1])

    def drop_in(self, unit, source):
        folder = '%s/%s.d' % (self.folder, unit)
        os.mkdir(folder)
        shutil.copy(os.path.join(SHIPPED, source), folder)

    def exposure(self, unit):
        text = run('systemd-analyze', 'security', '--offline=true',
                   '--no-pager', '--root=' + self.root, unit).stdout
        return float(re.search(r'exposure level for \S+: ([\d.]+)', text)[1])

    def test_no_placeholder_is_left(self):
        paths = glob.glob(UNITS + '/*[a-z]')
        self.assertEqual(len(paths), 10, paths)
        for path in paths:
            with open(path) as f:
                self.assertNotRegex(f.read(), r'@[a-z]+dir@|\$\{', path)

    def test_one_of_several_is_like_the_only_one(self):
        """The two services differ in what they are called and read."""
        one, several = (self.lines('smtpauth-milter%s.service.in' % at)
                        for at in ('', '@'))
        found = [line for line in difflib.ndiff(one, several)
                 if line[0] in '+-']
        self.assertEqual(found, [
            '+ # One of several: smtpauth-milter@NAME reads NAME.conf, with a'
            ' socket of its own.',
            '- # Put changes into a drop-in: systemctl edit'
            ' smtpauth-milter',
            '+ # Put changes into a drop-in: systemctl edit'
            ' smtpauth-milter@NAME',
            '- Description=SMTP AUTH policy milter',
            '+ Description=SMTP AUTH policy milter, instance %i',
            '- # It holds the address, so that nobody else takes it while the'
            ' daemon is down.',
            '- Wants=smtpauth-milter.socket',
            '- ExecStart=@sbindir@/smtpauth-milter',
            '+ ExecStart=@sbindir@/smtpauth-milter'
            ' -c @sysconfdir@/smtpauth-milter/%i.conf',
            '- Also=smtpauth-milter.socket'])

    def lines(self, name):
        with open(os.path.join(SHIPPED, name)) as f:
            return f.read().splitlines()

    def test_the_door_at_auth_is_confined_as_the_milter_is(self):
        """It differs in its name and in who asks, and writes less."""
        milter, authd = (self.lines('smtpauth-%s.service.in' % name)
                         for name in ('milter', 'authd'))
        service = milter.index('[Service]'), authd.index('[Service]')
        found = [line for line in difflib.ndiff(
            milter[service[0]:], authd[service[1]:])
            if line[0] in '+-' and line[2] != '#']
        self.assertEqual(found, [
            '- ExecStart=@sbindir@/smtpauth-milter',
            '+ ExecStart=@sbindir@/smtpauth-authd',
            '- ReadWritePaths=-/var/spool/postfix/smtpauth',
            '- Also=smtpauth-milter.socket', '+ Also=smtpauth-authd.socket'])

    def test_exposure_of_the_services(self):
        for unit, limit in LIMITS.items():
            found = self.exposure(unit)
            print('# %s: %.1f' % (unit, found))
            self.assertLessEqual(found, limit, unit)

    def test_exposure_without_network(self):
        for unit in LIMITS:
            self.drop_in(unit, 'unix-only.conf')
            found = self.exposure(unit)
            print('# %s with unix-only.conf: %.1f' % (unit, found))
            self.assertLessEqual(found, LIMIT_UNIX, unit)

    def test_exposure_of_the_snapshots(self):
        found = self.exposure('smtpauth-snapshot.service')
        print('# smtpauth-snapshot.service: %.1f' % found)
        self.assertLessEqual(found, LIMIT_SNAPSHOT)

    def test_snapshots_are_applied_by_a_command_that_is_one(self):
        """The file that is waited for is the one that is applied, and the
        command line is none that smtpauthctl refuses."""
        units = {}
        for kind in 'path', 'service':
            with open('%s/smtpauth-snapshot.%s' % (self.folder, kind)) as f:
                units[kind] = f.read().replace('\\\n', ' ')
        name = re.search(r'^PathChanged=(.+)$', units['path'], re.M)[1]
        self.assertIn('\nConditionPathExists=%s\n' % name, units['service'])
        line = re.search(r'^ExecStart=(.+)$', units['service'], re.M)[1]
        words = shlex.split(line.replace('$$', '$').replace('%%', '%'))
        self.assertEqual(words[3], name)
        self.assertIn(name, words[5:])
        missing = self.root + '/none'       # nothing of this machine
        done = run(harness.CTL, *(missing if word.startswith('/') else word
                                  for word in words[5:]), rc=66)
        self.assertIn(missing, done.stdout)
        return words[:3]

    def test_snapshots_that_arrive_meanwhile_are_applied_too(self):
        """With a command that is overtaken by another file once."""
        shell = self.test_snapshots_are_applied_by_a_command_that_is_one()
        here, there, log = (self.root + name for name in ('/1', '/2', '/log'))
        for rc in 0, 65:
            for path in here, there:
                with open(path, 'w') as f:
                    f.write(path)
            run(*shell, here, 'sh', '-c', 'cat %s >>%s; [ ! -e %s ] || mv %s '
                '%s; exit %d' % (here, log, there, there, here, rc), rc=rc)
            with open(log) as f:
                self.assertEqual(f.read(), here + there)
            os.remove(log)
            os.remove(here)
            run(*shell, here, 'true', rc=66)

    def test_systemd_has_nothing_to_say_about_them(self):
        self.give_the_daemon()
        for name in sorted(os.listdir(self.folder)):
            name = name.replace('@.', '@one.')
            done = run('systemd-analyze', 'verify', '--man=no',
                       '--recursive-errors=no', '--root=' + self.root,
                       name, rc=None)
            said = [line for line in done.stdout.splitlines()
                    if 'smtpauth' in line]
            self.assertEqual((done.returncode, said), (0, []), name)

    def test_a_mistake_in_a_unit_would_be_seen(self):
        self.give_the_daemon()
        with open(self.folder + '/smtpauth-milter.service', 'a') as f:
            f.write('[Service]\nProtectSytem=strict\n')
        done = run('systemd-analyze', 'verify', '--man=no', '--root='
                   + self.root, 'smtpauth-milter.service', rc=None)
        self.assertIn('ProtectSytem', done.stdout)

    def give_the_daemon(self):
        path = self.root + self.folders[1]
        os.makedirs(os.path.dirname(path))
        shutil.copy(harness.MILTER, path)
        shutil.copy(harness.AUTHD, os.path.dirname(path))
        with open(self.folder + '/smtpauth-snapshot.service') as f:
            path = self.root + re.search(r'^ExecStart=(\S+)', f.read(), re.M)[1]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(harness.CTL, path)
        for name in 'sysinit.target', 'basic.target', 'shutdown.target', \
                'sockets.target', 'multi-user.target', 'network.target', \
                'paths.target':
            with open(os.path.join(self.folder, name), 'w') as f:
                f.write('[Unit]\nDefaultDependencies=no\n')

    def sysusers(self):
        run('systemd-sysusers', '--root=' + self.root,
            UNITS + '/smtpauth-milter.sysusers')

    def entry(self, name, key):
        with open('%s/etc/%s' % (self.root, name)) as f:
            found = [line.rstrip('\n').split(':') for line in f
                     if line.startswith(key + ':')]
        self.assertEqual(len(found), 1, '%s in %s' % (key, name))
        return found[0]

    def test_user_and_group(self):
        self.sysusers()
        self.sysusers()     # can be repeated
        user, group = self.entry('passwd', 'smtpauth'), self.entry(
            'group', 'smtpauth')
        self.assertLess(int(user[2]), 1000)
        self.assertEqual(user[3], group[2])
        self.assertEqual(user[5], '/')
        self.assertRegex(user[6], r'/nologin$')
        self.assertEqual(self.entry('shadow', 'smtpauth')[1][:1], '!')
        self.assertEqual(group[3], '')

    def test_folders(self):
        if os.geteuid() != 0:
            self.skipTest('owners need root')
        self.sysusers()
        with open(self.root + '/etc/passwd', 'a') as f:
            f.write('postfix:x:150:150::/:/bin/false\n')
        with open(self.root + '/etc/group', 'a') as f:
            f.write('postfix:x:150:\n')
        smtpauth = int(self.entry('passwd', 'smtpauth')[2])
        state = self.root + self.folders[0] + '/lib/smtpauth-milter'
        chroot = self.root + '/var/spool/postfix/smtpauth'
        for folder, name, owner in (
                (state, UNITS + '/smtpauth-milter.tmpfiles',
                 (0o40750, 0, smtpauth)),
                (chroot, SHIPPED + '/postfix-chroot.tmpfiles',
                 (0o42710, smtpauth, 150))):
            run('systemd-tmpfiles', '--create', '--root=' + self.root, name)
            st = os.stat(folder)
            self.assertEqual((st.st_mode, st.st_uid, st.st_gid), owner, name)
            old = os.path.join(folder, 'usage.mdb-lock')
            with open(old, 'w'):
                os.utime(old, (0, 0))
            run('systemd-tmpfiles', '--clean', '--remove',
                '--root=' + self.root, name)
            self.assertTrue(os.path.exists(old), name)


class Script(harness.Case):
    """contrib/rc, with a configuration and a pid file of its own."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('the script is for root')
        super().setUp()
        self.port = harness.free_port()
        self.conf = self.tmp + '/rc.conf'
        self.pidfile = self.tmp + '/rc.pid'
        self.configure()
        with open(self.tmp + '/default', 'w') as f:
            f.write('DAEMON=%s\nCONF=%s\nPIDFILE=%s\n' % (
                harness.MILTER, self.conf, self.pidfile))
        self.addCleanup(self.rc, 'stop', status=None)

    def configure(self, extra=''):
        with open(self.conf, 'w') as f:
            f.write('socket = inet:%d@127.0.0.1\nstate-dir = %s\nuser = root\n'
                    'log = syslog\n%s' % (self.port, self.dir, extra))

    def rc(self, action, status=0, script=SCRIPT):
        environment = {**os.environ,
                       'SMTPAUTH_DEFAULTS': self.tmp + '/default'}
        done = run('sh', script, action, rc=status, env=environment,
                   stdin=subprocess.DEVNULL)
        self.transcript.append('$ rc %s: %d\n%s' % (
            action, done.returncode, done.stdout))
        return done.stdout

    def pid(self):
        with open(self.pidfile) as f:
            return int(f.read())

    def daemon(self):
        return self.status()['daemon']

    def beats(self):
        found = harness.wait_for(self.daemon, what='heartbeat')
        return found['pid'] == self.pid()

    def test_shellcheck(self):
        needs('shellcheck')
        for script in SCRIPT, AUTHD_SCRIPT:
            self.assertEqual(run('shellcheck', '-x', script,
                                 cwd=harness.ROOT).stdout, '')

    def test_the_script_of_the_door_at_auth(self):
        """It is the other script, by whatever name it is started."""
        link = self.tmp + '/S01smtpauth-authd'
        os.symlink(AUTHD_SCRIPT, link)
        with open(self.tmp + '/default', 'a') as f:
            f.write('DAEMON=%s\n' % harness.AUTHD)
        self.configure('[authd]\nsocket = inet:%d@127.0.0.1\n'
                       % harness.free_port())
        self.addCleanup(self.rc, 'stop', None, link)
        self.assertIn('smtpauth-authd: started', self.rc(
            'start', script=link))
        first = self.pid()
        self.assertEqual(os.readlink('/proc/%d/exe' % first), harness.AUTHD)
        self.assertIn('smtpauth-authd: runs, process %d' % first,
                      self.rc('status', script=link))
        self.rc('restart', script=link)
        self.assertNotEqual(self.pid(), first)
        self.assertIn('stopped', self.rc('stop', script=link))
        self.rc('status', 3, script=link)

    def test_start_status_restart_stop(self):
        self.assertIn('does not run', self.rc('status', 3))
        self.assertIn('started', self.rc('start'))
        first = self.pid()
        self.assertTrue(self.beats())
        self.assertEqual(os.readlink('/proc/%d/exe' % first), harness.MILTER)
        self.assertIn('process %d' % first, self.rc('status'))
        self.assertIn('runs already', self.rc('start'))
        self.assertEqual(self.pid(), first)
        self.rc('restart')
        self.assertNotEqual(self.pid(), first)
        harness.wait_for(self.beats, what='heartbeat of the new one')
        self.assertIn('stopped', self.rc('stop'))
        self.assertFalse(os.path.exists(self.pidfile))
        self.assertIn('does not run', self.rc('status', 3))
        self.assertIn('does not run', self.rc('stop'))

    def test_without_start_stop_daemon(self):
        tools = self.tmp + '/bin'
        os.mkdir(tools)
        for name in 'readlink', 'grep', 'sleep', 'rm', 'setsid':
            os.symlink(shutil.which(name), os.path.join(tools, name))
        with open(self.tmp + '/default', 'a') as f:
            f.write('PATH=%s\n' % tools)
        self.rc('start')
        self.assertTrue(self.beats())
        self.assertEqual(os.getpgid(self.pid()), self.pid())
        self.rc('restart')
        self.rc('status')
        self.assertIn('stopped', self.rc('stop'))

    def replace(self, path):
        """As a package manager does: under the same name, another file."""
        shutil.copy(harness.MILTER, path + '.new')
        os.rename(path + '.new', path)

    def gone(self, pid):
        harness.wait_for(lambda: not os.path.exists('/proc/%d' % pid),
                         what='end of process %d' % pid)

    def test_program_that_was_replaced(self):
        program = self.tmp + '/smtpauth-milter'
        self.replace(program)
        with open(self.tmp + '/default', 'a') as f:
            f.write('DAEMON=%s\n' % program)
        self.rc('start')
        first = self.pid()
        self.replace(program)
        self.assertIn('process %d' % first, self.rc('status'))
        self.assertIn('runs already', self.rc('start'))
        self.rc('restart')
        second = self.pid()
        self.assertNotEqual(second, first)
        self.gone(first)
        self.assertEqual(os.readlink('/proc/%d/exe' % second), program)
        self.replace(program)
        self.assertIn('stopped', self.rc('stop'))
        self.gone(second)

    def end(self, pid):
        """A program of this test that may run still."""
        with contextlib.suppress(OSError):
            if os.readlink('/proc/%d/exe' % pid) == harness.MILTER:
                os.kill(pid, signal.SIGKILL)

    def test_database_is_verified_once_before_a_start(self):
        """-t reads all of it, and it may be large."""
        program, calls = self.tmp + '/program', self.tmp + '/calls'
        pids = self.tmp + '/pids'
        with open(program, 'w') as f:
            f.write('#!/bin/sh\necho "$*" >>%s\necho $$ >>%s\nexec %s "$@"\n' % (
                calls, pids, harness.MILTER))
        os.chmod(program, 0o755)
        with open(self.tmp + '/default', 'a') as f:
            f.write('DAEMON=%s\n' % program)
        shutil.rmtree(self.dir)
        self.assertIn('policy database: NOT', self.rc('start', None))
        # contrib/rc does not know its own process here: it runs another program.
        with open(pids) as f:
            for pid in f.read().split():
                self.addCleanup(self.end, int(pid))
        with open(calls) as f:
            words = f.read().split()
        self.assertEqual(words.count('-t'), 1, words)

    def test_what_it_says_of_mistakes(self):
        self.configure('colour = blue\n')
        self.assertIn('colour', self.rc('start', 6))
        self.configure('log = stderr\n')
        self.assertIn('log = syslog', self.rc('start'))
        self.rc('stop')
        shutil.rmtree(self.dir)
        self.configure()
        self.assertIn('init', self.rc('start'))
        self.rc('stop')

    def test_a_bad_configuration_does_not_end_what_runs(self):
        self.rc('start')
        first = self.pid()
        self.configure('colour = blue\n')
        self.rc('restart', 6)
        self.assertIn('process %d' % first, self.rc('status'))

    def test_a_daemon_that_died_and_a_number_used_again(self):
        self.rc('start')
        os.kill(self.pid(), 9)
        harness.wait_for(lambda: 'has died' in self.rc('status', None),
                         what='end')
        self.rc('status', 1)
        with open(self.pidfile, 'w') as f:
            f.write('%d\n' % os.getpid())       # another program's
        self.rc('status', 1)
        self.rc('stop')                         # does not end this one
        self.rc('start')
        self.assertIn('runs', self.rc('status'))


if __name__ == '__main__':
    harness.main()
