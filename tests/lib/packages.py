# SPDX-License-Identifier: BSD-2-Clause
"""The release tarball of the build at $BUILDDIR, and the packages made of
it: by whom they should be, a user without rights, in a scratch folder."""

import atexit
import functools
import glob
import os
import re
import shutil
import tempfile

import harness
from debian_image import execute

NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
DEB_NEEDS = ('dpkg-buildpackage', 'dh', 'lintian', 'make')
RPM_NEEDS = ('rpm', 'rpmbuild', 'make')
# Fedora's, as far as the spec file uses them; Debian's rpm lacks them.  What
# stands for the macros of systemd is plain: systemctl does the same here.
RPM_MACROS = {
    '_localstatedir': '/var', '_sharedstatedir': '/var/lib',
    '_sysconfdir': '/etc', '_pkgdocdir': '%{_docdir}/%{name}',
    '_unitdir': '/usr/lib/systemd/system',
    '_sysusersdir': '/usr/lib/sysusers.d',
    '_tmpfilesdir': '/usr/lib/tmpfiles.d',
    'systemd_post()': '[ $1 -ne 1 ] || systemctl preset %{?*} || :',
    'systemd_preun()': '[ $1 -ne 0 ] || systemctl --no-reload disable --now '
                       '%{?*} || :',
    'systemd_postun_with_restart()': 'systemctl daemon-reload; '
                                     '[ $1 -lt 1 ] || systemctl try-restart '
                                     '%{?*} || :'}


def missing(*programs):
    """In words, or None."""
    for program in programs:
        if not shutil.which(program):
            return program + ' is missing'
    return None


def environment(**more):
    """Nothing of the make that runs these tests may reach another one."""
    return {'PATH': os.environ['PATH'], 'LC_ALL': 'C', 'HOME': '/dev/null/none',
            **more}


def run(*argv, check=True, **keys):
    keys = {'env': environment(), 'umask': 0o022, **keys}
    return execute(list(argv), check, **keys)


def make(*argv, **keys):
    return run('make', '-C', harness.BUILDDIR, *argv, **keys)


def source(path):
    with open(os.path.join(harness.ROOT, path), encoding='utf-8') as f:
        return f.read()


def version():
    return re.search(r'^AC_INIT\(\[smtpauth-milter\], \[([^]]+)\]',
                     source('configure.ac'), re.M)[1]


def documents(tree=harness.ROOT):
    """What of contrib is for who runs a milter, so it is in the packages;
    the rest is installed elsewhere, or is how packages are made."""
    apart = re.compile(r'(bash-completion|debian|rpm)/|smtpauth-milter\.conf$|'
                       r'systemd/smtpauth-')
    top = os.path.join(tree, 'contrib')
    paths = (os.path.relpath(os.path.join(folder, name), top)
             for folder, _, names in os.walk(top) for name in names)
    return {path for path in paths if not apart.match(path)}


def scratch():
    """A folder until the program ends, for the user who builds, too."""
    folder = tempfile.mkdtemp(prefix='smtpauth-packages-')
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def tarball(folder):
    """Make the release tarball there, and return its path and its tree."""
    name = 'smtpauth-milter-' + version()
    tree = os.path.join(folder, name)
    make('-s', 'distdir', 'distdir=' + tree)
    run('tar', '-czf', tree + '.tar.gz', '--owner=0', '--group=0', '-C',
        folder, name)
    return tree + '.tar.gz', tree


def as_nobody(folder, *argv, **keys):
    """Run it there as a user without rights, and return its output."""
    prefix = []
    if os.geteuid() == 0:
        run('chown', '-R', 'nobody:nogroup', folder)
        prefix = NOBODY
    keys['env'] = environment(**keys.get('env', {}))
    done = run(*prefix, 'sh', '-c', 'exec "$@" 2>&1', 'sh', *argv, **keys)
    return done.stdout


class Lacking(Exception):
    """What a build needs and this machine has not."""


@functools.lru_cache(maxsize=None)
def deb():
    """Build Debian's package and its source, once; the paths of the package
    and of the .changes file, and what the build said."""
    folder = scratch()
    path, tree = tarball(folder)
    os.rename(path, '%s/smtpauth-milter_%s.orig.tar.gz' % (folder, version()))
    shutil.copytree(os.path.join(tree, 'contrib/debian'), tree + '/debian')
    lacking = run('dpkg-checkbuilddeps', cwd=tree, check=False)
    if lacking.returncode != 0:
        raise Lacking(lacking.stderr.strip().split('error: ')[-1])
    said = as_nobody(folder, 'dpkg-buildpackage', '-us', '-uc',
                     cwd=tree, env={'DEB_BUILD_OPTIONS': 'parallel=4'})
    found, = glob.glob(folder + '/smtpauth-milter_*.deb')
    changes, = glob.glob(folder + '/*.changes')
    return found, changes, said


def pam_deb():
    """The package of the PAM module, of the same build."""
    found, = glob.glob(os.path.dirname(deb()[0]) + '/libpam-smtpauth_*.deb')
    return found


def newer_deb(path, number):
    """The same package, as a later version."""
    folder = os.path.splitext(path)[0]
    control = folder + '/DEBIAN/control'
    run('dpkg-deb', '-R', path, folder)
    with open(control) as f:
        text = re.sub('^Version: .*', 'Version: ' + number, f.read(),
                      flags=re.M)
    with open(control, 'w') as f:
        f.write(text)
    run('dpkg-deb', '--root-owner-group', '-b', folder, folder + '-newer.deb')
    return folder + '-newer.deb'


@functools.lru_cache(maxsize=None)
def rpm_folder():
    top = scratch()
    os.mkdir(top + '/SOURCES')
    path, tree = tarball(top)
    shutil.move(path, top + '/SOURCES')
    shutil.copy(tree + '/contrib/rpm/smtpauth-milter.spec', top)
    return top


@functools.lru_cache(maxsize=None)
def rpm(release='one'):
    """Build the rpms with Debian's rpmbuild; the path of the first one, and
    that of the PAM module's.  The tests of the build are left to those of the
    other package."""
    top = rpm_folder()
    macros = {**RPM_MACROS, '_topdir': top, '_smp_mflags': '-j2',
              'dist': '.' + release}
    words = [w for pair in macros.items()
             for w in ('--define', ' '.join(pair))]
    said = as_nobody(top, 'rpmbuild', '-bb', '--nodeps', '--nocheck', *words,
                     top + '/smtpauth-milter.spec', env={'HOME': top})
    found = [path for path in glob.glob(top + '/RPMS/*/*.rpm')
             if '.%s.' % release in path and '-debug' not in path]
    assert len(found) == 2, said
    return sorted(found, key=lambda path: '/pam_smtpauth-' in path)
