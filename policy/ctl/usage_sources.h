/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_sources - what is known of usage: this machine's, and that of --usage FILE */
#ifndef CTL_USAGE_SOURCES_H
#define CTL_USAGE_SOURCES_H

#include "policy/ctl/ctl.h"
#include "policy/usage/merge.h"

struct usage_sources;

/*
 * Opens this machine's usage and every --usage FILE. Without files a machine that has
 * recorded nothing is ERR_MISSING; with files it is left out. Two files of one machine,
 * or a file of this one: the later counts, with a warning on standard error. Errors as
 * usage_reader_open(), in C's `why`.
 */
enum error usage_sources_open(struct ctl *c, struct usage_sources **sources_r) MUST_USE;
void usage_sources_close(struct usage_sources **sources);

/* Valid until the sources are closed. */
struct usage_merge *usage_sources_merge(struct usage_sources *sources);

/*
 * For owner_start(): writes the whole database as a stream (see stream.h), or why it
 * cannot be read.
 */
void usage_sources_serve(struct ctl *c, void *arg, FILE *to);

#endif
