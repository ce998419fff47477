# SPDX-License-Identifier: BSD-2-Clause
"""Usage as files: several machines, export, prune, and whose rights are
used in the folder of another user."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import unittest

import harness
from mta import Mta
from usage_case import DAY, Usage, text

ROOT = os.geteuid() == 0
NOBODY = 65534

NOTHING_PRUNED = {'days': 0, 'clients': 0, 'logins': 0, 'auth_denied': 0}


class Merge(Usage):

    def test_two_machines(self):
        self.fill(('ann@x', self.now - 60, 'allowed', 2, '192.0.2.1', 'PLAIN'),
                  ('me@x', self.now - 70, 'denied', 1))
        file = self.other(
            'mx2', 'node since=%d dropped=3' % (self.now - 5 * DAY),
            ('ann@x', self.now - 30, 'denied', 5, '192.0.2.2', 'LOGIN'),
            ('ann@x', self.now - 2 * DAY, 'allowed', 1),
            ('you@x', self.now - 10, 'exempt', 1))
        rows = self.jsonl('usage', '--usage', file)
        self.assertEqual([r['login'] for r in rows],
                         ['you@x', 'ann@x', 'me@x'])
        ann = rows[1]
        self.assertEqual((ann['submissions'], ann['denied'],
                          ann['last_client'], ann['mechanisms'],
                          ann['first_seen'], ann['last_use']),
                         (8, 5, '192.0.2.2', ['PLAIN', 'LOGIN'],
                          text(self.now - 2 * DAY), text(self.now - 60)))
        self.assertEqual(
            self.table('--usage', file)[-1],
            'recorded since %s on 2 machines; 3 submissions could not be '
            'counted' % text(self.now - 5 * DAY))

    def test_refusals_at_auth(self):
        """They add up, and make no usage of a login that has none."""
        t = self.now - 60
        self.fill('auth ann@x %d 2 192.0.2.1' % t, 'auth - %d 7' % t,
                  ('me@x', t, 'denied', 1))
        file = self.other(
            'mx2', 'auth ann@x %d 3 192.0.2.2' % (t + 9),
            'auth me@x %d 4' % (t - DAY), 'auth - %d 5' % t,
            ('you@x', t, 'allowed', 1))
        rows = {row['login']: (row['denied'], row['auth_denied'],
                               row['last_auth_denied'], row['last_auth_client'])
                for row in self.rows('--denied', '--usage', file)}
        self.assertEqual(rows, {
            'ann@x': (0, 5, text(t + 9), '192.0.2.2'),
            'me@x': (1, 4, text(t - DAY), None), None: (0, 12, text(t), None)})
        self.assertEqual(self.logins('--usage', file), ['me@x', 'you@x'])
        self.assertEqual(
            self.json('usage', 'export', self.tmp + '/out')['logins'], 1)

    def test_files_alone(self):
        file = self.other('mx2', ('a@x', self.now, 'allowed', 1))
        self.assertEqual(self.logins('--usage', file), ['a@x'])
        os.rmdir(os.path.join(self.dir, 'usage'))
        self.assertEqual(self.logins('--usage', file), ['a@x'])

    def test_same_machine_twice(self):
        old = self.other('mx2', ('a@x', self.now - 5, 'allowed', 1))
        os.rename(old, old + '.old')
        new = self.other('mx2', 'node until=%d' % (self.now + 1),
                         ('a@x', self.now, 'allowed', 2))
        for files in ([old + '.old', new], [new, old + '.old'], [new, new]):
            words = [w for file in files for w in ('--usage', file)]
            result = self.ctl('--json', 'usage', *words)
            self.assertIn('"submissions":3,', result.out)
            self.assertEqual(result.err.count('warning'), 1, result.err)
            if files[0] != files[1]:
                self.assertIn('.old is left out', result.err)

    def test_bad_files(self):
        file = self.other('mx2', ('a@x', self.now, 'allowed', 1))
        third = self.other('mx3', ('a@x', self.now, 'allowed', 1))
        with open(third, 'rb') as f:
            good = f.read()
        bad = self.tmp + '/bad'
        errors = [b'smtpauth-usage 1\n\0\0\0\5x%c\0\2no' % error
                  for error in (7, 17)]     # ERR_MISSING, ERR_BUSY
        for data in (b'', b'text\n' * 100, good[:-1], good + b'\n',
                     good[:100] + b'\1' + good[101:], *errors):
            with open(bad, 'wb') as f:
                f.write(data)
            self.refused(['usage', '--usage', bad], 69, bad)
            self.refused(['usage', '--usage', file, '--usage', bad], 69, bad)
            self.refused(['tenant', 'add', 't', '--domain', 'y',
                          '--usage', bad], 69, bad)
        self.refused(['usage', '--usage', self.tmp + '/none'], 66, 'none')


class Overwritten(Usage):

    def position(self, process, path):
        """How far the process has read the file."""
        for fd in os.listdir('/proc/%d/fd' % process.pid):
            try:
                if os.readlink('/proc/%d/fd/%s' % (process.pid, fd)) == path:
                    with open('/proc/%d/fdinfo/%s' % (process.pid, fd)) as f:
                        return int(f.readline().split()[1])
            except FileNotFoundError:
                continue  # closed meanwhile
        return 0

    def overwritten(self, *command):
        """What becomes of a command that reads the policy, and many logins, when an
        older policy is written over it."""
        policy = os.path.join(self.dir, 'policy.mdb')
        with open(policy, 'rb') as f:
            older = f.read()
        self.ctl('tenant add acme --domain acme.test --contact it@acme.test '
                 '--enforce-from 2099-01-01')
        for i in range(3):
            self.ctl('mailbox set u%d@acme.test --smtp-auth enabled' % i)
        file = self.other('mx2', *(('u%d@acme.test' % i, self.now, 'allowed', 1)
                                   for i in range(30000)))
        with subprocess.Popen(
                [self.program, '-d', self.dir, *command, '--usage', file],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while self.position(process, file) < 100000:
                self.assertIsNone(process.poll())
            harness.freeze(process)
            with open(policy, 'r+b') as f:
                f.write(older.ljust(os.path.getsize(policy), b'\0'))
            process.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=harness.TIMEOUT)
        self.assertEqual((process.returncode, out), (69, b''), err)
        self.assertIn(b'was replaced', err)

    def test_usage_of_a_policy_that_is_overwritten(self):
        self.overwritten('usage', 'tenants')

    def test_error_of_a_policy_that_is_overwritten(self):
        """The tenants that were read first are not there any more."""
        self.overwritten('rollout', 'status')

    def test_notices_of_a_policy_that_is_overwritten(self):
        template = os.path.join(self.tmp, 'template')
        with open(template, 'w') as f:
            f.write('Subject: a plan\nFrom: p@mail.test\n\n{mailboxes}\n')
        self.overwritten('rollout', 'notify', '--dry-run', '--template', template)


class Export(Usage):

    def names(self):
        return sorted(os.listdir(self.tmp))

    def test_export(self):
        self.fill('node host=mx1', ('a@x', self.now, 'allowed', 1),
                  ('b@x', self.now, 'allowed', 1))
        file = self.tmp + '/out'
        self.assertEqual(
            self.ctl('usage', 'export', file).out,
            '2 logins of mx1, recorded since %s, written to %s\n' % (
                text(self.now - 30 * DAY), file))
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o640)
        with open(file, 'rb') as f:
            whole = f.read()
        self.assertEqual(self.ctl('usage export -').raw, whole)
        os.chmod(file, 0o600)
        obj = self.json('usage', 'export', file)
        self.assertRegex(obj.pop('node'), '^[0-9a-f]{32}$')
        self.assertEqual(obj, {
            'host': 'mx1', 'since': text(self.now - 30 * DAY),
            'until': text(self.now), 'logins': 2, 'file': file})
        self.assertEqual(self.names(), ['out', 'state'])

    def test_failure_leaves_the_old_one(self):
        file = self.tmp + '/out'
        with open(file, 'w') as f:
            f.write('old')
        self.refused(['usage', 'export', file], 69)
        self.fill(*(('u%d@x' % i, self.now, 'allowed', 1)
                    for i in range(1000)))
        limit = (8192, 8192)
        self.ctl('usage', 'export', file, rc=74, preexec_fn=lambda:
                 resource.setrlimit(resource.RLIMIT_FSIZE, limit))
        with open(file) as f:
            self.assertEqual(f.read(), 'old')
        self.assertEqual(self.names(), ['out', 'state'])
        self.refused(['usage', 'export', '-', 'x'], 64)

    def test_not_a_file(self):
        self.fill(('a@x', self.now, 'allowed', 1))
        os.mkdir(self.tmp + '/folder')
        os.mkfifo(self.tmp + '/fifo')
        os.symlink(self.tmp + '/target', self.tmp + '/link')
        before = self.names()
        for name in ('folder', 'fifo', 'link'):
            self.refused(['usage', 'export', self.tmp + '/' + name], 73, name)
        self.refused(['usage', 'export', '/dev/full'], 73)
        self.refused(['usage', 'export', self.tmp + '/none/x'], 73)
        self.assertEqual(self.names(), before)
        with open('/dev/full', 'w') as full:
            result = subprocess.run(
                [self.program, '-d', self.dir, 'usage', 'export', '-'],
                stdout=full, stderr=subprocess.PIPE, timeout=harness.TIMEOUT)
        self.assertNotEqual(result.returncode, 0)


class Prune(Usage):

    def test_retention(self):
        self.ctl('settings set usage-retention 30')
        self.ctl('tenant add xs --domain x.example')
        edge = self.midnight - 30 * DAY
        self.fill(('old@x.example', edge - 3600, 'allowed', 1, '192.0.2.1'),
                  ('kept@x.example', edge, 'allowed', 1, '192.0.2.1'),
                  ('both@x.example', edge - 1, 'allowed', 1, '192.0.2.1'),
                  ('both@x.example', self.now, 'allowed', 1, '192.0.2.1'))
        self.assertEqual(self.ctl('usage prune').out,
                         '2 days and 1 client address forgotten\n')
        self.assertEqual(self.json('usage prune'),
                         NOTHING_PRUNED)
        # The day is forgotten, and that it was seen on that day is not.
        self.assertIn('old@x.example', self.logins('--since', text(edge - 60)))
        self.assertNotIn('old@x.example', self.logins('--since', text(edge)))
        rows = {r['login']: (r['submissions'], r['last_client'])
                for r in self.jsonl('usage --since 300d')}
        self.assertEqual(rows, {'old@x.example': (0, None), 'kept@x.example': (1, '192.0.2.1'),
                                'both@x.example': (1, '192.0.2.1')})
        self.assertEqual([r['first_seen'] for r in
                          self.jsonl('usage --since 300d')
                          if r['login'] == 'both@x.example'], [text(edge - 1)])

    def test_logins_of_no_tenant(self):
        """Nothing is left of them, but of those that are a tenant's."""
        self.ctl('tenant add acme --domain a.test')
        self.ctl('tenant add other --domain o.test')
        self.ctl('mailbox alias add u@a.test upn')
        old, now = self.midnight - 100 * DAY, self.now
        self.fill(*((name, old, 'allowed', 1, '192.0.2.1') for name in (
            'known@a.test', 'upn', 'made@up.test', 'bare', 'left@o.test')),
                  ('here@up.test', old, 'allowed', 1),
                  ('here@up.test', now, 'allowed', 1),
                  'others %d denied 4' % old)
        self.ctl('tenant remove other --force')
        self.assertEqual(
            self.ctl('usage prune').out,
            '7 days and 5 client addresses forgotten, and 4 logins of no '
            'tenant\n')
        self.assertEqual(self.logins('--since', '300d'),
                         ['upn', 'known@a.test', 'here@up.test'])
        self.assertEqual(self.json('usage prune'),
                         NOTHING_PRUNED)

    def test_damaged_policy_forgets_nobody(self):
        self.ctl('tenant add acme --domain a.test')
        self.fill(('known@a.test', self.midnight - 100 * DAY, 'allowed', 1))
        path = os.path.join(self.dir, 'policy.mdb')
        with open(path, 'r+b') as f:
            good = f.read()
            f.seek(2 * 4096)
            f.write(b'\xff' * (len(good) - 2 * 4096))
        self.assertEqual(self.ctl('usage prune', rc=69).out, '')
        with open(path, 'wb') as f:
            f.write(good)
        self.assertEqual(self.logins('--since', '300d'), ['known@a.test'])

    def test_refusals_at_auth(self):
        """Their days are forgotten, and then the login, with its address."""
        self.ctl('settings set usage-retention 30')
        self.ctl('tenant add xs --domain x.example')
        edge = self.midnight - 30 * DAY
        self.fill('auth old@x.example %d 3 192.0.2.1' % (edge - 1),
                  'auth kept@x.example %d 3 192.0.2.1' % edge,
                  'auth both@x.example %d 5 192.0.2.1' % (edge - 1),
                  'auth both@x.example %d 3 192.0.2.1' % self.now,
                  'auth - %d 9' % (edge - 1))
        self.assertEqual(self.ctl('usage prune').out,
                         '0 days and 0 client addresses forgotten, and 2 '
                         'logins refused at AUTH\n')
        self.assertEqual(self.json('usage prune'), NOTHING_PRUNED)
        rows = {row['login']: row['auth_denied']
                for row in self.rows('--denied', '--since', '300d')}
        self.assertEqual(rows, {'kept@x.example': 3, 'both@x.example': 3})
        self.fill('auth old@x.example %d 1' % (edge - 1))
        self.assertEqual(self.json('usage prune')['auth_denied'], 1)

    def test_many(self):
        self.fill(*(('u%d@x' % (i % 50), self.midnight - (100 + i // 50) * DAY,
                     'allowed', 1, '192.0.2.1') for i in range(15000)))
        self.assertEqual(self.json('usage prune'),
                         {**NOTHING_PRUNED, 'days': 15000, 'clients': 50,
                          'logins': 50})

    def test_none(self):
        self.refused('usage prune', 69)
        self.assertEqual(os.listdir(os.path.join(self.dir, 'usage')), [])

    def test_beside_a_daemon(self):
        self.ctl('tenant add acme --domain a.test --smtp-auth enabled')
        self.fill(('old@a.test', self.midnight - 200 * DAY, 'allowed', 1))
        with harness.Daemon(self, usage='yes', usage_flush=1) as daemon:
            daemon.wait_log('policy database verified')
            with Mta(daemon) as mta:
                self.assertEqual(mta.mail('new@a.test'), 'a')
                for _ in range(10):     # the daemon may do it, too
                    self.json('usage prune')
                self.assertEqual(mta.mail('new@a.test'), 'a')
            self.assertIn('old@a.test', self.logins('--since', '300d'))
            harness.wait_for(lambda: [
                row for row in self.jsonl('usage')
                if row['login'] == 'new@a.test' and row['submissions'] == 2])


@unittest.skipUnless(ROOT, 'needs root')
class Rights(Usage):
    """The usage folder is another user's; root must not be fooled there."""

    def setUp(self):
        super().setUp()
        self.usage = os.path.join(self.dir, 'usage')
        self.path = os.path.join(self.usage, 'usage.mdb')
        os.chmod(self.tmp, 0o711)
        os.chmod(self.dir, 0o750)
        for name in (self.dir, *map(self.inside, os.listdir(self.dir))):
            os.chown(name, -1, NOBODY)
        os.chown(self.usage, NOBODY, NOBODY)

    def inside(self, name):
        return os.path.join(self.dir, name)

    def test_policy_that_the_owner_cannot_read(self):
        """Who is known cannot be told then: nobody is forgotten."""
        self.fill(('a@x', self.midnight - 100 * DAY, 'allowed', 1))
        path = self.inside('policy.mdb')
        os.chmod(path, 0o600)
        result = self.ctl('usage prune')
        self.assertIn('1 day and 0 client addresses forgotten\n', result.out)
        self.assertIn('warning: logins of no tenant may be left', result.err)
        self.assertEqual(self.logins('--since', '300d'), ['a@x'])
        os.chmod(path, 0o660)
        self.assertEqual(self.json('usage prune')['logins'], 1)

    def test_owner(self):
        self.fill(('a@x', self.now, 'allowed', 1))
        self.assertEqual(os.stat(self.path).st_uid, NOBODY)
        self.assertEqual(self.logins(), ['a@x'])
        self.ctl('usage prune')
        self.ctl('usage', 'export', self.tmp + '/out')
        self.assertEqual(os.stat(self.tmp + '/out').st_uid, 0)

    def test_lock_file_is_the_owners(self):
        """Whoever opens first makes the lock file: never as root."""
        self.fill(('a@x', self.now, 'allowed', 1))
        os.unlink(self.path + '-lock')
        self.assertEqual(self.logins(), ['a@x'])
        self.assertEqual(os.stat(self.path + '-lock').st_uid, NOBODY)

    def test_links(self):
        """A link to what only root may read or write is no way there."""
        secret = os.path.join(self.tmp, 'secret')
        self.fill(('secret@x', self.midnight - 200 * DAY, 'allowed', 1))
        os.rename(self.path, secret)
        os.chown(secret, 0, 0)
        os.chmod(secret, 0o600)
        os.unlink(self.path + '-lock')
        os.symlink(secret, self.path)
        with open(secret, 'rb') as f:
            before = f.read()
        for words in (['usage', '--since', '300d'], ['usage', 'prune'],
                      ['usage', 'export', self.tmp + '/out']):
            result = self.refused(words, (69, 77))
            self.assertNotIn('secret@x', result.err)
        with open(secret, 'rb') as f:
            self.assertEqual(f.read(), before)
        self.assertEqual(sorted(os.listdir(self.tmp)), ['secret', 'state'])

    def test_link_of_the_lock(self):
        victim = os.path.join(self.tmp, 'victim')
        self.fill(('a@x', self.now, 'allowed', 1))
        with open(victim, 'w') as f:
            f.write('root only')
        os.chmod(victim, 0o600)
        os.unlink(self.path + '-lock')
        os.symlink(victim, self.path + '-lock')
        for words in (['usage'], ['usage', 'prune']):
            self.refused(words, (69, 77))
        with open(victim) as f:
            self.assertEqual(f.read(), 'root only')

    def test_no_files(self):
        """Neither a pipe nor a folder in its place is waited for."""
        for name in (self.path, self.path + '-lock'):
            for make in (os.mkfifo, os.mkdir):
                self.fill(('a@x', self.now, 'allowed', 1))
                os.unlink(name)
                make(name)
                for words in (['usage'], ['usage', 'prune'],
                              ['usage', 'export', '-']):
                    self.refused(words, (69, 74, 77))
                shutil.rmtree(self.usage)
                os.mkdir(self.usage)
                os.chown(self.usage, NOBODY, NOBODY)

    def test_no_right(self):
        """One who may read the policy, but not the usage."""
        self.fill(('a@x', self.now, 'allowed', 1))
        who = {'user': 1, 'group': NOBODY, 'extra_groups': []}
        try:
            self.ctl('tenant list', **who)
        except (PermissionError, AssertionError):
            self.skipTest('another user cannot run the programs')
        os.chmod(self.usage, 0o700)
        for words in ('usage', 'usage prune', 'usage export -'):
            result = self.ctl(*words.split(), rc=77, **who)
            self.assertEqual(result.out, '')
        os.chmod(self.usage, 0o755)
        for name in os.listdir(self.usage):
            os.chmod(os.path.join(self.usage, name), 0o644)
        self.ctl('usage prune', rc=77, **who)


if __name__ == '__main__':
    harness.main()
