/* SPDX-License-Identifier: BSD-2-Clause */
/* tables_model.c - the tables' rules once more, over a few names and plain arrays in
 * memory.
 */
#include "tests/lib/tables_model.h"

#include <stdio.h>
#include <string.h>

enum { TEXTS = 4, TEXT_SIZE = 32 };

void
tables_model_init(struct tables_model *model)
{
	memset(model, 0, sizeof(*model));
	for (int i = 0; i <= TABLES_MODEL_DOMAINS; i++)
		model->owner[i] = TABLES_MODEL_NONE;
	for (int i = 0; i < TABLES_MODEL_NAMES; i++)
		model->target[i] = TABLES_MODEL_NONE;
}

/* text_next - room for a name */
static char *
text_next(void)
{
	static char text[TEXTS][TEXT_SIZE];
	static int next;

	return text[next++ % TEXTS];
}

const char *
tables_model_tenant(int tenant)
{
	char *text = text_next();

	snprintf(text, TEXT_SIZE, "t%d", tenant);
	return text;
}

const char *
tables_model_domain(int domain)
{
	char *text = text_next();

	if (domain == TABLES_MODEL_ANY)
		return "*";
	snprintf(text, TEXT_SIZE, "d%d.test", domain);
	return text;
}

int
tables_model_domain_of(int name)
{
	return name < TABLES_MODEL_DOMAINS * TABLES_MODEL_LOCALS
	    ? name / TABLES_MODEL_LOCALS
	    : TABLES_MODEL_NONE;
}

bool
tables_model_is_user(int name)
{
	return tables_model_domain_of(name) != TABLES_MODEL_NONE &&
	    name % TABLES_MODEL_LOCALS < TABLES_MODEL_USERS;
}

const char *
tables_model_name(int name)
{
	char *text = text_next();
	int local = name % TABLES_MODEL_LOCALS, domain = tables_model_domain_of(name);

	if (domain == TABLES_MODEL_NONE)
		snprintf(text, TEXT_SIZE, "y%d",
		    name - TABLES_MODEL_DOMAINS * TABLES_MODEL_LOCALS);
	else if (local < TABLES_MODEL_USERS)
		snprintf(text, TEXT_SIZE, "m%d@d%d.test", local, domain);
	else
		snprintf(text, TEXT_SIZE, "x%d@d%d.test", local - TABLES_MODEL_USERS,
		    domain);
	return text;
}

/* owner_of - of the domain by its name */
static int
owner_of(const struct tables_model *model, int name)
{
	int domain = tables_model_domain_of(name);

	return domain == TABLES_MODEL_NONE ? TABLES_MODEL_NONE : model->owner[domain];
}

/* is_within - whether the domain, or "*", is where the name belongs */
static bool
is_within(const struct tables_model *model, int name, int domain)
{
	if (domain == TABLES_MODEL_ANY)
		return owner_of(model, name) == TABLES_MODEL_NONE;
	return tables_model_domain_of(name) == domain;
}

static bool
domain_is_used(const struct tables_model *model, int domain)
{
	for (int i = 0; i < TABLES_MODEL_NAMES; i++) {
		if (model->setting[i] != 0 && is_within(model, i, domain))
			return true;
		if (model->target[i] != TABLES_MODEL_NONE &&
		    is_within(model, model->target[i], domain))
			return true;
	}
	return false;
}

enum error
tables_model_tenant_put(struct tables_model *model, int tenant, bool denies)
{
	model->tenant[tenant] = true;
	model->denies[tenant] = denies;
	return OK;
}

static void
domain_empty(struct tables_model *model, int domain)
{
	for (int i = 0; i < TABLES_MODEL_NAMES; i++) {
		if (is_within(model, i, domain))
			model->setting[i] = 0;
		if (model->target[i] != TABLES_MODEL_NONE &&
		    is_within(model, model->target[i], domain))
			model->target[i] = TABLES_MODEL_NONE;
	}
}

