# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl doctor, measured by its effect: mistakes are planted, one by
one, in a real Postfix, in the daemon's configuration, in the policy and in its
folder.  Doctor names each, its advice is typed as it stands, and submissions
tell what came of it: nothing that was refused passes, nothing that worked
breaks, the harm is gone, and doctor finds nothing more.  Configurations that
are unusual but sane give no finding."""

import collections
import re

import harness
import machine_copy
from doctor_site import DoctorSite

# plant: what somebody types who makes the mistake.
# finds: the name of the finding, or names as a regular expression where one
#   comes after the other.
# hand: what a person types for the advice that is in words.
# harm: what the mistake does, by probe; wanted: what has to be at last, both
#   beside the probes of every site.
# undo: takes away what the next mistake must not find.
# stopped: the harm shows while the daemon is stopped.
# choice: which of the ways out is taken, where doctor offers several.
# check: what has to succeed at last.
Mistake = collections.namedtuple(
    'Mistake', 'plant finds hand harm wanted undo stopped choice check',
    defaults=({}, {}, {}, ':', False, 0, ':'))
Sane = collections.namedtuple('Sane', 'plant wanted undo', defaults=({}, ':'))

ALL_LATER = {'alice 587': 'later', 'printer 587': 'later'}
OPEN = {'alice 587': 'passed', 'alice 465': 'passed'}
LIST = ('{ inet:127.0.0.1:8899, connect_timeout=3s, command_timeout=15s, '
        'default_action=tempfail }')
SOCKET = '/var/spool/postfix/smtpauth'


def listed(more):
    """mua_milters anew, and Postfix has it."""
    return "postconf -e 'mua_milters = %s'; postfix reload" % more


def entry(old, new):
    return listed(LIST.replace(old, new))


AUTH = 'smtpd_sasl_auth_enable=yes'
LOGIN_ONLY = 'smtpd_recipient_restrictions=permit_sasl_authenticated,reject'


def service(port, *options, address=''):
    """A service beside those of the site."""
    name = address + str(port)
    lines = ["postconf -M '%s/inet=%s inet n - y - - smtpd'" % (name, name)]
    for option in options:
        lines.append("postconf -P '%s/inet/%s'" % (name, option))
    return '; '.join(lines + ['postfix reload'])


def conf(line):
    return "echo '%s' >>/etc/smtpauth-milter/smtpauth-milter.conf" % line


def exempt(key, item):
    """However loudly it is warned of."""
    command = 'smtpauthctl settings add exempt-%s %s' % (key, item)
    return '%s || %s --force' % (command, command)


def another(port):
    """A daemon of another folder, whose policy lets everybody pass: another
    milter, as Postfix sees it."""
    return ('smtpauthctl -d /var/lib/other init; smtpauth-milter -d '
            '/var/lib/other -s inet:%d@127.0.0.1 >/dev/null 2>&1 & '
            'echo $! >/run/other.pid; until (: </dev/tcp/127.0.0.1/%d) '
            '2>/dev/null; do sleep 0.02; done' % (port, port))


END_OTHER = ('other=$(cat /run/other.pid); kill $other; while kill -0 $other '
             '2>/dev/null; do sleep 0.02; done; rm -rf /var/lib/other')
# Times of processes are told in seconds: what comes now is newer.
LATER = ('now=$(date +%s); while [ $(date +%s) -lt $((now + 4)) ]; '
         'do sleep 0.05; done')
BACKUP = 'rm -rf /root/backup; smtpauthctl backup /root/backup'
# and the daemon's next sign of life says that all is well
RESTORE = {'restore DIR': 'smtpauthctl restore /root/backup; while '
           'smtpauthctl doctor | grep -q daemon-on-error; do sleep 0.1; done'}
STATE = '/var/lib/smtpauth-milter'
RESTART = 'systemctl restart smtpauth-milter'
OURS = 'smtpd_milters=$mua_milters'
SUBMIT = AUTH, LOGIN_ONLY, OURS
LOCAL = '127.0.0.1:'


def unix(path, mode='0660', named=None, folder=SOCKET):
    """The daemon at a unix socket, as README.md has it."""
    return '; '.join([
        'install -d -o smtpauth -g postfix -m 2710 ' + folder,
        conf('socket = unix:' + path), conf('socket-mode = ' + mode), RESTART,
        listed(LIST.replace('inet:127.0.0.1:8899', named
                            or 'unix:smtpauth/milter.sock'))])


INSTANCE = """
postmulti -e init
postmulti -I postfix-two -e create
postconf -c /etc/postfix-two -e multi_instance_enable=yes \\
    master_service_disable= smtpd_sasl_type=dovecot \\
    smtpd_sasl_path=/var/spool/postfix/private/auth \\
    maillog_file=/var/log/mail.log default_transport=discard:
