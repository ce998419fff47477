/* SPDX-License-Identifier: BSD-2-Clause */
/* options - the command line, parsed */
#include "policy/ctl/frame/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/near_word.h"
#include "policy/base/text.h"
#include "policy/exchange/exchange.h"

enum { GLOBAL_JSON = 1000, GLOBAL_ACTOR, GLOBAL_FIRST_OPTION };

static const struct {
	const char *name, *value, *help;
} table[OPT_COUNT] = {
    [OPT_ACTION] = {"action", "reject|tempfail|report|default",
	"what becomes of a denial"},
    [OPT_ALIASES] = {"aliases", NULL, "make login aliases of Exchange's columns"},
    [OPT_AT] = {"at", "TIME", "another time than now"},
    [OPT_BEFORE] = {"before", "SPAN|TIME", "only what is older"},
    [OPT_BLOCKS] = {"blocks", "all|passwords", "all, or what proves a password only"},
    [OPT_CLIENT] = {"client", "ADDRESS", "from this address"},
    [OPT_CLIENTS] = {"clients", "NETWORK[,NETWORK...]|none",
	"the setting holds for these only"},
    [OPT_COMMAND] = {"command", "COMMAND", "made by this command, as \"tenant set\""},
    [OPT_CONTACT] = {"contact", "ADDRESS", "who gets the notices"},
    [OPT_CSV] = {"csv", NULL, "for a spreadsheet"},
    [OPT_DENIED] = {"denied", NULL, "who was denied, most tries first"},
    [OPT_DOMAIN] = {"domain", "DOMAIN[,DOMAIN...]",
	"a domain of the tenant; may be repeated"},
    [OPT_DRY_RUN] = {"dry-run", NULL, "say what would happen, and do nothing"},
    [OPT_ENFORCE_FROM] = {"enforce-from", "TIME|none", "before then nothing is denied"},
    [OPT_EXPIRED] = {"expired", NULL, "what has ended"},
    [OPT_EXPIRED_BEFORE] = {"expired-before", "SPAN|TIME", "what had ended by then"},
    [OPT_EXPIRING_WITHIN] = {"expiring-within", "14d",
	"what ends so soon, or has ended"},
    [OPT_FORCE] = {"force", NULL, "although a guard refuses"},
    [OPT_FORMAT] = {"format", "csv|jsonl|access",
	"of the file, if it is not to be guessed"},
    [OPT_HEAD] = {"head", "HASH", "the head that was noted elsewhere"},
    [OPT_IGNORE] = {"ignore", "ID[,ID...]", "findings that are known"},
    [OPT_KEY] = {"key", "PEM", "the private key"},
    [OPT_LIMIT] = {"limit", "N", "at most so many"},
    [OPT_LISTENER] = {"listener", "NAME", "at this listener"},
    [OPT_LOG] = {"log", "FILE|-", "a mail log; - is standard input"},
    [OPT_LOGIN] = {"login", "LOGIN", "ask about this login"},
    [OPT_MATCH] = {"match", "PATTERN", "addresses, with * and ?"},
    [OPT_MECHANISM] = {"mechanism", "NAME", "with this mechanism"},
    [OPT_MTA] = {"mta", "postfix|sendmail", "how the login is written"},
    [OPT_NEW_POLICY] = {"new-policy", NULL, "start over where a policy has been"},
    [OPT_NOTE] = {"note", "TEXT", "for people"},
    [OPT_OBJECT] = {"object", "NAME", "of this tenant, domain, mailbox, ..."},
    [OPT_POSTFIX] = {"postfix", "DIR", "its configuration folder"},
    [OPT_PRINT] = {"print", NULL, "show the letters, and send none"},
    [OPT_REPLACE] = {"replace", NULL, "remove what the file does not have"},
    [OPT_REPLY] = {"reply", "TEXT", "own text of the reply"},
    [OPT_RESEND] = {"resend", NULL, "those that failed, too, once more"},
    [OPT_SENDMAIL] = {"sendmail", "FILE", "the program that sends, or sendmail.cf"},
    [OPT_SINCE] = {"since", "SPAN|TIME", "from then on"},
    [OPT_SMTP_AUTH] = {"smtp-auth", "enabled|disabled|inherit", "the setting"},
    [OPT_TEMPFAIL_UNTIL] = {"tempfail-until", "TIME|none",
	"until then \"try again later\""},
    [OPT_TEMPLATE] = {"template", "FILE", "text of the notice"},
    [OPT_TENANT] = {"tenant", "NAME", "of this tenant only"},
    [OPT_TRUST] = {"trust", "PEM", "the public key"},
    [OPT_UNTIL] = {"until", "TIME|none", "the end; then as if it were not"},
    [OPT_UNUSED_FOR] = {"unused-for", "90d", "so long without use"},
    [OPT_USAGE] = {"usage", "FILE", "another machine's usage; may be repeated"},
    [OPT_USED_WITHIN] = {"used-within", "90d", "used so lately"},
};

