# SPDX-License-Identifier: BSD-2-Clause
"""The table of cases that holds for every MTA, and how one is run.

A case is a list of steps.  A step is a command of smtpauthctl or an Ask:
one MAIL FROM and the reply it must get.  Asks of the same client share one
session, which stays open to the end of the case; so every change of the
policy in the table is one inside an open session.
"""

import collections
import os
import re
import shutil

import harness

PASSWORD = 'open sesame'
SENDER = 'sender@acme.test'
PASSED = 'passed'
TENANT = '550 5.7.1 SMTP AUTH is disabled for tenant acme'
TEMPFAIL = TENANT.replace('550 5', '450 4')
MAILBOX = '550 5.7.1 SMTP AUTH is disabled for mailbox alice@acme.test'
LOCKED = '550 5.7.1 SMTP AUTH is locked for '
OTHER = '550 5.7.1 SMTP AUTH login not accepted'
STORE = '451 4.3.0 SMTP AUTH policy temporarily unavailable'
EXCHANGE = ('535 5.7.139 Authentication unsuccessful, '
            'SmtpClientAuthentication is disabled for the %s.')
EXCHANGE_LOCKED = ('535 5.7.139 Authentication unsuccessful, user is locked '
                   "by your organization's security policy.")
EXCHANGE_OTHER = '535 5.7.3 Authentication unsuccessful'
URL = 'https://help.acme.test/smtp%20auth?a=%d&b=%%'
LONG = 'x@%s.test' % ('a' * 64)

Client = collections.namedtuple('Client', 'login listener source modern')
Ask = collections.namedtuple('Ask', 'client expected log')


def ask(login, expected, *log, listener='submission', source='127.0.0.1',
        modern=False):
    """log: what the line of the milter's log has to hold."""
    return Ask(Client(login, listener, source, modern), expected, log)


def alice(expected, *log, **more):
    return ask('alice@acme.test', expected, *log, **more)


def printer(expected, *log, **more):
    return ask('printer@acme.test', expected, *log, **more)


def stranger(expected, *log):
    return ask('stranger@else.test', expected, *log)


def identity(login, mailbox, other, tenant='acme'):
    """login is judged as mailbox, and not as other."""
    refused = TENANT.replace('acme', tenant)
    # in a reply the A-label, and ? for what is not ASCII
    shown = mailbox.replace('bücher', 'xn--bcher-kva')
    shown = shown.encode('ascii', 'replace').decode()
    return [
        'tenant add buch --domain bücher.test --smtp-auth disabled',
        ask(login, refused, 'tenant=' + tenant),
        ('mailbox', 'set', other, '--smtp-auth', 'enabled'),
        ask(login, refused),
        ('mailbox', 'set', mailbox, '--smtp-auth', 'enabled'),
        ask(login, PASSED, 'reason=mailbox-enabled'),
        ('mailbox', 'set', mailbox, '--smtp-auth', 'disabled'),
        ask(login, MAILBOX.replace('alice@acme.test', shown),
            'reason=mailbox-disabled')]


