#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""snapshot create, apply and show: keys, serials, damage, and the daemon that
runs meanwhile."""

import fcntl
import hashlib
import os
import random
import shutil
import stat
import struct
import subprocess
import time
import unittest

import harness
from mta import Mta

HEAD, SIGNATURE = 158, 64
ROUNDS = int(os.environ.get('SNAPSHOT_KILLS', 30))


def openssl(*argv, **keys):
    subprocess.run(['openssl', *argv], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, **keys)


def shell(command, folder):
    subprocess.run(command, shell=True, check=True, cwd=folder,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@unittest.skipUnless(shutil.which('openssl'), 'openssl is missing')
class Snapshots(harness.Case):
    """self.dir signs, self.other applies."""

    def setUp(self):
        super().setUp()
        self.here, self.other = self.dir, os.path.join(self.tmp, 'other')
        self.at(self.other).ctl('init')
        self.at(self.here)
        self.key, self.public = self.make_key('key')
        self.file = self.path('policy.snapshot')
        self.ctl('tenant add acme --domain acme.test')
        self.ctl('mailbox set ann@acme.test --smtp-auth enabled')

    def at(self, folder):
        self.dir = folder
        return self

    def path(self, name):
        return os.path.join(self.tmp, name)

    def write(self, name, content, mode=0o600):
        path = self.path(name)
        with open(path, 'wb') as f:
            f.write(harness.encode(content))
        os.chmod(path, mode)
        return path

    def read(self, path):
        with open(path, 'rb') as f:
            return f.read()

    def make_key(self, name, *how):
        key, public = self.path(name + '.pem'), self.path(name + '.pub')
        openssl('genpkey', *(how or ['-algorithm', 'ed25519']), '-out', key)
        os.chmod(key, 0o600)
        openssl('pkey', '-in', key, '-pubout', '-out', public)
        return key, public

    def create(self, *args, rc=0):
        return self.ctl('snapshot', 'create', self.file, '--key', self.key,
                        *args, rc=rc)

    def apply(self, *args, rc=0, trust=None, name=None, **keys):
        return self.ctl('snapshot', 'apply', name or self.file, '--trust',
                        trust or self.public, *args, rc=rc, **keys)

    def serial(self):
        return self.status()['snapshot_serial']

    def refuses(self, *words, rc=65, trust=None, name=None):
        """The other folder takes no byte of it."""
        self.at(self.other)
        before = self.status()
        self.refused(['snapshot', 'apply', name or self.file, '--trust',
                      trust or self.public], rc, *words)
        self.assertEqual(self.status(), before)
        self.at(self.here)

    def image(self, records, serial, name='made.snapshot'):
        """A snapshot that was not written by smtpauthctl: the format again."""
        body, last, total, counts = bytearray(), b'', 0, {}
        for key, value in sorted(records.items()):
            shared = len(os.path.commonprefix([last, key]))
            for number in shared, len(key) - shared:
                body += self.number(number)
            body += key[shared:] + self.number(len(value)) + value
            last = key
            counts[key[:1]] = counts.get(key[:1], 0) + 1
            total += int.from_bytes(hashlib.sha256(struct.pack(
                '>H', len(key)) + key + value).digest(), 'big')
        der = subprocess.run(
            ['openssl', 'pkey', '-in', self.key, '-pubout', '-outform', 'DER'],
            check=True, stdout=subprocess.PIPE).stdout
        head = b'smtpauth-snapshot\n' + struct.pack(
            '>IQQ5Q', 1, serial, int(time.time()),
            *(counts.get(kind, 0) for kind in (b's', b't', b'd', b'z', b'a')))
        head += (total % 2 ** 256).to_bytes(32, 'big')
        head += struct.pack('>Q', len(body)) + hashlib.sha256(body).digest()
        head += hashlib.sha256(der[-32:]).digest()[:8]
        self.assertEqual(len(head), HEAD)
        path = self.write('head', head)
        openssl('pkeyutl', '-sign', '-rawin', '-inkey', self.key, '-in', path,
                '-out', self.path('signature'))
        return self.write(name, head + self.read(self.path('signature'))
                          + body)

    def base(self):
        """Tenant acme, disabled, and its domain, as they are stored."""
        none = struct.pack('>q', -2 ** 63)
        return {b'tacme': b'\x01\x02\0\0' + 2 * none + bytes(6),
                b'dacme.test': b'\x01\x00\x04acme'}

    def number(self, n):
        return bytes([n]) if n < 128 else bytes([128 | n >> 8, n & 255])


class Create(Snapshots):

    def test_file(self):
        before = self.digest()
        made = self.json('snapshot', 'create', self.file, '--key', self.key)
        st = os.stat(self.file)
        self.assertEqual(stat.S_IMODE(st.st_mode), 0o640)
        self.assertEqual(self.digest(), before)
        self.assertEqual(made['policy_digest'], before)
        self.assertEqual(self.serial(), made['serial'])
        self.assertEqual({name: made[name] for name in (
            'settings', 'tenants', 'domains', 'mailboxes', 'aliases')}, {
                'settings': 0, 'tenants': 1, 'domains': 1, 'mailboxes': 1,
                'aliases': 0})
        self.assertLess(abs(made['serial'] - time.time()), 60)
        self.assertEqual(made['file'], self.file)
        self.assertEqual([n for n in os.listdir(self.tmp) if 'XX' in n
                          or n.startswith('policy.snapshot.')], [])
        self.ctl('verify')

    def test_serials_grow(self):
        serials = []
        for _ in range(3):
            self.create()
            serials.append(self.serial())
        self.assertEqual(serials, sorted(set(serials)))
        self.assertEqual(serials[2] - serials[1], 1)    # within a second

    def test_serial_of_a_clock_that_was_ahead(self):
        ahead = int(time.time()) + 10 ** 6
        self.apply(name=self.image({}, ahead), rc=65)   # empty: not taken
        self.apply('--force', name=self.image({}, ahead))
        self.create()
        self.assertEqual(self.serial(), ahead + 1)

    def test_highest_serial(self):
        self.apply('--force', name=self.image({}, 2 ** 63 - 1))
        self.refused(['snapshot', 'create', self.file, '--key', self.key], 65,
                     'the highest there is')
        self.assertFalse(os.path.exists(self.file))

    def test_one_audit_entry(self):
        before = self.status()
        self.create()
        after = self.status()
        self.assertEqual(after['audit_count'], before['audit_count'] + 1)
        self.assertNotEqual(after['audit_head'], before['audit_head'])

    def test_text(self):
        out = self.create().out
        for line in ('serial ', 'created ', 'key ', 'policy digest    '
                     + self.digest(), 'mailboxes        1', 'file '):
            self.assertIn(line, out)

    def test_pipe(self):
        """create - | apply -"""
        made = self.ctl('snapshot', 'create', '-', '--key', self.key)
        digest = self.digest()
        self.at(self.other)
        self.apply(name='-', stdin=made.raw)
        self.assertEqual(self.digest(), digest)
        self.refused(['snapshot', 'apply', '-', '--trust', self.public], 65,
                     'standard input', 'not complete')

    def test_failure_leaves_the_old_one(self):
        self.create()
        old, names = self.read(self.file), sorted(os.listdir(self.tmp))
        serial = self.serial()
        self.ctl('snapshot', 'create', self.file, '--key', self.public, rc=65)
        shutil.move(self.dir, self.dir + '.away')
        self.create(rc=69)
        shutil.move(self.dir + '.away', self.dir)
        self.assertEqual(self.read(self.file), old)
        self.assertEqual(sorted(os.listdir(self.tmp)), names)
        self.assertEqual(self.serial(), serial)

    def test_places_that_cannot_be(self):
        os.symlink('/dev/null', self.path('link'))
        os.mkfifo(self.path('fifo'))
        for name in self.path('link'), self.path('fifo'), self.tmp, \
                self.path('no/such/folder'), '/dev/full':
            self.refused(['snapshot', 'create', name, '--key', self.key], 73)
        self.assertEqual(self.serial(), 0)

    @unittest.skipUnless(os.path.exists('/dev/full'), 'no /dev/full')
    def test_output_that_cannot_be_written(self):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run(
                [harness.CTL, '-d', self.dir, 'snapshot', 'create', '-',
                 '--key', self.key], stdout=full, stderr=subprocess.PIPE,
                timeout=harness.TIMEOUT, check=False)
        self.assertIn(done.returncode, (74, 75), done.stderr)

    def test_damaged_policy_is_not_signed(self):
        path = os.path.join(self.dir, 'policy.mdb')
        content = self.read(path)
        self.assertIn(b'acme.test\0ann', content)
        with open(path, 'r+b') as f:
            f.write(content.replace(b'acme.test\0ann', b'acme.test\0bnn'))
        self.create(rc=69)
        self.assertFalse(os.path.exists(self.file))

    def test_others_can_write_meanwhile(self):
        """While the file is on its way to a reader that is slow."""
        many = {b'zacme.test\0u%06d' % n: b'\x01\x01'
                for n in range(20000)}
        many.update(self.base())
        self.apply(name=self.image(many, 1))
        argv = [harness.CTL, '-d', self.dir, 'snapshot', 'create', '-',
                '--key', self.key]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            first = process.stdout.read(1)              # and then waits
            digest = self.digest()
            start = time.monotonic()
            self.ctl('mailbox set later@acme.test --smtp-auth disabled')
            self.assertLess(time.monotonic() - start, 8)
            name = self.write('piped', first + process.stdout.read())
        self.assertEqual(process.returncode, 0)
        self.assertNotEqual(self.digest(), digest)
        self.at(self.other).apply(name=name)
        self.assertEqual(self.digest(), digest)


class Apply(Snapshots):

    def test_same_digest_on_another_machine(self):
        self.ctl('settings set enforce no')
        self.ctl('mailbox alias add ann@acme.test ann')
        self.ctl('tenant add beta --domain beta.test --note "a note"')
        self.create()
        digest, serial = self.digest(), self.serial()
        self.at(self.other)
        self.ctl('tenant add old --domain old.test')
        self.ctl('mailbox set x@old.test --smtp-auth enabled')
        out = self.apply().out
        self.assertEqual(out, 'serial %d: 7 created, 0 changed, 3 removed\n'
                         % serial)
        self.assertEqual((self.digest(), self.serial()), (digest, serial))
        self.ctl('verify')
        self.assertEqual(self.ctl('mailbox alias list').out.split()[-2:],
                         ['ann', 'ann@acme.test'])
        self.assertEqual(self.json('tenant show beta')['note'], 'a note')

    def test_the_next_one(self):
        self.create()
        self.at(self.other).apply()
        self.at(self.here)
        self.ctl('mailbox set ann@acme.test --smtp-auth disabled')
        self.ctl('mailbox set bob@acme.test --smtp-auth enabled')
        self.create()
        digest = self.digest()
        self.at(self.other)
        done = self.json('snapshot', 'apply', self.file, '--trust',
                         self.public)
        self.assertEqual(done, {'created': 1, 'changed': 1, 'removed': 0})
        self.assertEqual(self.digest(), digest)

    def test_an_audit_entry_an_object(self):
        self.create()
        self.at(self.other).apply()
        self.assertEqual(self.status()['audit_count'], 4)
        found = self.jsonl('audit', 'list', '--object', 'ann@acme.test')
        self.assertEqual([e['command'] for e in found], ['snapshot apply'])

    def test_again_changes_nothing(self):
        self.create()
        self.at(self.other).apply()
        before = self.status()
        data = os.path.join(self.dir, 'policy.mdb')
        written = os.stat(data).st_mtime_ns
        self.assertIn(': 0 created, 0 changed, 0 removed', self.apply().out)
        self.assertEqual(self.status(), before)
        self.assertEqual(os.stat(data).st_mtime_ns, written)

    def test_again_repairs_drift(self):
        self.create()
        digest = self.digest()
        self.at(self.other).apply()
        self.ctl('mailbox set ann@acme.test --smtp-auth disabled')
        self.ctl('tenant add mine --domain mine.test')
        self.assertIn(': 0 created, 1 changed, 2 removed', self.apply().out)
        self.assertEqual(self.digest(), digest)

    def test_new_serial_of_the_same_policy(self):
        self.create()
        self.at(self.other).apply()
        count = self.status()['audit_count']
        self.at(self.here).create()
        serial = self.serial()
        self.at(self.other).apply()
        self.assertEqual(self.serial(), serial)
        self.assertEqual(self.status()['audit_count'], count + 1)

    def test_older_serial(self):
        self.create()
        first, digest = self.serial(), self.digest()
        shutil.copy(self.file, self.path('first'))
        self.ctl('mailbox remove ann@acme.test')
        self.create()
        second = self.serial()
        self.at(self.other).apply()
        self.at(self.here)
        self.refuses('serial %d' % first, str(second), '--force',
                     name=self.path('first'))
        self.at(self.other)
        self.apply('--dry-run', name=self.path('first'), rc=65)
        self.apply('--force', name=self.path('first'))
        self.assertEqual((self.digest(), self.serial()), (digest, first))
        self.apply()                        # and forward again
        self.assertEqual(self.serial(), second)

    def test_one_serial_of_two_machines(self):
        """Neither is the older one: none takes the place of the other."""
        self.create()
        serial = self.serial()
        twin = self.image(self.base(), serial, 'twin')
        self.at(self.other).apply()
        self.refuses('serial %d' % serial, 'another policy', '--force',
                     name=twin)
        self.at(self.other).apply()         # the same again
        self.apply('--dry-run', name=twin, rc=65)
        self.apply('--force', name=twin)
        self.refuses('another policy')
        self.at(self.other).apply(name=twin)
        self.ctl('audit verify')

    def test_maker_applies_its_own(self):
        self.create()
        digest = self.digest()
        self.ctl('mailbox remove ann@acme.test')
        self.apply()                        # an equal serial: back to it
        self.assertEqual(self.digest(), digest)

    def test_empty(self):
        empty = self.path('empty')
        self.at(self.other)
        self.ctl('snapshot', 'create', empty, '--key', self.key)
        self.apply(name=empty)              # nothing here either
        self.at(self.here)
        self.refused(['snapshot', 'apply', empty, '--trust', self.public], 65,
                     'is empty', '--force')
        self.apply('--force', name=empty)
        self.assertEqual(self.status()['tenants'], 0)
        self.ctl('verify')

    def test_dry_run(self):
        self.create()
        self.at(self.other)
        self.ctl('tenant add old --domain old.test')
        self.ctl('tenant add acme --domain acme.test --smtp-auth enabled')
        before, data = self.status(), os.path.join(self.dir, 'policy.mdb')
        written = os.stat(data).st_mtime_ns
        self.assertEqual(self.apply('--dry-run').lines, [
            'remove domain old.test: tenant=old -> -',
            'change tenant acme: smtp-auth=enabled -> smtp-auth=disabled',
            'remove tenant old: smtp-auth=disabled -> -',
            'create mailbox ann@acme.test: - -> smtp-auth=enabled',
            '1 created, 1 changed, 2 removed'])
        found = self.jsonl('snapshot', 'apply', self.file, '--trust',
                           self.public, '--dry-run')
        self.assertEqual(found[-1],
                         {'created': 1, 'changed': 1, 'removed': 2})
        self.assertEqual(
            [(f['change'], f['type'], f['object']) for f in found[:-1]],
            [('remove', 'domain', 'old.test'), ('change', 'tenant', 'acme'),
             ('remove', 'tenant', 'old'),
             ('create', 'mailbox', 'ann@acme.test')])
        self.assertEqual(found[1]['before']['smtp_auth'], 'enabled')
        self.assertEqual(found[1]['after']['smtp_auth'], 'disabled')
        self.assertIsNone(found[3]['before'])
        self.assertIsNone(found[2]['after'])
        self.assertEqual(self.status(), before)
        self.assertEqual(os.stat(data).st_mtime_ns, written)

    def test_dry_run_into_a_pipe_that_nobody_reads(self):
        """It holds no writer up."""
        many = {b'zacme.test\0u%06d' % n: b'\x01\x01'
                for n in range(5000)}
        name = self.image(many, 1)
        argv = [harness.CTL, '-d', self.other, 'snapshot', 'apply', name,
                '--trust', self.public, '--dry-run']
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            first = process.stdout.read(1)
            self.at(self.other).ctl('tenant add later')
            rest = process.stdout.read()
        self.assertEqual(process.returncode, 0)
        self.assertEqual((first + rest).splitlines()[-1],
                         b'5000 created, 0 changed, 0 removed')

    def test_format(self):
        """A file made by another program by what the header file says."""
        self.create()
        found = self.json('snapshot', 'show', self.file)
        records = {b'zacme.test\0ann': b'\x01\x01', **self.base()}
        made = self.image(records, found['serial'])
        shown = self.json('snapshot', 'show', made, '--trust', self.public)
        for name, value in shown.items():
            if name not in ('created', 'verified'):
                self.assertEqual(value, found[name], name)
        self.assertEqual(self.read(made)[HEAD + SIGNATURE:],
                         self.read(self.file)[HEAD + SIGNATURE:])

    def test_waits_for_its_turn_and_no_longer(self):
        """It verifies without the lock, and takes it then."""
        self.create()
        with open(os.path.join(self.other, 'policy.writers'), 'rb+') as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            fcntl.flock(f, fcntl.LOCK_EX)
            self.ctl('snapshot', 'show', self.file, '--trust', self.public)
            self.at(self.other).apply(trust=self.key, rc=65)    # at once
            done = subprocess.Popen(
                [harness.CTL, '-d', self.other, 'snapshot', 'apply',
                 self.file, '--trust', self.public],
                stdout=subprocess.PIPE)
            time.sleep(0.3)
            self.assertIsNone(done.poll())
        self.assertEqual(done.wait(harness.TIMEOUT), 0)
        done.stdout.close()


class Refused(Snapshots):

    def setUp(self):
        super().setUp()
        self.create()

    def test_keys_to_sign_with(self):
        rsa, rsa_public = self.make_key('rsa', '-algorithm', 'RSA')
        ec, _ = self.make_key('ec', '-algorithm', 'EC', '-pkeyopt',
                              'ec_paramgen_curve:P-256')
        ed448, _ = self.make_key('ed448', '-algorithm', 'ed448')
        shell('openssl rsa -in rsa.pem -traditional -out old.pem;'
              'openssl ecparam -genkey -name prime256v1 -out params.pem;'
              'openssl pkey -in key.pem -aes256 -passout pass:x -out enc.pem;'
              'openssl rsa -in rsa.pem -traditional -aes128 -passout pass:x'
              ' -out oldenc.pem; chmod 600 *.pem', self.tmp)
        make = 'openssl genpkey -algorithm ed25519'
        for name, rc, *words in (
                (rsa, 65, 'RSA', make), (ec, 65, 'EC', make),
                (ed448, 65, 'ED448', make),
                (self.path('old.pem'), 65, 'RSA', make),
                (self.path('params.pem'), 65, 'EC', make),
                (self.path('enc.pem'), 65, 'passphrase', 'openssl pkey'),
                (self.path('oldenc.pem'), 65, 'passphrase'),
                (self.public, 65, 'public key'),
                (rsa_public, 65, 'public key'),
                (self.write('empty', ''), 65, 'empty'),
                (self.write('text', 'hello\n'), 65, 'not PEM'),
                (self.write('binary', bytes(range(256)) * 9), 65, 'not PEM'),
                (self.write('long', b'\n' * 65536), 65, 'too long'),
                (self.path('none'), 66, 'No such file'),
                (self.tmp, 74, 'directory')):
            self.refused(['snapshot', 'create', self.path('new'), '--key',
                          name], rc, name, *words)
            self.assertFalse(os.path.exists(self.path('new')))
        self.refused(['snapshot', 'create', self.path('new')], 64, '--key')

    def test_keys_to_trust(self):
        _, rsa = self.make_key('rsa', '-algorithm', 'RSA')
        _, other = self.make_key('another')
        shell('openssl req -x509 -key key.pem -subj /CN=x -out cert.crt',
              self.tmp)
        for name, rc, *words in (
                (rsa, 65, 'RSA', 'openssl genpkey -algorithm ed25519'),
                (self.path('rsa.pem'), 65, 'private key', '-pubout'),
                (self.key, 65, 'private key', '-pubout'),
                (self.path('cert.crt'), 65, 'CERTIFICATE'),
                (self.write('empty', ''), 65, 'empty'),
                (self.write('text', 'hello\n'), 65, 'not PEM'),
                (self.path('none'), 66, 'No such file'),
                (other, 65, 'signed with the key')):
            self.refuses(*words, rc=rc, trust=name)
        self.refused(['snapshot', 'apply', self.file], 64, '--trust')

    def test_rotation(self):
        old = self.read(self.public)
        key, public = self.make_key('next')
        both = self.write('both', b'the old one\n' + old + b'the next one\n'
                          + self.read(public))
        self.at(self.other).apply(trust=both)
        self.at(self.here)
        self.ctl('mailbox remove ann@acme.test')
        self.ctl('snapshot', 'create', self.file, '--key', key)
        self.refuses('signed with the key', 'the trusted one is')
        self.at(self.other)
        self.apply(trust=both)
        self.apply(trust=public)
        bad = self.write('bad', self.read(public)
                         + old.replace(b'MCow', b'M_ow'))
        self.at(self.here)
        self.refuses('damaged', trust=bad)

    @harness.at_length
    def test_each_byte_of_head_and_signature(self):
        content = bytearray(self.read(self.file))
        self.at(self.other)
        before, empty = self.status(), 0
        name = self.path('flipped')
        for i in range(HEAD + SIGNATURE):
            content[i] ^= 1 << i % 8
            self.write('flipped', content)
            content[i] ^= 1 << i % 8
            done = self.apply(name=name, rc=65)
            self.assertIn(name, done.err)
            empty += done.out == ''
        self.assertEqual(empty, HEAD + SIGNATURE)
        self.assertEqual(self.status(), before)

    def test_body_ends_and_more(self):
        content = self.read(self.file)
        bad = bytearray(content)
        bad[-1] ^= 1
        for change, *words in (
                (bytes(bad), 'altered'), (content[:-1], 'not complete'),
                (content[:HEAD], 'not complete'), (b'', 'not complete'),
                (content + b'\n', 'longer'), (content * 2, 'longer'),
                (content.replace(b'\n', b'\r\n', 1), 'not a snapshot'),
                (b'\xef\xbb\xbf' + content, 'not a snapshot'),
                (b'<html>404</html>' * 99, 'not a snapshot')):
            self.refuses(*words, name=self.write('changed', change))

    def test_files_that_are_none(self):
        os.mkfifo(self.path('fifo'))
        self.refuses('No such file', rc=66, name=self.path('none'))
        for name in self.path('fifo'), self.tmp, '/dev/null':
            self.refuses('no regular file', name=name)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root')
    def test_files_that_may_not_be_read(self):
        for name in self.key, self.file:
            os.chmod(name, 0)
        os.chmod(self.tmp, 0o755)
        os.chmod(self.other, 0o755)
        drop = {'user': 65534, 'group': 65534, 'extra_groups': []}
        self.at(self.other)
        self.apply(rc=77, **drop)
        self.ctl('snapshot', 'show', self.file, rc=77, **drop)
        self.at(self.here)
        self.ctl('snapshot', 'create', self.path('new'), '--key', self.key,
                 rc=77, **drop)

    def test_key_that_others_can_read(self):
        for mode, warned in (0o600, 0), (0o400, 0), (0o640, 1), (0o644, 1):
            os.chmod(self.key, mode)
            err = self.create().err
            self.assertEqual('warning' in err, bool(warned), oct(mode))
            self.assertEqual('chmod 600' in err, bool(warned))

    def test_no_database(self):
        shutil.rmtree(self.other)
        self.at(self.other)
        self.assertIn('init', self.apply(rc=69).err)


class Show(Snapshots):

    def test_show(self):
        self.create()
        shutil.rmtree(self.dir)         # it needs none
        found = self.json('snapshot', 'show', self.file)
        self.assertEqual(sorted(found), sorted([
            'serial', 'created', 'key', 'policy_digest', 'settings',
            'tenants', 'domains', 'mailboxes', 'aliases', 'verified']))
        self.assertIs(found['verified'], False)
        self.assertRegex(found['key'], r'^[0-9a-f]{16}$')
        self.assertIs(self.json('snapshot', 'show', self.file, '--trust',
                                self.public)['verified'], True)
        self.assertIn('not checked',
                      self.ctl('snapshot', 'show', self.file).out)
        self.assertRegex(self.ctl('snapshot', 'show', self.file, '--trust',
                                  self.public).out, r'(?m)^signature +holds$')

    def test_altered(self):
        self.create()
        content = bytearray(self.read(self.file))
        content[-1] ^= 1
        self.write('altered', content)
        self.ctl('snapshot', 'show', self.path('altered'))
        self.ctl('snapshot', 'show', self.path('altered'), '--trust',
                 self.public, rc=65)
        self.ctl('snapshot', 'show', self.public, rc=65)


class Daemon(Snapshots):

    def test_next_mail_from(self):
        self.create()
        shutil.copy(self.file, self.path('first'))
        self.ctl('mailbox set ann@acme.test --smtp-auth disabled')
        self.ctl('mailbox set bob@acme.test --smtp-auth enabled')
        self.create()
        self.at(self.other)
        self.ctl('settings set unknown-tenant reject')
        with harness.Daemon(self) as daemon, Mta(daemon) as mta:
            daemon.wait_log('verified')
            self.assertIn('550', mta.mail('ann@acme.test'))
            for _ in range(5):
                self.apply('--force', name=self.path('first'))
                self.assertEqual(mta.mail('ann@acme.test'), 'a')
                self.assertIn('550', mta.mail('bob@acme.test'))
                self.apply()
                self.assertIn('550', mta.mail('ann@acme.test'))
                self.assertEqual(mta.mail('bob@acme.test'), 'a')

    def policy(self, name, ann, bob):
        records = {b'zacme.test\0u%05d' % n: b'\x01\x01'
                   for n in range(ann, 20000, 2)}
        records.update(self.base())
        records[b'zacme.test\0ann'] = bytes([1, ann])
        records[b'zacme.test\0bob'] = bytes([1, bob])
        return self.image(records, 7, name)

    def kill_in(self, argv, seconds):
        """Whether it was killed rather than done."""
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
            time.sleep(seconds)
            process.kill()
            return process.wait() != 0

    @harness.at_length
    def test_killed(self):
        """Old or new, and the daemon says so, too."""
        files = [self.policy('one', 1, 2), self.policy('two', 2, 1)]
        self.at(self.other)
        digests, longest = [], 0
        for name in files:
            start = time.monotonic()
            self.apply('--force', name=name)
            longest = max(longest, time.monotonic() - start)
            digests.append(self.digest())
        answers = {digests[0]: ('a', True), digests[1]: (True, 'a')}
        rng, killed, old = random.Random(5), 0, 0
        with harness.Daemon(self) as daemon, Mta(daemon) as mta:
            daemon.wait_log('verified')
            for i in range(ROUNDS):
                now = self.digest()
                name = files[digests.index(now) ^ 1]
                killed += self.kill_in(
                    [harness.CTL, '-d', self.dir, 'snapshot', 'apply', name,
                     '--trust', self.public, '--force'],
                    i and rng.uniform(0, longest))
                then = self.digest()
                self.assertIn(then, digests)
                old += then == now
                found = tuple(
                    answer == 'a' and answer or answer.startswith('550')
                    for answer in map(mta.mail, ('ann@acme.test',
                                                 'bob@acme.test')))
                self.assertEqual(found, answers[then])
                self.ctl('verify')
        print('# %d of %d were killed, %d before the commit; %.0f ms each' % (
            killed, ROUNDS, old, 1000 * longest))
        self.assertGreater(killed, 0)


if __name__ == '__main__':
    harness.main()
