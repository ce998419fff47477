/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - one of Exchange's own commands, read from words */
#include "policy/exchange/exchange.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define SHOWN 100 /* bytes of a word in a message */
#define ALL_NAMES \
	"Get-TransportConfig, Set-TransportConfig, Get-CASMailbox and Set-CASMailbox"
#define DISABLED_NAME "SmtpClientAuthenticationDisabled"

static const char *const exchange_names[EXCHANGE_CMDLETS] = {
    [EXCHANGE_GET_TRANSPORT_CONFIG] = "Get-TransportConfig",
    [EXCHANGE_SET_TRANSPORT_CONFIG] = "Set-TransportConfig",
    [EXCHANGE_GET_CAS_MAILBOX] = "Get-CASMailbox",
    [EXCHANGE_SET_CAS_MAILBOX] = "Set-CASMailbox",
};

enum parameter { IDENTITY, ORGANIZATION, RESULT_SIZE, DISABLED, PARAMETERS };

#define OF(cmdlet) (1u << (cmdlet))

static const struct {
	const char *name;
	unsigned cmdlets; /* a set of OF() */
} parameters[PARAMETERS] = {
    [IDENTITY] = {"Identity",
	OF(EXCHANGE_GET_CAS_MAILBOX) | OF(EXCHANGE_SET_CAS_MAILBOX)},
    [ORGANIZATION] = {"Organization",
	OF(EXCHANGE_GET_TRANSPORT_CONFIG) | OF(EXCHANGE_SET_TRANSPORT_CONFIG)},
    [RESULT_SIZE] = {"ResultSize", OF(EXCHANGE_GET_CAS_MAILBOX)},
    [DISABLED] = {DISABLED_NAME,
	OF(EXCHANGE_SET_TRANSPORT_CONFIG) | OF(EXCHANGE_SET_CAS_MAILBOX)},
};

/* A command while it is read from words. */
struct exchange_reader {
	const struct exchange_word *word;
	size_t n, i;
	enum exchange_source source;
	struct exchange *out;
	bool given[PARAMETERS];
	struct error_text *why;
};

const char *
exchange_cmdlet_name(enum exchange_cmdlet cmdlet)
{
	return exchange_names[cmdlet];
}

bool
exchange_cmdlet_find(struct exchange_span name, enum exchange_cmdlet *cmdlet_r)
{
	for (int i = 0; i < EXCHANGE_CMDLETS; i++) {
		if (!exchange_char_is(name, exchange_names[i]))
			continue;
		*cmdlet_r = (enum exchange_cmdlet)i;
		return true;
	}
	return false;
}

bool
exchange_cmdlet_writes(enum exchange_cmdlet cmdlet)
{
	return cmdlet == EXCHANGE_SET_TRANSPORT_CONFIG ||
	    cmdlet == EXCHANGE_SET_CAS_MAILBOX;
}

/* exchange_shown - how much of a word goes into a message */
static int
exchange_shown(struct exchange_span s)
{
	return s.len < SHOWN ? (int)s.len : SHOWN;
}

enum error
exchange_unknown(struct exchange_span name, struct error_text *why)
{
	if (name.len > 0 && name.at[0] == '$')
		return error_set(why, ERR_USAGE,
		    "variables are not supported, as \"%.*s\": write each command with its values",
		    exchange_shown(name), name.at);
	return error_set(why, ERR_USAGE,
	    "\"%.*s\" is not supported: only " ALL_NAMES " are, one by one",
	    exchange_shown(name), name.at);
}

/* exchange_is_parameter - whether the word names a parameter, and is no value */
static bool
exchange_is_parameter(const struct exchange_word *w)
{
	size_t dash;

	return !w->quoted && exchange_char(w->text, &dash) == '-' &&
	    w->text.len > dash && (w->text.at[dash] < '0' || w->text.at[dash] > '9');
}

/*
 * exchange_find_parameter - by its name or the beginning of it; no two parameters of
 * one command begin with the same letter. PARAMETERS where there is none.
 */
static enum parameter
exchange_find_parameter(enum exchange_cmdlet cmdlet, struct exchange_span name)
{
	for (int p = 0; p < PARAMETERS; p++)
		if ((parameters[p].cmdlets & OF(cmdlet)) != 0 && name.len > 0 &&
		    name.len <= strlen(parameters[p].name) &&
		    strncasecmp(parameters[p].name, name.at, name.len) == 0)
			return (enum parameter)p;
	return PARAMETERS;
}

