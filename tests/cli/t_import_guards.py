#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What import refuses without --force, and what it says of settings that do not hold."""

import os
import time

import harness
from usage_case import Usage

HEAD = 'address,smtp_auth\n'
EXCHANGE = 'PrimarySmtpAddress,SmtpClientAuthenticationDisabled\n'


class Case(harness.Case):

    given = (*harness.Case.given,
             'tenant add shut --domain s.test --smtp-auth disabled',
             'tenant add open --domain o.test --smtp-auth enabled')

    def load(self, content, *options, rc=0):
        path = os.path.join(self.tmp, 'file')
        with open(path, 'wb') as f:
            f.write(harness.encode(content))
        return self.ctl('import', path, *options, rc=rc)

    def guarded(self, content, *expected, options=()):
        """Refused, told by a dry run, and done with --force."""
        before = self.digest()
        r = self.load(content, *options, rc=65)
        self.assertEqual(r.out, '')
        dry = self.load(content, *options, '--dry-run')
        self.assertIn('--force', r.err)
        for word in expected:
            self.assertIn(word, r.err)
            self.assertIn(word, dry.err)
        self.assertIn('warning: ', dry.err)
        self.assertEqual(self.digest(), before)
        forced = self.load(content, *options, '--force')
        for word in expected:
            self.assertIn(word, forced.err)
        self.assertNotIn('--force', forced.err)
        self.assertNotEqual(self.digest(), before)
        return r

    def exceptions(self, domain, setting, n=10):
        self.load(HEAD + ''.join('u%02d@%s,%s\n' % (i, domain, setting)
                                 for i in range(n)))

    def rows(self, domain, numbers, setting='inherit'):
        return HEAD + ''.join('u%02d@%s,%s\n' % (i, domain, setting)
                              for i in numbers)


class Exceptions(Case):

    def test_over_a_fifth_of_a_tenant(self):
        self.exceptions('s.test', 'enabled')
        self.exceptions('o.test', 'disabled', 100)    # of another tenant
        self.guarded(self.rows('s.test', range(3)),
                     '3 of the 10 exceptions of tenant shut would end',
                     'smtp-auth disabled of the tenant would hold',
                     'would be refused: u00@s.test, u01@s.test, u02@s.test')

    def test_up_to_a_fifth(self):
        self.exceptions('s.test', 'enabled')
        self.assertEqual(self.load(self.rows('s.test', range(2))).err, '')

    def test_what_would_pass(self):
        self.exceptions('o.test', 'disabled')
        self.load(self.rows('o.test', range(2), 'enabled'))
        self.guarded(self.rows('o.test', range(6)),
                     '4 of the 10 exceptions of tenant open would end',
                     'smtp-auth enabled of the tenant would hold',
                     'these would pass: u02@o.test, u03@o.test, u04@o.test '
                     'and others')

    def test_exchange_column(self):
        self.exceptions('s.test', 'enabled', 5)
        self.guarded(EXCHANGE + 'u00@s.test,\nu01@s.test,\nu02@s.test,False\n',
                     '2 of the 5 exceptions of tenant shut')

    def test_by_json_lines(self):
        self.exceptions('s.test', 'enabled', 5)
        self.guarded(''.join('{"type":"mailbox","address":"u%02d@s.test"}\n' % n
                             for n in range(3)), '3 of the 5 exceptions')

    def test_new_ones_do_not_hide_it(self):
        self.exceptions('s.test', 'enabled', 5)
        more = ''.join('n%02d@s.test,enabled\n' % n for n in range(50))
        self.guarded(self.rows('s.test', range(2)) + more,
                     '2 of the 5 exceptions')

    def test_other_settings_are_no_end(self):
        """Whoever writes the contrary means it; what has expired is over."""
        self.exceptions('s.test', 'enabled', 5)
        self.load(self.rows('s.test', range(5), 'disabled'))
        self.load('address,smtp_auth,until\n' + ''.join(
            'u%02d@s.test,enabled,2020-01-01\n' % n for n in range(5)))
        self.load(self.rows('s.test', range(5)))

    def test_what_the_tenant_says_itself(self):
        self.exceptions('s.test', 'disabled', 5)
        self.load(self.rows('s.test', range(5)))

    def test_of_the_catch_all_tenant(self):
        self.ctl('domain add open *')
        self.exceptions('nowhere.test', 'disabled', 5)
        self.guarded(self.rows('nowhere.test', range(2)),
                     '2 of the 5 exceptions of tenant open', 'would pass')

    def test_replace_one_tenant(self):
        """A fifth of the exceptions, though not of the records."""
        self.exceptions('s.test', 'enabled', 4)
        self.load('address,smtp_auth,note\n' + ''.join(
            'n%02d@s.test,inherit,n\n' % n for n in range(10)))
        text = self.ctl('export --format csv --tenant shut').out
        text = ''.join(line for line in text.splitlines(True)
                       if not line.startswith(('u00', '"u00')))
        self.guarded(text, '1 of the 4 exceptions of tenant shut',
                     options=['--replace', '--tenant', 'shut'])

    def test_replace_all(self):
        self.exceptions('s.test', 'enabled', 4)
        self.exceptions('o.test', 'disabled', 20)
        text = ''.join(line for line in self.ctl('export').out.splitlines(True)
                       if 'u00@s.test' not in line)
        self.guarded(text, '1 of the 4 exceptions of tenant shut',
                     options=['--replace'])


