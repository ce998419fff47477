/* SPDX-License-Identifier: BSD-2-Clause */
/* state.c - a private state folder with a policy database, used in this process */
#include "tests/lib/state.h"

#include "policy/tables/ownership.h"
#include "tests/lib/file.h"
#include "tests/lib/suite.h"

#include "policy/db/guard.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/tables/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Made by the program for each case; the process of each test knows it. */
const char *state_base;

static char base[STATE_PATH / 4];

static void
base_open(void)
{
	snprintf(base, sizeof(base), "%s/policy-XXXXXX",
	    state_base != NULL ? state_base : "/tmp");
	/* searchable, for tests that give up root's rights */
	if (mkdtemp(base) == NULL || chmod(base, 0711) != 0) {
		perror(base);
		exit(EXIT_FAILURE);
	}
}

static void
base_close(void)
{
	folder_remove(base);
}

TCase *
state_add_case(Suite *suite, const char *name)
{
	TCase *tcase = suite_add_case(suite, name);

	tcase_add_unchecked_fixture(tcase, base_open, base_close);
	tcase_add_checked_fixture(tcase, guard_install, NULL);
	return tcase;
}

void
state_open(struct state *state)
{
	snprintf(state->dir, sizeof(state->dir), "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(state->dir));
	snprintf(state->data, STATE_PATH, "%s/policy.mdb", state->dir);
	snprintf(state->lock, STATE_PATH, "%s/policy.mdb-lock", state->dir);
	snprintf(state->writers, STATE_PATH, "%s/policy.writers", state->dir);
}

void
state_open_ready(struct state *state)
{
	struct error_text why;
	struct store *store;
	bool created;

	state_open(state);
	expect_ok(store_create(&store, state->dir, &created, &why));
	ck_assert(created);
	store_close(&store);
}

struct store *
state_store(const struct state *state, enum store_mode mode)
{
	struct error_text why;
	struct store *store;
	enum error e = store_open(&store, state->dir, mode, &why);

	ck_assert_msg(e == OK, "%s", e == OK ? "" : why.text);
	return store;
}

struct store_txn *
txn_begin(struct store *store)
{
	struct store_txn *txn;

	expect_ok(store_begin(store, &txn));
	return txn;
}

void
txn_commit(struct store_txn **txn)
{
	expect_ok(store_commit(txn));
	ck_assert_ptr_null(*txn);
}

void
state_change(const struct state *state,
    void (*change)(struct store_txn *txn, void *arg), void *arg)
{
	struct store *store = state_store(state, STORE_WRITE);
	struct store_txn *txn = txn_begin(store);

	change(txn, arg);
	txn_commit(&txn);
	store_close(&store);
}

void
state_begin(struct state *state, struct store **store_r, struct store_txn **txn_r)
{
	state_open_ready(state);
	*store_r = state_store(state, STORE_WRITE);
	*txn_r = txn_begin(*store_r);
}

void
state_end(struct store **store, struct store_txn **txn)
{
	txn_commit(txn);
	store_expect_sound(*store);
	store_close(store);
}

void
state_abandon(struct store **store, struct store_txn **txn)
{
	store_abort(txn);
	store_close(store);
}

uint64_t
store_expect_sound(struct store *store)
{
	struct error_text why;
	uint64_t records;
	enum error e = verify_store(store, &records, &why);

	ck_assert_msg(e == OK, "%s", e == OK ? "" : why.text);
	return records;
}

struct login
login_make(const char *text)
{
	struct error_text why;
	struct login login;

	expect_ok(login_normalize(text, strlen(text), "", &login, &why));
	return login;
}

void
state_raw_put(const struct state *state, const struct key *key, struct bytes value)
{
	const struct db_options options = {.writable = true};
	struct error_text why;
	struct db_txn *txn;
	struct db *db;

	expect_ok(db_open(&db, state->data, &options, &why));
	expect_ok(db_begin(db, true, &txn));
	expect_ok(db_put(txn, key, value));
	expect_ok(db_commit(&txn));
	db_close(&db);
}

struct mailbox
mailbox_make(enum smtp_auth smtp_auth, const char *note)
{
	struct mailbox mailbox;

	mailbox_init(&mailbox);
	mailbox.smtp_auth = smtp_auth;
	snprintf(mailbox.note, sizeof(mailbox.note), "%s", note);
	return mailbox;
}

void
mailbox_store(struct store_txn *txn, const char *address, enum smtp_auth smtp_auth,
    const char *note)
{
	struct mailbox mailbox = mailbox_make(smtp_auth, note);
	struct login login = login_make(address);

	expect_ok(mailbox_table_put(txn, &login, &mailbox));
}

/* lock_put - made here */
static void
lock_put(struct store_txn *txn, const struct lock_subject *subject, instant until)
{
	struct lock lock;

	lock_init(&lock);
	lock.until = until;
	expect_ok(lock_table_put(txn, LOCK_MADE_HERE, subject, &lock));
}

void
lock_store(struct store_txn *txn, const char *login, instant until)
{
	const struct login name = login_make(login);
	struct lock_subject subject;

	lock_table_subject_login(&subject, &name);
	lock_put(txn, &subject, until);
}

void
lock_store_tenant(struct store_txn *txn, const char *tenant, instant until)
{
	struct lock_subject subject;

	lock_table_subject_tenant(&subject, tenant);
	lock_put(txn, &subject, until);
}

void
tenant_store(struct store_txn *txn, const char *name, enum smtp_auth smtp_auth)
{
	struct tenant tenant;

	tenant_init(&tenant);
	snprintf(tenant.name, sizeof(tenant.name), "%s", name);
	tenant.smtp_auth = smtp_auth;
	expect_ok(tenant_table_put(txn, &tenant));
}

void
domain_store(struct store_txn *txn, const char *domain, const char *tenant)
{
	struct error_text why;

	expect_ok(ownership_add_domain(txn, domain, tenant, false, &why));
}

void
tenant_store_with(struct store_txn *txn, const char *name, enum smtp_auth smtp_auth,
    const char *domain)
{
	tenant_store(txn, name, smtp_auth);
	domain_store(txn, domain, name);
}

void
setting_store(struct store_txn *txn, const char *key, const char *value)
{
	const struct setting *row = settings_find(key);
	struct error_text why;

	ck_assert_ptr_nonnull(row);
	expect_ok(setting_table_set(txn, row, value, &why));
	expect_ok(store_reload_settings(txn));
}

void
alias_store(struct store_txn *txn, const char *mailbox, const char *alias)
{
	struct login target = login_make(mailbox), login = login_make(alias);
	struct error_text why;

	expect_ok(ownership_add_alias(txn, &target, &login, &why));
}

void
domain_expect(struct store_txn *txn, const char *domain, const char *tenant)
{
	char name[TENANT_NAME_MAX + 1];

	expect_ok(domain_table_get(txn, domain, name));
	ck_assert_str_eq(name, tenant != NULL ? tenant : "");
}

void
alias_expect(struct store_txn *txn, const char *alias, const char *mailbox)
{
	struct login login = login_make(alias), target;
	bool found;

	expect_ok(alias_table_get(txn, &login, &target, &found));
	ck_assert_int_eq(found, mailbox != NULL);
	if (!found)
		return;
	ck_assert_str_eq(target.text, mailbox);
	ck_assert(target.has_domain);
}

void
mailbox_expect(struct store_txn *txn, const char *address, bool there)
{
	struct login login = login_make(address);
	struct mailbox mailbox;
	bool found;

	expect_ok(mailbox_table_get(txn, &login, &mailbox, &found));
	ck_assert_int_eq(found, there);
}

int
child_run(int (*act)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(act(arg));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
