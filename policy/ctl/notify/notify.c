/* SPDX-License-Identifier: BSD-2-Clause */
/* notify - the command that tells contacts what is planned */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/base/text.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/held_output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/notify/notice_message.h"
#include "policy/ctl/notify/sendmail.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/store/state_dir.h"
#include "policy/tables/notice_table.h"

#define WAIT_SECONDS 10
#define SETTLE_TRIES 6 /* of 10 seconds */
#define REASON_MAX ERROR_TEXT_MAX

struct notify {
	struct ctl *c;
	const char *sendmail, *only;
	char name[TENANT_NAME_MAX + 1];
	char url[SETTING_URL_MAX + 1];
	bool resend, dry_run;
	bool unenforced; /* the setting enforce is no */
	bool print;      /* the letters, in a dry run */
	struct notice_template *message_template;
	struct notice_plan_list list;
	int turn; /* the lock's descriptor, or -1 */
	uint64_t tried, failed;
	/* Of the tenant under way: */
	struct notice_message message;
	enum notice_step step;   /* what became of it */
	char reason[REASON_MAX]; /* why it failed */
};

/* read_options - what can be wrong on the command line */
static enum error
read_options(struct notify *n)
{
	struct ctl *c = n->c;
	const char *tenant = argument_option(c, OPT_TENANT);

	n->sendmail = argument_option(c, OPT_SENDMAIL);
	if (n->sendmail == NULL)
		n->sendmail = SENDMAIL_PATH;
	n->resend = argument_option(c, OPT_RESEND) != NULL;
	n->print = argument_option(c, OPT_PRINT) != NULL;
	n->dry_run = argument_option(c, OPT_DRY_RUN) != NULL || n->print;
	if (argument_option(c, OPT_TEMPLATE) == NULL)
		return error_set(
		    &c->why, ERR_USAGE, "--template FILE is missing: what to send");
	if (n->sendmail[0] != '/')
		return error_set(&c->why, ERR_USAGE,
		    "--sendmail needs a path that begins with /, not \"%s\"",
		    n->sendmail);
	if (tenant == NULL)
		return OK;
	n->only = n->name;
	return tenant_name_parse(tenant, n->name, &c->why);
}

/*
 * take_turn - several may send at once, as each message is claimed first; but one that
 * repeats what was left unfinished has to be alone, or it takes what is being sent for
 * that. The lock ends with the process, however that ends.
 */
