#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Inputs as people bring them: what comes of each, and what is said.

A row of the table: a name, the command, its input, the status, words of what is said,
and the settings of mailboxes afterwards (the tenant's under its name).
"""

import os
import re
import shlex
import shutil
import subprocess

import harness

SRC = os.environ.get('srcdir', '..')
EXCHANGE = 'exchange'
CSV = 'import - --format csv'
ANY = 'import -'
ACCESS = 'import - --format access'
OFF = '-SmtpClientAuthenticationDisabled $true'
ON = '-SmtpClientAuthenticationDisabled $false'
THEIRS = 'PrimarySmtpAddress,SmtpClientAuthenticationDisabled\r\n'
OURS = 'address,smtp_auth\n'
TYPE = '#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.CASMailbox'
EXPORT = ('"DisplayName","PrimarySmtpAddress","SmtpClientAuthenticationDisabled"\r\n'
          '"Meyer, Eva ""EM""","eva@fab.test","True"\r\n'
          '"Drucker","mfp@fab.test","False"\r\n'
          '"Neu","neu@fab.test",\r\n')
BOTH = {'eva@fab.test': 'disabled', 'mfp@fab.test': 'enabled'}
NEED = 'an address is needed'
UNKNOWN = 'no column that is known'
HEAD = ('| Action | Command |', '| --- | --- |')


def lines(*text, end='\n'):
    return ''.join(line + end for line in text)


TABLES = (
    ('rows of both directions', EXCHANGE, lines(
        *HEAD, '| All off | Set-TransportConfig %s |' % OFF,
        '| All on | Set-TransportConfig %s |' % ON), 65,
     ['line 4: this contradicts line 3: there fab is disabled, here enabled'],
     {}),
    ('the same of a mailbox', EXCHANGE, lines(
        'Set-CASMailbox eva@fab.test ' + OFF,
        'Set-CASMailbox EVA@fab.test ' + ON), 65,
     ['line 2: this contradicts line 1', 'eva@fab.test'], {}),
    ('twice the same', EXCHANGE, lines(
        'Set-CASMailbox eva@fab.test ' + OFF,
        'Set-CASMailbox EVA@fab.test ' + OFF), 0, [],
     {'eva@fab.test': 'disabled'}),
    ('emphasis', EXCHANGE, lines(
        *HEAD, '| On | Set-CasMailbox *mfp@fab.test* '
        '\u2013SmtpClientAuthenticationDisabled *$false* |'), 65,
     ['line 3: bad value "*$false*"'], {}),
    ('emphasis of the address alone', EXCHANGE,
     'Set-CasMailbox *mfp@fab.test* ' + ON, 65,
     ['line 1: "*mfp@fab.test*"', "has '*' in it", NEED], {}),
    ('one direction', EXCHANGE, lines(
        *HEAD, '| On | `Set-CasMailbox mfp@fab.test %s` |' % ON), 0, [],
     {'mfp@fab.test': 'enabled'}),
)

LISTS = (
    ('a list without a heading', ANY, lines(
        'eva@fab.test', 'mfp@fab.test', end='\r\n'), 65,
     ['line 1: "eva@fab.test" is no name of a column',
      'address,smtp_auth', 'ADDRESS,enabled', '--format access'], {}),
    ('a list for exchange', EXCHANGE, lines('eva@fab.test', 'mfp@fab.test'), 65,
     ['line 1: "eva@fab.test" is no command', '"Importing" in smtpauthctl(8)',
      'line 2: "mfp@fab.test"'], {}),
    ('what opens a session', EXCHANGE, lines(
        'Set-ExecutionPolicy RemoteSigned', 'Install-Module ExchangeOnlineManagement',
        'Connect-IPPSSession', 'Remove-PSSession 1', 'exit'), 65,
     ['line %d: "%s" is not needed here: leave out such lines' % found
      for found in enumerate(('Set-ExecutionPolicy', 'Install-Module',
                              'Connect-IPPSSession', 'Remove-PSSession', 'exit'), 1)],
     {}),
    ('a loop over it', EXCHANGE, lines(
        r'$Allow = Get-Content "C:\Lists\allow.txt"',
        '$Allow | foreach {Set-CASMailbox -Identity $_ %s}' % ON), 65,
     ['line 1: variables are not supported', 'smtpauthctl import',
      'line 2: "foreach" is not supported; see "smtpauthctl import"'], {}),
    ('a pipeline over a file', EXCHANGE,
     'Import-Csv list.csv | Set-CASMailbox ' + OFF, 65,
     ['smtpauthctl import'], {}),
    ('a filter', EXCHANGE,
     'Get-CASMailbox | Where {$_.SmtpClientAuthenticationDisabled -eq $false}',
     65, ['mailbox list --smtp-auth enabled'], {}),
)

