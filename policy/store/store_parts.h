/* SPDX-License-Identifier: BSD-2-Clause */
/* store_parts - what store and store_txn share; for nobody else */
#pragma once

#include <limits.h>

#include "policy/store/store.h"
#include "policy/store/write_lock.h"

struct store {
	struct db *db;
	enum store_mode mode;
	struct write_lock lock;        /* a writer's own turn */
	const struct write_lock *turn; /* LOCK, or the caller's; NULL: none */
	int watch;                     /* a reader's, of WRITERS_FILE; or -1 */
	bool live;                     /* has a place that it can be replaced in */
	bool known;                    /* ID was read */
	uint8_t id[16];                /* of the meta record */
	struct db_file opened;         /* the file as it was opened */
	char path[PATH_MAX];
};

/* Tells readers that a commit of ours has left the file as it is now. */
void store_stamp(const struct store *s);

struct store_txn {
	struct store *store;
	struct db_txn *db;
	struct hasher *hasher; /* writers only */
	bool dirty, audited;
	bool have_settings; /* ... those of the snapshot SETTINGS_OF */
	size_t settings_of;
	struct store_meta meta;
	struct settings settings;
	struct digest content, accounted;
	store_watcher *watcher;
	void *watcher_arg;
	store_lens *lens;
	void *lens_arg;
};
