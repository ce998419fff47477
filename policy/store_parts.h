/* SPDX-License-Identifier: BSD-2-Clause */
/* store_parts - what store, store_txn and store_confirm share; for nobody else */
#ifndef POLICY_STORE_PARTS_H
#define POLICY_STORE_PARTS_H

#include <limits.h>
#include <sys/types.h>

#include "policy/store.h"
#include "policy/writing.h"

struct file_id {
	dev_t dev;
	ino_t ino;
};

struct store {
	struct db *db;
	enum store_mode mode;
	int writers_fd; /* a writer's turn; for readers, to see who has it; or -1 */
	struct writing writing;
	struct file_id data, lock;
	char data_path[PATH_MAX], lock_path[PATH_MAX];
};

struct store_txn {
	struct store *store;
	struct db_txn *db;
	struct hasher *hasher; /* writers only */
	bool dirty, audited;
	bool have_settings; /* ... those of the digest SETTINGS_OF */
	struct digest settings_of;
	struct store_meta meta;
	struct settings settings;
	bool brief;                   /* see store_be_brief() */
	struct tenant_cache *tenants; /* borrowed; NULL: none */
	struct digest content, accounted;
	store_watcher *watcher;
	void *watcher_arg;
};

#endif
