#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A database of a machine with another word size, and how its policy gets
here; one that does not fit into the address space; times after 2038, where a
word of 32 bits ends."""

import os
import resource
import struct

from fake_clock import FakeClock
import harness

HERE = struct.calcsize('P')
THERE = 12 - HERE       # 4 on 64 bit, 8 on 32 bit
PAGE = 4096
MADE = 'made on a machine of another word size or byte order'
LIMIT = 100 << 20


def image():
    """What an LMDB of there writes first: two meta pages of no records."""
    word = '<Q' if THERE == 8 else '<I'
    pages = b''
    for number in 0, 1:
        page = struct.pack(word, number) + struct.pack('<HHI', 0, 8, 0)
        page += struct.pack('<II', 0xBEEFC0DE, 1)
        page += struct.pack(word, 0) + struct.pack(word, 1 << 20)
        page += struct.pack('<I', PAGE)
        pages += page.ljust(PAGE, b'\0')
    return pages


class OtherWord(harness.Case):

    def setUp(self):
        super().setUp()
        self.ctl('tenant add acme --domain acme.test')
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        self.backup = os.path.join(self.tmp, 'backup')
        self.ctl('backup ' + self.backup)
        self.live = os.path.join(self.dir, 'policy.mdb')

    def put_image(self, path):
        with open(path, 'wb') as f:
            f.write(image())

    def kept(self, path):
        with open(path, 'rb') as f:
            self.assertEqual(f.read(), image())

    def test_commands_say_it_and_keep_the_file(self):
        self.put_image(self.live)
        for command in ('status', 'verify', 'check u@acme.test', 'export',
                        'mailbox set u@acme.test --smtp-auth enabled',
                        'backup %s/other' % self.tmp):
            r = self.ctl(command, rc=69)
            self.assertIn(MADE + '; export it there', r.err)
            self.assertIn(self.live, r.err)
            self.assertEqual(r.out, '')
        self.kept(self.live)

    def test_daemon_defers_and_says_it(self):
        self.put_image(self.live)
        with harness.Daemon(self) as daemon:
            daemon.wait_log(MADE)
        self.kept(self.live)

    def test_backup_of_there_is_refused(self):
        self.put_image(os.path.join(self.backup, 'policy.mdb'))
        digest = self.digest()
        self.refused('restore ' + self.backup, 69, MADE)
        self.assertEqual(self.digest(), digest)

    def test_backup_of_here_replaces_it(self):
        digest = self.digest()
        self.put_image(self.live)
        self.ctl('restore ' + self.backup)
        self.assertEqual(self.digest(), digest)

    def test_export_is_the_way_across(self):
        """The policy of there is what the backup has."""
        there = self.ctl('export').out
        os.unlink(self.live)
        self.ctl('init --new-policy')
        self.ctl('import -', stdin=there)
        self.assertEqual(self.ctl('export').out, there)


class AddressSpace(harness.Case):

    def limited(self):
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))

    def test_file_that_does_not_fit(self):
        live = os.path.join(self.dir, 'policy.mdb')
        size = os.path.getsize(live)
        os.truncate(live, 512 << 20)
        r = self.ctl('status', rc=75, preexec_fn=self.limited)
        self.assertRegex(r.err, r'outgrown its address space.*\(512 MiB\)')
        os.truncate(live, size)
        self.ctl('verify')


class Times(harness.Case):

    def test_last_dates_come_back_as_they_were(self):
        self.ctl('tenant add acme --domain acme.test '
                 '--enforce-from 9999-12-20 '
                 '--tempfail-until 9999-12-29T23:59:59Z')
        self.ctl('mailbox set u@acme.test --smtp-auth enabled '
                 '--until 9999-12-29')
        tenant = self.json('tenant show acme')
        self.assertEqual((tenant['enforce_from'], tenant['tempfail_until']),
                         ('9999-12-20T00:00:00Z', '9999-12-29T23:59:59Z'))
        self.assertEqual(self.json('mailbox show u@acme.test')['until'],
                         '9999-12-30T00:00:00Z')
        text, digest = self.ctl('export').out, self.digest()
        self.assertEqual(text.count('9999-12-'), 3)
        self.dir += '2'
        self.ctl('init')
        self.ctl('import -', stdin=text)
        self.assertEqual(self.ctl('export').out, text)
        self.assertEqual(self.digest(), digest)

    def test_clock_after_2038(self):
        """The end of an exception comes, and the audit log has the day."""
        clock = FakeClock(self.tmp)
        env = {**clock.env, 'ASAN_OPTIONS': 'verify_asan_link_order=0'}
        self.ctl('tenant add acme --domain acme.test')
        self.ctl('mailbox set u@acme.test --smtp-auth enabled '
                 '--until 2105-06-01')
        year = 31556952
        for ahead, verdict in (70, 'allow'), (100, 'reject'):
            clock.set(ahead * year)
            r = self.ctl('check u@acme.test', rc=None, env=env)
            self.assertRegex(r.out, r'(?m)^verdict +' + verdict)
        self.ctl('tenant set acme --smtp-auth enabled', env=env)
        last = self.jsonl('audit list')[-1]
        self.assertRegex(last['when'], '^21')


if __name__ == '__main__':
    harness.main()