/* exchange_no_value - for a parameter without one, which may be the shell's doing */
static enum error
exchange_no_value(const struct exchange_reader *r, enum parameter p)
{
	if (p != DISABLED)
		return error_set(
		    r->why, ERR_USAGE, "-%s needs a value", parameters[p].name);
	if (r->source == EXCHANGE_SCRIPT)
		return error_set(r->why, ERR_USAGE,
		    "-" DISABLED_NAME " needs a value: $true, $false%s",
		    r->out->cmdlet == EXCHANGE_SET_CAS_MAILBOX ? " or $null" : "");
	return error_set(r->why, ERR_USAGE,
	    "-" DISABLED_NAME
	    " has no value: the shell makes nothing of $true; quote it, or write True");
}

/* exchange_take_text - a value that is kept as it is, of at most MAX bytes */
static enum error
exchange_take_text(const struct exchange_reader *r, enum parameter p,
    const struct exchange_word *value, char *out, size_t max)
{
	const struct exchange_span *s = &value->text;
	const char *name = parameters[p].name;

	if (s->len == 0)
		return error_set(r->why, ERR_DATA, "-%s must not be empty", name);
	if (value->variable)
		return error_set(r->why, ERR_DATA,
		    "variables are not supported, as \"%.*s\" of -%s",
		    exchange_shown(*s), s->at, name);
	if (s->len > max || memchr(s->at, '\0', s->len) != NULL)
		return error_set(r->why, ERR_DATA,
		    "-%s \"%.*s...\" is longer than %zu bytes", name,
		    exchange_shown(*s), s->at, max);
	memcpy(out, s->at, s->len);
	out[s->len] = '\0';
	return OK;
}

/*
 * exchange_is_eaten - whether a word that is no value stands there because the shell
 * made nothing of $true: an address, or the one word that could be the identity
 */
static bool
exchange_is_eaten(const struct exchange_reader *r, struct exchange_span s)
{
	if (r->source != EXCHANGE_COMMAND_LINE)
		return false;
	return s.len == 0 || memchr(s.at, '@', s.len) != NULL ||
	    (s.at[0] != '$' && r->out->cmdlet == EXCHANGE_SET_CAS_MAILBOX &&
		!r->given[IDENTITY] && r->i == r->n);
}

/* exchange_take_disabled - True, False or Null, with or without `$` */
static enum error
exchange_take_disabled(const struct exchange_reader *r, struct exchange_span value)
{
	struct exchange_span s = value;
	bool mailbox = r->out->cmdlet == EXCHANGE_SET_CAS_MAILBOX;

	if (s.len > 0 && s.at[0] == '$')
		s = exchange_char_skip(s, 1);
	if (exchange_char_is(s, "true"))
		r->out->smtp_auth = SMTP_AUTH_DISABLED;
	else if (exchange_char_is(s, "false"))
		r->out->smtp_auth = SMTP_AUTH_ENABLED;
	else if (exchange_char_is(s, "null") && mailbox)
		r->out->smtp_auth = SMTP_AUTH_INHERIT;
	else if (exchange_is_eaten(r, value))
		return exchange_no_value(r, DISABLED);
	else
		return error_set(r->why, ERR_DATA,
		    "bad value \"%.*s\" for -" DISABLED_NAME ": use %s",
		    exchange_shown(value), value.at,
		    mailbox ? "True, False or Null" : "True or False");
	return OK;
}

/* exchange_take_results - a number, or Unlimited */
static enum error
exchange_take_results(const struct exchange_reader *r, struct exchange_span value)
{
	uint64_t n = 0;
	size_t i = 0;

	r->out->results_said = true;
	r->out->results = EXCHANGE_UNLIMITED;
	if (exchange_char_is(value, "unlimited"))
		return OK;
	for (; i < value.len && n <= UINT32_MAX; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			break;
		n = n * 10 + (uint64_t)(value.at[i] - '0');
	}
	if (i < value.len || n == 0 || n > UINT32_MAX)
		return error_set(r->why, ERR_DATA,
		    "bad value \"%.*s\" for -ResultSize: use a number from 1 to %" PRIu32
		    ", or Unlimited",
		    exchange_shown(value), value.at, UINT32_MAX);
	r->out->results = n;
	return OK;
}

