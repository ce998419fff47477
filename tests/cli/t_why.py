#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl why: a decision by its id, with the policy of then and of now."""

import datetime
import json
import os
import re

import harness
import mta

ID = '458bhpx12b'
LOGIN = 'alice@acme.test'


def stamp(seconds=0):
    """The time so many seconds from now, as a log has it."""
    when = datetime.datetime.now(datetime.timezone.utc)
    when += datetime.timedelta(seconds=seconds)
    return when.strftime('%Y-%m-%dT%H:%M:%SZ')


class Why(harness.Case):
    given = ('init', 'tenant add acme --domain acme.test')

    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.tmp, 'log')
        self.bin = os.path.join(self.tmp, 'bin')
        os.mkdir(self.bin)
        self.path = {'PATH': self.bin + ':' + os.environ['PATH']}
        self.program_is('journalctl', 'exit 1')

    def program_is(self, name, text):
        path = os.path.join(self.bin, name)
        with open(path, 'w') as f:
            f.write('#!/bin/sh\n%s\n' % text)
        os.chmod(path, 0o755)

    def line(self, login=LOGIN, verdict='reject', reason='tenant-disabled', when=0,
             mailbox=None, head='%s mx smtpauth-milter[865]: '):
        """A line of the daemon's, the last of the log."""
        text = (head % stamp(when) if '%' in head else head) + (
            'id=%s verdict=%s reason=%s login=%s mailbox=%s tenant=acme '
            'client=192.0.2.7 mech=PLAIN listener=MSA sender=s@a.test\n' % (
                ID, verdict, reason, login, login if mailbox is None else mailbox))
        with open(self.log, 'a') as f:
            f.write(text)
        return text

    def why(self, *options, **run):
        return self.json('why', ID, '--log', self.log, *options, **run)

    def test_at_auth(self):
        """A line of smtpauth-authd, which has a door and no sender."""
        self.ctl('tenant set acme --smtp-auth disabled')
        for head in '%s mx smtpauth-authd[8]: ', 'smtpauth-authd: ':
            with self.subTest(head=head):
                text = self.line(head=head)
                with open(self.log, 'w') as f:
                    f.write(text.replace('sender=s@a.test',
                                         'door=auth answer=refuse'))
                got = self.why()
                self.assertEqual(got['door'], 'auth')
                self.assertEqual(got['login'], LOGIN)
                self.assertEqual(got['reason'], 'tenant-disabled')
        with open(self.log, 'w') as f:
            f.write('smtpauth-auth: id=%s verdict=allow\n' % ID)
        self.refused(['why', ID, '--log', self.log], 1, 'no decision')

    def later(self):
        """Waits until the second is over: what changes now has another time."""
        now = stamp()
        harness.wait_for(lambda: stamp() != now)

    def test_the_daemon(self):
        """A refusal, explained by the id of its reply: before and after changes."""
        for log in ('json', 'stderr'):
            with self.subTest(log=log):
                with harness.Daemon(self, log=log) as daemon:
                    with mta.Mta(daemon) as m:
                        reply = m.mail(LOGIN)
                    found = re.search(r'\[(\w+)\]', reply)[1]
                    daemon.wait_log('id=%s|"id":"%s"' % (found, found))
                self.later()
                self.ctl('mailbox set %s --smtp-auth enabled --actor webmin' % LOGIN)
                got = self.json('why', found, '--log', daemon.logfile)
                self.ctl('mailbox remove ' + LOGIN)
                self.assertEqual(got['verdict'], 'reject')
                self.assertEqual(got['reason'], 'tenant-disabled')
                self.assertEqual(got['login'], LOGIN)
                self.assertEqual(got['tenant'], 'acme')
                self.assertEqual(got['client'], '192.0.2.1')
                self.assertEqual(got['mechanism'], 'PLAIN')
                self.assertEqual(got['sender'], 's@a.test')
                self.assertEqual(got['now']['reason'], 'mailbox-enabled')
                if log == 'json':    # its line has the time
                    self.assertIsNone(got['doubt'])
                else:
                    self.assertIn('no time', got['doubt'])
                self.assertEqual(got['then']['reason'], 'tenant-disabled')
                change, = got['changes']
                self.assertEqual(change['object'], LOGIN)
                self.assertEqual(change['actor'], 'webmin')
                self.assertIsNone(change['before'])
                self.assertEqual(change['after']['smtp_auth'], 'enabled')

    def test_each_kind_of_record(self):
        """What decided then is shown, whatever kind of record has changed since."""
        self.ctl('mailbox alias add %s al' % LOGIN)
        self.ctl('tenant add open --smtp-auth enabled --domain open.test')
        for command, undo, login, reason, kind in (
                ('tenant set acme --smtp-auth enabled',
                 'tenant set acme --smtp-auth disabled', LOGIN,
                 ('reject', 'tenant-disabled'), 'tenant'),
                ('mailbox set %s --smtp-auth enabled' % LOGIN,
                 'mailbox remove ' + LOGIN, LOGIN, ('reject', 'tenant-disabled'),
                 'mailbox'),
                ('settings set enforce no', 'settings unset enforce', LOGIN,
                 ('reject', 'tenant-disabled'), 'setting'),
                ('settings set exempt-clients 192.0.2.7',
                 'settings unset exempt-clients', LOGIN,
                 ('reject', 'tenant-disabled'), 'setting'),
                ('lock bob@open.test', 'unlock bob@open.test', 'bob@open.test',
                 ('allow', 'tenant-enabled'), 'lock'),
                ('tenant lock open', 'tenant unlock open', 'bob@open.test',
                 ('allow', 'tenant-enabled'), 'tenant-lock'),
                ('domain move open.test acme --force', 'domain move open.test open --force',
                 'bob@open.test', ('allow', 'tenant-enabled'), 'domain'),
                ('mailbox alias remove al', 'mailbox alias add %s al' % LOGIN, 'al',
                 ('reject', 'tenant-disabled'), 'alias')):
            with self.subTest(command=command):
                self.later()
                alias = LOGIN if login == 'al' else None
                self.line(login, *reason, mailbox=alias)
                self.later()
                before = self.json('check', login, '--client', '192.0.2.7',
                                   rc=(0, 10, 11))
                self.ctl(command)
                after = self.json('check', login, '--client', '192.0.2.7',
                                  rc=(0, 10, 11))
                got = self.why()
                self.ctl(undo)
                self.assertIsNone(got['doubt'])
                self.assertNotEqual(before['steps'], after['steps'])
                self.assertEqual(got['then']['steps'], before['steps'])
                self.assertEqual(got['now']['steps'], after['steps'])
                self.assertEqual([c['type'] for c in got['changes']], [kind])

    def test_what_does_not_matter_is_not_listed(self):
        self.line()
        self.later()
        self.ctl('settings set help-url https://help.acme.test')
        self.ctl('tenant add other --domain other.test')
        self.ctl('mailbox set bob@acme.test --smtp-auth enabled')
        self.assertEqual(self.why()['changes'], [])
        self.assertIn('nothing that it depends on', self.ctl(
            'why', ID, '--log', self.log).out)

    def test_a_change_that_was_late(self):
        """An entry has the time at which its command began; the decision tells."""
        self.ctl('mailbox set %s --smtp-auth enabled' % LOGIN)
        self.line(when=1)
        got = self.why()
        self.assertIsNone(got['doubt'])
        self.assertEqual(got['then']['reason'], 'tenant-disabled')
        self.assertEqual([c['object'] for c in got['changes']], [LOGIN])

    def test_an_import_that_was_late(self):
        """However many entries it has."""
        self.ctl('import - --format csv', stdin='address,smtp_auth\n' + ''.join(
            '%s,enabled\n' % address for address in
            [LOGIN] + ['u%d@acme.test' % i for i in range(500)]))
        self.line(when=1)
        got = self.why()
        self.assertIsNone(got['doubt'])
        self.assertEqual(got['then']['reason'], 'tenant-disabled')
        self.assertEqual([c['object'] for c in got['changes']], [LOGIN])

    def test_the_time_of_then_counts(self):
        """A schedule is judged at the time of the decision."""
        self.ctl('tenant set acme --enforce-from +1d')
        self.line(verdict='allow', reason='scheduled')
        got = self.why()
        self.assertEqual(got['then']['reason'], 'scheduled')

    def test_sendmail(self):
        self.ctl('settings set subaddress-delimiter +')
        self.line(login='a\\x2Bb@acme.test', mailbox='a+b@acme.test')
        self.assertEqual(self.why()['then']['mailbox'], 'a+b@acme.test')
        self.line(login='a+2Bb@acme.test', mailbox='a+b@acme.test')
        got = self.why()
        self.assertEqual(got['then']['mailbox'], 'a+b@acme.test')
        self.assertEqual(got['login'], 'a+2Bb@acme.test')

    def test_doubts(self):
        self.line(verdict='allow', reason='mailbox-enabled')
        self.assertIn('another one', self.why()['doubt'])
        self.line(reason='store-error')
        self.assertIn('could not read the policy', self.why()['doubt'])
        self.line(login='a' * 500 + '...[700 bytes]', mailbox='')
        got = self.why()
        self.assertIn('whole login', got['doubt'])
        self.assertIsNone(got['then'])
        self.assertIsNone(got['now'])
        backup = os.path.join(self.tmp, 'backup')
        self.ctl('backup ' + backup)
        self.ctl('tenant set acme --smtp-auth enabled')
        self.later()
        self.line(verdict='allow', reason='tenant-enabled')
        self.assertIsNone(self.why()['doubt'])
        self.later()
        self.ctl('restore %s --force' % backup)
        self.assertIn('stands for more changes', self.why()['doubt'])
        self.line(when=-1000)
        self.later()
        self.ctl('audit prune --before ' + stamp())
        self.line(when=-1000)
        self.assertIn('pruned', self.why()['doubt'])

    def test_a_line_without_a_time(self):
        """The last policy that decides as the line says is shown, if there is one."""
        self.ctl('mailbox set %s --smtp-auth enabled' % LOGIN)
        self.ctl('settings set help-url https://x.test')
        self.ctl('mailbox set %s --smtp-auth disabled' % LOGIN)
        self.ctl('lock ' + LOGIN)
        for reason, changes in (('locked', 0), ('mailbox-disabled', 1),
                                ('mailbox-enabled', 2), ('tenant-disabled', 3)):
            with self.subTest(reason=reason):
                self.line(head='smtpauth-milter: ', reason=reason,
                          verdict='allow' if changes == 2 else 'reject')
                got = self.why()
                self.assertIsNone(got['when'])
                self.assertIn('no time', got['doubt'])
                self.assertEqual(got['then']['reason'], reason)
                self.assertEqual(len(got['changes']), changes)
                self.assertEqual(got['now']['reason'], 'locked')
        self.line(head='smtpauth-milter: ', reason='tenant-enabled')
        got = self.why()
        self.assertIn('not known', got['doubt'])
        self.assertIsNone(got['then'])
        self.assertEqual(got['changes'], [])

    def test_many_changes_at_once(self):
        """An import of more than have an entry each; one less is explained."""
        for n, doubt in ((10000, False), (10001, True)):
            self.line()
            self.later()
            self.ctl('import - --format csv', stdin='address,smtp_auth\n' + ''.join(
                'u%d-%d@acme.test,enabled\n' % (n, i) for i in range(n)))
            self.assertEqual(self.why()['doubt'] is not None, doubt, n)

    def test_people(self):
        self.line()
        self.later()
        self.ctl('tenant set acme --smtp-auth enabled')
        result = self.ctl('why', '[%s]' % ID, '--log', self.log)
        for text in ('verdict          reject', 'login            ' + LOGIN,
                     'then             reject, tenant-disabled', 'changed since',
                     'tenant acme: smtp-auth=disabled -> smtp-auth=enabled',
                     'now              allow, tenant-enabled'):
            self.assertIn(text, result.out)
        self.assertEqual(result.err, '')

    def test_standard_input(self):
        text = self.line()
        result = self.ctl('--json', 'why', ID, '--log', '-', stdin=text)
        got = json.loads(result.out)
        self.assertEqual(got['login'], LOGIN)
        self.assertEqual(got['found_in'], 'standard input')

    def test_what_others_log_is_no_decision(self):
        forged = self.line(head='%s mx postfix/smtpd[9]: from=<"')
        self.refused(['why', ID, '--log', self.log], 1, 'no decision ' + ID,
                     self.log, 'log-level', 'another program', 'postfix/smtpd[9]')
        self.line(login='bob@acme.test')
        self.assertEqual(self.why()['login'], 'bob@acme.test')
        with open(self.log, 'a') as f:
            f.write(forged + 'x' * 10000 + ' ' + self.line(
                verdict='allow', head='smtpauth-milter: '))
        self.assertEqual(self.why()['login'], LOGIN)

    def test_lines_that_are_too_long_are_passed_over(self):
        with open(self.log, 'w') as f:
            f.write('smtpauth-milter: id=%s verdict=allow x=%s\n' % (ID, 'y' * 70000))
        self.line()
        with open(self.log, 'a') as f:
            f.write('z' * 70000)
        self.assertEqual(self.why()['verdict'], 'reject')

    def test_the_journal(self):
        """Asked by unit and id; what it gives is read as any log."""
        when = int(datetime.datetime.now().timestamp())
        line = self.line(head='%d.123456 mx smtpauth-milter[865]: smtpauth-milter: ' % when)
        self.program_is('journalctl', 'echo "$@" >%s/asked\ncat <<E\n%sE' % (
            self.tmp, line))
        got = json.loads(self.ctl('--json', 'why', ID, env=self.path).out)
        self.assertEqual(got['login'], LOGIN)
        self.assertEqual(got['found_in'], 'the journal of smtpauth-milter and smtpauth-authd')
        self.assertEqual(got['when'], datetime.datetime.fromtimestamp(
            when, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'))
        with open(os.path.join(self.tmp, 'asked')) as f:
            asked = f.read()
        for word in ('--unit=smtpauth-milter', '--unit=smtpauth-authd', '--grep=' + ID):
            self.assertIn(word, asked)

    def test_not_found(self):
        result = self.ctl('why', ID, rc=1, env=self.path)
        self.assertIn('no decision %s in the journal of smtpauth-milter and '
                      'smtpauth-authd' % ID, result.err)
        for word in ('/var/log/ma', '--log FILE'):
            self.assertIn(word, result.err)
        open(self.log, 'w').close()
        self.refused(['why', ID, '--log', self.log], 1, 'no decision', self.log)
        self.refused(['why', ID, '--log', self.tmp + '/none'], 66, 'cannot open')
        self.refused(['why', ID, '--log', self.tmp], 74, 'directory')

    def test_ids(self):
        for bad in ('x', '458bhpx12', '458bhpx12bb', '458bhpx12o', '[458bhpx12b',
                    LOGIN):
            self.refused(['why', bad], 65, 'bad id', bad)
        self.refused(['why'], 64, 'why ID')

    def test_check_points_here(self):
        result = self.ctl('check', ID)
        self.assertIn('smtpauthctl why ' + ID, result.err)
        self.assertEqual(len(result.err.splitlines()), 1)
        self.assertEqual(self.ctl('check', 'webmaster').err, '')
        self.assertEqual(self.ctl('check', ID + '@acme.test', rc=11).err, '')
        self.ctl('mailbox alias add %s %s' % (LOGIN, ID))
        self.assertEqual(self.ctl('check', ID, rc=11).err, '')


if __name__ == '__main__':
    harness.main()
