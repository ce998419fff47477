#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl import and export."""

import fcntl
import json
import os
import pty
import random
import subprocess
import unittest

import harness
from mta import DISABLED, Asker

HEAD = 'address,smtp_auth\n'
EXCHANGE = 'PrimarySmtpAddress,SmtpClientAuthenticationDisabled\n'
EVERYTHING = [
    'settings set enforce no',
    'settings set help-url https://help.test/?a=b&c',
    'settings add exempt-clients 192.0.2.0/24',
    'settings add exempt-clients 2001:db8::/32',
    'settings add exempt-listeners webmail',
    'settings set usage-nodes 3',
    'settings set reply-tenant "Nein: {tenant} 100% „zu“"',
    'tenant add acme --domain acme.test --domain bücher.test '
    '--smtp-auth disabled --action tempfail --blocks passwords '
    '--enforce-from 2099-01-01 --tempfail-until 2099-02-01 '
    '--contact x@y.test --reply "a \\"b\\"" --note "\'quoted, note\'"',
    'tenant add open --smtp-auth enabled --domain *',
    'tenant add empty',
    'tenant lock empty --until +30d',
    'mailbox set printer@acme.test --smtp-auth enabled --until +90d '
    '--clients 192.0.2.0/24,2001:db8::/64 --note "say ""hi"", you"',
    'mailbox set jörg@bücher.test --smtp-auth disabled',
    'mailbox set =1+1@acme.test --smtp-auth enabled --note =cmd',
    'mailbox set x@nowhere.test --smtp-auth disabled',
    'mailbox lock y@nowhere.test --until +1d',
    'mailbox alias add printer@acme.test DOMAIN\\\\printer',
    'mailbox alias add x@nowhere.test straße',
]


class Case(harness.Case):

    def file(self, content, name='file'):
        path = os.path.join(self.tmp, name)
        with open(path, 'wb') as f:
            f.write(harness.encode(content))
        return path

    def load(self, content, *options, rc=0):
        return self.ctl('import', self.file(content), *options, rc=rc)

    def bad(self, content, *expected, options=(), rc=65):
        """Nothing is imported, and these lines say why."""
        before = self.digest()
        r = self.load(content, *options, rc=rc)
        self.assertEqual(r.out, '')
        for word in expected:
            self.assertIn(word, r.err)
        self.assertEqual(self.digest(), before)
        return r

    def other(self):
        """Another state folder in the place of self.dir."""
        self.dir = os.path.join(self.tmp, 'other%d' % random.randrange(10**9))
        self.ctl('init')

    def mailboxes(self):
        return {m['address']: m for m in self.jsonl('mailbox list')}

    def audit(self):
        status = self.status()
        return status['audit_count'], status['audit_head']


