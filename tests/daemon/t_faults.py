#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl and what goes wrong around the policy database: damage, full
disks, other writers, missing permissions."""

import errno
import fcntl
import os
import re
import resource
import shutil
import subprocess
import unittest

import harness
from state_files import EVERY_KIND, Files
from mta import Mta

ROOT = os.geteuid() == 0
NOBODY = 65534
PAGE = resource.getpagesize()


class Damage(Files):

    given = (*Files.given,
             'tenant add acme --domain a.test --note findme-0001 '
             '--domain findme-0001.test',
             'mailbox alias add findme-0001@a.test findme-0001',
             'mailbox alias add findme-0001@a.test DOMAIN/findme-0001',
             'mailbox set findme-0001@a.test --smtp-auth disabled')

    def setUp(self):
        super().setUp()
        for n in range(60):
            self.ctl('mailbox', 'set', 'user%02d@a.test' % n, '--smtp-auth',
                     'enabled', '--note', 'note %02d ' % n + 'x' * 150)
        with open(self.path(), 'rb') as f:
            self.good = f.read()
        self.content = self.views()

    def views(self):
        """What the commands that read say about the whole policy."""
        return {command: self.ctl(command, rc=None).out for command in (
            'mailbox list', 'tenant list', 'tenant show acme', 'domain list',
            'domain list --tenant acme', 'mailbox list --tenant acme',
            'mailbox alias list', 'mailbox alias list findme-0001@a.test',
            'settings show', 'check findme-0001',
            'check u@findme-0001.test')}

    def unharmed(self):
        """What `verify` called good must be all there."""
        for command, out in self.views().items():
            self.assertEqual(out, self.content[command], command)

    def write(self, content):
        with open(self.path(), 'wb') as f:
            f.write(content)

    def test_good(self):
        r = self.ctl('verify')
        self.assertEqual(r.err, '')
        self.write(self.good)
        self.ctl('verify')

    def test_pages(self):
        """A damaged page is found, unless nothing lived in it."""
        found = 0
        for start in range(2 * PAGE, len(self.good), PAGE):
            page = self.good[start:start + PAGE]
            flipped = bytearray(page)
            for at in (12, 16, 40, PAGE - 20):
                flipped[at] ^= 0x10
            for name, damaged in (('zeroed', bytes(PAGE)),
                                  ('random', os.urandom(PAGE)),
                                  ('flipped', bytes(flipped)),
                                  ('another', self.good[-PAGE:])):
                with self.subTest(page=start // PAGE, damage=name):
                    self.write(self.good[:start] + damaged
                               + self.good[start + PAGE:])
                    if self.ctl('verify', rc=(0, 1, 69)).rc:
                        found += 1
                    else:
                        self.unharmed()
        self.assertGreater(found, 10)

    def test_changed_value(self):
        self.write(self.good.replace(b'findme-0001', b'findme-0002'))
        r = self.ctl('verify', rc=1)
        self.assertTrue(r.out + r.err)

    def test_changed_in_one_place(self):
        """In a record, its key or an index; some places are old copies."""
        places = [m.start() for m in re.finditer(b'findme-0001', self.good)]
        found = 0
        for place in places:
            with self.subTest(place=place):
                damaged = bytearray(self.good)
                damaged[place + 10] ^= 0x04
                self.write(bytes(damaged))
                if self.ctl('verify', rc=(0, 1)).rc:
                    found += 1
                else:
                    self.unharmed()
        self.assertGreaterEqual(found, 5)

    def test_truncated(self):
        for pages in (0, 1, 2, 3, len(self.good) // PAGE // 2):
            with self.subTest(pages=pages):
                self.write(self.good[:pages * PAGE])
                self.ctl('verify', rc=(1, 69))
                for command in ('check user00@a.test', 'mailbox list',
                                'mailbox set new@a.test --smtp-auth enabled'):
                    if pages < 3:
                        self.fails(command, 69)
                    else:
                        self.ctl(command, rc=(0, 11, 69))

    def test_message_names_the_file(self):
        self.write(b'x' * len(self.good))
        self.fails('tenant list', 69, 'policy.mdb')


class OlderVersion(Files):
    """The meta record says that an older version has written the file."""

    WORDS = ('the policy database was written by an older version of '
             'smtpauth-milter; export it with that version and import it with '
             'this one, see NEWS: ')

    given = (*Files.given,
             'tenant add acme --domain a.test --smtp-auth disabled')

    def setUp(self):
        super().setUp()
        self.copy = os.path.join(self.tmp, 'backup')
        self.ctl('backup', self.copy)
        self.age(self.path())

    def age(self, path, back=False):
        """LMDB has the flags, the size of the key and the key before the
        value, whose first byte is the version."""
        node = b'\0\0\1\0!'
        old, new = (3, 4) if back else (4, 3)
        old, new = node + bytes([old]), node + bytes([new])
        with open(path, 'rb') as f:
            content = f.read()
        self.assertIn(old, content)
        with open(path, 'wb') as f:
            f.write(content.replace(old, new))

    def test_every_command_says_so(self):
        with open(self.path(), 'rb') as f:
            old = f.read()
        for command in EVERY_KIND + [
                'init', 'init --new-policy', 'locks', 'lock u@a.test',
                'unlock u@a.test', 'export', 'import -', 'audit list',
                'audit verify', 'backup {tmp}/other', 'rollout status',
                'Get-TransportConfig', 'exchange']:
            with self.subTest(command=command):
                r = self.ctl(command.format(tmp=self.tmp), rc=69)
                self.assertEqual(r.out, '')
                self.assertEqual(r.err, 'smtpauthctl: %s%s\n' % (
                    self.WORDS, self.path()))
        self.assertIn(self.WORDS, self.ctl('doctor', rc=1).out)
        with open(self.path(), 'rb') as f:
            self.assertEqual(f.read(), old)

    def test_daemon_says_so_and_decides_nothing(self):
        r = subprocess.run([harness.MILTER, '-t', '-d', self.dir],
                           stdout=subprocess.PIPE, check=True)
        words = self.WORDS + self.path()
        self.assertIn('NOT usable: ' + words, r.stdout.decode())
        daemon = harness.Daemon(self).start()
        daemon.wait_log(re.escape(words))
        with Mta(daemon) as mta:
            self.assertIn('451 4.3.0', mta.mail('u@a.test'))

    def test_takeover(self):
        """The commands in NEWS, with the old program's part before the file
        is an old one, and a lock that is kept as it says."""
        with open(os.path.join(harness.ROOT, 'NEWS')) as f:
            text = f.read()
        lines = re.findall('^ {6}((?:systemctl|smtpauthctl|mv|#) .*)$', text,
                           re.M)
        half = next(n for n, line in enumerate(lines) if line[0] == '#')
        self.age(self.path(), back=True)
        self.ctl('lock u@a.test')
        self.ctl('lock v@a.test')
        export = self.ctl('export').out
        self.shell(lines[:half])
        self.age(self.path())
        self.fails('status', 69, 'older version')
        out = self.shell(lines[half:])
        self.assertRegex(out, r'(?m)^u@a\.test +acme .* brought$')
        self.assertEqual(self.ctl('export').out, export)
        self.ctl('lock u@a.test')
        self.ctl('import --replace --force -',
                 stdin=''.join(line + '\n' for line in export.splitlines()
                               if '"lock"' not in line.split(',')[0]))
        locks = self.ctl('locks').lines[1:]
        self.assertEqual([(row.split()[0], row.split()[-1])
                          for row in locks], [('u@a.test', 'local')])

    def shell(self, lines):
        """What they print, with our program and folder."""
        script = ('systemctl() { :; }\n'
                  'smtpauthctl() { "$PROGRAM" -d "$DIR" "$@"; }\n'
                  + '\n'.join(lines) + '\n').replace(
                      '/var/lib/smtpauth-milter', '$DIR')
        return subprocess.run(
            ['sh', '-euc', script], cwd=self.tmp, stdout=subprocess.PIPE,
            check=True, env={**harness.ENV, 'PROGRAM': self.program,
                             'DIR': self.dir}).stdout.decode()

    def test_restore(self):
        """Over it, but not from it."""
        r = self.ctl('restore', self.copy)
        self.assertIn(self.WORDS + self.path(), r.out)
        self.assertIn('a.test', self.ctl('domain list').out)
        self.age(os.path.join(self.copy, 'policy.mdb'))
        self.refused('restore ' + self.copy, 69, 'older version')


class WayOut(Files):
    """A live database that is none, or damaged: messages name restore."""

    given = (*Files.given,
             'tenant add acme --domain a.test --smtp-auth disabled')

    def setUp(self):
        super().setUp()
        for n in range(80):
            self.ctl('mailbox', 'set', 'user%02d@a.test' % n, '--smtp-auth',
                     'enabled', '--note', 'x' * 150)
        self.copy = os.path.join(self.tmp, 'backup')
        self.ctl('backup', self.copy)
        with open(self.path(), 'rb') as f:
            self.good = f.read()

    def write(self, content, path=None):
        with open(path or self.path(), 'wb') as f:
            f.write(content)

    def damaged(self):
        """Without its records; what LMDB knows of them is whole."""
        return self.good[:2 * PAGE] + bytes(len(self.good) - 2 * PAGE)

    def named(self, words):
        """By commands and the daemon, as the end of the line."""
        line = ('%s: %s; "smtpauthctl restore DIR" brings a backup back\n'
                % (words, self.path()))
        for command in ['status', 'check u@a.test', 'lock u@a.test', 'locks',
                        'init', 'init --new-policy', 'verify', 'export',
                        'mailbox list']:
            with self.subTest(command=command, words=words):
                r = self.ctl(command, rc=1 if 'damaged' in words
                             and command == 'verify' else 69)
                self.assertEqual((r.out, r.err), ('', 'smtpauthctl: ' + line))
        self.assertIn(line, self.ctl('doctor', rc=1).out)
        r = subprocess.run([harness.MILTER, '-t', '-d', self.dir],
                           stdout=subprocess.PIPE, check=True)
        self.assertIn('NOT usable: ' + line, r.stdout.decode())

    def test_foreign(self):
        self.write(b'x' * len(self.good))
        self.named('not a policy database')

    def test_damaged(self):
        self.write(self.damaged())
        self.named('the database is damaged')

    def test_damaged_in_a_page(self):
        """The scan meets it, and not the begin."""
        met = 0
        for start in range(2 * PAGE, len(self.good), PAGE):
            self.write(self.good[:start] + bytes(PAGE)
                       + self.good[start + PAGE:])
            if self.ctl('status', rc=(3, 69)).rc == 69:
                continue
            r = self.ctl('verify', rc=(0, 1))
            if r.err.startswith('smtpauthctl: the database is damaged'):
                met += 1
                self.assertIn('damaged: %s; "smtpauthctl restore DIR" brings'
                              % self.path(), r.err)
        self.assertGreater(met, 0)

    def test_not_of_a_backup(self):
        """Nor of any file that was named."""
        there = os.path.join(self.copy, 'policy.mdb')
        for content in self.damaged(), b'x' * len(self.good):
            self.write(content, there)
            r = self.refused('restore ' + self.copy, 69, self.copy)
            self.assertNotIn('brings', r.err)


class Writers(Files):

    given = (*Files.given,
             'tenant add acme --domain a.test')

    def start(self, *args):
        return subprocess.Popen(
            [self.program, '-d', self.dir, *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process):
        out, err = process.communicate(timeout=harness.TIMEOUT)
        return process.returncode, out, err

    def test_at_the_same_time(self):
        running = [self.start('mailbox', 'set', 'u%d@a.test' % n,
                              '--smtp-auth', 'enabled') for n in range(40)]
        for process in running:
            rc, out, err = self.finish(process)
            self.assertEqual((rc, err), (0, b''))
        found = {b['address'] for b in self.jsonl('mailbox list')}
        self.assertEqual(found, {'u%d@a.test' % n for n in range(40)})
        self.ctl('verify')

    def lock(self):
        """Hold the writers' lock as another program would."""
        fd = os.open(self.path('policy.writers'), os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd

    def test_wait_for_the_other_writer(self):
        fd = self.lock()
        process = self.start('mailbox', 'set', 'u@a.test', '--smtp-auth',
                             'enabled')
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.5)
        fcntl.flock(fd, fcntl.LOCK_UN)
        rc, out, err = self.finish(process)
        self.assertEqual((rc, err), (0, b''))
        self.ctl('mailbox show u@a.test')

    def test_killed(self):
        tried = set()
        for n in range(40):
            name = 'u%d@a.test' % n
            tried.add(name)
            process = self.start('mailbox', 'set', name, '--smtp-auth',
                                 'enabled')
            try:
                process.wait(n * 0.0003)
            except subprocess.TimeoutExpired:
                process.kill()
            self.finish(process)
        self.ctl('verify')
        self.ctl('mailbox set last@a.test --smtp-auth enabled')
        found = {b['address'] for b in self.jsonl('mailbox list')}
        self.assertLessEqual(found, tried | {'last@a.test'})
        self.assertIn('last@a.test', found)
        self.assertEqual(self.status()['mailboxes'], len(found))
        self.ctl('verify')

    def test_give_up_after_ten_seconds(self):
        self.lock()
        process = self.start('tenant', 'set', 'acme', '--note', 'n')
        for command in ('check u@a.test', 'tenant show acme', 'verify'):
            self.ctl(command, rc=(0, 11))       # readers do not wait
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(5)
        rc, out, err = self.finish(process)
        self.assertEqual((rc, out), (75, b''))
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertFalse(self.json('tenant show acme')['note'])


