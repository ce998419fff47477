# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: planted mistakes, one by one.  Each is found by its
name and place, with nothing else; where the advice can be carried out here,
it is, and then nothing is found.  The shipped snippets give no finding."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import unittest

import harness
import rig
import sendmail_rig

CONTRIB = os.path.join(harness.ROOT, 'contrib')
PREFIX = 'connect_timeout=3s, command_timeout=15s, default_action='
PATH = rig.PATH
USER = 'nobody'         # the daemon's; there on any machine
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {queue}
mail_owner = postfix
smtpd_sasl_type = dovecot
"""
SENDMAIL_CF = """\
V10/Berkeley
O QueueDirectory=/var/spool/mqueue
O InputMailFilters=
O DaemonPortOptions=Port=smtp, Name=MTA, M=A
O DaemonPortOptions=Port=submission, Name=MSA, M=Ea, InputMailFilters=smtpauth
Xsmtpauth, S={address}, F=T, T=C:3s;S:5s;R:15s;E:30s
"""
POSTFIX_LINE = ('Nov 23 10:00:00 mx postfix/submission/smtpd[17]: 4B2C9: '
                'client=%s, sasl_method=PLAIN, sasl_username=%s\n')
# As Postfix 3.8 and later log a guess of a password.
POSTFIX_FAILED = ('Nov 23 10:00:00 mx postfix/submission/smtpd[17]: warning: '
                  'unknown[192.0.2.9]: SASL PLAIN authentication failed: '
                  '(reason unavailable), sasl_username=%s\n')
SENDMAIL_LINE = ('Nov 23 10:00:00 mx sm-mta[17]: AUTH=server, relay=%s, '
                 'authid=%s, mech=PLAIN, bits=0\n')


def shipped(name):
    with open(os.path.join(CONTRIB, name), encoding='utf-8') as f:
        return f.read()


def ids(report):
    return [(f['id'], f['where']) for f in report['findings']]


class Doctor(harness.Case):
    """A daemon on a state folder that its user may use."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('the doctor sees all of a site as root only')
        super().setUp()
        os.chmod(self.tmp, 0o755)
        self.etc = os.path.join(self.tmp, 'etc')
        self.queue = os.path.join(self.tmp, 'queue')
        self.bin = os.path.join(self.tmp, 'bin')
        self.log = os.path.join(self.tmp, 'mail.log')
        for folder in self.etc, self.queue, self.bin:
            os.mkdir(folder)
            os.chmod(folder, 0o755)
        self.write(self.log, '')
        self.program_of_dovecot('%Lu')
        self.hand_over()
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')
        self.daemon = None

    def hand_over(self):
        """The state folder to the daemon's user, as `init` does it where
        there is a user smtpauth."""
        for folder, _, files in os.walk(self.dir):
            for path in folder, *(os.path.join(folder, f) for f in files):
                mode = stat.S_IMODE(os.stat(path).st_mode)
                below = path.startswith(os.path.join(self.dir, 'usage'))
                shutil.chown(path, USER if below else 'root', 'nogroup')
                os.chmod(path, mode)

    @staticmethod
    def write(path, text):
        with open(path, 'w', encoding='utf-8',
                  errors='surrogateescape') as f:
            f.write(text)

    def program_of_dovecot(self, username_format):
        path = os.path.join(self.bin, 'doveconf')
        self.write(path, '#!/bin/sh\necho "%s"\n' % username_format)
        os.chmod(path, 0o755)

    def start(self, listen=None, **keys):
        """The daemon, and wait for its sign of life."""
        self.daemon = harness.Daemon(self, listen, **{'user': USER, **keys})
        self.daemon.start()
        harness.wait_for(lambda: self.ctl('status', rc=None).rc == 0,
                         what='heartbeat')
        return self.daemon

    def conf(self, **keys):
        """The daemon's configuration as it is after these changes; the
        daemon itself goes on with the old one."""
        with open(self.daemon.conf, 'a') as f:
            for key, value in keys.items():
                f.write('%s = %s\n' % (key.replace('_', '-'), value))

    def run_doctor(self, *args, rc=(0, 1), json=False, **more):
        env = {'PATH': self.bin + ':' + PATH, **more.pop('env', {})}
        if '--log' not in args:
            args = *args, '--log', self.log
        return self.ctl(*(['--json'] if json else []), '-c',
                        self.daemon.conf, 'doctor', *args,
                        rc=rc, env=env, **more)

    def mta(self):
        return '--postfix', self.etc

    def examine(self, *args, **more):
        """The report as an object; the exit status fits it."""
        result = self.run_doctor(*self.mta(), *args, json=True, **more)
        report = harness.json.loads(result.raw)
        self.assertEqual(result.rc, 1 if report['findings'] else 0)
        self.assertEqual(set(report), {
            'mta', 'socket', 'running', 'asked_by', 'login', 'answer',
            'findings'})
        for finding in report['findings']:
            self.assertEqual(set(finding), {'id', 'where', 'text', 'fix'})
            for text in finding.values():
                self.assertNotRegex(text or '', r'  |%[sdu]|[\x00-\x1f]')
        return report

    def silent(self, *args, **more):
        report = self.examine(*args, **more)
        self.assertEqual(report['findings'], [])
        return report

    def finds(self, *expected, fix='', args=(), **more):
        """Exactly these (id, where), each with the words of fix in its
        advice; returns the first finding."""
        report = self.examine(*args, **more)
        self.assertEqual(sorted(ids(report)), sorted(expected))
        for finding in report['findings']:
            for word in [fix] if isinstance(fix, str) else fix:
                self.assertIn(word, finding['fix'] or '', finding)
        return report['findings'][0]

    def postconf(self, *args):
        subprocess.run(['postconf', '-c', self.etc, *args], check=True,
                       env={'PATH': PATH}, stdin=subprocess.DEVNULL,
                       capture_output=True)

    def follow(self, finding):
        """Type what the advice says; returns how many commands it had."""
        typed = 0
        for part in finding['fix'].split('; '):
            command = re.match(r'(postconf|smtpauthctl|chmod) .*', part)
            if not command:
                continue
            words = shlex.split(re.sub(r' \(and after it .*', '', part))
            if words[0] == 'postconf':
                self.postconf(*words[1:])
            elif words[0] == 'smtpauthctl':
                self.ctl(*words[1:])
            else:
                subprocess.run(words, check=True)
            typed += 1
        return typed