const char *
option_name(enum option_id id)
{
	return table[id].name;
}

const char *
option_help(enum option_id id)
{
	return table[id].help;
}

const char *
option_value_name(enum option_id id)
{
	return table[id].value;
}

/* fill_long - getopt's table from ours */
static void
fill_long(struct option *out)
{
	static const struct option globals[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"dir", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {"json", no_argument, NULL, GLOBAL_JSON},
	    {"actor", required_argument, NULL, GLOBAL_ACTOR}};
	size_t n = sizeof globals / sizeof *globals;

	memcpy(out, globals, sizeof globals);
	for (int i = 0; i < OPT_COUNT; i++, n++) {
		out[n].name = table[i].name;
		out[n].has_arg =
		    table[i].value != NULL ? required_argument : no_argument;
		out[n].flag = NULL;
		out[n].val = GLOBAL_FIRST_OPTION + i;
	}
	memset(&out[n], 0, sizeof out[n]);
}

/* repeat - one more value of an option that may be repeated */
static enum error
repeat(enum option_id id, const char **values, size_t *n, size_t most,
    const char *value, struct error_text *why)
{
	if (*n == most)
		return error_set(
		    why, ERR_USAGE, "more than %zu times --%s", most, table[id].name);
	values[(*n)++] = value;
	return OK;
}

/* take_domains - one or several, with commas between them; the word is cut at these */
static enum error
take_domains(struct options *o, char *word, struct error_text *why)
{
	enum error e = OK;
	char *domain;

	while (e == OK && (domain = strsep(&word, ",")) != NULL) {
		if (domain[0] == '\0')
			return error_set(why, ERR_DATA,
			    "--domain names no domain before, after or between commas: give it as DOMAIN,DOMAIN without blanks, or repeat it");
		e = repeat(OPT_DOMAIN, o->domain, &o->domains, OPTION_DOMAINS_MAX,
		    domain, why);
	}
	return e;
}

/* take_option - an option of a command */
static enum error
take_option(struct options *o, enum option_id id, char *value, struct error_text *why)
{
	enum error e = OK;

	if (id == OPT_DOMAIN) {
		e = take_domains(o, value, why);
	} else if (id == OPT_USAGE) {
		e = repeat(id, o->usage, &o->usages, OPTION_USAGES_MAX, value, why);
	} else if (o->value[id] != NULL) {
		return error_set(why, ERR_USAGE, "--%s is given twice", table[id].name);
	}
	o->value[id] = value != NULL ? value : "";
	return e;
}

/* unknown_option - what WORD may mean; the value behind a "=" does not count */
static enum error
unknown_option(const char *word, struct error_text *why)
{
	static const char *const globals[] = {
	    "config", "dir", "help", "version", "json", "actor"};
	enum { GLOBALS = sizeof globals / sizeof *globals };
	const char *known[GLOBALS + OPT_COUNT], *near = NULL;
	char typed[NEAR_WORD_MAX + 1] = "", several[200];
	size_t n = strcspn(word, "="), begins = 0;
	struct text t;

	memcpy(known, globals, sizeof globals);
	for (int i = 0; i < OPT_COUNT; i++)
		known[GLOBALS + i] = table[i].name;
	if (strncmp(word, "--", 2) == 0 && n - 2 < sizeof typed)
		snprintf(typed, sizeof typed, "%.*s", (int)n - 2, word + 2);
	text_init(&t, several, sizeof several);
	for (size_t i = 0; typed[0] != '\0' && i < GLOBALS + OPT_COUNT; i++)
		if (strncmp(known[i], typed, strlen(typed)) == 0)
			text_printf(&t, "%s--%s", begins++ > 0 ? ", " : "", known[i]);
	if (begins > 1)
		return error_set(why, ERR_USAGE,
		    "option \"%s\" may be each of %s: write one of them", word,
		    several);
	near = near_word_find(typed, known, GLOBALS + OPT_COUNT);
	if (near != NULL && begins == 0)
		return error_set(why, ERR_USAGE,
		    "unknown option \"%s\"; do you mean \"--%s\"?", word, near);
	return error_set(why, ERR_USAGE,
	    "unknown option \"%s\"; \"smtpauthctl help COMMAND\" shows those of a command",
	    word);
}

