#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What would let logins pass that are refused now needs --force, and says which logins
of the recorded usage that are."""

import os
import time

import harness
from usage_case import DAY, Usage

BOB = 'bob@shut.test'


class Guard(Usage):

    given = (*harness.Case.given,
             'tenant add shut --domain shut.test --smtp-auth disabled',
             'tenant add open --domain open.test --smtp-auth enabled')

    def seen(self, *logins, days=1, client='192.0.2.7'):
        self.fill(*((login, self.now - days * DAY, 'denied', 3, client, 'PLAIN')
                    for login in logins))

    def guarded(self, command, *words):
        """It is refused; a dry run says the same and changes nothing; --force does it."""
        self.refused(command, 65, '--force', *words)
        before = self.digest()
        dry = self.ctl(command + ' --dry-run')
        for word in words:
            self.assertIn(word, dry.err)
        self.assertEqual(self.digest(), before)
        forced = self.ctl(command + ' --force')
        for word in words:
            self.assertIn(word, forced.err)
        self.assertNotEqual(self.digest(), before)

    def free(self, command):
        self.assertEqual(self.ctl(command).err, '')


class Tenant(Guard):

    def test_remove_names_the_logins(self):
        self.seen(BOB, 'amy@shut.test', 'kim@open.test')
        self.guarded('tenant remove shut', '2 logins of the last 90 days',
                     'refused now, would pass', BOB, 'amy@shut.test')

    def test_remove_with_mailboxes_says_both(self):
        self.ctl('mailbox set x@shut.test --smtp-auth disabled')
        self.seen(BOB)
        self.guarded('tenant remove shut', 'mailboxes', 'denies SMTP AUTH',
                     'would pass')

    def test_remove_without_recorded_use(self):
        self.guarded('tenant remove shut', 'would pass')

    def test_remove_of_an_enabled_one(self):
        self.seen('kim@open.test')
        self.free('tenant remove open')

    def test_remove_of_an_enabled_one_with_a_blocked_mailbox(self):
        self.ctl('mailbox set kim@open.test --smtp-auth disabled')
        self.seen('kim@open.test')
        self.guarded('tenant remove open', 'kim@open.test')

    def test_usage_that_is_damaged(self):
        """It is not said of the policy database, however far it could be read."""
        self.seen(BOB, 'amy@shut.test')
        path = os.path.join(self.dir, 'usage', 'usage.mdb')
        with open(path, 'rb') as file:
            image = file.read()
        with open(path, 'r+b') as file:
            file.write(image.replace(b'shut.test\0bob', b'shut.test\0b\nb'))
        said = 'the database is damaged: the usage of this machine'
        self.guarded('tenant remove shut', 'would pass is not known: ' + said)
        self.refused('usage', 69, said)

    def test_old_use_does_not_count(self):
        self.ctl('settings set usage-retention 400')
        self.ctl('settings set unknown-tenant reject')
        self.seen(BOB, days=100)
        self.free('tenant remove shut')


class Domain(Guard):

    def test_move_to_one_that_lets_pass(self):
        self.seen(BOB, 'other@open.test')
        self.guarded('domain move shut.test open', '1 login of', BOB,
                     'tenant shut denies', 'tenant open does not')

    def test_move_out_of_a_locked_tenant(self):
        self.ctl('tenant lock shut')
        self.guarded('domain move shut.test open', 'shut')

    def test_move_to_one_that_denies(self):
        self.ctl('tenant add shut2 --smtp-auth disabled')
        self.seen(BOB)
        self.free('domain move shut.test shut2')

    def test_move_to_one_that_denies_less(self):
        for options in ('--action report', '--blocks passwords',
                        '--enforce-from 2098-01-01'):
            with self.subTest(options):
                self.ctl('tenant add less --smtp-auth disabled ' + options)
                self.guarded('domain move shut.test less', 'tenant shut denies',
                             'does not deny as much')
                self.ctl('tenant set shut ' + options)
                self.free('domain move shut.test shut')
                self.ctl('domain move shut.test less')
                self.ctl('domain move shut.test shut')
                self.ctl('tenant set shut --action default --blocks all'
                         ' --enforce-from none')
                self.refused('audit undo %d' % (self.status()['audit_count'] - 1),
                             65, 'does not deny as much')
                self.ctl('tenant remove less --force')

    def test_move_to_one_whose_lock_has_ended(self):
        end = int(time.time()) + 5
        self.ctl('tenant lock open --until '
                 + time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(end)))
        harness.wait_for(lambda: time.time() > end, what='end of the lock')
        self.guarded('domain move shut.test open', 'tenant open does not')

    def test_move_of_an_open_one(self):
        self.seen('kim@open.test')
        self.free('domain move open.test shut')

    def test_remove(self):
        self.seen(BOB)
        self.guarded('domain remove shut.test', BOB)

    def test_a_dry_run_says_what_would_be(self):
        self.assertIn('would belong to tenant open',
                      self.ctl('domain move shut.test open --dry-run').out)
        self.assertIn('would be removed',
                      self.ctl('domain remove shut.test --dry-run').out)
        self.assertIn('would be mailbox', self.ctl(
            'mailbox alias add %s bob --dry-run' % BOB).out)

    def test_remove_from_a_locked_tenant(self):
        self.ctl('tenant lock shut')
        result = self.refused('domain remove shut.test', 65, 'is locked')
        self.assertEqual(result.err.count('--force'), 1)


class Settings(Guard):

    def test_unset_unknown_tenant(self):
        self.ctl('settings set unknown-tenant reject')
        self.seen('who@nowhere.test', BOB)
        self.guarded('settings unset unknown-tenant', 'who@nowhere.test', '1 login')

    def test_unset_of_the_default(self):
        self.free('settings unset unknown-tenant')

    def test_accept_unknown_tenant_as_it_is_used(self):
        self.ctl('settings set unknown-tenant tempfail')
        self.seen('who@nowhere.test')
        self.guarded('settings set unknown-tenant accept', 'who@nowhere.test')

    def test_wide_networks(self):
        for net in '0.0.0.0/0', '10.0.0.0/8', '192.0.0.0/2', '2000::/3':
            for verb in 'set', 'add':
                self.guarded('settings %s exempt-clients %s' % (verb, net), net, '/16')
                self.free('settings unset exempt-clients')

    def test_wide_networks_are_named_once(self):
        self.ctl('settings set exempt-clients 10.0.0.0/8 --force')
        self.free('settings add exempt-clients 192.0.2.0/24')
        self.free('settings set exempt-clients 10.0.0.0/8')

    def test_narrow_networks(self):
        for net in '192.0.2.0/24', '10.9.0.0/16', '2001:db8::/32':
            self.free('settings add exempt-clients ' + net)

    def test_network_that_use_came_from(self):
        self.seen(BOB, 'amy@shut.test', client='198.51.100.7')
        self.guarded('settings add exempt-clients 198.51.100.0/24', '2 logins', BOB)

    def test_network_that_most_use_came_from(self):
        self.seen('kim@open.test', 'pat@open.test', client='198.51.100.7')
        self.guarded('settings set exempt-clients 198.51.100.0/24',
                     '6 of 6 submissions', 'exempt')

    def test_network_of_others(self):
        self.seen(BOB, client='198.51.100.7')
        self.free('settings add exempt-clients 192.0.2.0/24')

    def test_names_that_make_another_mailbox(self):
        self.ctl('tenant add bare --domain bare.test --smtp-auth disabled')
        self.ctl('settings set default-domain bare.test')
        self.seen('scanner')
        self.guarded('settings unset default-domain', 'scanner')

    def test_many_logins(self):
        self.seen(*('u%d@shut.test' % n for n in range(9)))
        self.guarded('tenant remove shut', '9 logins', 'and others')


class Alias(Guard):

    def test_remove(self):
        self.ctl('mailbox alias add %s bob' % BOB)
        self.seen('bob')
        self.guarded('mailbox alias remove bob', '1 login', 'bob')

    def test_remove_where_nobody_logs_in(self):
        self.ctl('mailbox alias add %s bob' % BOB)
        self.free('mailbox alias remove bob')


if __name__ == '__main__':
    harness.main()
