#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl mailbox and mailbox alias."""

import calendar
import time

import harness
from refused_words import BAD_TIMES, WORD

GOOD_CLIENTS = [
    ('192.0.2.0/24', ['192.0.2.0/24']),
    ('0.0.0.0/0', ['0.0.0.0/0']),
    ('2001:DB8:0::/32', ['2001:db8::/32']),
    ('2001:db8::/32,192.0.2.0/24,198.51.100.64/26',
     ['192.0.2.0/24', '198.51.100.64/26', '2001:db8::/32']),
]

BAD_CLIENTS = [
    'nonsense', 'mail.a.test', '192.0.2', '192.0.2.256', '192.0.2.0/33',
    '192.0.2.0/', '192.0.2.0/-1', '192.0.2.0/24x', '/8', '192.0.2.1/24',
    '10.0.0.0/7x', '2001:db8::/129', '2001:db8::1/32', '2001:db8:::/32',
    'fe80::1%eth0', '192.0.2.0/24,nonsense', 'nonsense,192.0.2.0/24',
    '192.0.2.0/24,198.51.100.1/24',
]

BAD_ADDRESSES = [
    'nodomain', '', '@', '@a.test', 'u@', 'u@a..test', 'u@.a.test',
    'u@a.test..', 'a\x01b@a.test', 'a\nb@a.test', 'a\x7fb@a.test',
    b'\xff@a.test', b'u\xc3@a.test', b'\xc0\xaf@a.test',
    'x' * 314 + '@a.test', 'x' * 10000 + '@a.test',
]


def seconds(text):
    """Seconds from now to an RFC 3339 time as printed."""
    parsed = time.strptime(text, '%Y-%m-%dT%H:%M:%SZ')
    return calendar.timegm(parsed) - time.time()


