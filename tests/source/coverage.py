#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints which lines of policy/ and milter/ ran, by folder, and which did not.

usage: coverage.py BUILDDIR SRCDIR GCOV

Status 1 when a folder, with all below it, is under its floor.  A line counts
as run when it ran in any program that it was compiled into.
"""

import collections
import json
import os
import subprocess
import sys

FLOORS = {'policy': 95, 'milter': 85}


def objects(builddir):
    """What the compiler has noted of every object, below BUILDDIR."""
    for folder, _, names in os.walk(builddir):
        yield from (os.path.join(folder, n) for n in names
                    if n.endswith('.gcno'))


def counts(builddir, srcdir, gcov):
    """{file below SRCDIR: {line: how often it ran}}, of the product."""
    found = collections.defaultdict(dict)
    run = subprocess.run(
        [gcov, '--stdout', '--json-format', *sorted(objects(builddir))],
        cwd=builddir, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        sys.exit('gcov: %s' % run.stderr.decode(errors='replace')[-2000:])
    for document in map(json.loads, run.stdout.splitlines()):
        for file in document['files']:
            path = os.path.join(document['current_working_directory'],
                                file['file'])
            path = os.path.relpath(os.path.realpath(path), srcdir)
            if path.split(os.sep)[0] in FLOORS:
                lines = found[path]
                for line in file['lines']:
                    number = line['line_number']
                    lines[number] = max(lines.get(number, 0), line['count'])
    return found


def ranges(lines):
    """'3-5 9' of the lines that did not run; what lies between two of them
    and is no code joins them."""
    parts, first, last = [], None, None
    for number in sorted(lines) + [None]:
        if number is not None and lines[number] == 0:
            first, last = first or number, number
        elif first is not None:
            parts.append(str(first) if first == last
                         else '%d-%d' % (first, last))
            first = None
    return ' '.join(parts)


class Total:
    def __init__(self):
        self.lines = self.run = 0

    def add(self, lines):
        self.lines += len(lines)
        self.run += sum(count > 0 for count in lines.values())

    def percent(self):
        return 100 * self.run / self.lines if self.lines else 100

    def __str__(self):
        return '%6d %6d %6.1f %%' % (self.lines, self.run, self.percent())


def main():
    builddir, srcdir, gcov = sys.argv[1:]
    found = counts(builddir, os.path.realpath(srcdir), gcov)
    folders = collections.defaultdict(Total)
    files = collections.defaultdict(Total)
    roots = {root: Total() for root in FLOORS}
    for path, lines in found.items():
        root = path.split(os.sep)[0]
        for total in (folders[os.path.dirname(path)], files[path],
                      roots[root]):
            total.add(lines)

    print('lines that did not run:')
    for path in sorted(found):
        if files[path].run < files[path].lines:
            print('  %s: %s' % (path, ranges(found[path])))
    print('\nfiles below the floor of their folder:')
    for path, total in sorted(files.items()):
        if total.percent() < FLOORS[path.split(os.sep)[0]]:
            print('  %-36s %s' % (path, total))
    print('\n%-22s %6s %6s %8s' % ('folder', 'lines', 'run', ''))
    for path, total in sorted(folders.items()):
        print('%-22s %s' % (path, total))
    failed = False
    for root, total in roots.items():
        low = total.lines == 0 or total.percent() < FLOORS[root]
        failed = failed or low
        print('%-22s %s, floor %d %%%s' % (
            root + ' in all', total, FLOORS[root], ': TOO LOW' if low else ''))
    sys.exit(1 if failed else 0)


main()
