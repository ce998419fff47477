#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl: usage tenants, rollout, and tenant add on a domain in use."""

import csv
import fcntl
import io
import os
import random
import re
import subprocess
import time

import harness

DAY = 86400
LONG = 100 * DAY


def rfc3339(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


class Rollout(harness.Case):

    def setUp(self):
        super().setUp()
        self.now = int(time.time())

    def fill(self, *lines, folder=None, since=LONG, node=''):
        """Records; a line is LOGIN SECONDS-AGO KIND N [CLIENT [MECH]]."""
        text = 'node since=%d until=%d %s\n' % (
            self.now - since, self.now, node)
        for line in lines:
            login, ago, *rest = line.split()
            text += ' '.join([login, str(self.now - int(ago)), *rest]) + '\n'
        subprocess.run([harness.USAGE_FILL, folder or self.dir],
                       input=text.encode(),
                       check=True)

    def other_machine(self, *lines, name='other'):
        """A file that another machine has exported."""
        folder = os.path.join(self.tmp, name)
        self.ctl('-d', folder, 'init')
        self.fill(*lines, folder=folder,
                  node='id=%032x' % random.getrandbits(128))
        file = os.path.join(self.tmp, name + '.usage')
        self.ctl('-d', folder, 'usage', 'export', file)
        return file

    def tenant(self, name, *options):
        self.ctl('tenant', 'add', name, '--domain', name + '.test',
                 '--smtp-auth', 'enabled', *options)

    def tenants(self, *names):
        for name in names:
            self.tenant(name)

    def rows(self, *args):
        """The objects of a command by the tenant or mailbox they name."""
        return {o.get('mailbox', o['tenant']): o
                for o in self.jsonl(*args)}

    def classes(self, *args):
        return {name: o['class']
                for name, o in self.rows('rollout', 'plan', *args).items()}

    def disabled(self):
        return sorted(o['name'] for o in self.jsonl(
            'tenant', 'list', '--smtp-auth', 'disabled'))


class Guesses(Rollout):
    """Refusals at AUTH, which anyone can cause who guesses a name."""

    LINES = ('a@used.test', 'guess@used.test', 'guess@idle.test',
             'late@used.test', 'guess@soon.test', 'x@loose.test', '-')

    def guess(self):
        lines = ''.join('auth %s %d 500 198.51.100.7\n' % (
            login, self.now - ago) for login in self.LINES for ago in (30, 20 * DAY))
        subprocess.run([harness.USAGE_FILL, self.dir], input=lines.encode(),
                       check=True)

    def outputs(self):
        template = os.path.join(self.tmp, 'template')
        with open(template, 'w') as f:
            f.write('From: p@provider.test\n'
                    'Subject: SMTP AUTH\n\n{tenant}\n{mailboxes}\n')
        found = {}
        for command in ('usage', 'usage tenants', 'rollout plan',
                        'rollout status', 'rollout disable-unused --dry-run',
                        'rollout grant --tenant used --dry-run',
                        'rollout grant --tenant idle --dry-run',
                        'rollout notify --template %s --print' % template,
                        'tenant remove off --dry-run',
                        'settings set exempt-clients 198.51.100.0/24 --dry-run',
                        'usage export ' + self.tmp + '/out'):
            for words in ([], ['--json']):
                r = self.ctl(*words, *command.split())
                # without the start of the span, which passes with the clock
                found[command, *words] = (
                    re.sub(r'since \S+ would', 'since TIME would', r.out), r.err)
        r = self.ctl('tenant add loose --domain loose.test')
        self.ctl('tenant remove loose --force')
        return {**found, 'tenant add': (r.out, r.err)}

    def test_count_as_no_use(self):
        """What acts on usage does and says the same with them as without."""
        self.tenants('used', 'idle')
        self.tenant('off')
        self.ctl('tenant set off --smtp-auth disabled')
        self.tenant('soon', '--contact', 'it@soon.test')
        self.ctl('tenant set soon --smtp-auth disabled --enforce-from +30d')
        self.fill('a@used.test 60 allowed 3 192.0.2.1 PLAIN',
                  'late@used.test %d allowed 3 192.0.2.1 PLAIN' % (95 * DAY),
                  'b@off.test 60 denied 3 192.0.2.1 PLAIN',
                  'c@soon.test 60 allowed 3 192.0.2.1 PLAIN')
        before = self.outputs()
        denied = self.ctl('usage --denied').out
        self.guess()
        self.assertNotEqual(self.ctl('usage --denied').out, denied)
        self.maxDiff = None
        for command, result in self.outputs().items():
            if command == ('usage', '--json'):
                continue            # which shows them
            self.assertEqual((command, result), (command, before[command]))
        self.ctl('rollout disable-unused')
        self.assertEqual(self.disabled(), ['idle', 'off', 'soon'])
        self.ctl('rollout grant --tenant used')
        self.assertEqual([o['address'] for o in self.jsonl('mailbox list')],
                         ['a@used.test'])


class Tenants(Rollout):

    def test_sums(self):
        self.tenants('used', 'idle', 'web')
        self.ctl('domain add used more.test')
        self.fill('a@used.test 60 allowed 3 192.0.2.1 PLAIN',
                  'b@more.test 120 would-deny 2 192.0.2.1 PLAIN',
                  'c@used.test 180 denied 4 192.0.2.1 PLAIN',
                  'd@web.test 60 exempt 7',
                  'e@used.test %d allowed 9 192.0.2.1 PLAIN' % (95 * DAY),
                  'bob 60 allowed 5 192.0.2.1 PLAIN')
        rows = self.rows('usage', 'tenants')
        self.assertEqual(list(rows), ['idle', 'used', 'web', None])
        used = rows['used']
        self.assertEqual(
            (used['class'], used['mailboxes'], used['submissions'],
             used['denied'], used['would_deny'], used['exempt']),
            ('in_use', 2, 9, 4, 2, 0))
        self.assertEqual(used['last_use'], rfc3339(self.now - 60))
        self.assertEqual(used['first_seen'], rfc3339(self.now - 95 * DAY))
        self.assertEqual((rows['web']['class'], rows['web']['exempt'],
                          rows['web']['last_seen']), ('unused', 7, None))
        self.assertEqual(rows['idle']['class'], 'unused')
        self.assertEqual((rows[None]['mailboxes'],
                          rows[None]['submissions']), (1, 5))
        self.assertEqual(self.rows('usage', 'tenants', '--since', '96d')
                         ['used']['submissions'], 18)

    def test_no_older_data(self):
        self.tenants('idle')
        self.fill(since=10 * DAY)
        since = rfc3339(self.now - 10 * DAY)
        self.assertIn('unused since %s (no older data)' % since,
                      self.ctl('usage tenants').out)
        self.assertNotIn('no older', self.ctl('usage tenants --since 9d').out)
        row, = self.jsonl('usage', 'tenants')
        self.assertEqual(row['covered_since'], since)

    def test_csv(self):
        self.tenants('used', 'idle')
        self.fill('a@used.test 60 allowed 3 192.0.2.1 PLAIN')
        result = self.ctl('usage tenants --csv')
        self.assertEqual(result.raw.count(b'\r\n'), 3)
        rows = list(csv.DictReader(io.StringIO(result.out)))
        self.assertEqual([r['tenant'] for r in rows], ['idle', 'used'])
        self.assertEqual(set(rows[0]), set(self.jsonl('usage', 'tenants')[0]))
        self.assertEqual(rows[1]['submissions'], '3')

    def test_nothing_recorded(self):
        self.tenants('idle')
        for command in ('usage tenants', 'rollout plan',
                        'rollout disable-unused',
                        'rollout grant --tenant idle'):
            with self.subTest(command=command):
                self.refused(command, 69, 'usage')
        self.assertEqual(self.disabled(), [])

    def test_bad_options(self):
        self.fill()
        self.refused('usage tenants --since yesterday', 65, '--since')
        self.refused('rollout plan --unused-for ever', 65, '--unused-for')
        self.refused('rollout plan --unused-for 0d', 65, '--unused-for')
        self.refused('rollout plan --tenant none', 1, 'none')
        self.refused(['rollout', 'plan', '--usage', self.tmp + '/none'], 66,
                     'none')


class Keys(Rollout):
    """The names that programs read."""

    def keys(self, *args):
        row = self.jsonl(*args)[0]
        return set(row)

    def test_keys(self):
        self.tenants('idle', 'used')
        self.fill('a@used.test 60 allowed 1 192.0.2.1 PLAIN')
        self.assertEqual(self.keys('usage', 'tenants'), {
            'tenant', 'smtp_auth', 'class', 'mailboxes', 'excepted',
            'submissions', 'denied', 'would_deny', 'exempt', 'first_seen',
            'last_seen', 'last_use', 'covered_since'})
        self.assertEqual(self.keys('rollout', 'plan'), {
            'tenant', 'class', 'smtp_auth', 'enforce_from', 'tempfail_until',
            'mailboxes', 'excepted', 'exposed', 'submissions', 'last_use',
            'contact'})
        self.assertEqual(self.keys('rollout', 'status'), {
            'tenant', 'stage', 'enforce_from', 'tempfail_until', 'contact',
            'notice', 'notice_at', 'mailboxes', 'excepted', 'exposed'})
        self.assertEqual(
            self.keys('rollout', 'grant', '--tenant', 'used', '--dry-run'), {
                'mailbox', 'tenant', 'granted', 'reason', 'last_use',
                'last_client', 'until', 'dry_run', 'first_seen', 'warnings'})
        self.assertEqual(self.keys('rollout', 'disable-unused'), {
            'tenant', 'smtp_auth', 'enforce_from', 'tempfail_until',
            'dry_run'})

    def test_kinds(self):
        """A contact is told of, never printed; what is not there is null."""
        self.tenants('idle')
        self.tenant('used', '--contact', 'it@used.test')
        self.fill('a@used.test 60 allowed 1')
        plan = self.rows('rollout', 'plan')
        self.assertEqual((plan['used']['contact'], plan['idle']['contact']),
                         (True, False))
        self.assertIsNone(plan['idle']['last_use'])
        self.assertIsNone(plan['idle']['enforce_from'])
        row, = self.jsonl('rollout', 'grant', '--tenant', 'used')
        self.assertIsNone(row['last_client'])
        row, = self.jsonl('rollout', 'disable-unused')
        self.assertEqual(row, {
            'tenant': 'idle', 'smtp_auth': 'disabled', 'enforce_from': None,
            'tempfail_until': None, 'dry_run': False})


class Plan(Rollout):

    def test_classes(self):
        self.tenants('off', 'later', 'soft', 'idle', 'used', 'web', 'tried')
        self.ctl('tenant set off --smtp-auth disabled')
        self.ctl('tenant set later --smtp-auth disabled --enforce-from +7d')
        self.ctl('tenant set soft --smtp-auth disabled --tempfail-until +7d')
        self.ctl('mailbox set a@used.test --smtp-auth enabled')
        self.fill('a@used.test 60 allowed 1 192.0.2.1 PLAIN',
                  'b@used.test 60 would-deny 1 192.0.2.1 PLAIN',
                  'c@used.test 60 exempt 1', 'x@web.test 60 exempt 1',
                  'x@tried.test 60 denied 1 192.0.2.1 PLAIN',
                  'x@idle.test %d allowed 1 192.0.2.1 PLAIN' % (91 * DAY))
        self.assertEqual(self.classes(), {
            'off': 'disabled', 'later': 'scheduled', 'soft': 'scheduled',
            'idle': 'unused', 'used': 'in_use', 'web': 'unused',
            'tried': 'unused'})
        used = self.rows('rollout', 'plan')['used']
        self.assertEqual((used['mailboxes'], used['excepted'],
                          used['exposed']), (2, 1, 1))
        self.assertEqual(self.classes('--unused-for', '92d')['idle'],
                         'in_use')
        self.assertEqual(self.classes('--tenant', 'used'),
                         {'used': 'in_use'})
        self.assertIn('tenants: 1 disabled, 2 scheduled, 3 unused, 1 in use',
                      self.ctl('rollout plan').out)

    def test_modern_mechanisms(self):
        self.tenant('all')
        self.tenant('words', '--blocks', 'passwords')
        lines = ['%s@%s.test %d allowed 1 192.0.2.1 %s' % (who, tenant, ago,
                                                            mechanism)
                 for tenant in ('all', 'words')
                 for who, ago, mechanism in (('token', 60, 'XOAUTH2'),
                                             ('both', 120, 'PLAIN'),
                                             ('both', 60, 'XOAUTH2'),
                                             ('word', 60, 'PLAIN'))]
        self.fill(*lines)
        plan = self.rows('rollout', 'plan')
        self.assertEqual(plan['all']['exposed'], 3)
        self.assertEqual(plan['words']['exposed'], 2)
        self.ctl('rollout grant --tenant words')
        self.assertEqual([m['address'] for m in self.jsonl('mailbox', 'list')],
                         ['both@words.test', 'word@words.test'])

    def test_exceptions_that_do_not_hold(self):
        self.tenants('used')
        self.ctl('mailbox set a@used.test --smtp-auth enabled '
                 '--clients 10.0.0.0/8')
        self.fill('a@used.test 60 allowed 1 192.0.2.1 PLAIN')
        self.assertEqual(self.rows('rollout', 'plan')['used']['exposed'], 1)
        self.ctl('mailbox set a@used.test --clients 192.0.2.0/24')
        self.assertEqual(self.rows('rollout', 'plan')['used']['exposed'], 0)

    def test_another_machine(self):
        self.tenants('here', 'there', 'idle')
        self.fill('a@here.test 60 allowed 1 192.0.2.1 PLAIN')
        other = self.other_machine('a@there.test 60 allowed 1 192.0.2.1 PLAIN',
                                   'a@here.test 30 allowed 1 192.0.2.1 PLAIN')
        self.assertEqual(self.classes()['there'], 'unused')
        self.assertEqual(self.classes('--usage', other), {
            'here': 'in_use', 'there': 'in_use', 'idle': 'unused'})
        here = self.rows('usage', 'tenants', '--usage', other)['here']
        self.assertEqual((here['mailboxes'], here['submissions']), (1, 2))

    def test_catch_all(self):
        self.tenants('named')
        self.ctl('tenant add rest --domain * --smtp-auth enabled')
        self.fill('a@elsewhere.test 60 allowed 1 192.0.2.1 PLAIN',
                  'bob 60 allowed 1 192.0.2.1 PLAIN')
        plan = self.rows('rollout', 'plan')
        self.assertEqual((plan['rest']['mailboxes'],
                          plan['named']['mailboxes']), (2, 0))
        self.ctl('rollout grant --tenant rest')
        self.assertEqual([m['address'] for m in self.jsonl('mailbox', 'list')],
                         ['a@elsewhere.test'])


class DisableUnused(Rollout):

    def site(self, **keys):
        self.tenants('a-idle', 'b-used', 'c-idle', 'd-web')
        self.fill('x@b-used.test 60 allowed 1 192.0.2.1 PLAIN',
                  'x@d-web.test 60 exempt 1', **keys)

    def test_disables(self):
        self.site()
        digest = self.digest()
        result = self.ctl('rollout disable-unused --dry-run')
        self.assertIn('3 tenants', result.out)
        self.assertIn('would be disabled', result.out)
        self.assertEqual(self.digest(), digest)
        rows = self.jsonl('rollout', 'disable-unused')
        self.assertEqual([r['tenant'] for r in rows],
                         ['a-idle', 'c-idle', 'd-web'])
        self.assertEqual({r['dry_run'] for r in rows}, {False})
        self.assertEqual(self.disabled(), ['a-idle', 'c-idle', 'd-web'])
        digest = self.digest()
        self.assertIn('0 tenants', self.ctl('rollout disable-unused').out)
        self.assertEqual(self.digest(), digest)

    def test_schedule(self):
        self.site()
        self.ctl('tenant set a-idle --contact it@a-idle.test --note mine '
                 '--action tempfail')
        self.ctl('rollout disable-unused --enforce-from 2099-01-01 '
                 '--tempfail-until 2099-01-10')
        tenant = self.json('tenant', 'show', 'a-idle')
        self.assertEqual(
            (tenant['enforce_from'], tenant['tempfail_until'],
             tenant['contact'], tenant['note'], tenant['action']),
            ('2099-01-01T00:00:00Z', '2099-01-11T00:00:00Z',
             'it@a-idle.test', 'mine', 'tempfail'))
        for at, verdict in (('2098-12-31T23:59:59Z', 'allow'),
                            ('2099-01-01T00:00:00Z', 'tempfail'),
                            ('2099-01-11T00:00:00Z', 'reject')):
            answer = self.json('check', 'x@c-idle.test', '--at', at,
                               rc=(0, 10, 11))
            self.assertEqual(answer['verdict'], verdict, at)
        self.assertEqual(self.classes()['c-idle'], 'scheduled')

    def test_exceptions_are_no_use(self):
        self.site()
        self.ctl('mailbox set x@a-idle.test --smtp-auth enabled')
        self.ctl('rollout disable-unused --limit 1')
        self.assertEqual(self.disabled(), ['a-idle'])
        self.assertEqual(self.json('check', 'x@a-idle.test')['reason'],
                         'mailbox-enabled')

    def test_used_on_another_machine(self):
        self.site()
        other = self.other_machine('x@c-idle.test 60 allowed 1')
        self.ctl('rollout', 'disable-unused', '--usage', other)
        self.assertEqual(self.disabled(), ['a-idle', 'd-web'])

    def test_old_dates_are_cleared(self):
        self.site()
        self.ctl('tenant set a-idle --enforce-from 2099-01-01 '
                 '--tempfail-until 2099-02-01')
        self.ctl('rollout disable-unused --tenant a-idle '
                 '--enforce-from none --tempfail-until none')
        tenant = self.json('tenant', 'show', 'a-idle')
        self.assertEqual((tenant['smtp_auth'], tenant['enforce_from'],
                          tenant['tempfail_until']),
                         ('disabled', None, None))
        self.assertEqual(self.json('check', 'x@a-idle.test', rc=11)['verdict'],
                         'reject')

    def test_disabled_ones_keep_their_dates(self):
        self.site()
        self.ctl('tenant set a-idle --smtp-auth disabled '
                 '--enforce-from 2099-01-01')
        self.ctl('rollout disable-unused --tenant a-idle')
        self.ctl('rollout disable-unused')
        self.assertEqual(
            self.json('tenant', 'show', 'a-idle')['enforce_from'],
            '2099-01-01T00:00:00Z')

    def test_denied_tries_are_a_sign_of_need(self):
        self.tenants('tried')
        self.fill('x@tried.test 60 denied 1 192.0.2.1 PLAIN')
        result = self.ctl('rollout disable-unused')
        self.assertIn('1 unused tenant left alone', result.err)
        self.assertEqual(self.disabled(), [])
        self.ctl('rollout disable-unused --tenant tried')
        self.assertEqual(self.disabled(), ['tried'])

    def test_names_that_are_read_otherwise_today(self):
        self.tenants('used')
        self.fill('printer%used.test 60 allowed 1', 'fax 60 allowed 1')
        self.assertEqual(self.classes()['used'], 'unused')
        self.ctl('settings set login-separators %')
        plan = self.rows('rollout', 'plan')['used']
        self.assertEqual(plan['mailboxes'], 1)
        self.ctl('settings set default-domain new.test')
        self.refused('tenant add new --domain new.test', 65, 'fax')

    def test_damaged_policy(self):
        """A record that was altered must not make a tenant unused."""
        self.site()
        path = os.path.join(self.dir, 'policy.mdb')
        with open(path, 'r+b') as f:
            text = f.read()
            f.seek(0)
            f.write(text.replace(b'b-used.test', b'b-usex.test'))
        for command in ('rollout disable-unused', 'rollout plan',
                        'rollout grant --tenant b-used'):
            self.refused(command, 69)

    def test_dry_run_waits_for_no_writer(self):
        self.site()
        with open(os.path.join(self.dir, 'policy.writers'), 'r+b') as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.ctl('rollout disable-unused --dry-run')
            self.ctl('rollout grant --tenant b-used --dry-run')

    def test_guard_others(self):
        """Logins that are not recorded by name may be of any tenant."""
        self.site()
        self.fill('others %d allowed 3' % (91 * DAY),
                  'others 60 denied 1')
        self.ctl('rollout disable-unused --limit 1')
        self.assertEqual(self.disabled(), ['a-idle'])
        self.fill('others 60 allowed 1')
        self.refused('rollout disable-unused', 65, '20000 logins of no tenant',
                     rfc3339(self.now - 60), '--force')
        self.assertIn('NOT complete', self.ctl('rollout plan').out)
        self.ctl('rollout disable-unused --force')
        self.assertEqual(self.disabled(), ['a-idle', 'c-idle', 'd-web'])

    def test_limit(self):
        self.site()
        self.ctl('rollout disable-unused --limit 1')
        self.assertEqual(self.disabled(), ['a-idle'])
        self.ctl('rollout disable-unused --limit 1')
        self.assertEqual(self.disabled(), ['a-idle', 'c-idle'])
        for limit in '0', '-1', 'x', '1x', '', '99999999999999999999999':
            self.refused(['rollout', 'disable-unused', '--limit', limit], 65,
                         '--limit')

    def test_one_tenant(self):
        self.site()
        self.refused('rollout disable-unused --tenant b-used', 65, 'b-used',
                     'in use')
        self.ctl('rollout disable-unused --tenant c-idle')
        self.assertEqual(self.disabled(), ['c-idle'])
        self.refused('rollout disable-unused --tenant none', 1, 'none')

    def test_bad_dates(self):
        self.site()
        for options, *expected in (
                ('--enforce-from 2001-01-02', '2001-01-02T00:00:00Z'),
                ('--tempfail-until 2001-01-01', '2001-01-02T00:00:00Z'),
                ('--enforce-from +7d --tempfail-until +6d', 'after'),
                ('--enforce-from +7d --tempfail-until +7d', 'after'),
                ('--enforce-from morgen', 'morgen')):
            self.refused('rollout disable-unused ' + options, 65, *expected)
        self.assertEqual(self.disabled(), [])

    def guarded(self, *words):
        """Refused for this reason, with the way out; and --force works."""
        self.refused('rollout disable-unused', 65, '--force', *words)
        self.refused('rollout disable-unused --dry-run', 65, *words)
        self.assertEqual(self.disabled(), [])
        self.assertIn('NOT complete', self.ctl('rollout plan').out)
        self.ctl('rollout disable-unused --force --limit 1')
        self.assertEqual(self.disabled(), ['a-idle'])

    def test_guard_too_short(self):
        self.site(since=89 * DAY)
        self.guarded(rfc3339(self.now - 89 * DAY))

    def test_guard_short_enough(self):
        self.site(since=89 * DAY)
        self.ctl('rollout disable-unused --unused-for 88d')
        self.assertEqual(len(self.disabled()), 3)

    def test_guard_too_few_machines(self):
        self.site()
        self.ctl('settings set usage-nodes 2')
        self.guarded('usage-nodes', '--usage')
        other = self.other_machine()
        self.ctl('rollout', 'disable-unused', '--usage', other)
        self.assertEqual(len(self.disabled()), 3)

    def test_guard_same_machine_twice(self):
        self.site()
        self.ctl('settings set usage-nodes 2')
        again = os.path.join(self.tmp, 'again')
        self.ctl('usage', 'export', again)
        result = self.ctl('rollout', 'disable-unused', '--usage', again,
                          rc=65)
        self.assertIn('left out', result.err)
        self.assertIn('usage-nodes', result.err)

    def test_guard_old_data(self):
        self.site(node='until=%d' % (self.now - 2 * DAY))
        self.guarded(rfc3339(self.now - 2 * DAY))

    def test_guard_dropped(self):
        self.site(node='dropped=3 last-dropped=%d' % (self.now - DAY))
        self.guarded('3 submissions')

    def test_dropped_long_ago(self):
        self.site(node='dropped=3 last-dropped=%d' % (self.now - 95 * DAY))
        self.ctl('rollout disable-unused')
        self.assertEqual(len(self.disabled()), 3)

    def test_damaged_file_changes_nothing(self):
        """The sum at the end of a file fails after all was read."""
        self.site()
        other = self.other_machine('x@c-idle.test 60 allowed 1')
        with open(other, 'r+b') as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last[0] ^ 1]))
        self.useless(other, 'damaged')

    def useless(self, file, *words):
        """Neither of the commands that write does anything with it."""
        for command in ('rollout disable-unused --force',
                        'rollout grant --tenant b-used'):
            self.refused(command.split() + ['--usage', file], 69, *words)
        self.assertEqual(self.disabled(), [])
        self.assertEqual(self.jsonl('mailbox', 'list'), [])

    def test_file_that_was_cut_off(self):
        self.site()
        other = self.other_machine(*('u%d@c-idle.test 60 allowed 1' % i
                                     for i in range(50)))
        size = os.path.getsize(other)
        for keep in size - 1, size - 40, size // 2, 20, 0:
            os.truncate(other, keep)
            self.useless(other, other)


