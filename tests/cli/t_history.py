#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""audit list, show and undo: who changed what, and the way back."""

import json
import subprocess
import time
from random import Random as Source

import harness

CSV = 'address,smtp_auth,until,clients,note\n'


class History(harness.Case):
    """Tenant acme with a setting and an alias, and tenant beta; entries 1 to 6."""

    given = (*harness.Case.given,
             'tenant add acme --domain a.test --smtp-auth enabled',
             'tenant add beta --domain b.test --smtp-auth enabled',
             'mailbox set u@a.test --smtp-auth enabled --note old',
             'mailbox alias add u@a.test short')

    def log(self, *options):
        return self.jsonl('audit', 'list', *options)

    def numbers(self, *options):
        return [e['number'] for e in self.log(*options)]

    def count(self):
        return self.status()['audit_count']

    def policy(self):
        return self.ctl('export').out

    def load(self, text, *options, rc=0):
        return self.ctl('import', '-', *options, stdin=text, rc=rc)

    def undo(self, what, *options, rc=0):
        """Undo; the database holds after it."""
        result = self.ctl('audit', 'undo', str(what), *options, rc=rc)
        self.ctl('verify')
        self.ctl('audit verify')
        return result

    def returns(self, *commands):
        """What the commands do is undone as one range: the policy is as before."""
        before, first = self.digest(), self.count() + 1
        text = self.policy()
        for command in commands:
            self.ctl(command)
        self.assertNotEqual(self.digest(), before)
        self.undo('%d-%d' % (first, self.count()), '--force')
        self.assertEqual(self.policy(), text)
        self.assertEqual(self.digest(), before)


