# SPDX-License-Identifier: BSD-2-Clause
"""A site on a throw-away copy of the machine, for mistakes that are planted
in it: one Postfix, whose services are as contrib/postfix ships them, Dovecot
for the passwords, the daemon, and a policy.  The effect of anything is told by
submissions, and the advice of `smtpauthctl doctor` is typed as it stands.

A probe is a text, LOGIN PORT [from ADDRESS] [proxy|xclient]:
'alice 587' logs in and says MAIL FROM, '- 25' brings a message for this
machine, 'relay 587' tries without a login to send one somewhere else.
"""

import concurrent.futures
import json
import os
import re
import shutil
import smtplib
import ssl
import subprocess
import time

import harness
import machine_copy
from machine_copy import type_in

STATE = '/var/lib/smtpauth-milter'
CONF = '/etc/smtpauth-milter/smtpauth-milter.conf'
MAIL_LOG, DAEMON_LOG = '/var/log/mail.log', '/var/log/milter.log'
CLIENT = '192.0.2.77'       # neither loopback nor exempt
BEHIND = '203.0.113.66'     # the client that a proxy speaks for
USERS = {'alice': 'alice@acme.test', 'printer': 'printer@acme.test',
         'stray': 'stray@nowhere.test', 'legacy': 'legacy'}
PASSWORD = 'open sesame'
SAVED = '/etc/postfix', os.path.dirname(CONF), STATE

# What the daemon's unit does.  It knows this one service, as there is no
# systemd in the copy.
SYSTEMCTL = """\
#!/bin/bash
exec </dev/null
pid=/run/milter.pid
running() { kill -0 "$(cat $pid)" 2>/dev/null; }
stop() {
    running && kill "$(cat $pid)"
    while running; do sleep 0.02; done
}
start() {
    running && return
    smtpauth-milter >>%s 2>&1 &
    echo $! >$pid
    for i in {1..100}; do
        running || exit 1
        smtpauthctl status >/dev/null 2>&1 && exit
        sleep 0.03
    done
}
case "$*" in
"stop smtpauth-milter") stop ;;
"start smtpauth-milter") start ;;
"restart smtpauth-milter"|"try-restart smtpauth-milter") stop; start ;;
"reload postfix") postfix reload ;;
*) echo "systemctl $*: not here" >&2; exit 1 ;;
esac
""" % DAEMON_LOG

TYPED = re.compile(r'(postconf|postfix|smtpauthctl|systemctl|gpasswd|install|'
                   r'ch(mod|own|grp)|sed|rm|mv|echo|df) ')


def settle():
    for name in 'main.cf', 'master.cf':
        harness.settle('/etc/postfix/' + name)


def smtpds():
    """Process numbers of the smtpd that run."""
    found = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/comm' % pid, encoding='utf-8') as f:
                if f.read() == 'smtpd\n':
                    found.add(pid)
        except OSError:
            pass
    return found


class Proxied(smtplib.SMTP):
    """A client that says first, as haproxy does, for whom it speaks."""

    def _get_socket(self, host, port, timeout):
        sock = super()._get_socket(host, port, timeout)
        sock.sendall(b'PROXY TCP4 %s 127.0.0.1 4711 %d\r\n' % (
            BEHIND.encode(), port))
        return sock


