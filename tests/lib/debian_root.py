#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""debian_root.py RELEASE[/ARCH] COMMAND... - runs a command on a copy of this
source tree in a fresh Debian of that release, as root.

    debian_root.py trixie ./runtests gcc
    debian_root.py bookworm/i386 ./quickstart

The root has Debian's essential packages, apt, git and mount; the command installs
the rest.  It sees the host's network and devices, but processes, mounts and
files of its own, all of which are gone at the end.  What it says and its exit
status are the command's.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import debian_image

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PASSED_ON = ('NO_SKIP', 'CI', 'LC_ALL')
# Makes the file system $1 the root of the new mount namespace, and runs the
# rest as a program for the architecture $2.
ENTER = """\
set -e
root=$1 arch=$2
shift 2
mount --bind "$root" "$root"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mkdir run/lock
mkdir -p "$CACHE" "$PWD/root/.cache/smtpauth-milter-tests"
mount --bind "$CACHE" root/.cache/smtpauth-milter-tests
pivot_root . mnt
umount -l /mnt
cd /src
unset CACHE
exec setarch "$arch" "$@"
"""


def tracked():
    """The files that git has, or else all but what builds make."""
    if os.path.exists(os.path.join(TOP, '.git')):
        names = debian_image.execute(['git', '-C', TOP, 'ls-files', '-z'])
        return ['.git', *names.stdout.split('\0')[:-1]]
    return [name for name in os.listdir(TOP) if not name.startswith('build')]


def copy_source(folder):
    names = '\0'.join(n for n in tracked()
                      if os.path.lexists(os.path.join(TOP, n)))
    archive = folder + '.tar'
    debian_image.execute(['tar', '-C', TOP, '--null', '-T', '-', '-cf',
                          archive], input=names)
    os.mkdir(folder)
    debian_image.execute(['tar', '-xf', archive, '--no-same-owner', '-C',
                          folder])
    os.remove(archive)


def prepare(root, codename, arch):
    """A root with the source in /src, and names that resolve."""
    debian_image.unpack(debian_image.tarball({'git', 'mount'},
                                             codename, arch), root)
    copy_source(os.path.join(root, 'src'))
    for name in 'hosts', 'resolv.conf':
        shutil.copy('/etc/' + name, root + '/etc/' + name)
    with open(root + '/etc/dpkg/dpkg.cfg.d/unsafe-io', 'w') as f:
        f.write('force-unsafe-io\n')            # it does not outlive a crash
    policy = root + '/usr/sbin/policy-rc.d'     # no service starts in there
    with open(policy, 'w') as f:
        f.write('#!/bin/sh\nexit 101\n')
    os.chmod(policy, 0o755)


def run(root, arch, command):
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env.update(debian_image.ENV, HOME='/root', TERM='dumb',
               CACHE=debian_image.cache_folder())
    machine = {'i386': 'i686', 'amd64': 'x86_64'}.get(arch, arch)
    return subprocess.run(
        ['unshare', '--mount', '--pid', '--fork', '--kill-child',
         '--propagation', 'private', 'sh', '-c', ENTER, 'enter', root,
         machine, *command], stdin=subprocess.DEVNULL, env=env).returncode


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    codename, _, arch = sys.argv[1].partition('/')
    arch = arch or debian_image.architecture()
    # Who ends this program ends the command and removes the root as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix='smtpauth-root-')
    try:
        root = os.path.join(folder, 'root')
        os.mkdir(root)
        prepare(root, codename, arch)
        return run(root, arch, sys.argv[2:])
    except (AssertionError, OSError) as problem:
        return 'debian_root: %s' % problem
    finally:
        with contextlib.suppress(AssertionError):
            debian_image.execute(['rm', '-rf', '--one-file-system', folder])


if __name__ == '__main__':
    sys.exit(main())
