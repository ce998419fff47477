# SPDX-License-Identifier: BSD-2-Clause
"""The daemon's metrics-file, and the alert rules of contrib/prometheus."""

import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness
from metrics_page import Page
from mta import Mta

PROMETHEUS = os.path.join(harness.ROOT, 'contrib', 'prometheus')
RULES = 'smtpauth-milter.rules.yml'
RULES_TEST = 'smtpauth-milter.test.yml'
PROMTOOL = shutil.which('promtool')
ROOT = os.geteuid() == 0


class Metrics(harness.Case):

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.tmp, 'metrics')
        os.mkdir(self.folder)
        self.file = os.path.join(self.folder, 'mail.prom')

    def milter(self, **keys):
        return harness.Daemon(self, **{
            'metrics_file': self.file, 'usage_flush': '1', **keys})

    def text(self):
        try:
            with open(self.file, encoding='utf-8') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def page(self, condition=lambda page: True):
        """The metrics, as soon as they are as wanted."""
        def look():
            text = self.text()
            page = Page(text) if text else None
            return page if page and condition(page) else None
        return harness.wait_for(look, what='such metrics')

    def last(self, daemon):
        """The metrics that the daemon leaves behind."""
        daemon.stop()
        return Page(self.text())


class Content(Metrics):

    def test_decisions(self):
        self.ctl('tenant add acme --domain a.test')
        self.ctl('mailbox set m@a.test --smtp-auth enabled')
        with self.milter(usage_flush='3600') as daemon, Mta(daemon) as mta:
            first = self.page(lambda p: p.get('policy_state', state='good'))
            self.assertEqual(mta.mail('m@a.test'), 'a')
            self.assertIn('disabled for tenant', mta.mail('u@a.test'))
            self.assertIn('disabled for tenant', mta.mail('v@a.test'))
            self.assertEqual(mta.mail('u@else.test'), 'a')
            self.assertEqual(mta.mail(''), 'a')
            page = self.last(daemon)
        self.assertEqual(first.decided('reject', 'tenant-disabled'), 0)
        self.assertEqual(first.get('unauthenticated_total'), 0)
        self.assertEqual(page.decided('allow', 'mailbox-enabled'), 1)
        self.assertEqual(page.decided('reject', 'tenant-disabled'), 2)
        self.assertEqual(page.decided('allow', 'unknown-tenant'), 1)
        self.assertEqual(page.get('unauthenticated_total'), 1)
        self.assertEqual(page.get('store_errors_total'), 0)
        self.assertEqual(page.get('decision_duration_seconds_count'), 4)
        self.assertEqual(page.get('decisions_in_progress'), 0)
        self.assertEqual(set(page.samples), set(first.samples))
        took = page.get('decision_duration_seconds_sum')
        self.assertTrue(4e-7 < took < 10, took)

    def test_policy(self):
        self.ctl('tenant add acme --domain a.test --domain b.test')
        self.ctl('mailbox set m@a.test --smtp-auth enabled')
        self.ctl('mailbox alias add m@a.test old')
        before = time.time()
        with self.milter():
            page = self.page(lambda p: p.get('policy_state', state='good'))
            self.assertEqual(page.get('policy_tenants'), 1)
            self.assertEqual(page.get('policy_domains'), 2)
            self.assertEqual(page.get('policy_mailboxes'), 1)
            self.assertEqual(page.get('policy_aliases'), 1)
            for state in 'verifying', 'fault':
                self.assertEqual(page.get('policy_state', state=state), 0)
            self.assertGreaterEqual(
                page.get('policy_verified_timestamp_seconds'), int(before))
            self.assertLess(page.get('policy_verify_duration_seconds'), 60)
            self.ctl('tenant add other')
            digest = int(self.digest()[:12], 16)
            self.page(lambda p: p.get('policy_tenants') == 2
                      and p.get('policy_digest_prefix') == digest)

    def test_fault_and_recovery(self):
        database = os.path.join(self.dir, 'policy.mdb')
        os.rename(database, database + '.away')
        with self.milter(usage_flush='3600') as daemon, Mta(daemon) as mta:
            page = self.page(lambda p: p.get('policy_state', state='fault'))
            self.assertEqual(page.get('policy_state', state='good'), 0)
            self.assertEqual(
                page.get('policy_verified_timestamp_seconds'), 0)
            self.assertFalse(page.has('policy_tenants'))
            self.assertFalse(page.has('policy_digest_prefix'))
            self.assertTrue(mta.mail('u@a.test').startswith('451 '))
            os.rename(database + '.away', database)
            self.page(lambda p: p.get('policy_state', state='good'))
            page = self.last(daemon)
        self.assertEqual(page.decided('tempfail', 'store-error'), 1)
        self.assertEqual(page.get('store_errors_total'), 1)

    def test_usage(self):
        with self.milter() as daemon, Mta(daemon) as mta:
            first = self.page(lambda p: p.get('policy_state', state='good'))
            self.assertEqual(first.get('usage_enabled'), 1)
            for login in 'u@a.test', 'u@a.test', 'v@a.test', '':
                mta.mail(login)
            page = self.page(lambda p: p.get('usage_recorded_total') == 3)
            self.assertEqual(page.get('usage_waiting_logins'), 0)
            self.assertLess(abs(page.get('usage_written_timestamp_seconds')
                                - time.time()), harness.TIMEOUT)
            os.rename(os.path.join(self.dir, 'usage'), self.dir + '/away')
            mta.mail('u@a.test')
            page = self.page(lambda p: p.get('usage_write_failures_total'))
            self.assertEqual(page.get('usage_waiting_logins'), 1)
            os.rename(self.dir + '/away', os.path.join(self.dir, 'usage'))
            mta.mail('u@a.test')
            page = self.last(daemon)
        self.assertEqual(page.get('usage_recorded_total'), 5)
        self.assertEqual(page.get('usage_dropped_total'), 0)

    def test_process(self):
        before = time.time()
        with self.milter() as daemon:
            first = self.page()
            self.assertTrue(int(before) <= first.get('start_time_seconds')
                            <= time.time())
            self.assertTrue(before - 1 <= first.get(
                'heartbeat_timestamp_seconds') <= time.time())
            self.assertEqual(first.get('heartbeat_interval_seconds'), 1)
            version = subprocess.check_output([harness.MILTER, '-V'])
            self.assertEqual(
                first.get('build_info',
                          version=version.decode().split()[1]), 1)
            self.assertEqual(first.get('log_lines_lost_total'), 0)
            self.assertGreaterEqual(first.get('max_fds'), 4096)
            with daemon.connect(), daemon.connect(), daemon.connect():
                self.page(lambda p: p.get('open_fds')
                          >= first.get('open_fds') + 3)
            with open('/proc/%d/limits' % daemon.process.pid) as f:
                limit = re.search(r'Max open files +(\d+)', f.read())
            self.assertEqual(first.get('max_fds'), int(limit[1]))

    def test_number_of_descriptors(self):
        with self.milter() as daemon:
            folder = '/proc/%d/fd' % daemon.process.pid

            def agrees():
                # of files that come and go, the metrics see their own only
                return self.page().get('open_fds') in (
                    len(os.listdir(folder)), len(os.listdir(folder)) + 1)
            harness.wait_for(agrees, what='same number of descriptors')

    def test_heartbeat_goes_on(self):
        with self.milter() as daemon:
            beats = set()
            self.page(lambda p: beats.add(
                p.get('heartbeat_timestamp_seconds')) or len(beats) > 2)
            beat = self.last(daemon).get('heartbeat_timestamp_seconds')
        self.assertGreaterEqual(beat, max(beats))

    def test_several_daemons(self):
        """Put together, as the collector does, no series comes twice."""
        other = os.path.join(self.folder, 'other "q" \\ ü.prom')
        with self.milter(), self.milter(metrics_file=other):
            pages = {}
            for name in 'mail', 'other "q" \\ ü':
                self.file = os.path.join(self.folder, name + '.prom')
                pages[name] = self.page(
                    lambda p: p.get('policy_state', state='good'))
                self.assertEqual(pages[name].labels('daemon'), {name})
        one, two = pages.values()
        self.assertFalse(set(one.samples) & set(two.samples))

    @unittest.skipUnless(PROMTOOL, 'promtool is missing '
                         '(package prometheus)')
    def test_promtool(self):
        with self.milter() as daemon:
            self.page(lambda p: p.get('policy_state', state='good'))
            self.last(daemon)
        with open(self.file, 'rb') as f:
            r = subprocess.run([PROMTOOL, 'check', 'metrics'], stdin=f,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        self.assertEqual((r.returncode, r.stdout), (0, b''))


class File(Metrics):

    def test_mode_whatever_the_umask(self):
        old = os.umask(0o077)
        self.addCleanup(os.umask, old)
        with self.milter():
            self.page()
        self.assertEqual(os.stat(self.file).st_mode & 0o7777, 0o644)

    def test_nothing_else_in_the_folder(self):
        with self.milter():
            self.page()
        self.assertEqual(os.listdir(self.folder), ['mail.prom'])

    def test_only_if_wanted(self):
        with self.milter(metrics_file=None) as daemon:
            daemon.wait_log('verified')
        self.assertEqual(os.listdir(self.folder), [])
        self.assertNotIn('metrics', daemon.log())

    def test_readers_never_see_half_of_it(self):
        end = threading.Event()
        pages = []

        def read():
            while not end.is_set():
                text = self.text()
                if text:
                    pages.append(Page(text))
        with self.milter() as daemon:
            self.page()
            reader = threading.Thread(target=read)
            reader.start()
            seen = self.page().get('heartbeat_timestamp_seconds')
            for _ in range(3):
                seen = self.page(lambda p: p.get(
                    'heartbeat_timestamp_seconds') > seen).get(
                        'heartbeat_timestamp_seconds')
            daemon.stop()
            end.set()
            reader.join()
        self.assertGreater(len(pages), 10)

    def test_symlink_is_not_followed(self):
        """Neither that of the file nor one with the temporary name."""
        target = os.path.join(self.tmp, 'target')
        for name in self.file, self.file + '.tmp':
            os.symlink(target, name)
        with self.milter():
            self.page()
        self.assertFalse(os.path.exists(target))
        self.assertFalse(os.path.islink(self.file))

    def test_leftover_of_one_that_was_killed(self):
        with open(self.file + '.tmp', 'w') as f:
            f.write('half')
        os.chmod(self.file + '.tmp', 0)
        with self.milter():
            self.page()
        self.assertEqual(os.listdir(self.folder), ['mail.prom'])

    def make_folder(self):
        """Whether the daemon left the moment that it needs to do so."""
        os.remove(self.file)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.file)
            return True
        return False

    def test_trouble_is_told_once_and_changes_nothing(self):
        self.ctl('tenant add acme --domain a.test')
        shutil.rmtree(self.folder)
        with self.milter() as daemon, Mta(daemon) as mta:
            line = daemon.wait_log(r'^.*metrics cannot be written: .*$')[0]
            self.assertIn(self.file + '.tmp: No such file', line)
            self.assertIn('warning: ', line)
            self.assertIn('disabled', mta.mail('u@a.test'))
            time.sleep(2.5)         # two more tries
            self.assertIn('disabled', mta.mail('u@a.test'))
            os.mkdir(self.folder)
            page = self.page()
            self.assertEqual(page.decided('reject', 'tenant-disabled'), 2)
            self.assertEqual(daemon.log().count('metrics cannot'), 1)
            harness.wait_for(self.make_folder, what='folder in its place')
            daemon.wait_log(r'metrics cannot be written: .*: Is a directory')
            self.assertEqual(daemon.log().count('metrics cannot'), 2)
            os.rmdir(self.file)

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_full_disk_leaves_the_old_file(self):
        r = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=32k',
                            'tmpfs', self.folder], stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no tmpfs here: ' + r.stderr.decode().strip())
        self.addCleanup(subprocess.run, ['umount', self.folder], check=True)
        filler = os.path.join(self.folder, 'filler')
        with self.milter() as daemon:
            self.page()
            with open(filler, 'wb', buffering=0) as f:
                try:
                    while True:
                        f.write(b'x' * 512)
                except OSError:
                    pass
            daemon.wait_log(r'metrics cannot be written: .*: No space left')
            beat = self.page().get('heartbeat_timestamp_seconds')
            self.assertNotIn('mail.prom.tmp', os.listdir(self.folder))
            os.remove(filler)
            self.page(lambda p: p.get('heartbeat_timestamp_seconds') > beat)

    @unittest.skipUnless(ROOT, 'needs root to become another user')
    def test_written_as_the_user_of_the_daemon(self):
        os.chmod(self.tmp, 0o755)
        shutil.chown(self.folder, 'nobody')
        shutil.chown(os.path.join(self.dir, 'usage'), 'nobody')
        os.chmod(self.dir, 0o755)
        for name in os.listdir(self.dir):
            if name.startswith('policy.mdb'):
                shutil.chown(os.path.join(self.dir, name), 'nobody')
        with self.milter(user='nobody') as daemon:
            page = self.page(lambda p: p.get('policy_state', state='good'))
            self.assertTrue(page.has('open_fds'), daemon.log())
        self.assertEqual(os.stat(self.file).st_mode & 0o7777, 0o644)

    def test_killed(self):
        with self.milter() as daemon:
            self.page()
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
        Page(self.text())

    def test_configuration(self):
        for value in 'mail.prom', '/run/', '/', './x':
            conf = os.path.join(self.tmp, 'c')
            with open(conf, 'w') as f:
                f.write('metrics-file = %s\n' % value)
            r = subprocess.run([harness.MILTER, '-t', '-c', conf],
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
            self.assertEqual(r.returncode, 78, value)
            self.assertIn(b'metrics-file', r.stderr)


class Rules(Metrics):
    """contrib/prometheus"""

    def test_names(self):
        """Rules and README speak of metrics that there are."""
        with self.milter() as daemon:
            self.page(lambda p: p.get('policy_state', state='good'))
            page = self.last(daemon)
        at_auth = self.page_of_authd()
        self.assertEqual(self.undocumented(page, at_auth), [])
        names = {name for name, _ in (*page.samples, *at_auth.samples)}
        page.types.update(at_auth.types)
        used = set()
        for name in glob.glob(os.path.join(PROMETHEUS, '*')):
            with open(name, encoding='utf-8') as f:
                used |= set(re.findall(r'smtpauth_\w+', f.read()))
        self.assertGreater(len(used), 10)
        self.assertEqual(used - names - set(page.types), set())

    def page_of_authd(self):
        self.file = os.path.join(self.folder, 'auth.prom')
        conf = os.path.join(self.tmp, 'authd.conf')
        with open(conf, 'w') as f:
            f.write('state-dir = %s\nuser = root\n[authd]\n'
                    'socket = inet:%d@127.0.0.1\nmetrics-file = %s\n' % (
                        self.dir, harness.free_port(), self.file))
        daemon = subprocess.Popen([harness.AUTHD, '-c', conf],
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.kill)
        self.page(lambda p: True)
        daemon.terminate()
        self.assertEqual(daemon.wait(harness.TIMEOUT), 0)
        return self.page(lambda p: True)

    def undocumented(self, *pages):
        with open(PROMETHEUS + '/README.md', encoding='utf-8') as f:
            text = f.read()
        return [name for page in pages for name in page.types
                if not re.search(r'`%s[`{]' % name.removeprefix('smtpauth_'),
                                 text)]

    @unittest.skipUnless(PROMTOOL, 'promtool is missing '
                         '(package prometheus)')
    def test_promtool(self):
        for command in ('check', 'rules', RULES), ('test', 'rules',
                                                   RULES_TEST):
            r = subprocess.run([PROMTOOL, *command], cwd=PROMETHEUS,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
            self.assertEqual(r.returncode, 0, r.stdout.decode())


if __name__ == '__main__':
    harness.main()
