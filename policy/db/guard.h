/* SPDX-License-Identifier: BSD-2-Clause */
/* guard - turns the traps of a damaged memory map into an error */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"

/*
 * A truncated database raises SIGBUS when it is read, a damaged one can raise
 * SIGSEGV or SIGFPE or make LMDB call its assert handler, which must not return.
 */

/*
 * Installs the handlers for SIGBUS, SIGSEGV and SIGFPE, once per process, before
 * threads that use a store are started. Outside guard_run() these signals act as
 * they always did.
 */
void guard_install(void);

/*
 * Runs FN(ARG) and returns what it returns, or ERR_DAMAGED when it trapped. FN may
 * be left in the middle: it must not take a lock or a reader slot, nor allocate
 * what would be missed. Costs a sigsetjmp without the signal mask, about 5 ns.
 * Thread-safe; does not nest.
 */
enum error guard_run(enum error (*fn)(void *), void *arg) MUST_USE;

/* Whether this thread's last guard_run() was left by a trap. */
bool guard_trapped(void);

/* Leaves the guard of this thread as a trap does; aborts when there is none. */
void guard_escape(void) __attribute__((noreturn));
