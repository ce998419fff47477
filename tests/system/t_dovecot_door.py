# SPDX-License-Identifier: BSD-2-Clause
"""The door at AUTH beside a real Dovecot, with the file that contrib/dovecot
ships: what a client sees at AUTH and at MAIL, which has to be what
`smtpauthctl check' says and what the milter says, whatever becomes of
smtpauth-authd; at the end a table of the dialogues."""

import concurrent.futures
import json
import os
import re
import select
import signal
import smtplib
import socket
import sys
import time

import door_rig
import harness
from door_rig import MECHANISMS, REFUSED, Fake, http_answer

ALICE, PRINTER = 'alice@acme.test', 'printer@acme.test'
STRANGER, INVALID = 'stranger@else.test', 'a  b@acme.test'
OK = '250 2.1.0 Ok'
ID = r' \[\w{10}\]$'
TABLE = {}      # {(case, verdict): {(AUTH, MAIL): [listener and mechanism]}}
WIDTH = 90


def remember(case, verdict, door, seen):
    """Put an attempt into the table, without the id of the decision."""
    words = tuple(re.sub(ID, ' [id]', reply) for reply in seen)
    TABLE.setdefault((case, verdict), {}).setdefault(words, []).append(
        ' '.join(door))
    return seen


def past(address):
    """An exception that has expired; `set' does not take one."""
    return ('import --format jsonl -', json.dumps(
        {'type': 'mailbox', 'address': address, 'smtp_auth': 'enabled',
         'until': '2020-01-01T00:00:00Z'}) + '\n')


# {case: (commands, login, verdict, reason)}; tenant acme is disabled, and
# PRINTER has an exception.
CASES = {
    'tenant off': ([], ALICE, 'reject', 'tenant-disabled'),
    'tenant on': (['tenant set acme --smtp-auth enabled'],
                  ALICE, 'allow', 'tenant-enabled'),
    'mailbox off': (['tenant set acme --smtp-auth enabled',
                     'mailbox set alice@acme.test --smtp-auth disabled'],
                    ALICE, 'reject', 'mailbox-disabled'),
    'exception': ([], PRINTER, 'allow', 'mailbox-enabled'),
    'exception, locked': (['mailbox lock printer@acme.test'],
                          PRINTER, 'reject', 'locked'),
    'tenant locked, dry run': (['tenant lock acme', 'settings set enforce no'],
                               PRINTER, 'reject', 'locked'),
    'expired exception': ([past(ALICE)], ALICE, 'reject', 'tenant-disabled'),
    'exception from this network': (
        ['mailbox set alice@acme.test --smtp-auth enabled '
         '--clients 127.0.0.0/16'], ALICE, 'allow', 'mailbox-enabled'),
    'exception from another': (
        ['mailbox set alice@acme.test --smtp-auth enabled '
         '--clients 192.0.2.0/24'], ALICE, 'reject', 'tenant-disabled'),
    'exempt client': (['settings add exempt-clients 127.0.0.0/24'],
                      ALICE, 'allow', 'exempt-client'),
    'not yet enforced': (['tenant set acme --enforce-from +1d'],
                         ALICE, 'allow', 'scheduled'),
    'tempfail for now': (['tenant set acme --tempfail-until +1d'],
                         ALICE, 'tempfail', 'tenant-disabled'),
    'tempfail': (['tenant set acme --action tempfail'],
                 ALICE, 'tempfail', 'tenant-disabled'),
    'report': (['tenant set acme --action report'],
               ALICE, 'report', 'tenant-disabled'),
    'dry run': (['settings set enforce no'],
                ALICE, 'report', 'tenant-disabled'),
    'unknown tenant': ([], STRANGER, 'allow', 'unknown-tenant'),
    'unknown tenant, reject': (['settings set unknown-tenant reject'],
                               STRANGER, 'reject', 'unknown-tenant'),
    'invalid login': ([], INVALID, 'reject', 'invalid-login'),
    "replies as Exchange's": (['settings set reply-style exchange'],
                              ALICE, 'reject', 'tenant-disabled'),
    'passwords blocked': (['tenant set acme --blocks passwords'],
                          ALICE, 'reject', 'tenant-disabled'),
}


