# SPDX-License-Identifier: BSD-2-Clause
"""The same cases and the same faults with a real Postfix and a real
Sendmail, each with the lines that contrib/ ships; at the end a matrix of
the replies that clients saw."""

import contextlib
import os
import re
import shutil
import shutil
import signal
import smtplib
import subprocess
import sys
import threading
import time

import harness
import postfix_rig
import sendmail_rig
from submission_cases import (
    CASES, LOGINS, OTHER, PASSED, PASSWORD, SENDER, TENANT, Ask,
    Submissions)

MATRIX = {case: {} for case in CASES}   # {case: {MTA: [reply, ...]}}
WIDTH = 78
# The folder of the socket: owner, mode; the socket's mode; does it work?
FOLDERS = (('nobody', 0o755, 0o660, True), ('nobody', 0o700, 0o600, True),
           ('nobody', 0o750, 0o600, True), ('nobody', 0o2710, 0o660, True),
           ('root', 0o755, 0o660, True), ('root', 0o755, 0o666, True),
           ('nobody', 0o775, 0o660, False), ('nobody', 0o2770, 0o660, False),
           ('nobody', 0o777, 0o660, False), ('nobody', 0o1777, 0o660, False))


def contrib(*path):
    return os.path.join(harness.ROOT, 'contrib', *path)


def shipped(name, pattern):
    """What a pattern finds in a snippet of contrib/postfix."""
    with open(contrib('postfix', name), encoding='utf-8') as f:
        return re.search(pattern, f.read(), re.M).group(1)


