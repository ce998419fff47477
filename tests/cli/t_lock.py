#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""lock, unlock and locks: any login, and nothing but unlock ends one."""

import json
import os
import shutil
import subprocess
import unittest

import harness
from mta import Mta

LATER = '2099-01-01T00:00:00Z'


class Case(harness.Case):
    """Tenant open lets everybody in, and so does no tenant at all."""

    given = (*harness.Case.given,
             'tenant add open --domain open.test --smtp-auth enabled '
             '--note ours')

    def locked(self, login, *words):
        """By check: whether it is; WORDS are among the steps."""
        answer = self.json('check', login, *words, rc=(0, 11))
        self.assertIn(answer['verdict'], ('allow', 'reject'))
        self.assertEqual(answer['verdict'] == 'reject',
                         answer['reason'] == 'locked')
        return answer['reason'] == 'locked'

    def locks(self, *options):
        return {(o['kind'], o['subject'], o['origin'])
                for o in self.jsonl('locks', *options)}

    def load(self, text, *options, rc=0):
        return self.ctl('import', '-', *options, stdin=text, rc=rc)


class Lines(Case):
    """lock -, unlock - and the same of mailbox: logins of standard input."""

    def lines(self, command, text, rc=0):
        return self.ctl(*command.split(), '-', stdin=text, rc=rc)

    def test_lock_and_unlock(self):
        text = ('\ufeff# incident 17\n\n  jane@open.test \r\n\t# a comment\n'
                'DOM\\\\dave\nJ\u00f6rg@open.test\nno-domain')
        for command in 'lock', 'mailbox lock':
            result = self.lines(command, text.replace('\\\\', '\\'))
            self.assertEqual(result.err, '')
            self.assertEqual(len(result.lines), 1 + 4)
            for login in ('jane@open.test', 'DOM\\dave', 'j\u00f6rg@open.test',
                          'no-domain'):
                self.assertTrue(self.locked(login), login)
            self.assertEqual(len(self.locks()), 4)
            result = self.lines(command.replace('lock', 'unlock'),
                                text.replace('\\\\', '\\'))
            self.assertEqual(self.locks(), set())
            self.assertIn('the lock of jane@open.test has ended', result.out)
        self.ctl('audit verify')

    def test_options_hold_for_all(self):
        self.ctl('lock', '-', '--until', LATER, '--note', 'leak', '--actor',
                 'eve', stdin='a@open.test\nb\n')
        self.assertEqual(
            {(o['subject'], o['until'], o['note'], o['who'])
             for o in self.jsonl('locks')},
            {('a@open.test', LATER, 'leak', 'eve'), ('b', LATER, 'leak', 'eve')})
        self.assertEqual(len(self.jsonl('audit list --command lock')), 2)

    def test_json(self):
        found = [json.loads(line) for line in self.ctl(
            '--json', 'lock', '-', stdin='a@open.test\nb\n').lines]
        self.assertEqual([o['subject'] for o in found], ['a@open.test', 'b'])
        found = [json.loads(line) for line in self.ctl(
            '--json', 'unlock', '-', stdin='a@open.test\nb\n').lines]
        self.assertEqual([o['unlocked'] for o in found], [True, True])

    def test_all_or_nothing(self):
        before = self.status()
        result = self.lines('lock', 'a@open.test\n@\nb@open.test\n'
                            'jane@open..test\n' + 'x' * 2001 + '\nc\n', rc=65)
        self.assertEqual(result.out, '')
        errors = result.err.splitlines()
        for error, number in zip(errors, (2, 4, 5)):
            self.assertTrue(error.startswith('smtpauthctl: line %d: ' % number),
                            error)
        self.assertIn('2000 bytes', errors[2])
        self.assertEqual(errors[3],
                         'smtpauthctl: 3 bad lines; nothing is changed')
        self.assertEqual(self.status(), before)
        self.assertIn('line 1: ', self.lines('lock', 'a\0b\n', rc=65).err)
        self.assertIn('21 bad lines', self.lines('lock', '@\n' * 21, rc=65).err)

    def test_longest_line(self):
        self.lines('lock', 'a@open.test' + ' ' * 1989 + '\n')
        self.assertTrue(self.locked('a@open.test'))
        self.lines('lock', 'b@open.test' + ' ' * 1990 + '\n', rc=65)

    def test_no_login(self):
        for text in '', '\n\n', '# nothing\n':
            self.assertIn('no login', self.lines('lock', text, rc=65).err)
            self.assertIn('no login', self.lines('unlock', text, rc=65).err)

    def test_unlock_of_what_is_not_locked(self):
        """The others are unlocked all the same, and the status tells."""
        self.lines('lock', 'a@open.test\nc@open.test\n')
        result = self.lines('unlock', 'a@open.test\nb@open.test\nc@open.test\n',
                            rc=1)
        self.assertIn('line 2: b@open.test is not locked itself', result.err)
        self.assertEqual(self.locks(), set())

    def test_many(self):
        self.lines('lock', ''.join('u%d@open.test\n' % i for i in range(5000)))
        self.assertEqual(self.status()['locks'], 5000)
        self.ctl('verify')

    def test_nobody_waits_for_the_input(self):
        """While the lines are typed, others can write."""
        typist = subprocess.Popen(
            [harness.CTL, '-d', self.dir, 'lock', '-'], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, env=harness.ENV)
        typist.stdin.write(b'a@open.test\n')
        typist.stdin.flush()
        self.ctl('lock other@open.test')
        typist.communicate(b'b@open.test\n', timeout=harness.TIMEOUT)
        self.assertEqual(typist.returncode, 0)
        self.assertEqual(len(self.locks()), 3)

    def test_a_login_that_is_a_dash(self):
        self.lines('lock', '-\n')
        self.assertTrue(self.locked('-'))
        self.lines('unlock', '-\n')


