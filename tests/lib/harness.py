# SPDX-License-Identifier: BSD-2-Clause
"""Harness of the black-box tests: runs the real programs in a private
folder and prints TAP.

Programs are looked for below $BUILDDIR (default: the repository root).  A
test file imports this module, derives its classes from Case and ends with
harness.main(); Class or Class.test_name on its command line picks some.
"""

import contextlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDDIR = os.path.abspath(os.environ.get('BUILDDIR', ROOT))
CTL = os.path.join(BUILDDIR, 'policy', 'smtpauthctl')
MILTER = os.path.join(BUILDDIR, 'milter', 'smtpauth-milter')
AUTHD = os.path.join(BUILDDIR, 'milter', 'auth', 'smtpauth-authd')
# Programs that fill a usage database, and print it.
USAGE_FILL = os.path.join(BUILDDIR, 'tests', 'lib', 'usage_fill')
USAGE_DUMP = os.path.join(BUILDDIR, 'tests', 'lib', 'usage_dump')
TIMEOUT = 60
# Sanitizers and the like: the programs are slow, and less of them will do.
SLOW = os.environ.get('TEST_SLOW', '0') not in ('', '0')
# All tests, also those that wait or repeat much.
LONG = os.environ.get('TEST_LONG', '0') not in ('', '0')
# An odd time zone and a plain locale: neither may change any result.
ENV = {**os.environ, 'LC_ALL': 'C', 'TZ': 'XYZ-5:30'}


def encode(word):
    return word.encode() if isinstance(word, str) else word


def unescape(text):
    """What was shown with \\xHH for bytes that are not to be seen."""
    return re.sub(rb'\\x([0-9A-F]{2})',
                  lambda m: bytes([int(m[1], 16)]), text.encode()).decode()


def words(args):
    """The words of a command line, given as one string or one by one."""
    one = len(args) == 1 and isinstance(args[0], str)
    return shlex.split(args[0]) if one else list(args)


def wait_for(condition, timeout=TIMEOUT, what='condition'):
    """Poll until condition() is true, and return what it returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, 'no %s in %g s' % (what, timeout)
        time.sleep(0.02)


def at_length(test):
    """Leaves a test to make check-slow; by its name it can always be run."""
    return test if LONG or sys.argv[1:] else None


def freeze(process):
    """Stop a child with SIGSTOP, and return when none of its threads runs.

    kill(2) returns before they all have seen it: on a busy machine one of them
    can still answer a question.
    """
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


def free_port():
    """A free port, below those that outgoing connections are given."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                return port
            except OSError:
                pass


def settle(path):
    """Makes a file look older: Postfix reads one that was written within the
    last second again and again until that is over."""
    then = time.time() - 10
    os.utime(path, (then, then))


class Result:
    """What one run of a program gave."""

    def __init__(self, argv, process):
        self.argv = [a.decode('utf-8', 'backslashreplace') for a in argv]
        self.rc = process.returncode
        self.raw = process.stdout
        self.out = process.stdout.decode('utf-8', 'backslashreplace')
        self.err = process.stderr.decode('utf-8', 'backslashreplace')
        self.lines = self.out.splitlines()

    def __str__(self):
        lines = ['$ ' + ' '.join(shlex.quote(a[:400]) for a in self.argv)]
        lines += ['  out: ' + line[:2000] for line in self.lines]
        lines += ['  err: ' + line[:2000] for line in self.err.splitlines()]
        return '\n'.join(lines) + '\n  status: %d\n' % self.rc


class Case(unittest.TestCase):
    """A test with a private folder: self.tmp, and self.dir for the state."""

    program = CTL
    given = ('init',)   # commands that make the state folder of every test

    prepared = {}       # by them: a state folder, to be copied

    def setUp(self):
        self.transcript = []
        self.daemons = []
        self.tmp = tempfile.mkdtemp(prefix='smtpauth-')
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)
        self.dir = os.path.join(self.tmp, 'state')
        if self.given:
            self.make_state()

    def make_state(self):
        """What `given` says is done once, and copied for each test that has the same."""
        copy = self.prepared.get(self.given)
        if copy:
            shutil.copytree(copy, self.dir)
            self.transcript.append('# as given: %s\n' % '; '.join(self.given))
            return
        for command in self.given:
            self.ctl(command)
        copy = os.path.join(tempfile.mkdtemp(prefix='smtpauth-given-'), 'state')
        self.prepared[self.given] = shutil.copytree(self.dir, copy)

    def ctl(self, *args, rc=0, stdin='', env=None, **popen):
        """Run smtpauthctl on self.dir; rc: status, several, or None."""
        argv = [self.program, '-d', self.dir, *words(args)]
        argv = [encode(word) for word in argv]
        result = Result(argv, subprocess.run(
            argv, input=encode(stdin), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=TIMEOUT,
            env={**ENV, **(env or {})}, **popen))
        self.transcript.append(str(result))
        if rc is not None:
            expected = rc if isinstance(rc, tuple) else (rc,)
            self.assertIn(result.rc, expected, 'status of\n%s' % result)
        return result

    def jsonl(self, *args, rc=0):
        """Run with --json and parse one object a line."""
        text = self.ctl('--json', *words(args), rc=rc).raw.decode()
        return [json.loads(line) for line in text.splitlines()]

    def json(self, *args, rc=0):
        """Run with --json and parse the one object printed."""
        value = json.loads(self.ctl('--json', *words(args), rc=rc).raw)
        self.assertIsInstance(value, dict)
        return value

    def status(self):
        return self.json('status', rc=(0, 3))

    def digest(self):
        return self.status()['policy_digest']

    def refused(self, args, rc, *expected):
        """The command fails with rc and one line on standard error holding
        the expected words, prints nothing else and changes nothing."""
        before = self.digest()
        if isinstance(args, str):
            args = shlex.split(args)
        result = self.ctl(*map(encode, args), rc=rc)
        self.assertEqual(result.out, '', 'output of\n%s' % result)
        self.assertEqual(len(result.err.splitlines()), 1,
                         'lines on standard error of\n%s' % result)
        for word in ('smtpauthctl: ', *expected):
            self.assertIn(word, result.err, 'message of\n%s' % result)
        self.assertTrue(result.err.startswith('smtpauthctl: '), str(result))
        self.assertEqual(self.digest(), before, 'policy after\n%s' % result)
        return result

    def diagnostics(self):
        """The last commands and the daemons' logs, for a failed test."""
        logs = ['log of the daemon:\n' + d.log() for d in self.daemons]
        return 'last commands:\n' + ''.join(self.transcript[-40:] + logs)