# Tenant acme with domain acme.test is there, and disabled.
CASES = {
    'tenant off and on': [
        alice(TENANT, 'verdict=reject', 'reason=tenant-disabled',
              'login=alice@acme.test', 'mailbox=alice@acme.test',
              'tenant=acme', 'client=127.0.0.1', 'mech=PLAIN'),
        'tenant set acme --smtp-auth enabled',
        alice(PASSED, 'verdict=allow', 'reason=tenant-enabled'),
        'tenant set acme --smtp-auth disabled', alice(TENANT)],
    'mailbox on, tenant off': [
        'mailbox set printer@acme.test --smtp-auth enabled',
        printer(PASSED, 'verdict=allow', 'reason=mailbox-enabled'),
        alice(TENANT),
        'mailbox set printer@acme.test --smtp-auth inherit', printer(TENANT)],
    'mailbox off, tenant on': [
        'tenant set acme --smtp-auth enabled',
        'mailbox set alice@acme.test --smtp-auth disabled',
        alice(MAILBOX, 'verdict=reject', 'reason=mailbox-disabled'),
        printer(PASSED),
        'mailbox set alice@acme.test --smtp-auth inherit', alice(PASSED)],
    'ten rounds in open sessions': [
        alice(TENANT), printer(TENANT),
        'mailbox set printer@acme.test --smtp-auth enabled',
        printer(PASSED), alice(TENANT),
        'tenant set acme --smtp-auth enabled', alice(PASSED),
        'mailbox set alice@acme.test --smtp-auth disabled',
        alice(MAILBOX), printer(PASSED),
        'tenant set acme --smtp-auth disabled',
        'mailbox remove alice@acme.test',
        'mailbox remove printer@acme.test'] * 10,
    'tempfail': [
        'tenant set acme --action tempfail',
        alice(TEMPFAIL, 'verdict=tempfail', 'reason=tenant-disabled'),
        'settings set reply-style exchange',
        alice((EXCHANGE % 'Tenant').replace('535 5.7.139', '454 4.7.0')),
        'tenant set acme --action reject', alice(EXCHANGE % 'Tenant')],
    'report': [
        'tenant set acme --action report',
        alice(PASSED, 'verdict=report', 'reason=tenant-disabled')],
    'dry run': [
        'mailbox set printer@acme.test --smtp-auth disabled',
        'settings set enforce no',
        alice(PASSED, 'verdict=report', 'reason=tenant-disabled'),
        printer(PASSED, 'verdict=report', 'reason=mailbox-disabled'),
        'settings set enforce yes', alice(TENANT)],
    'reply-style standard': [
        'mailbox set alice@acme.test --smtp-auth disabled',
        'settings set unknown-tenant reject',
        alice(MAILBOX), printer(TENANT), stranger(OTHER)],
    'reply-style exchange': [
        'mailbox set alice@acme.test --smtp-auth disabled',
        'settings set unknown-tenant reject',
        'settings set reply-style exchange',
        alice(EXCHANGE % 'Mailbox'), printer(EXCHANGE % 'Tenant'),
        stranger(EXCHANGE_OTHER)],
    'help-url': [
        ('settings', 'set', 'help-url', URL), alice(TENANT + '; see ' + URL),
        'settings set reply-style exchange',
        alice(EXCHANGE % 'Tenant' + ' Visit %s for more information.' % URL)],
    'own text with %': [
        ('tenant', 'set', 'acme', '--reply',
         '100% no for {mailbox}, {tenant} %s'),
        alice('550 5.7.1 100% no for alice@acme.test, acme %s')],
    'locked': [
        'mailbox set printer@acme.test --smtp-auth enabled',
        'settings add exempt-listeners WEBMAIL',
        printer(PASSED), printer(PASSED, listener='webmail'),
        'mailbox lock printer@acme.test',
        printer(LOCKED + 'mailbox printer@acme.test', 'reason=locked'),
        printer(LOCKED + 'mailbox printer@acme.test', listener='webmail'),
        'mailbox unlock printer@acme.test', printer(PASSED),
        'tenant lock acme', 'settings set enforce no',
        printer(LOCKED + 'tenant acme', 'verdict=reject'),
        'settings set reply-style exchange', printer(EXCHANGE_LOCKED),
        'tenant unlock acme', printer(PASSED)],
    'exempt by client': [
        alice(TENANT, 'client=127.0.0.77', source='127.0.0.77'),
        'settings add exempt-clients 127.0.0.64/27',
        alice(PASSED, 'reason=exempt-client', source='127.0.0.77'),
        alice(TENANT),
        'settings remove exempt-clients 127.0.0.64/27',
        alice(TENANT, source='127.0.0.77')],
    'exempt by listener': [
        alice(TENANT, 'listener=WEBMAIL', listener='webmail'),
        'settings add exempt-listeners WEBMAIL',
        alice(PASSED, 'reason=exempt-listener', listener='webmail'),
        alice(TENANT)],
    'TLS from the first byte': [
        alice(TENANT, listener='submissions'),
        'mailbox set alice@acme.test --smtp-auth enabled',
        alice(PASSED, listener='submissions')],
    'unknown tenant': [
        stranger(PASSED, 'verdict=allow', 'reason=unknown-tenant'),
        'settings set unknown-tenant reject',
        stranger(OTHER, 'verdict=reject', 'reason=unknown-tenant'),
        'settings set unknown-tenant tempfail',
        stranger(OTHER.replace('550 5', '450 4'), 'verdict=tempfail')],
    'invalid login': [
        ask(LONG, OTHER, 'reason=invalid-login'),
        'settings set invalid-login tempfail',
        ask(LONG, OTHER.replace('550 5', '450 4'), 'reason=invalid-login'),
        'settings set invalid-login accept', ask(LONG, PASSED)],
    'no password, blocks=passwords': [
        alice(TENANT, modern=True),
        'tenant set acme --blocks passwords',
        alice(PASSED, 'reason=modern-auth', modern=True),
        alice(TENANT, 'mech=PLAIN')],
    'not logged in': [
        'tenant add everyone --domain * --smtp-auth disabled',
        ask('', PASSED, listener='open'),
        stranger(TENANT.replace('acme', 'everyone'), 'tenant=everyone')],
    'login a+b@': identity('a+b@acme.test', 'a+b@acme.test',
                           'a+2bb@acme.test'),
    'login a+2Bb@': identity('a+2Bb@acme.test', 'a+2bb@acme.test',
                             'a+b@acme.test'),
    'login with %, =': identity('100%s=x@acme.test', '100%s=x@acme.test',
                                's=x@acme.test'),
    'login with a space': identity('a b@acme.test', 'a b@acme.test',
                                   'ab@acme.test'),
    'login in upper case': identity('Printer@ACME.Test', 'printer@acme.test',
                                    'alice@acme.test'),
    'login jörg@bücher.test': identity(
        'jörg@bücher.test', 'jörg@xn--bcher-kva.test', 'j?rg@bücher.test',
        'buch'),
    'login JÖRG@BÜCHER.test': identity(
        'JÖRG@BÜCHER.test', 'jörg@bücher.test', 'jorg@bücher.test', 'buch'),
    'login ACME\\bob': [
        ask('ACME\\bob', PASSED, 'reason=unknown-tenant'),
        ('mailbox', 'alias', 'add', 'bob@acme.test', 'ACME\\bob'),
        ask('ACME\\bob', TENANT, 'mailbox=bob@acme.test')],
    'login without a domain': [
        ask('bob', PASSED, 'reason=unknown-tenant', 'login=bob'),
        'settings set unknown-tenant reject', ask('bob', OTHER),
        'settings set default-domain acme.test',
        ask('bob', TENANT, 'mailbox=bob@acme.test'),
        'mailbox set bob@acme.test --smtp-auth enabled', ask('bob', PASSED),
        'mailbox set bob@acme.test --smtp-auth disabled',
        ask('bob', MAILBOX.replace('alice', 'bob')),
        'mailbox alias add printer@acme.test bob', ask('bob', TENANT),
        'settings unset default-domain', ask('bob', TENANT),
        'mailbox alias remove bob', ask('bob', OTHER)],
}
LOGINS = sorted({step.client.login for steps in CASES.values()
                 for step in steps if isinstance(step, Ask)} - {''})


