#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How the daemon records usage, and what goes wrong around its database."""

import calendar
import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness
from fake_clock import CC, FakeClock
from mta import Mta

ROOT = os.geteuid() == 0
FACTOR = 5 if harness.SLOW else 1
NOBODY = 65534
PAGE = 4096
DAY = 86400


class Usage(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test --smtp-auth enabled')

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.dir, 'usage')
        self.file = os.path.join(self.folder, 'usage.mdb')

    def milter(self, **keys):
        return harness.Daemon(self, **{'usage_flush': '1', **keys})

    def give_to_nobody(self):
        os.chmod(self.tmp, 0o755)
        os.chmod(self.dir, 0o755)
        for name in os.listdir(self.dir):
            shutil.chown(os.path.join(self.dir, name), 'nobody')

    def dump(self, folder=None):
        """{login: (days, allowed, denied, would deny, exempt)}"""
        r = subprocess.run([harness.USAGE_DUMP, folder or self.dir],
                           timeout=harness.TIMEOUT,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((r.returncode, r.stderr), (0, b''))
        rows = [line.split() for line in r.stdout.decode().splitlines()]
        return {row[0]: tuple(map(int, row[1:])) for row in rows}

    def total(self):
        return sum(sum(row[1:]) for row in self.dump().values())

    def send(self, mta, n, name='u%d@a.test'):
        """Submissions of so many logins; the longest time one took."""
        longest = 0
        for i in range(n):
            begin = time.monotonic()
            self.assertEqual(mta.mail(name % i), 'a')
            longest = max(longest, time.monotonic() - begin)
        return longest

    def ready(self, daemon):
        """Wait for the writing when the policy is good."""
        daemon.wait_log('policy database verified')
        harness.wait_for(lambda: (self.status()['daemon'] or {}).get('policy')
                         == 'good', what='heartbeat')

    def wait_recorded(self, n, timeout=harness.TIMEOUT):
        """Wait until the daemon has recorded or dropped so many."""
        def look():
            d = self.status()['daemon']
            return d and d['usage_recorded'] + d['usage_dropped'] >= n and d
        return harness.wait_for(look, timeout, '%d submissions' % n)

    def descriptors(self, daemon):
        return len(os.listdir('/proc/%d/fd' % daemon.process.pid))

    def memory(self, daemon):
        with open('/proc/%d/status' % daemon.process.pid) as f:
            return int(re.search(r'RssAnon:\s+(\d+)', f.read())[1])


class Fault(Usage):
    """Trouble with the database: decisions go on, and it is over soon."""

    complaint = r'warning: usage and heartbeat cannot be written: .*'

    def check(self, daemon, mta, make, says='', new=True, silent=False,
              n=50):
        """MAKE makes the trouble and returns what ends it. With NEW the old
        database is gone; without, status can know of it by silence only,
        which is waited for with SILENT."""
        first = self.wait_recorded(0)['usage_recorded']
        log = len(daemon.log())
        self.send(mta, 20)
        self.wait_recorded(first + 20)
        before = self.descriptors(daemon)
        end = make()
        longest = self.send(mta, n - 10, 'during%d@a.test')
        harness.wait_for(lambda: re.search(self.complaint, daemon.log()[log:]),
                         what='complaint')
        longest = max(longest, self.send(mta, 10, 'more%d@a.test'))
        self.assertLess(longest, 0.5 * FACTOR)
        if silent:
            harness.wait_for(self.troubled, what='silence')
        else:
            time.sleep(1.5)         # another try, at least
        self.assertTrue(self.troubled() or not new)
        end()
        harness.wait_for(
            lambda: 'are written again' in daemon.log()[log:], 5 * FACTOR)
        said = re.findall(self.complaint, daemon.log()[log:])
        self.assertEqual(len(said), 1, said)
        self.assertIn(says, said[0])
        self.wait_recorded(first + n + 20)
        self.assertEqual(self.ctl('status').rc, 0)
        self.assertEqual(self.total(), n if new else n + 20)
        harness.wait_for(lambda: self.descriptors(daemon) <= before,
                         what='descriptors as before')

    def troubled(self):
        """Whether status tells of trouble."""
        r = self.ctl('status', rc=(0, 3))
        return r.rc == 3 or 'usage problem' in r.out

    def check_once(self, make, keys=None, **how):
        with self.milter(**keys or {}) as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.check(daemon, mta, make, **how)

    def damage(self, change):
        """Overwrites the file in place; it is over once that is moved."""
        with open(self.file, 'r+b') as f:
            change(f, os.path.getsize(self.file))
        return lambda: os.rename(self.file, self.file + '.bad')

    def zero(self, f, size):
        f.seek(2 * PAGE)
        f.write(b'\0' * (size - 2 * PAGE))

    def test_damaged(self):
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            for change in (lambda f, size: f.write(os.urandom(size)),
                           lambda f, size: f.truncate(2 * PAGE),
                           self.zero):
                self.check(daemon, mta, lambda: self.damage(change),
                           says='move it away')
                os.rename(self.file, self.file + '.good')
                harness.wait_for(lambda: os.path.exists(self.file),
                                 what='new database')

    def test_removed_or_emptied(self):
        """Nothing to complain of: a new one is begun."""
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 20)
            self.wait_recorded(20)
            os.remove(self.file)
            self.send(mta, 30, 'later%d@a.test')
            self.wait_recorded(50, 5 * FACTOR)
            self.assertEqual(self.total(), 30)
            os.remove(self.file)
            os.remove(self.file + '-lock')
            self.send(mta, 10)
            self.wait_recorded(60, 5 * FACTOR)
            self.assertEqual(self.total(), 10)
            os.remove(self.file + '-lock')  # that alone: whoever opens it now
            harness.wait_for(lambda: os.path.exists(self.file + '-lock'),
                             what='the lock file that all agree on')
            self.send(mta, 10)
            self.wait_recorded(70, 5 * FACTOR)  # not while it is being read
            with open(self.file, 'w'):
                pass
            self.send(mta, 30, 'last%d@a.test')
            self.wait_recorded(100, 5 * FACTOR)
            self.assertEqual(self.total(), 30)
            self.assertNotIn('warning: usage', daemon.log())

    def test_folder_gone(self):
        away = self.folder + '.away'

        def make():
            os.rename(self.folder, away)
            return lambda: os.rename(away, self.folder)
        self.check_once(make, new=False)

    def test_folder_gone_is_told(self):
        shutil.rmtree(self.folder)
        r = self.ctl('status', rc=3)
        self.assertIn('usage problem', r.out)
        self.assertIn('smtpauthctl init', r.out)
        self.assertNotIn('not running', r.out)

    @unittest.skipUnless(ROOT, 'needs root to become another user')
    def test_no_right(self):
        self.give_to_nobody()

        def make():
            os.chmod(self.folder, 0)
            return lambda: os.chmod(self.folder, 0o700)
        self.check_once(make, {'user': 'nobody'}, new=False)

    @unittest.skipUnless(ROOT, 'needs root to become another user')
    def test_no_right_from_the_start(self):
        self.give_to_nobody()
        with self.milter(user='nobody') as daemon:
            self.ready(daemon)
        os.chmod(self.file, 0o400)
        with self.milter(user='nobody') as daemon, Mta(daemon) as mta:
            self.send(mta, 20)
            daemon.wait_log(self.complaint)
            os.chmod(self.file, 0o660)
            daemon.wait_log('are written again')
            self.wait_recorded(20)
            self.assertEqual(len(re.findall(self.complaint, daemon.log())), 1)
        self.assertEqual(self.total(), 20)

    def mount(self, *args):
        r = subprocess.run(['mount', *args], stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no mount here: ' + r.stderr.decode().strip())

    @unittest.skipUnless(ROOT, 'needs root to mount')
    def test_read_only(self):
        """Another file system comes to lie over the folder."""
        def make():
            self.mount('-t', 'tmpfs', '-o', 'ro', 'tmpfs', self.folder)
            return lambda: subprocess.run(['umount', self.folder], check=True)
        self.check_once(make, new=False)

    def small_disk(self, size):
        self.mount('-t', 'tmpfs', '-o', 'mode=700,size=' + size, 'tmpfs', self.folder)
        self.addCleanup(subprocess.run, ['umount', self.folder], check=True)

    def fill_disk(self):
        filler = os.path.join(self.folder, 'filler')
        with open(filler, 'wb', buffering=0) as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(b'x' * 65536)
            with contextlib.suppress(OSError):
                while True:
                    f.write(b'x' * 512)
        return lambda: os.remove(filler)

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_full_disk(self):
        """For a few logins there are free pages in the file."""
        self.small_disk('4m')
        self.check_once(self.fill_disk, new=False, silent=True, n=2000)

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_stop_on_a_full_disk(self):
        self.small_disk('1m')
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.fill_disk()
            self.send(mta, 2000)
            daemon.wait_log(self.complaint)
            begin = time.monotonic()
            daemon.stop()
            self.assertLess(time.monotonic() - begin, 1 * FACTOR)
        lost = re.findall('the usage of (.*) logins is lost', daemon.log())
        self.assertEqual([int(n) for n in lost], [2000 - self.total()])

    def failures(self, metrics):
        with open(metrics) as f:
            return int(re.search(r'(?m)^smtpauth_usage_write_failures_total'
                                 r'.* (\d+)$', f.read())[1])

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_table_fills_up(self):
        """What fits is there afterwards, the rest is counted as dropped;
        neither is told, nor tried, again and again."""
        n = 36000       # more than both tables hold
        metrics = os.path.join(self.tmp, 'mail.prom')
        self.small_disk('64m')
        with self.milter(log_allowed='no',
                         metrics_file=metrics) as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            end_of_trouble = self.fill_disk()
            self.send(mta, n)
            daemon.wait_log(self.complaint)
            failures = self.failures(metrics)
            end = time.monotonic() + 3
            more = 0
            while time.monotonic() < end:
                self.send(mta, 1, 'more%d@a.test')
                more += 1
                time.sleep(0.01)
            self.assertLess(self.failures(metrics) - failures, 8)
            end_of_trouble()
            daemon.wait_log('written again', 5 * FACTOR)
            d = self.wait_recorded(n + more)
            self.assertEqual(d['usage_recorded'] + d['usage_dropped'],
                             n + more)
            self.assertEqual(self.total(), d['usage_recorded'])
            self.assertGreater(d['usage_recorded'], 12000)
            self.assertGreater(d['usage_dropped'], 1000)
            dropped = self.status()['usage']['dropped']
            self.assertEqual(dropped, d['usage_dropped'])
            self.assertEqual(daemon.log().count('could not be counted'), 1)
            self.assertEqual(daemon.log().count('cannot be written'), 1)
            daemon.stop()
        with open(metrics) as f:
            self.assertIn('smtpauth_usage_dropped_total{daemon="mail"} %d\n'
                          % dropped, f.read())
        self.assertLessEqual(daemon.log().count('could not be counted'), 2)

    def read(self, end):
        while not end.is_set():
            subprocess.run([harness.USAGE_DUMP, self.dir], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            self.ctl('status', rc=None)

    def truncate(self, end, rng):
        while not end.is_set():
            with contextlib.suppress(OSError):
                size = os.path.getsize(self.file)
                if size > 2 * PAGE:
                    os.truncate(self.file,
                                PAGE * rng.randrange(2, size // PAGE + 1))
            time.sleep(rng.random() * 0.05)
            if rng.random() < 0.2:
                with contextlib.suppress(OSError):
                    os.remove(self.file)

    def test_traps_in_the_middle_of_a_writing(self):
        """Whoever is left holding LMDB's lock, nobody hangs."""
        end = threading.Event()
        rng = random.Random(4)
        threads = [threading.Thread(target=self.truncate, args=(end, rng)),
                   threading.Thread(target=self.read, args=(end,))]
        other = os.path.join(self.tmp, 'other')
        with self.milter(log_allowed='no') as daemon, \
                self.milter(listen=other) as second, Mta(daemon) as mta:
            self.ready(daemon)
            before = self.descriptors(daemon)
            for thread in threads:
                thread.start()
            until = time.monotonic() + 6 * FACTOR
            sent = 0
            while time.monotonic() < until:
                self.send(mta, 500, 'u%%d-%d@a.test' % sent)
                sent += 500
                time.sleep(0.05)
            end.set()
            for thread in threads:
                thread.join()
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.file)
            memory = self.memory(daemon)
            # what is written into the old file may meet a trap once more
            harness.wait_for(lambda: self.status()['daemon'],
                             what='heartbeat in a new file')
            self.send(mta, 10, 'after%d@a.test')
            d = self.wait_recorded(sent + 10, 10 * FACTOR)
            self.assertEqual(d['usage_recorded'] + d['usage_dropped'],
                             sent + 10)
            # A writing that had begun before may have ended in the old file.
            harness.wait_for(lambda: self.send(mta, 1, 'again%d@a.test')
                             and self.dump().get('again0@a.test'),
                             what='use after all')
            harness.wait_for(lambda: self.descriptors(daemon) <= before,
                             what='descriptors as before')
            self.assertIn('cannot be written', daemon.log() + second.log())
            if not harness.SLOW:
                self.assertLess(memory, 60000)


class Time(Usage):

    EPOCH = DAY - int(time.time())      # a machine that lost its clock
    env = None                          # of smtpauthctl

    def ctl(self, *args, **keys):
        return super().ctl(*args, env=self.env, **keys)

    if not harness.SLOW:    # nothing can be preloaded before a sanitizer
        @unittest.skipUnless(CC, 'no C compiler')
        def test_clock_set(self):
            """Both ways, and back: nothing ends, and all is counted."""
            clock = FakeClock(self.tmp)
            daemon = self.milter()
            self.env = clock.env
            clock.preload(daemon)
            with daemon, Mta(daemon) as mta:
                self.ready(daemon)
                sent = 0
                for ahead in 0, -40 * DAY, 40 * DAY, 0, self.EPOCH, 0:
                    clock.set(ahead)
                    self.send(mta, 10)
                    sent += 10
                    self.wait_beat(ahead)
                    d = self.wait_recorded(sent)
                    self.assertEqual(d['usage_recorded'], sent)
                usage = self.status()['usage']
                self.assertLessEqual(usage['since'], usage['until'])
                self.assertEqual(self.ctl('status').rc, 0)
            # The day in 1970 too: after a gap nothing is forgotten for a day.
            harness.wait_for(lambda: set(self.dump().values())
                             == {(4, 6, 0, 0, 0)}, what='days')

    def wait_beat(self, ahead):
        """Wait for a heartbeat of that time."""
        def look():
            d = self.status()['daemon']
            return d and abs(self.epoch(d['heartbeat']) - time.time()
                             - ahead) < 100
        harness.wait_for(look, what='heartbeat %d s ahead' % ahead)

    def epoch(self, text):
        return calendar.timegm(time.strptime(text, '%Y-%m-%dT%H:%M:%SZ'))

    def fill(self, lines):
        subprocess.run([harness.USAGE_FILL, self.dir],
                       input=lines.encode(), check=True)

    def test_old_days_are_forgotten(self):
        self.ctl('settings set usage-retention 1')
        now = int(time.time())
        self.fill('node since=%d until=%d\n' % (now - 2 * DAY, now) + ''.join(
            'u%d@a.test %d allowed 1 192.0.2.1 PLAIN\n' % (n, now - d * DAY)
            for n in range(100) for d in (0, 3, 40)))
        self.assertEqual(self.dump()['u7@a.test'], (3, 3, 0, 0, 0))
        with self.milter() as daemon:
            self.ready(daemon)
            harness.wait_for(lambda: set(self.dump().values())
                             == {(1, 1, 0, 0, 0)}, what='forgotten days')

    def test_old_strangers_are_forgotten(self):
        """All of a login that no tenant owns, and never one that is known."""
        self.ctl('settings set usage-retention 1')
        now = int(time.time())
        self.fill('node since=%d until=%d\n' % (now - 9 * DAY, now) + ''.join(
            '%s %d allowed 1\n' % (login, now - 5 * DAY) for login in (
                'known@a.test', 'made@up.test', 'bare', 'zoe@zzz')))
        with self.milter() as daemon:
            self.ready(daemon)
            harness.wait_for(lambda: set(self.dump()) == {'known@a.test'},
                             what='forgotten logins')
        self.assertEqual(self.dump()['known@a.test'][0], 0)

    def test_strangers_are_capped(self):
        """When there are 20,000, others are counted together."""
        metrics = os.path.join(self.tmp, 'mail.prom')
        self.fill('strangers 19998\nhere@up.test %d allowed 1\n' % time.time())
        with self.milter(metrics_file=metrics) as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            for n in range(2):
                mta.mail('first%d@up.test' % n)
            self.wait_recorded(2)
            for n in range(30):
                mta.mail('made%d@up.test' % n)
            for login in ('first1@up.test', 'here@up.test', 'u@a.test',
                          'v@a.test'):
                mta.mail(login)
            self.wait_recorded(36)

            def written():
                with open(metrics, encoding='utf-8') as f:
                    page = f.read()
                return re.search(r'usage_other_logins_total{.*} 30\n', page) \
                    and re.search(r'usage_unknown_logins{.*} 20000\n', page)
            harness.wait_for(written, what='metrics')
        rows = {row['login']: row['submissions']
                for row in self.jsonl('usage')}
        self.assertEqual(rows, {
            'first0@up.test': 1, 'first1@up.test': 2, 'here@up.test': 2,
            'u@a.test': 1, 'v@a.test': 1, None: 30})

    def test_retention_after_a_gap(self):
        """A clock that is far ahead looks like one: nothing is forgotten."""
        self.ctl('settings set usage-retention 1')
        now = int(time.time())
        self.fill('node since=%d until=%d\nold@a.test %d allowed 1\n' % (
            now - 9 * DAY, now - 4 * DAY, now - 8 * DAY))
        with self.milter() as daemon:
            self.ready(daemon)
            with Mta(daemon) as mta:
                mta.mail('u@a.test')
            harness.wait_for(lambda: 'u@a.test' in self.dump(), what='use')
        self.assertEqual(self.dump()['old@a.test'][:2], (1, 1))

    def test_early(self):
        """A table that fills up does not wait for its time."""
        with self.milter(usage_flush='3600',
                         log_allowed='no') as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 12000)
            self.assertEqual(self.dump(), {})
            # over three quarters, but no part of the table is full: a slow
            # disk may still be busy with the first part when the last comes
            self.send(mta, 500, 'more%d@a.test')
            harness.wait_for(lambda: len(self.dump()) >= 12000,
                             what='early writing')
            daemon.stop()
        self.assertEqual(self.total(), 12500)


class End(Usage):

    def test_stop_writes_all(self):
        with self.milter(usage_flush='3600',
                         log_allowed='no') as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 12000)
            self.assertEqual(self.dump(), {})
            begin = time.monotonic()
            daemon.stop()
            took = time.monotonic() - begin
        self.assertEqual(self.total(), 12000)
        self.assertEqual(len(self.dump()), 12000)
        self.assertLess(took, 1 * FACTOR)
        self.assertNotIn('lost', daemon.log())

    def test_kill_loses_an_interval_at_most(self):
        times = []
        with self.milter(log_allowed='no') as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            until = time.monotonic() + 2 * FACTOR + 1.4
            while time.monotonic() < until:
                self.send(mta, 5)
                times.append(time.monotonic())
                time.sleep(0.005)
            end = time.monotonic()
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
        found = self.total()
        sure = 5 * sum(t < end - 2 * FACTOR for t in times)
        self.assertGreater(sure, 0)
        self.assertTrue(sure <= found <= 5 * len(times), (sure, found))
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 5)
            daemon.stop()
        self.assertEqual(self.total(), found + 5)


