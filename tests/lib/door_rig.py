# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix and Dovecot that ask smtpauth-authd at AUTH, with the
file that contrib/dovecot ships for the version of Dovecot that is here.

    with Rig(milter_port, door_port, key, {'alice@acme.test': 'x'}) as site:
        print(attempt(site, 'submission', 'SCRAM-SHA-256', 'alice@acme.test'))

Listeners: `submission' (Postfix, asks the door as smtp), `webmail' (Postfix,
asks as webmail), `unasked' (as submission, but of the milter alone), `proxy'
(Postfix behind Dovecot's), `dovecot' (Dovecot's submission service) and
`imap'.
"""

import base64
import concurrent.futures
import hashlib
import hmac
import http.server
import itertools
import os
import re
import secrets
import shutil
import socket
import subprocess
import threading

import harness
import postfix_rig

AUTHD = os.path.join(harness.BUILDDIR, 'milter', 'auth',
                     'smtpauth-authd')
MECHANISMS = 'PLAIN', 'LOGIN', 'SCRAM-SHA-256'
SENDER = 'sender@acme.test'
PASSWORD = 'open sesame'
# What stands before the text of the policy in a refusal at AUTH.
REFUSED = {'submission': '535 5.7.8 Error: authentication failed: ',
           'dovecot': '535 5.7.8 '}
LIBEXEC = '/usr/lib/dovecot'
SERVICES = """\
protocols = imap submission
auth_mechanisms = plain login scram-sha-256 oauthbearer
auth_failure_delay = 0
auth_verbose = yes
mail_max_userip_connections = 1000
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = {proxy}
submission_relay_trusted = yes
service submission-login {{
  inet_listener submission {{
    port = {dovecot}
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service managesieve-login {{
}}
"""
MAIL_2_3 = """\
listen = 127.0.0.1
disable_plaintext_auth = no
mail_location = maildir:{dir}/mail/%u
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u
}}
"""
MAIL_2_4 = """\
listen = 127.0.0.1
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {dir}/mail/%{{user}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {dir}/mail/%{{user}}
  }}
}}
service submission-login {{
  inet_listener submissions {{
    port = 0
  }}
}}
"""


def missing():
    """What keeps the rig from running here, in words, or None."""
    if postfix_rig.missing():
        return postfix_rig.missing()
    for program in 'submission', 'imap':
        if not os.path.exists(os.path.join(LIBEXEC, program + '-login')):
            return 'dovecot-%sd is missing' % program
    return None


def shipped(*path):
    """A file of contrib."""
    with open(os.path.join(harness.ROOT, 'contrib', *path),
              encoding='utf-8') as f:
        return f.read()


def replaced(text, old, new):
    """The text with new in place of old, which must be there."""
    assert old in text, old
    return text.replace(old, new)


def master_cf(service):
    """The -o options of a service in contrib/postfix/master.cf.example."""
    text = shipped('postfix', 'master.cf.example')
    body = re.search(r'(?m)^#?%s inet .*\n((?:#?  -o .*\n)+)'
                     % re.escape(service), text).group(1)
    return dict(re.findall(r'-o (\w+)=(.*)', body))


class Asking(postfix_rig.Rig):
    """A Postfix whose Dovecot has the file of contrib/dovecot.  door: the
    port of authd, or of what stands for it; key: authd's."""

    def __init__(self, listeners, users, main, door, key=None, **more):
        super().__init__(listeners, users, main, **more)
        self.door, self.key = door, key

    def _start_passwords(self):
        self._write_key()
        super()._start_passwords()

    def _write_key(self):
        """As contrib/dovecot/README.md says."""
        self._write('auth.key', self.key + '\n')
        command = re.search(r'(?ms)^ *```sh\n(.*?)^ *```$',
                            shipped('dovecot', 'README.md')).group(1)
        for path in ('/var/lib/smtpauth-milter/auth.key',
                     '/etc/dovecot/smtpauth-key.conf'):
            command = replaced(command, path, os.path.join(
                self.dir, os.path.basename(path)))
        subprocess.run(['sh', '-ec', command], check=True)
        mode = os.stat(os.path.join(self.dir, 'smtpauth-key.conf')).st_mode
        assert mode & 0o777 == 0o600, oct(mode)

    def _dovecot_conf(self):
        file = 'smtpauth-2.3.conf' if self._old_dovecot() else \
            'smtpauth-2.4.conf'
        door = replaced(shipped('dovecot', file), '127.0.0.1:8898',
                        '127.0.0.1:%d' % self.door)
        door = replaced(door, '/etc/dovecot/smtpauth-key.conf',
                        os.path.join(self.dir, 'smtpauth-key.conf'))
        self._write('99-smtpauth.conf', door)
        return super()._dovecot_conf() + '!include 99-smtpauth.conf\n'


class Rig(Asking):
    """With services of Dovecot's own; extra: more of its settings."""

    def __init__(self, milter, door, key, users, extra=''):
        line = re.search(r'(?m)^mua_milters = (.*8899.*)$',
                         shipped('postfix', 'main.cf.example')).group(1)
        submission = master_cf('submission')
        del submission['smtpd_tls_security_level'], submission['syslog_name']
        webmail = master_cf('127.0.0.1:10587')
        proxy = master_cf('127.0.0.1:10588')
        for options in webmail, proxy:
            del options['syslog_name']
        super().__init__(
            {'submission': submission, 'webmail': webmail, 'proxy': proxy,
             'unasked': dict(submission, smtpd_sasl_service='unasked')},
            users, {'mua_milters': line.replace('8899', str(milter))},
            door, key, tokens=True)
        self.extra = extra

    def start(self):
        folder = os.path.join(self.dir, 'mail')
        os.mkdir(folder)
        shutil.chown(folder, 'nobody', 'nogroup')
        super().start()

    def _start_passwords(self):
        # Postfix has its ports by now: Dovecot has to know that of `proxy'.
        self.ports['dovecot'] = harness.free_port()
        self.ports['imap'] = harness.free_port()
        self._write('dovecot.conf', self._dovecot_conf())
        super()._start_passwords()
        for name in 'dovecot', 'imap':
            harness.wait_for(lambda name=name: self._listens(name),
                             what='answer from Dovecot at ' + name)

    def _listens(self, name):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.ports[name])) == 0

    def _dovecot_conf(self):
        text = super()._dovecot_conf()
        if 'imap' not in self.ports:
            return text         # Postfix has no ports yet
        more = SERVICES + (MAIL_2_3 if self._old_dovecot() else MAIL_2_4)
        return text + more.format(dir=self.dir, uid=65534, gid=65534,
                                  **self.ports) + self.extra

    def log(self):
        return super().log() + self._read('dovecot.log')

    def holds_refusals(self):
        """Whether Dovecot answers all refusals of half a second together."""
        return self._old_dovecot()

    def auth_socket(self):
        """A connection to Dovecot's auth service, as an smtpd has it."""
        return AuthSocket(os.path.join(self.queue, 'private', 'auth'))

    # -- dialogues -------------------------------------------------------

    def auth(self, listener, mechanism, login, password=None):
        """(session or None, reply to AUTH) of a new session."""
        smtp = self.connect(listener)
        reply = auth(smtp, mechanism, login,
                     self.users[login] if password is None else password)
        if not reply.startswith('235 '):
            smtp.close()
            return None, reply
        return smtp, reply

    def attempt(self, listener, mechanism, login):
        """(reply to AUTH, reply to MAIL or '-')."""
        smtp, reply = self.auth(listener, mechanism, login)
        if not smtp:
            return reply, '-'
        with smtp:
            return reply, mail(smtp)

    def attempts(self, login, listeners=('submission', 'dovecot')):
        """{(listener, mechanism): attempt}, all at once: Dovecot 2.3 answers
        all refusals of half a second together."""
        doors = list(itertools.product(listeners, MECHANISMS))
        with concurrent.futures.ThreadPoolExecutor(len(doors)) as pool:
            seen = pool.map(lambda door: self.attempt(*door, login), doors)
            return dict(zip(doors, seen))

    def imap(self, login, password=None):
        """The answer to LOGIN at IMAP, without its tag."""
        with socket.create_connection(
                ('127.0.0.1', self.ports['imap']), harness.TIMEOUT) as s, \
                s.makefile('rwb') as f:
            assert f.readline().startswith(b'* OK')
            f.write(b'a LOGIN "%s" "%s"\r\n' % (
                login.encode(), (password or self.users[login]).encode()))
            f.flush()
            for line in f:
                if line.startswith(b'a '):
                    return line[2:].decode().strip()
        return 'closed'


