/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_sources - the usage of this machine, and that of --usage FILE */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/usage/usage_merge.h"

struct usage_sources;

/*
 * Reads this machine's usage into a temporary file, and opens every --usage FILE, once
 * for a command and before the policy is opened (see as_usage_user.h), so that no
 * writer waits for it. The sources become C's `usage`. ERR_BUSY, in C's `why`: it
 * waited in vain, and the command should not wait again; ERR_MEMORY.
 * usage_sources_merge() returns all other errors, so that a command reports its own
 * mistakes first.
 */
enum error usage_sources_open(struct ctl *c) MUST_USE;
/* The same, and begins the command's transaction. */
enum error usage_sources_begin(struct ctl *c) MUST_USE;

/*
 * The start of the span of --since, a span or a time that is past, or DAYS ago where it
 * is not given; ERR_DATA.
 */
enum error usage_sources_since(struct ctl *c, unsigned days, instant *since_r) MUST_USE;

void usage_sources_close(struct usage_sources **sources);

/*
 * The merged sources, valid until they are closed. A machine that has recorded nothing
 * is ERR_MISSING, or left out if there are files. Of two sources of one machine the
 * later counts, with a warning on standard error. Errors as as_usage_user() and
 * usage_file_reader_open(), in C's `why`.
 */
enum error usage_sources_merge(struct ctl *c, struct usage_merge **merge_r) MUST_USE;

/* Writes this machine's usage to INTO as a usage file. As as_usage_user(). */
enum error usage_sources_copy(struct ctl *c, FILE *into) MUST_USE;
