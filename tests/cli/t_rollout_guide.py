#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The commands of smtpauth-rollout(7), as they stand there, beside a real
Postfix: from a milter that denies nothing to "off, except for printers"."""

import os
import re
import shutil
import subprocess
import time

import harness
import postfix_rig

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, 'policy', 'smtpauth-rollout.7')
NOTICE = os.path.join(ROOT, 'contrib', 'notice.example')
DAY = 86400
PRINTER, BILLING = 'printer@acme.example', 'billing@acme.example'
ALICE, BOB = 'alice@acme.example', 'bob@acme.example'
STEPS = ['Count', 'Wait', 'Switch', 'Turn', 'See', 'Tell', 'Change',
         'Afterwards']


def steps():
    """The commands of the page by step, each a list of blocks."""
    with open(PAGE, encoding='utf-8') as f:
        text = f.read()
    found = {}
    for title, body in re.findall(r'(?ms)^\.Ss \d+\. (\w+)(.*?)(?=^\.S[sh] )',
                                  text):
        found[title] = [
            block.replace('\\e\n', '').strip().split('\n') for block in
            re.findall(r'(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed', body)]
    return found


class Guide(harness.Case):

    def setUp(self):
        super().setUp()
        why = postfix_rig.missing()
        if why:
            self.skipTest(why)
        self.steps = steps()
        self.left = {title: list(blocks)
                     for title, blocks in self.steps.items()}
        self.bin = os.path.join(self.tmp, 'bin')
        os.mkdir(self.bin)
        self.script('smtpauthctl', 'exec %s -d %s "$@"' % (
            os.path.join(harness.BUILDDIR, 'policy', 'smtpauthctl'),
            self.dir))
        shutil.copy(NOTICE, os.path.join(self.tmp, 'notice'))

    def script(self, name, text):
        path = os.path.join(self.bin, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\n%s\n' % text)
        os.chmod(path, 0o755)

    def type(self, line, rc=0):
        """One line of the page in a shell; its addresses are ours here."""
        line = line.replace('192.0.2.0/24', '127.0.0.2').replace(
            '192.0.2.10', '127.0.0.2')
        if 'rollout notify' in line:    # not the machine's own sendmail
            line += ' --sendmail ' + os.path.join(self.bin, 'sendmail')
        if line.startswith('smtpauthctl doctor '):    # nor its Postfix
            line += ' --postfix %s/etc' % self.site.dir
        run = subprocess.run(
            ['sh', '-c', line], cwd=self.tmp, stdin=subprocess.DEVNULL,
            env={'PATH': self.bin + ':' + postfix_rig.PATH}, capture_output=True,
            text=True)
        self.assertEqual(run.returncode, rc,
                         '%s\n%s%s' % (line, run.stdout, run.stderr))
        return run.stdout

    def block(self, title, *rcs):
        """The next block of a step; what its commands printed."""
        lines = self.left[title].pop(0)
        rcs = list(rcs) + [0] * (len(lines) - len(rcs))
        return [self.type(line, rc) for line, rc in zip(lines, rcs)]

    def start_site(self):
        milter = {'smtpd_milters': 'inet:127.0.0.1:%d' % self.milter.port}
        self.site = postfix_rig.Rig(
            {'submission': milter,
             'webmail': dict(milter, milter_macro_daemon_name='WEBMAIL')},
            dict.fromkeys((PRINTER, BILLING, ALICE, BOB), 'secret'),
            {'header_checks': 'regexp:%s/hold' % self.tmp})
        with open(os.path.join(self.tmp, 'hold'), 'w',
                  encoding='utf-8') as f:
            f.write('/^Auto-Submitted: auto-generated/ HOLD\n')
        os.chmod(self.tmp, 0o755)
        self.addCleanup(self.site.stop)
        self.site.start()
        self.script('sendmail', 'echo "$@" >>%s/sent\n'
                     'exec /usr/sbin/sendmail -C %s/etc "$@"'
                     % (self.tmp, self.site.dir))

    def mail(self, login, listener='submission', source='127.0.0.1'):
        """A whole message; the reply that decides."""
        with self.site.login(listener, login, source) as smtp:
            code, text = smtp.docmd('MAIL FROM:<%s>' % login)
            if code == 250:
                smtp.docmd('RCPT TO:<someone@else.example>')
                code, text = smtp.data(b'Subject: test\r\n\r\nHello\r\n')
            return '%d %s' % (code, text.decode())

    def passes(self, *args, **keys):
        self.assertRegex(self.mail(*args, **keys), '^250 ')

    def used(self):
        """{login: (submissions, would_deny, exempt)}"""
        return {o['login']: (o['submissions'], o['would_deny'], o['exempt'])
                for o in self.jsonl('usage')}

    def counted(self, expected):
        harness.wait_for(lambda: self.used() == expected, what=str(expected))

    def days_pass(self):
        """What was recorded becomes old enough to rely on."""
        now = int(time.time())
        subprocess.run([harness.USAGE_FILL, self.dir], check=True, input=(
            'node since=%d until=%d\n' % (now - 91 * DAY, now)).encode())

    def notices(self):
        """The messages that wait in the queue, as Postfix has them."""
        hold = os.path.join(self.site.dir, 'queue', 'hold')
        texts = []
        for name in os.listdir(hold):
            texts.append(subprocess.run(
                ['postcat', '-c', self.site.dir + '/etc', '-q', name],
                check=True, capture_output=True, text=True).stdout)
        return texts

    def count(self):
        self.block('Count')
        self.milter = harness.Daemon(self, usage_flush='1')
        with self.milter:
            self.start_site()
            # doctor: some of the rig is odd, but not that it is a dry run
            self.assertNotIn('[dry-run]', self.block('Count', 1)[0])
            self.block('Count')
            self.rest()

    def rest(self):
        for _ in range(3):
            self.passes(PRINTER, source='127.0.0.2')
        self.passes(BILLING)
        self.passes(ALICE)
        self.passes(BOB)
        for login in ALICE, ALICE, BOB:
            self.passes(login, 'webmail')
        self.counted({PRINTER: (3, 0, 0), BILLING: (1, 0, 0),
                      ALICE: (1, 0, 2), BOB: (1, 0, 1)})
        plan = self.block('Wait')[2]
        self.assertRegex(plan, r'(?m)^acme +in use +4 +0 +4 ')
        self.assertRegex(plan, r'(?m)^idle +unused +0 ')
        self.refused('rollout disable-unused', 65, '--force')
        self.days_pass()
        dry, real = self.block('Switch')
        self.assertIn('1 tenant', dry)
        self.assertIn('would be disabled', dry)
        self.assertIn('idle', real)
        self.exceptions()

    def exceptions(self):
        dry, real = self.block('Turn')
        self.assertIn('4 exceptions would be granted', dry)
        self.assertIn('4 exceptions granted', real)
        listed = self.block('Turn')[-1]
        self.assertIn('until the new release', listed)
        self.assertRegex(listed, r'(?m)^alice@acme\.example +acme +inherit ')
        self.block('Turn')
        self.passes(ALICE)
        self.passes(PRINTER, source='127.0.0.2')
        self.passes(BOB, 'webmail')
        self.counted({PRINTER: (4, 0, 0), BILLING: (1, 0, 0),
                      ALICE: (2, 1, 2), BOB: (1, 0, 2)})
        self.assertRegex(self.block('Turn')[0],
                         r'(?m)^alice@acme\.example +acme +2 +0 +1 +2 ')
        self.block('Turn')
        self.see()

    def see(self):
        now, tempfail, reject, printer, status = self.block(
            'See', 0, 10, 11, 0)
        self.assertIn('scheduled', now)
        self.assertEqual(len(re.findall('(?m)^from ', now)), 2)
        self.assertIn('450 4.7.1', tempfail)
        self.assertIn('550 5.7.1', reject)
        self.assertIn('mailbox-enabled', printer)
        for name in 'acme', 'idle':
            self.assertRegex(status, r'(?m)^%s +scheduled .*not sent' % name)
        self.tell()

    def tell(self):
        dry, real = self.block('Tell')
        self.assertEqual(dry.count('would be sent'), 2)
        self.assertEqual(len(re.findall('(?m) sent$', real)), 2)
        harness.wait_for(lambda: len(self.notices()) == 2, what='notices')
        acme, = [n for n in self.notices() if 'acme' in n]
        self.assertIn('\nTo: it@acme.example\n', acme)
        self.assertIn(ALICE, acme)
        self.assertIn(BOB, acme)
        self.assertNotIn(PRINTER, acme)
        again = self.type(self.steps['Tell'][0][1])
        self.assertEqual(again.count('already sent'), 2)
        self.block('Change')    # a new date for one of them
        harness.wait_for(lambda: len(self.notices()) == 3, what='notices')
        with open(os.path.join(self.tmp, 'sent'), encoding='utf-8') as f:
            self.assertEqual(sorted(line.split()[-1] for line in f), [
                'it@acme.example', 'it@acme.example', 'it@idle.example'])
        self.on_the_day()

    def on_the_day(self):
        """The dates of the plan, moved to now."""
        now = int(time.time())
        stamps = [time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now + s))
                  for s in (2, 5)]
        self.ctl('tenant set acme --enforce-from %s --tempfail-until %s'
                 % tuple(stamps))
        self.passes(ALICE)
        for code in '450', '550':
            harness.wait_for(lambda c=code: self.mail(ALICE).startswith(c),
                             what=code)
            self.passes(PRINTER, source='127.0.0.2')
            self.passes(BILLING)
            self.passes(ALICE, 'webmail')
        self.assertEqual(self.mail(ALICE).split(' [')[0], '550 5.7.1 '
                         'SMTP AUTH is disabled for tenant acme')
        self.assertTrue(self.mail(PRINTER).startswith('550'))
        usage, expiring, status = self.block('Afterwards')
        self.assertIn('tenant-disabled', usage)
        self.assertRegex(status, r'(?m)^acme +disabled ')

    def test_guide(self):
        self.assertEqual(list(self.steps), STEPS)
        self.count()
        self.assertEqual({t: b for t, b in self.left.items() if b}, {},
                         'blocks that the test does not know')


if __name__ == '__main__':
    harness.main()