class Mailbox(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test --domain bücher.test',
             'tenant add other --domain o.test')

    def show(self, address='u@a.test'):
        return self.json('mailbox', 'show', address)

    def test_set_and_show(self):
        self.ctl('mailbox', 'set', 'u@a.test', '--smtp-auth', 'enabled',
                 '--until', '2099-12-01T09:00:00Z', '--clients',
                 '192.0.2.0/24,2001:db8::/32', '--note', 'Drucker für Büro')
        shown = self.show()
        shown['clients'].sort()
        self.assertFalse(shown.pop('lock'))
        self.assertEqual(shown, {
            'address': 'u@a.test', 'tenant': 'acme', 'smtp_auth': 'enabled',
            'until': '2099-12-01T09:00:00Z', 'expired': False,
            'clients': ['192.0.2.0/24', '2001:db8::/32'],
            'note': 'Drucker für Büro', 'overruled_by': []})
        out = self.ctl('mailbox show u@a.test').out
        for word in ('u@a.test', 'acme', 'enabled', '2099-12-01T09:00:00Z',
                     '192.0.2.0/24'):
            self.assertIn(word, out)

    def test_defaults(self):
        self.ctl('mailbox set u@a.test --smtp-auth disabled')
        shown = self.show()
        self.assertEqual(shown['smtp_auth'], 'disabled')
        self.assertIsNone(shown['until'])
        self.assertIs(shown['expired'], False)
        for key in ('clients', 'lock', 'note'):
            self.assertFalse(shown[key], key)

    def test_set_keeps_what_it_is_not_told(self):
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note n '
                 '--until 2099-01-01T00:00:00Z --clients 192.0.2.0/24')
        expected = self.show()
        for option, value, key, shown in (
                ('--note', 'm', 'note', 'm'),
                ('--until', '2099-02-01T00:00:00Z', 'until',
                 '2099-02-01T00:00:00Z'),
                ('--clients', '198.51.100.0/24', 'clients',
                 ['198.51.100.0/24']),
                ('--smtp-auth', 'enabled', 'smtp_auth', 'enabled')):
            with self.subTest(option=option):
                self.ctl('mailbox', 'set', 'u@a.test', option, value)
                expected[key] = shown
                self.assertEqual(self.show(), expected)

    def test_clearing(self):
        self.ctl('mailbox set u@a.test --smtp-auth enabled')
        empty, digest = self.show(), self.digest()
        for option, value, clear in (
                ('--until', '+30d', 'none'), ('--note', 'n', ''),
                ('--clients', '192.0.2.0/24', 'none')):
            with self.subTest(option=option):
                self.ctl('mailbox', 'set', 'u@a.test', option, value)
                self.assertNotEqual(self.digest(), digest)
                self.ctl('mailbox', 'set', 'u@a.test', option, clear)
                self.assertEqual(self.show(), empty)
                self.assertEqual(self.digest(), digest)

    def test_inherit_with_nothing_left_removes_the_record(self):
        empty = self.digest()
        for first in ('enabled', 'disabled'):
            with self.subTest(first=first):
                self.ctl('mailbox set u@a.test --smtp-auth ' + first)
                self.ctl('mailbox set u@a.test --smtp-auth inherit')
                self.refused('mailbox show u@a.test', 1, 'u@a.test')
                self.assertEqual(self.digest(), empty)
                self.assertEqual(self.status()['mailboxes'], 0)

    def test_inherit_keeps_a_record_with_something_left(self):
        empty = self.digest()
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note n')
        self.ctl('mailbox set u@a.test --smtp-auth inherit')
        self.assertEqual(self.show()['smtp_auth'], 'inherit')
        self.assertEqual(self.show()['note'], 'n')
        self.ctl('mailbox lock u@a.test')
        self.ctl('mailbox', 'set', 'u@a.test', '--note', '')
        self.assertTrue(self.show()['lock'])
        self.ctl('mailbox unlock u@a.test')
        self.ctl('mailbox show u@a.test', rc=1)
        self.assertEqual(self.digest(), empty)

    def test_clients_go_with_disabled_and_inherit(self):
        for state in ('disabled', 'inherit'):
            with self.subTest(state=state):
                self.ctl('mailbox set u@a.test --smtp-auth enabled --note n '
                         '--clients 192.0.2.0/24')
                self.ctl('mailbox set u@a.test --smtp-auth ' + state)
                self.assertEqual(self.show()['smtp_auth'], state)
                self.assertFalse(self.show()['clients'])
                self.ctl('mailbox set u@a.test --smtp-auth enabled')
                self.assertFalse(self.show()['clients'])

    def test_good_clients(self):
        for clients, shown in GOOD_CLIENTS:
            with self.subTest(clients=clients):
                self.ctl('mailbox set u@a.test --smtp-auth enabled --clients '
                         + clients)
                self.assertEqual(sorted(self.show()['clients']), shown)

    def test_bad_clients(self):
        for clients in BAD_CLIENTS:
            with self.subTest(clients=clients):
                bad = [c for c in clients.split(',') if c != '192.0.2.0/24']
                self.refused(['mailbox', 'set', 'u@a.test', '--smtp-auth',
                              'enabled', '--clients', clients], 65, *bad)
        self.assertEqual(self.jsonl('mailbox list'), [])

    def test_unknown_domain(self):
        for command in ('set u@nosuch.test --smtp-auth enabled',
                        'set u@sub.a.test --smtp-auth enabled',
                        'alias add u@nosuch.test jdoe'):
            with self.subTest(command=command):
                self.refused('mailbox ' + command, (1, 65), command.split(
                    '@')[1].split()[0])

    def test_bad_addresses(self):
        for address in BAD_ADDRESSES:
            with self.subTest(address=address[:40]):
                self.refused(['mailbox', 'set', address, '--smtp-auth',
                              'enabled'], (64, 65) if not address else 65)
        self.assertEqual(self.status()['mailboxes'], 0)

    def test_longest_address(self):
        address = 'x' * 313 + '@a.test'
        self.ctl('mailbox set %s --smtp-auth enabled' % address)
        self.assertEqual(self.show(address)['address'], address)

    def test_bad_option_values(self):
        for options in ('--smtp-auth on', '--smtp-auth default',
                        '--smtp-auth ""'):
            with self.subTest(options=options):
                self.refused('mailbox set u@a.test ' + options, WORD)

    def test_one_bad_option_changes_nothing(self):
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note old')
        before = self.show()
        for options in ('--note new --until never',
                        '--note new --clients nonsense',
                        '--smtp-auth disabled --note new --until 2020-01-01',
                        '--smtp-auth bogus --note new'):
            with self.subTest(options=options):
                self.refused('mailbox set u@a.test ' + options, (64, 65))
                self.assertEqual(self.show(), before)

    def test_missing(self):
        for command in ('show u@a.test', 'remove u@a.test',
                        'alias remove jdoe'):
            with self.subTest(command=command):
                self.refused('mailbox ' + command, 1, command.split()[-1])
        self.refused('mailbox show u@nosuch.test', (1, 65), 'nosuch.test')

    def test_remove(self):
        empty = self.digest()
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note n')
        self.ctl('mailbox remove u@a.test')
        self.ctl('mailbox show u@a.test', rc=1)
        self.assertEqual(self.digest(), empty)

    def test_lock(self):
        empty = self.digest()
        self.ctl('mailbox lock u@a.test')
        self.assertTrue(self.show()['lock'])
        self.assertEqual(self.show()['smtp_auth'], 'inherit')
        self.ctl('mailbox unlock u@a.test')
        self.assertEqual(self.digest(), empty)
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note n')
        before = self.show()
        r = self.ctl('mailbox lock u@a.test --until 2099-12-01T01:00:00+01:00')
        self.assertIn('2099-12-01T00:00:00Z', r.out)
        self.assertIn('2099-12-01T00:00:00Z', str(self.show()['lock']))
        self.ctl('mailbox unlock u@a.test')
        self.assertEqual(self.show(), before)
        self.refused('mailbox lock u@a.test --until 2020-01-01', 65,
                     '2020-01-01')

    def test_one_mailbox_however_it_is_written(self):
        self.ctl('mailbox set jörg@bücher.test --smtp-auth disabled')
        for address in ('JÖRG@BÜCHER.TEST', 'jo\u0308rg@bu\u0308cher.test',
                        'jörg@xn--bcher-kva.test', 'Jörg@Bücher.test.'):
            with self.subTest(address=address):
                self.assertEqual(self.show(address)['smtp_auth'], 'disabled')
                self.ctl('mailbox', 'set', address, '--note', 'n')
        self.assertEqual(self.status()['mailboxes'], 1)
        self.ctl('mailbox remove JO\u0308RG@XN--BCHER-KVA.test')
        self.assertEqual(self.status()['mailboxes'], 0)

    def test_strasse_is_not_straße(self):
        self.ctl('mailbox set straße@a.test --smtp-auth enabled')
        self.ctl('mailbox set strasse@a.test --smtp-auth disabled')
        self.assertEqual(self.show('Straße@a.test')['smtp_auth'], 'enabled')
        self.assertEqual(self.show('STRASSE@a.test')['smtp_auth'], 'disabled')

    def test_note_is_utf8_text(self):
        self.refused(['mailbox', 'set', 'u@a.test', '--smtp-auth', 'enabled',
                      '--note', b'caf\xe9'], 65)
        r = self.refused(['mailbox', 'set', 'u@a.test', '--smtp-auth',
                          'enabled', '--note', 'a\x1b[31m\x07'], 65)
        self.assertNotIn('\x1b', r.err)


