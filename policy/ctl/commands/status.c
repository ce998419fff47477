/* SPDX-License-Identifier: BSD-2-Clause */
/* status - the commands on the database as a whole */
#include <string.h>

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/daemon.h"
#include "policy/tables/verify.h"
#include "policy/tables/verify_links.h"
#include "policy/transfer/policy_hash.h"

enum { EXIT_NO_DAEMON = 3 };

static const char *const policy_words[] = {"verifying", "good", "fault"};

/* problem - why the usage cannot be read, or ""; a new site has none yet */
static const char *
problem(const struct daemon_report *r)
{
	return r->error == OK || r->error == ERR_MISSING ? "" : r->why.text;
}

static void
json_daemon(struct json *j, const struct heartbeat *h)
{
	const struct heartbeat_counters *n = &h->counters;

	json_object_start(j, "daemon");
	json_number(j, "pid", h->pid);
	json_quoted(j, "version", h->version);
	json_quoted(j, "socket", h->socket);
	json_instant(j, "started", h->started);
	json_instant(j, "heartbeat", h->beat);
	json_quoted(j, "policy", policy_words[h->policy]);
	json_number(j, "allowed", (int64_t)n->allowed);
	json_number(j, "reported", (int64_t)n->reported);
	json_number(j, "tempfailed", (int64_t)n->tempfailed);
	json_number(j, "rejected", (int64_t)n->rejected);
	json_number(j, "unauthenticated", (int64_t)n->unauthenticated);
	json_number(j, "store_errors", (int64_t)n->store_errors);
	json_bool(j, "usage", n->usage_on);
	json_number(j, "usage_recorded", (int64_t)n->usage_recorded);
	json_number(j, "usage_dropped", (int64_t)n->usage_dropped);
	json_object_end(j);
}

/* json_usage - what is recorded on this machine, and why it cannot be read */
static void
json_usage(struct json *j, const struct daemon_report *r)
{
	char id[NODE_ID_TEXT_MAX];

	json_object_start(j, "usage");
	json_text(j, "node", r->has_node ? recording_host_id_print(&r->node, id) : "");
	json_text(j, "host", r->has_node ? r->node.host : "");
	json_instant(j, "since", r->has_node ? r->node.since : INSTANT_NONE);
	json_instant(j, "until", r->has_node ? r->node.until : INSTANT_NONE);
	json_number(j, "dropped", r->has_node ? (int64_t)r->node.dropped : 0);
	json_text(j, "problem", problem(r));
	json_object_end(j);
}

static void
status_json(struct ctl *c, const char *digest, const struct daemon_view *d)
{
	const struct store_meta *m = store_meta(c->txn);
	char head[DIGEST_TEXT_MAX], local[DIGEST_TEXT_MAX];
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "policy_digest", digest);
	json_number(&j, "tenants", (int64_t)m->tenants);
	json_number(&j, "domains", (int64_t)m->domains);
	json_number(&j, "mailboxes", (int64_t)m->mailboxes);
	json_number(&j, "aliases", (int64_t)m->aliases);
	json_number(&j, "locks", (int64_t)m->locks);
	json_quoted(&j, "local_digest", digest_print(&m->local, local));
	json_number(&j, "audit_count", (int64_t)m->audit_count);
	json_text(&j, "audit_head",
	    m->audit_count > 0 ? digest_print(&m->audit_head, head) : "");
	json_number(&j, "snapshot_serial", (int64_t)m->serial);
	if (d->latest == DAEMON_RUNS)
		json_daemon(&j, &d->report.latest);
	else
		json_none(&j, "daemon");
	json_usage(&j, &d->report);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
text_count(FILE *out, const char *key, uint64_t n)
{
	fprintf(out, "%-16s %llu\n", key, (unsigned long long)n);
}

static void
text_daemon(FILE *out, const struct heartbeat *h)
{
	static const char *const sources[] = {"nothing yet: it verifies the policy",
	    "the verified policy", "on-error: the policy is NOT usable"};
	const struct heartbeat_counters *n = &h->counters;

	show_line(out, "%-16s pid %lu, version %s, on %s", "daemon",
	    (unsigned long)h->pid, h->version, h->socket);
	property_time(out, "  since", h->started);
	property_time(out, "  heartbeat", h->beat);
	property(out, "  decides from", sources[h->policy]);
	fprintf(out,
	    "%-16s %llu allowed, %llu reported, %llu tempfailed, %llu rejected\n",
	    "  decisions", (unsigned long long)n->allowed,
	    (unsigned long long)n->reported, (unsigned long long)n->tempfailed,
	    (unsigned long long)n->rejected);
	if (n->store_errors > 0)
		text_count(out, "  store errors", n->store_errors);
	text_count(out, "  not logged in", n->unauthenticated);
	if (n->usage_on)
		fprintf(out, "%-16s %llu submissions recorded, %llu not counted\n",
		    "  usage", (unsigned long long)n->usage_recorded,
		    (unsigned long long)n->usage_dropped);
	else
		property(out, "  usage", "not recorded (usage = no)");
}

