/* SPDX-License-Identifier: BSD-2-Clause */
/* key_set - which keys have been met, in 8 bytes each */
#include "policy/import/key_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 1024
#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

enum error
key_set_start(struct key_set *set)
{
	*set = (struct key_set){.slot = NULL};
	return getrandom(&set->seed, sizeof set->seed, 0) == sizeof set->seed ? OK
									      : ERR_IO;
}

void
key_set_end(struct key_set *set)
{
	free(set->slot);
	*set = (struct key_set){.slot = NULL};
}

/* key_set_mix - spreads each bit of H over all 64 (the finisher of MurmurHash3) */
static uint64_t
key_set_mix(uint64_t h)
{
	h = (h ^ h >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
	h = (h ^ h >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
	return h ^ h >> 33;
}

/* key_set_hash - never 0 */
static uint64_t
key_set_hash(const struct key_set *set, struct bytes key)
{
	const uint8_t *at = key.at;
	uint64_t h = key_set_mix(set->seed ^ key.len * MULTIPLIER), word;

	for (size_t left = key.len; left > 0;) {
		size_t n = left < sizeof word ? left : sizeof word;

		word = 0;
		memcpy(&word, at, n);
		h = key_set_mix(h ^ word) + set->seed;
		at += n;
		left -= n;
	}
	return h != 0 ? h : 1;
}

/* key_set_find - the slot that holds H, or the free one where it belongs */
static uint64_t *
key_set_find(const struct key_set *set, uint64_t h)
{
	size_t i = (size_t)h & (set->slots - 1);

	while (set->slot[i] != 0 && set->slot[i] != h)
		i = (i + 1) & (set->slots - 1);
	return &set->slot[i];
}

/* key_set_grow - twice the slots, which keeps at least a third of them free */
static enum error
key_set_grow(struct key_set *set)
{
	struct key_set new = *set;

	new.slots = set->slots > 0 ? 2 * set->slots : SLOTS_MIN;
	new.slot = calloc(new.slots, sizeof *new.slot);
	if (new.slot == NULL)
		return ERR_MEMORY;
	for (size_t i = 0; i < set->slots; i++)
		if (set->slot[i] != 0)
			*key_set_find(&new, set->slot[i]) = set->slot[i];
	free(set->slot);
	*set = new;
	return OK;
}

enum error
key_set_add(struct key_set *set, struct bytes key, bool *new_r)
{
	uint64_t h = key_set_hash(set, key), *slot;

	if ((set->used + 1) * 3 > set->slots * 2) {
		enum error e = key_set_grow(set);

		if (e != OK)
			return e;
	}
	slot = key_set_find(set, h);
	*new_r = *slot != h;
	set->used += *new_r;
	*slot = h;
	return OK;
}

bool
key_set_has(const struct key_set *set, struct bytes key)
{
	return set->slots > 0 && *key_set_find(set, key_set_hash(set, key)) != 0;
}
