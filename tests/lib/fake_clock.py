# SPDX-License-Identifier: BSD-2-Clause
"""A clock for one program that can be set ahead while it runs."""

import os
import shutil
import subprocess

CC = shutil.which('cc')
# The names of 64-bit time, as the programs have them on 32 bit.
WIDE = '-D_FILE_OFFSET_BITS=64', '-D_TIME_BITS=64'
SOURCE = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int
clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	const char *name = sizeof(time_t) > sizeof(long) ? "__clock_gettime64"
							 : "clock_gettime";
	FILE *file = id == CLOCK_REALTIME ? fopen(getenv("CLOCK"), "r") : NULL;
	long long ahead = 0;
	int rc;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, name);
	if (file != NULL) {
		if (fscanf(file, "%lld", &ahead) != 1)
			ahead = 0;
		fclose(file);
	}
	rc = real(id, t);
	t->tv_sec += ahead;
	return rc;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}
'''


class FakeClock:
    """Programs that start with env see a clock that is `ahead` by set()."""

    def __init__(self, folder):
        self.file = os.path.join(folder, 'clock')
        source, shim = self.file + '.c', self.file + '.so'
        with open(source, 'w') as f:
            f.write(SOURCE)
        subprocess.run([CC, *WIDE, '-shared', '-fPIC', '-o', shim, source,
                        '-ldl'], check=True)
        self.env = {'LD_PRELOAD': shim, 'CLOCK': self.file}
        self.set(0)

    def set(self, ahead):
        with open(self.file + '.new', 'w') as f:
            f.write('%d' % ahead)
        os.rename(self.file + '.new', self.file)

    def preload(self, daemon):
        daemon.argv = ['env', *map('='.join, self.env.items()), *daemon.argv]
