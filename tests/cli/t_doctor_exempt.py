# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor: who passes without a decision, by exemptions and by
networks that need no login.  What the advice says opens nothing."""

import harness
from doctor_case import PostfixCase


class Exempt(PostfixCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.site()

    def test_webmail(self):
        self.postconf('-M', '127.0.0.1:10587/inet='
                      '127.0.0.1:10587 inet n - y - - smtpd')
        for value in 'smtpd_sasl_auth_enable=yes', \
                     'smtpd_milters=$mua_milters', 'smtpd_recipient_' \
                     'restrictions=permit_sasl_authenticated,reject':
            self.postconf('-P', '127.0.0.1:10587/inet/' + value)
        finding = self.finds(('webmail-not-exempt', '127.0.0.1:10587'),
                             fix='--ignore webmail-not-exempt')
        self.assertEqual(self.follow(finding), 0)   # it opens nothing
        self.silent('--ignore', 'webmail-not-exempt')
        for value in 'smtpd_upstream_proxy_protocol=haproxy', \
                     'smtpd_authorized_xclient_hosts=127.0.0.1':
            self.postconf('-P', '127.0.0.1:10587/inet/' + value)
            self.silent()
            self.postconf('-PX', '127.0.0.1:10587/inet/'
                          + value.partition('=')[0])
        self.postconf('-P', '127.0.0.1:10587/inet/'
                      'milter_macro_daemon_name=WEBMAIL')
        self.ctl('settings add exempt-listeners webmail')
        self.silent()

    def test_loopback_exempt(self):
        for net in '127.0.0.1', '127.0.0.0/8':
            self.ctl('settings add exempt-clients %s --force' % net, rc=0)
            self.finds(*self.both('loopback-exempt'), fix='exempt-listeners')
            self.ctl('settings remove exempt-clients ' + net)
        self.silent()

    def test_loopback_exempt_behind_a_proxy(self):
        """By PROXY and XCLIENT the clients are not loopback."""
        self.ctl('settings add exempt-clients 127.0.0.1')
        for service, value in (
                ('submission', 'smtpd_upstream_proxy_protocol=haproxy'),
                ('submissions', 'smtpd_authorized_xclient_hosts=127.0.0.1')):
            self.postconf('-P', '%s/inet/%s' % (service, value))
        self.silent()

    def test_wide(self):
        """A part of the internet is exempt."""
        for net in '192.0.0.0/2', '10.0.0.0/8', '0.0.0.0/0', '2000::/3':
            self.ctl('settings add exempt-clients %s --force' % net)
            finding = self.finds(('exempt-clients-wide', 'settings'))
            self.assertIn(net, finding['text'])
            self.assertEqual(self.follow(finding), 1)
            self.silent()
        for net in '10.1.0.0/16', '2001:db8::/32':
            self.ctl('settings add exempt-clients ' + net)
            self.silent()

    def test_all_exempt(self):
        """Every service has the exempt name, in any case of letters."""
        self.ctl('settings add exempt-listeners originating --force')
        finding = self.finds(*self.both('all-exempt'))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_all_exempt_by_the_name_of_the_host(self):
        """Without a name of its own a service has $myhostname."""
        for service in 'submission', 'submissions':
            self.postconf('-PX', service + '/inet/milter_macro_daemon_name')
        self.postconf('-e', 'myhostname=mx1.acme.test')
        self.ctl('settings add exempt-listeners mx1.acme.test --force')
        finding = self.finds(*self.both('all-exempt'))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_listener_exempt(self):
        """One of two, which everybody reaches."""
        self.postconf('-P', 'submissions/inet/milter_macro_daemon_name=TLS')
        self.ctl('settings add exempt-listeners TLS --force')
        finding = self.finds(('listener-exempt', 'submissions'))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_listener_exempt_behind_a_proxy(self):
        """On loopback, but others come in through a proxy."""
        self.postconf('-M', '127.0.0.1:10587/inet='
                      '127.0.0.1:10587 inet n - y - - smtpd')
        for value in 'smtpd_sasl_auth_enable=yes', \
                     'smtpd_milters=$mua_milters', \
                     'milter_macro_daemon_name=PROXY', 'smtpd_recipient_' \
                     'restrictions=permit_sasl_authenticated,reject', \
                     'smtpd_upstream_proxy_protocol=haproxy':
            self.postconf('-P', '127.0.0.1:10587/inet/' + value)
        self.ctl('settings add exempt-listeners PROXY --force')
        finding = self.finds(('listener-exempt', '127.0.0.1:10587'))
        self.assertIn('smtpd_upstream_proxy_protocol', finding['text'])
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_unknown_listener(self):
        self.ctl('settings add exempt-listeners WEBMIAL')
        finding = self.finds(('exempt-listener-unknown', 'settings'))
        self.assertIn('WEBMIAL', finding['text'])
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_mynetworks(self):
        """Without a login the milter has nothing to decide."""
        self.postconf('-e', 'mynetworks=10.0.0.0/8')
        self.postconf('-PX', 'submission/inet/smtpd_recipient_restrictions')
        finding = self.finds(('mynetworks-relay', 'submission'),
                             fix='smtpd_relay_restrictions')
        self.assertIn('10.0.0.0/8', finding['text'])
        self.assertEqual(self.follow(finding), 1)
        self.silent()
        self.postconf('-PX', 'submission/inet/smtpd_relay_restrictions')
        self.postconf('-P', 'submission/inet/smtpd_recipient_restrictions='
                      'permit_mynetworks,permit_sasl_authenticated,reject')
        finding = self.finds(('mynetworks-relay', 'submission'))
        self.assertEqual(self.follow(finding), 1)
        self.silent()

    def test_mynetworks_on_port_25(self):
        """Servers of the network relay there, and mail comes in."""
        self.postconf('-e', 'mynetworks=10.0.0.0/8')
        self.postconf('-M', 'smtp/inet=smtp inet n - y - - smtpd '
                      '-o smtpd_sasl_auth_enable=yes '
                      '-o smtpd_milters=$mua_milters')
        self.silent()

    def test_mynetworks_of_this_machine(self):
        """What main.cf permits to programs of this machine is no finding,
        but for a service that a proxy may be in front of."""
        restrictions = '/inet/smtpd_recipient_restrictions'
        loopback = '127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128'
        self.postconf('-PX', 'submission' + restrictions)
        self.postconf('-e', 'mynetworks=')
        self.silent()
        self.postconf('-e', 'mynetworks=' + loopback)
        self.silent()
        self.postconf('-P', 'submission%s=permit_mynetworks' % restrictions)
        self.finds(('mynetworks-relay', 'submission'))
        self.postconf('-PX', 'submission' + restrictions)
        self.postconf('-M', '127.0.0.1:10588/inet=127.0.0.1:10588 inet n - y '
                      '- - smtpd -o smtpd_sasl_auth_enable=yes '
                      '-o smtpd_authorized_xclient_hosts=127.0.0.1 '
                      '-o smtpd_milters=$mua_milters')
        finding = self.finds(('mynetworks-relay', '127.0.0.1:10588'))
        self.assertIn(loopback, finding['text'])


if __name__ == '__main__':
    harness.main()
