# SPDX-License-Identifier: BSD-2-Clause
"""rollout notify: one message to each contact, by a fake sendmail(1)."""

import json
import os
import shlex
import signal
import subprocess
import time

import harness

TEMPLATE = 'Subject: {tenant}: a plan\nFrom: p@mail.test\n\n' \
    '{enforce-from} / {tempfail-until} / {url}\n'
FROM, UNTIL = '2099-01-02T03:04:05Z', '2099-02-03T04:05:06Z'
FROM_WORDS = '2 January 2099, 03:04 UTC'    # as people read them
UNTIL_WORDS = '3 February 2099, 04:05 UTC'
KEEP = 'n=$(mktemp out.XXXXXX); { printf "%s\\n" "$@"; echo --; cat; } >$n.t; ' \
    'mv $n.t $n.mail; rm $n'


class NotifyCase(harness.Case):

    def setUp(self):
        super().setUp()
        self.template = self.file('template', TEMPLATE)
        self.sendmail = os.path.join(self.tmp, 'sendmail')
        self.fake(KEEP)

    def file(self, name, text):
        path = os.path.join(self.tmp, name)
        with open(path, 'wb') as f:
            f.write(harness.encode(text))
        return path

    def fake(self, script):
        """The program that takes the messages."""
        new = self.file('new', '#!/bin/sh\ncd %s || exit 1\n%s\n' % (
            shlex.quote(self.tmp), script))
        os.chmod(new, 0o755)
        os.rename(new, self.sendmail)

    def tenant(self, name, *options, contact=True, plan=True):
        self.ctl('tenant', 'add', name, '--domain', name + '.test',
                 *(['--contact', 'it@%s.test' % name] if contact else []),
                 *(['--enforce-from', FROM] if plan else []), *options)

    def words(self, *options):
        return ['rollout', 'notify', '--template', self.template,
                '--sendmail', self.sendmail, *options]

    def records(self):
        """Of the database, without those of the audit log."""
        return (int(self.ctl('verify').out.split()[0])
                - self.status()['audit_count'])

    def notify(self, *options, rc=0):
        """The results by tenant."""
        rows = self.jsonl(*self.words(*options), rc=rc)
        for row in rows:
            self.assertEqual(list(row), ['tenant', 'contact', 'result',
                                         'reason', 'enforce_from',
                                         'tempfail_until'])
        self.assertEqual(len({row['tenant'] for row in rows}), len(rows))
        return {row['tenant']: row['result'] for row in rows}

    def sent(self):
        """Recipients and messages of all that was sent."""
        found = []
        names = [n for n in os.listdir(self.tmp) if n.endswith('.mail')]
        for name in sorted(names):
            with open(os.path.join(self.tmp, name), 'rb') as f:
                text = f.read().decode()
            start, _, message = text.partition('\n--\nTo: ')
            self.assertTrue(start.startswith('-i\n--\n'), text)
            found.append((start[len('-i\n--\n'):], 'To: ' + message))
        return sorted(found)

    def recipients(self):
        return [to for to, _ in self.sent()]

    def message(self):
        mails = self.sent()
        self.assertEqual(len(mails), 1)
        return mails[0][1]

    def start(self, *options):
        argv = [harness.CTL, '-d', self.dir, *self.words(*options)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT,
                                   env=harness.ENV)
        self.addCleanup(process.stdout.close)
        return process


