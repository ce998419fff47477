# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix with Dovecot as its password checker, in a temporary
folder on loopback ports.  Site is what it shares with sendmail_rig.py.

    with Rig({'submission': {'smtpd_milters': MILTER}},
             {'alice@acme.test': 'secret'}) as site:
        with site.login('submission', 'alice@acme.test') as smtp:
            print(smtp.docmd('MAIL FROM:<alice@acme.test>'), site.log())

No service of the machine is started or touched, and nothing stays behind.
Accepted mail is discarded.  Needs root: both programs change users.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time

import harness

PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.example.test
mydestination = $myhostname
mynetworks =
default_database_type = hash
alias_maps =
local_recipient_maps =
local_transport = discard:
default_transport = discard:
relay_transport = discard:
virtual_transport = discard:
smtpd_peername_lookup = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
smtpd_junk_command_limit = 1000000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
"""

MASTER_CF = """\
pickup    unix  n - n 60   1 pickup
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n 300  1 qmgr
rewrite   unix  - - n -    - trivial-rewrite
bounce    unix  - - n -    0 bounce
defer     unix  - - n -    0 bounce
trace     unix  - - n -    0 bounce
error     unix  - - n -    - error
discard   unix  - - n -    - discard
anvil     unix  - - n -    1 anvil
proxymap  unix  - - n -    - proxymap
tlsmgr    unix  - - n 1000 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""

DOVECOT_2_3 = """\
auth_username_format = %u
passdb {{
  driver = passwd-file
  args = username_format=%u {dir}/users
}}
"""
DOVECOT_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_username_format = %{{user}}
passdb passwd-file {{
  passwd_file_path = {dir}/users
}}
"""
DOVECOT_CONF = """\
protocols =
base_dir = {dir}/dovecot
state_dir = {dir}/dovecot
log_path = {dir}/dovecot.log
ssl = no
auth_mechanisms = plain login
auth_username_chars =
service auth {{
  unix_listener {dir}/queue/private/auth {{
    mode = 0666
  }}
}}
"""
TOKENS_2_3 = """\
auth_mechanisms = plain login oauthbearer
passdb {{
  driver = oauth2
  mechanisms = oauthbearer
  args = {dir}/oauth2
}}
"""
TOKENS_2_4 = """\
auth_mechanisms = plain login oauthbearer
oauth2 {{
  introspection_mode = local
  username_attribute = sub
  oauth2_local_validation {{
    dict fs {{
      fs posix {{
        prefix = {dir}/keys/
      }}
    }}
  }}
}}
passdb oauth2 {{
  mechanisms_filter = oauthbearer
}}
"""
OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={dir}/keys/
username_attribute = sub
username_format = %u
"""
KEY = b'the key that signs tokens of OAUTHBEARER'


def missing():
    """What keeps the rig from running here, in words, or None."""
    if os.geteuid() != 0:
        return 'a private Postfix needs root'
    for program, package in (('postfix', 'postfix'),
                             ('dovecot', 'dovecot-core')):
        if not shutil.which(program, path=PATH):
            return '%s is missing (package %s)' % (program, package)
    return None


def urlsafe(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def certificate(path, name):
    """Write a self-signed certificate and its key into one file."""
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
         '/CN=' + name, '-keyout', path, '-out', path + '.crt'],
        check=True, stdin=subprocess.DEVNULL, capture_output=True)
    with open(path + '.crt') as crt, open(path, 'a') as both:
        both.write(crt.read())
    os.chmod(path, 0o600)


class Site:
    """A mail server in a folder of its own, as a context manager.

    A class derived from it has start(), stop() and log(), and puts the
    listeners' ports into self.ports; those in self.tls begin with TLS."""

    def __init__(self, users, parent):
        self.users = users
        self.ports = {}
        self.tls = set()
        self.dir = tempfile.mkdtemp(prefix='smtpauth-rig-', dir=parent)
        self.env = {'PATH': PATH, 'LC_ALL': 'C'}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def address(self, listener):
        return '127.0.0.1:%d' % self.ports[listener]

    def wait_log(self, regex):
        """Wait until the server's log matches, and return the match."""
        return harness.wait_for(lambda: re.search(regex, self.log(), re.M),
                                what='line of the server like %r' % regex)

    def connect(self, listener, source='127.0.0.1'):
        """An SMTP session after EHLO, not logged in."""
        more = {'context': self.context()} if listener in self.tls else {}
        smtp = (smtplib.SMTP_SSL if more else smtplib.SMTP)(
            '127.0.0.1', self.ports[listener], 'client.test',
            timeout=harness.TIMEOUT, source_address=(source, 0), **more)
        smtp.ehlo()
        return smtp

    def login(self, listener, login, source='127.0.0.1'):
        """A session that is logged in; smtplib's login() takes ASCII only."""
        plain = '\0%s\0%s' % (login, self.users[login])
        return self._auth(self.connect(listener, source), 'PLAIN', plain)

    @staticmethod
    def context():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    @staticmethod
    def _auth(smtp, mechanism, response):
        response = base64.b64encode(response.encode()).decode()
        code, text = smtp.docmd('AUTH', '%s %s' % (mechanism, response or '='))
        if code != 235:
            smtp.close()
            raise smtplib.SMTPAuthenticationError(code, text)
        return smtp

    def _spawn(self, *command):
        # The servers keep the standard output they are given: a file.
        with open(os.path.join(self.dir, 'output'), 'ab') as out:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=self.env, start_new_session=True)

    def _end(self, *children):
        """End processes of _spawn, and remove the folder."""
        for child in children:
            if child:
                child.terminate()
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, 0o644)
        harness.settle(path)

    def _read(self, name):
        path = os.path.join(self.dir, name)
        if not os.path.exists(path):
            return ''
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()


