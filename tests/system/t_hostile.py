#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every command as root, beside a member of group smtpauth and the daemon's user,
who both do what they can: no crash, no wrong answer, no long wait, and nothing that
they may write is opened by root."""

import os
import re
import shutil
import subprocess
import sys
import time

import harness

GROUP, DAEMON, MEMBER = 61101, 61102, 61103
LONGEST = 3.0           # seconds that a command may take
TRACED = ('open,openat,openat2,creat,truncate,chmod,fchmodat,chown,lchown,fchownat,'
          'rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,'
          'mkdir,mkdirat,mknod,mknodat,connect,execve,setresuid,utimensat,setxattr')
# What root may open: the system's, files of the policy, and what the command names.
ALLOWED = (
    r'(/etc|/lib(64)?|/usr|/proc|/sys|/run/(systemd|userdb|host|log)|/var/run/nscd)'
    r'(/|$)'
    r'|/dev/(null|log|urandom)$|/(run|tmp|var)?$|/var/(log|spool)/'
    r'|/tmp/smtpauthctl\.\w{{6}}$'
    r'|{tmp}(/[^/]*)?$|{tmp}/(backup|postfix)/[^/]*$'
    r'|{dir}/(policy(\.[^/]*)?|auth\.key(\.new)?)$')
PLAN = """\
init
settings show
settings set help-url https://help.test/
settings unset help-url
settings add exempt-clients 192.0.2.1 --force
settings remove exempt-clients 192.0.2.1
tenant add other --domain other.test --smtp-auth enabled
tenant add fresh --domain fresh.test --usage {usage}    # usage
tenant set other --note hello
tenant show acme
tenant list
tenant rename other another
tenant rename another other
tenant lock other
tenant unlock other
domain add other second.test
domain move second.test acme
domain remove second.test --force
domain list
mailbox set bob@acme.test --smtp-auth disabled
mailbox show bob@acme.test
mailbox list
mailbox rename bob@acme.test rob@acme.test
mailbox rename rob@acme.test bob@acme.test
mailbox prune --expired-before 1d
mailbox lock bob@acme.test
mailbox unlock bob@acme.test
lock eve --note stolen
locks
unlock eve
mailbox alias add bob@acme.test bobby
mailbox alias list
mailbox alias remove bobby
check bob@acme.test                                    # 11
import {import}
export
export --format csv
audit list
audit show 1
audit undo 3 --dry-run --force
audit verify
audit prune --before 1d
why 3k5yzwq7ab                                         # 1
status                                                 # usage 3
usage list                                             # usage
usage tenants                                          # usage
usage export {exported}                                # usage
usage prune                                            # usage
rollout plan                                           # usage
rollout disable-unused --force                         # usage
rollout grant --tenant acme --dry-run                  # usage
rollout notify --template {template} --dry-run         # usage
rollout status                                         # usage
snapshot create {snapshot} --key {key}
snapshot show {snapshot}
snapshot apply {snapshot} --trust {public} --dry-run
doctor --postfix {postfix}                             # usage 1
verify
exchange
Get-TransportConfig -Organization acme
Set-TransportConfig -Organization acme -SmtpClientAuthenticationDisabled $true
Get-CASMailbox bob@acme.test
Set-CASMailbox bob@acme.test -SmtpClientAuthenticationDisabled $true
mailbox remove bob@acme.test
tenant remove other --force
backup {backup}
restore {backup}
"""


CONNECTS = r'htons|inet_addr\("127\.|sun_path="(/var/run/nscd/|/run/|/dev/log)'


def paths(rest):
    """The files that a line of strace -y names, those that its folder makes whole
    too."""
    for folder, path in re.findall(r'(?:<([^>]*)>, )?"((?:[^"\\]|\\.)*)"',
                                   rest.rpartition(' = ')[0]):
        yield os.path.normpath(os.path.join(folder or '/', path))


class Step:
    """One line of the plan."""

    def __init__(self, line):
        words, _, marks = line.partition('#')
        self.words = words.split()
        self.name = words.strip()
        self.usage = 'usage' in marks
        self.rc = int((re.findall(r'\d+', marks) or [0])[0])


def table():
    """The commands of the program."""
    with open(harness.ROOT + '/policy/ctl/commands.c') as f:
        rows = re.search(r'(?ms) table\[\] = \{$(.*?)^\};', f.read())[1]
    return {name.replace('[', '').replace(']', '')
            for name in re.findall(r'^ *\{"([^"]+)",', rows, re.M)}


class Traced(harness.Result):
    """A command's result, how long it took, and what its processes opened."""

    seconds = 0.0
    root = helper = ()

    def load(self, stem):
        folder = os.path.dirname(stem)
        logs = [os.path.join(folder, n) for n in os.listdir(folder)]
        self.root, self.helper = [], []
        for log in logs:
            with open(log, errors='backslashreplace') as f:
                lines = f.read().splitlines()
            became = [i for i, line in enumerate(lines)
                      if line.startswith('setresuid(') and line.endswith('= 0')]
            self.root += lines[:became[0] if became else None]
            self.helper += lines[became[0]:] if became else []


