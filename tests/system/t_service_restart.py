#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The milter is restarted, and killed, while a real Postfix asks it for
several clients at once: with the socket held by systemd nobody is refused
for want of a milter, and each submission ends as the policy says."""

import base64
import collections
import contextlib
import re
import smtplib
import threading
import time

import harness
import postfix_rig
import service_machine
from service_machine import ADDRESS, UNIT

PORT = 587
PASSWORD = 'secret'
ALLOWED = ['printer@acme.test', 'scanner@acme.test', 'fax@acme.test']
DENIED = ['alice@acme.test', 'bob@acme.test', 'carol@acme.test']
CLIENTS = 6
EACH = 60               # submissions of a client, at the least
A_SESSION = 4           # submissions in one session, as long as it lives
TIMES = 5               # restarts, or kills, in one run
LATEST = 1              # seconds before a kill whose lines may be lost

MAIN_CF = """\
compatibility_level = 3.6
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.example.test
mynetworks =
default_database_type = hash
alias_maps =
default_transport = discard:
relay_transport = discard:
smtpd_peername_lookup = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
"""
MASTER_CF = """\
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
  -o milter_macro_daemon_name=ORIGINATING
  -o smtpd_milters=$mua_milters
"""
DOVECOT = """\
protocols =
ssl = no
auth_mechanisms = plain
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
"""


class Session(smtplib.SMTP):
    """A session of a client outside the machine, in the machine's network."""

    def __init__(self, box):
        self.box = box
        super().__init__('127.0.0.1', PORT, 'client.test', 60)

    def _get_socket(self, host, port, timeout):
        return self.box.connect((host, port), timeout)

    def log_in(self, user):
        self.ehlo()
        plain = base64.b64encode(
            ('\0%s\0%s' % (user, PASSWORD)).encode()).decode()
        return self.docmd('AUTH', 'PLAIN ' + plain)

    def submit(self, sender, to):
        """The reply to the whole message, or the first that is no 2xx."""
        code, text = self.docmd('MAIL', 'FROM:<%s>' % sender)
        if code == 250:
            code, text = self.docmd('RCPT', 'TO:<%s>' % to)
        if code == 250:
            return self.data('Subject: x\r\n\r\nx\r\n')
        return code, text


class Client(threading.Thread):
    """A mail program with a queue: what gets a 4xx, or meets a broken
    session, stays in it and is tried anew; 2xx and 5xx are final."""

    def __init__(self, box, number, done):
        super().__init__()
        self.box, self.number, self.done = box, number, done
        self.user = (ALLOWED + DENIED)[number % (len(ALLOWED) + len(DENIED))]
        self.replies = {}               # sender: the final reply
        self.when = {}                  # sender: when that came
        self.again = collections.Counter()
        self.trouble = None

    def run(self):
        try:
            while len(self.replies) < EACH or not self.done.is_set():
                self.work()
        except Exception as e:          # for the test to see
            self.trouble = e

    def work(self):
        """One session, until it breaks or has had its share."""
        reason = None
        try:
            with Session(self.box) as smtp:
                code, text = smtp.log_in(self.user)
                if code != 235:
                    reason = 'AUTH %d' % code
                    assert 400 <= code < 500, (code, text)
                for _ in range(A_SESSION if code == 235 else 0):
                    reason = self.one(smtp)
                    if reason:
                        break
        except (OSError, smtplib.SMTPServerDisconnected) as e:
            reason = type(e).__name__
        if reason:
            self.again[reason] += 1
            time.sleep(0.05)

    def one(self, smtp):
        """One submission; returns why it has to be tried again, or None."""
        sender = 'c%dm%d@load.test' % (self.number, len(self.replies))
        code, text = smtp.submit(sender, 'to@else.test')
        if 400 <= code < 500:
            return '%d %s' % (code, text.decode()[:5])
        self.replies[sender] = code, text.decode()
        self.when[sender] = time.monotonic()
        smtp.rset()
        return None


