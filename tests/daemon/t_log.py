# SPDX-License-Identifier: BSD-2-Clause
"""The daemon's log: JSON, syslog, and readers who do not read."""

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import socket
import subprocess
import time
import unittest

import harness
from metrics_page import Page
from mta import Mta

ROOT = os.geteuid() == 0
UNSHARE = shutil.which('unshare')
FIELDS = ('id', 'verdict', 'reason', 'login', 'mailbox', 'tenant', 'client',
          'mech', 'listener', 'sender')
JSON_KEYS = ('time', 'level') + FIELDS
QUEUE = 1024 * 1024     # bytes of lines that wait for a reader, twice
# A decision must be far quicker than an MTA is patient (15 s in our lines).
PATIENCE = 5

ODD = (
    b'quote"d@a.test', b'back\\slash@a.test', b'tab\tnew\nline\r@a.test',
    b'bell\x07 escape\x1b[31m@a.test', b'del\x7f@a.test', b'\xff\xfe@a.test',
    b'cut\xe2\x82@a.test', b'\xed\xa0\x80@a.test', b'\xc0\xaf@a.test',
    'jörg@bücher.test'.encode(), 'c1\x85 ls\u2028 ps\u2029@a.test'.encode(),
    '\U0001f600@a.test'.encode(), b'=%s %n =@a.test', b' @a.test', b'@',
    b'x' * 400 + b'@a.test', b'\x01' * 500, b'\x01' * 501, b'\xff' * 500,
    b'"' * 5000, '€'.encode() * 3000)


def lines_lost(metrics):
    """As the metrics file says; 0 while there is none."""
    with contextlib.suppress(FileNotFoundError), open(metrics) as f:
        return Page(f.read()).get('log_lines_lost_total')
    return 0


