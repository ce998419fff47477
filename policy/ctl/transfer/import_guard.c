/* SPDX-License-Identifier: BSD-2-Clause */
/* import_guard - whether an import would open what is closed by other things than rows
 */
#include "policy/ctl/transfer/import_guard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/model/domain_record.h"
#include "policy/model/mailbox.h"
#include "policy/tables/removal.h"
#include "policy/tables/tenant_table.h"

#define WAY_OUT "; use --force if that is meant"

void
import_guard_start(struct import_guard *g, struct store_txn *txn, instant now)
{
	memset(g, 0, sizeof *g);
	g->txn = txn;
	g->was = *store_settings(txn);
	g->first_tenants = store_meta(txn)->tenants == 0;
	g->now = now;
}

void
import_guard_end(struct import_guard *g)
{
	free(g->moved);
	g->moved = NULL;
}

/* tenant_denies - by its record as it is now; one that is not there is damage */
static enum error
tenant_denies(struct store_txn *txn, const char *name, bool *denies_r)
{
	struct tenant t;
	bool found;
	enum error e = tenant_table_get(txn, name, &t, &found);

	if (e == OK && !found)
		e = ERR_DAMAGED;
	return e == OK ? removal_denies(txn, &t, denies_r) : e;
}

static enum error
note_tenant(
    struct import_guard *g, struct bytes key, struct bytes before, struct bytes after)
{
	struct tenant t;
	bool denies = false;
	enum error e;

	if (after.at != NULL)
		return OK;
	e = tenant_decode(before, &t);
	if (e == OK)
		e = key_to_tenant(key, 1, t.name);
	if (e == OK)
		e = removal_denies(g->txn, &t, &denies);
	if (e == OK && denies && g->unguarded++ == 0)
		snprintf(g->first, sizeof g->first, "tenant %s", t.name);
	return e;
}

/* note_move - what its new tenant does is known once all is changed */
static enum error
note_move(
    struct import_guard *g, struct bytes key, const char *from, struct bytes after)
{
	struct moved_domain *at = array_grow(g->moved, g->moves, &g->room, sizeof *at);
	enum error e;

	if (at == NULL)
		return ERR_MEMORY;
	g->moved = at;
	at += g->moves;
	e = domain_record_decode(after, at->to);
	if (e != OK || strcmp(at->to, from) == 0)
		return e;
	g->moves++;
	memcpy(at->from, from, strlen(from) + 1);
	return key_to_name(key, 1, DOMAIN_MAX, at->domain);
}

/* note_domain - domains come before tenants: theirs is there still */
static enum error
note_domain(
    struct import_guard *g, struct bytes key, struct bytes before, struct bytes after)
{
	char owner[TENANT_NAME_MAX + 1];
	bool denies = false;
	enum error e;

	if (before.at == NULL)
		return OK;
	e = domain_record_decode(before, owner);
	if (e == OK)
		e = tenant_denies(g->txn, owner, &denies);
	if (e != OK || !denies)
		return e;
	if (after.at != NULL)
		return note_move(g, key, owner, after);
	if (g->unguarded++ > 0)
		return OK;
	memcpy(g->first, "domain ", 7);
	return key_to_name(key, 1, DOMAIN_MAX, g->first + 7);
}

static enum error
lost_add(struct lost *lost, struct bytes key)
{
	struct login address;
	enum error e;

	if (lost->n++ > 0)
		return OK;
	e = key_to_login(key, &address);
	if (e == OK)
		memcpy(lost->first, address.text, address.len + 1);
	return e;
}

/* note_mailbox - what ends with a setting is said elsewhere */
static enum error
note_mailbox(
    struct import_guard *g, struct bytes key, struct bytes before, struct bytes after)
{
	struct mailbox was, is;
	enum error e;

	if (before.at == NULL || after.at == NULL)
		return OK;
	e = mailbox_decode(before, &was);
	if (e == OK)
		e = mailbox_decode(after, &is);
	if (e != OK)
		return e;
	if (was.smtp_auth != is.smtp_auth) {
		if (mailbox_overrides(&was, g->now) &&
		    ((was.until != INSTANT_NONE && is.until == INSTANT_NONE) ||
			(was.clients.count > 0 && is.clients.count == 0)))
			e = lost_add(&g->dropped, key);
		return e;
	}
	if (was.clients.count > 0 && is.clients.count == 0)
		e = lost_add(&g->networks, key);
	if (e == OK && is.until == INSTANT_NONE && was.until != INSTANT_NONE &&
	    mailbox_overrides(&is, g->now))
		e = lost_add(
		    mailbox_overrides(&was, g->now) ? &g->ends : &g->revived, key);
	return e;
}

