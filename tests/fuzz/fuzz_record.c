/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_record.c - stored bytes: what is decoded is encoded to the same bytes. */
#include "fuzz.h"
#include "policy.h"

#include "policy/audit/audit.h"
#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/notice.h"
#include "policy/model/policy_record.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/policy_table.h"
#include "policy/usage/auth_denied.h"
#include "policy/usage/heartbeat.h"
#include "policy/usage/recording_host.h"
#include "policy/usage/usage.h"
#include "policy/usage/usage_key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t buf[AUDIT_ENTRY_MAX];

/* decoded - whether it was; if not, it is damaged or newer */
static bool
decoded(enum error e)
{
	fuzz_expect(e == OK || e == ERR_DAMAGED || e == ERR_NEWER);
	return e == OK;
}

static struct record_writer
writer(void)
{
	struct record_writer w;

	record_write_start(&w, buf, sizeof buf);
	return w;
}

/* same - one thing, one record: or the policy digest would tell two apart */
static void
same(const struct record_writer *w, struct bytes from)
{
	fuzz_expect(!w->failed && w->len == from.len);
	fuzz_expect(memcmp(w->at, from.at, from.len) == 0);
}

static void
try_tenant(struct bytes from)
{
	struct record_writer w = writer();
	struct tenant t;

	if (!decoded(tenant_decode(from, &t)))
		return;
	fuzz_expect(t.smtp_auth != SMTP_AUTH_INHERIT && t.action <= ACTION_REPORT);
	tenant_encode(&t, &w);
	same(&w, from);
}

static void
try_mailbox(struct bytes from)
{
	struct record_writer w = writer();
	struct mailbox m;

	if (!decoded(mailbox_decode(from, &m)))
		return;
	fuzz_expect(m.smtp_auth <= SMTP_AUTH_DISABLED);
	fuzz_expect(m.clients.count <= CIDR_LIST_MAX);
	mailbox_encode(&m, &w);
	same(&w, from);
}

static void
try_lock(struct bytes from)
{
	struct record_writer w = writer();
	struct lock lock;

	if (!decoded(lock_decode(from, &lock)))
		return;
	lock_encode(&lock, &w);
	same(&w, from);
}

static void
try_domain(struct bytes from)
{
	char tenant[TENANT_NAME_MAX + 1];
	struct record_writer w = writer();

	if (!decoded(domain_record_decode(from, tenant)))
		return;
	record_put_u8(&w, 1);
	record_put_string(&w, tenant);
	same(&w, from);
}

static void
try_alias(struct bytes from)
{
	struct record_writer w = writer();
	struct login login;

	if (!decoded(alias_record_decode(from, &login)))
		return;
	fuzz_expect(login.len > 0 && login.len <= LOGIN_MAX);
	record_put_u8(&w, 1);
	record_put_bytes(&w, login.text, login.len);
	same(&w, from);
}

static void
try_setting(struct bytes from)
{
	char text[SETTING_TEXT_MAX + 1], canonical[SETTING_TEXT_MAX + 1];
	struct record_writer w = writer();
	const struct setting *setting;
	struct settings s;

	if (!decoded(settings_decode(from, text, sizeof text)))
		return;
	settings_encode(text, &w);
	same(&w, from);
	for (size_t i = 0; (setting = settings_at(i)) != NULL; i++) {
		settings_init(&s);
		if (!decoded(settings_apply(setting, text, &s)))
			continue;
		fuzz_expect(settings_canonical(setting, text, canonical,
				sizeof canonical, NULL) == OK);
		fuzz_expect(settings_canonical(
				setting, canonical, text, sizeof text, NULL) == OK);
		fuzz_expect(strcmp(text, canonical) == 0);
	}
}

static void
try_notice(struct bytes from)
{
	struct record_writer w = writer();
	struct notice n;

	if (!decoded(notice_decode(from, &n)))
		return;
	fuzz_expect(n.state <= NOTICE_FAILED);
	notice_encode(&n, &w);
	same(&w, from);
}

/* try_audit - all but the hash, which is made anew of the same and another head */
static void
try_audit(struct bytes from)
{
	static struct hasher *hasher;
	const struct digest previous = {{0}};
	struct record_writer w = writer();
	struct digest hash;
	struct audit_entry e;
	struct key key;

	if (hasher == NULL)
		hasher = hasher_new();
	key_number(&key, TABLE_AUDIT, from.len);
	if (!decoded(audit_decode(key_bytes(&key), from, &e)))
		return;
	fuzz_expect(e.number == from.len);
	if (e.kind == AUDIT_CHANGE)
		fuzz_expect(
		    e.object.len > 0 && (e.before.at != NULL || e.after.at != NULL));
	fuzz_expect(audit_encode(&e, &previous, hasher, &w) == OK);
	fuzz_expect(w.len == from.len);
	fuzz_expect(memcmp(w.at, from.at, w.len - DIGEST_BYTES) == 0);
	fuzz_expect(
	    audit_decode(key_bytes(&key), (struct bytes){w.at, w.len}, &e) == OK);
	fuzz_expect(audit_hash(e.number, from, &previous, hasher, &hash) == OK);
	if (e.kind != AUDIT_STUB)
		fuzz_expect(digest_equal(&e.hash, &hash));
}

