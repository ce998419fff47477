#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl as a whole: init and its files, wrong usage, status and the
policy digest."""

import json
import os
import re
import shutil
import subprocess
import unittest

import harness
from state_files import EVERY_KIND, Files


class Init(Files):
    given = ()

    def test_json(self):
        for policy in 'created', 'present':
            self.assertEqual(self.json('init'),
                             {'dir': self.dir, 'policy': policy})

    def test_files_and_modes(self):
        for umask in (0o022, 0o077, 0o000):
            with self.subTest(umask=oct(umask)):
                self.ctl('init', preexec_fn=lambda: os.umask(umask))
                self.assertEqual(self.mode('policy.mdb'), '0o640')
                self.assertEqual(self.mode('policy.turn'), '0o600')
                self.assertEqual(self.mode('policy.writers'), '0o640')
                self.assertNotIn('policy.mdb-lock', os.listdir(self.dir))
                self.assertEqual(self.mode('usage'), '0o700')
                self.assertEqual(os.stat(self.dir).st_mode & 0o777, 0o750)
                shutil.rmtree(self.dir)

    @unittest.skipUnless(os.geteuid() == 0,
                         'needs root to give a folder to a group')
    def test_files_get_the_folders_group(self):
        os.mkdir(self.dir, 0o750)
        os.chown(self.dir, 0, 54321)
        self.ctl('init')
        for name in ('policy.mdb', 'policy.writers', 'usage'):
            self.assertEqual(os.stat(self.path(name)).st_gid, 54321, name)
        self.ctl('tenant add acme')
        self.assertEqual(os.stat(self.path()).st_gid, 54321)

    def test_repeated(self):
        self.ctl('init')
        self.ctl('tenant add acme --domain a.test')
        digest = self.digest()
        self.ctl('init')
        self.assertEqual(self.digest(), digest)
        self.assertEqual(self.json('tenant show acme')['domains'], ['a.test'])

    def test_missing_database(self):
        for what in ('no folder', 'no file'):
            for command in EVERY_KIND:
                with self.subTest(what=what, command=command):
                    self.fails(command, 69, 'init')
                    self.assertFalse(os.path.exists(self.path()))
            os.makedirs(self.dir, exist_ok=True)

    def test_removed_database(self):
        self.ctl('init')
        os.unlink(self.path())
        for command in EVERY_KIND:
            with self.subTest(command=command):
                self.fails(command, 69, 'smtpauthctl restore')

    def test_foreign_file_is_left_alone(self):
        for content in (b'precious text\n', b'\0' * 65536, b'x' * 65536):
            with self.subTest(content=content[:5]):
                os.makedirs(self.dir, exist_ok=True)
                with open(self.path(), 'wb') as f:
                    f.write(content)
                for command in ['init'] + EVERY_KIND:
                    self.fails(command, (69, 1) if command == 'verify'
                               else 69)
                with open(self.path(), 'rb') as f:
                    self.assertEqual(f.read(), content)

    def test_folder_that_cannot_be_made(self):
        with open(self.dir, 'w'):
            pass
        self.fails('init', (69, 73), self.dir)
        os.unlink(self.dir)
        with open(os.path.join(self.tmp, 'file'), 'w'):
            pass
        self.dir = os.path.join(self.tmp, 'file', 'state')
        self.fails('init', 73, self.dir)


class Usage(harness.Case):

    def test_unknown_words(self):
        for command in ('frobnicate', 'tenant frobnicate', 'tenants list',
                        'settings frobnicate x', 'mailbox alias frobnicate',
                        'domain frobnicate', 'mailbox frobnicate x'):
            with self.subTest(command=command):
                self.refused(command, 64)
        self.refused('frobnicate', 64, 'frobnicate')
        self.refused('tenant frobnicate', 64, 'frobnicate')

    def test_options_once(self):
        self.refused('mailbox set u@a.test --smtp-auth enabled '
                     '--smtp-auth disabled', 64,
                     '--smtp-auth is given twice')
        self.refused('tenant add acme' + 257 * ' --domain a.test', 64,
                     'more than 256 times --domain')

    def test_unknown_options(self):
        for command in ('tenant list --frob', 'tenant add x --frob',
                        'check u@a.test --frob', 'mailbox set u@a.test -Z',
                        'status --frob', 'tenant list --frob=1'):
            with self.subTest(command=command):
                self.refused(command, 64,
                             'Z' if command.endswith('-Z') else 'frob')
        self.refused('--frob status', 64, 'frob')
        self.refused('tenant list --force', 64, 'force')

    def test_options_without_a_value(self):
        for command in ('mailbox list --expired=yes', 'mailbox list --expired=',
                        'status --json=yes', '--version=1', '--help=status'):
            with self.subTest(command=command):
                option = command[command.index('--'):].split('=')[0]
                self.refused(command, 64, 'option "%s" takes no value' % option)
        self.refused('status --jsn=yes', 64, 'unknown option "--jsn=yes"')

    def test_number_of_words(self):
        self.ctl('tenant add acme')
        for command in (
                'tenant', 'settings', 'domain', 'mailbox', 'mailbox alias',
                'init x', 'status x', 'verify x', 'settings show x',
                'settings set enforce', 'settings set enforce yes no',
                'settings unset', 'settings unset enforce x',
                'settings add exempt-clients', 'settings remove x',
                'tenant add', 'tenant add a b', 'tenant set', 'tenant show',
                'tenant show acme acme', 'tenant list acme', 'tenant remove',
                'tenant lock', 'tenant unlock acme acme', 'domain add acme',
                'domain add acme a.test b.test', 'domain move a.test',
                'domain remove', 'domain list acme', 'mailbox set',
                'mailbox set u@a.test v@a.test --smtp-auth enabled',
                'mailbox show', 'mailbox remove', 'mailbox lock',
                'mailbox list x', 'mailbox alias add u@a.test',
                'mailbox alias remove', 'mailbox alias list a b', 'check',
                'check a b'):
            with self.subTest(command=command):
                self.refused(command, 64)

    def test_help_of_what_is_no_command(self):
        for command in '--help frobnicate', 'frobnicate x -h':
            self.refused(command, 64, 'unknown command "frobnicate"')
            self.assertEqual(self.ctl(command, rc=64).out, '')

    def test_help_names_every_command(self):
        with open(harness.ROOT + '/policy/ctl/commands.c') as f:
            rows = re.search(r'(?ms) table\[\] = \{$(.*?)^\};', f.read())[1]
        names = re.findall(r'^    \{"([^"]+)",', rows, re.M)
        self.assertGreater(len(names), 50)
        overview = self.ctl('--help').out
        shown = {}
        for line in re.findall(r'^  (\w.*)', re.sub('\n {12}', ' ', overview),
                               re.M):
            noun, _, rest = line.partition('  ')
            for word in noun.split(' | '):
                shown[word] = rest.split(' | ')
        for name in names:
            noun, _, verb = name.partition(' ')
            self.assertIn(noun, shown)
            nested, _, verbs = shown[noun][-1].strip().partition(' ')
            self.assertIn(
                verb, [''] + [word.strip() for word in shown[noun]] +
                ['%s %s' % (nested, word) for word in verbs.split('|')])

    def test_help_shows_what_a_command_takes(self):
        for noun, values in (('tenant', 'enabled|disabled'),
                             ('mailbox', 'enabled|disabled|inherit')):
            shown = [line.split()[1] for line in
                     self.ctl(noun, '--help').lines if '--smtp-auth' in line]
            self.assertEqual(set(shown), {values}, noun)
        self.refused('tenant add x --smtp-auth inherit', 65, 'inherit')

    def test_nothing_at_all(self):
        r = self.ctl(rc=64)
        self.assertEqual(r.out, '')
        self.assertTrue(r.err)

    def test_missing_option_argument(self):
        for command in ('tenant add x --domain', 'tenant set x --note',
                        'mailbox set u@a.test --until',
                        'mailbox set u@a.test --smtp-auth',
                        'check u@a.test --client', 'check u@a.test --at',
                        'tenant list --smtp-auth', 'mailbox list --tenant'):
            with self.subTest(command=command):
                self.refused(command, 64, command.split('--')[1])

    def test_errors_have_one_line_whatever_is_typed(self):
        for word in ('a\nb', 'a\x1b[31m', b'\xff\xfe', 'x' * 5000, '%s%n'):
            with self.subTest(word=word[:20]):
                for command in (['tenant', 'show'], ['check', '--at'],
                                ['mailbox', 'show'], []):
                    r = self.refused(command + [word], (1, 64, 65))
                    self.assertNotIn('\x1b', r.err)


class Words(harness.Case):
    """A word that is not known: the one that was meant, and where help is."""

    def test_commands_that_were_meant(self):
        for typed, meant in (
                ('tenant ls', 'tenant list'), ('tenant del x', 'tenant remove'),
                ('tenant delete x', 'tenant remove'),
                ('tenant create x', 'tenant add'), ('tenant lsit', 'tenant list'),
                ('mailbox add u@a.test', 'mailbox set'),
                ('mailbox block u@a.test', 'mailbox lock'),
                ('tennant list', 'tenant'), ('mailboxes', 'mailbox'),
                ('stauts', 'status'), ('chekc u@a.test', 'check'),
                ('usage tenant', 'usage'), ('audit revert 3', 'audit')):
            with self.subTest(typed=typed):
                self.refused(typed, 64, meant)

    def test_options_and_settings_that_were_meant(self):
        for typed, rc, meant in (
                ('usage --denid', 64, 'do you mean "--denied"?'),
                ('mailbox set u@a.test --smtp_auth=enabled', 64,
                 'do you mean "--smtp-auth"?'),
                ('--jsn status', 64, 'do you mean "--json"?'),
                ('tenant list --frob', 64, 'smtpauthctl help COMMAND'),
                ('import x --for csv', 64, '"--for" may be each of --force, --format:'),
                ('mailbox list --exp', 64, '--expired, --expired-before, '
                 '--expiring-within: write one of them'),
                ('settings set enforc no', 65, 'do you mean "enforce"?'),
                ('settings add exempt_client 192.0.2.1', 65,
                 'do you mean "exempt-clients"?'),
                ('settings unset frob', 65, 'settings show')):
            with self.subTest(typed=typed):
                self.refused(typed, rc, meant)

    def test_a_command_of_three_words_is_not_offered_as_itself(self):
        for typed in ('mailbox alias', 'mailbox alias ad u@a.test u'):
            with self.subTest(typed=typed):
                self.refused(typed, 64,
                             '"mailbox alias" needs one of its commands',
                             'help mailbox')

    def test_what_resembles_nothing(self):
        self.refused('tenant bogus', 64, '"tenant"', '"bogus"', 'help tenant')
        self.refused('frobnicate', 64, '"frobnicate"', 'smtpauthctl help')
        self.refused('tenant', 64, 'needs one of its commands')

    def test_a_word_too_many_is_named(self):
        self.refused('mailbox set u@a.test enabled', 64, '"enabled"', 'ADDRESS')
        self.refused('status now', 64, '"now"')

    def test_help(self):
        self.assertEqual(self.ctl('help').out, self.ctl('--help').out)
        self.assertEqual(self.ctl('help tenant add').out,
                         self.ctl('tenant add --help').out)
        self.assertEqual(self.ctl('help tenant add').out,
                         self.ctl('--help tenant add acme').out)
        self.refused('help blah', 64, 'blah')
        self.refused('help tenant blah', 64, 'blah')

    def test_help_of_one_command_is_of_that_one(self):
        shown = self.ctl('help tenant add').out
        self.assertIn('tenant add NAME', shown)
        self.assertNotIn('tenant set', shown)
        self.assertIn('usage [list]', self.ctl('help usage list').out)
        self.assertNotIn('usage tenants', self.ctl('help usage list').out)

    def test_what_a_tenant_cannot_be_is_not_offered(self):
        self.assertNotIn('inherit', self.ctl('help tenant').out)
        self.assertIn('inherit', self.ctl('help mailbox set').out)

    def test_every_option_has_a_word(self):
        nouns = set(re.findall(r'^  (?! )([a-z]+)', self.ctl('help').out, re.M))
        self.assertGreater(len(nouns), 15)
        options = [line for noun in nouns for line in self.ctl('help', noun).lines
                   if line.startswith('      --')]
        self.assertGreater(len(options), 60)
        for line in options:
            self.assertRegex(line, r'^ {6}--\S+( \S+)? {2,}\S')

    def test_help_fits_a_screen(self):
        lines = self.ctl('help').lines
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_empty_lists_say_so(self):
        for command in ('tenant list', 'domain list', 'mailbox list', 'locks',
                        'mailbox alias list', 'audit list --actor nobody'):
            result = self.ctl(command)
            self.assertEqual(result.out, '')
            self.assertIn('nothing to list', result.err)
            self.assertEqual(self.ctl('--json ' + command).err, '')

    def test_lists_fit_100_columns(self):
        self.ctl('tenant add wholesale --domain wholesale.example '
                 '--contact it@wholesale.example')
        self.ctl('tenant add acme --domain acme.example --smtp-auth enabled')
        self.ctl('mailbox set printer-2@wholesale.example '
                 '--smtp-auth enabled --until 2098-01-01 --clients 192.0.2.0/24')
        self.ctl('lock scanner@acme.example')
        for command in ('tenant list', 'domain list', 'mailbox list', 'locks',
                        'settings show', 'audit list'):
            lines = self.ctl(command).lines
            self.assertGreater(len(lines), 1)
            if command != 'audit list':   # its last column is what changed
                self.assertLessEqual(max(map(len, lines)), 100, lines)

    def test_who_has_the_right(self):
        if os.geteuid() != 0:
            self.skipTest('needs root')
        os.chmod(self.tmp, 0o755)
        nobody = {'user': 65534, 'group': 65534, 'extra_groups': ()}
        self.assertIn('run it as root, or',
                      self.ctl('tenant list', rc=77, **nobody).err)
        self.assertIn('run it as root',
                      self.ctl('tenant add x', rc=77, **nobody).err)


class Configuration(harness.Case):
    """Of the configuration file smtpauthctl needs state-dir alone."""

    given = (*harness.Case.given,
             'tenant add acme --domain a.test')

    def setUp(self):
        super().setUp()
        self.conf = os.path.join(self.tmp, 'conf')

    def with_file(self, text, rc=0, command='mailbox lock u@a.test'):
        """The command by the file alone, without -d."""
        with open(self.conf, 'w') as f:
            f.write(text)
        argv = [harness.encode(word) for word in
                [self.program, '-c', self.conf, *command.split()]]
        result = harness.Result(argv, subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=harness.TIMEOUT))
        self.assertEqual(result.rc, rc, str(result))
        return result

    def test_other_keys_are_a_warning(self):
        for bad in ('colour = blue', 'socket = nowhere', 'log = x' + 300 * 'x',
                    'nonsense', 'on-error = maybe'):
            with self.subTest(bad=bad[:20]):
                r = self.with_file('%s\nstate-dir = %s\n' % (bad, self.dir))
                self.assertRegex(r.err, r'^smtpauthctl: warning: %s:1: .*\n$'
                                 % self.conf)
                self.assertEqual(self.json('check u@a.test', rc=11)['reason'],
                                 'locked')
                self.ctl('mailbox unlock u@a.test')

    def test_a_good_file_is_no_remark(self):
        r = self.with_file('state-dir = %s\n' % self.dir)
        self.assertEqual(r.err, '')

    def test_a_bad_state_dir_is_an_error(self):
        for bad in ('state-dir = here', 'state-dir', 'state-dir ='):
            with self.subTest(bad=bad):
                r = self.with_file(bad + '\n', 78)
                self.assertIn(self.conf + ':1: ', r.err)
                self.assertEqual(r.out, '')

    def test_dir_goes_before_any_file(self):
        for conf in ('/nonexistent/conf', self.tmp, self.conf):
            with self.subTest(conf=conf):
                with open(self.conf, 'w') as f:
                    f.write('state-dir = here\n')
                r = self.ctl('-c', conf, 'mailbox', 'lock', 'u@a.test')
                self.assertRegex(r.err, '^smtpauthctl: warning: %s:.*\n$'
                                 % conf)

    def test_a_file_that_cannot_be_read_names_no_folder(self):
        self.conf = os.path.join(self.tmp, 'absent')
        argv = [self.program, '-c', self.conf, 'status']
        r = subprocess.run(argv, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=harness.TIMEOUT)
        self.assertTrue(r.stderr.startswith(
            b'smtpauthctl: %s: ' % self.conf.encode()), r.stderr)
        self.assertEqual(r.returncode, 78)
        self.ctl('-c', self.conf, 'status', rc=3)   # -d names it


class Status(harness.Case):

    def build(self, commands):
        """The digest of a new folder after some commands."""
        self.dir += 'x'
        self.ctl('init')
        for command in commands:
            self.ctl(command)
        return self.digest()

    def test_counts(self):
        s = self.json('status', rc=3)
        self.assertEqual((s['tenants'], s['mailboxes'], s['aliases']),
                         (0, 0, 0))
        self.assertIsNone(s['daemon'])
        self.assertRegex(s['policy_digest'], '^[0-9a-f]{64}$')
        for command in ('tenant add acme --domain a.test --domain b.test',
                        'tenant add other',
                        'mailbox set u@a.test --smtp-auth enabled',
                        'mailbox set v@b.test --smtp-auth disabled',
                        'mailbox set w@b.test --note n',
                        'mailbox alias add u@a.test jdoe'):
            self.ctl(command)
        s = self.status()
        self.assertEqual((s['tenants'], s['mailboxes'], s['aliases']),
                         (2, 3, 1))
        out = self.ctl('status', rc=3).out
        self.assertIn(s['policy_digest'][:8], out)

    def running(self):
        """Whether status says so; its status and its object must agree."""
        r = self.ctl('--json status', rc=(0, 3))
        self.assertEqual(json.loads(r.raw)['daemon'] is None, r.rc == 3)
        return r.rc == 0

    def test_daemon(self):
        self.assertFalse(self.running())
        with harness.Daemon(self) as daemon:
            harness.wait_for(self.running, what='heartbeat')
            self.assertIn(str(daemon.process.pid), self.ctl('status').out)
        harness.wait_for(lambda: not self.running(), what='end of it')
        with harness.Daemon(self) as daemon:
            harness.wait_for(self.running, what='heartbeat')
            daemon.kill()
            harness.wait_for(lambda: not self.running(), what='end of it')

    def test_digest_does_not_depend_on_the_order(self):
        one = self.build([
            'tenant add acme --domain a.test --domain b.test --note n',
            'tenant add other --smtp-auth enabled',
            'settings set help-url https://h.test/',
            'settings set action tempfail',
            'mailbox set u@a.test --smtp-auth enabled --until 2099-01-01 '
            '--clients 192.0.2.0/24,2001:db8::/32',
            'mailbox set v@b.test --smtp-auth disabled',
            'mailbox alias add u@a.test jdoe',
            'mailbox alias add v@b.test vdoe'])
        two = self.build([
            'settings set action reject',
            'tenant add other', 'tenant add third --domain b.test',
            'tenant add acme', 'tenant set other --smtp-auth enabled',
            'settings set action tempfail', 'domain move b.test acme',
            'tenant remove third --force',
            'domain add acme a.test', 'tenant set acme --note n',
            'mailbox set V@B.test --smtp-auth disabled',
            'mailbox alias add v@b.test VDOE',
            'mailbox set u@a.test --smtp-auth enabled '
            '--clients 2001:db8::/32,192.0.2.0/24',
            'mailbox set u@a.test --until 2099-01-01',
            'mailbox alias add u@a.test jdoe',
            'settings set help-url https://h.test/'])
        self.assertEqual(one, two)
        self.ctl('verify')

    def hash(self):
        value = self.json('verify')['policy_hash']
        self.assertRegex(value, '^[0-9a-f]{64}$')
        self.assertIn('policy hash ' + value, self.ctl('verify').lines)
        return value

    def test_every_change_shows_and_can_be_undone(self):
        self.ctl('tenant add acme --domain a.test')
        self.ctl('mailbox set u@a.test --smtp-auth enabled')
        seen, hashes = [self.digest()], [self.hash()]
        for change, undo in (
                ('settings set enforce no', 'settings unset enforce'),
                ('tenant add two', 'tenant remove two --force'),
                ('tenant set acme --smtp-auth enabled',
                 'tenant set acme --smtp-auth disabled'),
                ('tenant set acme --blocks passwords',
                 'tenant set acme --blocks all'),
                ('domain add acme b.test', 'domain remove b.test --force'),
                ('mailbox set v@a.test --note n', 'mailbox remove v@a.test'),
                ('mailbox set u@a.test --smtp-auth disabled',
                 'mailbox set u@a.test --smtp-auth enabled'),
                ('mailbox alias add u@a.test jdoe',
                 'mailbox alias remove jdoe')):
            with self.subTest(change=change):
                self.ctl(change)
                self.assertNotIn(self.digest(), seen)
                seen.append(self.digest())
                self.assertNotIn(self.hash(), hashes)
                hashes.append(self.hash())
                self.ctl(undo)
                self.assertEqual(self.digest(), seen[0])
                self.assertEqual(self.hash(), hashes[0])
        self.ctl('verify')


if __name__ == '__main__':
    harness.main()