class PostfixCase(Doctor):
    def setUp(self):
        super().setUp()
        if not shutil.which('postconf', path=PATH):
            self.skipTest('postconf is missing (package postfix)')

    def site(self, address=None, main='', master='', chroot='y'):
        """The shipped snippets with the daemon's address."""
        address = address or self.daemon.socket_postfix
        self.write(os.path.join(self.etc, 'main.cf'), MAIN_CF.format(
            queue=self.queue) + shipped('postfix/main.cf.example').replace(
                'inet:127.0.0.1:8899', address) + main)
        self.write(os.path.join(self.etc, 'master.cf'), shipped(
            'postfix/master.cf.example').replace(
                ' y       - ', ' %s       - ' % chroot) + master)

    def list_milter(self, action='tempfail', options=None):
        """mua_milters anew."""
        self.postconf('-e', 'mua_milters={ %s, %s }' % (
            self.daemon.socket_postfix,
            PREFIX + action if options is None else options))

    def both(self, finding):
        return (finding, 'submission'), (finding, 'submissions')


class Shipped(PostfixCase):
    """The snippets as they are shipped: nothing to find."""

    def test_tcp(self):
        self.start()
        self.site()
        report = self.silent()
        self.assertEqual(report['mta'], 'postfix')
        self.assertEqual(report['socket'], self.daemon.socket)
        self.assertIs(report['running'], True)
        self.assertEqual(report['asked_by'], 'submission, submissions')
        text = self.run_doctor(*self.mta(), rc=0)
        self.assertIn('nothing found to be wrong', text.out)
        self.assertIn('submission, submissions', text.out)
        self.assertEqual(text.err, '')

    def unix(self, address, chroot):
        folder = os.path.join(self.queue, 'smtpauth')
        os.mkdir(folder)
        shutil.chown(folder, USER, 'postfix')
        os.chmod(folder, 0o2710)
        self.start(os.path.join(folder, 'milter.sock'))
        self.site('unix:' + address.format(queue=self.queue), chroot=chroot)
        self.silent()

    def test_unix_chrooted(self):
        self.unix('/smtpauth/milter.sock', 'y')

    def test_unix_not_chrooted(self):
        self.unix('{queue}/smtpauth/milter.sock', 'n')

    def test_unix_relative_chrooted(self):
        self.unix('smtpauth/milter.sock', 'y')

    def test_unix_relative(self):
        self.unix('smtpauth/milter.sock', 'n')

    def webmail(self, first, last):
        """A block of master.cf.example that is shipped as a comment."""
        self.start()
        self.site()
        path = os.path.join(self.etc, 'master.cf')
        text = shipped('postfix/master.cf.example')
        block = re.search(r'^#%s inet.*\n(#  .*\n)+' % first, text, re.M)
        self.write(path, text + re.sub('^#', '', block.group(), flags=re.M))
        self.assertIn(last, block.group())

    def test_webmail(self):
        self.webmail('127.0.0.1:10587', 'WEBMAIL')
        self.ctl('settings add exempt-listeners WEBMAIL')
        report = self.silent()
        self.assertIn('127.0.0.1:10587', report['asked_by'])

    def test_proxy(self):
        self.webmail('127.0.0.1:10588', 'PROXY')
        self.silent()

    def test_port_25_and_more(self):
        """What a mail server has besides: port 25 with postscreen or not,
        and a signer whose mail comes back over loopback."""
        self.start()
        self.site(master='smtp inet n - y - - smtpd\n'
                         '127.0.0.1:10025 inet n - n - - smtpd\n'
                         '  -o smtpd_milters=\n'
                         '2525 inet n - y - 1 postscreen\n'
                         'smtpd pass - - y - - smtpd\n'
                         'pickup unix n - y 60 1 pickup\n',
                  main='smtpd_milters = inet:127.0.0.1:8891\n'
                       'non_smtpd_milters = inet:127.0.0.1:8891\n')
        self.postconf('-e', 'mua_milters={ %s, %stempfail }, '
                      'inet:127.0.0.1:8891' % (self.daemon.socket_postfix,
                                               PREFIX))
        # A list that is empty is meant so.
        report = self.examine()
        self.assertEqual(report['findings'], [])


