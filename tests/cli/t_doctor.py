# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: planted mistakes, one by one.  Each is found by its
name and place, with nothing else; where the advice can be carried out here,
it is, and then nothing is found.  Here: how Postfix asks the milter; the
shipped snippets give no finding.
"""

import os
import re
import shutil
import subprocess
import time

import harness
from doctor_case import PATH, PREFIX, USER, PostfixCase, ids, shipped


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
        signer = 'inet:127.0.0.1:%d' % self.listen(('127.0.0.1', 0))[1]
        self.site(master='smtp inet n - y - - smtpd\n'
                         '127.0.0.1:10025 inet n - n - - smtpd\n'
                         '  -o smtpd_milters=\n'
                         '2525 inet n - y - 1 postscreen\n'
                         'smtpd pass - - y - - smtpd\n'
                         'pickup unix n - y 60 1 pickup\n',
                  main='smtpd_milters = %s\n'
                       'non_smtpd_milters = %s\n' % (signer, signer))
        self.postconf('-e', 'mua_milters={ %s, %stempfail }, %s' % (
            self.daemon.socket_postfix, PREFIX, signer))
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
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_not_listed_beside_others(self):
        """The advice keeps the milters that the service has."""
        os.mkdir(os.path.join(self.queue, 'other'))
        self.listen(os.path.join(self.queue, 'other', 'sock'))
        port = self.listen(('127.0.0.1', 0))[1]
        self.postconf('-e', 'mua_milters={ inet:127.0.0.1:%d, { '
                      'connect_timeout = 3s } }\tunix:other/sock' % port)
        finding = self.finds(*self.both('milter-not-listed'))
        self.assertEqual(self.follow(finding), 2)
        self.silent()
        listed = subprocess.check_output(
            ['postconf', '-c', self.etc, '-Ph', 'submission/inet/'
             'smtpd_milters'], text=True, env={'PATH': PATH})
        self.assertTrue(listed.strip().endswith(
            '},{inet:127.0.0.1:%d,{connect_timeout=3s}},unix:other/sock'
            % port), listed)

    def test_advice_is_whole(self):
        """However many services it is for, people see what to type."""
        self.site(master=''.join(
            '25%02d inet n - y - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n'
            '  -o smtpd_milters=\n' % n for n in range(40)))
        finding = self.examine()['findings'][0]
        self.assertEqual(finding['fix'].count('/smtpd_milters='), 40)
        self.assertIn('   -> ' + finding['fix'],
                      self.run_doctor(*self.mta(), rc=1).out.splitlines())

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

    def test_nobody_asks(self):
        for service in 'submission', 'submissions':
            self.postconf('-PX', service + '/inet/smtpd_sasl_auth_enable')
            self.postconf('-PX', service + '/inet/smtpd_milters')
        self.finds(('nobody-asks', 'master.cf'),
                   fix='smtpd_sasl_auth_enable=yes')

    def test_no_milters(self):
        """receive_override_options can turn all milters off."""
        self.postconf('-P', 'submission/inet/receive_override_options='
                      'no_header_body_checks,no_milters')
        self.finds(('milter-switched-off', 'submission'),
                   fix=('smtpd_sasl_auth_enable=no', 'no_milters'))
        self.postconf('-P', 'submission/inet/receive_override_options='
                      'no_header_body_checks')
        self.silent()

    def test_return_port(self):
        """Mail comes back from a filter here, and nobody logs in."""
        self.postconf('-M', '127.0.0.1:10025/inet=127.0.0.1:10025 inet n - n '
                      '- - smtpd -o smtpd_sasl_auth_enable=yes -o receive_'
                      'override_options=no_unknown_recipient_checks,no_milters')
        for _ in 'without our milter', 'with it':
            finding = self.finds(('milter-switched-off', '127.0.0.1:10025'))
            self.assertRegex(finding['fix'], '^postconf .*auth_enable=no')
            self.assertNotIn('receive_override', finding['fix'])
            self.postconf('-P', '127.0.0.1:10025/inet/smtpd_milters='
                          '$mua_milters')
        self.assertEqual(self.follow(finding), 1)
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
        self.postconf('-P', 'smtpd/pass/smtpd_milters=')
        self.silent()

    def test_non_smtpd(self):
        self.postconf('-e', 'non_smtpd_milters=$mua_milters')
        self.finds(('milter-in-non-smtpd', 'main.cf'),
                   fix='non_smtpd_milters')
        self.postconf('-X', 'non_smtpd_milters')
        self.silent()

    def test_dropped(self):
        signer = 'inet:127.0.0.1:%d' % self.listen(('127.0.0.1', 0))[1]
        self.postconf('-e', 'smtpd_milters=' + signer)
        self.finds(*self.both('milter-dropped'), fix=signer)
        self.postconf('-e', 'mua_milters={ %s, %stempfail }, %s' % (
            self.daemon.socket_postfix, PREFIX, signer))
        self.silent()

    def test_default_action(self):
        for action in 'accept', 'quarantine':
            self.list_milter(action)
            finding = self.finds(*self.both('default-action-accept'),
                                 fix='default_action=tempfail')
            self.assertEqual(self.follow(finding), 1)
            self.silent()
        for action in 'tempfail', 'reject', 'shutdown':
            self.list_milter(action)
            self.silent()

    def test_default_action_of_all(self):
        self.list_milter(options='command_timeout=15s')
        self.silent()
        self.postconf('-e', 'milter_default_action=accept')
        finding = self.finds(*self.both('default-action-accept'),
                             fix='default_action=tempfail')
        self.assertEqual(self.follow(finding), 1)   # the milter's own counts
        self.silent()

    def test_timeout(self):
        for limit in '10s', '5', '0m':
            self.list_milter(options='command_timeout=' + limit)
            finding = self.finds(*self.both('milter-timeout'),
                                 fix='command_timeout=15s')
            self.assertEqual(self.follow(finding), 1)
            self.silent()
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
        finding = self.finds(*self.both('milter-syntax'),
                             fix=self.daemon.socket_postfix)
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_mta_detection(self):
        self.postconf('-e', 'mail_name=8th floor mail')
        self.finds(*self.both('mta-detection'), fix='mta = postfix')
        self.conf(mta='postfix')
        later = time.time() + 5     # than the second of the start
        os.utime(self.daemon.conf, (later, later))
        self.finds(('restart-needed', 'smtpauth-milter.conf'),
                   fix='systemctl restart smtpauth-milter')
        self.restart()
        self.silent()

    def test_mta_setting(self):
        self.conf(mta='sendmail')
        self.finds(('mta-setting', 'smtpauth-milter.conf'), fix='mta = auto')

    def test_protocol(self):
        """What the milter needs is in every version of the protocol."""
        self.postconf('-e', 'milter_protocol=2')
        self.silent()
        self.list_milter(options='command_timeout=15s, protocol=2')
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
        if expected:
            self.assertIn(path, self.finds(*expected)['text'])
        else:
            self.silent()

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
        warning = 'postconf-warning', 'Postfix'
        for maps, more in (('cidr:%s/missing' % self.etc, []),
                           ('ldap:/missing', [warning]), ('cidr', [])):
            self.postconf('-e', 'smtpd_milter_maps=' + maps)
            self.finds(*self.both('milter-maps-unknown'), *more)
        path = os.path.join(self.etc, 'table')
        self.write(path, '192.0.2.1 DISABLE\n')
        self.postconf('-e', 'smtpd_milter_maps=ldap:/missing, cidr:' + path)
        self.finds(*self.both('milter-maps-disable'), warning)


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
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_path_for_not_chrooted(self):
        self.start(self.path)
        self.site('unix:/smtpauth/milter.sock', chroot='n')
        finding = self.finds(*self.both('socket-path'),
                             fix='unix:' + self.path)
        self.assertIn('not chrooted', finding['text'])
        self.assertEqual(self.follow(finding), 1)
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
                   fix=('install -d -o nobody -g postfix -m 2710 '
                        + self.folder, 'socket = unix:' + self.path))
        self.site('unix:%s/milter.sock' % outside, chroot='n')
        self.silent()

    def test_not_writable(self):
        self.start(self.path, socket_mode='0600')
        self.site('unix:/smtpauth/milter.sock')
        finding = self.finds(*self.both('socket-not-writable'),
                             fix='socket-mode = 0660')
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


if __name__ == '__main__':
    harness.main()
