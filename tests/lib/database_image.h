/* SPDX-License-Identifier: BSD-2-Clause */
/* database_image.h - whole database files made beforehand, to be put under a running
 * live store. */
#pragma once

#include "tests/lib/state.h"

#include "policy/live/live_store.h"

enum { DATABASE_IMAGE_KNOWN = 300 };

/*
 * First in main() of a program that starts live stores: their threads never end, and
 * OpenSSL must not be cleaned up under a scan when a test's process exits. (The daemon
 * leaves by _exit.)
 */
void database_image_init(void);

/*
 * All images have the same known mailboxes, enabled in a tenant that is disabled, and
 * one whose note is the image's marker. Their pages differ: the records were written in
 * another order, among others.
 */
struct database_image {
	char *bytes;
	size_t size;
	const char *marker;
};

/* Makes a new database in `commits` transactions, or adds them to another one. */
void database_image_make(struct database_image *image, const char *marker, int commits);
void database_image_continue(struct database_image *image,
    const struct database_image *from, const char *marker, int commits);
void database_image_free(struct database_image *image);

/* Brings the image to `path` as cp(1) does, or by rename(2). */
void database_image_copy(const struct database_image *image, const char *path);
void database_image_replace(const struct database_image *image, const char *path);

/* Judges a submission by known mailbox number n: OK, a store's error, or ERR_CONFLICT
 * for a decision that is wrong. */
enum error known_judge(struct store_txn *txn, int n);

/* Whether the marker is this one; ERR_EXISTS when it is another. */
enum error marker_judge(struct store_txn *txn, const char *marker);

/* Waits until the live store gives a snapshot of the image in which all known records
 * are right; false when that takes longer. A lie on the way fails the test. */
bool live_store_serves(
    struct live_store *live, const struct database_image *image, int milliseconds);

/* Waits until the live store gives none; false when that takes longer. */
bool live_store_refuses(struct live_store *live, int milliseconds);