class Grant(Rollout):

    def grant(self, *options):
        return self.rows('rollout', 'grant', '--tenant', 'used', *options)

    def test_grants(self):
        self.tenants('used', 'else')
        self.fill('printer@used.test 60 allowed 1 192.0.2.1 PLAIN',
                  'app@used.test 60 would-deny 1 2001:db8::1 LOGIN',
                  'web@used.test 60 exempt 1',
                  'thief@used.test 60 denied 1 192.0.2.9 PLAIN',
                  'old@used.test %d allowed 1 192.0.2.1 PLAIN' % (91 * DAY),
                  'x@else.test 60 allowed 1 192.0.2.1 PLAIN')
        digest = self.digest()
        self.assertIn('2 exceptions would be granted',
                      self.ctl('rollout grant --tenant used --dry-run').out)
        self.assertEqual(self.digest(), digest)
        rows = self.grant('--until', '2099-01-01')
        self.assertEqual(sorted(rows), ['app@used.test', 'printer@used.test'])
        app = rows['app@used.test']
        self.assertEqual(
            (app['granted'], app['reason'], app['last_client'], app['until'],
             app['tenant'], app['dry_run']),
            (True, None, '2001:db8::1', '2099-01-02T00:00:00Z', 'used', False))
        boxes = {m['address']: m for m in self.jsonl('mailbox', 'list')}
        self.assertEqual(sorted(boxes), ['app@used.test', 'printer@used.test'])
        self.assertEqual(boxes['app@used.test']['until'],
                         '2099-01-02T00:00:00Z')
        self.assertIn('2001:db8::1', boxes['app@used.test']['note'])
        digest = self.digest()
        self.assertEqual(self.grant(), {})
        self.assertEqual(self.digest(), digest)
        self.assertEqual(sorted(self.grant('--used-within', '92d')),
                         ['old@used.test'])

    def test_use_that_may_be_nobodys(self):
        """From this machine only, or in one burst: a test, or a thief."""
        self.tenants('used')
        self.fill('local@used.test %d allowed 1 127.0.0.1 PLAIN' % (9 * DAY),
                  'local@used.test 60 allowed 1 ::1 PLAIN',
                  'both@used.test %d allowed 1 192.0.2.1 PLAIN' % (9 * DAY),
                  'both@used.test 60 allowed 1 127.0.0.1 PLAIN',
                  'burst@used.test 660 allowed 1 192.0.2.1 PLAIN',
                  'burst@used.test 60 allowed 9 192.0.2.2 PLAIN',
                  'long@used.test 661 allowed 1 192.0.2.1 PLAIN',
                  'long@used.test 60 allowed 9 192.0.2.1 PLAIN',
                  'unknown@used.test %d allowed 1' % (9 * DAY),
                  'unknown@used.test 60 allowed 1',
                  'test@used.test 60 allowed 1 127.0.0.1 PLAIN')
        result = self.ctl('rollout grant --tenant used --dry-run')
        found = {line.split()[0]: line.partition('granted')[2]
                 for line in result.lines if '@' in line}
        self.assertEqual(found, {
            'local@used.test': '; CHECK: loopback only', 'both@used.test': '',
            'burst@used.test': '; CHECK: one burst only',
            'long@used.test': '', 'unknown@used.test': '',
            'test@used.test': '; CHECK: loopback only; CHECK: one burst only'})
        self.assertIn('192.0.2.2', result.out)
        self.assertEqual(result.err.count('warning: 2 of '), 2)
        rows = self.grant()
        self.assertEqual({name.split('@')[0]: row['warnings']
                          for name, row in rows.items()}, {
            'local': ['loopback'], 'both': [], 'burst': ['burst'],
            'long': [], 'unknown': [], 'test': ['loopback', 'burst']})
        self.assertEqual(rows['local@used.test']['first_seen'],
                         rfc3339(self.now - 9 * DAY))
        self.assertTrue(all(row['granted'] for row in rows.values()))
        self.assertNotIn('warning',
                         self.ctl('rollout grant --tenant used').err)

    def test_decisions_of_people_stand(self):
        self.tenants('used')
        self.ctl('mailbox set off@used.test --smtp-auth disabled')
        self.ctl('mailbox lock lock@used.test')
        self.ctl('mailbox set far@used.test --smtp-auth enabled '
                 '--clients 10.0.0.0/8')
        self.ctl('mailbox', 'set', 'noted@used.test', '--note',
                 'do not touch')
        self.fill(*('%s@used.test 60 allowed 1 192.0.2.1 PLAIN' % who
                    for who in ('off', 'lock', 'far', 'noted')))
        plan = self.rows('rollout', 'plan')['used']
        self.assertEqual((plan['mailboxes'], plan['exposed']), (4, 2))
        rows = self.grant()
        self.assertEqual({r['mailbox']: r['granted'] for r in rows.values()},
                         {'off@used.test': False, 'lock@used.test': False,
                          'far@used.test': False, 'noted@used.test': False})
        self.assertEqual(rows['off@used.test']['reason'],
                         'disabled by its own setting')
        self.assertEqual(rows['lock@used.test']['reason'], 'locked')
        self.assertIn('client', rows['far@used.test']['reason'])
        self.assertEqual(
            self.json('mailbox', 'show', 'noted@used.test')['note'],
            'do not touch')

    def test_disabled_for_a_time(self):
        """Its own `disabled` has run out, and it was used since."""
        self.tenants('used')
        soon = self.until_soon('a@used.test --smtp-auth disabled')
        self.wait_until(soon)
        self.fill('a@used.test 0 allowed 1 192.0.2.1 PLAIN')
        self.assertTrue(self.grant()['a@used.test']['granted'])

    def until_soon(self, setting):
        soon = rfc3339(int(time.time()) + (6 if harness.SLOW else 2))
        self.ctl('mailbox set %s --until %s' % (setting, soon))
        return soon

    def wait_until(self, soon):
        harness.wait_for(lambda: rfc3339(time.time()) > soon)
        self.now = int(time.time())

    @harness.at_length
    def test_expired_exception_is_not_widened(self):
        """Granted anew, it holds for the clients that it was for."""
        self.tenants('used')
        self.until_soon('fits@used.test --smtp-auth enabled '
                        '--clients 192.0.2.0/24')
        soon = self.until_soon('far@used.test --smtp-auth enabled '
                               '--clients 10.0.0.0/8')
        self.wait_until(soon)
        self.fill('fits@used.test 0 allowed 1 192.0.2.1 PLAIN',
                  'far@used.test 0 allowed 1 192.0.2.1 PLAIN')
        rows = self.grant()
        self.assertEqual(
            (rows['far@used.test']['granted'],
             rows['far@used.test']['reason']),
            (False, 'expired, and was not for its last client'))
        self.assertTrue(rows['fits@used.test']['granted'])
        fits = self.json('mailbox', 'show', 'fits@used.test')
        self.assertEqual((fits['clients'], fits['until']),
                         (['192.0.2.0/24'], None))

    @harness.at_length
    def test_expired_subaddress(self):
        """The record of the mailbox without it does not hide that it is."""
        self.tenants('used')
        self.ctl('settings set subaddress-delimiter +')
        self.ctl('mailbox set a@used.test --note here')
        self.fill('a+tag@used.test 1 allowed 1 192.0.2.1 PLAIN')
        soon = self.until_soon('a+tag@used.test --smtp-auth enabled')
        self.wait_until(soon)
        row = self.grant()['a+tag@used.test']
        self.assertEqual((row['granted'], row['reason']),
                         (False, 'expired, and not used since'))

    @harness.at_length
    def test_expired_without_the_subaddress(self):
        """What has run out for the mailbox has for its subaddresses."""
        self.tenants('used')
        self.ctl('settings set subaddress-delimiter +')
        self.fill('late@used.test 1 allowed 1 192.0.2.1 PLAIN',
                  'late+x@used.test 1 allowed 1 192.0.2.1 PLAIN')
        self.until_soon('fits@used.test --smtp-auth enabled '
                        '--clients 192.0.2.0/24')
        self.until_soon('far@used.test --smtp-auth enabled '
                        '--clients 10.0.0.0/8')
        soon = self.until_soon('late@used.test --smtp-auth enabled')
        self.wait_until(soon)
        self.fill('fits+x@used.test 0 allowed 1 192.0.2.1 PLAIN',
                  'far+x@used.test 0 allowed 1 192.0.2.1 PLAIN')
        rows = self.grant()
        self.assertEqual({m: r['reason'] for m, r in rows.items()}, {
            'fits+x@used.test': None,
            'far+x@used.test': 'expired, and was not for its last client',
            'late@used.test': 'expired, and not used since',
            'late+x@used.test': 'expired, and not used since'})
        fits = self.json('mailbox', 'show', 'fits+x@used.test')
        self.assertEqual(fits['clients'], ['192.0.2.0/24'])

    def note(self, address):
        return self.json('mailbox', 'show', address)['note']

    def test_note(self):
        self.tenants('used')
        self.fill('a@used.test 60 allowed 1 192.0.2.1 PLAIN',
                  'bare@used.test 60 allowed 1 192.0.2.1',
                  'dark@used.test 60 allowed 1',
                  'tried@used.test 60 allowed 1 192.0.2.1 PLAIN',
                  'tried@used.test 30 denied 1 203.0.113.9 LOGIN')
        self.grant()
        begin = 'granted by rollout: last used ' + rfc3339(self.now - 60)
        self.assertEqual(self.note('a@used.test'),
                         begin + ' from 192.0.2.1 (PLAIN)')
        self.assertEqual(self.note('bare@used.test'),
                         begin + ' from 192.0.2.1')
        self.assertEqual(self.note('dark@used.test'), begin)
        # The one that was seen last was denied: it is not the one that used.
        self.assertEqual(self.note('tried@used.test'), begin)

    def test_exception_that_ends_before_the_schedule_begins(self):
        self.tenants('used')
        self.ctl('mailbox set a@used.test --smtp-auth enabled --until +5d')
        self.fill('a@used.test 60 allowed 1 192.0.2.1 PLAIN')
        self.assertEqual(self.rows('rollout', 'plan')['used']['exposed'], 0)
        self.ctl('tenant set used --smtp-auth disabled --enforce-from +4d')
        self.assertEqual(self.rows('rollout', 'plan')['used']['exposed'], 0)
        self.ctl('tenant set used --enforce-from +6d')
        self.assertEqual(self.rows('rollout', 'plan')['used']['exposed'], 1)
        row = self.grant()['a@used.test']
        self.assertFalse(row['granted'])
        self.assertIn('enforce-from', row['reason'])

    def test_tenant_locked(self):
        self.tenants('used')
        self.ctl('tenant lock used')
        self.fill('a@used.test 60 allowed 1 192.0.2.1 PLAIN')
        self.assertFalse(self.grant()['a@used.test']['granted'])

    def test_expired_exception(self):
        """Used after it expired: anew; not used since: left as it is."""
        self.tenants('used')
        self.fill('a@used.test 1 allowed 1 192.0.2.1 PLAIN')
        soon = self.until_soon('a@used.test --smtp-auth enabled')
        self.wait_until(soon)
        row = self.grant()['a@used.test']
        self.assertEqual((row['granted'], row['reason']),
                         (False, 'expired, and not used since'))
        self.now = int(time.time())
        self.fill('a@used.test 0 allowed 1 192.0.2.1 PLAIN')
        self.assertTrue(self.grant()['a@used.test']['granted'])

    def test_subaddress(self):
        self.tenants('used')
        self.ctl('settings set subaddress-delimiter +')
        self.ctl('mailbox set a@used.test --note here')
        self.fill('a+tag@used.test 60 allowed 1 192.0.2.1 PLAIN')
        self.grant()
        self.assertEqual(
            {m['address']: m['smtp_auth'] for m in
             self.jsonl('mailbox', 'list')},
            {'a@used.test': 'inherit', 'a+tag@used.test': 'enabled'})

    def test_alias_since_then(self):
        self.tenants('used')
        self.fill('short@used.test 60 allowed 1 192.0.2.1 PLAIN')
        self.ctl('mailbox alias add long@used.test short@used.test')
        self.assertEqual(list(self.grant('--dry-run')), ['long@used.test'])
        self.assertEqual(list(self.grant()), ['long@used.test'])
        self.assertEqual([m['address'] for m in self.jsonl('mailbox', 'list')],
                         ['long@used.test'])
        self.assertEqual(self.grant(), {})

    def test_warns(self):
        self.tenants('used')
        self.fill('a@used.test 60 allowed 1', since=DAY)
        result = self.ctl('rollout grant --tenant used')
        self.assertIn('warning', result.err)
        self.assertIn('1 exception granted', result.out)

    def test_refusals(self):
        self.tenants('used')
        self.fill()
        self.refused('rollout grant', 64, '--tenant')
        self.refused('rollout grant --tenant none', 1, 'none')
        self.refused('rollout grant --tenant used --until 2001-01-01', 65)
        self.refused('rollout grant --tenant used --used-within x', 65)


