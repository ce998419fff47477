# SPDX-License-Identifier: BSD-2-Clause
"""A private Sendmail with Cyrus SASL, in a temporary folder on loopback
ports.

    with Rig(MC, {'alice@acme.test': 'secret'}) as site:
        with site.login('msa', 'alice@acme.test') as smtp:
            print(smtp.docmd('MAIL FROM:<alice@acme.test>'), site.log())

Debian's packages of Sendmail cannot be installed beside Postfix's.  They
are downloaded, and unpacked in a folder: build-tests/ of the sources if
runtests made that, else one that is removed with the rig.  Nothing of the
machine is started or touched.  Accepted mail stays in the rig's queue.
"""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

import harness
import postfix_rig

PACKAGES = 'sendmail-bin', 'sendmail-base', 'sendmail-cf'
CACHE = os.path.join(harness.ROOT, 'build-tests', 'sendmail')
BINARY = 'usr/libexec/sendmail/sendmail'
HOST = 'mx.example.test'

# E passes a variable on to the libraries, here where Cyrus SASL finds
# Sendmail.conf.  FEATURE(`no_default_msa') is left to the caller.
HEAD = """\
include(`{tree}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`confPID_FILE', `{dir}/pid')dnl
define(`STATUS_FILE', `{dir}/status')dnl
define(`HELP_FILE', `{dir}/help')dnl
define(`ALIAS_FILE', `')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confREFUSE_LA', `100000')dnl
define(`confQUEUE_LA', `100000')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN EXTERNAL')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN EXTERNAL')dnl
define(`confCACERT_PATH', `{dir}')dnl
define(`confCACERT', `{dir}/ca.crt')dnl
define(`confSERVER_CERT', `{dir}/tls.pem')dnl
define(`confSERVER_KEY', `{dir}/tls.pem')dnl
FEATURE(`accept_unresolvable_domains')dnl
"""
TAIL = """\
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
ESASL_CONF_PATH={dir}/sasl
"""
SASL_CONF = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {dir}/sasldb2
"""


def missing():
    """What keeps the rig from running here, in words, or None."""
    if os.geteuid() != 0:
        return 'a private Sendmail needs root'
    for program, package in (('m4', 'm4'), ('unshare', 'util-linux'),
                             ('saslpasswd2', 'sasl2-bin'),
                             ('openssl', 'openssl')):
        if not shutil.which(program, path=postfix_rig.PATH):
            return '%s is missing (package %s)' % (program, package)
    if not os.path.exists(CACHE) and not shutil.which('apt-get'):
        return 'Sendmail comes from packages of Debian: no apt-get here'
    return None


def unpack(folder):
    """Download Debian's packages and unpack them into folder."""
    def apt(*words, check=True):
        return subprocess.run(
            ['apt-get', '-q', '-o', 'Dir::Cache=%s/cache' % folder,
             '-o', 'APT::Sandbox::User=root', *words], cwd=folder,
            check=check, stdin=subprocess.DEVNULL, capture_output=True)

    os.makedirs(os.path.join(folder, 'cache'))
    if apt('download', *PACKAGES, check=False).returncode != 0:
        lists = '-o', 'Dir::State::lists=%s/lists' % folder
        os.makedirs(os.path.join(folder, 'lists', 'partial'))
        apt(*lists, 'update')
        apt(*lists, 'download', *PACKAGES)
    for name in os.listdir(folder):
        if name.endswith('.deb'):
            subprocess.run(['dpkg', '-x', name, '.'], check=True, cwd=folder)
            os.remove(os.path.join(folder, name))
    for name in 'cache', 'lists':
        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    # A set-group-id program takes no SASL_CONF_PATH.
    os.chmod(os.path.join(folder, BINARY), 0o755)