NAMES = (
    ('a display name', EXCHANGE, 'Set-CASMailbox "Eva Meyer" ' + OFF, 65,
     ['"Eva Meyer" is no mailbox', NEED], {}),
    ('a distinguished name', EXCHANGE,
     "Set-CASMailbox 'CN=Eva Meyer,OU=Sales,DC=fab,DC=test' " + OFF, 65,
     ['"CN=Eva Meyer,OU=Sales,DC=fab,DC=test" is no mailbox', NEED], {}),
    ('a name of a domain', EXCHANGE, r'Set-CASMailbox FAB\eva ' + OFF, 65,
     ['is no mailbox', NEED, 'alias'], {}),
    ('a GUID', EXCHANGE,
     'Set-CASMailbox 0d5b4fce-1175-4f7e-9b1a-EF599808CB96 ' + OFF, 65,
     ['"0d5b4fce-1175-4f7e-9b1a-EF599808CB96" is no mailbox', NEED], {}),
    ('a display name in a list', ANY, THEIRS + '"Eva Meyer",True\r\n', 65,
     ['line 2: "Eva Meyer" is no mailbox', NEED], {}),
    ('a GUID in a list', ANY,
     THEIRS + '0d5b4fce-1175-4f7e-9b1a-ef599808cb96,True\r\n', 65,
     ['line 2: ', NEED], {}),
)

EXPORTS = (
    ('as exported', ANY, TYPE + '\r\n' + EXPORT, 0,
     ['columns passed over: "DisplayName"'], BOTH),
    ('with a byte order mark', ANY, '\ufeff' + TYPE + '\r\n' + EXPORT, 0, [],
     BOTH),
    ('saved again by Excel', ANY, TYPE + ',,\r\n' + EXPORT.replace(
        'True', 'TRUE').replace('False', 'FALSE'), 0, [], BOTH),
    ('UTF-16', ANY, ('\ufeff' + TYPE + '\r\n' + EXPORT).encode('utf-16-le'), 0,
     [], BOTH),
    ('UTF-16 without a mark', ANY, (TYPE + '\r\n' + EXPORT).encode('utf-16-le'),
     0, [], BOTH),
    ('UTF-16, the other order', ANY, ('\ufeff' + EXPORT).encode('utf-16-be'), 0,
     [], BOTH),
    ('cp1252 in a column that is passed over', ANY,
     EXPORT.replace('Neu', 'M\u00fcller').encode('cp1252'), 0, [], BOTH),
    ('cp1252 in a note', ANY, ('address,smtp_auth,note\n'
                               'eva@fab.test,disabled,M\u00fcller\n').encode('cp1252'),
     65, ['line 2: note', 'save the file as UTF-8'], {}),
    ('cp1252 in an address', ANY,
     (OURS + 'm\u00fcller@fab.test,disabled\n').encode('cp1252'), 65,
     ['line 2: ', 'UTF-8'], {}),
    ('line ends in quotes', ANY, EXPORT.replace('Drucker', 'a\r\nb\r\nc')
     .replace('False', 'Perhaps'), 65,
     ['line 3: bad SmtpClientAuthenticationDisabled "Perhaps": use True, False'],
     {}),
)