class Many(History):
    """import, snapshot apply and --replace have an entry for each object."""

    def test_import_names_each_object(self):
        first = self.count()
        self.load(CSV + 'u@a.test,disabled,,,new\nv@a.test,enabled,,,\n',
                  '--actor', 'night job')
        made = self.log()[first:]
        self.assertEqual(
            [(e['command'], e['actor'], e['object']) for e in made],
            [('import', 'night job', 'u@a.test'),
             ('import', 'night job', 'v@a.test'),
             ('import', 'night job', None)])
        self.assertEqual(made[0]['before']['note'], 'old')
        self.assertEqual(made[0]['after']['smtp_auth'], 'disabled')
        self.assertEqual(made[2]['summary']['changed'], 1)
        self.assertIs(made[2]['summary']['complete'], True)
        self.ctl('audit verify')

    def test_who_took_my_exception(self):
        self.load(CSV + 'v@a.test,enabled,,,\n', '--replace', '--tenant',
                  'acme', '--force', '--actor', 'eve')
        last = self.log('--object', 'U@A.test')[-1]
        self.assertEqual((last['command'], last['actor'], last['after']),
                         ('import', 'eve', None))
        self.assertEqual(last['before']['smtp_auth'], 'enabled')
        self.undo(last['number'])
        self.assertEqual(self.json('mailbox show u@a.test')['note'], 'old')

    def test_replace_of_all(self):
        text = ''.join(line for line in self.policy().splitlines(True)
                       if 'beta' not in line and 'short' not in line)
        first = self.count()
        self.load(text, '--replace', '--force')
        self.assertCountEqual(
            [(e['type'], e['object'], e['after'])
             for e in self.log()[first:] if e['type']],
            [('tenant', 'beta', None), ('domain', 'b.test', None),
             ('alias', 'short', None)])

    def test_snapshot(self):
        key = self.tmp + '/key.pem'
        snapshot = self.tmp + '/policy.snapshot'
        public = self.tmp + '/public.pem'
        subprocess.run(
            ['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', key],
            check=True)
        subprocess.run(
            ['openssl', 'pkey', '-in', key, '-pubout', '-out', public],
            check=True)
        self.ctl('snapshot', 'create', snapshot, '--key', key)
        self.ctl('mailbox set u@a.test --note changed')
        self.ctl('tenant add gone')
        first = self.count()
        self.ctl('snapshot', 'apply', snapshot, '--trust', public, '--force')
        self.assertCountEqual(
            [(e['command'], e['type'], e['object'])
             for e in self.log()[first:]],
            [('snapshot apply', 'tenant', 'gone'),
             ('snapshot apply', 'mailbox', 'u@a.test'),
             ('snapshot apply', None, None)])
        self.assertEqual(
            self.log('--object', 'u@a.test')[-1]['command'], 'snapshot apply')

    def test_ten_thousand(self):
        """The limit itself has an entry each; one more, and the summary tells."""
        lines = ['m%d@a.test,disabled,,,\n' % i for i in range(10001)]
        first = self.count()
        self.load(CSV + ''.join(lines[:10000]))
        entry = self.log()[-1]
        self.assertEqual(entry['number'], first + 10001)
        self.assertIs(entry['summary']['complete'], True)
        self.ctl('audit', 'undo', '%d-%d' % (first + 1, first + 10000))
        self.assertEqual(self.status()['mailboxes'], 1)
        first = self.count()
        self.load(CSV + ''.join(lines))
        entry = self.log()[-1]
        self.assertEqual(entry['number'], first + 10001)
        self.assertIs(entry['summary']['complete'], False)
        self.assertEqual(entry['summary']['created'], 10001)
        self.assertIn('only the first 10000 have an entry',
                      self.ctl('audit list').lines[-1])
        self.refused('audit undo %d' % entry['number'], 65, 'no entry each')
        self.ctl('audit verify')

    def test_dry_run_shows_from_and_to(self):
        before = self.status()
        text = CSV + 'u@a.test,disabled,,,\nv@a.test,enabled,,,\n'
        lines = self.load(text, '--dry-run').lines
        self.assertIn('change mailbox u@a.test: smtp-auth=enabled '
                      'note=old -> smtp-auth=disabled', lines[0])
        self.assertEqual(
            lines[1], 'create mailbox v@a.test: - -> smtp-auth=enabled')
        found = [json.loads(line) for line in self.ctl(
            '--json', 'import', '-', '--dry-run', stdin=text).lines]
        self.assertEqual(found[0]['before']['smtp_auth'], 'enabled')
        self.assertEqual(found[0]['after']['smtp_auth'], 'disabled')
        self.assertIsNone(found[1]['before'])
        self.assertEqual(self.status(), before)


