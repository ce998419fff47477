#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl tenant and domain: names, options, times, locks and the
guards against removals that open the door."""

import harness
from refused_words import BAD_TIMES, WORD

# Statuses open to a refusal that asks for --force, and for bad words where
# a list of words is expected.
GUARD = (64, 65, 77)


class Tenant(harness.Case):

    def show(self, name='acme'):
        return self.json('tenant', 'show', name)

    def test_add_with_defaults(self):
        out = self.ctl('tenant add acme').out
        self.assertIn('disabled', out)
        t = self.show()
        self.assertEqual(t['name'], 'acme')
        self.assertEqual(t['smtp_auth'], 'disabled')
        self.assertEqual(t['action'], 'default')
        self.assertEqual(t['blocks'], 'all')
        for key in ('domains', 'enforce_from', 'tempfail_until', 'lock',
                    'contact', 'reply', 'note'):
            self.assertFalse(t[key], key)

    def test_add_with_everything(self):
        self.ctl('tenant', 'add', 'acme', '--domain', 'b.test', '--domain',
                 'A.test', '--smtp-auth', 'enabled', '--action', 'tempfail',
                 '--blocks', 'passwords', '--enforce-from', '2099-12-01',
                 '--tempfail-until', '2099-12-31T10:00:00+02:00',
                 '--contact', 'it@acme.test', '--reply', 'Ask {tenant}',
                 '--note', 'größte Kundin')
        t = self.show()
        t['domains'].sort()
        self.assertFalse(t.pop('lock'))
        self.assertEqual(t, {
            'name': 'acme', 'domains': ['a.test', 'b.test'],
            'smtp_auth': 'enabled', 'action': 'tempfail',
            'blocks': 'passwords', 'enforce_from': '2099-12-01T00:00:00Z',
            'tempfail_until': '2099-12-31T08:00:00Z',
            'contact': 'it@acme.test', 'reply': 'Ask {tenant}',
            'note': 'größte Kundin', 'overruled_by': []})

    def test_options_may_come_first(self):
        self.ctl('tenant add --smtp-auth enabled acme --domain a.test')
        self.assertEqual(self.show()['domains'], ['a.test'])

    def test_several_domains_in_one_word(self):
        self.ctl('tenant add acme --domain b.test,a.test --domain c.test')
        self.assertEqual(sorted(self.show()['domains']),
                         ['a.test', 'b.test', 'c.test'])
        self.ctl('tenant add many --domain ' + ','.join(
            'd%d.test' % i for i in range(256)))
        self.assertEqual(len(self.show('many')['domains']), 256)
        said = self.ctl('tenant add more --domain ' + ','.join(
            'e%d.test' % i for i in range(257)), rc=64).err
        self.assertIn('more than 256 times --domain', said)
        for word in 'x.test,', ',x.test', 'x.test,,y.test', ',', '':
            said = self.ctl('tenant', 'add', 'two', '--domain', word,
                            rc=65).err
            self.assertIn('DOMAIN,DOMAIN', said, word)
        self.ctl('tenant show two', rc=1)

    def test_new_tenant_smtp_auth(self):
        self.ctl('settings set new-tenant-smtp-auth enabled')
        self.assertIn('enabled', self.ctl('tenant add one').out)
        self.ctl('tenant add two --smtp-auth disabled')
        self.ctl('settings unset new-tenant-smtp-auth')
        self.assertEqual(self.show('one')['smtp_auth'], 'enabled')
        self.assertEqual(self.show('two')['smtp_auth'], 'disabled')

    def test_good_names(self):
        for name in ('a', '0', 'a.b_c-d', 'x' * 63):
            with self.subTest(name=name):
                self.ctl('tenant', 'add', name)
                self.assertEqual(self.show(name)['name'], name)

    def test_names_are_lower_cased(self):
        self.ctl('tenant add ACME --domain a.test')
        self.assertEqual(self.show('Acme')['name'], 'acme')
        self.ctl('tenant set aCME --note x')
        self.assertEqual(self.show()['note'], 'x')
        self.refused('tenant add acme', (65, 73), 'acme')

    def test_bad_names(self):
        for name in ('', '-a', '.a', '_a', 'a b', 'a/b', 'ä', 'x' * 64,
                     'a\n', 'a@b', '*', b'\xff'):
            with self.subTest(name=name):
                self.refused(['tenant', 'add', name], WORD)
        self.assertEqual(self.status()['tenants'], 0)

    def test_missing_tenant(self):
        self.ctl('tenant add acme --domain a.test')
        for command in ('tenant show nosuch', 'tenant set nosuch --note x',
                        'tenant remove nosuch', 'tenant remove nosuch --force',
                        'tenant lock nosuch', 'tenant unlock nosuch',
                        'tenant set nosuch --smtp-auth enabled',
                        'domain add nosuch b.test',
                        'domain move a.test nosuch',
                        'domain list --tenant nosuch',
                        'mailbox list --tenant nosuch'):
            with self.subTest(command=command):
                self.refused(command, 1, 'nosuch')

    def test_set_keeps_what_it_is_not_told(self):
        self.ctl('tenant', 'add', 'acme', '--domain', 'a.test', '--contact',
                 'it@a.test', '--reply', 'r', '--note', 'n', '--action',
                 'report', '--enforce-from', '2099-01-01')
        expected = self.show()
        for option, value, key, shown in (
                ('--smtp-auth', 'enabled', 'smtp_auth', 'enabled'),
                ('--action', 'default', 'action', 'default'),
                ('--action', 'reject', 'action', 'reject'),
                ('--blocks', 'passwords', 'blocks', 'passwords'),
                ('--contact', 'x@a.test', 'contact', 'x@a.test'),
                ('--reply', 'q', 'reply', 'q'), ('--note', 'm', 'note', 'm'),
                ('--tempfail-until', '2099-02-01T00:00:00Z',
                 'tempfail_until', '2099-02-01T00:00:00Z')):
            with self.subTest(option=option, value=value):
                self.ctl('tenant', 'set', 'acme', option, value)
                expected[key] = shown
                if key == 'smtp_auth':
                    expected['overruled_by'] = []
                self.assertEqual(self.show(), expected)

    def test_clearing(self):
        self.ctl('tenant add acme --domain a.test')
        empty, digest = self.show(), self.digest()
        for option, value, clear in (
                ('--enforce-from', '2099-01-01', 'none'),
                ('--tempfail-until', '2099-01-01', 'none'),
                ('--contact', 'it@a.test', ''), ('--reply', 'r', ''),
                ('--note', 'n', '')):
            with self.subTest(option=option):
                self.ctl('tenant', 'set', 'acme', option, value)
                self.assertNotEqual(self.digest(), digest)
                self.ctl('tenant', 'set', 'acme', option, clear)
                self.assertEqual(self.show(), empty)
                self.assertEqual(self.digest(), digest)

    def test_times_are_printed(self):
        self.ctl('tenant add acme')
        r = self.ctl('tenant set acme --enforce-from 2099-12-01')
        self.assertIn('2099-12-01T00:00:00Z', r.out)
        r = self.ctl('tenant set acme --tempfail-until 2099-12-01')
        self.assertRegex(r.out, '2099-12-0(1T23:59:59|2T00:00:00)Z')
        r = self.ctl('tenant lock acme --until 2099-12-01T12:00:00+01:30')
        self.assertIn('2099-12-01T10:30:00Z', r.out)
        out = self.ctl('tenant show acme').out
        self.assertIn('2099-12-01T00:00:00Z', out)

    def test_enforce_from_may_be_past(self):
        self.ctl('tenant add acme')
        self.ctl('tenant set acme --enforce-from 2020-01-01')
        self.assertEqual(self.show()['enforce_from'], '2020-01-01T00:00:00Z')

    def test_bad_times(self):
        self.ctl('tenant add acme')
        for option in ('--enforce-from', '--tempfail-until'):
            for time in BAD_TIMES:
                with self.subTest(option=option, time=time):
                    self.refused(['tenant', 'set', 'acme', option, time], 65,
                                 time)

    def test_bad_option_values(self):
        self.ctl('tenant add acme')
        for option, value in (
                ('--smtp-auth', 'inherit'), ('--smtp-auth', 'on'),
                ('--smtp-auth', ''), ('--action', 'bounce'),
                ('--blocks', 'some')):
            for verb, name in (('set', 'acme'), ('add', 'new')):
                with self.subTest(verb=verb, option=option, value=value):
                    self.refused(['tenant', verb, name, option, value], WORD,
                                 value)

    def test_texts_hold_no_control_characters(self):
        """Nor does the refusal show them to a terminal."""
        self.ctl('tenant add acme')
        for option in ('--note', '--reply', '--contact'):
            with self.subTest(option=option):
                r = self.refused(['tenant', 'set', 'acme', option,
                                  'a\x1b[31mb\x07'], 65)
                self.assertNotIn('\x1b', r.err)

    def test_list(self):
        self.assertEqual(self.jsonl('tenant list'), [])
        self.ctl('tenant add one --smtp-auth enabled --domain a.test')
        self.ctl('tenant add two')
        self.ctl('tenant add three --note x')
        everyone = self.jsonl('tenant list')
        self.assertEqual(sorted(t['name'] for t in everyone),
                         ['one', 'three', 'two'])
        for t in everyone:
            self.assertEqual(t, self.show(t['name']))
        for state, names in (('enabled', ['one']),
                             ('disabled', ['three', 'two'])):
            shown = self.jsonl('tenant list --smtp-auth ' + state)
            self.assertEqual(sorted(t['name'] for t in shown), names)
        table = self.ctl('tenant list').out
        for name in ('one', 'two', 'three'):
            self.assertIn(name, table)
        self.refused('tenant list --smtp-auth sometimes', WORD, 'sometimes')

    def test_lock(self):
        self.ctl('tenant add acme --note keep')
        digest = self.digest()
        self.ctl('tenant lock acme')
        self.assertTrue(self.show()['lock'])
        self.assertEqual(self.digest(), digest)
        self.ctl('tenant unlock acme')
        self.assertFalse(self.show()['lock'])
        self.refused('tenant unlock acme', 1, 'not locked')
        self.ctl('tenant lock acme --until 2099-12-01T00:00:00Z')
        self.assertIn('2099-12-01T00:00:00Z', str(self.show()['lock']))
        self.ctl('tenant lock acme --note incident')
        self.assertEqual(self.show()['lock'], {'until': None})
        self.assertEqual(self.show()['note'], 'keep')

    def test_lock_until_past_or_bad(self):
        self.ctl('tenant add acme')
        for time in ('2020-01-01', '2020-01-01T00:00:00Z'):
            self.refused('tenant lock acme --until ' + time, 65, time)
        self.refused('tenant lock acme --until soon', 65, 'soon')


class Removal(harness.Case):
    """What protects goes only with --force."""

    def add(self, *options, **settings):
        before = self.digest()
        self.ctl('tenant', 'add', 'acme', '--domain', 'a.test', *options)
        return before

    def test_disabled_tenant(self):
        before = self.add()
        self.refused('tenant remove acme', GUARD, '--force')
        self.ctl('tenant remove acme --force')
        self.assertEqual(self.digest(), before)
        self.assertEqual(self.jsonl('domain list'), [])

    def test_locked_tenant(self):
        self.add('--smtp-auth', 'enabled')
        self.ctl('tenant lock acme')
        self.refused('tenant remove acme', GUARD, '--force')
        self.refused('domain remove a.test', GUARD, '--force')

    def test_enabled_tenant(self):
        before = self.add('--smtp-auth', 'enabled')
        self.ctl('tenant remove acme')
        self.assertEqual(self.digest(), before)

    def test_no_guard_where_unknown_tenants_are_denied(self):
        for value in ('reject', 'tempfail'):
            with self.subTest(value=value):
                self.ctl('settings set unknown-tenant ' + value)
                before = self.add()
                self.ctl('domain remove a.test')
                self.ctl('tenant remove acme')
                self.assertEqual(self.digest(), before)

    def test_tenant_of_star_may_let_them_pass(self):
        self.ctl('settings set unknown-tenant reject')
        self.ctl('tenant', 'add', 'rest', '--domain', '*', '--smtp-auth', 'enabled')
        self.add()
        for command in 'tenant remove acme', 'domain remove a.test':
            result = self.refused(command, GUARD, '--force', 'the tenant of * may not')
            self.assertNotIn('unknown-tenant', result.err)
        self.ctl('tenant set rest --smtp-auth disabled')
        self.ctl('domain remove a.test')
        self.ctl('tenant remove acme')

    def test_mailboxes_left(self):
        self.ctl('settings set unknown-tenant reject')
        before = self.add('--smtp-auth', 'enabled')
        self.ctl('mailbox set u@a.test --smtp-auth disabled')
        self.refused('tenant remove acme', GUARD, '--force')
        self.ctl('tenant remove acme --force')
        self.assertEqual(self.jsonl('mailbox list'), [])
        self.assertEqual(self.digest(), before)
        self.ctl('verify')

    def test_domain_of_disabled_tenant(self):
        self.ctl('tenant add acme')
        before = self.digest()
        self.ctl('domain add acme a.test')
        self.refused('domain remove a.test', GUARD, '--force')
        self.ctl('domain remove a.test --force')
        self.assertEqual(self.digest(), before)

    def test_domain_in_use(self):
        self.ctl('settings set unknown-tenant reject')
        self.add('--smtp-auth', 'enabled', '--domain', 'b.test')
        self.ctl('mailbox set u@a.test --smtp-auth disabled')
        self.refused('domain remove a.test', GUARD + (75,), 'a.test')
        self.refused('domain remove a.test --force', GUARD + (75,), 'a.test')
        self.ctl('domain remove b.test')
        self.ctl('mailbox remove u@a.test')
        self.ctl('domain remove a.test')


class Domain(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --smtp-auth enabled',
             'tenant add other --smtp-auth enabled')

    def owners(self, *args):
        listed = self.jsonl('domain', 'list', *args)
        return {d['domain']: d['tenant'] for d in listed}

    def test_add_move_remove_list(self):
        empty = self.digest()
        self.ctl('domain add acme a.test')
        self.ctl('domain add acme b.test')
        self.ctl('domain add other c.test')
        self.assertEqual(self.owners(), {'a.test': 'acme', 'b.test': 'acme',
                                         'c.test': 'other'})
        self.assertEqual(self.owners('--tenant', 'other'),
                         {'c.test': 'other'})
        self.ctl('domain move b.test other')
        self.assertEqual(self.owners('--tenant', 'acme'), {'a.test': 'acme'})
        shown = self.json('tenant show other')['domains']
        self.assertEqual(sorted(shown), ['b.test', 'c.test'])
        table = self.ctl('domain list').out
        for word in ('a.test', 'b.test', 'c.test', 'acme', 'other'):
            self.assertIn(word, table)
        for domain in ('a.test', 'b.test', 'c.test'):
            self.ctl('domain remove ' + domain)
        self.assertEqual(self.owners(), {})
        self.assertEqual(self.digest(), empty)

    def test_owned_by_another_tenant(self):
        self.ctl('domain add other x.test')
        for command in ('domain add acme x.test', 'domain add acme X.TEST.',
                        'tenant add new --domain x.test',
                        'tenant add new --domain y.test --domain x.test'):
            with self.subTest(command=command):
                self.refused(command, 65, 'x.test', 'other')

    def test_added_twice(self):
        self.ctl('domain add acme x.test')
        digest = self.digest()
        self.ctl('domain add acme X.test.')
        self.assertEqual(self.digest(), digest)

    def test_missing_domain(self):
        for command in ('domain remove x.test', 'domain remove x.test --force',
                        'domain move x.test acme'):
            with self.subTest(command=command):
                self.refused(command, 1, 'x.test')

    def test_normalised(self):
        for typed, stored in (('EXAMPLE.Com.', 'example.com'),
                              ('Bücher.TEST', 'xn--bcher-kva.test'),
                              ('straße.test', 'xn--strae-oqa.test'),
                              ('strasse.test', 'strasse.test'),
                              ('my_host', 'my_host'),
                              ('localhost', 'localhost'),
                              ('x' * 63 + '.test', 'x' * 63 + '.test')):
            with self.subTest(typed=typed):
                self.ctl('domain', 'add', 'acme', typed)
                self.assertEqual(self.owners(), {stored: 'acme'})
                self.ctl('domain', 'move', typed, 'other')
                self.assertEqual(self.owners(), {stored: 'other'})
                self.ctl('domain', 'remove', typed)
                self.assertEqual(self.owners(), {})

    def test_a_label_and_u_label_are_one_domain(self):
        self.ctl('domain add other bücher.test')
        self.refused('domain add acme XN--BCHER-KVA.test', 65, 'other')
        self.refused('domain add acme bu\u0308cher.test', 65, 'other')

    def test_bad_domains(self):
        long = '.'.join(['x' * 49] * 5) + '.test'       # 254 bytes
        for domain in ('', '.', '..', 'a..b', '.a', 'a..', 'u@a.test',
                       'x' * 64 + '.test', long, 'a\tb.test', 'a\x7f.test',
                       b'\xff.test', '\u0301a.test'):
            with self.subTest(domain=domain):
                self.refused(['domain', 'add', 'acme', domain], 65)
                self.refused(['tenant', 'add', 'new', '--domain', domain], 65)
        self.ctl('domain', 'add', 'acme', long[1:])     # 253 bytes

    def test_catch_all(self):
        self.ctl('domain add other b.test')
        self.ctl('domain add acme "*"')
        self.assertEqual(self.owners(), {'*': 'acme', 'b.test': 'other'})
        self.refused('domain add other "*"', 65, '*', 'acme')
        for login, tenant in (('u@b.test', 'other'), ('u@any.test', 'acme'),
                              ('jdoe', 'acme')):
            with self.subTest(login=login):
                check = self.json('check', login)
                self.assertEqual(check['tenant'], tenant)
        self.ctl('mailbox set u@any.test --smtp-auth disabled')
        shown = self.json('mailbox show u@any.test')
        self.assertEqual(shown['tenant'], 'acme')

    def test_mailboxes_move_with_their_domain(self):
        self.ctl('domain add acme a.test')
        self.ctl('mailbox set u@a.test --smtp-auth disabled')
        self.ctl('domain move a.test other')
        self.assertEqual(self.json('mailbox show u@a.test')['tenant'],
                         'other')
        self.assertEqual(len(self.jsonl('mailbox list --tenant other')), 1)
        self.assertEqual(self.jsonl('mailbox list --tenant acme'), [])

    def test_a_bad_one_among_several_changes_nothing(self):
        for domains in ('--domain g.test --domain b..test',
                        '--domain b..test --domain g.test'):
            with self.subTest(domains=domains):
                self.refused('tenant add new ' + domains, 65, 'b..test')
                self.refused('tenant show new', 1)
        self.refused('tenant set acme --note new --enforce-from never', 65)
        self.assertFalse(self.json('tenant show acme')['note'])


if __name__ == '__main__':
    harness.main()