OTHERS = (
    ('other protocols beside ours', EXCHANGE, 'Set-CASMailbox eva@fab.test '
     '-PopEnabled:$false -ImapEnabled $false ' + OFF, 0,
     ['line 1: passed over, not of SMTP AUTH: -PopEnabled, -ImapEnabled'],
     {'eva@fab.test': 'disabled'}),
    ('other protocols alone', EXCHANGE, lines(
        '', 'Set-CASMailbox eva@fab.test -PopEnabled $false'), 0,
     ['line 2: passed over, not of SMTP AUTH: -PopEnabled'], {}),
    ('common parameters', EXCHANGE, lines(*(
        'Set-CASMailbox eva@fab.test %s %s' % (OFF, more) for more in (
            '-Confirm:$false', '-ErrorAction Stop', '-Verbose', '-Force',
            '-ea SilentlyContinue', '-WarningAction:Ignore'))), 0, [],
     {'eva@fab.test': 'disabled'}),
    ('what if', EXCHANGE, lines('Set-CASMailbox eva@fab.test %s -WhatIf' % OFF,
                                'Set-TransportConfig -WhatIf ' + OFF), 0,
     ['line 1: what if: eva@fab.test would be set to smtp-auth disabled',
      'line 2: what if: fab would be set to smtp-auth disabled'], {}),
    ('a question', EXCHANGE, 'Set-CASMailbox eva@fab.test -Confirm ' + OFF, 65,
     ['-WhatIf shows'], {}),
    ('organization by domain', EXCHANGE,
     'Set-TransportConfig -Organization fab.test ' + OFF, 0, [],
     {'fab': 'disabled'}),
    ('an unknown organization', EXCHANGE,
     'Set-TransportConfig -Organization fab.onmicrosoft.test ' + OFF, 65,
     ['no tenant fab.onmicrosoft.test', 'domain'], {}),
)

SESSIONS = (
    ('a runbook', EXCHANGE, lines(
        '# switch it off', 'Import-Module ExchangeOnlineManagement',
        'Connect-ExchangeOnline -UserPrincipalName admin@fab.test', '',
        'Set-TransportConfig ' + OFF, 'Set-CASMailbox -Identity mfp@fab.test ' + ON,
        'Get-TransportConfig | Format-List SmtpClientAuthenticationDisabled',
        'Get-CASMailbox -Identity mfp@fab.test | fl *Smtp*', '',
        'Disconnect-ExchangeOnline -Confirm:$false'), 0,
     ['line 2: passed over: Import-Module',
      'line 3: passed over: Connect-ExchangeOnline',
      'line 10: passed over: Disconnect-ExchangeOnline',
      'SmtpClientAuthenticationDisabled : True',
      'PrimarySmtpAddress               : mfp@fab.test'],
     {'fab': 'disabled', 'mfp@fab.test': 'enabled'}),
    ('prompts', EXCHANGE, lines(
        r'PS C:\> Set-CASMailbox -Identity eva@fab.test `', '>>   ' + OFF, '>>',
        '[PS] C:\\Windows\\system32>Set-CASMailbox\u00a0 \u2014Identity\u00a0 '
        '\u201cmfp@fab.test\u201d \u2013SmtpClientAuthenticationDisabled $false',
        r'(base) PS C:\Users\jo> Set-CASMailbox a@fab.test ' + ON,
        r'[DBG]: PS C:\>> Set-CASMailbox b@fab.test ' + ON,
        r'C:\> Set-CASMailbox c@fab.test ' + ON,
        r'[mx.fab.test]: PS C:\> Set-CASMailbox d@fab.test %s; '
        'Set-TransportConfig %s' % (ON, OFF), 'PS C:\\>', end='\r\n'), 0, [],
     {**BOTH, **{n + '@fab.test': 'enabled' for n in 'abcd'}, 'fab': 'disabled'}),
    ('output', EXCHANGE, lines(
        r'PS C:\> Set-CASMailbox eva@fab.test ' + OFF,
        'WARNING: The command completed successfully.',
        'Get-CASMailbox eva@fab.test | fl', '',
        'SmtpClientAuthenticationDisabled : True'), 65,
     ['line 2: "WARNING:"', 'line 5: "SmtpClientAuthenticationDisabled"',
      'leave out such lines'], {}),
)

