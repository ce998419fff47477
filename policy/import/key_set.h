/* SPDX-License-Identifier: BSD-2-Clause */
/* key_set - which keys have been met, in 8 bytes each */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/base/record.h"

/*
 * Keeps 64 bits of a keyed hash of each key: two of 10 million keys look the same with
 * a probability of 3 in a million, and nobody can choose such keys.
 */
struct key_set {
	uint64_t *slot; /* 0: free */
	size_t slots, used;
	uint64_t seed;
};

/* ERR_IO when there are no random bytes. The set needs no memory while it is empty. */
enum error key_set_start(struct key_set *set) MUST_USE;
void key_set_end(struct key_set *set);

/* Adds a key; NEW_R is whether it was not there already. ERR_MEMORY. */
enum error key_set_add(struct key_set *set, struct bytes key, bool *new_r) MUST_USE;

bool key_set_has(const struct key_set *set, struct bytes key);
