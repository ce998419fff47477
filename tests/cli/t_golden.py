#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What every command of smtpauthctl prints, compared with golden/*.txt.

Each file is a scenario and its record.  It is read line by line:

    # TEXT      a comment
    % COMMAND   a shell command that prepares something.  Besides: daemon
                [KEY=VALUE], ask LOGIN..., and stop
    %> COMMAND  one whose standard output is recorded
    $ WORDS     the words after "smtpauthctl -d state"; what it did follows:
    < TEXT      a line of its standard input, or of that of a shell command
    > TEXT      a line of its standard output
    ! TEXT      a line of its standard error
    = N         its exit status

In $, % and < lines {now-50h} stands for the time 50 hours ago, in seconds,
{1b} for a byte, <tmp> for the folder in which it all happens, and <hash 2> for
the second hash that was printed.  All else that differs from run to run is
masked, see Masks.  A carriage return is shown as U+240D, blanks at the end of
a line as U+2420 and how many, and a last line without an end has U+2403 there.

GOLDEN_UPDATE=1 writes the record anew.
"""

import calendar
import contextlib
import difflib
import os
import pwd
import re
import shlex
import socket
import subprocess
import time
import unittest

import harness
from mta import Mta

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'golden')
NAMES = sorted(name[:-4] for name in os.listdir(GOLDEN)
               if name.endswith('.txt'))
UPDATE = os.environ.get('GOLDEN_UPDATE') == '1'
HOUR, DAY = 3600, 86400
EXAMPLE = '2026-12-01T09:00:00Z'    # in messages
NO_UID = 2 ** 32 - 1
# In --help: its words, then a capital, a bracket, a minus or a second blank.
COMMAND = re.compile(r'  ([A-Za-z][\w-]*(?: \[?[a-z][a-z-]*\]?(?= ))*)'
                     r'(?=  | [A-Z[-])')


def who():
    """What audit list has for the one who runs the test."""
    login = NO_UID
    with contextlib.suppress(OSError), open('/proc/self/loginuid') as f:
        login = int(f.read())
    name = pwd.getpwuid(os.getuid()).pw_name
    if login in (NO_UID, os.getuid()):
        return name
    return '%s (%s)' % (name, pwd.getpwuid(login).pw_name)


def number_of(word, known):
    if word not in known:
        known.append(word)
    return known.index(word) + 1


class Masks:
    """Fixed words for what differs from run to run.  Words in tables are as
    wide as what they stand for."""

    def __init__(self, folder):
        self.folder = folder
        self.start = int(time.time())
        self.hashes, self.keys = [], []

    def __call__(self, text):
        text = text.replace(self.folder, '<tmp>')
        for regex, mask in (
                (r'\b[0-9a-f]{64}\b', self.hash),
                (r'\b[0-9a-f]{16}\b', self.key),
                (r'\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ', self.time),
                (r'(?<=^counts before )\d{4}-\d\d-\d\d', self.date),
                (r'\b[12]\d{9}\b', self.seconds),
                (r'("pid":|\bpid )\d+', r'\1<pid>'),
                (r'(smtpauthctl |version |"version":")\d+\.\d+\.[0-9a-z.]+',
                 r'\1<version>'),
                (r'(?<= )\[[0-9a-z]{10}\](?="|$)', '[<id>]'),
                (r'("(login_)?uid":)(\d+|null)', r'\1<uid>'),
                (r'("host":")%s"' % re.escape(socket.gethostname()),
                 r'\1<host>"')):
            text = re.sub(regex, mask, text, flags=re.M)
        return self.user(text)

    def hash(self, match):
        return '<hash %d>' % number_of(match[0], self.hashes)

    def key(self, match):
        """The id of a signing key, or how a digest begins."""
        return '<key %d>' % number_of(match[0], self.keys)

    def time(self, match):
        """A time within a year around now, as its distance in hours."""
        t = calendar.timegm(time.strptime(match[0], '%Y-%m-%dT%H:%M:%SZ'))
        hours, rest = divmod(t - self.start, HOUR)
        if (abs(hours) > 400 * 24 or rest > time.time() - self.start
                or match[0] == EXAMPLE):
            return match[0]
        word = 'now%+dh' % hours if hours else 'now'
        return ('<%s>' % word).ljust(len(match[0]), '.')

    @staticmethod
    def date(match):
        """What usage-retention leaves begins with a day."""
        t = calendar.timegm(time.strptime(match[0], '%Y-%m-%d'))
        return '<today%+dd>' % (t // DAY - int(time.time()) // DAY)

    def seconds(self, match):
        """The serial of a snapshot is the time."""
        now = self.start <= int(match[0]) <= time.time() + 10
        return '<serial>' if now else match[0]

    @staticmethod
    def user(text):
        """In the table of audit list, and in audit show; in that of locks,
        --actor stands."""
        name = who()
        text = re.sub('(?m)^(user {2,})%s$' % re.escape(name), r'\1root',
                      text)
        lines = text.split('\n')
        if name == 'root' or not lines[0].startswith('NUMBER  WHEN '):
            return text
        at = lines[0].index('USER')
        return '\n'.join(
            line[:at] + line[at:at + len(name)].replace(
                name, 'root').strip().ljust(4) + line[at + len(name):]
            if line else '' for line in lines)

    def fill(self, line):
        """The bytes that a line of a scenario stands for."""
        line = re.sub(r'\{now(?:([+-]\d+)h)?\}', lambda m: str(
            self.start + HOUR * int(m[1] or 0)), line)
        line = re.sub(r'<hash (\d+)>',
                      lambda m: self.hashes[int(m[1]) - 1], line)
        line = line.replace('<tmp>', self.folder)
        return re.sub(rb'\{([0-9a-f]{2})\}', lambda m: bytes([int(m[1], 16)]),
                      line.encode())


def lines_of(mark, text):
    """Each line of an output with its mark."""
    text = text.replace('\r', '\u240d')
    if text and not text.endswith('\n'):
        text += '\u2403\n'
    text = re.sub(' +$', lambda m: '\u2420\xd7%d' % len(m[0]), text, flags=re.M)
    return [(mark + ' ' + line).rstrip(' ') for line in text.split('\n')[:-1]]


class Scenario:
    """The lines of a file, as steps: a line as it is, or with what follows."""

    def __init__(self, name):
        self.path = os.path.join(GOLDEN, name + '.txt')
        with open(self.path, encoding='utf-8') as f:
            self.text = f.read()
        self.steps = []
        for line in self.text.split('\n')[:-1]:
            if line[:1] == '<':
                self.steps[-1][1].append(line)
            elif line[:1] not in ('>', '!', '='):
                self.steps.append((line, []))

    def play(self, case):
        """The text of the file as it should be."""
        lines = []
        for line, given in self.steps:
            lines += [line, *given]
            text = ''.join(g[2:] + '\n' for g in given)
            if line.startswith(('% ', '%> ')):
                lines += case.prepare(*line.split(' ', 1), text)
            elif line.startswith('$'):
                lines += case.command(line[1:], text)
        return '\n'.join(lines) + '\n'


class Golden(harness.Case):

    given = ()

    def setUp(self):
        super().setUp()
        self.masks = Masks(self.tmp)
        self.env = {**harness.ENV, 'PATH': ':'.join((
            os.path.dirname(harness.CTL), os.path.dirname(harness.USAGE_FILL),
            os.environ['PATH']))}
        self.daemon = None

    def prepare(self, mark, command, text):
        """A % line; returns its record, where one is wanted."""
        word, *words = shlex.split(command)
        if word == 'daemon':
            self.daemon = harness.Daemon(
                self, self.tmp + '/socket', usage_flush=1,
                **dict(word.split('=') for word in words)).start()
            self.ask()
        elif word == 'ask':
            self.ask(*words)
        elif word == 'stop':
            self.daemon.stop()
        else:
            done = subprocess.run(
                self.masks.fill(command), shell=True, cwd=self.tmp,
                input=self.masks.fill(text), stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=self.env)
            self.assertEqual(done.returncode, 0, '%s\n%s' % (
                command, done.stderr.decode('utf-8', 'backslashreplace')))
            if mark == '%>':
                return lines_of('>', self.masks(done.stdout.decode()))
        return []

    def ask(self, *logins):
        """Submissions, until the daemon has told of them."""
        with Mta(self.daemon) as mta:
            for login in logins:
                mta.mail(login)
        harness.wait_for(lambda: self.told() == [len(logins)] * 2,
                         what='heartbeat with all submissions')

    def told(self):
        """How many decisions of a verified policy, and how many recorded
        submissions, the heartbeat has."""
        daemon = self.json('status', rc=(0, 3))['daemon']
        if daemon and daemon['policy'] == 'good':
            return [sum(daemon[key] for key in (
                'allowed', 'reported', 'tempfailed', 'rejected')),
                    daemon['usage_recorded']]
        return None

    def command(self, words, text):
        """A $ line; returns its record."""
        argv = [self.masks.fill(word) for word in shlex.split(words)]
        result = self.ctl('-d', 'state', *argv, rc=None, env=self.env,
                          stdin=self.masks.fill(text), cwd=self.tmp)
        return [*lines_of('>', self.masks(result.out)),
                *lines_of('!', self.masks(result.err)), '= %d' % result.rc]

    def compare(self, name):
        scenario = Scenario(name)
        text = scenario.play(self)
        self.transcript.clear()     # the difference says it all
        if UPDATE:
            with open(scenario.path, 'w', encoding='utf-8') as f:
                f.write(text)
        elif text != scenario.text:
            self.fail('not as recorded (GOLDEN_UPDATE=1 records it):\n'
                      + '\n'.join(difflib.unified_diff(
                          scenario.text.split('\n'), text.split('\n'),
                          name + '.txt', 'now', lineterm='')))


def test_of(name):
    return lambda self: self.compare(name)


for _name in NAMES:
    setattr(Golden, 'test_' + _name, test_of(_name))
if os.geteuid() != 0:
    Golden.test_doctor = unittest.skip(
        'the doctor sees all of a site as root only')(Golden.test_doctor)


class Complete(harness.Case):
    """The scenarios have each command, in all forms and with all options."""

    given = ()

    def setUp(self):
        super().setUp()
        self.lines = []
        for name in NAMES:
            for line, _given in Scenario(name).steps:
                if line.startswith('$'):
                    self.lines.append(shlex.split(line[1:]))

    def groups(self):
        for line in self.ctl('--help').lines:
            if re.match('  [A-Za-z]', line):
                yield from line.strip().split('  ')[0].split(' | ')

    def commands(self):
        """The words of each command, and its options."""
        found = []
        for group in self.groups():
            for line in self.ctl(group, '--help').lines:
                name = COMMAND.match(line)
                if name:
                    found.append((re.sub(r' \[.*', '', name[1]).split(), []))
                elif line.startswith('      -'):
                    found[-1][1].append(line.split()[0])
        self.assertGreater(len(found), 50)
        self.transcript.clear()
        return found

    def test_help(self):
        for group in self.groups():
            self.assertIn([group, '--help'], self.lines)

    def test_commands(self):
        for words, options in self.commands():
            used = [line for line in self.lines
                    if ' '.join(words) in ' '.join(line)]
            seen = {word for line in used for word in line}
            with self.subTest(' '.join(words)):
                self.assertIn('--json', seen)
                self.assertEqual(set(options) - seen, set())
                self.assertTrue([u for u in used if '--json' not in u])


if __name__ == '__main__':
    harness.main()