class Caller(threading.Thread):
    """Asks the milter without an MTA, each time on a new connection."""

    def __init__(self, box, done):
        super().__init__()
        self.box, self.done = box, done
        self.counts = collections.Counter()
        self.wrong = []

    def run(self):
        while not self.done.is_set():
            for login in ALLOWED[0], DENIED[0]:
                self.counts[self.ask(login)] += 1
            time.sleep(0.005)

    def ask(self, login):
        try:
            s = self.box.connect(ADDRESS, 20)
        except ConnectionRefusedError:
            return 'refused'
        with contextlib.closing(s):
            try:
                verdict = service_machine.Mta(s).mail(login)
            except (ConnectionError, TimeoutError) as e:
                return type(e).__name__
        if (verdict == 'allow') != (login in ALLOWED):
            self.wrong.append((login, verdict))
        return 'answered'


class Restart(harness.Case):
    """A Postfix and a Dovecot, started by systemd like the milter."""

    given = ()

    @classmethod
    def setUpClass(cls):
        cls.why_not = service_machine.missing()
        if cls.why_not is None:
            cls.box = service_machine.Site(('postfix', 'dovecot-core')).__enter__()
            cls.addClassCleanup(cls.box.end)
            cls.set_up_mail()

    @classmethod
    def set_up_mail(cls):
        box = cls.box
        with open(harness.ROOT + '/contrib/postfix/main.cf.example') as f:
            milters = re.search(r'^mua_milters = .*$', f.read(), re.M)[0]
        box.run('systemctl stop postfix dovecot')
        box.write('/etc/postfix/main.cf', MAIN_CF + milters + '\n')
        box.write('/etc/postfix/master.cf', re.sub(
            r'(?m)^smtp +inet', '#smtp inet',
            box.read('/etc/postfix/master.cf')) + MASTER_CF)
        old = box.run('dovecot --version').stdout.startswith('2.3')
        passwords = postfix_rig.DOVECOT_2_3 if old else postfix_rig.DOVECOT_2_4
        box.write('/etc/dovecot/dovecot.conf',
                  passwords.format(dir='/etc/dovecot') + DOVECOT)
        # All lines are counted, more than journald takes of one unit.
        box.write('/etc/systemd/journald.conf.d/all.conf',
                  '[Journal]\nRateLimitIntervalSec=0\n')
        box.run('systemctl restart systemd-journald')
        box.write('/etc/dovecot/users', ''.join(
            '%s:{PLAIN}%s::::::\n' % (user, PASSWORD)
            for user in ALLOWED + DENIED))

    def setUp(self):
        if self.why_not:
            self.skipTest(self.why_not)
        super().setUp()
        self.box.reset()
        for user in ALLOWED:
            self.box.ctl('mailbox set %s --smtp-auth enabled' % user)

    def diagnostics(self):
        return 'the journal:\n' + self.box.journal('-n', '80')

    def start_mail(self):
        self.box.run('systemctl restart dovecot postfix')
        harness.wait_for(self.postfix_answers, what='answer from Postfix')

    def postfix_answers(self):
        with contextlib.suppress(OSError):
            with self.box.connect(('127.0.0.1', PORT)) as s:
                return s.recv(100).startswith(b'220')
        return False

    def disturb(self, command):
        """Restarts or kills, each when the one before has ended; returns
        when they were."""
        moments = []
        for _ in range(TIMES):
            time.sleep(1)
            pid = self.box.pid_of()
            self.box.run(command % pid)
            moments.append(time.monotonic())
            self.box.wait_new(pid)
        time.sleep(1)
        return moments

    def load(self, command='systemctl restart %s # %%d' % UNIT):
        """The clients and the caller, when all have ended, and when the
        milter was."""
        done = threading.Event()
        clients = [Client(self.box, n, done) for n in range(CLIENTS)]
        caller = Caller(self.box, done)
        threads = [*clients, caller]
        for thread in threads:
            thread.start()
        try:
            moments = self.disturb(command)
        finally:
            done.set()
            for thread in threads:
                thread.join(harness.TIMEOUT)
        self.assertFalse([t for t in threads if t.is_alive()], 'clients hang')
        return clients, caller, moments

    def verdicts(self, clients):
        """Each submission has got the verdict that the policy has for it."""
        for client in clients:
            self.assertIsNone(client.trouble, repr(client.trouble))
            self.assertGreaterEqual(len(client.replies), EACH)
            for sender, (code, text) in client.replies.items():
                if client.user in ALLOWED:
                    self.assertEqual(code, 250, (sender, text))
                else:
                    self.assertEqual(code, 550, (sender, text))
                    self.assertIn('disabled for tenant acme', text)

    def without_line(self, clients):
        """The submissions that the milter's log says nothing of.  Each
        accepted one should have an allow line, each rejected one a reject
        line with the id of the reply."""
        log = self.box.log()
        allowed = set(re.findall(r' verdict=allow .* sender=(\S+)$', log,
                                 re.M))
        rejected = dict(re.findall(
            r'\bid=(\S+) verdict=reject .* sender=(\S+)$', log, re.M))
        missing = []
        for client in clients:
            for sender, (code, text) in client.replies.items():
                number = (re.findall(r'\[(\w+)\]$', text) or [None])[-1]
                self.assertFalse(code != 250 and sender in allowed, sender)
                if (sender not in allowed if code == 250
                        else rejected.get(number) != sender):
                    missing.append(client.when[sender])
        return missing

    def report(self, what, clients, caller):
        sent = [r for c in clients for r in c.replies.values()]
        print('# %d %s; submissions: %d accepted, %d rejected' % (
            TIMES, what, sum(r[0] == 250 for r in sent),
            sum(r[0] == 550 for r in sent)))
        print('# tried again: %s' % (dict(sum(
            (c.again for c in clients), collections.Counter())) or 'none'))
        print('# asked directly: %s' % dict(caller.counts))

    def nobody_is_refused(self, caller):
        self.assertEqual(caller.wrong, [])
        self.assertEqual(caller.counts['refused'], 0)
        self.assertEqual(caller.counts['TimeoutError'], 0)
        self.assertGreater(caller.counts['answered'], 100)
        mail = self.box.journal('--since=@' + self.box.since,
                                '-u', 'postfix*')
        self.assertNotIn('Connection refused', mail)

    def test_restarts_refuse_nobody(self):
        self.box.run('systemctl start %s.socket' % UNIT)
        self.start_mail()
        clients, caller, _ = self.load()
        self.report('restarts', clients, caller)
        self.verdicts(clients)
        self.nobody_is_refused(caller)
        self.assertEqual(self.without_line(clients), [])

    def test_kills_refuse_nobody(self):
        """Lines that were not yet written may be lost then."""
        self.box.run('systemctl start %s.socket' % UNIT)
        self.start_mail()
        clients, caller, moments = self.load('kill -9 %d')
        self.report('kills', clients, caller)
        self.verdicts(clients)
        self.nobody_is_refused(caller)
        missing = self.without_line(clients)
        print('# lines lost with the process: %d' % len(missing))
        for when in missing:
            self.assertTrue([m for m in moments if m - LATEST < when < m + 1])

    def test_without_the_socket_unit_some_are_refused(self):
        """What the other tests would see, if it were there to be seen."""
        self.box.run('systemctl mask --runtime %s.socket; '
                     'systemctl start %s' % (UNIT, UNIT))
        self.start_mail()
        clients, caller, _ = self.load()
        self.report('restarts without the socket unit', clients, caller)
        self.verdicts(clients)
        self.assertEqual(caller.wrong, [])
        self.assertGreater(caller.counts['refused'], 0)
        self.assertEqual(self.without_line(clients), [])


if __name__ == '__main__':
    harness.main()
