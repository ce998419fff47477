# SPDX-License-Identifier: BSD-2-Clause
"""What the fault programme has in common: a policy whose right answers are
known, daemons on it that are asked while a fault holds, and the count of what
they answered.

FAULT_FULL=1 runs the programme at its full size, FAULT_SEED repeats a run, and
FAULT_REPORT names a file to which each part adds its figures (programme.py
prints them)."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

import harness
from mta import Mta

ROOT = os.geteuid() == 0
FULL = os.environ.get('FAULT_FULL', '0') not in ('', '0')
SEED = int(os.environ.get('FAULT_SEED', time.time_ns() % 1000000))
REPORT = os.environ.get('FAULT_REPORT')
PAGE = 4096
PUT_OFF = '451 4.3.0 '
MAILBOXES = 400


def size(small, full):
    """How often something is done."""
    return full if FULL else small


def denied(n):
    """A login that its own setting denies, in a tenant that would pass it."""
    return 'denied%03d@open.test' % n


def allowed(n):
    """A login that its own setting lets pass, in a tenant that is disabled."""
    return 'allowed%03d@shut.test' % n


#: Every kind of login, and whether it may pass.  One whose record is not found
#: would get the other answer.
ANSWERS = {
    **{denied(n): False for n in range(0, MAILBOXES, 37)},
    **{allowed(n): True for n in range(0, MAILBOXES, 67)},
    'any@shut.test': False,
    'any@open.test': True,
    'held@open.test': False,
    'alias-of-denied': False,
    'any@else.test': True,
}


def policy():
    """That policy, for `import`."""
    def line(**keys):
        return json.dumps(keys) + '\n'
    yield line(type='tenant', name='open', domains=['open.test'],
               smtp_auth='enabled')
    yield line(type='tenant', name='shut', domains=['shut.test'],
               smtp_auth='disabled')
    for n in range(MAILBOXES):
        yield line(type='mailbox', address=denied(n), smtp_auth='disabled',
                   note='%03d' % n + 'x' * 150)
        yield line(type='mailbox', address=allowed(n), smtp_auth='enabled',
                   note='%03d' % n + 'y' * 150)
    yield line(type='alias', login='alias-of-denied', mailbox=denied(1))


class Figures:
    """What came out under one fault; many threads may count."""

    def __init__(self, name):
        self.name, self.lock = name, threading.Lock()
        self.counts = dict.fromkeys((
            'rounds', 'asked', 'put_off', 'wrongly_allowed', 'wrongly_denied',
            'crashes', 'verified', 'refused', 'neither'), 0)
        self.examples = []

    def add(self, key, n=1, example=None):
        with self.lock:
            self.counts[key] += n
            if example and len(self.examples) < 20:
                self.examples.append('%s: %s' % (key, example))

    def answer(self, login, answer, may_pass, where=''):
        """Count the answer to a login."""
        self.add('asked')
        what = '%s got %r %s' % (login, answer, where)
        if answer.startswith(PUT_OFF):
            self.add('put_off')
        elif answer in ('a', 'c') and not may_pass:
            self.add('wrongly_allowed', example=what)
        elif answer not in ('a', 'c') and may_pass:
            self.add('wrongly_denied', example=what)

    def database(self, status, where=''):
        """Count what `verify` said of a database."""
        # 75: a map larger than memory, of a meta page with a flipped bit
        word = {0: 'verified', 1: 'refused', 69: 'refused',
                75: 'refused'}.get(status)
        self.add(word or 'neither',
                 example=None if word else 'status %d %s' % (status, where))

    def report(self):
        print('# %s: %s' % (self.name, json.dumps(self.counts)))
        for example in self.examples:
            print('# ' + example)
        if REPORT:
            with open(REPORT, 'a') as f:
                f.write(json.dumps({'fault': self.name, **self.counts}) + '\n')

    def bad(self):
        return {key: self.counts[key] for key in (
            'wrongly_allowed', 'wrongly_denied', 'crashes', 'neither')
            if self.counts[key]}


class Site:
    """A state folder of its own with the policy, here or in a given place, and
    a daemon on it."""

    def __init__(self, case, folder=None, **keys):
        self.case, self.daemons = case, []
        self.tmp = tempfile.mkdtemp(dir=case.tmp)
        self.dir = folder or os.path.join(self.tmp, 'state')
        self.addCleanup = case.addCleanup
        shutil.copytree(case.template, self.dir)
        self.database = os.path.join(self.dir, 'policy.mdb')
        self.daemon = harness.Daemon(
            self, listen=os.path.join(self.tmp, 'socket'),
            **{'usage_flush': '1', 'log_allowed': 'no', **keys})

    def ctl(self, *words, timeout=harness.TIMEOUT, **keys):
        """The status of smtpauthctl; a command that hangs is an error."""
        return subprocess.run(
            [harness.CTL, '-d', self.dir, *words], env=harness.ENV,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=timeout, **keys)

    def verify(self, figures, where=''):
        """Count what `verify` says of the policy database."""
        r = self.ctl('verify')
        figures.database(r.returncode, where + r.stderr.decode())
        return r.returncode

    def ask(self, figures, mta, where='', logins=ANSWERS):
        """Ask for all of these; returns the logins that were put off."""
        late = set()
        for login in logins:
            answer = mta.mail(login)
            figures.answer(login, answer, ANSWERS[login], where)
            if answer.startswith(PUT_OFF):
                late.add(login)
        return late

    def wait_good(self, mta):
        """Wait until the policy decides again."""
        harness.wait_for(
            lambda: mta.mail('any@shut.test').startswith('550 '),
            what='recovery of %s' % self.dir)

    def stop(self, figures, where=''):
        """End the daemon; one that had ended, or ends badly, has crashed."""
        process = self.daemon.process
        if process.poll() is None:
            process.terminate()
        try:
            status = process.wait(harness.TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if status or 'Sanitizer' in self.daemon.log():
            figures.add('crashes', example='status %d %s\n%s' % (
                status, where, self.daemon.log()[-2000:]))


class Asker(threading.Thread):
    """Asks a site's daemon in a thread of its own until told to end; with
    PATIENT, over a new connection when one is lost."""

    def __init__(self, site, figures, patient=False):
        super().__init__()
        self.site, self.figures, self.patient = site, figures, patient
        self.ended, self.asked = threading.Event(), 0
        self.problem = None

    def once(self):
        with Mta(self.site.daemon) as mta:
            while not self.ended.is_set():
                self.site.ask(self.figures, mta, self.site.dir)
                self.asked += 1

    def run(self):
        while not self.ended.is_set():
            try:
                self.once()
            except OSError as e:
                if not self.patient:
                    self.problem = e
                    return
                time.sleep(0.001)
            except Exception as e:  # whatever it is, the test must hear of it
                self.problem = e
                return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            asked = self.asked
            harness.wait_for(lambda: self.problem or self.asked > asked,
                             what='answers')
        self.ended.set()
        self.join()
        if kind is None and self.problem:
            raise self.problem


class Case(harness.Case):
    """Makes the policy once; checks and reports the figures at the end."""

    given = ()

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.template = self.dir
        self.parts = []
        self.ctl('init')
        self.ctl('import', '-', stdin=''.join(policy()))
        self.ctl('mailbox lock held@open.test')

    def figures(self, name):
        self.parts.append(Figures(name))
        return self.parts[-1]

    def tearDown(self):
        for part in self.parts:
            part.report()
        for part in self.parts:
            self.assertEqual(part.bad(), {}, part.name)
            self.assertGreater(part.counts['asked'], 0, part.name)
        super().tearDown()

    def diagnostics(self):
        return 'FAULT_SEED=%d\n' % SEED + super().diagnostics()

    def in_threads(self, work, threads):
        """Run work(number) in so many threads; the first error is raised."""
        problems = []

        def guarded(number):
            try:
                work(number)
            except Exception as e:
                problems.append(e)
        running = [threading.Thread(target=guarded, args=(n,))
                   for n in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        if problems:
            raise problems[0]


@contextlib.contextmanager
def tmpfs(case, path, size):
    """A small disk of its own at PATH; skips the test where there is none."""
    os.makedirs(path, exist_ok=True)
    r = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=' + size, 'tmpfs',
                        path], stderr=subprocess.PIPE)
    if r.returncode:
        case.skipTest('no tmpfs here: ' + r.stderr.decode().strip())
    try:
        yield path
    finally:
        subprocess.run(['umount', path], check=True)


main = harness.main
