#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor on a machine without a syslog daemon: a real Postfix and
a real journal; and with the log of a real Sendmail.  What passes without being
asked is seen by its effect.
"""

import base64
import contextlib
import json
import os
import re
import smtplib

import harness
import postfix_rig
import sendmail_rig
import service_machine
from service_machine import UNIT

PORT = 587
PASSWORD = 'secret'
USERS = ['alice@acme.test', 'bob@globex.example', 'legacyuser']

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
"""
MASTER_CF = """\
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
  -o milter_macro_daemon_name=ORIGINATING
"""
MILTERS = '  -o smtpd_milters=$mua_milters\n'
DOVECOT = """\
protocols =
ssl = no
auth_mechanisms = plain
auth_username_format = %s
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
"""


class Session(smtplib.SMTP):
    """A session of a client in the machine's network."""

    def __init__(self, box):
        self.box = box
        super().__init__('127.0.0.1', PORT, 'client.test', 60)

    def _get_socket(self, host, port, timeout):
        return self.box.connect((host, port), timeout)


class DoctorMachine(harness.Case):

    given = ()

    @classmethod
    def setUpClass(cls):
        cls.why_not = service_machine.missing()
        if cls.why_not is None:
            cls.box = service_machine.Site(
                ('postfix', 'dovecot-core')).__enter__()
            cls.addClassCleanup(cls.box.end)
            cls.set_up_mail()

    @classmethod
    def set_up_mail(cls):
        box = cls.box
        box.run('systemctl stop postfix dovecot')
        cls.services = re.sub(r'(?m)^smtp +inet', '#smtp inet',
                              box.read('/etc/postfix/master.cf'))
        old = box.run('dovecot --version').stdout.startswith('2.3')
        passwords = postfix_rig.DOVECOT_2_3 if old else postfix_rig.DOVECOT_2_4
        box.write('/etc/dovecot/dovecot.conf',
                  passwords.format(dir='/etc/dovecot') + DOVECOT % (
                      '%u' if old else '%{user}'))
        box.write('/etc/dovecot/users', ''.join(
            '%s:{PLAIN}%s::::::\n' % (user, PASSWORD) for user in USERS))

    def setUp(self):
        if self.why_not:
            self.skipTest(self.why_not)
        super().setUp()
        self.box.run('systemctl stop postfix; rm -rf /var/log/journal/*; '
                     'journalctl --rotate; journalctl --vacuum-time=1s')
        self.box.reset()
        self.box.configure('usage-flush = 1\n')

    def diagnostics(self):
        return 'the journal:\n' + self.box.journal('-n', '80')

    def master(self, more=MILTERS):
        self.box.write('/etc/postfix/master.cf',
                       self.services + MASTER_CF + more)

    def start_mail(self, more=MILTERS):
        with open(harness.ROOT + '/contrib/postfix/main.cf.example') as f:
            milters = re.search(r'^mua_milters = .*$', f.read(), re.M)[0]
        self.box.write('/etc/postfix/main.cf', MAIN_CF + milters + '\n')
        self.master(more)
        self.box.run('systemctl restart dovecot postfix')

    def postfix_answers(self):
        with contextlib.suppress(OSError):
            with self.box.connect(('127.0.0.1', PORT)) as s:
                return s.recv(100).startswith(b'220')
        return False

    def submit(self, user):
        """The reply to the recipient, or to what was refused before."""
        harness.wait_for(self.postfix_answers, what='answer from Postfix')
        with Session(self.box) as smtp:
            smtp.ehlo()
            plain = base64.b64encode(
                ('\0%s\0%s' % (user, PASSWORD)).encode()).decode()
            code, text = smtp.docmd('AUTH', 'PLAIN ' + plain)
            if code == 235:
                code, text = smtp.docmd('MAIL', 'FROM:<s@acme.test>')
            if code == 250:
                code, text = smtp.docmd('RCPT', 'TO:<to@else.test>')
            return code

    def doctor(self):
        report = json.loads(self.box.ctl('--json doctor', check=False).stdout)
        self.assertEqual(report['mail_log'], 'journal')
        return report, [f['id'] for f in report['findings']]

    def found(self, name):
        """The finding as doctor makes it now, or None.  It is not there in
        each run: while the daemon's heartbeat is late, on a machine that has
        much to do, nothing is said of what the daemon has recorded."""
        return next((f for f in self.doctor()[0]['findings']
                     if f['id'] == name), None)

    def test_journal(self):
        """All of a site's services, by the machine's own journal; and by the
        command of the manual page."""
        self.start_mail()
        self.box.run('systemctl start ' + UNIT)
        for user in USERS[1:]:
            self.assertEqual(self.submit(user), 250)
        self.assertEqual(self.submit(USERS[0]), 550)
        expected = {'logins-unknown-tenant', 'login-without-realm'}
        report, found = self.doctor()
        self.assertLessEqual(expected, set(found), report)
        with open(harness.ROOT + '/policy/smtpauthctl.8') as f:
            command = re.search(r'(?m)^\.Dl (journalctl .*doctor --log -)$',
                                f.read())[1]
        out = self.box.run(command, check=False).stdout
        for word in expected:
            self.assertIn('[%s]' % word, out)

    def test_socket_unit_alone(self):
        """No daemon runs yet: a connection starts it, and all is well."""
        self.start_mail()
        self.box.run('systemctl start %s.socket' % UNIT)
        self.assertEqual(self.box.show(UNIT, 'ActiveState'), 'inactive')
        report, found = self.doctor()
        self.assertTrue(report['running'], report)
        self.assertNotIn('daemon-not-running', found)
        self.assertEqual([f for f in found if f.startswith('daemon')], [])

    def test_not_in_force(self):
        """The configuration is right on disk; alice passes nevertheless."""
        self.start_mail('')
        self.box.run('systemctl start ' + UNIT)
        harness.wait_for(lambda: self.doctor()[0]['running'],
                         what='heartbeat')
        began = self.until()
        harness.wait_for(lambda: self.until() > began, what='a second')
        self.master()
        self.assertEqual(self.submit(USERS[0]), 250)
        finding = harness.wait_for(lambda: self.found('logins-not-asked'),
                                   what='finding')
        self.assertIn(USERS[0], finding['text'])
        self.assertIn('postfix/submission/smtpd', finding['text'])
        self.assertIn('postfix reload', finding['fix'])
        self.box.run('postfix reload')
        self.assertEqual(
            harness.wait_for(lambda: self.submit(USERS[0]) == 550 and 550,
                             what='refusal'), 550)
        harness.wait_for(lambda: 'logins-not-asked' not in self.doctor()[1],
                         what='record of the refusal')

    def until(self):
        status = json.loads(self.box.ctl('--json status', check=False).stdout)
        return status['usage']['until'] or ''

    def test_smtpd_that_cannot_start(self):
        """A kind of SASL that there is not: each client is cut off."""
        self.start_mail(MILTERS + '  -o smtpd_sasl_type=dovecto\n')
        self.box.run('systemctl start ' + UNIT)

        def found():
            self.postfix_answers()
            return self.found('mta-fatal')
        finding = harness.wait_for(found, what='finding')
        self.assertIn('fatal: ', finding['text'])
        self.assertIn('SASL', finding['text'])
        self.master()
        self.box.run('postfix reload')
        self.assertEqual(self.submit(USERS[1]), 250)
        self.assertNotIn('mta-fatal', self.doctor()[1])


