#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-authd: requests good and bad, byte by byte, and its answers."""

import contextlib
import json
import os
import socket

import harness
from authd import Authd, question

HEAD_MAX, BODY_MAX = 8192, 32768
REASONS = {200: 'OK', 400: 'Bad Request', 401: 'Unauthorized',
           431: 'Request Header Fields Too Large', 501: 'Not Implemented',
           505: 'HTTP Version Not Supported'}
PASS = (0, '')
TENANT = r'5\.7\.1 SMTP AUTH is disabled for tenant acme \[[0-9a-z]{10}\]'
INVALID = r'5\.7\.1 SMTP AUTH login not accepted \[[0-9a-z]{10}\]'


class Case(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled',
             'mailbox set on@acme.test --smtp-auth enabled')
    section = {}
    keys = {}

    def setUp(self):
        super().setUp()
        self.authd = Authd(self, section=self.section, **self.keys).start()
        self.client = self.connect()

    def connect(self):
        client = self.authd.client()
        self.addCleanup(client.socket.close)
        return client

    def tearDown(self):
        self.authd.stop()

    def refused(self, decision, regex=TENANT):
        status, message = decision
        self.assertEqual(status, -1, decision)
        self.assertRegex(message, '^%s$' % regex)
        return message[-11:-1]

    def ask(self, login):
        return self.authd.request_of(question(login))

    def works(self, client=None):
        """The door answers, on the connection or on another one."""
        client = client or self.connect()
        self.refused(client.decides('jane@acme.test'))
        self.assertEqual(client.decides('on@acme.test'), PASS)

    def is_invalid(self, answer):
        """The answer to a question that cannot be read."""
        self.assertEqual(answer.status, 200, answer)
        self.refused((answer.json['status'], answer.json['msg']), INVALID)

    def closed(self, client, *statuses):
        """These answers, and no other, and then the end."""
        for status in statuses:
            answer = client.answer()
            self.assertEqual(answer.status, status, answer)
            self.assertEqual(answer.reason, REASONS[status])
        self.assertIsNone(client.answer())