class Listing(PostfixCase):
    """Where and how the milter is listed."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def test_not_listed(self):
        self.postconf('-PX', 'submission/inet/smtpd_milters')
        finding = self.finds(('milter-not-listed', 'submission'),
                             fix="postconf -P 'submission/inet/smtpd_milters")
        self.assertGreaterEqual(self.follow(finding), 1)
        self.silent()

    def test_not_listed_anywhere(self):
        self.postconf('-e', 'mua_milters=')
        self.finds(*self.both('milter-not-listed'),
                   fix=self.daemon.socket_postfix)

    def test_auth_for_all(self):
        """smtpd_sasl_auth_enable in main.cf holds for port 25 as well."""
        self.postconf('-M', 'smtp/inet=smtp inet n - y - - smtpd')
        self.postconf('-e', 'smtpd_sasl_auth_enable=yes')
        self.finds(('milter-not-listed', 'smtp'),
                   fix='smtp/inet/smtpd_sasl_auth_enable=no')
        self.postconf('-P', 'smtp/inet/smtpd_sasl_auth_enable=no')
        self.silent()

    def test_no_milters(self):
        """receive_override_options can turn all milters off."""
        self.postconf('-P', 'submission/inet/receive_override_options='
                      'no_header_body_checks,no_milters')
        self.finds(('milter-switched-off', 'submission'),
                   fix='no_milters')
        self.postconf('-P', 'submission/inet/receive_override_options='
                      'no_header_body_checks')
        self.silent()

    def test_misplaced(self):
        self.postconf('-M', 'smtp/inet=smtp inet n - y - - smtpd')
        self.postconf('-e', 'smtpd_milters=$mua_milters')
        self.finds(('milter-misplaced', 'smtp'), fix='smtpd_milters')
        self.postconf('-X', 'smtpd_milters')
        self.silent()

    def test_misplaced_behind_postscreen(self):
        self.postconf('-M', 'smtpd/pass=smtpd pass - - y - - smtpd')
        self.postconf('-e', 'smtpd_milters=$mua_milters')
        self.finds(('milter-misplaced', 'smtpd'), fix='smtpd_milters')

    def test_non_smtpd(self):
        self.postconf('-e', 'non_smtpd_milters=$mua_milters')
        self.finds(('milter-in-non-smtpd', 'main.cf'),
                   fix='non_smtpd_milters')
        self.postconf('-X', 'non_smtpd_milters')
        self.silent()

    def test_dropped(self):
        self.postconf('-e', 'smtpd_milters=inet:127.0.0.1:8891')
        self.finds(*self.both('milter-dropped'), fix='inet:127.0.0.1:8891')
        self.postconf('-e', 'mua_milters={ %s, %stempfail }, '
                      'inet:127.0.0.1:8891' % (self.daemon.socket_postfix,
                                               PREFIX))
        self.silent()

    def test_default_action(self):
        for action in 'accept', 'quarantine':
            self.list_milter(action)
            self.finds(*self.both('default-action-accept'),
                       fix='default_action=tempfail')
        for action in 'tempfail', 'reject', 'shutdown':
            self.list_milter(action)
            self.silent()

    def test_default_action_of_all(self):
        self.list_milter(options='command_timeout=15s')
        self.silent()
        self.postconf('-e', 'milter_default_action=accept')
        self.finds(*self.both('default-action-accept'),
                   fix='default_action=tempfail')
        self.list_milter()      # the milter's own counts
        self.silent()

    def test_timeout(self):
        for limit in '10s', '5', '0m':
            self.list_milter(options='command_timeout=' + limit)
            self.finds(*self.both('milter-timeout'),
                       fix='command_timeout=15s')
        self.list_milter(options='command_timeout=1m')
        self.silent()

    def test_timeout_of_all(self):
        self.postconf('-e', 'milter_command_timeout=10s')
        self.silent()
        self.list_milter(options='connect_timeout=3s')
        self.finds(*self.both('milter-timeout'), fix='command_timeout=15s')

    def test_nested_options(self):
        """MILTER_README allows space and braces around each option."""
        self.list_milter(options='{ default_action = accept }, '
                                 '{ command_timeout = 15s }')
        self.finds(*self.both('default-action-accept'))

    def test_syntax(self):
        """The milter's own way to write its address."""
        self.postconf('-e', 'mua_milters={ inet:%d@127.0.0.1, %stempfail }' % (
            self.daemon.port, PREFIX))
        self.finds(*self.both('milter-syntax'),
                   fix=self.daemon.socket_postfix)
        self.list_milter()
        self.silent()

    def test_mta_detection(self):
        self.postconf('-e', 'mail_name=8th floor mail')
        self.finds(*self.both('mta-detection'), fix='mta = postfix')
        self.conf(mta='postfix')
        self.silent()

    def test_mta_setting(self):
        self.conf(mta='sendmail')
        self.finds(('mta-setting', 'smtpauth-milter.conf'), fix='mta = auto')

    def test_protocol(self):
        self.postconf('-e', 'milter_protocol=2')
        finding = self.finds(*self.both('milter-protocol'),
                             fix='postconf -X milter_protocol')
        self.follow(finding)
        self.silent()

    def test_protocol_in_master(self):
        self.postconf('-P', 'submission/inet/milter_protocol=2')
        finding = self.finds(('milter-protocol', 'submission'),
                             fix='postconf -PX')
        self.follow(finding)
        self.silent()

    def test_unreadable(self):
        self.write(os.path.join(self.etc, 'master.cf'), 'submission inet\n')
        self.finds(('mta-unreadable', 'Postfix'))
        os.remove(os.path.join(self.etc, 'main.cf'))
        report = self.examine()
        self.assertEqual(ids(report), [('mta-unreadable', 'Postfix')])
        self.assertIn('postconf', report['findings'][0]['text'])