class RoundTrip(Case):

    def setUp(self):
        super().setUp()
        for command in EVERYTHING:
            self.ctl(command)

    def test_jsonl(self):
        first = self.ctl('export').raw
        self.assertEqual(self.ctl('export --format jsonl').raw, first)
        self.ctl('import', '-', stdin=first)    # its locks are brought, too
        digest = self.digest()
        for options in ((), ('--replace',)):
            with self.subTest(options=options):
                self.other()
                self.ctl('import', '-', *options, stdin=first)
                self.assertEqual(self.ctl('export').raw, first)
                self.assertEqual(self.digest(), digest)
                self.ctl('verify')

    def test_lines(self):
        """One object a line, as spec and manual have them."""
        lines = [json.loads(line) for line in self.ctl('export').lines]
        kinds = [line['type'] for line in lines]
        self.assertEqual(sorted(set(kinds)),
                         ['alias', 'lock', 'mailbox', 'setting', 'tenant'])
        self.assertEqual(kinds, sorted(kinds, key=[
            'setting', 'tenant', 'mailbox', 'alias', 'lock'].index))
        printer = next(line for line in lines
                       if line.get('address') == 'printer@acme.test')
        self.assertEqual(printer['smtp_auth'], 'enabled')
        self.assertEqual(sorted(printer['clients']),
                         ['192.0.2.0/24', '2001:db8::/64'])
        self.assertEqual(printer['note'], 'say hi, you')
        tenant = next(line for line in lines if line.get('name') == 'acme')
        self.assertEqual(sorted(tenant['domains']),
                         ['acme.test', 'xn--bcher-kva.test'])

    def test_csv(self):
        first = self.ctl('export --format csv').raw
        self.assertEqual(first.splitlines()[0],
                         b'address,smtp_auth,until,clients,note')
        self.assertTrue(first.endswith(b'\r\n'))
        digest = self.digest()
        r = self.ctl('import', '-', stdin=first)
        self.assertEqual(r.out, '0 created, 0 changed, 0 removed\n')
        self.assertEqual(self.digest(), digest)
        for tenant in ('acme', 'open'):
            one = self.ctl('export --format csv --tenant %s' % tenant).raw
            r = self.ctl('import - --replace --tenant %s' % tenant, stdin=one)
            self.assertEqual(r.out, '0 created, 0 changed, 0 removed\n')

    def test_one_tenant(self):
        self.ctl('import', '-', stdin=self.ctl('export').raw)
        for tenant, mailboxes, aliases, locks in (
                ('acme', 3, 1, 0), ('open', 1, 1, 1), ('empty', 0, 0, 1)):
            with self.subTest(tenant=tenant):
                r = self.ctl('export', '--tenant', tenant)
                kinds = [json.loads(line)['type'] for line in r.lines]
                self.assertEqual(kinds, ['tenant'] + ['mailbox'] * mailboxes
                                 + ['alias'] * aliases + ['lock'] * locks)
                again = self.ctl('import', '-', '--replace', '--tenant',
                                 tenant, stdin=r.raw)
                self.assertEqual(again.out,
                                 '0 created, 0 changed, 0 removed\n')

    def test_what_is_not_there(self):
        self.refused('export --tenant nobody', 1, 'nobody')
        self.refused('export --format xml', 64, 'xml')
        self.refused('import /nonexistent/file', 66, '/nonexistent/file')
        self.refused(['import', self.tmp], 65, self.tmp)
        self.refused('import - --tenant nobody', 1, 'nobody')
        self.refused('import - --format xml', 64, 'xml')

    def test_random_policies(self):
        """Export, import into an empty folder, export: the same bytes."""
        for seed in range(5):
            self.other()
            self.load(random_policy(seed))
            first, digest = self.ctl('export').raw, self.digest()
            self.other()
            self.ctl('import', '-', stdin=first)
            self.assertEqual(self.ctl('export').raw, first)
            self.assertEqual(self.digest(), digest)
            shuffled = [line for line in first.splitlines(True)
                        if b'"mailbox","address"' in line]
            random.Random(seed).shuffle(shuffled)
            self.ctl('import', '-', stdin=b''.join(shuffled))
            self.assertEqual(self.digest(), digest)


def random_policy(seed):
    r = random.Random(seed)
    lines = []
    for t in range(r.randrange(1, 30)):
        domains = ['d%d-%d.test' % (t, d) for d in range(r.randrange(4))]
        lines.append({'type': 'tenant', 'name': 't%d' % t, 'domains': domains,
                      'smtp_auth': r.choice(['enabled', 'disabled']),
                      'note': r.choice([None, 'Nötiz "%d"' % t])})
        for domain in domains:
            for n in range(r.randrange(20)):
                address = 'u%d@%s' % (n, domain)
                auth = r.choice(['enabled', 'disabled', 'inherit'])
                lines.append({
                    'type': 'mailbox', 'address': address, 'smtp_auth': auth,
                    'lock': r.choice([None, None, {'until': None}]),
                    'clients': ['10.%d.0.0/16' % n] * (auth == 'enabled'),
                    'note': r.choice([None, 'x', '=2', "'"])})
                if r.random() < .2:
                    lines.append({'type': 'alias', 'login': 'l%d-%d-%s' % (
                        t, n, domain), 'mailbox': address})
    return ''.join(json.dumps(line, ensure_ascii=r.random() < .5) + '\n'
                   for line in lines)


class LongLine(Case):

    @harness.at_length
    def test_tenant_whose_line_is_too_long(self):
        """What import would not take is not exported as if it would."""
        label = '.'.join(['x' * 62] * 3)
        line = '{"type":"tenant","name":"acme","smtp_auth":"disabled",' \
            '"domains":["%s"]}\n'
        for part in range(2):
            self.load(line % '","'.join('%d-%06d.%s.test' % (part, i, label)
                                        for i in range(42000)))
        for options in ([], ['--tenant', 'acme']):
            r = self.ctl('export', *options, rc=65)
            self.assertEqual(r.out, '')
            self.assertIn('tenant acme', r.err)
            self.assertIn('16777216 bytes', r.err)
        self.ctl('export --format csv')


