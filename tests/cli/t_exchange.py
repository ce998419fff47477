#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Exchange's own commands: on the command line, and pasted."""

import os
import shlex
import shutil
import subprocess
import time

import harness

DISABLED = 'SmtpClientAuthenticationDisabled'
PARAMETER = '-' + DISABLED
QUOTE_IT = 'quote it, or write True'
DASHES = '-\u2010\u2011\u2012\u2013\u2014\u2015\u2212'


def block(**values):
    """PowerShell's list format of one object."""
    return '\n' + ''.join('%-32s : %s\n' % entry for entry in values.items())


def mailbox(address, value):
    return block(Name=address.rpartition('@')[0], PrimarySmtpAddress=address,
                 **{DISABLED: value})


class Exchange(harness.Case):

    given = (*harness.Case.given,
             'tenant add acme --domain a.test --smtp-auth enabled')

    def other(self):
        self.ctl('tenant add other --domain o.test --smtp-auth enabled')

    def tenant(self, name='acme'):
        return self.json('tenant', 'show', name)['smtp_auth']

    def own(self, address='u@a.test'):
        """A mailbox's setting, as Exchange says it."""
        return self.json('Get-CASMailbox', address)[DISABLED]

    def verdict(self, login='u@a.test'):
        return self.json('check', login, rc=(0, 10, 11))['verdict']

    def pasted(self, *lines, rc=0, end='\n'):
        return self.ctl('exchange', rc=rc, stdin=end.join(lines) + end)


