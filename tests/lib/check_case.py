# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl check on two tenants."""

import harness

STATUS = {'allow': 0, 'report': 0, 'tempfail': 10, 'reject': 11}


class Check(harness.Case):

    def setUp(self):
        super().setUp()
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')
        self.ctl('tenant add open --domain open.test --smtp-auth enabled')

    def check(self, login, *options):
        """The object printed; the status is asserted to fit the verdict."""
        answer = self.json('check', login, *options, rc=(0, 10, 11))
        expected = STATUS[answer['verdict']]
        self.ctl('check', login, *options, rc=expected)
        if answer['verdict'] == 'allow':
            self.assertIsNone(answer['reply'])
        elif answer['verdict'] != 'report':
            self.assertEqual(answer['reply'][0], '45'[expected - 10])
            self.assertEqual(answer['reply'][4], '45'[expected - 10])
        return answer

    def decides(self, login, options, verdict, reason):
        answer = self.check(login, *options.split())
        self.assertEqual((answer['verdict'], answer['reason']),
                         (verdict, reason), answer)
        return answer

    def mailbox(self, login, *options):
        return self.check(login, *options)['mailbox']

    def setting(self, key, value):
        self.ctl('settings', 'set', key, value)
