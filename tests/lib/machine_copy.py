# SPDX-License-Identifier: BSD-2-Clause
"""A throw-away copy of this machine, for tests that use what is shipped as
it stands: /etc/postfix, ports 25 and 587, user smtpauth, Debian's services.

    machine_copy.enter()        # first: the calling script starts again inside
    machine_copy.install()      # programs of the build, in /usr/local
    site = machine_copy.Postfix(users={'alice@acme.test': 'secret'})
    site.start()

Inside, the root is an overlay whose changes stay in memory; the network is a
loopback that nobody else has; and when the script ends, so does every process
in there.  Needs root and a kernel with overlayfs.
"""

import base64
import contextlib
import fcntl
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import sys

import harness

PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
INSIDE = 'SMTPAUTH_TESTS_INSIDE'
HOST = 'mx.example.test'
OTHERS = '192.0.2.25', '192.0.2.77'     # more addresses of the loopback
CERT, KEY = '/etc/ssl/site.pem', '/etc/ssl/site.key'
LOGS = 'dovecot.out', 'dovecot.log', 'postfix.out', 'postfix.log'
BASE = '/media'                         # any folder that is always there
PROGRAMS = (('unshare', 'util-linux'), ('postfix', 'postfix'),
            ('dovecot', 'dovecot-core'), ('openssl', 'openssl'),
            ('make', 'make'), ('useradd', 'passwd'))


# -- going in ---------------------------------------------------------------

def skip(reason):
    print('1..0 # SKIP ' + reason)
    sys.exit(0)


