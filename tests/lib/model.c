/* SPDX-License-Identifier: BSD-2-Clause */
/* model.c - the tables' rules once more, over a few names and plain arrays in memory.
 */
#include "tests/lib/model.h"

#include <stdio.h>
#include <string.h>

enum { TEXTS = 4, TEXT_SIZE = 32 };

void
model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	for (int i = 0; i <= MODEL_DOMAINS; i++)
		model->owner[i] = MODEL_NONE;
	for (int i = 0; i < MODEL_NAMES; i++)
		model->target[i] = MODEL_NONE;
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
model_tenant(int tenant)
{
	char *text = text_next();

	snprintf(text, TEXT_SIZE, "t%d", tenant);
	return text;
}

const char *
model_domain(int domain)
{
	char *text = text_next();

	if (domain == MODEL_ANY)
		return "*";
	snprintf(text, TEXT_SIZE, "d%d.test", domain);
	return text;
}

int
model_domain_of(int name)
{
	return name < MODEL_DOMAINS * MODEL_LOCALS ? name / MODEL_LOCALS : MODEL_NONE;
}

bool
model_is_user(int name)
{
	return model_domain_of(name) != MODEL_NONE && name % MODEL_LOCALS < MODEL_USERS;
}

const char *
model_name(int name)
{
	char *text = text_next();
	int local = name % MODEL_LOCALS, domain = model_domain_of(name);

	if (domain == MODEL_NONE)
		snprintf(text, TEXT_SIZE, "y%d", name - MODEL_DOMAINS * MODEL_LOCALS);
	else if (local < MODEL_USERS)
		snprintf(text, TEXT_SIZE, "m%d@d%d.test", local, domain);
	else
		snprintf(text, TEXT_SIZE, "x%d@d%d.test", local - MODEL_USERS, domain);
	return text;
}

/* owner_of - of the domain by its name */
static int
owner_of(const struct model *model, int name)
{
	int domain = model_domain_of(name);

	return domain == MODEL_NONE ? MODEL_NONE : model->owner[domain];
}

/* is_within - whether the domain, or "*", is where the name belongs */
static bool
is_within(const struct model *model, int name, int domain)
{
	if (domain == MODEL_ANY)
		return owner_of(model, name) == MODEL_NONE;
	return model_domain_of(name) == domain;
}

static bool
domain_is_used(const struct model *model, int domain)
{
	for (int i = 0; i < MODEL_NAMES; i++) {
		if (model->setting[i] != 0 && is_within(model, i, domain))
			return true;
		if (model->target[i] != MODEL_NONE &&
		    is_within(model, model->target[i], domain))
			return true;
	}
	return false;
}

enum error
model_tenant_put(struct model *model, int tenant, bool denies)
{
	model->tenant[tenant] = true;
	model->denies[tenant] = denies;
	return OK;
}

static void
domain_empty(struct model *model, int domain)
{
	for (int i = 0; i < MODEL_NAMES; i++) {
		if (is_within(model, i, domain))
			model->setting[i] = 0;
		if (model->target[i] != MODEL_NONE &&
		    is_within(model, model->target[i], domain))
			model->target[i] = MODEL_NONE;
	}
}

enum error
model_tenant_remove(struct model *model, int tenant, bool force)
{
	if (!model->tenant[tenant])
		return ERR_NOTFOUND;
	for (int i = 0; i <= MODEL_ANY && !force; i++)
		if (model->owner[i] == tenant && domain_is_used(model, i))
			return ERR_CONFLICT;
	if (!force && model->denies[tenant])
		return ERR_PROTECTED;
	/* "*" first: what its other domains leave is not the catch-all's */
	for (int i = MODEL_ANY; i >= 0; i--) {
		if (model->owner[i] != tenant)
			continue;
		domain_empty(model, i);
		model->owner[i] = MODEL_NONE;
	}
	model->tenant[tenant] = false;
	return OK;
}

/* crosses - whether alias NAME would, if TENANT owned DOMAIN */
static bool
crosses(const struct model *model, int name, int domain, int tenant)
{
	int target = model->target[name];
	int of_name = owner_of(model, name), of_target;

	if (target == MODEL_NONE)
		return false;
	of_target = owner_of(model, target);
	if (model_domain_of(name) == domain)
		of_name = tenant;
	if (model_domain_of(target) == domain)
		of_target = tenant;
	return of_name != MODEL_NONE && of_name != of_target;
}

enum error
model_domain_add(struct model *model, int domain, int tenant, bool move)
{
	int owner = model->owner[domain];

	if (owner == tenant)
		return OK;
	if (owner != MODEL_NONE && !move)
		return ERR_CONFLICT;
	if (owner == MODEL_NONE && move)
		return ERR_NOTFOUND;
	for (int i = 0; i < MODEL_NAMES && domain != MODEL_ANY; i++)
		if (crosses(model, i, domain, tenant))
			return ERR_CONFLICT;
	model->owner[domain] = tenant;
	return OK;
}

enum error
model_domain_remove(struct model *model, int domain, bool force)
{
	if (model->owner[domain] == MODEL_NONE)
		return ERR_NOTFOUND;
	if (domain_is_used(model, domain))
		return ERR_CONFLICT;
	if (!force && model->denies[model->owner[domain]])
		return ERR_PROTECTED;
	model->owner[domain] = MODEL_NONE;
	return OK;
}

enum error
model_mailbox_put(struct model *model, int name, int note)
{
	model->setting[name] = note;
	return OK;
}

enum error
model_mailbox_remove(struct model *model, int name)
{
	if (model->setting[name] == 0)
		return ERR_NOTFOUND;
	model->setting[name] = 0;
	return OK;
}

enum error
model_alias_add(struct model *model, int mailbox, int name)
{
	int owner = owner_of(model, name);

	if (model->target[name] != MODEL_NONE)
		return model->target[name] == mailbox ? OK : ERR_EXISTS;
	if (name == mailbox || model->target[mailbox] != MODEL_NONE ||
	    model->setting[name] != 0)
		return ERR_CONFLICT;
	for (int i = 0; i < MODEL_NAMES; i++)
		if (model->target[i] == name)
			return ERR_CONFLICT;
	if (owner != MODEL_NONE && owner != owner_of(model, mailbox))
		return ERR_CONFLICT;
	model->target[name] = mailbox;
	return OK;
}

enum error
model_alias_remove(struct model *model, int name)
{
	if (model->target[name] == MODEL_NONE)
		return ERR_NOTFOUND;
	model->target[name] = MODEL_NONE;
	return OK;
}
