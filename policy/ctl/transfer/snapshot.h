/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot - what the snapshot commands have in common: keys, and the head in words */
#ifndef POLICY_CTL_TRANSFER_SNAPSHOT_H
#define POLICY_CTL_TRANSFER_SNAPSHOT_H

#include "policy/base/json.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/transfer/snapshot.h"

/*
 * The key of --key, or the keys of --trust. ERR_USAGE without the option; errors as
 * read_file() and signature_keys_read(), with C's `why`. A private key that others
 * can read gives a warning.
 */
enum error snapshot_load_key(struct ctl *c, struct signature_keys **key_r) MUST_USE;
enum error snapshot_load_trusted(
    struct ctl *c, struct signature_keys **keys_r) MUST_USE;

/* What the head says: members of an object that is open, or lines for people. */
void snapshot_head_json(struct json *j, const struct snapshot_head *head);
void snapshot_head_print(FILE *out, const struct snapshot_head *head);

#endif