class Blank(Case):

    def test_a_column_without_values(self):
        self.exceptions('s.test', 'enabled', 50)
        self.exceptions('o.test', 'disabled', 1)
        self.guarded(EXCHANGE + 'u00@s.test,\nu01@s.test,\n',
                     'SmtpClientAuthenticationDisabled is empty in all rows',
                     'may not have been exported')

    def test_null_is_a_value(self):
        self.exceptions('s.test', 'enabled', 50)
        self.load(EXCHANGE + 'u00@s.test,$null\nu01@s.test,\n')

    def test_one_value(self):
        self.exceptions('s.test', 'enabled', 50)
        self.load(EXCHANGE + 'u00@s.test,\nu01@s.test,False\n')

    def test_a_heading_alone(self):
        r = self.load(EXCHANGE)
        self.assertEqual(r.out, '0 created, 0 changed, 0 removed\n')
        self.assertIn('warning: there is no row in ', r.err)

    def test_networks_and_times(self):
        """A column that an export has left out clears them for all."""
        for n in range(3):
            self.ctl('mailbox', 'set', 'u%d@s.test' % n, '--smtp-auth', 'enabled',
                     '--clients', '192.0.2.0/24', '--until', '+30d')
        head = 'address,smtp_auth,%s\n'
        rows = 'u0@s.test,enabled,%s\nu1@s.test,enabled,\n'
        self.load(head % 'note' + rows % '')
        self.load(head % 'clients' + rows.replace('u1', 'u2') % '10.0.0.0/8')
        self.guarded(head % 'clients' + rows % '',
                     'the column clients is empty in all rows: 2 exceptions '
                     'would hold from everywhere, u0@s.test first')
        self.guarded(head % 'until' + rows % '',
                     'the column until is empty in all rows: 2 settings would '
                     'have no end, u0@s.test first')
        # what is not set already, and what ends with its setting
        self.load(head % 'until' + rows % '')
        self.load(head % 'until' + 'u2@s.test,disabled,\n')

    def test_times_that_are_over(self):
        """An expired setting must not hold again because of an empty column."""
        head = 'address,smtp_auth,until\n'
        rows = 'a@s.test,enabled,%s\nb@s.test,enabled,%s\nc@o.test,disabled,%s\n'
        over = '2020-01-01'
        self.load(head + rows % (over, over, over))
        self.guarded(head + rows % ('', '', ''),
                     'the column until is empty in all rows: 3 expired settings '
                     'would hold again, without an end, a@s.test first')
        self.load(head + rows % (over, '2099-01-01', over))
        dry = self.load(head + rows % ('', '', ''), '--dry-run').err
        self.assertIn('1 setting would have no end, b@s.test first', dry)
        self.guarded(head + rows % ('', '', ''), '2 expired settings would hold')
        self.load(head + rows % (over, over, over))
        self.guarded(EXCHANGE.replace('\n', ',until\n') + 'b@s.test,False,\n',
                     '1 expired setting would', 'b@s.test first')

    def test_times_that_are_over_told(self):
        """Who sets it anew means it, and is told that it has no end."""
        head = 'address,smtp_auth,until\n'
        said = '1 expired setting holds again, without an end, a@s.test first'
        for again in ('address,smtp_auth\na@s.test,enabled\n',
                      head + 'a@s.test,enabled,\nb@s.test,enabled,2099-01-01\n',
                      '{"type":"mailbox","address":"a@s.test",'
                      '"smtp_auth":"enabled"}\n'):
            with self.subTest(again=again):
                self.load(head + 'a@s.test,enabled,2020-01-01\n')
                self.assertIn(said, self.load(again, '--dry-run').err)
                self.assertIn(said, self.load(again).err)
                self.assertNotIn('holds again', self.load(again).err)
        self.load(head + 'a@s.test,enabled,2020-01-01\n')
        for other in ('inherit,', 'disabled,', 'enabled,2099-01-01'):
            self.assertNotIn('hold', self.load(
                head + 'a@s.test,%s\n' % other, '--force').err)

    def test_a_dry_run_says_all(self):
        self.exceptions('o.test', 'disabled', 5)
        r = self.load(EXCHANGE + ''.join('u%02d@o.test,\n' % n
                                         for n in range(5)), '--dry-run')
        self.assertIn('is empty in all rows', r.err)
        self.assertIn('5 of the 5 exceptions of tenant open', r.err)


