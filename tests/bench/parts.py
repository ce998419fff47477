# SPDX-License-Identifier: BSD-2-Clause
"""What the benchmarks are made of: a place for files, policies, milters that
run, and figures in pairs."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

import harness

CTL, MILTER = harness.CTL, harness.MILTER


def program(name):
    return os.path.join(harness.BUILDDIR, 'tests', 'bench', name)


def run(*command, **popen):
    """Run a command that must succeed, and return what it prints."""
    return subprocess.run([str(word) for word in command], check=True,
                          stdout=subprocess.PIPE, text=True, **popen).stdout


class Place:
    """A temporary folder, and the policies made in it, by their size."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='smtpauth-bench-')
        os.chmod(self.dir, 0o755)   # a mail server has to reach the sockets
        self.policies = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def policy(self, tenants, mailboxes):
        """A state folder with that policy, made when it is asked for first."""
        key = tenants, mailboxes
        if key not in self.policies:
            self.policies[key] = Policy(self, *key)
        return self.policies[key]


class Policy:
    """tenants and mailboxes as bench_policy prints them, imported."""

    def __init__(self, place, tenants, mailboxes):
        self.tenants, self.mailboxes = tenants, mailboxes
        self.dir = place.path('state-%d-%d' % (tenants, mailboxes))
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        self.config = self.configure()
        rows = place.path('rows')
        with open(rows, 'w') as out:
            subprocess.run([program('bench_policy'), str(tenants),
                            str(mailboxes)], check=True, stdout=out)
        run(CTL, '-c', self.config, 'init')
        start = time.monotonic()
        run(CTL, '-c', self.config, 'import', rows)
        self.import_seconds = time.monotonic() - start
        os.unlink(rows)

    def configure(self, name='conf', **keys):
        path = os.path.join(self.dir, name)
        if os.geteuid() == 0:   # or an account that is not there is looked for
            keys.setdefault('user', 'root')
        keys = {'state-dir': self.dir, 'log': 'stderr', 'log-allowed': 'no',
                'usage': 'yes', **keys}
        with open(path, 'w') as out:
            out.writelines('%s = %s\n' % item for item in keys.items())
        return path


class Running:
    """A milter at a socket, from its start until it listens to its end."""

    def __init__(self, command, address):
        self.address = address
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        harness.wait_for(self.listens, what='milter at ' + address)

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError('no milter at %s' % self.address)
        unix = self.address.startswith('unix:')
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as s:
            try:
                s.connect(self.address[5:] if unix else
                          ('127.0.0.1', int(self.address[5:].split('@')[0])))
            except OSError:
                return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def address(place, transport, name):
    if transport == 'unix':
        return 'unix:' + place.path(name)
    return 'inet:%d@127.0.0.1' % harness.free_port()


def noop(place, transport):
    where = address(place, transport, 'noop')
    return Running([program('bench_noop'), where], where)


def ours(place, policy, transport, name='ours', **keys):
    where = address(place, transport, name)
    config = policy.configure('conf-%s-%s' % (name, transport), socket=where,
                              **keys)
    return Running([MILTER, '-c', config], where)


def load(milter, policy, connections, questions, rate=0, active=0, seed=1):
    return json.loads(run(program('bench_load'), milter.address, milter.pid,
                          connections, questions, rate, policy.tenants,
                          policy.mailboxes, active, seed))


def median(values):
    return statistics.median(values)


def spread(values, form='%.2f'):
    """Median (least to most)."""
    return ('%s (%s to %s)' % (form, form, form)) % (
        median(values), min(values), max(values))


def pairs(rounds, one, other):
    """Call both in turn, the first one changing; return both lists."""
    ones, others = [], []
    for i in range(rounds):
        if i % 2:
            others.append(other(i))
        ones.append(one(i))
        if i % 2 == 0:
            others.append(other(i))
    return ones, others


def table(head, rows):
    """Lines of a table of Markdown, aligned."""
    rows = [[str(cell) for cell in row] for row in [head] + rows]
    width = [max(len(row[i]) for row in rows) for i in range(len(head))]
    rows.insert(1, ['-' * n for n in width])
    return ['| %s |' % ' | '.join(cell.ljust(n) for cell, n in zip(row, width))
            for row in rows]
