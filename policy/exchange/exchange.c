/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - one of Exchange's own commands, read from words */
#include "policy/exchange/exchange.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "policy/base/near_word.h"
#include "policy/base/text.h"
#include "policy/exchange/exchange_foreign.h"

#define DISABLED_NAME "SmtpClientAuthenticationDisabled"

static const char *const exchange_names[EXCHANGE_CMDLETS] = {
    [EXCHANGE_GET_TRANSPORT_CONFIG] = "Get-TransportConfig",
    [EXCHANGE_SET_TRANSPORT_CONFIG] = "Set-TransportConfig",
    [EXCHANGE_GET_CAS_MAILBOX] = "Get-CASMailbox",
    [EXCHANGE_SET_CAS_MAILBOX] = "Set-CASMailbox",
};

enum parameter {
	IDENTITY,
	ORGANIZATION,
	RESULT_SIZE,
	DISABLED,
	WHAT_IF,
	CONFIRM,
	FORCE,
	VERBOSE,
	DEBUG,
	ERROR_ACTION,
	WARNING_ACTION,
	PARAMETERS,
};

#define OF(cmdlet) (1u << (cmdlet))
#define OF_ALL (OF(EXCHANGE_CMDLETS) - 1)
#define OF_SET (OF(EXCHANGE_SET_TRANSPORT_CONFIG) | OF(EXCHANGE_SET_CAS_MAILBOX))

static const struct {
	const char *name, *alias;
	unsigned cmdlets; /* a set of OF() */
	bool is_switch;   /* true where there is no value */
} parameters[PARAMETERS] = {
    [IDENTITY] = {"Identity", NULL,
	OF(EXCHANGE_GET_CAS_MAILBOX) | OF(EXCHANGE_SET_CAS_MAILBOX), false},
    [ORGANIZATION] = {"Organization", NULL,
	OF(EXCHANGE_GET_TRANSPORT_CONFIG) | OF(EXCHANGE_SET_TRANSPORT_CONFIG), false},
    [RESULT_SIZE] = {"ResultSize", NULL, OF(EXCHANGE_GET_CAS_MAILBOX), false},
    [DISABLED] = {DISABLED_NAME, NULL, OF_SET, false},
    [WHAT_IF] = {"WhatIf", "wi", OF_SET, true},
    [CONFIRM] = {"Confirm", "cf", OF_SET, true},
    [FORCE] = {"Force", NULL, OF_SET, true},
    [VERBOSE] = {"Verbose", "vb", OF_ALL, true},
    [DEBUG] = {"Debug", "db", OF_ALL, true},
    [ERROR_ACTION] = {"ErrorAction", "ea", OF_ALL, false},
    [WARNING_ACTION] = {"WarningAction", "wa", OF_ALL, false},
};

/* A command while it is read from words. */
struct exchange_reader {
	const struct exchange_word *word;
	size_t n, i;
	enum exchange_source source;
	struct exchange *out;
	bool given[PARAMETERS];
	char *foreign_at; /* where the next name goes */
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

/* exchange_is_parameter - whether the word names a parameter, and is no value */
static bool
exchange_is_parameter(const struct exchange_word *w)
{
	size_t dash;

	return !w->quoted && exchange_char(w->text, &dash) == '-' &&
	    w->text.len > dash && (w->text.at[dash] < '0' || w->text.at[dash] > '9');
}

/*
 * exchange_find_parameter - by its name, its alias, or the beginning of one name alone.
 * PARAMETERS where there is none; ERR_USAGE where there are several.
 */
static enum error
exchange_find_parameter(
    const struct exchange_reader *r, struct exchange_span name, enum parameter *p_r)
{
	*p_r = PARAMETERS;
	for (int p = 0; p < PARAMETERS; p++) {
		if ((parameters[p].cmdlets & OF(r->out->cmdlet)) == 0 || name.len == 0)
			continue;
		if (exchange_char_is(name, parameters[p].name) ||
		    (parameters[p].alias != NULL &&
			exchange_char_is(name, parameters[p].alias))) {
			*p_r = (enum parameter)p;
			return OK;
		}
		if (name.len > strlen(parameters[p].name) ||
		    strncasecmp(parameters[p].name, name.at, name.len) != 0)
			continue;
		if (*p_r != PARAMETERS)
			return error_set(r->why, ERR_USAGE, "-%.*s could be -%s or -%s",
			    exchange_char_shown(name), name.at, parameters[*p_r].name,
			    parameters[p].name);
		*p_r = (enum parameter)p;
	}
	return OK;
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
		    "-" DISABLED_NAME
		    " needs a value: $true, $false%s; if a here-document ate it, quote its word: <<'EOF'",
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
		    exchange_char_shown(*s), s->at, name);
	if (s->len > max || memchr(s->at, '\0', s->len) != NULL)
		return error_set(r->why, ERR_DATA,
		    "-%s \"%.*s...\" is longer than %zu bytes", name,
		    exchange_char_shown(*s), s->at, max);
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
		    exchange_char_shown(value), value.at,
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
		    exchange_char_shown(value), value.at, UINT32_MAX);
	r->out->results = n;
	return OK;
}