class Empty(Case):

    def test_replace(self):
        self.exceptions('s.test', 'enabled')
        self.guarded(HEAD, 'is empty', options=['--replace', '--tenant', 'shut'])

    def test_a_pipeline_that_failed(self):
        for options in (), ('--format', 'csv'), ('--format', 'access'):
            csv = 'csv' in options
            r = self.ctl('import', '-', *options, rc=65 if csv else 0)
            self.assertIn('there is no line' if csv else 'there is no row in '
                          'standard input', r.err)

    def test_without_a_tenant(self):
        self.assertIn('--tenant', self.load(HEAD, '--replace', rc=64).err)
        self.load(HEAD, '--replace', '--force', rc=64)


class Dropped(Case):
    """A change of smtp-auth ends until and clients, and says so."""

    def test_until_and_clients(self):
        self.load('address,smtp_auth,until,clients\n'
                  'a@s.test,enabled,2099-01-01,192.0.2.0/24\n'
                  'b@s.test,enabled,,192.0.2.0/24\nc@s.test,enabled,,\n'
                  'd@s.test,enabled,2020-01-01,\n')
        rows = HEAD + ''.join(u + '@s.test,disabled\n' for u in 'abcd')
        said = ('until or clients of 2 mailboxes ended with the old smtp-auth, '
                'a@s.test first\n')
        self.assertIn(said, self.load(rows, '--dry-run').err)
        self.assertIn(said, self.load(rows).err)
        self.assertIsNone(self.json('mailbox show a@s.test')['until'])
        self.assertNotIn('ended', self.load(rows).err)

    def test_what_the_file_says(self):
        self.load('address,smtp_auth,until\na@s.test,enabled,2099-01-01\n')
        self.assertNotIn('ended', self.load(
            'address,smtp_auth,until\na@s.test,disabled,2099-06-01\n').err)


