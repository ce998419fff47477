/* SPDX-License-Identifier: BSD-2-Clause */
/* enforcement - how many tenants are denied at present, and how many only seem to be */
#include "policy/decision/enforcement.h"

#include <inttypes.h>

#include "policy/decision/overrule.h"
#include "policy/tables/tenant_table.h"

struct count {
	const struct settings *settings;
	instant now;
	struct enforcement *n;
};

static enum error
count_tenant(void *arg, const struct tenant *t)
{
	const struct count *count = arg;
	struct enforcement *n = count->n;
	unsigned causes = overrule_tenant(count->settings, t, false, count->now);

	n->walked++;
	if (t->smtp_auth == SMTP_AUTH_ENABLED)
		n->enabled++;
	else if (causes & OVERRULE_ENFORCE_FROM)
		n->scheduled++;
	else if (causes & (OVERRULE_ACTION | OVERRULE_ENFORCE))
		n->reported++;
	else
		n->denied++;
	return OK;
}

enum error
enforcement_count(struct store_txn *txn, instant now, struct enforcement *out)
{
	struct enforcement n = {0};
	struct count count = {store_settings(txn), now, &n};
	enum error e = tenant_table_each(txn, count_tenant, &count);

	*out = n;
	return e;
}

/* put_part - unless there are none */
static void
put_part(struct text *t, uint64_t n, const char *word)
{
	if (n > 0)
		text_printf(t, ", %" PRIu64 " %s", n, word);
}

void
enforcement_describe(
    const struct settings *s, const struct enforcement *n, struct text *t)
{
	if (s->enforce == WORD_NO)
		text_puts(
		    t, "DRY RUN (enforce no): nothing is denied but what is locked");
	else
		text_printf(t, "%s: %" PRIu64 " of %" PRIu64 " tenants denied",
		    n->denied > 0 || n->walked == 0 ? "enforcing"
						    : "NO TENANT IS DENIED",
		    n->denied, n->walked);
	if (s->enforce != WORD_NO) {
		put_part(t, n->reported, "reported only");
		put_part(t, n->scheduled, "scheduled");
		put_part(t, n->enabled, "enabled");
	}
	if (s->exempt_clients.count > 0 || s->exempt_listeners[0] != '\0')
		text_puts(t, ", with exemptions");
}
