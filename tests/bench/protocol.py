# SPDX-License-Identifier: BSD-2-Clause
"""The daemon against a milter that does nothing, by the milter protocol."""

from parts import load, median, noop, ours, pairs, spread, table

CONNECTIONS = 1, 8, 64, 1000
OPEN = 8, 20000     # connections, questions a second
# Who submits, of all mailboxes; the same ones in a warm-up and all rounds.
ACTIVE = 10000
HEAD = ['policy, who submits', 'socket', 'connections', 'no-op: /s', 'us each',
        'rate, ours/no-op', 'processor time above no-op, us', 'p99, ours/no-op']


def policies(place, quick):
    """Words, policy, and how many submit (0: all)."""
    small = place.policy(10, 0)
    large = place.policy(1000, 10000) if quick else place.policy(100000,
                                                                1000000)
    name = '%d tenants, %d overrides' % (large.tenants, large.mailboxes)
    return (('%d tenants' % small.tenants, small, 0),
            (name + ', %d' % ACTIVE, large, ACTIVE), (name + ', all', large, 0))


def cells(nothing, daemon, policy, active, options, connections, rate=0):
    """What one row says of these connections."""
    questions = 1000 if options.quick else (
        20000 if rate else 15000 if connections == 1 else 40000)

    def ask(milter):
        return lambda _: load(milter, policy, connections, questions, rate,
                              active)

    for milter in nothing, daemon:
        ask(milter)(0)
    them, us = pairs(options.rounds, ask(nothing), ask(daemon))
    return ['%.0f' % median([t['rate'] for t in them]),
            '%.1f' % median([t['cpu_us'] for t in them]),
            spread([u['rate'] / t['rate'] for u, t in zip(us, them)]),
            spread([u['cpu_us'] - t['cpu_us'] for u, t in zip(us, them)]),
            spread([u['p99_us'] / t['p99_us'] for u, t in zip(us, them)])]


def rows(place, options, name, policy, active):
    loops = CONNECTIONS[1:2] if options.quick else CONNECTIONS
    for transport in 'unix', 'tcp':
        with noop(place, transport) as nothing, \
                ours(place, policy, transport) as daemon:
            for connections, rate in [(c, 0) for c in loops] + [OPEN]:
                yield [name, transport, '%d, open: %d/s' % OPEN
                       if rate else connections] + cells(
                           nothing, daemon, policy, active, options,
                           connections, rate)


def measure(place, options):
    yield '## Protocol: against a milter that accepts at MAIL'
    yield ''
    yield from table(HEAD, [row for one in policies(place, options.quick)
                            for row in rows(place, options, *one)])
