# SPDX-License-Identifier: BSD-2-Clause
"""The bash completion of smtpauthctl, in a real bash."""

import os
import re
import shutil
import subprocess
import unittest

import harness

SCRIPT = os.path.join(harness.ROOT, 'contrib', 'bash-completion',
                      'smtpauthctl')
ASK = """
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_smtpauthctl "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@unittest.skipUnless(shutil.which('bash'), 'bash is missing')
class Completion(harness.Case):

    def setUp(self):
        super().setUp()
        self.ctl('tenant add acme --domain acme.test')
        self.ctl('mailbox set printer@acme.test --smtp-auth enabled')
        self.ctl('mailbox alias add printer@acme.test oldprinter')

    def ask(self, *line):
        """What bash offers for the last word of a command line, in the
        folder self.tmp."""
        argv = ['bash', '-c', ASK, 'bash', SCRIPT, harness.CTL,
                '-d', self.dir, *line]
        result = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.PIPE, timeout=60,
                                env=harness.ENV, cwd=self.tmp)
        self.transcript.append('%s\n%s%s' % (line, result.stdout,
                                             result.stderr))
        self.assertEqual(result.stderr, '')
        return set(result.stdout.split())

    def commands(self):
        """Every command of the help: words, arguments, options' values."""
        found = []
        help_text = self.ctl('--help').out
        nouns = ' | '.join(re.findall(r'^  ([a-z]+(?: \| [a-z]+)*)  ',
                                      help_text, re.M)).split(' | ')
        nouns += re.findall(r'\b[A-Z][a-z]+-[A-Z]\w+', help_text)
        for noun in nouns:
            for line in self.ctl(noun, '--help').lines:
                option = re.match(r' {6}(--?\w\S*)(?: (\S*))?', line)
                command = re.match(r'  ([A-Za-z]\S*(?: [a-z]\S*)*)(.*)', line)
                if option:
                    found[-1][2][option[1]] = option[2] or ''
                elif command:
                    name = re.split('  ', command[1])[0]
                    found.append((name.split(), command[2], {}))
        self.assertGreater(len(found), 20)
        return found

    def test_every_word_of_every_command_is_offered(self):
        for words, _, _ in self.commands():
            for i, word in enumerate(words):
                self.assertIn(word, self.ask(*words[:i], ''))
                self.assertEqual(self.ask(*words[:i], word[:-1]) >= {word},
                                 True, word)

    def test_commands_that_share_a_line_are_offered(self):
        self.assertLessEqual({'lock', 'unlock', 'locks', 'backup', 'restore'},
                             self.ask(''))
        self.assertEqual(self.ask('unl'), {'unlock'})
        self.assertEqual(self.ask('unlock', 'old'), {'oldprinter'})

    def test_help_is_of_commands(self):
        self.assertEqual(self.ask('hel'), {'help'})
        self.assertEqual(self.ask('help', 'ten'), {'tenant'})
        self.assertNotIn('help', self.ask('help', ''))
        self.assertEqual(self.ask('help', 'tenant', 'sh'), {'show'})
        self.assertEqual(self.ask('help', 'mailbox', 'alias', ''),
                         {'add', 'remove', 'list'})
        self.assertEqual(self.ask('help', 'tenant', 'show', ''), set())

    def test_every_option_is_offered_and_no_other(self):
        every = {'-c', '-d', '--json', '--actor', '--help'}
        for words, _, options in self.commands():
            self.assertEqual(self.ask(*words, '-') - every, set(options),
                             words)

    def test_values_of_options(self):
        found = 0
        for words, _, options in self.commands():
            for option, value in options.items():
                value = value.partition('  ')[0]   # without its word of help
                if '|' not in value or 'FILE' in value:
                    continue
                expected = set(re.findall(r'\b[A-Z]?[a-z]+\b', value))
                self.assertEqual(self.ask(*words, option, ''), expected,
                                 (words, option))
                found += 1
        self.assertGreater(found, 20)

    def test_files_and_names_as_values(self):
        with open(self.tmp + '/mail.log', 'w'):
            pass
        for option, expected in (
                ('--log', {'mail.log', 'state'}), ('--postfix', {'state'}),
                ('--login', {'printer@acme.test', 'oldprinter'}),
                ('--listener', set()), ('--mechanism', set())):
            self.assertEqual(self.ask('doctor', option, ''), expected, option)
            self.assertIn('--client', self.ask('doctor', option, 'x', '-'))

    def test_every_setting_is_offered(self):
        keys = {k.replace('_', '-') for k in self.json('settings show')}
        for verb in 'set', 'unset', 'add', 'remove':
            self.assertEqual(self.ask('settings', verb, ''), keys)

    def test_values_of_settings_are_taken_and_complete(self):
        found = 0
        for key in sorted(self.ask('settings', 'set', '')):
            offered = self.ask('settings', 'set', key, '')
            for value in offered:
                self.ctl('settings', 'set', key, value)
            wrong = self.ctl('settings', 'set', key, 'no such value!', rc=None)
            expected = re.search(r': use ([a-z]+(?:, [a-z]+)* or [a-z]+)$',
                                 wrong.err.strip())
            if expected:
                self.assertEqual(
                    offered, set(re.split(', | or ', expected[1])), key)
                found += 1
        self.assertGreater(found, 5)

    def test_names_from_the_policy(self):
        for line, expected in (
                (('tenant', 'show', ''), {'acme'}),
                (('tenant', 'show', 'x'), set()),
                (('domain', 'move', ''), {'acme.test'}),
                (('domain', 'move', 'acme.test', ''), {'acme'}),
                (('domain', 'add', ''), {'acme'}),
                (('mailbox', 'show', 'p'), {'printer@acme.test'}),
                (('mailbox', 'list', '--tenant', ''), {'acme'}),
                (('mailbox', 'alias', 'remove', 'old'), {'oldprinter'}),
                (('Set-CASMailbox', ''), {'printer@acme.test'}),
                (('Get-CASMailbox', '-ResultSize', '5', 'p'),
                 {'printer@acme.test'}),
                (('Set-TransportConfig', '-Organization', ''), {'acme'}),
                (('check', ''), {'printer@acme.test', 'oldprinter'})):
            self.assertEqual(self.ask(*line), expected, line)

    def test_options_may_stand_anywhere(self):
        for line in (('--json', 'tenant', 'show', ''),
                     ('tenant', '--json', 'show', ''),
                     ('--actor', 'me', 'tenant', 'show', ''),
                     ('tenant', 'set', '--note', 'a b', '')):
            self.assertEqual(self.ask(*line), {'acme'}, line)

    def test_without_a_policy_commands_are_still_offered(self):
        shutil.rmtree(self.dir)
        self.assertIn('show', self.ask('tenant', ''))
        self.assertEqual(self.ask('tenant', 'show', ''), set())


if __name__ == '__main__':
    harness.main()
