#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon with the libmilters of other systems.

Debian's is a pool of threads, takes over sockets (fd:N) and has a milter.pc.
Elsewhere it is a thread for each connection around poll() or select(), may
not take over a socket, and has no milter.pc.  Those are built here from the
source of Debian's package, and kept in the folder of debian_image.py for a month.
"""

import contextlib
import fcntl
import functools
import glob
import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile

import harness
import debian_image
import packages
import service_machine
from packages import run

NEEDS = 'apt-get', 'dpkg-source', 'patch', 'cc', 'ar', 'nm', 'pkg-config'
MONTH = 30 * debian_image.DAY
# The name of a libmilter, its flags, and whether it takes over sockets.
KINDS = {'poll': (['-DSM_CONF_POLL=1'], True),
         'select': (['-DSM_CONF_POLL=0'], True),
         'bare': (['-DSM_CONF_POLL=0'], False)}
FLAGS = ['-O2', '-g', '-fPIC', '-w', '-D_REENTRANT', '-DNOT_SENDMAIL',
         '-DXP_MT', '-DNETINET6=1', '-Dsm_snprintf=snprintf']
PARTS = {'libmilter': ('main', 'engine', 'listener', 'worker', 'handler',
                       'comm', 'smfi', 'signal', 'sm_gethost', 'monitor'),
         'libsm': ('errstring', 'strl')}
PATCH = 'debian/patches/socket_activation.patch'
OTHER = 'bookworm'
UNABLE = 'this libmilter cannot take over a socket'
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'


# The libraries

def fetch(folder):
    """The unpacked source of Debian's sendmail: of this release, or of the
    one before where the mirror's list names files that it does not have."""
    try:
        return fetch_from(debian_image.release(), folder + '/own')
    except AssertionError as e:
        if '404 ' not in str(e):
            raise
        print('# the mirror lacks the source of %s, taken is that of %s' % (
            debian_image.release(), OTHER), flush=True)
        return fetch_from(OTHER, folder + '/other')


def fetch_from(release, folder):
    os.makedirs(folder + '/lists/partial')
    os.makedirs(folder + '/cache/archives/partial')
    with open(folder + '/sources.list', 'w') as f:
        f.write(''.join('deb-src' + line[3:] + '\n'
                        for line in debian_image.sources(release)))
    apt = ['apt-get', '-q', '-o', 'APT::Sandbox::User=root']
    for key, value in (('Etc::sourcelist', folder + '/sources.list'),
                       ('Etc::sourceparts', '-'), ('Cache', folder + '/cache'),
                       ('State::lists', folder + '/lists')):
        apt += ['-o', 'Dir::%s=%s' % (key, value)]
    env = {**os.environ, **debian_image.ENV}
    run(*apt, 'update', env=env)
    run(*apt, '--download-only', 'source', 'sendmail', cwd=folder, env=env)
    path, = glob.glob(folder + '/*.dsc')
    run('dpkg-source', '--no-check', '-x', path, folder + '/source')
    return folder + '/source'


def compile_one(source, kind, folder):
    """Build a libmilter with its headers there."""
    flags, takes_over = KINDS[kind]
    objects = os.path.join(folder, 'objects')
    os.makedirs(folder + '/lib')
    os.makedirs(folder + '/include/libmilter')
    os.mkdir(objects)
    for header in glob.glob(source + '/include/libmilter/mf*.h'):
        shutil.copy(header, folder + '/include/libmilter')
    os.symlink(source + '/include/sm/os/sm_os_linux.h', objects + '/sm_os.h')
    if not takes_over:
        run('patch', '-p1', '-R', '-i', PATCH, cwd=source)
    try:
        for part, names in PARTS.items():
            run('cc', *FLAGS, *flags, '-I.', '-I%s/sendmail' % source,
                '-I%s/include' % source, '-c', *(
                    '%s/%s/%s.c' % (source, part, n) for n in names),
                cwd=objects)
    finally:
        if not takes_over:
            run('patch', '-p1', '-i', PATCH, cwd=source)
    run('ar', 'rcs', folder + '/lib/libmilter.a', *glob.glob(objects + '/*.o'))
    shutil.rmtree(objects)


@functools.lru_cache(maxsize=None)
def libraries():
    """The folder with a folder for each kind."""
    recipe = repr((debian_image.release(), KINDS, FLAGS, PARTS))
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    path = os.path.join(debian_image.cache_folder(), 'libmilter-' + key)
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path) or debian_image.age(path) > MONTH:
            with tempfile.TemporaryDirectory() as folder:
                source = fetch(folder)
                for kind in KINDS:
                    compile_one(source, kind, folder + '/made/' + kind)
                shutil.rmtree(path, ignore_errors=True)
                shutil.copytree(folder + '/made', path + '.part',
                                dirs_exist_ok=True)
            os.rename(path + '.part', path)
    return path


# The programs

@functools.lru_cache(maxsize=None)
def tree():
    return packages.tarball(packages.scratch())[1]


@functools.lru_cache(maxsize=None)
def without_milter_pc():
    """A folder with all of pkg-config's files but that one."""
    folder = packages.scratch()
    for place in reversed(run('pkg-config', '--variable=pc_path', 'pkg-config'
                              ).stdout.strip().split(':')):
        for path in glob.glob(place + '/*.pc'):
            link = os.path.join(folder, os.path.basename(path))
            with contextlib.suppress(FileNotFoundError):
                os.remove(link)
            os.symlink(path, link)
    os.remove(folder + '/milter.pc')
    return folder


