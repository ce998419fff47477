#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""backup and restore: what they say and refuse, modes and owners, writers
beside them, full and read-only disks."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import threading
import unittest

from backup_case import Backup, Restored
from fake_clock import CC
import harness

ROOT = os.geteuid() == 0
NOBODY = 65534
SWAPPED_FOLDER = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
mkdir(const char *path, mode_t mode)
{
	int rc = (int)syscall(SYS_mkdirat, -100, path, mode);
	char name[4096];

	snprintf(name, sizeof name, "%s", path);
	name[strlen(name) - (path[strlen(path) - 1] == '/')] = 0;
	if (rc == 0 && (rmdir(name) != 0 || symlink(getenv("PLACE"), name) != 0))
		abort();
	return rc;
}
'''
# Another name leads to PLACE once LMDB opens the new file.
SWAPPED_NAME = r'''
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
open(const char *path, int flags, ...)
{
	static int swapped;
	const char *name = getenv("NAME"), *end = strstr(path, "policy.mdb.new");

	if (!swapped && (flags & O_ACCMODE) == O_RDWR &&
	    (end != NULL || strncmp(path, "/proc/self/fd/", 14) == 0)) {
		swapped = 1;
		if (rename(name, getenv("AWAY")) != 0 ||
		    symlink(getenv("PLACE"), name) != 0)
			abort();
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0660);
}
'''


class Copy(Backup):

    def shim(self, source):
        """The environment in which a function of the C library is this one."""
        path = os.path.join(self.tmp, 'shim.so')
        subprocess.run([CC, '-shared', '-fPIC', '-x', 'c', '-o', path, '-'],
                       input=source.encode(), check=True)
        return {'LD_PRELOAD': path,
                'ASAN_OPTIONS': 'verify_asan_link_order=0'}

    def test_what_it_says(self):
        r = self.json('backup ' + self.out)
        self.assertEqual(r['policy_digest'], self.first)
        self.assertEqual(r['bytes'], os.stat(self.file()).st_size)
        self.assertEqual(r['dir'], self.out)
        records = self.json('verify')['records']
        self.assertEqual(r['records'], records)
        r = self.ctl('backup ' + self.out)
        self.assertIn('%d records, ' % records, r.out)
        self.assertIn(self.first, r.out)

    def test_files(self):
        """A folder with one file, like the original, whatever the umask."""
        os.chmod(self.path(), 0o600)
        for umask in 0o022, 0o077, 0:
            shutil.rmtree(self.out, ignore_errors=True)
            self.ctl('backup ' + self.out,
                     preexec_fn=lambda: os.umask(umask))
            self.assertEqual(os.listdir(self.out), ['policy.mdb'])
            self.assertEqual(os.stat(self.out).st_mode & 0o7777, 0o750)
            self.assertEqual(os.stat(self.file()).st_mode & 0o7777, 0o600)
        os.chmod(self.path(), 0o640)
        os.chmod(self.out, 0o700)
        before = os.stat(self.file()).st_ino
        self.later()
        r = self.json('backup ' + self.out)     # a later one replaces it
        self.assertEqual(r['policy_digest'], self.second)
        self.assertNotEqual(os.stat(self.file()).st_ino, before)
        self.assertEqual(os.stat(self.file()).st_mode & 0o7777, 0o640)
        self.assertEqual(os.stat(self.out).st_mode & 0o7777, 0o700)
        self.assertEqual(os.listdir(self.out), ['policy.mdb'])

    @unittest.skipUnless(CC, 'no C compiler')
    def test_link_in_place_of_the_new_folder(self):
        """Whoever owns the folder around it gets no other one given away."""
        place = os.path.join(self.tmp, 'place')
        env = self.shim(SWAPPED_FOLDER)
        os.mkdir(place, 0o700)
        for out in self.out, self.out + '/':
            r = self.ctl('backup ' + out, rc=None, env={**env, 'PLACE': place})
            self.assertIn('cannot open the folder ' + out, r.err)
            self.assertNotEqual(r.rc, 0)
            self.assertEqual(os.stat(place).st_mode & 0o7777, 0o700)
            self.assertEqual(os.listdir(place), [])
            os.unlink(self.out)

    @unittest.skipUnless(CC, 'no C compiler')
    def test_links_while_the_copy_is_made(self):
        """Whoever may write in the folder, or around it, has no other file written."""
        env = {**self.shim(SWAPPED_NAME), 'AWAY': os.path.join(self.tmp, 'away')}
        place = os.path.join(self.tmp, 'place')
        os.mkdir(self.out)
        with open(place, 'wb'):
            pass
        env.update(PLACE=place, NAME=self.file() + '.new')
        r = self.ctl('backup ' + self.out, rc=73, env=env)
        self.assertIn('another program', r.err)
        self.assertEqual(os.path.getsize(place), 0)
        self.assertEqual(os.listdir(self.out), [])
        os.unlink(place)
        os.mkdir(place, 0o700)
        env.update(NAME=self.out, AWAY=os.path.join(self.tmp, 'away2'))
        self.ctl('backup ' + self.out, env=env)
        self.assertEqual(os.listdir(place), [])
        self.assertEqual(os.listdir(env['AWAY']), ['policy.mdb'])

    @unittest.skipUnless(ROOT, 'needs root to give files away')
    def test_owner(self):
        os.chown(self.dir, 7, 11)
        os.chown(self.path(), 13, 12)
        self.ctl('backup ' + self.out)
        folder, data = os.stat(self.out), os.stat(self.file())
        self.assertEqual((folder.st_uid, folder.st_gid), (7, 11))
        self.assertEqual((data.st_uid, data.st_gid), (13, 12))

    def as_user(self, *groups):
        def become():
            os.setgroups(groups)
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return become

    @unittest.skipUnless(ROOT, 'needs root to become another user')
    def test_user_of_the_group(self):
        """Who may read may copy; what cannot be given to the group is kept
        from everybody else."""
        os.chmod(self.tmp, 0o755)
        for name in '.', 'policy.mdb':
            os.chown(self.path(name), 0, 11)
        home = os.path.join(self.tmp, 'home')
        os.mkdir(home)
        os.chown(home, NOBODY, NOBODY)
        self.out = os.path.join(home, 'backup')
        self.ctl('backup ' + self.out, preexec_fn=self.as_user(11))
        folder, data = os.stat(self.out), os.stat(self.file())
        self.assertEqual((folder.st_uid, folder.st_gid), (NOBODY, 11))
        self.assertEqual((data.st_uid, data.st_gid), (NOBODY, 11))
        self.assertEqual(data.st_mode & 0o7777, 0o640)
        for name in '.', 'policy.mdb':
            os.chmod(self.path(name), 0o777)
        os.chmod(self.path(), 0o644)
        shutil.rmtree(self.out)
        self.ctl('backup ' + self.out, preexec_fn=self.as_user())
        folder, data = os.stat(self.out), os.stat(self.file())
        self.assertEqual((data.st_uid, data.st_gid), (NOBODY, NOBODY))
        self.assertEqual(data.st_mode & 0o7777, 0o600)
        self.assertEqual(folder.st_mode & 0o7777, 0o700)
        os.chmod(self.path('policy.writers'), 0o600)
        self.fails('restore ' + self.out, 77, 'permission denied',
                   preexec_fn=self.as_user())
        os.chmod(home, 0o555)
        self.fails('backup %s/other' % home, 77, home + '/other',
                   preexec_fn=self.as_user())

    def test_refused(self):
        """Never over a database that is in use, nor over what is no file."""
        self.refused('backup ' + self.dir, 73, 'state folder itself')
        link = os.path.join(self.tmp, 'link')
        os.symlink(self.dir, link)
        self.refused('backup ' + link, 73, 'state folder itself')
        self.refused('backup %s/no/such' % self.tmp, 73, '/no/such')
        self.refused('backup ' + self.path(), 73, self.path())
        self.refused('backup', 64)
        self.refused('backup %s --force' % self.out, 64, '--force')
        for name in 'policy.writers', 'usage':
            with self.subTest(name):
                os.mkdir(self.out)
                open(self.file(name), 'w').close()
                self.refused('backup ' + self.out, 73, name,
                             'a folder of its own')
                self.assertEqual(os.listdir(self.out), [name])
                shutil.rmtree(self.out)
        other = os.path.join(self.tmp, 'other')
        subprocess.run([harness.CTL, '-d', other, 'init'], check=True,
                               stdout=subprocess.DEVNULL)
        before = self.read(other + '/policy.mdb')
        self.refused('backup ' + other, 73, 'in use')
        self.assertEqual(self.read(other + '/policy.mdb'), before)
        for make in (os.mkdir, os.mkfifo,
                     lambda path: os.symlink(self.path(), path)):
            os.mkdir(self.out)
            make(self.file())
            self.refused('backup ' + self.out, 73, 'no regular file')
            shutil.rmtree(self.out)
        os.mkdir(self.out)
        os.link(self.path(), self.file())
        self.refused('backup ' + self.out, 73, 'the database itself')
        self.ctl('verify')

    def read(self, path):
        with open(path, 'rb') as f:
            return f.read()

    def test_damaged_source(self):
        self.ctl('backup ' + self.out)
        before = self.read(self.file())
        with open(self.path(), 'r+b') as f:
            f.seek(8192)
            f.write(bytes(os.stat(self.path()).st_size - 8192))
        self.fails('backup ' + self.out, 69)
        self.fails('backup %s2' % self.out, 69)
        self.assertFalse(os.path.exists(self.out + '2'))
        self.assertEqual(self.read(self.file()), before)
        self.assertEqual(os.listdir(self.out), ['policy.mdb'])

    def test_looked_at(self):
        """To look at a backup leaves nothing in it."""
        self.ctl('backup ' + self.out)
        state, self.dir = self.dir, self.out
        self.ctl('verify')
        self.assertEqual(self.digest(), self.first)
        self.dir = state
        self.assertEqual(os.listdir(self.out), ['policy.mdb'])
        self.later()
        self.ctl('restore ' + self.out)
        self.assertEqual(self.digest(), self.first)
        self.ctl('mailbox set more@a.test --smtp-auth enabled')
        self.ctl('backup ' + self.out)
        self.assertEqual(os.listdir(self.out), ['policy.mdb'])

    def test_stale_files_go(self):
        os.mkdir(self.out)
        for name in 'policy.mdb.new', 'policy.mdb.before':
            with open(self.file(name), 'w') as f:
                f.write('left')
        self.ctl('backup ' + self.out)
        self.assertEqual(sorted(os.listdir(self.out)),
                         ['policy.mdb', 'policy.mdb.before'])

    def test_two_at_once(self):
        os.mkdir(self.out)
        folder = os.open(self.out, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        self.refused('backup ' + self.out, 75, 'try again')
        os.close(folder)
        self.ctl('backup ' + self.out)

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_full_disk(self):
        self.fill(80)
        os.mkdir(self.out)
        for size in range(4, 256, 28):
            self.mount('-t', 'tmpfs', '-o', 'size=%dk' % size, 'tmpfs',
                       self.out)
            r = self.ctl('backup ' + self.out, rc=(0, 75))
            if r.rc == 0:
                break
            self.assertEqual(os.listdir(self.out), [], size)
            self.assertEqual(len(r.err.splitlines()), 1)
            self.ctl('backup %s/sub' % self.out, rc=75)
            self.assertEqual(os.listdir(self.out), [], size)
        self.assertGreater(size, 4)
        self.assertEqual(r.rc, 0)
        # the next one has no room beside it
        self.refused('backup ' + self.out, 75)
        self.assertEqual(os.listdir(self.out), ['policy.mdb'])
        self.later()
        self.ctl('restore ' + self.out)

    def test_file_size_limit(self):
        self.fill(20)
        for size in 0, 4096, 16384:
            self.fails(
                'backup ' + self.out, (74, 75),
                preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (size, size)))
            self.assertFalse(os.path.exists(self.out))

    def test_beside_writers(self):
        """Each backup is of one moment, whatever goes on."""
        stop = threading.Event()
        done, live = [], self.dir

        def write(n):
            i = 0
            while not stop.is_set():
                i += 1
                subprocess.run(
                    [harness.CTL, '-d', live, 'mailbox', 'set',
                     'w%d-%d@a.test' % (n, i % 50), '--smtp-auth',
                     ('enabled', 'disabled', 'inherit')[i % 3]],
                    check=True, stdout=subprocess.DEVNULL, env=harness.ENV)
            done.append(i)

        threads = [threading.Thread(target=write, args=(n,))
                   for n in range(4)]
        for thread in threads:
            thread.start()
        digests = set()
        for _ in range(25):
            made = self.json('backup ' + self.out)
            self.dir = self.out
            self.assertEqual(self.json('verify')['records'], made['records'])
            self.assertEqual(self.digest(), made['policy_digest'])
            self.dir = live
            digests.add(made['policy_digest'])
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(len(done), 4)
        self.assertGreater(len(digests), 12)
        self.ctl('verify')


    def write_all(self, rows, word):
        rows = ''.join('u%06d@a.test,%s\n' % (n, word) for n in range(rows))
        self.ctl('import', '-', '--force',
                 stdin='address,smtp_auth\n' + rows)

    @harness.at_length
    def test_overtaken(self):
        """What it reads while others write over it is no damage."""
        rows = 60000
        self.write_all(rows, 'enabled')
        made = self.file('policy.mdb.new')
        process = subprocess.Popen(
            [harness.CTL, '-d', self.dir, 'backup', self.out],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=harness.ENV)
        harness.wait_for(lambda: process.poll() is not None or
                         os.path.exists(made) and os.stat(made).st_size > 1e6)
        self.assertIsNone(process.poll())
        harness.freeze(process)
        for word in 'inherit', 'enabled', 'disabled':
            self.write_all(rows, word)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=harness.TIMEOUT)
        self.assertEqual((process.returncode, err), (0, b''))
        digest = self.digest()
        self.dir = self.out
        self.assertEqual(self.digest(), digest)


class Restore(Restored):

    def test_what_it_says(self):
        r = self.json('restore ' + self.out)
        self.assertEqual(r, {
            'dir': self.out, 'restored': 'policy', 'created': 0, 'changed': 1,
            'removed': 1, 'cause': None, 'kept': None, 'locks_kept': 0,
            'locks_lost': False, 'policy_digest': self.first})
        self.assertEqual(self.digest(), self.first)
        entries = self.status()['audit_count']
        r = self.json('restore ' + self.out)
        self.assertEqual(r['restored'], 'nothing')
        self.assertEqual(self.status()['audit_count'], entries)
        os.remove(self.path())
        r = self.json('restore ' + self.out)
        self.assertEqual(
            [r['restored'], r['kept'], r['cause'], r['policy_digest']],
            ['file', None, 'there was none', self.first])
        self.assertEqual(self.status()['audit_count'], entries - 2)

    def test_words(self):
        r = self.ctl('restore ' + self.out)
        self.assertIn('0 created, 1 changed, 1 removed', r.out)
        r = self.ctl('restore ' + self.out)
        self.assertIn('already', r.out)
        with open(self.path(), 'w') as f:
            f.write('x' * 10000)
        r = self.ctl('restore ' + self.out)
        for words in ('replaced', 'not a policy database',
                      'audit log since that backup is gone',
                      self.path('policy.mdb.damaged')):
            self.assertIn(words, r.out)
        with open(self.path('policy.mdb.damaged')) as f:
            self.assertEqual(f.read(), 'x' * 10000)

    def test_refused(self):
        nowhere = os.path.join(self.tmp, 'nowhere')
        self.refused('restore ' + nowhere, 66, nowhere)
        self.refused('restore ' + self.path(), 66, self.path())
        self.refused('restore ' + self.tmp, 66, self.tmp + '/policy.mdb')
        self.refused('restore ' + self.dir, 65, 'state folder itself')
        self.refused('restore', 64)
        with open(self.file(), 'rb') as f:
            content = bytearray(f.read())
        damages = {'empty': b'', 'text': b'text' * 3000,
                   'short': content[:8192 + 100],
                   'zero': content[:8192] + bytes(len(content) - 8192)}
        for name, damaged in damages.items():
            with self.subTest(name):
                with open(self.file(), 'wb') as f:
                    f.write(damaged)
                self.refused('restore ' + self.out, 69, self.out,
                             'cannot be used')

    def test_an_empty_backup(self):
        """What it would let pass, nobody may have meant."""
        live, empty = self.dir, os.path.join(self.tmp, 'empty')
        self.dir = os.path.join(self.tmp, 'new')
        self.ctl('init')
        self.ctl('backup ' + empty)
        self.ctl('restore ' + self.out)
        self.ctl('restore %s --force' % empty)
        self.ctl('restore ' + empty)        # empty is what it is
        self.dir = live
        self.refused('restore ' + empty, 65, 'holds no policy', '--force')
        with open(self.path(), 'r+b') as f:
            f.truncate(4096)
        r = self.ctl('restore ' + empty, rc=65)
        self.assertIn('--force', r.err)
        self.ctl('restore %s --force' % empty)
        self.ctl('verify')
        os.remove(self.path())              # what is left tells of a policy
        r = self.ctl('restore ' + empty, rc=65)
        self.assertIn('--force', r.err)
        self.assertFalse(os.path.exists(self.path()))
        self.ctl('restore %s --force' % empty)
        for name in 'never', 'bare':        # and where none has ever been
            self.dir = os.path.join(self.tmp, name)
            if name == 'bare':
                os.mkdir(self.dir)
            self.ctl('restore ' + empty)
            self.ctl('verify')

    def test_files_like_init(self):
        os.remove(self.path())
        if ROOT:
            os.chown(self.dir, -1, 11)
        for umask in 0o077, 0:
            self.ctl('restore ' + self.out,
                     preexec_fn=lambda: os.umask(umask))
            self.assertEqual(self.mode('policy.mdb'), '0o640')
            self.assertEqual(self.mode('policy.writers'), '0o640')
            self.assertEqual(self.mode('policy.turn'), '0o600')
            for name in 'policy.mdb', 'policy.writers':
                self.assertEqual(os.stat(self.path(name)).st_gid,
                                 os.stat(self.dir).st_gid)
            os.remove(self.path())

    def test_new_machine(self):
        """Where not even the state folder is there."""
        self.dir = os.path.join(self.tmp, 'new')
        self.ctl('restore ' + self.out)
        self.assertEqual(self.digest(), self.first)
        self.assertEqual(sorted(os.listdir(self.dir)), [
            'policy.mdb', 'policy.turn', 'policy.writers', 'usage'])
        self.ctl('mailbox set more@a.test --smtp-auth enabled')
        self.ctl('verify')

    @unittest.skipUnless(ROOT, 'needs root to mount')
    def test_read_only_backup(self):
        self.mount('--bind', self.out, self.out)
        r = subprocess.run(['mount', '-o', 'remount,bind,ro', self.out],
                           stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no mount here: ' + r.stderr.decode().strip())
        self.ctl('restore ' + self.out)
        self.assertEqual(self.digest(), self.first)
        os.remove(self.path())
        self.ctl('restore ' + self.out)
        self.assertEqual(self.digest(), self.first)
        self.refused('backup ' + self.out, 77)
        self.dir = self.out
        self.ctl('verify')      # who only reads needs no right to write

    @unittest.skipUnless(ROOT, 'needs root to mount a tmpfs')
    def test_full_disk(self):
        """No room for the new file: the old one stays, whatever it is."""
        self.fill(60)
        self.ctl('backup ' + self.out)
        self.dir = os.path.join(self.tmp, 'small')
        os.mkdir(self.dir)
        self.mount('-t', 'tmpfs', '-o', 'size=40k', 'tmpfs', self.dir)
        with open(self.path(), 'w') as f:
            f.write('x' * 10)
        self.fails('restore ' + self.out, 75)
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ['policy.mdb', 'policy.turn', 'policy.writers'])
        with open(self.path()) as f:
            self.assertEqual(f.read(), 'x' * 10)


if __name__ == '__main__':
    harness.main()
