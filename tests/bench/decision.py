# SPDX-License-Identifier: BSD-2-Clause
"""The decision alone against a bare mdb_get() in the same database."""

import json

from parts import median, program, run, spread, table

SIZES = 10**4, 10**5, 10**6, 10**7
TENANTS = 1000, 100000
HEAD = ['overrides', 'tenants', 'get, ns', 'decision, ns',
        'decision/get']


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
            if tenants > mailboxes:
                continue
            figures = one(place, tenants, mailboxes, options)
            ratio = [d / g for d, g in zip(figures['decision_ns'],
                                           figures['get_ns'])]
            rows.append([mailboxes, tenants,
                         '%.0f' % median(figures['get_ns']),
                         '%.0f' % median(figures['decision_ns']),
                         spread(ratio)])
    yield from table(HEAD, rows)
    if not options.quick and options.output:
        with open(options.output + '.cost', 'w') as out:
            out.writelines('%s %s %s %s\n' % tuple(r[:4])
                           for r in rows)
