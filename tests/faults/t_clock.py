#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The clock is set forwards and backwards under the daemon, across what begins
and ends at a time: each answer is that of the time then in force."""

import time
import unittest

import fault
import harness
from fault import Mta
from fake_clock import CC, FakeClock

HOUR, DAY = 3600, 86400
JUMPS = fault.size(300, 3000)
MARGIN = 120    # seconds around each border that no jump leads to


class Clock(fault.Case):

    def setUp(self):
        super().setUp()
        now = int(time.time())
        self.borders = {name: now + ahead for name, ahead in (
            ('until', 6 * HOUR), ('lock', 12 * HOUR), ('enforce', DAY),
            ('tempfail', 2 * DAY))}
        at = {name: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t))
              for name, t in self.borders.items()}
        for words in (
                ['mailbox', 'set', 'once@shut.test', '--smtp-auth', 'enabled',
                 '--until', at['until']],
                ['mailbox', 'set', 'not@open.test', '--smtp-auth', 'disabled',
                 '--until', at['until']],
                ['mailbox', 'lock', 'out@open.test', '--until', at['lock']],
                ['tenant', 'add', 'soon', '--domain', 'soon.test',
                 '--smtp-auth', 'disabled', '--enforce-from', at['enforce'],
                 '--tempfail-until', at['tempfail']]):
            self.ctl(*words)

    def right(self, now):
        """Whether a login may pass at that time."""
        return {'once@shut.test': now < self.borders['until'],
                'not@open.test': now >= self.borders['until'],
                'out@open.test': now >= self.borders['lock'],
                'any@soon.test': now < self.borders['enforce'],
                'any@shut.test': False, 'any@open.test': True}

    def jump(self):
        """Seconds ahead; not next to a border, where a moment would count."""
        while True:
            ahead = self.random.choice((
                0, -DAY, DAY, -40 * DAY, 40 * DAY, -int(time.time()) + DAY,
                self.random.randrange(-3 * DAY, 3 * DAY)))
            now = time.time() + ahead
            if all(abs(now - border) > MARGIN
                   for border in self.borders.values()):
                return ahead

    @unittest.skipIf(harness.SLOW, 'nothing is preloaded before a sanitizer')
    @unittest.skipUnless(CC, 'no C compiler')
    def test_jumps(self):
        figures, site = self.figures('clock set'), fault.Site(self)
        clock = FakeClock(self.tmp)
        clock.preload(site.daemon)
        site.daemon.start()
        longest = 0
        with Mta(site.daemon) as mta:
            site.wait_good(mta)
            for _ in range(JUMPS):
                ahead = self.jump()
                clock.set(ahead)
                figures.add('rounds')
                for login, passes in self.right(time.time() + ahead).items():
                    begin = time.monotonic()
                    figures.answer(login, mta.mail(login), passes,
                                   '%d s ahead' % ahead)
                    longest = max(longest, time.monotonic() - begin)
            clock.set(0)
            self.assertEqual(site.ask(figures, mta), set())
        self.assertLess(longest, 1)
        site.verify(figures)
        site.stop(figures)


if __name__ == '__main__':
    fault.main()
