/* SPDX-License-Identifier: BSD-2-Clause */
/* tables_model.h - the tables' rules once more, over a few names and plain arrays in
 * memory.
 */
#pragma once

#include "policy/base/error.h"
#include "policy/store/store.h"

#include <stdbool.h>

/*
 * Tenants "t0" on; domains "d0.test" on, then "*"; users "m0" to "m3" may have
 * settings and aliases, "x0" to "x2" are aliases only, in each domain, and "y0" on
 * are aliases without a domain.
 */
enum {
	TABLES_MODEL_TENANTS = 5,
	TABLES_MODEL_DOMAINS = 7, /* without "*" */
	TABLES_MODEL_ANY = TABLES_MODEL_DOMAINS,
	TABLES_MODEL_USERS = 4,
	TABLES_MODEL_ALIASES_ONLY = 3,
	TABLES_MODEL_LOCALS = TABLES_MODEL_USERS + TABLES_MODEL_ALIASES_ONLY,
	TABLES_MODEL_BARE = 4,
	TABLES_MODEL_NAMES =
	    TABLES_MODEL_DOMAINS * TABLES_MODEL_LOCALS + TABLES_MODEL_BARE,
	TABLES_MODEL_NONE = -1
};

struct tables_model {
	bool tenant[TABLES_MODEL_TENANTS], denies[TABLES_MODEL_TENANTS];
	int owner[TABLES_MODEL_DOMAINS + 1]; /* a tenant, or TABLES_MODEL_NONE */
	int setting[TABLES_MODEL_NAMES];     /* 0: no record; else the note's number */
	int target[TABLES_MODEL_NAMES];      /* the mailbox it is an alias of, or
						TABLES_MODEL_NONE */
};

void tables_model_init(struct tables_model *model);

/* The names; each good until the fourth call after it. */
const char *tables_model_tenant(int tenant);
const char *tables_model_domain(int domain);
const char *tables_model_name(int name);

/* The domain of a name, TABLES_MODEL_NONE for a bare one, and whether it can be a
 * mailbox. */
int tables_model_domain_of(int name);
bool tables_model_is_user(int name);

/* What the operation has to return; where that is OK, the model has changed. */
enum error tables_model_tenant_put(struct tables_model *model, int tenant, bool denies);
enum error tables_model_tenant_remove(
    struct tables_model *model, int tenant, bool force);
enum error tables_model_domain_add(
    struct tables_model *model, int domain, int tenant, bool move);
enum error tables_model_domain_remove(
    struct tables_model *model, int domain, bool force);
enum error tables_model_mailbox_put(struct tables_model *model, int name, int note);
enum error tables_model_mailbox_remove(struct tables_model *model, int name);
enum error tables_model_alias_add(struct tables_model *model, int mailbox, int name);
enum error tables_model_alias_remove(struct tables_model *model, int name);

/* Fails the test unless the tables hold what the model holds, and no more. */
void tables_model_compare(const struct tables_model *model, struct store_txn *txn);
