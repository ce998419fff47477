#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What no MTA sends: connections that are dropped anywhere, packets cut short,
too long or unknown, and steps out of order, beside sessions that are asked."""

import contextlib
import os
import socket
import struct

import fault
import harness
from fault import Mta

MACROS = {'v': 'Postfix 3.7.11', '{auth_type}': 'PLAIN',
          '{client_addr}': '192.0.2.1', '{daemon_name}': 'MSA'}
LARGEST = 65535         # libmilter's limit of a packet's data
CONNECTIONS = fault.size(500, 10000)


def packet(command, data=b''):
    return struct.pack('>I', len(data) + 1) + command + data


def pairs(macros):
    return b''.join(harness.encode(word) + b'\0'
                    for item in macros.items() for word in item)


MAIL = packet(b'M', b'<s@a.test>\0')
NEGOTIATION = packet(b'O', struct.pack('>III', 6, 0x1ff, 0x1fffff))


def session(login):
    """Every packet of a session, in order."""
    return [NEGOTIATION,
            packet(b'D', b'C' + pairs(MACROS)),
            packet(b'C', b'client.test\0' + b'4' + struct.pack('>H', 25)
                   + b'192.0.2.1\0'),
            packet(b'D', b'H' + pairs({'{tls_version}': 'TLSv1.3'})),
            packet(b'H', b'client.test\0'),
            packet(b'D', b'M' + pairs({**MACROS, '{auth_authen}': login})),
            MAIL,
            packet(b'R', b'<r@a.test>\0'),
            packet(b'T'), packet(b'L', b'Subject\0x\0'), packet(b'N'),
            packet(b'B', b'body'), packet(b'E'), packet(b'A'), packet(b'K'),
            packet(b'Q')]


class Wire(fault.Case):

    def setUp(self):
        super().setUp()
        self.site = fault.Site(self)
        self.site.daemon.start()
        self.mta = Mta(self.site.daemon)
        self.addCleanup(self.mta.socket.close)
        self.site.wait_good(self.mta)

    def end(self, figures):
        """All are answered, those that were there and new ones."""
        self.assertEqual(self.site.ask(figures, self.mta), set())
        with Mta(self.site.daemon) as mta:
            self.assertEqual(self.site.ask(figures, mta), set())
        self.site.verify(figures)
        self.site.stop(figures)

    def connect(self):
        connection = self.site.daemon.connect()
        connection.settimeout(harness.TIMEOUT)
        return connection

    def dropped(self):
        """A connection with a part of a session; the caller closes it."""
        whole = b''.join(session('denied000@open.test'))
        connection = self.connect()
        with contextlib.suppress(OSError):      # it hung up at something
            connection.sendall(whole[:self.random.randrange(len(whole))])
        return connection

    def test_dropped(self):
        figures, held = self.figures('connections dropped'), []
        with fault.Asker(self.site, figures):
            for n in range(CONNECTIONS):
                held.append(self.dropped())
                figures.add('rounds')
                if len(held) == 50:
                    self.random.shuffle(held)
                    for connection in held:
                        connection.close()
                    held = []
        for connection in held:
            connection.close()
        self.end(figures)

    def test_half_sent(self):
        """Each packet is cut at each length, and the rest never comes."""
        figures, waiting = self.figures('packets half-sent'), []
        steps = session('denied000@open.test')
        with fault.Asker(self.site, figures):
            for n, step in enumerate(steps):
                cuts = range(len(step)) if fault.FULL else (0, 3, 4, 5)
                for cut in cuts:
                    connection = self.connect()
                    with contextlib.suppress(OSError):
                        connection.sendall(b''.join(steps[:n]) + step[:cut])
                    waiting.append(connection)
                    figures.add('rounds')
            self.assertEqual(self.site.ask(figures, self.mta), set())
            for connection in waiting:
                connection.close()
        self.end(figures)

    def answers(self, sent, bytewise=False):
        """All that is said until the milter hangs up."""
        reader, found = Mta.__new__(Mta), []
        with self.connect() as reader.socket:
            with contextlib.suppress(OSError):
                for chunk in (sent[i:i + 1] for i in range(len(sent))) \
                        if bytewise else (sent,):
                    reader.socket.sendall(chunk)
                reader.socket.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while True:
                    command, data = reader.read()
                    text = data if command == b'y' else command
                    found.append(text.rstrip(b'\0').decode())
        return found

    def judge(self, figures, before, mail, login, may_pass, bytewise=False):
        """Whether MAIL has an answer behind those to what comes before it;
        none is right as well."""
        answers = self.answers(before + mail, bytewise)
        figures.add('rounds')
        if len(answers) <= len(self.answers(before)):
            return False
        figures.answer(login, answers[-1], may_pass)
        return True

    def mail(self, login, **macros):
        return packet(b'D', b'M' + pairs({
            **MACROS, '{auth_authen}': login, **macros})) + MAIL

    def test_bytewise(self):
        """One byte at a time is a session like any other."""
        figures = self.figures('packets byte by byte')
        for _ in range(fault.size(1, 10)):
            for login, passes in fault.ANSWERS.items():
                self.assertTrue(self.judge(
                    figures, NEGOTIATION, self.mail(login), login, passes,
                    bytewise=True))
        self.end(figures)

    def test_largest(self):
        """Macros up to the limit are read to the end; one byte more is not,
        and nothing passes for it."""
        figures = self.figures('packets of the largest length')
        login = 'denied000@open.test'
        macros = b'M' + pairs({**MACROS, '{auth_authen}': login})
        for over in -1, 0, 1, 2, 1000:
            for _ in range(fault.size(2, 50)):
                room = LARGEST + over - len(macros) - len(b'x\0\0')
                data = macros + b'x\0' + b'y' * room + b'\0'
                answered = self.judge(
                    figures, NEGOTIATION, packet(b'D', data) + MAIL, login,
                    False)
                self.assertEqual(answered, over <= 0, over)
        for length in 0x7fffffff, 0x80000000, 0xffffffff, 0, 1 << 20:
            for n in range(len(session(login))):
                self.judge(figures, b''.join(session(login)[:n]),
                           struct.pack('>I', length) + b'M<s@a.test>\0',
                           login, False)
        self.end(figures)

    def test_many_macros(self):
        """As many as fit, the login first, in the middle, last, or twice."""
        figures = self.figures('thousands of macros')
        for login, passes in fault.ANSWERS.items():
            noise = [('{x%d}' % n, '') for n in range(6000)]
            facts = [*MACROS.items(), ('{auth_authen}', login)]
            for at in 0, 3000, 6000:
                every = dict(noise[:at] + facts + noise[at:])
                self.assertTrue(self.judge(
                    figures, NEGOTIATION,
                    packet(b'D', b'M' + pairs(every)) + MAIL, login, passes))
            twice = packet(b'D', b'M' + pairs(dict(facts))
                           + pairs(dict(facts)))
            self.assertTrue(self.judge(
                figures, NEGOTIATION, twice + MAIL, login, passes))
        self.end(figures)

    def test_unknown_and_out_of_order(self):
        """Every command there could be, with any data; then MAIL."""
        figures = self.figures('unknown commands, wrong order')
        login = 'denied000@open.test'
        for n in range(256):
            for _ in range(fault.size(1, 10)):
                noise = os.urandom(self.random.choice((0, 1, 4, 13, 1000)))
                command = bytes([n])
                for start in b'', NEGOTIATION:
                    self.judge(figures, start + packet(command, noise),
                               self.mail(login), login, False)
        self.end(figures)

    def test_mail_before_macros(self):
        """Without a login nobody has authenticated; without the MTA's name a
        login is put off."""
        figures = self.figures('MAIL before its macros')
        for _ in range(fault.size(5, 100)):
            self.judge(figures, NEGOTIATION, MAIL, 'nobody', True)
            self.judge(figures, NEGOTIATION, packet(b'D', b'M' + pairs(
                {'{auth_authen}': 'denied000@open.test'})) + MAIL,
                'denied000@open.test', False)
        self.end(figures)


if __name__ == '__main__':
    fault.main()
