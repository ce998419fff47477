/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - one of Exchange's own commands, read from words */
#include "policy/exchange/exchange.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_FOLDED 64
#define SHOWN 100 /* bytes of a word in a message */
#define ALL_NAMES \
	"Get-TransportConfig, Set-TransportConfig, Get-CASMailbox and Set-CASMailbox"
#define DISABLED_NAME "SmtpClientAuthenticationDisabled"

static const char *const names[EXCHANGE_CMDLETS] = {
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

/* A command on its way from words. */
struct reading {
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
	return names[cmdlet];
}

bool
exchange_cmdlet_find(struct exchange_span name, enum exchange_cmdlet *cmdlet_r)
{
	char folded[NAME_MAX_FOLDED];

	if (!exchange_fold(name, folded, sizeof folded))
		return false;
	for (int i = 0; i < EXCHANGE_CMDLETS; i++) {
		if (!exchange_is(
			(struct exchange_span){folded, strlen(folded)}, names[i]))
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

/* shown - how much of a word goes into a message */
static int
shown(struct exchange_span s)
{
	return s.len < SHOWN ? (int)s.len : SHOWN;
}

enum error
exchange_unknown(struct exchange_span name, struct error_text *why)
{
	if (name.len > 0 && name.at[0] == '$')
		return error_set(why, ERR_USAGE,
		    "variables are not supported, as \"%.*s\": write each command with "
		    "its values",
		    shown(name), name.at);
	return error_set(why, ERR_USAGE,
	    "\"%.*s\" is not supported: only " ALL_NAMES " are, one by one",
	    shown(name), name.at);
}

/* is_parameter - whether it names a parameter, and is no value */
static bool
is_parameter(const struct exchange_word *w)
{
	size_t dash = exchange_dash(w->text.at, w->text.len);

	return !w->quoted && dash > 0 && w->text.len > dash &&
	    (w->text.at[dash] < '0' || w->text.at[dash] > '9');
}

/*
 * find_parameter - by its name or the beginning of it; no two parameters of one command
 * begin with the same letter. PARAMETERS where there is none.
 */
static enum parameter
find_parameter(enum exchange_cmdlet cmdlet, struct exchange_span name)
{
	for (int p = 0; p < PARAMETERS; p++)
		if ((parameters[p].cmdlets & OF(cmdlet)) != 0 && name.len > 0 &&
		    name.len <= strlen(parameters[p].name) &&
		    strncasecmp(parameters[p].name, name.at, name.len) == 0)
			return (enum parameter)p;
	return PARAMETERS;
}

/* missing - a parameter without its value, which may be the shell's doing */
static enum error
missing(const struct reading *r, enum parameter p)
{
	if (p != DISABLED)
		return error_set(
		    r->why, ERR_USAGE, "-%s needs a value", parameters[p].name);
	if (r->source == EXCHANGE_SCRIPT)
		return error_set(r->why, ERR_USAGE,
		    "-" DISABLED_NAME " needs a value: $true, $false%s",
		    r->out->cmdlet == EXCHANGE_SET_CAS_MAILBOX ? " or $null" : "");
	return error_set(r->why, ERR_USAGE,
	    "-" DISABLED_NAME " has no value: the shell makes nothing of $true; quote "
	    "it, or write True");
}

/* take_text - a value that is kept as it is, of at most MAX bytes */
static enum error
take_text(const struct reading *r, enum parameter p, const struct exchange_word *value,
    char *out, size_t max)
{
	const struct exchange_span *s = &value->text;

	if (s->len == 0)
		return error_set(
		    r->why, ERR_DATA, "-%s must not be empty", parameters[p].name);
	if (value->variable)
		return error_set(r->why, ERR_DATA,
		    "variables are not supported, as \"%.*s\" of -%s", shown(*s), s->at,
		    parameters[p].name);
	if (s->len > max || memchr(s->at, '\0', s->len) != NULL)
		return error_set(r->why, ERR_DATA,
		    "-%s \"%.*s...\" is longer than %zu bytes", parameters[p].name,
		    shown(*s), s->at, max);
	memcpy(out, s->at, s->len);
	out[s->len] = '\0';
	return OK;
}

/*
 * is_eaten - whether a word that is no value stands there because the shell made
 * nothing of $true: an address, or the one word that could be who is meant
 */
static bool
is_eaten(const struct reading *r, const struct exchange_span *s)
{
	if (r->source != EXCHANGE_COMMAND_LINE)
		return false;
	return s->len == 0 || memchr(s->at, '@', s->len) != NULL ||
	    (s->at[0] != '$' && r->out->cmdlet == EXCHANGE_SET_CAS_MAILBOX &&
		!r->given[IDENTITY] && r->i == r->n);
}

/* take_disabled - True, False or Null, with or without `$`: the double negative ends */
static enum error
take_disabled(const struct reading *r, const struct exchange_word *value)
{
	struct exchange_span s = value->text;
	enum exchange_cmdlet cmdlet = r->out->cmdlet;

	if (s.len > 0 && s.at[0] == '$')
		s = (struct exchange_span){s.at + 1, s.len - 1};
	if (exchange_is(s, "true"))
		r->out->smtp_auth = SMTP_AUTH_DISABLED;
	else if (exchange_is(s, "false"))
		r->out->smtp_auth = SMTP_AUTH_ENABLED;
	else if (exchange_is(s, "null") && cmdlet == EXCHANGE_SET_CAS_MAILBOX)
		r->out->smtp_auth = SMTP_AUTH_INHERIT;
	else if (is_eaten(r, &value->text))
		return missing(r, DISABLED);
	else
		return error_set(r->why, ERR_DATA,
		    "bad value \"%.*s\" for -" DISABLED_NAME ": use %s",
		    shown(value->text), value->text.at,
		    cmdlet == EXCHANGE_SET_CAS_MAILBOX ? "True, False or Null"
						       : "True or False");
	return OK;
}

/* take_results - a number, or Unlimited */
static enum error
take_results(const struct reading *r, const struct exchange_word *value)
{
	uint64_t n = 0;
	size_t i = 0;

	r->out->results_said = true;
	r->out->results = EXCHANGE_UNLIMITED;
	if (exchange_is(value->text, "unlimited"))
		return OK;
	for (; i < value->text.len && n <= UINT32_MAX; i++) {
		char c = value->text.at[i];

		if (c < '0' || c > '9')
			break;
		n = 10 * n + (uint64_t)(c - '0');
	}
	if (i < value->text.len || n == 0 || n > UINT32_MAX)
		return error_set(r->why, ERR_DATA,
		    "bad value \"%.*s\" for -ResultSize: use a number from 1 to "
		    "%" PRIu32 ", or Unlimited",
		    shown(value->text), value->text.at, UINT32_MAX);
	r->out->results = n;
	return OK;
}

static enum error
take_value(struct reading *r, enum parameter p, const struct exchange_word *value)
{
	if (r->given[p])
		return error_set(
		    r->why, ERR_USAGE, "-%s is given twice", parameters[p].name);
	r->given[p] = true;
	switch (p) {
	case IDENTITY:
		return take_text(r, p, value, r->out->identity, LOGIN_RAW_MAX);
	case ORGANIZATION:
		return take_text(r, p, value, r->out->organization, TENANT_NAME_MAX);
	case RESULT_SIZE:
		return take_results(r, value);
	case DISABLED:
		return take_disabled(r, value);
	case PARAMETERS:
		break;
	}
	return ERR_INTERNAL;
}

/* value_within - the value behind the colon of "-Name:value"; false without a colon */
static bool
value_within(const struct exchange_word *w, struct exchange_span *name,
    struct exchange_word *value)
{
	const char *colon = memchr(name->at, ':', name->len);

	if (colon == NULL)
		return false;
	*value = (struct exchange_word){
	    .text = {colon + 1, (size_t)(name->at + name->len - colon - 1)},
	    .variable = w->variable};
	name->len = (size_t)(colon - name->at);
	return true;
}

/* take_parameter - the parameter at I, and its value */
static enum error
take_parameter(struct reading *r)
{
	const struct exchange_word *w = &r->word[r->i++];
	size_t dash = exchange_dash(w->text.at, w->text.len);
	struct exchange_span name = {w->text.at + dash, w->text.len - dash};
	struct exchange_word value;
	bool colon = value_within(w, &name, &value);
	enum parameter p = find_parameter(r->out->cmdlet, name);

	if (p == PARAMETERS)
		return error_set(r->why, ERR_USAGE,
		    "%s has no parameter -%.*s here; see smtpauthctl(8)",
		    names[r->out->cmdlet], shown(name), name.at);
	if (colon && (value.text.len > 0 || r->source == EXCHANGE_COMMAND_LINE))
		return value.text.len > 0 ? take_value(r, p, &value) : missing(r, p);
	if (r->i == r->n || is_parameter(&r->word[r->i]))
		return missing(r, p);
	return take_value(r, p, &r->word[r->i++]);
}

/* take_word - a word that stands by itself: who is meant */
static enum error
take_word(struct reading *r)
{
	const struct exchange_word *w = &r->word[r->i++];

	if ((parameters[IDENTITY].cmdlets & OF(r->out->cmdlet)) == 0)
		return error_set(r->why, ERR_USAGE,
		    "%s does not take \"%.*s\"; a tenant is named with -Organization",
		    names[r->out->cmdlet], shown(w->text), w->text.at);
	if (r->given[IDENTITY])
		return error_set(r->why, ERR_USAGE,
		    "%s takes one mailbox, and \"%.*s\" is one more",
		    names[r->out->cmdlet], shown(w->text), w->text.at);
	return take_value(r, IDENTITY, w);
}

/* require - what a command cannot do without */
static enum error
require(const struct reading *r)
{
	enum exchange_cmdlet cmdlet = r->out->cmdlet;

	if (cmdlet == EXCHANGE_SET_CAS_MAILBOX && !r->given[IDENTITY])
		return error_set(r->why, ERR_USAGE, "%s needs the address of a mailbox",
		    names[cmdlet]);
	if (exchange_cmdlet_writes(cmdlet) && !r->given[DISABLED])
		return error_set(r->why, ERR_USAGE,
		    "%s needs -" DISABLED_NAME " with True%s", names[cmdlet],
		    cmdlet == EXCHANGE_SET_CAS_MAILBOX ? ", False or Null"
						       : " or False");
	return OK;
}

enum error
exchange_read(enum exchange_cmdlet cmdlet, const struct exchange_word *word, size_t n,
    enum exchange_source source, struct exchange *out_r, struct error_text *why)
{
	struct reading r = {
	    .word = word, .n = n, .source = source, .out = out_r, .why = why};
	enum error e = OK;

	memset(out_r, 0, sizeof *out_r);
	out_r->cmdlet = cmdlet;
	out_r->results = EXCHANGE_RESULTS_DEFAULT;
	if (n > EXCHANGE_WORDS_MAX)
		return error_set(why, ERR_USAGE, "%s has more than %d words",
		    names[cmdlet], EXCHANGE_WORDS_MAX);
	while (e == OK && r.i < n)
		e = is_parameter(&word[r.i]) ? take_parameter(&r) : take_word(&r);
	return e == OK ? require(&r) : e;
}
