#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""pam_smtpauth.so against a server of ours in every mood: what it asks, what
it returns, and that it never waits longer than it may."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time

import harness

MODULE = os.path.join(harness.BUILDDIR, 'milter', 'auth', 'pam_smtpauth.so')
PROGRAM = os.path.join(harness.BUILDDIR, 'tests', 'lib', 'pam_application')
SUCCESS, PERM_DENIED, IGNORE = 0, 6, 25     # of <security/_pam_types.h>
PHASES = 'pam_sm_authenticate', 'pam_sm_acct_mgmt'
OTHERS = ('pam_sm_setcred', 'pam_sm_open_session', 'pam_sm_close_session',
          'pam_sm_chauthtok')
KEY = 'f00d' * 16
REFUSAL = '5.7.1 SMTP AUTH is disabled for tenant acme [abcdefghjk]'
PASS = '{"status":0,"msg":""}'
DENY = json.dumps({'status': -1, 'msg': REFUSAL})
# How much later than its limit a call may return on a busy machine.
LATE_MS = 400 if not harness.SLOW else 3000


def response(body, head='', status='200 OK', length=None):
    length = len(body) if length is None else length
    return 'HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s' % (
        status, head, length, body)


class Server:
    """Gives each request to a function, with its connection."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(s,),
                                 daemon=True).start()

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            head, body = self.read(s)
            self.requests.append((head.decode('ascii'), body))
            if callable(self.answer):
                self.answer(self, s)
            else:
                s.sendall(self.answer.encode())

    @staticmethod
    def read(s):
        """The head and the body of a request; OSError if it is not whole."""
        data, wanted = b'', None
        while wanted is None or len(data) < wanted:
            more = s.recv(65536)
            if not more:
                raise OSError('closed')
            data += more
            head, end, body = data.partition(b'\r\n\r\n')
            if end:
                wanted = len(head) + len(end) + int(re.search(
                    rb'(?im)^content-length: (\d+)\r?$', head)[1])
        return head, body

    def end(self):
        self.ended.set()
        self.socket.close()


# Moods of a server.

def hang(server, s):
    server.ended.wait(harness.TIMEOUT)


def close_at_once(server, s):
    pass


def reset(server, s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')


def trickle(text, seconds):
    """A byte at a time, for that long."""
    def answer(server, s):
        for c in text:
            s.sendall(c.encode())
            if server.ended.wait(seconds / len(text)):
                break
    return answer


def half(text):
    """The first half, and silence."""
    def answer(server, s):
        s.sendall(text[:len(text) // 2].encode())
        server.ended.wait(harness.TIMEOUT)
    return answer


def flood(server, s):
    """Fields of a head without end."""
    s.sendall(b'HTTP/1.1 200 OK\r\n')
    while True:
        s.sendall(b'X: ' + b'y' * 60 + b'\r\n')


EITHER = ((), IGNORE), (('on_error=deny',), PERM_DENIED)
# What is no answer, by its name.
BAD = {
    '401': response('', status='401 Unauthorized'),
    '403': response(PASS, status='403 Forbidden'),
    '500': response(PASS, status='500 Internal Server Error'),
    '204': response('', status='204 No Content'),
    '2000': response(PASS, status='2000 OK'),
    'garbage': 'gar\r\nbage\0' * 9 + '\n',
    'nothing of a line': '\n',
    'HTTP 2': response(PASS).replace('HTTP/1.1', 'HTTP/2'),
    'HTTP 1.0': response(PASS).replace('HTTP/1.1', 'HTTP/1.0'),
    'line feeds only': response(PASS).replace('\r', ''),
    'empty': response(''),
    'no length': response(PASS).replace('Content-Length', 'X'),
    'two lengths': response(PASS, head='Content-Length: 21\r\n'),
    'length of letters': response(PASS).replace('th: 21', 'th: 0x15'),
    'negative length': response(PASS).replace('th: 21', 'th: -21'),
    'too long a length': response(PASS).replace('th: 21', 'th: 9999999999'),
    'short length': response(PASS, length=len(PASS) - 1),
    'chunked': response(PASS, head='Transfer-Encoding: chunked\r\n'),
    'a field without name': response(PASS, head=': x\r\n'),
    'a field without colon': response(PASS, head='x\r\n'),
    'a blank in a name': response(PASS, head='x : y\r\n'),
    'NUL in the head': response(PASS, head='x: \0\r\n'),
    'a folded field': response(PASS, head='x: y\r\n z\r\n'),
    'more behind it': response(PASS) + 'x',
    'two answers': response(PASS) * 2,
    'no object': response('0'),
    'an array': response('[0]'),
    'no status': response('{}'),
    'only a message': response('{"msg":""}'),
    'status 1': response('{"status":1,"msg":""}'),
    'status null': response('{"status":null,"msg":""}'),
    'status text': response('{"status":"0","msg":""}'),
    'status true': response('{"status":true,"msg":""}'),
    'status -0': response('{"status":-0,"msg":""}'),
    'status 00': response('{"status":00,"msg":""}'),
    'status 0.5': response('{"status":0.5,"msg":""}'),
    'status 0e9': response('{"status":0e9,"msg":""}'),
    'status -': response('{"status":-,"msg":""}'),
    'status of 10 digits': response('{"status":-4294967296,"msg":""}'),
    'two of status': response('{"status":0,"status":0}'),
    'one more member': response('{"status":0,"msg":"","x":0}'),
    'a longer name': response('{"status' + 's' * 99 + '":0}'),
    'message null': response('{"status":0,"msg":null}'),
    'a bad escape': response('{"status":0,"msg":"\\x"}'),
    'half an escape': response('{"status":0,"msg":"\\'),
    'a bad \\u': response('{"status":0,"msg":"\\u00g0"}'),
    'NUL as \\u': response('{"status":0,"msg":"\\u0000"}'),
    'NUL in the message': response('{"status":0,"msg":"\0"}'),
    'a tab in the message': response('{"status":0,"msg":"\t"}'),
    'an open string': response('{"status":0,"msg":"'),
    'an open object': response('{"status":0,"msg":""'),
    'a last comma': response('{"status":0,}'),
    'no comma': response('{"status":0"msg":""}'),
    'two objects': response(PASS + PASS),
    'a longer body': response(PASS + ' ' * 5000),
    'closed at once': close_at_once,
    'reset': reset,
    'closed in the head': response(PASS)[:20],
    'closed in the body': response(PASS)[:-1],
    'an endless head': flood,
}
# What is an answer, however it is written.
GOOD = {
    PASS: IGNORE, '{"status":0}': IGNORE, DENY: PERM_DENIED,
    ' { "msg" : "x" , "status" : 0 } \r\n': IGNORE,
    '{"status":-999999999}': PERM_DENIED,
    '{"st\\u0061tus":-1}': PERM_DENIED,
    '{"status":-1,"msg":"' + 'x' * 3000 + '"}': PERM_DENIED,
}


class Pam(harness.Case):

    given = ()

    def setUp(self):
        if not os.path.exists(MODULE):
            self.skipTest('configured without the PAM module')
        super().setUp()
        self.key = os.path.join(self.tmp, 'auth.key')
        self.write(self.key, KEY + '\n')
        self.configure('auth required pam_permit.so')

    @staticmethod
    def write(path, text):
        with open(path, 'w') as f:
            f.write(text)

    def configure(self, *lines):
        lines = [*lines, 'account required pam_permit.so', '']
        for name in 'smtp', 'other':    # libpam wants both
            self.write(os.path.join(self.tmp, name), '\n'.join(lines))

    def serve(self, answer):
        server = Server(answer)
        self.addCleanup(server.end)
        return server

    before = ()     # words of a command that starts the program

    def run_program(self, *words):
        argv = [harness.encode(w) for w in (*self.before, PROGRAM, *words)]
        done = subprocess.run(argv, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=harness.ENV,
                              timeout=harness.TIMEOUT)
        text = done.stdout.decode('utf-8', 'backslashreplace')
        self.transcript.append('%r\n%s' % (argv, text))
        self.assertEqual(done.returncode, 0, text)
        return [tuple(line.split(' ', 1)) for line in text.splitlines()]

    def call(self, port, *args, login='alice@acme.test', remote='',
             expected=None):
        """Both phases, which have the same result, and the other functions;
        the log of the first phase, and the longest time in ms."""
        said = self.run_program('module', self.tmp, MODULE, login, remote,
                                'port=%d' % port, 'key-file=' + self.key,
                                *args)
        results = dict(said)
        for name in OTHERS:
            self.assertEqual(int(results[name]), IGNORE, name)
        self.assertEqual({value for name, value in said if name == 'files'},
                         {'0'}, 'files that stay open')
        first, second = (int(results[name]) for name in PHASES)
        self.assertEqual(first, second)
        self.assertIn(first, (IGNORE, PERM_DENIED))
        if expected is not None:
            self.assertEqual(first, expected)
        lines = [value.removeprefix('PAM ') for name, value in said
                 if name == 'log']
        self.assertEqual(len(lines) % 2, 0, lines)  # as many in each phase
        self.sends = [int(value) for name, value in said if name == 'sends']
        self.took = [int(value) for name, value in said if name == 'ms']
        return lines[:len(lines) // 2]

    # -- what is asked ----------------------------------------------------

    def asked(self, login, remote='', key=KEY):
        server = self.serve(response(PASS))
        self.assertEqual(self.call(server.port, login=login, remote=remote,
                                   expected=IGNORE), [])
        one, two = server.requests
        self.assertEqual(one, two)
        self.assertGreater(self.sends[0], 2)        # it did come in pieces
        self.head, body = one
        self.assertEqual(self.head.split('\r\n'), [
            'POST /v1/auth?command=allow HTTP/1.1',
            'Host: 127.0.0.1:%d' % server.port, 'User-Agent: pam_smtpauth',
            'Authorization: Bearer ' + key, 'Content-Type: application/json',
            'Content-Length: %d' % len(body), 'Connection: close'])
        self.assertNotRegex(body, rb'[\0-\x1f]')
        return json.loads(body)

    def test_the_question(self):
        self.assertEqual(self.asked('alice@acme.test'),
                         {'login': 'alice@acme.test', 'mechanism': ''})

    def test_a_client_is_named_if_its_address_is_known(self):
        for address in '192.0.2.5', '2001:db8::1', '::ffff:192.0.2.5':
            self.assertEqual(self.asked('a', address)['remote'], address)
        for name in 'mail.example.test', '192.0.2', 'fe80::1%eth0', '"', \
                '1' * 500:
            self.assertNotIn('remote', self.asked('a', name), name)

    def test_any_login_arrives(self):
        every = ''.join(map(chr, range(1, 128)))
        for login in ('', ' ', '"', '\\', '"}', '\\u0041', every,
                      'jörg@bücher', '\x7f', '\u0080',
                      '\u07ff\u0800\ud7ff\ue000\uffff',
                      '\U00010000\U0010ffff', 'x' * 320, 'ö' * 256):
            self.assertEqual(self.asked(login)['login'], login, ascii(login))

    def test_what_is_no_text_arrives_as_no_text(self):
        for bad, there in (
                (b'\xff', '\ufffd'), (b'a\x80b', 'a\ufffdb'),
                (b'\xc0\xaf', '\ufffd' * 2), (b'\xc1\xbf', '\ufffd' * 2),
                (b'\xe0\x9f\xbf', '\ufffd' * 3),
                (b'\xed\xa0\x80', '\ufffd' * 3),
                (b'\xf0\x8f\xbf\xbf', '\ufffd' * 4),
                (b'\xf4\x90\x80\x80', '\ufffd' * 4),
                (b'\xf5\x80\x80\x80', '\ufffd' * 4),
                (b'a\xc3', 'a\ufffd'), (b'\xe2\x82"', '\ufffd\ufffd"'),
                (b'\xc3\x28', '\ufffd('), (b'\xf0\x9f\x98', '\ufffd' * 3)):
            self.assertEqual(self.asked(bad)['login'], there, bad)

    def test_a_login_that_is_too_long_stays_too_long(self):
        for login in 'x' * 513, 'x' * 10000, 'ö' * 5000, '\1' * 10000:
            there = self.asked(login)['login']
            self.assertTrue(there.endswith('\ufffd'), there)
            self.assertGreater(len(there.encode()), 512)

    # -- what is answered -------------------------------------------------

    def test_answers(self):
        for body, result in GOOD.items():
            for send in body, ' ' * 40 + body:
                server = self.serve(response(send))
                self.call(server.port, 'on_error=' + (
                    'deny' if result == IGNORE else 'ignore'), expected=result)
                self.assertEqual(len(server.requests), 2)

    def test_answers_in_pieces(self):
        for body, result in (PASS, IGNORE), (DENY, PERM_DENIED):
            text = response(body, 'a: b\r\nX-y:\r\n')
            server = self.serve(trickle(text, 0.3))
            self.call(server.port, 'on_error=deny' if result == IGNORE
                      else 'on_error=ignore', 'timeout_ms=20000',
                      expected=result)

    def test_a_refusal_is_logged_with_its_id(self):
        server = self.serve(response(DENY))
        self.assertEqual(
            self.call(server.port, expected=PERM_DENIED),
            ['alice@acme.test is refused: ' + REFUSAL])
        self.assertEqual(
            self.call(server.port, login='a\n\x1bé' + 'b' * 400)[0],
            'a????' + 'b' * 315 + '... is refused: ' + REFUSAL)

    def test_what_is_no_answer(self):
        for name, answer in BAD.items():
            server = self.serve(answer)
            for word, result in ('ignore', IGNORE), ('deny', PERM_DENIED):
                said, = self.call(server.port, 'on_error=' + word,
                                  'timeout_ms=20000', expected=result)
                self.assertRegex(
                    said, r'^cannot ask 127.0.0.1:%d: .*; on_error=%s: the '
                    'login ' % (server.port, word), name)
                self.assertLess(max(self.took), 15000, name)

    def test_the_log_names_the_way_out(self):
        for name, words in (
                ('401', 'the key is not the one of smtpauth-authd: set '
                        'key-file='),
                ('500', 'HTTP status 500: does another program listen'),
                ('garbage', 'not an answer of smtpauth-authd'),
                ('closed at once', 'closed before the answer was complete')):
            said, = self.call(self.serve(BAD[name]).port)
            self.assertIn(words, said)

    def test_nothing_listens(self):
        said, = self.call(harness.free_port(), expected=IGNORE)
        self.assertIn('Connection refused: start smtpauth-authd', said)
        self.call(harness.free_port(), 'on_error=deny', expected=PERM_DENIED)

    # -- time -------------------------------------------------------------

    def in_time(self, port, limit, result=IGNORE, *args):
        said, = self.call(port, 'timeout_ms=%d' % limit, *args,
                          expected=result)
        self.assertIn('no answer in time', said)
        for ms in self.took[:2]:
            self.assertGreaterEqual(ms, limit - 1)
            self.assertLess(ms, limit + LATE_MS)

    def test_hung(self):
        server = self.serve(hang)
        self.in_time(server.port, 300)
        self.in_time(server.port, 300, PERM_DENIED, 'on_error=deny')
        self.in_time(server.port, 1)

    def test_half_an_answer(self):
        self.in_time(self.serve(half(response(DENY))).port, 300)

    def test_trickling(self):
        """Each byte comes in time, the answer does not."""
        self.in_time(self.serve(trickle(response(DENY), 20)).port, 500)

    def test_the_default_limit_is_a_second(self):
        said, = self.call(self.serve(hang).port)
        self.assertTrue(1000 <= self.took[0] < 1000 + LATE_MS, self.took)

    def test_nobody_accepts(self):
        """Connections wait in the queue of a program that does nothing, and
        then are not made at all."""
        with socket.create_server(('127.0.0.1', 0), backlog=0) as s:
            port = s.getsockname()[1]
            self.in_time(port, 300)
            waiting = []
            with contextlib.ExitStack() as stack:
                with contextlib.suppress(OSError):
                    while len(waiting) < 20:
                        waiting.append(stack.enter_context(
                            socket.create_connection(('127.0.0.1', port),
                                                     0.2)))
                self.assertLess(len(waiting), 20)
                self.in_time(port, 300)

    # -- arguments and key ------------------------------------------------

    def test_bad_arguments(self):
        server = self.serve(response(PASS))
        for word in ('colour=blue', 'port', 'port=', 'port=0', 'port=65536',
                     'port=-1', 'port=8898x', 'timeout_ms=0',
                     'timeout_ms=60001', 'timeout_ms=1s',
                     'key-file=auth.key', 'key-file=',
                     'on_error=deni', 'on_error', 'debug'):
            for more, result in EITHER:
                said, = self.call(server.port, word, *more, expected=result)
                self.assertIn('bad argument "%s"; on_error=' % word, said)
        self.assertEqual(server.requests, [])

    def test_a_key_that_cannot_be_read(self):
        server = self.serve(response(PASS))
        os.mkfifo(self.tmp + '/fifo')
        os.symlink('/dev/zero', self.tmp + '/zero')
        self.write(self.tmp + '/long', 'x' * 257)
        self.write(self.tmp + '/short', 'x' * 15)
        self.write(self.tmp + '/longer', 'x\n' * 3000)
        self.write(self.tmp + '/two', KEY + '\n' + KEY + '\n')
        self.write(self.tmp + '/empty', '')
        self.write(self.tmp + '/quote', KEY + '"')
        self.write(self.tmp + '/nul', KEY + '\0\n')
        self.write(self.tmp + '/dos', KEY + '\r\n')
        self.write(self.tmp + '/blank', KEY + ' \n')
        init = '"smtpauthctl init" makes'
        for name, words in (
                ('none', 'No such file or directory: ' + init),
                ('fifo', 'not a regular file'), ('zero', 'not a regular file'),
                ('', 'not a regular file'), ('long', init), ('longer', init),
                ('short', init), ('quote', init), ('nul', init),
                ('two', init), ('empty', init), ('dos', init),
                ('blank', init)):
            path = self.tmp + '/' + name
            for more, result in EITHER:
                said, = self.call(server.port, 'key-file=' + path, *more,
                                  expected=result)
                self.assertIn(path + ': ', said)
                self.assertIn(words, said)
        self.assertEqual(server.requests, [])

    def test_a_key_without_the_right_to_it(self):
        os.chmod(self.key, 0)
        if os.geteuid() == 0:
            self.before = ('setpriv', '--bounding-set=-dac_override,'
                           '-dac_read_search')
        said, = self.call(harness.free_port(), expected=IGNORE)
        self.assertIn('Permission denied: the program that asks', said)

    def test_keys(self):
        for key in KEY, 'x' * 16, 'x' * 256, 'aZ09-._~+/' * 2 + '==':
            for end in '', '\n':
                self.write(self.key, key + end)
                self.asked('a', key=key)

    # -- with libpam ------------------------------------------------------

    def stack(self, answer, *args, module='pam_unix.so nodelay'):
        server = self.serve(answer)
        self.configure('auth requisite %s port=%d key-file=%s %s' % (
            MODULE, server.port, self.key, ' '.join(args)),
            'auth required ' + module)
        said = self.run_program('stack', self.tmp, 'no@acme.test', 's3cr3t')
        self.assertNotIn('s3cr3t', str(said))
        self.assertEqual(len(server.requests), 1)
        return said

    def test_before_the_password(self):
        """A refused login is not asked for its password; another one is
        for the next module to judge, which may refuse it, too."""
        said = dict(self.stack(response(DENY)))
        self.assertNotIn('asked', said)
        self.assertEqual(int(said['authenticate']), PERM_DENIED)
        said = dict(self.stack(response(PASS)))
        self.assertIn('asked', said)
        self.assertNotEqual(int(said['authenticate']), SUCCESS)
        said = dict(self.stack(response(PASS), module='pam_permit.so'))
        self.assertEqual((said['authenticate'], said['account']), ('0', '0'))
        self.assertTrue(dict(self.stack(response(DENY)))['log'].startswith(
            'pam_smtpauth(smtp:auth): no@acme.test is refused: '))

    def test_errors_in_the_stack(self):
        for word, result in ('ignore', SUCCESS), ('deny', PERM_DENIED):
            said = self.stack(close_at_once, 'on_error=' + word,
                              module='pam_permit.so')
            self.assertEqual(int(dict(said)['authenticate']), result)

    def test_alone_it_lets_nobody_in(self):
        server = self.serve(response(PASS))
        self.configure('auth sufficient %s port=%d key-file=%s' % (
            MODULE, server.port, self.key))
        said = dict(self.run_program('stack', self.tmp, 'a@acme.test', 'x'))
        self.assertNotEqual(int(said['authenticate']), SUCCESS)

    def test_threads(self):
        count = 16 * 25
        for answer, name in (PASS, 'ignored'), (DENY, 'denied'):
            server = self.serve(response(answer))
            said = dict(self.run_program(
                'threads', self.tmp, MODULE, 'alice@acme.test', '25',
                'port=%d' % server.port, 'key-file=' + self.key,
                'timeout_ms=50000'))
            self.assertEqual(said[name], str(count), said)
            self.assertEqual(len(server.requests), count)

    def test_only_what_pam_calls_can_be_seen(self):
        """Names of ours must not meet those of the program."""
        nm = subprocess.run(['nm', '-D', '--defined-only', MODULE],
                            stdout=subprocess.PIPE, text=True, check=True)
        names = {line.split()[2] for line in nm.stdout.splitlines()}
        # The compiler's own: gcov has one without underscores.
        ours = {name for name in names
                if not name.startswith('__') and name != 'mangle_path'}
        self.assertEqual(ours, {*PHASES, *OTHERS})


if __name__ == '__main__':
    harness.main()
