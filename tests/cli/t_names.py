#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mailbox rename, tenant rename, mailbox prune, and what mailbox list selects."""

import os
import subprocess
import time

import harness
from mta import Mta

OLD, NEW = 'jane@a.test', 'jane.doe@a.test'


class Names(harness.Case):
    """Tenant acme with a mailbox that has everything, and tenant beta."""

    given = (*harness.Case.given,
             'tenant add acme --domain a.test --domain c.test '
             '--smtp-auth disabled --contact it@acme.test --note big',
             'tenant add beta --domain b.test --smtp-auth enabled',
             'mailbox set %s --smtp-auth enabled --until 2099-01-01T00:00:00Z '
             '--clients 192.0.2.0/24 --note printer' % OLD,
             'mailbox alias add %s short' % OLD,
             'mailbox alias add %s jd@c.test' % OLD)

    def mailbox(self, address):
        return self.json('mailbox', 'show', address)

    def aliases(self, address):
        return {o['login']
                for o in self.jsonl('mailbox', 'alias', 'list', address)}

    def commands_of(self, name):
        return [e['command'] for e in self.jsonl('audit', 'list', '--object',
                                                 name)]

    def verdict(self, login, *options):
        return self.json('check', login, '--client', '192.0.2.1', *options,
                         rc=(0, 10, 11))['verdict']

    def use(self, login):
        now = int(time.time())
        subprocess.run([harness.USAGE_FILL, self.dir], check=True, input=(
            'node since=%d until=%d\n%s %d allowed 3 192.0.2.1 PLAIN\n'
            % (now - 100 * 86400, now, login, now - 60)).encode())