class Log(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test')

    def fields(self, line):
        """The names of a line of key=value; no value has a space in it."""
        line = re.sub(r'\.\.\.\[\d+ bytes\]', '', line)  # what was cut
        return [word.partition('=')[0] for word in line.split(' ')]

    def ready(self, daemon):
        daemon.wait_log('policy database verified')
        return Mta(daemon)


class Schedule(Log):
    """The end of a line: exception and dates, where they matter."""

    def end(self, daemon, mta, login):
        """What follows the sender in the line of a new decision."""
        before = daemon.log().count(' verdict=')
        mta.mail(login)
        harness.wait_for(lambda: daemon.log().count(' verdict=') > before,
                         what='line')
        return daemon.log().splitlines()[-1].partition(' sender=')[2]\
            .partition(' ')[2]

    def test_text(self):
        self.ctl('mailbox set far@a.test --smtp-auth enabled '
                 '--clients 198.51.100.0/24')
        self.ctl('mailbox set near@a.test --smtp-auth enabled '
                 '--until 2099-03-01T00:00:00Z')
        self.ctl('mailbox set ever@a.test --smtp-auth enabled')
        self.ctl('mailbox set off@a.test --smtp-auth disabled')
        soon = time.strftime('%Y-%m-%dT%H:%M:%SZ',
                             time.gmtime(time.time() + 2))
        self.ctl('mailbox set gone@a.test --smtp-auth enabled --until '
                 + soon)
        harness.wait_for(lambda: time.strftime(
            '%Y-%m-%dT%H:%M:%SZ', time.gmtime()) > soon, what='end')
        with harness.Daemon(self) as daemon, self.ready(daemon) as mta:
            for login, end in (
                    ('far', 'exception=other-client'),
                    ('near', 'until=2099-03-01T00:00:00Z'), ('ever', ''),
                    ('off', ''), ('plain', ''),
                    ('gone', 'exception=expired until=' + soon)):
                with self.subTest(login=login):
                    self.assertEqual(
                        self.end(daemon, mta, login + '@a.test'), end)
            self.ctl('tenant set acme --enforce-from 2099-01-01 '
                     '--tempfail-until 2099-02-01T00:00:00Z')
            self.assertEqual(self.end(daemon, mta, 'plain@a.test'),
                             'enforce_from=2099-01-01T00:00:00Z')
            self.ctl('tenant set acme --enforce-from none')
            self.assertEqual(self.end(daemon, mta, 'plain@a.test'),
                             'tempfail_until=2099-02-01T00:00:00Z')
            self.assertEqual(self.end(daemon, mta, 'ever@a.test'), '')

    def test_json(self):
        self.ctl('tenant set acme --enforce-from 2099-01-01')
        with harness.Daemon(self, log='json') as daemon:
            with self.ready(daemon) as mta:
                mta.mail('u@a.test')
            line = json.loads(daemon.wait_log('.*scheduled.*').group())
        self.assertEqual(line['enforce_from'], '2099-01-01T00:00:00Z')
        self.assertNotIn('exception', line)


class Json(Log):

    def lines(self, daemon):
        """Every line must be one object that jq and Python can read."""
        text = daemon.log()
        self.assertTrue(text.endswith('\n'), text[-80:])
        with open(daemon.logfile, 'rb') as f:
            raw = f.read()
        self.assertFalse(set(raw) & set(range(32)) - {10}, 'control bytes')
        return [json.loads(line, object_pairs_hook=self.once)
                for line in raw.decode().split('\n')[:-1]]

    def once(self, pairs):
        self.assertEqual(len(dict(pairs)), len(pairs), 'a key comes twice')
        return dict(pairs)

    def decisions(self, daemon):
        return [line for line in self.lines(daemon) if 'verdict' in line]

    def test_lines(self):
        """Each kind of line, at every level."""
        with harness.Daemon(self, log='json', log_level='debug') as daemon:
            with self.ready(daemon) as mta:
                mta.mail('u@a.test')
                mta.mail('u@else.test')
                mta.mail('')
                os.rename(os.path.join(self.dir, 'policy.mdb'),
                          os.path.join(self.dir, 'away'))
                daemon.wait_log('restore')
                self.assertTrue(mta.mail('u@a.test').startswith('451 '))
            daemon.stop()
        levels = set()
        for line in self.lines(daemon):
            levels.add(line['level'])
            self.assertRegex(line['time'], r'^20\d\d-\d\d-\d\dT[\d:]{8}Z$')
            self.assertEqual(
                set(line), set(JSON_KEYS) if 'verdict' in line
                else {'time', 'level', 'message'})
        self.assertEqual(levels, {'error', 'warning', 'info', 'debug'})
        denied, passed, none, error = self.decisions(daemon)
        self.assertEqual(
            {k: denied[k] for k in FIELDS[1:]},
            {'verdict': 'reject', 'reason': 'tenant-disabled',
             'login': 'u@a.test', 'mailbox': 'u@a.test', 'tenant': 'acme',
             'client': '192.0.2.1', 'mech': 'PLAIN', 'listener': 'MSA',
             'sender': 's@a.test'})
        self.assertEqual(passed['verdict'], 'allow')
        self.assertIsNone(passed['tenant'])
        self.assertEqual((none['level'], none['verdict']), ('debug', 'pass'))
        self.assertIsNone(none['login'])
        self.assertEqual((error['level'], error['reason']),
                         ('warning', 'store-error'))

    def test_odd_bytes(self):
        """In each of what an MTA sends."""
        places = ('auth_authen', 'auth_type', 'client_addr', 'daemon_name')
        keys = ('login', 'mech', 'client', 'listener', 'sender')
        with harness.Daemon(self, log='json') as daemon:
            with self.ready(daemon) as mta:
                for odd in ODD:
                    mta.mail(odd, sender=b'<' + odd + b'>')
                    mta.mail('u@a.test', **dict.fromkeys(places[1:], odd))
                    mta.mail(odd, sender=odd, **dict.fromkeys(places, odd))
            daemon.stop()
        found = self.decisions(daemon)
        self.assertEqual(len(found), 3 * len(ODD))
        for line in found:
            self.assertEqual(set(line), set(JSON_KEYS), line)
        for number, odd in enumerate(ODD):
            with self.subTest(odd=odd[:40]):
                login, others, every = found[3 * number:3 * number + 3]
                text = odd.decode('utf-8', 'replace')
                for line, key in ((login, 'login'), (login, 'sender'),
                                  (others, 'mech'), (every, 'login')):
                    if len(odd) > 500:
                        self.assertEqual(line[key], '(too long)')
                    elif text.isprintable() and '\ufffd' not in text:
                        self.assertEqual(line[key], text)
                for key in keys:    # shown, or said to be too long
                    self.assertTrue(every[key], key)
        self.assertEqual(found[6]['login'], 'tab\tnew\nline\r@a.test')

    def test_text_lines_have_all_fields(self):
        """The same as key=value."""
        with harness.Daemon(self) as daemon:
            with self.ready(daemon) as mta:
                for odd in ODD:
                    mta.mail(odd, sender=odd, auth_type=odd, client_addr=odd,
                             daemon_name=odd)
            daemon.stop()
        with open(daemon.logfile, 'rb') as f:
            lines = [line for line in f.read().split(b'\n')
                     if b' verdict=' in line]
        self.assertEqual(len(lines), len(ODD))
        for line in lines:
            self.assertEqual(self.fields(line.decode()),
                             ['smtpauth-milter:', *FIELDS], line)
            self.assertTrue(line.decode().isprintable(), line)

    def test_what_turns_the_text_or_is_not_seen(self):
        """No such character reaches the log, and each can be read off it."""
        odd = ('\u202e', '\u200b', '\u00ad', '\ufeff', '\u2066', '\u2069',
               '\u00a0', '\u3000', '\u2028', '\U000e0041', '\ufe0f')
        for target in ('stderr', 'json'):
            with harness.Daemon(self, log=target) as daemon:
                with self.ready(daemon) as mta:
                    for char in odd:
                        name = ('u%su@a.test' % char).encode()
                        self.assertTrue(mta.mail(
                            name, sender=b'<' + name + b'>',
                            daemon_name=name).startswith('550 '), char)
                daemon.stop()
            with open(daemon.logfile, 'rb') as f:
                lines = [line.decode() for line in f.read().split(b'\n')
                         if b'invalid-login' in line]
            self.assertEqual(len(lines), len(odd))
            for line, char in zip(lines, odd):
                with self.subTest(target=target, char=ascii(char)):
                    self.assertTrue(line.isascii(), ascii(line))
                    if target == 'json':
                        login = json.loads(line)['login']
                    else:
                        login = harness.unescape(
                            re.search(r' login=(\S+)', line)[1])
                    self.assertEqual(login, 'u%su@a.test' % char)

    def test_mta_that_chooses_the_macros_itself(self):
        """It negotiates with every connection, and is named once."""
        with harness.Daemon(self) as daemon:
            self.ready(daemon).socket.close()
            for _ in range(5):
                with daemon.connect() as mta:
                    mta.settimeout(harness.TIMEOUT)
                    mta.sendall(bytes.fromhex(
                        '0000000d 4f 00000006 000000ff 001fffff'))
                    self.assertEqual(mta.recv(5)[4:], b'O')
            daemon.stop()
        self.assertEqual(daemon.log().count('choose its macros'), 1)


class Syslog(Log):
    """With a /dev/log of its own, in a mount namespace."""

    def setUp(self):
        super().setUp()
        if not ROOT or not UNSHARE:
            self.skipTest('a /dev/log of its own needs root and unshare '
                          '(package util-linux)')
        self.dev = os.path.join(self.tmp, 'log')

    def receiver(self):
        r = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(r.close)
        r.bind(self.dev)
        r.settimeout(harness.TIMEOUT)
        return r

    def milter(self, **keys):
        """Its /dev is a tmpfs with what it needs, and our socket, if any."""
        daemon = harness.Daemon(self, **{'log': 'syslog', **keys})
        script = ('mount -t tmpfs none /mnt && mkdir -p /mnt/shm && '
                  'touch /mnt/null /mnt/urandom /mnt/log && '
                  'mount --bind /dev/null /mnt/null && '
                  'mount --bind /dev/urandom /mnt/urandom && '
                  'if [ -e "$0" ]; then mount --bind "$0" /mnt/log; '
                  'else rm /mnt/log; fi && '
                  'mount --move /mnt /dev && exec "$@"')
        daemon.argv = [UNSHARE, '--mount', '/bin/sh', '-c', script, self.dev,
                       *daemon.argv]
        return daemon

    def packet(self, receiver):
        """(facility, severity, tag, pid, text) of one line."""
        data = receiver.recv(65536)
        match = re.fullmatch(
            rb'<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d ([\w-]+)\[(\d+)\]: (.*)',
            data.rstrip(b'\0'))     # "." is no newline: the line is one
        self.assertTrue(match, data)
        priority = int(match[1])
        return (priority >> 3, priority & 7, match[2].decode(),
                int(match[3]), match[4].decode())

    def until(self, receiver, word):
        """The lines up to the first one with this word."""
        lines = []
        while not lines or word not in lines[-1][4]:
            lines.append(self.packet(receiver))
        return lines

    def test_lines(self):
        receiver = self.receiver()
        with self.milter(log_level='debug') as daemon:
            lines = self.until(receiver, 'policy database verified')
            with Mta(daemon) as mta:
                mta.mail('u@a.test')
                mta.mail('')
                os.rename(os.path.join(self.dir, 'policy.mdb'),
                          os.path.join(self.dir, 'away'))
                lines += self.until(receiver, 'smtpauthctl restore')
                mta.mail('u@a.test')
            daemon.stop()
            lines += self.until(receiver, 'stopped')
        self.assertEqual(daemon.log(), '')
        severity = {'error': 3, 'warning': 4, 'info': 6, 'debug': 7}
        found = set()
        for facility, level, tag, pid, text in lines:
            self.assertEqual((facility, tag, pid), (
                2, 'smtpauth-milter', daemon.process.pid), text)
            self.assertTrue(text.isprintable(), text)
            if ' verdict=' in text:
                expected = ('debug' if 'verdict=pass' in text else
                            'warning' if 'store-error' in text else 'info')
                self.assertTrue(text.startswith('id='), text)
            else:
                prefix = re.match('(error|warning|debug): ', text)
                expected = prefix[1] if prefix else 'info'
            self.assertEqual(level, severity[expected], text)
            found.add(expected)
        self.assertEqual(found, set(severity))
        denied = [line[4] for line in lines if 'verdict=reject' in line[4]]
        self.assertEqual(len(denied), 1)
        self.assertTrue(denied[0].endswith(
            ' verdict=reject reason=tenant-disabled login=u@a.test '
            'mailbox=u@a.test tenant=acme client=192.0.2.1 mech=PLAIN '
            'listener=MSA sender=s@a.test'), denied[0])

    def test_odd_bytes(self):
        """One datagram a line, however odd or long."""
        receiver = self.receiver()
        with self.milter() as daemon:
            self.until(receiver, 'policy database verified')
            with Mta(daemon) as mta:
                for odd in ODD:
                    mta.mail(odd, sender=odd, auth_type=odd, daemon_name=odd)
                    text = self.packet(receiver)[4]
                    self.assertTrue(text.isprintable(), text)
                    self.assertEqual(self.fields(text), list(FIELDS))

    NO_SYSLOG = (r'^smtpauth-milter: warning: there is no syslog \(/dev/log: '
                 r'.*\): the log goes to standard error')

    def test_without_a_log_socket(self):
        """Standard error has the lines, and the status says so."""
        with self.milter(usage_flush='1') as daemon:
            daemon.wait_log(self.NO_SYSLOG)
            with Mta(daemon) as mta:
                for number in range(100):
                    self.assertIn('disabled', mta.mail('u%d@a.test' % number))
            daemon.wait_log('^smtpauth-milter: id=.* login=u99@a.test ')
            harness.wait_for(lambda: (self.status()['daemon'] or {}).get(
                'log_replaced'), what='word of the log')
            self.assertRegex(self.ctl('status').out,
                             r'(?m)^ +log +standard error: .*/dev/log')
        self.assertEqual(len(re.findall(' login=u', daemon.log())), 100)
        self.assertEqual(daemon.log().count('no syslog'), 1)

    def test_syslog_that_comes_and_goes(self):
        """It may start after us, and restart."""
        with self.milter(usage_flush='1') as daemon, Mta(daemon) as mta:
            daemon.wait_log(self.NO_SYSLOG)
            # the unix socket goes into the /dev that the daemon sees
            os.chdir('/proc/%d/root/dev' % daemon.process.pid)
            self.addCleanup(os.chdir, '/')
            self.dev = 'log'
            receiver = self.receiver()
            mta.mail('u1@a.test')
            lines = self.until(receiver, 'login=u1@a.test')
            self.assertIn('the log goes to syslog again', lines[0][4])
            harness.wait_for(lambda: self.status()['daemon'][
                'log_replaced'] is False, what='word of the log')
            receiver.close()
            mta.mail('u2@a.test')
            daemon.wait_log('^smtpauth-milter: id=.* login=u2@a.test ')
        self.assertNotIn('login=u1@', daemon.log())
        self.assertEqual(daemon.log().count('no syslog'), 2)

    def test_a_failed_start_is_said_to_standard_error_too(self):
        for receiver in self.receiver(), None:
            with self.subTest(syslog=bool(receiver)), socket.create_server(
                    ('127.0.0.1', 0)) as taker:
                at = 'inet:%d@127.0.0.1' % taker.getsockname()[1]
                daemon = self.milter()
                daemon.argv[daemon.argv.index(daemon.socket)] = at
                done = subprocess.run(daemon.argv, stderr=subprocess.PIPE,
                                      timeout=harness.TIMEOUT, env=harness.ENV)
                said = [line for line in done.stderr.decode().splitlines()
                        if 'cannot listen on ' + at in line]
                self.assertEqual((done.returncode, len(said)), (69, 1),
                                 done.stderr)
                self.assertTrue(said[0].startswith('smtpauth-milter: '))
                if receiver:
                    self.until(receiver, 'cannot listen on ' + at)
                    receiver.close()
                    os.remove(self.dev)

    def test_log_socket_that_is_shut(self):
        """Or one whose reader refuses."""
        receiver = self.receiver()
        with self.milter() as daemon:
            self.until(receiver, 'policy database verified')
            with Mta(daemon) as mta:
                receiver.shutdown(socket.SHUT_RD)
                for _ in range(20):
                    self.assertIn('disabled', mta.mail('u@a.test'))
            self.assertIsNone(daemon.process.poll())

    def test_syslog_that_hangs(self):
        """Its socket is full after some lines: nobody reads."""
        receiver = self.receiver()
        with self.milter() as daemon:
            self.until(receiver, 'policy database verified')
            with Mta(daemon) as mta:
                mta.socket.settimeout(PATIENCE)
                sent = 3000
                for number in range(sent):
                    mta.mail('user%d@a.test' % number)
                # and now it reads again: nothing was lost, nor out of order
                for number in range(sent):
                    self.assertIn(' login=user%d@a.test ' % number,
                                  self.packet(receiver)[4])


class Journal(Log):
    """Standard error is the stream that JOURNAL_STREAM names."""

    def run_in(self, stream, log):
        """The lines of a start that fails, with `stream` of standard error."""
        daemon = harness.Daemon(self, log=log)
        with socket.create_server(('127.0.0.1', 0)) as taker, open(
                daemon.logfile, 'wb') as f:
            st = os.fstat(f.fileno())
            daemon.argv[daemon.argv.index(daemon.socket)] = (
                'inet:%d@127.0.0.1' % taker.getsockname()[1])
            subprocess.run(
                daemon.argv, stderr=f, timeout=harness.TIMEOUT,
                env={**harness.ENV, 'JOURNAL_STREAM': stream % (
                    st.st_dev, st.st_ino)})
        return daemon.log().splitlines()

    def test_priorities_and_no_name(self):
        stream, named = '%d:%d', 'smtpauth-milter: error: cannot listen'
        line, = self.run_in(stream, 'stderr')
        self.assertTrue(line.startswith('<3>error: cannot listen'), line)
        for other in '%d:%d0', 'x%d:%d', '':
            line, = self.run_in(other + '%.0s%.0s' * (not other), 'stderr')
            self.assertTrue(line.startswith(named), line)

    def test_json_stays_json(self):
        line, = self.run_in('%d:%d', 'json')
        self.assertEqual(json.loads(line)['level'], 'error')

    def test_each_level(self):
        daemon = harness.Daemon(self, log_level='debug')
        with open(daemon.logfile, 'wb') as f:
            st = os.fstat(f.fileno())
        daemon.argv = ['env', 'JOURNAL_STREAM=%d:%d' % (
            st.st_dev, st.st_ino), *daemon.argv]
        with daemon:
            daemon.wait_log('verified')
            with Mta(daemon) as mta:
                mta.mail('u@a.test')
                mta.mail('')
                os.rename(os.path.join(self.dir, 'policy.mdb'),
                          os.path.join(self.dir, 'away'))
                daemon.wait_log('restore')
        log = daemon.log()
        self.assertNotIn('smtpauth-milter: ', log)
        for regex in ('<3>error: ', '<6>id=.* verdict=reject', '<7>id=.*=pass ',
                      '<6>version '):
            self.assertRegex(log, '(?m)^' + regex)
        self.assertRegex(log, r'\A(<[3467]>[^<].*\n)+\Z')

    def test_bad_configuration(self):
        daemon = harness.Daemon(self, colour='blue')
        with open(daemon.logfile, 'wb') as f:
            st = os.fstat(f.fileno())
            done = subprocess.run(
                daemon.argv, stderr=f, timeout=harness.TIMEOUT,
                env={**harness.ENV, 'JOURNAL_STREAM': '%d:%d' % (
                    st.st_dev, st.st_ino)})
        self.assertEqual(done.returncode, 78)
        self.assertRegex(daemon.log(), r'\A<3>.*colour.*\n\Z')


class Reader(Log):
    """Standard error is a pipe."""

    def start(self, daemon, writer):
        daemon.process = subprocess.Popen(
            daemon.argv, stdin=subprocess.DEVNULL, stdout=writer,
            stderr=writer, env=harness.ENV)
        harness.wait_for(daemon.answers, what='daemon')
        return daemon

    def pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(self.close, reader)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 65536)
        return reader, writer

    def close(self, fd):
        with contextlib.suppress(OSError):
            os.close(fd)

    def collect(self, reader, end):
        """All that comes until a line with this word."""
        data, limit = b'', time.monotonic() + harness.TIMEOUT
        while (data[-1:] != b'\n'
               or end not in data[data[:-1].rfind(b'\n') + 1:]):
            left = max(0, limit - time.monotonic())
            ready = select.select([reader], [], [], left)[0]
            self.assertTrue(ready, 'no %r but %r' % (end, data[-200:]))
            more = os.read(reader, 1 << 20)
            self.assertTrue(more, 'the pipe was closed: %r' % data[-200:])
            data += more
        return data.decode().split('\n')[:-1]

    def flood(self, daemon, size, sender=b'\xff' * 500):
        """Decisions with long lines, some `size` bytes of them; how many."""
        number = sent = 0
        with Mta(daemon) as mta:
            mta.socket.settimeout(PATIENCE)
            while sent < size:
                login = 'user%d@a.test' % number
                self.assertIn('disabled', mta.mail(login, sender=sender))
                number += 1
                sent += 2200
        return number

    def full(self, log, parse):
        reader, writer = self.pipe()
        metrics = os.path.join(self.tmp, 'm.prom')
        daemon = self.start(harness.Daemon(
            self, log=log, usage_flush='1', metrics_file=metrics), writer)
        os.close(writer)
        self.collect(reader, b'verified')
        number = self.flood(daemon, 3 * QUEUE)
        lines = self.collect(reader, b'lost')
        logins = [login for login in map(parse, lines) if login]
        notices = [line for line in lines if ' lost' in line]
        self.assertEqual(len(notices), 1, notices)
        count = int(re.search(r'(\d+) log lines were lost', notices[0])[1])
        harness.wait_for(lambda: lines_lost(metrics) == count,
                         what='%d lost' % count)
        self.assertEqual(len(logins) + count, number)
        self.assertEqual(logins, ['user%d@a.test' % n
                                  for n in range(len(logins))])
        # from now on all is as ever
        with Mta(daemon) as mta:
            mta.mail('last@a.test')
        daemon.process.terminate()
        lines = self.collect(reader, b'stopped')
        self.assertEqual([parse(line) for line in lines],
                         ['last@a.test', None])
        self.assertEqual(daemon.process.wait(harness.TIMEOUT), 0)

    def test_full_pipe(self):
        def login(line):
            self.assertTrue(line.startswith('smtpauth-milter: '), line)
            match = re.search(' login=([^ ]+) ', line)
            return match and match[1]
        self.full('stderr', login)

    def test_full_pipe_json(self):
        self.full('json', lambda line: json.loads(line).get('login'))

    def test_no_write_ends_inside_a_line(self):
        """Or a line of another process could get in there.  A pipe of packets
        keeps apart what was written apart."""
        reader, writer = os.pipe2(os.O_DIRECT)
        self.addCleanup(self.close, reader)
        daemon = self.start(harness.Daemon(self), writer)
        os.close(writer)
        data = os.read(reader, 1 << 20)
        while b' verified' not in data:
            data = os.read(reader, 1 << 20)
        number = self.flood(daemon, QUEUE // 2, sender=b'\xff' * 200)
        while number:
            data = os.read(reader, 1 << 20)
            self.assertEqual(data[-1:], b'\n', data[-80:])
            self.assertTrue(data.startswith(b'smtpauth-milter: '), data[:80])
            number -= data.count(b' login=')

    def test_stop_with_a_full_pipe(self):
        reader, writer = self.pipe()
        daemon = self.start(harness.Daemon(self), writer)
        os.close(writer)
        self.collect(reader, b'verified')
        self.flood(daemon, 200000)
        begin = time.monotonic()
        daemon.process.terminate()
        self.assertEqual(daemon.process.wait(harness.TIMEOUT), 0)
        self.assertLess(time.monotonic() - begin, PATIENCE)

    def test_pipe_that_is_closed(self):
        reader, writer = self.pipe()
        daemon = self.start(harness.Daemon(self), writer)
        os.close(writer)
        self.collect(reader, b'verified')
        os.close(reader)
        self.flood(daemon, 200000)
        daemon.stop()

    def test_descriptor_that_is_closed(self):
        daemon = harness.Daemon(self)
        daemon.argv = ['/bin/sh', '-c', 'exec "$0" "$@" 2>&-', *daemon.argv]
        with daemon:
            self.flood(daemon, 200000)

    def test_non_blocking_descriptor(self):
        """Somebody who shares the pipe has made it so."""
        reader, writer = self.pipe()
        os.set_blocking(writer, False)
        daemon = self.start(harness.Daemon(self), writer)
        self.collect(reader, b'verified')
        number = self.flood(daemon, QUEUE // 2)
        lines = []
        while len(lines) < number:
            lines += self.collect(reader, b'user')
        self.assertEqual(len(lines), number)
        os.close(writer)
        daemon.process.terminate()
        self.collect(reader, b'stopped')

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_full_disk(self):
        """Lines are lost, not cut, and that is said when there is room."""
        folder = os.path.join(self.tmp, 'disk')
        os.mkdir(folder)
        r = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k',
                            'tmpfs', folder], stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no tmpfs here: ' + r.stderr.decode().strip())
        self.addCleanup(subprocess.run, ['umount', folder], check=True)
        metrics = os.path.join(self.tmp, 'm.prom')
        daemon = harness.Daemon(self, usage_flush='1', metrics_file=metrics)
        daemon.logfile = os.path.join(folder, 'log')
        with daemon:
            daemon.wait_log('verified')
            number = self.flood(daemon, 200000)
            # what still waits would fill the disk again
            harness.wait_for(
                lambda: lines_lost(metrics) + daemon.log().count(' login=user')
                >= number, what='each line written or lost')
            os.truncate(daemon.logfile, 0)
            with Mta(daemon) as mta:
                mta.mail('last@a.test')
            match = daemon.wait_log(r'^.*: (\d+) log lines were lost$')
            daemon.wait_log('login=last@a.test .*\n')
            lines = daemon.log().split('\n')
            self.assertTrue(0 < int(match[1]) < number)
            self.assertEqual(lines[0], '', 'the end of the line that was cut')
            # a line of the flood may have waited for the room, too
            self.assertEqual(lines.pop(), '')
            for line in lines[1:]:
                self.assertRegex(line, '^smtpauth-milter: (id=|[a-z0-9])')


if __name__ == '__main__':
    harness.main()
