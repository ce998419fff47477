# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor at the door at AUTH: planted mistakes between Dovecot and
smtpauth-authd, one by one, as Dovecot 2.3 and 2.4 print their settings, and as
the Dovecot that is installed does.
"""

import os
import shutil
import subprocess
import time

import harness
from doctor_case import PATH
from doctor_door import ATTRIBUTES, DoorCase, Fake

BOTH = 'protocol smtp, protocol submission'
RELOAD = 'doveadm reload; postfix reload'


class Right(DoorCase):
    """Nothing to find."""

    def test_nobody_asks(self):
        """Neither authd nor a Dovecot that asks one: no finding, no word."""
        self.dovecot.blocks.clear()
        for version in self.versions():
            with self.subTest(version):
                report = self.silent()
                self.assertIsNone(report['auth_asked_by'])
                self.assertIsNone(report['auth_answer'])
                self.assertEqual(report['not_looked_at'], [])

    def test_authd_alone(self):
        """It is harmless until somebody asks it."""
        self.start_authd()
        self.dovecot.blocks.clear()
        for version in self.versions():
            with self.subTest(version):
                self.assertIsNone(self.silent()['auth_asked_by'])

    def test_door(self):
        self.start_authd()
        for version in self.versions():
            with self.subTest(version):
                report = self.silent()
                self.assertEqual(report['auth_asked_by'], 'smtp, submission')
        text = self.run_doctor(*self.mta(), rc=0).out
        self.assertRegex(text, r'asked at AUTH +smtp, submission\n')

    def test_both_answers(self):
        """--login shows what either door says, and neither counts it."""
        self.start_authd()
        self.use('2.3')
        report = self.silent('--login', 'ann@acme.test')
        text = '5.7.1 SMTP AUTH is disabled for tenant acme ['
        self.assertIn('550 ' + text, report['answer'])
        self.assertTrue(report['auth_answer'].startswith(text), report)
        self.ctl('mailbox set ann@acme.test --smtp-auth enabled')
        report = self.silent('--login', 'ann@acme.test')
        self.assertEqual(report['answer'], 'passes')
        self.assertEqual(report['auth_answer'], 'passes')
        text = self.run_doctor(*self.mta(), '--login', 'ann@acme.test').out
        self.assertRegex(text, r'\nanswer at AUTH +passes\n')

    def test_answer_without_askers(self):
        """Whoever wants to know gets to know before Dovecot is told."""
        self.start_authd()
        self.assertIn('5.7.1 ', self.silent(
            '--login', 'ann@acme.test')['auth_answer'])

    def test_client_and_listener(self):
        """What --client and --listener say is told at AUTH, too."""
        self.start_authd()
        self.ctl('settings add exempt-clients 198.51.100.7')
        self.ctl('settings add exempt-listeners webmail')
        for option in (('--client', '198.51.100.7'),
                       ('--listener', 'WEBMAIL')):
            report = self.examine('--login', 'ann@acme.test', *option)
            self.assertEqual(report['answer'], 'passes')
            self.assertEqual(report['auth_answer'], 'passes')

    def test_odd_logins(self):
        """Both doors give the same verdict on whatever is typed."""
        self.start_authd()
        for login in (r'dom\user', 'a"b@acme.test', 'ann@acme.test\n',
                      b'\xff@acme.test', '%s@acme.test' % ('a' * 310),
                      'ü@acme.test', 'nobody', '{"x":1}@acme.test'):
            report = self.silent('--login', login)
            self.assertEqual(report['answer'] == 'passes',
                             report['auth_answer'] == 'passes', report)

    def test_probes_are_not_counted(self):
        """Not as an attacker's guesses."""
        self.start_authd()
        self.use('2.3')
        self.silent('--login', 'ann@acme.test')
        self.stop_authd()
        usage = self.ctl('--json usage --denied').raw
        self.assertNotIn(b'ann@acme.test', usage)

    def test_key_is_not_shown(self):
        self.start_authd()
        self.dovecot.settings['server_api_header'] += '0'
        for version in self.versions():
            result = self.run_doctor(*self.mta(), rc=1)
            self.assertNotIn(self.key, result.out + result.err, version)
            self.assertNotIn(self.key[8:], result.out + result.err, version)

    def test_another_machine(self):
        """One smtpauth-authd for several mail servers; its key is there."""
        self.dovecot.settings['server_api_header'] += 'x'
        for block in self.dovecot.blocks.values():
            block['server_url'] = 'http://auth.example.net:8898/v1/auth'
        for version in self.versions():
            with self.subTest(version):
                report = self.silent()
                self.assertEqual(report['auth_asked_by'], 'smtp, submission')
                self.assertIn('of another machine',
                              '\n'.join(report['not_looked_at']))
        self.dovecot.settings['server_api_header'] = ''
        self.everywhere(('auth-policy-key', BOTH), fix='auth.key there')


