# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: planted mistakes, one by one.  Each is found by its
name and place, with nothing else; where the advice can be carried out here,
it is, and then nothing is found.  Here: Sendmail, what the milter answers to
a login, and the command line.
"""

import json
import os
import re
import shutil
import socket
import subprocess

import harness
import sendmail_rig
from doctor_case import CONTRIB, PATH, USER, Doctor, PostfixCase, ids

SENDMAIL_CF = """\
V10/Berkeley
O QueueDirectory=/var/spool/mqueue
O InputMailFilters=
O DaemonPortOptions=Port=smtp, Name=MTA, M=A
O DaemonPortOptions=Port=submission, Name=MSA, M=Ea, InputMailFilters=smtpauth
Xsmtpauth, S={address}, F=T, T=C:3s;S:5s;R:15s;E:30s
"""


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
                ('M=Ea, InputMailFilters=smtpauth', 'M=A',
                 [('nobody-asks', self.cf)], 'take A out'),
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
        os.chmod(folder, 0o1777)    # as /tmp, which has to be so
        self.finds(('socket-folder-unsafe', self.cf), fix='install -d')
        for mode in 0o775, 0o777, 0o2770:
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
        report = self.silent('--ignore', 'exempt-listener-unknown',
                             '--login', login, *args)
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
        self.postconf('-M', '127.0.0.1:10587/inet=127.0.0.1:10587 inet n - y '
                      '- - smtpd -o milter_macro_daemon_name=WEBMAIL')
        self.ctl('settings add exempt-listeners WEBMAIL')
        self.assertEqual(self.compare('alice@acme.test', '--listener',
                                      'WEBMAIL'), 'passes')
        self.ctl("tenant set acme --reply '100%d of {mailbox}'")
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
            report = json.loads(self.run_doctor(
                '--sendmail', cf, '--login', login, as_json=True, rc=0).raw)
            self.assertIn(answer, report['answer'])
        self.daemon.wait_log(r'login=a\+2Bb@acme\.test .*tenant=acme')

    def test_nobody(self):
        self.assertIsNone(self.silent()['answer'])

    def test_other_program(self):
        """Something that is no milter listens there."""
        with socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            server.listen()
            self.daemon.stop()
            port = server.getsockname()[1]
            self.conf(socket='inet:%d@127.0.0.1' % port)
            self.site('inet:127.0.0.1:%d' % port)
            server.settimeout(30)
            other = subprocess.Popen(
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
        if os.path.exists('/etc/mail/sendmail.cf'):
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
        result = self.run_doctor(as_json=True, rc=1)
        report = json.loads(result.raw)
        self.assertEqual(ids(report), [('no-mta', None)])
        self.assertIsNone(report['mta'])


if __name__ == '__main__':
    harness.main()