CELLS = (
    ('blanks after commas', ANY, 'PrimarySmtpAddress, SmtpClientAuthenticationDisabled'
     '\r\neva@fab.test, True\r\n" mfp@fab.test ",False\r\n', 0, [], BOTH),
    ('rows of nothing', ANY, THEIRS + 'eva@fab.test,True\r\n,\r\n , \r\n', 0, [],
     {'eva@fab.test': 'disabled'}),
    ('sep=', ANY, 'sep=;\r\n' + THEIRS.replace(',', ';') + 'eva@fab.test;True\r\n',
     0, [], {'eva@fab.test': 'disabled'}),
    ('sep= in quotes', ANY, '\ufeff"sep=;"\r\n' + THEIRS.replace(',', ';') +
     'eva@fab.test;True\r\n', 0, [], {'eva@fab.test': 'disabled'}),
    ('another separator', ANY, 'sep=|\r\naddress|smtp_auth\r\n', 65, [UNKNOWN], {}),
    ('no-break space', ANY, OURS + 'eva@fab.test\u00a0,disabled\n', 65,
     ['line 2: ', 'cannot be seen'], {}),
    ('a workbook', ANY, b'PK\x03\x04\x14\x00\x06\x00\x08\x00\n', 65,
     ['is the file text? Save a spreadsheet as CSV'], {}),
    ('semicolons', ANY, THEIRS.replace(',', ';') + 'eva@fab.test;True\r\n', 0, [],
     {'eva@fab.test': 'disabled'}),
    ('tabs', ANY, THEIRS.replace(',', '\t') + 'eva@fab.test\tTrue\r\n', 0, [],
     {'eva@fab.test': 'disabled'}),
    ('true in German', ANY, THEIRS + 'eva@fab.test,WAHR\r\n', 65,
     ['line 2: ', '"WAHR": use True, False'], {}),
    ('one', ANY, THEIRS + 'eva@fab.test,1\r\n', 65, ['"1": use True, False'], {}),
    ('smtp:', ANY, OURS + 'SMTP:eva@fab.test,disabled\nsmtp:mfp@fab.test,enabled\n',
     0, [], BOTH),
    ('mailto:', ANY, OURS + 'mailto:eva@fab.test,disabled\n', 0, [],
     {'eva@fab.test': 'disabled'}),
    ('angle brackets', ANY, OURS + '<eva@fab.test>,disabled\n', 0, [],
     {'eva@fab.test': 'disabled'}),
    ('a name before it', ANY, OURS + 'Eva <eva@fab.test>,disabled\n', 65,
     ['line 2: "Eva <eva@fab.test>"', 'write the address alone'], {}),
    ('a placeholder', ANY, OURS + '<UserName>@fab.test,disabled\n', 65,
     ['line 2: ', "has '<' in it"], {}),
    ('a whole domain', ANY, OURS + '*@fab.test,disabled\n', 65,
     ['line 2: ', "has '*' in it", 'tenant'], {}),
    ('two addresses', ANY, OURS + 'eva@fab.test;mfp@fab.test,disabled\n', 65,
     ['line 2: ', 'one address'], {}),
    ('two domains', ANY, OURS + 'eva@fab.test@fab.test,disabled\n', 65,
     ['line 2: ', 'one address'], {}),
    ('Markdown', ANY, OURS + 'first\\_last@fab.test,disabled\n', 65,
     ['line 2: ', 'is no mailbox'], {}),
    ('what cannot be seen', ANY, OURS + 'eva\u200b@fab.test,disabled\n', 65,
     ['line 2: '], {}),
    ('a misspelt column', ANY, THEIRS.replace('\r\n', ',Untill,Client\r\n') +
     'eva@fab.test,False,2099-12-31,192.0.2.0/24\r\n', 65,
     ['"Untill": do you mean "until"?'], {}),
    ('another misspelt column', ANY, THEIRS.replace('\r\n', ',Client\r\n') +
     'eva@fab.test,False,192.0.2.0/24\r\n', 65,
     ['"Client": do you mean "clients"?'], {}),
    ('the right columns', ANY, THEIRS.replace('\r\n', ',Until,Clients\r\n') +
     'mfp@fab.test,False,2099-12-31,192.0.2.0/24\r\n', 0, [],
     {'mfp@fab.test': 'enabled'}),
)