class Verdicts(door_rig.DoorCase):

    logins = ALICE, PRINTER, STRANGER, INVALID
    extra = 'auth_cache_size = 1M\n'   # a cached password changes nothing

    def given_by(self, commands):
        for command in commands:
            if isinstance(command, tuple):
                self.ctl(command[0], stdin=command[1])
            else:
                self.ctl(command)

    def check(self, login, listener, mechanism):
        """(verdict, reason, reply) of smtpauthctl check."""
        found = self.json('check', login, '--client', '127.0.0.1',
                          '--listener', listener, '--mechanism', mechanism,
                          rc=(0, 10, 11))
        return found['verdict'], found['reason'], found['reply']

    def compare(self, case, door, seen, verdict, reply):
        """What an attempt to log in saw, with the verdict."""
        listener, _ = door
        at_auth, at_mail = remember(case, verdict, door, seen)
        if verdict == 'reject':
            text = reply.split(' ', 1)[1]
            self.assertRegex(at_auth, '^' + re.escape(
                REFUSED[listener] + text) + ID)
            self.door.wait_log(r'^.*\bid=%s (?=.*\bdoor=auth\b).*\bverdict='
                               r'reject\b.*$' % at_auth[-11:-1], 10)
            self.assertEqual(at_mail, '-')
        else:
            self.assertEqual(at_auth[:4], '235 ', at_auth)
            self.passes(at_mail, reply)

    def passes(self, at_mail, reply):
        """The reply to MAIL is the expected one of the milter."""
        if reply is None:
            self.assertEqual(at_mail, OK)
        else:
            self.assertRegex(at_mail, '^' + re.escape(reply) + ID)

    def run_case(self, case):
        commands, login, verdict, reason = CASES[case]
        self.given_by(commands)
        with self.milter(), self.authd() as self.door:
            for door, seen in self.site.attempts(login).items():
                with self.subTest(door):
                    found = self.check(login, 'smtp', door[1])
                    self.assertEqual(found[:2], (verdict, reason))
                    self.compare(case, door, seen, *found[::2])
            # And where the milter alone is asked, at MAIL.
            alone = self.site.attempts(login, ['unasked'])
            for _, at_mail in alone.values():
                self.passes(at_mail, found[2])
            self.assertRegex(self.site.imap(login), '^OK ')

    def test_exempt_listener(self):
        """The line of contrib/postfix for webmail."""
        self.ctl('settings add exempt-listeners WEBMAIL')
        with self.milter(), self.authd() as self.door:
            attempts = self.site.attempts(ALICE, ['webmail', 'submission'])
            for (listener, mechanism), seen in attempts.items():
                found = self.check(ALICE, listener, mechanism)
                if listener == 'webmail':
                    self.assertEqual(found,
                                     ('allow', 'exempt-listener', None))
                self.compare('exempt listener', (listener, mechanism), seen,
                             *found[::2])
            self.ctl('mailbox lock ' + ALICE)
            at_auth, at_mail = self.site.attempt('webmail', 'PLAIN', ALICE)
            self.assertEqual(at_auth[:4], '235 ')
            self.assertRegex(at_mail, '^550 5.7.1 SMTP AUTH is locked')

    def test_modern_mechanism(self):
        """A token is no password, and the door does not take it for one."""
        with self.milter(), self.authd():
            with self.assertRaises(smtplib.SMTPAuthenticationError) as seen:
                self.site.modern('submission', ALICE)
            self.assertIn(b'5.7.1 SMTP AUTH is disabled for tenant acme',
                          seen.exception.smtp_error)
            self.ctl('tenant set acme --blocks passwords')
            with self.site.modern('submission', ALICE) as smtp:
                self.assertEqual(door_rig.mail(smtp), OK)

    def test_wrong_password(self):
        """Who is refused learns nothing of the password, which Dovecot does
        not look at; who is not is refused by Dovecot."""
        def mismatches(login):
            return len(re.findall(r'%s\b.*assword mismatch' % login,
                                  self.site.log()))
        before = {login: mismatches(login) for login in (ALICE, PRINTER)}
        with self.milter(), self.authd():
            for mechanism in MECHANISMS:
                texts = {re.sub(ID, '', self.site.auth(
                    'submission', mechanism, ALICE, password)[1])
                         for password in (None, 'wrong', '')}
                self.assertEqual(texts, {
                    REFUSED['submission'] +
                    '5.7.1 SMTP AUTH is disabled for tenant acme'})
            for mechanism in MECHANISMS:
                reply = self.site.auth('submission', mechanism, PRINTER,
                                       'wrong')[1]
                self.assertNotIn('SMTP AUTH', reply)
                self.assertEqual(reply[:4], '535 ')
        harness.wait_for(lambda: mismatches(PRINTER) > before[PRINTER],
                         what='wrong password in the log of Dovecot')
        self.assertEqual(mismatches(ALICE), before[ALICE])

    def test_question(self):
        """What Dovecot asks, and that nothing of the password is in it."""
        asked = []

        def answer(path, headers, body):
            asked.append((path, headers['Authorization'], json.loads(body)))
            return http_answer(b'{"status":-1,"msg":"no"}')

        doors = {'submission': 'smtp', 'dovecot': 'submission'}
        with self.milter(), Fake(self.door_port, answer):
            for listener, protocol in doors.items():
                for mechanism in MECHANISMS:
                    self.site.auth(listener, mechanism, ALICE)
                    path, key, question = asked.pop()
                    self.assertEqual(path, '/v1/auth?command=allow')
                    self.assertEqual(key, 'Bearer ' + self.key)
                    self.assertEqual(question, {
                        **question, 'login': ALICE, 'remote': '127.0.0.1',
                        'protocol': protocol, 'mechanism': mechanism})
                    self.assertEqual(question.get('pwhash', ''), '')
        self.assertEqual(asked, [])     # once for each login

    def test_imap_is_not_asked(self):
        refuse = http_answer(b'{"status":-1,"msg":"no"}')
        with self.milter(), Fake(self.door_port, refuse) as fake:
            self.assertRegex(self.site.imap(ALICE), '^OK ')
            self.assertRegex(self.site.imap(ALICE, 'wrong'),
                             r'^NO \[AUTHENTICATIONFAILED\]')
            self.assertEqual(fake.asked, 0)
            self.assertEqual(self.site.auth('submission', 'PLAIN', ALICE)[1],
                             REFUSED['submission'] + 'no')
            self.assertEqual(fake.asked, 1)

    def test_change_is_in_force(self):
        """At the next AUTH, in a session that is open, too."""
        refused = '535 5.7.8 Error: authentication failed: 5.7.1 SMTP AUTH'
        with self.milter(), self.authd():
            for mechanism in MECHANISMS:
                for _ in range(2):
                    smtp = self.site.connect('submission')
                    with smtp:
                        for _ in range(2):
                            reply = door_rig.auth(
                                smtp, mechanism, ALICE, door_rig.PASSWORD)
                            self.assertEqual(reply[:len(refused)], refused)
                        self.ctl('mailbox set %s --smtp-auth enabled' % ALICE)
                        reply = door_rig.auth(
                            smtp, mechanism, ALICE, door_rig.PASSWORD)
                        self.assertEqual(reply[:4], '235 ')
                        self.assertEqual(door_rig.mail(smtp), OK)
                    self.ctl('mailbox set %s --smtp-auth inherit' % ALICE)

    def test_address_is_not_held_up(self):
        """A login from the address of a device that keeps trying waits for
        nothing: the listener of the penalty is off."""
        with self.milter(), self.authd():
            for n in range(8):
                self.site.auth('submission', 'PLAIN', ALICE, 'guess %d' % n)
            start = time.monotonic()
            reply = self.site.attempt('submission', 'PLAIN', PRINTER)[1]
            self.assertEqual(reply, OK)
            self.assertLess(time.monotonic() - start, 2)


