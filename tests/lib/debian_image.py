# SPDX-License-Identifier: BSD-2-Clause
"""File systems of a Debian release, made with mmdebstrap from the packages
that this machine's own sources have.

    path = debian_image.tarball({'postfix', 'dovecot-core'}, 'trixie')
    debian_image.unpack(path, '/tmp/root')

A tarball is kept in $XDG_CACHE_HOME (default ~/.cache) and made anew after a
day.
"""

import contextlib
import fcntl
import functools
import glob
import hashlib
import os
import re
import subprocess
import time

TIMEOUT = 120
DAY = 24 * 3600
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
ENV = {'PATH': PATH, 'LC_ALL': 'C', 'DEBIAN_FRONTEND': 'noninteractive'}


def execute(argv, check=True, **keys):
    """Run a command of the host; its output is in the error it raises."""
    keys = {'stdin': subprocess.DEVNULL, 'timeout': 20 * TIMEOUT, **keys}
    if 'input' in keys:
        del keys['stdin']
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, errors='replace', **keys)
    assert not check or done.returncode == 0, '%s: status %d\n%s%s' % (
        ' '.join(argv), done.returncode, done.stdout, done.stderr)
    return done


@functools.lru_cache(maxsize=None)
def release():
    """The code name of the host's release, as `bookworm`; sid calls itself
    by the name of the next one, and apt does not."""
    with open('/etc/os-release') as f:
        name = re.search(r'^VERSION_CODENAME=(\w+)', f.read(), re.M)[1]
    known = execute(['apt-get', 'indextargets', '--format', '$(RELEASE)',
                     'Created-By: Packages']).stdout.split()
    return 'sid' if name not in known and 'sid' in known else name


def architecture():
    """The host's own, as `amd64`."""
    return execute(['dpkg', '--print-architecture']).stdout.strip()


def sources(codename=None):
    """The host's own sources of Debian's packages, as sources.list has
    them, or what they would be for another release; sid has no suites for
    updates."""
    ask = ['apt-get', 'indextargets', '--format',
           'deb $(REPO_URI) $(RELEASE) $(COMPONENT)',
           'Created-By: Packages', 'Origin: Debian']
    suites = '' if codename == 'sid' else '(-(updates|security))?'
    wanted = re.compile(r'deb \S+ %s%s ' % (release(), suites))
    for _ in range(2):
        lines = sorted(filter(wanted.match,
                              set(execute(ask).stdout.splitlines())))
        if lines:
            return [re.sub(r' %s\b' % release(), ' ' + (codename or release()),
                           line) for line in lines]
        execute(['apt-get', 'update'])
    raise AssertionError('apt knows no source of %s' % release())


def cache_folder():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    folder = os.path.join(base, 'smtpauth-milter-tests')
    os.makedirs(folder, exist_ok=True)
    return folder


def age(path):
    return time.time() - os.stat(path).st_mtime


def tarball(packages, codename, arch=None):
    """The path of a tarball with these packages, made when it has to be."""
    folder = cache_folder()
    arch = arch or architecture()
    names = sorted(packages)
    recipe = ' '.join([codename, arch, *names])
    key = hashlib.sha256(recipe.encode()).hexdigest()
    path = os.path.join(folder, 'machine-%s.tar' % key[:16])
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path) or age(path) > DAY:
            for old in glob.glob(os.path.join(folder, 'machine-*.tar')):
                if age(old) > DAY:
                    os.remove(old)
            make(path, names, codename, arch)
    return path


def make(path, names, codename, arch):
    """A mirror may carry sid with a Release file past its date, and the
    security updates of its main architecture alone."""
    part = path + '.part'
    lines = [line for line in sources(codename)
             if arch == architecture() or '-security ' not in line]
    options = ['--aptopt=Acquire::Check-Valid-Until "false"'] \
        if codename == 'sid' else []
    try:
        execute(['mmdebstrap', '--variant=apt', '--format=tar', '--quiet',
                 '--architectures=' + arch, *options,
                 '--include=' + ','.join(names), codename, part, '-'],
                input='\n'.join(lines) + '\n', env={**os.environ, **ENV})
        os.rename(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)


def unpack(path, folder):
    """A file system of a tarball, with its owners and attributes."""
    execute(['tar', '-xpf', path, '--numeric-owner', '--xattrs',
             '--xattrs-include=*', '-C', folder])
