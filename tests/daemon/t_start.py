#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-milter starts where it can, and says why where it cannot."""

import os
import resource
import socket
import subprocess
import unittest

import harness

EX_UNAVAILABLE, EX_CONFIG = 69, 78


class Case(harness.Case):

    def fails(self, status, *words, argv=None, keys='user = root\n', at=None,
              before=(), **more):
        """It ends at once with the status and these words in its log."""
        conf = os.path.join(self.tmp, 'conf')
        with open(conf, 'w') as f:
            f.write('log = stderr\n' + keys)
        process = subprocess.run(
            [*before, harness.MILTER, '-c', conf, '-s',
             at or 'unix:' + os.path.join(self.tmp, 'socket'),
             *(argv or ('-d', self.dir))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=harness.TIMEOUT,
            env=harness.ENV, cwd=self.tmp, **more)
        log = process.stdout.decode()
        self.assertEqual(process.returncode, status, log)
        for word in words:
            self.assertIn(word, log)
        return log


class Start(Case):

    def test_relative_folder(self):
        daemon = harness.Daemon(self)
        here = os.getcwd()
        os.chdir(self.tmp)
        self.addCleanup(os.chdir, here)
        daemon.argv[daemon.argv.index(self.dir)] = 'state'
        with daemon:
            daemon.wait_log('verified')

    def test_openssl_that_is_configured_to_know_no_hashes(self):
        conf = os.path.join(self.tmp, 'openssl.cnf')
        with open(conf, 'w') as f:
            f.write('openssl_conf = all\n[all]\nproviders = list\n'
                    '[list]\nnull = one\n[one]\nactivate = 1\n')
        without = ['env', 'OPENSSL_CONF=' + conf]
        # it is as bad as it is meant to be
        self.assertNotEqual(0, subprocess.run(
            [*without, harness.CTL, '-d', self.dir, 'verify'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode)
        daemon = harness.Daemon(self)
        daemon.argv = without + daemon.argv
        with daemon:
            daemon.wait_log('verified')

    def test_relative_folder_that_is_none(self):
        self.fails(EX_CONFIG, 'bad state folder "nowhere"',
                   argv=('-d', 'nowhere'))

    @unittest.skipUnless(os.geteuid() == 0, 'needs root to become a user')
    def test_no_such_user(self):
        self.fails(EX_CONFIG, 'there is no user "no-such-user-here"',
                   keys='user = no-such-user-here\n')

    def test_few_files(self):
        self.fails(EX_UNAVAILABLE, 'the limit on open files is 1000',
                   'LimitNOFILE=', preexec_fn=lambda: resource.setrlimit(
                       resource.RLIMIT_NOFILE, (1000, 1000)))


class Listen(Case):
    """Each reason why it cannot listen, and the way out of it, in its own
    log: libmilter tells syslog only."""

    def refused(self, at, *words, **more):
        log = self.fails(EX_UNAVAILABLE, 'cannot listen on %s: ' % at, *words,
                         at=at, **more)
        self.assertEqual(log.count('\n'), 1, log)

    def test_host_that_is_not_known(self):
        for kind, such in ('inet', '127.0.0.1'), ('inet6', '::1'):
            self.refused(kind + ':8899@no-such-host.invalid',
                         'host "no-such-host.invalid" cannot be looked up (',
                         'such as ' + such)

    def test_address_of_another_machine(self):
        self.refused('inet:8899@192.0.2.1',
                     '192.0.2.1 is no address of this machine')

    def test_address_of_the_other_family(self):
        self.refused('inet6:8899@127.0.0.1', 'has no IPv6 address', '"inet:"')
        self.refused('inet:8899@::1', 'has no IPv4 address', '"inet6:"')

    def test_port_in_use(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            port = s.getsockname()[1]
            self.refused('inet:%d@127.0.0.1' % port,
                         'another program listens on port %d:' % port, 'ss -l')

    @unittest.skipUnless(os.geteuid() == 0, 'needs root to become a user')
    def test_port_without_the_right_to_it(self):
        os.chmod(self.tmp, 0o755)
        self.refused('inet:25@0.0.0.0', 'no right to port 25:',
                     'CAP_NET_BIND_SERVICE', keys='',
                     before=('unshare', '--net', 'setpriv', '--reuid=65534',
                             '--clear-groups'))

    def test_missing_folder(self):
        self.refused('unix:%s/none/socket' % self.tmp,
                     'there is no folder %s/none:' % self.tmp)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root to become a user')
    def test_folder_without_the_right_to_it(self):
        os.chmod(self.tmp, 0o755)
        self.refused('unix:%s/socket' % self.tmp,
                     'no right to make a file in folder %s:' % self.tmp,
                     keys='', before=('setpriv', '--reuid=65534',
                                      '--clear-groups'))

    @unittest.skipUnless(os.geteuid() == 0, 'needs root to mount')
    def test_folder_that_cannot_be_written(self):
        self.refused('unix:/mnt/socket', 'folder /mnt cannot be written:',
                     'ReadWritePaths=', before=(
                         'unshare', '--mount', 'sh', '-c',
                         'mount -t tmpfs -o ro none /mnt && exec "$0" "$@"'))

    def path_of(self, size):
        """The address of a unix socket whose path has so many bytes."""
        return 'unix:%s/%s' % (self.tmp, 's' * (size - len(self.tmp) - 1))

    def test_path_that_is_too_long(self):
        self.refused(self.path_of(107), 'the path has 107 bytes', '106')
        self.fails(EX_CONFIG, 'the path has 107 bytes',
                   at=self.path_of(107), argv=('-t', '-d', self.dir))

    def test_longest_path(self):
        at = self.path_of(106)
        self.fails(0, 'configuration: good', at=at, argv=('-t', '-d', self.dir))
        with harness.Daemon(self, listen=at[len('unix:'):]):
            pass


if __name__ == '__main__':
    harness.main()