/* text_silent - its process is there, but it has not been heard of for a while */
static void
text_silent(FILE *out, const struct heartbeat *h)
{
	char when[INSTANT_TEXT_MAX];

	fprintf(out,
	    "%-16s no fresh heartbeat: process %lu is there, but was last heard of at "
	    "%s;\n%-16s see its log: can it write below usage/?\n",
	    "daemon", (unsigned long)h->pid, instant_print(h->beat, when), "");
}

static void
text_usage(FILE *out, const struct daemon_report *r)
{
	property(out, "usage problem", problem(r));
	if (!r->has_node)
		return;
	property_time(out, "usage since", r->node.since);
	property_time(out, "  written", r->node.until);
	if (r->node.dropped > 0)
		text_count(out, "  not counted", r->node.dropped);
}

static void
status_text(struct ctl *c, const char *digest, const struct daemon_view *d)
{
	const struct store_meta *m = store_meta(c->txn);
	char head[DIGEST_TEXT_MAX], local[DIGEST_TEXT_MAX];

	property(c->out, "state folder", c->dir);
	property(c->out, "policy digest", digest);
	property(c->out, "local digest", digest_print(&m->local, local));
	text_count(c->out, "tenants", m->tenants);
	text_count(c->out, "domains", m->domains);
	text_count(c->out, "mailboxes", m->mailboxes);
	text_count(c->out, "aliases", m->aliases);
	text_count(c->out, "locks", m->locks);
	text_count(c->out, "audit entries", m->audit_count);
	if (m->audit_count > 0)
		property(c->out, "audit head", digest_print(&m->audit_head, head));
	if (m->serial > 0)
		text_count(c->out, "snapshot serial", m->serial);
	if (d->latest == DAEMON_RUNS)
		text_daemon(c->out, &d->report.latest);
	else if (d->latest == DAEMON_SILENT)
		text_silent(c->out, &d->report.latest);
	else if (*problem(&d->report) != '\0')
		property(c->out, "daemon", "not known: see \"usage problem\"");
	else
		property(c->out, "daemon", "not running");
	text_usage(c->out, &d->report);
}

enum error
ctl_status(struct ctl *c)
{
	char digest[DIGEST_TEXT_MAX];
	struct daemon_view d;
	enum error e;

	daemon_look(c, NULL, &d);
	e = transaction_begin(c);
	if (e != OK)
		return e;
	digest_print(&store_meta(c->txn)->digest, digest);
	if (c->options.json)
		status_json(c, digest, &d);
	else
		status_text(c, digest, &d);
	c->status = d.latest == DAEMON_RUNS ? 0 : EXIT_NO_DAEMON;
	return OK;
}

/*
 * verify_both - the bytes, then what they say of each other. Where the bytes do not
 * hold, that names the record if it can.
 */
static enum error
verify_both(struct ctl *c, uint64_t *records_r)
{
	struct error_text first, why;
	enum error bytes = store_begin(c->store, &c->txn), links;

	if (bytes != OK)
		return store_about(&c->why, bytes, c->store);
	bytes = verify_txn(c->txn, records_r, &first);
	if (bytes != OK && bytes != ERR_DAMAGED)
		return error_set(&c->why, bytes, "%s", first.text);
	links = verify_links(c->txn, &why);
	if (bytes == OK)
		return links == OK ? OK : error_set(&c->why, links, "%s", why.text);
	return links == OK || strcmp(first.text, why.text) == 0
	    ? error_set(&c->why, bytes, "%s", first.text)
	    : error_set(&c->why, bytes, "%s; %s", first.text, why.text);
}

/* find_hash - of the policy that was just verified */
static enum error
find_hash(struct ctl *c, char *text_r)
{
	struct digest hash;
	enum error e = policy_hash(c->txn, &hash);

	if (e != OK)
		return error_about(&c->why, e, "the policy database");
	digest_print(&hash, text_r);
	return OK;
}

enum error
ctl_verify(struct ctl *c)
{
	char hash[DIGEST_TEXT_MAX];
	uint64_t records = 0;
	struct json j;
	enum error e = verify_both(c, &records);

	if (e == OK)
		e = find_hash(c, hash);
	if (e == ERR_DAMAGED)
		e = ERR_NOTFOUND; /* "does not hold" has status 1 */
	if (e != OK)
		return e;
	if (!c->options.json) {
		fprintf(c->out, "%llu record%s verified\n", (unsigned long long)records,
		    records == 1 ? "" : "s");
		fprintf(c->out, "policy hash %s\n", hash);
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_number(&j, "records", (int64_t)records);
	json_text(&j, "policy_hash", hash);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}
