# SPDX-License-Identifier: BSD-2-Clause
"""Postfix and Sendmail, each with a saslauthd that asks PAM, whose
configuration asks smtpauth-authd, in temporary folders on loopback ports.

    with Postfix(milter_port, door_port, key, {'a@acme.test': 'x'}) as site:
        print(site.attempt('submission', 'a@acme.test'))

PAM knows no other folder than /etc/pam.d: saslauthd has a mount namespace of
its own, with ours in that place.  Nothing of the machine is changed.
"""

import base64
import os
import re
import shlex
import shutil
import socket

import harness
import postfix_rig
import sendmail_rig

AUTHD = os.path.join(harness.BUILDDIR, 'milter', 'auth', 'smtpauth-authd')
MODULE = os.path.join(harness.BUILDDIR, 'milter', 'auth', 'pam_smtpauth.so')
SASL_CONF = """\
pwcheck_method: saslauthd
mech_list: PLAIN LOGIN
saslauthd_path: {dir}/saslauthd/mux
"""
# The password module: what stands in `passwords', and notes that it ran.
CHECK = """\
#!/bin/sh
password=$(tr -d '\\000')
echo "$PAM_USER" >>{dir}/asked
exec grep -qxF -- "$PAM_USER $password" {dir}/passwords
"""
SENDER = 'sender@acme.test'


def shipped(*path):
    """A file of contrib."""
    with open(os.path.join(harness.ROOT, 'contrib', *path),
              encoding='utf-8') as f:
        return f.read()


def missing():
    """What keeps saslauthd from running here, in words, or None."""
    if os.geteuid() != 0:
        return 'a private saslauthd needs root'
    if not os.path.exists(MODULE):
        return 'configured without the PAM module'
    for program, package in (('saslauthd', 'sasl2-bin'),
                             ('unshare', 'util-linux')):
        if not shutil.which(program, path=postfix_rig.PATH):
            return '%s is missing (package %s)' % (program, package)
    return None


class Passwords:
    """The part of the rigs that checks passwords."""

    door = key = None
    options = ('-r',)       # of saslauthd, as contrib/pam has them

    def _start_passwords(self):
        self._write('passwords', ''.join(
            '%s %s\n' % (self._seen(login), password)
            for login, password in self.users.items()))
        self._write('asked', '')
        self._write('check', CHECK.format(dir=self.dir))
        os.chmod(os.path.join(self.dir, 'check'), 0o755)
        for name in 'saslauthd', 'pam.d':
            os.mkdir(os.path.join(self.dir, name), 0o755)
        self._write('auth.key', self.key + '\n')
        self._write('pam.d/smtp', self._pam())
        self._write('pam.d/other', 'auth required pam_deny.so\n')
        child = self._spawn(
            'unshare', '--mount', '--propagation', 'private', 'sh', '-c',
            'mount --bind "$1" /etc/pam.d; shift; exec "$@"', 'sh',
            os.path.join(self.dir, 'pam.d'), 'saslauthd', '-d', '-n', '0',
            '-a', 'pam', '-m', os.path.join(self.dir, 'saslauthd'),
            *self.options)
        self.passwords.append(child)
        harness.wait_for(lambda: self._saslauthd_answers(child),
                         what='answer from saslauthd')

    def _seen(self, login):
        """What PAM sees of a login."""
        return login if '-r' in self.options else login.partition('@')[0]

    def _pam(self):
        """contrib's file, with our port, key and password module."""
        text = shipped('pam', 'smtp.example')
        for old, new in (
                (r'(?m)^(auth +\[.*\] +)pam_smtpauth\.so',
                 r'\1%s port=%d key-file=%s' % (
                     MODULE, self.door, os.path.join(self.dir, 'auth.key'))),
                (r'(?m)^@include common-auth',
                 'auth required pam_exec.so quiet expose_authtok '
                 + shlex.quote(os.path.join(self.dir, 'check'))),
                (r'(?m)^@include common-account',
                 'account required pam_permit.so')):
            text, count = re.subn(old, new, text)
            assert count == 1, old
        return text

    def _saslauthd_answers(self, child):
        if child.poll() is not None:
            raise RuntimeError('saslauthd does not start:\n'
                               + self._read('output'))
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(
                os.path.join(self.dir, 'saslauthd', 'mux')) == 0

    def asked(self):
        """Whose password was checked, so far."""
        return self._read('asked').splitlines()

    # -- dialogues -------------------------------------------------------

    def auth(self, smtp, login, password=None, mechanism='PLAIN'):
        """The last reply to AUTH in a session."""
        def code64(text):
            return base64.b64encode(text.encode()).decode()
        password = self.users[login] if password is None else password
        if mechanism == 'PLAIN':
            answer = smtp.docmd('AUTH', 'PLAIN ' + code64(
                '\0%s\0%s' % (login, password)))
        else:
            answer = smtp.docmd('AUTH', 'LOGIN')
            for word in login, password:
                if answer[0] == 334:
                    answer = smtp.docmd(code64(word))
        return line(answer)

    def attempt(self, listener, login, password=None, mechanism='PLAIN'):
        """(reply to AUTH, reply to MAIL or '-') of a new session."""
        with self.connect(listener) as smtp:
            reply = self.auth(smtp, login, password, mechanism)
            return reply, mail(smtp) if reply.startswith('235 ') else '-'