class List(History):

    def test_tenant(self):
        self.ctl('tenant lock beta')
        self.ctl('lock w@b.test')
        self.ctl('settings set enforce no')
        self.assertEqual(self.numbers('--tenant', 'acme'), [1, 2, 5, 6])
        self.assertEqual(self.numbers('--tenant', 'BETA'), [3, 4, 7, 8])
        self.refused('audit list --tenant nobody', 1, 'nobody')
        self.refused('audit list --tenant -', 65)

    def test_tenant_that_is_gone(self):
        """What was in it went with it."""
        self.ctl('tenant remove acme --force')
        entries = self.log('--tenant', 'acme')
        self.assertLess({('mailbox', 'u@a.test', 'tenant remove'),
                         ('alias', 'short', 'tenant remove'),
                         ('tenant', 'acme', 'tenant remove'),
                         ('mailbox', 'u@a.test', 'mailbox set')},
                        {(e['type'], e['object'], e['command'])
                         for e in entries})
        self.assertEqual(self.numbers('--tenant', 'beta'), [3, 4])

    def test_tenant_whose_domain_moved(self):
        """An entry is of the tenant that the domain had then."""
        self.ctl('domain move a.test beta')                 # 7
        self.ctl('mailbox set u@a.test --note theirs')      # 8
        self.ctl('mailbox set v@a.test --smtp-auth enabled')
        self.assertEqual(self.numbers('--tenant', 'acme'), [1, 2, 5, 6, 7])
        self.assertEqual(self.numbers('--tenant', 'beta'), [3, 4, 7, 8, 9])

    def test_tenant_of_all_others(self):
        self.ctl('tenant add any --domain * --smtp-auth enabled')
        self.ctl('mailbox set x@other.test --smtp-auth disabled')
        self.ctl('lock nodomain')
        self.assertEqual(self.numbers('--tenant', 'any'), [7, 8, 9, 10])

    def test_command(self):
        self.assertEqual(self.numbers('--command', 'mailbox set'), [5])
        self.assertEqual(self.numbers('--command', 'Mailbox'), [5, 6])
        self.assertEqual(self.numbers('--command', 'mail'), [])
        self.assertEqual(
            self.numbers('--command', 'tenant add', '--tenant', 'beta'), [3, 4])

    def test_until(self):
        today = time.strftime('%Y-%m-%d', time.gmtime())
        everything = list(range(1, 7))
        self.assertEqual(self.numbers('--until', today), everything)
        self.assertEqual(self.numbers('--until', 'today'), everything)
        self.assertEqual(self.numbers('--until', '2099-01-01'), everything)
        self.assertEqual(self.numbers('--until', '1d'), [])
        self.assertEqual(self.numbers('--until', '2020-01-01'), [])
        then = self.log()[-1]['when']
        self.assertEqual(self.numbers('--until', then, '--since', then)[-1:],
                         everything[-1:])
        for bad in 'soon', '', 'none', '+1x':
            self.refused(['audit', 'list', '--until', bad], 65, '--until')


class Show(History):

    def test_show(self):
        text = self.ctl('audit show 5').out
        for word in '5', 'mailbox set', 'mailbox u@a.test', \
                '- -> smtp-auth=enabled note=old':
            self.assertIn(word, text)
        self.assertEqual(self.json('audit show 5'), self.log()[4])

    def test_what_is_not_there(self):
        for number in '0', '7', '18446744073709551615':
            self.refused('audit show ' + number, 1, number)
        for number in 'x', '', '-1', '5-6', '99999999999999999999':
            self.refused(['audit', 'show', '--', number], 65, 'audit list')