class Maps(PostfixCase):
    """smtpd_milter_maps."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def table(self, kind, text, *expected):
        path = os.path.join(self.etc, 'table')
        self.write(path, text)
        if kind in ('hash', 'lmdb'):
            made = subprocess.run(['postmap', '-c', self.etc,
                                   kind + ':' + path], env={'PATH': PATH})
            if made.returncode != 0:
                self.skipTest('this Postfix has no %s: tables' % kind)
        self.postconf('-e', 'smtpd_milter_maps=%s:%s' % (kind, path))
        for finding in self.examine()['findings']:
            self.assertIn(path, finding['text'])
        self.finds(*expected)

    def test_text_files(self):
        for kind, line in (('cidr', '192.0.2.0/24 DISABLE\n'),
                           ('regexp', '/^192/ disable\n'),
                           ('texthash', '192.0.2.1 DISABLE')):
            with self.subTest(kind):
                self.table(kind, '# nothing yet\n' + line,
                           *self.both('milter-maps-disable'))

    def test_harmless(self):
        self.table('cidr', '# 192.0.2.0/24 DISABLE\n \t# DISABLE\n\n'
                   '#' + 'x' * 5000 + ' DISABLE\n')

    def test_word(self):
        """A host's name is no DISABLE."""
        self.table('cidr', '192.0.2.0/24 %s, inet:disable-me.test:8891\n'
                   % self.daemon.socket_postfix)

    def test_long_line(self):
        self.table('cidr', ' ' * 4092 + '192.0.2.0/24 DISABLE\n',
                   *self.both('milter-maps-disable'))
        self.table('cidr', '192.0.2.0/24' + ' ' * 4080 + 'DISABLE\n',
                   *self.both('milter-maps-disable'))

    def test_inline(self):
        self.postconf('-e', 'smtpd_milter_maps='
                      'inline:{{192.0.2.1 = DISABLE}, {192.0.2.2=x}}')
        self.finds(*self.both('milter-maps-disable'), fix='exempt-clients')
        self.postconf('-X', 'smtpd_milter_maps')
        self.silent()

    def test_hash(self):
        self.table('hash', '192.0.2.1 DISABLE\n',
                   *self.both('milter-maps-disable'))

    def test_lmdb(self):
        self.table('lmdb', '192.0.2.1 DISABLE\n',
                   *self.both('milter-maps-disable'))

    def test_unknown(self):
        for maps in 'cidr:%s/missing' % self.etc, 'ldap:/missing', 'cidr':
            self.postconf('-e', 'smtpd_milter_maps=' + maps)
            self.finds(*self.both('milter-maps-unknown'))
        path = os.path.join(self.etc, 'table')
        self.write(path, '192.0.2.1 DISABLE\n')
        self.postconf('-e', 'smtpd_milter_maps=ldap:/missing, cidr:' + path)
        self.finds(*self.both('milter-maps-disable'))


class Sockets(PostfixCase):
    """A unix socket that Postfix does not reach."""

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.queue, 'smtpauth')
        os.mkdir(self.folder)
        shutil.chown(self.folder, USER, 'postfix')
        os.chmod(self.folder, 0o2710)
        self.path = os.path.join(self.folder, 'milter.sock')

    def test_path_for_chrooted(self):
        self.start(self.path)
        self.site('unix:' + self.path, chroot='y')
        finding = self.finds(*self.both('socket-path'),
                             fix='unix:/smtpauth/milter.sock')
        self.assertIn('is chrooted', finding['text'])
        self.site('unix:/smtpauth/milter.sock', chroot='y')
        self.silent()

    def test_path_for_not_chrooted(self):
        self.start(self.path)
        self.site('unix:/smtpauth/milter.sock', chroot='n')
        finding = self.finds(*self.both('socket-path'),
                             fix='unix:' + self.path)
        self.assertIn('not chrooted', finding['text'])
        self.site('unix:' + self.path, chroot='n')
        self.silent()

    def test_old_default_is_chrooted(self):
        """`-' in master.cf, before compatibility level 1."""
        self.start(self.path)
        self.site('unix:' + self.path, chroot='-')
        self.silent()
        self.postconf('-e', 'compatibility_level=0')
        self.finds(*self.both('socket-path'))

    def test_outside_the_chroot(self):
        outside = os.path.join(self.tmp, 'run')
        os.mkdir(outside)
        shutil.chown(outside, USER, 'postfix')
        os.chmod(outside, 0o2710)
        self.start(os.path.join(outside, 'milter.sock'))
        self.site('unix:%s/milter.sock' % outside, chroot='y')
        self.finds(*self.both('socket-path'),
                   fix=os.path.join(self.queue, 'smtpauth', 'milter.sock'))
        self.site('unix:%s/milter.sock' % outside, chroot='n')
        self.silent()

    def test_not_writable(self):
        self.start(self.path, socket_mode='0600')
        self.site('unix:/smtpauth/milter.sock')
        finding = self.finds(*self.both('socket-not-writable'),
                             fix='socket-mode 0660')
        self.assertIn(self.path, finding['text'])
        self.assertIn('does not let user postfix write', finding['text'])
        os.chmod(self.path, 0o660)
        self.silent()

    def test_folder_closed(self):
        self.start(self.path)
        self.site('unix:/smtpauth/milter.sock')
        shutil.chown(self.folder, USER, 'nogroup')
        finding = self.finds(*self.both('socket-not-writable'),
                             fix=('install -d', self.folder))
        self.assertIn('does not let user postfix in', finding['text'])

    def test_missing(self):
        self.start(self.path)
        self.site('unix:/smtpauth/milter.sock')
        os.rename(self.path, self.path + '.away')
        finding = self.finds(
            ('milter-unreachable', 'unix:' + self.path),
            *self.both('socket-missing'))
        self.assertIn('No such file', finding['text'])
        os.rename(self.path + '.away', self.path)
        self.silent()


