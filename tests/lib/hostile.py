#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hostile.py UID GID DIR ATTACK... - what one who may write in a state folder can do to
those who read there.  Goes on until its standard input ends; says "ready" after
the first round."""

import contextlib
import fcntl
import os
import random
import select
import shutil
import signal
import struct
import sys
import time

VICTIM = 'smtpauthctl'
HELD = []


def files(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(where, name)


def lock(folder):
    """Every lock that the kernel gives, on every file that can be opened."""
    if HELD:
        return
    for path in files(folder):
        for flags, kind in (os.O_RDWR, fcntl.F_WRLCK), (os.O_RDONLY,
                                                         fcntl.F_RDLCK):
            with contextlib.suppress(OSError):
                fd = os.open(path, flags | os.O_NONBLOCK)
                HELD.append(fd)
                with contextlib.suppress(OSError):
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(
                    'hhqqi4x', kind, os.SEEK_SET, 0, 0, 0))


def rewrite(folder):
    """Other bytes and other sizes, within the files that are there."""
    for path in files(folder):
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
            with contextlib.closing(os.fdopen(fd, 'r+b', 0)) as f:
                f.truncate(random.choice((0, 1, 4096, 8192, 1 << 40)))
                f.write(random.randbytes(random.choice((1, 512, 20000))))


def replace(folder):
    """Something else by the name of each file."""
    usage = os.path.join(folder, 'usage')
    for name in 'usage.mdb', 'usage.mdb-lock':
        path = os.path.join(usage, name)
        with contextlib.suppress(OSError):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        with contextlib.suppress(OSError):
            random.choice((
                os.mkfifo, os.mkdir,
                lambda p: os.symlink('/etc/shadow', p),
                lambda p: os.symlink('/dev/zero', p),
                lambda p: os.symlink(folder + '/policy.mdb', p),
                lambda p: os.symlink(folder + '/policy.writers', p)))(path)
    for path in files(folder):
        if os.path.dirname(path) != usage:
            with contextlib.suppress(OSError):
                os.rename(path, path + '.gone')


def victims():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):
            with open('/proc/%s/comm' % pid) as f:
                ours = f.read().strip() == VICTIM
            if ours and os.stat('/proc/' + pid).st_uid == os.getuid():
                yield int(pid)


def stop(folder):
    for pid in victims():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGSTOP)


def drip(folder):
    """As good as stopped, but each of them says something now and then."""
    for signum, pause in (signal.SIGSTOP, 1.0), (signal.SIGCONT, 0.0001):
        for pid in victims():
            with contextlib.suppress(OSError):
                os.kill(pid, signum)
        time.sleep(pause)


def kill(folder):
    for pid in victims():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def main():
    uid, group = map(int, sys.argv[1:3])
    folder, attacks = sys.argv[3], sys.argv[4:]
    os.setgroups([group])
    os.setgid(group)
    os.setuid(uid)
    first = True
    while not select.select([sys.stdin], [], [], 0)[0]:
        for attack in attacks:
            globals()[attack](folder)
        if first:
            print('ready', flush=True)
            first = False
        time.sleep(0 if {'stop', 'kill'} & set(attacks) else 0.001)


main()
