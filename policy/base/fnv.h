/* SPDX-License-Identifier: BSD-2-Clause */
/* fnv - hashes of 64 bits by FNV-1a, for tables and keys: not against an adversary */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(14695981039346656037)

/* Adds N bytes of P to HASH, which is FNV_START at first, and returns the new hash. */
uint64_t fnv_add(uint64_t hash, const void *p, size_t n);
