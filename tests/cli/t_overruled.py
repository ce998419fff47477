#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What holds now instead of a setting that was made is said by whatever changes or
shows that setting."""

import shlex

import harness

FUTURE = '2098-01-05T00:00:00Z'


class Overruled(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled')

    def says(self, command, *words):
        """The command works, and a line on standard error has the words."""
        result = self.ctl(command)
        lines = [line for line in result.err.splitlines()
                 if all(word in line for word in words)]
        self.assertEqual(len(lines), 1, str(result))

    def silent(self, command):
        self.assertEqual(self.ctl(command).err, '')

    def words(self, *args):
        return self.json(*args)['overruled_by']


class Tenant(Overruled):

    OFF = 'tenant set acme --smtp-auth disabled'

    def overruled(self, word, *said):
        self.says(self.OFF, 'tenant acme', 'smtp-auth disabled', 'overruled', *said)
        for args in (shlex.split(self.OFF), ['tenant', 'show', 'acme'],
                     ['tenant', 'list'],
                     ['Get-TransportConfig', '-Organization', 'acme']):
            self.assertEqual(self.words(*args), [word], args)
        self.assertIn('overruled by', self.ctl('tenant show acme').out)
        self.assertIn(word, self.ctl('tenant list').out)
        self.says('Set-TransportConfig -Organization acme '
                  '-SmtpClientAuthenticationDisabled True', 'overruled', *said)

    def test_nothing(self):
        self.silent(self.OFF)
        self.assertEqual(self.words('tenant', 'show', 'acme'), [])
        self.assertNotIn('overruled', self.ctl('tenant show acme').out)
        self.assertNotIn('OVERRULED', self.ctl('tenant list').out)

    def test_date(self):
        self.ctl('tenant set acme --enforce-from ' + FUTURE)
        self.overruled('enforce_from', FUTURE)
        self.ctl('tenant set acme --enforce-from 2001-01-01')
        self.silent(self.OFF)

    def test_report_mode(self):
        self.ctl('tenant set acme --action report')
        self.overruled('action', 'report')
        self.ctl('tenant set acme --action default')
        self.ctl('settings set action report')
        self.overruled('action', 'report')

    def test_dry_run(self):
        self.ctl('settings set enforce no')
        self.overruled('enforce', 'enforce is no')

    def test_exemptions(self):
        self.ctl('settings set exempt-clients 192.0.2.0/24')
        self.overruled('exempt_clients', 'exempt-clients')
        self.ctl('settings unset exempt-clients')
        self.ctl('settings set exempt-listeners WEBMAIL')
        self.overruled('exempt_listeners', 'exempt-listeners')

    def test_lock(self):
        self.ctl('tenant lock acme')
        self.silent(self.OFF)
        self.says('tenant set acme --smtp-auth enabled', 'overruled', 'locked')
        self.assertEqual(self.words('tenant', 'show', 'acme'), ['lock'])
        self.ctl('tenant unlock acme')
        self.assertEqual(self.words('tenant', 'show', 'acme'), [])

    def test_several(self):
        self.ctl('settings set enforce no')
        self.ctl('tenant set acme --action report --enforce-from ' + FUTURE)
        self.assertEqual(self.words('tenant', 'show', 'acme'),
                         ['enforce', 'action', 'enforce_from'])

    def test_contradictory_dates(self):
        for command in (
                'tenant set acme --enforce-from 2098-02-15 --tempfail-until 2098-02-10',
                'tenant add new --enforce-from 2098-02-15 '
                '--tempfail-until 2098-02-10'):
            self.refused(command, 65, 'tempfail-until', 'enforce-from')
        self.ctl('tenant set acme --enforce-from 2098-02-15')
        self.refused('tenant set acme --tempfail-until 2098-02-10', 65, 'none')
        # the day is included
        self.ctl('tenant set acme --tempfail-until 2098-02-15')

    def test_no_option(self):
        self.refused('tenant set acme', 64, '--smtp-auth')
        self.refused('tenant set nobody', 1, 'nobody')


class Mailbox(Overruled):

    def overruled(self, setting, word, *said):
        command = 'mailbox set u@acme.test --smtp-auth ' + setting
        self.says(command, 'mailbox u@acme.test', 'smtp-auth ' + setting,
                  'overruled', *said)
        for args in (shlex.split(command), ['mailbox', 'show', 'u@acme.test'],
                     ['mailbox', 'list'], ['Get-CASMailbox', 'u@acme.test']):
            self.assertEqual(self.words(*args), [word], args)
        self.assertIn(word, self.ctl('mailbox list').out)

    def test_nothing(self):
        for setting in 'enabled', 'disabled':
            self.silent('mailbox set u@acme.test --smtp-auth ' + setting)
            self.assertEqual(self.words('mailbox', 'show', 'u@acme.test'), [])

    def test_locks(self):
        for lock, unlock in (('mailbox lock u@acme.test', 'mailbox unlock u@acme.test'),
                             ('tenant lock acme', 'tenant unlock acme')):
            self.ctl(lock)
            self.overruled('enabled', 'lock', 'locked')
            self.silent('mailbox set u@acme.test --smtp-auth disabled')
            self.ctl(unlock)

    def test_dry_run_and_exemption(self):
        self.ctl('settings set enforce no')
        self.overruled('disabled', 'enforce', 'enforce is no')
        self.silent('mailbox set u@acme.test --smtp-auth enabled')
        self.ctl('settings set enforce yes')
        self.ctl('settings set exempt-listeners WEBMAIL')
        self.overruled('disabled', 'exempt_listeners', 'exempt-listeners')

    def test_report_mode_does_not_concern_it(self):
        self.ctl('tenant set acme --action report')
        self.silent('mailbox set u@acme.test --smtp-auth disabled')

    def test_time_that_is_over(self):
        self.ctl('import -', stdin='{"type":"mailbox","address":"u@acme.test",'
                 '"smtp_auth":"enabled","until":"2001-01-01T00:00:00Z"}\n')
        self.assertEqual(self.words('mailbox', 'show', 'u@acme.test'), ['until'])

    def test_change_drops_until_and_clients(self):
        set_up = ('mailbox set u@acme.test --smtp-auth enabled --until %s '
                  '--clients 192.0.2.0/24' % FUTURE)
        for change in ('mailbox set u@acme.test --smtp-auth disabled',
                       'Set-CASMailbox u@acme.test '
                       '-SmtpClientAuthenticationDisabled True'):
            self.ctl(set_up)
            result = self.ctl(change)
            self.assertIn('until %s ended' % FUTURE, result.err)
            self.assertIn('clients ended', result.err)
            shown = self.json('mailbox show u@acme.test')
            self.assertEqual((shown['smtp_auth'], shown['until'], shown['clients']),
                             ('disabled', None, []))

    def test_the_same_setting_keeps_them(self):
        self.ctl('mailbox set u@acme.test --smtp-auth enabled --until %s '
                 '--clients 192.0.2.0/24' % FUTURE)
        self.silent('mailbox set u@acme.test --smtp-auth enabled')
        self.silent('mailbox set u@acme.test --note x')
        shown = self.json('mailbox show u@acme.test')
        self.assertEqual((shown['until'], shown['clients']),
                         (FUTURE, ['192.0.2.0/24']))

    def test_what_is_told_is_kept(self):
        self.ctl('mailbox set u@acme.test --smtp-auth enabled --until ' + FUTURE)
        self.silent('mailbox set u@acme.test --smtp-auth disabled --until 2098-02-01')
        self.assertEqual(self.json('mailbox show u@acme.test')['until'],
                         '2098-02-02T00:00:00Z')

    def test_no_option(self):
        self.refused('mailbox set u@acme.test', 64, '--smtp-auth')


class Settings(Overruled):

    def test_what_the_setting_means(self):
        self.says('settings set enforce no', 'nothing is denied')
        self.says('settings set action report', 'logged only')

    def test_what_an_imported_setting_means(self):
        for key, value, words in (('enforce', 'no', 'nothing is denied'),
                                  ('action', 'report', 'logged only')):
            row = '{"type":"setting","key":"%s","value":"%s"}\n' % (key, value)
            self.assertIn(words, self.ctl('import -', stdin=row).err)
            self.assertEqual(self.ctl('import -', stdin=row).err, '')

    def test_overruled(self):
        self.ctl('settings set enforce no')
        for command in ('settings set action tempfail',
                        'settings set unknown-tenant reject',
                        'settings set invalid-login tempfail'):
            self.says(command, 'overruled', 'enforce is no')
            self.assertEqual(self.words(*shlex.split(command)), ['enforce'])
        self.ctl('settings set enforce yes')
        for command in ('settings set action reject',
                        'settings set unknown-tenant tempfail'):
            self.silent(command)
            self.assertEqual(self.words(*shlex.split(command)), [])

    def test_enforce_yes_in_report_mode(self):
        self.ctl('settings set action report')
        self.says('settings set enforce yes', 'overruled', 'report')

    def test_non_default_ones_are_marked(self):
        self.assertNotIn('CHANGED', self.ctl('settings show').out)
        self.ctl('settings set reply-style exchange')
        self.ctl('settings set help-url https://help.test/')
        marked = [line.split()[0] for line in self.ctl('settings show').lines
                  if '*' in line]
        self.assertEqual(marked, ['reply-style', 'help-url'])


class Status(Overruled):

    def first(self):
        return self.ctl('status', rc=(0, 3)).lines[0]

    def test_begins_with_what_is_enforced(self):
        self.assertRegex(self.first(), '^enforced .*1 of 1 tenants denied')
        self.ctl('tenant set acme --action report')
        self.assertRegex(self.first(), '^enforced .*0 of 1.*1 reported only')
        self.ctl('settings set enforce no')
        self.assertRegex(self.first(), '^enforced .*NOTHING.*enforce is no')

    def test_json(self):
        self.ctl('tenant add open --smtp-auth enabled')
        self.ctl('tenant add later --enforce-from ' + FUTURE)
        self.ctl('tenant add report --action report')
        self.ctl('settings set exempt-clients 192.0.2.1,192.0.2.2')
        self.assertEqual(self.status()['enforcement'], {
            'enforce': True, 'action': 'reject', 'denied': 1, 'reported': 1,
            'scheduled': 1, 'enabled': 1, 'exempt_clients': 2,
            'exempt_listeners': None})


if __name__ == '__main__':
    harness.main()
