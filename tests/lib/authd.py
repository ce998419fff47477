# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-authd as a mail server sees it: the daemon, and a client that
speaks HTTP byte by byte."""

import json
import os
import socket
import struct

import harness

QUERY = '?command=allow'


class Answer:
    """One response: status, fields in lower case, the object of the body."""

    def __init__(self, head, body):
        lines = head.decode('ascii').split('\r\n')
        version, status, self.reason = lines[0].split(' ', 2)
        assert version == 'HTTP/1.1', head
        self.status = int(status)
        self.fields = dict(line.lower().split(': ', 1) for line in lines[1:])
        self.json = json.loads(body)

    def __repr__(self):
        return '%d %s %s' % (self.status, self.reason, self.json)


class Client:
    """A connection; what is read of it are whole answers."""

    def __init__(self, daemon, timeout=harness.TIMEOUT):
        self.daemon = daemon
        self.rest = b''
        self.socket = daemon.connect()
        self.socket.settimeout(timeout)
        if daemon.port:     # what is sent leaves at once, in pieces, too
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(harness.encode(data))

    def fill(self):
        """Read more; false at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.rest += data
        return bool(data)

    def answer(self):
        """The next answer, or None where the connection has ended."""
        while b'\r\n\r\n' not in self.rest:
            if not self.fill():
                assert not self.rest, 'cut: %r' % self.rest
                return None
        head, self.rest = self.rest.split(b'\r\n\r\n', 1)
        length = int(head.lower().split(b'content-length: ')[1].split()[0])
        while len(self.rest) < length:
            assert self.fill(), 'cut: %r %r' % (head, self.rest)
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(head, body)

    def asks(self, *args, **more):
        """The answer to a request, as request_of() makes it."""
        self.send(self.daemon.request_of(*args, **more))
        return self.answer()

    def decides(self, login, **members):
        """(status, message) of the answer about a login."""
        answer = self.asks(question(login, **members))
        assert answer.status == 200, answer
        assert sorted(answer.json) == ['msg', 'status'], answer
        return answer.json['status'], answer.json['msg']

    def reset(self):
        """End the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack('ii', 1, 0))
        self.socket.close()


def question(login, remote='203.0.113.9', protocol='smtp', **members):
    """The body; members that are None are left out."""
    body = {'login': login, 'remote': remote, 'protocol': protocol, **members}
    return json.dumps({k: v for k, v in body.items() if v is not None})


class Authd(harness.Daemon):
    """smtpauth-authd on the state of a Case.  Keyword arguments are keys for
    all daemons, those of `section` are keys of [authd].  It has started when
    its log has what `ready` matches."""

    def __init__(self, case, listen=None, args=(), section=None,
                 ready='verified', **keys):
        super().__init__(case, listen, args, **keys)
        self.argv[0] = harness.AUTHD
        self.ready = ready
        self.state = case.dir
        with open(self.conf, 'a') as f:
            f.write('[authd]\n')
            for key, value in (section or {}).items():
                f.write('%s = %s\n' % (key.replace('_', '-'), value))

    @property
    def key(self):
        with open(os.path.join(self.state, 'auth.key')) as f:
            return f.read().strip()

    def start(self):
        super().start()
        self.wait_log(self.ready)
        return self

    def request_of(self, body='', query=QUERY, path='/v1/auth', key=None,
                   method='POST', version='1.1', fields=()):
        """A request as Dovecot makes it; `key` is what Authorization has,
        or '' to leave it out."""
        body = harness.encode(body)
        head = ['%s %s%s HTTP/%s' % (method, path, query, version),
                'Host: 127.0.0.1:%s' % self.port,
                'User-Agent: dovecot/auth-policy-client',
                'Content-Length: %d' % len(body),
                'Connection: Keep-Alive', 'Content-Type: application/json']
        if key != '':
            head.append('Authorization: ' + (key or 'Bearer ' + self.key))
        return '\r\n'.join([*head, *fields, '', '']).encode() + body

    def client(self, **more):
        return Client(self, **more)

    def decides(self, login, **members):
        """(status, message) on a connection of its own."""
        with self.client() as client:
            return client.decides(login, **members)
