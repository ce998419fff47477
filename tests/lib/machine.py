# SPDX-License-Identifier: BSD-2-Clause
"""A throw-away Debian, of this machine's own release or another one, with a real systemd as
its process 1, in namespaces of its own: no container program is needed.

    with Machine(packages=('postfix',)) as box:
        box.run('systemctl start postfix')
        box.wait('postfix', 'active')
        with box.connect(('127.0.0.1', 25)) as smtp:
            print(smtp.recv(100))

It has a loopback interface of its own and no other network, so every package
has to be named at the start.  Nothing of the host's services, files and
kernel settings is touched; at the end all its processes are killed, and no
mount, control group or file stays.  Needs root.
"""

import contextlib
import ctypes
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid

import debian_image
from debian_image import ENV, PATH, TIMEOUT, execute

TOOLS = {'mmdebstrap': 'mmdebstrap', 'apt-get': 'apt', 'unshare': 'util-linux',
         'nsenter': 'util-linux', 'setpriv': 'util-linux',
         'pivot_root': 'util-linux'}
CLONE_NEWNET = 0x40000000
# passwd has useradd, which from Debian 13 nothing else brings.
BASE = ('systemd', 'systemd-sysv', 'dbus', 'passwd')

# Makes the file system $1 the root of the new mount namespace and becomes
# systemd.  What belongs to the kernel of all of us is read-only, and the
# clock and the kernel's modules are out of reach.
BOOT = """\
set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc -o nosuid,nodev,noexec proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro,nosuid,nodev,noexec proc/sys
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid,strictatime tmpfs dev
mkdir dev/pts dev/shm
for n in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${n%:*}" c 1 "${n#*:}"
done
mknod -m 666 dev/tty c 5 0
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5,nosuid,noexec \\
    devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for n in stdin:0 stdout:1 stderr:2; do ln -s "fd/${n#*:}" "dev/${n%:*}"; done
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
pivot_root . mnt
umount -l /mnt
hostname mx.example.test
exec env -i container=test PATH="$PATH" LC_ALL=C setpriv \\
    --bounding-set=-sys_module,-sys_time,-sys_rawio /lib/systemd/systemd
"""


def missing():
    """What keeps a machine from running here, in words, or None."""
    if os.geteuid() != 0:
        return 'a machine with systemd needs root'
    for program, package in TOOLS.items():
        if not shutil.which(program, path=PATH):
            return '%s is missing (package %s)' % (program, package)
    if not cgroup_top():
        return 'no control groups of version 2 are mounted'
    return None


def cgroup_top():
    """Where the control groups of version 2 are, or None."""
    with open('/proc/self/mounts') as f:
        found = [line.split()[1] for line in f
                 if line.split()[2] == 'cgroup2']
    return found[0] if found else None


# The machine

