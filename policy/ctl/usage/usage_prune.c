/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_prune - usage prune: forgets what is older than usage-retention, now */
#include <inttypes.h>

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/as_usage_user.h"
#include "policy/tables/verify.h"
#include "policy/usage/login_usage.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_frame.h"
#include "policy/usage/usage_prune.h"

#define HERE "the usage of this machine"
#define VISITS 20000           /* records of one step */
#define STEPS_A_TRANSACTION 50 /* a daemon that runs waits that long to write */
#define ANSWER_MAX USAGE_FRAME_ERROR_MAX
#define TRIES 5 /* to read a policy that is being changed */

/* prune - all that is old, in write transactions; a daemon may write in between */
static enum error
prune(struct db *db, struct usage_prune *p, FILE *to)
{
	struct db_txn *txn;
	enum error e = OK;

	while (e == OK && !p->done) {
		e = db_begin(db, true, &txn);
		for (int i = 0; e == OK && !p->done && i < STEPS_A_TRANSACTION; i++) {
			e = usage_prune_step(txn, p, VISITS);
			as_usage_user_alive(to);
		}
		if (e == OK)
			e = db_commit(&txn);
		else if (e != ERR_DAMAGED)
			db_abort(&txn);
	}
	return e;
}

/* The policy, for looking up logins. */
struct policy {
	struct store *store;
	bool doubt; /* it could not be asked */
};

/* look_up - in one snapshot */
static enum error
look_up(struct policy *p, const struct login *login, bool *known_r)
{
	struct store_txn *txn;
	enum error whole, e = store_begin(p->store, &txn);

	if (e != OK)
		return e;
	e = login_usage_is_known(txn, login, known_r);
	whole = store_check(txn);
	store_abort(&txn);
	return whole != OK ? whole : e;
}

/* is_known - yes in doubt, also for all that follow */
static bool
is_known(void *arg, const struct login *login)
{
	struct policy *p = arg;
	bool known = true;
	enum error e = ERR_OVERTAKEN;

	for (int i = 0; e == ERR_OVERTAKEN && i < TRIES && !p->doubt; i++)
		e = look_up(p, login, &known);
	p->doubt = p->doubt || e != OK;
	return known || p->doubt;
}

/* open_existing - to write, but never to make one */
static enum error
open_existing(struct ctl *c, struct db **db_r, struct error_text *why)
{
	enum error e = usage_database_open(db_r, c->dir, false, why);

	if (e != OK)
		return e;
	db_close(db_r);
	return usage_database_open(db_r, c->dir, true, why);
}

/* serve - in the helper: it prunes, and says what came of it */
static void
serve(struct ctl *c, void *arg, FILE *to)
{
	struct usage_prune *p = arg;
	struct error_text why = {.text = ""}, kept = {.text = ""};
	struct policy policy = {.doubt = false};
	uint8_t body[ANSWER_MAX];
	struct record_writer w;
	struct db *db;
	enum error e = open_existing(c, &db, &why);

	policy.doubt = store_open(&policy.store, c->dir, STORE_READ, &kept) != OK;
	p->known = is_known;
	p->arg = &policy;
	if (e == OK) {
		e = prune(db, p, to);
		if (e != OK)
			error_about(&why, e, HERE);
		else
			db_close(&db);
	}
	if (e != OK) {
		usage_frame_write_error(to, e, why.text);
		return;
	}
	record_write_start(&w, body, sizeof body);
	record_put_u64(&w, p->days);
	record_put_u64(&w, p->clients);
	record_put_u64(&w, p->logins);
	record_put_u64(&w, p->denied.logins);
	record_put_u8(&w, policy.doubt);
	usage_frame_write(to, USAGE_FRAME_PRUNED, &w);
}

/* read_answer - what the process says, which is not trusted */
static enum error
read_answer(struct ctl *c, FILE *answer, struct usage_prune *p)
{
	uint8_t body[ANSWER_MAX], doubt;
	struct usage_frame f = {.at = body, .cap = sizeof body};
	struct record_reader r;
	enum error e = usage_frame_read(answer, HERE, &f, &c->why);

	if (f.type == USAGE_FRAME_ERROR && getc(answer) == EOF)
		return e;
	record_read_start(
	    &r, (struct bytes){body, f.type == USAGE_FRAME_PRUNED ? f.len : 0});
	p->days = record_get_u64(&r);
	p->clients = record_get_u64(&r);
	p->logins = record_get_u64(&r);
	p->denied.logins = record_get_u64(&r);
	doubt = record_get_u8(&r);
	if (record_end(&r) != OK || doubt > 1 || getc(answer) != EOF)
		return error_set(&c->why, ERR_IO,
		    "the process that prunes " HERE " ended without a word");
	if (doubt != 0)
		print_remark(c->err,
		    "warning: logins of no tenant may be left: the owner of the usage folder cannot read the policy");
	return OK;
}

/* add_part - one more of the list of what is forgotten, if there are any */
static void
add_part(struct text *t, uint64_t n, const char *what)
{
	if (n > 0)
		text_printf(
		    t, ", and %" PRIu64 " login%s %s", n, n == 1 ? "" : "s", what);
}

static void
print_pruned(struct printer *p, const struct usage_prune *done)
{
	char logins[128];
	struct text t;

	text_init(&t, logins, sizeof logins);
	add_part(&t, done->logins, "of no tenant");
	add_part(&t, done->denied.logins, "refused at AUTH");
	print_line(p, "%" PRIu64 " day%s and %" PRIu64 " client address%s forgotten%s",
	    done->days, done->days == 1 ? "" : "s", done->clients,
	    done->clients == 1 ? "" : "es", logins);
	print_object_start(p, NULL);
	print_number(p, "days", done->days);
	print_number(p, "clients", done->clients);
	print_number(p, "logins", done->logins);
	print_number(p, "auth_denied", done->denied.logins);
	print_object_end(p);
}

enum error
ctl_usage_prune(struct ctl *c)
{
	uint8_t buf[USAGE_FRAME_HEAD + ANSWER_MAX + 1];
	struct usage_prune p;
	FILE *answer;
	enum error e = transaction_begin(c);

	/* a damaged policy must not read as "of no tenant" */
	if (e == OK)
		e = verify_txn(c->txn, NULL, &c->why);
	if (e == OK)
		e = store_check(c->txn);
	if (e != OK)
		return e;
	usage_prune_start(&p, c->now, store_settings(c->txn)->usage_retention);
	store_abort(&c->txn);
	store_close(&c->store);
	e = as_usage_user_ask(c, serve, &p, buf, sizeof buf, &answer);
	if (e != OK)
		return e;
	e = read_answer(c, answer, &p);
	fclose(answer);
	if (e == OK)
		print_pruned(&c->print, &p);
	return e;
}
