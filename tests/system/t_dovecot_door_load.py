# SPDX-License-Identifier: BSD-2-Clause
"""The door at AUTH beside a real Dovecot: the times of right and wrong
passwords, what a login costs more, and submissions while smtpauth-authd is
killed, stopped and restarted all the time.  With TEST_LONG=1 as many as it
takes for figures; else a sample, with wider bounds."""

import contextlib
import json
import os
import random
import re
import signal
import statistics
import sys
import threading
import time

import door_rig
import harness
from door_rig import MECHANISMS, PASSWORD
from mta import Mta

ALICE, PRINTER = 'alice@acme.test', 'printer@acme.test'
# How far the medians of the times of logins with a right and a wrong password
# may be apart.
APART = 1.05 if harness.LONG else 1.25
LOGINS, ROUNDS = 1000, 5     # to measure their cost; others only add to it
MAILBOXES = 50000
SUBMISSIONS = 10000 if harness.LONG else 500
CLIENTS = 24


def share(work, numbers, clients):
    """Have several threads do work(client's number, item) for all items."""
    problems, lock, items = [], threading.Lock(), iter(numbers)

    def run(client):
        try:
            while not problems:
                with lock:
                    item = next(items, None)
                if item is None:
                    return
                work(client, item)
        except Exception as problem:    # whatever it is, the test hears of it
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(client,))
               for client in range(clients)]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def processor_time(pid):
    """Seconds that a process has computed."""
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        fields = f.read().rpartition(')')[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK')


def memory(pid):
    """{field: KiB} of the resident memory of a process."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return {name: int(size) for name, size in re.findall(
            r'(?m)^(VmRSS|RssAnon|RssFile):\s+(\d+) kB$', f.read())}


class Load(door_rig.DoorCase):

    def test_times(self):
        """Who is refused gets the same answer in the same time whether the
        password is right or wrong."""
        # Where each answer waits for the clock, several wait together.
        clients, rounds = (8, 80) if self.site.holds_refusals() else (1, 300)
        kinds = ['right', 'wrong'] * (1000 if harness.LONG else rounds)
        random.shuffle(kinds)
        times = {'right': [], 'wrong': []}
        answers = set()

        def login(client, kind):
            word = PASSWORD
            if kind == 'wrong':
                word = '%011x' % random.getrandbits(44)
            start = time.monotonic()
            answer = sockets[client].plain('smtp', ALICE, word)
            times[kind].append(time.monotonic() - start)
            answers.add(re.sub(r'^FAIL\t\d+|\[\w{10}\]', '', answer))

        with contextlib.ExitStack() as stack:
            stack.enter_context(self.authd())
            sockets = [stack.enter_context(self.site.auth_socket())
                       for _ in range(clients)]
            for _ in share(login, kinds, clients):
                pass
        self.assertEqual(len(answers), 1, answers)
        self.assertIn('SMTP AUTH is disabled', answers.pop())
        right, wrong = map(statistics.median, times.values())
        print('# medians of %d refused logins each: right password %.3f ms, '
              'wrong %.3f ms: ratio %.3f' % (
                  len(times['right']), right * 1e3, wrong * 1e3,
                  right / wrong))
        self.assertLess(max(right, wrong) / min(right, wrong), APART)

    def test_cost(self):
        """What the question adds to a login, and what authd needs for it."""
        rows = ''.join(json.dumps(
            {'type': 'mailbox', 'address': 'user%d@acme.test' % n,
             'smtp_auth': 'enabled'}) + '\n' for n in range(MAILBOXES))
        self.ctl('import --format jsonl -', stdin=rows)
        costs = []
        with self.milter(log_allowed='no') as milter, self.authd() as door, \
                self.site.auth_socket() as auth:
            for _ in range(ROUNDS):
                costs.append(self.cost(auth, door.process.pid))
            with Mta(milter) as mta:
                for _ in range(LOGINS):
                    self.assertEqual(mta.mail(PRINTER), 'a')
            sizes = memory(door.process.pid), memory(milter.process.pid)
        for alone, asked, used in costs:
            print('# p50 of %d logins: without the door %.3f ms, with it '
                  '%.3f ms, ratio %.2f; authd computes %.0f us for each' % (
                      LOGINS, alone * 1e3, asked * 1e3, asked / alone,
                      used * 1e6))
        print('# resident memory with %d mailboxes: authd %s, milter %s' % (
            MAILBOXES, *sizes))
        if not harness.SLOW:
            added = min(asked / alone - 1 for alone, asked, _ in costs)
            self.assertLess(added, 2.5)
            self.assertLess(min(used for _, _, used in costs), 60e-6)
            self.assertLessEqual(sizes[0]['VmRSS'], sizes[1]['VmRSS'])

    def cost(self, auth, pid):
        """p50 of the time of a login in seconds, without and with the door,
        and what a process computes for a login with it."""
        times = {'unasked': [], 'smtp': []}
        before = processor_time(pid)
        for _ in range(LOGINS):
            for service, taken in times.items():
                start = time.monotonic()
                answer = auth.plain(service, PRINTER, PASSWORD)
                taken.append(time.monotonic() - start)
                self.assertEqual(answer[:2], 'OK', answer)
        return (*map(statistics.median, times.values()),
                (processor_time(pid) - before) / LOGINS)

    # -- the storm -------------------------------------------------------

    def submit(self, number, login):
        """The whole of a submission, to one that says whose it was: what
        became of it."""
        listener = random.choice(('submission', 'submission', 'dovecot'))
        smtp, reply = self.site.auth(listener, random.choice(MECHANISMS),
                                     login)
        if not smtp:
            return 'AUTH ' + reply
        with smtp:
            for what, answer in (
                    ('MAIL', lambda: smtp.mail('sender@acme.test')),
                    ('RCPT', lambda: smtp.rcpt('%s-%d@else.test' % (
                        login.partition('@')[0], number))),
                    ('DATA', lambda: smtp.data('Subject: x\n\nx\n'))):
                reply = door_rig.line(answer())
                if reply[0] != '2':
                    return '%s %s' % (what, reply)
        return 'accepted'

    def disturb(self, going):
        """Kill, stop and restart authd; returns how often each."""
        done = {'killed': 0, 'ended': 0, 'stopped': 0}
        door = self.authd().start()
        while going():
            time.sleep(random.uniform(0, 0.5))
            what = random.choice(list(done))
            done[what] += 1
            if what == 'stopped':
                harness.freeze(door.process)
                time.sleep(random.uniform(0, 1.5))
                door.process.send_signal(signal.SIGCONT)
                continue
            if what == 'killed':
                door.kill()
            else:
                door.stop()
            time.sleep(random.choice((0, 0, random.uniform(0, 0.3))))
            door.start()
        door.stop()
        return done

    def refused_at_auth(self):
        return 'SMTP AUTH' in self.site.auth('submission', 'PLAIN', ALICE)[1]

    def test_storm(self):
        seen = {ALICE: {}, PRINTER: {}}
        logins = [ALICE, PRINTER] * (SUBMISSIONS // 2)
        random.shuffle(logins)

        def submit(_, item):
            outcome = re.sub(r' \[\w{10}\]$|(?<=queued as) .*', '',
                             self.submit(*item))
            count = seen[item[1]]
            count[outcome] = count.get(outcome, 0) + 1

        start = time.monotonic()
        with self.milter():
            for threads in share(submit, list(enumerate(logins)), CLIENTS):
                done = self.disturb(
                    lambda: any(thread.is_alive() for thread in threads))
            took = time.monotonic() - start
            with self.authd():
                harness.wait_for(self.refused_at_auth, 90, 'refusal at AUTH')
                print('# door back after %.1f s' % (
                    time.monotonic() - start - took))
        print('# %d submissions in %.0f s; authd %s' % (
            len(logins), took, done))
        for login, outcomes in seen.items():
            for outcome, count in sorted(outcomes.items()):
                print('# %-17s %5d %s' % (login, count, outcome))
        self.assertEqual(set(seen[PRINTER]), {'accepted'})
        self.assertEqual({outcome[:8] for outcome in seen[ALICE]},
                         {'AUTH 535', 'MAIL 550'})
        for outcome in seen[ALICE]:
            self.assertIn('5.7.1 SMTP AUTH is disabled for tenant acme',
                          outcome)
        self.assertGreater(min(done.values()), 0, done)
        # As Postfix has it: not one of alice's, each of the printer's.
        def sent(name):
            return len(set(re.findall(r'to=<(%s-\d+)@.* status=sent' % name,
                                      self.site.log())))
        harness.wait_for(lambda: sent('printer') == len(logins) // 2,
                         what='delivery of all messages')
        self.assertEqual(sent('alice'), 0)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # tidy up
    harness.main()