class Until(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test')

    def until(self, when):
        """What is stored, asserted to be what is printed."""
        r = self.ctl('mailbox', 'set', 'u@a.test', '--smtp-auth', 'enabled',
                     '--until', when)
        stored = self.json('mailbox show u@a.test')['until']
        self.assertIn(stored, r.out, 'the command prints the instant')
        return stored

    def test_rfc_3339(self):
        for when, stored in (
                ('2099-12-01T09:00:00Z', '2099-12-01T09:00:00Z'),
                ('2099-12-01T09:00:00+02:00', '2099-12-01T07:00:00Z'),
                ('2099-12-31T23:30:00-01:00', '2100-01-01T00:30:00Z'),
                ('2096-02-29T00:00:00Z', '2096-02-29T00:00:00Z'),
                ('2099-12-01T09:00:00+00:00', '2099-12-01T09:00:00Z')):
            with self.subTest(when=when):
                self.assertEqual(self.until(when), stored)

    def test_relative(self):
        for when, expected in (('+30d', 30 * 86400), ('+12h', 12 * 3600),
                               ('+15m', 15 * 60)):
            with self.subTest(when=when):
                self.assertAlmostEqual(seconds(self.until(when)), expected,
                                       delta=60)

    def test_date_includes_its_day(self):
        self.assertRegex(self.until('2099-12-01'),
                         '^2099-12-0(1T23:59:59|2T00:00:00)Z$')
        for at, reason in (('2099-12-01T00:00:00Z', 'mailbox-enabled'),
                           ('2099-12-01T23:59:59Z', 'mailbox-enabled'),
                           ('2099-12-02T00:00:00Z', 'tenant-disabled')):
            with self.subTest(at=at):
                check = self.json('check u@a.test --at ' + at, rc=(0, 11))
                self.assertEqual(check['reason'], reason)

    def test_today_includes_its_day(self):
        today = time.strftime('%Y-%m-%d', time.gmtime())
        stored = self.until(today)
        self.assertEqual(time.strftime('%Y-%m-%d', time.gmtime()), today,
                         'midnight passed during the test: run it again')
        self.assertTrue(0 <= seconds(stored) <= 86400, stored)

    def test_past(self):
        yesterday = time.strftime('%Y-%m-%d',
                                  time.gmtime(time.time() - 86400))
        for when in ('2020-01-01', '2020-01-01T00:00:00Z', yesterday):
            with self.subTest(when=when):
                self.refused('mailbox set u@a.test --smtp-auth enabled '
                             '--until ' + when, 65, when)

    def test_bad(self):
        for when in BAD_TIMES:
            with self.subTest(when=when):
                self.refused(['mailbox', 'set', 'u@a.test', '--smtp-auth',
                              'enabled', '--until', when], 65, when)


class Listing(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test --domain b.test',
             'tenant add other --domain o.test',
             'mailbox set one@a.test --smtp-auth enabled --until +5d',
             'mailbox set two@b.test --smtp-auth enabled --until +20d',
             'mailbox set three@o.test --smtp-auth disabled --until +6h',
             'mailbox set four@o.test --smtp-auth disabled',
             'mailbox set five@a.test --note only')

    def found(self, options):
        boxes = self.jsonl('mailbox list ' + options)
        return sorted(b['address'].split('@')[0] for b in boxes)

    def test_filters(self):
        for options, names in (
                ('', 'five four one three two'),
                ('--tenant acme', 'five one two'),
                ('--tenant OTHER', 'four three'),
                ('--smtp-auth enabled', 'one two'),
                ('--smtp-auth disabled', 'four three'),
                ('--smtp-auth inherit', 'five'),
                ('--tenant acme --smtp-auth disabled', ''),
                ('--expiring-within 14d', 'one three'),
                ('--expiring-within 12h', 'three'),
                ('--expiring-within 30d --tenant acme', 'one two'),
                ('--expiring-within 1h', '')):
            with self.subTest(options=options):
                self.assertEqual(' '.join(self.found(options)), names)

    def test_expiring_within_knows_locks(self):
        self.ctl('mailbox lock ever@a.test')
        self.ctl('mailbox lock soon@a.test --until +3d')
        self.ctl('mailbox lock late@a.test --until +15d')
        self.ctl('mailbox lock one@a.test --until +60d')
        self.ctl('mailbox lock two@b.test --until +2d')
        for options, names in (
                ('--expiring-within 14d', 'one soon three two'),
                ('--expiring-within 12h', 'three'),
                ('--expiring-within 30d', 'late one soon three two'),
                ('--expiring-within 365d', 'late one soon three two'),
                ('--expiring-within 14d --tenant acme', 'one soon two'),
                ('--expiring-within 14d --tenant acme --smtp-auth enabled',
                 'one two'),
                ('--expiring-within 14d --smtp-auth inherit', 'soon')):
            with self.subTest(options=options):
                self.assertEqual(' '.join(self.found(options)), names)
        self.ctl('mailbox unlock soon@a.test')
        self.assertNotIn('soon', self.found('--expiring-within 14d'))

    def test_expiring_rows_stay_in_order(self):
        for i in range(9):
            self.ctl('mailbox set u%d@a.test --smtp-auth enabled --until +%dd'
                     % (i, 20 - 2 * i))
        rows = [box['address'] for box in self.jsonl('mailbox list')]
        ends = [box['address']
                for box in self.jsonl('mailbox list --expiring-within 13d')]
        self.assertEqual(ends, [r for r in rows if r in ends])
        self.assertEqual(sorted(ends), [
            'one@a.test', 'three@o.test'] + ['u%d@a.test' % i
                                             for i in range(4, 9)])
        out = self.ctl('mailbox list --expiring-within 13d').lines
        self.assertEqual([line.split()[0] for line in out],
                         ['MAILBOX'] + ends)

    def test_objects_are_those_of_show(self):
        boxes = self.jsonl('mailbox list')
        self.assertEqual(len(boxes), 5)
        for box in boxes:
            self.assertEqual(box, self.json('mailbox', 'show',
                                            box['address']))

    def test_table(self):
        out = self.ctl('mailbox list').out
        for name in ('one@a.test', 'two@b.test', 'three@o.test',
                     'four@o.test', 'five@a.test'):
            self.assertIn(name, out)
        self.assertNotIn('o.test', self.ctl('mailbox list --tenant acme').out)

    def test_bad_filters(self):
        for options in ('--smtp-auth sometimes', '--expiring-within soon',
                        '--expiring-within 14', '--expiring-within -1d'):
            with self.subTest(options=options):
                self.refused('mailbox list ' + options, WORD)


class Expired(harness.Case):
    """What is over stays in sight."""

    @classmethod
    def setUpClass(cls):
        cls.end = time.strftime('%Y-%m-%dT%H:%M:%SZ',
                                time.gmtime(time.time() + 4))
        cls.given = (
            *harness.Case.given,
            'tenant add acme --domain a.test',
            'mailbox set ahead@a.test --smtp-auth enabled --until +5d',
            'mailbox set plain@a.test --smtp-auth enabled',
            'mailbox set on@a.test --smtp-auth enabled --until ' + cls.end,
            'mailbox set off@a.test --smtp-auth disabled --until ' + cls.end,
            'mailbox lock locked@a.test --until ' + cls.end,
            'mailbox lock on@a.test --until ' + cls.end)

    def setUp(self):
        super().setUp()
        harness.wait_for(self.is_over, what='end of the settings')

    def is_over(self):
        return seconds(self.end) < -0.1

    def test_show(self):
        for name, expired in (('on', True), ('off', True), ('ahead', False),
                              ('plain', False), ('locked', False)):
            with self.subTest(name=name):
                address = name + '@a.test'
                shown = self.json('mailbox', 'show', address)
                self.assertIs(shown['expired'], expired)
                lines = self.ctl('mailbox', 'show', address).lines
                self.assertEqual([line.split()[1:] for line in lines
                                  if '(expired)' in line],
                                 [[self.end, '(expired)']] if expired else [])
        self.assertIn('lock expired ' + self.end,
                      self.ctl('mailbox show locked@a.test').out)

    def test_list(self):
        listed = {box['address'].split('@')[0]: box['expired']
                  for box in self.jsonl('mailbox list')}
        self.assertEqual(listed, {'on': True, 'off': True, 'ahead': False,
                                  'plain': False, 'locked': False})
        for line in self.ctl('mailbox list').lines:
            with self.subTest(line=line):
                over = line.startswith(('on@', 'off@'))
                self.assertEqual('(expired)' in line, over)

    def test_expiring_within(self):
        for options, names in (
                ('1h', 'off on'),
                ('6d', 'ahead off on'),
                ('1h --smtp-auth enabled --tenant acme', 'on'),
                ('6d --smtp-auth enabled --tenant acme', 'ahead on'),
                ('1h --smtp-auth inherit', '')):
            with self.subTest(options=options):
                boxes = self.jsonl('mailbox list --expiring-within ' + options)
                self.assertEqual(' '.join(sorted(
                    b['address'].split('@')[0] for b in boxes)), names)
                out = self.ctl('mailbox list --expiring-within ' + options)
                self.assertEqual(out.out.count('(expired)'),
                                 sum(b['expired'] for b in boxes))

    def test_check(self):
        for name in ('on', 'off'):
            with self.subTest(name=name):
                a = self.json('check %s@a.test' % name, rc=11)
                self.assertEqual(a['override'], '%sabled, but expired at %s'
                                 % ('en' if name == 'on' else 'dis', self.end))
                self.assertEqual(a['reason'], 'tenant-disabled')
                out = self.ctl('check %s@a.test' % name, rc=11).out
                self.assertIn(a['override'], out)
                self.assertIn('until %s (expired)' % self.end, out)

    def test_set_again(self):
        shown = self.json('mailbox set on@a.test --note kept')
        self.assertIs(shown['expired'], True)
        self.assertEqual(shown['until'], self.end)
        shown = self.json('mailbox set on@a.test --until +1d')
        self.assertIs(shown['expired'], False)
        self.assertEqual(self.json('check on@a.test')['reason'],
                         'mailbox-enabled')


class Alias(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test',
             'tenant add other --domain o.test')

    def aliases(self, *address):
        listed = self.jsonl('mailbox', 'alias', 'list', *address)
        return {a['login']: a['mailbox'] for a in listed}

    def mailbox(self, login):
        return self.json('check', login, rc=(0, 11))['mailbox']

    def test_add_list_remove(self):
        empty = self.digest()
        self.ctl('mailbox', 'alias', 'add', 'u@a.test', 'ACME\\JDoe')
        self.ctl('mailbox', 'alias', 'add', 'U@A.test', 'jdoe')
        self.ctl('mailbox', 'alias', 'add', 'v@a.test', 'V.Name@corp.local')
        self.assertEqual(self.aliases(), {
            'acme\\jdoe': 'u@a.test', 'jdoe': 'u@a.test',
            'v.name@corp.local': 'v@a.test'})
        self.assertEqual(self.aliases('v@a.test'),
                         {'v.name@corp.local': 'v@a.test'})
        out = self.ctl('mailbox alias list').out
        for word in ('acme\\jdoe', 'jdoe', 'v@a.test'):
            self.assertIn(word, out)
        self.assertEqual(self.status()['aliases'], 3)
        self.ctl('mailbox', 'alias', 'remove', 'Acme\\jDOE')
        self.ctl('mailbox', 'alias', 'remove', 'jdoe')
        self.ctl('mailbox', 'alias', 'remove', 'V.NAME@CORP.LOCAL.')
        self.assertEqual(self.aliases(), {})
        self.assertEqual(self.digest(), empty)

    def test_followed_by_check(self):
        for login in ('ACME\\jdoe', 'jdoe', 'jdoe@corp.local',
                      'john@a.test', 'jörg@bücher.test'):
            with self.subTest(login=login):
                self.ctl('mailbox', 'alias', 'add', 'u@a.test', login)
                for spelling in (login, login.upper(), login.capitalize()):
                    self.assertEqual(self.mailbox(spelling), 'u@a.test')

    def test_override_of_the_mailbox_counts(self):
        self.ctl('mailbox', 'alias', 'add', 'u@a.test', 'ACME\\jdoe')
        self.ctl('mailbox set u@a.test --smtp-auth enabled')
        check = self.json('check', 'acme\\JDOE')
        self.assertEqual(check['reason'], 'mailbox-enabled')
        self.assertEqual(check['tenant'], 'acme')

    def test_before_default_domain(self):
        self.ctl('settings set default-domain o.test')
        self.assertEqual(self.mailbox('jdoe'), 'jdoe@o.test')
        self.ctl('mailbox alias add u@a.test jdoe')
        self.assertEqual(self.mailbox('jdoe'), 'u@a.test')

    def test_in_another_tenants_domain(self):
        self.refused('mailbox alias add u@a.test x@o.test', 65, 'o.test')
        self.refused('mailbox alias add u@a.test X@O.TEST.', 65, 'o.test')

    def test_domain_given_away_later(self):
        self.ctl('domain add acme b.test')
        self.ctl('mailbox alias add u@a.test x@corp.local')
        self.ctl('mailbox alias add u@a.test y@b.test')
        for command, login in (
                ('domain add other corp.local', 'x@corp.local'),
                ('tenant add new --domain corp.local', 'x@corp.local'),
                ('domain move b.test other', 'y@b.test'),
                ('domain move a.test other', 'y@b.test')):
            with self.subTest(command=command):
                self.refused(command, 65, login)

    def test_of_an_alias(self):
        self.ctl('mailbox alias add u@a.test upn@a.test')
        self.refused('mailbox alias add upn@a.test jdoe', 65, 'upn@a.test')

    def test_login_taken(self):
        self.ctl('mailbox alias add u@a.test jdoe')
        self.refused('mailbox alias add v@a.test jdoe', 65, 'u@a.test')
        self.assertEqual(self.aliases(), {'jdoe': 'u@a.test'})
        self.assertEqual(self.mailbox('jdoe'), 'u@a.test')

    def test_bad_words(self):
        for address, login in (('nodomain', 'jdoe'), ('@a.test', 'jdoe'),
                               ('u@a.test', '@a.test'), ('u@a.test', 'x@'),
                               ('u@a.test', ''), ('u@a.test', 'a\x01b'),
                               ('u@a.test', b'\xff'),
                               ('u@a.test', 'x' * 321)):
            with self.subTest(address=address, login=login[:40]):
                self.refused(['mailbox', 'alias', 'add', address, login],
                             (64, 65) if not login else 65)


class Unseen(harness.Case):
    """Characters that turn the text around, or that nobody sees."""

    given = (*harness.Case.given,
             'tenant add acme --domain a.test')

    odd = '\u202e\u200b\u00ad\ufeff\u2066\U000e0041'

    def test_note(self):
        note = 'a%sb\\c' % self.odd
        self.ctl('mailbox', 'set', 'u@a.test', '--smtp-auth', 'disabled',
                 '--note', note)
        for command in ('mailbox show u@a.test', 'mailbox list',
                        'audit list'):
            raw = self.ctl(command).raw
            self.assertTrue(raw.isascii(), raw)
            self.assertIn(note, harness.unescape(raw.decode()), command)
        raw = self.ctl('--json mailbox list').raw
        self.assertTrue(raw.isascii(), raw)
        self.assertEqual(self.json('mailbox show u@a.test')['note'], note)

    def test_note_goes_round(self):
        """What is exported is for a program, and comes back the same."""
        note = 'a%sb\\x41' % self.odd
        self.ctl('mailbox', 'set', 'u@a.test', '--smtp-auth', 'disabled',
                 '--note', note)
        for form in ('csv', 'jsonl'):
            text = self.ctl('export --format ' + form).raw
            self.ctl('mailbox set u@a.test --note none')
            self.ctl('import - --format ' + form, stdin=text)
            self.assertEqual(self.json('mailbox show u@a.test')['note'], note,
                             form)

    def test_messages(self):
        for args in (['mailbox', 'set', 'u%s@a.test' % self.odd,
                      '--smtp-auth', 'enabled'],
                     ['tenant', 'show', 'a' + self.odd],
                     ['usage', '--usage', '/nowhere/' + self.odd]):
            err = self.ctl(*args, rc=(65, 66)).err
            self.assertTrue(err.isascii(), ascii(err))
            self.assertIn(self.odd, harness.unescape(err))


if __name__ == '__main__':
    harness.main()