class Csv(Case):

    given = (*Case.given,
             'tenant add acme --domain a.test')

    def test_ours(self):
        r = self.load('address,smtp_auth,until,clients,note\r\n'
                      'U@A.test,enabled,2099-12-01T09:00:00Z,'
                      '"192.0.2.0/24,::1","a ""b"", c"\r\n'
                      '"v@a.test","disabled","","",""\r\n')
        self.assertEqual(r.out, '2 created, 0 changed, 0 removed\n')
        got = self.mailboxes()
        self.assertEqual(got['u@a.test']['until'], '2099-12-01T09:00:00Z')
        self.assertEqual(sorted(got['u@a.test']['clients']),
                         ['192.0.2.0/24', '::1'])
        self.assertEqual(got['u@a.test']['note'], 'a "b", c')
        self.assertEqual(got['v@a.test']['smtp_auth'], 'disabled')

    def test_exchange(self):
        """As Get-CASMailbox | Export-Csv writes it."""
        self.load('\ufeff#TYPE Microsoft.Exchange.CASMailbox\r\n'
                  '"Name","PrimarySmtpAddress",'
                  '"SmtpClientAuthenticationDisabled","PopEnabled"\r\n'
                  '"A","a@a.test","True","False"\r\n'
                  '"B","b@a.test","False","True"\r\n'
                  '"C","c@a.test","","True"\r\n')
        self.assertEqual(
            {a: m['smtp_auth'] for a, m in self.mailboxes().items()},
            {'a@a.test': 'disabled', 'b@a.test': 'enabled'})
        self.load(EXCHANGE + 'b@a.test,\n', '--force')
        self.assertNotIn('b@a.test', self.mailboxes())

    def test_forms(self):
        """BOM, CRLF, LF, no end of the last line, blank lines."""
        for text in ('\ufeff' + HEAD, HEAD.replace('\n', '\r\n'),
                     '\n\n' + HEAD, '\ufeff\r\n' + HEAD):
            with self.subTest(text=text):
                self.load(text + 'u@a.test,enabled')
                self.assertIn('u@a.test', self.mailboxes())
                self.ctl('mailbox remove u@a.test')

    def test_past(self):
        """An export has to come back, also with what has expired."""
        self.load('address,smtp_auth,until\nu@a.test,enabled,2020-01-01\n')
        self.assertTrue(self.mailboxes()['u@a.test']['expired'])

    def test_alias_and_separators(self):
        """An alias that would come back as another login cannot be."""
        self.ctl('mailbox alias add u@a.test x!y')
        self.ctl('mailbox alias add u@a.test v@a.test')
        self.ctl('settings set login-separators %')
        before = self.ctl('export').out
        self.refused('settings set login-separators %!', 65, 'x!y', 'u@a.test')
        self.bad('{"type":"setting","key":"login-separators","value":"!"}\n',
                 'line 1', 'x!y')
        self.load(before, '--replace')
        self.assertEqual(self.ctl('export').out, before)
        self.ctl('mailbox alias remove x!y')
        self.ctl('settings set login-separators %!')

    def test_utf16(self):
        """What PowerShell's > writes, and what Excel calls Unicode text."""
        for order in ('utf-16-le', 'utf-16-be'):
            for mark in '\ufeff', '':
                with self.subTest(order=order, mark=mark):
                    text = mark + HEAD + 'u@a.test,enabled\n'
                    self.load(text.encode(order))
                    self.assertEqual(list(self.mailboxes()), ['u@a.test'])
                    self.ctl('mailbox remove u@a.test')
                    self.bad(text.encode(order)[:-1], 'UTF-16')
                    self.bad((mark + HEAD).encode(order) + (
                        b'\x00\xd8u\x00' if order.endswith('le')
                        else b'\xd8\x00\x00u'), 'UTF-16')

    def test_set_again_after_its_end(self):
        """Whoever says it: what is set now holds, and is not over already."""
        for setting, disabled, verdict in (('enabled', 'False', 'allow'),
                                           ('disabled', 'True', 'reject')):
            sets = {
                'import ours': ('import -', HEAD + 'u@a.test,' + setting),
                'import theirs': ('import -',
                                  EXCHANGE + 'u@a.test,' + disabled),
                'mailbox set': ('mailbox set u@a.test --smtp-auth ' + setting,
                                ''),
                'cmdlet': ('Set-CASMailbox u@a.test -Smtp ' + disabled, ''),
            }
            for name, (command, text) in sets.items():
                with self.subTest(name=name, setting=setting):
                    self.load('address,smtp_auth,until,note\n'
                              'u@a.test,enabled,2020-01-01,kept\n')
                    self.ctl(command, stdin=text)
                    box = self.mailboxes()['u@a.test']
                    self.assertEqual(
                        (box['smtp_auth'], box['until'], box['note']),
                        (setting, None, 'kept'))
                    self.assertEqual(self.json('check u@a.test',
                                               rc=(0, 11))['verdict'], verdict)

    def test_columns_that_are_not_there(self):
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note kept '
                 '--clients 10.0.0.0/8')
        self.ctl('mailbox lock u@a.test')
        self.load(HEAD + 'u@a.test,enabled\n')
        m = self.mailboxes()['u@a.test']
        self.assertEqual((m['note'], m['clients']), ('kept', ['10.0.0.0/8']))
        self.assertTrue(m['lock'])
        self.load('address,smtp_auth,note\nu@a.test,disabled,\n')
        m = self.mailboxes()['u@a.test']
        self.assertEqual((m['note'], m['clients']), (None, []))
        self.assertTrue(m['lock'])

    def test_bad_lines(self):
        r = self.bad(HEAD + 'u@a.test,enabled\nu@b.test,enabled\n\n'
                     'v@a.test,on\nw@a.test,enabled,x\n"x@a.test",enabled\n'
                     'u@A.TEST,disabled\n@,enabled\n',
                     'line 3: no tenant owns the domain of "u@b.test"',
                     'line 5: ', '"on"', 'line 6: 3 fields, but 2 columns',
                     'line 8: mailbox u@a.test is in an earlier line',
                     'line 9: bad login', '5 bad lines', 'nothing is changed')
        self.assertEqual(len(r.err.splitlines()), 6)
        for line in r.err.splitlines():
            self.assertTrue(line.startswith('smtpauthctl: '), line)

    def test_many_bad_lines(self):
        r = self.bad(HEAD + 'x\n' * 5000, '5000 bad lines')
        self.assertEqual(len(r.err.splitlines()), 21)

    def test_bad_heads(self):
        for head, word in (('', 'columns'), ('a,b\n', 'columns'),
                           ('address\n', 'smtp_auth'),
                           ('address,smtp_auth,untill\n', 'untill'),
                           ('{"address":1}', 'type')):
            with self.subTest(head=head):
                self.bad(head, word, options=('--format', 'csv')
                         if not head.startswith('{') else ())

    def test_garbage(self):
        for content, word in ((b'\xef\x00\x00', 'no text'),
                              (b'address,smtp_auth\nu@a.test,en\x00', 'NUL'),
                              (b'address,smtp_auth\n"u@a.test', 'quotes'),
                              (b'address,smtp_auth\n\xff@a.test,enabled\n',
                               'UTF-8'),
                              (HEAD + 'x' * 20000 + '@a.test,enabled\n',
                               'too long'),
                              (HEAD + '"' + 'x' * 3000000 + '",enabled\n',
                               'too long'),
                              (b'xyz' + os.urandom(100000), 'bad line')):
            with self.subTest(word=word):
                self.bad(content, word)

    def test_messages_are_fit_for_a_terminal(self):
        r = self.bad(HEAD.encode() + b'\x1b[31m@a.test,\x1b]0;x\x07\n', 'line 2:')
        self.assertNotIn('\x1b', r.err)

    def test_replace(self):
        self.ctl('tenant add other --domain o.test')
        self.ctl('mailbox set keep@o.test --smtp-auth enabled')
        self.load(HEAD + ''.join('u%02d@a.test,enabled\n' % n
                                 for n in range(20)))
        text = HEAD + ''.join('u%02d@a.test,%s\n' % (
            n, 'disabled' if n == 5 else 'enabled') for n in range(1, 21))
        self.bad(text, '--tenant', options=['--replace'], rc=64)
        r = self.load(text, '--replace', '--tenant', 'acme')
        self.assertEqual(r.out, '1 created, 1 changed, 1 removed\n')
        got = self.mailboxes()
        self.assertEqual(len(got), 21)
        self.assertNotIn('u00@a.test', got)
        self.assertIn('keep@o.test', got)
        self.bad(HEAD + 'keep@o.test,disabled\n', 'tenant other',
                 options=['--replace', '--tenant', 'acme'])

    def test_settings_are_records_that_can_go(self):
        """A fifth is of all records, those of settings among them."""
        for i in range(6):
            self.ctl('tenant add more%d --smtp-auth enabled' % i)
        self.ctl('settings set usage-nodes 2')
        self.ctl('settings set usage-retention 7')
        status = self.status()
        self.assertEqual(status['tenants'] + status['domains'], 8)
        left = [line + '\n' for line in self.ctl('export').lines
                if 'usage-' not in line]
        self.bad(''.join(left[:-1]), '3 of 10 records', options=['--replace'])
        self.load(''.join(left), '--replace')
        self.assertEqual(self.ctl('export').out, ''.join(left))

    def test_replace_guards(self):
        self.load(HEAD + ''.join('u%d@a.test,enabled\n' % n
                                 for n in range(10)))
        options = ['--replace', '--tenant', 'acme']
        seven = HEAD + ''.join('u%d@a.test,enabled\n' % n for n in range(7))
        eight = seven + 'u7@a.test,enabled\n'
        self.bad(HEAD, '--force', 'empty', options=options)
        self.bad(seven, '3 of 10', '--force', options=options)
        r = self.load(seven, *options, '--dry-run')
        self.assertIn('warning', r.err)
        self.assertIn('3 removed', r.out)
        self.load(eight, *options)
        self.load(HEAD, *options, '--force')
        self.assertEqual(self.mailboxes(), {})

    def test_replace_keeps_locks(self):
        """CSV does not know them, so it cannot mean to end them."""
        self.load(HEAD + 'u@a.test,enabled\nv@a.test,enabled\n')
        self.ctl('mailbox lock u@a.test')
        self.load(HEAD + 'v@a.test,enabled\n', '--replace', '--tenant',
                  'acme', '--force')
        m = self.mailboxes()['u@a.test']
        self.assertEqual(m['smtp_auth'], 'inherit')
        self.assertTrue(m['lock'])
        self.ctl('check u@a.test', rc=11)