static enum error
exchange_take_once(struct exchange_reader *r, enum parameter p)
{
	if (r->given[p])
		return error_set(
		    r->why, ERR_USAGE, "-%s is given twice", parameters[p].name);
	r->given[p] = true;
	return OK;
}

static enum error
exchange_take_value(
    struct exchange_reader *r, enum parameter p, const struct exchange_word *value)
{
	enum error e = exchange_take_once(r, p);

	if (e != OK)
		return e;
	if (p == IDENTITY)
		return exchange_take_text(r, p, value, r->out->identity, LOGIN_RAW_MAX);
	if (p == ORGANIZATION)
		return exchange_take_text(
		    r, p, value, r->out->organization, DOMAIN_MAX);
	if (p == RESULT_SIZE)
		return exchange_take_results(r, value->text);
	if (p == DISABLED)
		return exchange_take_disabled(r, value->text);
	return OK; /* what to do on errors is not asked here: all or nothing */
}

/* exchange_take_switch - with or without ":$true" */
static enum error
exchange_take_switch(
    struct exchange_reader *r, enum parameter p, struct exchange_span value)
{
	bool on = true;
	enum error e = exchange_take_once(r, p);

	if (e != OK)
		return e;
	if (value.len > 0 && value.at[0] == '$')
		value = exchange_char_skip(value, 1);
	if (exchange_char_is(value, "false"))
		on = false;
	else if (value.len > 0 && !exchange_char_is(value, "true"))
		return error_set(r->why, ERR_DATA, "bad value \"%.*s\" for -%s",
		    exchange_char_shown(value), value.at, parameters[p].name);
	if (p == CONFIRM && on)
		return error_set(r->why, ERR_USAGE,
		    "-Confirm cannot ask here; -WhatIf shows what would be done");
	if (p == WHAT_IF)
		r->out->what_if = on;
	return OK;
}

/* exchange_is_elsewhere - whether another of our commands has a parameter of that name
 */
static bool
exchange_is_elsewhere(struct exchange_span name)
{
	for (int p = 0; p < PARAMETERS; p++)
		if (exchange_char_is(name, parameters[p].name))
			return true;
	return false;
}

/* exchange_near - the parameter of the command that a misspelt name is near to, or NULL
 */
static const char *
exchange_near(const struct exchange_reader *r, struct exchange_span name)
{
	const char *known[PARAMETERS];
	char word[NEAR_WORD_MAX + 1];
	size_t n = 0;

	if (name.len >= 4 && strncasecmp(name.at, "Smtp", 4) == 0)
		return DISABLED_NAME;
	if (name.len > NEAR_WORD_MAX)
		return NULL;
	memcpy(word, name.at, name.len);
	word[name.len] = '\0';
	for (int p = 0; p < PARAMETERS; p++)
		if (parameters[p].cmdlets & OF(r->out->cmdlet))
			known[n++] = parameters[p].name;
	return near_word_find(word, known, n);
}

/*
 * exchange_take_foreign - a parameter that is not ours, with its value. Where it
 * selects what Get-... prints it must not be passed over.
 */
static enum error
exchange_take_foreign(
    struct exchange_reader *r, struct exchange_span name, bool has_value)
{
	const char *cmdlet = exchange_names[r->out->cmdlet],
		   *near = exchange_near(r, name);
	struct text t;