def enter():
    """Start the script again in the copy; returns inside only."""
    if os.environ.get(INSIDE) == 'yes':
        try:
            change_root()
        except (OSError, subprocess.CalledProcessError) as problem:
            skip('no overlay of the root here: %s' % problem)
        change_network()
        wait_for_all()
        return
    if os.geteuid() != 0:
        skip('a copy of the machine needs root')
    for program, package in PROGRAMS:
        if not shutil.which(program, path=PATH):
            skip('%s is missing (package %s)' % (program, package))
    command = ['unshare', '--mount', '--propagation', 'private', '--net',
               '--pid', '--fork', '--kill-child', '--ipc', '--uts']
    if subprocess.run(command + ['true'], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        skip('unshare(1) is not allowed here')
    env = {**os.environ, INSIDE: 'yes', 'PATH': PATH}
    for name in 'MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'MAKEOVERRIDES':
        env.pop(name, None)
    os.execvpe(command[0], [*command, sys.executable, *sys.argv], env)


def layer(number, lower, target):
    """Mount a copy of the folder lower whose changes stay in memory."""
    upper, work = ('%s/%s%d' % (BASE, s, number) for s in ('upper', 'work'))
    for folder in upper, work, target:
        os.makedirs(folder, exist_ok=True)
    run('mount', '-t', 'overlay', 'overlay', '-o', 'lowerdir=%s,upperdir=%s,'
        'workdir=%s' % (lower, upper, work), target)


def change_root():
    root, folder = BASE + '/root', os.getcwd()
    run('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', BASE)
    layer(0, '/', root)
    # The overlay shows nothing that is mounted below the root.
    for number, path in enumerate(sorted({harness.ROOT, harness.BUILDDIR}), 1):
        layer(number, path, root + path)
    run('mount', '--rbind', '/dev', root + '/dev')
    run('mount', '-t', 'proc', 'proc', root + '/proc')
    os.chmod(root + '/tmp', 0o1777)
    os.chroot(root)
    os.chdir(folder if os.path.isdir(folder) else '/')


def change_network():
    """Bring the loopback up, with some more addresses, and name the host."""
    with socket.socket() as s:
        up, flags = 0x8914, 0x49        # SIOCSIFFLAGS, up|loopback|running
        fcntl.ioctl(s, up, struct.pack('16sH14x', b'lo', flags))
        for number, address in enumerate(OTHERS):
            name, family = b'lo:%d' % number, socket.AF_INET
            ip = socket.inet_aton(address)
            fcntl.ioctl(s, 0x8916, struct.pack('16sHH4s8x', name, family, 0,
                                               ip))     # SIOCSIFADDR
    socket.sethostname(HOST)


def wait_for_all():
    """Go on in a child.  Process 1 has to collect every orphan."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)


# -- inside -----------------------------------------------------------------

def run(*command, **popen):
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=True,
                          timeout=harness.TIMEOUT, **popen)


def type_in(line, rc=(0,)):
    """Run one line as typed by root, and return all that it printed."""
    done = subprocess.run(['bash', '-c', line], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding='utf-8', errors='backslashreplace',
                          timeout=harness.TIMEOUT, check=False)
    assert done.returncode in rc, '%s\nstatus %d\n%s' % (
        line, done.returncode, done.stdout)
    return done.stdout


def install():
    """Install the programs as README.md configures them.  A build may have
    other folders: what holds their names is compiled anew, in the copy."""
    for name in 'config/config.c', 'ctl/commands/doctor.c':
        os.utime(os.path.join(harness.ROOT, 'policy', name))
    done = subprocess.run(
        ['make', '-C', harness.BUILDDIR, 'prefix=/usr/local',
         'exec_prefix=/usr/local', 'sysconfdir=/etc', 'localstatedir=/var',
         'install-exec'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding='utf-8', check=False)
    if done.returncode != 0:
        print('Bail out! make install-exec failed\n# '
              + done.stdout.replace('\n', '\n# '))
        sys.exit(1)


def write(path, text, mode=0o644):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)


def read(path):
    with contextlib.suppress(FileNotFoundError):
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    return ''


def shipped(name, *uncomment):
    """A snippet of contrib/postfix as it stands; the commented-out services
    whose first word is named lose their comment signs."""
    text = read(os.path.join(harness.ROOT, 'contrib', 'postfix', name))
    assert text, name
    for word in uncomment:
        block = re.search(r'^#%s .*\n(#  -o .*\n)+' % re.escape(word), text,
                          re.M).group(0)
        text = text.replace(block, re.sub('(?m)^#', '', block))
    return text


SITE = """
maillog_file = /var/log/postfix.log
myhostname = %s
local_transport = discard:
default_transport = discard:
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_cert_file = %s
smtpd_tls_key_file = %s
smtpd_error_sleep_time = 0
""" % (HOST, CERT, KEY)

# What Dovecot 2.4 names otherwise than 2.3.
DOVECOT_2_3 = """\
ssl_cert = <%(cert)s
ssl_key = <%(key)s
passdb {
  driver = passwd-file
  args = /etc/dovecot/masters
  master = yes
  result_success = continue
}
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/none allow_all_users=yes%(fields)s
}
mail_location = maildir:/tmp/mail-%%{user}
"""
DOVECOT_2_4 = """\
ssl_server_cert_file = %(cert)s
ssl_server_key_file = %(key)s
passdb masters {
  driver = passwd-file
  passwd_file_path = /etc/dovecot/masters
  master = yes
  result_success = continue
}
passdb users {
  driver = passwd-file
  passwd_file_path = /etc/dovecot/users
}
userdb static {
  allow_all_users = yes
  fields {
    uid = nobody
    gid = nogroup
    home = /none%(fields)s
  }
}
mail_driver = maildir
mail_path = /tmp/mail-%%{user}
"""
DOVECOT_VERSION_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""
DOVECOT = """\
protocols =%(protocols)s
log_path = /var/log/dovecot.log
ssl = yes
auth_mechanisms = plain login
auth_master_user_separator = *
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
"""


def dovecot_conf(protocols='', fields=()):
    """dovecot.conf of the version that is here; fields of each user:
    {name: value}."""
    old = type_in('dovecot --version').startswith('2.3')
    text = (DOVECOT + DOVECOT_2_3 if old else
            DOVECOT_VERSION_2_4 + DOVECOT + DOVECOT_2_4)
    form = ' %s=%s' if old else '\n    %s = %s'
    return text % {
        'protocols': protocols, 'cert': CERT, 'key': KEY,
        'fields': ''.join(form % field for field in dict(fields).items())}


class Postfix:
    """Debian's Postfix as the package leaves it, plus lines of the site;
    and Dovecot, which checks its passwords."""

    def __init__(self, users, main='', master=''):
        self.users, self.dovecot = users, None
        share = '/usr/share/postfix/'
        write('/etc/postfix/main.cf',
              read(share + 'main.cf.debian') + SITE + main)
        write('/etc/postfix/master.cf',
              read(share + 'master.cf.dist') + master)
        # Debian's package does, where it is asked to configure
        open('/etc/aliases', 'a').close()
        run('newaliases')
        for name in LOGS:
            write('/var/log/' + name, '')
        if not os.path.exists(CERT):
            names = ','.join('IP:' + ip for ip in ('127.0.0.1', *OTHERS))
            run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                '-keyout', KEY, '-out', CERT, '-days', '2', '-subj',
                '/CN=' + HOST, '-addext', 'subjectAltName=' + names,
                stderr=subprocess.DEVNULL)
        for name, entries in ('users', users), ('masters', {'relay': 'key'}):
            write('/etc/dovecot/' + name, ''.join(
                '%s:{PLAIN}%s\n' % entry for entry in entries.items()))

    def start(self):
        """As Debian's service does.  From Debian 13, `postfix start' itself
        fills the chroot, and the script refuses to be called."""
        script = '/usr/lib/postfix/configure-instance.sh'
        if 'This is internal script' not in read(script):
            run(script, '-')
        self.postfix('start')
        self.wait_log('daemon started')

    def postfix(self, word):
        # Its children keep the standard output it was started with.
        with open('/var/log/postfix.out', 'ab') as out:
            run('postfix', word, stdout=out, stderr=out)

    def stop(self):
        self.stop_dovecot()
        self.postfix('stop')

    def start_dovecot(self, protocols='', more='', fields=()):
        write('/etc/dovecot/dovecot.conf',
              dovecot_conf(protocols, fields) + more)
        with open('/var/log/dovecot.out', 'ab') as out:
            self.dovecot = subprocess.Popen(
                ['dovecot', '-F'], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out)
        harness.wait_for(self.auth_answers, what='Dovecot')

    def stop_dovecot(self):
        if self.dovecot:
            self.dovecot.terminate()
            self.dovecot.wait(harness.TIMEOUT)
            self.dovecot = None

    def auth_answers(self):
        assert self.dovecot.poll() is None, self.log()
        with contextlib.suppress(OSError), socket.socket(
                socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect('/var/spool/postfix/private/auth')
            return probe.recv(100).startswith(b'VERSION')
        return False

    def log(self):
        return ''.join(read('/var/log/' + name) for name in LOGS)

    def wait_log(self, regex):
        return harness.wait_for(
            lambda: re.search(regex, self.log(), re.M),
            what='line like %r in\n%s' % (regex, self.log()))

    def connect(self, port, tls='', source='127.0.0.1', host='127.0.0.1'):
        """An SMTP session after EHLO; tls: starttls, implicit or neither."""
        where = host, port, 'client.example', harness.TIMEOUT
        context = ssl.create_default_context(cafile=CERT)
        if tls == 'implicit':
            return smtplib.SMTP_SSL(*where[:3], timeout=where[3],
                                    source_address=(source, 0),
                                    context=context)
        smtp = smtplib.SMTP(*where, (source, 0))
        if tls == 'starttls':
            smtp.starttls(context=context)
        return smtp

    def login(self, login, port, tls='', mechanism='PLAIN', **where):
        """A session that is logged in."""
        smtp = self.connect(port, tls, **where)
        smtp.ehlo()
        words = ['\0%s\0%s' % (login, self.users[login])]
        if mechanism == 'LOGIN':
            words = [login, self.users[login]]
        words = [base64.b64encode(w.encode()).decode() for w in words]
        reply = smtp.docmd('AUTH', '%s %s' % (mechanism, words.pop(0)))
        while reply[0] == 334 and words:
            reply = smtp.docmd(words.pop(0))
        if reply[0] != 235:
            smtp.close()
            raise smtplib.SMTPAuthenticationError(*reply)
        return smtp