FOREIGN = (
    ('a report of clients', ANY, '\ufeffSender address,Domain,TLS 1.2,Messages sent'
     '\r\nmfp@fab.test,fab.test,100%,812\r\n', 65,
     ['report of SMTP AUTH clients', '"Importing" in smtpauthctl(8)'], {}),
    ('a panel\'s table', ANY, 'username,enablesmtp\neva@fab.test,0\n', 65,
     [UNKNOWN, '"username"', 'contrib/panels'], {}),
    ('another panel\'s table', ANY, 'account;eva@fab.test;{CRYPT}x;Eva\n', 65,
     [UNKNOWN, 'contrib/panels'], {}),
    ('a panel\'s answer', ANY, '[{"username":"eva@fab.test","active":1}]\n', 65,
     ['JSON array', 'one object a line', 'contrib/panels'], {}),
    ('a password file', ANY, 'eva@fab.test:{SHA512-CRYPT}secret::::::\n', 65,
     ['password file', 'contrib/panels'], {}),
    ('an access table', ACCESS, '# suspended\neva@fab.test\tREJECT Account suspended\n'
     'mfp@fab.test OK\nneu@fab.test DUNNO\n', 0, [], BOTH),
    ('a short login in it', ACCESS, 'mfp OK\n', 65,
     ['line 1: "mfp" is no mailbox', 'default-domain'], {}),
    ('an action of its own', ACCESS, 'mfp@fab.test HOLD\n', 65,
     ['line 1: bad action "HOLD": use REJECT, DEFER, OK or DUNNO'], {}),
    ('deferred', ACCESS, 'eva@fab.test DEFER later\nmfp@fab.test OK\n', 0,
     ['warning: DEFER becomes smtp-auth disabled'], BOTH),
    ('a password file as one', ACCESS, 'eva@fab.test:{CRYPT}secret::::::\n', 65,
     ['line 1: "eva@fab.test" has no action'], {}),
)


class Case(harness.Case):

    given = (*harness.Case.given,
             'tenant add fab --domain fab.test --smtp-auth enabled')

    def policy(self):
        """The mailboxes' settings, and the tenant's where it is not as given."""
        got = {m['address']: m['smtp_auth']
               for m in self.jsonl('mailbox list')}
        tenant = self.json('tenant show fab')['smtp_auth']
        return {**got, **({'fab': tenant} if tenant != 'enabled' else {})}

    def check(self, table):
        for name, command, text, status, said, after in table:
            with self.subTest(name=name):
                shutil.rmtree(self.dir, ignore_errors=True)
                self.make_state()
                before = self.digest()
                r = self.ctl(*command.split(), stdin=text, rc=status)
                for word in said:
                    self.assertIn(word, r.out + r.err)
                self.assertNotIn('secret', r.out + r.err)
                self.assertEqual(self.policy(), after)
                if status:
                    self.assertEqual(self.digest(), before)
                    self.assertEqual(r.out, '')
                elif not after:
                    self.assertEqual(self.digest(), before)


