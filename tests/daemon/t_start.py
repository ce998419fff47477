#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-milter starts where it can, and says why where it cannot."""

import os
import resource
import subprocess
import unittest

import harness

EX_UNAVAILABLE, EX_CONFIG = 69, 78


class Start(harness.Case):

    def fails(self, status, *words, argv=None, keys='user = root\n', **more):
        """It ends at once with the status and these words in its log."""
        conf = os.path.join(self.tmp, 'conf')
        with open(conf, 'w') as f:
            f.write('log = stderr\n' + keys)
        process = subprocess.run(
            [harness.MILTER, '-c', conf, '-s',
             'unix:' + os.path.join(self.tmp, 'socket'),
             *(argv or ('-d', self.dir))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=harness.TIMEOUT,
            env=harness.ENV, cwd=self.tmp, **more)
        log = process.stdout.decode()
        self.assertEqual(process.returncode, status, log)
        for word in words:
            self.assertIn(word, log)

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


if __name__ == '__main__':
    harness.main()
