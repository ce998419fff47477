/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_record - the stored record of a domain, which names its tenant */
#pragma once

#include "policy/base/record.h"
#include "policy/model/key.h"
#include "policy/model/tenant.h"

#define DOMAIN_RECORD_MAX (TENANT_NAME_MAX + 8) /* bytes */

/* The record of a domain of TENANT, in BUF (DOMAIN_RECORD_MAX bytes). */
struct bytes domain_record_encode(const char *tenant, uint8_t *buf);

/*
 * Reads a record: the name of the tenant, into TENANT (TENANT_NAME_MAX + 1 bytes).
 * ERR_DAMAGED, ERR_NEWER.
 */
enum error domain_record_decode(struct bytes from, char *tenant) MUST_USE;

/* The index entry (its value is empty) that belongs to a record of TABLE_DOMAIN. */
enum error domain_record_index(
    struct bytes key, struct bytes value, struct key *index_r) MUST_USE;
