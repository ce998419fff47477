#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl check: every row of the decision table, and the replies."""

import harness
from check_case import Check


class Decision(Check):
    """The rows of the decision table, in their order."""

    def test_locked(self):
        tenant = 'SMTP AUTH is locked for tenant acme'
        mailbox = 'SMTP AUTH is locked for mailbox u@open.test'
        exchange = ("535 5.7.139 Authentication unsuccessful, user is locked "
                    "by your organization's security policy.")
        self.ctl('tenant lock acme')
        self.ctl('mailbox lock u@open.test')
        for login, text in (('u@acme.test', tenant), ('u@open.test', mailbox)):
            with self.subTest(login=login):
                a = self.decides(login, '', 'reject', 'locked')
                self.assertEqual(a['reply'], '550 5.7.1 ' + text)
                self.setting('reply-style', 'exchange')
                a = self.decides(login, '', 'reject', 'locked')
                self.assertEqual(a['reply'], exchange)
                self.ctl('settings unset reply-style')
        self.decides('v@open.test', '', 'allow', 'tenant-enabled')

    def test_lock_beats_everything(self):
        self.ctl('tenant set acme --smtp-auth enabled --action report '
                 '--enforce-from 2099-01-01 --tempfail-until 2099-01-01 '
                 '--blocks passwords')
        self.ctl('mailbox set u@acme.test --smtp-auth enabled')
        for key, value in (('enforce', 'no'), ('action', 'report'),
                           ('exempt-clients', '192.0.2.0/24'),
                           ('exempt-listeners', 'webmail')):
            self.setting(key, value)
        options = '--client 192.0.2.7 --listener webmail --mechanism XOAUTH2'
        self.decides('u@acme.test', options, 'allow', 'exempt-client')
        for noun, name in (('tenant', 'acme'), ('mailbox', 'u@acme.test')):
            with self.subTest(noun=noun):
                self.ctl(noun, 'lock', name)
                self.decides('u@acme.test', options, 'reject', 'locked')
                self.ctl(noun, 'unlock', name)
                self.decides('u@acme.test', options, 'allow', 'exempt-client')

    def test_lock_until(self):
        self.ctl('tenant lock open --until 2099-01-01T00:00:00Z')
        self.ctl('mailbox lock u@acme.test --until 2099-01-01T00:00:00Z')
        self.decides('v@open.test', '', 'reject', 'locked')
        self.decides('v@open.test', '--at 2098-12-31T23:59:59Z', 'reject',
                     'locked')
        self.decides('v@open.test', '--at 2099-01-01T00:00:00Z', 'allow',
                     'tenant-enabled')
        self.decides('u@acme.test', '--at 2098-12-31T23:59:59Z', 'reject',
                     'locked')
        self.decides('u@acme.test', '--at 2099-01-01T00:00:00Z', 'reject',
                     'tenant-disabled')

    def test_exempt_client(self):
        self.setting('exempt-clients', '192.0.2.0/24,2001:db8::/32')
        self.setting('exempt-listeners', 'webmail')
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        for login in ('u@acme.test', '@', 'jdoe', 'v@acme.test'):
            for client in ('192.0.2.7', 'IPv6:2001:db8::1',
                           'IPv6:::ffff:192.0.2.9'):
                with self.subTest(login=login, client=client):
                    self.decides(login, '--listener webmail --client '
                                 + client, 'allow', 'exempt-client')
        self.decides('v@acme.test', '--client 198.51.100.1', 'reject',
                     'tenant-disabled')
        self.decides('v@acme.test', '', 'reject', 'tenant-disabled')

    def test_exempt_listener(self):
        self.setting('exempt-listeners', 'webmail,copier')
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        for login in ('u@acme.test', '@', 'v@acme.test'):
            for listener in ('webmail', 'copier'):
                with self.subTest(login=login, listener=listener):
                    self.decides(login, '--listener ' + listener, 'allow',
                                 'exempt-listener')
        for options in ('--listener msa', '--listener web', ''):
            with self.subTest(options=options):
                self.decides('v@acme.test', options, 'reject',
                             'tenant-disabled')

    def settings_row(self, key, login, values):
        """Rows 4 and 5: the setting is the verdict, under enforce too."""
        text = 'SMTP AUTH login not accepted'
        replies = {
            ('reject', 'standard'): '550 5.7.1 ' + text,
            ('reject', 'exchange'): '535 5.7.3 Authentication unsuccessful',
            ('tempfail', 'standard'): '450 4.7.1 ' + text,
            ('tempfail', 'exchange'): '454 4.7.0 Authentication unsuccessful'}
        for value in values:
            verdict = {'accept': 'allow'}.get(value, value)
            dry = 'allow' if verdict == 'allow' else 'report'
            self.setting(key, value)
            for style in ('standard', 'exchange'):
                with self.subTest(value=value, style=style):
                    self.setting('reply-style', style)
                    a = self.decides(login, '', verdict, key)
                    self.assertEqual(a['reply'], replies.get((value, style)))
            self.setting('enforce', 'no')
            self.decides(login, '', dry, key)
            self.ctl('settings unset enforce')

    def test_invalid_login(self):
        self.decides('@', '', 'reject', 'invalid-login')
        self.setting('unknown-tenant', 'tempfail')
        self.settings_row('invalid-login', '@acme.test',
                          ('reject', 'tempfail', 'accept'))

    def test_unknown_tenant(self):
        self.decides('u@nosuch.test', '', 'allow', 'unknown-tenant')
        self.settings_row('unknown-tenant', 'u@nosuch.test',
                          ('reject', 'tempfail', 'accept'))

    ACTIONS = (
        # setting, tenant, tenant-disabled, mailbox-disabled
        ('reject', 'default', 'reject', 'reject'),
        ('tempfail', 'default', 'tempfail', 'tempfail'),
        ('report', 'default', 'report', 'reject'),
        ('reject', 'report', 'report', 'reject'),
        ('tempfail', 'report', 'report', 'tempfail'),
        ('report', 'report', 'report', 'reject'),
        ('reject', 'tempfail', 'tempfail', 'tempfail'),
        ('report', 'tempfail', 'tempfail', 'tempfail'),
        ('tempfail', 'reject', 'reject', 'reject'),
        ('report', 'reject', 'reject', 'reject'))

    REPLIES = {
        ('standard', 'tenant', 'reject'):
            '550 5.7.1 SMTP AUTH is disabled for tenant acme',
        ('standard', 'mailbox', 'reject'):
            '550 5.7.1 SMTP AUTH is disabled for mailbox u@acme.test',
        ('exchange', 'tenant', 'reject'):
            '535 5.7.139 Authentication unsuccessful, '
            'SmtpClientAuthentication is disabled for the Tenant.',
        ('exchange', 'mailbox', 'reject'):
            '535 5.7.139 Authentication unsuccessful, '
            'SmtpClientAuthentication is disabled for the Mailbox.',
        ('standard', 'tenant', 'tempfail'):
            '450 4.7.1 SMTP AUTH is disabled for tenant acme',
        ('standard', 'mailbox', 'tempfail'):
            '450 4.7.1 SMTP AUTH is disabled for mailbox u@acme.test',
        ('exchange', 'tenant', 'tempfail'):
            '454 4.7.0 Authentication unsuccessful, '
            'SmtpClientAuthentication is disabled for the Tenant.',
        ('exchange', 'mailbox', 'tempfail'):
            '454 4.7.0 Authentication unsuccessful, '
            'SmtpClientAuthentication is disabled for the Mailbox.'}

    def test_denials_by_action(self):
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        for setting, tenant, by_tenant, by_mailbox in self.ACTIONS:
            self.setting('action', setting)
            self.ctl('tenant set acme --action ' + tenant)
            for style in ('standard', 'exchange'):
                self.setting('reply-style', style)
                for noun, login, verdict in (
                        ('tenant', 'v@acme.test', by_tenant),
                        ('mailbox', 'u@acme.test', by_mailbox)):
                    with self.subTest(setting=setting, tenant=tenant,
                                      style=style, noun=noun):
                        a = self.decides(login, '', verdict,
                                         noun + '-disabled')
                        if verdict != 'report':
                            self.assertEqual(a['reply'], self.REPLIES[
                                style, noun, verdict])

    def test_mailbox_disabled_in_an_enabled_tenant(self):
        self.ctl('mailbox set u@open.test --smtp-auth disabled '
                 '--until 2099-01-01T00:00:00Z')
        self.decides('u@open.test', '', 'reject', 'mailbox-disabled')
        a = self.decides('u@open.test', '--at 2099-01-01T00:00:00Z', 'allow',
                         'tenant-enabled')
        self.assertTrue(a['override'])

    def test_mailbox_disabled_beats_what_follows(self):
        self.ctl('tenant set acme --blocks passwords '
                 '--enforce-from 2099-01-01 --tempfail-until 2099-02-01')
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        self.decides('u@acme.test', '--mechanism XOAUTH2', 'reject',
                     'mailbox-disabled')

    def test_mailbox_enabled(self):
        a = self.decides('u@acme.test', '', 'reject', 'tenant-disabled')
        self.assertIsNone(a['override'])
        self.ctl('mailbox set u@acme.test --smtp-auth enabled')
        a = self.decides('u@acme.test', '', 'allow', 'mailbox-enabled')
        self.assertTrue(a['override'])
        self.decides('v@acme.test', '', 'reject', 'tenant-disabled')

    def test_mailbox_enabled_expires(self):
        self.ctl('mailbox set u@acme.test --smtp-auth enabled '
                 '--until 2099-01-01T00:00:00Z')
        self.ctl('mailbox set u@open.test --smtp-auth enabled '
                 '--until 2099-01-01T00:00:00Z')
        self.decides('u@acme.test', '--at 2098-12-31T23:59:59Z', 'allow',
                     'mailbox-enabled')
        a = self.decides('u@acme.test', '--at 2099-01-01T00:00:00Z', 'reject',
                         'tenant-disabled')
        self.assertIn('expired', a['override'])
        self.decides('u@open.test', '--at 2099-01-01T00:00:00Z', 'allow',
                     'tenant-enabled')

    def test_mailbox_enabled_from_its_clients(self):
        for name in ('u@acme.test', 'u@open.test'):
            self.ctl('mailbox', 'set', name, '--smtp-auth', 'enabled',
                     '--clients', '192.0.2.0/24')
        self.decides('u@acme.test', '--client 192.0.2.255', 'allow',
                     'mailbox-enabled')
        for options in ('--client 192.0.3.0', '--client 2001:db8::1', ''):
            with self.subTest(options=options):
                a = self.decides('u@acme.test', options, 'reject',
                                 'tenant-disabled')
                self.assertTrue(a['override'])
        self.decides('u@open.test', '--client 192.0.3.0', 'allow',
                     'tenant-enabled')

    def test_inherit_with_a_note_is_no_override(self):
        for name in ('u@acme.test', 'u@open.test'):
            self.ctl('mailbox', 'set', name, '--note', 'n')
        self.decides('u@acme.test', '', 'reject', 'tenant-disabled')
        self.decides('u@open.test', '', 'allow', 'tenant-enabled')

    def test_tenant_enabled(self):
        self.ctl('tenant set open --enforce-from 2020-01-01 '
                 '--tempfail-until 2099-01-01 --blocks passwords')
        self.decides('u@open.test', '--mechanism XOAUTH2', 'allow',
                     'tenant-enabled')

    def test_blocks(self):
        modern = 'XOAUTH2 OAUTHBEARER EXTERNAL GSSAPI GSS-SPNEGO'.split()
        passwords = ('PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-256 NTLM '
                     'XOAUTH OAUTH EXTERN').split()
        for mechanism in modern + passwords:
            self.decides('u@acme.test', '--mechanism ' + mechanism, 'reject',
                         'tenant-disabled')
        self.ctl('tenant set acme --blocks passwords')
        for mechanism in modern:
            with self.subTest(mechanism=mechanism):
                self.decides('u@acme.test', '--mechanism ' + mechanism,
                             'allow', 'modern-auth')
        for options in ['--mechanism ' + m for m in passwords] + ['']:
            with self.subTest(options=options):
                self.decides('u@acme.test', options, 'reject',
                             'tenant-disabled')

    def test_scheduled(self):
        self.ctl('tenant set acme --enforce-from 2099-12-01')
        self.decides('u@acme.test', '', 'allow', 'scheduled')
        self.decides('u@acme.test', '--at 2099-11-30T23:59:59Z', 'allow',
                     'scheduled')
        self.decides('u@acme.test', '--at 2099-12-01T00:00:00Z', 'reject',
                     'tenant-disabled')
        self.decides('u@acme.test', '--at 2099-12-01T01:00:00+02:00',
                     'allow', 'scheduled')

    def test_tempfail_until(self):
        self.ctl('tenant set acme --tempfail-until 2099-12-01T00:00:00Z')
        for setting, tenant, verdict in (
                ('reject', 'default', 'tempfail'),
                ('reject', 'reject', 'tempfail'),
                ('report', 'reject', 'tempfail'),
                ('tempfail', 'tempfail', 'tempfail'),
                ('reject', 'report', 'report'),
                ('report', 'default', 'report')):
            with self.subTest(setting=setting, tenant=tenant):
                self.setting('action', setting)
                self.ctl('tenant set acme --action ' + tenant)
                self.decides('u@acme.test', '', verdict, 'tenant-disabled')
        self.ctl('settings unset action')
        self.ctl('tenant set acme --action default')
        self.decides('u@acme.test', '--at 2099-11-30T23:59:59Z', 'tempfail',
                     'tenant-disabled')
        self.decides('u@acme.test', '--at 2099-12-01T00:00:00Z', 'reject',
                     'tenant-disabled')

    def test_stages_in_order(self):
        self.ctl('tenant set acme --enforce-from 2099-01-01 '
                 '--tempfail-until 2099-02-01T00:00:00Z')
        for at, verdict, reason in (
                ('2098-12-31', 'allow', 'scheduled'),
                ('2099-01-15T00:00:00Z', 'tempfail', 'tenant-disabled'),
                ('2099-02-15T00:00:00Z', 'reject', 'tenant-disabled')):
            with self.subTest(at=at):
                self.decides('u@acme.test', '--at ' + at, verdict, reason)

    def changes(self, login, *options):
        """What is to come, from JSON; the text must say the same."""
        answer = self.check(login, *options)
        text = self.ctl('check', login, *options, rc=(0, 10, 11)).lines
        found = [' '.join(line.split()[1:]) for line in text
                 if line.startswith('from ')]
        self.assertEqual(found, ['%(at)s %(verdict)s, %(reason)s' % c
                                 for c in answer['changes']])
        return [(c['at'], c['verdict'], c['reason'])
                for c in answer['changes']]

    def test_changes(self):
        soft = ('2099-01-01T00:00:00Z', 'tempfail', 'tenant-disabled')
        hard = ('2099-02-01T00:00:00Z', 'reject', 'tenant-disabled')
        self.assertEqual(self.changes('u@acme.test'), [])
        self.ctl('tenant set acme --enforce-from 2099-01-01 '
                 '--tempfail-until 2099-02-01T00:00:00Z')
        self.assertEqual(self.changes('u@acme.test'), [soft, hard])
        self.assertEqual(
            self.changes('u@acme.test', '--at', '2098-12-31T23:59:59Z'),
            [soft, hard])
        self.assertEqual(
            self.changes('u@acme.test', '--at', '2099-01-01'), [hard])
        self.assertEqual(
            self.changes('u@acme.test', '--at', '2099-02-01'), [])
        self.ctl('mailbox set u@acme.test --smtp-auth enabled '
                 '--until 2099-01-15T00:00:00Z --clients 192.0.2.0/24')
        self.assertEqual(
            self.changes('u@acme.test', '--client', '192.0.2.1'),
            [('2099-01-15T00:00:00Z',) + soft[1:], hard])
        self.assertEqual(
            self.changes('u@acme.test', '--client', '198.51.100.1'),
            [soft, hard])
        self.ctl('mailbox lock u@acme.test --until 2099-01-20T00:00:00Z')
        self.assertEqual(
            self.changes('u@acme.test', '--client', '192.0.2.1'),
            [('2099-01-20T00:00:00Z',) + soft[1:], hard])
        self.ctl('tenant lock acme --until 2099-01-25T00:00:00Z')
        self.assertEqual(
            self.changes('u@acme.test'),
            [('2099-01-25T00:00:00Z',) + soft[1:], hard])

    def test_changes_of_a_subaddress(self):
        """Where its own exception ends, the base mailbox's dates count."""
        self.setting('subaddress-delimiter', '+')
        self.ctl('mailbox set u+x@acme.test --smtp-auth enabled '
                 '--until 2099-01-01T00:00:00Z')
        self.ctl('mailbox set u@acme.test --smtp-auth enabled '
                 '--until 2099-02-01T00:00:00Z')
        self.assertEqual(
            self.changes('u+x@acme.test'),
            [('2099-02-01T00:00:00Z', 'reject', 'tenant-disabled')])

    def test_at_is_shown(self):
        self.assertIsNone(self.check('u@acme.test')['at'])
        answer = self.check('u@acme.test', '--at', '2099-01-01')
        self.assertEqual(answer['at'], '2099-01-01T00:00:00Z')
        self.assertIn('2099-01-01T00:00:00Z',
                      self.ctl('check u@acme.test --at 2099-01-01', rc=11).out)

    def test_steps_tell_what_bears_on_it(self):
        self.ctl('tenant set acme --action tempfail --blocks passwords '
                 '--enforce-from 2099-01-01 --tempfail-until 2099-02-01')
        self.ctl('mailbox set u@acme.test --smtp-auth enabled --until '
                 '2099-03-01T00:00:00Z --clients '
                 + ','.join('192.0.2.%d' % i for i in range(1, 8)))
        self.ctl('mailbox lock u@acme.test --until 2099-04-01T00:00:00Z')
        steps = '\n'.join(self.check('u@acme.test', '--at',
                                     '2099-03-01')['steps'])
        for words in ('action tempfail', 'blocks passwords',
                      'enforce-from 2099-01-01T00:00:00Z',
                      'tempfail-until 2099-02-02T00:00:00Z',
                      'until 2099-03-01T00:00:00Z (expired)',
                      '192.0.2.5 and 2 more',
                      'locked until 2099-04-01T00:00:00Z'):
            self.assertIn(words, steps)
        self.assertNotIn('192.0.2.6', steps)

    def test_enforce_no(self):
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        self.ctl('mailbox set w@acme.test --smtp-auth enabled')
        self.ctl('tenant add soon --domain soon.test --tempfail-until '
                 '2099-01-01')
        self.setting('unknown-tenant', 'reject')
        self.setting('enforce', 'no')
        for login, verdict, reason in (
                ('@', 'report', 'invalid-login'),
                ('u@nosuch.test', 'report', 'unknown-tenant'),
                ('u@acme.test', 'report', 'mailbox-disabled'),
                ('v@acme.test', 'report', 'tenant-disabled'),
                ('u@soon.test', 'report', 'tenant-disabled'),
                ('w@acme.test', 'allow', 'mailbox-enabled'),
                ('u@open.test', 'allow', 'tenant-enabled')):
            with self.subTest(login=login):
                self.decides(login, '', verdict, reason)

    def test_catch_all_tenant(self):
        self.ctl('domain add acme "*"')
        self.setting('unknown-tenant', 'accept')
        for login in ('u@nosuch.test', 'jdoe'):
            with self.subTest(login=login):
                a = self.decides(login, '', 'reject', 'tenant-disabled')
                self.assertEqual(a['tenant'], 'acme')
        self.decides('u@open.test', '', 'allow', 'tenant-enabled')
        self.decides('@', '', 'reject', 'invalid-login')