class Undo(History):

    def test_each_kind_of_record(self):
        for command in (
                'mailbox set u@a.test --smtp-auth disabled',
                'mailbox set new@a.test --smtp-auth enabled --note n',
                'mailbox remove u@a.test',
                'mailbox alias add u@a.test other', 'mailbox alias remove short',
                'tenant set acme --smtp-auth disabled --contact x@y.test',
                'tenant add idle --domain i.test', 'tenant remove beta',
                'domain add acme c.test', 'domain move b.test acme',
                'domain remove b.test', 'settings set action tempfail',
                'settings set exempt-clients 192.0.2.1'):
            with self.subTest(command):
                self.returns(command)

    def test_a_tenant_with_all_that_is_its_own(self):
        self.returns('tenant remove acme --force')

    def test_several_entries_of_one_object(self):
        self.returns('mailbox set u@a.test --note 1', 'mailbox remove u@a.test',
                     'mailbox set u@a.test --smtp-auth disabled',
                     'mailbox set u@a.test --note 2')

    def test_what_depends_on_each_other(self):
        self.returns('domain add beta c.test',
                     'mailbox set x@c.test --smtp-auth disabled',
                     'mailbox alias add x@c.test xx',
                     'mailbox alias remove xx', 'mailbox remove x@c.test')
        self.returns('mailbox alias remove short',
                     'settings set login-separators %',
                     'settings set default-domain a.test')

    def test_locks(self):
        before = self.status()
        for lock in 'lock u@a.test', 'tenant lock acme':
            number = self.count() + 1
            self.ctl(lock)
            self.undo(number if lock.startswith('t') else
                      '%d-%d' % (number, self.count()), '--force')
            after = self.status()
            self.assertEqual((after['locks'], after['local_digest']),
                             (0, before['local_digest']))
        self.ctl('tenant lock acme')
        self.ctl('tenant unlock acme')
        self.undo(self.count())
        self.assertEqual(self.json('check u@a.test', rc=11)['reason'], 'locked')
        self.undo(self.count())         # which undoes the undoing
        self.assertEqual(self.json('check u@a.test')['verdict'], 'allow')

    def test_a_lock_within_a_range_is_asked_for(self):
        self.ctl('mailbox set u@a.test --note 1')
        self.ctl('tenant lock acme')
        self.ctl('mailbox set u@a.test --note 2')
        self.refused('audit undo 7-9', 65, 'a lock would end', '--force')
        self.undo('7-9', '--dry-run')
        self.assertEqual(self.status()['locks'], 1)
        self.undo('7-9', '--force')
        self.assertEqual(self.status()['locks'], 0)

    def test_changed_since(self):
        self.ctl('mailbox set u@a.test --note 1')       # 7
        self.ctl('mailbox set u@a.test --note 2')       # 8
        for number in 5, 7:
            self.refused('audit undo %d' % number, 65, 'entry %d: ' % number,
                         'u@a.test has changed since', 'audit list --object')
        self.refused('audit undo 5-7', 65, 'entry 7: ')
        self.undo('7-8')
        self.assertEqual(self.json('mailbox show u@a.test')['note'], 'old')

    def test_all_that_cannot_be_undone_are_named(self):
        for i in range(25):
            self.load(CSV + 'm%d@a.test,enabled,,,\n' % i)
        for i in range(24):
            self.ctl('mailbox', 'remove', 'm%d@a.test' % i)
        before = self.status()
        last = before['audit_count']
        result = self.undo('7-%d' % (last - 24), rc=65)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 21)
        self.assertIn('m23@a.test has changed since', lines[0])
        self.assertIn('m4@a.test has changed since', lines[19])
        self.assertEqual(lines[20], 'smtpauthctl: 24 entries cannot be undone;'
                         ' nothing is changed')
        self.assertEqual(result.out, '')
        self.assertEqual(self.status(), before)

    def test_what_overrules_is_said(self):
        self.ctl('settings set enforce no')
        self.ctl('mailbox set u@a.test --smtp-auth disabled')   # 8
        self.ctl('mailbox set u@a.test --smtp-auth enabled')    # 9
        self.assertIn('overruled at present', self.undo(9).err)
        self.assertEqual(self.undo(10).err, '')

    def test_killed(self):
        """A process that dies in the middle has changed nothing, or all."""
        self.load(CSV + ''.join('m%d@a.test,disabled,,,\n' % i
                                for i in range(3000)))
        before = self.status()
        for delay in 0.002, 0.01, 0.03, 0.06:
            process = subprocess.Popen(
                [harness.CTL, '-d', self.dir, 'audit', 'undo', '7-3006'],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            after = self.status()
            if after['audit_count'] == before['audit_count']:
                self.assertEqual(after, before)
            else:
                self.assertEqual(after['mailboxes'], 1)
                self.assertEqual(after['audit_count'],
                                 before['audit_count'] + 3000)
            self.ctl('verify')
            self.ctl('audit verify')

    def test_one_transaction(self):
        """The second of three cannot be undone: nothing is."""
        self.ctl('mailbox set v@a.test --smtp-auth enabled')    # 7
        self.ctl('mailbox set u@a.test --note 1')               # 8
        self.ctl('mailbox set w@a.test --smtp-auth enabled')    # 9
        self.ctl('mailbox set u@a.test --note 2')               # 10
        before = self.status()
        self.refused('audit undo 7-9', 65, 'entry 8: ')
        self.assertEqual(self.status(), before)

    def test_it_is_audited_itself(self):
        self.ctl('mailbox set u@a.test --note new')
        self.undo(7, '--actor', 'helpdesk')
        entry = self.log()[-1]
        self.assertEqual(
            (entry['number'], entry['command'], entry['actor'],
             entry['object'], entry['before']['note'], entry['after']['note']),
            (8, 'audit undo', 'helpdesk', 'u@a.test', 'new', 'old'))
        self.undo(8)
        self.assertEqual(self.json('mailbox show u@a.test')['note'], 'new')

    def test_dry_run(self):
        self.ctl('mailbox set u@a.test --note new')
        before = self.status()
        self.assertEqual(
            self.ctl('audit undo 7 --dry-run').out,
            'entry 7 would be undone: mailbox u@a.test: '
            'note=new -> note=old\n')
        found, = self.jsonl('audit undo 7 --dry-run')
        self.assertEqual((found['undone'], found['before']['note'],
                          found['after']['note']), (False, 'new', 'old'))
        self.assertEqual(self.status(), before)
        self.assertEqual(self.ctl('audit undo 7').out, 'entry 7 undone: '
                         'mailbox u@a.test: note=new -> note=old\n')

    def test_a_summary_names_its_entries(self):
        self.load(CSV + 'u@a.test,disabled,,,\nv@a.test,enabled,,,\n')
        self.refused('audit undo 9', 65, 'audit undo 7-8')
        text = self.undo('7-9').out
        self.assertEqual(len(text.splitlines()), 2)
        self.assertEqual(self.json('mailbox show u@a.test')['smtp_auth'],
                         'enabled')

    def test_a_restore_has_no_entries(self):
        backup = self.tmp + '/backup'
        self.ctl('backup', backup)
        self.ctl('mailbox set u@a.test --note new')
        self.ctl('restore', backup)
        number = self.count()
        self.assertIs(self.log()[-1]['summary']['complete'], False)
        self.refused('audit undo %d' % number, 65, 'no entry each', 'restore')
        self.assertIn('2 entries cannot be undone',
                      self.undo('7-%d' % number, rc=65).err)

    def test_what_was_pruned(self):
        then = int(time.time())
        harness.wait_for(lambda: int(time.time()) > then, what='second')
        self.ctl('audit prune --before 0m')
        self.refused('audit undo 5', 1, 'pruned')
        self.refused('audit undo 6', 65, 'pruned')
        self.refused('audit undo 7', 65, 'pruned')

    def test_bad_numbers(self):
        for bad in '', 'x', '0', '0-5', '5-', '5-4', '5--6', '5-6-7', '+5', \
                ' 5', '5 ', '5.0', '1' * 40, '18446744073709551616':
            self.refused(['audit', 'undo', bad], 65, 'audit list')
        for bad in '7', '5-7', '1-18446744073709551615':
            self.refused(['audit', 'undo', bad], 1, 'there is no entry')
        self.refused('audit undo', 64)

    def test_tenant_that_is_gone(self):
        self.ctl('mailbox set v@b.test --smtp-auth enabled')    # 7
        self.ctl('mailbox remove v@b.test')                     # 8
        self.ctl('tenant remove beta')
        self.refused('audit undo 8', 65, 'b.test has changed hands', 'entry 9')
        self.refused('audit undo 3', 65, 'has changed since')

    def test_domain_that_moved(self):
        """An exception does not come back to another tenant."""
        self.ctl('mailbox remove u@a.test')                     # 7
        self.ctl('mailbox alias remove short')                  # 8
        self.ctl('domain move a.test beta')                     # 9
        self.refused('audit undo 7', 65, 'a.test has changed hands', 'entry 9')
        self.refused('audit undo 8', 65, 'a.test has changed hands')
        self.refused('audit undo 7', 65, 'mailbox set')
        self.ctl('domain move a.test acme')
        self.undo('7-8')

    def test_a_mailbox_that_is_an_alias_now(self):
        self.ctl('mailbox set v@a.test --smtp-auth enabled')    # 7
        self.ctl('mailbox remove v@a.test')                     # 8
        self.ctl('mailbox alias add u@a.test v@a.test')
        self.refused('audit undo 8', 65, 'v@a.test is a login alias')

    def test_an_alias_that_is_a_mailbox_now(self):
        self.ctl('mailbox alias add u@a.test v@a.test')         # 7
        self.ctl('mailbox alias remove v@a.test')               # 8
        self.ctl('mailbox set v@a.test --smtp-auth enabled')
        self.refused('audit undo 8', 65, 'v@a.test is a mailbox')

    def test_an_alias_that_separators_would_hide(self):
        self.ctl('mailbox alias add u@a.test x%y')              # 7
        self.ctl('mailbox alias remove x%y')                    # 8
        self.ctl('settings set login-separators %')
        self.refused('audit undo 8', 65, 'would never be looked at')

    def test_a_domain_in_use(self):
        self.ctl('domain add acme c.test')                      # 7
        self.ctl('mailbox set x@c.test --smtp-auth disabled')   # 8
        self.refused('audit undo 7 --force', 65, 'x@c.test')
        self.undo('7-8', '--force')


class Random(History):
    """Whatever is done, all of it can be undone as one range."""

    def command(self, random):
        addresses = ['%s@%s' % (local, domain) for local in 'uv'
                     for domain in ('a.test', 'b.test', 'c.test')]
        pick = random.choice
        address, other, login = pick(addresses), pick(addresses), pick('xyz')
        domain, tenant = pick(('a.test', 'b.test', 'c.test', '*')), pick(
            ('acme', 'beta', 'gamma'))
        return pick((
            'mailbox set %s --smtp-auth %s --note %s' % (
                address, pick(('enabled', 'disabled', 'inherit')), login),
            'mailbox remove ' + address, 'mailbox rename %s %s' % (address, other),
            'mailbox alias add %s %s' % (address, pick((login, other))),
            'mailbox alias remove ' + pick((login, other)),
            'tenant add %s --smtp-auth %s' % (
                tenant, pick(('enabled', 'disabled'))),
            'tenant set %s --note %s' % (tenant, login),
            'tenant remove %s --force' % tenant,
            'tenant rename %s %s' % (tenant, pick(('acme', 'beta', 'gamma'))),
            'domain add %s %s' % (tenant, domain),
            'domain move %s %s --force' % (domain, tenant),
            'domain remove %s --force' % domain,
            'lock ' + pick((address, login)), 'unlock ' + pick((address, login)),
            'tenant lock ' + tenant, 'tenant unlock ' + tenant,
            'settings set action ' + pick(('reject', 'tempfail')),
            'settings set default-domain a.test --force',
            'settings unset default-domain --force'))

    def test_random_commands(self):
        for seed in range(4 if harness.SLOW else 8):
            random = Source(seed)
            before, first = self.status(), self.count() + 1
            text = self.policy()
            done = [command for command in (self.command(random)
                                            for _ in range(60))
                    if self.ctl(command, rc=None).rc == 0]
            with self.subTest(seed=seed, done=done):
                self.assertGreater(len(done), 10)
                self.assertGreater(self.count(), first)
                self.undo('%d-%d' % (first, self.count()), '--force')
                after = self.status()
                for key in 'policy_digest', 'local_digest', 'locks':
                    self.assertEqual(after[key], before[key], key)
                self.assertEqual(self.policy(), text)


    def test_any_entry(self):
        """What is undone out of turn leaves a policy that import would take."""
        for seed in range(3 if harness.SLOW else 4):
            random = Source(seed)
            for _ in range(60):
                self.ctl(self.command(random), rc=None)
            results = set()
            for _ in range(20):
                number = random.randrange(1, self.count() + 1)
                results.add(self.undo(number, '--force', rc=(0, 65)).rc)
                copy = '%s/copy%d' % (self.tmp, len(self.transcript))
                for args, text in ((['init'], ''), (['import', '-'],
                                                    self.policy())):
                    result = subprocess.run(
                        [harness.CTL, '-d', copy, *args], input=text.encode(),
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(results, {0, 65})


class Guard(History):
    """What would open by anything but a login's own setting is asked for."""

    def test_a_tenant_that_denies(self):
        self.ctl('tenant add closed --domain c.test --smtp-auth disabled')
        self.refused('audit undo 7-8', 65, 'tenant closed', '--force')
        self.refused('audit undo 8', 65, 'tenant closed', '--force')
        self.assertEqual(self.json('check x@c.test', rc=11)['tenant'], 'closed')
        self.assertIn('warning:', self.undo('7-8', '--dry-run').err)
        self.undo('7-8', '--force')

    def test_a_domain_that_goes_back(self):
        self.ctl('tenant add closed --smtp-auth disabled')
        self.ctl('domain move b.test closed')
        self.refused('audit undo 8', 65, 'closed', 'beta', '--force')
        self.undo(8, '--force')
        self.assertEqual(self.json('check x@b.test')['tenant'], 'beta')

    def test_unknown_tenants(self):
        self.ctl('settings set unknown-tenant reject')
        self.refused('audit undo 7', 65, 'no tenant would pass', '--force')
        self.undo(7, '--force')

    def test_settings_that_deny_nothing(self):
        for key, lax, strict in ('enforce', 'no', 'yes'), ('action', 'report', 'reject'):
            self.ctl('settings set %s %s' % (key, lax))
            self.ctl('settings set %s %s' % (key, strict))
            said = '%s is %s: ' % (key, lax)
            self.assertIn(said, self.undo(self.count(), rc=65).err)
            self.assertIn(said, self.undo(self.count(), '--force').err)
            self.undo(self.count())     # which denies again

    def test_a_wide_network(self):
        self.ctl('settings set exempt-clients 192.0.2.0/24')
        self.ctl('settings set exempt-clients 10.0.0.0/8 --force')
        self.ctl('settings set exempt-clients 198.51.100.0/24')
        self.assertIn('network 10.0.0.0/8 is wider than',
                      self.undo(self.count(), rc=65).err)
        self.undo(self.count(), '--force')
        self.undo('%d-%d' % (self.count() - 2, self.count() - 1), rc=65)
        self.undo('%d-%d' % (self.count() - 2, self.count()))

    def test_a_domain_does_not_leave_a_lock(self):
        self.ctl('domain move b.test acme')
        self.ctl('tenant lock acme')
        self.refused('audit undo 7', 65, 'b.test')
        self.undo(7, '--force')

    def use(self, login):
        """LOGIN has submitted, of late."""
        now = int(time.time())
        subprocess.run([harness.USAGE_FILL, self.dir], check=True, input=(
            'node since=%d until=%d\n%s %d allowed 1 192.0.2.1 PLAIN\n'
            % (now - 100 * 86400, now, login, now - 60)).encode())

    def test_usage_tells_who_would_pass(self):
        """Without the alias, the login is nobody's."""
        self.use('z')
        self.ctl('mailbox set x@a.test --smtp-auth disabled')   # 7
        self.ctl('mailbox alias add x@a.test z')                # 8
        self.refused('audit undo 8', 65, '1 login ', 'would pass: z', '--force')
        self.assertIn('would pass: z', self.undo(8, '--dry-run').err)
        self.undo(8, '--force')
        self.assertEqual(self.json('check z')['verdict'], 'allow')

    def test_own_settings_are_not_asked_for(self):
        self.use('u@a.test')
        self.ctl('mailbox set u@a.test --smtp-auth disabled')   # 7
        self.undo(7)
        self.ctl('tenant set acme --smtp-auth disabled')        # 9
        self.ctl('mailbox set u@a.test --smtp-auth inherit')    # 10
        self.undo(9)
        self.assertEqual(self.json('check u@a.test')['verdict'], 'allow')


if __name__ == '__main__':
    harness.main()
