/* SPDX-License-Identifier: BSD-2-Clause */
/* status - the commands on the database as a whole */
#include <inttypes.h>
#include <string.h>

#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/daemon.h"
#include "policy/decision/enforcement.h"
#include "policy/tables/verify.h"
#include "policy/transfer/policy_hash.h"

enum { EXIT_NO_DAEMON = 3 };

/* usage_problem - why the usage cannot be read, or ""; a new site has none yet */
static const char *
usage_problem(const struct daemon_report *r)
{
	return r->error == OK || r->error == ERR_MISSING ? "" : r->why.text;
}

static void
daemon_print(struct printer *p, const struct heartbeat *h)
{
	static const char *const policies[] = {"verifying", "good", "fault"};
	const struct heartbeat_counters *n = &h->counters;

	print_object_start(p, "daemon");
	print_number(p, "pid", h->pid);
	print_string(p, "version", h->version);
	print_string(p, "socket", h->socket);
	print_time(p, "started", h->started);
	print_time(p, "heartbeat", h->beat);
	print_text(p, "policy", policies[h->policy]);
	print_number(p, "allowed", n->allowed);
	print_number(p, "reported", n->reported);
	print_number(p, "tempfailed", n->tempfailed);
	print_number(p, "rejected", n->rejected);
	print_number(p, "unauthenticated", n->unauthenticated);
	print_number(p, "store_errors", n->store_errors);
	print_bool(p, "usage", n->usage_on);
	print_number(p, "usage_recorded", n->usage_recorded);
	print_number(p, "usage_dropped", n->usage_dropped);
	print_bool(p, "log_replaced", h->log_replaced);
	print_object_end(p);
}

/* usage_print - what this machine has recorded, or why it cannot be read */
static void
usage_print(struct printer *p, const struct daemon_report *r)
{
	char id[RECORDING_HOST_ID_TEXT_MAX];

	print_object_start(p, "usage");
	print_text(p, "node", r->has_host ? recording_host_id_print(&r->host, id) : "");
	print_text(p, "host", r->has_host ? r->host.name : "");
	print_time(p, "since", r->has_host ? r->host.since : INSTANT_NONE);
	print_time(p, "until", r->has_host ? r->host.until : INSTANT_NONE);
	print_number(p, "dropped", r->has_host ? r->host.dropped : 0);
	print_text(p, "problem", usage_problem(r));
	print_object_end(p);
}

/* daemon_lines - a daemon that runs */
static void
daemon_lines(struct printer *p, const struct heartbeat *h)
{
	static const char *const sources[] = {"nothing yet: it verifies the policy",
	    "the verified policy", "on-error: the policy is NOT usable"};
	const struct heartbeat_counters *n = &h->counters;

	print_line(p, "%-16s pid %lu, version %s, on %s", "daemon",
	    (unsigned long)h->pid, h->version, h->socket);
	print_property_time(p, "  since", h->started);
	print_property_time(p, "  heartbeat", h->beat);
	print_property(p, "  decides from", sources[h->policy]);
	print_line(p,
	    "%-16s %" PRIu64 " allowed, %" PRIu64 " reported, %" PRIu64
	    " tempfailed, %" PRIu64 " rejected",
	    "  decisions", n->allowed, n->reported, n->tempfailed, n->rejected);
	if (n->store_errors > 0)
		print_property_number(p, "  store errors", n->store_errors);
	print_property_number(p, "  not logged in", n->unauthenticated);
	if (n->usage_on)
		print_line(p,
		    "%-16s %" PRIu64 " submissions recorded, %" PRIu64 " not counted",
		    "  usage", n->usage_recorded, n->usage_dropped);
	else
		print_property(p, "  usage", "not recorded (usage = no)");
	if (h->log_replaced)
		print_property(p, "  log",
		    "standard error: log = syslog, and there is no syslog (/dev/log)");
}

/* silence_lines - a daemon whose process runs but whose heartbeat is old */
static void
silence_lines(struct printer *p, const struct heartbeat *h)
{
	char when[INSTANT_TEXT_MAX];

	print_line(p,
	    "%-16s no fresh heartbeat: process %lu is there, but was last heard of at %s;",
	    "daemon", (unsigned long)h->pid, instant_print(h->beat, when));
	print_line(p, "%-16s see its log: can it write below usage/?", "");
}

static void
status_lines(struct printer *p, const struct daemon_view *d)
{
	const struct daemon_report *r = &d->report;

	if (d->latest == DAEMON_RUNS)
		daemon_lines(p, &r->latest);
	else if (d->latest == DAEMON_SILENT)
		silence_lines(p, &r->latest);
	else if (*usage_problem(r) != '\0')
		print_property(p, "daemon", "not known: see \"usage problem\"");
	else
		print_property(p, "daemon", "not running");
	print_property(p, "usage problem", usage_problem(r));
	if (!r->has_host)
		return;
	print_property_time(p, "usage since", r->host.since);
	print_property_time(p, "  written", r->host.until);
	if (r->host.dropped > 0)
		print_property_number(p, "  not counted", r->host.dropped);
}