class CommandLine(Exchange):

    def test_mailbox(self):
        for word, shown, verdict, setting in (
                ('True', True, 'reject', 'disabled'),
                ('False', False, 'allow', 'enabled'),
                ('$true', True, 'reject', 'disabled'),
                ('$FALSE', False, 'allow', 'enabled'),
                ('true', True, 'reject', 'disabled')):
            result = self.ctl('Set-CASMailbox', 'U@A.test', PARAMETER, word)
            self.assertEqual(result.out + result.err, '')
            self.assertIs(self.own(), shown)
            self.assertEqual(self.verdict(), verdict)
            self.assertEqual(
                self.json('mailbox show u@a.test')['smtp_auth'], setting)
        for word in '$null', 'Null':
            self.ctl('Set-CASMailbox', 'u@a.test', PARAMETER, 'True')
            self.ctl('Set-CASMailbox', 'u@a.test', PARAMETER, word)
            self.assertIsNone(self.own())
            self.ctl('mailbox show u@a.test', rc=1)
            self.assertEqual(self.verdict(), 'allow')

    def test_tenant(self):
        self.ctl('tenant set acme --action tempfail --note n --contact p@x.t')
        before = self.json('tenant show acme')
        for word, setting, verdict in (('$true', 'disabled', 'tempfail'),
                                       ('False', 'enabled', 'allow')):
            self.ctl('Set-TransportConfig', PARAMETER, word)
            self.assertEqual(self.json('tenant show acme'),
                             {**before, 'smtp_auth': setting})
            self.assertEqual(self.verdict(), verdict)

    def test_which_tenant(self):
        self.other()
        self.refused(['Set-TransportConfig', PARAMETER, 'True'], 64,
                     'there are 2 tenants', '-Organization')
        self.ctl('Set-TransportConfig', PARAMETER, 'True', '-Organization',
                 'OTHER')
        self.assertEqual(self.tenant(), 'enabled')
        self.assertEqual(self.tenant('other'), 'disabled')
        self.refused(['Set-TransportConfig', PARAMETER, 'True',
                      '-Organization', 'nobody'], 1, 'no tenant nobody')
        self.refused(['Set-TransportConfig', PARAMETER, '$null',
                      '-Organization', 'acme'], 65, 'True or False')
        self.refused('Get-TransportConfig -Organization nobody', 1, 'nobody')
        self.refused('Get-TransportConfig -Organization a/b', 65, 'a/b')
        for name in 'acme', 'other':
            self.ctl('tenant', 'remove', name, '--force')
        self.refused(['Set-TransportConfig', PARAMETER, 'True'], 1,
                     'no tenant', 'tenant add')
        self.assertEqual(self.ctl('Get-TransportConfig').out.strip(), '')

    def test_transport_config_is_shown(self):
        acme = block(Organization='acme', **{DISABLED: 'False'})
        self.assertEqual(self.ctl('Get-TransportConfig').out, acme + '\n')
        self.other()
        self.ctl('Set-TransportConfig -Org other -Smtp True')
        other = block(Organization='other', **{DISABLED: 'True'})
        self.assertEqual(self.ctl('Get-TransportConfig').out,
                         acme + other + '\n')
        self.assertEqual(
            self.ctl('Get-TransportConfig -Organization other').out,
            other + '\n')
        self.assertEqual(self.jsonl('Get-TransportConfig'), [
            {'Organization': 'acme', DISABLED: False, 'overruled_by': []},
            {'Organization': 'other', DISABLED: True, 'overruled_by': []}])

    def test_mailboxes_are_shown(self):
        self.other()
        self.assertEqual(self.ctl('Get-CASMailbox').out, '\n')
        for address, word in (('u@a.test', 'True'), ('v@a.test', 'False'),
                              ('w@o.test', 'True')):
            self.ctl('Set-CASMailbox', address, PARAMETER, word)
        self.ctl('mailbox lock x@o.test')   # which is no setting
        expected = [('u@a.test', 'acme', True), ('v@a.test', 'acme', False),
                    ('w@o.test', 'other', True)]
        self.assertEqual(self.jsonl('Get-CASMailbox'), [
            {'PrimarySmtpAddress': a, 'Organization': t, DISABLED: d,
             'overruled_by': []}
            for a, t, d in expected])
        self.assertEqual(self.ctl('Get-CASMailbox').out, ''.join(
            mailbox(a, '' if d is None else d) for a, _, d in expected) + '\n')
        self.assertEqual(self.ctl('Get-CASMailbox', 'V@a.test').out,
                         mailbox('v@a.test', False) + '\n')
        self.assertEqual(self.ctl('Get-CASMailbox -Identity n@a.test').out,
                         mailbox('n@a.test', '') + '\n')
        self.assertEqual(self.jsonl('Get-CASMailbox n@a.test'), [
            {'PrimarySmtpAddress': 'n@a.test', 'Organization': 'acme',
             DISABLED: None, 'overruled_by': []}])

    def test_who_has_no_tenant(self):
        self.refused('Get-CASMailbox u@b.test', 1, 'u@b.test', 'no tenant')
        self.refused(['Set-CASMailbox', 'u@b.test', PARAMETER, 'True'], 65,
                     'u@b.test', 'no tenant')
        for command in (['Get-CASMailbox', 'u'],
                        ['Set-CASMailbox', 'u', PARAMETER, 'True']):
            self.refused(command, 65, 'no @')
        self.ctl('mailbox alias add u@a.test v@a.test')
        for command in (['Get-CASMailbox', 'v@a.test'],
                        ['Set-CASMailbox', 'v@a.test', PARAMETER, 'True']):
            self.refused(command, 65, 'alias', 'u@a.test')
        self.ctl('settings set default-domain a.test')
        self.ctl('Set-CASMailbox', 'u', PARAMETER, 'True')
        self.assertIs(self.own(), True)

    def test_the_rest_of_a_mailbox_is_kept(self):
        self.ctl('mailbox set u@a.test --smtp-auth enabled --note n '
                 '--until 2099-01-01T00:00:00Z --clients 192.0.2.0/24')
        before = self.json('mailbox show u@a.test')
        self.ctl('Set-CASMailbox u@a.test -Smtp False')
        self.assertEqual(self.json('mailbox show u@a.test'), before)
        r = self.ctl('Set-CASMailbox u@a.test -Smtp True')
        self.assertIn('until 2099-01-01T00:00:00Z ended', r.err)
        self.assertIn('clients ended', r.err)
        self.assertEqual(
            self.json('mailbox show u@a.test'),
            {**before, 'smtp_auth': 'disabled', 'clients': [], 'until': None})
        self.ctl('Set-CASMailbox u@a.test -Smtp Null')
        self.assertEqual(
            self.json('mailbox show u@a.test'),
            {**before, 'smtp_auth': 'inherit', 'clients': [], 'until': None})

    def test_a_time_that_has_passed(self):
        end = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 4))
        for name in 'u', 'v', 'w':
            self.ctl('mailbox', 'set', name + '@a.test', '--smtp-auth',
                     'disabled', '--note', 'n', '--until', end)
        self.assertIs(self.own(), True)
        harness.wait_for(lambda: self.own() is None, what='end of the setting')
        self.assertEqual(self.ctl('Get-CASMailbox u@a.test').out,
                         mailbox('u@a.test', '') + block(
                             OverruledBy='until is over')[1:] + '\n')
        for name, word, shown, setting in (
                ('u', 'True', True, 'disabled'), ('v', 'False', False, 'enabled'),
                ('w', '$null', None, 'inherit')):
            address = name + '@a.test'
            self.ctl('Set-CASMailbox', address, PARAMETER, word)
            self.assertIs(self.own(address), shown)
            stored = self.json('mailbox', 'show', address)
            self.assertEqual((stored['smtp_auth'], stored['until'],
                              stored['note']), (setting, None, 'n'))
        self.assertEqual(self.verdict(), 'reject')

    def test_names_as_people_write_them(self):
        for dash in DASHES:
            for words in (
                    ['Set%sCASMailbox', 'u@a.test', '%s' + DISABLED],
                    ['set%scasmailbox', '%sidentity', 'u@a.test', '%ssmtp'],
                    ['SET%sCASMAILBOX', '%sIdentity:u@a.test', '%sSMTPCLIENT']):
                words = [w.replace('%s', dash) for w in words]
                for value, shown in ('True', True), ('$null', None):
                    self.ctl(*words, value)
                    self.assertIs(self.own(), shown, words)
            self.ctl('Set-CASMailbox', '%sSmtp:True' % dash, 'u@a.test')
            self.assertIs(self.own(), True)
            self.ctl('Set%sTransportConfig' % dash, '%sSmtp:False' % dash)
            self.ctl('get%stransportconfig' % dash)
            self.ctl('get%scasmailbox' % dash)

    def test_what_a_shell_leaves(self):
        for line in ('Set-CASMailbox u@a.test %s $true',
                     'Set-CASMailbox u@a.test %s "$true"',
                     'Set-CASMailbox u@a.test %s:$true',
                     'Set-CASMailbox %s $true u@a.test',
                     'Set-CASMailbox %s $true -Identity u@a.test',
                     'Set-TransportConfig %s $true',
                     'Set-TransportConfig %s $false -Organization acme'):
            line = line % PARAMETER
            digest = self.digest()
            result = subprocess.run(
                ['sh', '-c', '%s -d %s %s' % (
                    shlex.quote(self.program), shlex.quote(self.dir), line)],
                stderr=subprocess.PIPE, env=harness.ENV)
            self.assertEqual(result.returncode, 64, line)
            self.assertIn(QUOTE_IT, result.stderr.decode(), line)
            self.assertEqual(self.digest(), digest)
        self.refused(['Set-CASMailbox', 'u@a.test', PARAMETER], 64, QUOTE_IT)
        self.refused(['Set-CASMailbox', 'u@a.test', PARAMETER, ''], 64,
                     QUOTE_IT)

    def test_wrong_words(self):
        for words, rc, expected in (
                ('Set-CASMailbox u@a.test', 64, 'needs ' + PARAMETER),
                ('Set-CASMailbox', 64, 'needs the address'),
                ('Set-CASMailbox u@a.test -Smtp yes', 65, '"yes"'),
                ('Get-CASMailbox u@a.test -Imap True', 64, '-Imap'),
                ('Set-CASMailbox u@a.test v@a.test -Smtp True', 64, 'v@a.test'),
                ('Set-CASMailbox u@a.test -Smtp True --force', 64, '--force'),
                ('Set-CASMailbox u@a.test -Smtp True --bogus', 64, '--bogus'),
                ('Set-CASMailbox u@a.test -Smtp True --actor', 64, '--actor'),
                ('Get-CASMailbox -ResultSize 0', 65, '"0"'),
                ('Get-CASMailbox -ResultSize', 64, 'needs a value'),
                ('Get-CASMailbox -ResultSize x', 65, '"x"'),
                ('Get-Mailbox', 64, 'unknown command'),
                ('exchange x', 64, 'usage: smtpauthctl exchange'),
                ('mailbox Get-CASMailbox', 64, 'mailbox')):
            self.refused(words, rc, expected)
        self.refused(['Get-CASMailbox', b'\xff@a.test'], 65, '\\xFF')
        self.refused(['Get-CASMailbox', *['-Smtp'] * 40], 64)

    def test_options_of_smtpauthctl_may_stand_anywhere(self):
        expected = self.ctl('--json Get-TransportConfig').out
        self.assertIn('{', expected)
        self.assertEqual(self.ctl('Get-TransportConfig --json').out, expected)
        self.assertEqual(
            self.ctl('Get-TransportConfig --json -Org acme').out, expected)
        elsewhere = os.path.join(self.tmp, 'elsewhere')
        self.ctl('-d', elsewhere, 'init')
        self.assertEqual(self.ctl('Get-TransportConfig', '-d', elsewhere).out,
                         '\n')
        for words in (['--actor', 'jane-17', 'Set-CASMailbox', 'u@a.test'],
                      ['Set-CASMailbox', '--actor=jane-18', 'u@a.test'],
                      ['Set-CASMailbox', 'u@a.test', '--actor', 'jane-19']):
            self.ctl(*words, '-Smtp', 'True')
            self.ctl('Set-CASMailbox u@a.test -Smtp Null')
        with open(self.dir + '/policy.mdb', 'rb') as f:
            data = f.read()
        for name in b'jane-17', b'jane-18', b'jane-19', b'Set-CASMailbox':
            self.assertIn(name, data)
        self.assertIn(PARAMETER, self.ctl('set-casmailbox --help').out)
        self.assertIn(PARAMETER, self.ctl('-h Set-TransportConfig').out)
        self.refused('Set-CASMailbox -- u@a.test --json', 64, '--json')
        self.ctl('tenant set acme --note Set-CASMailbox')
        self.ctl('--', 'Get-CASMailbox', 'u@a.test')

    def test_result_size(self):
        self.ctl('exchange', stdin=''.join(
            'Set-CASMailbox u%04d@a.test -Smtp $true\n' % i
            for i in range(1002)))
        for words, rows, warning in (
                ('', 1000, 'only the first 1000'), ('-ResultSize 1002', 1002, ''),
                ('-ResultSize Unlimited', 1002, ''), ('-ResultSize 1003', 1002, ''),
                ('-ResultSize 1001', 1001, 'more mailboxes than these 1001'),
                ('-ResultSize 1', 1, 'more mailboxes than these 1:')):
            result = self.ctl('Get-CASMailbox --json ' + words)
            self.assertEqual(len(result.lines), rows, words)
            self.assertEqual(bool(result.err), bool(warning), words)
            self.assertIn(warning, result.err)
            if warning:
                self.assertTrue(
                    result.err.startswith('smtpauthctl: warning: '))

    def test_the_help_fits_a_screen(self):
        lines = self.ctl('--help').lines
        self.assertLessEqual(len(lines), 24)
        self.assertEqual([s for s in lines if len(s) > 80], [])


