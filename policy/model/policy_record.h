/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_record - a record of any table of the policy, as stored */
#pragma once

#include "policy/base/record.h"
#include "policy/model/key.h"

/*
 * OK for a key and a value that are a record of one of the policy's tables; else
 * ERR_DAMAGED or ERR_NEWER. Does not check whether records fit each other.
 */
enum error policy_record_check(struct bytes key, struct bytes value) MUST_USE;

/*
 * The entry of an index that belongs to the record: its key, empty for none, and its
 * value, in BUF (LOGIN_MAX + 1 bytes).
 */
enum error policy_record_index(struct bytes key, struct bytes value,
    struct key *index_r, uint8_t *buf, struct bytes *entry_r) MUST_USE;
