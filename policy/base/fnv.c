/* SPDX-License-Identifier: BSD-2-Clause */
/* fnv - hashes of 64 bits by FNV-1a, for tables and keys: not against an adversary */
#include "policy/base/fnv.h"

uint64_t
fnv_add(uint64_t hash, const void *p, size_t n)
{
	for (const uint8_t *at = p; n > 0; n--)
		hash = (hash ^ *at++) * UINT64_C(1099511628211);
	return hash;
}