for name in CASES:
    setattr(Verdicts, 'test_case_' + re.sub(r'\W+', '_', name),
            lambda self, name=name: self.run_case(name))


class Faults(door_rig.DoorCase):
    """What is wrong with authd costs the door, and never a login."""

    BROKEN = {
        'error 500': http_answer(b'', '500 Internal Server Error'),
        'no JSON': http_answer(b'<html>'),
        'empty object': http_answer(b'{}'),
        'half an answer': http_answer(b'{"status":-1}')[:-3],
        'no HTTP': b'220 mx.example.test ESMTP\r\n',
        'closed at once': b'',
    }

    def milter_alone(self, case, printer=True):
        """Logins go on, and the milter refuses at MAIL."""
        for door, seen in self.site.attempts(ALICE).items():
            with self.subTest(case, door=door):
                at_auth, at_mail = remember(case, 'reject', door, seen)
                self.assertEqual(at_auth[:4], '235 ')
                self.assertRegex(at_mail, '^550 5.7.1 SMTP AUTH is disabled')
        if printer:
            self.assertEqual(self.site.attempt('submission', 'PLAIN',
                                               PRINTER)[1], OK)

    def refused_at_auth(self, listener='submission', mechanism='PLAIN'):
        reply = self.site.auth(listener, mechanism, ALICE)[1]
        return reply.startswith(REFUSED[listener] + '5.7.1 SMTP AUTH is disa')

    def door_is_back(self):
        """Where nothing listened, Dovecot does not connect again at once, but
        after a minute at most."""
        with self.authd():
            start = time.monotonic()
            harness.wait_for(self.refused_at_auth, 70, 'refusal at AUTH')
            print('# door back after %.1f s' % (time.monotonic() - start))
            for (listener, _), seen in self.site.attempts(ALICE).items():
                self.assertEqual(seen[0][:len(REFUSED[listener])],
                                 REFUSED[listener])
                self.assertIn('SMTP AUTH is disabled', seen[0])
            self.assertEqual(self.site.attempt('submission', 'PLAIN',
                                               PRINTER)[1], OK)

    def test_nothing_listens(self):
        with self.milter():
            self.milter_alone('nothing listens')
            self.door_is_back()

    def test_broken_answers(self):
        with self.milter():
            for case, answer in self.BROKEN.items():
                with Fake(self.door_port, answer) as fake:
                    self.milter_alone(case)
                    self.assertGreater(fake.asked, 3)
            self.door_is_back()

    def test_hung(self):
        """A login waits for the time limit of the file, and goes on; so do
        several at once."""
        with self.milter():
            with Fake(self.door_port, None):
                start = time.monotonic()
                self.milter_alone('hung', printer=False)
                taken = time.monotonic() - start
                print('# hung: %.2f s' % taken)
                self.assertGreater(taken, 0.9)
                self.assertLess(taken, 4)
            self.door_is_back()

    def test_stopped(self):
        """The same with authd itself, which then goes on."""
        with self.milter(), self.authd() as door:
            self.assertTrue(self.refused_at_auth())
            harness.freeze(door.process)
            at_auth, at_mail = self.site.attempt('submission', 'PLAIN', ALICE)
            self.assertEqual(at_auth[:4], '235 ')
            self.assertRegex(at_mail, '^550 5.7.1 SMTP AUTH is disa')
            door.process.send_signal(signal.SIGCONT)
            self.assertTrue(self.refused_at_auth())

    def test_killed(self):
        """In between two logins, with Dovecot's connection kept open."""
        with self.milter():
            for _ in range(3):
                door = self.authd().start()
                harness.wait_for(self.refused_at_auth, 70, 'refusal at AUTH')
                door.kill()
                at_auth, at_mail = self.site.attempt('submission', 'PLAIN',
                                                     ALICE)
                self.assertEqual(at_auth[:4], '235 ')
                self.assertRegex(at_mail, '^550 5.7.1 SMTP AUTH is disa')
            self.door_is_back()

    def test_killed_with_a_socket_unit(self):
        """Where something holds the socket, Dovecot does not notice: a login
        meanwhile waits for the restart, and the next one is refused."""
        held = socket.create_server(('127.0.0.1', self.door_port))
        self.addCleanup(held.close)
        with self.milter(), concurrent.futures.ThreadPoolExecutor() as pool:
            door = self.authd(listening=held).start()
            harness.wait_for(self.refused_at_auth, 70, 'refusal at AUTH')
            for _ in range(3):
                door.kill()
                meanwhile = pool.submit(self.site.attempt, 'submission',
                                        'PLAIN', ALICE)
                self.assertTrue(select.select([held], [], [], 10)[0])
                door = self.authd(listening=held).start()
                # On a busy machine it may not wait long enough for that.
                self.assertRegex(' '.join(meanwhile.result()),
                                 '5.7.1 SMTP AUTH is disabled')
                self.assertTrue(self.refused_at_auth())
            door.stop()

    def test_wrong_key(self):
        """Dovecot's key is not that of authd."""
        with open(os.path.join(self.dir, 'auth.key'), 'w',
                  encoding='ascii') as f:
            f.write('0' * 64 + '\n')
        with self.milter(), self.authd():
            self.milter_alone('wrong key')
        self.site.wait_log('HTTP error: 401 Unauthorized')

    def test_no_database(self):
        """on-error decides, and only `reject' refuses at AUTH."""
        database = os.path.join(self.dir, 'policy.mdb')
        os.rename(database, database + '.away')
        for on_error, auth, at_mail in (
                ('tempfail', '235 ', '^451 4.3.0 SMTP AUTH policy tempor'),
                ('accept', '235 ', '^' + OK),
                ('reject', '535 ', '^-')):
            with self.subTest(on_error), self.milter(on_error=on_error), \
                    self.authd(on_error=on_error):
                seen = self.site.attempt('submission', 'PLAIN', PRINTER)
                self.assertEqual(seen[0][:4], auth, seen)
                self.assertRegex(seen[1], at_mail)


def print_table():
    for (case, verdict), dialogues in TABLE.items():
        print('# %s (%s)' % (case, verdict))
        for (at_auth, at_mail), where in dialogues.items():
            print('#   AUTH %s' % at_auth[:WIDTH])
            if at_mail != '-':
                print('#   MAIL %s' % at_mail[:WIDTH])
            print('#        %s' % ', '.join(where))


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # tidy up
    try:
        harness.main()
    finally:
        print_table()
