#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Damaged copies of a database under the daemon, when it starts and while it
runs: no login that the policy denies may pass."""

import contextlib
import os
import queue
import struct
import time

import fault
from fault import PAGE, Mta

BRANCH, LEAF = 1, 2
WORD = struct.calcsize('P')
FLAGS_AT = WORD + 2     # in a page's header, behind its number and a pad
NOTICED = 2.0           # seconds: what was written from outside is known
LOOKS = 2.4
FLIPS = 1600
SAMPLE = 30


class Damage(fault.Case):
    """A variant is a name and {offset: bytes} to be written over the good
    file, or a new size."""

    def setUp(self):
        super().setUp()
        path = os.path.join(self.dir, 'policy.mdb')
        self.older = self.read(path)
        for n in range(8):      # they change no answer that is asked for
            self.ctl('mailbox set later%d@open.test --smtp-auth disabled' % n)
        self.good = self.read(path)
        self.pages = len(self.good) // PAGE
        self.assertTrue(self.of_kind(BRANCH))

    def read(self, path):
        with open(path, 'rb') as f:
            return f.read()

    def page(self, n, image=None):
        return (image or self.good)[n * PAGE:(n + 1) * PAGE]

    def of_kind(self, kind):
        return [n for n in range(2, self.pages) if struct.unpack_from(
            '<H', self.page(n), FLAGS_AT)[0] == kind]

    def whole_pages(self):
        for n in range(self.pages):
            other = (n + self.random.randrange(1, self.pages)) % self.pages
            yield 'zeroed', {n: bytes(PAGE)}
            yield 'random', {n: self.random.randbytes(PAGE)}
            yield 'swapped', {n: self.page(other), other: self.page(n)}
            yield 'another', {n: self.page(other)}
            # the page's own number stays that of its place
            yield 'disguised', {n: self.page(n)[:WORD] + self.page(other)[WORD:]}
            old = self.page(n, self.older)
            if old and old != self.page(n):
                yield 'older', {n: old}

    def flipped(self, n, room):
        bit = self.random.randrange(8 * room)
        page = bytearray(self.page(n))
        page[bit // 8] ^= 1 << bit % 8
        return {n: bytes(page)}

    def flips(self):
        branches, leaves = self.of_kind(BRANCH), self.of_kind(LEAF)
        for n in range(FLIPS // 3):
            yield 'flip in a branch', self.flipped(
                branches[n % len(branches)], PAGE)
            yield 'flip in a leaf', self.flipped(leaves[n % len(leaves)], PAGE)
            yield 'flip in a header', self.flipped(
                self.random.choice(branches + leaves), 64)
        for n in range(FLIPS // 12):
            yield 'flip in a meta page', self.flipped(n % 2, 200)

    def variants(self):
        """All of them, or a sample that has some of each kind."""
        every = [(name, {n * PAGE: page for n, page in pages.items()})
                 for source in (self.whole_pages(), self.flips())
                 for name, pages in source]
        every += [('truncated', length) for page in range(self.pages)
                  for length in (page * PAGE, page * PAGE + PAGE // 2)]
        if not fault.FULL:
            self.random.shuffle(every)
            every = every[:SAMPLE]
        todo = queue.SimpleQueue()
        for variant in every:
            todo.put(variant)
        return todo

    def apply(self, path, damage):
        with open(path, 'r+b') as f:
            if isinstance(damage, int):
                f.truncate(damage)
                return
            for offset, content in damage.items():
                f.seek(offset)
                f.write(content)

    def mend(self, path):
        with open(path, 'r+b') as f:
            f.write(self.good)

    def each(self, todo, work):
        with contextlib.suppress(queue.Empty):
            while True:
                name, damage = todo.get_nowait()
                where = '%s at %s' % (name, sorted(damage) if isinstance(
                    damage, dict) else damage)
                work(where, damage)

    def test_at_open(self):
        figures = self.figures('damaged before the start')
        todo = self.variants()

        def run(_):
            site = fault.Site(self)

            def variant(where, damage):
                figures.add('rounds')
                self.mend(site.database)
                self.apply(site.database, damage)
                site.daemon.start()
                with Mta(site.daemon) as mta:
                    site.ask(figures, mta, where)
                site.stop(figures, where)
                os.remove(site.daemon.logfile)
                site.verify(figures, where)
            self.each(todo, variant)
        self.in_threads(run, 4)

    def test_while_running(self):
        figures, todo = self.figures('damaged while running'), self.variants()

        def run(_):
            site = fault.Site(self)
            site.daemon.start()
            with Mta(site.daemon) as mta:
                site.wait_good(mta)
                self.each(todo, lambda *args: self.live(
                    figures, site, mta, *args))
            site.stop(figures)
        self.in_threads(run, fault.size(8, 24))

    def live(self, figures, site, mta, where, damage):
        """What is decided counts from the time on in which it has to be found."""
        figures.add('rounds')
        begin = time.monotonic()
        self.apply(site.database, damage)
        unseen = fault.Figures('')
        while time.monotonic() < begin + NOTICED:
            if site.ask(unseen, mta) == set(fault.ANSWERS):
                break
            time.sleep(0.05)
        while time.monotonic() < begin + LOOKS:
            after = ' after %.3f s' % (time.monotonic() - begin)
            if site.ask(figures, mta, where + after) == set(fault.ANSWERS):
                break
            time.sleep(0.05)
        site.verify(figures, where)
        self.mend(site.database)
        site.wait_good(mta)
        site.ask(figures, mta, 'mended')


if __name__ == '__main__':
    fault.main()