class Rig(Site):
    """listeners: {name: {parameter: value}}, where chroot is y or n; users:
    {login: password}; main: {parameter: value} for main.cf; tokens: whether
    modern() shall work; parent: where its folder is
    made."""

    def __init__(self, listeners, users, main=(), tokens=False, parent='/tmp'):
        # Short, for sockets, and reachable by user postfix: TMPDIR may not be.
        super().__init__(users, parent)
        self.listeners = listeners
        self.main = dict(main)
        self.tokens = tokens
        self.queue = os.path.join(self.dir, 'queue')
        self.postfix, self.passwords = None, []
        self.env['MAIL_CONFIG'] = os.path.join(self.dir, 'etc')
        self.tls = {name for name, options in listeners.items()
                    if options.get('smtpd_tls_wrappermode') == 'yes'}

    def start(self):
        for name in 'etc', 'queue', 'data':
            os.mkdir(os.path.join(self.dir, name))
        for name in '', 'etc', 'queue', 'data':     # whatever the umask
            os.chmod(os.path.join(self.dir, name), 0o755)
        shutil.chown(os.path.join(self.dir, 'data'), 'postfix')
        self._write('etc/main.cf', MAIN_CF.format(dir=self.dir) + ''.join(
            '%s = %s\n' % setting for setting in self.main.items()))
        self._write('dovecot.conf', self._dovecot_conf())
        if self.tokens:
            self._write_tokens()
        if self.tls:
            certificate(os.path.join(self.dir, 'etc', 'tls.pem'), 'mx.test')
        self._write('users', ''.join(
            '%s:{PLAIN}%s::::::\n' % (login.replace('\\', '\\\\'), password)
            for login, password in self.users.items()))
        for _ in range(3):
            self._write('etc/master.cf', MASTER_CF + ''.join(
                self._service(*service) for service in self.listeners.items()))
            if self._start_postfix():   # else a port may have been taken
                break
        else:
            raise RuntimeError('Postfix does not start:\n'
                               + self._read('output') + self.log())
        self._start_passwords()

    def stop(self):
        self._end(self.postfix, *self.passwords)

    def _start_passwords(self):
        """Start what checks passwords, into self.passwords."""
        self._start_dovecot('dovecot.conf', 'queue/private/auth')

    def _start_dovecot(self, conf, listener):
        dovecot = self._spawn(
            'dovecot', '-F', '-c', os.path.join(self.dir, conf))
        self.passwords.append(dovecot)
        harness.wait_for(lambda: self._dovecot_answers(dovecot, listener),
                         what='answer from Dovecot')

    def log(self):
        """The whole log of Postfix so far."""
        return self._read('mail.log')

    def _service(self, name, options):
        self.ports[name] = harness.free_port()
        text = '%s inet n - %s - 50 smtpd\n  -o syslog_name=postfix/%s\n' % (
            self.address(name), options.get('chroot', 'n'), name)
        return text + ''.join('  -o { %s = %s }\n' % option
                              for option in options.items()
                              if option[0] != 'chroot')

    def _output(self, *command):
        return subprocess.check_output(command, env=self.env, text=True)

    def _dovecot_conf(self):
        """Dovecot 2.4 changed the names of most settings."""
        start, tokens = ((DOVECOT_2_3, TOKENS_2_3) if self._old_dovecot() else
                         (DOVECOT_2_4, TOKENS_2_4))
        text = start + DOVECOT_CONF + (tokens if self.tokens else '')
        return text.format(dir=self.dir)

    def _old_dovecot(self):
        return self._output('dovecot', '--version').startswith('2.3')

    def _write_tokens(self):
        """What Dovecot needs to check tokens of OAUTHBEARER by itself."""
        folder = os.path.join(self.dir, 'keys', 'default', 'HS256')
        os.makedirs(folder)
        self._write('keys/default/HS256/default',
                    base64.b64encode(KEY).decode())
        self._write('oauth2', OAUTH2.format(dir=self.dir))

    def modern(self, listener, login):
        """A session that is logged in with a token, not a password."""
        now = int(time.time())
        parts = [{'typ': 'JWT', 'alg': 'HS256'},
                 {'sub': login, 'iat': now - 60, 'exp': now + 3600}]
        token = b'.'.join(urlsafe(json.dumps(part).encode())
                          for part in parts)
        token += b'.' + urlsafe(hmac.digest(KEY, token, hashlib.sha256))
        return self._auth(
            self.connect(listener), 'OAUTHBEARER',
            'n,a=%s,\1auth=Bearer %s\1\1' % (login, token.decode()))

    def _start_postfix(self):
        # With `postfix start` the master would be nobody's child, and stay
        # a zombie where process 1 does not collect it.
        self._spawn('postfix', 'check').wait()
        folder = self._output('postconf', '-h', 'daemon_directory').strip()
        self.postfix = self._spawn(os.path.join(folder, 'master'), '-d',
                                   '-c', self.env['MAIL_CONFIG'])
        harness.wait_for(lambda: self.postfix.poll() is not None
                         or 'daemon started' in self.log(), what='Postfix')
        return self.postfix.poll() is None

    def _dovecot_answers(self, dovecot, listener):
        if dovecot.poll() is not None:
            raise RuntimeError('Dovecot does not start:\n'
                               + self._read('output')
                               + self._read('dovecot.log'))
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(5)
                probe.connect(os.path.join(self.dir, listener))
                return probe.recv(100).startswith(b'VERSION')
        except OSError:
            return False

