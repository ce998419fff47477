#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Debian's package and its own tests (contrib/debian/tests), built and run
by autopkgtest on machines with a real systemd, one of each release.

The package is built from the release tarball on the machine itself. The tests
of the build are not run: t_packages.py runs them."""

import os
import re
import shutil
import tempfile

import harness
import machine
import packages

SOURCES = '/root/smtpauth-milter'
NEEDS = ('autopkgtest', 'curl', 'dovecot-core', 'postfix', 'swaks')
# Its container is the machine, of which the null server knows nothing.
RUN = """\
cd /root && HOME=/root DEB_BUILD_OPTIONS='nocheck parallel=2' autopkgtest \\
    --env=DEB_BUILD_OPTIONS='nocheck parallel=2' --output-dir=/root/result \\
    --ignore-restrictions=isolation-container %s -- null 2>&1
""" % SOURCES


class Tested(machine.Machine):
    """With the sources, and all that they need to be built and tested; apt
    asks no server afterwards."""

    def prepare(self):
        with tempfile.TemporaryDirectory() as folder:
            _, tree = packages.tarball(folder)
            shutil.copytree(tree, self.root + SOURCES)
        sources = self.root + SOURCES
        shutil.copytree(sources + '/contrib/debian', sources + '/debian')
        self.before_boot('apt-get update && apt-get build-dep -y '
                         '--no-install-recommends %s && '
                         'rm /etc/apt/sources.list' % SOURCES)


class Autopkgtest(harness.Case):

    given = ()

    def setUp(self):
        if machine.missing():
            self.skipTest(machine.missing())
        super().setUp()

    def run_on(self, codename):
        with Tested(NEEDS, codename) as box:
            done = box.run(RUN, check=False, timeout=1200)
            self.transcript.append(done.stdout)
            self.assertEqual(done.returncode, 0, done.stdout[-8000:])
            summary = re.findall(r'^(\S+) +(PASS|FAIL|SKIP)\b', box.read(
                '/root/result/summary'), re.M)
            self.assertEqual(dict(summary), dict.fromkeys(self.named(),
                                                          'PASS'))

    def named(self):
        text = packages.source('contrib/debian/tests/control')
        names = ' '.join(re.findall('(?m)^Tests:(.*)', text)).split()
        shipped = os.listdir(os.path.join(harness.ROOT,
                                          'contrib/debian/tests'))
        self.assertEqual({*names, 'control'}, set(shipped))
        return names


class Bookworm(Autopkgtest):

    def test_debian_12(self):
        self.run_on('bookworm')


class Trixie(Autopkgtest):

    def test_debian_13(self):
        self.run_on('trixie')


if __name__ == '__main__':
    harness.main()
