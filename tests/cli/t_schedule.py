#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl check over time: --at, what comes then, and what the steps tell
of schedules, locks and exceptions."""

import random

import harness

STATUS = {'allow': 0, 'report': 0, 'tempfail': 10, 'reject': 11}
LOGIN = 'u@acme.test'


def day(n, clock='00:00:00'):
    """An instant in the future of everyone who runs this."""
    return '2098-%02d-%02dT%sZ' % (1 + (n - 1) // 28, 1 + (n - 1) % 28, clock)


class Schedule(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain acme.test --smtp-auth disabled')

    def check(self, options='', login=LOGIN):
        """The object printed; status and text are asserted to agree."""
        a = self.json('check %s %s' % (login, options), rc=(0, 10, 11))
        r = self.ctl('check %s %s' % (login, options), rc=STATUS[a['verdict']])
        self.assertEqual(
            [line[17:] for line in r.lines if line.startswith('from ')],
            ['%(at)s  %(verdict)s, %(reason)s' % c for c in a['changes']])
        at = [line.split()[1:] for line in r.lines if line.startswith('at ')]
        self.assertEqual(at, [[a['at']]] if '--at' in options else [])
        start = r.lines.index('steps') + 1
        self.assertEqual([line[2:] for line in r.lines[start:]], a['steps'])
        shown = [line[17:] for line in r.lines
                 if line.startswith('mailbox setting')]
        self.assertEqual(shown, [a['override']] if a['override'] else [])
        return a

    def decides(self, options, verdict, reason, login=LOGIN):
        a = self.check(options, login)
        self.assertEqual((a['verdict'], a['reason']), (verdict, reason), a)
        return a

    def changes(self, options='', login=LOGIN):
        return [(c['at'], c['verdict'], c['reason'])
                for c in self.check(options, login)['changes']]

    def steps(self, start, options='', login=LOGIN):
        """The steps that begin so, without that beginning."""
        return [step[len(start):] for step in self.check(options, login)[
            'steps'] if step.startswith(start)]

    def delimiter(self):
        self.ctl('settings set subaddress-delimiter +')


class At(Schedule):

    def test_instant_is_shown(self):
        self.assertIsNone(self.check()['at'])
        for typed, at in (('2098-12-01', '2098-12-01T00:00:00Z'),
                          ('2098-12-01T01:00:00+02:00',
                           '2098-11-30T23:00:00Z'),
                          ('2020-02-29', '2020-02-29T00:00:00Z'),
                          ('1970-01-01', '1970-01-01T00:00:00Z'),
                          ('9999-12-31', '9999-12-31T00:00:00Z')):
            with self.subTest(typed=typed):
                self.assertEqual(self.check('--at ' + typed)['at'], at)
        self.assertRegex(self.json('check u@acme.test --at +1d', rc=11)['at'],
                         r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')

    def test_bad(self):
        for typed in ('never', 'none', '2098-13-01', '14d', ''):
            with self.subTest(typed=typed):
                self.refused(['check', LOGIN, '--at', typed], 65)

    def test_date_is_the_start_of_the_day(self):
        self.ctl('tenant set acme --enforce-from 2098-12-01')
        self.decides('--at 2098-11-30T23:59:59Z', 'allow', 'scheduled')
        self.decides('--at 2098-12-01', 'reject', 'tenant-disabled')
        self.ctl('tenant set acme --enforce-from 2098-12-01T00:00:01Z')
        self.decides('--at 2098-12-01', 'allow', 'scheduled')

    def test_tenant_to_the_second(self):
        self.ctl('tenant set acme --enforce-from %s --tempfail-until %s'
                 % (day(10), day(20)))
        for at, verdict, reason in (
                (day(9, '23:59:59'), 'allow', 'scheduled'),
                (day(10), 'tempfail', 'tenant-disabled'),
                (day(19, '23:59:59'), 'tempfail', 'tenant-disabled'),
                (day(20), 'reject', 'tenant-disabled')):
            with self.subTest(at=at):
                self.decides('--at ' + at, verdict, reason)

    def test_mailbox_to_the_second(self):
        for setting, verdict, reason in (
                ('enabled', 'allow', 'mailbox-enabled'),
                ('disabled', 'reject', 'mailbox-disabled')):
            self.ctl('mailbox set %s --smtp-auth %s --until %s'
                     % (LOGIN, setting, day(10)))
            with self.subTest(setting=setting):
                a = self.decides('--at ' + day(9, '23:59:59'), verdict, reason)
                self.assertEqual(a['override'],
                                 '%s until %s' % (setting, day(10)))
                a = self.decides('--at ' + day(10), 'reject',
                                 'tenant-disabled')
                self.assertEqual(a['override'], '%s, but expired at %s'
                                 % (setting, day(10)))

    def test_blocked_passwords(self):
        self.ctl('tenant set acme --blocks passwords --enforce-from ' + day(5))
        for at, mechanism, verdict, reason in (
                (day(4), 'XOAUTH2', 'allow', 'modern-auth'),
                (day(5), 'XOAUTH2', 'allow', 'modern-auth'),
                (day(4), 'PLAIN', 'allow', 'scheduled'),
                (day(5), 'PLAIN', 'reject', 'tenant-disabled')):
            with self.subTest(at=at, mechanism=mechanism):
                self.decides('--mechanism %s --at %s' % (mechanism, at),
                             verdict, reason)
        self.assertEqual(self.changes('--mechanism XOAUTH2'), [])
        self.assertEqual(self.changes('--mechanism PLAIN'),
                         [(day(5), 'reject', 'tenant-disabled')])

    def test_clients(self):
        self.ctl('mailbox set %s --smtp-auth enabled --clients 192.0.2.0/24 '
                 '--until %s' % (LOGIN, day(5)))
        elsewhere = 'enabled, but not for client '
        for at, client, verdict, override in (
                (day(4), '192.0.2.9', 'allow', 'enabled until ' + day(5)),
                (day(5), '192.0.2.9', 'reject',
                 'enabled, but expired at ' + day(5)),
                (day(4), '192.0.3.9', 'reject', elsewhere + '192.0.3.9'),
                (day(5), '192.0.3.9', 'reject',
                 'enabled, but expired at ' + day(5)),
                (day(4), '2001:db8::1', 'reject', elsewhere + '2001:db8::1')):
            with self.subTest(at=at, client=client):
                a = self.decides('--client %s --at %s' % (client, at), verdict,
                                 'mailbox-enabled' if verdict == 'allow'
                                 else 'tenant-disabled')
                self.assertEqual(a['override'], override)
        a = self.decides('--at ' + day(4), 'reject', 'tenant-disabled')
        self.assertEqual(a['override'], elsewhere + '(unknown)')
        self.assertEqual(self.changes('--client 192.0.2.9'),
                         [(day(5), 'reject', 'tenant-disabled')])
        self.assertEqual(self.changes('--client 192.0.3.9'), [])
        self.ctl('tenant lock acme --until ' + day(2))
        self.assertEqual(self.changes('--client 192.0.2.9'), [
            (day(2), 'allow', 'mailbox-enabled'),
            (day(5), 'reject', 'tenant-disabled')])
        self.assertEqual(self.changes('--client 192.0.3.9'),
                         [(day(2), 'reject', 'tenant-disabled')])

    def test_override_of_the_base_mailbox(self):
        self.delimiter()
        self.ctl('mailbox set %s --smtp-auth enabled --clients 192.0.2.0/24 '
                 '--until %s' % (LOGIN, day(5)))
        for at, client, override in (
                (day(4), '192.0.2.9', 'enabled until ' + day(5)),
                (day(4), '192.0.3.9',
                 'enabled, but not for client 192.0.3.9'),
                (day(5), '192.0.2.9', 'enabled, but expired at ' + day(5))):
            with self.subTest(at=at, client=client):
                a = self.check('--client %s --at %s' % (client, at),
                               'u+x@acme.test')
                self.assertEqual(a['override'], override)
                self.assertEqual(a['mailbox'], LOGIN)


class Changes(Schedule):

    def test_none(self):
        self.assertEqual(self.changes(), [])
        self.ctl('mailbox set %s --smtp-auth enabled' % LOGIN)
        self.assertEqual(self.changes(), [])
        for login in ('v@nosuch.test', '@', 'nobody'):
            self.assertEqual(self.changes(login=login), [])
        self.assertEqual(self.json('check', '')['changes'], [])

    def test_one(self):
        gone = [(day(5), 'reject', 'tenant-disabled')]
        for options, expected in (
                ('--enforce-from ' + day(5), gone),
                ('--tempfail-until %s --enforce-from none' % day(5), gone)):
            with self.subTest(options=options):
                self.ctl('tenant set acme ' + options)
                self.assertEqual(self.changes(), expected)
        self.ctl('tenant set acme --tempfail-until none')
        self.ctl('mailbox set %s --smtp-auth enabled --until %s'
                 % (LOGIN, day(5)))
        self.assertEqual(self.changes(), gone)
        self.ctl('mailbox set %s --smtp-auth disabled --until %s'
                 % (LOGIN, day(5)))
        self.assertEqual(self.changes(), gone)
        self.ctl('mailbox set %s --smtp-auth enabled' % LOGIN)
        self.assertEqual(self.changes(), [], 'until goes with the setting')

    def test_end_of_a_lock(self):
        for noun, name in (('tenant', 'acme'), ('mailbox', LOGIN)):
            with self.subTest(noun=noun):
                self.ctl('%s lock %s --until %s' % (noun, name, day(5)))
                self.decides('--at ' + day(4, '23:59:59'), 'reject', 'locked')
                self.assertEqual(self.changes(),
                                 [(day(5), 'reject', 'tenant-disabled')])
                self.assertEqual(self.changes('--at ' + day(5)), [])
                self.ctl(noun, 'unlock', name)
        self.ctl('mailbox lock %s --until %s' % (LOGIN, day(5)))
        self.ctl('tenant lock acme')
        self.assertEqual(self.changes(), [])
        self.ctl('tenant lock acme --until ' + day(3))
        self.assertEqual(self.changes(),
                         [(day(5), 'reject', 'tenant-disabled')])

    FOUR = [(day(5), 'allow', 'mailbox-enabled'),
            (day(10), 'allow', 'scheduled'),
            (day(15), 'tempfail', 'tenant-disabled'),
            (day(20), 'reject', 'tenant-disabled')]

    def four(self):
        self.ctl('tenant set acme --enforce-from %s --tempfail-until %s'
                 % (day(15), day(20)))
        self.ctl('tenant lock acme --until ' + day(5))
        self.ctl('mailbox set %s --smtp-auth enabled --until %s'
                 % (LOGIN, day(10)))

    def test_four(self):
        self.four()
        self.decides('', 'reject', 'locked')
        self.assertEqual(self.changes(), self.FOUR)

    def test_only_those_after_the_judged_instant(self):
        self.four()
        for at, left in ((day(4, '23:59:59'), 4), (day(5), 3), (day(9), 3),
                         (day(10), 2), (day(15), 1), (day(19), 1),
                         (day(20), 0)):
            with self.subTest(at=at):
                self.assertEqual(self.changes('--at ' + at),
                                 self.FOUR[4 - left:])

    def test_what_does_not_change_is_left_out(self):
        self.ctl('tenant set acme --smtp-auth enabled --enforce-from %s '
                 '--tempfail-until %s' % (day(5), day(10)))
        self.assertEqual(self.changes(), [])
        self.ctl('tenant set acme --smtp-auth disabled --action report')
        self.assertEqual(self.changes(),
                         [(day(5), 'report', 'tenant-disabled')])
        self.ctl('settings set exempt-listeners webmail')
        self.assertEqual(self.changes('--listener webmail'), [])
        self.ctl('tenant set acme --enforce-from none --action reject')
        self.ctl('settings set enforce no')
        self.assertEqual(self.changes(), [])

    def test_same_instant_is_one_change(self):
        self.ctl('tenant set acme --enforce-from %s --tempfail-until %s'
                 % (day(5), day(5)))
        self.ctl('mailbox set %s --smtp-auth enabled --until %s'
                 % (LOGIN, day(5)))
        self.assertEqual(self.changes(),
                         [(day(5), 'reject', 'tenant-disabled')])

    def test_base_behind_the_exact_mailbox(self):
        self.delimiter()
        self.ctl('mailbox set u+x@acme.test --smtp-auth enabled --until '
                 + day(5))
        self.ctl('mailbox set %s --smtp-auth disabled --until %s'
                 % (LOGIN, day(10)))
        self.assertEqual(self.changes(login='u+x@acme.test'), [
            (day(5), 'reject', 'mailbox-disabled'),
            (day(10), 'reject', 'tenant-disabled')])
        self.ctl('mailbox lock u+x@acme.test --until ' + day(2))
        self.ctl('mailbox lock %s --until %s' % (LOGIN, day(7)))
        self.assertEqual(self.changes(login='u+x@acme.test'), [
            (day(7), 'reject', 'mailbox-disabled'),
            (day(10), 'reject', 'tenant-disabled')])
        self.ctl('mailbox lock u+x@acme.test --until ' + day(8))
        self.assertEqual(self.changes(login='u+x@acme.test')[0][0], day(8))
        self.ctl('settings unset subaddress-delimiter')
        self.assertEqual(self.changes(login='u+x@acme.test'), [
            (day(8), 'reject', 'tenant-disabled')])

    def test_alias(self):
        self.four()
        self.ctl('mailbox', 'alias', 'add', LOGIN, 'jdoe')
        self.assertEqual(self.changes(login='jdoe'), self.FOUR)

    def some(self, rng, days, *commands):
        """Run most of the commands, each with a day added."""
        for command in commands:
            if rng.random() < 0.75:
                self.ctl('%s %s' % (command, day(rng.randint(*days))))

    def by_day(self, login, last_day):
        """The changes that asking for each day finds."""
        found, last = [], None
        for n in range(1, last_day + 1):
            a = self.json('check %s --at %s' % (login, day(n)),
                          rc=(0, 10, 11))
            if last not in (None, (a['verdict'], a['reason'])):
                found.append((day(n), a['verdict'], a['reason']))
            last = a['verdict'], a['reason']
        return found

    def test_are_those_that_asking_each_day_finds(self):
        rng = random.Random(7)
        self.delimiter()
        total = 0
        for n in range(8):
            name, box = 't%d' % n, 'u@t%d.test' % n
            exact = box.replace('@', '+x@')
            self.ctl('tenant add %s --domain %s.test' % (name, name))
            self.some(rng, (9, 13), 'tenant set %s --enforce-from' % name)
            self.some(rng, (13, 18), 'tenant set %s --tempfail-until' % name)
            self.some(rng, (2, 6), 'tenant lock %s --until' % name)
            for address in box, exact:
                self.some(rng, (2, 9), 'mailbox lock %s --until' % address)
                self.some(rng, (4, 14), 'mailbox set %s --smtp-auth %s --until'
                          % (address, rng.choice(('enabled', 'disabled'))))
            with self.subTest(n=n):
                found = self.by_day(exact, 19)
                self.assertEqual(self.changes('--at ' + day(1), exact), found)
                total += len(found)
        self.assertGreater(total, 20, 'there was too little to find')


class Steps(Schedule):

    def tenant(self, options=''):
        return self.steps('tenant: acme, smtp-auth ', options)

    def mailbox(self, options='', login=LOGIN):
        return self.steps('mailbox setting: ', options, login)

    def test_tenant(self):
        self.assertEqual(self.tenant(), ['disabled'])
        self.ctl('tenant set acme --blocks passwords --action tempfail '
                 '--enforce-from %s --tempfail-until %s' % (day(5), day(9)))
        text = ('disabled, action tempfail, blocks passwords, enforce-from %s,'
                ' tempfail-until %s' % (day(5), day(9)))
        self.assertEqual(self.tenant(), [text])
        self.assertEqual(self.tenant('--at ' + day(20)), [text])
        self.ctl('tenant lock acme')
        self.assertEqual(self.tenant(), [text + ', locked'])
        self.ctl('tenant lock acme --until ' + day(7))
        self.assertEqual(self.tenant('--at ' + day(6, '23:59:59')),
                         [text + ', locked until ' + day(7)])
        self.assertEqual(self.tenant('--at ' + day(7)),
                         [text + ', lock expired ' + day(7)])
        self.ctl('tenant unlock acme')
        self.assertEqual(self.tenant(), [text])

    def test_tenant_one_by_one(self):
        for option, value, default in (
                ('blocks', 'passwords', 'all'),
                ('action', 'report', 'default'),
                ('enforce-from', day(5), 'none'),
                ('tempfail-until', day(5), 'none')):
            with self.subTest(option=option):
                self.ctl('tenant set acme --%s %s' % (option, value))
                self.assertEqual(self.tenant(),
                                 ['disabled, %s %s' % (option, value)])
                self.ctl('tenant set acme --%s %s' % (option, default))
                self.assertEqual(self.tenant(), ['disabled'])

    def test_mailbox(self):
        self.assertEqual(self.mailbox(), ['none'])
        self.ctl('mailbox set %s --smtp-auth disabled' % LOGIN)
        self.assertEqual(self.mailbox(), ['smtp-auth disabled'])
        self.ctl('mailbox set %s --smtp-auth enabled --until %s'
                 % (LOGIN, day(5)))
        text = 'smtp-auth enabled, until ' + day(5)
        self.assertEqual(self.mailbox('--at ' + day(4, '23:59:59')), [text])
        self.assertEqual(self.mailbox('--at ' + day(5)),
                         [text + ' (expired)'])
        self.ctl('mailbox lock ' + LOGIN)
        self.assertEqual(self.mailbox(), [text + ', locked'])
        self.ctl('mailbox lock %s --until %s' % (LOGIN, day(3)))
        self.assertEqual(self.mailbox(), [text + ', locked until ' + day(3)])
        self.assertEqual(self.mailbox('--at ' + day(3)),
                         [text + ', lock expired ' + day(3)])

    def test_clients(self):
        nets = ['192.0.2.%d/32' % i for i in range(1, 9)]
        for count, shown, more in ((1, 1, ''), (5, 5, ''),
                                   (6, 5, ' and 1 more'),
                                   (8, 5, ' and 3 more')):
            with self.subTest(count=count):
                self.ctl('mailbox set %s --smtp-auth enabled --clients %s'
                         % (LOGIN, ','.join(nets[:count])))
                text = ','.join(n[:-3] for n in nets[:shown])
                self.assertEqual(self.mailbox(), [
                    'smtp-auth enabled, clients ' + text + more])

    def test_longest_list_of_clients(self):
        nets = ['2001:db8:ffff:ffff:ffff:ffff:ffff:ff%02x/128' % i
                for i in range(128)]
        self.ctl('mailbox', 'set', LOGIN, '--smtp-auth', 'enabled',
                 '--clients', ','.join(nets), '--until', day(5))
        step, = self.mailbox('--at ' + day(6))
        self.assertTrue(step.endswith(' and 123 more'), step)
        self.assertEqual(step.count(','), 6)

    def test_both_mailboxes(self):
        self.delimiter()
        self.ctl('mailbox set u+x@acme.test --smtp-auth enabled --until '
                 + day(5))
        exact = 'smtp-auth enabled, until ' + day(5)
        rest = 'the setting with the subaddress is in force'
        self.assertEqual(self.mailbox('', 'u+x@acme.test'), [exact])
        self.ctl('mailbox set %s --smtp-auth disabled' % LOGIN)
        for at, shown, count in ((day(4), exact, 1),
                                 (day(5), exact + ' (expired)', 0)):
            with self.subTest(at=at):
                a = self.check('--at ' + at, 'u+x@acme.test')
                steps = a['steps']
                i = steps.index('without subaddress: ' + LOGIN)
                self.assertEqual(steps[i - 1], 'mailbox setting: ' + shown)
                self.assertEqual(steps[i + 1],
                                 'mailbox setting: smtp-auth disabled')
                self.assertEqual(sum(s.startswith(rest) for s in steps), count)
        self.ctl('mailbox lock %s --until %s' % (LOGIN, day(2)))
        self.assertEqual(self.mailbox('', 'u+x@acme.test'), [
            exact, 'smtp-auth disabled, locked until ' + day(2)])


if __name__ == '__main__':
    harness.main()
