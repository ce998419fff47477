/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.c - a small policy in a database that nobody else sees. */
#include "policy.h"

#include "fuzz.h"

#include "policy/import/import.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/tables/verify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* scratch - a database whose folder is gone already */
static struct store *
scratch(void)
{
	const char *tmp = getenv("TMPDIR");
	struct error_text why = {""};
	struct store *store;
	char dir[256];

	snprintf(dir, sizeof dir, "%s/fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	fuzz_expect(mkdtemp(dir) != NULL);
	fuzz_expect(store_scratch(&store, dir, &why) == OK);
	fuzz_expect(rmdir(dir) == 0);
	return store;
}

static struct login
address(const char *text)
{
	struct login login;

	fuzz_expect(login_normalize(text, strlen(text), "", &login, NULL) == OK);
	return login;
}

void
policy_put_tenant(
    struct store_txn *txn, const char *name, const char *domain, const char *reply)
{
	struct error_text why;
	struct tenant t;

	tenant_init(&t);
	snprintf(t.name, sizeof t.name, "%s", name);
	snprintf(t.reply, sizeof t.reply, "%s", reply);
	fuzz_expect(tenant_table_put(txn, &t) == OK);
	fuzz_expect(ownership_add_domain(txn, domain, name, false, &why) == OK);
}

/* fill - two tenants, a mailbox with all that it can have, an alias, a setting */
static void
fill(struct store_txn *txn)
{
	struct login ann = address("ann@acme.test"), alias = address("a@acme.test");
	struct error_text why;
	struct mailbox m;

	policy_put_tenant(txn, "acme", "acme.test", "");
	policy_put_tenant(txn, "rest", "*", "");
	mailbox_init(&m);
	m.smtp_auth = SMTP_AUTH_ENABLED;
	m.until = POLICY_NOW + 1000;
	fuzz_expect(cidr_list_parse("192.0.2.0/24", &m.clients, &why) == OK);
	strcpy(m.note, "scanner");
	fuzz_expect(mailbox_table_put(txn, &ann, &m) == OK);
	fuzz_expect(ownership_add_alias(txn, &ann, &alias, &why) == OK);
	fuzz_expect(setting_table_set(
			txn, settings_find("exempt-listeners"), "web", &why) == OK);
}

struct store_txn *
policy_begin(void)
{
	static struct store *store;
	struct store_txn *txn;

	if (store == NULL) {
		store = scratch();
		fuzz_expect(store_begin(store, &txn) == OK);
		fill(txn);
		fuzz_expect(store_commit(&txn) == OK);
	}
	fuzz_expect(store_begin(store, &txn) == OK);
	return txn;
}

/* expect_record - the bytes that would be stored are read back as the same bytes */
static void
expect_record(const struct row *row)
{
	uint8_t one[RECORD_MAX], two[RECORD_MAX];
	struct record_writer a, b;
	struct mailbox m;
	struct tenant t;

	record_write_start(&a, one, sizeof one);
	record_write_start(&b, two, sizeof two);
	if (row->type == ROW_MAILBOX) {
		mailbox_encode(&row->mailbox, &a);
		fuzz_expect(mailbox_decode((struct bytes){one, a.len}, &m) == OK);
		mailbox_encode(&m, &b);
	} else if (row->type == ROW_TENANT) {
		tenant_encode(&row->tenant, &a);
		fuzz_expect(tenant_decode((struct bytes){one, a.len}, &t) == OK);
		tenant_encode(&t, &b);
	}
	fuzz_expect(!a.failed && !b.failed && a.len == b.len);
	fuzz_expect(memcmp(one, two, a.len) == 0);
}

void
policy_expect_row(const struct row *row)
{
	fuzz_expect(row->type <= ROW_LOCK && (row->says & ~(unsigned)ROW_ALL) == 0);
	fuzz_expect(row->name != NULL || row->type == ROW_TENANT ||
	    (row->type == ROW_LOCK && row->value != NULL));
	if (row->type == ROW_SETTING || row->type == ROW_ALIAS)
		fuzz_expect(row->value != NULL);
	fuzz_expect(row->domains <= row->room);
	for (size_t i = 0; i < row->domains; i++)
		fuzz_expect(row->type == ROW_TENANT && row->domain[i] != NULL);
	expect_record(row);
}

/* holds - nothing of the transaction contradicts anything else of it */
static void
holds(struct store_txn *txn)
{
	struct error_text why = {""};

	fuzz_expect(verify_links(txn, &why) == OK);
}

size_t
policy_import(const struct policy_rows *rows)
{
	struct store_txn *txn = policy_begin();
	struct error_text why = {""};
	struct row row = {0};
	struct import *import;
	uint64_t last = 0;
	size_t n = 0, bad = 0;
	bool found = true;
	enum error e;

	fuzz_expect(import_open(&import, txn, NULL, POLICY_NOW) == OK);
	for (;;) {
		e = rows->next(rows->reader, &row, &found, &why);
		if (e == ERR_FORMAT || (e == OK && !found))
			break;
		fuzz_expect(row.line > last);
		last = row.line;
		n++;
		if (e == OK) {
			policy_expect_row(&row);
			why.text[0] = '\0';
			e = import_row(import, &row, &why);
		}
		fuzz_expect(e == OK || (import_is_of_row(e) && why.text[0] != '\0'));
		bad += e != OK;
	}
	if (bad == 0)
		holds(txn);
	free(row.domain);
	import_close(&import);
	store_abort(&txn);
	return n;
}