class Status(Rollout):

    def test_stages(self):
        self.tenants('on', 'later', 'soft', 'off', 'dry')
        self.ctl('tenant set later --smtp-auth disabled --enforce-from +7d '
                 '--contact it@later.test')
        self.ctl('tenant set soft --smtp-auth disabled --tempfail-until +7d')
        self.ctl('tenant set off --smtp-auth disabled')
        self.ctl('tenant set dry --smtp-auth disabled --action report')
        rows = self.rows('rollout', 'status')
        self.assertEqual({n: o['stage'] for n, o in rows.items()}, {
            'on': 'enabled', 'later': 'scheduled', 'soft': 'tempfail',
            'off': 'disabled', 'dry': 'dry run'})
        self.assertEqual({n: o['notice'] for n, o in rows.items()}, {
            'on': None, 'later': 'not sent', 'soft': 'no contact',
            'off': None, 'dry': None})
        self.assertIsNone(rows['on']['mailboxes'])    # nothing recorded
        self.ctl('settings set enforce no')
        rows = self.rows('rollout', 'status')
        self.assertEqual((rows['off']['stage'], rows['later']['stage']),
                         ('dry run', 'scheduled'))
        self.fill('a@on.test 60 allowed 1 192.0.2.1 PLAIN')
        rows = self.rows('rollout', 'status', '--tenant', 'on')
        self.assertEqual((list(rows), rows['on']['mailboxes'],
                          rows['on']['exposed']), (['on'], 1, 1))
        for name in ('on', 'later', 'soft', 'off', 'dry'):
            self.assertIn(name, self.ctl('rollout status').out)