class Settings(DoorCase):
    """Dovecot's own."""

    def setUp(self):
        super().setUp()
        self.start_authd()

    def set(self, **values):
        self.dovecot.settings.update(values)

    def set_blocks(self, **values):
        for block in self.dovecot.blocks.values():
            block.update(values)

    def test_cphulk(self):
        self.set_blocks(
            server_url='http://127.0.0.1:579/dovecot-auth-policy')
        finding = self.everywhere(
            ('auth-policy-foreign', BOTH), fix=('protocol smtp', RELOAD))
        self.assertIn("cPanel's cPHulk", finding['text'])

    def test_abuse_shield(self):
        self.set_blocks(server_url='http://10.0.0.5:8084/?secret=x')
        finding = self.everywhere(('auth-policy-foreign', BOTH))
        self.assertIn('abuse shield', finding['text'])
        self.assertNotIn('secret', finding['text'])

    def test_foreign_without_authd(self):
        """A site that has not set it up has made no mistake."""
        self.set_blocks(
            server_url='http://127.0.0.1:579/dovecot-auth-policy')
        self.stop_authd()
        for version in self.versions():
            with self.subTest(version):
                self.silent()

    def test_foreign_beside_ours(self):
        self.dovecot.blocks['submission']['server_url'] = (
            'http://user:pw@hulk.example/')
        finding = self.everywhere(
            ('auth-policy-foreign', 'protocol submission'))
        self.assertNotIn('pw', finding['text'])

    def test_path(self):
        for url in ('http://127.0.0.1:%d' % self.port,
                    'http://127.0.0.1:%d/v1/auth/' % self.port,
                    'https://127.0.0.1:%d/v1/auth' % self.port,
                    'http://127.0.0.1:%d/v1/auth' % self.daemon.port,
                    'http://[::1]:%d/v1/auth?x=y' % self.port):
            self.set_blocks(server_url=url)
            self.everywhere(('auth-policy-url', BOTH), fix=self.url)

    def test_ours_in_other_words(self):
        for url in ('http://localhost:%d/v1/auth?' % self.port,
                    'HTTP://127.0.0.1:%d/v1/auth?x=y&' % self.port):
            self.set_blocks(server_url=url)
            for version in self.versions():
                with self.subTest(version + url):
                    self.silent()

    def test_nonce(self):
        self.set_blocks(hash_nonce='')
        self.everywhere(('auth-policy-nonce', BOTH), fix='hash_nonce =')

    def test_never(self):
        self.set(check_before_auth='no')
        self.everywhere(('auth-policy-never', BOTH),
                        fix='check_before_auth = yes')

    def test_after_alone(self):
        """2.3 does not ask at all then; 2.4 asks when it is too late."""
        self.set(check_before_auth='no', check_after_auth='yes')
        for version in self.versions():
            with self.subTest(version):
                finding = self.finds(
                    ('auth-policy-never' if self.version == '2.3' else
                     'auth-policy-after', BOTH), fix=RELOAD)
                self.assertIn('check_after_auth = no', finding['fix'])

    def test_after_alone_everywhere(self):
        """2.3 asks for a URL that is not of a protocol's block."""
        self.set(check_before_auth='no', check_after_auth='yes',
                 server_url=self.url, hash_nonce='x')
        self.dovecot.blocks.clear()
        self.dovecot.protocols = 'submission'
        self.everywhere(('auth-policy-after', BOTH))

    def test_after_too(self):
        self.set(check_after_auth='yes')
        self.everywhere(('auth-policy-after', BOTH),
                        fix='check_after_auth = no')

    def test_log_only(self):
        self.set(log_only='yes')
        self.everywhere(('auth-policy-log-only', BOTH), fix='log_only = no')

    def test_reject_on_fail(self):
        self.set(reject_on_fail='yes')
        self.everywhere(('auth-policy-reject-on-fail', BOTH),
                        fix='reject_on_fail = no')

    def test_no_key(self):
        self.set(server_api_header='')
        self.everywhere(('auth-policy-key', BOTH), fix=self.key_file)

    def test_another_header(self):
        for header in 'X-Key: ' + self.key, 'Authorization: Basic QTpC':
            self.set(server_api_header=header)
            self.everywhere(('auth-policy-key', BOTH), fix='Bearer KEY')

    def test_another_key(self):
        for key in self.key[:-1], self.key + '0', self.key.swapcase():
            self.set(server_api_header='Authorization: Bearer ' + key)
            self.everywhere(('auth-policy-key', BOTH), fix=self.key_file)

    def test_attributes(self):
        self.set(attributes={
            k: v for k, v in ATTRIBUTES.items() if k != 'mechanism'})
        finding = self.everywhere(('auth-policy-attributes', BOTH),
                                  fix=('auth_policy_request_attributes',
                                       'mechanism', RELOAD))
        self.assertIn('has no mechanism', finding['text'])

    def test_attributes_of_23(self):
        for name in ATTRIBUTES:
            self.set(attributes={
                k: v for k, v in ATTRIBUTES.items() if k != name})
            self.use('2.3')
            finding = self.finds(('auth-policy-attributes', BOTH),
                                 fix='remote=%{rip}')
            self.assertIn('has no ' + name, finding['text'])

    def test_attributes_by_default(self):
        """The mechanism is not among those that Dovecot tells by itself."""
        self.set(attributes={})
        self.use('2.3')
        report = self.examine()
        self.assertEqual([f['id'] for f in report['findings']],
                         4 * ['auth-policy-attributes'])

    def test_login_without_domain(self):
        for version, value in (('2.3', '%n'), ('2.3', '%Ln'),
                               ('2.4', '%{user|username|lower}'),
                               ('2.4', '%{user | username}'),
                               ('2.3', '%{username}')):
            self.set(attributes={**ATTRIBUTES, 'login': value})
            self.use(version)
            finding = self.finds(('auth-policy-attributes', BOTH))
            self.assertIn('without its domain', finding['text'])

    def test_timeout(self):
        for msecs in 0, 6000, 30000:
            self.set(timeout=msecs)
            finding = self.everywhere(('auth-policy-timeout', BOTH))
            self.assertIn('timeout', finding['fix'])
        self.set(timeout=5000)
        for version in self.versions():
            with self.subTest(version):
                self.silent()

    def test_connections(self):
        """Dovecot 2.4 may stop asking; 2.3 has no such setting."""
        for value in None, 2, 10:
            self.dovecot.settings['connections'] = value
            if value is None:
                del self.dovecot.settings['connections']
            self.use('2.3')
            self.silent()
            self.use('2.4')
            self.finds(('auth-policy-connections', BOTH),
                       fix=('http_client_max_parallel_connections = 1',
                            RELOAD))

    def test_imap(self):
        """A URL outside of the blocks."""
        self.set(server_url=self.url, hash_nonce='x')
        self.everywhere(('auth-policy-imap', 'protocol imap'),
                        fix=('move', RELOAD))
        self.dovecot.protocols = 'imap pop3 sieve submission lmtp'
        self.dovecot.blocks['pop3'] = {'server_url': ''}
        for version in '2.3', '2.4':
            self.use(version)
            self.finds(('auth-policy-imap', 'protocol imap, protocol sieve'))

    def test_no_imap(self):
        """Dovecot for logins alone: the URL may stand anywhere."""
        self.set(server_url=self.url, hash_nonce='x')
        self.dovecot.blocks.clear()
        self.dovecot.protocols = 'submission'
        for version in self.versions():
            with self.subTest(version):
                self.silent()

    def test_submission_forgotten(self):
        del self.dovecot.blocks['submission']
        self.everywhere(('auth-not-asked', 'protocol submission'),
                        fix='protocol submission')
        self.dovecot.protocols = 'imap'
        for version in self.versions():
            with self.subTest(version):
                self.assertEqual(self.silent()['auth_asked_by'], 'smtp')

    def test_penalty(self):
        self.dovecot.penalty = '0600'
        self.everywhere(('auth-penalty', 'service anvil'),
                        fix='anvil-auth-penalty')

    def test_penalty_left_behind(self):
        path = os.path.join(self.dovecot.base_dir, 'anvil-auth-penalty')
        self.listen(path)
        self.everywhere(('auth-penalty-stale', path), fix='rm ' + path)
        os.unlink(path)
        self.silent()