class Opening(Case, Usage):
    """What a command would ask for, import asks for."""

    def setUp(self):
        super().setUp()
        # so that a fifth of all is much
        for i in range(20):
            self.ctl('tenant', 'add', 'more%d' % i, '--smtp-auth', 'enabled')

    def test_a_domain_that_moves(self):
        text = self.ctl('export').out
        moved = text.replace('"s.test"', '').replace(
            '"o.test"', '"o.test","s.test"')
        self.guarded(moved, 'domain s.test would go from tenant shut, which denies',
                     'to tenant open', 'would pass', options=['--replace'])
        self.assertEqual(self.json('check u@s.test')['verdict'], 'allow')
        self.load(text, '--replace')    # to where it is denied again

    def test_a_domain_that_moves_to_a_tenant_that_denies(self):
        text = self.ctl('export').out.replace('"s.test"', '"x.test"')
        self.load(text + '{"type":"tenant","name":"new","domains":["s.test"],'
                  '"smtp_auth":"disabled"}\n', '--replace')
        self.ctl('check u@s.test', rc=11)

    def test_a_domain_that_moves_to_a_tenant_that_denies_less(self):
        text = self.ctl('export').out.replace('"s.test"', '"x.test"')
        for field in '"action":"report"', '"blocks":"passwords"', \
                '"enforce_from":"2100-01-01T00:00:00Z"':
            self.guarded(text + '{"type":"tenant","name":"new","domains":["s.test"],'
                         '"smtp_auth":"disabled",%s}\n' % field,
                         'to tenant new, which does not, or not as much',
                         options=['--replace'])
            self.ctl('tenant remove new --force')
            self.ctl('domain add shut s.test')

    def test_unknown_tenant_is_not_in_the_file(self):
        text = self.ctl('export').out
        self.ctl('settings set unknown-tenant reject')
        self.guarded(text, 'unknown-tenant is not in the file', 'would pass',
                     options=['--replace'])
        self.ctl('settings set unknown-tenant reject')
        self.load('{"type":"setting","key":"unknown-tenant","value":"accept"}\n' +
                  text, '--replace')

    def test_a_wide_network(self):
        row = '{"type":"setting","key":"exempt-clients","value":["%s"]}\n'
        self.load(row % '192.0.2.0/24')
        self.guarded(row % '10.0.0.0/8', 'network 10.0.0.0/8 of exempt-clients')
        self.load(row % '10.0.0.0/8')   # which it is already
        self.load(self.ctl('export').out, '--replace')

    def test_a_tenant_that_goes(self):
        text = ''.join(line for line in self.ctl('export').out.splitlines(True)
                       if '"shut"' not in line)
        self.guarded(text, 'would be removed, domain s.test first, and '
                     'unknown-tenant is accept', options=['--replace'])

    def test_a_tenant_that_goes_to_that_of_all_others(self):
        self.ctl('settings set unknown-tenant reject')
        self.ctl("tenant add any --smtp-auth enabled --domain '*'")
        text = ''.join(line for line in self.ctl('export').out.splitlines(True)
                       if '"shut"' not in line)
        self.guarded(text, 'would be removed, domain s.test first, and '
                     'the tenant of * may not deny', options=['--replace'])
        self.ctl('tenant add shut --smtp-auth disabled --domain s.test')
        self.load(text.replace('"domains":["*"],"smtp_auth":"enabled"',
                               '"domains":["*"],"smtp_auth":"disabled"'), '--replace')
        self.ctl('check u@s.test', rc=11)

    def test_settings_that_exempt_and_accept(self):
        """As "settings set" asks, whether the rest of the policy is there or not."""
        now = int(time.time())
        self.fill(*((login, now - 86400, 'denied', 3, '192.0.2.7', 'PLAIN', '-', 'MUA')
                    for login in ('bob@s.test', 'kim@s.test')))
        self.fill(('x@nobody.test', now - 86400, 'denied', 1, '198.51.100.1', 'PLAIN'))
        self.ctl('settings set unknown-tenant reject')
        text = self.ctl('export').out
        row = '{"type":"setting","key":"%s","value":%s}\n'
        exempt = '2 logins of the last 90 days, refused now, would pass: bob@s.test'
        for key, value, *said in (
                ('exempt-listeners', '["MUA"]', exempt, '6 of 7 submissions'),
                ('exempt-clients', '["192.0.2.0/24"]', exempt, '6 of 7 submissions'),
                ('unknown-tenant', '"accept"', '1 login of the last 90 days',
                 'x@nobody.test')):
            for more, options in (('', ()), (text.replace('"reject"', '"tempfail"'),
                                             ['--replace'])):
                with self.subTest(key=key, options=options):
                    if key == 'unknown-tenant':
                        more = more.replace(row % (key, '"tempfail"'), '')
                    self.guarded(row % (key, value) + more, *said, options=options)
                    self.load(text, '--replace', '--force')

    def test_a_policy_that_comes_back(self):
        """An export goes into an empty policy as it is, beside the old usage."""
        now = int(time.time())
        self.ctl('settings set exempt-listeners MUA')
        text = self.ctl('export').out
        for name in ['open', 'shut'] + ['more%d' % i for i in range(20)]:
            self.ctl('tenant', 'remove', name, '--force')
        self.ctl('settings unset exempt-listeners')
        self.fill(('bob@s.test', now - 86400, 'allowed', 3, '192.0.2.7', 'PLAIN', '-',
                   'MUA'))
        self.assertIn('created', self.load(text).out)
        self.ctl('settings unset exempt-listeners')
        self.assertIn('3 of 3 submissions', self.load(
            '{"type":"setting","key":"exempt-listeners","value":["MUA"]}\n', rc=65).err)

    def test_settings_beside_what_a_row_says_itself(self):
        """Who has an exception by the file passes by that, and needs no --force."""
        now = int(time.time())
        self.fill(('bob@s.test', now - 86400, 'denied', 3, '192.0.2.7', 'PLAIN'),
                  ('kim@s.test', now - 86400, 'allowed', 9, '192.0.2.8', 'PLAIN'))
        self.load('{"type":"setting","key":"exempt-clients","value":["192.0.2.99"]}\n'
                  '{"type":"mailbox","address":"bob@s.test","smtp_auth":"enabled"}\n')
        self.assertEqual(self.json('mailbox show bob@s.test')['smtp_auth'], 'enabled')

    def test_logins_of_the_usage(self):
        """Who would pass is named where the whole policy is replaced."""
        now = int(time.time())
        self.fill(*((login, now - 86400, 'denied', 3, '192.0.2.7', 'PLAIN')
                    for login in ('bob@s.test', 'kim@o.test')))
        text = self.ctl('export').out
        self.guarded(''.join(line for line in text.splitlines(True)
                             if '"shut"' not in line),
                     'domain s.test first', '1 login of the last 90 days, refused '
                     'now, would pass: bob@s.test', options=['--replace'])