class Inputs(Case):

    def test_tables_of_a_page(self):
        self.check(TABLES)

    def test_lists(self):
        self.check(LISTS)

    def test_names_that_are_no_addresses(self):
        self.check(NAMES)

    def test_names_with_a_default_domain(self):
        """It completes plain names, and makes no mailbox of anything else."""
        given, self.given = self.given, (
            *self.given, 'settings set default-domain fab.test')
        self.check(NAMES)
        self.check((
            ('a short name', EXCHANGE, 'Set-CASMailbox eva ' + OFF, 0, [],
             {'eva@fab.test': 'disabled'}),
            ('short names', ANY, OURS + 'eva,disabled\nmfp,enabled\n', 0, [],
             BOTH),
            ('short logins', ACCESS, 'eva REJECT\nmfp OK\n', 0, [], BOTH)))
        self.given = given

    def test_on_a_tenant_of_all_domains(self):
        """Where any domain is taken, a slip must not become one."""
        given, self.given = self.given, (*self.given, 'domain add fab *')
        for table in TABLES, NAMES, CELLS, FOREIGN:
            self.check(table)
        self.given = given

    def test_exports(self):
        self.check(EXPORTS)

    def test_parameters(self):
        self.check(OTHERS)

    def test_sessions(self):
        self.check(SESSIONS)

    def test_cells(self):
        self.check(CELLS)

    def test_files_of_others(self):
        self.check(FOREIGN)


