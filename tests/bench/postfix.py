# SPDX-License-Identifier: BSD-2-Clause
"""Whole messages through a real Postfix, with nothing, with a milter that does
nothing, with ours, and with what else could do a part of it."""

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess

import harness
import postfix_rig
from parts import Running, noop, ours, program, run, spread, table

SESSIONS = 4
LOGIN, PASSWORD = 'user00000000@t0000000.test', 'secret'
PLAIN = base64.b64encode(('\0%s\0%s' % (LOGIN, PASSWORD)).encode()).decode()
HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM_PYTHON = '/usr/bin/python3'      # where Debian has pymilter


def listeners(place, policy, stack):
    """The variants: a listener's parameters each; what is missing is left out."""
    found = {'no milter': {}}
    for transport in 'tcp', 'unix':
        for name, milter in (('no-op', noop(place, transport)),
                             ('ours', ours(place, policy, transport,
                                           **{'socket-mode': '0666'}))):
            stack.enter_context(milter)
            found['%s, %s' % (name, transport)] = {
                'smtpd_milters': seen_by_postfix(milter.address)}
            if transport == 'unix':
                os.chmod(milter.address[5:], 0o666)
    found['check_sasl_access lmdb:'] = {
        'smtpd_sender_restrictions':
            'check_sasl_access lmdb:' + access_table(place, policy)}
    python = python_milter(place, policy)
    if python:
        stack.enter_context(python)
        found['pymilter, tcp'] = {
            'smtpd_milters': seen_by_postfix(python.address)}
    if shutil.which('postfwd2'):
        found['postfwd, tcp'] = {
            'smtpd_sender_restrictions': 'check_policy_service '
                + stack.enter_context(policy_server(place))}
    return found


def seen_by_postfix(address):
    """unix:PATH, or inet:HOST:PORT."""
    if address.startswith('unix:'):
        return address
    port, host = address[5:].split('@')
    return 'inet:%s:%s' % (host, port)


def logins(policy):
    each = (policy.mailboxes + policy.tenants - 1) // policy.tenants
    for i in range(policy.mailboxes):
        yield 'user%08d@t%07d.test' % (i, i // each)


def access_table(place, policy):
    path = place.path('access')
    with open(path, 'w') as out:
        out.writelines(login + ' DUNNO\n' for login in logins(policy))
    etc = place.path('postmap')     # postmap wants a main.cf, of whatever text
    os.mkdir(etc)
    with open(os.path.join(etc, 'main.cf'), 'w') as out:
        out.write('compatibility_level = 3.6\n')
    run('postmap', '-c', etc, 'lmdb:' + path)
    return path


def python_milter(place, policy):
    """The same rule in Python, from a dictionary; None where pymilter is not."""
    if subprocess.call([SYSTEM_PYTHON, '-c', 'import Milter'],
                       stderr=subprocess.DEVNULL):
        return None
    where = 'inet:%d@127.0.0.1' % harness.free_port()
    return Running([SYSTEM_PYTHON, os.path.join(HERE, 'rule_pymilter.py'),
                    where, place.path('access')], where)


@contextlib.contextmanager
def policy_server(place):
    """The same rule in postfwd, which goes into the background by itself."""
    port = harness.free_port()
    rules, pidfile = place.path('postfwd.cf'), place.path('postfwd.pid')
    with open(rules, 'w') as out:
        out.write('id=ON; sasl_username=~/^user[0-9]+@t[0-9]+\\.test$/; '
                  'action=DUNNO\nid=OFF; action=REJECT SMTP AUTH is disabled\n')
    run('postfwd2', '-u', 'root', '-g', 'root', '-f', rules, '-i', '127.0.0.1',
        '-p', port, '-n', '-P', '--pidfile', pidfile,
        stderr=subprocess.DEVNULL)
    harness.wait_for(lambda: os.path.exists(pidfile), what='postfwd')
    with open(pidfile) as f:
        pid = int(f.read())
    try:
        harness.wait_for(lambda: listens(port), what='postfwd')
        yield 'inet:127.0.0.1:%d' % port
    finally:
        os.kill(pid, signal.SIGTERM)
        harness.wait_for(lambda: not listens(port), what='end of postfwd')


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


def send(site, name, messages):
    return float(run(program('bench_smtp'), site.ports[name], SESSIONS,
                     messages, LOGIN, PLAIN))


def measure(place, options):
    yield '## Postfix: whole messages a second, against no milter'
    yield ''
    missing = postfix_rig.missing()
    if missing:
        yield 'Left out: %s.' % missing
        return
    policy = place.policy(*((1000, 10000) if options.quick else
                            (1000, 1000000)))
    messages = 5 if options.quick else 400
    with contextlib.ExitStack() as stack:
        variants = listeners(place, policy, stack)
        site = stack.enter_context(postfix_rig.Rig(
            {re_name(name): parameters
             for name, parameters in variants.items()}, {LOGIN: PASSWORD},
            parent='/dev/shm' if os.path.isdir('/dev/shm') else '/tmp'))
        rates = {name: [] for name in variants}
        for name in variants:
            send(site, re_name(name), messages)
        for i in range(options.rounds):
            order = list(variants)
            for name in order[i % len(order):] + order[:i % len(order)]:
                rates[name].append(send(site, re_name(name), messages))
    yield from table(['with', 'messages/s', 'to no milter', 'to the no-op'],
                     list(rows(rates)))


def re_name(variant):
    """As a name of a service in master.cf."""
    return ''.join(c for c in variant if c.isalnum())


def rows(rates):
    for name, rate in rates.items():
        base = rates['no-op, unix' if 'unix' in name else 'no-op, tcp']
        yield [name, '%.0f' % sorted(rate)[len(rate) // 2],
               ratio(rate, rates['no milter']), ratio(rate, base)]


def ratio(rate, base):
    return spread([a / b for a, b in zip(rate, base)])
