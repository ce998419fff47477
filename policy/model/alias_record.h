/* SPDX-License-Identifier: BSD-2-Clause */
/* alias_record - the stored record of a login alias */
#pragma once

#include "policy/base/record.h"
#include "policy/identity/login.h"
#include "policy/model/key.h"

#define ALIAS_RECORD_MAX (LOGIN_MAX + 1) /* bytes */

/* The record, or the entry of the index, that holds LOGIN, in BUF (ALIAS_RECORD_MAX
 * bytes). */
struct bytes alias_record_encode(const struct login *login, uint8_t *buf);

/* Reads a record, or an entry of its index: the login in it. ERR_DAMAGED, ERR_NEWER. */
enum error alias_record_decode(struct bytes from, struct login *out_r) MUST_USE;

/*
 * The index entry that belongs to a record of TABLE_ALIAS: its key, and its value in
 * BUF (ALIAS_RECORD_MAX bytes).
 */
enum error alias_record_index(struct bytes key, struct bytes value, struct key *index_r,
    uint8_t *buf, struct bytes *value_r) MUST_USE;