class Mailbox(Names):

    def test_everything_follows(self):
        before = self.mailbox(OLD)
        result = self.ctl('mailbox', 'rename', 'Jane@A.test', 'Jane.Doe@A.test',
                          '--actor', 'eve')
        self.assertEqual(result.err, '')
        self.assertIn('2 aliases followed', result.out)
        self.assertIn('mailbox alias add %s %s' % (NEW, OLD), result.out)
        self.assertEqual(self.mailbox(NEW), {**before, 'address': NEW})
        self.refused(['mailbox', 'show', OLD], 1, 'no setting')
        self.assertEqual(self.aliases(NEW), {'short', 'jd@c.test'})
        self.assertEqual(self.aliases(OLD), set())
        for login in NEW, 'short', 'jd@c.test':
            self.assertEqual(self.verdict(login), 'allow', login)
        self.assertEqual(self.verdict(OLD), 'reject')
        self.ctl('mailbox', 'alias', 'add', NEW, OLD)
        self.assertEqual(self.verdict(OLD), 'allow')
        self.ctl('verify')
        self.ctl('audit verify')

    def test_audit_finds_it_by_both_names(self):
        self.ctl('mailbox', 'rename', OLD, NEW, '--actor', 'eve')
        for name in OLD, NEW, 'short':
            self.assertEqual(self.commands_of(name)[-1], 'mailbox rename')
        last = self.status()['audit_count']
        entries = self.jsonl('audit list --command "mailbox rename"')
        self.assertEqual({e['actor'] for e in entries}, {'eve'})
        self.ctl('audit undo %d-%d' % (entries[0]['number'], last))
        self.assertEqual(self.aliases(OLD), {'short', 'jd@c.test'})
        self.assertEqual(self.mailbox(OLD)['note'], 'printer')

    def test_json(self):
        self.assertEqual(self.json('mailbox', 'rename', OLD, NEW),
                         self.mailbox(NEW))

    def test_to_another_domain_of_the_tenant(self):
        self.ctl('mailbox', 'rename', OLD, 'jane@c.test')
        self.assertEqual(self.aliases('jane@c.test'), {'short', 'jd@c.test'})
        self.ctl('verify')

    def test_aliases_alone_follow(self):
        self.ctl('mailbox remove ' + OLD)
        self.ctl('mailbox', 'rename', OLD, NEW)
        self.assertEqual(self.aliases(NEW), {'short', 'jd@c.test'})
        self.refused(['mailbox', 'show', NEW], 1)

    def test_to_one_of_its_aliases(self):
        self.ctl('mailbox', 'rename', OLD, 'jd@c.test')
        self.assertEqual(self.mailbox('jd@c.test')['note'], 'printer')
        self.assertEqual(self.aliases('jd@c.test'), {'short'})
        self.ctl('verify')

    def test_there_and_back(self):
        before, text = self.digest(), self.ctl('export').out
        self.ctl('mailbox', 'rename', OLD, NEW)
        self.ctl('mailbox', 'rename', NEW, OLD)
        self.assertEqual((self.digest(), self.ctl('export').out),
                         (before, text))

    def test_refused(self):
        self.ctl('mailbox set taken@a.test --smtp-auth disabled')
        self.ctl('mailbox alias add taken@a.test other@a.test')
        self.ctl('mailbox alias add noset@a.test third@a.test')
        for old, new, rc, *words in (
                (OLD, 'taken@a.test', 65, 'taken@a.test', 'already',
                 'mailbox remove'),
                (OLD, 'other@a.test', 65, 'alias of mailbox taken@a.test',
                 'alias remove'),
                (OLD, 'noset@a.test', 65, 'has aliases', 'alias list'),
                (OLD, 'jane@b.test', 65, 'acme', 'beta'),
                (OLD, 'jane@nobody.test', 65, 'no tenant', 'domain add'),
                (OLD, 'JANE@a.test', 65, OLD),
                (OLD, 'jane', 65, '"jane"'),
                (OLD, '', 65), (OLD, 'a b@@a.test', 65),
                (OLD, 'x' * 321 + '@a.test', 65),
                ('nobody@a.test', NEW, 1, 'nobody@a.test'),
                ('short', NEW, 65, 'short'),
                ('jd@c.test', NEW, 65, 'login alias of mailbox ' + OLD)):
            self.refused(['mailbox', 'rename', old, new], rc, *words)
        self.refused(['mailbox', 'rename', OLD], 64, 'mailbox rename')

    def locks(self):
        return {o['subject']: o for o in self.jsonl('locks')}

    def test_a_lock_stays(self):
        """It is of the login, whoever has it; and the mailbox stays locked."""
        self.ctl('lock', OLD, '--note', 'stolen', '--actor', 'eve')
        result = self.ctl('mailbox', 'rename', OLD, NEW)
        self.assertIn('the lock of %s stays' % OLD, result.err)
        self.assertIn('mailbox %s is locked now' % NEW, result.err)
        for login in OLD, NEW, 'short', 'jd@c.test':
            self.assertEqual(
                self.json('check', login, rc=11)['reason'], 'locked', login)
        locks = self.locks()
        self.assertEqual(locks[NEW], {**locks[OLD], 'subject': NEW})
        self.ctl('unlock', NEW)
        self.assertEqual(self.verdict(NEW), 'allow')
        self.assertEqual(self.json('check', OLD, rc=11)['reason'], 'locked')
        self.ctl('verify')

    def test_a_lock_that_ends_earlier(self):
        """What ends last counts."""
        self.ctl('lock ' + OLD)
        self.ctl('lock', NEW, '--until', '+1h', '--note', 'short')
        self.ctl('mailbox', 'rename', OLD, NEW)
        self.assertIsNone(self.locks()[NEW]['until'])
        self.ctl('unlock', OLD)
        self.ctl('lock', OLD)
        self.ctl('lock', NEW, '--until', '+1h', '--note', 'short')
        self.ctl('mailbox', 'rename', NEW, OLD)
        self.ctl('lock', OLD, '--until', '+30m')
        self.ctl('lock', NEW, '--until', '+1h', '--note', 'long')
        result = self.ctl('mailbox', 'rename', OLD, NEW)
        self.assertEqual(self.locks()[NEW]['note'], 'long')
        self.assertNotIn('is locked now', result.err)

    def test_a_lock_under_another_name(self):
        self.ctl('settings set default-domain a.test')
        self.ctl('settings unset default-domain')
        self.ctl('import', '-', stdin='{"type":"lock","login":"jane"}\n')
        self.ctl('settings set default-domain a.test')
        self.assertEqual(self.json('check', OLD, rc=11)['reason'], 'locked')
        self.ctl('mailbox', 'rename', OLD, NEW)
        self.assertEqual(self.json('check', NEW, rc=11)['reason'], 'locked')

    def test_a_lock_that_has_ended(self):
        self.ctl('import', '-', stdin='{"type":"lock","login":"%s",'
                 '"until":"2026-01-01T00:00:00Z"}\n' % OLD)
        self.assertNotIn('is locked now',
                         self.ctl('mailbox', 'rename', OLD, NEW).err)
        self.assertNotIn(NEW, self.locks())

    def test_the_new_name_is_locked(self):
        self.ctl('lock', NEW)
        self.ctl('mailbox', 'rename', OLD, NEW)
        self.assertEqual(self.json('check', NEW, rc=11)['reason'], 'locked')

    def test_a_blocked_login_is_told(self):
        self.ctl('mailbox set x@b.test --smtp-auth disabled')
        result = self.ctl('mailbox rename x@b.test y@b.test')
        self.assertIn('x@b.test was blocked by this setting', result.err)
        self.assertEqual(self.verdict('y@b.test'), 'reject')
        self.assertEqual(self.verdict('x@b.test'), 'allow')
        self.ctl('mailbox set u@a.test --smtp-auth disabled')
        self.assertNotIn('was blocked', self.ctl(
            'mailbox rename u@a.test v@a.test').err)

    def test_a_blocked_login_of_a_tenant_that_does_not_deny_all(self):
        for options, told in (('--action report', True), ('--blocks passwords', True),
                              ('--enforce-from +3d', True),
                              ('--enforce-from today', False)):
            self.ctl('tenant set acme --smtp-auth disabled --action default'
                     ' --blocks all --enforce-from none')
            self.ctl('tenant set acme ' + options)
            self.ctl('mailbox set x@a.test --smtp-auth disabled')
            said = self.ctl('mailbox rename x@a.test y@a.test').err
            self.assertEqual('x@a.test was blocked by this setting, and may pass now'
                             in said, told, options)
            self.ctl('mailbox remove y@a.test')

    def test_what_overrules_is_said(self):
        self.ctl('mailbox set x@b.test --smtp-auth disabled')
        self.ctl('settings set enforce no')
        self.assertIn('overruled at present', self.ctl(
            'mailbox rename x@b.test y@b.test').err)

    def test_tenant_of_all_others(self):
        self.ctl('tenant add any --domain * --smtp-auth enabled')
        self.ctl('mailbox set x@one.test --smtp-auth disabled')
        self.ctl('mailbox alias add x@one.test xx')
        self.ctl('mailbox rename x@one.test y@two.test')
        self.assertEqual(self.aliases('y@two.test'), {'xx'})
        self.refused('mailbox rename y@two.test y@a.test', 65, 'any', 'acme')
        self.ctl('verify')


