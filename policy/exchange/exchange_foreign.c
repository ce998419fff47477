/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_foreign - what people paste besides our commands */
#include "policy/exchange/exchange_foreign.h"

#include <fnmatch.h>
#include <string.h>

#define ALL_NAMES \
	"Get-TransportConfig, Set-TransportConfig, Get-CASMailbox and Set-CASMailbox"
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PATTERN_MAX 64

/*
 * What does the work of PowerShell's other commands here; by the beginning of a name.
 * NULL for those of its session, which have nothing to do here.
 */
static const struct {
	const char *name, *ours;
} equivalents[] = {
    {"Connect-", NULL},
    {"Install-Module", NULL},
    {"Import-PSSession", NULL},
    {"Remove-PSSession", NULL},
    {"Set-ExecutionPolicy", NULL},
    {"exit", NULL},
    {"foreach", "import"},
    {"%", "import"},
    {"Set-CASMailboxPlan", "tenant set"},
    {"Get-CASMailboxPlan", "tenant show"},
    {"Get-OrganizationConfig", "tenant show"},
    {"Set-OrganizationConfig", "tenant set"},
    {"Set-AuthenticationPolicy", "tenant set --blocks passwords"},
    {"New-AuthenticationPolicy", "tenant set --blocks passwords"},
    {"Get-AuthenticationPolicy", "tenant show"},
    {"Set-CASMailbox", "import"},
    {"Set-TransportConfig", "import"},
    {"Set-", "mailbox set"},
    {"New-Mailbox", "mailbox set"},
    {"Remove-Mailbox", "mailbox remove"},
    {"Import-Csv", "import"},
    {"Get-Content", "import"},
    {"gc", "import"},
    {"Export-Csv", "export"},
    {"Out-File", "export"},
    {"Where", "mailbox list --smtp-auth enabled"},
    {"?", "mailbox list --smtp-auth enabled"},
    {"Get-Mailbox", "mailbox list"},
    {"Get-EXO", "mailbox list"},
    {"Get-User", "mailbox list"},
    {"Get-Recipient", "mailbox list"},
    {"Sort", "mailbox list"},
    {"Measure", "mailbox list"},
    {"Get-MessageTrace", "usage"},
    {"Search-", "audit list"},
    {"Get-Help", "--help"},
};

/* Which of them print what was there before, in whatever form. */
static const char *const formats[] = {
    "Format-List", "fl", "Format-Table", "ft", "Select-Object", "select"};

/* Parameters of formats that change nothing here. */
static const char *const format_switches[] = {"-Property", "-AutoSize", "-Wrap"};

static const struct {
	const char *name;
	enum exchange_property property;
} properties[] = {
    {"Name", EXCHANGE_NAME},
    {"PrimarySmtpAddress", EXCHANGE_ADDRESS},
    {"Organization", EXCHANGE_ORGANIZATION},
    {"SmtpClientAuthenticationDisabled", EXCHANGE_DISABLED},
};

bool
exchange_is_session(struct exchange_span name)
{
	return exchange_char_is(name, "Connect-ExchangeOnline") ||
	    exchange_char_is(name, "Disconnect-ExchangeOnline") ||
	    exchange_char_is(name, "Import-Module");
}

/* exchange_is_output - whether a command has printed it, and none begins with it */
static bool
exchange_is_output(struct exchange_span name)
{
	if (name.len > 1 && name.at[name.len - 1] == ':')
		return true;
	for (size_t i = 0; i < COUNT(properties); i++)
		if (exchange_char_is(name, properties[i].name))
			return true;
	return false;
}

enum error
exchange_unknown(struct exchange_span name, struct error_text *why)
{
	if (name.len > 0 && name.at[0] == '$')
		return error_set(why, ERR_USAGE,
		    "variables are not supported, as \"%.*s\": write each command with its values, or give \"smtpauthctl import\" a list",
		    exchange_char_shown(name), name.at);
	for (size_t i = 0; i < COUNT(equivalents); i++) {
		if (exchange_char_match(name, equivalents[i].name) == 0)
			continue;
		if (equivalents[i].ours == NULL)
			return error_set(why, ERR_USAGE,
			    "\"%.*s\" is not needed here: leave out such lines",
			    exchange_char_shown(name), name.at);
		return error_set(why, ERR_USAGE,
		    "\"%.*s\" is not supported; see \"smtpauthctl %s\"",
		    exchange_char_shown(name), name.at, equivalents[i].ours);
	}
	if (memchr(name.at, '@', name.len) != NULL)
		return error_set(why, ERR_USAGE,
		    "\"%.*s\" is no command; for a list of addresses see \"Importing\" in smtpauthctl(8)",
		    exchange_char_shown(name), name.at);
	if (exchange_is_output(name))
		return error_set(why, ERR_USAGE,
		    "\"%.*s\" begins no command but what one has printed: leave out such lines",
		    exchange_char_shown(name), name.at);
	return error_set(why, ERR_USAGE,
	    "\"%.*s\" is not supported: only " ALL_NAMES
	    " are, one by one; see \"smtpauthctl --help\"",
	    exchange_char_shown(name), name.at);
}

/* exchange_is_one_of - whether NAME is one of N words */
static bool
exchange_is_one_of(struct exchange_span name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (exchange_char_is(name, words[i]))
			return true;
	return false;
}

/* exchange_match_properties - those that a name with wildcards stands for */
static unsigned
exchange_match_properties(struct exchange_span name)
{
	char pattern[PATTERN_MAX + 1];
	unsigned found = 0;

	if (name.len > PATTERN_MAX)
		return 0;
	memcpy(pattern, name.at, name.len);
	pattern[name.len] = '\0';
	for (size_t i = 0; i < COUNT(properties); i++)
		if (fnmatch(pattern, properties[i].name, FNM_CASEFOLD | FNM_NOESCAPE) ==
		    0)
			found |= properties[i].property;
	return found;
}

enum error
exchange_foreign_pipeline(enum exchange_cmdlet cmdlet, const struct exchange_word *word,
    size_t n, unsigned *properties_r, struct error_text *why)
{
	unsigned found = 0;

	if (n == 0)
		return error_set(why, ERR_USAGE, "nothing follows the |");
	if (exchange_cmdlet_writes(cmdlet) ||
	    !exchange_is_one_of(word[0].text, formats, COUNT(formats)))
		return exchange_unknown(word[0].text, why);
	for (size_t i = 1; i < n; i++) {
		if (word[i].pipe)
			return error_set(why, ERR_USAGE, "one | is supported, not two");
		if (exchange_is_one_of(
			word[i].text, format_switches, COUNT(format_switches)))
			continue;
		if (exchange_char(word[i].text, NULL) == '-' || word[i].variable)
			return error_set(why, ERR_USAGE,
			    "\"%.*s\" is not supported after %.*s",
			    exchange_char_shown(word[i].text), word[i].text.at,
			    exchange_char_shown(word[0].text), word[0].text.at);
		found |= exchange_match_properties(word[i].text);
		*properties_r = found;
	}
	return OK;
}