class Details(Case):

    def test_the_rest_of_a_row(self):
        self.ctl(*ANY.split(), stdin=THEIRS.replace(
            '\r\n', ',Until,Clients,Note\r\n') +
            'mfp@fab.test,False,2099-12-31,"192.0.2.0/24, 2001:db8::1",x\r\n')
        box = self.json('mailbox show mfp@fab.test')
        self.assertEqual((box['until'], box['clients'], box['note']), (
            '2100-01-01T00:00:00Z', ['192.0.2.0/24', '2001:db8::1'], 'x'))

    def test_what_overrules_is_said(self):
        """Off now, the page says; a date that was set before says otherwise."""
        text = 'Set-TransportConfig %s\nGet-TransportConfig\n' % OFF
        for setup, undo, word in (
                ('tenant set fab --enforce-from 2099-01-01',
                 'tenant set fab --enforce-from none', 'enforce-from'),
                ('tenant set fab --action report',
                 'tenant set fab --action default', 'report'),
                ('settings set enforce no', 'settings unset enforce',
                 'enforce is no')):
            with self.subTest(setup=setup):
                self.ctl('tenant set fab --smtp-auth enabled')
                self.ctl(setup)
                r = self.ctl(EXCHANGE, stdin=text)
                self.assertIn('tenant fab: smtp-auth disabled is overruled at '
                              'present: ', r.err)
                self.assertIn(word, r.err)
                self.assertRegex(r.out, 'OverruledBy  *: .*' + word)
                self.assertNotEqual(
                    self.json('Get-TransportConfig')['overruled_by'], [])
                self.ctl(undo)
        self.ctl('tenant set fab --smtp-auth enabled')
        self.assertEqual(self.ctl(EXCHANGE, stdin=text).err, '')

    def test_a_shell_that_ate_the_value(self):
        for word, status in ('EOF', 65), ("'EOF'", 0):
            r = subprocess.run(
                ['sh', '-c', '%s -d %s exchange <<%s\nSet-TransportConfig %s\n'
                 'EOF\n' % (shlex.quote(self.program), shlex.quote(self.dir),
                            word, OFF)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=harness.ENV)
            self.assertEqual(r.returncode, status, r.stderr)
            self.assertEqual(b"<<'EOF'" in r.stderr, status != 0, r.stderr)
        self.assertEqual(self.policy(), {'fab': 'disabled'})

    def test_who_took_my_exception(self):
        self.ctl('mailbox set mfp@fab.test --smtp-auth enabled')
        self.ctl('import', '-', '--force', '--actor', 'bob',
                 stdin=THEIRS + 'mfp@fab.test,\r\n')
        self.assertEqual(self.policy(), {})
        entry = self.jsonl('audit list --object mfp@fab.test')[-1]
        self.assertEqual((entry['command'], entry['actor'], entry['after']),
                         ('import', 'bob', None))
        self.assertEqual(entry['before']['smtp_auth'], 'enabled')

    def test_user_principal_names(self):
        text = ('UserPrincipalName,PrimarySmtpAddress,EmailAddresses,'
                'SmtpClientAuthenticationDisabled\n'
                'eva@fab.test,eva.meyer@fab.test,"SMTP:eva.meyer@fab.test '
                'smtp:eva@fab.test smtp:em@fab.test SIP:eva@fab.test",False\n')
        r = self.ctl('import', '-', '--dry-run', stdin=text)
        self.assertIn('UserPrincipalName and EmailAddresses are passed over; '
                      '--aliases', r.err)
        self.assertNotIn('alias', r.out)
        self.assertEqual(self.ctl('import', '-', '--aliases', stdin=text).err, '')
        self.assertEqual(self.policy(), {'eva.meyer@fab.test': 'enabled'})
        self.assertEqual({a['login'] for a in self.jsonl('mailbox alias list')},
                         {'eva@fab.test', 'em@fab.test'})
        self.assertEqual(self.json('check eva@fab.test')['reason'],
                         'mailbox-enabled')

    def test_email_addresses_as_they_are_exported(self):
        """Joined by anything, with PowerShell's braces; never half an alias."""
        heading = ('PrimarySmtpAddress,EmailAddresses,'
                   'SmtpClientAuthenticationDisabled\n')
        for cell, aliases in (
                ('{smtp:eva@fab.test, SMTP:eva.meyer@fab.test, smtp:em@fab.test}',
                 {'eva@fab.test', 'em@fab.test'}),
                ('smtp:eva@fab.test;X500:/o=Fab Inc/cn=eva;smtp:em@fab.test',
                 {'eva@fab.test', 'em@fab.test'}),
                ('{}', set())):
            with self.subTest(cell=cell):
                out = self.ctl('import', '-', '--aliases', '--dry-run', stdin=(
                    heading + 'eva.meyer@fab.test,"%s",False\n' % cell)).out
                self.assertEqual(set(re.findall('create alias (.*?):', out)), aliases)
        for cell, said in (
                ('System.String[]', '-join'),
                ('Microsoft.Exchange.Data.ProxyAddressCollection', '-join'),
                ('eva@fab.test', 'smtp:name@example.com'),
                ('smtp:eva@fab.test|smtp:em@fab.test', 'stand between them'),
                ('smtp:eva', '"eva" is no address')):
            with self.subTest(cell=cell):
                err = self.ctl('import', '-', '--aliases', rc=65, stdin=(
                    heading + 'eva.meyer@fab.test,%s,False\n' % cell)).err
                self.assertIn('line 2: EmailAddresses', err)
                self.assertIn(said, err)
                self.assertEqual(self.policy(), {})

    def typed(self, words, expected, **files):
        """Type the command of the manual that has these words."""
        with open(os.path.join(SRC, 'policy', 'smtpauthctl.8')) as f:
            found = [text for text in re.findall(
                r'^\.Bd -literal[^\n]*\n(.*?)^\.Ed', f.read(), re.M | re.S)
                     if words in text]
        self.assertEqual(len(found), 1, words)
        for name, text in files.items():
            with open(os.path.join(self.tmp, name + '.csv'), 'wb') as f:
                f.write(harness.encode(text))
        command = found[0].replace('NAME', 'fab').replace('.txt', '.csv').replace(
            'smtpauthctl', '%s -d %s' % (shlex.quote(self.program),
                                         shlex.quote(self.dir)))
        subprocess.run(['sh', '-c', command], cwd=self.tmp, check=True,
                       stdout=subprocess.DEVNULL, env=harness.ENV)
        self.assertEqual(self.policy(), expected)

    def test_recipes_of_the_manual(self):
        self.typed('report.csv', {'mfp@fab.test': 'enabled', 'erp@fab.test': 'enabled'},
                   report='\ufeffSender address,Domain,TLS 1.2,Messages sent\r\n'
                   'mfp@fab.test,fab.test,100%,812\r\n'
                   '"erp@fab.test","fab.test",100%,45\r\n')
        self.typed('list.txt', {'mfp@fab.test': 'enabled', 'erp@fab.test': 'enabled',
                                'eva@fab.test': 'enabled'},
                   list='eva@fab.test\r\nmfp@fab.test  \r\n')

    def test_a_dry_run_of_commands(self):
        before = self.digest()
        r = self.ctl('exchange', '--dry-run', stdin=lines(
            'Set-CASMailbox eva@fab.test ' + OFF, 'Set-TransportConfig ' + OFF))
        self.assertEqual(r.lines, [
            'create mailbox eva@fab.test: - -> smtp-auth=disabled',
            'change tenant fab: smtp-auth=enabled -> smtp-auth=disabled',
            '1 created, 1 changed, 0 removed'])
        self.assertEqual(self.digest(), before)


class StillTaken(Case):
    """What is unusual and right goes in by every way."""

    given = (*Case.given, 'domain add fab my_host.test',
             'domain add fab b\u00fccher.test',
             'settings set default-domain fab.test')

    addresses = (
        ('eva', 'eva@fab.test'),
        ('first.last-2_x', 'first.last-2_x@fab.test'),
        ("o'neil@fab.test", "o'neil@fab.test"),
        ('eva+news@fab.test', 'eva+news@fab.test'),
        ('guest_mail.test#EXT#@fab.test', 'guest_mail.test#ext#@fab.test'),
        ('j\u00f6rg@fab.test', 'j\u00f6rg@fab.test'),
        ('j\u00f6rg@b\u00fccher.test', 'j\u00f6rg@xn--bcher-kva.test'),
        ('eva@xn--bcher-kva.test', 'eva@xn--bcher-kva.test'),
        ('\u7528\u6237@fab.test', '\u7528\u6237@fab.test'),
        ('eva@my_host.test', 'eva@my_host.test'),
        ('a/b@fab.test', 'a/b@fab.test'),
        ('=1+1@fab.test', '=1+1@fab.test'),
        ('0d5b4fce-1175-4f7e-9b1a-ef599808cb96@fab.test',
         '0d5b4fce-1175-4f7e-9b1a-ef599808cb96@fab.test'),
    )

    def expect(self):
        self.assertEqual(self.policy(), {
            stored: 'disabled' for _, stored in self.addresses})

    def test_set(self):
        for typed, _ in self.addresses:
            self.ctl('mailbox', 'set', ' %s ' % typed, '--smtp-auth', 'disabled')
        self.expect()

    def test_import(self):
        self.ctl('import', '-', stdin=OURS + ''.join(
            '"%s",disabled\n' % typed for typed, _ in self.addresses))
        self.expect()

    def test_access(self):
        self.ctl(*ACCESS.split(), stdin=''.join(
            '%s REJECT\n' % typed for typed, _ in self.addresses))
        self.expect()

    def test_exchange(self):
        self.ctl('exchange', stdin=''.join(
            "Set-CASMailbox -Identity '%s' %s\n" % (
                typed.replace("'", "''"), OFF) for typed, _ in self.addresses))
        self.expect()

    def test_command_line(self):
        for typed, _ in self.addresses:
            self.ctl('Set-CASMailbox', '-Identity', typed,
                     '-SmtpClientAuthenticationDisabled', 'True')
        self.expect()


if __name__ == '__main__':
    harness.main()
