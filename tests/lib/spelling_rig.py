# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix whose passwords are in OpenLDAP and in MariaDB, in a
temporary folder on loopback ports: for tests of what these take for one
login.  Its listeners are LISTENERS, each with its way to look a login up, and
'ascii', which is 'ldap' where Postfix does not show what is not ASCII.

    with Rig('inet:127.0.0.1:8899', ['alice@open.test']) as site:
        with site.session('ldap') as session:
            print(session.attempt('Alice@Open.test'))

All users have one password.  No service of the machine is started or
touched, and nothing stays behind.  Needs root: the servers change users.
"""

import base64
import os
import shutil
import socket
import struct
import subprocess

import harness
import postfix_rig
from postfix_rig import PATH

PASSWORD = 'open sesame'
# How saslauthd is started: 'name' looks the login up without its domain.
CYRUS = {'ldap': 'saslauthd -r', 'name': 'saslauthd'}
# Tables, and what a listener of Dovecot asks for: the password alone, or
# also the name as it is stored.
# MariaDB's default changed with 11.5, so that each collation is named.
TABLES = {'general': 'COLLATE utf8mb4_general_ci',
          'uca': 'COLLATE utf8mb4_uca1400_ai_ci'}
PLAIN, STORED = 'password', 'userid AS user, password'
DOVECOT = {'general': ('general', PLAIN),
           'general-user': ('general', STORED),
           'uca': ('uca', PLAIN), 'uca-user': ('uca', STORED)}
LISTENERS = [*CYRUS, *DOVECOT]

SLAPD_CONF = """\
modulepath /usr/lib/ldap
moduleload back_mdb
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
database mdb
suffix dc=test
directory {dir}/ldap
dbnosync
index objectClass,uid eq
"""
LDIF_HEAD = """\
dn: dc=test
objectClass: dcObject
objectClass: organization
dc: test
o: test

dn: ou=ldap,dc=test
objectClass: organizationalUnit
ou: ldap

dn: ou=name,dc=test
objectClass: organizationalUnit
ou: name

"""
LDIF = """\
dn: employeeNumber={number},ou={unit},dc=test
objectClass: inetOrgPerson
employeeNumber: {number}
cn: {number}
sn: {number}
uid:: {uid}
userPassword: {password}