class Overruled(Case):

    def summary(self, content, *options):
        """The remark on what is overruled, and the same in JSON."""
        r = self.load(content, *options)
        lines = [s for s in r.err.splitlines() if 'overruled' in s]
        self.assertLessEqual(len(lines), 1)
        return ''.join(lines)

    def causes(self, content):
        path = os.path.join(self.tmp, 'file')
        with open(path, 'w') as f:
            f.write(content)
        return self.jsonl('import', path)[-1].get('overruled_by')

    def test_nothing_to_say(self):
        r = self.load(HEAD + 'u@s.test,enabled\nu@o.test,disabled\n')
        self.assertEqual(r.err, '')
        self.assertIsNone(self.causes(HEAD + 'v@o.test,disabled\n'))

    def test_settings(self):
        for command, text, cause in (
                ('settings set enforce no', 'enforce is no', 'enforce'),
                ('settings set exempt-clients 192.0.2.0/24',
                 'exempt-clients pass', 'exempt_clients'),
                ('settings set exempt-listeners webmail',
                 'exempt-listeners pass', 'exempt_listeners')):
            with self.subTest(command=command):
                self.ctl(command)
                for row in 'u@o.test', 'v@o.test':
                    self.ctl('mailbox remove ' + row, rc=(0, 1))
                self.assertEqual(
                    self.summary(HEAD + 'u@o.test,disabled\n'),
                    'smtpauthctl: smtp-auth of what is set is overruled at '
                    'present: %s (such as mailbox u@o.test)' % text)
                self.assertEqual(self.causes(HEAD + 'v@o.test,disabled\n'),
                                 [cause])
                # an exception is overruled by none of these
                self.assertEqual(self.summary(HEAD + 'u@o.test,enabled\n'), '')
                self.ctl('settings', 'unset', command.split()[2], '--force')

    def test_enforce_alone(self):
        """No row of a mailbox is needed to say that nothing is denied any more."""
        row = '{"type":"setting","key":"enforce","value":"no"}\n'
        for options, said in (('--dry-run',), 1), ((), 1), ((), 0):
            err = self.load(row, *options).err
            self.assertEqual(err.count('enforce is no: nothing is denied'), said, err)

    def test_settings_of_the_same_file(self):
        mailbox = '{"type":"mailbox","address":"u@o.test","smtp_auth":"disabled"}\n'
        setting = '{"type":"setting","key":"enforce","value":"%s"}\n'
        self.assertIn('enforce is no', self.summary(mailbox + setting % 'no'))
        self.ctl('mailbox remove u@o.test')
        self.assertEqual(self.summary(mailbox + setting % 'yes'), '')

    def test_replace(self):
        text = self.ctl('export').out
        setting = '{"type":"setting","key":"enforce","value":"no"}\n'
        more = '{"type":"mailbox","address":"u@o.test","smtp_auth":"disabled"}\n'
        self.load(setting + text, '--replace')
        self.assertIn('enforce is no',
                      self.summary(setting + text + more, '--replace'))
        self.load(setting + text, '--replace', '--force')
        self.assertEqual(self.summary(text + more, '--replace', '--force'), '')

    def test_dates(self):
        self.assertIn('overruled at present: until is over (such as mailbox '
                      'u@s.test)', self.summary(
                          'address,smtp_auth,until\nu@s.test,enabled,2020-01-01\n'))

    def test_tenants(self):
        tenant = '{"type":"tenant","name":"open","domains":["o.test"],' \
            '"smtp_auth":"disabled"%s}\n'
        self.assertEqual(self.summary(tenant % ''), '')
        for more, text in ((',"action":"report"', 'the action is report'),
                           (',"enforce_from":"2099-01-01"', 'enforce-from is')):
            found = self.summary(tenant % more)
            self.assertIn(text, found)
            self.assertIn('(such as tenant open)', found)
            self.ctl('tenant set open --smtp-auth enabled')
        self.ctl('settings set action report')
        self.assertIn('the action is report', self.summary(tenant % ''))

    def test_several(self):
        self.ctl('settings set enforce no')
        self.assertIn(': enforce is no (such as mailbox a@o.test), until is over '
                      '(such as mailbox b@o.test)', self.summary(
                          'address,smtp_auth,until\na@o.test,disabled,\n'
                          'b@o.test,disabled,2020-01-01\nc@o.test,disabled,\n'))

    def test_locks(self):
        self.ctl('mailbox lock u@s.test')
        self.ctl('tenant lock open')
        for row in 'u@s.test', 'u@o.test':
            self.assertIn('it is locked',
                          self.summary(HEAD + row + ',enabled\n'), row)
        # a lock does what "disabled" would
        self.ctl('settings set enforce no')
        self.assertEqual(self.summary(HEAD + 'v@o.test,disabled\n'), '')


if __name__ == '__main__':
    harness.main()