@functools.lru_cache(maxsize=None)
def build(kind):
    """A build with that libmilter; None: Debian's own."""
    folder = packages.scratch()
    flags = []
    if kind is not None:
        library = os.path.join(libraries(), kind)
        flags = ['CPPFLAGS=-I%s/include' % library,
                 'LDFLAGS=-L%s/lib' % library]
    env = packages.environment(PKG_CONFIG_LIBDIR=without_milter_pc())
    said = run(tree() + '/configure', 'CFLAGS=-O1', *flags, cwd=folder,
               env=env).stdout
    assert re.search(r'library containing smfi_main\.\.\. -lmilter', said), \
        said
    run('make', '-s', '-j2', cwd=folder)
    return folder


class Libmilter(harness.Case):

    def setUp(self):
        reason = packages.missing(*NEEDS)
        if not reason and re.search('lib[at]san',
                                    service_machine.linked(harness.MILTER)):
            reason = 'sanitizers are for the builds with the own libmilter'
        if reason:
            self.skipTest(reason)
        super().setUp()
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')

    def daemon(self, kind):
        daemon = harness.Daemon(self)
        daemon.argv[0] = build(kind) + '/milter/smtpauth-milter'
        return daemon

    def decides(self, connect):
        for login, expected in (('alice@acme.test', DENIED),
                                ('printer@acme.test', 'allow')):
            with contextlib.closing(connect()) as s:
                self.assertIn(expected, service_machine.Mta(s).mail(login))

    def test_libraries_are_what_they_claim(self):
        for kind, (poll, select) in {'poll': (True, False),
                                     'select': (False, True),
                                     'bare': (False, True)}.items():
            names = run('nm', libraries() + '/%s/lib/libmilter.a' % kind)
            undefined = set(re.findall(r' U (\w+)', names.stdout))
            self.assertEqual(('poll' in undefined, 'select' in undefined),
                             (poll, select), kind)
            self.assertNotIn('mi_pool_controller', names.stdout)

    def threads(self, kind, sessions=100):
        """Of a daemon with that many idle sessions."""
        with self.daemon(kind) as daemon, contextlib.ExitStack() as stack:
            for _ in range(sessions):
                service_machine.Mta(stack.enter_context(daemon.connect()))
            return len(os.listdir('/proc/%d/task' % daemon.process.pid))

    def test_a_thread_for_each_connection_or_a_pool(self):
        for kind in 'poll', 'select', 'bare':
            self.assertGreaterEqual(self.threads(kind), 100, kind)
        # A pool has some threads more for what is under way at the moment.
        self.assertLess(self.threads(None), 60)

    def test_without_milter_pc_the_own_libmilter_is_found(self):
        program = build(None) + '/milter/smtpauth-milter'
        self.assertIn('libmilter.so', service_machine.linked(program))
        with self.daemon(None) as daemon:
            self.decides(daemon.connect)

    def test_it_decides_with_every_one(self):
        for kind in KINDS:
            self.assertNotIn('libmilter.so', service_machine.linked(
                build(kind) + '/milter/smtpauth-milter'))
            with self.daemon(kind) as daemon:
                self.decides(daemon.connect)

    def passed(self, kind, words):
        """Start it with a listening socket as descriptor 3."""
        daemon = self.daemon(kind)
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        fd = listener.fileno()
        argv = [w for w in daemon.argv if w not in ('-s', daemon.socket)]
        daemon.process = subprocess.Popen(
            ['sh', '-c', 'exec 3<&%d; %s' % (fd, words), 'sh', *argv],
            pass_fds=[fd], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(daemon.logfile, 'wb'), env=harness.ENV)
        return daemon, listener

    PASSED = ('exec "$@" -s fd:3',
              'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"')

    def test_one_that_takes_over_no_socket_says_so(self):
        for words in self.PASSED:
            daemon, _ = self.passed('bare', words)
            self.assertIn(daemon.process.wait(harness.TIMEOUT), (69, 78),
                          words)
            said = [line for line in daemon.log().splitlines()
                    if UNABLE in line]
            self.assertEqual(len(said), 1, daemon.log())

    def test_the_others_take_it(self):
        for kind in 'poll', 'select':
            for words in self.PASSED:
                daemon, listener = self.passed(kind, words)
                address = listener.getsockname()
                self.decides(lambda: socket.create_connection(
                    address, harness.TIMEOUT))
                daemon.stop()

    def run_the_tests(self, kind):
        done = run('make', '-j2', 'check', 'TESTS=$(daemon_tests)',
                   'check_PROGRAMS=$(daemon_tests)', cwd=build(kind),
                   check=False)
        self.transcript.append(done.stdout)
        found = {key: int(number) for key, number in
                 re.findall(r'^# (\w+): +(\d+)$', done.stdout, re.M)}
        print('# %s: %s' % (kind, found))
        self.assertEqual(done.returncode, 0)
        self.assertGreater(found['PASS'], 100)
        self.assertEqual(found['PASS'] + found['SKIP'], found['TOTAL'])

    def test_the_tests_of_the_daemon_with_poll(self):
        self.run_the_tests('poll')

    def test_the_tests_of_the_daemon_with_select(self):
        self.run_the_tests('select')


if __name__ == '__main__':
    harness.main()
