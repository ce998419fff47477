/* SPDX-License-Identifier: BSD-2-Clause */
/* options - the command line, parsed */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"

/* The options of all commands; a command's row says which are its own. */
enum option_id {
	OPT_ACTION,
	OPT_ALIASES,
	OPT_AT,
	OPT_BEFORE,
	OPT_BLOCKS,
	OPT_CLIENT,
	OPT_CLIENTS,
	OPT_COMMAND,
	OPT_CONTACT,
	OPT_CSV,
	OPT_DENIED,
	OPT_DOMAIN,
	OPT_DRY_RUN,
	OPT_ENFORCE_FROM,
	OPT_EXPIRED,
	OPT_EXPIRED_BEFORE,
	OPT_EXPIRING_WITHIN,
	OPT_FORCE,
	OPT_FORMAT,
	OPT_HEAD,
	OPT_IGNORE,
	OPT_KEY,
	OPT_LIMIT,
	OPT_LISTENER,
	OPT_LOG,
	OPT_LOGIN,
	OPT_MATCH,
	OPT_MECHANISM,
	OPT_MTA,
	OPT_NEW_POLICY,
	OPT_NOTE,
	OPT_OBJECT,
	OPT_POSTFIX,
	OPT_PRINT,
	OPT_REPLACE,
	OPT_REPLY,
	OPT_RESEND,
	OPT_SENDMAIL,
	OPT_SINCE,
	OPT_SMTP_AUTH,
	OPT_TEMPFAIL_UNTIL,
	OPT_TEMPLATE,
	OPT_TENANT,
	OPT_TRUST,
	OPT_UNTIL,
	OPT_UNUSED_FOR,
	OPT_USAGE,
	OPT_USED_WITHIN,
	OPT_COUNT,
};

#define OPTION(id) (UINT64_C(1) << (id))

/* The options that may be repeated: --domain and --usage. */
#define OPTION_DOMAINS_MAX 256
#define OPTION_USAGES_MAX 256

struct options {
	const char *config_file, *dir, *actor; /* NULL where not given */
	bool json, help, version;
	bool cmdlet; /* the words are one of Exchange's commands, with its grammar */
	const char *value[OPT_COUNT]; /* NULL: not given; "": it takes no value */
	const char *domain[OPTION_DOMAINS_MAX];
	size_t domains;
	const char *usage[OPTION_USAGES_MAX];
	size_t usages;
	char **word; /* the words that are not options, in order */
	size_t words;
};

/*
 * Parses ARGV; options may stand anywhere before "--". ERR_USAGE with WHY. OUT borrows
 * from ARGV, which is permuted. After the name of one of Exchange's commands, which is
 * rewritten as Exchange spells it, only "--name", -c, -d, -h and -V are options; the
 * other words are left as they are.
 */
enum error options_parse(
    struct options *out, int argc, char **argv, struct error_text *why) MUST_USE;

/* ERR_USAGE if an option was given that is not in ALLOWED, a set of OPTION(). */
enum error options_check(
    const struct options *o, uint64_t allowed, struct error_text *why) MUST_USE;

/* The option's name, and the name of its value (NULL if it takes none). */
const char *option_name(enum option_id id);
const char *option_value_name(enum option_id id);

/* What it does, in a few words. */
const char *option_help(enum option_id id);