enum error
import_guard_note(
    struct import_guard *g, struct bytes key, struct bytes before, struct bytes after)
{
	char name[SETTING_KEY_MAX + 1];
	enum error e;

	switch (*(const uint8_t *)key.at) {
	case TABLE_TENANT:
		return note_tenant(g, key, before, after);
	case TABLE_DOMAIN:
		return note_domain(g, key, before, after);
	case TABLE_MAILBOX:
		return note_mailbox(g, key, before, after);
	case TABLE_LOCK:
		g->unlocked += after.at == NULL;
		return OK;
	case TABLE_SETTING:
		e = key_to_name(key, 1, sizeof name - 1, name);
		g->unset = g->unset ||
		    (e == OK && after.at == NULL &&
			strcmp(name, "unknown-tenant") == 0);
		return e;
	default:
		return OK;
	}
}

/* move_opens - one that has denied, and is gone or does no more, counts as before */
static enum error
move_opens(const struct import_guard *g, const struct moved_domain *m, bool *opens_r)
{
	struct tenant from, to;
	bool found = false, has = false;
	enum error e = tenant_table_get(g->txn, m->to, &to, &has);

	if (e == OK)
		e = has ? tenant_table_get(g->txn, m->from, &from, &found)
			: ERR_DAMAGED;
	if (e != OK)
		return e;
	if (!found || from.smtp_auth != SMTP_AUTH_DISABLED) {
		tenant_init(&from);
		memcpy(from.name, m->from, sizeof from.name);
		from.smtp_auth = SMTP_AUTH_DISABLED;
	}
	return removal_move_opens(g->txn, &from, &to, g->now, opens_r);
}

/* check_moves - domains that would leave a tenant that denies */
static enum error
check_moves(const struct import_guard *g, struct error_text *why)
{
	enum error e;
	bool opens;

	for (size_t i = 0; i < g->moves; i++) {
		const struct moved_domain *m = &g->moved[i];

		e = move_opens(g, m, &opens);
		if (e != OK)
			return error_set(why, e, "%s", error_string(e));
		if (opens)
			return error_set(why, ERR_PROTECTED,
			    "domain %s would go from tenant %s, which denies SMTP AUTH, to tenant %s, which does not, or not as much: its logins would pass" WAY_OUT,
			    m->domain, m->from, m->to);
	}
	return OK;
}

/* check_networks - that are exempt now, and were not before */
static enum error
check_networks(const struct import_guard *g, struct error_text *why)
{
	const struct cidr *wide = cidr_list_new(
	    &store_settings(g->txn)->exempt_clients, &g->was.exempt_clients, true);
	char net[CIDR_TEXT_MAX];

	if (wide == NULL)
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "network %s of exempt-clients is wider than a /16 (IPv6: a /32): all logins from there would pass" WAY_OUT,
	    cidr_print(wide, net));
}

bool
import_guard_settings(const struct import_guard *g, struct opening *opening_r)
{
	const struct settings *now = store_settings(g->txn);
	bool accepts = now->unknown_tenant == ACTION_ACCEPT &&
	    g->was.unknown_tenant != ACTION_ACCEPT;

	*opening_r = (struct opening){.by_settings = true};
	opening_guard_exempts(opening_r, &g->was, now);
	if (g->first_tenants) /* a policy that comes back: what was exempt is again */
		opening_r->exempts = opening_r->listeners = false;
	return accepts || opening_r->exempts;
}

enum error
import_guard_check(const struct import_guard *g, struct error_text *why)
{
	bool accepts = store_settings(g->txn)->unknown_tenant == ACTION_ACCEPT;
	bool pass = false;
	enum error e = g->unguarded > 0 ? removal_unowned_pass(g->txn, &pass) : OK;

	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	if (pass)
		return error_set(why, ERR_PROTECTED,
		    "tenants or domains that deny SMTP AUTH would be removed, %s first, and %s: their logins would pass" WAY_OUT,
		    g->first,
		    accepts ? "unknown-tenant is accept"
			    : "the tenant of * may not deny");
	if (g->unset && accepts && g->was.unknown_tenant != ACTION_ACCEPT)
		return error_set(why, ERR_PROTECTED,
		    "unknown-tenant is not in the file: without it the logins of no tenant would pass" WAY_OUT);
	e = check_moves(g, why);
	if (e == OK)
		e = check_networks(g, why);
	if (e != OK || g->unlocked == 0)
		return e;
	return error_set(why, ERR_PROTECTED,
	    "%" PRIu64 " lock%s brought %s not in the file, and would end" WAY_OUT,
	    g->unlocked, g->unlocked == 1 ? " that was" : "s that were",
	    g->unlocked == 1 ? "is" : "are");
}