class Sending(NotifyCase):

    def test_message(self):
        self.ctl('settings set help-url https://help.test/x?a=1')
        self.tenant('acme', '--tempfail-until', UNTIL)
        self.assertEqual(self.notify(), {'acme': 'sent'})
        self.assertEqual(self.sent(), [(
            'it@acme.test',
            'To: it@acme.test\nMIME-Version: 1.0\n'
            'Content-Type: text/plain; charset=utf-8\n'
            'Content-Transfer-Encoding: 8bit\n'
            'Auto-Submitted: auto-generated\n'
            'Subject: acme: a plan\nFrom: p@mail.test\n\n'
            '%s / %s / https://help.test/x?a=1\n' % (FROM_WORDS, UNTIL_WORDS))])

    def test_unset_fields(self):
        self.tenant('one')
        self.tenant('two', '--tempfail-until', UNTIL, plan=False)
        self.notify()
        one, two = [m.splitlines()[-1] for _, m in self.sent()]
        self.assertEqual(one, FROM_WORDS + ' / not at all / ')
        self.assertEqual(two, 'at once / %s / ' % UNTIL_WORDS)

    def test_a_line_about_no_url_is_left_out(self):
        self.template = self.file(
            'template', 'Subject: x\n\nHello,\n\nMore about it: {url}\n\n'
            'see {url}, {tenant}\nBye\n')
        self.tenant('acme')
        r = self.ctl(*self.words('--print'))
        self.assertEqual(r.err.count('help-url is not set'), 1)
        self.assertTrue(r.out.endswith('\n\nHello,\n\nsee , acme\nBye\n\n'), r.out)
        self.ctl('settings set help-url https://help.test')
        r = self.ctl(*self.words('--print'))
        self.assertEqual(r.err, '')
        self.assertIn('\n\nMore about it: https://help.test\n\n', r.out)

    def test_print_nothing(self):
        r = self.ctl(*self.words('--print'))
        self.assertEqual((r.out, r.err), ('', 'smtpauthctl: nothing to list\n'))
        self.assertEqual(self.ctl('--json', *self.words('--print')).err, '')

    def test_a_dry_run_of_everything_is_told(self):
        self.ctl('settings set enforce no')
        self.ctl('settings set help-url https://help.test/')
        self.assertNotIn('enforce', self.ctl(*self.words('--print')).err)
        self.tenant('acme')
        for options in ('--print',), ('--dry-run',), ():
            self.assertIn('enforce is no', self.ctl(*self.words(*options)).err)
        self.ctl('settings set enforce yes')
        self.assertEqual(self.ctl(*self.words()).err, '')

    def test_print(self):
        """The letters as they would be sent; nothing is sent, nothing recorded."""
        self.tenant('acme', '--tempfail-until', UNTIL)
        self.tenant('beta', contact=False)
        before = self.records()
        r = self.ctl(*self.words('--print'))
        letter = (
            'To: it@acme.test\nMIME-Version: 1.0\n'
            'Content-Type: text/plain; charset=utf-8\n'
            'Content-Transfer-Encoding: 8bit\n'
            'Auto-Submitted: auto-generated\n'
            'Subject: acme: a plan\nFrom: p@mail.test\n\n'
            '%s / %s / \n' % (FROM_WORDS, UNTIL_WORDS))
        self.assertEqual(r.out, '--- tenant acme, to it@acme.test\n%s\n'
                                '--- tenant beta: no contact\n' % letter)
        rows = self.jsonl(*self.words('--print'))
        self.assertEqual([(row['tenant'], row['result'], row['letter'])
                          for row in rows],
                         [('acme', 'would_send', letter),
                          ('beta', 'no_contact', None)])
        self.assertEqual(self.records(), before)
        self.assertEqual(self.sent(), [])
        self.assertEqual(self.notify(), {'acme': 'sent', 'beta': 'no_contact'})
        self.assertEqual(self.sent(), [('it@acme.test', letter)])
        self.assertIn('--- tenant acme: already sent',
                      self.ctl(*self.words('--print')).out)

    def test_who_has_a_plan(self):
        self.tenant('acme')
        self.tenant('past', '--enforce-from', '2020-01-01', plan=False)
        self.tenant('none', plan=False)
        self.tenant('open', '--smtp-auth', 'enabled')
        self.tenant('half', '--enforce-from', '2020-01-01',
                    '--tempfail-until', UNTIL, plan=False)
        self.assertEqual(self.notify(), {'acme': 'sent', 'half': 'sent'})
        self.assertEqual(self.recipients(), ['it@acme.test', 'it@half.test'])

    def test_once(self):
        self.tenant('acme')
        self.tenant('beta')
        self.assertEqual(self.notify('--tenant', 'ACME'), {'acme': 'sent'})
        self.assertEqual(self.notify(), {'acme': 'already_sent',
                                         'beta': 'sent'})
        for options in (), ('--resend',), ('--tenant', 'acme', '--resend'):
            for result in self.notify(*options).values():
                self.assertEqual(result, 'already_sent')
        self.assertEqual(self.recipients(), ['it@acme.test', 'it@beta.test'])
        r = self.ctl(*self.words())
        self.assertRegex(r.out, r'^TENANT +CONTACT +RESULT\n'
                         r'acme +it@acme.test +already sent 20[0-9T:-]*Z\n'
                         r'beta +it@beta.test +already sent 20[0-9T:-]*Z\n$')

    def test_changed_plan(self):
        self.tenant('acme')
        self.notify()
        for i, option in enumerate((
                ['--enforce-from', UNTIL], ['--tempfail-until', UNTIL],
                ['--enforce-from', 'none'], ['--enforce-from', FROM])):
            self.ctl('tenant', 'set', 'acme', *option)
            self.assertEqual(self.notify(), {'acme': 'sent'}, option)
            self.assertEqual(self.notify(), {'acme': 'already_sent'})
            self.assertEqual(len(self.sent()), i + 2)

    def test_changed_contact(self):
        self.tenant('acme')
        self.notify()
        self.ctl('tenant set acme --contact new@acme.test')
        self.assertEqual(self.notify('--resend'), {'acme': 'already_sent'})
        self.assertIn('Z to it@acme.test\n', self.ctl(*self.words()).out)
        self.ctl('tenant', 'set', 'acme', '--enforce-from', UNTIL)
        self.notify()
        self.assertEqual(self.recipients(), ['it@acme.test', 'new@acme.test'])

    def test_enabled_again(self):
        self.tenant('acme')
        self.notify()
        self.ctl('tenant set acme --smtp-auth enabled')
        self.assertEqual(self.notify(), {})
        self.ctl('tenant set acme --smtp-auth disabled')
        self.assertEqual(self.notify(), {'acme': 'already_sent'})

    def test_removed_and_added(self):
        self.tenant('acme')
        self.notify()
        self.ctl('tenant remove acme --force')
        self.assertEqual(self.notify(), {})
        self.tenant('acme')
        self.assertEqual(self.notify(), {'acme': 'sent'})

    def test_no_contact(self):
        self.tenant('acme', contact=False)
        self.tenant('beta')
        self.assertEqual(self.notify(), {'acme': 'no_contact', 'beta': 'sent'})
        self.assertIn('no contact\n', self.ctl(*self.words()).out)
        self.ctl('tenant set acme --contact it@acme.test')
        self.assertEqual(self.notify()['acme'], 'sent')

    def test_nothing_to_do(self):
        self.assertEqual(self.ctl(*self.words()).out, '')
        self.tenant('acme', plan=False)
        self.assertEqual(self.notify('--tenant', 'acme'), {})
        self.refused(self.words('--tenant', 'nosuch'), 1, 'nosuch')
        self.refused(self.words('--tenant', 'no such'), 65, 'no such')

    def test_policy_is_the_same(self):
        self.tenant('acme')
        self.tenant('beta', contact=False)
        before = self.status()
        records = self.records()
        self.notify()
        self.assertEqual(self.status(), before)
        self.assertEqual(self.records(), records + 1)
        self.ctl('tenant remove acme --force')
        self.ctl('tenant remove beta --force')
        self.assertEqual(self.records(), 1)

    def test_dry_run(self):
        self.tenant('acme')
        self.tenant('beta', contact=False)
        os.remove(self.sendmail)
        wanted = {'acme': 'would_send', 'beta': 'no_contact'}
        self.assertEqual(self.notify('--dry-run'), wanted)
        self.assertEqual(self.notify('--dry-run'), wanted)
        self.assertIn('would be sent\n', self.ctl(*self.words('--dry-run')).out)
        self.assertFalse(os.path.exists(os.path.join(self.dir,
                                                     'policy.notify')))
        self.file('template', 'Subject: {x}\n\n')
        self.refused(self.words('--dry-run'), 65, 'template:1', '{x}')

    def test_many(self):
        for i in range(30):
            self.tenant('t%02d' % i)
        self.assertEqual(set(self.notify().values()), {'sent'})
        self.assertEqual(len(set(self.recipients())), 30)


