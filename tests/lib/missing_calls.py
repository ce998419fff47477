# SPDX-License-Identifier: BSD-2-Clause
"""A kernel, or a file system, that refuses a program some calls."""

import os
import shutil
import subprocess

CC = shutil.which('cc')
SOURCE = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>

static char all[200]; /* of $MISSING, as "NAME=ERRNO ...": programs drop theirs */

static void __attribute__((constructor))
remember(void)
{
	const char *missing = getenv("MISSING");

	if (missing != NULL && strlen(missing) < sizeof all)
		strcpy(all, missing);
}

/* refused - whether NAME is to be; sets errno */
static int
refused(const char *name)
{
	const char *at = strstr(all, name);

	if (at == NULL || at[strlen(name)] != '=')
		return 0;
	errno = atoi(at + strlen(name) + 1);
	return 1;
}

int
flock(int fd, int operation)
{
	static int (*real)(int, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "flock");
	return refused("flock") ? -1 : real(fd, operation);
}

static int
control(int fd, int cmd, void *arg)
{
	static int (*real)(int, int, ...);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fcntl64");
	if ((cmd == F_OFD_SETLK || cmd == F_OFD_GETLK) && refused("ofd"))
		return -1;
	if ((cmd == F_SETLK || cmd == F_SETLKW) && refused("setlk"))
		return -1;
	return real(fd, cmd, arg);
}

int
fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return control(fd, cmd, arg);
}

/* Its names where files and, on 32 bit, times have 64 bits. */
int fcntl64(int, int, ...) __attribute__((alias("fcntl")));
int __fcntl_time64(int, int, ...) __attribute__((alias("fcntl")));

int
prctl(int option, ...)
{
	static int (*real)(int, unsigned long, unsigned long, unsigned long,
	    unsigned long);
	unsigned long value;
	va_list ap;

	va_start(ap, option);
	value = va_arg(ap, unsigned long);
	va_end(ap);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "prctl");
	return refused("prctl") ? -1 : real(option, value, 0, 0, 0);
}

int __prctl_time64(int, ...) __attribute__((alias("prctl")));

int
close_range(unsigned first, unsigned last, int flags)
{
	static int (*real)(unsigned, unsigned, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "close_range");
	return refused("close_range") ? -1 : real(first, last, flags);
}
'''


class MissingCalls:
    """Programs that start with env() are refused calls."""

    def __init__(self, folder):
        self.shim = os.path.join(folder, 'missing.so')
        source = os.path.join(folder, 'missing.c')
        with open(source, 'w') as f:
            f.write(SOURCE)
        subprocess.run([CC, '-shared', '-fPIC', '-o', self.shim, source,
                        '-ldl'], check=True)

    def env(self, **calls):
        """Calls are names of the source above, and their errno values."""
        return {'LD_PRELOAD': self.shim, 'MISSING': ' '.join(
            '%s=%d' % call for call in calls.items())}
