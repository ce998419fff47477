# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration behind ./quickstart: the milter with a sample policy
beside a private Postfix, and two submissions through them."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

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
        self.log = os.path.join(self.tmp, 'milter.log')
        self.port = harness.free_port()
        self.milter = None
        self.postfix = postfix_rig.Rig(
            {'submission': {'smtpd_milters': '$mua_milters',
                            'milter_macro_daemon_name': 'ORIGINATING'}},
            dict.fromkeys(USERS, PASSWORD),
            {'mua_milters': snippet().replace('8899', str(self.port))})

    def start(self):
        for command in POLICY:
            self.ctl(command)
        argv = [harness.MILTER, '-c', os.path.join(self.tmp, 'milter.conf'),
                '-d', self.state, '-s', 'inet:%d@127.0.0.1' % self.port]
        with open(argv[2], 'w', encoding='utf-8') as f:
            f.write('user = root\n')
        with open(self.log, 'wb') as log:
            self.milter = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        harness.wait_for(self.listens, 20, 'answer of the milter')
        show('$ smtpauth-milter -s inet:%d@127.0.0.1 &' % self.port, '0')
        self.postfix.start()
        show('$ postfix start        # a private one, on %s, with' %
             self.postfix.address('submission'), '0')
        show('smtpd_milters = %s' % self.postfix.main['mua_milters'],
             prefix='    ')

    def listens(self):
        if self.milter.poll() is not None:
            raise RuntimeError('the milter ended with status %d'
                               % self.milter.returncode)
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0

    def stop(self):
        self.postfix.stop()
        if self.milter:
            self.milter.terminate()
            try:
                self.milter.wait(20)
            except subprocess.TimeoutExpired:
                self.milter.kill()
                self.milter.wait()
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

    def submit(self, login, expected):
        """Show one submission; say whether its MAIL FROM had this reply."""
        before = [len(log) for log in self.logs()]
        show('$ swaks --auth PLAIN --auth-user %s --from %s --to '
             'someone@example.test' % (login, login), '0')
        run = subprocess.run(
            ['swaks', '--server', self.postfix.address('submission'),
             '--helo', 'client.acme.test', '--auth', 'PLAIN',
             '--auth-user', login, '--auth-password', PASSWORD,
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
                         'line of the milter')
        harness.wait_for(lambda: 'disconnect from' in new()[1], 20,
                         'line of Postfix')
        for name, text in zip(('smtpauth-milter', 'postfix'), new()):
            show('log of %s:' % name, '0')
            for line in text.splitlines():
                if re.search(r'(^| )id=|sasl_username|milter-reject', line):
                    show(line, '36', '    ')
        return bool(re.search(r'-> MAIL FROM.*\n<.. *' + expected,
                              run.stdout))

    def logs(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read(), self.postfix.log()


def demonstrate(site):
    """Both submissions; returns whether all was as it should be."""
    title('A policy: SMTP AUTH off for the tenant, on for one mailbox')
    site.start()
    title('printer@acme.test has an exception: accepted')
    allowed = site.submit('printer@acme.test', r'250 2\.1\.0')
    title('alice@acme.test has none: rejected at MAIL FROM')
    rejected = site.submit('alice@acme.test', r'550 5\.7\.1 SMTP AUTH is dis')
    title('Result')
    for what, good in (('printer@acme.test accepted', allowed),
                       ('alice@acme.test rejected', rejected)):
        show(('ok      ' if good else 'NOT     ') + what,
             '32' if good else '1;31')
    return allowed and rejected


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
  Let alice in, and out again; in force at her next MAIL FROM:
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
