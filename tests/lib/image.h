/* SPDX-License-Identifier: BSD-2-Clause */
/* image.h - whole database files made beforehand, to be put under a running keeper. */
#ifndef TESTS_LIB_IMAGE_H
#define TESTS_LIB_IMAGE_H

#include "tests/lib/state.h"

#include "policy/live/live_store.h"

enum { IMAGE_KNOWN = 300 };

/*
 * First in main() of a program that starts keepers: their threads never end, and
 * OpenSSL must not be cleaned up under a scan when a test's process exits. (The daemon
 * leaves by _exit.)
 */
void image_init(void);

/*
 * All images have the same known mailboxes, enabled in a tenant that is disabled, and
 * one whose note is the image's marker. Their pages differ: the records were written in
 * another order, among others.
 */
struct image {
	char *bytes;
	size_t size;
	const char *marker;
};

/* Makes a new database in `commits` transactions, or adds them to another one. */
void image_make(struct image *image, const char *marker, int commits);
void image_continue(
    struct image *image, const struct image *from, const char *marker, int commits);
void image_free(struct image *image);

/* Brings the image to `path` as cp(1) does, or by rename(2). */
void image_copy(const struct image *image, const char *path);
void image_replace(const struct image *image, const char *path);

/* Judges a submission by known mailbox number n: OK, a store's error, or ERR_CONFLICT
 * for a decision that is wrong. */
enum error known_judge(struct store_txn *txn, int n);

/* Whether the marker is this one; ERR_EXISTS when it is another. */
enum error marker_judge(struct store_txn *txn, const char *marker);

/* Waits until the keeper gives a snapshot of the image in which all known records are
 * right; false when that takes longer. A lie on the way fails the test. */
bool keeper_serves(
    struct live_store *keeper, const struct image *image, int milliseconds);

/* Waits until the keeper gives none; false when that takes longer. */
bool keeper_refuses(struct live_store *keeper, int milliseconds);

#endif
