# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor beside a Postfix that runs: mistakes that show in what it
does, the advice typed as it stands, and a submission after it."""

import os
import re
import smtplib
import socket
import subprocess
import time

import harness
import postfix_rig
from doctor_case import PREFIX, Doctor, ids

LOGIN = 'alice@acme.test'
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
RESTRICTIONS = 'permit_sasl_authenticated,reject'


class Rig(postfix_rig.Rig):
    """A Postfix whose services have a port only, as most have."""

    def address(self, listener):
        return str(self.ports[listener])

    def reload(self):
        """Returns when the services run by what the files say now."""
        before = self.log().count('reload -- version')
        subprocess.run(['postfix', 'reload'], check=True, env=self.env,
                       stdin=subprocess.DEVNULL, capture_output=True)
        harness.wait_for(
            lambda: self.log().count('reload -- version') > before,
            what='reload')

    def connected(self, listener):
        return socket.create_connection(('127.0.0.1', self.ports[listener]))


class Effect(Doctor):
    """One Postfix and one milter for each test."""

    def setUp(self):
        super().setUp()
        reason = postfix_rig.missing()
        if reason:
            self.skipTest(reason)
        self.start()
        options = {'smtpd_milters': '$mua_milters',
                   'smtpd_recipient_restrictions': RESTRICTIONS}
        self.rig = Rig(
            {'submission': options,
             'submissions': {'smtpd_tls_wrappermode': 'yes', **options},
             'behind': {'smtpd_upstream_proxy_protocol': 'haproxy',
                        **options}},
            {LOGIN: 'open sesame'},
            {'mua_milters': self.entry(self.daemon.socket_postfix),
             'service_throttle_time': '1s',
             'smtpd_tls_chain_files': '$config_directory/tls.pem'})
        self.addCleanup(self.rig.stop)
        self.rig.start()
        self.etc = os.path.join(self.rig.dir, 'etc')
        self.a, self.b, self.c = (str(self.rig.ports[name]) for name in (
            'submission', 'submissions', 'behind'))
        self.all = ', '.join((self.a, self.b, self.c))

    @staticmethod
    def entry(address):
        return '{ %s, %stempfail }' % (address, PREFIX)

    def submit(self, service='submission'):
        """The reply to MAIL FROM, or None where nobody is served."""
        self.rig.tls = {'submissions'}
        try:
            with self.rig.login(service, LOGIN) as smtp:
                code, text = smtp.docmd('MAIL', 'FROM:<%s>' % LOGIN)
        except (OSError, smtplib.SMTPException):
            return None
        return re.sub(r' \[[^][]+\]$', '', '%d %s' % (code, text.decode()))

    def mend(self, finding, typed):
        """Type the advice; then everybody gets what the policy says."""
        self.assertEqual(self.follow(finding), typed)
        self.assertIn('postfix -c %s reload' % self.etc, finding['fix'])
        self.rig.reload()
        self.serves()
        self.silent()

    def serves(self):
        harness.wait_for(lambda: self.submit() == DENIED,
                         what='refusal by the policy')
        self.assertEqual(self.submit('submissions'), DENIED)

    def plant(self, *args):
        self.postconf(*args)
        self.rig.reload()

    def ends(self, service, fatal):
        """Wait until its smtpd ends so, once more.  One that was started
        before the reload may still take a connection."""
        def count():
            return len(re.findall('fatal: .*' + fatal, self.rig.log()))
        before = count()

        def ended():
            if count() > before:
                return True
            self.rig.connected(service).close()
            return False
        harness.wait_for(ended, what='fatal: ...' + fatal)

    def test_well(self):
        self.assertEqual(self.silent()['asked_by'], self.all)
        self.serves()

    def test_milter_is_dead(self):
        self.plant('-e', 'mua_milters=' + self.entry(
            'inet:127.0.0.1:%d' % harness.free_port()))
        self.assertNotEqual(self.submit(), DENIED)
        finding = self.finds(('milter-dead', self.all))
        self.mend(finding, 1)

    def test_brace(self):
        self.plant('-e', 'mua_milters=' + self.entry(
            self.daemon.socket_postfix)[:-1])
        self.assertIsNone(self.submit())
        self.mend(self.finds(('milter-syntax', self.all)), 1)

    def test_spaces(self):
        path = os.path.join(self.etc, 'master.cf')
        with open(path) as f:
            text = f.read()
        for equal, fatal in (' = ', 'missing'), ('= ', 'unexpected'):
            self.write(path, re.sub(
                r'-o (\{ )?smtpd_milters ?= ?(\S+)( \})?',
                r'-o smtpd_milters%s\2' % equal, text, count=1))
            self.rig.reload()
            self.ends('submission', fatal)
            self.mend(self.finds(('master-syntax', self.a)), 1)

    def test_no_password_checker(self):
        """Connections are closed at once: smtpd has no SASL."""
        self.plant('-P', '%s/inet/smtpd_sasl_path=private/nobody' % self.a)
        self.ends('submission', 'no SASL authentication mechanisms')
        finding = self.finds(('service-dead', self.a), fix='fatal:')
        self.assertIn('without a greeting', finding['text'])
        self.plant('-PX', self.a + '/inet/smtpd_sasl_path')
        self.serves()
        self.silent()

    def test_mended_without_a_reload(self):
        """What the log says of smtpd counts no longer once it works, though
        programs of one name leave it open which of them it was."""
        def said(fatal, last):
            self.write(self.log, ''.join(time.strftime(
                '%Y-%m-%dT%H:%M:%SZ mx postfix/smtpd[17]: ' + text + '\n',
                time.gmtime(time.time() - ago)) for ago, text in (
                    (fatal, 'fatal: no SASL authentication mechanisms'),
                    (last, 'connect from mua[192.0.2.7]'))))
        said(1000, 1)       # one service is not asked: PROXY
        self.finds(('mta-fatal', 'postfix/smtpd'))
        self.postconf('-MX', self.c + '/inet')
        self.rig.reload()
        self.silent()
        said(300, 1)        # that may come again
        self.finds(('mta-fatal', 'postfix/smtpd'))
        said(1000, 1)
        self.plant('-P', '%s/inet/smtpd_sasl_path=private/nobody' % self.a)
        self.ends('submission', 'no SASL authentication mechanisms')
        self.finds(('mta-fatal', 'postfix/smtpd'))

    def test_throttling(self):
        """smtpd ends before it takes a connection, which hangs then."""
        for port in self.a, self.b:
            self.postconf('-P', port + '/inet/smtpd_recipient_limit=many')
        self.rig.reload()
        for service in 'submission', 'submissions':
            self.ends(service, 'bad numerical configuration')
        finding = self.finds(('service-dead', '%s, %s' % (self.a, self.b)),
                             fix='fatal:')
        self.assertIn('gives no greeting', finding['text'])

    def test_not_reloaded(self):
        path = os.path.join(self.etc, 'master.cf')
        for name in 'main.cf', 'master.cf':
            os.utime(os.path.join(self.etc, name), (0, time.time() - 3600))
        self.silent()
        self.postconf('-M', '{0}/inet={0} inet n - n - - smtpd -o smtpd_sasl_'
                      'auth_enable=no'.format(harness.free_port()))
        os.utime(path, (0, time.time() + 60))
        finding = self.finds(('postfix-not-reloaded', 'master.cf'),
                             fix='postfix reload')
        os.utime(path, (0, time.time()))
        harness.wait_for(lambda: time.time() > os.stat(path).st_mtime + 1,
                         what='another second')
        self.rig.reload()
        self.silent()
        self.assertIn('changed after', finding['text'])

    def test_port_that_is_taken(self):
        """Postfix runs, and one of its services does not listen."""
        port = harness.free_port()
        self.postconf('-M', '{0}/inet={0} inet n - n - - smtpd -o smtpd_'
                      'milters=$mua_milters -o smtpd_recipient_restrictions='
                      '{1}'.format(port, RESTRICTIONS))
        for name in 'main.cf', 'master.cf':     # an older change
            os.utime(os.path.join(self.etc, name), (0, time.time() - 3600))
        self.finds(('service-absent', str(port)), fix='postfix reload')

    def test_stopped(self):
        """Of a Postfix that does not run, the ports are nobody's fault."""
        self.rig.postfix.terminate()
        self.rig.postfix.wait()
        self.silent()

    def test_dead_milter_of_others(self):
        """Where no milter is asked by default, doctor says who it is."""
        other = 'inet:127.0.0.1:%d' % harness.free_port()
        self.plant('-e', 'mua_milters=%s, { %s, default_action=accept }' % (
            self.entry(self.daemon.socket_postfix), other))
        report = self.examine()
        self.assertEqual(ids(report), [('milter-dead', self.all)])
        self.assertIn('default_action=accept', report['findings'][0]['text'])
        self.serves()

    def test_exempt(self):
        """The name that everybody comes in by; removed, it refuses again."""
        self.ctl('settings add exempt-listeners MX.EXAMPLE.TEST --force')
        self.assertEqual(self.submit(), '250 2.1.0 Ok')
        finding = self.finds(('all-exempt', self.all))
        self.assertEqual(self.follow(finding), 1)
        self.serves()
        self.silent()


if __name__ == '__main__':
    harness.main()
