# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration behind ./quickstart: the milter with a sample policy
beside a private Postfix, and two submissions through them; then the same with
smtpauth-authd, which Dovecot asks before it checks a password."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import door_rig
import harness
import postfix_rig

PASSWORD = 'secret'
USERS = 'printer@acme.test', 'alice@acme.test'
POLICY = ('init',
          'tenant add acme --domain acme.test --smtp-auth disabled',
          'mailbox set printer@acme.test --smtp-auth enabled '
          '--note "cannot do OAuth"')
COLOURS = sys.stdout.isatty() and 'NO_COLOR' not in os.environ


def colour(code, text):
    return '\033[%sm%s\033[0m' % (code, text) if COLOURS else text


def title(text):
    print('\n' + colour('1', '== ' + text), flush=True)


def show(text, code='2', prefix='  '):
    for line in text.strip().splitlines():
        print(prefix + colour(code, line), flush=True)


def snippet():
    """The milter line that contrib/postfix ships."""
    with open(os.path.join(harness.ROOT, 'contrib', 'postfix',
                           'main.cf.example'), encoding='utf-8') as f:
        return re.search(r'^mua_milters = (.*)$', f.read(), re.M).group(1)


class Site:
    """Policy, milter and Postfix, all in folders that go away again."""

    def __init__(self):
        self.tmp = tempfile.mkdtemp(prefix='smtpauth-quickstart-')
        self.state = os.path.join(self.tmp, 'state')
        self.log = os.path.join(self.tmp, 'daemons.log')
        self.port, self.door = harness.free_port(), harness.free_port()
        self.daemons = []
        self.postfix = door_rig.Asking(
            {'submission': {'smtpd_milters': '$mua_milters',
                            'milter_macro_daemon_name': 'ORIGINATING'}},
            dict.fromkeys(USERS, PASSWORD),
            {'mua_milters': snippet().replace('8899', str(self.port))},
            self.door)

    def start(self):
        for command in POLICY:
            self.ctl(command)
        self.start_daemon(harness.MILTER, self.port)
        with open(os.path.join(self.state, 'auth.key'),
                  encoding='ascii') as f:
            self.postfix.key = f.read().strip()
        self.postfix.start()
        show('$ postfix start        # a private one, on %s, with' %
             self.postfix.address('submission'), '0')
        show('smtpd_milters = %s' % self.postfix.main['mua_milters'],
             prefix='    ')
        show('and a private Dovecot with contrib/dovecot: its door at AUTH is '
             'still open', prefix='    ')

    def start_daemon(self, program, port):
        argv = [program, '-c', os.path.join(self.tmp, 'smtpauth.conf'),
                '-d', self.state, '-s', 'inet:%d@127.0.0.1' % port]
        with open(argv[2], 'w', encoding='utf-8') as f:
            f.write('user = root\n')
        with open(self.log, 'ab') as log:
            daemon = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.daemons.append(daemon)
        harness.wait_for(lambda: self.listens(daemon, port), 20,
                         'answer of ' + os.path.basename(program))
        show('$ %s -s %s &' % (os.path.basename(program), argv[-1]), '0')

    @staticmethod
    def listens(daemon, port):
        if daemon.poll() is not None:
            raise RuntimeError('%s ended with status %d' % (
                daemon.args[0], daemon.returncode))
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', port)) == 0

    def stop(self):
        self.postfix.stop()
        for daemon in self.daemons:
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def ctl(self, command):
        show('$ smtpauthctl ' + command, '0')
        run = subprocess.run(
            [harness.CTL, '-d', self.state, *shlex.split(command)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding='utf-8', check=False)
        show(run.stdout, prefix='    ')
        if run.returncode != 0:
            raise AssertionError('smtpauthctl ended with status %d'
                                 % run.returncode)

    def submit(self, login, command, expected, password=PASSWORD):
        """Show one submission; say whether its AUTH or MAIL FROM had this
        reply."""
        before = [len(log) for log in self.logs()]
        show('$ swaks --auth PLAIN --auth-user %s --from %s --to '
             'someone@example.test --auth-password %s' % (
                 login, login, shlex.quote(password)), '0')
        run = subprocess.run(
            ['swaks', '--server', self.postfix.address('submission'),
             '--helo', 'client.acme.test', '--auth', 'PLAIN',
             '--auth-user', login, '--auth-password', password,
             '--from', login,
             '--to', 'someone@example.test', '--suppress-data'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding='utf-8', check=False)
        for line in run.stdout.splitlines():
            show(line, '1;31' if line.startswith('<**') else
                 '32' if line.startswith('<') else '2', '    ')

        def new():
            return [log[start:] for log, start in zip(self.logs(), before)]

        harness.wait_for(lambda: 'login=' + login in new()[0], 20,
                         'line of the daemon')
        harness.wait_for(lambda: 'disconnect from' in new()[1], 20,
                         'line of Postfix')
        for name, text in zip(('the daemon', 'postfix'), new()):
            show('log of %s:' % name, '0')
            for line in text.splitlines():
                if re.search(r'(^| )id=|sasl_username|milter-reject', line):
                    show(line, '36', '    ')
        return bool(re.search(r'-> %s.*\n<.. *%s' % (command, expected),
                              run.stdout))

    def logs(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read(), self.postfix.log()


def demonstrate(site):
    """All submissions; returns whether all was as it should be."""
    title('A policy: SMTP AUTH off for the tenant, on for one mailbox')
    site.start()
    title('printer@acme.test has an exception: accepted')
    allowed = site.submit('printer@acme.test', 'MAIL FROM', r'250 2\.1\.0')
    title('alice@acme.test has none: rejected at MAIL FROM')
    rejected = site.submit('alice@acme.test', 'MAIL FROM',
                           r'550 5\.7\.1 SMTP AUTH is dis')
    title('Dovecot asks smtpauth-authd before it checks a password: alice is '
          'rejected at AUTH')
    site.start_daemon(door_rig.AUTHD, site.door)
    refusal = r'535 5\.7\.8 .*: 5\.7\.1 SMTP AUTH is dis'
    refused = [site.submit('alice@acme.test', 'AUTH PLAIN', refusal, password)
               for password in (PASSWORD, 'a wrong one')]
    title('Result')
    good = True
    for what, so in (('printer@acme.test accepted', allowed),
                     ('alice@acme.test rejected at MAIL FROM', rejected),
                     ('alice@acme.test rejected at AUTH', refused[0]),
                     ('a wrong password of hers gets the same answer',
                      refused[1])):
        show(('ok      ' if so else 'NOT     ') + what,
             '32' if so else '1;31')
        good = good and so
    return good


def serve(site):
    """Leave it all running until a signal comes."""
    ctl = '%s -d %s' % (os.path.relpath(harness.CTL), site.state)
    title('Running until Ctrl-C, which also tidies up')
    print('''
  submission  %s  (AUTH PLAIN or LOGIN, no TLS; mail is discarded)
  users       %s   password: %s
  policy      %s
  logs        %s
              %s

  Send a message:
    swaks --server %s --auth PLAIN --auth-user alice@acme.test \\
        --auth-password %s --from alice@acme.test --to someone@example.test
  Let alice in, and out again; in force at her next AUTH:
    %s mailbox set alice@acme.test --smtp-auth enabled
    %s mailbox set alice@acme.test --smtp-auth inherit
  Ask without sending:
    %s check alice@acme.test
''' % (site.postfix.address('submission'), '  '.join(USERS), PASSWORD,
       site.state, site.log, os.path.join(site.postfix.dir, 'mail.log'),
       site.postfix.address('submission'), PASSWORD, ctl, ctl, ctl),
          flush=True)
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        print()


def main():
    reason = postfix_rig.missing()
    if not reason and not shutil.which('swaks'):
        reason = 'swaks is missing'
    if reason:
        sys.exit('quickstart: ' + reason)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    site, good = Site(), False
    try:
        good = demonstrate(site)
        if good and '--serve' in sys.argv[1:]:
            serve(site)
    except KeyboardInterrupt:
        pass
    except (AssertionError, RuntimeError, OSError) as problem:
        show('quickstart: %s' % problem, '1;31', '')
        if os.path.exists(site.log):
            show('\n'.join(site.logs()))
    finally:
        site.stop()
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
