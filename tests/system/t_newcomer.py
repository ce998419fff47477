#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A newcomer's hour: what README.md and smtpauth-rollout(7) say, typed on
fresh Debian machines that have Postfix and Dovecot and nothing of ours, from
the sources to a submission that is refused.

Not typed are answers to apt's questions, and the tests of the package, which
t_packages.py runs.  Ninety days are not waited for."""

import contextlib
import json
import re
import shutil
import smtplib
import ssl
import tempfile

import harness
import machine
import packages

USERS = ('alice', 'bob', 'billing', 'printer')
PASSWORD = 'open sesame'
SHARE = '/usr/share/doc/smtpauth-milter/'
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
PASSED = '250 2.1.0 Ok'
SOURCES = '/root/smtpauth-milter'
# The site as it was before: Postfix is Debian's, and all mail ends here.
SITE = """\
postconf -e 'default_transport = discard:' 'local_transport = discard:' \\
    'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' \\
    'myhostname = mx.example.test' 'smtpd_error_sleep_time = 0'
dovecot --version
"""
OLD_DOVECOT = """\
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
"""
NEW_DOVECOT = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
passdb passwd-file {
  passwd_file_path = /etc/dovecot/users
}
"""
DOVECOT = """\
protocols =
ssl = no
auth_mechanisms = plain login
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
"""


def block(title, page='README.md', number=0):
    """The lines of a block below that title of a README.md, those that end
    with a backslash joined."""
    text = packages.source(page)
    section = re.search(r'(?ms)^## %s\n(.*?)(?=^## |\Z)' % title, text)[1]
    found = re.findall(r'(?ms)^( *)```\n(.*?)^ *```', section)
    space, body = found[number]
    return re.sub(r'\\\n *', '', re.sub('(?m)^' + space, '', body)).splitlines()


def commands(lines):
    """What is typed of an example with prompts, and what that prints."""
    parts = re.split(r'(?m)^# ', '\n'.join(lines))[1:]
    return [part.partition('\n')[::2] for part in parts]


def steps():
    """The commands of smtpauth-rollout(7) by step."""
    text = packages.source('policy/smtpauth-rollout.7')
    found = {}
    for title, body in re.findall(r'(?ms)^\.Ss \d+\. (\w+)(.*?)(?=^\.S[sh] )',
                                  text):
        found[title] = '\n'.join(re.findall(
            r'(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed', body)).replace(
                '\\e\n', '').strip().splitlines()
    return found


class Client(smtplib.SMTP):
    """A session with the machine."""

    def __init__(self, box, port, tls=True):
        self.box = box
        super().__init__('127.0.0.1', port, 'client.example')
        if tls:
            self.starttls(context=ssl._create_unverified_context())

    def _get_socket(self, host, port, timeout):
        return self.box.connect((host, port))


class Newcomer(machine.Machine):
    """The machine on which all that is typed."""

    def prepare(self):
        """Up to the package, with the network; the rest is without."""
        with tempfile.TemporaryDirectory() as folder:
            _, tree = packages.tarball(folder)
            shutil.copytree(tree, self.root + SOURCES)
        with open(self.root + '/etc/apt/apt.conf.d/yes', 'w') as f:
            f.write('APT::Get::Assume-Yes "true";\n')
        *lines, self.last = block('Install')
        script = ['set -e', 'cd ' + SOURCES,
                  'export DEB_BUILD_OPTIONS="nocheck parallel=2"',
                  *lines, 'pwd']
        self.folder = self.before_boot('\n'.join(script)).stdout.split()[-1]

    def site(self):
        """Its mail service before we come."""
        old = self.run(SITE).stdout.startswith('2.3')
        self.write('/etc/dovecot/users', ''.join(
            '%s@acme.example:{PLAIN}%s\n' % (name, PASSWORD)
            for name in USERS))
        self.write('/etc/dovecot/dovecot.conf',
                   (OLD_DOVECOT if old else NEW_DOVECOT) + DOVECOT)
        self.run('systemctl restart dovecot postfix')

    def mail(self, name, port=587):
        """The reply to MAIL FROM."""
        login = name + '@acme.example'
        with Client(self, port, port == 587) as smtp:
            smtp.login(login, PASSWORD)
            code, text = smtp.docmd('MAIL', 'FROM:<%s>' % login)
            return '%d %s' % (code, re.sub(r' \[\w+\]$', '', text.decode()))


