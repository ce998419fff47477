# SPDX-License-Identifier: BSD-2-Clause
"""Usage: who is listed, since when, and in which form."""

import csv
import io
import os
import re
import subprocess
import time

import harness
from usage_case import DAY, Usage, text

KEYS = ['mailbox', 'login', 'tenant', 'submissions', 'denied', 'would_deny',
        'exempt', 'first_seen', 'last_seen', 'last_client', 'mechanisms',
        'tls', 'verdict', 'reason', 'override', 'last_use', 'last_exempt',
        'auth_denied', 'last_auth_denied', 'last_auth_client']


class List(Usage):

    def acme(self):
        self.ctl('tenant add acme --domain a.example')
        self.ctl('tenant add beta --domain b.example --smtp-auth enabled')

    def test_json(self):
        self.acme()
        now = self.now
        self.fill(
            ('ann@a.example', now - 90, 'allowed', 3, '192.0.2.1', 'PLAIN',
             'TLSv1.3'),
            ('ann@a.example', now - 60, 'denied', 2, '2001:db8::1', 'XOAUTH2',
             'TLSv1.2'),
            ('ann@a.example', now - 30, 'exempt', 7),
            ('ben@b.example', now - 300, 'would-deny', 5),
            ('bob', now - 10, 'allowed', 1, '-', 'NEWMECH'))
        rows = self.jsonl('usage')
        self.assertEqual([list(row) for row in rows], [KEYS] * 3)
        self.assertEqual(rows[0], {
            'mailbox': 'ann@a.example', 'login': 'ann@a.example',
            'tenant': 'acme', 'submissions': 5, 'denied': 2, 'would_deny': 0,
            'exempt': 7, 'first_seen': text(now - 90),
            'last_seen': text(now - 60), 'last_client': '2001:db8::1',
            'mechanisms': ['PLAIN', 'XOAUTH2'], 'tls': 'TLSv1.2',
            'verdict': 'reject', 'reason': 'tenant-disabled',
            'override': None, 'last_use': text(now - 90),
            'last_exempt': text(now - 30), 'auth_denied': 0,
            'last_auth_denied': None, 'last_auth_client': None})
        self.assertEqual(rows[1]['would_deny'], 5)
        self.assertEqual((rows[1]['verdict'], rows[1]['reason']),
                         ('allow', 'tenant-enabled'))
        self.assertEqual((rows[1]['last_client'], rows[1]['tls'],
                          rows[1]['mechanisms']), (None, None, []))
        self.assertEqual((rows[2]['mailbox'], rows[2]['tenant'],
                          rows[2]['login'], rows[2]['mechanisms'],
                          rows[2]['reason']),
                         (None, None, 'bob', ['OTHER'], 'unknown-tenant'))

    def test_order_and_tenant(self):
        self.acme()
        t = self.now - 100
        self.fill(('zoe@a.example', t, 'allowed', 1),
                  ('ann@b.example', t, 'allowed', 1),
                  ('ann@a.example', t, 'allowed', 1),
                  ('new@a.example', t + 9, 'exempt', 1),
                  ('old@b.example', t - 9, 'allowed', 1),
                  ('x@nobody.example', t + 50, 'allowed', 1),
                  ('y', t + 60, 'allowed', 1))
        self.assertEqual(self.logins(), [
            'new@a.example', 'ann@a.example', 'zoe@a.example',
            'ann@b.example', 'old@b.example', 'y', 'x@nobody.example'])
        self.assertEqual(self.logins('--tenant', 'BETA'),
                         ['ann@b.example', 'old@b.example'])
        self.refused('usage --tenant nope', 1, 'no tenant nope')
        self.refused('usage --tenant a!b', 65)
        lines = self.table()
        at = lines.index('Logins of no tenant:')
        self.assertTrue(lines[0].startswith('MAILBOX  '), lines[0])
        self.assertIn('x@nobody.example', '\n'.join(lines[at:]))
        self.assertNotIn('nobody', '\n'.join(lines[:at]))
        self.assertNotIn('no tenant',
                         '\n'.join(self.table('--tenant', 'beta')))

    def test_table(self):
        self.acme()
        self.fill(('ann@a.example', self.now - 5, 'allowed', 3, '192.0.2.1',
                   'PLAIN', 'TLSv1.3'), ('e@b.example', self.now, 'exempt', 2))
        lines = self.table()
        split = [re.split('  +', line) for line in lines]
        self.assertEqual(split[0], [
            'MAILBOX', 'TENANT', 'SUBMISSIONS', 'DENIED', 'WOULD-DENY',
            'EXEMPT', 'LAST SEEN', 'LAST CLIENT', 'MECHANISMS', 'TLS', 'NOW'])
        self.assertEqual(split[1], ['e@b.example', 'beta', '0', '0', '0', '2',
                                    '-', '-', '-', '-',
                                    'allow tenant-enabled'])
        self.assertEqual(split[2], [
            'ann@a.example', 'acme', '3', '0', '0', '0', text(self.now - 5),
            '192.0.2.1', 'PLAIN', 'TLSv1.3', 'reject tenant-disabled'])
        self.assertEqual(lines[3:], [
            'recorded since %s on 1 machine; 0 submissions could not be '
            'counted' % text(self.now - 30 * DAY)])

    def test_exceptions(self):
        self.acme()
        self.ctl('mailbox set held@a.example --smtp-auth enabled')
        self.ctl('mailbox set off@b.example --smtp-auth disabled')
        self.ctl('mailbox set far@a.example --smtp-auth enabled '
                 '--clients 198.51.100.0/24')
        until = int(time.time()) + 5
        self.ctl('mailbox', 'set', 'late@a.example', '--smtp-auth', 'enabled',
                 '--until', text(until))
        for name in ('held@a', 'off@b', 'far@a', 'late@a'):
            self.fill((name + '.example', self.now, 'allowed', 1, '192.0.2.1'))
        harness.wait_for(lambda: time.time() > until)
        rows = {row['login'].split('@')[0]: row for row in self.jsonl('usage')}
        for name, verdict, reason in (
                ('held', 'allow', 'mailbox-enabled'),
                ('off', 'reject', 'mailbox-disabled'),
                ('far', 'reject', 'tenant-disabled'),
                ('late', 'reject', 'tenant-disabled')):
            row = rows[name]
            self.assertEqual((row['verdict'], row['reason']),
                             (verdict, reason), name)
            checked = self.json('check', row['login'], '--client',
                                '192.0.2.1', rc=(0, 11))
            self.assertEqual(row['override'], checked['override'], name)
        table = '\n'.join(self.table())
        self.assertIn('reject tenant-disabled (exception expired)', table)
        self.assertIn('reject tenant-disabled (not for this client)', table)

    def test_aliases_and_mailboxes(self):
        """A login that means a mailbox by now is shown as that mailbox."""
        self.acme()
        self.fill(('bob', self.now, 'allowed', 1),
                  ('old', self.now - 1, 'allowed', 1))
        self.ctl('mailbox alias add ann@a.example old')
        self.ctl('settings set default-domain b.example')
        rows = self.jsonl('usage')
        self.assertEqual([(r['login'], r['mailbox'], r['tenant'])
                          for r in rows],
                         [('bob', 'bob@b.example', 'beta'),
                          ('old', 'ann@a.example', 'acme')])
        self.assertIn('ann@a.example (old)', '\n'.join(self.table()))
        self.ctl('tenant add all --domain * --smtp-auth enabled')
        self.ctl('settings unset default-domain')
        row = self.jsonl('usage')[0]
        self.assertEqual((row['login'], row['mailbox'], row['tenant']),
                         ('bob', None, 'all'))
        self.assertNotIn('no tenant', '\n'.join(self.table()))

    def test_since(self):
        day = self.midnight - 3 * DAY
        self.fill(('at@x', day, 'allowed', 1), ('before@x', day - 1, 'allowed',
                                                1),
                  ('both@x', day - 1, 'allowed', 10),
                  ('both@x', day, 'allowed', 5),
                  ('week@x', self.midnight - 7 * DAY, 'allowed', 1),
                  ('older@x', self.midnight - 7 * DAY - 1, 'allowed', 1),
                  ('exempt@x', day, 'exempt', 1))
        date = text(day, '%Y-%m-%d')
        want = {'at@x', 'both@x', 'exempt@x'}
        for since in (date, text(day), text(day + 15 * 3600),
                      text(day + DAY - 1)):
            self.assertEqual(set(self.logins('--since', since)), want, since)
        rows = self.jsonl('usage', '--since', text(day + 4000))
        self.assertEqual([r['submissions'] for r in rows
                          if r['login'] == 'both@x'], [5])
        self.assertEqual(self.logins('--since', text(day + DAY)), [])
        before = set(self.logins('--since', text(day - 1)))
        self.assertEqual(before, want | {'before@x'})
        everything = want | {'before@x', 'week@x'}
        self.assertEqual(set(self.logins()), everything)
        self.assertEqual(set(self.logins('--since', '7d')), everything)
        self.assertEqual(set(self.logins('--since', '36500d')),
                         everything | {'older@x'})
        self.assertEqual(self.logins('--since', '0m'), [])
        for span in ('+7d', '1w', '-7d'):
            self.assertEqual(set(self.logins('--since', span)), everything, span)
        for bad in ('', 'x', '7', '2026-13-01',
                    '1969-12-31', text(self.now + 3600)):
            self.refused(['usage', '--since', bad], 65, '--since')

    def test_less_than_a_day_is_told(self):
        self.fill(('a@x', self.now, 'allowed', 1))
        day = text(self.midnight)
        for since, told in (('1h', True), ('90m', True), (text(self.now - 1), True),
                            ('7d', False), ('1w', False), (day, False),
                            (day[:10], False)):
            for command in ('usage', 'usage tenants'):
                result = self.ctl('%s --since %s' % (command, since))
                self.assertEqual(result.err.count('counted by days'), told,
                                 (command, since))
        self.assertIn('since ' + day, self.ctl('usage --since 1m').err)
        self.assertEqual(self.ctl('usage').err, '')

    def test_denied(self):
        self.acme()
        t = self.now - 100
        self.fill(('few@a.example', t, 'denied', 2, '192.0.2.1'),
                  ('none@a.example', t + 9, 'allowed', 9),
                  ('most@nobody.example', t, 'denied', 900, '192.0.2.9'),
                  ('would@b.example', t, 'would-deny', 50),
                  ('both@b.example', t, 'denied', 2),
                  ('both@b.example', t + 5, 'would-deny', 1),
                  ('bob', t, 'denied', 2),
                  ('old@a.example', t - 9 * DAY, 'denied', 7),
                  ('exempt@a.example', t, 'exempt', 7))
        self.assertEqual(self.logins('--denied'), [
            'most@nobody.example', 'both@b.example', 'few@a.example', 'bob',
            'would@b.example'])
        self.assertEqual(self.logins('--denied', '--tenant', 'acme'),
                         ['few@a.example'])
        self.assertIn('old@a.example', self.logins('--denied', '--since', '30d'))
        row = self.rows('--denied')[0]
        self.assertEqual(list(row), list(self.rows()[0]))
        self.assertEqual((row['denied'], row['last_client'], row['last_seen']),
                         (900, '192.0.2.9', text(t)))
        lines = self.table('--denied')
        self.assertRegex(lines[0], '^DENIED +AT AUTH +WOULD-DENY +MAILBOX +'
                                   'TENANT +LAST CLIENT +LAST TRY +NOW$')
        self.assertRegex(lines[1], '^900 +0 +0 +most@nobody.example +- +192.0.2.9 +'
                         + text(t))
        csv = self.ctl('usage --denied --csv').lines
        self.assertEqual(len(csv), 6)
        self.assertTrue(csv[1].startswith(',most@nobody.example,'), csv[1])

    def test_denied_at_auth(self):
        """What AUTH refuses is shown beside the rest, and is no use."""
        self.acme()
        t = self.now - 100
        self.fill(('both@a.example', t, 'denied', 2, '192.0.2.1'),
                  ('used@b.example', t, 'allowed', 3, '192.0.2.2'),
                  ('gone@b.example', t - 9 * DAY, 'allowed', 3, '192.0.2.2'),
                  'auth both@a.example %d 5 2001:db8::5' % (t + 7),
                  'auth used@b.example %d 1 192.0.2.6' % (t - 7),
                  'auth gone@b.example %d 1' % t,
                  'auth only@a.example %d 4 192.0.2.7' % t,
                  'auth only@a.example %d 40 192.0.2.8' % (t - 9 * DAY),
                  'auth old@a.example %d 9 192.0.2.7' % (t - 9 * DAY),
                  'auth - %d 300' % t)
        self.assertEqual(self.logins(), ['both@a.example', 'used@b.example'])
        self.assertEqual(self.logins('--denied'), [
            None, 'both@a.example', 'only@a.example', 'gone@b.example',
            'used@b.example'])
        rows = {row['login']: row for row in self.rows('--denied')}
        keys = ('submissions', 'denied', 'auth_denied', 'last_auth_denied',
                'last_auth_client', 'first_seen', 'last_seen', 'last_client')
        self.assertEqual([rows['both@a.example'][key] for key in keys], [
            2, 2, 5, text(t + 7), '2001:db8::5', text(t), text(t), '192.0.2.1'])
        self.assertEqual([rows['only@a.example'][key] for key in keys], [
            0, 0, 4, text(t), '192.0.2.7', None, None, None])
        self.assertEqual([rows[None][key] for key in keys], [
            0, 0, 300, text(t), None, None, None, None])
        row = self.rows()[0]
        self.assertEqual([row[key] for key in keys], [
            2, 2, 5, text(t + 7), '2001:db8::5', text(t), text(t), '192.0.2.1'])
        self.assertEqual(self.logins('--denied', '--since', '30d', '--tenant',
                                     'acme'),
                         ['only@a.example', 'old@a.example', 'both@a.example'])
        lines = self.table('--denied')
        for line, start in zip(lines[1:], (
                r'0 +300 +0 +\(other logins\) +- +- +' + text(t) + ' +-$',
                '2 +5 +0 +both@a.example +acme +2001:db8::5 +' + text(t + 7),
                '0 +4 +0 +only@a.example +acme +192.0.2.7 +' + text(t) +
                ' +reject tenant-disabled',
                '0 +1 +0 +gone@b.example +beta +- +' + text(t),
                '0 +1 +0 +used@b.example +beta +192.0.2.2 +' + text(t))):
            self.assertRegex(line, '^' + start)
        out = self.ctl('usage --denied --csv').raw.decode()
        csv_rows = {row['login']: row for row in
                    csv.DictReader(io.StringIO(out, newline=''))}
        self.assertEqual([csv_rows['only@a.example'][key] for key in keys], [
            '0', '0', '4', text(t), '192.0.2.7', '', '', ''])

    def test_last_client_at_auth_decides(self):
        """What a login would get now that AUTH refused only."""
        self.acme()
        self.ctl('settings set exempt-clients 192.0.2.0/24')
        self.fill('auth here@a.example %d 1 192.0.2.7' % self.now,
                  'auth away@a.example %d 1 198.51.100.7' % self.now)
        reasons = {row['login']: row['reason'] for row in self.rows('--denied')}
        self.assertEqual(reasons, {'here@a.example': 'exempt-client',
                                   'away@a.example': 'tenant-disabled'})

    def test_nobody_was_denied(self):
        self.fill(('a@x', self.now, 'allowed', 1))
        self.assertIn('nobody was denied', self.table('--denied')[0])
        self.assertEqual(self.rows('--denied'), [])

    def test_forgotten_days_are_told(self):
        self.fill(('a@x', self.now, 'allowed', 1))
        word = 'are forgotten (setting usage-retention)'
        self.assertNotIn(word, '\n'.join(self.table('--since', '90d')))
        self.assertIn('counts before %s %s' % (
            text(self.midnight - 90 * DAY, '%Y-%m-%d'), word),
            self.table('--since', '100d'))

    def test_clock_set_back(self):
        self.fill('node since=%d until=%d' % (self.now + 9 * DAY,
                                              self.now + 9 * DAY),
                  ('a@x', self.now + 9 * DAY, 'allowed', 2))
        row, = self.jsonl('usage')
        self.assertEqual((row['last_seen'], row['submissions']),
                         (text(self.now + 9 * DAY), 2))
        self.assertNotRegex('\n'.join(self.table()), r'\s-\d')
        self.assertEqual(self.json('usage prune'), {
            'days': 0, 'clients': 0, 'logins': 0, 'auth_denied': 0})

    def test_odd_logins(self):
        odd = ['=1+1@x', '+x@x', '-x@x', "'quote@x", "'=x@x", 'a,b@x',
               'q"q@x', 'sp ace@x', 'jörg@xn--bcher-kva.test',
               'back\\slash', '=1+1', '\U0001f600@x', '%s%n@x']
        self.fill(*((name, self.now, 'allowed', 1) for name in odd))
        self.assertEqual(set(self.logins()), set(odd))
        raw = self.ctl('usage --csv').raw
        self.assertEqual(raw.count(b'\r\n'), len(odd) + 1)
        self.assertEqual(raw.count(b'\n'), len(odd) + 1)
        rows = list(csv.DictReader(io.StringIO(raw.decode(), newline='')))
        for row in rows:
            self.assertNotIn(row['login'][:1], '=+-@')
        self.assertEqual({harness.unescape(re.sub("^'", '', row['login']))
                          for row in rows}, set(odd))
        table = self.ctl('usage').raw.decode()
        self.assertIn('back\\x5Cslash', table)

    def test_logins_that_turn_the_text_or_are_not_seen(self):
        """A database may hold what the daemon would never record."""
        odd = {'u%su@x' % char for char in (
            '\u202e', '\u200b', '\u00ad', '\ufeff', '\u2066', '\U000e0041')}
        self.fill(*((name, self.now, 'allowed', 1) for name in odd))
        table = self.ctl('usage').raw
        csv_text = self.ctl('usage --csv').raw
        for raw in (table, csv_text, self.ctl('--json usage').raw):
            self.assertTrue(raw.isascii(), raw)
        self.assertEqual(set(self.logins()), odd)
        rows = csv.DictReader(io.StringIO(csv_text.decode(), newline=''))
        self.assertEqual({harness.unescape(row['login']) for row in rows}, odd)
        names = [line.split()[0] for line in table.decode().split('\n')
                 if 'allow' in line or 'reject' in line]
        self.assertEqual({harness.unescape(name) for name in names}, odd)

    def test_backslashes(self):
        """A login of Windows is shown as it is typed, a forged escape is not."""
        odd = {'acme\\jdoe', 'a\\x41@x', '\\\\xff', 'back\\'}
        self.fill(*((name, self.now, 'allowed', 1) for name in odd))
        raw = self.ctl('usage --csv').raw.decode()
        self.assertIn(',acme\\jdoe,', raw)
        self.assertIn(',a\\x5Cx41@x,', raw)
        rows = csv.DictReader(io.StringIO(raw, newline=''))
        self.assertEqual({harness.unescape(row['login']) for row in rows}, odd)

    def test_other_logins(self):
        """What is counted of logins that have no row of their own."""
        self.acme()
        now = self.now
        self.fill('others %d allowed 7' % (now - 9), 'others %d denied 2' % now,
                  'others %d allowed 5' % (now - 9 * DAY),
                  ('ann@a.example', now - 50, 'allowed', 1),
                  ('x@nobody.example', now - 60, 'allowed', 1))
        rows = self.jsonl('usage')
        self.assertEqual([row['login'] for row in rows],
                         ['ann@a.example', 'x@nobody.example', None])
        self.assertEqual(rows[2], {
            **dict.fromkeys(KEYS), 'submissions': 9, 'denied': 2,
            'would_deny': 0, 'exempt': 0, 'first_seen': text(now - 9 * DAY),
            'last_seen': text(now), 'mechanisms': [],
            'last_use': text(now - 9), 'auth_denied': 0})
        self.assertEqual(self.logins('--tenant', 'acme'), ['ann@a.example'])
        lines = self.table()
        self.assertRegex(lines[-2], r'^\(other logins\) +- +9 +2 +0 ')
        self.assertIn('Logins of no tenant:', lines)
        csv_rows = list(csv.DictReader(
            io.StringIO(self.ctl('usage --csv').raw.decode(), newline='')))
        self.assertEqual((csv_rows[2]['login'], csv_rows[2]['submissions'],
                          csv_rows[2]['verdict']), ('', '9', ''))
        self.assertEqual([row['submissions'] for row in
                          self.jsonl('usage', '--since', '20d')], [1, 1, 14])

    def test_other_logins_of_another_machine(self):
        self.fill('others %d allowed 7' % self.now)
        other = self.other('mx2', 'others %d allowed 2' % self.now,
                           ('a@x', self.now, 'allowed', 1))
        rows = self.jsonl('usage', '--usage', other)
        self.assertEqual([(row['login'], row['submissions']) for row in rows],
                         [('a@x', 1), (None, 9)])
        self.assertIn('1 login of',
                      self.ctl('-d', os.path.join(self.tmp, 'state-mx2'),
                               'usage', 'export', self.tmp + '/again').out)

    def test_csv(self):
        self.acme()
        self.fill(('ann@a.example', self.now, 'allowed', 1, '192.0.2.1',
                   'PLAIN'), ('ann@a.example', self.now, 'denied', 1,
                              '192.0.2.1', 'LOGIN'),
                  ('bob', self.now, 'exempt', 2))
        rows = list(csv.DictReader(
            io.StringIO(self.ctl('usage --csv').raw.decode(), newline='')))
        want = self.jsonl('usage')
        self.assertEqual(list(rows[0]), KEYS)
        for row, obj in zip(rows, want):
            obj['mechanisms'] = ' '.join(obj['mechanisms'])
            self.assertEqual(row, {key: '' if value is None else str(value)
                                   for key, value in obj.items()})
        self.assertEqual(rows[0]['mechanisms'], 'PLAIN LOGIN')
        self.refused(['--json', 'usage', '--csv'], 64)

    def test_coverage(self):
        self.fill('node dropped=1 last-dropped=%d' % (self.now - 5),
                  ('a@x', self.now, 'allowed', 1))
        self.assertEqual(
            self.table()[-1],
            'recorded since %s on 1 machine; 1 submission could not be '
            'counted, the last at %s' % (text(self.now - 30 * DAY),
                                         text(self.now - 5)))

    def test_no_usage(self):
        for options in ([], ['--json'], ['list', '--csv']):
            self.refused(['usage', *options], 69, 'usage = yes', '--usage')
        os.rmdir(os.path.join(self.dir, 'usage'))
        self.refused('usage', 69, 'init')

    def test_damaged(self):
        path = os.path.join(self.dir, 'usage', 'usage.mdb')
        self.fill(*(('u%d@x' % i, self.now, 'allowed', 1)
                    for i in range(2000)))
        with open(path, 'rb') as f:
            good = f.read()
        for bad in (b'no LMDB at all' * 1000, good[:3 * 4096],
                    good[:2 * 4096] + bytes(len(good) - 2 * 4096),
                    good[:8192] + b'\xff' * (len(good) - 8192)):
            with open(path, 'r+b') as f:
                f.truncate(0)
                f.write(bad)
            self.refused('usage', 69)
            self.refused(['usage', 'export', self.tmp + '/x'], 69)
            self.refused('usage prune', 69)
        self.assertFalse(os.path.exists(self.tmp + '/x'))

    def test_many(self):
        """200,000 logins of which half are in the span."""
        self.acme()
        lines = ''.join(
            'user%06d@%s.example %d allowed %d 192.0.2.%d PLAIN\n' % (
                i, 'ab'[i % 2], self.now - (i // 2 % 2) * 20 * DAY, i % 9 + 1,
                i % 250) for i in range(200000))
        subprocess.run([harness.USAGE_FILL, self.dir],
                       input=lines.encode(), check=True,
                       timeout=harness.TIMEOUT)
        begin = time.monotonic()
        out = self.ctl('usage').lines
        print('# 200000 logins listed in %.2f s' % (time.monotonic() - begin))
        self.assertEqual(len(out), 100002)


if __name__ == '__main__':
    harness.main()
