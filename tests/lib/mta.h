/* SPDX-License-Identifier: BSD-2-Clause */
/* mta.h - the MTA's side of the milter protocol, for tests against a running milter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milter steps, as bits of the option negotiation ("do not send this step"). */
enum mta_step {
	MTA_NOCONNECT = 0x1,
	MTA_NOHELO = 0x2,
	MTA_NOMAIL = 0x4,
	MTA_NORCPT = 0x8,
	MTA_NOBODY = 0x10,
	MTA_NOHDRS = 0x20,
	MTA_NOEOH = 0x40,
	MTA_NOUNKNOWN = 0x100,
	MTA_NODATA = 0x200,
	MTA_NR_MAIL = 0x4000,
	MTA_ALL_STEPS = 0x1fffff
};

/* Milter actions: all but MTA_SETSYMLIST modify the message. */
enum mta_action { MTA_SETSYMLIST = 0x100, MTA_ALL_ACTIONS = 0x1ff };

/* Stages for which a milter can name the macros it wants. */
enum mta_stage {
	MTA_AT_CONNECT,
	MTA_AT_HELO,
	MTA_AT_MAIL,
	MTA_AT_RCPT,
	MTA_AT_DATA,
	MTA_AT_EOM,
	MTA_AT_EOH,
	MTA_STAGES
};

/* What the milter said to one command. */
enum mta_kind {
	MTA_CONTINUE,
	MTA_ACCEPT,
	MTA_REJECT,
	MTA_TEMPFAIL,
	MTA_REPLY,  /* a reply of its own, in text */
	MTA_OTHER,  /* any other packet, see command */
	MTA_CLOSED, /* the milter closed the connection */
	MTA_SILENT  /* nothing came in time */
};

enum { MTA_TEXT_SIZE = 4096 };

struct mta_reply {
	enum mta_kind kind;
	char command;             /* the packet's own letter, 0 when there was none */
	size_t size;              /* bytes in text, without the final NUL */
	char text[MTA_TEXT_SIZE]; /* the packet's data; cut if it is longer */
};

/* One milter connection. */
struct mta;

/* Connects to `socket`, written as for the milter (inet:PORT@HOST, inet6:PORT@HOST,
 * unix:PATH). Returns NULL with errno set when that fails; mta_close() frees it. */
struct mta *mta_open(const char *socket);

/* Closes the connection without a word and sets *mta to NULL; NULL is ignored. */
void mta_close(struct mta **mta);

/* Sets how long replies are waited for (default 20 s, TEST_SLOW=1 five times that). */
void mta_patience(struct mta *mta, int milliseconds);

/* Negotiates as a current MTA does: version 6, every action, every step.
 * Returns false if the milter does not answer in kind. */
bool mta_negotiate(struct mta *mta);

/* The same with an offer of the caller's choice, as older MTAs make. */
bool mta_negotiate_as(
    struct mta *mta, uint32_t version, uint32_t actions, uint32_t steps);

/* What the milter answered to the negotiation: its version, the actions it wants,
 * the steps it wants left out. */
uint32_t mta_version(const struct mta *mta);
uint32_t mta_actions(const struct mta *mta);
uint32_t mta_steps(const struct mta *mta);

/* The macro names the milter asked for at `stage`, separated by spaces or commas;
 * NULL when it named none. Borrowed until mta_close(). */
const char *mta_macros_wanted(const struct mta *mta, enum mta_stage stage);

/* Sends one macro packet for `command` ('C', 'M', …) with the given names and values,
 * alternating, ended by NULL; a NULL value leaves its macro out. May be empty. */
bool mta_macros(struct mta *mta, char command, const char *const *pairs);

/* Sends a macro packet for `stage` with those of `pairs` that the milter asked for
 * there, or with Postfix's usual ones if it asked for none: what an MTA does. */
bool mta_stage_macros(struct mta *mta, enum mta_stage stage, const char *const *pairs);

/* The SMTP steps. A step that was negotiated away is not sent and reads as continue. */
struct mta_reply mta_connect(struct mta *mta, const char *host, const char *address);
struct mta_reply mta_helo(struct mta *mta, const char *name);
struct mta_reply mta_mail(struct mta *mta, const char *sender);
struct mta_reply mta_rcpt(struct mta *mta, const char *recipient);
struct mta_reply mta_data(struct mta *mta);

/* End of a message before its time, end of the SMTP session, end of the SMTP session
 * with another one following on the same milter connection. None has a reply. */
bool mta_abort(struct mta *mta);
bool mta_quit(struct mta *mta);
bool mta_quit_nc(struct mta *mta);

/* Sends one packet with any command and any data. */
bool mta_packet(struct mta *mta, char command, const void *data, size_t size);

/* Sends bytes as they are, for packets that are cut short or claim a wrong length. */
bool mta_raw(struct mta *mta, const void *bytes, size_t size);

/* Reads the next reply; progress packets are passed over. */
struct mta_reply mta_read(struct mta *mta);

/* The kind in words, for messages. */
const char *mta_kind_name(enum mta_kind kind);
