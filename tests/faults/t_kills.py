#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Kill -9 at random moments of the daemon and of those that write, while
others write and ask: both databases hold, nobody is locked out, no answer is
wrong."""

import os
import signal
import subprocess
import threading
import time

import fault
import harness
from fault import Mta

DAEMONS = fault.size(15, 500)
WRITERS = fault.size(15, 500)
MOST_GROWTH = 256       # pages: what a snapshot left behind would cost more of


class Kills(fault.Case):

    def setUp(self):
        super().setUp()
        self.site = fault.Site(self, usage_flush='1')
        self.rows = os.path.join(self.tmp, 'rows.csv')
        with open(self.rows, 'w') as f:
            f.write('address,smtp_auth,note\n' + ''.join(
                'row%d@open.test,disabled,%s\n' % (n, 'z' * 100)
                for n in range(300)))

    def command(self, n):
        """Commands that write much and little; none changes an answer."""
        return (['mailbox', 'set', 'noise%d@open.test' % (n % 50),
                 '--smtp-auth', 'disabled', '--note', str(n)],
                ['import', self.rows],
                ['mailbox', 'remove', 'row%d@open.test' % (n % 300)],
                ['tenant', 'set', 'shut', '--note', str(n)],
                ['usage', 'prune'])[n % 5]

    def write(self, n):
        return subprocess.Popen(
            [harness.CTL, '-d', self.site.dir, *self.command(n)],
            env=harness.ENV, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def write_on(self, end):
        n = 0
        while not end.is_set():
            self.write(n).wait(harness.TIMEOUT)
            n += 1

    def usage_holds(self, figures, where):
        """The usage database can be read from its beginning to its end."""
        r = subprocess.run([harness.USAGE_DUMP, self.site.dir], timeout=60,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        figures.database(r.returncode, 'usage ' + where + r.stderr.decode())

    def logins(self, mta, n):
        """What makes the daemon write."""
        for i in range(200):
            mta.mail('user%d-%d@else.test' % (n, i))

    def test_daemon(self):
        figures = self.figures('daemon killed')
        end, site = threading.Event(), self.site
        writer = threading.Thread(target=self.write_on, args=(end,))
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(end.set)
        with fault.Asker(site, figures, patient=True):
            for n in range(DAEMONS):
                site.daemon.start()
                with Mta(site.daemon) as mta:
                    self.logins(mta, n)
                    site.ask(figures, mta)
                # a flush of usage is within the second
                time.sleep(self.random.choice((0.02, 1.1))
                           * self.random.random())
                if site.daemon.process.poll() is not None:
                    figures.add('crashes', example=site.daemon.log()[-2000:])
                site.daemon.process.send_signal(signal.SIGKILL)
                site.daemon.process.wait()
                figures.add('rounds')
                site.verify(figures)
                self.usage_holds(figures, 'round %d' % n)
            site.daemon.start()
        end.set()
        writer.join()
        self.no_slot_is_left(figures)

    def no_slot_is_left(self, figures):
        """A snapshot of one that was killed would hold all later pages."""
        before = os.path.getsize(self.site.database)
        for n in range(60):
            self.assertEqual(self.write(5 * n).wait(harness.TIMEOUT), 0)
        grown = os.path.getsize(self.site.database) - before
        self.assertLess(grown // fault.PAGE, MOST_GROWTH)
        with Mta(self.site.daemon) as mta:
            self.site.wait_good(mta)
            late = self.site.ask(figures, mta)
        self.assertEqual(late, set())
        self.site.stop(figures)

    def test_writers(self):
        figures, site = self.figures('writers killed'), self.site
        site.daemon.start()
        ended, length = 0, 0.01
        with fault.Asker(site, figures):
            for n in range(WRITERS):
                process = self.write(n)
                time.sleep(self.random.uniform(0, length))
                process.send_signal(signal.SIGKILL)
                done = process.wait() == 0
                ended += done
                length = min(max(length * (0.9 if done else 1.1), 0.001), 0.2)
                figures.add('rounds')
                site.verify(figures)
        self.usage_holds(figures, 'at the end')
        self.assertGreater(ended, 0)
        self.assertLess(ended, WRITERS)
        self.no_slot_is_left(figures)


if __name__ == '__main__':
    fault.main()
