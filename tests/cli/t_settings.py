#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl settings: keys, defaults, values taken and refused."""

import harness

DEFAULTS = {
    'enforce': 'yes', 'action': 'reject', 'new_tenant_smtp_auth': 'disabled',
    'unknown_tenant': 'accept', 'login_domain': 'keep', 'invalid_login': 'reject',
    'default_domain': None, 'login_separators': None,
    'subaddress_delimiter': None, 'exempt_clients': None,
    'exempt_listeners': None, 'reply_style': 'standard', 'help_url': None,
    'reply_tenant': None, 'reply_mailbox': None, 'usage_retention': 90,
    'usage_nodes': 1,
}

GOOD = [
    ('enforce', 'no', 'no'),
    ('action', 'tempfail', 'tempfail'),
    ('action', 'report', 'report'),
    ('new-tenant-smtp-auth', 'enabled', 'enabled'),
    ('unknown-tenant', 'tempfail', 'tempfail'),
    ('unknown-tenant', 'reject', 'reject'),
    ('login-domain', 'default', 'default'),
    ('invalid-login', 'tempfail', 'tempfail'),
    ('invalid-login', 'accept', 'accept'),
    ('default-domain', 'acme.test', 'acme.test'),
    ('default-domain', 'ACME.Test.', 'acme.test'),
    ('default-domain', 'Bücher.Test', 'xn--bcher-kva.test'),
    ('login-separators', '%#', '%#'),
    ('subaddress-delimiter', '+', '+'),
    ('exempt-clients', '192.0.2.0/24,2001:DB8::/32',
     ['192.0.2.0/24', '2001:db8::/32']),
    ('exempt-listeners', 'webmail,msa', ['msa', 'webmail']),
    ('reply-style', 'exchange', 'exchange'),
    ('help-url', 'https://help.test/smtp', 'https://help.test/smtp'),
    ('reply-tenant', 'Not for {tenant}', 'Not for {tenant}'),
    ('reply-mailbox', 'Not für {mailbox}', 'Not für {mailbox}'),
    ('usage-retention', '30', 30),
    ('usage-nodes', '3', 3),
]

BAD = [
    ('enforce', 'maybe'), ('enforce', ''),
    ('action', 'bounce'), ('action', 'default'), ('action', 'accept'),
    ('new-tenant-smtp-auth', 'inherit'), ('unknown-tenant', 'deny'),
    ('unknown-tenant', 'report'), ('login-domain', 'drop'), ('invalid-login', 'report'),
    ('default-domain', 'a..b'), ('default-domain', 'a@b.test'),
    ('default-domain', 'x' * 64 + '.test'),
    ('login-separators', '\\'), ('login-separators', '%\\'),
    ('exempt-clients', 'nonsense'), ('exempt-clients', '192.0.2.0/33'),
    ('exempt-clients', '192.0.2.1/24'), ('exempt-clients', '2001:db8::1/32'),
    ('exempt-clients', '2001:db8::/129'),
    ('exempt-clients', '192.0.2.0/24,nonsense'),
    ('reply-style', 'fancy'), ('help-url', 'https://help.test/\nx'),
    ('usage-retention', 'ninety'), ('usage-retention', '-1'),
    ('usage-retention', '9d'), ('usage-retention', ''),
    ('usage-retention', '99999999999999999999'),
    ('usage-nodes', '1.5'), ('usage-nodes', 'x'),
]


def plain(value):
    """Lists in order, and an empty one like an unset one."""
    return sorted(value) if isinstance(value, list) and value else (
        None if value == [] else value)


class Settings(harness.Case):

    def show(self):
        return {k: plain(v) for k, v in self.json('settings show').items()}

    def test_defaults(self):
        self.assertEqual(self.show(), DEFAULTS)

    def test_table_names_every_key(self):
        out = self.ctl('settings show').out
        for key in DEFAULTS:
            self.assertIn(key.replace('_', '-'), out)

    def test_set_and_unset(self):
        empty = self.digest()
        for key, value, shown in GOOD:
            with self.subTest(key=key, value=value):
                name = key.replace('-', '_')
                self.ctl('settings', 'set', key, value)
                self.assertEqual(self.show(), {**DEFAULTS, name: shown})
                changed = self.digest()
                self.assertNotEqual(changed, empty)
                self.ctl('settings', 'set', key, value)
                self.assertEqual(self.digest(), changed, 'set twice')
                self.ctl('settings', 'unset', key, '--force')
                self.assertEqual(self.show(), DEFAULTS)
                self.assertEqual(self.digest(), empty)

    def test_set_keeps_the_other_keys(self):
        expected = dict(DEFAULTS)
        for key, value, shown in GOOD:
            self.ctl('settings', 'set', key, value)
            expected[key.replace('-', '_')] = shown
        self.assertEqual(self.show(), expected)

    def test_bad_values(self):
        for key, value in BAD:
            with self.subTest(key=key, value=value):
                self.refused(['settings', 'set', key, value],
                             (64, 65) if value[:1] == '-' else 65)
        self.assertEqual(self.show(), DEFAULTS)

    def test_bad_value_is_named(self):
        self.refused('settings set action bounce', 65, 'bounce')
        self.refused('settings set usage-nodes 1.5', 65, '1.5')
        self.refused('settings set exempt-clients 192.0.2.0/24,nonsense',
                     65, 'nonsense')
        self.refused('settings set default-domain a..b', 65, 'a..b')

    def test_invalid_utf8_is_refused(self):
        for key in ('reply-tenant', 'help-url', 'default-domain'):
            with self.subTest(key=key):
                self.refused(['settings', 'set', key, b'caf\xe9'], 65)

    def test_unknown_key(self):
        for command in ('set colour blue', 'unset colour',
                        'add colour blue', 'remove colour blue'):
            with self.subTest(command=command):
                self.refused('settings ' + command, (64, 65), 'colour')

    def test_key_is_spelt_with_hyphens(self):
        self.refused('settings set unknown_tenant reject', (64, 65),
                     'unknown_tenant')


