/* SPDX-License-Identifier: BSD-2-Clause */
/* status - the commands on the database as a whole */
#include "policy/ctl/ctl.h"
#include "policy/ctl/daemon.h"
#include "policy/ctl/output.h"
#include "policy/verify.h"

enum { EXIT_NO_DAEMON = 3 };

static const char *const policy_words[] = {"verifying", "good", "fault"};

static void
json_daemon(struct json *j, const struct heartbeat *h)
{
	json_object(j, "daemon");
	json_number(j, "pid", h->pid);
	json_string(j, "version", h->version);
	json_string(j, "socket", h->socket);
	json_instant(j, "started", h->started);
	json_instant(j, "heartbeat", h->beat);
	json_string(j, "policy", policy_words[h->policy]);
	json_object_end(j);
}

/* status_json - H is NULL when no daemon runs */
static void
status_json(struct ctl *c, const char *digest, const struct heartbeat *h)
{
	const struct store_meta *m = store_meta(c->txn);
	struct json j;

	json_to_stream(&j, c->out);
	json_object(&j, NULL);
	json_string(&j, "policy_digest", digest);
	json_number(&j, "tenants", (int64_t)m->tenants);
	json_number(&j, "domains", (int64_t)m->domains);
	json_number(&j, "mailboxes", (int64_t)m->mailboxes);
	json_number(&j, "aliases", (int64_t)m->aliases);
	if (h != NULL)
		json_daemon(&j, h);
	else
		json_null(&j, "daemon");
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
status_text(struct ctl *c, const char *digest, const struct heartbeat *h)
{
	static const char *const sources[] = {"nothing yet: it verifies the policy",
	    "the verified policy", "on-error: the policy is NOT usable"};
	const struct store_meta *m = store_meta(c->txn);

	property(c->out, "state folder", c->dir);
	property(c->out, "policy digest", digest);
	fprintf(c->out, "%-16s %llu\n", "tenants", (unsigned long long)m->tenants);
	fprintf(c->out, "%-16s %llu\n", "domains", (unsigned long long)m->domains);
	fprintf(c->out, "%-16s %llu\n", "mailboxes", (unsigned long long)m->mailboxes);
	fprintf(c->out, "%-16s %llu\n", "aliases", (unsigned long long)m->aliases);
	if (h == NULL) {
		property(c->out, "daemon", "not running");
		return;
	}
	fprintf(c->out, "%-16s pid %lu, version %s, on %s\n", "daemon",
	    (unsigned long)h->pid, h->version, h->socket);
	property_time(c->out, "  since", h->started);
	property_time(c->out, "  heartbeat", h->beat);
	property(c->out, "  decides from", sources[h->policy]);
}

enum error
ctl_status(struct ctl *c)
{
	char digest[DIGEST_TEXT_MAX];
	struct heartbeat h;
	bool running = daemon_find(c, NULL, &h);

	digest_print(&store_meta(c->txn)->digest, digest);
	if (c->options.json)
		status_json(c, digest, running ? &h : NULL);
	else
		status_text(c, digest, running ? &h : NULL);
	c->status = running ? 0 : EXIT_NO_DAEMON;
	return OK;
}

enum error
ctl_verify(struct ctl *c)
{
	uint64_t records;
	struct json j;
	enum error e = verify_store(c->store, &records, &c->why);

	if (e == ERR_DAMAGED)
		e = ERR_NOTFOUND; /* "does not hold" has status 1 */
	if (e != OK)
		return e;
	if (!c->options.json) {
		fprintf(c->out, "%llu record%s verified\n", (unsigned long long)records,
		    records == 1 ? "" : "s");
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object(&j, NULL);
	json_number(&j, "records", (int64_t)records);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}