class Requests(Case):

    def test_as_captured(self):
        body = (b'{"device_id":"","login":"alice@acme.test","protocol":"smtp",'
                b'"pwhash":"07ce","remote":"127.0.0.1","session_id":"",'
                b'"tls":false}')
        self.assertEqual(len(body), 125)
        self.client.send(
            b'POST /v1/auth?command=allow HTTP/1.1\r\n'
            b'Host: 127.0.0.1:14001\r\n'
            b'Date: Sun, 29 Nov 2026 01:03:47 GMT\r\n'
            b'User-Agent: dovecot/auth-policy-client\r\n'
            b'Content-Length: 125\r\nConnection: Keep-Alive\r\n'
            b'Content-Type: application/json\r\nAuthorization: Bearer '
            + self.authd.key.encode() + b'\r\n\r\n' + body)
        answer = self.client.answer()
        self.assertEqual((answer.status, answer.reason), (200, 'OK'))
        self.assertEqual(answer.fields['content-type'], 'application/json')
        self.assertNotIn('connection', answer.fields)
        name = self.refused((answer.json['status'], answer.json['msg']))
        line = self.authd.wait_log('^.*id=%s .*$' % name)[0]
        for word in ('verdict=reject', 'reason=tenant-disabled', 'door=auth',
                     'login=alice@acme.test', 'client=127.0.0.1', 'mech= ',
                     'listener=smtp', 'answer=refuse'):
            self.assertIn(word, line)
        self.assertNotIn('sender=', line)

    def test_change_is_in_force_at_the_next_request(self):
        for _ in range(3):
            self.refused(self.client.decides('jane@acme.test'))
            self.ctl('mailbox set jane@acme.test --smtp-auth enabled')
            self.assertEqual(self.client.decides('jane@acme.test'), PASS)
            self.ctl('mailbox remove jane@acme.test')

    def test_report_is_ignored(self):
        body = question('jane@acme.test', success=False, policy_reject=True)
        for body in body, '', '{', 'x' * (BODY_MAX + 1):
            for query in '?command=report', '?a=b&command=report':
                answer = self.client.asks(body, query=query)
                self.assertEqual(answer.json, {'status': 0, 'msg': ''})
        self.assertEqual(self.client.decides('on@acme.test'), PASS)
        self.authd.wait_log('id=')
        self.assertEqual(self.authd.log().count('id='), 1)

    def test_health(self):
        ask = self.authd.request_of(path='/health', query='', key='',
                                    method='GET')
        self.client.send(ask + ask)     # the second is after the end
        answer = self.client.answer()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json['msg'], 'good')
        self.closed(self.client)
        answer = self.connect().asks(path='/health', query='')
        self.assertEqual(answer.status, 405)

    def test_other_paths_and_methods(self):
        for path in '/', '/v1/auth/', '/v1', '/V1/AUTH', '/v1/%61uth', '//':
            self.assertEqual(self.connect().asks(path=path).status, 404, path)
        for method in 'GET', 'PUT', 'post', 'DELETE', 'OPTIONS':
            self.assertEqual(self.client.asks(method=method).status, 405)
        self.works(self.client)

    def test_key(self):
        key = self.authd.key
        for value in ('', 'Bearer', 'Bearer ' + key[:-1], 'Bearer x' + key[1:],
                      'Bearer %s0' % key, 'Bearer ' + key.upper() + 'x',
                      'Bearer ' + key[:-1] + 'g', 'Basic ' + key, key,
                      'Bearer  ' + key, 'Bearer ' + key[:8], 'Bearer 0',
                      'Bearer %s, Bearer %s' % (key, key), 'Bearer ' + key * 3):
            for query in '?command=allow', '?command=report':
                client = self.connect()
                ask = self.authd.request_of(question('on@acme.test'),
                                            query=query, key=value)
                client.send(ask + self.ask('on@acme.test'))
                answer = client.answer()
                self.assertEqual(answer.status, 401, value)
                self.assertEqual(answer.fields['www-authenticate'], 'bearer')
                self.assertEqual(answer.fields['connection'], 'close')
                self.assertNotIn('status', answer.json)
                self.closed(client)
        self.assertNotIn(key, self.authd.log())
        self.works(self.client)
        self.assertEqual(self.client.asks('{}', key='bearer ' + key).status,
                         200)

    def test_old_version(self):
        self.client.send(self.authd.request_of(question('on@acme.test'),
                                               version='1.0'))
        answer = self.client.answer()
        self.assertEqual(answer.json, {'status': 0, 'msg': ''})
        self.assertEqual(answer.fields['connection'], 'close')
        self.closed(self.client)

    def test_connection_that_is_to_be_closed(self):
        ask = self.authd.request_of(question('on@acme.test'),
                                    fields=['Connection: close'])
        self.client.send(ask + ask)     # the second is after the end
        self.closed(self.client, 200)

    def test_pipelined(self):
        logins = ['u%d@%s.test' % (i, 'acme' if i % 3 else 'free')
                  for i in range(50)]
        self.ctl('settings set reply-tenant "no {mailbox}"')
        self.client.send(b''.join(self.authd.request_of(question(login))
                                  for login in logins))
        for login in logins:
            answer = self.client.answer().json
            if 'free' in login:
                self.assertEqual(answer, {'status': 0, 'msg': ''})
            else:
                self.assertIn('no %s [' % login, answer['msg'])
        self.assertEqual(self.client.decides('on@acme.test'), PASS)

    def test_many_small_ones(self):
        self.client.send(self.authd.request_of(query='?command=report') * 2000)
        for _ in range(2000):
            self.assertEqual(self.client.answer().status, 200)
        self.works(self.client)

    def test_reader_that_is_late(self):
        """Answers that had to wait go on when there is room, though no more
        requests come.  The room of a unix socket is fixed."""
        self.ctl('settings', 'set', 'reply-tenant', 'x' * 400)
        body = '{"login":"a@acme.test"}'
        ask = ('POST /v1/auth HTTP/1.1\r\nHost:\r\nAuthorization: Bearer %s'
               '\r\nContent-Length: %d\r\n\r\n%s'
               % (self.authd.key, len(body), body)).encode()
        n = (HEAD_MAX + BODY_MAX) // len(ask)   # what is read at once
        path = os.path.join(self.tmp, 'socket')
        with Authd(self, listen=path) as daemon, daemon.client() as client:
            client.send(ask * n)
            daemon.wait_log('id=')
            self.assertEqual(daemon.decides('on@acme.test'), PASS)
            self.assertLess(daemon.log().count('id='), n)
            for _ in range(n):
                self.assertEqual(client.answer().json['status'], -1)

    def test_byte_by_byte(self):
        for byte in self.authd.request_of(question('jane@acme.test')):
            self.client.send(bytes([byte]))
        answer = self.client.answer().json
        self.refused((answer['status'], answer['msg']))
        self.works(self.client)

    def test_cut_in_two_anywhere(self):
        """Two requests in two pieces, wherever the first one ends."""
        both = self.authd.request_of(question('jane@acme.test')) * 2
        for at in range(1, len(both), 7):
            self.client.send(both[:at])
            self.client.send(both[at:])
            for _ in range(2):
                answer = self.client.answer().json
                self.refused((answer['status'], answer['msg']))

    def test_half_closed(self):
        ask = self.authd.request_of(question('jane@acme.test'))
        self.client.send(ask + ask)
        self.client.socket.shutdown(socket.SHUT_WR)
        self.closed(self.client, 200, 200)

    def test_ends_in_the_middle(self):
        ask = self.authd.request_of(question('on@acme.test'))
        for at in 0, 1, 50, len(ask) - 1:
            for end in ('reset', 'close', 'half'):
                client = self.connect()
                client.send(ask[:at])
                if end == 'reset':
                    client.reset()
                elif end == 'close':
                    client.socket.close()
                else:
                    client.socket.shutdown(socket.SHUT_WR)
                    self.closed(client)
        self.works(self.client)

    def test_reset_before_the_answer(self):
        """The answers find nobody: a signal would end the daemon."""
        for _ in range(20):
            client = self.connect()
            client.send(self.authd.request_of(question('on@acme.test')) * 20)
            client.reset()
        self.works(self.client)


