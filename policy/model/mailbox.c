/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - a mailbox's own setting, as a struct and as a stored record */
#include "policy/model/mailbox.h"

#include <string.h>

#define MAILBOX_VERSION 1

/* The flag byte: what follows it. A plain override is these two bytes alone. */
enum {
	FLAG_SMTP_AUTH = 0x03, /* enum smtp_auth */
	FLAG_UNTIL = 0x04,
	FLAG_CLIENTS = 0x08,
	FLAG_NOTE = 0x10,
};

void
mailbox_init(struct mailbox *m)
{
	memset(m, 0, sizeof *m);
	m->smtp_auth = SMTP_AUTH_INHERIT;
	m->until = INSTANT_NONE;
}

void
mailbox_set_smtp_auth(struct mailbox *m, enum smtp_auth smtp_auth, instant now)
{
	if (smtp_auth != m->smtp_auth) {
		m->clients.count = 0;
		m->until = INSTANT_NONE;
	}
	m->smtp_auth = smtp_auth;
	if (m->until != INSTANT_NONE && now >= m->until)
		m->until = INSTANT_NONE;
}

bool
mailbox_is_empty(const struct mailbox *m)
{
	return m->smtp_auth == SMTP_AUTH_INHERIT && m->until == INSTANT_NONE &&
	    m->clients.count == 0 && m->note[0] == '\0';
}

bool
mailbox_overrides(const struct mailbox *m, instant now)
{
	return m->smtp_auth != SMTP_AUTH_INHERIT &&
	    (m->until == INSTANT_NONE || now < m->until);
}

static unsigned
flags_of(const struct mailbox *m)
{
	unsigned flags = (unsigned)m->smtp_auth;

	if (m->until != INSTANT_NONE)
		flags |= FLAG_UNTIL;
	if (m->clients.count > 0)
		flags |= FLAG_CLIENTS;
	if (m->note[0] != '\0')
		flags |= FLAG_NOTE;
	return flags;
}

void
mailbox_encode(const struct mailbox *m, struct record_writer *w)
{
	unsigned flags = flags_of(m);

	record_put_u8(w, MAILBOX_VERSION);
	record_put_u8(w, (uint8_t)flags);
	if (flags & FLAG_UNTIL)
		record_put_u64(w, (uint64_t)m->until);
	if (flags & FLAG_CLIENTS) {
		record_put_u8(w, (uint8_t)m->clients.count);
		for (unsigned i = 0; i < m->clients.count; i++) {
			record_put_bytes(w, m->clients.net[i].base.byte, 16);
			record_put_u8(w, m->clients.net[i].bits);
		}
	}
	if (flags & FLAG_NOTE)
		record_put_string(w, m->note);
}

/* decode_clients - the networks; a count or prefix out of range fails the record */
static void
decode_clients(struct record_reader *r, struct cidr_list *list)
{
	list->count = record_get_u8(r);
	if (list->count == 0 || list->count > CIDR_LIST_MAX)
		r->failed = true;
	for (unsigned i = 0; !r->failed && i < list->count; i++) {
		record_get_bytes(r, list->net[i].base.byte, 16);
		list->net[i].bits = record_get_u8(r);
		if (!cidr_is_valid(&list->net[i]))
			r->failed = true;
	}
}

enum error
mailbox_decode(struct bytes from, struct mailbox *out_r)
{
	struct record_reader r;
	unsigned flags;
	enum error e = record_read_version(&r, from, MAILBOX_VERSION);

	if (e != OK)
		return e;
	flags = record_get_u8(&r);
	out_r->smtp_auth = (enum smtp_auth)(flags & FLAG_SMTP_AUTH);
	out_r->until = flags & FLAG_UNTIL ? (instant)record_get_u64(&r) : INSTANT_NONE;
	out_r->clients.count = 0;
	if (flags & FLAG_CLIENTS)
		decode_clients(&r, &out_r->clients);
	out_r->note[0] = '\0';
	if (flags & FLAG_NOTE)
		record_get_string(&r, out_r->note, sizeof out_r->note);
	/* one mailbox, one record: what the encoder does not write is damage */
	if (out_r->smtp_auth > SMTP_AUTH_DISABLED || flags_of(out_r) != flags)
		return ERR_DAMAGED;
	return record_end(&r);
}