class Postfix(machine_copy.Postfix):
    """That of machine_copy, with a log where doctor looks for it."""

    patience = harness.TIMEOUT      # until a service is called silent

    def __init__(self, main, master):
        super().__init__({login: PASSWORD for login in USERS.values()}, main,
                         master)
        path = '/etc/postfix/main.cf'
        text = machine_copy.read(path).replace('/var/log/postfix.log',
                                               MAIL_LOG)
        # The default defers, and has its turn before or after the reject of
        # master.cf, by the version.
        machine_copy.write(path, text + 'service_throttle_time = 1s\n'
                           'smtpd_relay_restrictions = permit_mynetworks, '
                           'permit_sasl_authenticated, '
                           'reject_unauth_destination\n'
                           'in_flow_delay = 0\n')
        machine_copy.write(MAIL_LOG, '')

    def log(self):
        return super().log() + machine_copy.read(MAIL_LOG)

    def reload(self):
        """Returns when no smtpd of before is there any more."""
        settle()
        old = smtpds()
        self.postfix('reload')
        harness.wait_for(lambda: not old & smtpds(), what='smtpd reloaded')

    def session(self, probe):
        """A session after EHLO, TLS as the port has it."""
        words = probe.split()
        login, port = words[0], int(words[1])
        source = words[3] if 'from' in words else CLIENT
        where = '127.0.0.1', port, 'client.example'
        how = {'timeout': self.patience, 'source_address': (source, 0)}
        context = ssl.create_default_context(cafile=machine_copy.CERT)
        if port == 465:
            smtp = smtplib.SMTP_SSL(*where, context=context, **how)
        else:
            smtp = (Proxied if 'proxy' in words else smtplib.SMTP)(
                *where, **how)
        if port == 587:
            smtp.starttls(context=context)
        smtp.ehlo()
        if 'xclient' in words:
            smtp.docmd('XCLIENT', 'ADDR=' + BEHIND)
            smtp.ehlo()
        return login, smtp

    def outcome(self, probe):
        """In a word: passed, denied, later, no auth, closed, silent."""
        try:
            login, smtp = self.session(probe)
            with smtp:
                return self._ask(login, smtp)
        except smtplib.SMTPResponseException as refused:
            return self._word(refused.smtp_code)
        except (OSError, smtplib.SMTPException) as ended:
            return 'silent' if 'timed out' in str(ended) else 'closed'

    def _ask(self, login, smtp):
        if login in USERS:
            if 'auth' not in smtp.esmtp_features:
                return 'no auth'
            smtp.login(USERS[login], PASSWORD)
        code = smtp.docmd('MAIL', 'FROM:<a@acme.test>')[0]
        if code == 250:     # Postfix logs the login at the first recipient
            to = 'root@mx.example.test' if login == '-' else 'b@else.test'
            code = smtp.docmd('RCPT', 'TO:<%s>' % to)[0]
        return self._word(code)

    @staticmethod
    def _word(code):
        words = {2: 'passed', 4: 'later', 5: 'denied'}
        return words.get(code // 100, 'closed')


class DoctorSite(harness.Case):
    """One Postfix for all tests; each begins with the site as it was."""

    program = '/usr/local/bin/smtpauthctl'
    given = ()
    sane = {'alice 587': 'denied', 'printer 587': 'passed',
            'alice 465': 'denied', 'printer 465': 'passed',
            '- 25': 'passed', 'relay 587': 'denied'}

    @classmethod
    def setUpClass(cls):
        machine_copy.write('/usr/local/sbin/systemctl', SYSTEMCTL, 0o755)
        example = machine_copy.shipped('main.cf.example')
        cls.site = Postfix(
            re.search(r'(?m)^mua_milters = .*\n', example).group(0),
            machine_copy.shipped('master.cf.example'))
        cls.make_policy()
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()
        cls.site.start_dovecot()
        for folder in SAVED:
            shutil.rmtree(folder + '.saved', ignore_errors=True)
            type_in('cp -a %s %s.saved' % (folder, folder))

    @staticmethod
    def make_policy():
        for folder in SAVED[1:]:
            shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(os.path.dirname(CONF))
        machine_copy.write(CONF, 'log = stderr\n')
        type_in('id -u smtpauth >/dev/null 2>&1 || useradd --system '
                '--user-group --no-create-home smtpauth')
        type_in('smtpauthctl init && smtpauthctl tenant add acme --domain '
                'acme.test --smtp-auth disabled && smtpauthctl mailbox set '
                'printer@acme.test --smtp-auth enabled')

    def setUp(self):
        super().setUp()
        self.site.patience = harness.TIMEOUT
        type_in('systemctl stop smtpauth-milter')
        for folder in SAVED:
            type_in('rm -rf %s && cp -a %s.saved %s' % ((folder,) * 3))
        for path in MAIL_LOG, DAEMON_LOG:
            machine_copy.write(path, '')
        type_in('systemctl start smtpauth-milter')
        self.site.reload()

    def diagnostics(self):
        return '\n'.join([
            'typed and seen:', *self.transcript, 'log of the daemon:',
            *machine_copy.read(DAEMON_LOG).splitlines()[-15:],
            'log of Postfix and Dovecot:',
            *self.site.log().splitlines()[-30:]])

    # -- what an operator does ----------------------------------------------

    def type(self, line):
        """Type a line as root; Postfix has taken it when this returns."""
        self.transcript.append('# ' + line)
        for part in re.split(r'(?:;| &&|\n)\s*(?=postfix reload)', line):
            if part.startswith('postfix reload'):
                self.site.reload()
                part = part[len('postfix reload'):].lstrip('; \n')
            if part:
                self.transcript.append(type_in('set -e\n' + part))

    def doctor(self):
        """What doctor finds."""
        done = subprocess.run(
            ['smtpauthctl', '--json', 'doctor'], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=harness.TIMEOUT, check=False)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report['findings'] else 0)
        self.transcript += ['[%(id)s] %(where)s: %(text)s\n   -> %(fix)s' % f
                            for f in report['findings']]
        return report['findings']

    def take_advice(self, fix, by_hand, choice=0):
        """Type the commands of the advice as they stand: those of its first
        way out, or of another.  What it says in words is in by_hand,
        {regular expression: what a person types}."""
        fix = re.sub(r' \([^()]*\)', '', fix)      # a remark
        ways = re.split(r'[.;] (?:[Oo]r|else),? ', fix)
        way = re.sub(r'^if nobody is to log in (there|here): ', '',
                     ways[choice])
        for part in way.split('; '):
            line = part if TYPED.match(part) else None
            for pattern, hand in by_hand.items():
                if re.search(pattern, part):
                    line = hand
            self.assertIsNotNone(line, 'nobody carries this out: ' + part)
            self.type(line)

    # -- what comes of it ---------------------------------------------------

    def effect(self, probes):
        """{probe: outcome}, by submissions at once."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(zip(probes, pool.map(self.site.outcome, probes)))

    def wait_effect(self, expected):
        """Until it is as expected: the daemon notices some things within
        two seconds."""
        end = time.monotonic() + 5
        while True:
            found = self.effect(expected)
            if found == expected or time.monotonic() > end:
                break
        self.transcript.append('effect: %s' % found)
        self.assertEqual(found, expected)

    def no_harm(self, before, after, wanted):
        """Nothing that was refused passes, nothing that worked breaks."""
        self.transcript.append('effect: %s' % after)
        for probe, outcome in wanted.items():
            if outcome == before[probe]:
                self.assertEqual(after[probe], outcome, probe)
            if outcome != 'passed' and before[probe] != 'passed':
                self.assertNotEqual(after[probe], 'passed', probe)