/* enforcement_lines - the first thing to know: whether anything is denied at all */
static void
enforcement_lines(
    struct printer *p, const struct settings *s, const struct enforcement *n)
{
	if (s->enforce == WORD_NO)
		print_property(
		    p, "enforced", "NOTHING but locks: enforce is no (dry run)");
	else
		print_line(p,
		    "%-16s %" PRIu64 " of %" PRIu64 " tenants denied, %" PRIu64
		    " reported only, %" PRIu64 " scheduled, %" PRIu64 " enabled",
		    "enforced", n->denied, n->walked, n->reported, n->scheduled,
		    n->enabled);
	if (s->unknown_tenant == ACTION_ACCEPT)
		print_property(p, "  passes", "logins of no tenant (unknown-tenant)");
	if (s->exempt_clients.count > 0)
		print_property_number(p, "  exempt clients", s->exempt_clients.count);
	print_property(p, "  exempt at", s->exempt_listeners);
}

static void
enforcement_fields(
    struct printer *p, const struct settings *s, const struct enforcement *n)
{
	print_object_start(p, "enforcement");
	print_bool(p, "enforce", s->enforce == WORD_YES);
	print_text(p, "action", word_of_action(s->action));
	print_number(p, "denied", n->denied);
	print_number(p, "reported", n->reported);
	print_number(p, "scheduled", n->scheduled);
	print_number(p, "enabled", n->enabled);
	print_number(p, "exempt_clients", s->exempt_clients.count);
	print_text(p, "exempt_listeners", s->exempt_listeners);
	print_object_end(p);
}

static void
policy_fields(struct printer *p, const struct store_meta *m)
{
	print_digest(p, "policy_digest", &m->digest);
	print_number(p, "tenants", m->tenants);
	print_number(p, "domains", m->domains);
	print_number(p, "mailboxes", m->mailboxes);
	print_number(p, "aliases", m->aliases);
	print_number(p, "locks", m->locks);
	print_digest(p, "local_digest", &m->local);
	print_number(p, "audit_count", m->audit_count);
	if (m->audit_count > 0)
		print_digest(p, "audit_head", &m->audit_head);
	else
		print_none(p, "audit_head");
	print_number(p, "snapshot_serial", m->serial);
	if (m->serial == 0)
		print_words(p, "snapshot_serial", "");
}

enum error
ctl_status(struct ctl *c)
{
	static const struct print_column columns[] = {{"dir", "state folder"},
	    {"policy_digest", "policy digest"}, {"local_digest", "local digest"},
	    {"tenants", "tenants"}, {"domains", "domains"}, {"mailboxes", "mailboxes"},
	    {"aliases", "aliases"}, {"locks", "locks"},
	    {"audit_count", "audit entries"}, {"audit_head", "audit head"},
	    {"snapshot_serial", "snapshot serial"}, {NULL, NULL}};
	struct enforcement n;
	struct printer *p = &c->print;
	struct daemon_view d;
	enum error e;

	daemon_look(c, NULL, &d);
	e = transaction_begin(c);
	if (e == OK)
		e = enforcement_count(c->txn, c->now, &n);
	if (e == OK)
		e = transaction_walked(c, n.walked, store_meta(c->txn)->tenants);
	if (e != OK)
		return e;
	enforcement_lines(p, store_settings(c->txn), &n);
	print_properties(p, columns);
	print_object_start(p, NULL);
	enforcement_fields(p, store_settings(c->txn), &n);
	print_words(p, "dir", c->dir);
	policy_fields(p, store_meta(c->txn));
	if (d.latest == DAEMON_RUNS)
		daemon_print(p, &d.report.latest);
	else
		print_none(p, "daemon");
	usage_print(p, &d.report);
	print_object_end(p);
	status_lines(p, &d);
	c->status = d.latest == DAEMON_RUNS ? 0 : EXIT_NO_DAEMON;
	return OK;
}

/*
 * verify_both - the bytes, then the links between records, which may name the record if
 * the bytes do not hold.
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

enum error
ctl_verify(struct ctl *c)
{
	char text[DIGEST_TEXT_MAX];
	struct digest hash;
	uint64_t records = 0;
	struct printer *p = &c->print;
	enum error e = verify_both(c, &records);

	if (e == OK && (e = policy_hash(c->txn, &hash)) != OK)
		error_about(&c->why, e, "the policy database");
	if (e == ERR_DAMAGED)
		e = ERR_NOTFOUND; /* "does not hold" has status 1 */
	if (e != OK)
		return e;
	print_line(
	    p, "%" PRIu64 " record%s verified", records, records == 1 ? "" : "s");
	print_line(p, "policy hash %s", digest_print(&hash, text));
	print_object_start(p, NULL);
	print_number(p, "records", records);
	print_digest(p, "policy_hash", &hash);
	print_object_end(p);
	return OK;
}
