# SPDX-License-Identifier: BSD-2-Clause
"""What the daemon tells a service manager, and sockets it is handed."""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time

import harness
from mta import Mta

PATIENCE = 5    # seconds; an MTA has more


class Manager:
    """The manager's side: a socket for messages, and starting the daemon."""

    def __init__(self, case, name=None):
        self.case = case
        self.name = name or os.path.join(case.tmp, 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name)
        self.socket.settimeout(harness.TIMEOUT)
        case.addCleanup(self.socket.close)
        self.log = tempfile.mktemp(dir=case.tmp)
        self.process = None

    def fill(self):
        """Until the queue of messages takes no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            try:
                while True:
                    s.sendto(b'X=1', self.name)
            except BlockingIOError:
                pass

    def start(self, *args, listening=(), pid=None, **env):
        """Start the daemon; the listening sockets become 3, 4, ..."""
        env = {**harness.ENV, 'NOTIFY_SOCKET': self.name.replace('\0', '@'),
               **env}

        def hand_over():
            high = [fcntl.fcntl(sock, fcntl.F_DUPFD, 100)
                    for sock in listening]
            for number, fd in enumerate(high):
                os.dup2(fd, 3 + number, inheritable=True)
            if listening:
                env['LISTEN_FDS'] = str(len(listening))
                env['LISTEN_PID'] = str(pid or os.getpid())
            os.execve(harness.MILTER, [
                'smtpauth-milter', '-d', self.case.dir, *args], env)

        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [harness.MILTER], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=hand_over, close_fds=False)
        self.case.addCleanup(self.stop)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(harness.TIMEOUT)

    def next(self):
        return self.socket.recv(4096).decode()

    def until(self, wanted):
        """All messages up to the one that is wanted."""
        messages = []
        while wanted not in messages:
            messages.append(self.next())
        return messages

    def said(self):
        with open(self.log, encoding='utf-8') as log:
            return log.read()


def unix_address(case):
    return 'unix:' + os.path.join(case.tmp, 'milter.sock')


class Messages(harness.Case):

    def test_ready_when_the_policy_is_verified(self):
        manager = Manager(self)
        manager.start('-s', unix_address(self))
        said = manager.until('READY=1')
        self.assertEqual(len(said), 2, said)
        self.assertRegex(said[0], r'^STATUS=enforcing: 0 of 0 tenants denied; '
                                  r'policy database verified: '
                                  r'1 record in \d+ ms$')
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.path.join(self.tmp, 'milter.sock'))
        self.assertEqual(manager.stop(), 0)
        self.assertEqual(manager.until('STOPPING=1'), ['STOPPING=1'])

    def test_ready_with_a_fault_in_the_status(self):
        shutil.rmtree(self.dir)
        manager = Manager(self)
        manager.start('-s', unix_address(self))
        said = manager.until('READY=1')
        self.assertRegex(said[0], '^STATUS=on-error is tempfail; '
                                  '.*smtpauthctl init')
        self.ctl('init')
        self.assertRegex(manager.next(), '^STATUS=enforcing: 0 of 0 tenants '
                                         'denied; policy database verified')
        manager.stop()
        self.assertEqual(manager.next(), 'STOPPING=1', 'READY only once')

    def test_status_begins_with_what_is_enforced(self):
        """From the first one on, and after each change."""
        self.ctl('tenant add on --domain on.test --smtp-auth enabled')
        self.ctl('tenant add off --domain off.test --smtp-auth disabled')
        self.ctl('tenant add soon --domain soon.test --smtp-auth disabled '
                 '--enforce-from 2099-01-01')
        manager = Manager(self)
        manager.start('-s', unix_address(self))
        rest = ', 1 scheduled, 1 enabled'
        self.assertRegex(
            manager.until('READY=1')[0], '^STATUS=enforcing: 1 of 3 tenants '
            'denied%s; policy database verified' % rest)
        for command, line in (
                ('tenant set off --action report', 'NO TENANT IS DENIED: 0 of '
                 '3 tenants denied, 1 reported only' + rest),
                ('settings set exempt-listeners webmail',
                 'NO TENANT IS DENIED: .*%s, with exemptions' % rest),
                ('settings set enforce no', r'DRY RUN \(enforce no\): nothing '
                 'is denied but what is locked, with exemptions'),
                ('settings set enforce yes', 'NO TENANT IS DENIED: .*'),
                ('tenant set off --action reject', 'enforcing: 1 of 3 .*')):
            self.ctl(command)
            self.assertRegex(manager.next(), '^STATUS=%s; policy database '
                             r'verified: \d+ records in \d+ ms$' % line)
        manager.stop()

    def fault(self, folder):
        """The status when there is no database in a folder of this name."""
        self.dir = os.path.join(os.fsencode(self.tmp), folder)
        manager = Manager(self, '\0f%d%d' % (os.getpid(), len(self.dir)))
        manager.start('-s', unix_address(self))
        status = manager.socket.recv(4096)
        self.assertEqual(manager.until('READY=1'), ['READY=1'])
        self.assertTrue(status.startswith(b'STATUS='), status)
        manager.stop()
        return status[len('STATUS='):]

    def test_status_is_cut_between_characters(self):
        for name in 'ü' * 70, 'x' + 'ü' * 70, '€' * 48, 'x' + '€' * 48:
            status = self.fault(name.encode())
            status.decode()     # systemd drops what is no UTF-8
            self.assertTrue(197 < len(status) <= 200, status)

    def test_status_is_one_line_of_utf8(self):
        status = self.fault(b'a\nREADY=1\tb\xff\xc3(c\xe2\x82d')
        self.assertIn('a?READY=1?b??(c??d', status.decode())

    def test_manager_that_does_not_read(self):
        """Its queue is full: nothing waits for it."""
        manager = Manager(self)
        manager.fill()
        daemon = harness.Daemon(self)
        daemon.argv = ['env', 'NOTIFY_SOCKET=' + manager.name,
                       'WATCHDOG_USEC=20000', *daemon.argv]
        with daemon:
            daemon.wait_log('verified', PATIENCE)
            with Mta(daemon) as mta:
                mta.socket.settimeout(PATIENCE)
                for _ in range(20):
                    mta.mail('u@a.test')
            # a fault and its end are told, and decisions know of both
            away = os.path.join(self.dir, 'away')
            os.rename(os.path.join(self.dir, 'policy.mdb'), away)
            daemon.wait_log('smtpauthctl restore', 2 * PATIENCE)
            os.rename(away, os.path.join(self.dir, 'policy.mdb'))
            harness.wait_for(lambda: daemon.log().count('verified') > 1,
                             2 * PATIENCE)
            begin = time.monotonic()
            daemon.stop()
            self.assertLess(time.monotonic() - begin, PATIENCE)
        manager.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):    # it was full all the time
            while True:
                self.assertEqual(manager.next(), 'X=1')

    def test_abstract_socket(self):
        manager = Manager(self, '\0smtpauth-%d' % os.getpid())
        manager.start('-s', unix_address(self))
        manager.until('READY=1')

    def test_nobody_to_tell(self):
        for name in '', 'relative', '@', '/nonexistent/socket', '/' * 200:
            manager = Manager(self, '\0x%d%d' % (os.getpid(), len(name)))
            manager.start('-s', unix_address(self), NOTIFY_SOCKET=name)
            harness.wait_for(lambda: 'verified' in manager.said())
            self.assertEqual(manager.stop(), 0)

    def test_watchdog(self):
        manager = Manager(self)
        manager.start('-s', unix_address(self), WATCHDOG_USEC='400000')
        manager.until('READY=1')
        manager.until('WATCHDOG=1')
        begin = time.monotonic()
        for _ in range(5):
            manager.until('WATCHDOG=1')
        self.assertLess(time.monotonic() - begin, 5 * 0.4)

    def test_watchdog_of_another_process_or_none(self):
        for env in ({'WATCHDOG_USEC': '100000', 'WATCHDOG_PID': '1'},
                    {'WATCHDOG_USEC': '0'}, {'WATCHDOG_USEC': '1x'},
                    {'WATCHDOG_USEC': '-1'}, {}):
            manager = Manager(self, '\0w%d%s' % (os.getpid(), env))
            manager.start('-s', unix_address(self), **env)
            manager.until('READY=1')
            time.sleep(0.3)
            manager.stop()
            self.assertEqual(manager.next(), 'STOPPING=1', env)


class Sockets(harness.Case):
    """LISTEN_FDS: sd_listen_fds(3)."""

    def listen(self, address='127.0.0.1', family=socket.AF_INET):
        sock = socket.socket(family)
        self.addCleanup(sock.close)
        sock.bind(address if family == socket.AF_UNIX else (address, 0))
        sock.listen()
        return sock

    def refused(self, manager, text):
        self.assertEqual(manager.process.wait(harness.TIMEOUT), 78)
        self.assertIn(text, manager.said())

    def served(self, manager, sock, address):
        """It answers there, and says so in log and heartbeat."""
        manager.until('READY=1')
        with socket.socket(sock.family) as client:
            client.settimeout(harness.TIMEOUT)
            client.connect(sock.getsockname())
            client.sendall(bytes.fromhex(
                '0000000d 4f 00000006 000001ff 001fffff'))
            self.assertEqual(client.recv(5)[4:], b'O')
        self.assertIn('socket %s,' % address, manager.said())
        self.assertEqual(harness.wait_for(
            lambda: self.status()['daemon'])['socket'], address)

    def test_tcp(self):
        """An address that systemd holds, by whatever name."""
        sock, manager = self.listen(), Manager(self)
        port = sock.getsockname()[1]
        manager.start('-s', 'inet:%d@localhost' % port, listening=[sock])
        self.served(manager, sock, 'inet:%d@127.0.0.1' % port)
        self.assertIn('is used instead', manager.said())

    def ends(self, manager, host):
        """There the MTA would ask somebody else."""
        self.assertEqual(manager.process.wait(harness.TIMEOUT), 69)
        self.assertIn('cannot listen on', manager.said())
        self.assertIn(host, manager.said())
        self.assertNotIn('is used instead', manager.said())

    def test_tcp_on_another_address(self):
        for host in '127.0.0.2', '192.0.2.1':
            sock, stranger = self.listen(), socket.socket()
            self.addCleanup(stranger.close)
            port = sock.getsockname()[1]
            if host.startswith('127.'):
                stranger.bind((host, port))
                stranger.listen()
            manager = Manager(self, '\0o%d%s' % (os.getpid(), host))
            manager.start('-s', 'inet:%d@%s' % (port, host), listening=[sock])
            self.ends(manager, host)

    def listen6(self, host, only):
        if not os.path.exists('/proc/net/if_inet6'):
            self.skipTest('no IPv6 here')
        sock = socket.socket(socket.AF_INET6)
        self.addCleanup(sock.close)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind((host, 0))
        sock.listen()
        return sock, sock.getsockname()[1]

    def test_tcp_of_every_address(self):
        """What ListenStream=PORT makes takes IPv4 as well."""
        sock, port = self.listen6('::', 0)
        manager = Manager(self)
        manager.start('-s', 'inet:%d@127.0.0.1' % port, listening=[sock])
        self.served(manager, sock, 'inet6:%d@::' % port)

    def test_tcp_of_the_other_family(self):
        for host, only in ('::', 1), ('::1', 0):
            sock, port = self.listen6(host, only)
            stranger = socket.socket()
            self.addCleanup(stranger.close)
            stranger.bind(('127.0.0.1', port))
            stranger.listen()
            manager = Manager(self, '\0f%d%s' % (os.getpid(), host))
            manager.start('-s', 'inet:%d@localhost' % port, listening=[sock])
            self.ends(manager, 'localhost')

    def test_tcp_at_another_port(self):
        sock, stranger, manager = self.listen(), self.listen(), Manager(self)
        spec = 'inet:%d@127.0.0.1' % stranger.getsockname()[1]
        manager.start('-s', spec, listening=[sock])
        self.ends(manager, spec)

    def refuses_none(self, sock):
        """The one that nobody serves: connections wait there."""
        with socket.create_connection(sock.getsockname()):
            pass

    def test_another_address_was_chosen(self):
        """Where the MTA looks for the daemon it has to be."""
        path = os.path.join(self.tmp, 'chosen.sock')
        for spec in 'unix:' + path, 'inet:%d@127.0.0.1' % harness.free_port():
            sock, manager = self.listen(), Manager(self)
            manager.start('-s', spec, listening=[sock])
            chosen = socket.socket(socket.AF_UNIX if spec[0] == 'u'
                                   else socket.AF_INET)
            self.addCleanup(chosen.close)
            target = path if spec[0] == 'u' else (
                '127.0.0.1', int(spec[5:].split('@')[0]))
            manager.until('READY=1')
            chosen.settimeout(harness.TIMEOUT)
            chosen.connect(target)
            chosen.sendall(bytes.fromhex(
                '0000000d 4f 00000006 000001ff 001fffff'))
            self.assertEqual(chosen.recv(5)[4:], b'O')
            self.refuses_none(sock)
            self.assertIn('systemd holds inet:%d@127.0.0.1, too' %
                          sock.getsockname()[1], manager.said())
            self.assertEqual(manager.stop(), 0)
            os.unlink(manager.name)

    def test_unix_socket_that_cannot_be_made(self):
        """The MTA would look for it in vain, whatever else is served."""
        manager = Manager(self)
        manager.start('-s', 'unix:%s/none/sock' % self.tmp,
                      listening=[self.listen()])
        self.assertEqual(manager.process.wait(harness.TIMEOUT), 69)
        self.assertIn('none/sock', manager.said())

    def test_part_of_what_was_chosen(self):
        sock, manager = self.listen(), Manager(self)
        port = sock.getsockname()[1]
        manager.start('-s', 'inet:%d@0.0.0.0' % port, listening=[sock])
        self.served(manager, sock, 'inet:%d@127.0.0.1' % port)
        self.assertIn('is used instead', manager.said())

    def test_tcp6(self):
        if not os.path.exists('/proc/net/if_inet6'):
            self.skipTest('no IPv6 here')
        sock = self.listen('::1', socket.AF_INET6)
        manager = Manager(self)
        manager.start(listening=[sock])
        self.served(manager, sock, 'inet6:%d@::1' % sock.getsockname()[1])

    def test_unix_socket_stays_when_the_daemon_stops(self):
        path = os.path.join(self.tmp, 'held.sock')
        sock = self.listen(path, socket.AF_UNIX)
        os.chmod(path, 0o600)
        before = os.stat(path)
        manager = Manager(self)
        manager.start(listening=[sock])
        self.served(manager, sock, 'unix:' + path)
        self.assertEqual(manager.stop(), 0)
        after = os.stat(path)
        self.assertEqual((after.st_ino, after.st_mode, after.st_uid),
                         (before.st_ino, before.st_mode, before.st_uid))

    def test_connections_wait_while_no_daemon_runs(self):
        sock, manager = self.listen(), Manager(self)
        manager.start(listening=[sock])
        manager.until('READY=1')
        manager.stop()
        with socket.create_connection(sock.getsockname()) as client:
            client.settimeout(harness.TIMEOUT)
            client.sendall(bytes.fromhex(
                '0000000d 4f 00000006 000001ff 001fffff'))
            manager.start(listening=[sock])
            self.assertEqual(client.recv(5)[4:], b'O')

    def test_sockets_of_another_process(self):
        manager = Manager(self)
        manager.start('-s', unix_address(self), listening=[self.listen()],
                      pid=1)
        manager.until('READY=1')
        harness.wait_for(lambda: unix_address(self) in manager.said(),
                         what='line about the socket')

    def test_several_sockets(self):
        manager = Manager(self)
        manager.start(listening=[self.listen(), self.listen()])
        self.refused(manager, 'systemd hands over 2 sockets')

    def test_descriptors_that_do_not_listen(self):
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent = socket.socket()
        for sock in datagram, silent:
            self.addCleanup(sock.close)
            manager = Manager(self, '\0d%d%d' % (os.getpid(), sock.fileno()))
            manager.start(listening=[sock])
            self.refused(manager, 'no listening stream socket')

    def test_fd_without_systemd(self):
        manager = Manager(self)
        manager.start('-s', 'fd:77')
        self.refused(manager, 'descriptor 77 is no listening stream socket')


if __name__ == '__main__':
    harness.main()