class Failing(NotifyCase):

    def failed(self, *options, tenant='acme', count='1 of 1'):
        """The reason that is shown for one that fails."""
        r = self.ctl(*self.words(*options), rc=74)
        what = 'the notice' if count == '1 of 1' else count + ' notices'
        self.assertIn(what + ' could not be sent; repeat with --resend', r.err)
        row = [line for line in r.lines if line.startswith(tenant + ' ')][0]
        return row.partition('failed: ')[2]

    def test_temporary(self):
        self.tenant('acme')
        self.tenant('beta')
        self.fake('case $3 in *acme*) cat >/dev/null; echo "queue full" >&2; '
                  'exit 75;; esac; ' + KEEP)
        self.assertEqual(self.failed(count='1 of 2'), 'EX_TEMPFAIL: queue full')
        self.fake(KEEP)
        self.assertRegex(self.failed(count='1 of 1'),
                         '^tried at 20[0-9T:-]*Z, not repeated$')
        self.assertEqual(self.recipients(), ['it@beta.test'])
        self.assertEqual(self.notify('--resend'), {'acme': 'sent',
                                                   'beta': 'already_sent'})
        self.assertEqual(self.recipients(), ['it@acme.test', 'it@beta.test'])

    def test_program_that_does_not_read(self):
        """More than a pipe holds, so that writing meets its end."""
        self.tenant('acme')
        self.file('template', 'Subject: x\n\n' +
                  118 * (39 * '{enforce-from}' + '\n'))
        self.fake('exec <&-; sleep 0.2; exit 0')
        self.assertIn('before it had read', self.failed())
        self.fake(KEEP)
        self.assertEqual(self.notify('--resend'), {'acme': 'sent'})
        self.assertGreater(len(self.message()), 1 << 16)

    def test_json_has_the_reason(self):
        self.tenant('acme')
        self.fake('cat >/dev/null; exit 78')
        row, = self.jsonl(*self.words(), rc=74)
        self.assertEqual(row, {
            'tenant': 'acme', 'contact': 'it@acme.test', 'result': 'failed',
            'reason': 'EX_CONFIG', 'enforce_from': FROM,
            'tempfail_until': None})

    def test_no_program(self):
        self.tenant('acme')
        os.remove(self.sendmail)
        self.assertIn('No such file', self.failed())
        self.file('sendmail', 'x')
        self.assertIn('Permission denied', self.failed('--resend'))
        self.refused(['rollout', 'notify', '--template', self.template,
                      '--sendmail', 'bin/sendmail'], 64, 'bin/sendmail')

    def test_message_on_standard_error_is_tamed(self):
        self.tenant('acme')
        self.fake(r"cat >/dev/null; printf 'a\033[31m\tb\377\n' >&2; exit 1")
        reason = self.failed()
        self.assertNotIn('\x1b', reason)
        self.assertIn('\\x1B[31m', reason)

    def test_contacts_that_are_more_than_an_address(self):
        odd = ['-bs@x.test', '-oQ/tmp@x.test', 'a@x.test,b@y.test',
               'a b@x.test', '"a"@x.test', 'a,b@x.test', 'Me <a@x.test>',
               '<a@x.test>', 'a(b)@x.test', 'a:b;@x.test', 'a@b@x.test',
               'f\u00fcr@x.test', 'a\\@x.test', 'a..b@x.test']
        self.tenant('acme')
        for contact in odd:
            with self.subTest(contact=contact):
                self.refused(['tenant', 'set', 'acme', '--contact=' + contact], 65,
                             'contact', 'one plain address')
                self.refused(['tenant', 'add', 'new', '--contact=' + contact], 65,
                             'contact', 'one plain address')
                r = self.ctl('import', '-', '--format', 'jsonl', rc=65, stdin=json.dumps(
                    {'type': 'tenant', 'name': 'new', 'smtp_auth': 'disabled',
                     'domains': [], 'contact': contact}))
                self.assertIn('one plain address', r.err)
        self.ctl('tenant', 'set', 'acme', '--contact', "o'n+x|y`z`$HOME@x.test")
        self.assertEqual(self.notify(), {'acme': 'sent'})
        self.assertEqual(self.recipients(), ["o'n+x|y`z`$HOME@x.test"])

    def test_contact_of_another_script(self):
        self.tenant('acme', '--contact', 'it@b\u00fccher.test', contact=False)
        self.notify()
        self.assertTrue(self.message().startswith(
            'To: it@xn--bcher-kva.test\n'))
        self.assertEqual(self.recipients(), ['it@xn--bcher-kva.test'])

    def test_no_database(self):
        absent = os.path.join(self.tmp, 'absent')
        for _ in range(2):      # the first try leaves nothing that misleads
            r = self.ctl('-d', absent, *self.words(), rc=69)
            self.assertIn('init', r.err)
            os.makedirs(absent, exist_ok=True)
        self.ctl('-d', absent, *self.words(), rc=69)
        self.ctl('-d', absent, 'init')
        self.tenant('acme')
        os.remove(os.path.join(self.dir, 'policy.mdb'))
        self.ctl(*self.words(), rc=69)
        self.assertEqual(self.sent(), [])


