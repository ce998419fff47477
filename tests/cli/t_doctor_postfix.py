# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: milters that nobody is, lists that smtpd does not take,
several instances of Postfix, and old versions.  Planted mistakes as in
t_doctor.py, with the advice typed."""

import os
import shutil
import subprocess

import harness
from doctor_case import PATH, PREFIX, PostfixCase


class Dead(PostfixCase):
    """Milters that nobody is, and lists that smtpd does not take."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()
        self.port = harness.free_port()
        self.dead = 'inet:127.0.0.1:%d' % self.port

    def test_ours_is_meant(self):
        """A wrong port: the advice replaces the entry."""
        self.postconf('-e', 'mua_milters={ %s, %stempfail }' % (
            self.dead, PREFIX))
        finding = self.finds(*self.both('milter-dead'))
        self.assertIn('did you mean ours', finding['text'])
        self.assertEqual(self.follow(finding), 1)
        self.assertEqual(self.value('mua_milters'), '{ %s, %stempfail }' % (
            self.daemon.socket_postfix, PREFIX))
        self.silent()

    def value(self, name):
        return subprocess.check_output(
            ['postconf', '-c', self.etc, '-h', name], text=True,
            env={'PATH': PATH}).strip()

    def test_ours_is_meant_in_master(self):
        self.postconf('-P', 'submission/inet/smtpd_milters={%s,%stempfail},%s'
                      % (self.dead, PREFIX.replace(' ', ''),
                         'inet:127.0.0.1:%d' % self.listen(
                             ('127.0.0.1', 0))[1]))
        finding = self.finds(('milter-dead', 'submission'))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_ours_is_meant_over_unix(self):
        """The chroot counts, and what the path begins with."""
        self.postconf('-e', 'mua_milters=unix:/smtpauth/other.sock')
        finding = self.finds(*self.both('milter-dead'))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_held(self):
        """Somebody takes the connection and no milter answers: systemd holds
        the port, and the daemon listens on another socket."""
        for answer in b'', b'220 mx ESMTP\r\n':
            held = 'inet:127.0.0.1:%d' % self.listen(
                ('127.0.0.1', 0), answer)[1]
            self.postconf('-e', 'mua_milters={ %s, %stempfail }' % (
                held, PREFIX))
            finding = self.finds(*self.both('milter-dead'))
            self.assertIn('no milter answers there', finding['text'])
            self.assertIn('did you mean ours', finding['text'])
            self.assertEqual(self.follow(finding), 1)
            self.assertEqual(
                self.value('mua_milters'), '{ %s, %stempfail }' % (
                    self.daemon.socket_postfix, PREFIX))
            self.silent()

    def test_folder_that_a_shell_would_read(self):
        """Advice names it in a way that nobody types by mistake."""
        odd = os.path.join(self.tmp, 'etc & touch x')
        os.rename(self.etc, odd)
        self.etc = odd
        self.postconf('-PX', 'submission/inet/smtpd_milters')
        fix = self.finds(('milter-not-listed', 'submission'))['fix']
        self.assertIn('postconf -c DIR -P ', fix)
        self.assertNotIn('touch', fix)

    def test_signer_that_is_away(self):
        """The advice leaves it in its place: nobody meant ours."""
        self.site(main='smtpd_milters = %s\nnon_smtpd_milters = '
                  '$smtpd_milters\n' % self.dead)
        for service in 'submission', 'submissions':
            self.postconf('-PX', service + '/inet/smtpd_milters')
        report = self.examine()
        self.assertEqual(
            [f['id'] for f in report['findings']],
            ['milter-dead', 'milter-not-listed'])
        self.assertEqual(self.follow(report['findings'][1]), 2)
        self.listen(('127.0.0.1', self.port))
        self.silent()
        self.assertIn(self.dead, subprocess.check_output(
            ['postconf', '-c', self.etc, '-Ph', 'submission/inet/'
             'smtpd_milters'], text=True, env={'PATH': PATH}))

    def test_another(self):
        """One beside ours, in every service that lists it."""
        self.site(master='smtp inet n - y - - smtpd\n'
                         '  -o smtpd_milters=%s\n' % self.dead)
        self.postconf('-e', 'mua_milters={ %s, %stempfail }, %s' % (
            self.daemon.socket_postfix, PREFIX, self.dead))
        finding = self.finds(
            ('milter-dead', 'submission, submissions, smtp'), fix=self.dead)
        self.assertNotIn('ours', finding['text'])
        self.listen(('127.0.0.1', self.port))
        self.silent()

    def test_brace(self):
        """A "}" too few: smtpd ends."""
        self.postconf('-e', 'mua_milters={ %s, %stempfail' % (
            self.daemon.socket_postfix, PREFIX))
        finding = self.finds(*self.both('milter-syntax'))
        self.assertIn("missing '}'", finding['text'])
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_spaces(self):
        """ "-o name = value": smtpd ends."""
        path = os.path.join(self.etc, 'master.cf')
        with open(path) as f:
            text = f.read()
        for equal in ' = ', ' =', '= ':
            self.write(path, text.replace('smtpd_milters=',
                                          'smtpd_milters' + equal))
            finding = self.finds(('master-syntax', 'submission, submissions'),
                                 fix='smtpd_milters=$mua_milters')
            self.assertIn('"-o smtpd_milters', finding['text'])
            self.assertEqual(self.follow(finding), 2)
            self.silent()
        self.write(path, text.replace('smtpd_milters=$mua_milters',
                                      'smtpd_milters= -o mua_list=x'))
        self.assertNotIn('master-syntax', [
            finding['id'] for finding in self.examine()['findings']])

    def test_ours_is_out_of_reach(self):
        """A chrooted service does not see every folder."""
        os.mkdir(os.path.join(self.tmp, 'run'))
        self.start(os.path.join(self.tmp, 'run', 'milter.sock'), user='root')
        self.site('unix:smtpauth/other.sock')
        report = self.examine()
        finding = [f for f in report['findings'] if f['id'] == 'milter-dead']
        self.assertIn('install -d', finding[0]['fix'])

    def test_warning(self):
        """What postconf itself warns of."""
        self.postconf('-P', 'submission/inet/smtpd_sasl_auht_enable=yes')
        finding = self.finds(('postconf-warning', 'Postfix'))
        self.assertIn('unused parameter: smtpd_sasl_auht_enable=yes',
                      finding['text'])