class Listeners(DoorCase):
    """Services of Postfix, and what Dovecot knows them as."""

    def setUp(self):
        super().setUp()
        self.start_authd()

    def webmail(self, *options):
        self.ctl('settings add exempt-listeners WEBMAIL')
        self.postconf('-M', '127.0.0.1:10587/inet=127.0.0.1:10587 inet n - n '
                      '- - smtpd')
        for option in ('smtpd_sasl_auth_enable=yes',
                       'smtpd_milters=$mua_milters',
                       'milter_macro_daemon_name=WEBMAIL',
                       'smtpd_client_restrictions=',
                       'smtpd_recipient_restrictions='
                       'permit_sasl_authenticated,reject', *options):
            self.postconf('-P', '127.0.0.1:10587/inet/' + option)

    def test_webmail(self):
        """It passes at MAIL, and would be refused at AUTH."""
        self.webmail()
        finding = self.everywhere(
            ('webmail-at-auth', '127.0.0.1:10587'),
            fix="postconf -P '127.0.0.1:10587/inet/smtpd_sasl_service="
                "webmail'")
        self.assertEqual(self.follow(finding), 1)
        for version in self.versions():
            with self.subTest(version):
                self.silent()

    def test_webmail_named(self):
        self.webmail('smtpd_sasl_service=webmail')
        for version in self.versions():
            with self.subTest(version):
                self.assertEqual(self.silent()['auth_asked_by'],
                                 'smtp, submission')

    def test_webmail_asked(self):
        """With a URL for all, authd exempts it by the same name."""
        self.webmail('smtpd_sasl_service=webmail')
        self.dovecot.protocols = 'submission'
        self.dovecot.settings.update(server_url=self.url, hash_nonce='x')
        for version in self.versions():
            with self.subTest(version):
                self.silent()

    def test_service_forgotten(self):
        self.postconf('-P', 'submission/inet/smtpd_sasl_service=mail')
        self.use('2.4')
        path = os.path.join(self.bin, 'doveconf')
        with open(path, encoding='utf-8') as f:
            text = f.read()
        self.write(path, text.replace('protocol=webmail', 'protocol=mail'))
        self.finds(('auth-not-asked', 'submission'),
                   fix=('protocol mail { }', RELOAD))

    def test_other_machine(self):
        """A Dovecot elsewhere is none of this one's business."""
        self.use('2.3')
        for service in 'submission', 'submissions':
            self.postconf('-P', service + '/inet/smtpd_sasl_service=mail')
            self.postconf('-P', service + '/inet/smtpd_sasl_path='
                          'inet:192.0.2.9:1234')
        self.silent()


