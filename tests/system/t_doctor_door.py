# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor at the door at AUTH, measured by its effect: a real
Postfix and Dovecot with the file of contrib/dovecot, in which mistakes are
planted, one by one.  A login tells what each does, doctor names it, and after
its advice a login tells that the harm is gone."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time

import door_rig
import harness

ALICE = 'alice@acme.test'       # who is to be refused
# Findings about the door; the rest of the rig is as small as can be.
DOOR = re.compile(r'auth|dovecot-|webmail-at-auth')
BEFORE = 'auth_policy_check_before_auth = yes'
AFTER = 'auth_policy_check_after_auth = no'


class Effect(door_rig.DoorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.site:
            cls.shipped = cls.site._read('99-smtpauth.conf')
            cls.master = cls.site._read('etc/master.cf')

    def setUp(self):
        super().setUp()
        self.ctl('settings add exempt-listeners WEBMAIL')
        self.front = self.milter()
        self.front.start()
        self.door = self.authd()
        self.door.start()
        self.conf = os.path.join(self.tmp, 'doctor.conf')
        with open(self.conf, 'w') as f:
            f.write('socket = inet:%d@127.0.0.1\nuser = root\n[authd]\n'
                    'socket = inet:%d@127.0.0.1\n' % (
                        self.milter_port, self.door_port))
        self.bin = os.path.join(self.tmp, 'bin')
        os.mkdir(self.bin)
        for name in 'doveconf', 'doveadm':
            path = os.path.join(self.bin, name)
            with open(path, 'w') as f:
                f.write('#!/bin/sh\nexec %s -c %s/dovecot.conf "$@"\n' % (
                    shutil.which(name), self.site.dir))
            os.chmod(path, 0o755)
        self.addCleanup(self.put_back)

    def put_back(self):
        """The site as it was, for the next test."""
        if self.site._read('etc/master.cf') != self.master:
            self.site._write('etc/master.cf', self.master)
            self.type_in('postfix reload')
        if self.site._read('99-smtpauth.conf') != self.shipped:
            self.dovecot(self.shipped)

    def dovecot(self, text):
        """Stop and start it with this file, and reload Postfix."""
        old = self.site.passwords.pop()
        old.terminate()
        old.wait(harness.TIMEOUT)
        self.site._write('99-smtpauth.conf', text)
        self.site._start_dovecot('dovecot.conf', 'queue/private/auth')
        self.type_in('postfix reload')

    def plant(self, *changes, more=''):
        text = self.shipped
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.dovecot(text + more)

    def type_in(self, command):
        env = {**self.site.env, 'PATH': self.bin + ':' + os.environ['PATH']}
        subprocess.run(shlex.split(command), env=env, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def findings(self):
        env = {**self.site.env, 'PATH': self.bin + ':' + os.environ['PATH']}
        result = self.ctl(
            '--json', '-c', self.conf, 'doctor', '--postfix',
            os.path.join(self.site.dir, 'etc'), '--log',
            os.path.join(self.site.dir, 'mail.log'), env=env, rc=(0, 1))
        found = {f['id']: f for f in json.loads(result.raw)['findings']}
        return {k: v for k, v in found.items() if DOOR.match(k)}

    def finds(self, *expected):
        found = self.findings()
        self.assertEqual(sorted(found), sorted(expected))
        return found[expected[0]] if expected else None

    def auth(self, listener='submission', password=None):
        """The reply to AUTH PLAIN of who is to be refused."""
        smtp, reply = self.site.auth(listener, 'PLAIN', ALICE, password)
        if smtp:
            smtp.close()
        return reply

    def comes(self, code, listener='submission'):
        """An smtpd of before the reload may take a session yet."""
        harness.wait_for(lambda: self.auth(listener).startswith(code),
                         what='%s at AUTH' % code)

    def told(self, listener='submission'):
        """What right and wrong password are told, without the id."""
        return [re.sub(r'\[\w+\]$', '[id]', self.auth(listener, password))
                for password in (None, 'wrong')]

    def refuses(self):
        """All is well, whatever the password is."""
        self.comes('535 ')
        right, wrong = self.told()
        self.assertEqual(right, wrong)
        self.assertIn('5.7.1 SMTP AUTH is disabled for tenant acme', right)

    def test_shipped(self):
        self.finds()
        self.refuses()

    def lets_pass(self, finding, *changes, more=''):
        """The door is open, and doctor says why."""
        self.plant(*changes, more=more)
        self.comes('235 ')
        self.finds(finding)
        self.dovecot(self.shipped)
        self.refuses()
        self.finds()

    def test_no_key(self):
        self.lets_pass('auth-policy-key', ('!include_try', '#'))

    def test_path(self):
        self.lets_pass('auth-policy-url', ('/v1/auth', '/v1/allow'))

    def test_log_only(self):
        self.lets_pass('auth-policy-log-only',
                       more='auth_policy_log_only = yes\n')

    def test_never(self):
        self.lets_pass('auth-policy-never', (BEFORE, BEFORE[:-3] + 'no'))

    def test_after(self):
        """2.3 asks nobody then, 2.4 who has the right password alone."""
        changes = (BEFORE, BEFORE[:-3] + 'no'), (AFTER, AFTER[:-2] + 'yes')
        if self.site._old_dovecot():
            self.lets_pass('auth-policy-never', *changes)
            return
        self.plant(*changes)
        harness.wait_for(lambda: len(set(self.told())) == 2, what='mistake')
        self.finds('auth-policy-after')

    def test_reject_on_fail(self):
        self.plant(('reject_on_fail = no', 'reject_on_fail = yes'))
        self.finds('auth-policy-reject-on-fail')
        self.door.stop()
        harness.wait_for(lambda: self.site.auth(
            'submission', 'PLAIN', 'printer@acme.test')[1].startswith('535 '),
            what='the harm')
        self.finds('auth-policy-reject-on-fail', 'authd-not-running')

    def test_stopped(self):
        self.door.stop()
        self.comes('235 ')
        self.finds('authd-not-running')
        self.dovecot(self.shipped)      # else it waits before it asks again

    def test_imap(self):
        url = re.search('auth_policy_server_url = .*\n', self.shipped).group()
        self.plant(more=url + 'auth_policy_hash_nonce = x\n')
        self.assertRegex(self.site.imap(ALICE), '^NO ')
        self.finds('auth-policy-imap')
        self.dovecot(self.shipped)
        self.assertRegex(self.site.imap(ALICE), '^OK ')

    def test_submission(self):
        """Dovecot's own service, of which nobody is asked."""
        block = re.search(r'(?s)protocol submission \{.*?\n\}\n', self.shipped)
        self.plant((block.group(), ''))
        self.comes('235 ', 'dovecot')
        self.finds('auth-not-asked')

    def test_webmail(self):
        """Its service is exempt at MAIL, and Dovecot knows it as smtp."""
        self.comes('235 ', 'webmail')
        key = '127.0.0.1:%d/inet' % self.site.ports['webmail']
        if key.split('/')[0] not in self.master:
            key = key.split(':')[1]
        self.type_in('postconf -PX %s/smtpd_sasl_service' % key)
        self.type_in('postfix reload')
        self.comes('535 ', 'webmail')
        fix = self.finds('webmail-at-auth')['fix']
        for command in fix.split('; '):
            self.type_in(command)
        self.comes('235 ', 'webmail')
        self.finds()

    def test_not_reloaded(self):
        """The process of before answers by the settings of before."""
        self.plant(('!include_try', '#'))
        self.comes('235 ')
        with self.site.connect('submission') as smtp:
            smtp.ehlo()
            self.site._write('99-smtpauth.conf', self.shipped)
            path = os.path.join(self.site.dir, '99-smtpauth.conf')
            later = time.time() + 60    # processes tell their seconds
            os.utime(path, (later, later))
            self.assertRegex(self.auth(), '^235 ')
            fix = self.finds('dovecot-not-reloaded')['fix']
        os.utime(path)
        for command in fix.split('; '):
            self.type_in(command)
        self.refuses()


if __name__ == '__main__':
    harness.main()