def code64(text):
    return base64.b64encode(text.encode()).decode()


def line(answer):
    return '%d %s' % (answer[0], answer[1].decode())


def mail(smtp, sender=SENDER):
    return line(smtp.docmd('MAIL', 'FROM:<%s>' % sender))


def auth(smtp, mechanism, login, password):
    """The last reply to AUTH in a session."""
    if mechanism == 'PLAIN':
        return line(smtp.docmd('AUTH', 'PLAIN ' + code64(
            '\0%s\0%s' % (login, password))))
    if mechanism == 'LOGIN':
        answer = smtp.docmd('AUTH', 'LOGIN')
        for word in login, password:
            if answer[0] == 334:
                answer = smtp.docmd(code64(word))
        return line(answer)
    return line(scram(smtp, login, password))


def scram(smtp, login, password):
    """SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding."""
    nonce = secrets.token_hex(12)
    name = login.replace('=', '=3D').replace(',', '=2C')
    first = 'n=%s,r=%s' % (name, nonce)
    answer = smtp.docmd('AUTH', 'SCRAM-SHA-256 ' + code64('n,,' + first))
    if answer[0] != 334:
        return answer
    challenge = base64.b64decode(answer[1]).decode()
    given = dict(part.split('=', 1) for part in challenge.split(','))
    assert given['r'].startswith(nonce), challenge
    salted = hashlib.pbkdf2_hmac('sha256', password.encode(),
                                 base64.b64decode(given['s']),
                                 int(given['i']))
    key = hmac.digest(salted, b'Client Key', 'sha256')
    last = 'c=biws,r=' + given['r']
    signature = hmac.digest(hashlib.sha256(key).digest(), ','.join(
        (first, challenge, last)).encode(), 'sha256')
    proof = bytes(a ^ b for a, b in zip(key, signature))
    answer = smtp.docmd(code64(
        '%s,p=%s' % (last, base64.b64encode(proof).decode())))
    return smtp.docmd('') if answer[0] == 334 else answer


