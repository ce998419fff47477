# SPDX-License-Identifier: BSD-2-Clause
"""What an MTA asks the milter, over the milter protocol."""

import socket
import struct
import threading
import time

import harness

DISABLED = '550 5.7.1 SMTP AUTH is disabled'


class Mta:
    """A connection to the milter, as Postfix makes it; ConnectionError where the
    milter ends it."""

    def __init__(self, daemon=None, connection=None):
        self.socket = connection or daemon.connect()
        if self.socket.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(b'O', struct.pack('>III', 6, 0x1ff, 0x1fffff))
        command, _ = self.read()
        assert command == b'O', command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, command, data=b''):
        self.socket.sendall(struct.pack('>I', len(data) + 1) + command + data)

    def exactly(self, n):
        data = b''
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise ConnectionResetError('the milter closed the connection')
            data += more
        return data

    def read(self):
        n, = struct.unpack('>I', self.exactly(4))
        data = self.exactly(n)
        return data[:1], data[1:]

    def mail(self, login, sender=b'<s@a.test>', **macros):
        """The answer to MAIL FROM: 'a', or the reply's text."""
        macros = {'v': 'Postfix 3.7.11', '{auth_authen}': login,
                  '{auth_type}': 'PLAIN', '{client_addr}': '192.0.2.1',
                  '{daemon_name}': 'MSA',
                  **{'{%s}' % name: text for name, text in macros.items()}}
        words = [harness.encode(word) for item in macros.items()
                 for word in item if item[1]]
        self.send(b'D', b'M' + b''.join(word + b'\0' for word in words))
        self.send(b'M', sender + b'\0')
        command, data = self.read()
        self.send(b'A')
        return (data if command == b'y' else command).rstrip(b'\0').decode()


class Asker(threading.Thread):
    """Asks the daemon for logins in turn; says what it was answered."""

    def __init__(self, daemon, logins):
        super().__init__()
        self.mta, self.logins = Mta(daemon), logins
        self.ended = threading.Event()
        self.answers = {login: set() for login in logins}
        self.asked, self.longest, self.problem = 0, 0, None

    def run(self):
        try:
            while not self.ended.is_set():
                for login in self.logins:
                    start = time.monotonic()
                    answer = self.mta.mail(login)
                    self.longest = max(self.longest,
                                       time.monotonic() - start)
                    self.answers[login].add(
                        answer if answer == 'a' else answer[:len(DISABLED)])
                    self.asked += 1
        except Exception as e:      # whatever it is, the test has to hear of it
            self.problem = e
        self.mta.socket.close()

    def end(self):
        self.ended.set()
        self.join()
