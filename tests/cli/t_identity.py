#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl check: from a login as the MTA gives it to a mailbox."""

import harness
from check_case import Check


class Identity(Check):

    def test_spellings(self):
        for login, mailbox in (
                ('User@ACME.Test', 'user@acme.test'),
                ('user@acme.test.', 'user@acme.test'),
                ('JÖRG@acme.test', 'jörg@acme.test'),
                ('jo\u0308rg@acme.test', 'jörg@acme.test'),
                ('JO\u0308RG@acme.test', 'jörg@acme.test'),
                ('J\u030c@acme.test', '\u01f0@acme.test'),
                ('\u212b@acme.test', 'å@acme.test'),
                ('Straße@acme.test', 'straße@acme.test'),
                ('STRASSE@acme.test', 'strasse@acme.test'),
                ('a+b@acme.test', 'a+b@acme.test'),
                ('a=b<c>@acme.test', 'a=b<c>@acme.test'),
                ('a%b@acme.test', 'a%b@acme.test'),
                ('a@b@acme.test', 'a@b@acme.test'),
                ('a\\b@acme.test', 'a\\b@acme.test'),
                ('ﬀ@acme.test', 'ﬀ@acme.test')):
            with self.subTest(login=login):
                answer = self.check(login)
                self.assertEqual(answer['mailbox'], mailbox)
                self.assertEqual(answer['tenant'], 'acme')
                self.assertEqual(self.mailbox(mailbox), mailbox, 'stable')

    def test_international_domains(self):
        self.ctl('domain add open bücher.test')
        self.ctl('domain add acme straße.test')
        self.ctl('domain add open strasse.test')
        seen = set()
        for login in ('u@bücher.test', 'u@BÜCHER.test.',
                      'u@bu\u0308cher.test', 'u@xn--bcher-kva.test',
                      'U@XN--BCHER-KVA.TEST.'):
            with self.subTest(login=login):
                answer = self.decides(login, '', 'allow', 'tenant-enabled')
                seen.add(answer['mailbox'])
        self.assertEqual(len(seen), 1, seen)
        self.decides('u@straße.test', '', 'reject', 'tenant-disabled')
        self.decides('u@strasse.test', '', 'allow', 'tenant-enabled')

    def test_no_std3_mapping(self):
        self.ctl('domain add acme my_host')
        self.decides('u@MY_HOST', '', 'reject', 'tenant-disabled')
        self.decides('u@myhost', '', 'allow', 'unknown-tenant')

    def test_domain_that_no_tenant_could_own_is_invalid(self):
        for domain in '\u0301a.test', '192.0.2.1', '*', 'a/b.test':
            self.decides('u@' + domain, '', 'reject', 'invalid-login')
        self.setting('invalid-login', 'accept')
        self.decides('u@\u0301a.test', '', 'allow', 'invalid-login')

    def test_domain_that_never_counts(self):
        """A password database that looks at the name alone (saslauthd without
        -r) takes any domain."""
        self.ctl('mailbox set alice@acme.test --smtp-auth disabled')
        self.setting('unknown-tenant', 'accept')
        self.decides('alice@else.test', '', 'allow', 'unknown-tenant')
        r = self.ctl('settings set login-domain default')
        self.assertIn('default-domain is not set', r.err)
        self.setting('default-domain', 'acme.test')
        for login in 'alice@else.test', 'alice', 'ALICE@acme.test':
            self.decides(login, '', 'reject', 'mailbox-disabled')
        answer = self.json('check', 'alice@else.test', rc=11)
        self.assertEqual(answer['mailbox'], 'alice@acme.test')
        self.assertIn('login-domain is default', ' '.join(answer['steps']))

    def test_postfix_is_raw(self):
        for options in ((), ('--mta', 'postfix')):
            with self.subTest(options=options):
                self.assertEqual(self.mailbox('a+2Bb@acme.test', *options),
                                 'a+2bb@acme.test')

    def test_sendmail_is_xtext(self):
        for login, mailbox in (('a+2Bb@acme.test', 'a+b@acme.test'),
                               ('j+C3+B6rg@acme.test', 'jörg@acme.test'),
                               ('c+3Dd@acme.test', 'c=d@acme.test'),
                               ('a+5Cb@acme.test', 'a\\b@acme.test'),
                               ('+4A@acme.test', 'j@acme.test'),
                               ('a+2B2Bb@acme.test', 'a+2bb@acme.test'),
                               ('u@acme.test', 'u@acme.test')):
            with self.subTest(login=login):
                self.assertEqual(self.mailbox(login, '--mta', 'sendmail'),
                                 mailbox)

    def test_bad_xtext_is_invalid(self):
        for login in ('a+@acme.test', 'a+2@acme.test', 'a+zz@acme.test',
                      'u@acme.test+', 'u@acme.test+2', 'a++2B@acme.test',
                      'a+00@acme.test', 'a+0A@acme.test', 'a+FF@acme.test',
                      'a+C3@acme.test', '+40', 'a=b@acme.test',
                      'a b@acme.test', 'jörg@acme.test'):
            with self.subTest(login=login):
                self.decides(login, '--mta sendmail', 'reject',
                             'invalid-login')

    def test_invalid_logins(self):
        self.ctl('domain add open "*"')
        for login in ('@', 'u@', '@acme.test', '@@', 'u@acme..test',
                      'u@.acme.test', 'u@acme.test..', 'u@.',
                      'u@' + 'x' * 64 + '.test',
                      'u@' + '.'.join(['x' * 49] * 5) + '.test',
                      'a\x01b@acme.test', 'a\nb@acme.test', 'a\tb',
                      '\x7fa@acme.test', 'u@acme\x1b.test',
                      'a\u0085b@acme.test', b'\xff@acme.test',
                      b'j\xf6rg@acme.test', b'u@acme\x80.test',
                      b'\xc0\xaf@acme.test', b'\xed\xa0\x80@acme.test',
                      b'\xf5\x80\x80\x80@acme.test', b'jdoe\xc3',
                      'x' * 311 + '@acme.test', 'x' * 321,
                      'x' * 10000, 'x' * 10000 + '@acme.test',
                      '@' * 10000, '%' * 10000):
            with self.subTest(login=login[:50], length=len(login)):
                answer = self.decides(login, '', 'reject', 'invalid-login')
                self.assertIsNone(answer['mailbox'])
                self.assertEqual(answer['reply'],
                                 '550 5.7.1 SMTP AUTH login not accepted')

    def test_longest_logins(self):
        for login in ('x' * 310 + '@acme.test', 'x' * 320):
            with self.subTest(length=len(login)):
                answer = self.check(login)
                self.assertNotEqual(answer['reason'], 'invalid-login')

    def test_human_output_is_escaped(self):
        for login in ('a\x1b[31mb@acme.test', 'a\nverdict=allow@acme.test'):
            with self.subTest(login=login):
                out = self.ctl('check', login, rc=11).out
                self.assertNotIn('\x1b', out)
                self.assertNotIn('\nverdict=allow', out)

    def test_empty_is_not_authenticated(self):
        self.decides('', '', 'allow', 'unauthenticated')

    def test_without_at(self):
        answer = self.decides('jdoe', '', 'allow', 'unknown-tenant')
        self.assertIsNone(answer['tenant'])
        self.setting('unknown-tenant', 'reject')
        self.decides('jdoe', '', 'reject', 'unknown-tenant')

    def test_default_domain(self):
        self.setting('default-domain', 'ACME.test')
        answer = self.decides('JDoe', '', 'reject', 'tenant-disabled')
        self.assertEqual(answer['mailbox'], 'jdoe@acme.test')
        self.assertEqual(self.mailbox('u@open.test'), 'u@open.test')

    def test_login_separators(self):
        self.decides('user%acme.test', '', 'allow', 'unknown-tenant')
        self.setting('login-separators', '%#')
        for login, mailbox in (('user%acme.test', 'user@acme.test'),
                               ('User#ACME.test', 'user@acme.test'),
                               ('a%b#acme.test', 'a%b@acme.test'),
                               ('a#b%acme.test', 'a#b@acme.test'),
                               ('a%b@acme.test', 'a%b@acme.test'),
                               ('a%open.test@acme.test',
                                'a%open.test@acme.test')):
            with self.subTest(login=login):
                self.assertEqual(self.mailbox(login), mailbox)

    def test_subaddress(self):
        self.ctl('mailbox set u@acme.test --smtp-auth enabled')
        self.decides('u+tag@acme.test', '', 'reject', 'tenant-disabled')
        self.setting('subaddress-delimiter', '+')
        self.decides('u+tag@acme.test', '', 'allow', 'mailbox-enabled')
        self.decides('u@acme.test', '', 'allow', 'mailbox-enabled')
        self.decides('v+tag@acme.test', '', 'reject', 'tenant-disabled')
        self.ctl('mailbox set u+tag@acme.test --smtp-auth disabled')
        self.decides('u+tag@acme.test', '', 'reject', 'mailbox-disabled')
        self.decides('u+other@acme.test', '', 'allow', 'mailbox-enabled')
        self.ctl('mailbox lock u@acme.test')
        self.decides('u+other@acme.test', '', 'reject', 'locked')
        self.decides('+x@acme.test', '', 'reject', 'tenant-disabled')
        self.assertEqual(self.mailbox('+x@acme.test'), '+x@acme.test')

    def test_percent_signs_stay(self):
        self.ctl('mailbox set %s%n%%d@open.test --smtp-auth disabled')
        answer = self.decides('%s%n%%d@open.test', '', 'reject',
                              'mailbox-disabled')
        self.assertEqual(answer['reply'], '550 5.7.1 SMTP AUTH is disabled '
                         'for mailbox %s%n%%d@open.test')

    def test_client_spellings(self):
        self.ctl('mailbox set u@acme.test --smtp-auth enabled --clients '
                 '192.0.2.0/24,2001:db8::/32')
        for client in ('192.0.2.7', '::ffff:192.0.2.7', '2001:db8::7',
                       '::FFFF:c000:207', 'IPv6:::ffff:192.0.2.7',
                       'IPv6:2001:db8::7', 'IPv6:2001:DB8:0:0::7'):
            with self.subTest(client=client):
                self.decides('u@acme.test', '--client ' + client, 'allow',
                             'mailbox-enabled')
        for client in ('198.51.100.7', '::192.0.2.7', '2001:db9::7',
                       'IPv6:::ffff:198.51.100.7'):
            with self.subTest(client=client):
                self.decides('u@acme.test', '--client ' + client, 'reject',
                             'tenant-disabled')
        self.ctl('mailbox set u@acme.test --clients ::/0')
        self.decides('u@acme.test', '--client 2001:db8::7', 'allow',
                     'mailbox-enabled')
        for client in ('192.0.2.7', '::ffff:192.0.2.7'):
            self.decides('u@acme.test', '--client ' + client, 'reject',
                         'tenant-disabled')

    def test_bad_options(self):
        for options in ('--client nonsense', '--client 192.0.2.0/24',
                        '--client 192.0.2.256', '--at yesterday',
                        '--mta exim'):
            with self.subTest(options=options):
                self.refused('check u@acme.test ' + options, (64, 65),
                             options.split()[1])


if __name__ == '__main__':
    harness.main()