class Matrix:
    """The tests that both MTAs run."""

    def saw(self, reply, label=''):
        """Put a reply into the matrix, without the id of the decision."""
        case = getattr(self, self._testMethodName).__doc__ or ''
        case = label or case.split('\n')[0].rstrip('.')
        replies = MATRIX.setdefault(case, {}).setdefault(
            type(self).__name__, [])
        reply = re.sub(r' \[\w+\]$', '', reply)
        if reply not in replies:
            replies.append(reply)
        return reply

    def away(self, login='alice@acme.test', **more):
        """What a client sees that logs in now: the reply to its MAIL, or
        what went before that."""
        try:
            smtp = self.session(login, **more)
        except smtplib.SMTPAuthenticationError as error:
            return 'AUTH: %d %s' % (error.smtp_code,
                                    error.smtp_error.decode())
        except smtplib.SMTPResponseException as error:
            return 'greeting: %d %s' % (error.smtp_code,
                                        error.smtp_error.decode())
        return self.ask(smtp)

    def deferred(self, label, reply):
        """The reply is a temporary one that the README has."""
        self.assertIn(reply, self.later)
        self.saw(reply, label)

    def policy_holds(self, listener='submission'):
        """New sessions are judged."""
        self.is_reply(self.mail('alice@acme.test', listener), TENANT)
        self.is_reply(self.mail('printer@acme.test', listener), PASSED)

    def run_case(self, name):
        with self.milter():
            sessions = {}
            for step in CASES[name]:
                if not isinstance(step, Ask):
                    self.ctl(step) if isinstance(step, str) else self.ctl(
                        *step)
                    continue
                if step.client not in sessions:
                    sessions[step.client] = self.session(*step.client)
                self.saw(self.reply(sessions[step.client], step.expected,
                                    *step.log), name)

    def test_mta_key(self):
        """key mta set right, set wrong."""
        login = 'a+b@acme.test'
        self.ctl('mailbox', 'set', login, '--smtp-auth', 'enabled')
        with self.milter(mta=self.mta):
            self.saw(self.mail(login))
            self.is_reply(self.mail(login), PASSED)
        with self.milter(mta=self.other_mta):
            self.is_reply(self.mail(login), self.misread)
            self.saw(self.mail(login))

    def test_second_milter(self):
        """another milter after ours."""
        second = harness.Case()
        second.tmp, second.dir = self.tmp, os.path.join(self.tmp, 'second')
        second.transcript, second.daemons = self.transcript, []
        second.ctl('init')
        second.ctl('tenant add other --domain acme.test --smtp-auth disabled')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        with self.milter():
            daemon = harness.Daemon(second, args=(
                '-s', 'inet:%d@127.0.0.1' % self.second_port))
            daemon.port = self.second_port
            self.addCleanup(daemon.kill)
            with daemon:
                printer = self.session('printer@acme.test', 'two')
                self.saw(self.reply(printer,
                                    TENANT.replace('acme', 'other')))
                second.ctl('tenant set other --smtp-auth enabled')
                self.saw(self.reply(printer, PASSED))
                alice = self.session('alice@acme.test', 'two')
                self.saw(self.reply(alice, TENANT))

    def test_whole_message(self):
        """whole message of a login that may."""
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        to = '%x@else.test' % time.monotonic_ns()
        with self.milter(), self.session('printer@acme.test') as smtp:
            smtp.mail(SENDER)
            smtp.rcpt(to)
            code, text = smtp.data('Subject: x\n\nx\n')
        self.assertEqual(code, 250)
        self.saw('%d %s' % (code, text.decode().split(' ')[0]))
        self.site.wait_log(self.taken % re.escape(to))

    def test_log_line(self):
        """line in the log of the MTA."""
        with self.milter():
            reply = self.mail('alice@acme.test')
            self.is_reply(reply, TENANT)
            line = self.site.wait_log(
                r'^.*\[%s\].*$' % reply.rpartition('[')[2][:-1]).group(0)
            self.assertIn(self.logged % {'sender': SENDER, 'reply': TENANT},
                          line)

    # -- while the milter is away ----------------------------------------

    def setUp(self):
        super().setUp()
        if 'fault' in self._testMethodName:
            self.ctl('mailbox set printer@acme.test --smtp-auth enabled')

    def test_fault_not_started(self):
        """milter not started."""
        self.deferred('not started: new session', self.away())
        self.deferred('not started: not logged in',
                      self.away('', listener='open'))

    def test_fault_careless(self):
        """milter not started, and set up to fail open."""
        with self.milter():
            self.is_reply(self.mail('alice@acme.test', 'careless'), TENANT)
        reply = self.mail('alice@acme.test', 'careless')
        self.assertEqual(reply, self.words(PASSED))
        self.saw(reply, 'not started: no F=, or default_action=accept')

    def test_fault_killed(self):
        """milter killed in open sessions."""
        with self.milter() as daemon:
            before, during, judged = (self.session('alice@acme.test')
                                      for _ in range(3))
            self.reply(judged, TENANT)
            harness.freeze(daemon.process)
            answer = []
            thread = threading.Thread(
                target=lambda: answer.append(self.ask(during)))
            thread.start()
            self.wait_asked(daemon)
            daemon.process.kill()
            daemon.process.wait()
            thread.join()
            self.deferred('killed (-9) while asked', answer[0])
            self.deferred('killed before MAIL', self.ask(before))
            self.deferred('killed after an earlier MAIL', self.ask(judged))
            self.deferred('killed: new session', self.away())
        with self.milter():
            self.policy_holds()
            for smtp in before, during, judged:
                self.deferred('started again: old session', self.ask(smtp))
            self.saw(self.away(), 'started again: new session')

    def test_fault_terminated(self):
        """milter ended with TERM in open sessions."""
        daemon = self.milter().start()
        before, judged = (self.session('alice@acme.test') for _ in range(2))
        self.reply(judged, TENANT)
        daemon.stop()
        self.deferred('TERM before MAIL', self.ask(before))
        self.deferred('TERM after an earlier MAIL', self.ask(judged))
        with self.milter():
            self.policy_holds()
            for smtp in before, judged:
                self.deferred('started again: old session', self.ask(smtp))

    def test_fault_hung(self):
        """milter hung."""
        with self.milter() as daemon:
            old = self.session('alice@acme.test')
            answers = {}
            harness.freeze(daemon.process)
            threads = [threading.Thread(target=target) for target in (
                lambda: answers.update(old=self.ask(old)),
                lambda: answers.update(new=self.away()))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            daemon.process.send_signal(signal.SIGCONT)
            self.deferred('hung (STOP): old session', answers['old'])
            self.deferred('hung: new session', answers['new'])
            self.policy_holds()
            self.deferred('no longer hung: old session', self.ask(old))

    def test_fault_second_daemon(self):
        """second daemon on the same port."""
        with self.milter() as daemon:
            self.second_daemon_fails(self.milter())
            self.policy_holds()
            self.assertIsNone(daemon.process.poll())

    def test_fault_unix_socket(self):
        """unix socket left by a killed milter, second daemon on it."""
        self.unprivileged()
        with self.unix_site() as (site, path):
            self.site = site
            first = harness.Daemon(self, path, user='nobody').start()
            first.wait_log(r'version .*socket')  # once the mode is set
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            with open('/proc/%d/status' % first.process.pid) as f:
                self.assertRegex(f.read(), r'(?m)^Uid:(\s+65534){4}$')
            self.policy_holds('unix')
            first.kill()
            self.assertTrue(os.path.exists(path))
            self.deferred('unix socket, killed: new session',
                          self.away(listener='unix'))
            with harness.Daemon(self, path, user='nobody') as daemon:
                self.policy_holds('unix')
                self.second_daemon_fails(harness.Daemon(
                    self, path, user='nobody'))
                self.policy_holds('unix')
                self.assertIsNone(daemon.process.poll())
                self.saw(self.away(listener='unix'),
                         'unix socket, started again: new session')
            self.assertFalse(os.path.exists(path))

    def second_daemon_fails(self, daemon):
        """It ends with a clear line; the one before it goes on."""
        run = subprocess.run(daemon.argv, stdin=subprocess.DEVNULL,
                             capture_output=True, encoding='utf-8',
                             env=harness.ENV, timeout=harness.TIMEOUT)
        self.assertGreater(run.returncode, 0, run.stderr)
        self.assertIn('cannot listen on %s' % daemon.argv[-1] if daemon.port
                      else 'another program listens on %s' % daemon.path,
                      run.stderr)

    @staticmethod
    def wait_asked(daemon):
        """Wait until the stopped daemon has a question in its socket."""
        def waiting():
            with open('/proc/net/tcp') as f:
                rows = [line.split() for line in f][1:]
            return any(row[1].endswith(':%04X' % daemon.port)
                       and row[4].split(':')[1] != '00000000'
                       and row[3] == '01' for row in rows)
        harness.wait_for(waiting, what='question of the MTA')


for name in CASES:
    setattr(Matrix, 'test_case_' + re.sub(r'\W+', '_', name),
            lambda self, name=name: self.run_case(name))


class Postfix(Matrix, Submissions):
    mta, other_mta = 'postfix', 'sendmail'
    misread = OTHER
    taken = 'to=<%s>.* status=sent'
    logged = 'NOQUEUE: milter-reject: MAIL from unknown[127.0.0.1]: %(reply)s'
    later = ('451 4.7.1 Service unavailable - try again later',
             'AUTH: 454 4.3.0 Try again later')
    skip = staticmethod(postfix_rig.missing)

    @classmethod
    def setUpClass(cls):
        if cls.skip():
            return
        cls.port, cls.second_port = harness.free_port(), harness.free_port()
        line = shipped('main.cf.example', r'^mua_milters = (.*8899.*)$')
        parameter = shipped('master.cf.example', r'smtpd_milters=(\S+)')
        first, second = (line.replace('8899', str(port))
                         for port in (cls.port, cls.second_port))
        milters = {'smtpd_milters': parameter}
        cls.site = postfix_rig.Rig({
            'submission': milters,
            'submissions': dict(
                milters, smtpd_tls_wrappermode='yes',
                smtpd_tls_security_level='encrypt',
                smtpd_tls_chain_files='$config_directory/tls.pem'),
            'webmail': dict(milters, milter_macro_daemon_name='WEBMAIL'),
            'open': milters,
            'two': {'smtpd_milters': '%s, %s' % (first, second)},
            'careless': {'smtpd_milters': first.replace('tempfail',
                                                        'accept')},
            'unix': {'smtpd_milters': shipped(
                'main.cf.example', r'^#mua_milters = (.*unix:.*)$')},
        }, dict.fromkeys(LOGINS, PASSWORD), {'mua_milters': first}, True)
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    @contextlib.contextmanager
    def unix_site(self):
        folder = os.path.join(self.site.queue, 'smtpauth')
        os.mkdir(folder)
        shutil.chown(folder, 'nobody', 'postfix')
        os.chmod(folder, 0o2710)
        yield self.site, os.path.join(folder, 'milter.sock')
        shutil.rmtree(folder)

    @staticmethod
    def words(expected):
        return '250 2.1.0 Ok' if expected == PASSED else expected


class Sendmail(Matrix, Submissions):
    mta, other_mta = 'sendmail', 'postfix'
    misread = TENANT
    taken = 'to=<?%s>?.* stat=queued'
    logged = ': Milter: from=<%(sender)s>, reject=%(reply)s'
    later = ('451 4.3.2 Please try again later',
             'AUTH: 454 4.3.0 Please try again later')
    skip = staticmethod(sendmail_rig.missing)
    names = {'submission': 'msa', 'submissions': 'tlsmsa'}

    @classmethod
    def setUpClass(cls):
        if cls.skip():
            return
        cls.port, cls.second_port = harness.free_port(), harness.free_port()
        cls.site = sendmail_rig.Rig("""\
define(`confSMTPAUTH_SOCKET', `inet:{first}@127.0.0.1')dnl
include(`{contrib}/submission.m4')dnl
include(`{contrib}/webmail.m4')dnl
MAIL_FILTER(`second', `S=inet:{second}@127.0.0.1, F=T')dnl
MAIL_FILTER(`careless', `S=inet:{first}@127.0.0.1')dnl
DAEMON_OPTIONS(`Port=1, Name=OPEN, M=E, InputMailFilters=smtpauth')dnl
DAEMON_OPTIONS(`Port=1, Name=TWO, M=E, InputMailFilters=smtpauth;second')dnl
DAEMON_OPTIONS(`Port=1, Name=CARELESS, M=E, InputMailFilters=careless')dnl
""".format(first=cls.port, second=cls.second_port,
           contrib=contrib('sendmail')), dict.fromkeys(LOGINS, PASSWORD))
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    @contextlib.contextmanager
    def unix_site(self):
        """A Sendmail with the other snippet, and the README's folder."""
        mc = """\
FEATURE(`no_default_msa')dnl
define(`confSMTPAUTH_SOCKET', `unix:{dir}/milter/milter.sock')dnl
include(`%s/smtpauth.m4')dnl
DAEMON_OPTIONS(`Port=1, Name=UNIX, M=E')dnl
""" % contrib('sendmail')
        logins = 'alice@acme.test', 'printer@acme.test'
        with sendmail_rig.Rig(mc, dict.fromkeys(logins, PASSWORD)) as site:
            folder = os.path.join(site.dir, 'milter')
            os.mkdir(folder)
            shutil.chown(folder, 'nobody', 'nogroup')
            os.chmod(folder, 0o755)
            yield site, os.path.join(folder, 'milter.sock')

    def test_socket_folders(self):
        """Sendmail and the rights of the socket's folder."""
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        self.unprivileged()
        with self.unix_site() as (site, path):
            self.site, folder = site, os.path.dirname(path)
            with harness.Daemon(self, path, user='nobody'):
                for owner, mode, socket, good in FOLDERS:
                    shutil.chown(folder, owner)
                    os.chmod(folder, mode)
                    os.chmod(path, socket)
                    with self.subTest(owner=owner, mode='%o' % mode):
                        reply = self.away(listener='unix')
                        if good:
                            self.is_reply(reply, TENANT)
                        else:
                            self.assertIn(reply, self.later)
                            site.wait_log('(unix|smtpauth).*unsafe')
                shutil.chown(folder, 'nobody')
                os.chmod(folder, 0o755)

    @staticmethod
    def words(expected):
        """Sendmail puts the sender into replies with some codes."""
        if expected == PASSED:
            expected = '250 2.1.0 Sender ok'
        return re.sub(r'^([245]50 \S+) ', r'\1 <%s>... ' % SENDER, expected)


def print_matrix():
    mtas = 'Postfix', 'Sendmail'
    first = max([len(case) for case in MATRIX], default=0)

    def row(*cells):
        print(('# %-*s | %-*s | %s' % (first, cells[0], WIDTH,
                                       *(c[:WIDTH] for c in cells[1:]))
               ).rstrip())

    row('case', *mtas)
    for case, seen in MATRIX.items():
        seen = [[reply.replace('<%s>' % SENDER, '<S>')
                 for reply in seen.get(mta, ['-'])] for mta in mtas]
        for i in range(max(map(len, seen))):
            row('' if i else case, *(s[i] if i < len(s) else ''
                                     for s in seen))


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # tidy up
    try:
        harness.main()
    finally:
        print_matrix()