class Instances(PostfixCase):
    """Several instances of Postfix: multi_instance_directories."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()
        self.first = self.etc
        self.second = os.path.join(self.tmp, 'postfix-out')
        shutil.copytree(self.etc, self.second)
        for name in 'main.cf', 'master.cf':
            harness.settle(os.path.join(self.second, name))
        self.postconf('-e', 'multi_instance_directories=' + self.second)

    def test_well(self):
        report = self.silent()
        self.assertEqual(report['asked_by'], 'submission, submissions, '
                         '{0}: submission, {0}: submissions'.format(
                             self.second))

    def test_second_does_not_ask(self):
        self.etc = self.second
        self.postconf('-PX', 'submission/inet/smtpd_milters')
        self.etc = self.first
        finding = self.finds(
            ('milter-not-listed', self.second + ': submission'),
            fix="postconf -c %s -P 'submission/inet/" % self.second)
        self.etc = self.second
        self.assertEqual(self.follow(finding), 1)
        self.etc = self.first
        self.silent()

    def test_only_the_second_offers(self):
        """Somebody asks, if not the first."""
        for service in 'submission', 'submissions':
            for name in 'smtpd_sasl_auth_enable', 'smtpd_milters':
                self.postconf('-PX', '%s/inet/%s' % (service, name))
        self.silent()

    def test_missing(self):
        shutil.rmtree(self.second)
        finding = self.finds(('mta-unreadable', self.second))
        self.assertIn('main.cf: No such file or directory', finding['text'])


class Old(PostfixCase):
    """Versions of Postfix that this machine does not have."""

    def setUp(self):
        super().setUp()
        self.start()
        self.site()
        self.real = shutil.which('postconf', path=PATH)

    def program_of_postfix(self, text):
        path = os.path.join(self.bin, 'postconf')
        self.write(path, '#!/bin/sh\n' + text.format(self.real))
        os.chmod(path, 0o755)

    def test_without_master(self):
        """"postconf -P" came with 2.11."""
        self.program_of_postfix('case "$*" in\n'
                                '-P*) exit 1;;\n'
                                '*mail_version*) echo 2.10.1;;\n'
                                '*) exec {} "$@";;\n'
                                'esac\n')
        finding = self.finds(('mta-unreadable', 'Postfix'))
        self.assertIn('this is Postfix 2.10.1', finding['text'])
        self.assertIn('2.11 is needed', finding['text'])

    def test_without_braces(self):
        """Options of a milter came with 3.0."""
        self.program_of_postfix(
            '{} "$@" | sed "s/^mail_version = .*/mail_version = 2.11.3/"\n')
        finding = self.finds(*self.both('milter-syntax'),
                             fix='milter_default_action=tempfail')
        self.assertIn('Postfix 2.11.3', finding['text'])
        self.postconf('-e', 'mua_milters=' + self.daemon.socket_postfix)
        self.silent()


if __name__ == '__main__':
    harness.main()
