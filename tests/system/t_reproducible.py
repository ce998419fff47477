#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two builds in two folders, at other times, with another umask, language and
time zone, are the same to the byte: tarball, programs and Debian's packages,
source and binary."""

import glob
import hashlib
import os
import shutil
import tempfile

import harness
import packages
from packages import run

# A folder, and what is different there.
SITES = (('one', 0o022, {'LC_ALL': 'C', 'TZ': 'UTC'}, 1700000000),
         ('another/folder', 0o077, {'LC_ALL': 'C.UTF-8', 'TZ': 'XYZ-14'},
          1600000000))
EPOCH = '1750000000'
PROGRAMS = ('milter/smtpauth-milter', 'policy/smtpauthctl',
            'policy/libpolicy.a')
DEB = """\
cp -r contrib/debian debian && dpkg-buildpackage -us -uc -d >../said 2>&1 ||
    { tail -30 ../said; exit 1; }
"""


class Site:
    """A copy of the sources, and what is built of it; ccache would give the
    second build what the first one has made."""

    def __init__(self, top, tree, name, umask, words, time):
        self.top = os.path.join(top, name)
        self.tree = os.path.join(self.top, os.path.basename(tree))
        self.keys = {'umask': umask, 'env': packages.environment(
            CCACHE_DISABLE='1', SOURCE_DATE_EPOCH=EPOCH, **words)}
        os.makedirs(self.top)
        run('cp', '-r', tree, self.tree, umask=umask)
        for folder, _, names in os.walk(self.tree):
            for path in names:
                os.utime(os.path.join(folder, path), (time, time))

    def shell(self, command, folder):
        run('sh', '-ec', command, cwd=folder, **self.keys)

    def make(self):
        build = self.tree + '/build'
        os.mkdir(build)
        self.shell('../configure -q && make -s -j2 && make -s dist', build)
        return {name: os.path.join(build, name) for name in (
            *PROGRAMS, os.path.basename(self.tree) + '.tar.gz')}

    def package(self, tarball):
        """Of a tarball, as Debian's maintainers do it, in a folder of its
        own."""
        folder = self.top + '/package'
        os.mkdir(folder)
        name, _, version = os.path.basename(self.tree).rpartition('-')
        shutil.copy(tarball, '%s/%s_%s.orig.tar.gz' % (folder, name, version))
        self.shell('tar -xf ' + tarball, folder)
        self.keys['env'].pop('SOURCE_DATE_EPOCH')
        self.keys['env']['DEB_BUILD_OPTIONS'] = 'nocheck parallel=2'
        self.shell(DEB, os.path.join(folder, os.path.basename(self.tree)))
        return {os.path.basename(path): path for kind in (
            'deb', 'dsc', 'debian.tar.xz')
            for path in glob.glob('%s/*.%s' % (folder, kind))}


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


class Reproducible(harness.Case):

    given = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='smtpauth-reproducible-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        _, tree = packages.tarball(cls.folder)
        cls.sites = [Site(cls.folder, tree, *site) for site in SITES]
        cls.made = [site.make() for site in cls.sites]

    def same(self, one, other, least):
        self.assertEqual(set(one), set(other))
        self.assertGreaterEqual(len(one), least)
        for name in sorted(one):
            found = digest(one[name]), digest(other[name])
            print('# %s %s %s' % (found[0], 'twice' if found[0] == found[1]
                                  else 'and ' + found[1], name))
        self.assertEqual({name: digest(path) for name, path in one.items()},
                         {name: digest(path) for name, path in other.items()})

    def test_plain_make_and_its_tarball(self):
        self.same(*self.made, 4)

    def test_no_empty_tarball_without_gnu_tar(self):
        build = os.path.join(self.sites[0].tree, 'build')
        done = run('make', '-s', 'dist', cwd=build, check=False,
                   env=packages.environment(TAR='false'))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('GNU tar is needed', done.stderr)

    def test_no_folder_is_named(self):
        for made in self.made:
            for name in PROGRAMS:
                with open(made[name], 'rb') as f:
                    self.assertNotIn(self.folder.encode(), f.read(), name)

    def test_package_of_debian(self):
        lacking = packages.missing(*packages.DEB_NEEDS)
        if lacking:
            self.skipTest(lacking)
        tarball, = (path for name, path in self.made[0].items()
                    if name.endswith('.gz'))
        self.same(*(site.package(tarball) for site in self.sites), 4)


if __name__ == '__main__':
    harness.main()
