# SPDX-License-Identifier: BSD-2-Clause
"""The build at $BUILDDIR, installed as a service in a machine that runs a
real systemd; and sessions on the milter there."""

import contextlib
import json
import os
import re
import shutil
import tempfile
import time

import harness
import debian_image
import machine
import mta

UNIT = 'smtpauth-milter'
AUTHD = 'smtpauth-authd'
ADDRESS = ('127.0.0.1', 8899)
AUTH_ADDRESS = ('127.0.0.1', 8898)
CHROOT = '/var/spool/postfix/smtpauth'
# A system call that is refused ends the program here, where all can see it;
# the units themselves let the call fail.
STRICT = '[Service]\nSystemCallErrorNumber=kill\n'


def missing():
    """What keeps the service from being tested here, in words, or None."""
    reason = machine.missing()
    if reason is None and re.search(r'lib[at]san', linked(harness.MILTER)):
        reason = 'a build with sanitizers cannot run under all restrictions'
    return reason


def linked(program):
    return debian_image.execute(['ldd', program]).stdout


def libraries():
    """The packages of the libraries that the programs of the build need."""
    found = set()
    for program in harness.MILTER, harness.AUTHD, harness.CTL:
        for path in re.findall(r'=> (/\S+)', linked(program)):
            for name in path, os.path.realpath(path), '/usr' + path:
                owner = debian_image.execute(['dpkg', '-S', name], check=False)
                if owner.returncode == 0:
                    found.add(owner.stdout.split(':')[0])
                    break
    return sorted(found)


class Site(machine.Machine):
    """A machine with smtpauth-milter installed, its user and its folder
    made by systemd, and its database by `smtpauthctl init`."""

    def __init__(self, packages=()):
        super().__init__((*libraries(), *packages))

    def __enter__(self):
        super().__enter__()
        try:
            self.install()
        except BaseException:
            self.end()
            raise
        return self

    def install(self):
        with tempfile.TemporaryDirectory() as staged:
            environment = {k: v for k, v in os.environ.items()
                           if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
            debian_image.execute(['make', '-C', harness.BUILDDIR, 'install',
                             'DESTDIR=' + staged], env=environment)
            shutil.copytree(staged, self.root, symlinks=True,
                            dirs_exist_ok=True)
        os.chmod(self.root, 0o755)
        self.run('systemd-sysusers && systemd-tmpfiles --create '
                 '--prefix="$(smtpauth-milter -p | sed -n '
                 '"s/^state-dir = //p")" && systemctl daemon-reload')
        printed = self.run('smtpauth-milter -p').stdout
        self.state = re.search(r'^state-dir = (.*)$', printed, re.M)[1]
        folder = self.run('systemctl cat %s@x' % UNIT).stdout
        self.etc = re.search(r'ExecStart=.* -c (\S+)/%i', folder)[1]
        self.conf = self.etc + '/smtpauth-milter.conf'
        self.run('smtpauthctl init')

    def reset(self):
        """As after the installation, with a tenant: nothing runs, nothing is
        configured."""
        self.run('systemctl stop "smtpauth-*.socket" "smtpauth-*.service"; '
                 'systemctl unmask --runtime %s.socket %s.socket; '
                 'systemctl reset-failed; rm -rf %s/* /run/%s %s '
                 '/etc/systemd/system/smtpauth-*.d %s/*; smtpauthctl init' % (
                     UNIT, AUTHD, self.etc, UNIT, CHROOT, self.state))
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        for unit in UNIT, UNIT + '@', AUTHD:
            self.drop_in(unit, 'strict', STRICT)
        self.configure()
        self.since = self.run('date +%s.%N').stdout.strip()

    def ctl(self, words, check=True):
        return self.run('smtpauthctl ' + words, check)

    def configure(self, text='', name=UNIT):
        self.write('%s/%s.conf' % (self.etc, name), text)

    def drop_in(self, unit, name, text):
        if '.' not in unit:
            unit += '.service'
        self.write('/etc/systemd/system/%s.d/%s.conf' % (unit, name), text)
        self.run('systemctl daemon-reload')

    def shipped(self, name):
        """The text of a file of contrib/systemd that is not installed."""
        with open(os.path.join(harness.ROOT, 'contrib/systemd', name)) as f:
            return f.read()

    def log(self, *args):
        """What the units have said to the journal since reset()."""
        return self.journal('--since=@' + self.since, '-u', UNIT + '*',
                            '-u', AUTHD, *args)

    def wait_log(self, regex):
        return harness.wait_for(
            lambda: re.search(regex, self.log(), re.M),
            what='line of the journal like %r' % regex)

    def pid_of(self, unit=UNIT):
        return int(self.show(unit, 'MainPID'))

    def wait_new(self, pid, unit=UNIT, timeout=harness.TIMEOUT):
        """Wait until the unit is active with another process than PID, and
        return how long that took."""
        start = time.monotonic()
        harness.wait_for(
            lambda: self.pid_of(unit) not in (0, pid)
            and self.show(unit, 'ActiveState') == 'active', timeout,
            'new process of %s' % unit)
        return time.monotonic() - start

    def ask(self, login, address=ADDRESS, **keys):
        """The verdict on one MAIL FROM in a session of its own."""
        with contextlib.closing(self.connect(address, 20)) as s:
            return Mta(s).mail(login, **keys)


def ask_at_auth(box, key, address=AUTH_ADDRESS, **question):
    """What smtpauth-authd of that machine answers on a connection of its own,
    asked as Dovecot does: the status of HTTP, and an object."""
    return http(box, 'POST', '/v1/auth?command=allow', json.dumps(question),
                address, 'Authorization: Bearer ' + key)


def http(box, method, path, body='', address=AUTH_ADDRESS, *fields):
    """The status, and the object that is the body of the answer;
    ConnectionResetError where the connection ends without one."""
    head = ('%s %s HTTP/1.1' % (method, path), 'Host: x', *fields,
            'Connection: close', 'Content-Length: %d' % len(body))
    with contextlib.closing(box.connect(address, 20)) as s:
        s.sendall(('\r\n'.join(head) + '\r\n\r\n' + body).encode())
        with s.makefile('rb') as f:
            head, _, body = f.read().partition(b'\r\n\r\n')
    if not head:
        raise ConnectionResetError('no answer')
    return int(head.split()[1]), json.loads(body)


class Mta(mta.Mta):
    """A session on a connection that was made into the machine."""

    def __init__(self, connection):
        super().__init__(connection=connection)

    def mail(self, login, sender='sender@acme.test'):
        """`allow`, or the whole reply."""
        answer = super().mail(login, b'<%s>' % sender.encode(),
                              client_addr='127.0.0.1', daemon_name='submission')
        return 'allow' if answer == 'a' else answer