class AuthSocket:
    """Dovecot's auth protocol, as an MTA speaks it, one login at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(harness.TIMEOUT)
        self.socket.connect(path)
        self.file = self.socket.makefile('rwb')
        self.number = 0
        self.file.write(b'VERSION\t1\t2\nCPID\t%d\n' % os.getpid())
        self.file.flush()
        while self.file.readline() != b'DONE\n':
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def plain(self, service, login, password):
        """Dovecot's line of answer: OK or FAIL and their fields."""
        self.number += 1
        self.file.write(
            b'AUTH\t%d\tPLAIN\tservice=%s\tnologin\tlip=127.0.0.1\t'
            b'rip=127.0.0.1\tsecured\tresp=%s\n' % (
                self.number, service.encode(),
                code64('\0%s\0%s' % (login, password)).encode()))
        self.file.flush()
        return self.file.readline().decode().rstrip('\n')


class Authd(harness.Daemon):
    """smtpauth-authd on the state of a Case; listening: the socket that it
    is given, as by systemd."""

    def __init__(self, case, port, listening=None, **keys):
        super().__init__(case, args=('-s', 'inet:%d@127.0.0.1' % port),
                         **keys)
        self.argv[0], self.port = AUTHD, port
        if listening:
            self.argv[-1] = 'fd:3'
            self.argv = ['bash', '-c', 'exec "$@" 3<&%d' % listening.fileno(),
                         'bash', *self.argv]
            self.popen['pass_fds'] = [listening.fileno()]

    def start(self):
        """Wait for its first scan, too: until then it lets logins go on."""
        super().start()
        self.wait_log('policy database (verified|is gone)')
        return self


class DoorCase(harness.Case):
    """A test that has a policy, self.milter(), self.authd(), and for all
    tests of the class one mail server: self.site."""

    given = ('init',
             'tenant add acme --domain acme.test --smtp-auth disabled',
             'mailbox set printer@acme.test --smtp-auth enabled')
    logins = 'alice@acme.test', 'printer@acme.test', 'stranger@else.test'
    extra = ''
    site = None

    @classmethod
    def setUpClass(cls):
        if missing():
            return
        cls.milter_port = harness.free_port()
        cls.door_port = harness.free_port()
        cls.key = secrets.token_hex(32)
        cls.site = Rig(cls.milter_port, cls.door_port, cls.key,
                       dict.fromkeys(cls.logins, PASSWORD), cls.extra)
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()

    def setUp(self):
        if missing():
            self.skipTest(missing())
        super().setUp()
        # Dovecot has read the key of the class.
        with open(os.path.join(self.dir, 'auth.key'), 'w',
                  encoding='ascii') as f:
            f.write(self.key + '\n')

    def diagnostics(self):
        return super().diagnostics() + 'log of the servers:\n' + ''.join(
            self.site.log().splitlines(True)[-60:])

    def milter(self, **keys):
        daemon = harness.Daemon(
            self, args=('-s', 'inet:%d@127.0.0.1' % self.milter_port), **keys)
        daemon.port = self.milter_port
        return daemon

    def authd(self, **more):
        return Authd(self, self.door_port, **more)


class Fake:
    """Stands for an authd that is broken: answer is the bytes that it gives
    to each question, None for none at all."""

    def __init__(self, port, answer):
        self.asked = 0
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                fake.asked += 1
                body = self.rfile.read(int(self.headers['Content-Length']))
                self.close_connection = True
                text = answer(self.path, self.headers, body) \
                    if callable(answer) else answer
                if text is None:
                    fake.ended.wait()
                else:
                    self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.ended = threading.Event()
        self.server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={'poll_interval': 0.05})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def http_answer(body, status='200 OK'):
    return b'HTTP/1.1 %s\r\nContent-Length: %d\r\nContent-Type: ' \
        b'application/json\r\nConnection: close\r\n\r\n%s' % (
            status.encode(), len(body), body)
