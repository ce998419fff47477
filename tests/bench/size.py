# SPDX-License-Identifier: BSD-2-Clause
"""Bytes of an override, memory with idle connections, and time to start."""

import json
import os
import re
import subprocess
import time

from parts import (MILTER, Running, address, load, noop, ours, program, run,
                   spread, table)

IDLE = 5000


def used(policy):
    """Bytes of the pages in use."""
    stat = json.loads(run(program('bench_stat'), policy.dir))
    return stat['page'] * (stat['branch'] + stat['leaf'] + stat['overflow'])


def resident(pid):
    """Kilobytes in memory, but for mapped databases."""
    total, mapping = 0, ''
    with open('/proc/%d/smaps' % pid) as f:
        for line in f:
            if re.match('[0-9a-f]+-', line):
                mapping = line
            elif line.startswith('Rss:') and '.mdb' not in mapping:
                total += int(line.split()[1])
    return total


def memory(milter, policy, idle):
    """After some load, with that many connections open."""
    load(milter, policy, 8, 2000 if idle < IDLE else 20000)
    with Holder(milter.address, idle):
        return resident(milter.pid)


class Holder:
    """Connections that have negotiated, and say nothing more."""

    def __init__(self, where, n):
        self.where, self.n = where, n

    def __enter__(self):
        self.process = subprocess.Popen(
            [program('bench_idle'), self.where, str(self.n)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.read(1) != b'.':
            raise RuntimeError('connections failed')
        return self

    def __exit__(self, *_):
        self.process.communicate()


def first_decision(place, policy):
    """Seconds from the start of the daemon to its first answer."""
    where = address(place, 'unix', 'first')
    config = policy.configure('conf-first', socket=where)
    start = time.monotonic()
    with Running([MILTER, '-c', config], where) as milter:
        load(milter, policy, 1, 1)
        return time.monotonic() - start


def bytes_rows(place, quick):
    for tenants, mailboxes in ((1000, 10**4),) if quick else (
            (1000, 10**4), (1000, 10**6), (100000, 10**7)):
        bare = place.policy(tenants, 0)
        full = place.policy(tenants, mailboxes)
        size = os.path.getsize(os.path.join(full.dir, 'policy.mdb'))
        yield [mailboxes, '%.1f' % ((used(full) - used(bare)) / mailboxes),
               '%.1f' % (size / mailboxes), '%.1f' % full.import_seconds]


def measure(place, options):
    yield '## Size: bytes, memory, time to start'
    yield ''
    yield from table(['overrides, inserted in no order', 'bytes of pages each',
                      'bytes of the file each', 'import, s'],
                     list(bytes_rows(place, options.quick)))
    yield ''
    idle = 50 if options.quick else IDLE
    policy = place.policy(1000, 10**4)
    with noop(place, 'unix') as nothing, \
            ours(place, policy, 'unix') as daemon:
        them = memory(nothing, policy, idle)
        us = memory(daemon, policy, idle)
    yield from table(['connections', 'no-op, kB', 'ours, kB',
                      'ours - 1.1 no-op, MB'],
                     [[idle, them, us, '%.1f' % ((us - 1.1 * them) / 1024)]])
    yield ''
    policy = place.policy(*((1000, 10**4) if options.quick else
                            (100000, 10**7)))
    starts = [first_decision(place, policy) for _ in range(options.rounds)]
    yield from table(['overrides', 'start to first decision, s'],
                     [[policy.mailboxes, spread(starts)]])