class Commands(Case):

    def test_any_login(self):
        for login, other in (('jane@open.test', 'john@open.test'),
                             ('x@nobody.test', 'y@nobody.test'),
                             ('jane', 'john'), ('DOMAIN\\jane', 'DOMAIN\\john'),
                             ('a:b;c@nobody.test', 'a:b@nobody.test'),
                             ('a@b@nobody.test', 'b@nobody.test'),
                             ('Jörg@Nobody.test', 'jorg@nobody.test'),
                             ('two words', 'two')):
            for command in 'lock', 'mailbox lock':
                with self.subTest(login=login, command=command):
                    self.assertFalse(self.locked(login))
                    self.ctl(*command.split(), login)
                    self.assertTrue(self.locked(login))
                    self.assertTrue(self.locked(login.upper()))
                    self.assertFalse(self.locked(other))
                    self.ctl(*command.replace('lock', 'unlock').split(), login)
                    self.assertFalse(self.locked(login))
        self.assertEqual(self.locks(), set())
        self.ctl('verify')

    def test_what_is_no_login(self):
        for login in '', '@', 'jane@', '@open.test', 'a\x01b', ' ' * 3, \
                'jane@open..test', 'x' * 321:
            self.refused(['lock', login], 65)
            self.refused(['unlock', login], 65)
        self.assertEqual(self.locks(), set())

    def test_what_is_printed(self):
        text = self.ctl('lock', 'jane@open.test', '--until', LATER, '--note',
                        'ticket 17', '--actor', 'eve').out
        for word in 'jane@open.test', 'open', LATER, 'ticket 17', 'eve', \
                'local':
            self.assertIn(word, text)
        lock, = self.jsonl('locks')
        when = lock.pop('when')
        self.assertRegex(when, r'^\d{4}-\d\d-\d\dT')
        self.assertEqual(lock, {
            'kind': 'login', 'subject': 'jane@open.test', 'tenant': 'open',
            'until': LATER, 'note': 'ticket 17', 'who': 'eve',
            'origin': 'local'})
        self.assertEqual(self.json('mailbox show jane@open.test'), {
            'address': 'jane@open.test', 'tenant': 'open', 'until': None,
            'smtp_auth': 'inherit', 'clients': [], 'note': None,
            'lock': {'until': LATER}, 'expired': False, 'overruled_by': []})
        shown = self.ctl('mailbox show jane@open.test').out
        for word in 'locked until ' + LATER, 'ticket 17', 'eve':
            self.assertIn(word, shown)
        self.assertIn(LATER, self.ctl('mailbox list').out)
        self.assertEqual(self.json('unlock jane@open.test'), {
            'kind': 'login', 'subject': 'jane@open.test', 'unlocked': True})
        self.assertEqual(self.ctl('locks').out, '')

    def test_again_replaces_time_and_note(self):
        self.ctl('lock', 'jane', '--until', LATER, '--note', 'a')
        self.ctl('lock jane --note b')
        lock, = self.jsonl('locks')
        self.assertEqual((lock['until'], lock['note']), (None, 'b'))
        self.ctl('lock', 'jane', '--until', LATER)
        lock, = self.jsonl('locks')
        self.assertEqual((lock['until'], lock['note']), (LATER, None))
        self.refused('lock jane --until 2020-01-01', 65, '2020-01-01')
        self.refused(['lock', 'jane', '--note', 'a\nb'], 65, '--note')
        self.refused(['lock', 'jane', '--note', 'x' * 501], 65, '--note')
        self.assertEqual(self.jsonl('locks')[0]['until'], LATER)

    def test_notes_of_tenant_and_mailbox_are_left_alone(self):
        self.ctl('mailbox set jane@open.test --note hers')
        self.ctl('mailbox lock jane@open.test --note stolen')
        self.ctl('tenant lock open --note incident')
        self.assertEqual(self.json('mailbox show jane@open.test')['note'],
                         'hers')
        self.assertEqual(self.json('tenant show open')['note'], 'ours')
        self.assertEqual(
            {(o['subject'], o['note']) for o in self.jsonl('locks')},
            {('open', 'incident'), ('jane@open.test', 'stolen')})

    def test_what_is_not_locked(self):
        self.ctl('mailbox set jane@open.test --smtp-auth enabled')
        for command in ('unlock jane@open.test', 'unlock nobody',
                        'mailbox unlock jane@open.test', 'tenant unlock open',
                        'tenant unlock nobody'):
            self.refused(command, 1, 'not locked')
        self.refused('tenant lock nobody', 1, 'nobody')

    def test_alias(self):
        self.ctl('mailbox alias add jane@open.test js')
        result = self.ctl('mailbox lock js')
        self.assertIn('js stands for mailbox jane@open.test', result.err)
        self.assertEqual(self.locks(), {('login', 'jane@open.test', 'local'),
                                        ('login', 'js', 'local')})
        for login in 'js', 'jane@open.test':
            self.assertTrue(self.locked(login))
        self.ctl('mailbox alias remove js')
        self.assertTrue(self.locked('js'))
        self.ctl('mailbox alias add jane@open.test js')
        for unlocked in 'js', 'jane@open.test':
            self.ctl('lock js')
            self.ctl('unlock', unlocked)
            self.assertEqual(self.locks(), set())

    def test_what_a_login_stands_for_may_change(self):
        self.ctl('settings set default-domain open.test')
        self.ctl('lock bob')
        self.ctl('settings set default-domain other.test')
        self.assertTrue(self.locked('bob'))
        self.ctl('unlock bob')
        self.assertFalse(self.locked('bob'))

    def test_separators_that_come_and_go(self):
        self.ctl('lock yan%open.test')          # now it has no domain
        self.ctl('settings set login-separators %')
        self.ctl('lock carl%open.test')         # now it is carl@open.test
        for login in ('yan%open.test', 'carl%open.test', 'carl@open.test'):
            self.assertTrue(self.locked(login), login)
        self.ctl('unlock yan%open.test')
        self.assertFalse(self.locked('yan%open.test'))
        self.ctl('settings unset login-separators')
        self.assertTrue(self.locked('carl%open.test'))
        self.assertFalse(self.locked('yan%open.test'))

    def test_blanks_and_case_together(self):
        self.ctl('lock', 'ali veli@open.test')
        for login in 'al\u0130 veli@open.test', 'al\u0131 veli@open.test':
            self.assertTrue(self.locked(login), login)

    def test_alias_that_was_locked_before_it_was_one(self):
        self.ctl('lock js')
        self.ctl('mailbox alias add jane@open.test js')
        self.assertTrue(self.locked('js'))
        self.ctl('unlock js')
        self.assertFalse(self.locked('js'))

    def test_default_domain(self):
        self.ctl('lock early')
        self.ctl('settings set default-domain open.test')
        result = self.ctl('lock jane')
        self.assertEqual(result.err, '')
        for login in 'jane', 'jane@open.test', 'early', 'early@open.test':
            self.assertTrue(self.locked(login), login)
        self.ctl('unlock early@open.test')
        self.assertEqual(self.locks(), {('login', 'jane@open.test', 'local'),
                                        ('login', 'jane', 'local')})

    def test_unlock_names_the_lock_that_still_holds(self):
        self.ctl('settings set subaddress-delimiter +')
        for login in 'jane@open.test', 'jane+x@open.test':
            self.ctl('lock', login)
        self.assertIn('still locked', self.ctl('unlock jane+x@open.test').err)
        self.assertTrue(self.locked('jane+x@open.test'))
        self.ctl('lock jane+x@open.test')
        self.ctl('tenant lock open')
        self.ctl('unlock jane@open.test')
        self.assertIn('its tenant', self.ctl('unlock jane+x@open.test').err)
        self.assertEqual(self.ctl('tenant unlock open').err, '')
        self.assertFalse(self.locked('jane+x@open.test'))

    def test_domain_of_a_locked_tenant(self):
        self.ctl('tenant add other --smtp-auth enabled')
        self.ctl('tenant lock open')
        self.refused('domain move open.test other', 65, '--force')
        self.assertTrue(self.locked('u@open.test'))
        self.refused('domain remove open.test', 65, '--force')
        self.ctl('tenant lock other')
        self.ctl('domain move open.test other')
        self.assertTrue(self.locked('u@open.test'))
        self.ctl('domain move open.test open')
        self.ctl('tenant unlock other')
        self.ctl('domain move open.test other --force')
        self.assertFalse(self.locked('u@open.test'))

    def test_domain_of_a_locked_catch_all(self):
        self.ctl('tenant add any --domain * --smtp-auth enabled')
        self.ctl('tenant lock any')
        self.assertTrue(self.locked('u@new.test'))
        for command in ('domain add open new.test',
                        'tenant add new --domain new.test'):
            self.refused(command, 65, '--force')
        tenant = ('{"type":"tenant","name":"new","domains":["new.test"],'
                  '"smtp_auth":"enabled"}\n')
        export = self.ctl('export').out
        self.load(tenant, rc=65)
        self.load(export + tenant, '--replace', rc=65)
        self.assertTrue(self.locked('u@new.test'))
        self.load(tenant, '--force')
        self.assertFalse(self.locked('u@new.test'))
        self.ctl('domain remove new.test')
        self.assertTrue(self.locked('u@new.test'))
        self.ctl('domain add open new.test --force')
        self.assertFalse(self.locked('u@new.test'))

    def test_domain_to_a_tenant_that_is_locked_for_less_long(self):
        self.ctl('tenant add other --smtp-auth enabled')
        self.ctl('tenant lock open')
        self.ctl('tenant', 'lock', 'other', '--until', '+1h')
        self.refused('domain move open.test other', 65, '--force')
        self.ctl('tenant lock other')
        self.ctl('domain move open.test other')

    def test_removal_of_a_locked_tenant_is_asked_for(self):
        """Whatever holds its logins then: that may change."""
        self.ctl('settings set unknown-tenant reject')
        for i in range(6):
            self.ctl('tenant add t%d' % i)
        self.ctl('tenant lock open')
        for command in 'domain remove open.test', 'tenant remove open':
            self.refused(command, 65, '--force')
        text = self.ctl('export').out.replace('"open.test"', '')
        self.assertIn('would be of no tenant',
                      self.load(text, '--replace', rc=65).err)
        self.ctl('tenant unlock open')
        self.ctl('domain remove open.test')

    def test_guards_of_domains_do_not_hide_what_is_wrong(self):
        self.ctl('tenant add other --smtp-auth enabled')
        self.ctl('tenant lock open')
        for command in ('domain add other open.test',
                        'tenant add new --domain open.test'):
            self.refused(command, 65, 'belongs to tenant open')
        self.ctl('tenant add any --domain * --smtp-auth enabled')
        self.ctl('tenant lock any')
        self.refused('domain move nosuch.test other', 1, 'nosuch.test')

    def test_aliases_of_a_locked_mailbox(self):
        self.ctl('mailbox alias add m@open.test short')
        text = self.ctl('export').out
        self.ctl('lock m@open.test')
        backup = os.path.join(self.tmp, 'without')
        for change in (['mailbox', 'alias', 'remove', 'short'],
                       ['tenant', 'remove', 'open', '--force']):
            self.ctl(*change)
            self.assertTrue(self.locked('short'))
            self.load(text)
        moved = text.replace('m@open.test', 'n@open.test')
        self.assertNotEqual(moved, text)
        self.load(moved, '--replace')
        self.assertTrue(self.locked('short'))
        self.load(text, '--replace')
        self.ctl('backup', backup)
        self.ctl('unlock m@open.test')
        self.assertFalse(self.locked('short'))
        self.assertEqual(self.locks(), set())
        self.ctl('restore', backup)
        self.assertTrue(self.locked('short'))

    def test_alias_that_came_after_the_lock(self):
        """Its mailbox alone is locked, so it would leave that lock."""
        self.ctl('lock m@open.test')
        self.ctl('mailbox alias add m@open.test short')
        made = self.status()['audit_count']
        text = self.ctl('export').out
        said = 'login short would leave the lock of its mailbox'
        self.refused('mailbox alias remove short', 65, said, '--force')
        self.refused('audit undo %d' % made, 65, said, '--force')
        moved = text.replace('"mailbox":"m@', '"mailbox":"n@')
        self.assertNotEqual(moved, text)
        self.assertIn(said, self.load(moved, '--replace', rc=65).err)
        self.assertTrue(self.locked('short'))
        self.ctl('lock short')
        self.ctl('mailbox alias remove short')
        self.assertTrue(self.locked('short'))
        self.ctl('audit undo %d' % self.status()['audit_count'])
        self.ctl('unlock short')
        self.assertFalse(self.locked('short'))
        self.ctl('mailbox alias remove short')

    def test_alias_does_not_leave_a_locked_tenant(self):
        self.ctl('tenant add any --domain * --smtp-auth enabled')
        self.ctl('tenant lock any')
        alias = '{"type":"alias","login":"%s","mailbox":"m@open.test"}\n'
        text = self.ctl('export').out
        for login in 'u@new.test', 'bob':
            self.assertTrue(self.locked(login))
            self.refused(['mailbox', 'alias', 'add', 'm@open.test', login], 65,
                         '--force')
            self.load(alias % login, rc=65)
            self.load(text + alias % login, '--replace', rc=65)
            self.assertTrue(self.locked(login))
        self.ctl('tenant lock open')
        self.ctl('mailbox alias add m@open.test bob')
        self.assertTrue(self.locked('bob'))
        self.ctl('mailbox alias remove bob')
        self.ctl('tenant unlock open')
        self.ctl('mailbox alias add m@open.test bob --force')
        self.assertFalse(self.locked('bob'))

    def test_alias_of_a_locked_tenant(self):
        self.ctl('tenant add other --domain other.test --smtp-auth enabled')
        self.ctl('mailbox alias add m@open.test short')
        backup = os.path.join(self.tmp, 'moved')
        text = self.ctl('export').out
        moved = text.replace('m@open.test', 'm@other.test')
        self.assertNotEqual(moved, text)
        self.load(moved, '--replace')
        self.ctl('backup', backup)
        self.load(text, '--replace')
        self.ctl('tenant lock open')
        self.refused('mailbox alias remove short', 65, '--force')
        without = ''.join(line for line in text.splitlines(True)
                          if '"alias"' not in line)
        self.assertNotEqual(without, text)
        for i in range(8):
            self.ctl('tenant add t%d' % i)
            without += '{"type":"tenant","name":"t%d"}\n' % i
        for policy in moved, without:
            self.load(policy, '--replace', rc=65)
        self.ctl('restore', backup, rc=65)
        self.assertTrue(self.locked('short'))
        self.ctl('mailbox alias remove short --force')
        self.assertFalse(self.locked('short'))

    def test_settings_that_say_whose_a_login_is(self):
        text = self.ctl('export').out
        change = '{"type":"setting","key":"%s","value":"%s"}\n'
        changes = (('default-domain', 'new.test'), ('login-domain', 'default'),
                   ('login-separators', '%'), ('subaddress-delimiter', '+'))
        for key, value in changes:
            self.assertEqual(
                self.ctl('settings', 'set', key, value).err.count('lock'), 0)
            self.ctl('settings', 'unset', key)
        self.ctl('lock jane@open.test')
        for key, value in changes:
            with self.subTest(key=key):
                line = change % (key, value)
                self.assertIn('logins might leave it',
                              self.load(line, rc=65).err)
                self.load(text + line, '--replace', rc=65)
                self.load(line, '--force')
                self.assertIn('there are locks',
                              self.ctl('settings', 'unset', key).err)

    def test_unlock_ends_all_that_lock_has_made(self):
        self.ctl('settings set login-separators %')
        for login in 'carl%m\u00fcnchen.test', ' carl%open.test ':
            self.ctl('lock', login)
            self.assertEqual(len(self.locks()), 2)
            self.ctl('unlock', login)
            self.assertEqual(self.locks(), set())
        self.ctl('settings set default-domain open.test')
        self.ctl('mailbox alias add m@open.test short')
        self.ctl('lock short')
        self.ctl('unlock m@open.test')
        self.assertEqual(self.locks(), set())

    def test_unlock_of_what_another_lock_holds(self):
        self.ctl('tenant lock open')
        self.assertIn('by the lock of its tenant',
                      self.ctl('unlock jane@open.test', rc=1).err)

    def test_domain_that_another_policy_moves(self):
        self.ctl('tenant add other --domain other.test --smtp-auth enabled')
        text = self.ctl('export').out
        moved = text.replace('"domains":["open.test"]', '"domains":[]').replace(
            '"domains":["other.test"]', '"domains":["other.test","open.test"]')
        self.assertNotEqual(moved, text)
        backup = os.path.join(self.tmp, 'moved')
        self.load(moved, '--replace', '--force')
        self.ctl('backup', backup)
        self.load(text, '--replace', '--force')
        self.ctl('tenant lock open')
        for command in ['import', '-', '--replace'], ['restore', backup]:
            result = self.ctl(*command, stdin=moved, rc=65)
            self.assertIn('the logins of open.test would be of tenant other',
                          result.err)
            self.assertTrue(self.locked('u@open.test'))
        self.load(moved, '--replace', '--force')
        self.assertFalse(self.locked('u@open.test'))

    def test_as_the_log_writes_it(self):
        for shown, login in (('DOM\\x5Cdave', 'DOM\\dave'),
                             ('jo\\x20e@open.test', 'jo e@open.test'),
                             ('DOM\\xbert', 'DOM\\xbert')):
            result = self.ctl('lock', shown)
            self.assertEqual('as the log writes it' in result.err,
                             shown != login)
            self.assertTrue(self.locked(login))
            self.ctl('unlock', shown)
            self.assertFalse(self.locked(login))

    def test_name_of_a_tenant(self):
        self.assertIn('tenant lock open', self.ctl('lock open').err)
        self.assertNotIn('tenant lock', self.ctl('lock opener').err)

    def test_list_of_a_tenant(self):
        self.ctl('tenant add other --domain o.test')
        self.ctl('tenant lock other')
        for login in 'a@o.test', 'b@open.test', 'c':
            self.ctl('lock', login)
        self.assertEqual(self.locks('--tenant', 'other'), {
            ('tenant', 'other', 'local'), ('login', 'a@o.test', 'local')})
        self.assertEqual(len(self.locks()), 4)
        self.refused('locks --tenant nobody', 1, 'nobody')
        self.assertIn('tenant other', self.ctl('locks').out)

    def test_digests(self):
        before = self.status()
        self.assertEqual((before['locks'], before['local_digest']),
                         (0, '0' * 64))
        self.ctl('lock jane')
        self.ctl('tenant lock open')
        after = self.status()
        self.assertEqual(after['policy_digest'], before['policy_digest'])
        self.assertNotEqual(after['local_digest'], before['local_digest'])
        self.assertEqual(after['locks'], 2)
        text = self.ctl('status', rc=3).out
        self.assertIn(after['local_digest'], text)
        self.assertRegex(text, r'(?m)^locks +2$')
        self.ctl('audit verify')

    def test_configuration_file_that_makes_no_sense(self):
        path = os.path.join(self.tmp, 'conf')
        with open(path, 'w') as f:
            f.write('state-dir = %s\nsocket = nonsense\nnot a line\n'
                    'no-such-key = 1\n' % self.dir)
        result = self.ctl('-c', path, 'lock', 'jane')
        self.assertIn('warning', result.err)
        self.assertTrue(self.locked('jane'))


