/* SPDX-License-Identifier: BSD-2-Clause */
/* audit - audit verify and audit prune */
#include <inttypes.h>
#include <string.h>

#include "policy/audit/audit_prune.h"
#include "policy/audit/audit_verify.h"
#include "policy/base/text.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"

#define FINDINGS_SHOWN 20

/* What audit verify prints while it goes. */
struct finding_printer {
	struct ctl *c;
	struct json json;
	uint64_t count;
};

static void
json_finding(struct json *j, const struct audit_finding *f)
{
	json_object_start(j, NULL);
	json_quoted(j, "problem", audit_problem_name(f->problem));
	json_number(j, "number", (int64_t)f->number);
	json_instant(j, "when", f->entry != NULL ? f->entry->when : INSTANT_NONE);
	json_text(j, "command", f->entry != NULL ? f->entry->origin.command : "");
	json_quoted(j, "text", f->text.text);
	json_object_end(j);
}

/* text_finding - "entry 7 (2026-12-01T09:00:00Z, tenant set): its hash ..." */
static void
text_finding(FILE *out, const struct audit_finding *f)
{
	char when[INSTANT_TEXT_MAX], command[4 * AUDIT_COMMAND_MAX + 32];
	struct text t;

	if (f->problem == AUDIT_MISSING || f->number == 0) {
		fprintf(out, "%s\n", f->text.text);
		return;
	}
	fprintf(out, "entry %" PRIu64, f->number);
	if (f->entry != NULL) {
		text_init(&t, command, sizeof command);
		text_show(&t, f->entry->origin.command,
		    strlen(f->entry->origin.command), AUDIT_COMMAND_MAX);
		fprintf(out, " (%s, %s)", instant_print(f->entry->when, when), command);
	}
	fprintf(out, ": %s\n", f->text.text);
}

static void
print_finding(void *arg, const struct audit_finding *f)
{
	struct finding_printer *p = arg;

	if (p->count++ >= FINDINGS_SHOWN)
		return;
	if (p->c->options.json)
		json_finding(&p->json, f);
	else
		text_finding(p->c->out, f);
}

/* json_number_or_null - null for 0 */
static void
json_number_or_null(struct json *j, const char *key, uint64_t n)
{
	if (n > 0)
		json_number(j, key, (int64_t)n);
	else
		json_none(j, key);
}

static void
json_account(struct finding_printer *p, const struct audit_account *a, bool with_head)
{
	const struct store_meta *m = store_meta(p->c->txn);
	char head[DIGEST_TEXT_MAX];
	struct json *j = &p->json;

	json_array_end(j);
	json_bool(j, "holds", a->findings == 0);
	json_number(j, "problems", (int64_t)a->findings);
	json_number(j, "entries", (int64_t)a->entries);
	json_number_or_null(j, "first", a->first);
	json_number_or_null(j, "last", a->last);
	json_number_or_null(j, "pruned_up_to", a->pruned);
	json_text(
	    j, "head", m->audit_count > 0 ? digest_print(&m->audit_head, head) : "");
	if (with_head) {
		json_number_or_null(j, "head_number", a->head_number);
		json_instant(j, "head_when", a->head_when);
	}
	json_object_end(j);
	json_line_end(j, p->c->out);
}

/* text_account - what was proven, where all holds */
static void
text_account(struct ctl *c, const struct audit_account *a, bool with_head)
{
	const struct store_meta *m = store_meta(c->txn);
	char text[DIGEST_TEXT_MAX], when[INSTANT_TEXT_MAX];

	if (a->pruned > 0)
		fprintf(c->out, "entries 1 to %" PRIu64 " are pruned\n", a->pruned);
	fprintf(c->out, "%" PRIu64 " audit entr%s verified\n", a->entries,
	    a->entries == 1 ? "y" : "ies");
	if (m->audit_count > 0)
		property(c->out, "audit head", digest_print(&m->audit_head, text));
	if (!with_head)
		return;
	fprintf(c->out, "the given head is entry %" PRIu64, a->head_number);
	if (a->head_when != INSTANT_NONE)
		fprintf(c->out, " of %s", instant_print(a->head_when, when));
	fprintf(c->out, "; %" PRIu64 " came after it\n", a->last - a->head_number);
}

/* conclude - the exit status, and the line that goes with it */
static enum error
conclude(struct finding_printer *p, const struct audit_account *a)
{
	if (a->findings == 0)
		return OK;
	if (a->findings > FINDINGS_SHOWN && !p->c->options.json)
		fprintf(p->c->out, "... and %" PRIu64 " more\n",
		    a->findings - FINDINGS_SHOWN);
	p->c->tells = true;
	return error_set(&p->c->why, ERR_NOTFOUND, /* status 1 */
	    "the audit log does not hold: %" PRIu64 " problem%s", a->findings,
	    a->findings == 1 ? "" : "s");
}

enum error
ctl_audit_verify(struct ctl *c)
{
	const char *typed = argument_option(c, OPT_HEAD);
	struct finding_printer p = {.c = c};
	struct audit_account a;
	struct digest head;
	enum error e;

	if (typed != NULL && !digest_parse(typed, &head))
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%.200s\" for --head: it is 64 hexadecimal digits, as "
		    "status and the system's log have it",
		    typed);
	if (c->options.json) {
		json_to_stream(&p.json, c->out);
		json_object_start(&p.json, NULL);
		json_array_start(&p.json, "findings");
	}
	e = audit_verify(c->txn, typed != NULL ? &head : NULL, print_finding, &p, &a);
	if (e != OK)
		return store_about(&c->why, e, c->store);
	if (c->options.json)
		json_account(&p, &a, typed != NULL);
	else if (a.findings == 0)
		text_account(c, &a, typed != NULL);
	return conclude(&p, &a);
}

enum error
ctl_audit_prune(struct ctl *c)
{
	struct audit_pruned done;
	struct json j;
	instant before;
	enum error e;

	if (argument_option(c, OPT_BEFORE) == NULL)
		return error_set(&c->why, ERR_USAGE,
		    "audit prune needs --before TIME: what is older is removed");
	e = argument_past_time(c, OPT_BEFORE, &before);
	if (e == OK)
		e = audit_prune(c->txn, &c->log, before,
		    argument_option(c, OPT_FORCE) != NULL, &done, &c->why);
	if (e != OK)
		return e;
	if (!c->options.json) {
		fprintf(c->out, "%" PRIu64 " audit entr%s removed\n", done.removed,
		    done.removed == 1 ? "y" : "ies");
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_number(&j, "removed", (int64_t)done.removed);
	json_number_or_null(&j, "pruned_up_to", done.last);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}