class Settings(PostfixCase):
    """What the policy and the daemon's configuration say."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def test_fail_open(self):
        for setting, value, finding in (
                ('enforce', 'no', 'dry-run'),
                ('action', 'report', 'action-report'),
                ('invalid-login', 'accept', 'invalid-login-accept')):
            with self.subTest(finding):
                self.ctl('settings', 'set', setting, value)
                found = self.finds((finding, 'settings'),
                                   fix='smtpauthctl settings set ' + setting)
                self.assertEqual(self.follow(found), 1)
                self.silent()

    def test_on_error(self):
        self.conf(on_error='accept')
        self.finds(('on-error-accept', 'smtpauth-milter.conf'),
                   fix='on-error = tempfail')
        self.conf(on_error='tempfail')
        self.silent()

    def test_webmail(self):
        self.postconf('-M', '127.0.0.1:10587/inet='
                      '127.0.0.1:10587 inet n - y - - smtpd')
        for value in 'smtpd_sasl_auth_enable=yes', \
                     'smtpd_milters=$mua_milters':
            self.postconf('-P', '127.0.0.1:10587/inet/' + value)
        finding = self.finds(('webmail-not-exempt', '127.0.0.1:10587'),
                             fix='exempt-listeners WEBMAIL')
        self.assertEqual(self.follow(finding), 2)
        self.silent()

    def test_loopback_exempt(self):
        self.ctl('settings add exempt-clients 127.0.0.0/8', rc=0)
        self.finds(*self.both('loopback-exempt'), fix='exempt-listeners')
        self.ctl('settings remove exempt-clients 127.0.0.0/8')
        self.silent()

    def test_no_realm_of_cyrus(self):
        self.postconf('-e', 'smtpd_sasl_type=cyrus')
        self.finds(('login-without-realm', 'main.cf'), fix='default-domain')
        self.ctl('settings set default-domain acme.test')
        self.silent()
        self.ctl('settings unset default-domain')
        self.ctl('tenant add rest --domain *')
        self.silent()
        self.ctl('tenant remove rest')
        self.postconf('-e', 'smtpd_sasl_local_domain=acme.test')
        self.silent()

    def test_no_realm_of_dovecot(self):
        for cut in '%n', '%Ln', '%{user | username}':
            self.program_of_dovecot(cut)
            self.finds(('login-without-realm', 'main.cf'),
                       fix='default-domain')
        for whole in '%u', '%{user | lower}':
            self.program_of_dovecot(whole)
            self.silent()

    def test_files(self):
        for service in 'submission', 'submissions':
            self.postconf('-F', service + '/inet/process_limit=100000000')
        finding = self.finds(('fd-limit', 'smtpauth-milter'),
                             fix='LimitNOFILE=')
        self.assertIn('200000000', finding['text'])
        self.postconf('-F', 'submission/inet/process_limit=0')
        finding = self.finds(('fd-limit', 'smtpauth-milter'),
                             fix='LimitNOFILE=')
        self.assertIn('any number', finding['text'])


class State(PostfixCase):
    """The daemon, and who may use its files."""

    def place(self, name=''):
        return os.path.join(self.dir, name) if name else self.dir

    def test_not_running(self):
        self.start()
        self.site()
        self.daemon.stop()
        report = self.examine()
        self.assertEqual(ids(report), [
            ('daemon-not-running', 'smtpauth-milter'),
            # Where the configuration has it, as it was started with -s.
            ('milter-unreachable', 'inet:8899@127.0.0.1'),
            *self.both('milter-not-listed')])
        self.conf(socket=self.daemon.socket)
        report = self.examine()
        self.assertEqual(ids(report), [
            ('daemon-not-running', 'smtpauth-milter'),
            ('milter-unreachable', self.daemon.socket)])
        self.assertIs(report['running'], False)
        self.assertIn('systemctl start smtpauth-milter',
                      report['findings'][0]['fix'])

    def test_runs_as_root(self):
        self.start(user='root')
        self.site()
        self.finds(('runs-as-root', 'smtpauth-milter'),
                   fix='user = smtpauth')

    def test_no_such_user(self):
        self.start()
        self.site()
        self.conf(user='no-such-user-here')
        finding = self.finds(('no-user', 'smtpauth-milter.conf'),
                             fix='useradd')
        self.assertIn('no-such-user-here', finding['text'])

    def test_public(self):
        self.start()
        self.site()
        os.chmod(self.dir, 0o755)
        finding = self.finds(('database-public', self.dir), fix='chmod o=')
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_permission(self):
        self.start()
        self.site()
        for name, mode in (('policy.mdb', 0o600), ('policy.mdb-lock', 0o600),
                           ('usage', 0o500)):
            with self.subTest(name):
                path = self.place(name)
                before = stat.S_IMODE(os.stat(path).st_mode)
                os.chmod(path, mode)
                finding = self.finds(('database-permission', path))
                self.assertIn(path, finding['text'])
                self.assertIn('user ' + USER, finding['text'])
                os.chmod(path, before)
                self.silent()

    def test_no_database(self):
        self.start()
        self.site()
        for name in 'policy.mdb', 'policy.mdb-lock':
            os.remove(self.place(name))
        report = self.examine()
        self.assertIn(('database', self.dir), ids(report))
        self.assertEqual(report['findings'][0]['fix'], 'smtpauthctl init')
        # What follows from it may be said too, and nothing else.
        self.assertLessEqual({f for f, _ in ids(report)}, {
            'database', 'daemon-on-error', 'database-permission',
            'milter-answer'})

    def test_damaged(self):
        self.start()
        self.site()
        with open(self.place('policy.mdb'), 'r+b') as f:
            f.write(b'\xff' * 8192)
        report = self.examine()
        self.assertEqual(ids(report)[0], ('database', self.dir))
        self.assertEqual(report['findings'][0]['fix'], 'smtpauthctl verify')

    def test_mta_in_group(self):
        """Another /etc/group, in a mount namespace."""
        self.start()
        self.site()
        group = os.path.join(self.tmp, 'group')
        with open('/etc/group') as f:
            text = re.sub(r'^(nogroup:.*:)$', r'\1postfix', f.read(),
                          flags=re.M)
        self.assertIn('postfix\n', text)
        self.write(group, text)
        if subprocess.run(['unshare', '--mount', 'mount', '--bind', group,
                           '/etc/group'], capture_output=True).returncode:
            self.skipTest('mount namespaces are not to be had here')
        script = os.path.join(self.tmp, 'ctl')
        self.write(script, '#!/bin/sh\nmount --bind %s /etc/group\n'
                   'exec %s "$@"\n' % (group, harness.CTL))
        os.chmod(script, 0o755)
        wrapper = os.path.join(self.tmp, 'wrapper')
        self.write(wrapper, '#!/bin/sh\nexec unshare --mount --propagation '
                   'private %s "$@"\n' % script)
        os.chmod(wrapper, 0o755)
        self.program = wrapper
        self.finds(('mta-in-group', self.dir),
                   fix='gpasswd -d postfix nogroup')

    def test_not_root(self):
        """An ordinary user is told to be root, and nothing false."""
        self.start()
        self.site()
        self.conf(socket=self.daemon.socket)
        shutil.copy(harness.CTL, os.path.join(self.tmp, 'smtpauthctl'))
        self.program = os.path.join(self.tmp, 'smtpauthctl')
        os.chmod(self.daemon.conf, 0o644)
        report = self.examine(user='daemon', group='daemon', extra_groups=[],
                              cwd='/')
        self.assertEqual(ids(report)[0], ('database', self.dir))
        self.assertIn('as root', report['findings'][0]['fix'])
        self.assertNotIn('milter-not-listed', dict(ids(report)))


class Logs(PostfixCase):
    """Logins in a mail log."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def logins(self, *lines):
        self.write(self.log, ''.join(lines))

    def test_well(self):
        self.logins(POSTFIX_LINE % ('mua[192.0.2.7]', 'alice@acme.test'),
                    SENDMAIL_LINE % ('mua [192.0.2.7]', 'bob@acme.test'),
                    'Nov 23 10:00:00 mx postfix/smtpd[3]: connect from x\n')
        self.silent()

    def test_kinds(self):
        for client, login, finding, fix in (
                ('mua[192.0.2.7]', 'carol@other.test',
                 'logins-unknown-tenant', 'smtpauthctl domain add'),
                ('mua[192.0.2.7]', 'bob', 'login-without-realm',
                 'default-domain'),
                ('mua[192.0.2.7]', 'bob@', 'logins-invalid',
                 'smtpauthctl check'),
                ('localhost[127.0.0.1]', 'alice@acme.test',
                 'webmail-not-exempt', 'exempt-listeners'),
                ('localhost[::1]', 'alice@acme.test',
                 'webmail-not-exempt', 'exempt-listeners')):
            for line in (POSTFIX_LINE % (client, login),
                         SENDMAIL_LINE % (client.replace('[', ' ['), login)):
                with self.subTest(line):
                    self.logins(line, line)
                    found = self.finds((finding, 'mail log'), fix=fix)
                    self.assertIn(login, found['text'])
                    self.assertTrue(found['text'].startswith('1 login '))

    def test_guesses(self):
        """Logins that were not let in are no logins."""
        self.logins(*(POSTFIX_FAILED % login for login in (
            'admin', 'x@other.test', 'test@', '(unavailable)')))
        self.silent()

    def test_many(self):
        self.logins(*(POSTFIX_LINE % ('mua[192.0.2.7]', 'u%d@other.test' % i)
                      for i in range(20000)))
        found = self.finds(('logins-unknown-tenant', 'mail log'))
        self.assertIn('10000 logins', found['text'])
        self.assertLess(len(found['text']), 400)

    def test_long_log(self):
        """Only the end of a long one is read, whole lines of it."""
        with open(self.log, 'w') as f:
            f.write(POSTFIX_LINE % ('mua[192.0.2.7]', 'old@other.test'))
            line = POSTFIX_LINE % ('mua[192.0.2.7]', 'alice@acme.test')
            f.write(line * ((17 << 20) // len(line)))
        self.silent()

    def test_standard_input(self):
        line = POSTFIX_LINE % ('mua[192.0.2.7]', 'carol@other.test')
        self.finds(('logins-unknown-tenant', 'mail log'),
                   args=('--log', '-'), stdin=line)

    def test_hostile(self):
        """Whatever a log holds, the terminal gets printable text."""
        with open(self.log, 'wb') as f:
            f.write(b'sasl_username=\xff\x1b[31m\x07@other.test\n'
                    b'sasl_username=' + b'x' * 100000 + b'\n'
                    b'sasl_username=\0\nAUTH=server, authid=\n'
                    b'client=[, sasl_username=<>\nclient=x[1.2.3.4'
                    b'\nAUTH=server, authid=\x1b]0;x\x07, x\n'
                    b'sasl_username=%n%s@other.test')
        for args in (), ('--login', 'a\x1b[1m@acme.test'):
            result = self.run_doctor(*self.mta(), *args, rc=1)
            self.assertNotRegex(result.raw, rb'[\x00-\x09\x0b-\x1f\x7f]')
            self.assertIn('%n%s@other.test', result.out)
            self.examine(*args)

    def test_unreadable(self):
        for path in os.path.join(self.tmp, 'missing.log'), self.tmp:
            result = self.run_doctor(*self.mta(), '--log', path, rc=None)
            self.assertNotIn(result.rc, (0, 1))
            self.assertIn(path, result.err)
            self.assertEqual(result.out, '')

    def test_hostile_configuration(self):
        self.postconf('-e', 'mail_name=8\x1b[31m\x07\xff x')
        self.write(os.path.join(self.etc, 'table'), '1.2.3.4 DISABLE\n')
        self.postconf('-e', 'smtpd_milter_maps=cidr:%s/table, cidr:\x1b[31m'
                      % self.etc)
        result = self.run_doctor(*self.mta(), rc=1)
        self.assertIn('mta-detection', result.out)
        self.assertNotRegex(result.raw, rb'[\x00-\x09\x0b-\x1f\x7f]')


class Sendmail(Doctor):
    """A sendmail.cf."""

    def setUp(self):
        super().setUp()
        self.cf = os.path.join(self.etc, 'sendmail.cf')

    def mta(self):
        return '--sendmail', self.cf

    def text(self, *changes):
        text = SENDMAIL_CF.format(address=self.daemon.socket)
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write(self.cf, text)

    def planted(self, old, new, *expected, fix=''):
        self.text((old, new))
        finding = self.finds(*expected, fix=fix)
        self.text()
        self.silent()
        return finding

    def test_mistakes(self):
        self.start()
        own = ', InputMailFilters=smtpauth'
        for old, new, expected, fix in (
                (own, '', [('milter-not-listed', 'MSA')],
                 'InputMailFilters=smtpauth'),
                ('M=A\n', 'M=E\n', [('milter-not-listed', 'MTA')], 'M='),
                ('Xsmtpauth', '#Xsmtpauth', [('milter-not-listed', self.cf)],
                 'INPUT_MAIL_FILTER(`smtpauth\', `S=' + self.daemon.socket),
                (', F=T', '', [('filter-without-f', self.cf)], 'F=T'),
                ('R:15s', 'R:10s', [('milter-timeout', self.cf)], 'R:15s'),
                (', T=C:3s;S:5s;R:15s;E:30s', '',
                 [('milter-timeout', self.cf)], 'R:15s'),
                ('M=A\n', 'M=A, InputMailFilters=smtpauth\n',
                 [('milter-misplaced', 'MTA')], 'smtpauth'),
                ('M=A\n', 'Modifiers=A, I=smtpauth\n',
                 [('milter-misplaced', 'MTA')], 'smtpauth'),
                ('@127.0.0.1', '@192.0.2.1', [('socket-path', self.cf)],
                 'S=' + self.daemon.socket),
                ('S=inet:', 'S=inet:x', [('socket-path', self.cf)],
                 'S=' + self.daemon.socket),
                ('O InputMailFilters=', 'Xother, S=inet:9@127.0.0.1, F=T\n'
                 'O InputMailFilters=other', [('milter-dropped', 'MSA')],
                 'InputMailFilters=smtpauth;other')):
            with self.subTest(new=new, old=old):
                self.planted(old, new, *expected, fix=fix)

    def test_written_otherwise(self):
        """What Sendmail reads the same: by the first letter of a key."""
        self.start()
        for old, new in ((', F=T', ', Flags=T'), (' S=', ' S= '),
                         (', T=C', ',T=C'), (', F=T', '\n\t, F=R'),
                         ('F=T', 'F=4'), ('R:15s', 'R:1m'),
                         ('InputMailFilters=smtpauth', 'I=smtpauth'),
                         ('Name=MSA', 'N=MSA')):
            with self.subTest(new):
                self.text((old, new))
                self.silent()

    def test_mta_setting(self):
        self.start()
        self.text()
        self.conf(mta='postfix')
        self.finds(('mta-setting', 'smtpauth-milter.conf'), fix='mta = auto')

    def test_unreadable(self):
        self.start()
        self.finds(('mta-unreadable', 'Sendmail'))
        self.text(('Xsmtpauth', 'X' + 'y' * 100 + '\nXsmtpauth'))
        self.finds(('mta-unreadable', self.cf))

    def test_long_lines(self):
        """What is no filter and no option may be of any length."""
        self.start()
        self.text(('V10', 'C{w}%s Xevil, S=inet:9@x O x\nV10'
                   % (' host.example' * 2000)))
        self.silent()

    def test_folder(self):
        folder = os.path.join('/run', os.path.basename(self.tmp))
        os.mkdir(folder)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        shutil.chown(folder, USER, 'nogroup')
        self.start(os.path.join(folder, 'milter.sock'))
        self.text()
        self.silent()
        for mode in 0o775, 0o777, 0o1777, 0o2770:
            os.chmod(folder, mode)
            finding = self.finds(('socket-folder-unsafe', self.cf),
                                 fix='chmod go-w ' + folder)
            self.assertEqual(self.follow(finding), 1)
            self.silent()

    def test_macros_of_sendmail(self):
        """The snippets, made into sendmail.cf by Sendmail's own macros."""
        missing = sendmail_rig.missing()
        if missing:
            self.skipTest(missing)
        self.start()
        for snippets in (['smtpauth'], ['submission'],
                         ['submission', 'webmail']):
            with self.subTest(snippets):
                self.write(self.cf, self.built(snippets))
                report = self.silent()
                self.assertEqual(report['mta'], 'sendmail')
                self.assertIn('MSA' if 'submission' in snippets else 'MTA',
                              report['asked_by'])

    def built(self, snippets):
        mc = "define(`confSMTPAUTH_SOCKET', `%s')dnl\n" % self.daemon.socket
        if snippets == ['smtpauth']:
            mc += "DAEMON_OPTIONS(`Port=smtp, Name=MTA')dnl\n"
            mc += "FEATURE(`no_default_msa')dnl\n"
        for name in snippets:
            mc += "include(`%s/sendmail/%s.m4')dnl\n" % (CONTRIB, name)
        site = sendmail_rig.Rig(mc, {})
        self.addCleanup(shutil.rmtree, site.dir, ignore_errors=True)
        path = os.path.join(site.dir, 'sendmail.mc')
        self.write(path, site._mc(site._tree()))
        return subprocess.check_output(['m4', path], text=True)


class Answers(PostfixCase):
    """--login: what the milter itself says."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def compare(self, login, *args, mta='postfix'):
        """The doctor's answer is what `check` foretells."""
        report = self.silent('--login', login, *args)
        self.assertEqual(report['login'], login)
        check = self.json('check', login, *args, '--mta', mta,
                          rc=(0, 10, 11))
        if check['reply'] is None:
            self.assertEqual(report['answer'], 'passes')
        else:
            self.assertRegex(report['answer'], r'^%s \[[a-z0-9]+\]$'
                             % re.escape(check['reply']))
        text = self.run_doctor(*self.mta(), '--login', login, *args)
        self.assertRegex(text.out, r'answer +\S')
        return report['answer']

    def test_postfix(self):
        self.ctl('tenant add open --domain open.test --smtp-auth enabled')
        self.ctl('mailbox set off@open.test --smtp-auth disabled')
        self.ctl('mailbox set a+b@acme.test --smtp-auth enabled')
        self.ctl('mailbox set h@acme.test --smtp-auth enabled '
                 '--clients 192.0.2.0/28')
        self.assertIn('550 5.7.1', self.compare('alice@acme.test'))
        self.compare('a+b@acme.test')
        self.compare('jörg@open.test')
        self.compare('off@open.test')
        self.compare('nobody@other.test')
        self.compare('h@acme.test', '--client', '192.0.2.5')
        self.assertIn('550', self.compare('h@acme.test', '--client',
                                          '198.51.100.1'))
        self.ctl('tenant set acme --blocks passwords')
        self.assertEqual(self.compare('alice@acme.test', '--mechanism',
                                      'XOAUTH2'), 'passes')
        self.ctl('settings add exempt-listeners WEBMAIL')
        self.assertEqual(self.compare('alice@acme.test', '--listener',
                                      'WEBMAIL'), 'passes')
        self.ctl('tenant set acme --reply', '100%d of {mailbox}')
        self.assertIn('100%d of alice', self.compare('alice@acme.test'))

    def test_sendmail(self):
        """A login in xtext: as it is typed here, not as it is sent."""
        cf = os.path.join(self.etc, 'sendmail.cf')
        self.write(cf, SENDMAIL_CF.format(address=self.daemon.socket))
        self.ctl('mailbox set a+b@acme.test --smtp-auth enabled')
        self.ctl('mailbox set jörg@acme.test --smtp-auth enabled')
        for login, answer in (('a+b@acme.test', 'passes'),
                              ('jörg@acme.test', 'passes'),
                              ('c=d@acme.test', '550 5.7.1')):
            report = harness.json.loads(self.run_doctor(
                '--sendmail', cf, '--login', login, json=True, rc=0).raw)
            self.assertIn(answer, report['answer'])
        self.daemon.wait_log(r'login=a\+2Bb@acme\.test .*tenant=acme')

    def test_nobody(self):
        self.assertIsNone(self.silent()['answer'])

    def test_other_program(self):
        """Something that is no milter listens there."""
        with harness.socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            server.listen()
            self.daemon.stop()
            port = server.getsockname()[1]
            self.conf(socket='inet:%d@127.0.0.1' % port)
            self.site('inet:127.0.0.1:%d' % port)
            server.settimeout(30)
            other = harness.subprocess.Popen(
                [shutil.which('python3'), '-c', 'import socket, sys\n'
                 's = socket.socket(fileno=%d)\n'
                 'c = s.accept()[0]\nc.sendall(b"220 mx ESMTP\\r\\n")\n'
                 'c.recv(99)' % server.fileno()], pass_fds=[server.fileno()])
            report = self.examine('--login', 'alice@acme.test')
            other.wait(harness.TIMEOUT)
        self.assertEqual(ids(report), [
            ('daemon-not-running', 'smtpauth-milter'),
            ('milter-unreachable', 'inet:%d@127.0.0.1' % port)])
        self.assertIsNone(report['answer'])
        self.assertIn('another program', report['findings'][1]['text'])


class Usage(PostfixCase):
    def test_both(self):
        self.start()
        self.site()
        result = self.run_doctor('--postfix', self.etc, '--sendmail',
                                 self.etc, rc=64)
        self.assertIn('exclude each other', result.err)
        self.assertEqual(result.out, '')
        self.run_doctor('more', rc=64)

    def test_no_mta(self):
        """Neither is here: a PATH and a root folder without them."""
        self.start()
        self.site()
        if os.path.exists(sendmail_default()):
            self.skipTest('this machine has a sendmail.cf')
        script = os.path.join(self.tmp, 'ctl')
        self.write(script, '#!/bin/sh\nmount --bind /dev/null %s\n'
                   'exec %s "$@"\n' % (shutil.which('postconf', path=PATH),
                                       harness.CTL))
        os.chmod(script, 0o755)
        wrapper = os.path.join(self.tmp, 'wrapper')
        self.write(wrapper, '#!/bin/sh\nexec unshare --mount --propagation '
                   'private %s "$@"\n' % script)
        os.chmod(wrapper, 0o755)
        if subprocess.run(['unshare', '--mount', 'true'],
                          capture_output=True).returncode:
            self.skipTest('mount namespaces are not to be had here')
        self.program = wrapper
        result = self.run_doctor(json=True, rc=1)
        report = harness.json.loads(result.raw)
        self.assertEqual(ids(report), [('no-mta', None)])
        self.assertIsNone(report['mta'])


def sendmail_default():
    return '/etc/mail/sendmail.cf'


if __name__ == '__main__':
    harness.main()