class Tenant(Names):

    def test_everything_follows(self):
        self.use(OLD)
        self.ctl('tenant set acme --action tempfail --reply "Ask {tenant}"')
        before = self.json('tenant show acme')
        rows = self.jsonl('usage list --tenant acme')
        self.assertEqual(rows[0]['mailbox'], OLD)
        self.assertEqual(self.json('tenant rename ACME Gamma --actor eve'),
                         {**before, 'name': 'gamma'})
        self.refused('tenant show acme', 1, 'acme')
        self.assertEqual(self.json('tenant show gamma'),
                         {**before, 'name': 'gamma'})
        self.assertEqual(self.mailbox(OLD)['tenant'], 'gamma')
        self.assertEqual(
            [o['address'] for o in self.jsonl('mailbox list --tenant gamma')],
            [OLD])
        self.assertEqual(self.aliases(OLD), {'short', 'jd@c.test'})
        self.assertEqual(self.json('check jd@c.test', rc=10)['tenant'], 'gamma')
        self.assertEqual(self.jsonl('usage list --tenant gamma'),
                         [{**row, 'tenant': 'gamma'} for row in rows])
        found = {o['tenant']: o for o in self.jsonl('usage tenants')}
        self.assertNotIn('acme', found)
        self.assertEqual(found['gamma']['submissions'], 3)
        self.ctl('verify')
        self.ctl('audit verify')

    def test_audit_finds_it_by_both_names(self):
        first = self.status()['audit_count'] + 1
        before, text = self.digest(), self.ctl('export').out
        self.ctl('tenant rename acme gamma')
        for name in 'acme', 'gamma':
            self.assertEqual(self.commands_of(name)[-1], 'tenant rename')
            self.assertIn('tenant rename', {
                e['command'] for e in self.jsonl('audit', 'list', '--tenant',
                                                 name)})
        self.ctl('audit undo %d-%d --force'
                 % (first, self.status()['audit_count']))
        self.assertEqual((self.digest(), self.ctl('export').out),
                         (before, text))

    def test_lock_follows(self):
        self.ctl('tenant lock acme --note incident --actor eve')
        lock, = self.jsonl('locks')
        self.ctl('tenant rename acme gamma')
        self.assertEqual(self.jsonl('locks'), [
            {**lock, 'subject': 'gamma', 'tenant': 'gamma'}])
        self.assertEqual(self.json('check', OLD, rc=11)['reason'], 'locked')
        self.ctl('tenant unlock gamma')
        self.assertEqual(self.jsonl('locks'), [])
        self.ctl('verify')

    def test_brought_lock_follows(self):
        self.ctl('import', '-', stdin='{"type":"lock","tenant":"acme"}\n')
        lock, = self.jsonl('locks')
        self.assertEqual(lock['origin'], 'brought')
        self.ctl('tenant rename acme gamma')
        self.assertEqual(self.jsonl('locks'), [
            {**lock, 'subject': 'gamma', 'tenant': 'gamma'}])
        self.ctl('verify')

    def test_a_lock_that_waits_under_the_new_name(self):
        for first, second, until in (('+2h', '+1h', '+2h'),
                                     ('+1h', '+2h', '+2h')):
            with self.subTest(first=first):
                self.ctl('tenant add gone --smtp-auth enabled')
                self.ctl('tenant', 'lock', 'gone', '--until', first)
                longest = self.jsonl('locks')
                self.ctl('tenant remove gone --force')
                self.ctl('tenant', 'lock', 'acme', '--until', second)
                longest = max(longest + self.jsonl('locks'),
                              key=lambda lock: lock['until'])
                result = self.ctl('tenant rename acme gone')
                self.assertIn('former tenant', result.err)
                lock, = self.jsonl('locks')
                self.assertEqual((lock['subject'], lock['until']),
                                 ('gone', longest['until']))
                self.ctl('tenant rename gone acme')
                self.ctl('tenant unlock acme')

    def test_notice_follows(self):
        """Whoever was told is not told again."""
        template = self.tmp + '/template'
        with open(template, 'w') as f:
            f.write('Subject: x\nFrom: a@provider.test\n\n'
                    '{tenant} {enforce-from}\n')
        self.ctl('tenant set acme --enforce-from 2099-01-01')
        sendmail = self.tmp + '/sendmail'
        with open(sendmail, 'w') as f:
            f.write('#!/bin/sh\ncat >/dev/null\n')
        os.chmod(sendmail, 0o755)
        self.ctl('rollout', 'notify', '--template', template, '--sendmail',
                 sendmail)
        told = self.jsonl('rollout status --tenant acme')[0]
        self.ctl('tenant rename acme gamma')
        self.assertEqual(self.jsonl('rollout status --tenant gamma')[0],
                         {**told, 'tenant': 'gamma'})
        self.assertIsNotNone(told['notice'])

    def test_tenant_of_all_others(self):
        self.ctl('tenant add any --domain * --smtp-auth enabled')
        self.ctl('tenant rename any rest')
        self.assertEqual(self.json('check x@nobody.test')['tenant'], 'rest')
        self.ctl('verify')

    def test_refused(self):
        for old, new, rc, *words in (
                ('acme', 'beta', 65, 'beta exists already'),
                ('acme', 'ACME', 65, 'both names'),
                ('acme', '', 65), ('acme', '-x', 65), ('acme', 'a b', 65),
                ('acme', 'x' * 64, 65), ('nobody', 'gamma', 1, 'nobody')):
            self.refused(['tenant', 'rename', '--', old, new], rc, *words)
        self.refused('tenant rename acme', 64, 'tenant rename')
        self.ctl('tenant', 'rename', 'acme', 'x' * 63)

    def test_decisions_stay(self):
        logins = OLD, NEW, 'short', 'jd@c.test', 'x@b.test', 'x@nobody.test'
        before = [self.verdict(login) for login in logins]
        self.ctl('tenant rename acme gamma')
        self.ctl('tenant rename beta acme')
        self.assertEqual([self.verdict(login) for login in logins], before)