"""
SASLAUTHD_CONF = """\
ldap_servers: ldap://127.0.0.1:{port}
ldap_search_base: ou={unit},dc=test
ldap_filter: (uid=%u)
"""
SMTPD_CONF = """\
pwcheck_method: saslauthd
mech_list: PLAIN LOGIN
saslauthd_path: {dir}/saslauthd-{name}/mux
"""
MY_CNF = """\
[mysqld]
datadir = {dir}/mariadb
socket = {dir}/mariadb/sock
pid-file = {dir}/mariadb/pid
log-error = {dir}/mariadb/log
character-set-server = utf8mb4
skip-networking
skip-grant-tables
skip-innodb
default-storage-engine = Aria
user = mysql
[client]
socket = {dir}/mariadb/sock
default-character-set = utf8mb4
"""
DOVECOT_CONF = """\
protocols =
base_dir = {dir}/{name}
state_dir = {dir}/{name}
log_path = {dir}/{name}.log
ssl = no
auth_mechanisms = plain login
auth_username_chars =
auth_failure_delay = 0
service auth {{
  unix_listener {dir}/{name}.auth {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
DOVECOT_2_3 = """\
passdb {{
  driver = sql
  args = {dir}/{name}.sql
}}
"""
DOVECOT_SQL_2_3 = """\
driver = mysql
connect = host={dir}/mariadb/sock dbname=mail user=root \
option_file={dir}/my.cnf option_group=client
default_pass_scheme = PLAIN
password_query = SELECT {columns} FROM {table} WHERE userid = '%u'
"""
DOVECOT_VERSION_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""
DOVECOT_2_4 = """\
sql_driver = mysql
mysql mail {{
  host = {dir}/mariadb/sock
  dbname = mail
  user = root
  option_file = {dir}/my.cnf
  option_group = client
}}
passdb sql {{
  default_password_scheme = PLAIN
  query = SELECT {columns} FROM {table} WHERE userid = '%{{user}}'
}}
"""


def missing():
    """What keeps the rig from running here, in words, or None."""
    if postfix_rig.missing():
        return postfix_rig.missing()
    for program, package in (('slapd', 'slapd'), ('slapadd', 'slapd'),
                             ('saslauthd', 'sasl2-bin'),
                             ('mariadbd', 'mariadb-server'),
                             ('mariadb', 'mariadb-client')):
        if not shutil.which(program, path=PATH):
            return '%s is missing (package %s)' % (program, package)
    if not os.path.exists('/usr/lib/dovecot/modules/auth/'
                          'libdriver_mysql.so'):
        return 'dovecot-mysql is missing'
    return None


class Rig(postfix_rig.Rig):

    def __init__(self, milter, logins):
        listeners = {name: {'smtpd_sasl_type': 'cyrus',
                            'smtpd_sasl_path': name} for name in CYRUS}
        super().__init__({}, dict.fromkeys(logins, PASSWORD),
                         {'smtpd_milters': milter})
        self.main['cyrus_sasl_config_path'] = os.path.join(
            self.dir, 'etc', 'sasl')
        listeners['ascii'] = {'smtpd_sasl_type': 'cyrus', 'smtpd_sasl_path':
                              'ldap', 'smtputf8_enable': 'no'}
        for name in DOVECOT:
            listeners[name] = {
                'smtpd_sasl_path': os.path.join(self.dir, name + '.auth')}
        self.listeners = listeners

    def _start_passwords(self):
        self._start_mariadb()
        port = self._start_ldap()
        for name in DOVECOT:
            self._start_dovecot(name + '.conf', name + '.auth')
        for name in CYRUS:
            self._start_saslauthd(name, port)

    def _run(self, *command, **popen):
        done = subprocess.run(
            command, env=self.env, stdout=subprocess.PIPE, check=False,
            stderr=subprocess.STDOUT, timeout=harness.TIMEOUT, **popen)
        assert done.returncode == 0, '%s: %s' % (command, done.stdout)
        return done.stdout.decode()

    def _folder(self, name, user):
        path = os.path.join(self.dir, name)
        os.mkdir(path)
        os.chmod(path, 0o755)
        shutil.chown(path, user, user)
        return path

    def _wait_socket(self, child, family, address):
        def answers():
            assert child.poll() is None, 'ended: ' + self._read('output')
            with socket.socket(family) as probe:
                return probe.connect_ex(address) == 0
        harness.wait_for(answers, what='answer at %s' % (address,))

    # -- MariaDB and Dovecot ---------------------------------------------

    def sql(self, text):
        """What the client of MariaDB prints, a line for a row."""
        return self._run(
            'mariadb', '--defaults-file=%s/my.cnf' % self.dir, '-N', '-B',
            input=text.encode()).splitlines()

    def collated(self, table, letters):
        """What the collation of a table calls equal to each of the letters,
        {letter: characters}, and what it overlooks."""
        self.sql(
            'USE mail; CREATE TABLE IF NOT EXISTS %s_chars (c VARCHAR(1)) %s; '
            'INSERT INTO %s_chars SELECT CHAR(seq USING utf32) FROM '
            'seq_1_to_1114111 WHERE seq NOT BETWEEN 0xd800 AND 0xdfff' % (
                table, TABLES[table], table))

        def select(condition):
            lines = self.sql("USE mail; SELECT HEX(CONVERT(c USING utf32)) "
                             "FROM %s_chars WHERE %s" % (table, condition))
            return [chr(int(line, 16)) for line in lines]
        alike = {letter: select("c = '%s'" % letter) for letter in letters}
        return alike, select("CONCAT('a', c, 'b') = 'ab'")

    def taken(self, table, logins):
        """Those of the logins for which a table has an account."""
        rows = ', '.join("(%d, X'%s')" % (n, login.encode().hex())
                         for n, login in enumerate(logins))
        lines = self.sql(
            'USE mail; CREATE TEMPORARY TABLE tried (n INT, login '
            'VARCHAR(320)) %s; INSERT INTO tried VALUES %s; SELECT n FROM '
            'tried JOIN %s ON userid = login ORDER BY n' % (
                TABLES[table], rows, table))
        return [logins[int(n)] for n in lines]

    def _start_mariadb(self):
        folder = self._folder('mariadb', 'mysql')
        self._write('my.cnf', MY_CNF.format(dir=self.dir))
        child = self._spawn('mariadbd', '--defaults-file=%s/my.cnf' % self.dir)
        self.passwords.append(child)
        self._wait_socket(child, socket.AF_UNIX, os.path.join(folder, 'sock'))
        self.sql('CREATE DATABASE mail;\n' + ''.join(
            'CREATE TABLE mail.%s (userid VARCHAR(190) PRIMARY KEY, '
            'password TEXT) %s;\nINSERT INTO mail.%s VALUES %s;\n' % (
                table, collation, table, ', '.join(
                    "('%s', '%s')" % user for user in self.users.items()))
            for table, collation in TABLES.items()))
        old = self._old_dovecot()
        conf = (DOVECOT_CONF + DOVECOT_2_3 if old else
                DOVECOT_VERSION_2_4 + DOVECOT_CONF + DOVECOT_2_4)
        for name, (table, columns) in DOVECOT.items():
            words = {'dir': self.dir, 'name': name, 'table': table,
                     'columns': columns}
            self._write(name + '.conf', conf.format(**words))
            if old:
                self._write(name + '.sql', DOVECOT_SQL_2_3.format(**words))

    # -- OpenLDAP and saslauthd ------------------------------------------

    def _start_ldap(self):
        self._folder('ldap', 'openldap')
        self._write('slapd.conf', SLAPD_CONF.format(dir=self.dir))
        text = LDIF_HEAD
        for unit in CYRUS:
            for number, login in enumerate(self.users):
                uid = login.rpartition('@')[0] if unit == 'name' else login
                text += LDIF.format(
                    number=number, unit=unit, password=PASSWORD,
                    uid=base64.b64encode(uid.encode()).decode())
        self._write('ldif', text)
        # A copy: where AppArmor knows Debian's, it may read no other folder.
        program = os.path.join(self.dir, 'slapd')
        shutil.copy(shutil.which('slapd', path=PATH), program)
        conf = '-f', os.path.join(self.dir, 'slapd.conf')
        self._run(program, '-T', 'add', *conf, '-q', '-l',
                  os.path.join(self.dir, 'ldif'))
        for name in os.listdir(os.path.join(self.dir, 'ldap')):
            shutil.chown(os.path.join(self.dir, 'ldap', name), 'openldap')
        port = harness.free_port()
        child = self._spawn(program, '-d', '0', *conf, '-u', 'openldap', '-g',
                            'openldap', '-h', 'ldap://127.0.0.1:%d' % port)
        self.passwords.append(child)
        self._wait_socket(child, socket.AF_INET, ('127.0.0.1', port))
        return port

    def _start_saslauthd(self, name, port):
        folder = self._folder('saslauthd-' + name, 'root')
        conf = 'saslauthd-%s.conf' % name
        self._write(conf, SASLAUTHD_CONF.format(
            port=port, unit=name))
        os.makedirs(os.path.join(self.dir, 'etc', 'sasl'), exist_ok=True)
        self._write('etc/sasl/%s.conf' % name, SMTPD_CONF.format(
            dir=self.dir, name=name))
        child = self._spawn(
            *CYRUS[name].split(), '-d', '-n', '0', '-a', 'ldap', '-m', folder,
            '-O', os.path.join(self.dir, conf))
        self.passwords.append(child)
        self._wait_socket(child, socket.AF_UNIX, folder + '/mux')

    # -- the client ------------------------------------------------------

    def session(self, listener):
        return Session(self, listener)


class Session:
    """Tries one login after the other, as a context manager."""

    def __init__(self, site, listener):
        self.site, self.listener = site, listener
        self.smtp = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.smtp:
            # At once: thousands that wait would leave no port for others.
            self.smtp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack('ii', 1, 0))
            self.smtp.close()
            self.smtp = None

    def attempt(self, login):
        """The reply to MAIL FROM, or None where this is no login."""
        if self.smtp is None:
            self.smtp = self.site.connect(self.listener)
        plain = '\0%s\0%s' % (login, PASSWORD)
        plain = base64.b64encode(plain.encode()).decode()
        code, text = self.smtp.docmd('AUTH', 'PLAIN ' + plain)
        if code == 535:
            return None
        assert code == 235, '%a: %d %s' % (login, code, text)
        code, text = self.smtp.docmd('MAIL', 'FROM:<sender@open.test>')
        self.close()
        return '%d %s' % (code, text.decode())