class Kept(Case):
    """What does not end a lock that was made here."""

    given = (*Case.given,
             'mailbox set jane@open.test --smtp-auth enabled',
             'mailbox lock jane@open.test --note stolen',
             'lock x@nobody.test',
             'tenant add acme --domain acme.test',
             'tenant lock acme')

    def setUp(self):
        super().setUp()
        self.all = self.whole()

    def whole(self):
        """All locks with all that is theirs; whose a login is may change."""
        return [{**lock, 'tenant': None} for lock in self.jsonl('locks')]

    def held(self):
        self.assertEqual(self.whole(), self.all)
        for login in 'jane@open.test', 'x@nobody.test':
            self.assertTrue(self.locked(login))
        self.ctl('verify')

    def test_import(self):
        self.load('{"type":"tenant","name":"open","smtp_auth":"enabled",'
                  '"lock":null}\n{"type":"mailbox","address":"jane@open.test",'
                  '"smtp_auth":"enabled","lock":null}\n')
        self.held()
        self.load('address,smtp_auth\njane@open.test,enabled\n')
        self.held()

    def test_import_replace(self):
        self.load('address,smtp_auth\nv@open.test,enabled\n', '--replace',
                  '--tenant', 'open', '--force')
        self.held()
        self.load('{"type":"tenant","name":"open","domains":["open.test"],'
                  '"smtp_auth":"enabled"}\n', '--replace', '--force')
        self.held()
        self.load('', '--replace', '--force', '--format', 'jsonl')
        self.held()

    def test_removal(self):
        result = self.ctl('mailbox remove jane@open.test')
        self.assertIn('lock of jane@open.test stays', result.err)
        self.held()
        result = self.ctl('tenant remove acme --force')
        self.assertIn('lock of acme stays', result.err)
        self.held()
        self.ctl('tenant remove open --force')
        self.assertEqual(len(self.locks()), 3)
        self.assertTrue(self.locked('jane@open.test'))
        self.ctl('tenant add acme --domain acme.test --smtp-auth enabled')
        self.assertTrue(self.locked('u@acme.test'))
        self.ctl('tenant remove acme --force')
        self.assertIn('has ended', self.ctl('tenant unlock acme').out)
        self.assertEqual(len(self.locks()), 2)

    @unittest.skipUnless(shutil.which('openssl'), 'openssl is missing')
    def test_snapshot(self):
        key = os.path.join(self.tmp, 'key')
        for argv in (['genpkey', '-algorithm', 'ed25519', '-out', key],
                     ['pkey', '-in', key, '-pubout', '-out', key + '.pub']):
            subprocess.run(['openssl', *argv], check=True,
                           stderr=subprocess.PIPE)
        here, there = self.dir, os.path.join(self.tmp, 'there')
        self.dir = there
        self.ctl('init')
        self.ctl('tenant add other --domain other.test --smtp-auth enabled')
        self.load('{"type":"lock","login":"brought@other.test"}\n')
        self.ctl('lock made-here@other.test')
        made = self.ctl('snapshot', 'create', key + '.snapshot', '--key', key)
        self.assertIn('1 lock made on this machine is not', made.err)
        digest = self.digest()
        self.dir = here
        apply = ['snapshot', 'apply', key + '.snapshot', '--trust',
                 key + '.pub']
        self.assertIn('is locked on this machine',  # its domain is not there
                      self.ctl(*apply, rc=65).err)
        self.held()
        self.ctl(*apply, '--force')
        self.assertEqual(self.digest(), digest)
        self.assertEqual(self.locks(), {
            ('login', 'jane@open.test', 'local'), ('tenant', 'acme', 'local'),
            ('login', 'x@nobody.test', 'local'),
            ('login', 'brought@other.test', 'brought')})
        self.assertTrue(self.locked('brought@other.test'))
        self.assertFalse(self.locked('made-here@other.test'))
        self.dir = there                # it goes as it came
        self.assertIn('was brought', self.ctl('unlock brought@other.test').err)
        self.ctl('snapshot', 'create', key + '.snapshot', '--key', key)
        self.dir = here
        self.ctl(*apply)
        self.held()

    def backup(self):
        out = os.path.join(self.tmp, 'backup')
        os.mkdir(out)
        self.ctl('backup', out)
        return out

    def test_restore_keeps_locks(self):
        out = self.backup()
        self.ctl('lock after')
        self.load('{"type":"lock","login":"brought","note":"n"}\n')
        self.ctl('mailbox set v@open.test --smtp-auth disabled')
        result = self.ctl('restore', out)
        self.assertIn('1 lock kept', result.out)
        self.assertEqual(self.locks(), {
            ('login', 'jane@open.test', 'local'), ('login', 'after', 'local'),
            ('login', 'x@nobody.test', 'local'), ('tenant', 'acme', 'local'),
            ('login', 'brought', 'local')})
        self.assertEqual([o['note'] for o in self.jsonl('locks')
                          if o['subject'] == 'brought'], ['n'])
        self.assertTrue(self.locked('brought'))
        self.ctl('verify')
        self.ctl('audit verify')
        self.assertIn('already', self.ctl('restore', out).out)

    def test_restore_brings_those_of_the_backup_back(self):
        out = self.backup()
        self.ctl('unlock jane@open.test')
        self.assertFalse(self.locked('jane@open.test'))
        self.assertEqual(self.json('restore', out)['locks_kept'], 1)
        self.held()

    def test_restore_of_a_damaged_database(self):
        out = self.backup()
        self.ctl('lock after')
        path = os.path.join(self.dir, 'policy.mdb')
        with open(path, 'rb') as f:
            content = f.read()
        at = content.index(b'stolen')
        with open(path, 'r+b') as f:    # its digest does not hold any more
            while at >= 0:
                f.seek(at)
                f.write(b'STOLEN')
                at = content.find(b'stolen', at + 1)
        self.ctl('verify', rc=1)
        result = self.ctl('restore', out)
        self.assertNotIn('warning', result.err)
        self.assertIn(('login', 'after', 'local'), self.locks())
        self.assertEqual(len(self.locks()), 4)
        self.assertTrue(self.locked('after'))
        self.ctl('verify')
        self.ctl('audit verify')

    def test_restore_of_a_missing_database(self):
        out = self.backup()
        self.ctl('lock after')
        os.remove(os.path.join(self.dir, 'policy.mdb'))
        result = self.ctl('restore', out)
        self.assertIn('warning: the locks of the old database', result.err)
        self.held()


