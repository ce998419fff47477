#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A disk that is full at the first write of a command, at the second, and so
on until all of them fit: a command that fails says so and leaves what was
there, and the daemon goes on."""

import os
import re
import signal
import subprocess
import time
import unittest

import fault
import harness
from fault import PAGE, Mta

STEP = 1 if fault.FULL else 7   # pages
MOST = 400                      # pages that any of these commands needs
# disk full, cannot create, I/O error; 69: the database could not be opened
REFUSALS = (69, 73, 74, 75)


@unittest.skipUnless(fault.ROOT, 'needs root to mount a tmpfs')
class Disk(fault.Case):

    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.tmp, 'disk')
        mounted = fault.tmpfs(self, self.disk, '8m')
        mounted.__enter__()
        self.addCleanup(mounted.__exit__, None, None, None)
        self.rows = os.path.join(self.tmp, 'rows.csv')
        with open(self.rows, 'w') as f:
            f.write('address,smtp_auth,note\n' + ''.join(
                'row%d@open.test,disabled,%s\n' % (n, 'z' * 100)
                for n in range(300)))
        self.all = os.path.join(self.tmp, 'all.jsonl')
        with open(self.all, 'wb') as f:
            f.write(self.ctl('export').raw)
        self.site = fault.Site(self, os.path.join(self.disk, 'state'))

    def filler(self):
        return os.path.join(self.disk, 'filler')

    def leave(self, pages):
        """Fill the disk up to so many free pages."""
        with open(self.filler(), 'ab') as f:
            free = os.statvfs(self.disk).f_bavail - pages
            if free > 0:
                os.posix_fallocate(f.fileno(), f.tell(), free * PAGE)

    def free(self):
        os.unlink(self.filler())

    def once(self, figures, words, pages, mta):
        """Whether the command fitted into so many pages."""
        where = '%s with %d pages free ' % (words[:2], pages)
        self.leave(pages)
        r = self.site.ctl(*words)
        figures.add('rounds')
        late = self.site.ask(figures, mta, where)
        self.site.verify(figures, where)
        self.free()
        self.assertIn(r.returncode, (0, *REFUSALS), where + r.stderr.decode())
        self.assertEqual(late, set(), where)
        self.assertTrue(r.returncode == 0 or r.stderr, where)
        return r.returncode == 0

    def use_up(self):
        """Let no page of the file be free that a command could take."""
        self.leave(0)
        for n in range(MOST):
            if self.site.ctl('mailbox', 'set', 'fill%d@open.test' % n,
                             '--smtp-auth', 'disabled', '--note',
                             'n' * 400).returncode:
                break
        else:
            self.fail('the disk never was full')
        self.free()

    def fill(self, name, *words, step=STEP):
        """Less and less of a command fails."""
        figures = self.figures('disk full: ' + name)
        self.use_up()
        self.site.daemon.start()
        with Mta(self.site.daemon) as mta:
            self.site.wait_good(mta)
            for pages in range(0, MOST, step):
                done = self.once(figures, words, pages, mta)
                if done:
                    break
                self.assertEqual(self.site.ctl('verify').returncode, 0, words)
                self.site.wait_good(mta)
        self.site.stop(figures)
        self.assertTrue(done, 'never fitted')
        self.assertGreater(figures.counts['rounds'], 1)

    def test_mailbox_set(self):
        self.fill('mailbox set', 'mailbox', 'set', 'new@open.test',
                  '--smtp-auth', 'disabled', step=1)

    def test_tenant_add(self):
        self.fill('tenant add', 'tenant', 'add', 'new', '--domain',
                  'new.test', step=1)

    def test_import(self):
        self.fill('import', 'import', self.rows)

    def test_import_replace(self):
        """By way of a scratch database."""
        with open(self.all, 'a') as f:
            f.write('{"type":"mailbox","address":"new@open.test",'
                    '"smtp_auth":"disabled"}\n')
        self.fill('import --replace', 'import', '--replace', self.all)

    def test_backup(self):
        self.fill('backup', 'backup', os.path.join(self.disk, 'backup'))

    def test_restore(self):
        """It changes what differs, in the live database."""
        more = os.path.join(self.tmp, 'more')
        self.ctl('import', self.rows)
        self.ctl('backup', more)
        self.fill('restore', 'restore', more)

    def verified(self):
        """How often the daemon has opened the database."""
        return self.site.daemon.log().count('policy database verified')

    def keys(self):
        key, public = (os.path.join(self.tmp, name)
                       for name in ('key.pem', 'key.pub'))
        for words in (['genpkey', '-algorithm', 'ed25519', '-out', key],
                      ['pkey', '-in', key, '-pubout', '-out', public]):
            subprocess.run(['openssl', *words], check=True)
        return key, public

    def test_snapshot_create(self):
        self.fill('snapshot create', 'snapshot', 'create',
                  os.path.join(self.disk, 'snapshot'), '--key', self.keys()[0])

    def test_snapshot_apply(self):
        key, public = self.keys()
        snapshot = os.path.join(self.tmp, 'snapshot')
        self.ctl('mailbox set new@open.test --smtp-auth disabled')
        self.ctl('snapshot', 'create', snapshot, '--key', key)
        self.fill('snapshot apply', 'snapshot', 'apply', snapshot, '--trust',
                  public, step=1)

    def test_usage_and_metrics(self):
        """What the daemon writes by itself."""
        figures = self.figures('disk full: usage, metrics')
        metrics = os.path.join(self.disk, 'mail.prom')
        with open(self.site.daemon.conf, 'a') as f:
            f.write('metrics-file = %s\n' % metrics)
        self.site.daemon.start()
        with Mta(self.site.daemon) as mta:
            self.site.wait_good(mta)
            harness.wait_for(lambda: os.path.exists(metrics), what='metrics')
            for pages in range(0, fault.size(4, 60)):
                self.leave(pages)
                figures.add('rounds')
                for n in range(300):
                    mta.mail('user%d-%d@else.test' % (pages, n))
                time.sleep(1.1)     # a writing is tried
                late = self.site.ask(figures, mta, '%d pages' % pages)
                self.assertEqual(late, set())
                self.site.verify(figures)
                with open(metrics) as f:
                    self.assertTrue(f.read().endswith('\n'))
                self.free()
            end = len(self.site.daemon.log())
            mta.mail('last@else.test')
        self.site.stop(figures)
        self.assertNotIn('is lost', self.site.daemon.log()[end:])
        r = subprocess.run([harness.USAGE_DUMP, self.site.dir],
                           stdout=subprocess.PIPE)
        figures.database(r.returncode, 'usage')
        self.assertIn(b'last@else.test', r.stdout)

    def tries(self, metrics):
        """How many writings of the usage have failed, by the metrics."""
        with open(metrics) as f:
            return int(re.search(r'^smtpauth_usage_write_failures_'
                                 r'total\S* (\d+)$',
                                 f.read(), re.M).group(1))

    def test_usage_begun(self):
        """The files of the usage are made while there is no room for them:
        LMDB maps a lock file with a hole in it."""
        figures = self.figures('disk full: usage begun')
        metrics = os.path.join(self.tmp, 'mail.prom')
        usage = [os.path.join(self.site.dir, 'usage', name)
                 for name in ('usage.mdb-lock', 'usage.mdb')]
        with open(self.site.daemon.conf, 'a') as f:
            f.write('metrics-file = %s\n' % metrics)
        pid = self.site.daemon.start().process.pid

        def descriptors():
            return len(os.listdir('/proc/%d/fd' % pid))

        with Mta(self.site.daemon) as mta:
            self.site.wait_good(mta)
            for gone in usage[:1], usage:
                harness.wait_for(lambda: all(map(os.path.exists, usage))
                                 and os.path.exists(metrics), what='usage')
                figures.add('rounds')
                end, before = len(self.site.daemon.log()), self.tries(metrics)
                os.kill(pid, signal.SIGSTOP)
                for path in gone:
                    os.unlink(path)
                self.leave(0)
                os.kill(pid, signal.SIGCONT)
                harness.wait_for(lambda: self.tries(metrics) > before,
                                 what='a failed writing')
                opened, tried = descriptors(), self.tries(metrics)
                harness.wait_for(lambda: self.tries(metrics) > tried + 1,
                                 what='more of them')
                self.assertLessEqual(descriptors(), opened)
                late = self.site.ask(figures, mta, '%d gone' % len(gone))
                self.assertEqual(late, set())
                said = self.site.daemon.log()[end:]
                self.assertIn('the disk or the database is full', said)
                self.assertNotIn('damaged', said)
                self.free()
        self.site.stop(figures)

    def test_usage_read(self):
        """The lock file has its hole for ever, and who reads needs no more of
        it than is there: with a daemon, and without one."""
        figures = self.figures('disk full: usage read')
        usage = os.path.join(self.site.dir, 'usage', 'usage.mdb')
        self.site.daemon.start()
        with Mta(self.site.daemon) as mta:
            self.site.wait_good(mta)
            harness.wait_for(lambda: os.path.exists(usage), what='usage')
            self.leave(0)
            status = os.stat(usage + '-lock')
            self.assertLess(status.st_blocks * 512, status.st_size)
            self.assertEqual(self.site.ask(figures, mta, 'full'), set())
            for end in lambda: None, lambda: self.site.stop(figures):
                end()
                figures.add('rounds')
                r = self.site.ctl('usage', 'list')
                self.assertEqual((r.returncode, r.stderr), (0, b''))
        self.free()


if __name__ == '__main__':
    fault.main()
