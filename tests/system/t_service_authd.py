#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauth-authd as the service of contrib/systemd, under a real systemd and
with all its restrictions, beside the milter."""

import json
import os
import re
import threading
import time

import harness
import service_machine
from service_machine import AUTH_ADDRESS, AUTHD, UNIT, ask_at_auth, http

DENIED = '5.7.1 SMTP AUTH is disabled for tenant acme'
SYSCALLS = re.compile(r'status=31/SYS|SIGSYS|Bad system call')
RESTARTS = 5


class Asker(threading.Thread):
    """Asks all the time, each time on a new connection."""

    def __init__(self, box, key):
        super().__init__()
        self.box, self.key = box, key
        self.done, self.answers, self.trouble = False, 0, []

    def run(self):
        while not self.done:
            try:
                status, said = ask_at_auth(
                    self.box, self.key, login='alice@acme.test')
                if status != 200 or not said['msg'].startswith(DENIED):
                    self.trouble.append((status, said))
            except OSError as e:
                self.trouble.append(e)
            self.answers += 1


class Service(harness.Case):
    """One machine for all tests; each begins with nothing running."""

    given = ()

    @classmethod
    def setUpClass(cls):
        cls.why_not = service_machine.missing()
        if cls.why_not is None:
            cls.box = service_machine.Site().__enter__()
            cls.addClassCleanup(cls.box.end)

    def setUp(self):
        if self.why_not:
            self.skipTest(self.why_not)
        super().setUp()
        self.box.reset()
        self.key = self.box.read(self.box.state + '/auth.key').strip()
        self.addCleanup(self.no_call_was_refused)

    def no_call_was_refused(self):
        self.assertNotRegex(self.box.log('--priority=debug'), SYSCALLS)

    def diagnostics(self):
        return 'the journal:\n' + self.box.log('-n', '60')

    def start(self, unit=AUTHD):
        self.box.run(['systemctl', 'start', unit])
        return self.box.pid_of(unit)

    def ask(self, login, key=None, **keys):
        return ask_at_auth(self.box, key or self.key, login=login, **keys)

    def decides(self, **keys):
        """Both ways, and a change is in force at the next question."""
        status, said = self.ask('alice@acme.test', **keys)
        self.assertEqual((status, said['status']), (200, -1))
        self.assertRegex(said['msg'], r'\A%s \[\w{10}\]\Z' % re.escape(DENIED))
        allowed = 200, {'status': 0, 'msg': ''}
        self.assertEqual(self.ask('printer@acme.test', **keys), allowed)
        self.box.ctl('mailbox set bob@acme.test --smtp-auth enabled')
        self.assertEqual(self.ask('bob@acme.test', **keys), allowed)
        self.box.ctl('mailbox remove bob@acme.test')
        self.assertEqual(self.ask('bob@acme.test', **keys)[1]['status'], -1)
        self.assertEqual(self.ask('printer@acme.test', '0' * 64, **keys)[0],
                         401)

    def test_ready_when_started_and_says_how_it_is(self):
        self.start()
        shown = self.box.show(AUTHD, 'Type', 'ActiveState', 'StatusText',
                              'WatchdogUSec', 'NRestarts')
        self.assertRegex(shown.pop('StatusText'),
                         r'^policy database verified: \d+ records')
        self.assertEqual(shown, {
            'Type': 'notify', 'ActiveState': 'active', 'NRestarts': '0',
            'WatchdogUSec': '30s'})
        self.assertIn('policy database verified', self.box.status(AUTHD))
        self.decides()
        self.assertEqual(http(self.box, 'GET', '/health')[0], 200)
        self.box.wait_log(r'verdict=reject reason=tenant-disabled '
                          r'login=alice@acme\.test .*door=auth')

    def test_it_has_no_rights_but_those_it_needs(self):
        facts = self.box.read('/proc/%d/status' % self.start())
        user = int(self.box.run('id -u smtpauth').stdout)
        for line in (r'CapEff:\t0+', r'CapBnd:\t0+', r'NoNewPrivs:\t1',
                     r'Seccomp:\t2', r'Uid:\t%d\t%d\t%d\t%d' % ((user,) * 4)):
            self.assertRegex(facts, line + r'\n')
        self.assertEqual(self.box.run(
            'stat -c "%%U:%%G %%a" %s/auth.key' % self.box.state
            ).stdout.strip(), 'root:smtpauth 640')
        self.decides()

    def test_refusals_are_counted_beside_the_milter(self):
        """Both write to one database, and neither waits for the other."""
        self.box.configure('usage-flush = 1\nmetrics-file = '
                           '/run/%s/mail.prom\n[authd]\nmetrics-file = '
                           '/run/%s/auth.prom\n' % (UNIT, UNIT))
        self.start(UNIT)
        self.start()
        for _ in range(3):
            self.assertEqual(self.ask('alice@acme.test', remote='192.0.2.7')
                             [1]['status'], -1)
            self.box.ask('alice@acme.test')
        harness.wait_for(self.both_are_counted, what='both counts')
        self.box.run('grep smtpauth_auth_refused_total /run/%s/auth.prom && '
                     'grep smtpauth_decisions_total /run/%s/mail.prom' % (
                         UNIT, UNIT))

    def both_are_counted(self):
        found = self.box.ctl('--json usage --denied').stdout
        lines = [json.loads(line) for line in found.splitlines()]
        return any((row['denied'], row['auth_denied']) == (3, 3)
                   for row in lines if row['mailbox'] == 'alice@acme.test')

    def test_a_restart_refuses_no_connection(self):
        """systemd holds the address; each question is answered, be it late,
        and by the policy, as soon as that is verified."""
        self.start()
        asker = Asker(self.box, self.key)
        asker.start()
        try:
            for _ in range(RESTARTS):
                before, pid = asker.answers, self.box.pid_of(AUTHD)
                self.box.run('systemctl restart ' + AUTHD)
                self.assertNotEqual(self.box.pid_of(AUTHD), pid)
                harness.wait_for(lambda: asker.answers > before + 1,
                                 what='answers')
        finally:
            asker.done = True
            asker.join()
        print('# %d answers over %d restarts, %d not good' % (
            asker.answers, RESTARTS, len(asker.trouble)))
        # One that is under way when its daemon stops may be cut off.
        self.assertEqual([t for t in asker.trouble
                          if isinstance(t, ConnectionRefusedError)
                          or isinstance(t, tuple)], [])
        self.assertLessEqual(len(asker.trouble), RESTARTS)

    def test_it_comes_back_after_hup_and_after_kill(self):
        for sig in 'HUP', 'KILL', 'ABRT':
            pid = self.start()
            self.box.run('kill -%s %d' % (sig, pid))
            took = self.box.wait_new(pid, AUTHD)
            print('# back %.2f s after SIG%s' % (took, sig))
            self.assertLess(took, 4)
            self.decides()

    def test_stop_takes_no_time_with_an_open_connection(self):
        self.start()
        with self.box.connect(AUTH_ADDRESS):
            start = time.monotonic()
            self.box.run('systemctl stop %s.socket %s' % (AUTHD, AUTHD))
            self.assertLess(time.monotonic() - start, 3)
        self.assertEqual(self.box.show(AUTHD, 'Result'), 'success')
        with self.assertRaises(ConnectionRefusedError):
            self.ask('alice@acme.test')

    def test_watchdog_ends_a_daemon_that_hangs(self):
        self.box.drop_in(AUTHD, 'soon', '[Service]\nWatchdogSec=2\n')
        pid = self.start()
        time.sleep(5)       # alive for more than twice the time: left alone
        self.assertEqual(self.box.pid_of(AUTHD), pid)
        self.box.run('kill -STOP %d' % pid)
        self.box.wait_new(pid, AUTHD)
        self.box.wait_log('Watchdog timeout')
        self.decides()

    def test_the_first_connection_starts_it_without_a_network(self):
        self.box.drop_in(AUTHD, 'unix-only', self.box.shipped('unix-only.conf'))
        self.box.run('systemctl start %s.socket' % AUTHD)
        self.assertEqual(self.box.show(AUTHD, 'ActiveState'), 'inactive')
        self.decides()
        self.assertNotEqual(*(os.readlink(self.box.path(
            '/proc/%d/ns/net' % p)) for p in (self.box.pid_of(AUTHD), 1)))

    def test_without_the_socket_unit(self):
        self.box.run('systemctl mask --runtime %s.socket' % AUTHD)
        self.start()
        self.decides()

    def test_another_address_of_its_section(self):
        """It is not the milter's: that one stays where it is."""
        self.box.configure('[authd]\nsocket = inet:9988@127.0.0.1\n')
        self.start(UNIT)
        self.start()
        self.decides(address=('127.0.0.1', 9988))
        self.assertIn(DENIED, self.box.ask('alice@acme.test'))
        self.box.wait_log('systemd holds inet:8898@127.0.0.1, too, and nobody '
                          'answers there: .*mask --now %s.socket' % AUTHD)

    def test_without_a_key_it_says_so_once(self):
        path = self.box.state + '/auth.key'
        for spoil in 'rm', 'chmod 600', 'echo no >':
            with self.subTest(spoil=spoil):
                self.box.run('%s %s' % (spoil, path))
                self.box.run('systemctl start ' + AUTHD, check=False)
                self.box.wait(AUTHD, 'failed')
                time.sleep(3)       # three times RestartSec
                self.assertEqual(self.box.show(AUTHD, 'ActiveState',
                                               'NRestarts'),
                                 {'ActiveState': 'failed', 'NRestarts': '0'})
                self.assertIn('status=78/CONFIG', self.box.status(AUTHD))
                self.assertIn(path, self.box.log('-n', '20'))
                self.box.run('rm -f %s; smtpauthctl init; systemctl '
                             'reset-failed' % path)
        self.key = self.box.read(path).strip()
        self.start()
        self.decides()

    def test_a_lost_database_lets_the_milter_decide(self):
        self.start()
        self.box.run('rm %s/policy.mdb' % self.box.state)
        harness.wait_for(lambda: self.ask('alice@acme.test') == (
            200, {'status': 0, 'msg': ''}), what='loss')
        self.assertEqual(http(self.box, 'GET', '/health')[0], 503)
        self.assertIn('smtpauthctl restore', self.box.show(AUTHD, 'StatusText'))
        self.assertEqual(self.box.show(AUTHD, 'ActiveState'), 'active')

    def test_both_units_are_enabled_and_disabled_together(self):
        for command, state in ('enable', 'enabled'), ('disable', 'disabled'):
            self.box.run('systemctl %s %s' % (command, AUTHD))
            for unit in AUTHD, AUTHD + '.socket':
                self.assertEqual(self.box.show(unit, 'UnitFileState'), state)

    def test_why_reads_its_journal(self):
        for log in 'stderr', 'syslog', 'json':
            with self.subTest(log=log):
                self.box.configure('[authd]\nlog = %s\n' % log)
                self.box.run(['systemctl', 'restart', AUTHD])
                found = re.search(r'\[(\w{10})\]', self.ask(
                    'alice@acme.test')[1]['msg'])[1]
                self.box.wait_log(found)
                got = json.loads(self.box.ctl('--json why ' + found).stdout)
                self.assertEqual((got['verdict'], got['login']),
                                 ('reject', 'alice@acme.test'))


if __name__ == '__main__':
    harness.main()
