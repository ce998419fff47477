#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What befalls processes: no more descriptors, storms of signals, readers that
are killed, writers that are stopped, a lock file that cannot be written."""

import contextlib
import errno
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import time
import unittest

import fault
import harness
from fault import Mta

NOBODY = 65534
SIGNALS = (signal.SIGCONT, signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD)


class Descriptors(fault.Case):

    def begin(self, fault_name):
        """A site that runs; figures, and what it may have of descriptors."""
        figures, site = self.figures(fault_name), fault.Site(self)
        site.daemon.start()
        self.soft, self.hard = resource.prlimit(site.daemon.process.pid,
                                                resource.RLIMIT_NOFILE)
        return figures, site

    def limit(self, site, n):
        resource.prlimit(site.daemon.process.pid, resource.RLIMIT_NOFILE,
                         (n, self.hard))

    def test_connections(self):
        """Sessions that are there go on, and new ones are taken again."""
        figures, site = self.begin('no more descriptors')
        pid = site.daemon.process.pid
        with Mta(site.daemon) as mta:
            site.wait_good(mta)
            for n in range(fault.size(2, 30)):
                used = len(os.listdir('/proc/%d/fd' % pid))
                self.limit(site, used + n % 8)
                many = [site.daemon.connect() for _ in range(60)]
                # one commit, one look and one writing of usage meet it
                self.assertEqual(site.ctl(
                    'mailbox', 'set', 'noise@open.test', '--smtp-auth',
                    'disabled').returncode, 0)
                end = time.monotonic() + 1.2
                while time.monotonic() < end:
                    self.assertEqual(site.ask(figures, mta), set())
                    time.sleep(0.05)
                figures.add('rounds')
                for connection in many:
                    connection.close()
                self.limit(site, self.soft)
                with Mta(site.daemon) as other:
                    self.assertEqual(site.ask(figures, other), set())
            site.verify(figures)
        site.stop(figures)

    def test_replaced_meanwhile(self):
        """The database cannot be opened again until there are some."""
        figures, site = self.begin('replaced without descriptors')
        with Mta(site.daemon) as mta:
            site.wait_good(mta)
            for _ in range(fault.size(1, 10)):
                self.limit(site, 3)
                shutil.copyfile(site.database, site.database + '.new')
                os.rename(site.database + '.new', site.database)
                harness.wait_for(lambda: site.ask(figures, mta),
                                 what='store error')
                figures.add('rounds')
                self.limit(site, self.soft)
                site.wait_good(mta)
                site.verify(figures)
        site.stop(figures)


class Signals(fault.Case):

    def test_storm(self):
        """Signals that interrupt every call that waits."""
        figures, site = self.figures('storm of signals'), fault.Site(self)
        site.daemon.start()
        with fault.Asker(site, figures), fault.Asker(site, figures):
            for n in range(fault.size(5000, 200000)):
                site.daemon.process.send_signal(SIGNALS[n % len(SIGNALS)])
                if n % 1000 == 0:
                    self.assertEqual(site.ctl(
                        'mailbox', 'set', 'noise@open.test', '--smtp-auth',
                        'disabled', '--note', str(n)).returncode, 0)
                figures.add('rounds')
        site.verify(figures)
        site.stop(figures)

    def test_stopped_and_continued(self):
        figures, site = self.figures('stopped and continued'), fault.Site(self)
        site.daemon.start()
        with fault.Asker(site, figures):
            for _ in range(fault.size(50, 1000)):
                harness.freeze(site.daemon.process)
                time.sleep(0.01 * self.random.random())
                site.daemon.process.send_signal(signal.SIGCONT)
                time.sleep(0.01 * self.random.random())
                figures.add('rounds')
        site.verify(figures)
        site.stop(figures)


class Others(fault.Case):

    def command(self, site, *words, **popen):
        return subprocess.Popen(
            [harness.CTL, '-d', site.dir, *words], env=harness.ENV,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)

    def noise(self, site, n):
        return site.ctl('mailbox', 'set', 'noise%d@open.test' % n,
                        '--smtp-auth', 'disabled', timeout=30)

    def test_reader_killed(self):
        """An export that nobody reads holds nobody up."""
        figures, site = self.figures('reader killed'), fault.Site(self)
        site.daemon.start()
        with Mta(site.daemon) as mta:
            site.wait_good(mta)
            size = 0
            for n in range(fault.size(12, 300)):
                readers = [self.command(site, 'export') for _ in range(4)]
                for reader in readers:
                    reader.stdout.read(1)       # it is in the middle of it
                self.assertEqual(self.noise(site, n % 10).returncode, 0)
                for reader in readers:
                    reader.kill()
                    reader.communicate()
                self.assertEqual(site.ask(figures, mta), set())
                figures.add('rounds')
                if n == 10:
                    size = os.path.getsize(site.database)
            site.verify(figures)
        self.assertLess(os.path.getsize(site.database) - size,
                        200 * fault.PAGE)
        site.stop(figures)

    def importing(self, site, n, size):
        """An import of so many rows that has its turn, or is done already."""
        rows = os.path.join(self.tmp, 'rows.csv')
        with open(rows, 'w') as f:
            f.write('address,smtp_auth,note\n' + ''.join(
                'row%d@open.test,disabled,%d\n' % (i, n)
                for i in range(size)))
        writer = self.command(site, 'import', rows)
        self.addCleanup(self.end, writer)
        with open(os.path.join(site.dir, 'policy.writers')) as f:
            def taken():
                if writer.poll() is not None:
                    return True
                try:
                    fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError as e:
                    return e.errno == errno.EWOULDBLOCK
                fcntl.flock(f, fcntl.LOCK_UN)
                return False
            harness.wait_for(taken, what='writer with its turn')
        return writer

    def stopped(self, site, n):
        """An import in the middle of its work, with the turn and, if it has
        come so far, LMDB's lock."""
        size = 50000
        while True:
            writer = self.importing(site, n, size)
            time.sleep(0.05 * self.random.random())
            try:
                harness.freeze(writer)
                return writer
            except ChildProcessError:   # it was faster: with more to do, then
                self.end(writer)
                size *= 2

    def end(self, writer):
        writer.kill()
        with contextlib.suppress(ValueError):
            writer.communicate()

    def test_writer_stopped(self):
        """Others give up in time, after ten seconds, and say why; nothing else
        waits."""
        figures, site = self.figures('writer stopped'), fault.Site(self)
        site.daemon.start()
        with Mta(site.daemon) as mta, fault.Asker(site, figures):
            site.wait_good(mta)
            for n in range(fault.size(1, 5)):
                writer = self.stopped(site, n)
                begin = time.monotonic()
                others = [self.command(site, 'mailbox', 'set',
                                       'other%d@open.test' % i, '--smtp-auth',
                                       'disabled') for i in range(4)]
                site.verify(figures)
                self.assertLess(time.monotonic() - begin, 5)
                for other in others:
                    _, err = other.communicate(timeout=30)
                    self.assertEqual(other.returncode, 75, err)
                    self.assertIn(b'another program has been writing', err)
                self.assertLess(time.monotonic() - begin, 20)
                self.assertEqual(site.ask(figures, mta), set())
                figures.add('rounds')
                if n % 2 == 0:
                    writer.send_signal(signal.SIGCONT)
                    writer.communicate(timeout=30)
                    self.assertEqual(writer.returncode, 0)
                else:
                    self.end(writer)
                self.assertEqual(self.noise(site, n).returncode, 0)
                site.verify(figures)
        site.stop(figures)

    def test_other_daemon_stopped(self):
        """In the middle of a writing, it may be, of the usage they share."""
        figures, site = self.figures('other daemon stopped'), fault.Site(self)
        other = harness.Daemon(
            site, listen=os.path.join(site.tmp, 'other'), usage_flush='1',
            log_allowed='no')
        site.daemon.start()
        other.start()
        with Mta(site.daemon) as mta, Mta(other) as second:
            site.wait_good(mta)
            site.wait_good(second)
            for n in range(fault.size(2, 40)):
                for i in range(300):
                    second.mail('user%d-%d@else.test' % (n, i))
                time.sleep(self.random.random() * 1.1)
                harness.freeze(other.process)
                end = time.monotonic() + 1.2
                while time.monotonic() < end:
                    self.assertEqual(site.ask(figures, mta), set())
                    time.sleep(0.02)
                other.process.send_signal(signal.SIGCONT)
                self.assertEqual(site.ask(figures, second), set())
                figures.add('rounds')
        site.verify(figures)
        other.stop()
        site.stop(figures)


