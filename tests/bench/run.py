#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmarks: make bench, or BUILDDIR=. tests/bench/run.py [--quick]
[--rounds N] [--output FILE] [--plot FILE.svg] [PART]...

Parts (all of them without a word): protocol decision usage postfix
size write.
Each measures against something else in the same run, in pairs one after the
other, and prints a table of medians; compare ratios and not times.  --quick
is a try that everything works, not a measurement."""

import argparse
import datetime
import os
import platform
import shutil
import subprocess
import sys

from parts import Place
import decision
import postfix
import protocol
import size
import usage
import write

PARTS = {'protocol': protocol.measure, 'decision': decision.measure,
         'usage': usage.measure, 'postfix': postfix.measure,
         'size': size.measure, 'write': write.measure}


def machine():
    """What the figures were measured on."""
    with open('/proc/cpuinfo') as f:
        model = [line.split(':')[1].strip() for line in f
                 if line.startswith('model name')]
    versions = subprocess.run(      # of what Debian has of them here
        ['dpkg-query', '-W', '-f', '${Package} ${Version}, ', 'libmilter1.0.1',
         'liblmdb0', 'postfix'], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL).stdout.strip(', ') if shutil.which(
            'dpkg-query') else 'versions not known'
    return '%s, %d processors %s, Linux %s, %s' % (
        datetime.date.today(), os.cpu_count(),
        model[0] if model else platform.machine(), platform.release(),
        versions)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('part', nargs='*', metavar='PART')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--output', metavar='FILE')
    parser.add_argument('--plot', metavar='FILE.svg')
    options = parser.parse_args()
    if options.plot and shutil.which('gnuplot') is None:
        parser.error('--plot needs gnuplot')
    lines = [machine(), '']
    with Place() as place:
        for part in options.part or PARTS:
            for line in PARTS[part](place, options):
                print(line, flush=True)
                lines.append(line)
            print(flush=True)
            lines.append('')
    if options.output:
        with open(options.output, 'w') as out:
            out.writelines(line + '\n' for line in lines)


if __name__ == '__main__':
    sys.exit(main())
