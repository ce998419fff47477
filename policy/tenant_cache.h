/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_cache - the tenants of the domains that were asked for last */
#ifndef POLICY_TENANT_CACHE_H
#define POLICY_TENANT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/record.h"
#include "policy/tenant.h"

/*
 * Keeps names and records of tenants by domain, in a memory of fixed size (2 MiB, which
 * is touched as it fills), so that most decisions need no look-up for the domain and
 * none for its tenant. What is kept is true of one snapshot, the number of a commit,
 * and is not found by any other. Thread-safe, lock-free: where two threads meet at a
 * place, one goes without.
 */
struct tenant_cache;

/* An empty one, or NULL where there is no memory. tenant_cache_free() frees and NULLs.
 */
struct tenant_cache *tenant_cache_new(void);
void tenant_cache_free(struct tenant_cache **cache);

/*
 * What a look-up and what comes of it are true of: a snapshot, and a time before which
 * nothing was forgotten.
 */
struct tenant_view {
	uint64_t snapshot;
	uint32_t age;
};

/* The view of SNAPSHOT from now on: to be taken before anything is read from it. */
struct tenant_view tenant_cache_view(
    const struct tenant_cache *cache, uint64_t snapshot);

/* Forgets everything, also what is about to be kept by a view that was taken before. */
void tenant_cache_forget(struct tenant_cache *cache);

/* Finds the tenant of DOMAIN as VIEW has it. */
bool tenant_cache_find(struct tenant_cache *cache, const struct tenant_view *view,
    const char *domain, struct tenant *out_r);

/*
 * Keeps the tenant NAME, whose record is RECORD, for DOMAIN, in the place of another.
 * What is too long for a place (together more than TENANT_CACHE_BYTES) is not kept.
 */
void tenant_cache_keep(struct tenant_cache *cache, const struct tenant_view *view,
    const char *domain, const char *name, struct bytes record);

#define TENANT_CACHE_BYTES 101

#endif
