/* SPDX-License-Identifier: BSD-2-Clause */
/* model.h - the tables' rules once more, over a few names and plain arrays in memory.
 */
#ifndef TESTS_LIB_MODEL_H
#define TESTS_LIB_MODEL_H

#include "policy/base/error.h"
#include "policy/store/store.h"

#include <stdbool.h>

/*
 * Tenants "t0" on; domains "d0.test" on, then "*"; users "m0" to "m3" may have
 * settings and aliases, "x0" to "x2" are aliases only, in each domain, and "y0" on
 * are aliases without a domain.
 */
enum {
	MODEL_TENANTS = 5,
	MODEL_DOMAINS = 7, /* without "*" */
	MODEL_ANY = MODEL_DOMAINS,
	MODEL_USERS = 4,
	MODEL_ALIASES_ONLY = 3,
	MODEL_LOCALS = MODEL_USERS + MODEL_ALIASES_ONLY,
	MODEL_BARE = 4,
	MODEL_NAMES = MODEL_DOMAINS * MODEL_LOCALS + MODEL_BARE,
	MODEL_NONE = -1
};

struct model {
	bool tenant[MODEL_TENANTS], denies[MODEL_TENANTS];
	int owner[MODEL_DOMAINS + 1]; /* a tenant, or MODEL_NONE */
	int setting[MODEL_NAMES];     /* 0: no record; else the note's number */
	int target[MODEL_NAMES];      /* the mailbox it is an alias of, or MODEL_NONE */
};

void model_init(struct model *model);

/* The names; each good until the fourth call after it. */
const char *model_tenant(int tenant);
const char *model_domain(int domain);
const char *model_name(int name);

/* The domain of a name, MODEL_NONE for a bare one, and whether it can be a mailbox. */
int model_domain_of(int name);
bool model_is_user(int name);

/* What the operation has to return; where that is OK, the model has changed. */
enum error model_tenant_put(struct model *model, int tenant, bool denies);
enum error model_tenant_remove(struct model *model, int tenant, bool force);
enum error model_domain_add(struct model *model, int domain, int tenant, bool move);
enum error model_domain_remove(struct model *model, int domain, bool force);
enum error model_mailbox_put(struct model *model, int name, int note);
enum error model_mailbox_remove(struct model *model, int name);
enum error model_alias_add(struct model *model, int mailbox, int name);
enum error model_alias_remove(struct model *model, int name);

/* Fails the test unless the tables hold what the model holds, and no more. */
void model_compare(const struct model *model, struct store_txn *txn);

#endif