class Daemon:
    """smtpauth-milter on the state of a Case, as a context manager.

    listen is a unix socket's path or None for a free port; keyword
    arguments are configuration keys (on_error='reject'), None leaves a
    default out."""

    def __init__(self, case, listen=None, args=(), **keys):
        self.path = listen
        self.port = None if listen else free_port()
        self.socket = self.socket_postfix = 'unix:%s' % listen
        if self.port:
            self.socket = 'inet:%d@127.0.0.1' % self.port
            self.socket_postfix = 'inet:127.0.0.1:%d' % self.port
        self.process = None
        self.popen = {}
        self.text = ''
        stem = os.path.join(case.tmp, 'milter%d' % len(case.daemons))
        self.conf, self.logfile = stem + '.conf', stem + '.log'
        user = 'root' if os.geteuid() == 0 else None
        with open(self.conf, 'w') as f:
            for key, value in {'log': 'stderr', 'user': user, **keys}.items():
                if value is not None:
                    f.write('%s = %s\n' % (key.replace('_', '-'), value))
        self.argv = [MILTER, '-c', self.conf, '-d', case.dir,
                     '-s', self.socket, *args]
        case.daemons.append(self)
        case.addCleanup(self.kill)

    def start(self):
        with open(self.logfile, 'ab') as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=ENV, **self.popen)
        wait_for(self.answers, what='daemon on %s' % self.socket)
        return self

    def answers(self):
        """Whether the socket takes a connection; fails if it has ended."""
        assert self.process.poll() is None, 'ended with status %d\n%s' % (
            self.process.returncode, self.log())
        with contextlib.suppress(OSError), self.connect():
            return True
        return False

    def connect(self):
        """A new connection to the daemon's socket."""
        if self.port:
            return socket.create_connection(('127.0.0.1', self.port), TIMEOUT)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(TIMEOUT)
        s.connect(self.path)
        return s

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.logfile, errors='backslashreplace') as f:
                self.text = f.read()
        return self.text

    def wait_log(self, regex, timeout=TIMEOUT):
        """Wait until the log matches regex, and return the match."""
        return wait_for(lambda: re.search(regex, self.log(), re.M), timeout,
                        'log line like %r' % regex)

    def stop(self, signum=signal.SIGTERM):
        """End it the polite way: status 0 is asserted."""
        self.process.send_signal(signum)
        assert self.process.wait(TIMEOUT) == 0, 'status %d\n%s' % (
            self.process.returncode, self.log())

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(TIMEOUT)
        self.log()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None and self.process.poll() is None:
            self.stop()
        self.kill()


class Tap(unittest.TestResult):
    """Prints one TAP line a test, and `# ` lines for what went wrong."""

    number = 0
    failed = False

    def problems(self):
        """Take what went wrong since the last call, as one text."""
        found = self.failures + self.errors
        found += [(t, 'unexpected success') for t in self.unexpectedSuccesses]
        self.failures, self.errors, self.unexpectedSuccesses = [], [], []
        return ''.join('%s\n%s\n' % entry for entry in found)

    def line(self, name, problems, directive=''):
        self.number += 1
        self.failed = self.failed or bool(problems)
        print('%sok %d - %s%s' % ('not ' if problems else '', self.number,
                                  name.replace('__main__.', ''), directive))
        for text in problems.splitlines():
            print('# ' + text)
        sys.stdout.flush()

    def stopTest(self, test):
        super().stopTest(test)
        problems = self.problems()
        if problems and hasattr(test, 'transcript'):
            problems += test.diagnostics()
        reason = [r for t, r in self.skipped if t is test]
        self.line(test.id(), problems,
                  ' # SKIP ' + reason[0] if reason and not problems else '')


def main():
    """Run the tests of the calling file and exit."""
    sys.stdout.reconfigure(errors='backslashreplace')
    if not os.access(CTL, os.X_OK):
        print('Bail out! no %s: build first, or set BUILDDIR' % CTL)
        sys.exit(1)
    loader, module = unittest.TestLoader(), sys.modules['__main__']
    suite = loader.loadTestsFromModule(module)
    if sys.argv[1:]:
        suite = loader.loadTestsFromNames(sys.argv[1:], module)
    print('1..%d' % suite.countTestCases())
    result = Tap()
    suite.run(result)
    for copy in Case.prepared.values():
        shutil.rmtree(os.path.dirname(copy))
    outside = result.problems()     # not inside any one test
    if outside:
        result.line('set-up of the file', outside)
    sys.exit(1 if result.failed or result.number == 0 else 0)