	if (near != NULL)
		return error_set(r->why, ERR_USAGE,
		    "%s has no parameter -%.*s here; do you mean -%s?", cmdlet,
		    exchange_char_shown(name), name.at, near);
	if (name.len == 0 || !isalpha((unsigned char)name.at[0]) ||
	    exchange_is_elsewhere(name))
		return error_set(r->why, ERR_USAGE, "%s has no parameter -%.*s", cmdlet,
		    exchange_char_shown(name), name.at);
	if (!exchange_cmdlet_writes(r->out->cmdlet))
		return error_set(r->why, ERR_USAGE,
		    "%s has no parameter -%.*s here; see \"smtpauthctl mailbox list\"",
		    cmdlet, exchange_char_shown(name), name.at);
	if (!has_value && r->i < r->n && !exchange_is_parameter(&r->word[r->i]))
		r->i++;
	text_init(&t, r->foreign_at,
	    (size_t)(r->out->foreign + sizeof r->out->foreign - r->foreign_at));
	text_printf(&t, "%s-%.*s", r->foreign_at > r->out->foreign ? ", " : "",
	    exchange_char_shown(name), name.at);
	r->foreign_at += t.len;
	return OK;
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
	enum error e;
	size_t dash;

	exchange_char(w->text, &dash);
	name = exchange_char_skip(w->text, dash);
	colon = memchr(name.at, ':', name.len);
	if (colon != NULL) {
		value.text = exchange_char_skip(name, (size_t)(colon - name.at) + 1);
		name.len = (size_t)(colon - name.at);
	}
	e = exchange_find_parameter(r, name, &p);
	if (e != OK)
		return e;
	if (p == PARAMETERS)
		return exchange_take_foreign(r, name, value.text.len > 0);
	if (parameters[p].is_switch)
		return exchange_take_switch(r, p, value.text);
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
		    exchange_names[r->out->cmdlet], exchange_char_shown(w->text),
		    w->text.at);
	if (r->given[IDENTITY])
		return error_set(r->why, ERR_USAGE,
		    "%s takes one mailbox, and \"%.*s\" is one more",
		    exchange_names[r->out->cmdlet], exchange_char_shown(w->text),
		    w->text.at);
	return exchange_take_value(r, IDENTITY, w);
}

/* exchange_check - that the command has what it needs */
static enum error
exchange_check(struct exchange_reader *r)
{
	const char *name = exchange_names[r->out->cmdlet];
	bool mailbox = r->out->cmdlet == EXCHANGE_SET_CAS_MAILBOX;

	if (mailbox && !r->given[IDENTITY])
		return error_set(
		    r->why, ERR_USAGE, "%s needs the address of a mailbox", name);
	r->out->said = r->given[DISABLED];
	if (exchange_cmdlet_writes(r->out->cmdlet) && !r->given[DISABLED] &&
	    r->out->foreign[0] == '\0')
		return error_set(r->why, ERR_USAGE,
		    "%s needs -" DISABLED_NAME " with True%s", name,
		    mailbox ? ", False or Null" : " or False");
	return OK;
}

enum error
exchange_read(enum exchange_cmdlet cmdlet, const struct exchange_word *word, size_t n,
    enum exchange_source source, struct exchange *out_r, struct error_text *why)
{
	struct exchange_reader r = {.word = word,
	    .n = n,
	    .source = source,
	    .out = out_r,
	    .foreign_at = out_r->foreign,
	    .why = why};
	enum error e;

	memset(out_r, 0, sizeof *out_r);
	out_r->cmdlet = cmdlet;
	out_r->results = EXCHANGE_RESULTS_DEFAULT;
	out_r->properties = EXCHANGE_PROPERTIES;
	if (n > EXCHANGE_WORDS_MAX)
		return error_set(why, ERR_USAGE, "%s has more than %d words",
		    exchange_names[cmdlet], EXCHANGE_WORDS_MAX);
	for (r.n = 0; r.n < n && !word[r.n].pipe;)
		r.n++;
	while (r.i < r.n) {
		e = exchange_is_parameter(&word[r.i]) ? exchange_take_parameter(&r)
						      : exchange_take_word(&r);
		if (e != OK)
			return e;
	}
	e = exchange_check(&r);
	if (e != OK || r.n == n)
		return e;
	return exchange_foreign_pipeline(
	    cmdlet, word + r.n + 1, n - r.n - 1, &out_r->properties, why);
}