class Pasted(Exchange):

    def test_nothing(self):
        digest = self.digest()
        for text in '', '\n', '# x\n', '\ufeff', '\ufeff\r\n\r\n':
            result = self.ctl('exchange', stdin=text)
            self.assertEqual(result.out + result.err, '')
        self.assertEqual(self.digest(), digest)

    def test_all_in_order(self):
        self.other()
        out = self.pasted(
            '# the kiosk', 'Get-CASMailbox u@a.test',
            'set-casmailbox u@a.test \u2013smtp $true',
            'Get-CASMailbox u@a.test; Set-CASMailbox v@a.test -S:$false',
            'Set-TransportConfig -Organization other `', '  -Smtp $true',
            'Get-CASMailbox', 'Get-TransportConfig -Organization other').out
        self.assertEqual(out, ''.join((
            mailbox('u@a.test', ''), '\n', mailbox('u@a.test', 'True'), '\n',
            mailbox('u@a.test', 'True'), mailbox('v@a.test', 'False'), '\n',
            block(Organization='other', **{DISABLED: 'True'}), '\n')))
        self.assertEqual(self.verdict(), 'reject')
        self.assertEqual(self.verdict('v@a.test'), 'allow')
        self.assertEqual(self.verdict('u@o.test'), 'reject')

    def test_json(self):
        result = self.ctl('--json', 'exchange', stdin=(
            'Set-CASMailbox u@a.test -Smtp $true\nGet-CASMailbox\n'
            'Get-TransportConfig'))
        self.assertEqual(result.lines, [
            '{"PrimarySmtpAddress":"u@a.test","Organization":"acme",'
            '"%s":true,"overruled_by":[]}' % DISABLED,
            '{"Organization":"acme","%s":false,"overruled_by":[]}' % DISABLED])

    def test_a_table_with_crlf_and_bom(self):
        self.pasted(
            '\ufeff| Who | Command |', '|-----|---------|',
            '| Kiosk | `Set-CASMailbox u@a.test %s $true` |' % PARAMETER,
            '| Hall | Set\u2013CASMailbox v@a.test \u2013Smtp \u201cFalse\u201d |',
            end='\r\n')
        self.assertIs(self.own(), True)
        self.assertIs(self.own('v@a.test'), False)

    def test_errors_have_numbers_and_nothing_is_changed(self):
        digest, count = self.digest(), self.status()['audit_count']
        result = self.pasted(
            'Set-CASMailbox u@a.test -Smtp $true', 'foreach ($x in $y) {',
            'Set-CASMailbox u@b.test -Smtp $true', 'Get-CASMailbox',
            'Set-CASMailbox v@a.test `', ' -Smtp maybe',
            'Set-TransportConfig -Org nobody -Smtp $true',
            'Set-CASMailbox v@a.test -Smtp', 'Get-CASMailbox | sort',
            'Set-CASMailbox w@a.test -Smtp $true', rc=65)
        self.assertEqual(result.out, '')
        lines = result.err.splitlines()
        for line, (number, word) in zip(lines, (
                (2, '"("'), (3, 'no tenant owns'), (5, '"maybe"'),
                (7, 'no tenant nobody'), (8, 'needs a value'),
                (9, '"sort"'))):
            self.assertTrue(line.startswith('smtpauthctl: line %d: ' % number),
                            line)
            self.assertIn(word, line)
        self.assertEqual(lines[6:], [
            'smtpauthctl: 6 bad commands; nothing is changed'])
        self.assertEqual(self.digest(), digest)
        self.assertEqual(self.status()['audit_count'], count)
        self.ctl('verify')

    def test_the_first_twenty_errors_are_told(self):
        result = self.pasted(*['foo'] * 1234, rc=65)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 21)
        self.assertTrue(lines[19].startswith('smtpauthctl: line 20: '))
        self.assertEqual(lines[20], 'smtpauthctl: 1234 bad commands; nothing '
                                    'is changed')

    def test_bytes_that_are_no_text(self):
        for text, word in (
                (b'Get-CASMailbox \xff\n', 'not UTF-8'),
                (b'Get-CASMailbox a\0b\n', 'NUL'),
                (b'#' * 8193, 'longer than 8192'),
                (b'\xef\xbb\xbf' + b'#' * 8192 + b'\r#', 'longer than 8192'),
                (b'#' * 10000000 + b'\nGet-CASMailbox\n', 'line 1: '),
                (b'Get-CASMailbox \x1b[2J\n', 'control'),
                (b'Get-CASMailbox `', 'not complete'),
                (b'x <#\n', 'line 1: ')):
            result = self.ctl('exchange', stdin=text, rc=65)
            self.assertIn(word, result.err)
            self.assertEqual(result.out, '')
        self.ctl('exchange', stdin=b'#' * 8192)
        self.ctl('exchange', stdin=b'\xef\xbb\xbf' + b'#' * 8192 + b'\r\n')

    def test_terminals_get_no_control_characters(self):
        result = self.ctl('exchange', stdin='x\u0085\n'.encode(), rc=65)
        self.assertNotIn('\x85', result.err)
        result = self.ctl('exchange', stdin='x\u2028y\n', rc=65)
        self.assertIn('\\xE2\\x80\\xA8', result.err)

    def test_only_what_differs_is_in_the_audit_log(self):
        before = self.status()['audit_count']
        self.pasted('Set-CASMailbox u@a.test -Smtp $true',
                    'Set-TransportConfig -Smtp $true',
                    'Set-CASMailbox u@a.test -Smtp $true')
        self.assertEqual(self.status()['audit_count'], before + 2)
        with open(self.dir + '/policy.mdb', 'rb') as f:
            data = f.read()
        for name in b'Set-CASMailbox', b'Set-TransportConfig':
            self.assertIn(name, data)
        self.assertNotIn(b'exchange', data)

    def test_who_is_slow_to_type_holds_nobody_up(self):
        typing = subprocess.Popen(
            [self.program, '-d', self.dir, 'exchange'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=harness.ENV)
        with typing:
            typing.stdin.write(b'Set-CASMailbox u@a.test -Smtp $true\n')
            typing.stdin.flush()
            self.ctl('mailbox set v@a.test --smtp-auth disabled')
            self.assertIsNone(self.own())
            typing.stdin.write(b'Get-CASMailbox v@a.test')
            typing.stdin.close()
            self.assertEqual(typing.stdout.read().decode(),
                             mailbox('v@a.test', 'True') + '\n')
        self.assertEqual(typing.returncode, 0)
        self.assertIs(self.own(), True)

    def test_a_standard_input_that_cannot_be_read(self):
        folder = os.open(self.tmp, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        result = subprocess.run([self.program, '-d', self.dir, 'exchange'],
                                stdin=folder, stderr=subprocess.PIPE,
                                env=harness.ENV)
        self.assertEqual(result.returncode, 74)
        self.assertIn(b'standard input', result.stderr)

    def test_without_a_policy(self):
        shutil.rmtree(self.dir)
        for words in ['exchange'], ['Get-CASMailbox'], [
                'Set-TransportConfig', '-Smtp', 'True']:
            result = self.ctl(*words, rc=69)
            self.assertIn('init', result.err)


if __name__ == '__main__':
    harness.main()