class Output(Check):

    def test_keys(self):
        answer = self.check('U@acme.test')
        self.assertEqual(answer['mailbox'], 'u@acme.test')
        self.assertEqual(answer['tenant'], 'acme')
        self.assertTrue(answer['login'])
        self.assertTrue(answer['steps'])
        self.assertEqual(sorted(answer), [
            'at', 'changes', 'login', 'mailbox', 'override', 'reason',
            'reply', 'steps', 'tenant', 'verdict'])
        out = self.ctl('check U@acme.test', rc=11).out
        for word in ('u@acme.test', 'acme', 'reject', 'tenant-disabled'):
            self.assertIn(word, out)

    def test_check_changes_nothing(self):
        before = self.digest()
        self.check('u@acme.test')
        self.assertEqual(self.digest(), before)


class Reply(Check):

    def reply(self, login, *options):
        return self.check(login, *options)['reply']

    def test_help_url(self):
        self.setting('help-url', 'https://help.test/100%25')
        self.ctl('mailbox lock u@open.test')
        for style, login, text in (
                ('standard', 'u@acme.test', '550 5.7.1 SMTP AUTH is disabled '
                 'for tenant acme; see https://help.test/100%25'),
                ('standard', '@', '550 5.7.1 SMTP AUTH login not accepted; '
                 'see https://help.test/100%25'),
                ('standard', 'u@open.test', '550 5.7.1 SMTP AUTH is locked '
                 'for mailbox u@open.test; see https://help.test/100%25'),
                ('exchange', 'u@acme.test', '535 5.7.139 Authentication '
                 'unsuccessful, SmtpClientAuthentication is disabled for the '
                 'Tenant. Visit https://help.test/100%25 for more '
                 'information.')):
            with self.subTest(style=style, login=login):
                self.setting('reply-style', style)
                self.assertEqual(self.reply(login), text)

    def test_own_texts(self):
        self.setting('help-url', 'https://help.test/')
        self.setting('reply-tenant', 'T {tenant} {client} {url} 5%')
        self.setting('reply-mailbox', 'M {mailbox} of {tenant}, {url}')
        self.ctl('mailbox set u@acme.test --smtp-auth disabled')
        for style, code in (('standard', '550 5.7.1'),
                            ('exchange', '535 5.7.139')):
            with self.subTest(style=style):
                self.setting('reply-style', style)
                reply = self.reply('v@acme.test', '--client', '192.0.2.7')
                self.assertTrue(reply.startswith(
                    code + ' T acme 192.0.2.7 https://help.test/ 5%'), reply)
                reply = self.reply('u@acme.test')
                self.assertTrue(reply.startswith(
                    code + ' M u@acme.test of acme, https://help.test/'),
                    reply)

    def test_own_text_in_a_tempfail(self):
        self.setting('reply-tenant', 'later')
        self.setting('action', 'tempfail')
        for style, code in (('standard', '450 4.7.1'),
                            ('exchange', '454 4.7.0')):
            self.setting('reply-style', style)
            self.assertEqual(self.reply('v@acme.test'), code + ' later')

    def test_text_of_a_tenant(self):
        self.setting('reply-tenant', 'Everyone')
        self.ctl('tenant', 'set', 'acme', '--reply', 'Ask it@{tenant}.test')
        self.assertEqual(self.reply('v@acme.test'),
                         '550 5.7.1 Ask it@acme.test')
        self.ctl('tenant', 'set', 'acme', '--reply', '')
        self.assertEqual(self.reply('v@acme.test'), '550 5.7.1 Everyone')

    def test_values_are_not_expanded_again(self):
        self.setting('reply-mailbox', '{mailbox}')
        self.ctl('mailbox set {tenant}@acme.test --smtp-auth disabled')
        self.assertEqual(self.reply('{tenant}@acme.test'),
                         '550 5.7.1 {tenant}@acme.test')

    def test_no_client_no_url(self):
        self.setting('reply-tenant', 'from [{client}] see [{url}]')
        reply = self.reply('v@acme.test')
        self.assertNotIn('{', reply)
        self.assertTrue(reply.startswith('550 5.7.1 from ['), reply)

    def test_ascii_and_512_bytes(self):
        self.ctl('mailbox set jörg@acme.test --smtp-auth disabled')
        self.assertRegex(self.reply('jörg@acme.test'),
                         r'^550 5\.7\.1 .* mailbox j\?+rg@acme\.test$')
        name = 'x' * 313 + '@b.test'
        self.ctl('domain add acme b.test')
        self.ctl('mailbox set %s --smtp-auth disabled' % name)
        self.setting('reply-mailbox', '{mailbox} {mailbox} {mailbox}')
        reply = self.reply(name)
        self.assertTrue(reply.isascii())
        self.assertTrue(320 < len(reply) <= 512, len(reply))


if __name__ == '__main__':
    harness.main()
