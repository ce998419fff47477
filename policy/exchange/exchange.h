/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - one of Exchange's own commands, read from words */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/exchange/exchange_char.h"
#include "policy/identity/domain.h"
#include "policy/identity/login.h"
#include "policy/model/tenant.h"

enum exchange_cmdlet {
	EXCHANGE_GET_TRANSPORT_CONFIG,
	EXCHANGE_SET_TRANSPORT_CONFIG,
	EXCHANGE_GET_CAS_MAILBOX,
	EXCHANGE_SET_CAS_MAILBOX,
	EXCHANGE_CMDLETS,
};

#define EXCHANGE_RESULTS_DEFAULT 1000
#define EXCHANGE_UNLIMITED UINT64_MAX
#define EXCHANGE_FOREIGN_MAX 400 /* bytes of the names of parameters */

/* What Get-... prints; a set of them. */
enum exchange_property {
	EXCHANGE_NAME = 0x1,
	EXCHANGE_ADDRESS = 0x2,
	EXCHANGE_ORGANIZATION = 0x4,
	EXCHANGE_DISABLED = 0x8,
	EXCHANGE_PROPERTIES = 0xF,
};

/* A command as it was said; nothing of it has been looked up. */
struct exchange {
	enum exchange_cmdlet cmdlet;
	enum smtp_auth smtp_auth; /* Set-...: what it shall be; $null is inherit */
	char identity[LOGIN_RAW_MAX + 1]; /* "" where not given */
	char organization[DOMAIN_MAX +
	    1];              /* "" where not given; or one of its domains */
	uint64_t results;    /* -ResultSize: how many, or EXCHANGE_UNLIMITED */
	bool results_said;   /* ... and not by default */
	unsigned properties; /* Get-...: those to be printed */
	bool what_if;        /* say what would be done, and do nothing */
	bool said;           /* Set-...: the parameter that is ours was there */
	bool session; /* Import-Module and so on, named in `foreign`: nothing to do */
	char foreign[EXCHANGE_FOREIGN_MAX + 1]; /* "-PopEnabled, -ImapEnabled" */
};

/* Where words come from. On the command line a shell has had its way with them. */
enum exchange_source { EXCHANGE_SCRIPT, EXCHANGE_COMMAND_LINE };

struct exchange_word {
	struct exchange_span text; /* without quotes */
	bool quoted;               /* begins with a quote: never a parameter */
	bool variable;             /* has a `$` that PowerShell would expand */
	bool pipe;                 /* stands for `|` */
};

/* The longest command, in words, its name not counted. */
#define EXCHANGE_WORDS_MAX 64

/* The name, as Exchange writes it. */
const char *exchange_cmdlet_name(enum exchange_cmdlet cmdlet);

/* Finds a command by its name, in any case and with any dash; false for others. */
bool exchange_cmdlet_find(struct exchange_span name, enum exchange_cmdlet *cmdlet_r);

/*
 * Whether a command of that name only begins or ends a session with Exchange, for which
 * there is nothing to do here.
 */
bool exchange_is_session(struct exchange_span name);

/* Whether it changes anything. */
bool exchange_cmdlet_writes(enum exchange_cmdlet cmdlet);

/* ERR_USAGE with the command of ours that does it, for a NAME that is none. */
enum error exchange_unknown(struct exchange_span name, struct error_text *why) MUST_USE;

/*
 * Reads the N words after the name of CMDLET: "-Name value" or "-Name:value", in any
 * case, with any dash, shortened as long as it is unambiguous. Parameters of Set-...
 * that are not about SMTP AUTH are collected in `foreign`. After Get-... a pipe to
 * Format-List, Format-Table or Select-Object, with names of properties. ERR_USAGE:
 * unknown, missing or repeated; ERR_DATA: a bad value, or one that is too long. Copies.
 */
enum error exchange_read(enum exchange_cmdlet cmdlet, const struct exchange_word *word,
    size_t n, enum exchange_source source, struct exchange *out_r,
    struct error_text *why) MUST_USE;
