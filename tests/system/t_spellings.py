#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Other spellings of a locked or disabled login, on a real Postfix whose
passwords are in OpenLDAP or MariaDB: what logs in as that account is refused
at MAIL FROM, but for what a collation alone calls equal."""

import concurrent.futures
import os
import random
import unicodedata

import harness
import spelling_rig
from submission_cases import Submissions
from spelling_rig import DOVECOT, LISTENERS

SESSIONS = 4
# Spellings at random for each way to look a login up; 10000 take a minute.
RANDOM = int(os.environ.get('SPELLINGS', '500'))
SEED = 2026
LOCKED = ['alice@open.test', 'andr\u00e9@open.test']
DISABLED = ['mike.ski@open.test', 'stra\u00dfe@open.test']
ALLOWED = 'printer@open.test'
ACCOUNTS = LOCKED + DISABLED
REPLIES = dict.fromkeys(LOCKED, 'is locked for mailbox ')
REPLIES.update(dict.fromkeys(DISABLED, 'is disabled for mailbox '))

REMEDIED = ['ldap', 'general-user', 'uca-user']
LDAP, SQL, UCA = ['ldap', 'name'], list(DOVECOT), ['uca', 'uca-user']
# Spellings, and where they log in; none of them passes.
TABLE = {
    'ALICE@Open.TEST': LISTENERS,
    '\uff41lice@open.test': LDAP + UCA,                 # full width
    'AL\u0130CE@open.test': LISTENERS,                  # capital i with a dot
    'alice\uff20open.test': ['ldap'] + UCA,             # full-width @
    'alice@\uff4fpen.test': LDAP + UCA,
    '\U0001d41al\u24d8ce@open.test': LDAP + UCA,        # bold, circled
    'alice@open.test\u00a0': LDAP + UCA,                # no-break blank
    'alice@open.test\u3000': LDAP + UCA,                # ideographic blank
    'alice@open.test ': LISTENERS,
    'al\u200bice@open.test': UCA,                       # zero width
    'al\u00adice@open.test': UCA,                       # soft hyphen
    'andre\u0301@open.test': LDAP + UCA,
    'alice@': ['name'],
}
# These pass there unless something is done: where the domain is dropped before
# it is looked up, and what a collation alone calls equal.
OTHERS = {
    'alice@elsewhere.test': ['name'],
    'alice': ['name'],
    '\u00e1lice@open.test': SQL,
    'a\u0301lice@open.test': UCA,
    'andre@open.test': SQL,
    'mike.\u00dfki@open.test': ['general', 'general-user'],
    'strasse@open.test': UCA,
    'alice@\u00f3pen.test': ['name'] + SQL,
}
IGNORABLE = {0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xffa0,
             *range(0x180b, 0x1810), *range(0x2060, 0x2070),
             *range(0xfe00, 0xfe10), *range(0xe0000, 0xe1000)}
NOISE = ' \x01\x7f\u0085\u00a0\u2003\u202f\u3000\u00ad\u034f\u115f' \
        '\u200b\u200d\u2060\ufeff\ufe0f\u202e\U000e0041'


def overlooked(char):
    """Whether it is white space, a control, or cannot be seen."""
    return (ord(char) in IGNORABLE or char.isspace()
            or unicodedata.category(char) in ('Cc', 'Cf'))


def fold(text):
    """The text without width, case, blanks and what cannot be seen: what two
    spellings have in common that are one by Unicode's own rules.  Written
    here again, so that the program is not its own judge."""
    for _ in range(2):      # what is decomposed may have a case again
        text = unicodedata.normalize('NFKC', text).lower()
        text = ''.join(c for c in text if not overlooked(c))
    text = unicodedata.normalize('NFD', text).replace('\u0131', 'i')
    return unicodedata.normalize('NFC', text.replace('i\u0307', 'i'))


def same_by_unicode():
    """What can stand for a letter, or some, of an account: {text: chars}."""
    found = {}
    names = ' '.join(fold(account) for account in ACCOUNTS)
    for char in map(chr, range(0x110000)):
        if unicodedata.category(char) in ('Cn', 'Co', 'Cs'):
            continue
        plain = fold(char)
        if plain and plain != char and plain in names:
            found.setdefault(plain, []).append(char)
    return found


def one_by_one(account, alike, ignored):
    """Spellings that differ in one place."""
    plain = fold(account)
    for text, chars in alike.items():
        at = plain.find(text)
        if at >= 0:
            for char in chars:
                yield plain[:at] + char + plain[at + len(text):]
    for char in ignored:
        yield plain[:2] + char + plain[2:]
    for char in NOISE:
        for at in 0, plain.index('@'), plain.index('@') + 1, len(plain):
            yield plain[:at] + char + plain[at:]


def at_random(account, alike, ignored, dice):
    """A spelling that differs in several places."""
    changes = dice.random() ** 3
    out = dice.choice(NOISE) if dice.random() < 0.05 else ''
    for char in unicodedata.normalize('NFC', account):
        if dice.random() < changes:
            char = dice.choice(alike.get(fold(char), [char]) + [char.upper()])
        if dice.random() < 0.1:
            char = unicodedata.normalize('NFD', char)
        if dice.random() < 0.02:
            char += dice.choice(ignored or NOISE)
        out += char
    return out + (dice.choice(NOISE) if dice.random() < 0.1 else '')


class Spellings(Submissions):
    """One site for all tests; each has a policy and a milter anew."""

    skip = staticmethod(spelling_rig.missing)

    @classmethod
    def setUpClass(cls):
        if cls.skip():
            return
        cls.port = harness.free_port()
        cls.site = spelling_rig.Rig('inet:127.0.0.1:%d' % cls.port,
                                    ACCOUNTS + [ALLOWED])
        cls.addClassCleanup(cls.site.stop)
        cls.site.start()
        cls.unicode = same_by_unicode()

    def setUp(self):
        super().setUp()
        self.ctl('tenant add open --domain open.test --smtp-auth enabled')
        for login in LOCKED:
            self.ctl('mailbox', 'lock', login)
        for login in DISABLED:
            self.ctl('mailbox', 'set', login, '--smtp-auth', 'disabled')

    # -- trying logins -----------------------------------------------------

    def replies(self, listener, logins, sessions=SESSIONS):
        """{login: reply to MAIL FROM, None where it does not log in}."""
        logins = list(logins)

        def some(share):
            with self.site.session(listener) as session:
                return {login: session.attempt(login) for login in share}
        replies = {}
        with concurrent.futures.ThreadPoolExecutor(sessions) as pool:
            for part in pool.map(some, (logins[n::sessions]
                                        for n in range(sessions))):
                replies.update(part)
        return replies

    def passed(self, replies):
        """The logins that passed; the others were refused by the policy."""
        found = []
        for login, reply in replies.items():
            if reply == '250 2.1.0 Ok':
                found.append(login)
            elif reply:
                self.assertRegex(reply, r'^550 5\.7\.1 SMTP AUTH .* \[\w+\]$',
                                 ascii(login))
        return found

    def spellings(self, alike, ignored=''):
        """All that is tried: one place, several at random, and none twice."""
        dice = random.Random(SEED)
        found = {}
        for n, account in enumerate(ACCOUNTS):
            found.update(dict.fromkeys(one_by_one(
                account, alike, ignored[n::len(ACCOUNTS)])))
            for _ in range(RANDOM // len(ACCOUNTS)):
                found[at_random(account, alike, ignored, dice)] = None
        return list(found)

    def none_passes(self, listener, logins):
        """Of these, some hundreds log in, and none of them passes."""
        replies = self.replies(listener, logins)
        passed = self.passed(replies)
        count = sum(reply is not None for reply in replies.values())
        print('# %s: %d spellings tried, %d log in, %d of these pass' % (
            listener, len(replies), count, len(passed)))
        self.assertEqual(passed, [], ascii(passed))
        self.assertGreater(count, 300)

    # -- tests -------------------------------------------------------------

    def test_plain_logins(self):
        """Accounts that are refused as they are written, and one that is
        not, whatever their case."""
        with self.milter():
            for listener in LISTENERS:
                replies = self.replies(listener, [*REPLIES, ALLOWED,
                                                  ALLOWED.upper()])
                for login, text in REPLIES.items():
                    self.assertIn('SMTP AUTH ' + text, replies[login])
                self.assertEqual(self.passed(replies),
                                 [ALLOWED, ALLOWED.upper()])

    def test_table(self):
        tried = {**TABLE, **OTHERS}
        with self.milter():
            for listener in LISTENERS:
                replies = self.replies(listener, tried, len(tried))
                passed = self.passed(replies)
                where = [login for login in tried if listener in tried[login]]
                self.assertEqual([login for login in tried if replies[login]],
                                 where, listener)
                if listener in REMEDIED:
                    self.assertEqual(passed, [], listener)
                else:
                    self.assertCountEqual(passed, set(where) & set(OTHERS))

    def test_domains_of_nobody(self):
        """unknown-tenant reject, at the end of a rollout."""
        foreign = {login for login in OTHERS
                   if not login.endswith('@open.test')}
        with self.milter():
            for listener, count in ('name', 3), ('general', 1), ('uca', 1):
                for value, passing in ('accept', count), ('reject', 0):
                    self.ctl('settings', 'set', 'unknown-tenant', value,
                             '--force')
                    replies = self.replies(listener, foreign)
                    self.assertEqual(len(self.passed(replies)), passing,
                                     '%s, %s' % (listener, value))

    def test_openldap(self):
        with self.milter():
            self.none_passes('ldap', self.spellings(self.unicode))

    def test_openldap_without_smtputf8(self):
        with self.milter():
            self.none_passes('ascii', self.spellings(self.unicode) + ACCOUNTS
                             + list(TABLE))

    def test_openldap_without_the_domain(self):
        """saslauthd that drops the domain, and login-domain default."""
        logins = self.spellings(self.unicode)
        logins += [login.rpartition('@')[0] + '@elsewhere.test'
                   for login in logins]
        logins += [login for login in OTHERS if 'name' in OTHERS[login]]
        self.ctl('settings set default-domain open.test')
        self.ctl('settings set login-domain default')
        with self.milter():
            self.none_passes('name', logins)

    def collation(self, table):
        """What the collation of a table alone calls equal passes, where
        Dovecot hands on the login as typed; nothing else does."""
        collated, ignored = self.site.collated(table, set(''.join(ACCOUNTS)))
        alike = {text: collated.get(text, []) + chars
                 for text, chars in self.unicode.items()}
        logins = self.spellings(self.unicode)
        logins += self.spellings(alike, ignored)
        taken = self.site.taken(table, list(dict.fromkeys(logins)))
        accounts = {fold(account) for account in ACCOUNTS}
        with self.milter():
            replies = self.replies(table, taken)
            passed = self.passed(replies)
            same = [login for login in passed if fold(login) in accounts]
            self.assertEqual(same, [], ascii(same))
            self.show(table, replies, passed, {**collated, '': ignored})
            self.none_passes(table + '-user', taken)

    def show(self, table, replies, passed, collated):
        """Count and list what passed."""
        print('# %s: %d spellings taken, %d log in, %d of these pass, with' % (
            table, len(replies), sum(reply is not None for reply in
                                     replies.values()), len(passed)))
        used = set(''.join(passed))
        for letter, chars in sorted(collated.items()):
            only = [char for char in chars
                    if char in used and fold(char) != fold(letter)]
            if only:
                print('#   %s for %a' % (ascii(''.join(only))[1:-1], letter))
        self.assertGreater(len(passed), 0)

    def test_mariadb(self):
        self.collation('general')

    def test_mariadb_with_the_newer_collation(self):
        self.collation('uca')


if __name__ == '__main__':
    harness.main()
