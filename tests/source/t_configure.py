#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What ./configure says where libraries are missing.  A library is hidden
by a header that does not compile, or by an archive without symbols, both
of which are found before the real ones."""

import os
import re
import shutil
import subprocess

import harness

CONFIGURE = os.path.join(harness.ROOT, 'configure')
# header: (library, package of Debian, package of Fedora)
LIBRARIES = {
    'libmilter/mfapi.h': ('milter', 'libmilter-dev', 'sendmail-milter-devel'),
    'lmdb.h': ('lmdb', 'liblmdb-dev', 'lmdb-devel'),
    'openssl/evp.h': ('crypto', 'libssl-dev', 'openssl-devel'),
    'idn2.h': ('idn2', 'libidn2-dev', 'libidn2-devel'),
    'ini.h': ('inih', 'libinih-dev', 'inih-devel'),
    'jansson.h': ('jansson', 'libjansson-dev', 'jansson-devel'),
    'unicase.h': ('unistring', 'libunistring-dev', 'libunistring-devel')}
# What is left out where it is missing, unless it was asked for.
PAM = 'libpam0g-dev', 'pam-devel'


def source(path):
    with open(os.path.join(harness.ROOT, path), encoding='utf-8') as f:
        return f.read()


class Configure(harness.Case):

    given = ()

    def setUp(self):
        if not os.path.exists(CONFIGURE):
            self.skipTest('there is no configure: run autoreconf')
        if os.path.exists(harness.ROOT + '/config.status'):
            self.skipTest('the sources are configured in their own folder')
        super().setUp()

    def write(self, name, text):
        path = os.path.join(self.tmp, 'shadow', name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)

    def hide(self, *headers):
        for header in headers:
            self.write(header, '#error hidden\n')

    def configure(self, rc, *words):
        """Without pkg-config, which would find what is hidden here."""
        shadow = self.tmp + '/shadow'
        os.makedirs(shadow, exist_ok=True)
        build = self.tmp + '/build'
        shutil.rmtree(build, ignore_errors=True)
        os.mkdir(build)
        done = subprocess.run(
            [CONFIGURE, '-q', 'PKG_CONFIG=no', 'CPPFLAGS=-I' + shadow,
             'LDFLAGS=-L' + shadow, *words], cwd=build, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # ccache would not see that a header is hidden since
            env={'PATH': os.environ['PATH'], 'LC_ALL': 'C',
                 'CCACHE_DISABLE': '1'})
        self.transcript.append(done.stdout)
        self.assertEqual(done.returncode, rc, done.stdout)
        return done.stdout

    def advised(self, *words):
        """What is missing, and the packages of Debian and of Fedora."""
        said = self.configure(1, *words)
        found = re.search(r'error: these are missing: (.*)\n'
                          r'  Debian and Ubuntu: apt-get install (.*)\n'
                          r'  Fedora and relatives: dnf install (.*)\n', said)
        self.assertIsNotNone(found, said)
        return [words.split() for words in found.groups()]

    def test_all_at_once(self):
        self.hide(*LIBRARIES)
        self.assertEqual(self.advised(), [
            list(LIBRARIES), [of[1] for of in LIBRARIES.values()],
            [of[2] for of in LIBRARIES.values()]])

    def test_only_what_is_missing(self):
        self.hide('lmdb.h', 'jansson.h')
        self.assertEqual(self.advised(), [
            ['lmdb.h', 'jansson.h'], ['liblmdb-dev', 'libjansson-dev'],
            ['lmdb-devel', 'jansson-devel']])

    def test_a_library_without_its_function(self):
        self.write('libinih.a', '!<arch>\n')
        self.assertEqual(self.advised(), [
            ['ini_parse_stream()'], ['libinih-dev'], ['inih-devel']])

    def test_without_pkg_config(self):
        """All are found, those that have a .pc file, too."""
        self.configure(0)
        with open(self.tmp + '/build/Makefile') as f:
            linked = re.findall(r'^\w+_LIBS = *-l(\w+)$', f.read(), re.M)
        self.assertLessEqual({of[0] for of in LIBRARIES.values()},
                             set(linked))

    def pam(self, rc, *words):
        """What is said of the PAM module, and whether make builds it."""
        said = self.configure(rc, *words)
        if rc != 0:
            return said
        with open(self.tmp + '/build/Makefile') as f:
            return re.search('(?m)^PAM_LIBS = *(.*)$', f.read())[1] == '-lpam'

    def test_the_pam_module(self):
        self.assertTrue(self.pam(0))
        self.assertFalse(self.pam(0, '--disable-pam'))
        self.hide('security/pam_ext.h')
        self.assertFalse(self.pam(0))
        for word in PAM:
            self.assertIn(word, self.pam(1, '--enable-pam'))

    def test_an_empty_folder_is_refused(self):
        """What pkg-config prints where it knows nothing: the units would
        be left out."""
        self.assertIn('--with-systemdsystemunitdir needs a folder, or "no"',
                      self.configure(1, '--with-systemdsystemunitdir='))

    def test_packages_are_those_of_the_other_files(self):
        debian = {of[1] for of in LIBRARIES.values()}
        fedora = {of[2] for of in LIBRARIES.values()}
        needed = re.findall(r'^ (lib\S+-dev)', source(
            'contrib/debian/control'), re.M)
        debian.add(PAM[0])
        self.assertEqual(set(needed), debian)
        readme = re.search(r'apt-get install build-essential (.*?[^\\])\n',
                           source('README.md'), re.S)[1]
        self.assertEqual(set(re.findall(r'lib\S+-dev', readme)), debian)
        needed = re.findall(r'^BuildRequires: +(\S+-devel)', source(
            'contrib/rpm/smtpauth-milter.spec'), re.M)
        self.assertEqual(set(needed), {*fedora, PAM[1], 'check-devel'})


if __name__ == '__main__':
    harness.main()
