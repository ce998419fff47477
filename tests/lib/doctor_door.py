# SPDX-License-Identifier: BSD-2-Clause
"""A site with the door at AUTH, for the tests of `smtpauthctl doctor`: the
daemon and Postfix of doctor_case, smtpauth-authd, and a Dovecot that is a
text: of the version that is installed, read by its own doveconf, or as
doveconf of 2.3 and of 2.4 prints it.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading

import harness
from doctor_case import PATH, USER, PostfixCase

AUTHD = os.path.join(harness.BUILDDIR, 'milter', 'auth', 'smtpauth-authd')
ATTRIBUTES = {'login': '%{requested_username}', 'remote': '%{remote_ip}',
              'protocol': '%{protocol}', 'mechanism': '%{mechanism}'}
OLD = {'%{remote_ip}': '%{rip}', '%{protocol}': '%s', '%{mechanism}': '%m'}
# What 2.4 tells a policy server besides.
MORE = {'device_id': '%{client_id}', 'fail_type': '%{fail_type}',
        'pwhash': '%{hashed_password}', 'session_id': '%{session}'}
DEFAULTS = {'check_before_auth': 'yes', 'check_after_auth': 'yes',
            'hash_nonce': '', 'log_only': 'no', 'reject_on_fail': 'no',
            'report_after_auth': 'yes', 'server_api_header': '',
            'server_url': ''}


def installed():
    """The version of the Dovecot that is here, '2.3' or '2.4', or None."""
    if not shutil.which('doveconf', path=PATH):
        return None
    text = subprocess.run(['dovecot', '--version'], env={'PATH': PATH},
                          capture_output=True, text=True, check=True).stdout
    return '2.4' if text.startswith('2.4') else '2.3'


class Dovecot:
    """Settings without their auth_policy_, for all protocols and for some;
    `timeout` and `attributes` are named otherwise by each version, and
    2.3 has no `connections`."""

    def __init__(self, settings, **blocks):
        self.settings, self.blocks = settings, blocks
        self.protocols = 'imap submission'
        self.penalty = '0'
        self.base_dir = None

    def of(self, protocol):
        return {**DEFAULTS, 'timeout': None, 'connections': None,
                'attributes': ATTRIBUTES, **self.settings, **self.blocks.get(protocol, {})}

    # -- as doveconf prints it ----------------------------------------------

    def print_23(self, protocol):
        values = self.of(protocol)
        told = ' '.join('%s=%s' % (k, OLD.get(v, v))
                        for k, v in values.pop('attributes').items())
        values.pop('connections')
        msecs = values.pop('timeout')
        msecs = 2000 if msecs is None else msecs
        return ''.join('auth_policy_%s = %s\n' % pair for pair in [
            *sorted(values.items()), ('server_timeout_msecs', msecs),
            ('request_attributes', told)]) + (
                'protocols = %s\nbase_dir = %s\n' % (
                    self.protocols, self.base_dir))

    def print_24(self, protocol):
        """Of the settings only those that are not at their defaults."""
        values = self.of(protocol)
        told, msecs = values.pop('attributes'), values.pop('timeout')
        connections = values.pop('connections')
        lines = ['auth_policy {']
        lines += ['  %s = %s' % (k, v) for k, v in values.items()
                  if v != DEFAULTS[k]]
        lines += ['  request_attributes {',
                  *('    %s = %s' % p for p in {**MORE, **told}.items()),
                  '  }']
        lines += ['  http_client_request_absolute_timeout = %s' % (
            '2s' if msecs is None else '%d secs' % (msecs // 1000)
            if msecs else '0')]
        if connections is not None:
            lines += ['  http_client_max_parallel_connections = %d'
                      % connections]
        return '\n'.join(lines + [
            '}', 'auth_policy_server_url = ', 'auth_policy_hash_nonce = ',
            'protocols {', *('  %s = yes' % p for p in self.protocols.split()),
            '}', 'base_dir = %s' % self.base_dir, ''])

    # -- as a configuration file --------------------------------------------

    def block_of(self, version, values):
        lines = []
        for key, value in values.items():
            if key == 'attributes' and version == '2.4':
                lines += ['auth_policy_request_attributes {',
                          *('  %s = %s' % p for p in value.items()), '}']
            elif key == 'attributes':
                lines.append('auth_policy_request_attributes = ' + ' '.join(
                    '%s=%s' % (k, OLD.get(v, v)) for k, v in value.items()))
            elif key == 'timeout' and version == '2.4':
                lines += ['auth_policy {', '  http_client_request_absolute_'
                          'timeout = %ds' % (value // 1000), '}']
            elif key == 'timeout':
                lines.append('auth_policy_server_timeout_msecs = %d' % value)
            elif key == 'connections' and version == '2.4':
                lines += ['auth_policy {', '  http_client_max_parallel_'
                          'connections = %d' % value, '}']
            elif key == 'connections':
                continue
            else:
                lines.append('auth_policy_%s = %s' % (key, value))
        return lines

    def file(self, version):
        lines = []
        if version == '2.4':
            lines += ['dovecot_config_version = 2.4.0',
                      'dovecot_storage_version = 2.4.0']
        lines += ['base_dir = %s' % self.base_dir,
                  'protocols = ' + self.protocols]
        attributes = {'attributes': ATTRIBUTES} if (
            'attributes' not in self.settings) else {}
        lines += self.block_of(version, {**attributes, **self.settings})
        for name, values in self.blocks.items():
            lines += ['protocol %s {' % name,
                      *self.block_of(version, values), '}']
        lines += ['service anvil {', '  unix_listener anvil-auth-penalty {',
                  '    mode = %s' % self.penalty, '  }', '}', '']
        return '\n'.join(lines)


class Fake:
    """Listens as smtpauth-authd does, and answers what it is told to: of
    `answer` by path, bytes as they are, or a status and a JSON value."""

    def __init__(self, case, port):
        self.answer = {
            'GET /health': (200, {'status': 0, 'msg': 'good'}),
            'POST /v1/auth': (200, {'status': 0, 'msg': ''})}
        self.asked = []
        self.listener = socket.create_server(('127.0.0.1', port))
        case.addCleanup(self.listener.close)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):      # it is closed
            while True:
                client = self.listener.accept()[0]
                threading.Thread(target=self._talk, daemon=True,
                                 args=(client,)).start()

    def _talk(self, client):
        with client, contextlib.suppress(OSError):
            head = b''
            while b'\r\n\r\n' not in head:
                head += client.recv(4096)
            self.asked.append(head)
            what = head.split(b' HTTP')[0].split(b'?')[0].decode()
            answer = self.answer[what]
            if isinstance(answer, tuple):
                body = json.dumps(answer[1]).encode()
                answer = b'HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s' % (
                    answer[0], len(body), body)
            if answer is None:                  # nothing, for ever
                client.settimeout(harness.TIMEOUT)
                while client.recv(4096):
                    pass
            else:
                client.sendall(answer)


class DoorCase(PostfixCase):
    """A site where all is right."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()
        self.port = harness.free_port()
        self.url = 'http://127.0.0.1:%d/v1/auth' % self.port
        self.key_file = os.path.join(self.dir, 'auth.key')
        with open(self.key_file, encoding='ascii') as f:
            self.key = f.read().strip()
        self.listen_on('127.0.0.1')
        self.authd = None
        self.dovecot = self.right()
        self.version = None

    def listen_on(self, host):
        """The configuration of smtpauth-authd."""
        self.host = host
        self.authd_socket = 'inet:%d@%s' % (self.port, host)
        self.conf()

    def right(self):
        """Dovecot as contrib/dovecot has it."""
        asks = {'server_url': self.url, 'hash_nonce': 'smtpauth'}
        dovecot = Dovecot({
            'server_api_header': 'Authorization: Bearer ' + self.key,
            'check_after_auth': 'no', 'report_after_auth': 'no',
            'timeout': 1000, 'connections': 1}, smtp=dict(asks), submission=dict(asks))
        dovecot.base_dir = os.path.join(self.tmp, 'dovecot')
        os.makedirs(dovecot.base_dir, exist_ok=True)
        return dovecot

    def start_authd(self):
        """The real one."""
        log = os.path.join(self.tmp, 'authd.log')
        with open(log, 'ab') as f:
            self.authd = subprocess.Popen(
                [AUTHD, '-c', self.daemon.conf, '-d', self.dir],
                stdin=subprocess.DEVNULL, stdout=f, stderr=f, env=harness.ENV)
        self.addCleanup(self.stop_authd)
        harness.wait_for(self.is_good, what='smtpauth-authd')

    def stop_authd(self):
        if self.authd.poll() is None:
            self.authd.terminate()
        self.authd.wait(harness.TIMEOUT)

    def is_good(self):
        with contextlib.suppress(OSError), socket.create_connection(
                (self.host, self.port), harness.TIMEOUT) as s:
            s.sendall(b'GET /health HTTP/1.1\r\nHost: x\r\n'
                      b'Connection: close\r\n\r\n')
            return b' 200 ' in s.recv(4096)
        return False

    def use(self, version, real=False):
        """Dovecot's settings as they are now, of that version."""
        path = os.path.join(self.bin, 'doveconf')
        folder = self.dovecot.base_dir
        if real:
            name = os.path.join(folder, 'test.conf')
            self.write(name, self.dovecot.file(version))
            text = 'exec %s -c %s "$@"' % (
                shutil.which('doveconf', path=PATH), name)
        else:
            text = 'case "$*" in\n"-h auth_username_format") echo %Lu ;;\n'
            for name in ('smtp', 'submission', 'imap', 'pop3', 'webmail',
                         'sieve', 'smtpauth-none'):
                out = (self.dovecot.print_23 if version == '2.3' else
                       self.dovecot.print_24)(name)
                text += ('"-P -f protocol=%s auth_policy "*) cat <<\'END\'\n'
                         '%sEND\n;;\n' % (name, out))
            text += 'service/anvil/*) cat <<\'END\'\n%sEND\n;;\n' % (
                self.penalty(version))
            text += '*) echo "what is $*?" >&2; exit 64 ;;\nesac'
        self.write(path, '#!/bin/sh\n%s\n' % text)
        os.chmod(path, 0o755)

    def penalty(self, version):
        if version == '2.3':
            return ('service/anvil/unix_listener/anvil-auth-penalty/mode = '
                    '%s\n' % self.dovecot.penalty.rjust(2, '0'))
        return ('service anvil {\n  unix_listener anvil-auth-penalty {\n'
                '    mode = %s\n  }\n}\n' % self.dovecot.penalty)

    def versions(self):
        """Both, as printed, and the one that is here."""
        for version in '2.3', '2.4':
            self.use(version)
            self.version = version
            yield version
        self.version = installed()
        if self.version:
            self.use(self.version, True)
            yield 'installed ' + self.version

    def everywhere(self, *expected, fix='', **more):
        """The findings are the same whatever version Dovecot is of."""
        finding = None
        for version in self.versions():
            with self.subTest(version):
                finding = self.finds(*expected, fix=fix, **more)
        return finding


__all__ = ['DoorCase', 'Dovecot', 'Fake', 'USER']