class Add(Rollout):
    """tenant add without --smtp-auth, on domains in use."""

    def test_in_use(self):
        self.fill('bob@new.test %d allowed 1 192.0.2.1 PLAIN' % DAY,
                  'eve@new.test %d would-deny 1 192.0.2.1 PLAIN' % (2 * DAY),
                  'old@gone.test %d allowed 1 192.0.2.1 PLAIN' % (31 * DAY),
                  'thief@tried.test 60 denied 1', 'x@web.test 60 exempt 1')
        self.refused('tenant add new --domain a.test --domain new.test', 65,
                     '2 logins', 'bob@new.test', rfc3339(self.now - DAY),
                     '--smtp-auth enabled', '--smtp-auth disabled')
        self.assertEqual(self.jsonl('tenant', 'list'), [])
        for name in 'gone', 'tried', 'web', 'nobody':
            self.ctl('tenant add %s --domain %s.test' % (name, name))
        self.ctl('tenant add new --domain new.test --smtp-auth disabled')

    def test_logins_that_are_not_recorded_by_name(self):
        """They may be of any domain."""
        self.fill('others 0 denied 1')
        self.ctl('tenant add tried --domain tried.test')
        self.fill('others %d allowed 1' % (31 * DAY))
        self.ctl('tenant add old --domain old.test')
        self.fill('others 60 allowed 1')
        self.refused('tenant add new --domain new.test', 65, '20000 logins',
                     'not known who is in use', '--smtp-auth disabled')
        self.ctl('tenant add new --domain new.test --smtp-auth disabled')

    def test_enabled_by_setting(self):
        self.ctl('settings set new-tenant-smtp-auth enabled')
        self.fill('bob@new.test 60 allowed 1')
        self.ctl('tenant add new --domain new.test')

    def test_catch_all(self):
        self.tenants('named')
        self.fill('a@named.test 60 allowed 1')
        self.ctl('tenant add rest --domain *')
        self.ctl('tenant remove rest --force')
        self.fill('bob 60 allowed 1')
        self.refused(['tenant', 'add', 'rest', '--domain', '*'], 65, 'bob')

    def test_another_machine(self):
        self.fill()
        other = self.other_machine('bob@new.test 60 allowed 1')
        self.refused(['tenant', 'add', 'new', '--domain', 'new.test',
                      '--usage', other], 65, 'bob@new.test')
        self.ctl('tenant add new --domain new.test')

    def test_unreadable(self):
        self.fill()
        path = os.path.join(self.dir, 'usage', 'usage.mdb')
        with open(path, 'r+b') as f:
            f.write(b'x' * 8192)
        self.refused('tenant add new --domain new.test', 69,
                     '--smtp-auth enabled')
        self.ctl('tenant add new --domain new.test --smtp-auth enabled')


class Size(Rollout):

    def test_many(self):
        """20,000 logins of 20 tenants, and exceptions for one of them."""
        self.ctl('settings set enforce no')
        for i in range(20):
            self.ctl('tenant add t%d --domain d%d.test --smtp-auth enabled'
                     % (i, i))
        self.fill(*('u%d@d%d.test 60 allowed 1 192.0.2.1 PLAIN' % (i, i % 20)
                    for i in range(20000)))
        begin = time.monotonic()
        self.assertEqual(len(self.grant_of('t7')), 1000)
        self.assertLess(time.monotonic() - begin, 50 if harness.SLOW else 10)

    def grant_of(self, name):
        return self.jsonl('rollout', 'grant', '--tenant', name)


if __name__ == '__main__':
    harness.main()