class Full(Files):

    def setUp(self):
        super().setUp()
        self.stored = set()

    def fill(self, limit=2000, **options):
        """Add mailboxes until one is refused; return that result."""
        for n in range(limit):
            name = 'u%04d@a.test' % len(self.stored)
            r = self.ctl('mailbox', 'set', name, '--smtp-auth', 'enabled',
                         '--note', 'x' * 200, rc=None, **options)
            if r.rc:
                return r
            self.stored.add(name)
        raise AssertionError('never full after %d mailboxes' % limit)

    def check_refusal(self, r):
        self.assertIn(r.rc, (74, 75), str(r))
        self.assertEqual(len(r.err.splitlines()), 1, str(r))
        self.intact()

    def intact(self):
        boxes = {b['address'] for b in self.jsonl('mailbox list')}
        self.assertEqual(boxes, self.stored)
        self.ctl('verify')

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_disk(self):
        self.dir = os.path.join(self.tmp, 'disk')
        os.mkdir(self.dir)
        r = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs',
                            self.dir], stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no tmpfs here: ' + r.stderr.decode().strip())
        self.addCleanup(subprocess.run, ['umount', self.dir], check=True)
        self.ctl('init')
        self.ctl('tenant add acme --domain a.test')
        filler = self.path('filler')
        with open(filler, 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(b'x' * PAGE)
            except OSError as e:
                self.assertEqual(e.errno, errno.ENOSPC)
        self.check_refusal(self.fill())
        os.unlink(filler)
        before = len(self.stored)
        self.ctl('mailbox set u%04d@a.test --smtp-auth enabled' % before)
        self.stored.add('u%04d@a.test' % before)
        self.intact()

    def test_file_size_limit(self):
        self.ctl('tenant add acme --domain a.test')
        size = os.stat(self.path()).st_size

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        self.check_refusal(self.fill(preexec_fn=limit))
        self.ctl('mailbox set more@a.test --smtp-auth enabled')
        self.stored.add('more@a.test')
        self.intact()


class Permission(Files):
    """Commands of someone who is not root."""

    given = (*Files.given,
             'tenant add acme --domain a.test')

    def setUp(self):
        super().setUp()
        os.chmod(self.tmp, 0o755)
        if ROOT:        # the build folder may be closed to others
            self.program = os.path.join(self.tmp, 'smtpauthctl')
            shutil.copy2(harness.CTL, self.program)

    def other(self, group=NOBODY):
        """Options that run a command as someone else."""
        if not ROOT:
            return {}
        return {'user': NOBODY, 'group': group, 'extra_groups': []}

    def close(self, mode):
        os.chmod(self.dir, mode)
        self.addCleanup(os.chmod, self.dir, 0o750)

    def test_closed_folder(self):
        self.close(0o750 if ROOT else 0o000)
        for command in EVERY_KIND:
            with self.subTest(command=command):
                self.fails(command, 77, self.dir, **self.other())

    def test_init(self):
        self.close(0o750 if ROOT else 0o000)
        self.fails('init', (73, 77), **self.other())

    @unittest.skipUnless(ROOT, 'needs root to become a member of a group')
    def test_members_of_the_group_may_read(self):
        self.dir = os.path.join(self.tmp, 'shared')
        os.mkdir(self.dir, 0o750)
        os.chown(self.dir, 0, 54321)
        os.chmod(self.dir, 0o750)
        self.ctl('init')
        self.ctl('tenant add acme --domain a.test')
        digest = self.digest()
        member = self.other(group=54321)
        for command, rc in (('status', 3), ('verify', 0),
                            ('tenant list', 0), ('mailbox list', 0),
                            ('settings show', 0), ('domain list', 0),
                            ('check u@a.test', 11)):
            with self.subTest(command=command):
                self.ctl(command, rc=rc, **member)
        for command in ('settings set action report', 'tenant add two',
                        'mailbox set u@a.test --smtp-auth enabled'):
            with self.subTest(command=command):
                self.fails(command, 77, **member)
        self.assertEqual(self.digest(), digest)


if __name__ == '__main__':
    harness.main()