class Machine:
    """A booted machine, as a context manager.

    .root is the path of its file system on the host; .path('/run/x') is the
    path of a file as the machine sees it, its mounts included."""

    def __init__(self, packages=(), codename=None):
        self.packages = packages
        self.codename = codename or debian_image.release()
        self.dir = self.root = self.cgroup = self.child = self.pid = None

    def __enter__(self):
        tarball = debian_image.tarball({*BASE, *self.packages},
                                       self.codename)
        self.dir = tempfile.mkdtemp(prefix='smtpauth-machine-')
        try:
            self._unpack(tarball)
            self.prepare()
            self._boot()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def prepare(self):
        """What a machine of its own kind does before it boots."""

    def before_boot(self, command, **keys):
        """Run a shell's command in the file system, with the network and
        the devices of the host, as root."""
        shutil.copy('/etc/resolv.conf', self.root + '/etc/resolv.conf')
        script = 'mount -t proc proc "$1/proc" && mount --rbind /dev ' \
            '"$1/dev" && exec chroot "$1" bash -c "$2"'
        return execute(['unshare', '--mount', '--pid', '--fork',
                        '--kill-child', '--propagation', 'private', 'sh',
                        '-c', script, 'sh', self.root, command],
                       env={'HOME': '/root', **ENV}, **keys)

    def run(self, command, check=True, **keys):
        """Run a command (a shell's line, or a list) inside, as root."""
        return execute(self.argv(command), check,
                       **{'timeout': TIMEOUT, **keys})

    def popen(self, command, **keys):
        """Start a command inside, as root."""
        return subprocess.Popen(self.argv(command), **keys)

    def argv(self, command):
        words = ['sh', '-c', command] if isinstance(command, str) else command
        return ['nsenter', '-t', str(self.pid), '-m', '-u', '-i', '-n', '-p',
                '-C', '-r', '-w', 'env', '-i', 'HOME=/root',
                *('%s=%s' % pair for pair in ENV.items()), *words]

    def wait(self, unit, state='active', timeout=TIMEOUT):
        """Wait until systemd says this of the unit's ActiveState."""
        end = time.monotonic() + timeout
        while self.show(unit, 'ActiveState') != state:
            assert time.monotonic() < end, '%s is not %s in %g s\n%s' % (
                unit, state, timeout, self.status(unit))
            time.sleep(0.05)

    def show(self, unit, *names):
        """The value of one property of a unit, or a dict of several."""
        text = self.run(['systemctl', 'show', '-p', ','.join(names),
                         unit]).stdout
        values = dict(line.split('=', 1) for line in text.splitlines())
        return values[names[0]] if len(names) == 1 else values

    def status(self, unit):
        """What an administrator would look at, for messages."""
        words = shlex.quote(unit)
        return self.run('systemctl status --no-pager -l %s; journalctl '
                        '--no-pager -n 40 -u %s' % (words, words),
                        check=False).stdout

    def journal(self, *args):
        """The text of the journal: journalctl's arguments pick from it."""
        return self.run(['journalctl', '--no-pager', '-o', 'cat',
                         *args]).stdout

    def path(self, path):
        return '/proc/%d/root%s' % (self.pid, path)

    def write(self, path, text, mode=0o644):
        """Write a file inside; folders are made."""
        path = self.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, mode)

    def read(self, path):
        with open(self.path(path), encoding='utf-8', errors='replace') as f:
            return f.read()

    def connect(self, address, timeout=TIMEOUT):
        """A connection to a (host, port) or a unix socket of the machine."""
        if isinstance(address, str):
            s = socket.socket(socket.AF_UNIX)
            address = self.path(address)
        else:
            s = self.inet_socket()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(timeout)
        try:
            s.connect(address)
        except BaseException:
            s.close()
            raise
        return s

    def inet_socket(self):
        """A socket belongs to the network it was made in: the calling
        thread visits the machine's for that."""
        libc = ctypes.CDLL(None, use_errno=True)
        me = '/proc/self/task/%d' % threading.get_native_id()
        with open(me + '/ns/net') as home, \
                open('/proc/%d/ns/net' % self.pid) as there:
            self._enter(libc, there)
            try:
                return socket.socket()
            finally:
                self._enter(libc, home)

    @staticmethod
    def _enter(libc, namespace):
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns')

    def _unpack(self, tarball):
        self.root = os.path.join(self.dir, 'root')
        os.mkdir(self.root)
        debian_image.unpack(tarball, self.root)
        os.chmod(self.dir, 0o755)
        with open(os.path.join(self.root, 'etc/machine-id'), 'w') as f:
            f.write(uuid.uuid4().hex + '\n')
        with open(os.path.join(self.root, 'etc/hostname'), 'w') as f:
            f.write('mx.example.test\n')

    def _boot(self):
        self.cgroup = os.path.join(cgroup_top(), os.path.basename(self.dir))
        os.mkdir(self.cgroup)
        script = 'echo $$ >"$2"/cgroup.procs && exec setpriv --pdeathsig ' \
            'KILL unshare --fork --kill-child --pid --mount --uts --ipc ' \
            '--net --cgroup sh -c "$3" boot "$1"'
        with open(os.path.join(self.dir, 'console'), 'wb') as out:
            self.child = subprocess.Popen(
                ['sh', '-c', script, 'start', self.root, self.cgroup, BOOT],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={'PATH': PATH}, start_new_session=True)
        end = time.monotonic() + TIMEOUT
        while not self._is_up():
            assert time.monotonic() < end and self.child.poll() is None, \
                'the machine does not boot:\n' + self._console()
            time.sleep(0.05)

    def _is_up(self):
        """Whether the start has ended, in whatever state."""
        with contextlib.suppress(OSError, ValueError):
            with open('/proc/%d/task/%d/children' % (
                    self.child.pid, self.child.pid)) as f:
                self.pid = int(f.read())
            if 'systemd' not in os.readlink('/proc/%d/exe' % self.pid):
                return False
            state = self.run('systemctl is-system-running', check=False)
            return state.stdout.strip() in ('running', 'degraded')
        return False

    def _console(self):
        with open(os.path.join(self.dir, 'console'), errors='replace') as f:
            return f.read()

    def end(self):
        """Kill process 1: the kernel then ends all others of the machine,
        and its mounts go with them."""
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                if self.pid and self.child.poll() is None:
                    os.kill(self.pid, 9)
                else:
                    self.child.kill()
            self.child.wait()
            self.child = None
        if self.cgroup is not None:
            self._remove_cgroup()
        if self.dir is not None:
            execute(['rm', '-rf', '--one-file-system', self.dir])
            self.dir = None

    def _remove_cgroup(self):
        end = time.monotonic() + 10
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            while True:
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.02)
        self.cgroup = None
