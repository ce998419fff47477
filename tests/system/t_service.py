#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The units of contrib/systemd under a real systemd, with all their
restrictions."""

import errno
import fcntl
import json
import os
import re
import socket
import subprocess
import time

import harness
import service_machine
from service_machine import ADDRESS, CHROOT, UNIT

DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
SYSCALLS = re.compile(r'status=31/SYS|SIGSYS|Bad system call')


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
        self.addCleanup(self.no_call_was_refused)

    def no_call_was_refused(self):
        self.assertNotRegex(self.box.log('--priority=debug'), SYSCALLS)

    def diagnostics(self):
        return 'the journal:\n' + self.box.log('-n', '60')

    def start(self, unit=UNIT):
        self.box.run(['systemctl', 'start', unit])
        return self.box.pid_of(unit)

    def decides(self, address=ADDRESS):
        """Both ways, and a change is in force at the next MAIL of an open
        session."""
        box = self.box
        self.assertIn(DENIED, box.ask('alice@acme.test', address))
        self.assertEqual(box.ask('printer@acme.test', address), 'allow')
        with box.connect(address) as s:
            session = service_machine.Mta(s)
            for _ in range(3):
                self.assertIn(DENIED, session.mail('bob@acme.test'))
                box.ctl('mailbox set bob@acme.test --smtp-auth enabled')
                self.assertEqual(session.mail('bob@acme.test'), 'allow')
                box.ctl('mailbox remove bob@acme.test')

    def refused(self, address=ADDRESS):
        """Whether nobody listens."""
        try:
            self.box.connect(address).close()
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        return False

    def status(self):
        result = self.box.ctl('--json status', check=False)
        return result.returncode, json.loads(result.stdout)['daemon']

    # -- start ------------------------------------------------------------

    def test_ready_when_started_and_says_how_it_is(self):
        self.assertEqual(self.status(), (3, None))
        pid = self.start()
        shown = self.box.show(UNIT, 'Type', 'ActiveState', 'StatusText',
                              'WatchdogUSec', 'NRestarts')
        self.assertEqual(shown['Type'], 'notify')
        self.assertEqual(shown['ActiveState'], 'active')
        self.assertEqual(shown['WatchdogUSec'], '30s')
        self.assertEqual(shown['NRestarts'], '0')
        self.assertRegex(shown['StatusText'], r'^enforcing: 1 of 1 tenants '
                         r'denied; .* verified: \d+ records')
        self.assertIn(shown['StatusText'], self.box.status(UNIT))
        self.decides()
        rc, daemon = harness.wait_for(
            lambda: self.status() if self.status()[1] else None,
            what='heartbeat')
        self.assertEqual((rc, daemon['pid'], daemon['socket']),
                         (0, pid, 'inet:8899@127.0.0.1'))
        self.box.ctl('settings set enforce no')
        harness.wait_for(lambda: self.box.show(UNIT, 'StatusText').startswith(
            'DRY RUN (enforce no): nothing is denied'), what='dry run')

    def test_it_has_no_rights_but_those_it_needs(self):
        facts = self.box.read('/proc/%d/status' % self.start())
        self.assertRegex(facts, r'CapEff:\t0+\n')
        self.assertRegex(facts, r'CapBnd:\t0+\n')
        self.assertRegex(facts, r'NoNewPrivs:\t1\n')
        self.assertRegex(facts, r'Seccomp:\t2\n')
        user = int(self.box.run('id -u smtpauth').stdout)
        self.assertRegex(facts, r'Uid:\t%d\t%d\t%d\t%d\n' % ((user,) * 4))
        self.decides()
        self.assertEqual(self.modes('', 'policy.mdb', 'policy.turn',
                                    'policy.writers', 'usage', 'usage/usage.mdb',
                                    'usage/usage.mdb-lock'), [
            'root:smtpauth 750', 'root:smtpauth 640', 'root:root 600',
            'root:smtpauth 640',
            'smtpauth:smtpauth 700', 'smtpauth:smtpauth 600',
            'smtpauth:smtpauth 600'])

    def modes(self, *names):
        return self.box.run(['stat', '-c', '%U:%G %a', *(
            '%s/%s' % (self.box.state, n) for n in names)]
        ).stdout.splitlines()

    def test_a_call_that_the_unit_refuses_would_be_seen(self):
        self.box.drop_in(UNIT, 'mistake',
                         '[Service]\nSystemCallFilter=~sendto\n')
        self.box.run(['systemctl', 'start', '--no-block', UNIT])
        self.box.wait_log(SYSCALLS.pattern)
        self.doCleanups = lambda: None      # it is what is asked for here

    # -- the log ----------------------------------------------------------

    def test_standard_error_goes_to_the_journal(self):
        self.start()
        self.decides()
        self.box.wait_log(r'verdict=reject reason=tenant-disabled '
                          r'login=alice@acme\.test')
        self.box.wait_log(r'verdict=allow reason=mailbox-enabled '
                          r'login=printer@acme\.test')

    def entries(self, *args):
        return [json.loads(line) for line in
                self.box.log('-o', 'json', *args).splitlines()]

    def test_lines_have_their_priority_in_the_journal(self):
        self.start()
        self.decides()
        self.box.wait_log('verdict=reject')
        self.assertEqual(self.entries('-p', 'err'), [])
        self.box.run('rm %s/policy.mdb' % self.box.state)
        self.box.wait_log('smtpauthctl restore')
        error, = self.entries('-p', 'err')
        self.assertRegex(error['MESSAGE'], r'\Aerror: .*smtpauthctl restore')
        own = [m for m in self.entries() if m['_COMM'] == UNIT[:15]]
        self.assertIn('6', [m['PRIORITY'] for m in own
                            if 'verdict=reject' in m['MESSAGE']])
        for m in own:
            self.assertEqual(m['SYSLOG_IDENTIFIER'], UNIT)
            self.assertNotIn(UNIT + ': ', m['MESSAGE'])

    def test_a_start_that_fails_is_an_error_in_the_journal(self):
        for conf, word in (('colour = blue\n', 'colour'),
                           ('log = syslog\nsocket = inet:9@192.0.2.1\n',
                            'is no address of this machine')):
            self.box.configure(conf)
            self.box.run('systemctl start ' + UNIT, check=False)
            harness.wait_for(lambda: [
                m for m in self.entries('-p', 'err', '_COMM=' + UNIT[:15])
                if word in m['MESSAGE']], what='error')

    def test_syslog_reaches_the_journal_as_mail(self):
        self.box.configure('log = syslog\n')
        self.start()
        self.decides()
        self.box.wait_log('login=alice@acme')
        lines = [json.loads(line) for line in
                 self.box.log('-o', 'json').splitlines()]
        line, = [m for m in lines if 'login=alice@acme' in m['MESSAGE']]
        self.assertEqual(line['SYSLOG_FACILITY'], '2')
        self.assertEqual(line['SYSLOG_IDENTIFIER'], 'smtpauth-milter')
        self.assertEqual(line['_SYSTEMD_UNIT'], UNIT + '.service')

    def test_why_reads_the_journal(self):
        """An id of a reply, explained from what the unit has logged."""
        for log in 'stderr', 'syslog', 'json':
            with self.subTest(log=log):
                self.box.configure('log = %s\n' % log)
                self.box.run(['systemctl', 'restart', UNIT])
                found = re.search(r'\[(\w{10})\]', self.box.ask(
                    'alice@acme.test'))[1]
                self.box.wait_log(found)
                got = json.loads(self.box.ctl('--json why ' + found).stdout)
                self.assertEqual(got['found_in'], 'the journal of %s and %s' % (
                    UNIT, service_machine.AUTHD))
                self.assertEqual((got['verdict'], got['login']),
                                 ('reject', 'alice@acme.test'))
                self.assertEqual(got['then']['reason'], 'tenant-disabled')
                self.assertIsNone(got['doubt'])
        self.assertEqual(self.box.ctl('why 0000000000', check=False).returncode, 1)

    # -- ends -------------------------------------------------------------

    def test_it_comes_back_after_hup_and_after_kill(self):
        for sig in 'HUP', 'KILL', 'ABRT':
            pid = self.start()
            self.box.run('kill -%s %d' % (sig, pid))
            took = self.box.wait_new(pid)
            print('# back %.2f s after SIG%s' % (took, sig))
            self.assertLess(took, 4)
            self.decides()

    def test_stop_takes_less_than_a_second_or_two(self):
        self.start()
        with self.box.connect(ADDRESS) as s:
            service_machine.Mta(s).mail('alice@acme.test')
            start = time.monotonic()
            self.box.run('systemctl stop %s.socket %s' % (UNIT, UNIT))
            self.assertLess(time.monotonic() - start, 3)
        self.assertEqual(self.box.show(UNIT, 'Result'), 'success')
        self.assertTrue(self.refused())

    def test_watchdog_ends_a_daemon_that_hangs(self):
        self.box.drop_in(UNIT, 'soon', '[Service]\nWatchdogSec=2\n')
        pid = self.start()
        time.sleep(5)       # alive for more than twice the time: left alone
        self.assertEqual(self.box.pid_of(), pid)
        self.box.run('kill -STOP %d' % pid)
        took = self.box.wait_new(pid)
        print('# back %.2f s after SIGSTOP, WatchdogSec=2' % took)
        self.box.wait_log('Watchdog timeout')
        self.decides()

    # -- mistakes ---------------------------------------------------------

    def test_a_bad_configuration_is_said_once_and_not_tried_again(self):
        self.box.configure('colour = blue\n')
        result = self.box.run('systemctl start ' + UNIT, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.box.wait(UNIT, 'failed')
        time.sleep(3)       # three times RestartSec
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'failed')
        said = [line for line in self.box.log().splitlines()
                if 'colour' in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn(self.box.conf, said[0])
        self.assertIn('status=78/CONFIG', self.box.status(UNIT))
        self.box.configure()
        self.start()
        self.decides()

    def test_without_a_database_it_runs_and_says_init(self):
        self.box.run('rm -r %s/*' % self.box.state)
        self.start()
        self.assertIn('smtpauthctl init', self.box.show(UNIT, 'StatusText'))
        self.assertIn('451 4.3.0', self.box.ask('alice@acme.test'))
        self.box.ctl('init')
        self.box.ctl('tenant add acme --domain acme.test')
        self.box.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        harness.wait_for(lambda: self.box.ask('printer@acme.test') == 'allow',
                         what='new database')
        self.decides()

    def test_a_lost_database_stays_lost_until_it_is_restored(self):
        self.box.ctl('backup /root/backup')
        self.start()
        self.decides()
        self.box.run('rm %s/policy.mdb' % self.box.state)
        self.box.wait_log('smtpauthctl restore')
        for _ in range(2):
            self.assertIn('smtpauthctl restore',
                          self.box.show(UNIT, 'StatusText'))
            self.assertEqual(self.box.ctl('init', check=False).returncode, 73)
            for login in 'alice@acme.test', 'printer@acme.test':
                self.assertIn('451 4.3.0', self.box.ask(login))
            self.box.run('systemctl restart ' + UNIT)
        self.box.ctl('restore /root/backup')
        harness.wait_for(lambda: self.box.ask('printer@acme.test') == 'allow',
                         what='old database')
        self.decides()

    # -- instances and sockets --------------------------------------------

    def test_two_instances_share_one_policy(self):
        ports = 8911, 8912
        for port in ports:
            self.box.configure('socket = inet:%d@127.0.0.1\n' % port,
                               'at%d' % port)
            self.start('%s@at%d' % (UNIT, port))
        for port in ports:
            self.decides(('127.0.0.1', port))
        self.box.run('systemctl stop %s@at8911' % UNIT)
        self.assertTrue(self.refused(('127.0.0.1', 8911)))
        self.decides(('127.0.0.1', 8912))

    def test_instance_with_the_socket_unit(self):
        path = '/run/%s-two.sock' % UNIT
        self.box.configure(name='two')
        self.box.drop_in(UNIT + '@two.socket', 'group',
                         '[Socket]\nSocketGroup=mail\n')
        self.box.run('systemctl start %s@two.socket' % UNIT)
        for _ in range(2):
            self.decides(path)
            self.assertEqual(self.owner(path), 'root:mail 660')
            self.box.run('systemctl restart %s@two' % UNIT)

    def test_unix_socket_without_any_network(self):
        self.box.drop_in(UNIT, 'unix-only', self.box.shipped('unix-only.conf'))
        self.box.configure('socket = unix:/run/%s/milter.sock\n'
                           'socket-mode = 0666\n' % UNIT)
        pid = self.start()
        self.decides('/run/%s/milter.sock' % UNIT)
        self.assertNotEqual(*(os.readlink(self.box.path(
            '/proc/%d/ns/net' % p)) for p in (pid, 1)))
        self.box.run('kill -9 %d' % pid)        # leaves the file behind
        self.box.wait_new(pid)
        self.decides('/run/%s/milter.sock' % UNIT)

    def test_unix_socket_for_a_chrooted_postfix(self):
        self.box.run('getent group postfix || groupadd --system postfix')
        self.box.write('/etc/tmpfiles.d/smtpauth-milter-postfix.conf',
                       self.box.shipped('postfix-chroot.tmpfiles'))
        self.box.run('mkdir -p /var/spool/postfix && systemd-tmpfiles '
                     '--create --prefix=' + CHROOT)
        self.assertEqual(self.owner(CHROOT), 'smtpauth:postfix 2710')
        self.box.configure('socket = unix:%s/milter.sock\n' % CHROOT)
        for name in 'strict', 'unix-only':
            self.start()
            self.decides(CHROOT + '/milter.sock')
            self.assertEqual(self.owner(CHROOT + '/milter.sock'),
                             'smtpauth:postfix 660')
            self.box.run('systemctl stop ' + UNIT)
            self.assertTrue(self.refused(CHROOT + '/milter.sock'))
            self.box.drop_in(UNIT, 'unix-only',
                             self.box.shipped('unix-only.conf'))

    def owner(self, path):
        return self.box.run(['stat', '-c', '%U:%G %a', path]).stdout.strip()

    def test_socket_unit_starts_it_and_needs_no_network(self):
        self.box.drop_in(UNIT, 'unix-only', self.box.shipped('unix-only.conf'))
        self.box.run('systemctl start %s.socket' % UNIT)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        self.decides()
        pid = self.box.pid_of()
        self.box.run('kill -9 %d' % pid)
        self.decides()      # waits in the kernel until the new one is there
        self.assertNotEqual(self.box.pid_of(), pid)

    def may_take(self, address=ADDRESS):
        """Whether a program of this machine could listen there."""
        for options in [], [socket.SO_REUSEADDR, socket.SO_REUSEPORT]:
            with self.box.inet_socket() as s:
                for option in options:
                    s.setsockopt(socket.SOL_SOCKET, option, 1)
                try:
                    s.bind(address)
                    s.listen()
                    return True
                except OSError as e:
                    self.assertEqual(e.errno, errno.EADDRINUSE)
        return False

    def test_nobody_takes_the_address_while_it_is_down(self):
        """The service brings its socket along, and leaves it to systemd."""
        self.start()
        self.assertEqual(self.box.show(UNIT + '.socket', 'ActiveState'),
                         'active')
        self.decides()
        self.box.run('systemctl stop ' + UNIT)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        self.assertFalse(self.may_take())
        self.decides()      # the first connection starts it again
        self.box.configure('colour = blue\n')
        self.box.run('kill -9 %d' % self.box.pid_of())
        self.box.wait(UNIT, 'failed')
        self.assertFalse(self.may_take())
        self.box.run('systemctl stop %s.socket' % UNIT)
        self.assertTrue(self.may_take())    # what all this is about
        self.box.configure()
        self.box.run('systemctl reset-failed')

    def test_both_are_enabled_and_disabled_together(self):
        for command, state in ('enable', 'enabled'), ('disable', 'disabled'):
            self.box.run('systemctl %s %s' % (command, UNIT))
            for unit in UNIT, UNIT + '.socket':
                self.assertEqual(self.box.show(unit, 'UnitFileState'), state)

    def test_unix_socket_beside_the_socket_unit(self):
        """What the README of Postfix has, with both units enabled."""
        path = '/run/%s/milter.sock' % UNIT
        self.box.configure('socket = unix:%s\nsocket-mode = 0666\n' % path)
        self.box.run('systemctl start %s.socket' % UNIT)
        pid = self.start()
        for _ in range(2):
            self.decides(path)
            self.box.wait_log('systemd holds inet:8899@127.0.0.1, too')
            self.box.run('systemctl restart ' + UNIT)
            self.assertNotEqual(self.box.pid_of(), pid)

    def test_the_configuration_decides_which_address_it_is(self):
        """A socket unit elsewhere is used, unless `socket` is set, be it to
        the default; then that is said, with the way out."""
        elsewhere = ('127.0.0.1', 9988)
        self.box.drop_in(UNIT + '.socket', 'port', '[Socket]\nListenStream=\n'
                         'ListenStream=127.0.0.1:9988\n')
        self.start()
        self.decides(elsewhere)
        self.assertTrue(self.refused(ADDRESS))
        self.assertNotIn('nobody answers', self.box.log())
        self.box.configure('socket = inet:8899@127.0.0.1\n')
        self.box.run('systemctl restart ' + UNIT)
        self.decides(ADDRESS)
        self.box.wait_log('systemd holds inet:9988@127.0.0.1, too, and nobody '
                          'answers there: .*systemctl mask --now ')
        self.box.run('systemctl mask --runtime --now %s.socket; '
                     'systemctl restart %s' % (UNIT, UNIT))
        self.decides(ADDRESS)
        self.assertTrue(self.refused(elsewhere))

    def test_another_port_beside_the_socket_unit(self):
        self.box.configure('socket = inet:9988@127.0.0.1\n')
        self.start()
        self.decides(('127.0.0.1', 9988))

    def test_every_address_beside_the_socket_unit(self):
        """systemd holds a part of it."""
        self.box.configure('socket = inet:8899@0.0.0.0\n')
        self.box.run('systemctl start %s.socket' % UNIT)
        self.start()
        self.decides(ADDRESS)
        self.box.wait_log('is used instead')

    def test_tcp_where_the_unit_has_no_network(self):
        self.box.drop_in(UNIT, 'unix-only', self.box.shipped('unix-only.conf'))
        for kind, host, name in (('inet', '127.0.0.1', 'IPv4'),
                                 ('inet6', '::1', 'IPv6')):
            self.box.run('systemctl mask --runtime %s.socket' % UNIT)
            at = '%s:9988@%s' % (kind, host)
            self.box.configure('socket = %s\n' % at)
            self.box.run('systemctl start ' + UNIT, check=False)
            self.box.wait_log('cannot listen on %s: this machine, or its '
                              'service unit, has no %s' % (at, name))
            self.box.run('systemctl stop ' + UNIT)

    def test_port_that_is_taken_beside_the_socket_unit(self):
        """Where the MTA asks another one, the daemon must not seem well."""
        self.box.configure('socket = inet:9988@127.0.0.1\n')
        with self.box.inet_socket() as taker:
            taker.bind(('127.0.0.1', 9988))
            taker.listen()
            self.box.run('systemctl start ' + UNIT, check=False)
            self.box.wait_log('cannot listen on inet:9988@127.0.0.1')
            self.assertNotEqual(self.box.show(UNIT, 'ActiveState'), 'active')
            self.assertNotIn('is used instead', self.box.log())
            taker.shutdown(socket.SHUT_RDWR)
        self.box.wait(UNIT)
        self.decides(('127.0.0.1', 9988))

    def test_bad_configuration_behind_a_socket_ends_too(self):
        self.box.configure('colour = blue\n')
        self.box.run('systemctl start %s.socket' % UNIT)
        with self.box.connect(ADDRESS):
            self.box.wait(UNIT + '.socket', 'failed')
        tries = self.box.log().count('colour')
        print('# a socket with a bad configuration: %d tries' % tries)
        self.assertLess(tries, 30)
        self.box.configure()
        time.sleep(10.5)    # the interval of that limit
        self.box.run('systemctl restart %s.socket' % UNIT)
        self.decides()

    # -- snapshots ----------------------------------------------------------

    def arrives(self, content):
        """A file is copied beside its place and then put there."""
        path = self.box.root + self.place
        with open(path + '.new', 'wb') as f:
            f.write(content)
        os.rename(path + '.new', path)

    def made(self, *commands):
        """The bytes of a snapshot that was made elsewhere."""
        for command in commands:
            self.ctl(command)
        name = self.tmp + '/made'
        self.ctl('snapshot', 'create', name, '--key', self.tmp + '/key.pem')
        with open(name, 'rb') as f:
            return f.read()

    def watched(self, unit):
        """Wait until systemd looks for the next file: in the moment between the
        end of what is applied and that it is blind (contrib/snapshots)."""
        harness.wait_for(lambda: self.box.show(
            unit + '.path', 'SubState') == 'waiting', what='watch of the file')

    def overtaken(self, unit):
        """A file comes while the one before waits for its turn to write."""
        with open(self.box.root + self.box.state + '/policy.writers',
                  'r+') as f:
            first = self.made('mailbox set bob@acme.test --smtp-auth enabled')
            then = self.made('mailbox set carl@acme.test --smtp-auth enabled')
            fcntl.lockf(f, fcntl.LOCK_EX)   # seen from the machine, too
            self.arrives(first)
            harness.wait_for(lambda: self.box.show(
                unit, 'ActiveState') == 'activating', what='the first one')
            time.sleep(1)       # it has been opened by now, or is skipped
            self.arrives(then)
        harness.wait_for(lambda: self.box.ask('carl@acme.test') == 'allow',
                         what='the policy of the last snapshot')

    def test_a_snapshot_that_arrives_is_applied(self):
        unit, folder = 'smtpauth-snapshot', self.box.root + self.box.etc
        self.place = re.search(r'PathChanged=(.*)', self.box.run(
            'systemctl cat %s.path' % unit).stdout)[1]
        self.box.run('mkdir -p ' + os.path.dirname(self.place))
        self.addCleanup(self.box.run, 'systemctl stop %s.path %s; systemctl '
                        'reset-failed; rm -rf %s' % (
                            unit, unit, os.path.dirname(self.place)))
        self.box.drop_in(unit, 'strict', service_machine.STRICT)
        self.ctl('init')
        os.makedirs(folder, exist_ok=True)
        for args in (['genpkey', '-algorithm', 'ed25519', '-out',
                      self.tmp + '/key.pem'],
                     ['pkey', '-in', self.tmp + '/key.pem', '-pubout',
                      '-out', folder + '/snapshot.pem']):
            subprocess.run(['openssl', *args], check=True)
        self.start()
        self.box.run('systemctl start %s.path' % unit)
        self.assertIn(DENIED, self.box.ask('alice@acme.test'))
        good = self.made('tenant add acme --domain acme.test',
                         'mailbox set alice@acme.test --smtp-auth enabled')
        self.arrives(good)
        harness.wait_for(lambda: self.box.ask('alice@acme.test') == 'allow',
                         what='the policy of the snapshot')
        self.assertIn(DENIED, self.box.ask('printer@acme.test'))
        self.watched(unit)
        self.arrives(good[:-1])
        harness.wait_for(lambda: self.box.show(
            unit, 'ExecMainStatus', 'ActiveState') == {
                'ExecMainStatus': '65', 'ActiveState': 'failed'},
                         what='refusal')
        self.assertIn('not complete', self.box.journal('-u', unit))
        self.assertEqual(self.box.ask('alice@acme.test'), 'allow')
        self.watched(unit)
        self.arrives(self.made('mailbox remove alice@acme.test'))
        harness.wait_for(lambda: self.box.ask('alice@acme.test') != 'allow',
                         what='the next policy')
        self.watched(unit)
        self.overtaken(unit)
        self.assertNotRegex(self.box.journal('-u', unit), SYSCALLS)
        self.assertIn('command="snapshot apply"', self.box.journal(
            '-t', 'smtpauthctl'))


if __name__ == '__main__':
    harness.main()