class Replies(harness.Case):
    """Own texts: what will not be seen as it is written is said, and taken."""

    def test_what_is_said(self):
        self.ctl('tenant add acme --domain acme.test')
        for text, said in (
                ('Ask {tenant} {mailbox} {client} {url} {id}', []),
                ('Ask {foo}', ['{foo} is no field', '{tenant}, {mailbox}']),
                ('f\u00fcr acme', ['ASCII', '"?"']),
                ('f\u00fcr {Tenant}', ['{Tenant} is no field', 'ASCII'])):
            for command, name in ((['settings', 'set', 'reply-tenant', text],
                                   'reply-tenant'),
                                  (['settings', 'set', 'reply-mailbox', text],
                                   'reply-mailbox'),
                                  (['tenant', 'set', 'acme', '--reply', text],
                                   '--reply')):
                with self.subTest(command=command):
                    err = self.ctl(*command).err
                    for word in said:
                        self.assertIn(word, err)
                    self.assertEqual(err.count('warning: %s: ' % name),
                                     ('ASCII' in said or 'ASCII' in said[1:])
                                     + ('no field' in ' '.join(said)))
            self.assertEqual(self.json('settings show')['reply_tenant'], text)
            self.assertEqual(self.json('tenant show acme')['reply'], text)


class Lists(harness.Case):

    def clients(self):
        return plain(self.json('settings show')['exempt_clients'])

    def test_add_and_remove(self):
        empty = self.digest()
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        one = self.digest()
        self.ctl('settings add exempt-clients 2001:DB8::/32')
        self.assertEqual(self.clients(), ['192.0.2.0/24', '2001:db8::/32'])
        self.ctl('settings remove exempt-clients 2001:db8:0::/32')
        self.assertEqual(self.clients(), ['192.0.2.0/24'])
        self.assertEqual(self.digest(), one)
        self.ctl('settings remove exempt-clients 192.0.2.0/24')
        self.assertIsNone(self.clients())
        self.assertEqual(self.digest(), empty)

    def test_order_does_not_matter_to_the_digest(self):
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        self.ctl('settings add exempt-clients 198.51.100.0/24')
        digest = self.digest()
        self.ctl('settings unset exempt-clients')
        self.ctl('settings add exempt-clients 198.51.100.0/24')
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        self.assertEqual(self.digest(), digest)

    def test_add_twice(self):
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        digest = self.digest()
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        self.assertEqual(self.clients(), ['192.0.2.0/24'])
        self.assertEqual(self.digest(), digest)

    def test_listeners(self):
        self.ctl('settings add exempt-listeners webmail')
        self.ctl('settings add exempt-listeners msa')
        self.ctl('settings remove exempt-listeners webmail')
        self.assertEqual(
            self.json('settings show')['exempt_listeners'], ['msa'])

    def test_the_case_of_a_listener_does_not_count(self):
        self.ctl('tenant add acme --domain acme.test')
        self.ctl('settings set exempt-listeners MSA,WebMail,WEBMAIL,Z')
        self.assertIn('exempt-listener', self.ctl(
            'check u@acme.test --listener webmail').out)
        self.ctl('settings remove exempt-listeners webmail')
        self.assertEqual(
            self.json('settings show')['exempt_listeners'], ['MSA', 'Z'])
        self.assertIn('tenant-disabled', self.ctl(
            'check u@acme.test --listener webmail', rc=11).out)

    def test_remove_what_is_not_in_the_list(self):
        self.ctl('settings add exempt-clients 192.0.2.0/24')
        self.refused('settings remove exempt-clients 198.51.100.0/24', 1,
                     '198.51.100.0/24')

    def test_bad_item(self):
        for item in ('nonsense', '192.0.2.1/24', '192.0.2.0/33', ''):
            with self.subTest(item=item):
                self.refused(['settings', 'add', 'exempt-clients', item], 65,
                             item)

    def test_add_and_remove_are_for_lists(self):
        for verb in ('add', 'remove'):
            with self.subTest(verb=verb):
                self.refused('settings %s action reject' % verb, (64, 65),
                             'action')

    def test_loopback_warns(self):
        for command in ('set exempt-clients 127.0.0.0/8 --force',
                        'set exempt-clients 192.0.2.0/24,::1',
                        'add exempt-clients 127.0.0.1',
                        'add exempt-clients 127.0.1.1',
                        'set exempt-clients 0.0.0.0/0 --force'):
            with self.subTest(command=command):
                self.ctl('settings unset exempt-clients')
                self.assertIn('loopback',
                              self.ctl('settings ' + command).err.lower())
                self.assertTrue(self.clients())

    def test_no_warning_without_loopback(self):
        self.assertEqual(
            self.ctl('settings set exempt-clients 192.0.2.0/24').err, '')


if __name__ == '__main__':
    harness.main()
