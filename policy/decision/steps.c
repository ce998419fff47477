/* SPDX-License-Identifier: BSD-2-Clause */
/* steps - how a login was understood, in lines for people */
#include "policy/decision/steps.h"

#include <stdarg.h>
#include <stdio.h>

#define STEP_MAX 1400
#define SHOWN_MAX 200
#define NETWORKS_SHOWN 5

void
steps_add(struct text *steps, const char *fmt, ...)
{
	char line[STEP_MAX];
	va_list ap;

	if (steps == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (steps->len > 0)
		text_puts(steps, "\n");
	text_puts(steps, line);
}

void
steps_login(struct text *steps, const char *label, const char *s, size_t n)
{
	char shown[4 * SHOWN_MAX + 64];
	struct text t;

	if (steps == NULL)
		return;
	text_init(&t, shown, sizeof shown);
	text_show(&t, s, n, SHOWN_MAX);
	steps_add(steps, "%s %s", label, shown);
}

static void
put_instant(struct text *line, const char *label, instant t)
{
	char when[INSTANT_TEXT_MAX];

	if (t != INSTANT_NONE)
		text_printf(line, ", %s %s", label, instant_print(t, when));
}

void
steps_lock(struct text *steps, const struct login *name, const struct lock_state *lock,
    instant now)
{
	char label[LOCK_TEXT_MAX + 10], buf[LOCK_TEXT_MAX];

	if (steps == NULL)
		return;
	snprintf(label, sizeof label, "%s: login", lock_words(lock, now, buf));
	steps_login(steps, label, name->text, name->len);
}

static void
put_lock(struct text *line, const struct lock_state *lock, instant now)
{
	char buf[LOCK_TEXT_MAX];

	if (lock->set)
		text_printf(line, ", %s", lock_words(lock, now, buf));
}

void
steps_tenant(struct text *steps, const struct tenant *t, const struct lock_state *lock,
    instant now)
{
	char buf[STEP_MAX];
	struct text line;

	if (steps == NULL)
		return;
	text_init(&line, buf, sizeof buf);
	text_printf(&line, "tenant: %s, smtp-auth %s", t->name,
	    word_of_smtp_auth(t->smtp_auth));
	if (t->action != ACTION_DEFAULT)
		text_printf(&line, ", action %s", word_of_action(t->action));
	if (t->blocks != BLOCKS_ALL)
		text_printf(&line, ", blocks %s", word_of_blocks(t->blocks));
	put_instant(&line, "enforce-from", t->enforce_from);
	put_instant(&line, "tempfail-until", t->tempfail_until);
	put_lock(&line, lock, now);
	steps_add(steps, "%s", buf);
}

static void
put_mailbox(struct text *line, const struct mailbox *m, instant now)
{
	const struct cidr_list *clients = &m->clients;
	char network[CIDR_TEXT_MAX];

	text_printf(line, "smtp-auth %s", word_of_smtp_auth(m->smtp_auth));
	put_instant(line, "until", m->until);
	if (m->until != INSTANT_NONE && now >= m->until)
		text_puts(line, " (expired)");
	for (unsigned i = 0; i < clients->count && i < NETWORKS_SHOWN; i++)
		text_printf(line, "%s%s", i == 0 ? ", clients " : ",",
		    cidr_print(&clients->net[i], network));
	if (clients->count > NETWORKS_SHOWN)
		text_printf(line, " and %u more", clients->count - NETWORKS_SHOWN);
}

void
steps_mailbox(struct text *steps, const struct mailbox *m,
    const struct lock_state *lock, instant now)
{
	char buf[STEP_MAX];
	struct text line;

	if (steps == NULL)
		return;
	text_init(&line, buf, sizeof buf);
	text_puts(&line, "mailbox setting: ");
	if (m != NULL)
		put_mailbox(&line, m, now);
	else
		text_puts(&line, "none");
	put_lock(&line, lock, now);
	steps_add(steps, "%s", buf);
}