static enum error
take_turn(struct notify *n)
{
	const struct timespec pause = {0, 20000000L};
	int64_t deadline = monotonic_ms() + WAIT_SECONDS * 1000;
	struct error_text *why = &n->c->why;
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/policy.notify", n->c->dir) >=
	    (int)sizeof path)
		return error_set(
		    why, ERR_LIMIT, "the name of the state folder is too long");
	n->turn = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (n->turn < 0 && errno == ENOENT)
		return state_dir_missing(n->c->dir, n->c->dir, why);
	if (n->turn < 0)
		return error_set(
		    why, error_from_errno(errno), "%s: %s", path, strerror(errno));
	while (flock(n->turn, (n->resend ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_about(why, error_from_lock(errno), path);
		if (monotonic_ms() >= deadline)
			return error_set(why, ERR_BUSY,
			    "another \"rollout notify\" is at work, and --resend has to be alone; try again (lock: %s)",
			    path);
		nanosleep(&pause, NULL);
	}
	return OK;
}

/* open_store - with a transaction; no other is open in this process */
static enum error
open_store(struct ctl *c, enum store_mode mode)
{
	enum error e = store_open(&c->store, c->dir, mode, &c->why);

	if (e != OK)
		return e;
	if (c->spared)
		store_spare(c->store);
	e = store_begin(c->store, &c->txn);
	return e == OK ? OK : store_about(&c->why, e, c->store);
}

static void
close_store(struct ctl *c)
{
	store_abort(&c->txn);
	store_close(&c->store);
}

/* find_list - the tenants to be told, and their mailboxes */
static enum error
find_list(struct notify *n)
{
	struct ctl *c = n->c;
	bool mailboxes =
	    notice_template_uses(n->message_template, NOTICE_TEMPLATE_MAILBOXES);
	enum error e = mailboxes ? usage_sources_open(c) : OK;

	if (e == OK)
		e = open_store(c, STORE_READ);
	if (e == OK) {
		memcpy(n->url, store_settings(c->txn)->help_url, sizeof n->url);
		n->unenforced = store_settings(c->txn)->enforce == WORD_NO;
		e = notice_plan_list_read(&n->list, c, n->only);
	}
	if (e == OK && mailboxes)
		e = notice_plan_list_find_mailboxes(&n->list, c, n->only, n->resend);
	e = transaction_check(c, e);
	close_store(c);
	return e;
}

/* warn - about what the letters will lack, and what they say and nobody does */
static void
warn(struct notify *n)
{
	if (n->unenforced && n->list.count > 0)
		print_remark(n->c->err,
		    "warning: enforce is no: nothing is denied at the dates of the letters before \"smtpauthctl settings set enforce yes\"");
	if (n->url[0] == '\0' && notice_template_has_url_line(n->message_template))
		print_remark(n->c->err,
		    "warning: help-url is not set: lines about {url} are left out; see \"smtpauthctl settings set help-url\"");
}

/*
 * read_list - as find_list(); what it remarks is printed once, even where commits have
 * overtaken the reading and it is made again
 */
static enum error
read_list(struct notify *n)
{
	struct held_output held = {.to = NULL};
	struct ctl *c = n->c;
	FILE *err = c->err;
	struct error_text why;
	enum error e = held_output_open(&held, &c->why);

	if (e == OK) {
		c->err = held.to;
		e = find_list(n);
		if (e == OK)
			warn(n);
		c->err = err;
	}
	if (e != ERR_OVERTAKEN && held.to != NULL &&
	    held_output_print(&held, err, &why) != OK)
		print_remark(err, "%s", why.text);
	held_output_close(&held);
	return e;
}

/* prepare - what becomes of P without sending; true when the message is ready to go */
static bool
prepare(struct notify *n, const struct notice_plan *p)
{
	struct error_text why = {.text = ""};
	char when[INSTANT_TEXT_MAX];

	n->step = notice_plan_step(p, n->resend);
	n->reason[0] = '\0';
	if (n->step == NOTICE_STEP_FAILED)
		snprintf(n->reason, sizeof n->reason, "tried at %s, not repeated",
		    instant_print(p->when, when));
	if (n->step != NOTICE_STEP_SEND)
		return false;
	if (notice_message_write(&n->message, n->message_template, p, n->url, &why) ==
	    OK)
		return true;
	n->step = NOTICE_STEP_FAILED;
	memcpy(n->reason, why.text, sizeof n->reason);
	return false;
}

/* record - the notice, in a transaction that is open */
static enum error
record(struct notify *n, const struct notice_plan *p, enum notice_state state)
{
	struct ctl *c = n->c;
	enum error e;

	n->message.notice.state = state;
	n->message.notice.when = instant_now();
	e = notice_table_put(c->txn, p->tenant, &n->message.notice);
	if (e == OK)
		e = store_commit(&c->txn);
	return e == OK ? OK : store_about(&c->why, e, c->store);
}

/*
 * claim - decides by what the database says now, and records that the message is being
 * sent: from here on nobody else will. GONE_R: the plan is gone.
 */
static enum error
claim(struct notify *n, struct notice_plan *p, bool *send_r, bool *gone_r)
{
	struct ctl *c = n->c;
	bool found = false;
	enum error e = open_store(c, STORE_WRITE);

	*send_r = false;
	if (e == OK)
		e = notice_plan_refresh(p, c->txn, instant_now(), &found);
	*gone_r = e == OK && !found;
	if (e == OK && found && prepare(n, p)) {
		e = record(n, p, NOTICE_SENDING);
		*send_r = e == OK;
	}
	close_store(c);
	return e;
}

/* try_settle - records how it went, unless tenant or notice are gone meanwhile */
static enum error
try_settle(struct notify *n, const struct notice_plan *p, enum notice_state state)
{
	const struct notice *notice = &n->message.notice;
	struct notice now;
	bool found;
	enum error e = open_store(n->c, STORE_WRITE);

	if (e == OK)
		e = notice_table_get(n->c->txn, p->tenant, &now, &found);
	if (e == OK && found && now.state == NOTICE_SENDING &&
	    now.when == notice->when && now.enforce_from == notice->enforce_from &&
	    now.tempfail_until == notice->tempfail_until)
		e = record(n, p, state);
	close_store(n->c);
	return e;
}

/* settle - records how it went, with patience: it cannot be found out later */
static enum error
settle(struct notify *n, const struct notice_plan *p, bool sent)
{
	struct error_text why;
	enum error e = ERR_BUSY;

	for (int i = 0; i < SETTLE_TRIES && e == ERR_BUSY; i++)
		e = try_settle(n, p, sent ? NOTICE_SENT : NOTICE_FAILED);
	if (e == OK)
		return OK;
	why = n->c->why;
	return error_set(&n->c->why, e,
	    "the notice to tenant %s was %s, but that could not be recorded: %s",
	    p->tenant, sent ? "sent" : "not sent",
	    why.text[0] != '\0' ? why.text : error_string(e));
}

/* deliver - sends what is to be sent to P, unless the plan is gone */
static enum error
deliver(struct notify *n, struct notice_plan *p, bool *gone_r)
{
	const struct notice_message *m = &n->message;
	bool send;
	enum error e = claim(n, p, &send, gone_r);

	if (e != OK || !send)
		return e;
	n->step = NOTICE_STEP_SENT;
	if (sendmail_send(n->sendmail, m->address, m->text, m->len, SENDMAIL_SECONDS,
		n->reason) != OK)
		n->step = NOTICE_STEP_FAILED;
	return settle(n, p, n->step == NOTICE_STEP_SENT);
}

static const struct {
	const char *word, *json;
} steps[] = {
    [NOTICE_STEP_SEND] = {"would be sent", "would_send"},
    [NOTICE_STEP_NO_CONTACT] = {"no contact", "no_contact"},
    [NOTICE_STEP_ALREADY_SENT] = {"already sent", "already_sent"},
    [NOTICE_STEP_UNFINISHED] = {"unfinished since", "unfinished"},
    [NOTICE_STEP_FAILED] = {"failed", "failed"},
    [NOTICE_STEP_SENT] = {"sent", "sent"},
};

/* show - what became of one tenant, at once: a long run can be followed */
static void
show(struct notify *n, const struct notice_plan *p)
{
	char words[REASON_MAX + 2 * CONTACT_MAX + 64], when[INSTANT_TEXT_MAX];
	struct printer *out = &n->c->print;
	struct text t;

	text_init(&t, words, sizeof words);
	text_puts(&t, steps[n->step].word);
	if (n->step == NOTICE_STEP_FAILED)
		text_printf(&t, ": %s", n->reason);
	if (n->step == NOTICE_STEP_ALREADY_SENT || n->step == NOTICE_STEP_UNFINISHED) {
		text_printf(&t, " %s", instant_print(p->when, when));
		if (strcmp(p->told, p->contact) != 0)
			text_printf(&t, " to %s", p->told);
	}
	print_object_start(out, NULL);
	print_text(out, "tenant", p->tenant);
	print_text(out, "contact", p->contact);
	print_text(out, "result", steps[n->step].json);
	print_words(out, "result", words);
	print_text(out, "reason", n->step == NOTICE_STEP_FAILED ? n->reason : NULL);
	print_time(out, "enforce_from", p->enforce_from);
	print_time(out, "tempfail_until", p->tempfail_until);
	if (n->print)
		print_text(
		    out, "letter", n->step == NOTICE_STEP_SEND ? n->message.text : "");
	print_object_end(out);
	fflush(n->c->out);
}

/* show_letter - for people; in place of the row of the table */
static void
show_letter(struct notify *n, const struct notice_plan *p)
{
	struct printer *out = &n->c->print;

	if (n->step == NOTICE_STEP_SEND)
		print_line(out, "--- tenant %s, to %s", p->tenant, n->message.address);
	else
		print_line(out, "--- tenant %s: %s%s%s", p->tenant, steps[n->step].word,
		    n->reason[0] != '\0' ? ": " : "", n->reason);
	if (n->step == NOTICE_STEP_SEND)
		fprintf(n->c->out, "%s\n", n->message.text);
}

/* serve - one tenant from begin to end */
static enum error
serve(struct notify *n, struct notice_plan *p)
{
	bool gone = false;
	enum error e = prepare(n, p) && !n->dry_run ? deliver(n, p, &gone) : OK;

	if (e != OK || gone) {
		notice_message_free(&n->message);
		return e;
	}
	n->tried += n->step == NOTICE_STEP_SEND || n->step == NOTICE_STEP_FAILED ||
	    n->step == NOTICE_STEP_SENT;
	n->failed += n->step == NOTICE_STEP_FAILED;
	if (n->print && !n->c->options.json)
		show_letter(n, p);
	else
		show(n, p);
	notice_message_free(&n->message);
	return OK;
}

static enum error
serve_all(struct notify *n)
{
	static const struct print_column columns[] = {{"tenant", "TENANT"},
	    {"contact", "CONTACT"}, {"result", "RESULT"}, {NULL, NULL}};
	enum error e = OK;

	if (!n->print)
		print_table(&n->c->print, columns, "");
	else if (n->list.count == 0 && !n->c->options.json)
		print_remark(n->c->err, "nothing to list");
	for (size_t i = 0; i < n->list.count && e == OK; i++)
		e = serve(n, &n->list.at[i]);
	print_finish(&n->c->print); /* also after an error: they have been sent */
	if (e != OK || n->failed == 0)
		return e;
	if (n->tried == 1)
		return error_set(&n->c->why, ERR_IO,
		    "the notice could not be sent; repeat with --resend");
	return error_set(&n->c->why, ERR_IO,
	    "%llu of %llu notices could not be sent; repeat with --resend",
	    (unsigned long long)n->failed, (unsigned long long)n->tried);
}

enum error
ctl_rollout_notify(struct ctl *c)
{
	struct notify n = {.c = c, .turn = -1};
	enum error e;

	signal(SIGPIPE, SIG_IGN); /* a reader that stops does not stop the work */
	signal(SIGCHLD, SIG_DFL); /* or nothing is heard of sendmail(1) */
	e = read_options(&n);
	if (e == OK)
		e = notice_message_template(
		    &n.message_template, argument_option(c, OPT_TEMPLATE), &c->why);
	if (e == OK && !n.dry_run)
		e = take_turn(&n);
	if (e == OK)
		e = read_list(&n);
	if (e == OK)
		e = serve_all(&n);
	notice_plan_list_free(&n.list);
	notice_template_free(&n.message_template);
	if (n.turn >= 0)
		close(n.turn);
	return e;
}