class Interrupted(NotifyCase):

    def kill_in_the_middle(self):
        """notify ends by SIGKILL while sendmail has its message."""
        self.fake('cat >/dev/null; echo $$ >pid.t; mv pid.t pid; exec sleep 60')
        process = self.start()
        pid = os.path.join(self.tmp, 'pid')
        harness.wait_for(lambda: os.path.exists(pid), what='sendmail')
        process.kill()
        process.wait()
        with open(pid) as f:
            os.kill(int(f.read()), signal.SIGKILL)
        os.remove(pid)
        self.fake(KEEP)

    def test_killed(self):
        self.tenant('acme')
        self.tenant('beta')
        self.kill_in_the_middle()
        self.assertRegex(self.ctl(*self.words('--dry-run')).out,
                         'acme .* unfinished since 20[0-9T:-]*Z\n')
        self.assertEqual(self.notify(), {'acme': 'unfinished', 'beta': 'sent'})
        self.assertEqual(self.recipients(), ['it@beta.test'])
        self.ctl('verify')
        self.assertEqual(self.notify('--resend'), {'acme': 'sent',
                                                   'beta': 'already_sent'})
        self.assertEqual(self.recipients(), ['it@acme.test', 'it@beta.test'])

    def test_killed_and_changed(self):
        self.tenant('acme')
        self.kill_in_the_middle()
        self.ctl('tenant', 'set', 'acme', '--enforce-from', UNTIL)
        self.assertEqual(self.notify(), {'acme': 'sent'})

    def hold(self, *options):
        """notify, while its first message is with sendmail until go()."""
        self.fake('[ -e go ] || { echo >at; until [ -e go ]; do sleep 0.05; '
                  'done; }; ' + KEEP)
        process = self.start(*options)
        at = os.path.join(self.tmp, 'at')
        harness.wait_for(lambda: os.path.exists(at), what='sendmail')
        return process

    def go(self, process, rc=0):
        self.file('go', '')
        out = process.communicate(timeout=harness.TIMEOUT)[0].decode()
        self.assertEqual(process.returncode, rc, out)
        return out

    def test_policy_can_be_changed_meanwhile(self):
        self.tenant('acme')
        process = self.hold()
        start = time.monotonic()
        self.ctl('settings set enforce no')
        self.assertLess(time.monotonic() - start, 5)
        self.go(process)

    def test_changed_while_it_waits(self):
        for name in 'a', 'b', 'c', 'd', 'e':
            self.tenant(name)
        process = self.hold()
        self.ctl('tenant', 'set', 'b', '--enforce-from', UNTIL)
        self.ctl('tenant set c --smtp-auth enabled')
        self.ctl('tenant remove d --force')
        self.ctl('tenant set e --contact new@e.test')
        out = self.go(process)
        self.assertEqual([line.split()[0] for line in out.splitlines()],
                         ['TENANT', 'a', 'b', 'e'])
        self.assertEqual(self.recipients(),
                         ['it@a.test', 'it@b.test', 'new@e.test'])
        self.assertIn(UNTIL_WORDS, self.sent()[1][1])
        self.assertEqual(set(self.notify().values()), {'already_sent'})

    def test_changed_while_it_is_sent(self):
        self.tenant('acme')
        process = self.hold()
        self.ctl('tenant', 'set', 'acme', '--enforce-from', UNTIL)
        self.go(process)
        self.assertEqual(self.notify(), {'acme': 'sent'})
        self.assertEqual(len(self.sent()), 2)

    def test_changed_and_sent_while_it_is_sent(self):
        """Whoever comes late does not record over what is newer."""
        self.tenant('acme')
        self.fake('cat >/dev/null; echo >at; until [ -e go ]; do sleep 0.05; '
                  'done; exit 1')
        process = self.start()
        at = os.path.join(self.tmp, 'at')
        harness.wait_for(lambda: os.path.exists(at), what='sendmail')
        self.ctl('tenant', 'set', 'acme', '--enforce-from', UNTIL)
        self.fake(KEEP)
        self.assertEqual(self.notify(), {'acme': 'sent'})
        self.go(process, rc=74)
        self.assertEqual(self.notify(), {'acme': 'already_sent'})

    def test_removed_while_it_is_sent(self):
        self.tenant('acme')
        process = self.hold()
        self.ctl('tenant remove acme --force')
        self.go(process)
        self.assertEqual(self.records(), 1)

    def test_two_at_once(self):
        for i in range(20):
            self.tenant('t%02d' % i)
        self.fake('sleep 0.02; ' + KEEP)
        both = [self.start(), self.start()]
        for process in both:
            out = process.communicate(timeout=harness.TIMEOUT)[0].decode()
            self.assertEqual(process.returncode, 0, out)
        self.assertEqual(len(self.sent()), 20)
        self.assertEqual(len(set(self.recipients())), 20)

    def test_one_sees_what_the_other_sends(self):
        self.tenant('a')
        self.tenant('b')
        process = self.hold()
        self.fake(KEEP)
        self.assertEqual(self.notify(), {'a': 'unfinished', 'b': 'sent'})
        self.go(process)
        self.assertEqual(self.recipients(), ['it@a.test', 'it@b.test'])

    def test_resend_is_alone(self):
        """What is being sent is not taken for unfinished."""
        self.tenant('acme')
        process = self.hold()
        r = self.ctl(*self.words('--resend'), rc=75)
        self.assertIn('--resend', r.err)
        self.go(process)
        self.assertEqual(self.notify('--resend'), {'acme': 'already_sent'})
        self.assertEqual(len(self.sent()), 1)

    def test_reader_of_the_output_goes_away(self):
        self.tenant('acme')
        process = self.hold()
        process.stdout.close()
        self.file('go', '')
        process.wait(harness.TIMEOUT)
        self.assertEqual(self.notify(), {'acme': 'already_sent'})