class Brought(Case):

    def test_export_and_import(self):
        self.ctl('lock', 'jane@open.test', '--until', LATER, '--note', 'a')
        self.ctl('tenant lock open --actor eve')
        self.ctl('lock jane')
        text = self.ctl('export').out
        self.dir = os.path.join(self.tmp, 'other')
        self.ctl('init')
        self.load(text)
        self.assertEqual(self.locks(), {
            ('login', 'jane@open.test', 'brought'),
            ('tenant', 'open', 'brought'), ('login', 'jane', 'brought')})
        self.assertTrue(self.locked('jane'))
        self.assertEqual(self.ctl('export').out, text)
        digest = self.digest()
        self.load(text)
        self.assertEqual(self.digest(), digest)
        self.ctl('verify')

    def test_the_longer_one_of_two_is_exported(self):
        self.load('{"type":"lock","login":"jane","until":"%s"}\n' % LATER)
        for options, until in (('--until +1d', LATER), ('', None)):
            self.ctl('lock jane ' + options)
            line = [o for o in self.jsonl('export') if o['type'] == 'lock']
            self.assertEqual([o['until'] for o in line], [until])
        self.ctl('unlock jane')
        self.assertEqual(self.locks(), set())

    def test_bad_lines(self):
        for line, word in (
                ('{"type":"lock"}', 'login'),
                ('{"type":"lock","login":"a","tenant":"b"}', 'login'),
                ('{"type":"lock","login":"@"}', 'bad login'),
                ('{"type":"lock","tenant":"B B"}', 'tenant name'),
                ('{"type":"lock","login":"a","until":"soon"}', 'until'),
                ('{"type":"lock","login":"a","x":"y"}', 'unknown key'),
                ('{"type":"lock","login":"a","who":"%s"}' % ('w' * 101),
                 'who'),
                ('{"type":"lock","login":"a"}\n{"type":"lock","login":"A"}',
                 'earlier line')):
            with self.subTest(line=line):
                result = self.load(line + '\n', rc=65)
                self.assertIn(word, result.err)
        self.assertEqual(self.locks(), set())

    def test_one_tenant(self):
        self.ctl('tenant add other --domain o.test')
        for lock in '"tenant":"other"', '"login":"a@o.test"', '"login":"x"':
            result = self.load('{"type":"lock",%s}\n' % lock, '--tenant',
                               'open', rc=65)
            self.assertIn('not of tenant open', result.err)
        self.load('{"type":"lock","login":"a@open.test"}\n', '--tenant',
                  'open')
        self.assertTrue(self.locked('a@open.test'))

    def test_replace_counts_locks_apart(self):
        """Neither among what would go nor among what there is."""
        text = self.ctl('export').out
        self.load(''.join('{"type":"lock","login":"u%d@open.test"}\n' % n
                          for n in range(20)))
        r = self.load(text, '--replace', rc=65)
        self.assertIn('20 locks that were brought are not in the file', r.err)
        r = self.load('{"type":"tenant","name":"left","smtp_auth":"enabled"}'
                      '\n', '--replace', rc=65)
        self.assertIn(' 2 of 2 records would be removed, over a fifth;', r.err)
        self.assertTrue(self.locked('u7@open.test'))

    def test_replace_that_ends_one_needs_force(self):
        text = self.ctl('export').out
        self.load('{"type":"lock","login":"jane"}\n')
        result = self.load(text + ''.join(
            '{"type":"mailbox","address":"u%d@open.test","note":"n"}\n' % i
            for i in range(20)), '--replace', rc=65)
        self.assertIn('--force', result.err)
        self.assertTrue(self.locked('jane'))
        self.load(text, '--replace', '--force')
        self.assertFalse(self.locked('jane'))


class Daemon(Case):

    def test_next_mail_from(self):
        """In a session that is open."""
        self.ctl('settings set default-domain open.test')
        with harness.Daemon(self) as daemon:
            daemon.wait_log('policy database verified')
            with Mta(daemon) as mta:
                for login, reply in (
                        ('jane@open.test', 'mailbox jane@open.test'),
                        ('x@nobody.test', 'mailbox x@nobody.test')):
                    self.assertEqual(mta.mail(login), 'a')
                    self.ctl('lock', login)
                    self.assertIn('550 5.7.1 SMTP AUTH is locked for ' + reply,
                                  mta.mail(login))
                    self.ctl('unlock', login)
                    self.assertEqual(mta.mail(login), 'a')
                self.ctl('settings unset default-domain')
                self.ctl('lock jane')
                self.assertIn('550 5.7.1 SMTP AUTH is locked for this login',
                              mta.mail('jane'))


if __name__ == '__main__':
    harness.main()