static enum error
exchange_take_value(
    struct exchange_reader *r, enum parameter p, const struct exchange_word *value)
{
	if (r->given[p])
		return error_set(
		    r->why, ERR_USAGE, "-%s is given twice", parameters[p].name);
	r->given[p] = true;
	switch (p) {
	case IDENTITY:
		return exchange_take_text(r, p, value, r->out->identity, LOGIN_RAW_MAX);
	case ORGANIZATION:
		return exchange_take_text(
		    r, p, value, r->out->organization, TENANT_NAME_MAX);
	case RESULT_SIZE:
		return exchange_take_results(r, value->text);
	case DISABLED:
		return exchange_take_disabled(r, value->text);
	case PARAMETERS:
		break;
	}
	return ERR_INTERNAL;
}

/* exchange_take_parameter - "-Name value" or "-Name:value" */
static enum error
exchange_take_parameter(struct exchange_reader *r)
{
	const struct exchange_word *w = &r->word[r->i++];
	struct exchange_word value = {.variable = w->variable};
	struct exchange_span name;
	const char *colon;
	enum parameter p;
	size_t dash;

	exchange_char(w->text, &dash);
	name = exchange_char_skip(w->text, dash);
	colon = memchr(name.at, ':', name.len);
	if (colon != NULL) {
		value.text = exchange_char_skip(name, (size_t)(colon - name.at) + 1);
		name.len = (size_t)(colon - name.at);
	}
	p = exchange_find_parameter(r->out->cmdlet, name);
	if (p == PARAMETERS)
		return error_set(r->why, ERR_USAGE,
		    "%s has no parameter -%.*s here; see smtpauthctl(8)",
		    exchange_names[r->out->cmdlet], exchange_shown(name), name.at);
	if (value.text.len > 0)
		return exchange_take_value(r, p, &value);
	if ((colon != NULL && r->source == EXCHANGE_COMMAND_LINE) || r->i == r->n ||
	    exchange_is_parameter(&r->word[r->i]))
		return exchange_no_value(r, p);
	return exchange_take_value(r, p, &r->word[r->i++]);
}

/* exchange_take_word - a word that stands by itself is the identity */
static enum error
exchange_take_word(struct exchange_reader *r)
{
	const struct exchange_word *w = &r->word[r->i++];

	if ((parameters[IDENTITY].cmdlets & OF(r->out->cmdlet)) == 0)
		return error_set(r->why, ERR_USAGE,
		    "%s does not take \"%.*s\"; a tenant is named with -Organization",
		    exchange_names[r->out->cmdlet], exchange_shown(w->text),
		    w->text.at);
	if (r->given[IDENTITY])
		return error_set(r->why, ERR_USAGE,
		    "%s takes one mailbox, and \"%.*s\" is one more",
		    exchange_names[r->out->cmdlet], exchange_shown(w->text),
		    w->text.at);
	return exchange_take_value(r, IDENTITY, w);
}

enum error
exchange_read(enum exchange_cmdlet cmdlet, const struct exchange_word *word, size_t n,
    enum exchange_source source, struct exchange *out_r, struct error_text *why)
{
	struct exchange_reader r = {
	    .word = word, .n = n, .source = source, .out = out_r, .why = why};
	const char *name = exchange_names[cmdlet];
	bool mailbox = cmdlet == EXCHANGE_SET_CAS_MAILBOX;
	enum error e;

	memset(out_r, 0, sizeof *out_r);
	out_r->cmdlet = cmdlet;
	out_r->results = EXCHANGE_RESULTS_DEFAULT;
	if (n > EXCHANGE_WORDS_MAX)
		return error_set(why, ERR_USAGE, "%s has more than %d words", name,
		    EXCHANGE_WORDS_MAX);
	while (r.i < n) {
		e = exchange_is_parameter(&word[r.i]) ? exchange_take_parameter(&r)
						      : exchange_take_word(&r);
		if (e != OK)
			return e;
	}
	if (mailbox && !r.given[IDENTITY])
		return error_set(
		    why, ERR_USAGE, "%s needs the address of a mailbox", name);
	if (exchange_cmdlet_writes(cmdlet) && !r.given[DISABLED])
		return error_set(why, ERR_USAGE,
		    "%s needs -" DISABLED_NAME " with True%s", name,
		    mailbox ? ", False or Null" : " or False");
	return OK;
}
