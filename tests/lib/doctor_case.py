# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of `smtpauthctl doctor` share: a site that is as the shipped
files have it, and ways to look at the doctor's report.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import stat
import struct
import subprocess
import threading
import time

import harness
import postfix_rig

CONTRIB = os.path.join(harness.ROOT, 'contrib')
PATH = postfix_rig.PATH
USER = 'nobody'         # the daemon's; there on any machine
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {queue}
mail_owner = postfix
smtpd_sasl_type = dovecot
"""
# A milter's answer to what an MTA offers: version 6, no actions, all steps.
NEGOTIATED = struct.pack('>IcIII', 13, b'O', 6, 0, 0)
PREFIX = 'connect_timeout=3s, command_timeout=15s, default_action='


def shipped(name):
    with open(os.path.join(CONTRIB, name), encoding='utf-8') as f:
        return f.read()


def ids(report):
    return [(f['id'], f['where']) for f in report['findings']]


class Doctor(harness.Case):
    """A daemon on a state folder that its user may use."""

    authd_socket = 'inet:1@127.0.0.1'       # nobody's

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
        harness.settle(path)

    def program_of_dovecot(self, username_format):
        """A Dovecot without a policy server."""
        path = os.path.join(self.bin, 'doveconf')
        self.write(path, '#!/bin/sh\ncase "$*" in "-h auth_username_format") '
                   'echo "%s" ;; *) echo "base_dir = /nonexistent" ;; esac\n'
                   % username_format)
        os.chmod(path, 0o755)

    def start(self, listen=None, **keys):
        """The daemon, and wait for its sign of life."""
        self.daemon = harness.Daemon(self, listen, **{'user': USER, **keys})
        self.daemon.start()
        self.conf(socket=self.daemon.socket)    # as in a site without -s
        harness.wait_for(lambda: self.ctl('status', rc=None).rc == 0,
                         what='heartbeat')
        return self.daemon

    def conf(self, **keys):
        """The daemon's configuration as it is after these changes; the
        daemon itself goes on with the old one, as its file is newer.  No
        smtpauth-authd of this machine is asked."""
        with open(self.daemon.conf) as f:
            text = f.read().split('[authd]')[0]
        with open(self.daemon.conf, 'w') as f:
            f.write(text)
            for key, value in keys.items():
                f.write('%s = %s\n' % (key.replace('_', '-'), value))
            f.write('[authd]\nsocket = %s\n' % self.authd_socket)
        later = time.time() + 5     # than the second of the start
        os.utime(self.daemon.conf, (later, later))

    def restart(self):
        """The daemon, with the configuration as it is now."""
        self.daemon.stop()
        self.daemon.start()
        harness.wait_for(lambda: self.examine()['running'], what='heartbeat')

    def run_doctor(self, *args, rc=(0, 1), as_json=False, **more):
        env = {'PATH': self.bin + ':' + PATH, **more.pop('env', {})}
        if '--log' not in args and self.log:    # None: the machine's own
            args = *args, '--log', self.log
        return self.ctl(*(['--json'] if as_json else []), '-c',
                        self.daemon.conf, 'doctor', *args,
                        rc=rc, env=env, **more)

    def mta(self):
        return '--postfix', self.etc

    def examine(self, *args, **more):
        """The report as an object; the exit status fits it."""
        result = self.run_doctor(*self.mta(), *args, as_json=True, **more)
        report = json.loads(result.raw)
        self.assertEqual(result.rc, 1 if report['findings'] else 0)
        self.assertEqual(set(report), {
            'mta', 'socket', 'running', 'asked_by', 'mail_log', 'login',
            'answer', 'auth_asked_by', 'auth_answer', 'not_looked_at',
            'findings'})
        for finding in report['findings']:
            self.assertEqual(set(finding), {'id', 'where', 'text', 'fix'})
            for text in finding.values():
                self.assertNotRegex(text or '', r'  |[\x00-\x1f]')
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
            advice = (finding['fix'] or '').replace(' -c ' + self.etc, '')
            for word in [fix] if isinstance(fix, str) else fix:
                self.assertIn(word, advice, finding)
        return report['findings'][0]

    def postconf(self, *args):
        subprocess.run(['postconf', '-c', self.etc, *args], check=True,
                       env={'PATH': PATH}, stdin=subprocess.DEVNULL,
                       capture_output=True)
        for name in 'main.cf', 'master.cf':
            harness.settle(os.path.join(self.etc, name))

    def follow(self, finding):
        """Type what the advice says; returns how many commands it had."""
        typed = 0
        for part in finding['fix'].split('; '):
            command = re.match(r'(postconf|smtpauthctl|chmod) .*', part)
            if not command:
                continue
            words = shlex.split(re.sub(r' \(and after it .*', '', part))
            if words[0] == 'postconf':
                self.assertEqual(words[1:3], ['-c', self.etc])
                self.postconf(*words[3:])
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

    @staticmethod
    def both(finding):
        """One cause in two services is one finding."""
        return ((finding, 'submission, submissions'),)

    def listen(self, address, answer=NEGOTIATED):
        """Somebody listens there, as another milter would; without an answer
        as systemd does for a program that does not run."""
        listener = socket.socket(
            socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(address)
        listener.listen()
        if answer:
            threading.Thread(target=self._negotiate, daemon=True,
                             args=(listener, answer)).start()
        return listener.getsockname()

    @staticmethod
    def _negotiate(listener, answer):
        with contextlib.suppress(OSError):      # it is closed
            while True:
                with listener.accept()[0] as client:
                    client.sendall(answer)
                    while client.recv(4096):
                        pass