@unittest.skipUnless(fault.ROOT, 'needs root to become another user')
class ReadOnly(fault.Case):

    def setUp(self):
        super().setUp()
        os.chmod(self.tmp, 0o755)
        self.site = fault.Site(self, user='nobody')
        for path, _, files in os.walk(self.site.tmp):
            for name in ('', *files):
                os.chown(os.path.join(path, name), NOBODY, NOBODY)

    def toggle(self, figures, mta):
        """A mailbox may pass, and then not any more."""
        for word in 'enabled', 'disabled':
            self.assertEqual(self.site.ctl(
                'mailbox', 'set', 'toggled@open.test', '--smtp-auth',
                word).returncode, 0)
            figures.answer('toggled@open.test', mta.mail('toggled@open.test'),
                           word == 'enabled')

    def test_read_only_disk(self):
        """Who only reads needs no right to write; when that is over, what is
        written counts at once."""
        def mount(*args):
            r = subprocess.run(['mount', *args, self.site.dir],
                               stderr=subprocess.PIPE)
            if r.returncode:
                self.skipTest('no mount here: ' + r.stderr.decode().strip())
        mount('--bind', self.site.dir)
        self.addCleanup(subprocess.run, ['umount', self.site.dir], check=True)
        self.addCleanup(self.site.daemon.kill)      # before that
        figures = self.figures('folder on a read-only disk')
        for n in range(fault.size(2, 20)):
            mount('-o', 'remount,bind,ro')
            self.site.daemon.start()
            with Mta(self.site.daemon) as mta:
                self.site.ask(figures, mta)
                mount('-o', 'remount,bind,rw')
                self.site.wait_good(mta)
                for _ in range(3):
                    self.toggle(figures, mta)
                    self.assertEqual(self.site.ask(figures, mta), set())
                figures.add('rounds')
                self.site.verify(figures)
            self.site.stop(figures)


if __name__ == '__main__':
    fault.main()
