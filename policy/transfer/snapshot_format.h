/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_format - the pieces of a snapshot, for snapshot.c and snapshot_reader.c */
#ifndef POLICY_TRANSFER_SNAPSHOT_FORMAT_H
#define POLICY_TRANSFER_SNAPSHOT_FORMAT_H

#include "policy/transfer/snapshot.h"

#define SNAPSHOT_MAGIC "smtpauth-snapshot\n"
#define SNAPSHOT_MAGIC_BYTES (sizeof SNAPSHOT_MAGIC - 1)
#define SNAPSHOT_VERSION 1

/* Where the body begins. */
#define SNAPSHOT_BODY_AT (SNAPSHOT_HEAD_BYTES + SIGNATURE_BYTES)

/* More than any disk has: lengths and counts are numbers to reckon with. */
#define SNAPSHOT_BODY_MAX (INT64_MAX / 2)

/*
 * Reads SNAPSHOT_HEAD_BYTES. ERR_FORMAT for another kind of file, ERR_NEWER for a
 * newer version, ERR_DAMAGED for what cannot be.
 */
enum error snapshot_head_decode(
    const uint8_t *at, struct snapshot_head *head_r) MUST_USE;

#endif