class Hour(harness.Case):

    given = ()
    codename = None

    def setUp(self):
        if machine.missing():
            self.skipTest(machine.missing())
        super().setUp()

    def typed(self, line, rc=0):
        done = self.box.run('cd /root; ' + line, check=False)
        self.transcript.append('# %s\n%s%s' % (line, done.stdout,
                                               done.stderr))
        self.assertEqual(done.returncode, rc, self.transcript[-1])
        return done.stdout

    def hour(self, codename):
        with Newcomer(('postfix', 'dovecot-core'), codename) as self.box:
            self.box.site()
            self.installed()
            self.first_policy()
            self.postfix()
            self.rollout(steps())
            self.removed()

    def installed(self):
        self.typed('cd %s; %s' % (self.box.folder, self.box.last))
        self.box.wait('smtpauth-milter')

    def first_policy(self):
        """But what the page says that the package has done."""
        typed = commands(block('A first policy'))
        for line, printed in typed[2:-1]:
            self.assertEqual(self.typed(line).strip(), printed.strip())
        self.assertEqual([line.split()[0] for line, _ in typed],
                         ['useradd', *4 * ['smtpauthctl'], 'smtpauth-milter'])

    def postfix(self):
        """The steps of contrib/postfix, from the folder of the package."""
        folder = SHARE + 'contrib/postfix/'
        line, = block('Quick setup', 'contrib/postfix/README.md')
        self.typed("echo '%s' >>/etc/postfix/main.cf" % line)
        self.typed("sed '/^#127.0.0.1:10587/,/^$/s/^#//' %smaster.cf.example "
                   '>>/etc/postfix/master.cf; postfix reload' % folder)
        harness.wait_for(self.passes, what='submission that passes')
        self.assertEqual(self.mail('alice'), DENIED)

    def passes(self, name='printer'):
        """Also while Postfix reads its configuration anew."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            return self.mail(name) == PASSED
        return False

    def rollout(self, lines):
        """All steps; the first policy was another one, and has its end in
        README.md."""
        self.typed('smtpauthctl tenant remove acme --force')
        for line in lines['Count']:
            said = self.typed(line)
            if 'doctor' in line:
                self.assertIn('nothing found to be wrong', said)
        for name in (*USERS, 'printer'):
            self.assertEqual(self.mail(name), PASSED)
        self.assertEqual(self.mail('bob', 10587), PASSED)
        harness.wait_for(lambda: self.used() == {
            'alice': 0, 'bob': 1, 'billing': 0, 'printer': 0}, 30, 'usage')
        for line in lines['Wait']:
            self.typed(line)
        for line in lines['Switch']:        # 90 days are not over
            self.typed(line, 65)
            self.typed(line + ' --force')
        for line in lines['Turn']:
            if line == 'smtpauthctl usage --tenant acme':
                self.assertEqual(self.mail('alice'), PASSED)
            self.typed(line)
        self.see_and_tell(lines)

    def see_and_tell(self, lines):
        for line, rc in zip(lines['See'], (0, 10, 11, 0, 0)):
            self.typed(line, rc)
        self.typed('cp %scontrib/notice.example notice' % SHARE)
        for title in 'Tell', 'Change':
            for line in lines[title]:
                self.assertNotIn('failed', self.typed(line))
        self.typed('smtpauthctl tenant set acme --enforce-from none '
                   '--tempfail-until none')
        self.assertEqual(self.mail('alice'), DENIED)
        self.assertEqual(self.mail('billing'), PASSED)
        self.assertEqual(self.mail('alice', 10587), PASSED)     # webmail
        for line in lines['Afterwards']:
            self.typed(line)

    def removed(self):
        """apt says that this stops all mail, and what to type instead."""
        said = self.typed('apt-get remove smtpauth-milter 2>&1')
        self.assertIn('the mail server still names this milter', said)
        advice = re.findall('(?m)^  (postconf .*)$', said)
        self.assertEqual(len(advice), 3, said)      # each of the services
        with self.assertRaisesRegex(smtplib.SMTPException, '454'):
            self.mail('billing')
        for line in *advice, 'postfix reload':
            self.typed(line)
        for name in 'alice', 'printer':
            harness.wait_for(lambda n=name: self.passes(n), what=name)

    def used(self):
        """{name: exempt submissions}"""
        text = self.box.run('smtpauthctl --json usage', check=False).stdout
        return {o['login'].split('@')[0]: o['exempt']
                for o in map(json.loads, text.splitlines())}

    def mail(self, *args):
        reply = self.box.mail(*args)
        self.transcript.append('%s: %s' % (args, reply))
        return reply


class Bookworm(Hour):

    def test_debian_12(self):
        self.hour('bookworm')


class Trixie(Hour):

    def test_debian_13(self):
        self.hour('trixie')


if __name__ == '__main__':
    harness.main()
