# SPDX-License-Identifier: BSD-2-Clause
"""How long a change takes, alone and while decisions are made."""

import subprocess
import time

from parts import CTL, median, ours, program, run, table

CONNECTIONS = 8


def change(policy, i):
    start = time.monotonic()
    run(CTL, '-c', policy.config, 'mailbox', 'set',
        'user%08d@t0000000.test' % (i % 10), '--smtp-auth',
        'enabled', '--note', 'change %d' % i)
    return 1000 * (time.monotonic() - start)


def measure(place, options):
    yield '## Write: "mailbox set" while %d connections ask' % CONNECTIONS
    yield ''
    policy = place.policy(1000, 10000) if options.quick else place.policy(
        100000, 1000000)
    n = 20 if options.quick else 100 * options.rounds
    rows = []
    with ours(place, policy, 'unix') as daemon:
        for name, rate in (('none', 0), ('20000/s', 20000)):
            asker = rate and subprocess.Popen(
                [program('bench_load'), daemon.address, str(daemon.pid),
                 str(CONNECTIONS), str(100000000), str(rate),
                 str(policy.tenants), str(policy.mailboxes), '10000'],
                stdout=subprocess.DEVNULL)
            took = sorted(change(policy, i) for i in range(n))
            if asker:
                if asker.poll() is not None:
                    raise RuntimeError('the load has ended')
                asker.kill()
                asker.wait()
            rows.append([name, n, '%.1f' % median(took),
                         '%.1f' % took[int(0.99 * (n - 1))],
                         '%.1f' % took[-1]])
    yield from table(['load', 'changes', 'median, ms', 'p99, ms', 'max, ms'],
                     rows)