class Template(NotifyCase):

    def bad(self, text, *expected, rc=65):
        path = self.file('template', text)
        return self.refused(['rollout', 'notify', '--template', path], rc,
                            *expected)

    def test_refused(self):
        """check_notice has more of them."""
        for text, *expected in (
                ('', 'no empty line'), ('From: x\n\n', 'Subject'),
                ('Subject: x\n\n{tenent}', 'template:3', '{tenent}'),
                ('Subject: x\nBcc: you@x.test\n\n', 'template:2', 'Bcc'),
                ('To: you@x.test\nSubject: x\n\n', 'template:1', 'To'),
                ('Subject: {mailboxes}\n\n', 'template:1', 'header'),
                ('Subject: f\u00fcr\n\n', 'template:1', 'RFC 2047'),
                ('Subject: ' + 'x' * 990 + '\n\n', 'template:1', '998'),
                ('Subject: x\n\n' + 'x' * 999, 'template:3', '998'),
                (b'Subject: x\n\n\xff', 'template:3', 'UTF-8'),
                (b'Subject: x\n\n\0', 'template:3', 'NUL'),
                ('Subject: x\n\n' + '\n' * 65536, '65536')):
            with self.subTest(text=text[:40]):
                self.bad(text, *expected)

    def test_file(self):
        self.refused('rollout notify', 64, '--template')
        self.refused('rollout notify --template /nonexistent/t', 66,
                     '/nonexistent/t')
        self.refused(['rollout', 'notify', '--template', self.tmp], 74)

    def test_crlf(self):
        self.tenant('acme')
        self.file('template', 'Subject: x\r\n\r\na\r\n.\r\nb\r\n')
        self.notify()
        self.assertTrue(self.message().endswith('Subject: x\n\na\n.\nb\n'))

    def test_url_that_does_not_fit_a_header(self):
        self.tenant('acme')
        self.file('template', 'Subject: {url}\n\n')
        self.ctl('settings', 'set', 'help-url', 'https://x.test/\u00fc')
        self.assertEqual(self.notify(rc=74), {'acme': 'failed'})
        self.ctl('settings', 'set', 'help-url', 'https://x.test/\nBcc: a@b.c',
                 rc=65)
        self.assertEqual(self.sent(), [])

    def test_example(self):
        self.template = os.path.join(harness.ROOT, 'contrib', 'notice.example')
        with open(self.template) as f:
            text = f.read().replace('{mailboxes}', 'them')
        self.template = self.file('template', text)
        self.tenant('acme')
        self.assertEqual(self.notify(), {'acme': 'sent'})
        self.assertNotIn('{', self.message())


