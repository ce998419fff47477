#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The recipes of contrib/panels/README.md, typed as they stand, against real databases."""

import glob
import os
import re
import shlex
import shutil
import subprocess
import unittest

import harness

SRC = os.environ.get('srcdir', '..')
README = os.path.join(SRC, 'contrib', 'panels', 'README.md')
# The folder of its server's programs, which Debian keeps out of PATH.
POSTGRES = max(glob.glob('/usr/lib/postgresql/*/bin'), default=None)

# The tables of the panels, with the columns that matter here and some besides.
SWITCHED = ("INSERT INTO mailbox (username, domain, %s) VALUES "
            "('eva@fab.test', 'fab.test', %s), ('mfp@fab.test', 'fab.test', %s), "
            "('o''neil@fab.test', 'fab.test', %s);")
DOMAINS = """
CREATE TABLE domain (domain varchar(255) NOT NULL PRIMARY KEY,
    description varchar(255) NOT NULL DEFAULT '', active tinyint(1) NOT NULL DEFAULT 1);
INSERT INTO domain (domain) VALUES ('ALL'), ('fab.test'), ('other.test');
"""
POSTFIXADMIN = """
CREATE TABLE mailbox (username varchar(255) NOT NULL PRIMARY KEY,
    password varchar(255) NOT NULL DEFAULT '', domain varchar(255) NOT NULL,
    active tinyint(1) NOT NULL DEFAULT 1, smtp_active tinyint(1) NOT NULL DEFAULT 1);
""" + SWITCHED % ('smtp_active', 0, 1, 0)
MAILCOW = """
CREATE TABLE mailbox (username varchar(255) NOT NULL PRIMARY KEY,
    domain varchar(255) NOT NULL, attributes JSON, kind varchar(100) NOT NULL DEFAULT '',
    active tinyint(1) NOT NULL DEFAULT 1);
""" + SWITCHED % ('attributes', *("'{\"smtp_access\":\"%d\",\"imap_access\":\"1\"}'" % n
                                  for n in (0, 1, 0))) + """
INSERT INTO mailbox (username, domain, kind, attributes)
    VALUES ('room@fab.test', 'fab.test', 'location', '{"smtp_access":"0"}');
"""
IREDMAIL = """
CREATE TABLE mailbox (username varchar(255) NOT NULL PRIMARY KEY,
    domain varchar(255) NOT NULL, enablesmtp tinyint(1) NOT NULL DEFAULT 1,
    enablesmtpsecured tinyint(1) NOT NULL DEFAULT 1);
""" + SWITCHED % ('enablesmtp, enablesmtpsecured', '0, 0', '0, 1', '0, 0')
MODOBOA = """
CREATE TABLE core_user (id int PRIMARY KEY, username varchar(254) NOT NULL,
    is_active tinyint(1) NOT NULL);
CREATE TABLE admin_mailbox (id int PRIMARY KEY, address varchar(252) NOT NULL,
    is_send_only tinyint(1) NOT NULL, user_id int NOT NULL);
INSERT INTO core_user VALUES (1, 'admin', 1), (2, 'eva@fab.test', 1), (3, 'mfp@fab.test', 1);
INSERT INTO admin_mailbox VALUES (7, 'eva', 0, 2), (8, 'mfp', 1, 3);
"""
ISPCONFIG = """
CREATE TABLE mail_user (mailuser_id int PRIMARY KEY, email varchar(255) NOT NULL,
    login varchar(255) NOT NULL, disablesmtp enum('n','y') NOT NULL DEFAULT 'n');
INSERT INTO mail_user VALUES (1, 'eva@fab.test', 'eva@fab.test', 'y'),
    (2, 'mfp@fab.test', 'mfp@fab.test', 'n'), (3, 'o''neil@fab.test', 'o''neil@fab.test', 'y');
"""
DATABASES = {'postfix': DOMAINS + POSTFIXADMIN, 'mailcow': MAILCOW, 'vmail': IREDMAIL,
             'modoboa': MODOBOA, 'dbispconfig': ISPCONFIG}
OFF = {'eva@fab.test': 'disabled', "o'neil@fab.test": 'disabled'}


def recipes():
    """The commands of the page, by their headings, without those of a shell prompt."""
    found = {}
    with open(README) as f:
        text = f.read()
    for title, body in re.findall(r'^## (.*?)\n(.*?)(?=^## |\Z)', text, re.M | re.S):
        found[title] = re.findall(r'^```sh\n(.*?)^```$', body, re.M | re.S)
    return found


