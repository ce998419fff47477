#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-authd under clients that are slow, many, gone or hostile: none of
them costs another one more than a moment."""

import contextlib
import os
import random
import resource
import select
import signal
import socket
import threading
import time

import harness
from authd import Authd, question

CONNECTIONS = 512       # that the door keeps
BODY_MAX = 32768
REQUEST_S = 5           # from a request's first byte to its last
READERS = 1 if harness.SLOW else 3   # who do not read
PASS = (0, '')


class Case(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled')

    def setUp(self):
        super().setUp()
        self.clients = []
        self.addCleanup(self.drop_all)
        self.authd = Authd(self).start()
        self.pid = self.authd.process.pid
        self.ask = self.authd.request_of(question('jane@acme.test'))

    def tearDown(self):
        self.authd.stop()

    def drop(self, clients):
        for client in clients:
            self.clients.remove(client)
            client.socket.close()

    def drop_all(self):
        self.drop(self.clients[:])

    def connect(self):
        client = self.authd.client()
        self.clients.append(client)
        return client

    def answers(self, client=None):
        """A question is answered, and how soon."""
        start = time.monotonic()
        status, message = (client or self.connect()).decides('jane@acme.test')
        self.assertEqual(status, -1)
        self.assertIn('disabled for tenant acme', message)
        return time.monotonic() - start

    def open_files(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def sockets(self):
        """How many the process has; other files come and go."""
        folder, found = '/proc/%d/fd' % self.pid, 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                found += os.readlink(os.path.join(folder, name)).startswith(
                    'socket:')
        return found

    def memory(self):
        """Bytes that the process has in memory."""
        with open('/proc/%d/statm' % self.pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE')

    def grown_by_less(self, before, most):
        """Sanitizers keep what has been freed: there is no telling there."""
        if not harness.SLOW:
            self.assertLess(self.memory(), before + most)

    def ended(self, clients, timeout):
        """Wait until the door has closed them all; the time that it took."""
        start = time.monotonic()
        left = {c.socket: c for c in clients}
        while left:
            wait = timeout - (time.monotonic() - start)
            self.assertGreater(wait, 0, '%d are still open' % len(left))
            ready, _, _ = select.select(list(left), [], [], wait)
            for s in ready:
                with contextlib.suppress(ConnectionError):
                    if s.recv(65536):
                        continue
                del left[s]
        return time.monotonic() - start


class Slow(Case):

    def test_half_requests(self):
        """Heads and bodies that do not go on, and some that do, byte by
        byte: they end after 5 s; until then others are answered at once."""
        head = self.ask.index(b'\r\n\r\n') + 4
        trickle = [self.connect() for _ in range(5)]
        slow = [self.connect() for _ in range(30)]
        for i, client in enumerate(slow):
            client.send(self.ask[:(1, 40, head - 1, head, len(self.ask) - 1)
                                 [i % 5]])
        start = time.monotonic()
        idle, known = self.connect(), self.connect()
        self.answers(known)
        took = []
        at = 0
        while time.monotonic() < start + REQUEST_S - 1:
            for client in trickle:
                client.send(self.ask[at:at + 1])
            at += 1
            took += [self.answers(known), self.answers()]
            time.sleep(0.05)
        self.assertLess(sorted(took)[len(took) // 2], 0.1)
        self.ended(slow + trickle, 10)
        self.assertGreater(time.monotonic(), start + REQUEST_S - 0.5)
        self.answers(known)
        self.answers(idle)

    def flood(self, client):
        """Whole requests, until no more is taken."""
        client.socket.setblocking(False)
        data, at = self.ask * 200, 0
        with contextlib.suppress(BlockingIOError):
            while True:
                at = (at + client.socket.send(data[at:])) % len(data)

    def test_answers_that_nobody_reads(self):
        """What is not read is not kept: the client is not read, either, and
        its connection ends."""
        known = self.connect()
        self.answers(known)     # and those before it have been closed
        before, files = self.memory(), self.sockets()
        clients = [self.connect() for _ in range(READERS)]
        for client in clients:
            self.flood(client)
        harness.wait_for(lambda: self.sockets() > files, 10, 'connections')
        start = time.monotonic()
        while time.monotonic() < start + 2:
            self.assertLess(self.answers(), 2)
            self.assertLess(self.answers(known), 2)
            self.drop(self.clients[READERS + 1:])
            self.grown_by_less(before, 4 << 20)
        harness.wait_for(lambda: self.sockets() <= files, 30,
                         'end of those who do not read')
        self.answers()


class Many(Case):

    def test_opened_and_dropped(self):
        """1,000 connections, at once or by RST, in the middle or not."""
        known = self.connect()
        self.answers(known)
        files = self.sockets()
        for i in range(1000):
            client = self.authd.client()
            if i % 3:
                client.send(self.ask[:random.randrange(len(self.ask))])
            if i % 2:
                client.reset()
            client.socket.close()
        self.answers(known)
        harness.wait_for(lambda: self.sockets() <= files, 10,
                         'end of the connections')
        self.answers()

    def test_more_than_there_is_room_for(self):
        """Who has shown the key is not made to make room."""
        known = [self.connect() for _ in range(20)]
        for client in known:
            self.answers(client)
        idle = [self.connect() for _ in range(600)]
        for client in known:
            self.answers(client)
        self.answers()
        self.assertLess(self.sockets(), CONNECTIONS + 40)
        self.drop_all()
        self.answers()
        self.assertEqual(len(idle), 600)

    def test_more_that_are_known_than_there_is_room_for(self):
        """The one that has been quiet for longest makes room."""
        known = [self.connect() for _ in range(CONNECTIONS)]
        for client in known:
            self.answers(client)
        for _ in range(10):
            self.answers()
        for client in known[20:]:
            self.answers(client)
        self.ended(known[:10], 10)

    def test_without_the_key(self):
        """They ask and ask again, on many connections: one request each."""
        known = self.connect()
        self.answers(known)
        ask = b'GET /health HTTP/1.1\r\nHost:\r\n\r\n' * 1000
        others, end = set(), threading.Event()
        thread = threading.Thread(target=self.press, args=(ask, others, end))
        thread.start()
        self.addCleanup(end.set)
        harness.wait_for(lambda: len(others) >= 100, what='connections')
        took = [self.answers(client) for _ in range(30)
                for client in (known, None)]
        end.set()
        thread.join()
        self.assertLess(sorted(took)[len(took) // 2], 0.5)

    def press(self, ask, others, end):
        """Up to 400 connections that send this whenever they can."""
        poll = select.epoll()
        while not end.is_set():
            while len(others) < 400:
                s = self.authd.connect()
                s.setblocking(False)
                poll.register(s, select.EPOLLIN | select.EPOLLOUT)
                others.add(s)
            by_number = {s.fileno(): s for s in others}
            for number, _event in poll.poll(1):
                with contextlib.suppress(BlockingIOError):
                    self.push(by_number[number], ask, others)
        for s in others:
            s.close()

    def push(self, s, ask, others):
        with contextlib.suppress(ConnectionError):
            s.send(ask)
            if s.recv(65536):
                return
        others.remove(s)
        s.close()

    def test_all_at_once(self):
        """100 connections as Dovecot keeps them, each with its own answers."""
        failures = []

        def run(n):
            try:
                with self.authd.client() as client:
                    for i in range(10):
                        login = 'u%d-%d@acme.test' % (n, i)
                        status, message = client.decides(login)
                        assert status == -1, message
                    assert client.decides('jane@free.test') == PASS
            except (AssertionError, OSError) as e:
                failures.append(e)
        threads = [threading.Thread(target=run, args=(n,)) for n in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])
        harness.wait_for(lambda: self.authd.log().count('door=auth') == 1100)


class Ends(Case):

    def test_many_of_any_kind(self):
        """Connections that do anything; the memory stays where it is."""
        self.answers()
        files = self.sockets()
        self.fill()
        before = self.memory()
        self.storm(random.Random(8), 1500)
        self.answers()
        harness.wait_for(lambda: self.sockets() <= files + 1, 10,
                         'end of the connections')
        self.grown_by_less(before, 2 << 20)

    def fill(self):
        """All connections at once, each with as much as there is room for."""
        ask = self.authd.request_of('x' * BODY_MAX, fields=['X: ' + 'x' * 7000])
        self.drop_all()
        for _ in range(CONNECTIONS - 2):    # some may not have ended yet
            self.connect().send(ask[:-1])
        for client in self.clients:
            client.send(ask[-1:])
        for client in self.clients:
            self.assertEqual(client.answer().status, 200)
        self.drop_all()

    def storm(self, rng, rounds):
        for _ in range(rounds):
            with self.authd.client() as client:
                with contextlib.suppress(OSError):  # it may have ended
                    self.act(rng, client)
                if rng.randrange(2):
                    client.reset()

    def act(self, rng, client):
        for _ in range(rng.randrange(1, 4)):
            kind = rng.randrange(6)
            if kind == 0:
                client.send(self.ask)
            elif kind == 1:
                client.send(self.ask * rng.randrange(1, 50))
            elif kind == 2:
                client.send(self.ask[:rng.randrange(len(self.ask))])
            elif kind == 3:
                client.send(rng.randbytes(rng.randrange(1, 20000)))
            elif kind == 4:
                client.send(self.authd.request_of('x' * rng.randrange(70000)))
            else:
                client.socket.shutdown(socket.SHUT_WR)
                return

    def processor(self):
        """Seconds of it that the process has used."""
        with open('/proc/%d/stat' % self.pid) as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK')

    def test_no_more_files(self):
        """Who is connected is answered; others are, when there are files
        again; and it does not try all the time."""
        known = self.connect()
        self.answers(known)
        limit = self.open_files() + 20
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (limit, limit))
        idle = [self.connect() for _ in range(40)]
        harness.wait_for(lambda: self.open_files() >= limit, 10, 'its limit')
        used, start = self.processor(), time.monotonic()
        late = self.connect()
        late.send(self.ask)
        while time.monotonic() < start + 1:
            self.answers(known)
            time.sleep(0.05)
        self.assertLess(self.processor() - used, 0.15)
        self.assertEqual(select.select([late.socket], [], [], 0)[0], [])
        self.drop(idle)
        self.assertEqual(late.answer().json['status'], -1)
        self.answers()

    def test_stopped_and_continued(self):
        """Questions that wait meanwhile are answered afterwards."""
        clients = [self.connect() for _ in range(50)]
        self.answers(clients[0])
        harness.freeze(self.authd.process)
        for client in clients:
            client.send(self.ask)
        self.authd.process.send_signal(signal.SIGCONT)
        for client in clients:
            self.assertEqual(client.answer().json['status'], -1)

    def test_killed_and_started_again(self):
        """The port is free at once."""
        for _ in range(5):
            client = self.connect()
            self.answers(client)
            self.authd.process.kill()
            self.authd.process.wait(10)
            self.assertIsNone(client.answer())
            self.authd.start()
            self.answers()


if __name__ == '__main__':
    harness.main()