class Submissions(harness.Case):
    """What tests of submissions through an MTA need.  A class derived from
    it has the server in self.site, the listeners' names in self.names where
    they differ, the milter's port in self.port, and words()."""

    site = None
    names = {}

    def setUp(self):
        if self.skip():
            self.skipTest(self.skip())
        super().setUp()
        self.sessions = {}
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')

    def diagnostics(self):
        return super().diagnostics() + 'log of the MTA:\n' + ''.join(
            self.site.log().splitlines(True)[-40:])

    def milter(self, port=None, **keys):
        """The daemon on the port that the MTA knows (the last -s counts)."""
        port = port or self.port
        daemon = harness.Daemon(
            self, args=('-s', 'inet:%d@127.0.0.1' % port), **keys)
        daemon.port = port
        return daemon

    def unprivileged(self):
        """Let a daemon that is user nobody read the state."""
        shutil.chown(self.tmp, group='nogroup')
        os.chmod(self.tmp, 0o750)
        for folder, _names, files in os.walk(self.dir):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                shutil.chown(path, group='nogroup')

    def session(self, login, listener='submission', source='127.0.0.1',
                modern=False):
        """A session that is logged in, closed when the test is over."""
        name = self.names.get(listener, listener)
        if modern:
            smtp = self.site.modern(name, login)
        elif login:
            smtp = self.site.login(name, login, source)
        else:
            smtp = self.site.connect(name, source)
        self.addCleanup(smtp.close)
        return smtp

    def mail(self, *args, **more):
        """The reply to the MAIL FROM of a new session."""
        with self.session(*args, **more) as smtp:
            return self.ask(smtp)

    def ask(self, smtp):
        """The reply to one MAIL FROM in an open session.  After a refusal
        nothing more may be taken of that message."""
        code, text = smtp.docmd('MAIL', 'FROM:<%s>' % SENDER)
        if code == 250:
            smtp.rset()
        elif code != 421:
            for command in 'RCPT TO:<you@else.test>', 'DATA':
                self.assertGreaterEqual(smtp.docmd(command)[0], 400)
        return '%d %s' % (code, text.decode())

    def reply(self, smtp, expected, *log):
        """Ask, and compare with the expected reply of the table; the line
        of the milter's log with the reply's id has these words."""
        reply = self.ask(smtp)
        self.is_reply(reply, expected, *log)
        return reply

    def is_reply(self, reply, expected, *log):
        regex, line = re.escape(self.words(expected)), 'verdict=(allow|report)'
        if expected != PASSED:
            regex += r' \[([^][\s]+)\]'
        match = re.fullmatch(regex, reply)
        self.assertTrue(match, '%r is not %r' % (reply, expected))
        if expected != PASSED:
            line = 'id=' + match.group(1)
        if log:
            words = ''.join(r'(?=.* %s( |$))' % re.escape(w) for w in log)
            self.daemons[-1].wait_log(r'^%s.*\b%s .*$' % (words, line), 10)