class Server:
    """A private MariaDB: a socket in a folder, no port, ended by its own process."""

    def __init__(self, case):
        self.folder = folder = case.tmp
        self.socket = os.path.join(folder, 'socket')
        self.data = os.path.join(folder, 'data')
        self.user = ['--user=root'] if os.geteuid() == 0 else []
        with open(os.path.join(folder, '.my.cnf'), 'w') as f:
            f.write('[client]\nsocket=%s\nuser=root\n' % self.socket)
        subprocess.run(
            ['mariadb-install-db', '--no-defaults', '--datadir=' + self.data,
             '--auth-root-authentication-method=normal', '--skip-test-db', *self.user],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        self.process = subprocess.Popen(
            ['mariadbd', '--no-defaults', '--datadir=' + self.data,
             '--socket=' + self.socket, '--skip-networking', '--pid-file=' + os.path.join(
                 folder, 'pid'), *self.user],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        case.addCleanup(self.end)
        harness.wait_for(self.answers, what='mariadbd on ' + self.socket)

    def answers(self):
        assert self.process.poll() is None, 'mariadbd has ended'
        return self.run('SELECT 1;', '').returncode == 0

    def run(self, sql, database):
        return subprocess.run(['mysql', *([database] if database else [])],
                              input=sql.encode(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE,
                              env={**os.environ, 'HOME': self.folder})

    def end(self):
        self.process.terminate()
        self.process.wait()


class Postgres:
    """A private PostgreSQL, in the same way; as root it has the rights of postgres."""

    def __init__(self, case):
        self.folder = folder = os.path.join(case.tmp, 'postgres')
        user = 'postgres' if os.geteuid() == 0 else None
        os.mkdir(folder)
        os.chmod(case.tmp, 0o755)
        if user:
            shutil.chown(folder, user)
        how = {'cwd': folder, 'user': user, 'group': user, 'stdout': subprocess.DEVNULL,
               'stderr': subprocess.DEVNULL}
        data = os.path.join(folder, 'data')
        subprocess.run([POSTGRES + '/initdb', '-D', data, '-A', 'trust', '-U', 'postgres',
                        '--no-sync'], check=True, **how)
        self.process = subprocess.Popen(
            [POSTGRES + '/postgres', '-D', data, '-k', folder, '-c', 'listen_addresses=',
             '-c', 'fsync=off'], **how)
        case.addCleanup(self.end)
        self.env = {'PGHOST': folder, 'PGUSER': 'postgres'}
        harness.wait_for(lambda: self.run('SELECT 1;').returncode == 0, what='postgres')

    def run(self, sql):
        return subprocess.run(['psql', '-q', '-v', 'ON_ERROR_STOP=1', 'postgres'],
                              input=sql.encode(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env={**os.environ, **self.env})

    def end(self):
        self.process.terminate()
        self.process.wait()


class Panels(harness.Case):

    given = (*harness.Case.given,
             'tenant add fab --domain fab.test --smtp-auth enabled')

    def setUp(self):
        super().setUp()
        bin_folder = os.path.join(self.tmp, 'bin')
        os.mkdir(bin_folder)
        program = os.path.join(bin_folder, 'smtpauthctl')
        with open(program, 'w') as f:
            f.write('#!/bin/sh\nexec %s -d %s "$@"\n' % (
                shlex.quote(self.program), shlex.quote(self.dir)))
        os.chmod(program, 0o755)
        self.env = {**harness.ENV, 'HOME': self.tmp,
                    'PATH': bin_folder + ':/usr/sbin:/sbin:' + os.environ['PATH']}

    def file(self, name, text):
        with open(os.path.join(self.tmp, name), 'w') as f:
            f.write(text)

    def type(self, command, expected):
        """Type a recipe where its files are, and look at what it made."""
        for box in self.jsonl('mailbox list'):
            self.ctl('mailbox', 'remove', box['address'])
        r = subprocess.run(['sh', '-c', command], cwd=self.tmp, env=self.env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        self.assertEqual((r.returncode, r.stderr), (0, b''), command)
        self.assertEqual({m['address']: m['smtp_auth']
                          for m in self.jsonl('mailbox list')}, expected, command)

    def test_databases(self):
        server = Server(self)
        for name, sql in DATABASES.items():
            self.assertEqual(server.run('CREATE DATABASE %s;' % name, '').stderr, b'')
            self.assertEqual(server.run(sql, name).stderr, b'')
        r = recipes()
        self.type(r['PostfixAdmin'][0], OFF)
        self.type(r['mailcow'][0], OFF)
        self.type(r['iRedMail'][0], OFF)
        self.type(r['Modoboa'][0], {'mfp@fab.test': 'enabled'})
        self.type(r['ISPConfig'][0], OFF)
        self.ctl('tenant remove fab --force')
        self.type(r['Tenants first'][0], {})
        self.assertEqual({t['name']: t['domains'] for t in self.jsonl('tenant list')},
                         {'fab.test': ['fab.test'], 'other.test': ['other.test']})

    @unittest.skipUnless(POSTGRES and shutil.which('psql'), 'no PostgreSQL')
    def test_postgresql(self):
        """As the page says: the same with psql. Its booleans are no numbers."""
        server = Postgres(self)
        for sql in (POSTFIXADMIN, MODOBOA):
            made = re.sub(r'tinyint\(1\)', 'boolean', sql)
            made = re.sub(r'DEFAULT 1\b', 'DEFAULT true', made)
            made = re.sub(r"(test'|'eva'|'mfp'|'admin'), ([01])\b", r"\1, '\2'", made)
            self.assertEqual(server.run(made).returncode, 0, made)
        self.env.update(server.env)
        r = recipes()
        for command, expected in ((r['PostfixAdmin'][0], OFF),
                                  (r['Modoboa'][0], {'mfp@fab.test': 'enabled'})):
            command = re.sub('mysql -B -e (".*?") [a-z]+ ', r'psql --csv -c \1 postgres ',
                             command, flags=re.S)
            self.assertIn('psql', command)
            self.type(command, expected)

    def test_sqlite(self):
        path = os.path.join(self.tmp, 'postfixadmin.db')
        subprocess.run(['sqlite3', path], input=POSTFIXADMIN.encode(), check=True)
        self.type(recipes()['PostfixAdmin'][1].replace(
            '/var/lib/postfixadmin/postfixadmin.db', shlex.quote(path)), OFF)

    def test_files(self):
        r = recipes()
        self.file('mailbox.json', '[{"username":"eva@fab.test","active":1,"attributes":'
                  '{"smtp_access":"0"}},{"username":"mfp@fab.test","active":1,'
                  '"attributes":{"smtp_access":"1"}}]')
        self.type(r['mailcow'][1], {'eva@fab.test': 'disabled'})
        self.file('modoboa.csv', 'domain;fab.test;0;0;TRUE\n'
                  'account;eva@fab.test;{CRYPT}x;Eva;M;FALSE;SimpleUsers;eva@fab.test;0\n'
                  'account;mfp@fab.test;{CRYPT}x;M;P;TRUE;SimpleUsers;mfp@fab.test;0\n')
        self.type(r['Modoboa'][1], {'eva@fab.test': 'disabled'})
        self.file('users', '# users\neva@fab.test:{PLAIN}x::::::nologin\n'
                  'mfp@fab.test:{PLAIN}x::::::allow_nets=192.0.2.0/24,2001:db8::/32 x=y\n'
                  'a@fab.test:{PLAIN}x::::::\n'
                  'b@fab.test:{PLAIN}no nologin pw:1:1:nologin user:/home/b:/x nologin:\n'
                  'c@fab.test:{PLAIN}x::::::user_allow_nets=10.0.0.0/8 '
                  'userdb_x=nologin\n'
                  'd@fab.test:{PLAIN}x::::::nologin=y allow_nets=192.0.2.0/24\n'
                  'e@fab.test:{PLAIN}nologin\n')
        self.type(r['Dovecot\'s passwd-file'][0].replace(
            '/etc/dovecot/users', 'users'),
            {'eva@fab.test': 'disabled', 'mfp@fab.test': 'enabled',
             'd@fab.test': 'disabled'})
        self.assertEqual(self.json('mailbox show mfp@fab.test')['clients'],
                         ['192.0.2.0/24', '2001:db8::/32'])

    def test_access_tables(self):
        r = recipes()["Postfix's check_sasl_access"]
        self.file('sasl_access', '# suspended\neva@fab.test\tREJECT Ask the help desk\n'
                  'mfp@fab.test OK\n')
        expected = {'eva@fab.test': 'disabled', 'mfp@fab.test': 'enabled'}
        for command in r:
            command = command.replace('/etc/postfix/', self.tmp + '/')
            if 'postmap' in command:
                self.file('main.cf', 'compatibility_level = 3.6\n')
                self.env['MAIL_CONFIG'] = self.tmp
                subprocess.run(['postmap', 'hash:' + self.tmp + '/sasl_access'],
                               env=self.env, check=True)
                os.unlink(os.path.join(self.tmp, 'sasl_access'))
            self.type(command, expected)
            self.assertEqual(self.json('mailbox show eva@fab.test')['note'],
                             'Ask the help desk')

    def test_every_recipe_is_typed(self):
        """The numbers above are those of the page."""
        self.assertEqual({title: len(found) for title, found in recipes().items()}, {
            'Tenants first': 1, 'PostfixAdmin': 2, 'mailcow': 2, 'iRedMail': 1,
            'Modoboa': 2, 'ISPConfig': 1, "Dovecot's passwd-file": 1,
            "Postfix's check_sasl_access": 2})


if __name__ == '__main__':
    harness.main()
