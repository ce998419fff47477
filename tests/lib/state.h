/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h - a private state folder with a policy database, used in this process */
#pragma once

#include "policy/identity/login.h"
#include "policy/kernel/linux_calls.h"
#include "policy/model/mailbox.h"
#include "policy/store/store.h"

#include <check.h>

enum { STATE_PATH = 96 };

/* Whether this system tells who holds a lock of a file. */
#ifdef LINUX_CALLS
enum { LOCKS_ARE_SEEN = true };
#else
enum { LOCKS_ARE_SEEN = false };
#endif

struct state {
	char dir[STATE_PATH / 2];
	char data[STATE_PATH]; /* policy.mdb in it, and so on */
	char lock[STATE_PATH];
	char writers[STATE_PATH];
};

/* Fails the test unless the expression is this value of enum error. */
#define expect_error(wanted, expression) \
	do { \
		enum error error_got = (expression); \
		ck_assert_msg(error_got == (wanted), "%s is \"%s\", not \"%s\"", \
		    #expression, error_string(error_got), error_string(wanted)); \
	} while (0)

#define expect_ok(expression) expect_error(OK, expression)

/* Where state folders are made, if not in /tmp. Set it before a case is added. */
extern const char *state_base;

/* Adds a case whose state folders are removed at its end, also after failures. */
TCase *state_add_case(Suite *suite, const char *name);

/* Makes an empty folder; with _ready, and a database without records. */
void state_open(struct state *state);
void state_open_ready(struct state *state);

/* Opens the store, or fails the test. */
struct store *state_store(const struct state *state, enum store_mode mode);

/* Begins or commits, or fails the test. */
struct store_txn *txn_begin(struct store *store);
void txn_commit(struct store_txn **txn);

/* Runs `change` in a write transaction of its own, and commits. */
void state_change(const struct state *state,
    void (*change)(struct store_txn *txn, void *arg), void *arg);

/* Makes a database as state_open_ready() does, opens it, and begins to write. */
void state_begin(struct state *state, struct store **store_r, struct store_txn **txn_r);

/* Ends that: commits, and fails the test unless the database holds; or gives up what
 * was written. */
void state_end(struct store **store, struct store_txn **txn);
void state_abandon(struct store **store, struct store_txn **txn);

/* Fails the test unless verify_store() holds; returns the number of records. */
uint64_t store_expect_sound(struct store *store);

/* The normal form of a login that has to be a good one. */
struct login login_make(const char *text);

/* Puts a record straight into the file, with no store around it, or fails the test. */
void state_raw_put(
    const struct state *state, const struct key *key, struct bytes value);

/* A mailbox's setting with a note. */
struct mailbox mailbox_make(enum smtp_auth smtp_auth, const char *note);

/* Stores such a setting, or fails the test. */
void mailbox_store(struct store_txn *txn, const char *address, enum smtp_auth smtp_auth,
    const char *note);

/* Locks a login in normal form, or a tenant, until UNTIL, or fails the test. */
void lock_store(struct store_txn *txn, const char *login, instant until);
void lock_store_tenant(struct store_txn *txn, const char *tenant, instant until);

/* Stores a tenant, or gives it a domain, or both, or fails the test. */
void tenant_store(struct store_txn *txn, const char *name, enum smtp_auth smtp_auth);
void domain_store(struct store_txn *txn, const char *domain, const char *tenant);
void tenant_store_with(struct store_txn *txn, const char *name,
    enum smtp_auth smtp_auth, const char *domain);

/* Sets a setting, which counts in this transaction, or fails the test. */
void setting_store(struct store_txn *txn, const char *key, const char *value);

/* Stores an alias, or fails the test. */
void alias_store(struct store_txn *txn, const char *mailbox, const char *alias);

/* Fails the test unless the domain belongs to this tenant (NULL: to none), the alias
 * leads to this mailbox (NULL: is none), the mailbox has a record, or has none. */
void domain_expect(struct store_txn *txn, const char *domain, const char *tenant);
void alias_expect(struct store_txn *txn, const char *alias, const char *mailbox);
void mailbox_expect(struct store_txn *txn, const char *address, bool there);

/* Runs `act` in a child process and returns its value as an exit status, -1 if a
 * signal ended it. */
int child_run(int (*act)(void *arg), void *arg);