enum error
tables_model_tenant_remove(struct tables_model *model, int tenant, bool force)
{
	if (!model->tenant[tenant])
		return ERR_NOTFOUND;
	for (int i = 0; i <= TABLES_MODEL_ANY && !force; i++)
		if (model->owner[i] == tenant && domain_is_used(model, i))
			return model->denies[tenant] ? ERR_PROTECTED : ERR_CONFLICT;
	if (!force && model->denies[tenant])
		return ERR_PROTECTED;
	/* "*" first: what its other domains leave is not the catch-all's */
	for (int i = TABLES_MODEL_ANY; i >= 0; i--) {
		if (model->owner[i] != tenant)
			continue;
		domain_empty(model, i);
		model->owner[i] = TABLES_MODEL_NONE;
	}
	model->tenant[tenant] = false;
	return OK;
}

/* crosses - whether alias NAME would, if TENANT owned DOMAIN */
static bool
crosses(const struct tables_model *model, int name, int domain, int tenant)
{
	int target = model->target[name];
	int of_name = owner_of(model, name), of_target;

	if (target == TABLES_MODEL_NONE)
		return false;
	of_target = owner_of(model, target);
	if (tables_model_domain_of(name) == domain)
		of_name = tenant;
	if (tables_model_domain_of(target) == domain)
		of_target = tenant;
	return of_name != TABLES_MODEL_NONE && of_name != of_target;
}

enum error
tables_model_domain_add(struct tables_model *model, int domain, int tenant, bool move)
{
	int owner = model->owner[domain];

	if (owner == tenant)
		return OK;
	if (owner != TABLES_MODEL_NONE && !move)
		return ERR_CONFLICT;
	if (owner == TABLES_MODEL_NONE && move)
		return ERR_NOTFOUND;
	for (int i = 0; i < TABLES_MODEL_NAMES && domain != TABLES_MODEL_ANY; i++)
		if (crosses(model, i, domain, tenant))
			return ERR_CONFLICT;
	model->owner[domain] = tenant;
	return OK;
}

enum error
tables_model_domain_remove(struct tables_model *model, int domain, bool force)
{
	if (model->owner[domain] == TABLES_MODEL_NONE)
		return ERR_NOTFOUND;
	if (domain_is_used(model, domain))
		return ERR_CONFLICT;
	if (!force && model->denies[model->owner[domain]])
		return ERR_PROTECTED;
	model->owner[domain] = TABLES_MODEL_NONE;
	return OK;
}

enum error
tables_model_mailbox_put(struct tables_model *model, int name, int note)
{
	model->setting[name] = note;
	return OK;
}

enum error
tables_model_mailbox_remove(struct tables_model *model, int name)
{
	if (model->setting[name] == 0)
		return ERR_NOTFOUND;
	model->setting[name] = 0;
	return OK;
}

enum error
tables_model_alias_add(struct tables_model *model, int mailbox, int name)
{
	int owner = owner_of(model, name);

	if (model->target[name] != TABLES_MODEL_NONE)
		return model->target[name] == mailbox ? OK : ERR_EXISTS;
	if (name == mailbox || model->target[mailbox] != TABLES_MODEL_NONE ||
	    model->setting[name] != 0)
		return ERR_CONFLICT;
	for (int i = 0; i < TABLES_MODEL_NAMES; i++)
		if (model->target[i] == name)
			return ERR_CONFLICT;
	if (owner != TABLES_MODEL_NONE && owner != owner_of(model, mailbox))
		return ERR_CONFLICT;
	model->target[name] = mailbox;
	return OK;
}

enum error
tables_model_alias_remove(struct tables_model *model, int name)
{
	if (model->target[name] == TABLES_MODEL_NONE)
		return ERR_NOTFOUND;
	model->target[name] = TABLES_MODEL_NONE;
	return OK;
}