class Rig(postfix_rig.Site):
    """mc: lines of sendmail.mc.  Each DAEMON_OPTIONS in it, or in a file
    that it includes, becomes a listener on a loopback port, known by its
    Name in lower case; users: {login: password}.  Where a login has no @,
    Cyrus takes the host's name as its realm."""

    def __init__(self, mc, users):
        # Sendmail trusts no file or socket below a folder that all may
        # write, as /tmp.
        super().__init__(users, '/run')
        os.chmod(self.dir, 0o755)
        self.mc = mc        # with {dir} for the rig's folder
        self.sasl_conf = SASL_CONF
        self.server, self.passwords = None, []

    def start(self):
        tree = self._tree()
        for name, mode in ('queue', 0o700), ('sasl', 0o755):
            os.mkdir(os.path.join(self.dir, name), mode)
        self._write('sasl/Sendmail.conf', self.sasl_conf.format(dir=self.dir))
        self._start_passwords()
        self._write_certificates()
        for _ in range(3):
            self._write('sendmail.mc', self._mc(tree))
            self._write('sendmail.cf', self._output(
                'm4', os.path.join(self.dir, 'sendmail.mc')))
            if self._start_sendmail(os.path.join(tree, BINARY)):
                return
        raise RuntimeError('Sendmail does not start:\n'
                           + self._read('output') + self.log())

    def stop(self):
        if self.server:     # and its children, one a session
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.server.pid, signal.SIGTERM)
        self._end(self.server, *self.passwords)

    def log(self):
        """The whole log of Sendmail so far, without dates."""
        return self._read('log')

    def modern(self, listener, login):
        """A session logged in with a certificate (EXTERNAL)."""
        path = os.path.join(self.dir, 'client.pem')
        context = self.context()
        context.load_cert_chain(path)
        smtp = self.connect(listener)
        smtp.starttls(context=context)
        smtp.ehlo()
        return self._auth(smtp, 'EXTERNAL', login)

    def _tree(self):
        """The folder with the unpacked packages."""
        if os.path.exists(CACHE):
            return CACHE
        tree = os.path.join(self.dir, 'tree')
        if not os.path.isdir(os.path.dirname(CACHE)):
            unpack(tree)
            return tree
        fresh = tempfile.mkdtemp(dir=os.path.dirname(CACHE))
        unpack(fresh)
        os.chmod(fresh, 0o755)
        try:
            os.rename(fresh, CACHE)
        except OSError:     # somebody else was quicker
            shutil.rmtree(fresh)
        return CACHE

    def _output(self, *command, **more):
        return subprocess.run(command, env=self.env, check=True,
                              stdout=subprocess.PIPE, encoding='utf-8',
                              **more).stdout

    def _start_passwords(self):
        """Cyrus SASL needs no program, but its database."""
        database = os.path.join(self.dir, 'sasldb2')
        for login, password in self.users.items():
            user, _, realm = login.rpartition('@')
            self._output('saslpasswd2', '-f', database, '-c', '-p', '-u',
                         realm if user else HOST, user or login,
                         input=password)
        os.chmod(database, 0o600)

    def _write_certificates(self):
        """One for the server, and one for a client that it believes."""
        postfix_rig.certificate(os.path.join(self.dir, 'tls.pem'), HOST)
        path = os.path.join(self.dir, 'client.pem')
        postfix_rig.certificate(path, next(iter(self.users)))
        shutil.copy(path + '.crt', os.path.join(self.dir, 'ca.crt'))

    def _mc(self, tree):
        """The whole sendmail.mc; snippets are copied in for their ports."""
        def included(match):
            with open(match.group(1), encoding='utf-8') as f:
                return f.read()

        def listener(match):
            options = match.group(1)
            name = re.search(r'Name=(\w+)', options).group(1).lower()
            self.ports[name] = harness.free_port()
            if re.search(r'M=\w*s', options):
                self.tls.add(name)
            options = re.sub(r'Port=\w+', 'Port=%d' % self.ports[name],
                             options)
            if 'Addr=' not in options:
                options += ', Addr=127.0.0.1'
            return "DAEMON_OPTIONS(`%s')" % options

        text = re.sub(r"include\(`([^']*)'\)dnl\n", included,
                      self.mc.replace('{dir}', self.dir))
        text = re.sub(r"DAEMON_OPTIONS\(`([^']*)'\)", listener, text)
        values = {'dir': self.dir, 'tree': tree, 'host': HOST}
        return HEAD.format(**values) + text + TAIL.format(**values)

    def _start_sendmail(self, binary):
        """Whether it listens.  With a host name without a dot it would
        sleep for a minute first, so it gets one of its own."""
        for name in 'pid', 'log':
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(self.dir, name))
        command = [binary, '-C', os.path.join(self.dir, 'sendmail.cf'), '-D',
                   os.path.join(self.dir, 'log'), '-d89.8', '-bD']
        self.server = self._spawn('unshare', '--uts', 'sh', '-c',
                                  'hostname %s; exec %s' % (
                                      HOST, shlex.join(command)))
        harness.wait_for(lambda: self.server.poll() is not None
                         or self._read('pid') or 'cannot bind' in self.log(),
                         what='Sendmail')
        if self.server.poll() is None and 'cannot bind' not in self.log():
            return True
        self.server.kill()
        self.server.wait()
        return False