class Programs(DoorCase):
    """doveconf, and the processes of Dovecot."""

    def test_missing(self):
        """Dovecot may be on another machine."""
        self.start_authd()
        self.hide_doveconf()
        report = self.silent()
        self.assertIn('no program doveconf',
                      '\n'.join(report['not_looked_at']))
        self.stop_authd()
        self.assertEqual(self.silent()['not_looked_at'], [])

    def hide_doveconf(self):
        """That of the test, and the machine's."""
        if subprocess.run(['unshare', '--mount', 'true'],
                          capture_output=True).returncode:
            self.skipTest('mount namespaces are not to be had here')
        os.unlink(os.path.join(self.bin, 'doveconf'))
        script = os.path.join(self.tmp, 'ctl')
        own = shutil.which('doveconf', path=PATH)
        self.write(script, '#!/bin/sh\n%s\nexec %s "$@"\n' % (
            'mount --bind /dev/null ' + own if own else '', harness.CTL))
        os.chmod(script, 0o755)
        self.program = os.path.join(self.tmp, 'wrapper')
        self.write(self.program, '#!/bin/sh\nexec unshare --mount '
                   '--propagation private %s "$@"\n' % script)
        os.chmod(self.program, 0o755)

    def doveconf(self, script):
        path = os.path.join(self.bin, 'doveconf')
        self.write(path, '#!/bin/sh\n%s\n' % script)
        os.chmod(path, 0o755)

    def test_fails(self):
        self.doveconf('echo "doveconf: Fatal: line 7: Unknown setting: bad" '
                      '>&2; exit 89')
        finding = self.finds(('dovecot-unreadable', 'Dovecot'),
                             fix='doveconf -n')
        self.assertIn('line 7', finding['text'])

    def test_key_in_complaint(self):
        self.doveconf('echo "line 1: auth_policy_server_api_header = '
                      'Authorization: Bearer hidden" >&2; exit 89')
        finding = self.finds(('dovecot-unreadable', 'Dovecot'))
        self.assertNotIn('hidden', finding['text'])

    def test_garbage(self):
        for script in ('echo hello', 'echo "a = b"; echo "x {"', 'echo "}"',
                       'head -c 100000 /dev/zero', 'printf "a = b\\n}\\n"'):
            self.doveconf('[ "$1" = -h ] || %s' % script)
            self.finds(('dovecot-unreadable', 'Dovecot'))

    def test_old_process(self):
        """What the running process knows is older than the files."""
        self.start_authd()
        base = self.dovecot.base_dir
        conf = os.path.join(self.tmp, 'conf')
        os.makedirs(os.path.join(conf, 'conf.d'))
        for name in 'dovecot.conf', 'conf.d/99-smtpauth.conf', 'README':
            self.write(os.path.join(conf, name), '')
        os.symlink(os.path.join(conf, 'dovecot.conf'),
                   os.path.join(base, 'dovecot.conf'))
        self.write(os.path.join(base, 'master.pid'), '%d\n' % os.getpid())
        auth = os.path.join(base, 'auth')
        shutil.copy(shutil.which('sleep'), auth)
        process = subprocess.Popen(['dovecot/auth', '600'], executable=auth)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # its title is one word; that of a worker is "dovecot/auth -w"
        self.use('2.3')
        past = time.time() - 100
        os.utime(os.path.join(conf, 'dovecot.conf'), (past, past))
        self.silent()
        changed = os.path.join(conf, 'conf.d', '99-smtpauth.conf')
        later = time.time() + 100
        os.utime(os.path.join(conf, 'README'), (later, later))
        os.utime(changed, (past, past))
        self.silent()
        os.utime(changed, (later, later))
        self.finds(('dovecot-not-reloaded', changed), fix=RELOAD)
        self.write(os.path.join(base, 'master.pid'), '1234567890\n')
        self.silent()


