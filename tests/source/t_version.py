#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The version is set in configure.ac; whatever repeats it agrees."""

import glob
import os
import re
import unittest

import harness

# Pages that show the version, and packages that need it in a file of their own.
PLACES = (
    ('NEWS', r'\Asmtpauth-milter %s\n'),
    ('README.md', r'\bVersion %s '),
    ('README.md', r'\bversion %s,'),
    ('policy/smtpauthctl.8', r'\bversion %s,'),
    ('contrib/debian/changelog', r'\Asmtpauth-milter \(%s-\d+\) '),
    ('contrib/rpm/smtpauth-milter.spec', r'(?m)^Version: +%s$'),
    ('contrib/rpm/smtpauth-milter.spec', r'\n%%changelog\n\* .* - %s-\d+\n'))
# NEWS, too, names older ones.
PAGES = '*.md', 'policy/*.[578]', 'milter/*.[58]', 'contrib/*/README*'
NAMED = r'\b(?:version |smtpauth-milter[-_ ])(\d+\.\d+\.\d+)'


def read(path):
    with open(os.path.join(harness.ROOT, path), encoding='utf-8') as f:
        return f.read()


def version():
    return re.search(r'AC_INIT\(\[smtpauth-milter\], \[([\d.]+)\]\)',
                     read('configure.ac')).group(1)


class Version(unittest.TestCase):

    def test_all_that_repeat_it_agree(self):
        for path, regex in PLACES:
            with self.subTest(path=path, regex=regex):
                self.assertRegex(read(path), regex % re.escape(version()))

    def test_series_is_supported(self):
        series = version().rsplit('.', 1)[0]
        self.assertIn('| %s.x | yes |' % series, read('SECURITY.md'))

    def test_no_page_names_another(self):
        found = [(path, named) for pattern in PAGES for path in
                 glob.glob(os.path.join(harness.ROOT, pattern))
                 for named in re.findall(NAMED, read(path), re.I)]
        self.assertGreater(len(found), 2)
        self.assertEqual({named for _, named in found}, {version()}, found)


if __name__ == '__main__':
    harness.main()