static void
try_usage(struct bytes from)
{
	struct record_writer w = writer();
	struct usage u, sum;

	if (!decoded(usage_decode(from, &u)))
		return;
	usage_encode(&u, &w);
	if (*(const uint8_t *)from.at < 3) /* an older version, which is not written */
		return;
	same(&w, from);
	sum = u;
	usage_add(&sum, &u); /* twice is once */
	w = writer();
	usage_encode(&sum, &w);
	same(&w, from);
}

static void
try_usage_day(struct bytes from)
{
	struct record_writer w = writer();
	struct usage_day d = {0};
	char text[USAGE_MECHANISMS_TEXT_MAX];

	if (!decoded(usage_day_decode(from, &d)))
		return;
	fuzz_expect(usage_mechanisms_print(d.mechanisms, text) == text);
	usage_day_encode(&d, &w);
	same(&w, from);
}

static void
try_auth_denied(struct bytes from)
{
	struct record_writer w = writer();
	struct auth_denied d, sum;

	if (!decoded(auth_denied_decode(from, &d)))
		return;
	auth_denied_encode(&d, &w);
	same(&w, from);
	auth_denied_init(&sum);
	auth_denied_add(&sum, &d); /* to nothing */
	w = writer();
	auth_denied_encode(&sum, &w);
	same(&w, from);
}

static void
try_host(struct bytes from)
{
	struct record_writer w = writer();
	struct recording_host n;

	if (!decoded(recording_host_decode(from, &n)))
		return;
	recording_host_encode(&n, &w);
	same(&w, from);
}

/* try_meta - from a database, as there is no other way */
static void
try_meta(struct bytes from)
{
	struct store_txn *txn = policy_begin();
	struct store_meta meta;
	struct bytes value;
	struct key key;
	enum error e;

	key_table(&key, TABLE_META);
	fuzz_expect(db_put(store_db(txn), &key, from) == OK);
	e = meta_read(store_db(txn), &meta);
	if (e != ERR_OLDER && decoded(e)) {
		fuzz_expect(meta_write(store_db(txn), &meta) == OK);
		fuzz_expect(db_get(store_db(txn), &key, buf, sizeof buf, &value) == OK);
		fuzz_expect(value.at != NULL && value.len == from.len);
		if (meta.commit == db_txn_id(store_db(txn)))
			fuzz_expect(memcmp(value.at, from.at, value.len) == 0);
	}
	store_abort(&txn);
}

/* usage_db - an empty database, whose file is gone already */
static struct db *
usage_db(void)
{
	const struct db_options options = {.writable = true, .lazy = true};
	const char *tmp = getenv("TMPDIR");
	struct error_text why;
	struct db *db;
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	fd = mkstemp(path);
	fuzz_expect(fd >= 0 && close(fd) == 0);
	fuzz_expect(db_open(&db, path, &options, &why) == OK);
	fuzz_expect(unlink(path) == 0);
	return db;
}

/* change - puts or, without a value, removes a record, in a transaction of its own */
static void
change(struct db *db, const struct key *key, struct bytes value)
{
	struct db_txn *txn;

	fuzz_expect(db_begin(db, true, &txn) == OK);
	fuzz_expect(
	    (value.at != NULL ? db_put(txn, key, value) : db_delete(txn, key)) == OK);
	fuzz_expect(db_commit(&txn) == OK);
}

static bool
same_counters(const struct heartbeat_counters *a, const struct heartbeat_counters *b)
{
	return a->allowed == b->allowed && a->reported == b->reported &&
	    a->tempfailed == b->tempfailed && a->rejected == b->rejected &&
	    a->unauthenticated == b->unauthenticated &&
	    a->store_errors == b->store_errors && a->usage_on == b->usage_on &&
	    a->usage_recorded == b->usage_recorded &&
	    a->usage_dropped == b->usage_dropped;
}

/* beat_again - puts what was read, under its own key, and reads that */
static void
beat_again(struct db *db, const struct heartbeat *h)
{
	struct heartbeat again;
	struct db_txn *txn;
	struct key key = {1, {'h'}};
	bool found;

	fuzz_expect(db_begin(db, true, &txn) == OK);
	fuzz_expect(heartbeat_put(txn, h) == OK);
	fuzz_expect(db_commit(&txn) == OK);
	fuzz_expect(db_begin(db, false, &txn) == OK);
	fuzz_expect(heartbeat_latest(txn, h->socket, &again, &found) == OK && found);
	db_abort(&txn);
	fuzz_expect(strcmp(h->version, again.version) == 0 && h->pid == again.pid);
	fuzz_expect(h->beat == again.beat && h->policy == again.policy);
	fuzz_expect(same_counters(&h->counters, &again.counters));
	fuzz_expect(h->log_replaced == again.log_replaced);
	memcpy(key.at + 1, h->socket, strlen(h->socket));
	key.len += strlen(h->socket);
	change(db, &key, (struct bytes){NULL, 0});
}

