#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ARCHITECTURE.md shows the rooms there are, and names what there is."""

import os
import re
import unittest

import harness


def read(path):
    with open(os.path.join(harness.ROOT, path), encoding='utf-8') as f:
        return f.read()


def rooms(top):
    """Folders with C files below TOP."""
    for folder, _, names in os.walk(os.path.join(harness.ROOT, top)):
        if any(name.endswith('.c') for name in names):
            yield os.path.relpath(folder, harness.ROOT) + '/'


class Architecture(unittest.TestCase):

    def setUp(self):
        self.page = read('ARCHITECTURE.md')

    def test_each_room_has_its_line(self):
        lines = re.findall(r'(?m)^\| `((?:milter|policy)/[^`]*)` \|', self.page)
        self.assertEqual(sorted(lines),
                         sorted([*rooms('milter'), *rooms('policy')]))

    def test_each_room_answers_a_question(self):
        rows = re.findall(r'(?m)^\| (`.*`) \| (.*) \|$', self.page)
        self.assertGreater(len(rows), 20)
        self.assertEqual([room for room, answer in rows if '?' not in answer], [])

    def test_rooms_stand_on_those_below(self):
        rows = re.findall(r'(?m)^\| `((?:milter|policy)/[^`]*)` \|', self.page)
        for number, room in enumerate(rows):
            folder = os.path.join(harness.ROOT, room)
            code = ''.join(read(os.path.join(folder, name))
                           for name in os.listdir(folder)
                           if name.endswith(('.c', '.h')))
            used = re.findall(r'#include "((?:milter|policy)/(?:.*/)?)', code)
            self.assertTrue(used, room)
            self.assertEqual(set(used) & set(rows[:number]), set(), room)

    def test_files_exist(self):
        paths = re.findall(r'`((?:milter|policy|tests)/[^`]*)`', self.page)
        self.assertGreater(len(paths), 40)
        for path in paths:
            self.assertTrue(os.path.exists(os.path.join(harness.ROOT, path)), path)

    def test_functions_are_where_it_says(self):
        pairs = re.findall(
            r'`(\w+)\(\)` \(`((?:milter|policy)/[^`]*)`', self.page)
        self.assertGreater(len(pairs), 6)
        for function, path in pairs:
            where = os.path.join(harness.ROOT, path)
            code = ''.join(read(os.path.join(where, name)) for name in
                           os.listdir(where) if name.endswith('.c')
                           ) if os.path.isdir(where) else read(path)
            self.assertRegex(code, r'(?m)^%s\(' % function, path)

    def test_functions_are_defined(self):
        code = ''
        for room in {*rooms('milter'), *rooms('policy')}:
            folder = os.path.join(harness.ROOT, room)
            for name in os.listdir(folder):
                if name.endswith('.c'):
                    code += read(os.path.join(folder, name))
        names = set(re.findall(r'`(\w+)\(\)`', self.page))
        self.assertGreater(len(names), 30)
        defined = set(re.findall(r'(?m)^(\w+)\(', code))
        self.assertEqual(names - defined, set())


if __name__ == '__main__':
    harness.main()