def line(answer):
    return '%d %s' % (answer[0], answer[1].decode())


def mail(smtp):
    return line(smtp.docmd('MAIL', 'FROM:<%s>' % SENDER))


class Postfix(Passwords, postfix_rig.Rig):
    """milter, door: ports of smtpauth-milter and smtpauth-authd."""

    refused = '535 5.7.8 Error: authentication failed: authentication failure'
    missing = staticmethod(lambda: missing() or postfix_rig.missing())

    def __init__(self, milter, door, key, users):
        service = {'smtpd_sasl_type': 'cyrus', 'smtpd_sasl_path': 'smtpd',
                   'smtpd_milters': '{ inet:127.0.0.1:%d, '
                   'default_action=tempfail }' % milter}
        super().__init__(
            {'submission': service,
             'webmail': dict(service, milter_macro_daemon_name='WEBMAIL')},
            users)
        self.main['cyrus_sasl_config_path'] = os.path.join(
            self.dir, 'etc', 'sasl')
        self.door, self.key = door, key

    def _dovecot_conf(self):
        return ''

    def _start_passwords(self):
        os.mkdir(os.path.join(self.dir, 'etc', 'sasl'), 0o755)
        self._write('etc/sasl/smtpd.conf', SASL_CONF.format(dir=self.dir))
        super()._start_passwords()


class Sendmail(Passwords, sendmail_rig.Rig):
    """As Postfix."""

    refused = '535 5.7.0 authentication failed'
    missing = staticmethod(lambda: missing() or sendmail_rig.missing())
    names = {'submission': 'msa', 'webmail': 'webmail'}

    def __init__(self, milter, door, key, users):
        super().__init__("""\
define(`confSMTPAUTH_SOCKET', `inet:{milter}@127.0.0.1')dnl
include(`{contrib}/submission.m4')dnl
include(`{contrib}/webmail.m4')dnl
""".replace('{milter}', str(milter)).replace('{contrib}', os.path.join(
            harness.ROOT, 'contrib', 'sendmail')), users)
        self.door, self.key = door, key
        self.sasl_conf = SASL_CONF

    def connect(self, listener, source='127.0.0.1'):
        return super().connect(self.names[listener], source)


class Authd(harness.Daemon):
    """smtpauth-authd on the state of a Case."""

    def __init__(self, case, port, **keys):
        super().__init__(case, args=('-s', 'inet:%d@127.0.0.1' % port),
                         **keys)
        self.argv[0], self.port = AUTHD, port

    def start(self):
        """Until it decides; before that all may go on."""
        super().start()
        self.wait_log('policy database verified')
        return self
