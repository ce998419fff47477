#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the fault programme at its full size and prints one table of what came
out.  The status is that of the measure: not 0 when a login that the policy
denies has passed, a daemon has crashed, a database was neither good nor
refused, or a part did not come to its end."""

import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ('t_damage.py', 't_kills.py', 't_disk.py', 't_process.py',
         't_replaced.py', 't_clock.py', 't_wire.py')
COLUMNS = (('rounds', 'rounds'), ('asked', 'asked'), ('put_off', 'put off'),
           ('wrongly_allowed', 'wrongly allowed'),
           ('wrongly_denied', 'wrongly denied'), ('crashes', 'crashes'),
           ('verified', 'verify'), ('refused', 'refused'),
           ('neither', 'neither'))
MEASURE = ('wrongly_allowed', 'crashes', 'neither')


def run(report):
    """Run each part, its lines as they come; returns those that failed."""
    env = {**os.environ, 'FAULT_FULL': '1', 'FAULT_REPORT': report}
    failed = []
    for part in PARTS:
        print('# ' + part, flush=True)
        begin = time.monotonic()
        if subprocess.run([sys.executable, os.path.join(HERE, part)],
                          env=env).returncode:
            failed.append(part)
        print('# %s took %.0f s' % (part, time.monotonic() - begin))
    return failed


def line(name, cells):
    return '%-36s' % name + ''.join(
        '%*s' % (max(len(title), 8) + 2, cell)
        for (_, title), cell in zip(COLUMNS, cells))


def table(rows):
    total = {key: sum(row[key] for row in rows) for key, _ in COLUMNS}
    print('\n' + line('fault', [title for _, title in COLUMNS]))
    for row in rows + [{'fault': 'all', **total}]:
        print(line(row['fault'], [row[key] for key, _ in COLUMNS]))
    return total


def main():
    with tempfile.NamedTemporaryFile('r') as report:
        failed = run(report.name)
        total = table([json.loads(row) for row in report])
    if failed:
        print('\nparts that failed: ' + ', '.join(failed))
    sys.exit(1 if failed or any(total[key] for key in MEASURE) else 0)


if __name__ == '__main__':
    main()