class Authd(DoorCase):
    """smtpauth-authd itself."""

    def setUp(self):
        super().setUp()
        self.use('2.3')
        self.where = 'inet:%d@127.0.0.1' % self.port

    def fake(self, **answers):
        fake = Fake(self, self.port)
        for path, answer in answers.items():
            fake.answer[{'health': 'GET /health',
                         'auth': 'POST /v1/auth'}[path]] = answer
        return fake

    def test_stopped(self):
        self.finds(('authd-not-running', self.where),
                   fix='systemctl enable --now smtpauth-authd')

    def test_unix_socket(self):
        self.authd_socket = 'unix:/run/smtpauth-authd.sock'
        self.conf()
        for block in self.dovecot.blocks.values():
            block['server_url'] = 'http://127.0.0.1:8898/v1/auth'
        self.use('2.3')
        self.finds(('authd-off-tcp', 'inet:8898@127.0.0.1'),
                   fix='take socket out of section [authd]')

    def test_hangs(self):
        self.fake(health=None)
        begin = time.monotonic()
        finding = self.finds(('authd-answer', self.where))
        self.assertIn('no answer within 5 s', finding['text'])
        self.assertLess(time.monotonic() - begin, 30)

    def test_not_authd(self):
        for answer in (b'', b'\r\n\r\n', b'220 mx ESMTP\r\n' * 1000,
                       b'HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n',
                       b'HTTP/1.1 200 X\r\n\r\n{}', b'\0' * 5000,
                       b'HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{}',
                       b'HTTP/1.1 200 X\r\nContent-Length: 99999\r\n\r\n{}',
                       b'HTTP/1.1 200 X\r\nContent-Length: 2\r\n'
                       b'Content-Length: 2\r\n\r\n{}',
                       b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n'
                       b'Content-Length: 2\r\n\r\n{}',
                       b'HTTP/2 200 X\r\nContent-Length: 2\r\n\r\n{}'):
            with self.subTest(answer[:60]):
                fake = self.fake(health=answer)
                self.finds(('authd-answer', self.where))
                self.assertEqual(len(fake.asked), 1)
                fake.listener.close()
                self.port = harness.free_port()
                self.move()

    def move(self):
        """Everybody to the new port."""
        self.url = 'http://127.0.0.1:%d/v1/auth' % self.port
        self.where = 'inet:%d@127.0.0.1' % self.port
        self.authd_socket = self.where
        self.conf()
        for block in self.dovecot.blocks.values():
            block['server_url'] = self.url
        self.use('2.3')

    def test_database(self):
        self.fake(health=(503, {}))
        self.finds(('authd-on-error', 'smtpauth-authd'), fix='restore DIR')

    def test_version(self):
        self.fake(health=(200, {'status': 0, 'msg': 'good', 'version': '0.1'}),
                  auth=(200, {'status': -1, 'msg': '5.7.1 SMTP AUTH is '
                              'disabled for tenant acme [x]'}))
        finding = self.finds(('authd-version', 'smtpauth-authd'),
                             fix='systemctl restart smtpauth-authd')
        self.assertIn('version 0.1', finding['text'])

    def test_key_changed(self):
        """It was started with the key of before."""
        self.start_authd()
        key = self.key[::-1]
        self.write(self.key_file, key + '\n')
        self.dovecot.settings['server_api_header'] = (
            'Authorization: Bearer ' + key)
        self.use('2.3')
        self.finds(('authd-key', 'smtpauth-authd'),
                   fix='systemctl restart smtpauth-authd')

    def test_no_key_file(self):
        self.start_authd()
        os.unlink(self.key_file)
        self.finds(('authd-key-file', self.key_file), fix='smtpauthctl init')

    def test_bad_key_file(self):
        self.start_authd()
        for text in '', 'short\n', 'two words of it, which is none\n':
            self.write(self.key_file, text)
            self.finds(('authd-key-file', self.key_file))

    def test_public_key(self):
        self.start_authd()
        os.chmod(self.key_file, 0o644)
        finding = self.finds(('authd-key-public', self.key_file))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_differs(self):
        """It decides by another policy."""
        right = {'status': -1, 'msg': '5.7.1 SMTP AUTH is disabled for tenant '
                                      'acme [x]'}
        fake = self.fake(auth=(200, right))
        self.silent()
        for wrong in ({'status': 0, 'msg': ''},
                      {**right, 'msg': right['msg'].replace('acme', 'x')}):
            fake.answer['POST /v1/auth'] = 200, wrong
            finding = self.finds(('authd-differs', 'smtpauth-authd'))
            self.assertIn('tenant acme', finding['text'])
        self.assertIn(b'User-Agent: smtpauthctl-doctor\r\n', fake.asked[-1])
        self.assertIn(b'Bearer ' + self.key.encode(), fake.asked[-1])

    def test_differs_about_the_login(self):
        self.ctl('mailbox set ann@acme.test --smtp-auth enabled')
        fake = self.fake()
        refuse = {'status': -1, 'msg': '5.7.1 SMTP AUTH is disabled for '
                                       'tenant acme [x]'}
        fake.answer['POST /v1/auth'] = 200, refuse
        finding = self.finds(('authd-differs', 'smtpauth-authd'),
                             args=('--login', 'ann@acme.test'))
        self.assertIn('about ann@acme.test it', finding['text'])

    def test_no_answer(self):
        for answer in ((200, []), (200, {}), (200, {'status': 'x', 'msg': ''}),
                       (200, {'status': 5, 'msg': ''}), (200, {'status': 0}),
                       (200, {'status': -1, 'msg': 'a\nb'}), (500, {}),
                       b'HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n{"a'):
            fake = self.fake(auth=answer)
            with self.subTest(str(answer)):
                self.finds(('authd-answer', 'smtpauth-authd'))
            fake.listener.close()
            self.port = harness.free_port()
            self.move()

    def test_not_root(self):
        """Only root may see the key, and all of Dovecot's settings."""
        self.start_authd()
        shutil.copy(harness.CTL, os.path.join(self.tmp, 'smtpauthctl'))
        self.program = os.path.join(self.tmp, 'smtpauthctl')
        os.chmod(self.daemon.conf, 0o644)
        os.chmod(self.log, 0o644)
        report = self.examine(user='daemon', group='daemon', extra_groups=[],
                              cwd='/')
        self.assertIn('not root: who asks smtpauth-authd, and its key',
                      report['not_looked_at'])
        self.assertIsNone(report['auth_asked_by'])
        self.stop_authd()
        report = self.examine(user='daemon', group='daemon', extra_groups=[],
                              cwd='/')
        self.assertNotIn('smtpauth-authd', '\n'.join(report['not_looked_at']))


if __name__ == '__main__':
    harness.main()
