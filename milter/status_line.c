/* SPDX-License-Identifier: BSD-2-Clause */
/* status_line - what `systemctl status` shows: what is enforced, then how it is */
#include "milter/status_line.h"

#include <stdio.h>
#include <string.h>

#include "milter/daemon.h"
#include "milter/service/service_notify.h"
#include "policy/base/monotonic.h"

#define RECOUNT_MS (60 * 1000) /* dates come without a commit */
#define SHARE 10               /* of the time, for counting */

void
status_line_start(struct daemon *d)
{
	pthread_mutex_init(&d->status_line.mutex, NULL);
}

/* What one reading found. */
struct found {
	char text[ENFORCEMENT_TEXT_MAX];
	uint64_t commit;
};

static enum error
read_enforcement(void *arg, struct store_txn *txn)
{
	struct found *found = arg;
	struct enforcement n;
	struct text t;
	enum error e = enforcement_count(txn, instant_now(), &n);

	text_init(&t, found->text, sizeof found->text);
	if (e == OK)
		enforcement_describe(store_settings(txn), &n, &t);
	found->commit = store_meta(txn)->commit;
	return e;
}

/* recount - true if the words are others now; without a good policy they stay */
static bool
recount(struct daemon *d)
{
	struct status_line *s = &d->status_line;
	int64_t start = monotonic_ms();
	struct found found = {.text = ""};
	bool changed, good = live_store_read(d->store, read_enforcement, &found) == OK;

	pthread_mutex_lock(&s->mutex);
	changed = good && strcmp(s->enforced, found.text) != 0;
	if (changed)
		memcpy(s->enforced, found.text, sizeof s->enforced);
	if (good)
		s->commit = found.commit;
	s->due = monotonic_ms() + SHARE * (monotonic_ms() - start);
	pthread_mutex_unlock(&s->mutex);
	return changed;
}

/* send - the line, as things are, unless that was sent; two threads may find it */
static void
send(struct daemon *d)
{
	struct status_line *s = &d->status_line;
	enum live_store_state state = live_store_state(d->store);
	char line[sizeof s->sent];

	pthread_mutex_lock(&s->mutex);
	if (state == LIVE_STORE_GOOD)
		snprintf(line, sizeof line, "%s; %s",
		    s->enforced[0] != '\0' ? s->enforced : "nothing is known yet",
		    s->event.text);
	else if (state == LIVE_STORE_VERIFYING)
		snprintf(
		    line, sizeof line, "nothing is decided yet; %s", s->event.text);
	else
		snprintf(line, sizeof line, "on-error is %s; %s",
		    word_of_action(d->config.on_error), s->event.text);
	if (strcmp(line, s->sent) != 0) {
		strcpy(s->sent, line);
		service_notify_status(line);
	}
	pthread_mutex_unlock(&s->mutex);
}

void
status_line_event(struct daemon *d, const char *text)
{
	struct status_line *s = &d->status_line;
	bool good = live_store_state(d->store) == LIVE_STORE_GOOD;

	pthread_mutex_lock(&s->mutex);
	error_set(&s->event, OK, "%s", text);
	s->good = good;
	pthread_mutex_unlock(&s->mutex);
	if (good)
		(void)recount(d);
	send(d);
}

void
status_line_look(struct daemon *d)
{
	struct status_line *s = &d->status_line;
	struct live_store_report report;
	int64_t now = monotonic_ms(), due;
	bool other, good;

	live_store_report(d->store, &report);
	pthread_mutex_lock(&s->mutex);
	good = s->good; /* the state may be good a moment before its event is told */
	other = report.meta.commit != s->commit;
	due = s->due + (other ? 0 : RECOUNT_MS);
	pthread_mutex_unlock(&s->mutex);
	if (good && report.has_meta && now >= due && recount(d))
		send(d);
}