class Jsonl(Case):

    def setUp(self):
        super().setUp()
        self.load('{"type":"setting","key":"usage-nodes","value":2}\n'
                  '{"type":"tenant","name":"acme","domains":["a.test"],'
                  '"smtp_auth":"disabled"}\n'
                  '{"type":"mailbox","address":"u@a.test",'
                  '"smtp_auth":"enabled"}\n'
                  '{"type":"alias","login":"old","mailbox":"u@a.test"}\n')
        self.text = self.ctl('export').out

    def test_order(self):
        self.other()
        self.bad('{"type":"mailbox","address":"u@a.test"}\n'
                 '{"type":"tenant","name":"acme","domains":["a.test"],'
                 '"smtp_auth":"disabled"}\n', 'line 1: no tenant owns')

    def test_bad_lines(self):
        self.bad('nonsense\n'
                 '{"type":"tenant","name":"b"}\n'
                 '{"type":"mailbox","address":"u@a.test","x":1}\n'
                 '{"type":"tenant","name":"c","domains":["a.test"],'
                 '"smtp_auth":"enabled"}\n'
                 '{"type":"alias","login":"old","mailbox":"v@a.test"}\n',
                 'line 2: "smtp_auth" is missing', 'line 3: unknown key "x"',
                 'line 4: domain a.test belongs to tenant acme',
                 'line 5: login old is an alias of mailbox u@a.test',
                 options=['--format', 'jsonl'])

    def test_replace_all(self):
        more = self.text + '{"type":"mailbox","address":"v@a.test",' \
            '"smtp_auth":"disabled"}\n'
        r = self.load(more, '--replace')
        self.assertEqual(r.out, '1 created, 0 changed, 0 removed\n')
        r = self.load(more.replace('"enabled"', '"disabled"'), '--replace')
        self.assertEqual(r.out, '0 created, 1 changed, 0 removed\n')
        count = self.audit()
        r = self.load(more.replace('"enabled"', '"disabled"'), '--replace')
        self.assertEqual(r.out, '0 created, 0 changed, 0 removed\n')
        self.assertEqual(self.audit(), count)
        self.load(self.text, '--replace')
        self.assertEqual(self.ctl('export').out, self.text)
        self.ctl('verify')

    def test_replace_moves(self):
        """Domains, logins and mailboxes may change places at once."""
        base = ('{"type":"tenant","name":"acme","domains":[%s],'
                '"smtp_auth":"disabled"}\n'
                '{"type":"tenant","name":"zzz","domains":[%s],'
                '"smtp_auth":"enabled"}\n'
                '{"type":"mailbox","address":"%s","smtp_auth":"enabled"}\n'
                '{"type":"alias","login":"%s","mailbox":"%s"}\n')
        one = base % ('"a.test"', '"z.test"', 'u@a.test', 'x@a.test',
                      'u@a.test')
        two = base % ('"z.test"', '"a.test"', 'x@a.test', 'u@a.test',
                      'x@a.test')
        self.load(one, '--replace', '--force')
        self.load(two, '--replace', '--force')
        self.ctl('verify')
        self.assertEqual(self.json('check x@a.test')['tenant'], 'zzz')
        digest = self.digest()
        self.other()
        self.load(two)
        self.assertEqual(self.digest(), digest)

    def test_replace_guards(self):
        self.bad('', 'empty', '--force', options=['--replace'])
        self.bad('{"type":"tenant","name":"acme","smtp_auth":"disabled"}\n',
                 'over a fifth', options=['--replace'])
        for n in range(20):
            self.ctl('tenant add t%d --smtp-auth enabled' % n)
        self.ctl('tenant add shut --smtp-auth disabled --domain shut.test')
        text = self.ctl('export').out
        less = ''.join(line + '\n' for line in text.splitlines()
                       if '"shut"' not in line)
        self.bad(less, 'unknown-tenant', '--force', options=['--replace'])
        r = self.load(less, '--replace', '--dry-run')
        self.assertIn('remove domain shut.test: tenant=shut -> -', r.lines)
        self.assertIn('remove tenant shut: smtp-auth=disabled -> -', r.lines)
        self.assertIn('warning', r.err)
        self.assertEqual(self.ctl('export').out, text)
        self.load(less, '--replace', '--force')
        self.load(text, '--replace')
        # with unknown-tenant reject nothing would pass
        self.ctl('settings set unknown-tenant reject')
        self.load(self.ctl('export').out.replace('"shut"', '"shut2"')
                  .replace('shut.test', 'shut2.test'), '--replace')

    def test_replace_one_tenant(self):
        """Settings and other tenants are not touched; aliases stay."""
        self.ctl('tenant add other --domain o.test')
        self.ctl('mailbox set u@o.test --smtp-auth enabled')
        self.load('{"type":"mailbox","address":"v@a.test",'
                  '"smtp_auth":"enabled"}\n', '--replace', '--tenant',
                  'acme', '--force')
        self.assertEqual(sorted(self.mailboxes()), ['u@o.test', 'v@a.test'])
        self.assertEqual(len(self.jsonl('mailbox alias list')), 1)
        self.bad('{"type":"setting","key":"enforce","value":"no"}\n',
                 'tenant acme', options=['--tenant', 'acme'])

    def test_replace_leaves_no_file(self):
        self.load(self.text, '--replace')
        self.assertEqual(
            sorted(n for n in os.listdir(self.dir) if n != 'usage'),
            ['auth.key', 'policy.mdb', 'policy.turn', 'policy.writers'])

    def test_no_line_ends_a_lock(self):
        tenant = ('{"type":"tenant","name":"acme","smtp_auth":"enabled"%s}\n'
                  '{"type":"mailbox","address":"u@a.test",'
                  '"smtp_auth":"enabled"%s}\n')
        self.ctl('tenant lock acme')
        self.ctl('mailbox lock u@a.test --until +1d')
        for key in '', ',"lock":null', ',"lock": null':
            self.load(tenant % (key, key))
            self.assertIsNotNone(self.json('tenant show acme')['lock'])
            self.assertTrue(self.mailboxes()['u@a.test']['lock']['until'])

    def test_a_line_may_say_the_lock_of_what_it_is_about(self):
        self.load('{"type":"tenant","name":"acme","smtp_auth":"enabled",'
                  '"lock":{"until":"2099-01-01T00:00:00Z"}}\n'
                  '{"type":"mailbox","address":"u@a.test","lock":{}}\n')
        self.assertEqual(self.json('tenant show acme')['lock'],
                         {'until': '2099-01-01T00:00:00Z'})
        self.assertEqual({(lock['subject'], lock['origin'])
                          for lock in self.jsonl('locks')},
                         {('acme', 'brought'), ('u@a.test', 'brought')})

    def test_dry_run(self):
        before = self.ctl('export').out, self.audit()
        text = ('{"type":"tenant","name":"new","domains":["n.test"],'
                '"smtp_auth":"disabled"}\n'
                '{"type":"mailbox","address":"u@a.test",'
                '"smtp_auth":"disabled"}\n'
                '{"type":"mailbox","address":"w@n.test",'
                '"smtp_auth":"enabled"}\n')
        r = self.load(text, '--dry-run')
        self.assertEqual(r.lines, [
            'create tenant new: - -> smtp-auth=disabled',
            'create domain n.test: - -> tenant=new',
            'change mailbox u@a.test: smtp-auth=enabled -> '
            'smtp-auth=disabled',
            'create mailbox w@n.test: - -> smtp-auth=enabled',
            '3 created, 1 changed, 0 removed'])
        lines = self.jsonl('import', self.file(text), '--dry-run')
        self.assertEqual(lines[-1],
                         {'created': 3, 'changed': 1, 'removed': 0})
        change = next(line for line in lines[:-1]
                      if line['change'] == 'change')
        self.assertEqual((change['type'], change['object']),
                         ('mailbox', 'u@a.test'))
        self.assertEqual(change['before']['smtp_auth'], 'enabled')
        self.assertEqual(change['after']['smtp_auth'], 'disabled')
        self.assertEqual((self.ctl('export').out, self.audit()), before)
        self.load(text)
        self.assertNotEqual(self.ctl('export').out, before[0])

    def test_an_audit_entry_an_object_and_a_summary(self):
        count = self.audit()[0]
        self.load(''.join('{"type":"mailbox","address":"n%d@a.test",'
                          '"smtp_auth":"enabled"}\n' % n
                          for n in range(50)), '--actor', 'bob')
        self.assertEqual(self.audit()[0], count + 51)
        taken = self.jsonl('audit list --object n7@a.test')
        self.assertEqual([(e['command'], e['actor'], e['before'],
                           e['after']['smtp_auth']) for e in taken],
                         [('import', 'bob', None, 'enabled')])
        entry = self.jsonl('audit list')[-1]
        self.assertEqual((entry['command'], entry['actor']),
                         ('import', 'bob'))
        self.assertEqual(entry['summary']['created'], 50)
        self.assertRegex(entry['summary']['content'], '^[0-9a-f]{64}$')
        self.ctl('audit verify')

    def test_content_digest(self):
        """The same content in another order and form has the same digest;
        of a whole policy it is the policy digest."""
        self.other()
        self.load(self.text)
        content = self.jsonl('audit list')[-1]['summary']['content']
        self.assertEqual(content, self.digest())
        self.other()
        self.ctl('tenant add acme --domain a.test')
        lines = self.text.replace('":', '" : ').splitlines(True)
        self.load(lines[0] + lines[1] + lines[3] + lines[2])
        self.assertEqual(self.jsonl('audit list')[-1]['summary']['content'],
                         content)