static enum error
take(struct options *o, int c, char *value, const char *word, struct error_text *why)
{
	switch (c) {
	case 'c':
		o->config_file = value;
		return OK;
	case 'd':
		o->dir = value;
		return OK;
	case 'h':
		o->help = true;
		return OK;
	case 'V':
		o->version = true;
		return OK;
	case GLOBAL_JSON:
		o->json = true;
		return OK;
	case GLOBAL_ACTOR:
		o->actor = value;
		return OK;
	case ':':
		return error_set(why, ERR_USAGE, "option \"%s\" needs a value", word);
	case '?':
		if (strncmp(word, "--", 2) == 0 && optopt != 0) /* "--name=value" */
			return error_set(why, ERR_USAGE,
			    "option \"%.*s\" takes no value", (int)strcspn(word, "="),
			    word);
		return unknown_option(word, why);
	default:
		return take_option(
		    o, (enum option_id)(c - GLOBAL_FIRST_OPTION), value, why);
	}
}

#define SHORT "+:c:d:hV"

/* is_cmdlet - whether WORD is one of Exchange's commands; spells it as they do */
static bool
is_cmdlet(char *word)
{
	enum exchange_cmdlet cmdlet;
	const char *name;

	if (!exchange_cmdlet_find((struct exchange_span){word, strlen(word)}, &cmdlet))
		return false;
	name = exchange_cmdlet_name(cmdlet);
	memcpy(word, name, strlen(name) + 1); /* no dash is shorter than '-' */
	return true;
}

/* is_option - after one of Exchange's commands, most words with a dash are its own */
static bool
is_option(const char *word, bool cmdlet)
{
	if (word[0] != '-' || word[1] == '\0')
		return false;
	return !cmdlet || word[1] == '-' ||
	    (word[2] == '\0' && strchr("cdhV", word[1]) != NULL);
}

enum error
options_parse(struct options *out, int argc, char **argv, struct error_text *why)
{
	struct option longs[OPT_COUNT + 7];
	bool options = true;
	int at = 1, kept = 1, c;
	enum error e = OK;

	memset(out, 0, sizeof *out);
	fill_long(longs);
	opterr = 0;
	optind = 0; /* which makes getopt start anew */
	(void)getopt_long(1, argv, SHORT, longs, NULL);
	while (e == OK && at < argc) {
		if (options && strcmp(argv[at], "--") == 0) {
			options = false;
			at++;
		} else if (options && is_option(argv[at], out->cmdlet)) {
			optind = at;
			c = getopt_long(argc, argv, SHORT, longs, NULL);
			e = take(
			    out, c, optarg, argv[optind > at ? optind - 1 : at], why);
			at = optind; /* the same for the next letter of "-hV" */
		} else {
			if (kept == 1)
				out->cmdlet = is_cmdlet(argv[at]);
			argv[kept++] = argv[at++];
		}
	}
	out->word = argv + 1;
	out->words = (size_t)(kept - 1);
	if (out->words > 0 && strcmp(out->word[0], "help") == 0) {
		out->help = true;
		out->word++;
		out->words--;
	}
	return e;
}

enum error
options_check(const struct options *o, uint64_t allowed, struct error_text *why)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if (o->value[i] != NULL && !(allowed & OPTION(i)))
			return error_set(why, ERR_USAGE,
			    "this command has no option --%s", table[i].name);
	return OK;
}
