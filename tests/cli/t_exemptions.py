#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An exemption that covers what submits needs --force, and says what it opens."""

import os

import harness
from mta import Mta
from usage_case import DAY, Usage

MOST = 'of logins last seen there, which would be exempt from the policy'


class Exemptions(Usage):

    given = ('init',
             'tenant add open --domain open.test --smtp-auth enabled',
             'tenant add shut --domain shut.test --smtp-auth disabled')

    def seen(self, login, n, client='-', listener='-', kind='allowed', days=1):
        self.fill((login, self.now - days * DAY, kind, n, client, 'PLAIN', '-',
                   listener))

    def needs_force(self, command, *words):
        self.refused('settings ' + command, 65, *words, '--force')
        said = self.ctl('settings %s --dry-run' % command).err
        for word in words:
            self.assertIn(word, said)
        self.assertIn('warning: ', self.ctl('settings %s --force' % command).err)

    def test_listener_that_most_came_from(self):
        self.seen('a@open.test', 6, listener='MSA')
        self.seen('b@open.test', 4, listener='webmail')
        self.seen('old@open.test', 100, listener='webmail', days=100)
        self.assertEqual(self.ctl('settings add exempt-listeners webmail').err,
                         '')
        self.ctl('settings unset exempt-listeners')
        # whatever its case: it is compared without
        self.needs_force('add exempt-listeners msa', '6 of 10 submissions', MOST)

    def test_half_is_not_most(self):
        self.seen('a@open.test', 5, listener='MSA')
        self.seen('b@open.test', 5)
        self.assertEqual(self.ctl('settings set exempt-listeners MSA').err, '')

    def test_network_that_most_came_from(self):
        self.seen('a@open.test', 6, client='192.0.2.1')
        self.seen('b@open.test', 4, client='198.51.100.1')
        self.ctl('settings add exempt-clients 198.51.100.0/24')
        # of b there is nothing left that it would change
        self.needs_force('add exempt-clients 192.0.2.0/24',
                         '6 of 10 submissions', MOST)

    def test_logins_that_would_pass(self):
        self.seen('a@open.test', 100, listener='MSA')
        self.seen('x@shut.test', 1, kind='denied', listener='ORIGINATING')
        self.needs_force('add exempt-listeners originating',
                         '1 login of the last 90 days, refused now, would pass: '
                         'x@shut.test')

    def test_usage_without_listeners(self):
        """As older versions recorded it."""
        self.seen('a@open.test', 6)
        self.seen('b@open.test', 4, listener='MSA')
        said = self.ctl('settings add exempt-listeners MSA').err
        self.assertIn('the listener of 6 of 10 submissions of the last 90 days '
                      'is not known', said)
        self.assertEqual(said.count('\n'), 1)
        for command in ('add exempt-clients 192.0.2.1',
                        'set exempt-listeners msa',
                        'remove exempt-listeners MSA'):
            self.assertEqual(self.ctl('settings ' + command).err, '', command)

    def test_usage_that_cannot_be_read(self):
        """It could hide what would pass; it does not keep an exemption alive."""
        self.ctl('settings set exempt-clients 192.0.2.1')
        self.ctl('settings set exempt-listeners MSA,webmail')
        self.seen('a@open.test', 1)
        os.truncate(os.path.join(self.dir, 'usage', 'usage.mdb'), 5000)
        for command in ('add exempt-clients 192.0.2.2',
                        'set exempt-listeners web'):
            self.needs_force(command, 'which logins would pass is not known')
        for command in ('remove exempt-clients 192.0.2.1',
                        'set exempt-listeners WEB',
                        'unset exempt-listeners', 'unset exempt-clients'):
            self.assertEqual(self.ctl('settings ' + command).err, '', command)

    def test_usage_of_other_names(self):
        """No such submission was seen, so nothing is known to open."""
        self.seen('x@shut.test', 1, kind='denied', listener='MSA')
        self.assertEqual(self.ctl('settings add exempt-listeners web').err, '')

    def test_the_daemon_records_the_listener(self):
        long = 'l' * 81
        with harness.Daemon(self, usage_flush='1') as daemon:
            daemon.wait_log('verified')
            with Mta(daemon) as mta:
                for login, name in (('a', 'MSA'), ('b', 'MSA'), ('c', long)):
                    mta.mail(login + '@open.test', daemon_name=name)
            harness.wait_for(lambda: len(self.rows()) == 3, what='usage')
        self.needs_force('add exempt-listeners MSA', '2 of 3 submissions')
        # one that is longer than what is kept is not known
        self.ctl('settings unset exempt-listeners')
        self.ctl('settings add exempt-listeners ' + long)


if __name__ == '__main__':
    harness.main()