class Limits(Case):

    def head_of(self, size):
        """A question with a head of so many bytes."""
        body = question('on@acme.test')
        ask = self.authd.request_of(body, fields=['X: '])
        fill = 'X: ' + 'x' * (size - (len(ask) - len(body)))
        ask = self.authd.request_of(body, fields=[fill])
        self.assertEqual(len(ask), size + len(body))
        return ask

    def test_head(self):
        self.client.send(self.head_of(HEAD_MAX))
        self.assertEqual(self.client.answer().json, {'status': 0, 'msg': ''})
        self.works(self.client)
        self.client.send(self.head_of(HEAD_MAX + 1))
        answer = self.client.answer()
        self.assertEqual(answer.status, 431)
        self.assertEqual(answer.fields['connection'], 'close')
        self.closed(self.client)
        self.works()

    def test_head_that_is_much_too_long(self):
        """The answer arrives, though more was sent than is read."""
        for size in 10000, 100000, 300000:
            client = self.connect()
            with contextlib.suppress(ConnectionError):
                client.send(self.head_of(size))
            self.closed(client, 431)
        self.works()

    def test_too_many_fields(self):
        for n, status in (58, 200), (59, 431):
            client = self.connect()
            self.assertEqual(client.asks('{}', fields=['a: b'] * n).status,
                             status)
        self.works()

    def body_of(self, size, login='on@acme.test'):
        body = question(login)
        return body + ' ' * (size - len(body))

    def test_body(self):
        """One that is too long is an invalid login, and no more."""
        for size in 1000, BODY_MAX - 1, BODY_MAX:
            answer = self.client.asks(self.body_of(size))
            self.assertEqual(answer.json, {'status': 0, 'msg': ''}, size)
        for size in BODY_MAX + 1, BODY_MAX + HEAD_MAX, 100000, 2000000:
            self.is_invalid(self.client.asks(self.body_of(size)))
            self.works(self.client)

    def test_long_body_between_others(self):
        ask = self.authd.request_of
        good, long = question('on@acme.test'), self.body_of(BODY_MAX + 5000)
        self.client.send(ask(good) + ask(long) + ask(long) + ask(good))
        self.assertEqual(self.client.answer().json['status'], 0)
        self.is_invalid(self.client.answer())
        self.is_invalid(self.client.answer())
        self.assertEqual(self.client.answer().json['status'], 0)

    def test_long_body_in_two_pieces(self):
        """Cut where the last byte of the body ends, and around it."""
        ask = self.authd.request_of(self.body_of(BODY_MAX + 1))
        after = self.authd.request_of(question('on@acme.test'))
        for at in (len(ask) - 2, len(ask) - 1, len(ask), len(ask) + 1,
                   len(ask) - BODY_MAX, len(ask) - BODY_MAX - 1):
            self.client.send((ask + after)[:at])
            self.client.send((ask + after)[at:])
            self.is_invalid(self.client.answer())
            self.assertEqual(self.client.answer().json['status'], 0)

    def test_long_body_without_the_key(self):
        answer = self.client.asks(self.body_of(BODY_MAX + 1), key='Bearer x')
        self.assertEqual(answer.status, 401)
        self.closed(self.client)
        self.works()