class Daemon(Names):

    def test_next_mail_of_an_open_session(self):
        self.ctl('mailbox set %s --clients none' % OLD)
        with harness.Daemon(self) as daemon:
            daemon.wait_log('policy database verified')
            with Mta(daemon) as mta:
                self.assertEqual(mta.mail(OLD), 'a')
                self.assertNotEqual(mta.mail(NEW), 'a')
                self.ctl('mailbox', 'rename', OLD, NEW)
                self.assertEqual(mta.mail(NEW), 'a')
                self.assertNotEqual(mta.mail(OLD), 'a')
                self.ctl('tenant rename acme gamma')
                self.assertEqual(mta.mail(NEW), 'a')
                self.assertNotEqual(mta.mail(OLD), 'a')
                self.ctl('tenant lock gamma')
                self.assertIn('locked', mta.mail(NEW))
                self.ctl('tenant rename gamma delta')
                self.assertIn('locked', mta.mail(NEW))


class Prune(Names):

    def setUp(self):
        super().setUp()
        rows = ('old@a.test,enabled,2026-01-01T00:00:00Z,,gone\n'
                'block@b.test,disabled,2026-02-01T00:00:00Z,,\n'
                'ends@a.test,enabled,2026-03-01T00:00:00Z,,\n'
                'later@a.test,enabled,2099-01-01T00:00:00Z,,\n'
                'plain@a.test,enabled,,,\n')
        self.ctl('import', '-', stdin='address,smtp_auth,until,clients,note\n'
                 + rows)
        self.ctl('mailbox alias add old@a.test o')

    def addresses(self, *options):
        return [o['address'] for o in self.jsonl('mailbox', 'list', *options)]

    def test_prune(self):
        logins = ['old@a.test', 'o', 'block@b.test', 'ends@a.test',
                  'later@a.test', 'plain@a.test', OLD]
        before = [self.verdict(login) for login in logins]
        result = self.ctl('mailbox prune --expired-before 2026-02-15T00:00:00Z '
                          '--actor cron')
        self.assertIn('2 mailbox settings removed', result.lines[-1])
        self.assertIn('old@a.test', result.out)
        self.assertEqual(self.addresses('--expired'), ['ends@a.test'])
        self.assertEqual([self.verdict(login) for login in logins], before)
        self.assertEqual(self.aliases('old@a.test'), {'o'})
        last = self.jsonl('audit list --object old@a.test')[-1]
        self.assertEqual((last['command'], last['actor'],
                          last['before']['note'], last['after']),
                         ('mailbox prune', 'cron', 'gone', None))
        self.ctl('verify')
        self.ctl('audit verify')

    def test_the_end_itself(self):
        """What ended at that very time had ended; a second earlier it had not."""
        for when, count in (('2025-12-31T23:59:59Z', 0),
                            ('2026-01-01T00:00:00Z', 1), ('2026-02-01', 1),
                            ('7d', 1)):
            found = self.jsonl('mailbox', 'prune', '--expired-before', when)
            self.assertEqual(found[-1], {'removed': count}, when)
        self.assertEqual(self.addresses('--expired'), [])
        self.assertEqual(set(self.addresses()),
                         {OLD, 'later@a.test', 'plain@a.test'})

    def test_tenant(self):
        self.ctl('mailbox prune --expired-before 0m --tenant beta')
        self.assertEqual(self.addresses('--expired'),
                         ['ends@a.test', 'old@a.test'])
        self.refused('mailbox prune --expired-before 0m --tenant no', 1, 'no')

    def test_dry_run(self):
        before = self.status()
        result = self.ctl('mailbox prune --expired-before 0m --dry-run')
        self.assertEqual(result.lines[-1],
                         '3 mailbox settings would be removed')
        found = self.jsonl('mailbox prune --expired-before 0m --dry-run')
        self.assertEqual([o.get('address') for o in found],
                         ['ends@a.test', 'old@a.test', 'block@b.test', None])
        self.assertEqual(self.status(), before)
        self.ctl('mailbox prune --expired-before 0m')
        self.assertEqual(
            self.ctl('mailbox prune --expired-before 0m').out,
            '0 mailbox settings removed\n')

    def test_a_lock_stays(self):
        self.ctl('lock old@a.test')
        self.ctl('mailbox prune --expired-before 0m')
        self.assertEqual(self.json('check old@a.test', rc=11)['reason'],
                         'locked')

    def test_undo(self):
        text = self.ctl('export').out
        first = self.status()['audit_count'] + 1
        self.ctl('mailbox prune --expired-before 0m')
        self.ctl('audit undo %d-%d' % (first, self.status()['audit_count']))
        self.assertEqual(self.ctl('export').out, text)

    def test_refused(self):
        self.refused('mailbox prune', 64, '--expired-before')
        for bad in '2099-01-01', 'tomorrow', 'soon', '', 'none', '+1x':
            self.refused(['mailbox', 'prune', '--expired-before', bad], 65,
                         '--expired-before')

    def test_many(self):
        self.ctl('import', '-', stdin='address,smtp_auth,until\n' + ''.join(
            'm%d@a.test,enabled,2026-01-01\n' % i for i in range(5000)))
        self.assertEqual(self.jsonl('mailbox prune --expired-before 0m')[-1],
                         {'removed': 5003})
        self.ctl('verify')


