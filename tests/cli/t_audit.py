#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtpauthctl: what the audit log has of every command, and audit itself."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import unittest

import harness

ROOT = os.geteuid() == 0
UNSHARE = shutil.which('unshare')
KEYS = ['number', 'when', 'uid', 'login_uid', 'actor', 'command', 'type',
        'object', 'before', 'after', 'policy_digest', 'hash']
TENANT = {'smtp_auth': 'disabled', 'action': 'default', 'blocks': 'all',
          'enforce_from': None, 'tempfail_until': None,
          'contact': None, 'reply': None, 'note': None}
MAILBOX = {'smtp_auth': 'enabled', 'until': None, 'clients': [],
           'note': None}


def rfc3339(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


class Audit(harness.Case):

    def log(self, *args):
        return self.jsonl('audit', 'list', *args)

    def made(self, *args, **keys):
        """What a command writes: (command, object, before, after) each."""
        count = len(self.log())
        self.ctl(*args, **keys)
        entries = self.log()[count:]
        self.assertEqual(self.status()['audit_count'], count + len(entries))
        return [(e['command'], '%s %s' % (e['type'], e['object']),
                 e['before'], e['after']) for e in entries]

    def next_second(self):
        """Entries from now on are of another second; which."""
        then = int(time.time())
        harness.wait_for(lambda: int(time.time()) > then, what='second')
        return rfc3339(time.time())


class Commands(Audit):
    """Each command that writes."""

    given = (*Audit.given,
             'tenant add acme --domain a.test')

    def test_settings(self):
        made = self.made
        self.assertEqual(made('settings set action report'), [
            ('settings set', 'setting action', None, {'value': 'report'})])
        self.assertEqual(made('settings set action tempfail'), [
            ('settings set', 'setting action', {'value': 'report'},
             {'value': 'tempfail'})])
        self.assertEqual(made('settings unset action'), [
            ('settings unset', 'setting action', {'value': 'tempfail'},
             None)])
        self.assertEqual(made('settings add exempt-clients 192.0.2.1'), [
            ('settings add', 'setting exempt-clients', None,
             {'value': '192.0.2.1'})])
        self.ctl('settings add exempt-clients 192.0.2.2')
        self.assertEqual(made('settings remove exempt-clients 192.0.2.1'), [
            ('settings remove', 'setting exempt-clients',
             {'value': '192.0.2.1,192.0.2.2'}, {'value': '192.0.2.2'})])

    def test_tenants(self):
        made = self.made
        self.assertEqual(
            made('tenant add b --domain b.test --smtp-auth enabled'), [
                ('tenant add', 'tenant b', None,
                 {**TENANT, 'smtp_auth': 'enabled'}),
                ('tenant add', 'domain b.test', None, {'tenant': 'b'})])
        self.assertEqual(made('tenant set acme --note x --action report'), [
            ('tenant set', 'tenant acme', TENANT,
             {**TENANT, 'note': 'x', 'action': 'report'})])
        lock = made('tenant lock acme --note stolen --actor eve')
        self.assertEqual([entry[:3] for entry in lock], [
            ('tenant lock', 'tenant-lock acme', None)])
        when = lock[0][3].pop('when')
        self.assertRegex(when, r'^2\d\d\d-.*Z$')
        self.assertEqual(lock[0][3], {
            'until': None, 'note': 'stolen', 'who': 'eve'})
        self.assertEqual(made('tenant unlock acme'), [
            ('tenant unlock', 'tenant-lock acme',
             {**lock[0][3], 'when': when}, None)])
        for name in 'acme', 'tenant acme', 'tenant-lock acme', 'lock acme':
            found = self.jsonl('audit', 'list', '--object', name)
            self.assertLessEqual(
                {'tenant lock', 'tenant unlock'},
                {entry['command'] for entry in found}, name)
        self.assertEqual(self.jsonl('audit', 'list', '--object',
                                    'mailbox acme'), [])

    def test_removal_of_a_tenant_with_all_that_is_its_own(self):
        self.ctl('tenant add b --domain b.test --domain c.test')
        self.ctl('mailbox set u@b.test --smtp-auth enabled')
        self.ctl('mailbox alias add u@b.test short')
        made = self.made('tenant remove b --force')
        self.assertEqual({entry[0] for entry in made}, {'tenant remove'})
        self.assertCountEqual([entry[1:] for entry in made], [
            ('alias short', {'mailbox': 'u@b.test'}, None),
            ('mailbox u@b.test', MAILBOX, None),
            ('domain b.test', {'tenant': 'b'}, None),
            ('domain c.test', {'tenant': 'b'}, None),
            ('tenant b', TENANT, None)])

    def test_domains(self):
        made = self.made
        self.ctl('tenant add b')
        self.assertEqual(made('domain add acme c.test'), [
            ('domain add', 'domain c.test', None, {'tenant': 'acme'})])
        self.assertEqual(made('domain move c.test b'), [
            ('domain move', 'domain c.test', {'tenant': 'acme'},
             {'tenant': 'b'})])
        self.assertEqual([o['domain'] for o in self.jsonl(
            'domain list --tenant b')], ['c.test'])
        self.assertEqual([o['domain'] for o in self.jsonl(
            'domain list --tenant acme')], ['a.test'])
        self.assertEqual(made('domain remove c.test --force'), [
            ('domain remove', 'domain c.test', {'tenant': 'b'}, None)])
        self.ctl('verify')

    def test_mailboxes(self):
        made = self.made
        clients = {**MAILBOX, 'clients': ['192.0.2.0/24']}
        self.assertEqual(made('mailbox set U@A.test --smtp-auth enabled'), [
            ('mailbox set', 'mailbox u@a.test', None, MAILBOX)])
        self.assertEqual(made('mailbox set u@a.test --clients 192.0.2.0/24'),
                         [('mailbox set', 'mailbox u@a.test', MAILBOX,
                           clients)])
        lock = made('mailbox lock u@a.test --until 2099-01-01T00:00:00Z')
        self.assertEqual([entry[:3] for entry in lock], [
            ('mailbox lock', 'lock u@a.test', None)])
        self.assertEqual(lock[0][3]['until'], '2099-01-01T00:00:00Z')
        self.assertEqual(made('unlock u@a.test'), [
            ('unlock', 'lock u@a.test', lock[0][3], None)])
        for name in 'U@A.test', 'mailbox u@a.test', 'lock u@a.test':
            found = self.jsonl('audit', 'list', '--object', name)
            self.assertLessEqual(
                {'mailbox lock', 'unlock'},
                {entry['command'] for entry in found}, name)
        self.assertIn('locked=2099-01-01T00:00:00Z',
                      self.ctl('audit list').out)
        self.ctl('audit verify')
        self.assertEqual(made('mailbox remove u@a.test'), [
            ('mailbox remove', 'mailbox u@a.test', clients, None)])
        self.ctl('mailbox set u@a.test --smtp-auth disabled')
        self.assertEqual(made('mailbox set u@a.test --smtp-auth inherit'), [
            ('mailbox set', 'mailbox u@a.test',
             {**MAILBOX, 'smtp_auth': 'disabled'}, None)])

    def test_aliases(self):
        made = self.made
        self.assertEqual(made('mailbox alias add u@a.test ACME\\\\u'), [
            ('mailbox alias add', 'alias acme\\u', None,
             {'mailbox': 'u@a.test'})])
        self.assertEqual(made('mailbox alias remove ACME\\\\u'), [
            ('mailbox alias remove', 'alias acme\\u',
             {'mailbox': 'u@a.test'}, None)])

    def test_rollout(self):
        now = int(time.time())
        subprocess.run([harness.USAGE_FILL, self.dir], check=True, input=(
            'node since=%d until=%d\nu@a.test %d would-deny 1 192.0.2.1 '
            'PLAIN\n' % (now - 100 * 86400, now, now - 60)).encode())
        self.assertEqual(self.made('rollout grant --tenant acme --dry-run'),
                         [])
        made = self.made('rollout grant --tenant acme')
        self.assertEqual([entry[:3] for entry in made], [
            ('rollout grant', 'mailbox u@a.test', None)])
        self.ctl('tenant add idle --domain i.test --smtp-auth enabled')
        made = self.made('rollout disable-unused')
        self.assertEqual([entry[:2] for entry in made], [
            ('rollout disable-unused', 'tenant idle')])
        self.assertEqual(made[0][2]['smtp_auth'], 'enabled')
        self.assertEqual(made[0][3]['smtp_auth'], 'disabled')

    def test_who_fails_or_changes_nothing_writes_nothing(self):
        self.ctl('mailbox set u@a.test --smtp-auth enabled')
        self.ctl('settings set enforce no')
        self.ctl('settings add exempt-clients 192.0.2.1')
        self.ctl('mailbox alias add u@a.test short')
        before = self.status()
        for command, rc in (
                ('tenant add acme', 65), ('tenant set none --note x', 1),
                ('tenant add x --domain x.test --domain a.test', 65),
                ('tenant remove acme', 65), ('domain add acme a.test', 0),
                ('mailbox set u@a.test --smtp-auth enabled', 0),
                ('mailbox set u@no.test --smtp-auth enabled', 65),
                ('mailbox set n@a.test --smtp-auth inherit', 0),
                ('settings set enforce no', 0), ('settings set no x', 65),
                ('settings unset action', 0),
                ('settings add exempt-clients 192.0.2.1', (0, 65)),
                ('mailbox alias add u@a.test short', 0),
                ('mailbox unlock u@a.test', 1), ('mailbox remove x@a.test', 1),
                ('tenant set acme', (0, 64)), ('tenant unlock acme', 1),
                ('domain move a.test acme', 0), ('init', 0), ('verify', 0),
                ('status', 3), ('check u@a.test', None), ('audit list', 0),
                ('audit verify', 0), ('audit prune --before 1d', 0)):
            self.assertEqual(self.made(command, rc=rc), [], command)
        after = self.status()
        for key in 'audit_count', 'audit_head', 'policy_digest':
            self.assertEqual(before[key], after[key])

    def test_names_of_commands_fit(self):
        names = []
        for noun in re.findall(r'[A-Za-z][\w-]*', ' '.join(re.findall(
                r'^  ([A-Za-z][\w-]*(?: \| [A-Za-z][\w-]*)*)',
                self.ctl('--help').out, re.M))):
            for line in self.ctl(noun, '--help').lines:
                names += re.findall(r'^  ([A-Za-z]\S*(?: [a-z]\S*)*)', line)
        self.assertGreater(len(names), 50)
        self.assertLessEqual(max(map(len, names)), 40)


class Who(Audit):

    def actor(self, name, rc=0):
        self.ctl('settings', 'set', 'help-url', 'http://u.test/%d' % len(
            self.log()), '--actor', name, rc=rc)
        return self.log()[-1]['actor'] if rc == 0 else None

    def test_actor(self):
        for name in 'joe', 'Jörg (ticket 815)', 'x' * 100, '"\\ =':
            self.assertEqual(self.actor(name), name)
        self.assertIsNone(self.actor(''))
        for name in ('x' * 101, 'a\tb', 'a\nb', '\x7f', b'\xff',
                     'é' * 50 + 'x'):
            before = self.status()['audit_head']
            self.actor(name, rc=65)
            self.assertEqual(self.status()['audit_head'], before)

    @unittest.skipUnless(ROOT, 'needs root')
    def test_uid(self):
        self.ctl('settings set enforce no')
        self.assertEqual(self.log()[-1]['uid'], 0)
        os.chmod(self.tmp, 0o755)
        for folder, _, files in os.walk(self.dir):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(path, 65534, 65534)
        self.ctl('settings set enforce yes', user=65534, group=65534,
                 extra_groups=[])
        self.assertEqual(self.log()[-1]['uid'], 65534)
        self.assertIn('nobody', self.ctl('audit list').lines[-1])

    def test_login_uid(self):
        def log_in():
            with open('/proc/self/loginuid', 'w') as f:
                f.write('4242')
        with open('/proc/self/loginuid') as f:
            ours = int(f.read())
        self.ctl('settings set enforce no')
        self.assertEqual(self.log()[-1]['login_uid'],
                         None if ours == 2**32 - 1 else ours)
        try:
            self.ctl('settings set enforce yes', preexec_fn=log_in)
        except (OSError, subprocess.SubprocessError):
            return      # the kernel does not let us; null is what we saw
        self.assertEqual(self.log()[-1]['login_uid'], 4242)
        if os.geteuid() == 0:
            self.assertIn(' root (4242) ', self.ctl('audit list').lines[-1])


class Logged(Audit):
    """A log of five entries."""

    given = (*Audit.given,
             'tenant add acme --domain a.test --actor ann',
             'mailbox set u@a.test --smtp-auth enabled --actor ben',
             'mailbox alias add u@a.test Short --actor ben',
             'settings set enforce no')

    def damage(self, old, new):
        """Change these words where they stand in the file."""
        path = os.path.join(self.dir, 'policy.mdb')
        with open(path, 'rb') as f:
            data = f.read()
        self.assertIn(old, data)
        with open(path, 'wb') as f:
            f.write(data.replace(old, new))

    def numbers(self, *args):
        return [e['number'] for e in self.log(*args)]


class List(Logged):

    def test_keys(self):
        entries = self.log()
        self.assertEqual([list(e) for e in entries], [KEYS] * 5)
        self.assertEqual([e['number'] for e in entries], [1, 2, 3, 4, 5])
        status = self.status()
        self.assertEqual(entries[-1]['policy_digest'],
                         status['policy_digest'])
        self.assertEqual(entries[-1]['hash'], status['audit_head'])
        self.assertEqual(status['audit_count'], 5)
        self.assertIn('audit entries    5\naudit head       %s\n'
                      % status['audit_head'], self.ctl('status', rc=3).out)
        self.assertLess(abs(time.time() - time.mktime(time.strptime(
            entries[0]['when'], '%Y-%m-%dT%H:%M:%SZ')) + time.timezone), 60)

    def test_object(self):
        for name, numbers in (
                ('acme', [1]), ('ACME', [1]), ('a.test', [2]),
                ('A.Test.', [2]), ('u@a.test', [3]), ('U@A.TEST', [3]),
                ('mailbox u@a.test', [3]), ('Mailbox  U@a.test', [3]),
                ('alias u@a.test', []), ('short', [4]), ('SHORT', [4]),
                ('alias short', [4]), ('enforce', [5]),
                ('setting enforce', [5]), ('tenant enforce', []),
                ('nobody', []), ('x' * 2000, None)):
            if numbers is None:
                self.refused(['audit', 'list', '--object', name], 65,
                             '--object')
            else:
                self.assertEqual(self.numbers('--object', name), numbers,
                                 name)
        self.refused('audit list --object ""', 65, '--object')
        self.refused('audit list --object "tenant "', 65, '--object')
        self.ctl('settings set default-domain a.test')
        self.assertEqual(self.numbers('--object', 'u'), [3])

    def test_actor(self):
        self.assertEqual(self.numbers('--actor', 'ann'), [1, 2])
        self.assertEqual(self.numbers('--actor', 'ben'), [3, 4])
        self.assertEqual(self.numbers('--actor', ''), [5])
        self.assertEqual(self.numbers('--actor', 'be'), [])
        self.assertEqual(
            self.numbers('--actor', 'ben', '--object', 'short'), [4])
        self.refused(['audit', 'list', '--actor', 'x' * 101], 65, '--actor')

    def test_since(self):
        when = self.next_second()
        self.ctl('settings set enforce yes')
        self.ctl('settings set enforce no')
        self.assertEqual(self.numbers('--since', when), [6, 7])
        self.assertEqual(self.numbers('--since', '1h'), list(range(1, 8)))
        self.assertEqual(self.numbers('--since', '1970-01-01'),
                         list(range(1, 8)))
        self.assertEqual(self.numbers('--since', '0m', '--actor', 'ann'), [])
        self.refused('audit list --since 2099-01-01', 65, 'future')
        self.assertEqual(self.numbers('--since', '+1d'), list(range(1, 8)))
        self.refused('audit list --since soon', 65, '--since')

    def test_table(self):
        self.ctl('mailbox set u@a.test --smtp-auth disabled '
                 '--note "two words"')
        self.ctl('mailbox set u@a.test --note ""')
        lines = [re.split('  +', line)
                 for line in self.ctl('audit list').lines]
        self.assertEqual(lines[0], ['NUMBER', 'WHEN', 'USER', 'ACTOR',
                                    'COMMAND', 'OBJECT', 'CHANGE'])
        self.assertEqual([[line[0]] + line[3:] for line in lines[1:]], [
            ['1', 'ann', 'tenant add', 'tenant acme',
             '- -> smtp-auth=disabled'],
            ['2', 'ann', 'tenant add', 'domain a.test', '- -> tenant=acme'],
            ['3', 'ben', 'mailbox set', 'mailbox u@a.test',
             '- -> smtp-auth=enabled'],
            ['4', 'ben', 'mailbox alias add', 'alias short',
             '- -> mailbox=u@a.test'],
            ['5', '-', 'settings set', 'setting enforce', '- -> value=no'],
            ['6', '-', 'mailbox set', 'mailbox u@a.test',
             'smtp-auth=enabled -> smtp-auth=disabled note=two words'],
            ['7', '-', 'mailbox set', 'mailbox u@a.test',
             'note=two words -> -']])

    def test_an_empty_log(self):
        shutil.rmtree(self.dir)
        self.ctl('init')
        self.assertEqual(self.ctl('audit list').out, '')
        self.assertEqual(self.log('--since', '1d'), [])
        self.ctl('audit verify')
        self.ctl('audit prune --before 0m')
        status = self.status()
        self.assertEqual((status['audit_count'], status['audit_head']),
                         (0, None))

    def test_a_log_that_cannot_be_read(self):
        """The rows before it are shown, and that they are not all."""
        self.damage(b'\x03ben\x00\x11mailbox alias add',
                    b'\x03b\x00n\x00\x11mailbox alias add')
        result = self.ctl('audit list', rc=69)
        self.assertEqual(len(result.lines), 1 + 3)
        self.assertIn('behind entry 3', result.err)
        self.assertIn('audit verify', result.err)
        result = self.ctl('audit verify', rc=1)
        self.assertIn('entry 4: ', result.out)

    def test_a_change_that_cannot_be_read(self):
        """JSON has the entry without it: {} would be a mailbox."""
        self.damage(b'\0u\2\0\0\0\2\1\1', b'\0u\2\0\0\0\2\0\1')
        result = self.ctl('--json audit list', rc=69)
        entry = json.loads(result.lines[2])
        self.assertEqual(list(entry), [k for k in KEYS if k != 'after'])


class Verify(Logged):
    """Damage is done in the file itself; see check_audit, too."""

    def test_verify(self):
        status = self.status()
        self.assertEqual(
            self.ctl('audit verify').out, '5 audit entries verified\n'
            'audit head       %s\n' % status['audit_head'])
        self.assertEqual(self.json('audit verify'), {
            'findings': [], 'holds': True, 'problems': 0, 'entries': 5,
            'first': 1, 'last': 5, 'pruned_up_to': None,
            'head': status['audit_head']})

    def test_head(self):
        entries = self.log()
        for e in entries:
            got = self.json('audit', 'verify', '--head', e['hash'])
            self.assertEqual((got['head_number'], got['head_when']),
                             (e['number'], e['when']))
        self.assertIn('the given head is entry 3 of %s; 2 came after it'
                      % entries[2]['when'], self.ctl(
                          'audit', 'verify', '--head',
                          entries[2]['hash'].upper()).out)
        other = '0' * 63 + '1'
        self.ctl('audit verify --head', rc=64)
        self.ctl('audit', 'verify', '--head', other, rc=1)
        got = self.json('audit', 'verify', '--head', other, rc=1)
        self.assertEqual((got['holds'], got['head_number']), (False, None))
        self.assertEqual([f['problem'] for f in got['findings']],
                         ['no-head'])
        for bad in '', 'x', '0' * 63, '0' * 65, 'g' * 64:
            self.refused(['audit', 'verify', '--head', bad], 65, '--head')

    def test_an_older_database(self):
        """Put back whole, it holds; a head that was noted tells."""
        path = os.path.join(self.dir, 'policy.mdb')
        shutil.copy(path, path + '.old')
        old = self.status()['audit_head']
        self.ctl('settings set enforce yes')
        head = self.status()['audit_head']
        os.rename(path + '.old', path)
        self.ctl('audit verify')
        self.ctl('audit', 'verify', '--head', old)
        self.ctl('audit', 'verify', '--head', head, rc=1)

    def test_an_altered_entry(self):
        self.damage(b'\x03ben\x00\x0bmailbox set',
                    b'\x03eve\x00\x0bmailbox set')
        result = self.ctl('audit verify', rc=1)
        self.assertRegex(result.out, r'^entry 3 \(\d{4}-.*Z, mailbox set\): '
                         'its hash does not hold')
        self.assertEqual(len(result.lines), 1)
        self.assertEqual(result.err, 'smtpauthctl: the audit log does not '
                         'hold: 1 problem\n')
        got = self.json('audit verify', rc=1)
        self.assertEqual(
            [(f['number'], f['problem'], f['command'])
             for f in got['findings']], [(3, 'altered', 'mailbox set')])
        self.refused('audit prune --before 0m', 65, 'entry 3', '--force')
        self.next_second()
        self.ctl('audit prune --before 0m --force')
        self.ctl('audit verify')

    def test_many_altered_entries(self):
        for i in range(30):
            self.ctl('settings', 'set', 'help-url', 'http://u.test/%d' % i,
                     '--actor', 'mallory')
        self.damage(b'mallory', b'marlowe')
        result = self.ctl('audit verify', rc=1)
        self.assertEqual(len(result.lines), 21)
        self.assertEqual(result.lines[-1], '... and 10 more')
        self.assertIn('30 problems', result.err)
        got = self.json('audit verify', rc=1)
        self.assertEqual((len(got['findings']), got['problems']), (20, 30))

    def test_escapes(self):
        """What somebody wrote into the file does not reach the terminal."""
        self.ctl('settings set enforce yes --actor longername')
        self.damage(b'longername', b'\x1b[2J\xffname\x07')
        result = self.ctl('audit list')
        self.assertNotIn('\x1b', result.out)
        self.assertIn('\\x1B[2J\\xFFname\\x07', result.out)
        self.log()


class Links(Logged):
    """smtpauthctl verify names what its sums cannot; see
    check_verify_links, too."""

    def test_an_index_that_does_not_fit(self):
        self.damage(b'Dacme\0a.test', b'Dacme\0b.test')
        result = self.ctl('verify', rc=1)
        self.assertEqual(result.out, '')
        self.assertEqual(result.err, (
            'smtpauthctl: the indexes of domains and aliases do not fit the '
            'records; domain b.test stands among those of tenant acme, and '
            'belongs to nobody\n'))

    def test_a_record_that_was_altered(self):
        """Only the digest can tell, and there is nothing to add."""
        self.ctl('mailbox set u@a.test --note some-words')
        self.damage(b'some-words', b'more-words')
        result = self.ctl('verify', rc=1)
        self.assertRegex(result.err, 'digest does not hold.*[^;]*$')
        self.assertNotIn(';', result.err)


class Prune(Audit):

    def test_prune(self):
        for i in range(3):
            self.ctl('settings', 'set', 'usage-nodes', str(i + 2))
        heads = [e['hash'] for e in self.log()]
        when = self.next_second()
        self.ctl('settings set enforce no')
        self.next_second()
        self.assertEqual(self.ctl('audit', 'prune', '--before', when,
                                  '--actor', 'joe').out,
                         '3 audit entries removed\n')
        entries = self.log()
        self.assertEqual([e['number'] for e in entries], [3, 4, 5])
        stub, _, prune = entries
        summary = {'pruned_up_to': 3, 'pruned_hash': heads[2]}
        self.assertEqual(stub, {**dict.fromkeys(KEYS), 'number': 3,
                                'hash': heads[2], 'summary': summary})
        self.assertEqual(prune['summary'], {**summary, 'removed': 3})
        self.assertEqual((prune['command'], prune['actor'], prune['type'],
                          prune['object'], prune['before'], prune['after']),
                         ('audit prune', 'joe', None, None, None, None))
        self.assertIn('entries 1 to 3 pruned',
                      self.ctl('audit list').lines[1])
        self.assertEqual(self.status()['audit_count'], 5)
        self.assertIn('entries 1 to 3 are pruned\n2 audit entries verified',
                      self.ctl('audit verify').out)
        self.ctl('audit', 'verify', '--head', heads[2])
        result = self.ctl('audit', 'verify', '--head', heads[1], rc=1)
        self.assertIn('pruned', result.out)
        self.assertEqual([e['number'] for e in self.log('--since', '1h')],
                         [4, 5])
        self.ctl('verify')

    def test_nothing_to_prune(self):
        self.ctl('settings set enforce no')
        before = self.status()
        self.assertEqual(self.json('audit prune --before 1h'),
                         {'removed': 0, 'pruned_up_to': None})
        self.assertEqual(self.status(), before)

    @harness.at_length
    def test_prune_again(self):
        self.ctl('settings set enforce no')
        self.next_second()
        self.assertEqual(self.json('audit prune --before 0m'),
                         {'removed': 1, 'pruned_up_to': 1})
        self.next_second()
        self.assertEqual(self.json('audit prune --before 0m'),
                         {'removed': 0, 'pruned_up_to': None})
        self.ctl('settings set enforce yes')
        self.next_second()
        self.assertEqual(self.json('audit prune --before 0m'),
                         {'removed': 2, 'pruned_up_to': 3})
        self.ctl('audit verify')

    def test_refused(self):
        self.refused('audit prune', 64, '--before')
        self.refused('audit prune --before 2099-01-01', 65, 'future')
        self.refused('audit prune --before +1x', 65, '--before')
        self.refused('audit prune --before none', 65, '--before')


@unittest.skipUnless(ROOT and UNSHARE, 'a /dev/log of its own needs root '
                     'and unshare (package util-linux)')
class Syslog(Audit):
    """With a /dev/log of its own, in a mount namespace."""

    SCRIPT = ('mount -t tmpfs none /mnt && touch /mnt/null /mnt/urandom '
              '/mnt/log && mount --bind /dev/null /mnt/null && '
              'mount --bind /dev/urandom /mnt/urandom && '
              'mount --bind "$0" /mnt/log && mount --move /mnt /dev && '
              'exec "$@"')

    def logged(self, *args, rc=0):
        """The lines that a command sends."""
        path = os.path.join(self.tmp, 'log')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(path)
            receiver.setblocking(False)
            argv = [UNSHARE, '--mount', '/bin/sh', '-c', self.SCRIPT, path,
                    harness.CTL, '-d', self.dir, *harness.words(args)]
            result = subprocess.run(argv, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, env=harness.ENV,
                                    timeout=harness.TIMEOUT)
            self.assertEqual(result.returncode, rc, result.stderr)
            lines = []
            try:
                while True:
                    lines.append(receiver.recv(65536).decode())
            except BlockingIOError:
                os.unlink(path)
                return lines

    def test_each_commit_is_told_once(self):
        lines = self.logged(
            'tenant add acme --domain a.test --actor "the boss"')
        status = self.status()
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], (
            r'^<85>.* smtpauthctl\[\d+\]: audit head=%s count=2 '
            r'command="tenant add" uid=0 login_uid=(-1|\d+) '
            r'actor=the\\x20boss\0?$' % status['audit_head']))
        self.ctl('audit', 'verify', '--head',
                 re.search('head=([0-9a-f]+)', lines[0])[1])
        lines = self.logged('settings set enforce no')
        self.assertEqual(len(lines), 1, lines)
        self.assertIn('head=%s count=3 ' % self.status()['audit_head'],
                      lines[0])
        self.next_second()
        lines = self.logged('audit prune --before 0m')
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(' count=4 command="audit prune" ', lines[0])

    def test_nothing_else_is_told(self):
        self.ctl('tenant add acme --domain a.test')
        for command, rc in (
                ('tenant add acme', 65), ('tenant set none --note x', 1),
                ('tenant unlock acme', 1), ('tenant show acme', 0),
                ('audit list', 0), ('audit verify', 0), ('verify', 0),
                ('audit prune --before 1d', 0), ('check u@a.test', 11)):
            self.assertEqual(self.logged(command, rc=rc), [], command)


if __name__ == '__main__':
    harness.main()