class Mailboxes(NotifyCase):
    """{mailboxes}: who would be stopped."""

    def setUp(self):
        if not os.access(harness.USAGE_FILL, os.X_OK):
            self.skipTest('no %s' % harness.USAGE_FILL)
        super().setUp()
        self.now = int(time.time())
        self.file('template', 'Subject: x\n\n  - {mailboxes}\n')

    def use(self, *logins, days=1, kind='allowed', dir=None, more=''):
        lines = ['node since=%d until=%d' % (self.now - 100 * 86400, self.now)]
        lines += ['%s %d %s 1%s' % (login, self.now - days * 86400, kind, more)
                  for login in logins]
        subprocess.run([harness.USAGE_FILL, dir or self.dir], check=True,
                       text=True,
                       input='\n'.join(lines) + '\n', timeout=harness.TIMEOUT)

    def listed(self, tenant):
        message = dict(self.sent())['it@%s.test' % tenant]
        return message.partition('\n\n')[2]

    def test_a_warning_is_said_once(self):
        """... also where others write so often that the reading is made again."""
        self.tenant('acme')
        self.ctl('settings set usage-nodes 3')
        self.use(*('u%05d@acme.test' % i for i in range(20000)))
        writer = subprocess.Popen(
            ['sh', '-c', 'while :; do "$0" -d "$1" settings set usage-retention 80; '
             '"$0" -d "$1" settings unset usage-retention; done', harness.CTL,
             self.dir], stdout=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(writer.wait)
        self.addCleanup(os.killpg, writer.pid, signal.SIGKILL)
        before = self.status()['audit_count']
        harness.wait_for(lambda: self.status()['audit_count'] > before + 4)
        for _ in range(3):
            r = self.ctl(*self.words('--dry-run'))
            self.assertEqual(r.err.count('may lack some'), 1, r.err)

    def test_none_recorded(self):
        self.tenant('acme')
        self.refused(self.words(), 69, '{mailboxes}', '--usage')
        self.refused(self.words('--dry-run'), 69, '{mailboxes}')
        self.assertEqual(self.sent(), [])
        self.file('template', TEMPLATE)
        self.assertEqual(self.notify(), {'acme': 'sent'})

    def test_nobody_to_tell(self):
        self.tenant('acme', contact=False)
        self.assertEqual(self.notify(), {'acme': 'no_contact'})

    def test_listed(self):
        for name in 'acme', 'beta', 'gamma':
            self.tenant(name)
        self.use('b@acme.test', 'a@acme.test', 'x@beta.test', 'y@nobody.test',
                 'free@acme.test', 'ab')
        self.use('old@acme.test', days=95)
        self.use('web@acme.test', kind='exempt')
        self.use('no@acme.test', kind='denied')
        self.ctl('mailbox set free@acme.test --smtp-auth enabled')
        self.ctl('mailbox alias add a@acme.test ab')
        self.notify()
        self.assertEqual(self.listed('acme'),
                         '  - a@acme.test\n  b@acme.test\n')
        self.assertEqual(self.listed('beta'), '  - x@beta.test\n')
        self.assertEqual(self.listed('gamma'), '  - (none)\n')

    def test_one_tenant(self):
        self.tenant('acme')
        self.tenant('beta')
        self.use('a@acme.test', 'b@beta.test')
        self.notify('--tenant', 'beta')
        self.assertEqual(self.listed('beta'), '  - b@beta.test\n')
        self.assertEqual(self.recipients(), ['it@beta.test'])

    def test_many(self):
        self.tenant('acme')
        self.use(*['u%04d@acme.test' % i for i in range(507)])
        self.notify()
        lines = self.listed('acme').splitlines()
        self.assertEqual(lines[:2], ['  - u0000@acme.test',
                                     '  u0001@acme.test'])
        self.assertEqual(lines[499:], ['  u0499@acme.test', '  and 7 more'])

    def test_file_of_another_machine(self):
        self.tenant('acme')
        other = os.path.join(self.tmp, 'other')
        subprocess.run([harness.CTL, '-d', other, 'init'], check=True,
                       stdout=subprocess.DEVNULL)
        self.use('far@acme.test', dir=other)
        path = os.path.join(self.tmp, 'usage.file')
        subprocess.run([harness.CTL, '-d', other, 'usage', 'export', path],
                       check=True, stdout=subprocess.DEVNULL)
        self.notify('--usage', path)
        self.assertEqual(self.listed('acme'), '  - far@acme.test\n')


if __name__ == '__main__':
    harness.main()