static void
try_heartbeat(struct bytes from)
{
	static struct db *db;
	const struct key key = {2, {'h', '!'}};
	struct heartbeat h = {0};
	struct db_txn *txn;
	bool found, good;

	if (from.len == 0)
		return;
	if (db == NULL)
		db = usage_db();
	change(db, &key, from);
	fuzz_expect(db_begin(db, false, &txn) == OK);
	good = decoded(heartbeat_latest(txn, NULL, &h, &found));
	db_abort(&txn);
	if (good) {
		fuzz_expect(found);
		heartbeat_is_alive(&h, POLICY_NOW);
		change(db, &key, (struct bytes){NULL, 0});
		beat_again(db, &h);
	} else {
		change(db, &key, (struct bytes){NULL, 0});
	}
}

/* split - a key, whose length comes first, and the rest */
static bool
split(struct bytes from, struct bytes *key_r, struct bytes *value_r)
{
	const uint8_t *at = from.at;

	if (from.len < 2 || at[0] > from.len - 1)
		return false;
	*key_r = (struct bytes){at + 1, at[0]};
	*value_r = (struct bytes){at + 1 + at[0], from.len - 1 - at[0]};
	return true;
}

/* try_policy - a record of any table, as snapshots bring them; it can be stored */
static void
try_policy(struct bytes from)
{
	const struct bytes none = {NULL, 0};
	struct bytes key, value, stored;
	struct store_txn *txn;
	struct key copy;

	if (!split(from, &key, &value) || !decoded(policy_record_check(key, value)))
		return;
	fuzz_expect(key_is_policy(key));
	txn = policy_begin();
	memcpy(copy.at, key.at, key.len);
	copy.len = key.len;
	if (policy_table_put(txn, key, value, none) == OK) {
		fuzz_expect(store_get(txn, &copy, buf, &stored) == OK);
		fuzz_expect(stored.at != NULL && stored.len == value.len);
		fuzz_expect(memcmp(stored.at, value.at, value.len) == 0);
		fuzz_expect(policy_table_remove(txn, key, value) == OK);
		fuzz_expect(store_get(txn, &copy, buf, &stored) == OK);
		fuzz_expect(stored.at == NULL);
	}
	store_abort(&txn);
}

/* same_key - made again from what was read from it */
static void
same_key(const struct key *key, struct bytes from)
{
	fuzz_expect(key->len == from.len && memcmp(key->at, from.at, from.len) == 0);
}

static void
try_key(struct bytes from)
{
	char domain[DOMAIN_MAX + 1];
	char tenant[TENANT_NAME_MAX + 1];
	enum lock_kind kind;
	struct login login;
	struct key key;
	uint64_t number;

	if (from.len == 0 || from.len > KEY_MAX)
		return; /* LMDB has no other keys */
	if (decoded(key_to_login(from, &login))) {
		key_login(&key, (enum table) * (const uint8_t *)from.at, &login);
		same_key(&key, from);
	}
	if (decoded(key_to_number(from, &number))) {
		key_number(&key, (enum table) * (const uint8_t *)from.at, number);
		same_key(&key, from);
	}
	if (decoded(key_to_lock(from, &kind, tenant, &login))) {
		enum table table = (enum table) * (const uint8_t *)from.at;

		if (kind == LOCK_TENANT)
			key_tenant_lock(&key, table, tenant);
		else
			key_login_lock(&key, table, &login);
		same_key(&key, from);
	}
	if (decoded(key_to_domain(from, domain))) {
		key_domain_range(&key, (enum table) * (const uint8_t *)from.at, domain);
		fuzz_expect(key_has_prefix(from, &key));
	}
	if (decoded(key_to_indexed(from, &login)))
		fuzz_expect(login.len > 0 && login.len <= LOGIN_MAX);
}

static void
try_auth_denied_key(struct bytes from)
{
	struct login login;
	struct key key;

	if (!decoded(usage_key_parse_auth_denied(from, &login)))
		return;
	usage_key_auth_denied(&key, &login);
	same_key(&key, from);
}

static void
try_usage_key(struct bytes from)
{
	struct login login;
	struct key key;
	uint32_t day = 0;
	bool has_day;

	if (!decoded(usage_key_parse(from, &login, &day, &has_day)))
		return;
	usage_key_login(&key, &login);
	if (has_day)
		usage_key_add_day(&key, day);
	same_key(&key, from);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const decoders[])(struct bytes from) = {try_tenant, try_mailbox,
	    try_domain, try_alias, try_setting, try_notice, try_audit, try_usage,
	    try_usage_day, try_host, try_meta, try_heartbeat, try_policy, try_key,
	    try_usage_key, try_lock, try_auth_denied, try_auth_denied_key};
	struct fuzz_input input = {data, size};
	uint8_t which = fuzz_byte(&input);
	uint8_t *copy = fuzz_copy(input.at, input.left);

	if (which < sizeof decoders / sizeof *decoders && input.left <= DB_VALUE_MAX)
		decoders[which]((struct bytes){copy, input.left});
	free(copy);
	return 0;
}
