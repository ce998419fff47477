#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A session that says nothing to the milter for hours is still decided: for as
long as an MTA keeps it, and no longer than libmilter is told."""

import os
import select
import shutil
import subprocess
import unittest

import harness
from mta import Mta

CC = shutil.which('cc')
HOUR = 3600
LIMIT = 14 * 24 * HOUR      # what SILENCE_MAX_S in milter/filter.c
LOOK = 1                    # seconds, a hundred looks of libmilter's
DENIED = '550 5.7.1 SMTP AUTH is disabled for tenant acme'

# Debian's libmilter compares times every ten seconds; others wait in poll() or
# select().  The file SILENCE has the seconds that the clock is ahead; waiting
# takes a thousandth of the time.
SHIM = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <time.h>

time_t
time(time_t *out)
{
	struct timespec t;
	FILE *file = fopen(getenv("SILENCE"), "r");
	long ahead = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	if (file != NULL) {
		if (fscanf(file, "%ld", &ahead) != 1)
			ahead = 0;
		fclose(file);
	}
	t.tv_sec += ahead;
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	static int (*real)(struct pollfd *, nfds_t, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "poll");
	return real(fds, n, ms < 1000 ? ms : ms / 1000);
}

int
select(int n, fd_set *in, fd_set *out, fd_set *odd, struct timeval *t)
{
	static int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "select");
	if (t != NULL && t->tv_sec >= 1) {
		t->tv_usec = t->tv_sec % 1000 * 1000;
		t->tv_sec /= 1000;
	}
	return real(n, in, out, odd, t);
}
'''


class Silence:
    """A daemon whose clock is set, with a session that is silent."""

    def __init__(self, case, daemon):
        case.ctl('tenant add acme --domain acme.test --smtp-auth disabled')
        self.daemon = daemon
        self.ahead = os.path.join(case.tmp, 'silence')
        source, shim = self.ahead + '.c', self.ahead + '.so'
        with open(source, 'w') as f:
            f.write(SHIM)
        subprocess.run([CC, '-shared', '-fPIC', '-o', shim, source, '-ldl'],
                       check=True)
        self.clock(0)
        daemon.argv = ['env', 'LD_PRELOAD=' + shim, 'SILENCE=' + self.ahead,
                       *daemon.argv]

    def clock(self, ahead):
        with open(self.ahead + '.new', 'w') as f:
            f.write('%d' % ahead)
        os.rename(self.ahead + '.new', self.ahead)


def closed(mta, seconds):
    """Whether the milter ends that connection within so many seconds."""
    ready, _, _ = select.select([mta.socket], [], [], seconds)
    return bool(ready) and mta.socket.recv(1) == b''


@unittest.skipIf(harness.SLOW, 'nothing is preloaded before a sanitizer')
@unittest.skipUnless(CC, 'no C compiler')
class Session(harness.Case):

    def test_silent_session_is_decided(self):
        silence = Silence(self, harness.Daemon(self))
        with silence.daemon as daemon, Mta(daemon) as mta:
            for ahead in 0, 3 * HOUR, 24 * HOUR, LIMIT - HOUR:
                silence.clock(ahead)
                self.assertFalse(closed(mta, LOOK), ahead)
            self.assertIn(DENIED, mta.mail('alice@acme.test'))

    def test_limit_is_ours(self):
        """The clock that is set is the one libmilter looks at."""
        silence = Silence(self, harness.Daemon(self))
        with silence.daemon as daemon, Mta(daemon) as mta:
            self.assertIn(DENIED, mta.mail('alice@acme.test'))
            for n in range(1, 60):
                # Its silence may have begun a moment after the clock was set.
                silence.clock(n * (LIMIT + HOUR))
                if closed(mta, LOOK):
                    break
            else:
                self.fail('never closed')


if __name__ == '__main__':
    harness.main()