class Sendmail(harness.Case):
    """The log of a real Sendmail, whose logins are xtext."""

    LOGINS = ['al@acme.test', 'a+b@acme.test', 'r\xf6@acme.test', 'c=d@other.test']

    def setUp(self):
        reason = sendmail_rig.missing()
        if reason:
            self.skipTest(reason)
        super().setUp()
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')

    def test_logins_as_the_daemon_sees_them(self):
        port = harness.free_port()
        with harness.Daemon(self, user='root') as daemon, sendmail_rig.Rig(
                "FEATURE(`no_default_msa')dnl\nMAIL_FILTER(`smtpauth', "
                "`S=%s, F=T')dnl\nDAEMON_OPTIONS(`Port=%d, Name=MSA, M=E, "
                "InputMailFilters=smtpauth')dnl\n" % (daemon.socket, port),
                dict.fromkeys(self.LOGINS, PASSWORD)) as site:
            for login in self.LOGINS:
                with site.login('msa', login) as smtp:
                    smtp.docmd('MAIL FROM:<s@acme.test>')
            log = site.log()
            for name in 'a+2Bb@acme.test', 'c+3Dd@other.test':
                self.assertIn('authid=' + name, log)
            log_file = os.path.join(self.tmp, 'log')
            with open(log_file, 'w') as f:
                f.write(log)
            report = json.loads(self.ctl(
                '--json', '-c', daemon.conf, 'doctor', '--sendmail',
                os.path.join(site.dir, 'sendmail.cf'), '--log', log_file,
                rc=1).raw)
        found = {f['id']: f['text'] for f in report['findings']
                 if f['where'] == 'mail log'}
        self.assertEqual(set(found) - {'webmail-not-exempt'},
                         {'logins-unknown-tenant'})
        self.assertIn(': c=d@other.test', found['logins-unknown-tenant'])
        self.assertNotIn('+2B', str(found))


if __name__ == '__main__':
    harness.main()
