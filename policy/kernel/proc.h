/* SPDX-License-Identifier: BSD-2-Clause */
/* proc - what the kernel tells about processes, as files: proc(5) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "policy/kernel/linux_calls.h"

/*
 * Every path below /proc begins with PROC. Other systems have other files there, or
 * none, and a chroot may have none: then nothing is known, which is no error.
 */
#ifdef LINUX_CALLS
#define PROC "/proc"
#else
#define PROC "/dev/null" /* no folder, so that nothing is found */
#endif

#define PROC_TCP4 PROC "/net/tcp"
#define PROC_TCP6 PROC "/net/tcp6"

#define PROC_PATH_MAX 40
#define PROC_NAME_MAX 16

/* A path that leads to the open file FD, whatever its name is now. Returns PATH. */
const char *proc_path(int fd, char path[PROC_PATH_MAX]);

/* The open descriptors of this process, except for those of this call; -1: not known.
 */
long proc_open_files(void);

/* The user who logged in, whoever they are now: pam_loginuid(8). */
bool proc_login_uid(uint32_t *uid_r);

/* Whose process PID is. */
bool proc_user(pid_t pid, uid_t *user_r);

/* How many files the process may open. */
bool proc_files_limit(pid_t pid, long *limit_r);

struct proc {
	char name[PROC_NAME_MAX + 1];
	pid_t parent;
	time_t start; /* seconds since 1970 */
};

bool proc_read(pid_t pid, struct proc *out_r);

/* Finds a child of PARENT by its name; false: there is none, or that is not known. */
bool proc_child(pid_t parent, const char *name, struct proc *out_r);

/*
 * Calls FN for every process that can be seen, until it returns false. For none where
 * that is not known.
 */
typedef bool proc_visitor(void *arg, pid_t pid, const struct proc *p);
void proc_each(proc_visitor *fn, void *arg);

/*
 * The arguments of the process, its name first, each with a NUL after it: so many
 * bytes of TEXT, which has CAP of them. 0: not known. Arguments that do not fit are
 * left out.
 */
size_t proc_arguments(pid_t pid, char *text, size_t cap);
