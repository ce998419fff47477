#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-authd from its command line to its end: where it starts, why it
does not, whose rights it keeps, what it leaves behind."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import unittest

import harness
from authd import Authd, question
from metrics_page import Page

EX_USAGE, EX_UNAVAILABLE, EX_CONFIG = 64, 69, 78
PASS = (0, '')
KEY = '0123456789abcdef'
NOBODY = 65534
ROOT = os.geteuid() == 0


class Case(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled')

    def run_authd(self, *args, conf='', **more):
        """It ends at once; status, and what it has written."""
        path = os.path.join(self.tmp, 'conf')
        with open(path, 'w') as f:
            f.write('log = stderr\n%s\n%s'
                    % ('user = root' if ROOT else '', conf))
        process = subprocess.run(
            [harness.AUTHD, '-c', path, '-d', self.dir, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=harness.TIMEOUT,
            env=harness.ENV, cwd=self.tmp, text=True, **more)
        return process.returncode, process.stdout

    def fails(self, status, *words, args=(), conf='', **more):
        at = 'inet:%d@127.0.0.1' % harness.free_port()
        got, log = self.run_authd('-s', at, *args, conf=conf, **more)
        self.assertEqual(got, status, log)
        for word in words:
            self.assertIn(word, log)
        return log

    def refuses(self, daemon):
        status, message = daemon.decides('jane@acme.test')
        self.assertEqual(status, -1)
        self.assertIn('disabled for tenant acme', message)


class Options(Case):

    def test_version_and_help(self):
        status, text = self.run_authd('-V')
        self.assertEqual(status, 0)
        self.assertRegex(text, r'^smtpauth-authd \d+\.\d+')
        status, text = self.run_authd('-h')
        self.assertEqual(status, 0)
        for word in '-c FILE', '-d DIR', '-s SOCKET', '-t', '-p', '-V':
            self.assertIn(word, text)

    def test_bad_options(self):
        self.fails(EX_USAGE, 'usage: ', args=['-x'])
        self.fails(EX_USAGE, '"word"', args=['word'])
        self.fails(EX_CONFIG, 'nowhere', args=['-d', 'nowhere'])
        self.fails(EX_CONFIG, 'nowhere', args=['-s', 'nowhere'])
        for conf in ('[authd]\nsocket = nowhere', '[authd]\ncolour = blue',
                     '[authd]\nkey-file = key', 'key-file = /key', '[autd]'):
            for args in [], ['-t'], ['-p']:
                self.fails(EX_CONFIG, 'conf', conf=conf, args=args)

    def test_print(self):
        status, text = self.run_authd(
            '-p', conf='on-error = accept\n[authd]\nkey-file = /etc/key\n'
                       'log = json\nlog-level = debug\nmetrics-file = /m')
        self.assertEqual(status, 0, text)
        for line in ('on-error = accept', 'key-file = /etc/key', 'log = json',
                     'socket = inet:8898@127.0.0.1', 'metrics-file = /m',
                     'state-dir = ' + self.dir, 'log-level = debug'):
            self.assertIn(line + '\n', text)

    def test_test(self):
        """A bad database is reported, a bad key is an error."""
        status, text = self.run_authd('-t')
        self.assertEqual(status, 0, text)
        self.assertRegex(text, '^configuration: good\n'
                               r'policy database: good, \d+ records')
        os.unlink(os.path.join(self.dir, 'policy.mdb'))
        status, text = self.run_authd('-t')
        self.assertEqual(status, 0, text)
        self.assertRegex(text, '^configuration: good\n'
                               'policy database: NOT usable: ')
        os.unlink(os.path.join(self.dir, 'auth.key'))
        self.fails(EX_CONFIG, 'auth.key', 'smtpauthctl init', args=['-t'])


class Key(Case):

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.dir, 'auth.key')

    def write(self, text):
        with open(self.path, 'w', newline='') as f:
            f.write(text)

    def test_none(self):
        os.unlink(self.path)
        self.fails(EX_CONFIG, self.path, 'smtpauthctl init')

    def test_bad(self):
        for text in '', '\n', 'short\n', KEY + '\r\n', KEY + '\nx\n', \
                KEY[:-1] + ' \n', 'k' * 257, KEY + '\0':
            self.write(text)
            log = self.fails(EX_CONFIG, self.path, 'smtpauthctl init')
            self.assertNotIn(KEY, log)

    def test_no_file(self):
        os.unlink(self.path)
        os.mkfifo(self.path)
        self.fails(EX_CONFIG, self.path)
        os.unlink(self.path)
        os.mkdir(self.path)
        self.fails(EX_CONFIG, self.path, 'directory')

    def test_not_readable(self):
        os.chmod(self.path, 0)
        for folder in self.tmp, self.dir:
            os.chmod(folder, 0o755)
        nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        self.fails(EX_CONFIG, self.path, 'Permission denied',
                   **(nobody if ROOT else {}))

    def test_world_readable(self):
        os.chmod(self.path, 0o644)
        with Authd(self) as daemon:
            daemon.wait_log('warning: %s can be read by every user' % self.path)
            self.refuses(daemon)

    def test_elsewhere(self):
        path = os.path.join(self.tmp, 'key')
        os.rename(self.path, path)
        daemon = Authd(self, section={'key_file': path})
        daemon.state = None
        with daemon, daemon.client() as client:
            with open(path) as f:
                key = 'Bearer ' + f.read().strip()
            self.assertEqual(client.asks('{}', key=key).status, 200)
            self.assertEqual(client.asks('{}', key=key + '0').status, 401)

    def test_change_counts_at_the_next_start(self):
        old = 'Bearer ' + Authd(self).key
        with Authd(self) as daemon, daemon.client() as client:
            self.write(KEY + '\n')
            self.assertEqual(client.asks('{}', key=old).status, 200)
        with Authd(self) as daemon:
            with daemon.client() as client:
                self.assertEqual(client.asks('{}').status, 200)
                self.assertEqual(client.asks('{}', key=old).status, 401)


class Socket(Case):

    def test_port_in_use(self):
        with Authd(self) as daemon:
            other = Authd(self, args=('-s', daemon.socket))
            with self.assertRaisesRegex(AssertionError,
                                        'status %d' % EX_UNAVAILABLE):
                other.start()
            self.assertIn('cannot listen on %s: another program listens on '
                          'port %d:' % (daemon.socket, daemon.port),
                          other.log())
            self.refuses(daemon)

    def test_unix(self):
        path = os.path.join(self.tmp, 'socket')
        with Authd(self, listen=path) as daemon:
            self.refuses(daemon)
        self.assertFalse(os.path.exists(path))

    def test_inet6(self):
        daemon = Authd(self)
        daemon.argv += ['-s', 'inet6:%d@::1' % daemon.port]
        daemon.connect = lambda: socket.create_connection(
            ('::1', daemon.port), harness.TIMEOUT)
        with daemon:
            self.refuses(daemon)

    def test_inherited(self):
        """A restart refuses no connection: those that wait are answered."""
        with socket.create_server(('127.0.0.1', 0), backlog=50) as s:
            daemon = Authd(self)
            daemon.port = s.getsockname()[1]
            daemon.argv += ['-s', 'fd:%d' % s.fileno()]
            daemon.popen = {'pass_fds': [s.fileno()]}
            for _ in range(2):
                waiting = [daemon.client() for _ in range(20)]
                for client in waiting:
                    client.send(daemon.request_of(question('jane@acme.test')))
                daemon.start()
                for client in waiting:
                    with client:
                        self.assertEqual(client.answer().json['status'], -1)
                self.refuses(daemon)
                daemon.stop()

    def test_no_socket_is_inherited(self):
        for number in 0, 1, 17:
            self.fails(EX_CONFIG, 'descriptor %d is no listening' % number,
                       args=['-s', 'fd:%d' % number])

    def test_few_files(self):
        self.fails(EX_UNAVAILABLE, 'the limit on open files is 1000',
                   preexec_fn=lambda: resource.setrlimit(
                       resource.RLIMIT_NOFILE, (1000, 1000)))


@unittest.skipUnless(ROOT, 'needs root to become a user')
class User(Case):

    def test_no_such_user(self):
        self.fails(EX_CONFIG, 'there is no user "no-such-user-here"',
                   conf='user = no-such-user-here')

    def test_rights_are_given_up(self):
        """After the key is read, which the user may not read here."""
        shutil.chown(self.tmp, group='nogroup')
        os.chmod(self.tmp, 0o750)
        for folder, _names, files in os.walk(self.dir):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                shutil.chown(path, group='nogroup')
        os.chmod(os.path.join(self.dir, 'auth.key'), 0o400)
        with Authd(self, user='nobody') as daemon:
            self.refuses(daemon)
            with open('/proc/%d/status' % daemon.process.pid) as f:
                status = dict(line.rstrip('\n').split(':\t', 1) for line in f)
            self.assertEqual(status['Uid'].split(), [str(NOBODY)] * 4)
            self.assertEqual(int(status['CapEff'], 16), 0)
            self.assertEqual(int(status['CapPrm'], 16), 0)
            self.assertNotIn('running as root', daemon.log())

    def test_root_is_warned(self):
        with Authd(self) as daemon:
            daemon.wait_log('warning: running as root')


class End(Case):

    def test_signals(self):
        """At once, whatever is half asked or half answered."""
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            with Authd(self) as daemon:
                ask = daemon.request_of(question('jane@acme.test'))
                clients = [daemon.client() for _ in range(4)]
                clients[0].send(ask)
                self.assertEqual(clients[0].answer().status, 200)
                clients[1].send(ask[:30])
                clients[2].send(ask[:-1])
                self.refuses(daemon)
                daemon.process.send_signal(number)
                self.assertEqual(daemon.process.wait(5), 0)
                for client in clients:
                    self.assertIsNone(client.answer())
                    client.socket.close()
            self.assertIn('stopped', daemon.log())


class Metrics(Case):

    def test_page(self):
        path = os.path.join(self.tmp, 'authd.prom')
        with Authd(self, section={'metrics_file': path}) as daemon:
            for _ in range(3):
                self.refuses(daemon)
            self.assertEqual(daemon.decides('jane@free.test'), PASS)
            for _ in range(2):
                with daemon.client() as client:
                    self.assertEqual(client.asks('{}', key='x').status, 401)
            with daemon.client() as client:
                client.send('x\r\n\r\n')
                self.assertEqual(client.answer().status, 400)
            daemon.stop()
        with open(path) as f:
            page = Page(f.read())
        self.assertEqual(page.get('auth_decisions_total', verdict='reject',
                                  reason='tenant-disabled'), 3)
        self.assertEqual(page.get('auth_decisions_total', verdict='allow',
                                  reason='unknown-tenant'), 1)
        for name, value in (('auth_refused_total', 3),
                            ('auth_unauthorized_total', 2),
                            ('auth_bad_requests_total', 1),
                            ('auth_denied_recorded_total', 3),
                            ('auth_denied_dropped_total', 0),
                            ('auth_denied_guessed_names', 1),
                            ('auth_denied_waiting_logins', 0),
                            ('auth_connections', 0),
                            ('auth_connections_dropped_total', 0)):
            self.assertEqual(page.get(name), value, name)

    def test_file_that_cannot_be_written(self):
        path = os.path.join(self.tmp, 'none', 'authd.prom')
        with Authd(self, section={'metrics_file': path}) as daemon:
            self.refuses(daemon)
            daemon.wait_log('warning: the metrics cannot be written: .*none')


if __name__ == '__main__':
    harness.main()
