/* SPDX-License-Identifier: BSD-2-Clause */
/* status - the commands on the database as a whole */
#include "policy/ctl/ctl.h"
#include "policy/ctl/output.h"
#include "policy/verify.h"

enum error
ctl_status(struct ctl *c)
{
	const struct store_meta *m = store_meta(c->txn);
	char digest[DIGEST_TEXT_MAX];
	struct json j;

	digest_print(&m->digest, digest);
	if (!c->options.json) {
		property(c->out, "state folder", c->dir);
		property(c->out, "policy digest", digest);
		fprintf(
		    c->out, "%-16s %llu\n", "tenants", (unsigned long long)m->tenants);
		fprintf(
		    c->out, "%-16s %llu\n", "domains", (unsigned long long)m->domains);
		fprintf(c->out, "%-16s %llu\n", "mailboxes",
		    (unsigned long long)m->mailboxes);
		fprintf(
		    c->out, "%-16s %llu\n", "aliases", (unsigned long long)m->aliases);
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object(&j, NULL);
	json_string(&j, "policy_digest", digest);
	json_number(&j, "tenants", (int64_t)m->tenants);
	json_number(&j, "domains", (int64_t)m->domains);
	json_number(&j, "mailboxes", (int64_t)m->mailboxes);
	json_number(&j, "aliases", (int64_t)m->aliases);
	json_null(&j, "daemon");
	json_object_end(&j);
	json_line_end(&j, c->out);
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
		fprintf(c->out, "%llu records verified\n", (unsigned long long)records);
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object(&j, NULL);
	json_number(&j, "records", (int64_t)records);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}