class List(Names):

    def addresses(self, *options):
        return [o['address'] for o in self.jsonl('mailbox', 'list', *options)]

    def match(self, pattern, *options):
        return self.addresses('--match', pattern, *options)

    def setUp(self):
        super().setUp()
        self.ctl('domain add acme m\u00fcnchen.test')
        for address in 'john@b.test', 'j\u00f6rg@b.test', \
                'x@m\u00fcnchen.test', 'a.b+c@a.test':
            self.ctl('mailbox', 'set', address, '--smtp-auth', 'disabled')
        self.ctl('lock locked@b.test')

    def test_match(self):
        for pattern, expected in (
                ('*@a.test', [OLD, 'a.b+c@a.test']),
                ('*@A.TEST', [OLD, 'a.b+c@a.test']),
                ('J*', [OLD, 'john@b.test', 'j\u00f6rg@b.test']),
                ('j?rg@*', ['j\u00f6rg@b.test']),
                ('J\u00d6RG*', ['j\u00f6rg@b.test']),
                ('jo\u0308rg@b.test', ['j\u00f6rg@b.test']),
                ('*@m\u00fcnchen.test', ['x@xn--mnchen-3ya.test']),
                ('*@M\u00dcnchen.*', ['x@xn--mnchen-3ya.test']),
                ('*n*@?.test', [OLD, 'john@b.test']),
                ('???n@b.test', ['john@b.test']),
                ('jane', []), ('*jane', []), ('jane*', [OLD]),
                ('a.b+c@a.test', ['a.b+c@a.test']), ('a?b*', ['a.b+c@a.test']),
                ('[j]*', []), ('\\j*', []), ('*@nobody.test', []),
                ('locked*', ['locked@b.test'])):
            with self.subTest(pattern=pattern):
                self.assertEqual(sorted(self.match(pattern)), sorted(expected))
        self.assertEqual(len(self.match('*')), 6)
        self.assertEqual(len(self.match('**?*@*')), 6)

    def test_with_others(self):
        self.assertEqual(self.match('j*', '--tenant', 'beta'),
                         ['john@b.test', 'j\u00f6rg@b.test'])
        self.assertEqual(self.match('j*', '--smtp-auth', 'enabled'), [OLD])
        self.assertEqual(self.match('*', '--tenant', 'acme', '--smtp-auth',
                                    'disabled', '--expired'), [])

    def test_bad_pattern(self):
        for bad in '', b'\xff*', 'x' * 321, '*@' + 'x' * 320:
            self.refused(['mailbox', 'list', '--match', bad], 65, '--match')
        self.assertEqual(self.match('x' * 320), [])
        self.ctl('mailbox list --match', rc=64)

    def test_expired(self):
        self.ctl('import', '-', stdin=(
            'address,smtp_auth,until\nold@b.test,enabled,2026-01-01\n'
            'new@b.test,enabled,2099-01-01\n'))
        self.assertEqual(self.addresses('--expired'), ['old@b.test'])
        self.assertIn('(expired)', self.ctl('mailbox list --expired').out)
        self.assertEqual(self.addresses('--expired', '--tenant', 'acme'), [])
        self.assertIn('old@b.test', self.addresses('--expiring-within', '7d'))
        self.refused('mailbox list --expired --expiring-within 7d', 64,
                     '--expired')


if __name__ == '__main__':
    harness.main()
