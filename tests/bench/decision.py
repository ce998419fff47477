# SPDX-License-Identifier: BSD-2-Clause
"""The decision alone against a bare mdb_get() in the same database."""

import json

from parts import median, program, run, spread, table

SIZES = 10**4, 10**5, 10**6, 10**7
TENANTS = 1000, 100000
HEAD = ['overrides', 'tenants', 'get, ns', 'decision, ns', 'decision/get',
        'with its snapshot/get']


def one(place, tenants, mailboxes, options):
    policy = place.policy(tenants, mailboxes)
    return json.loads(run(program('bench_decide'), policy.dir, tenants,
                          mailboxes, options.rounds,
                          1000 if options.quick else 300000))


def measure(place, options):
    yield '## Decision: against one bare mdb_get()'
    yield ''
    rows = []
    for mailboxes in SIZES[:1] if options.quick else SIZES:
        for tenants in TENANTS:
            if tenants > mailboxes or (tenants, mailboxes) == (TENANTS[0],
                                                               SIZES[-1]):
                continue    # nonsense, or minutes for one more row
            figures = one(place, tenants, mailboxes, options)
            rows.append([mailboxes, tenants,
                         '%.0f' % median(figures['get_ns']),
                         '%.0f' % median(figures['decision_ns']),
                         ratio(figures, 'decision_ns'),
                         ratio(figures, 'with_snapshot_ns')])
    yield from table(HEAD, rows)
    if options.plot:
        plot(rows, options.plot)


def ratio(figures, name):
    return spread([d / g for d, g in zip(figures[name], figures['get_ns'])])


PLOT = """\
set terminal svg size 720,420 font 'sans,13' background 'white'
set output '%s'
set logscale x
set format x '10^{%%T}'
set xlabel 'overrides'
set ylabel 'nanoseconds of processor time'
set yrange [0:*]
set key top left
set grid
plot '-' using 1:2 with linespoints title 'one mdb\\_get()', \
     '-' using 1:2 with linespoints title 'decision, 1,000 tenants', \
     '-' using 1:2 with linespoints title 'decision, 100,000 tenants'
"""


def plot(rows, path):
    """The cost against the size, by gnuplot."""
    lines = ({r[0]: r[2] for r in rows}.items(),
             *([(r[0], r[3]) for r in rows if r[1] == t] for t in TENANTS))
    run('gnuplot', input=PLOT % path + ''.join(
        ''.join('%s %s\n' % point for point in line) + 'e\n'
        for line in lines))
