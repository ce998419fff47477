# SPDX-License-Identifier: BSD-2-Clause
"""What recording usage costs: the daemon with it against the same without."""

from parts import load, ours, pairs, spread, table

CONNECTIONS, ACTIVE = 8, 5000


def measure(place, options):
    yield '## Usage: the daemon with "usage = yes" against "no"'
    yield ''
    policy = place.policy(1000, 10000)
    questions = 1000 if options.quick else 60000

    def ask(milter):
        return lambda _: load(milter, policy, CONNECTIONS, questions,
                              active=ACTIVE)

    with ours(place, policy, 'unix', 'without', usage='no') as without, \
            ours(place, policy, 'unix', 'with') as recording:
        no, yes = pairs(options.rounds, ask(without), ask(recording))
    yield from table(['connections', 'logins', 'rate, yes/no',
                      'processor time above no, us'],
                     [[CONNECTIONS, ACTIVE,
                       spread([y['rate'] / n['rate'] for y, n in zip(yes, no)]),
                       spread([y['cpu_us'] - n['cpu_us']
                               for y, n in zip(yes, no)])]])
