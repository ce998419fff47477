#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""configure stops at a library that is too old, and says which version it
found and which it needs, with pkg-config and without."""

import os
import shutil
import subprocess
import tempfile
import unittest

import harness

CONFIGURE = os.path.join(harness.ROOT, 'configure')
LMDB = """\
#include_next <lmdb.h>
#undef MDB_VERSION_MAJOR
#undef MDB_VERSION_MINOR
#undef MDB_VERSION_PATCH
#define MDB_VERSION_MAJOR %d
#define MDB_VERSION_MINOR %d
#define MDB_VERSION_PATCH %d
"""
OLD = {
    'lmdb.h': (LMDB % (0, 9, 23), 'LMDB 0.9.23;',
               '0.9.24 or newer below 1.0 is needed'),
    'openssl/opensslv.h': (
        '#include_next <openssl/opensslv.h>\n'
        '#undef OPENSSL_VERSION_NUMBER\n#undef OPENSSL_VERSION_TEXT\n'
        '#define OPENSSL_VERSION_NUMBER 0x101010afL\n'
        '#define OPENSSL_VERSION_TEXT "OpenSSL 1.1.1j"\n',
        'OpenSSL 1.1.1j;', '3.0 or newer is needed'),
    'idn2.h': ('#include_next <idn2.h>\n'
               '#undef IDN2_VERSION_NUMBER\n#undef IDN2_VERSION\n'
               '#define IDN2_VERSION_NUMBER 0x02000004\n'
               '#define IDN2_VERSION "2.0.4"\n',
               'libidn2 2.0.4;', '2.0.5 or newer is needed'),
    'jansson.h': ('#include_next <jansson.h>\n'
                  '#undef JANSSON_VERSION_HEX\n#undef JANSSON_VERSION\n'
                  '#define JANSSON_VERSION_HEX 0x020900\n'
                  '#define JANSSON_VERSION "2.9"\n',
                  'jansson 2.9;', '2.10 or newer is needed'),
}


@unittest.skipUnless(os.path.exists(CONFIGURE), 'configure is missing')
class Configure(unittest.TestCase):

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix='smtpauth-configure-')
        self.addCleanup(shutil.rmtree, self.tmp)

    def configure(self, header, text, *words):
        """What configure says with that header in the place of the real."""
        path = os.path.join(self.tmp, 'include', header)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        # What every run asks first, they share.
        done = subprocess.run(
            [CONFIGURE, '-q', '--disable-hardening',
             '--cache-file=' + os.path.join(self.tmp, 'cache'),
             'CPPFLAGS=-I%s/include' % self.tmp, *words], cwd=self.tmp,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        os.unlink(path)
        return done.returncode, done.stdout

    def refused(self, header, text, found, needed, *words):
        rc, said = self.configure(header, text, *words)
        self.assertNotEqual(rc, 0, said)
        error, = [line for line in said.splitlines()
                  if 'configure: error: ' in line]
        self.assertIn(found, error)
        self.assertIn(needed, error)

    def test_too_old(self):
        for header, (text, *words) in OLD.items():
            self.refused(header, text, *words)

    def test_too_old_without_pkg_config(self):
        for header, (text, *words) in OLD.items():
            self.refused(header, text, *words, 'PKG_CONFIG=no')

    def test_lmdb_of_another_format(self):
        self.refused('lmdb.h', LMDB % (1, 0, 0), 'LMDB 1.0.0;', 'below 1.0')

    def test_those_that_are_here(self):
        rc, said = self.configure('unused.h', '')
        self.assertEqual((rc, [line for line in said.splitlines()
                               if 'error' in line]), (0, []))
        with open(os.path.join(self.tmp, 'config.log')) as f:
            log = f.read()
        for name in 'LMDB', 'OpenSSL', 'libidn2', 'jansson':
            self.assertRegex(log, r'checking for %s .*\n(.+\n)*?'
                             r'configure:\d+: result: \d+\.\d+' % name)


if __name__ == '__main__':
    harness.main()