class Daemon(Case):

    def test_a_large_import_beside_it(self):
        """It answers by the old policy or the new one, and is not held up."""
        self.ctl('tenant add acme --domain a.test')
        self.ctl('mailbox set always@a.test --smtp-auth enabled')
        path = self.file(HEAD + ''.join('user%06d@a.test,enabled\n' % n
                                        for n in range(200000)))
        daemon = harness.Daemon(self).start()
        daemon.wait_log('policy database verified')
        asker = Asker(daemon, ('always@a.test', 'never@a.test',
                               'user199999@a.test'))
        asker.start()
        self.addCleanup(asker.end)
        self.ctl('import', path)
        asker.ended.wait(0.1)
        asker.end()
        self.assertIsNone(asker.problem)
        self.assertEqual(asker.answers, {
            'always@a.test': {'a'}, 'never@a.test': {DISABLED},
            'user199999@a.test': {'a', DISABLED}})
        print('# %d answers, the longest took %.0f ms' % (
            asker.asked, 1000 * asker.longest))
        self.assertLess(asker.longest, 0.5)


class Streams(Case):

    given = (*Case.given,
             'tenant add acme --domain a.test')

    def start(self, *args, **streams):
        process = subprocess.Popen(
            [self.program, '-d', self.dir, *args], env=harness.ENV,
            stderr=subprocess.PIPE, **streams)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_slow_input_holds_nobody_up(self):
        process = self.start('import', '-', stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        process.stdin.write(HEAD.encode() + b'u@a.test,enabled\n')
        process.stdin.flush()
        self.ctl('mailbox set v@a.test --smtp-auth enabled')
        process.stdin.close()
        self.assertEqual(process.wait(harness.TIMEOUT), 0)
        self.assertEqual(sorted(self.mailboxes()), ['u@a.test', 'v@a.test'])

    @harness.at_length
    def test_paused_output_holds_no_transaction(self):
        self.load(HEAD + ''.join('user%05d@a.test,enabled\n' % n
                                 for n in range(20000)))
        for command in ('export', 'mailbox list', 'mailbox list --json'):
            with self.subTest(command=command):
                self.check_paused(*command.split())

    def check_paused(self, *command):
        rows = len(self.mailboxes())
        process = self.start(*command, stdout=subprocess.PIPE)
        process.stdout.read(10)       # it prints, and waits for us
        size = os.path.getsize(os.path.join(self.dir, 'policy.mdb'))
        for n in range(30):
            self.ctl('mailbox', 'set', 'user%05d@a.test' % n, '--smtp-auth',
                     random.choice(['disabled', 'inherit']))
        self.assertLess(
            os.path.getsize(os.path.join(self.dir, 'policy.mdb')),
            size + 40 * 4096)
        rest = process.stdout.read()
        self.assertEqual(process.wait(harness.TIMEOUT), 0)
        self.assertEqual(rest.count(b'@a.test'), rows)
        process.stderr.close()

    @unittest.skipUnless(os.path.exists('/dev/full'), 'no /dev/full')
    def test_output_that_fails(self):
        with open('/dev/full', 'wb') as full:
            process = self.start('export', stdout=full)
            self.assertEqual(process.wait(harness.TIMEOUT), 74)
            self.assertNotIn(b'made', process.stderr.read())
            process.stderr.close()
            for command in ('import ' + self.file('{"type":"setting",'
                                                  '"key":"enforce",'
                                                  '"value":"no"}\n'),
                            'settings set action report'):
                process = self.start(*command.split(), stdout=full)
                self.assertEqual(process.wait(harness.TIMEOUT), 74)
                self.assertIn(b'the change itself is made',
                              process.stderr.read())
                process.stderr.close()
        self.assertEqual(len([line for line in self.ctl('export').lines
                              if '"setting"' in line]), 2)

    def test_no_room_for_temporary_files(self):
        self.ctl('mailbox list', env={'TMPDIR': '/nonexistent/folder'})
        r = self.ctl('import -', rc=73, env={'TMPDIR': '/nonexistent/folder'})
        self.assertIn('temporary file', r.err)
        self.load(HEAD + ''.join('user%05d@a.test,enabled\n' % n
                                 for n in range(5000)))
        for command in 'export', 'mailbox list':
            r = self.ctl(command, rc=73, env={'TMPDIR': '/nonexistent/folder'})
            self.assertIn('cannot create a temporary file in '
                          '/nonexistent/folder: No such file', r.err)
            self.assertEqual(r.out, '')

    @unittest.skipUnless(os.geteuid() == 0, 'needs root to mount a tmpfs')
    def test_full_disk_for_temporary_files(self):
        """What cannot be said is not done either."""
        full = os.path.join(self.tmp, 'full')
        os.mkdir(full)
        r = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', full],
                           stderr=subprocess.PIPE)
        if r.returncode:
            self.skipTest('no mount here: ' + r.stderr.decode().strip())
        self.addCleanup(subprocess.run, ['umount', full], check=True)
        self.load(HEAD + ''.join('user%05d@a.test,enabled\n' % n
                                 for n in range(5000)))
        before = self.status()
        r = self.ctl('exchange', rc=75, env={'TMPDIR': full},
                     stdin='Set-CASMailbox new@a.test '
                     '-SmtpClientAuthenticationDisabled $true\n'
                     'Get-CASMailbox -ResultSize Unlimited\n')
        self.assertIn('cannot write a temporary file in %s: No space' % full, r.err)
        self.assertEqual(r.out, '')
        self.assertEqual(self.status(), before)
        r = self.ctl('mailbox list', rc=75, env={'TMPDIR': full})
        self.assertIn('cannot write a temporary file in %s: No space' % full, r.err)
        self.assertEqual(r.out, '')
        self.ctl('mailbox lock user00001@a.test', env={'TMPDIR': full})

    def test_progress_on_a_terminal(self):
        rows = HEAD + ''.join('user%06d@a.test,enabled\n' % n
                              for n in range(150000))
        path = self.file(rows)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [self.program, '-d', self.dir, 'import', path], env=harness.ENV,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        out = process.stdout.read()
        self.assertEqual(process.wait(harness.TIMEOUT), 0)
        process.stdout.close()
        fcntl.fcntl(ours, fcntl.F_SETFL, os.O_NONBLOCK)
        shown = os.read(ours, 100000).decode()
        os.close(ours)
        self.assertRegex(shown, r'\r\d+ rows, \d+ %')
        self.assertTrue(shown.endswith('\r\x1b[K'), repr(shown[-20:]))
        self.assertEqual(out, b'150000 created, 0 changed, 0 removed\n')
        r = self.ctl('import', path)
        self.assertEqual(r.err, '')


if __name__ == '__main__':
    harness.main()