class Hostile(harness.Case):
    given = ()

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('needs root')
        if shutil.which('strace') is None:
            self.skipTest('needs strace')
        super().setUp()
        os.chmod(self.tmp, 0o755)
        self.names = {n: os.path.join(self.tmp, n) for n in (
            'import', 'exported', 'template', 'snapshot', 'key', 'public',
            'backup', 'usage', 'postfix')}
        self.allowed = re.compile('(%s)' % ALLOWED.format(
            dir=re.escape(self.dir), tmp=re.escape(self.tmp)))
        self.make_state()
        self.make_files()

    def make_state(self):
        """A policy with a use of it, which belong to whom they belong to."""
        self.ctl('init')
        self.ctl('tenant add acme --domain acme.test --smtp-auth disabled')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        fill = os.path.join(harness.BUILDDIR, 'tests', 'lib', 'usage_fill')
        now = int(time.time())
        lines = 'node\n' + ''.join(
            '%s@acme.test %d allowed 3 192.0.2.7 PLAIN\n' % (name, now - 86400)
            for name in ('printer', 'alice'))
        subprocess.run([fill, self.dir], input=lines.encode(), check=True)
        self.ctl('usage', 'export', self.names['usage'])
        for where, _, names in os.walk(self.dir):
            mine = where.endswith('/usage')
            for path in [where, *(os.path.join(where, n) for n in names)]:
                os.chown(path, DAEMON if mine else 0, GROUP)
        self.saved = os.path.join(self.tmp, 'saved')
        shutil.copytree(self.dir + '/usage', self.saved)

    def make_files(self):
        n = self.names
        os.mkdir(n['postfix'])
        for name in 'main.cf', 'master.cf':
            with open(os.path.join(n['postfix'], name), 'w') as f:
                f.write('')
        with open(n['import'], 'w') as f:
            f.write('address,smtp_auth\nfax@acme.test,enabled\n')
        with open(n['template'], 'w') as f:
            f.write('Subject: x\n\n{tenant}\n')
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out',
                        n['key']], check=True, capture_output=True)
        subprocess.run(['openssl', 'pkey', '-in', n['key'], '-pubout', '-out',
                        n['public']], check=True, capture_output=True)

    def attack(self, uid, *attacks):
        """One more who does that until the test ends; returns when it has begun."""
        process = subprocess.Popen(
            [sys.executable, harness.ROOT + '/tests/lib/hostile.py', str(uid),
             str(GROUP), self.dir, *attacks],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b'ready\n')

    def end(self, process):
        process.kill()
        process.communicate()

    def run_step(self, step):
        """The command under strace."""
        folder = os.path.join(self.tmp, 'trace')
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        words = [w.format(**self.names) for w in step.words]
        argv = [self.program, '-d', self.dir, '-c', '/dev/null', *words]
        start = time.monotonic()
        done = subprocess.run(
            ['strace', '-y', '-ff', '-qq', '-e', 'trace=' + TRACED, '-e', 'signal=none',
             '-o', folder + '/t', *argv], input=b'', capture_output=True,
            timeout=harness.TIMEOUT, env=harness.ENV)
        result = Traced([harness.encode(a) for a in argv], done)
        result.seconds = time.monotonic() - start
        result.load(folder + '/t')
        self.transcript.append(str(result))
        return result

    def look(self, result):
        """Root has opened what is on the list, and gone nowhere else."""
        for line in result.root:
            call, _, rest = line.partition('(')
            if call in ('execve', 'setresuid'):
                continue
            if call == 'connect':
                self.assertRegex(line, CONNECTS, '%s\n%s' % (line, result))
                continue
            for path in paths(rest):
                if path == self.dir + '/usage':     # init gives it to its owner
                    self.assertRegex(line, 'mkdir|O_NOFOLLOW', str(result))
                else:
                    self.assertRegex(path, self.allowed,
                                     '%s\n%s' % (line, result))

    def go(self, spoils_usage):
        longest = 0, ''
        for step in map(Step, PLAN.splitlines()):
            result = self.run_step(step)
            what = '%s: %s' % (step.name, result)
            expected = (step.rc,)
            if step.usage and spoils_usage:
                expected += (1, 66, 69, 73, 74, 75, 77)
            self.assertIn(result.rc, expected, what)
            self.assertLess(result.seconds,
                            LONGEST * (5 if harness.SLOW else 1), what)
            self.look(result)
            longest = max(longest, (result.seconds, step.name))
        print('# the longest: %.2f s, %s' % longest)

    def decides(self):
        """The policy is what the plan has made of it."""
        for login, rc in (('printer@acme.test', 0), ('fax@acme.test', 0),
                          ('alice@acme.test', 11), ('bob@acme.test', 11)):
            self.ctl('check', login, rc=rc)
        self.ctl('verify')
        self.ctl('audit verify')

    def both(self, daemon, member, spoils_usage=True):
        self.attack(MEMBER, *member)
        self.attack(DAEMON, *daemon)
        self.go(spoils_usage)
        self.decides()

    def test_plan_has_every_command(self):
        names = {' '.join(Step(line).words) for line in PLAN.splitlines()}
        self.assertGreater(len(table()), 50)
        for name in table():
            self.assertTrue([n for n in names if n.startswith(name)], name)

    def test_nobody_else(self):
        self.go(False)
        self.decides()

    def test_locks(self):
        self.both(['lock'], ['lock'])

    def test_other_bytes(self):
        self.both(['rewrite'], ['rewrite'])

    def test_other_files(self):
        self.both(['replace'], ['replace'])

    def test_helper_is_stopped(self):
        self.both(['stop'], ['lock'])

    def test_helper_hardly_runs(self):
        self.both(['drip'], ['lock'])

    def test_helper_is_killed(self):
        self.both(['kill'], ['rewrite'])

    def test_all_at_once(self):
        self.both(['lock', 'rewrite', 'replace', 'stop'],
                  ['lock', 'rewrite', 'replace'])


if __name__ == '__main__':
    harness.main()