class Status(Usage):

    def test_two_daemons(self):
        other = os.path.join(self.tmp, 'other')
        with self.milter(log_allowed='no') as one, \
                self.milter(listen=other, log_allowed='no') as two:
            with Mta(one) as a, Mta(two) as b:
                self.ready(two)
                for _ in range(10):
                    self.send(a, 200)
                    self.send(b, 200)
                    time.sleep(0.2)
            one.stop()
            # at once, although the beat of the other may be older
            d = self.json('status')['daemon']
            self.assertEqual(d['pid'], two.process.pid)
            two.stop()
        self.assertEqual(self.total(), 4000)
        self.assertEqual(set(self.dump().values()), {(1, 20, 0, 0, 0)})
        with open(self.file, 'rb') as f:
            content = f.read()
        for daemon in one, two:
            self.assertIn(daemon.socket.encode(), content)
        self.ctl('status', rc=3)

    def test_counters(self):
        self.ctl('tenant add shut --domain shut.test')
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 3)
            mta.mail('u@shut.test')
            mta.mail('')
            self.wait_recorded(4)
            d = self.status()['daemon']
            for key, n in {'allowed': 3, 'rejected': 1, 'tempfailed': 0,
                           'reported': 0, 'unauthenticated': 1,
                           'store_errors': 0, 'usage': True,
                           'usage_recorded': 4, 'usage_dropped': 0}.items():
                self.assertEqual(d[key], n, key)
            out = self.ctl('status').out
            self.assertRegex(out, '(?m)^  decisions +3 allowed, 0 reported, '
                             '0 tempfailed, 1 rejected$')
            self.assertRegex(out, '(?m)^  usage +4 submissions recorded, '
                             '0 not counted$')
            self.assertRegex(out, '(?m)^  not logged in +1$')
            usage = self.status()['usage']
            self.assertRegex(usage['node'], '^[0-9a-f]{32}$')
            self.assertIsNone(usage['problem'])

    def test_too_many_open_files_are_called_that(self):
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 1)
            self.wait_recorded(1)
            pid = daemon.process.pid
            limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limit[1]))
            daemon.wait_log('warning: usage and heartbeat cannot be written: '
                            '.*too many open files')
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
            daemon.wait_log('usage and heartbeat are written again')
            self.assertNotIn('input/output', daemon.log())
            self.send(mta, 1)
            self.wait_recorded(2)

    def test_usage_off(self):
        metrics = os.path.join(self.tmp, 'mail.prom')
        with self.milter() as daemon, Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 3)
        self.assertEqual(self.total(), 3)
        before = self.status()['usage']
        time.sleep(1.1)
        with self.milter(usage='no', metrics_file=metrics) as daemon, \
                Mta(daemon) as mta:
            self.ready(daemon)
            self.send(mta, 3)
            time.sleep(1.5)
            self.assertIs(self.status()['daemon']['usage'], False)
            self.assertRegex(self.ctl('status').out,
                             r'(?m)^  usage +not recorded \(usage = no\)$')
        after = self.status()['usage']
        self.assertEqual(after['node'], before['node'])
        self.assertGreater(after['since'], before['until'])
        self.assertEqual(self.total(), 3)
        with open(metrics) as f:
            text = f.read()
        self.assertIn('smtpauth_usage_enabled{daemon="mail"} 0\n', text)
        self.assertIn('smtpauth_usage_recorded_total{daemon="mail"} 0\n', text)

    def test_silent(self):
        with self.milter() as daemon:
            self.ready(daemon)
            harness.freeze(daemon.process)
            try:
                harness.wait_for(
                    lambda: self.ctl('status', rc=None).rc == 3,
                    what='silence')
                r = self.ctl('status', rc=3)
                self.assertIn('process %d is there' % daemon.process.pid,
                              r.out)
                self.assertIsNone(self.status()['daemon'])
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            harness.wait_for(lambda: self.ctl('status', rc=None).rc == 0,
                             what='sign of life')

    def test_absent(self):
        r = self.ctl('status', rc=3)
        self.assertRegex(r.out, '(?m)^daemon +not running$')
        self.assertNotIn('usage', r.out.split('not running')[1])
        with self.milter() as daemon:
            self.ready(daemon)
        r = self.ctl('status', rc=3)
        self.assertRegex(r.out, '(?m)^daemon +not running$')
        self.assertRegex(r.out, '(?m)^usage since +2')

    def test_unreadable(self):
        with open(self.file, 'w') as f:
            f.write('x' * 5000)
        r = self.ctl('status', rc=3)
        self.assertRegex(r.out, '(?m)^usage problem +.*move it away')
        self.assertRegex(r.out, '(?m)^daemon +not known')
        self.assertIn('usage.mdb', self.status()['usage']['problem'])

    @unittest.skipUnless(ROOT, 'needs root to become another user')
    def test_folder_of_another_user(self):
        """root looks with that user's rights, and leaves nothing of its own
        that would shut the daemon out."""
        self.give_to_nobody()
        with self.milter(user='nobody') as daemon:
            self.ready(daemon)
            os.remove(self.file + '-lock')
            self.status()
            self.assertEqual(self.ctl('status').rc, 0)
            daemon.stop()
            self.assertNotIn('cannot be written', daemon.log())
        for name in os.listdir(self.folder):
            self.assertEqual(os.stat(os.path.join(self.folder, name)).st_uid,
                             NOBODY, name)
        target = os.path.join(self.tmp, 'secret')
        with open(target, 'w') as f:
            f.write('secret words')
        os.chmod(target, 0o600)
        os.remove(self.file)
        os.symlink(target, self.file)
        r = self.ctl('status', rc=3)
        self.assertNotIn('secret words', r.out + r.err)


if __name__ == '__main__':
    harness.main()