class Framing(Case):
    """What two readers could understand in two ways is the last of its
    connection: nothing that follows is taken for a request."""

    def last(self, status, ask):
        client = self.connect()
        more = self.authd.request_of(question('on@acme.test'))
        client.send(harness.encode(ask) + more)
        self.closed(client, status)

    def raw(self, status, *fields, line='POST /v1/auth HTTP/1.1', body='{}'):
        key = 'Authorization: Bearer ' + self.authd.key
        self.last(status, '\r\n'.join([line, key, *fields, '', '']) + body)

    def test_chunked(self):
        host = 'Host: a'
        for more in [], ['Content-Length: 2']:
            self.raw(501, host, 'Transfer-Encoding: chunked', *more,
                     body='2\r\n{}\r\n0\r\n\r\n')
            self.raw(501, host, *more, 'transfer-encoding:gzip,chunked')
        self.raw(501, 'Transfer-Encoding: chunked',
                 line='POST /v1/auth HTTP/1.0')

    def test_lengths(self):
        host = 'Host: a'
        for fields in (['Content-Length: 2', 'Content-Length: 2'],
                       ['Content-Length: 2', 'content-length: 0'],
                       ['Content-Length: 2,2'], ['Content-Length: -2'],
                       ['Content-Length: 0x2'], ['Content-Length:'],
                       ['Content-Length: 18446744073709551618'],
                       ['Content-Length : 2']):
            self.raw(400, host, *fields)

    def test_lines(self):
        length = 'Content-Length: 2'
        self.raw(400, 'Host: a', length, 'X: a', ' b')
        self.raw(400, 'Host: a\nContent-Length: 2')
        self.raw(400, 'Host: a\rX: b', length)
        self.raw(400, 'Host: a\0', length)
        self.raw(400, length)
        self.raw(400, 'Host: a', 'Host: a', length)
        self.raw(400, 'Host: a', 'Authorization: Bearer x', length)
        self.raw(505, 'Host: a', length, line='POST /v1/auth HTTP/2.0')
        self.raw(400, 'Host: a', line='PRI * HTTP/2.0')

    def test_no_http(self):
        self.last(400, b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n')
        self.last(400, b'\r\n\r\n')
        self.last(400, b'EHLO client.example\r\n\r\n')
        self.last(400, b'\xff' * 100 + b'\r\n\r\n')
        self.works(self.client)


class Questions(Case):

    def test_what_cannot_be_read_is_an_invalid_login(self):
        good = question('on@acme.test')
        deep = '{"login":"on@acme.test","x":%s}'
        for body in (
                '', ' ', '{', '}', '[]', '{}', 'null', '"on@acme.test"', '1',
                good[:-1], good + 'x', good + good, good[1:],
                '\ufeff' + good, good.replace('"', "'"), '[%s]' % good,
                good.replace('on@', 'on\\u0000@'), good.replace('on@', 'o\0@'),
                good + '\0', good.replace('on@', 'on\ufffd@'),
                good.replace('on@', 'on\\ufffd@'),
                good.encode().replace(b'on@', b'on\xff@'),
                good.encode().replace(b'on@', b'on\xc0\x80@'),
                good.encode().replace(b'on@', b'on\xed\xa0\x80@'),
                good.replace('on@', 'on\\ud800@'),
                good.replace('{', '{"login":"on@acme.test",'),
                good.replace('{', '{"\\u006cogin":"on@acme.test",'),
                good.replace('{', '{"x":1,"x":1,'),
                deep % ('[' * 15000 + ']' * 15000), deep % ('[' * 100000),
                deep % ('{"x":' * 5000 + '1' + '}' * 5000),
                '{"login":1}', '{"login":null}', '{"login":["on@acme.test"]}',
                '{"login":{"login":"on@acme.test"}}', '{"login":true}',
                '{"login":""}', '{"Login":"on@acme.test"}',
                question('x' * 10000 + '@free.test'), question('@free.test'),
                question('a\n@free.test'), question('a\u202e@free.test'),
                question('a??@free.test'), question('a@'), 'login=on@acme.test'):
            self.is_invalid(self.client.asks(body))
        self.works(self.client)

    def test_other_members_are_ignored(self):
        answer = self.client.decides(
            'on@acme.test', device_id='', fail_type='', pwhash='07ce', tls=1.5,
            session_id=None, x=[{'login': 'jane@acme.test'}], y='é' * 1000)
        self.assertEqual(answer, PASS)

    def test_members_of_another_type(self):
        for value in 1, None, True, [], ['203.0.113.9'], {}, 'garbage', '\ufffd':
            for key in 'remote', 'protocol', 'mechanism', 'tls':
                body = json.loads(question('jane@acme.test'))
                body[key] = value
                answer = self.client.asks(json.dumps(body)).json
                self.refused((answer['status'], answer['msg']))

    def test_spellings_are_one_login(self):
        for login in ('ON@ACME.TEST', 'on@acme.test.', '\uff4fn@acme.test'):
            status = 0 if login.isascii() else -1
            self.assertEqual(self.client.decides(login)[0], status, login)

    def test_log_has_one_line_for_each(self):
        login = 'a" \\\n\x1b\u2028=b' + 'x' * 3000
        before = self.authd.log().count('\n')
        self.refused(self.client.decides(login, remote='\n', protocol='\r\n'),
                     INVALID)
        self.works(self.client)
        self.authd.wait_log('login=on@acme.test')
        self.assertEqual(self.authd.log().count('\n'), before + 3)


class QuietLog(Case):

    keys = {'log_allowed': 'no', 'log': 'json'}

    def test_lines(self):
        self.assertEqual(self.client.decides('on@acme.test'), PASS)
        name = self.refused(self.client.decides('jane@acme.test'))
        self.authd.wait_log(name)
        line = json.loads([line for line in self.authd.log().splitlines()
                           if name in line][0])
        self.assertEqual(line['door'], 'auth')
        self.assertEqual(line['login'], 'jane@acme.test')
        self.assertNotIn('on@acme.test', self.authd.log())


if __name__ == '__main__':
    harness.main()