postconf -c /etc/postfix-two -MX smtp/inet
postconf -c /etc/postfix-two -M '2587/inet=2587 inet n - n - - smtpd'
postconf -c /etc/postfix-two -P 2587/inet/smtpd_sasl_auth_enable=yes \\
    2587/inet/%s
postfix -c /etc/postfix-two start >/dev/null 2>&1
postfix reload
""" % LOGIN_ONLY

# What advice says of others, or of another day.
GIVE_WEBMAIL = {'^give webmail a service of its own': ':'}
SINGLE = {'^if single machines of it': ':'}

MISTAKES = {
    # -- how Postfix asks ---------------------------------------------------
    'not_listed': Mistake(
        'postconf -PX submission/inet/smtpd_milters; postfix reload',
        'milter-not-listed', harm={'alice 587': 'passed'}),
    'empty_override': Mistake(
        'postconf -P submission/inet/smtpd_milters=; postfix reload',
        'milter-not-listed', harm={'alice 587': 'passed'}),
    'port_2525': Mistake(
        service(2525, AUTH), 'milter-not-listed|mynetworks-relay',
        harm={'alice 2525': 'passed'},
        wanted={'alice 2525': 'denied', 'printer 2525': 'passed',
                '- 2525': 'passed'}),
    'auth_on_port_25': Mistake(
        'postconf -P smtp/inet/smtpd_sasl_auth_enable=yes; postfix reload',
        'milter-not-listed', harm={'alice 25': 'passed'},
        wanted={'alice 25': 'no auth'}, choice=1),
    'auth_on_port_25_kept': Mistake(
        'postconf -P smtp/inet/smtpd_sasl_auth_enable=yes; postfix reload',
        'milter-not-listed', harm={'alice 25': 'passed'},
        wanted={'alice 25': 'denied'}),
    'no_milters': Mistake(
        'postconf -P submission/inet/receive_override_options=no_milters; '
        'postfix reload', 'milter-switched-off',
        {'take no_milters out': 'postconf -PX submission/inet/receive_override'
         '_options'}, {'alice 587': 'passed'}, choice=1),
    'no_milters_no_login': Mistake(
        service(2525, *SUBMIT, 'receive_override_options=no_milters'),
        'milter-switched-off', {}, {'alice 2525': 'passed'},
        {'alice 2525': 'no auth'}),
    'maps_disable': Mistake(
        "postconf -e 'smtpd_milter_maps = inline:{ { 192.0.2.25 = DISABLE } "
        "}'; postfix reload", 'milter-maps-disable',
        {'^take those lines out': 'postconf -X smtpd_milter_maps; '
         'postfix reload', '^a client that may submit is exempted': ':'},
        {'alice 587 from 192.0.2.25': 'passed'}),
    'default_action_accept': Mistake(
        entry('=tempfail', '=accept'), 'default-action-accept',
        {'put default_action=tempfail': listed(LIST)},
        {'alice 587': 'passed', 'alice 465': 'passed'}, stopped=True),
    'timeout': Mistake(
        entry('=15s', '=5s'), 'milter-timeout',
        {'put command_timeout=15s': listed(LIST)}),
    'misplaced': Mistake(
        "postconf -P 'smtp/inet/smtpd_milters=$mua_milters'; postfix reload",
        'milter-misplaced', {'take the milter out': 'postconf -PX smtp/inet/'
                             'smtpd_milters; postfix reload'},
        {'- 25': 'later'}, stopped=True),
    'path_of_the_chroot': Mistake(
        unix(SOCKET + '/milter.sock', named='unix:%s/milter.sock' % SOCKET),
        'socket-path', {'^write unix:/smtpauth/milter.sock in': listed(
            LIST.replace('inet:127.0.0.1:8899', 'unix:/smtpauth/milter.sock'))
        }, ALL_LATER),
    'socket_folder': Mistake(
        unix(SOCKET + '/milter.sock') + '; chmod 0700 ' + SOCKET,
        'socket-not-writable', {'in smtpauth-milter.conf: socket = ': ':',
                                '^restart smtpauth-milter': RESTART,
                                '^name unix:smtpauth/milter.sock in': ':'},
        ALL_LATER),
    'socket_mode': Mistake(
        unix(SOCKET + '/milter.sock', '0600'), 'socket-not-writable',
        {'in smtpauth-milter.conf: socket = ': conf('socket-mode = 0660'),
         '^restart smtpauth-milter': RESTART,
         '^name unix:smtpauth/milter.sock in': ':'}, ALL_LATER),

    'outside_the_chroot': Mistake(
        unix('/run/smtpauth/milter.sock', folder='/run/smtpauth',
             named='unix:/run/smtpauth/milter.sock'), 'socket-path',
        {'in smtpauth-milter.conf: socket = ': conf(
            'socket = unix:%s/milter.sock' % SOCKET),
         '^restart smtpauth-milter': RESTART,
         '^name unix:smtpauth/milter.sock in': listed(LIST.replace(
             'inet:127.0.0.1:8899', 'unix:smtpauth/milter.sock'))},
        ALL_LATER),
    'typo_port': Mistake(
        entry(':8899', ':8898'), 'milter-dead', {}, ALL_LATER),
    'dead_second': Mistake(
        listed(LIST + ', inet:127.0.0.1:8891'), 'milter-dead',
        {'^start that milter, or take inet:127.0.0.1:8891 out': listed(LIST)},
        {'printer 587': 'later'}),
    'milter_syntax': Mistake(
        entry('127.0.0.1:8899', '8899@127.0.0.1'), 'milter-syntax',
        {'^write inet:127.0.0.1:8899 in': listed(LIST)},
        {'printer 587': 'closed'}),
    'missing_brace': Mistake(
        listed('{ inet:127.0.0.1:8899, default_action=tempfail'),
        'milter-syntax', {}, {'printer 587': 'closed'}),
    'spaces': Mistake(
        r"sed -i 's/^  -o smtpd_milters=\$mua/  -o smtpd_milters = $mua/' "
        '/etc/postfix/master.cf; postfix reload', 'master-syntax', {},
        {'printer 587': 'silent', 'printer 465': 'silent'}),
    'return_port': Mistake(
        "postconf -e smtpd_sasl_auth_enable=yes 'smtpd_milters=$mua_milters';"
        'postconf -P smtp/inet/smtpd_sasl_auth_enable=no '
        'smtp/inet/smtpd_milters=; ' + service(
            10025, 'receive_override_options=no_address_mappings,no_milters',
            address=LOCAL),
        'milter-switched-off', {}, {'alice 10025': 'passed'},
        {'alice 10025': 'no auth', '- 10025': 'passed'},
        check='postconf -P | grep no_milters'),
    'dropped': Mistake(
        another(8891) + "; postconf -e 'smtpd_milters = inet:127.0.0.1:8891'; "
        'postfix reload', 'milter-dropped', {
            '^name inet:127.0.0.1:8891 behind our milter': listed(
                LIST + ', inet:127.0.0.1:8891')}, undo=END_OTHER),
    'non_smtpd': Mistake(
        "postconf -e 'non_smtpd_milters = $mua_milters'; postfix reload",
        'milter-in-non-smtpd', {'^take it out of non_smtpd': 'postconf -X '
                                'non_smtpd_milters'}),
    'permit_mynetworks': Mistake(
        "postconf -P 'submission/inet/smtpd_recipient_restrictions="
        "permit_mynetworks,permit_sasl_authenticated,reject'; postfix reload",
        'mynetworks-relay', {}, {'relay 587 from 127.0.0.1': 'passed'}),
    'not_reloaded': Mistake(
        'postconf -PX submission/inet/smtpd_milters; postfix reload; '
        + LATER + "; postconf -P 'submission/inet/smtpd_milters="
        "$mua_milters'", 'postfix-not-reloaded', {},
        {'alice 587': 'passed'}),
    'fatal': Mistake(
        'postconf -P submission/inet/smtpd_sasl_type=dovecto; '
        'postfix reload', 'service-dead|mta-fatal', {
            '^mend what the line|^correct what it names':
            'postconf -PX submission/inet/smtpd_sasl_type; postfix reload'},
        {'printer 587': 'silent'}),
    'second_instance': Mistake(
        INSTANCE, 'milter-not-listed', {}, {'alice 2587': 'passed'},
        {'alice 2587': 'denied', 'printer 2587': 'passed'},
        'postfix -c /etc/postfix-two stop || :; rm -rf /etc/postfix-two '
        '/var/spool/postfix-two /var/lib/postfix-two'),

    # -- exemptions ---------------------------------------------------------
    'exempt_submission': Mistake(
        exempt('listeners', 'ORIGINATING'), 'listener-exempt|all-exempt',
        GIVE_WEBMAIL, OPEN),
    'exempt_hostname': Mistake(
        'postconf -PX submission/inet/milter_macro_daemon_name '
        'submissions/inet/milter_macro_daemon_name; postfix reload; '
        + exempt('listeners', machine_copy.HOST), 'listener-exempt|all-exempt',
        GIVE_WEBMAIL, OPEN),
    'exempt_loopback': Mistake(
        exempt('clients', '127.0.0.1'), 'loopback-exempt', {
            "^exempt a listener of webmail's own instead":
            'smtpauthctl settings remove exempt-clients 127.0.0.1'}),
    'exempt_nobody': Mistake(
        exempt('listeners', 'WEBMIAL'), 'exempt-listener-unknown',
        {'^unless another machine': ':', '^look at the spelling': ':'}),
    'exempt_internet': Mistake(
        exempt('clients', '0.0.0.0/0'), 'exempt-clients-wide', SINGLE, OPEN),
    'exempt_quarter': Mistake(
        exempt('clients', '192.0.0.0/2'), 'exempt-clients-wide', SINGLE, OPEN),
    'webmail_not_exempt': Mistake(
        service(10587, *SUBMIT, 'milter_macro_daemon_name=WEBMAIL',
                address=LOCAL), 'webmail-not-exempt',
        {'^if nothing but webmail comes in|^if this is webmail':
         'smtpauthctl settings add exempt-listeners WEBMAIL',
         '^if these were tests|^if they are clients of a proxy': ':'},
        {'alice 10587 from 127.0.0.1': 'denied'},
        {'alice 10587 from 127.0.0.1': 'passed'}),

    # -- the policy, the daemon and its folder ------------------------------
    'dry_run': Mistake(
        'smtpauthctl settings set enforce no', 'dry-run', harm=OPEN),
    'action_report': Mistake(
        'smtpauthctl settings set action report', 'action-report', harm=OPEN),
    'on_error_accept': Mistake(
        conf('on-error = accept') + '; ' + RESTART, 'on-error-accept',
        {'^on-error = tempfail': conf('on-error = tempfail') + '; '
         + RESTART}),
    'postfix_in_the_group': Mistake(
        'usermod -aG smtpauth postfix', 'mta-in-group',
        {'^the milter.s socket has a group': ':'},
        undo='gpasswd -d postfix smtpauth || :'),
    'stopped': Mistake(
        'systemctl stop smtpauth-milter', 'daemon-not-running|'
        'milter-unreachable', {'^see whether the daemon runs': ':',
                               '^its log says why': ':'},
        ALL_LATER),
    'tenant_report': Mistake(
        'smtpauthctl tenant set acme --action report', 'tenant-report', {},
        OPEN),
    'log_level': Mistake(
        conf('log-level = warning') + '; ' + RESTART, 'denials-not-logged',
        {'^log-level = info': conf('log-level = info')}),
    'mta_setting': Mistake(
        conf('mta = sendmail') + '; ' + RESTART, 'mta-setting',
        {'^mta = auto': conf('mta = auto') + '; ' + RESTART}),
    'runs_as_root': Mistake(
        conf('user = root') + '; ' + RESTART, 'runs-as-root',
        {'^user = smtpauth in': conf('user = smtpauth') + '; ' + RESTART}),
    'invalid_login': Mistake(
        'smtpauthctl settings set invalid-login accept',
        'invalid-login-accept'),
    'not_restarted': Mistake(
        LATER + '; ' + conf('on-error = reject'), 'restart-needed'),
    'other_folder': Mistake(
        'systemctl stop smtpauth-milter; ' + another(8899),
        'daemon-silent|daemon-not-running', {
            '^the daemon.s log says why|^its log says why': ':',
            '^if another program answers there, stop that': END_OTHER},
        OPEN),
    'socket_in_conf': Mistake(
        LATER + '; ' + conf('socket = inet:8897@127.0.0.1'),
        'daemon-elsewhere', {
            '^name the socket that is meant': conf(
                'socket = inet:8899@127.0.0.1'),
            '^if that is another instance': ':'}),
    'public_folder': Mistake('chmod 0755 ' + STATE, 'database-public'),
    'policy_lost': Mistake(
        BACKUP + '; rm %s/policy.mdb' % STATE, 'database|daemon-on-error',
        RESTORE, ALL_LATER),
    'policy_damaged': Mistake(
        BACKUP + '; dd if=/dev/urandom of=%s/policy.mdb bs=4096 count=8 '
        'conv=notrunc' % STATE, 'database|daemon-on-error', RESTORE,
        ALL_LATER),
    'usage_of_root': Mistake(
        'systemctl stop smtpauth-milter; chown -R root:root %s/usage; '
        'systemctl start smtpauth-milter || :' % STATE, 'database-permission'
        ),
    'disk_full': Mistake(
        'systemctl stop smtpauth-milter; cp -a %s /run/full; '
        'mount -t tmpfs -o size=4m,mode=0750 full %s; cp -a /run/full/. %s; '
        'cat /dev/zero >%s/core 2>/dev/null || :; '
        'systemctl start smtpauth-milter' % ((STATE,) * 4),
        'disk-full', {'': 'rm %s/core' % STATE},
        undo='systemctl stop smtpauth-milter; umount %s; rm -rf /run/full'
        % STATE),
    'no_realm': Mistake(
        ':', 'login-without-realm',
        {'settings set default-domain': 'smtpauthctl settings set '
         'default-domain acme.test'}, {'legacy 587': 'passed'},
        {'legacy 587': 'denied'}),
    'of_no_tenant': Mistake(
        ':', 'logins-unknown-tenant',
        {'domain add TENANT DOMAIN': 'smtpauthctl domain add acme '
         'nowhere.test'}, {'stray 587': 'passed'}, {'stray 587': 'denied'}),
}

SANE = {
    'as_shipped': Sane(':'),
    'unix_for_both': Sane(unix(SOCKET + '/milter.sock')
                          + "; postconf -F submission/inet/chroot=n; "
                          'postfix reload'),
    'two_milters': Sane(
        another(8891) + "; postconf -e 'smtpd_milters = inet:127.0.0.1:8891'; "
        + listed(LIST + ', inet:127.0.0.1:8891'), undo=END_OTHER),
    'webmail': Sane(
        'smtpauthctl settings add exempt-listeners WEBMAIL; ' + service(
            10587, *SUBMIT, 'milter_macro_daemon_name=webmail', address=LOCAL),
        {'alice 10587': 'passed'}),
    'xclient': Sane(
        service(10588, *SUBMIT, 'smtpd_authorized_xclient_hosts=127.0.0.1',
                'milter_macro_daemon_name=PROXY', address=LOCAL),
        {'alice 10588 from 127.0.0.1 xclient': 'denied'}),
    'proxy': Sane(
        service(10589, *SUBMIT, 'smtpd_upstream_proxy_protocol=haproxy',
                'milter_macro_daemon_name=PROXY', address=LOCAL),
        {'alice 10589 proxy': 'denied', 'printer 10589 proxy': 'passed'}),
    'loopback_behind_proxy': Sane(
        'postconf -MX submission/inet submissions/inet; ' + service(
            10589, *SUBMIT, 'smtpd_upstream_proxy_protocol=haproxy',
            'milter_macro_daemon_name=PROXY', address=LOCAL)
        + '; ' + exempt('clients', '127.0.0.1'),
        {'alice 10589 proxy': 'denied', 'printer 10589 proxy': 'passed',
         'alice 587': None, 'printer 587': None, 'alice 465': None,
         'printer 465': None, 'relay 587': None}),
    'old_protocols': Sane(
        'postconf -e milter_protocol=4; postconf -P '
        'submission/inet/milter_protocol=2; postfix reload'),
    'return_port_without_auth': Sane(
        service(10025, 'receive_override_options=no_milters',
                'smtpd_sasl_auth_enable=no', OURS, address=LOCAL),
        {'- 10025': 'passed', 'alice 10025': 'no auth'}),
}


class Mistakes(DoctorSite):

    def make(self, row, wanted):
        """Make the mistake, see its harm; returns its effect on wanted."""
        self.type(row.plant)
        if row.stopped:
            self.type('systemctl stop smtpauth-milter')
        if 'silent' in row.harm.values():
            self.site.patience = 2
        self.wait_effect(row.harm)
        if row.stopped:
            self.type('systemctl start smtpauth-milter')
        before = self.effect(wanted)
        self.site.patience = harness.TIMEOUT
        return before

    def run_row(self, row):
        self.addCleanup(self.type, row.undo)
        wanted = {**dict.fromkeys(row.harm, 'denied'), **self.sane,
                  **row.wanted}
        before = self.make(row, wanted)
        seen = []
        while found := self.doctor():
            self.assertEqual(len(found), 1, 'one cause is one finding')
            self.assertRegex(found[0]['id'], '^(%s)$' % row.finds)
            self.assertLess(len(seen), 3, 'no end of advice')
            seen.append(found[0]['id'])
            self.take_advice(found[0]['fix'], row.hand, row.choice)
            self.no_harm(before, self.effect(wanted), wanted)
        self.assertTrue(seen, 'doctor finds nothing')
        self.wait_effect(wanted)
        self.type(row.check)


class Unusual(DoctorSite):

    def run_row(self, row):
        self.addCleanup(self.type, row.undo)
        self.type(row.plant)
        wanted = {probe: outcome for probe, outcome in
                  {**self.sane, **row.wanted}.items() if outcome}
        self.wait_effect(wanted)
        self.assertEqual(self.doctor(), [])


def add_tests(case, rows):
    for name, row in rows.items():
        setattr(case, 'test_' + name,
                lambda self, row=row: self.run_row(row))


class Comparison(harness.Case):
    """What the table lives on: harm is seen."""

    given = ()

    def no_harm(self, before, after, wanted):
        DoctorSite.no_harm(self, {'p': before}, {'p': after}, {'p': wanted})

    def test_harm(self):
        for row in (('denied', 'passed', 'denied'),
                    ('later', 'passed', 'denied'),
                    ('passed', 'later', 'passed'),
                    ('passed', 'denied', 'passed')):
            with self.subTest(row), self.assertRaises(AssertionError):
                self.no_harm(*row)

    def test_none(self):
        for row in (('passed', 'denied', 'denied'),
                    ('later', 'passed', 'passed'),
                    ('closed', 'later', 'denied')):
            self.no_harm(*row)


add_tests(Mistakes, MISTAKES)
add_tests(Unusual, SANE)

if __name__ == '__main__':
    machine_copy.enter()
    machine_copy.install()
    harness.main()
