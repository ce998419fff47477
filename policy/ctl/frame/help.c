/* SPDX-License-Identifier: BSD-2-Clause */
/* help - what --help and --version print */
#include "policy/ctl/frame/help.h"

#include <string.h>

#include "policy/ctl/frame/ctl.h"

#define VALUE_COLUMN 30

/* first_word - the length of the noun a command's name starts with */
static size_t
first_word(const char *name)
{
	return strcspn(name, " ");
}

static bool
is_of(const struct command *command, const char *word)
{
	size_t n = first_word(command->name);

	return strlen(word) == n && memcmp(command->name, word, n) == 0;
}

bool
help_has_group(const char *word)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (is_of(command, word) && strchr(command->name, ' ') != NULL)
			return true;
	return false;
}

/* print_parameters - those of one of Exchange's commands, from "-Name VALUE ..." */
static void
print_parameters(const char *args, FILE *out)
{
	size_t n;

	for (; *args != '\0'; args += n + strspn(args + n, " ")) {
		n = strcspn(args, " ");
		n += strcspn(args + n, "-");
		while (n > 0 && args[n - 1] == ' ')
			n--;
		fprintf(out, "      %.*s\n", (int)n, args);
	}
}

/* value_name - what the value of a command's option is called; NULL for none */
static const char *
value_name(const struct command *command, enum option_id id)
{
	if (id == OPT_SMTP_AUTH && is_of(command, "tenant"))
		return "enabled|disabled"; /* there is nothing it could inherit */
	return option_value_name(id);
}

static void
print_options(const struct command *command, FILE *out)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		const char *value = value_name(command, (enum option_id)i);

		if (command->options & OPTION(i))
			fprintf(out, "      --%s%s%s\n", option_name((enum option_id)i),
			    value != NULL ? " " : "", value != NULL ? value : "");
	}
}

/* takes_time - whether one of the options does */
static bool
takes_time(uint64_t set)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		const char *value = option_value_name((enum option_id)i);

		if ((set & OPTION(i)) && value != NULL && strstr(value, "TIME") != NULL)
			return true;
	}
	return false;
}

/* words_end - where the words of the arguments end, and parameters like -Name begin */
static size_t
words_end(const char *args)
{
	const char *at = *args == '-' ? args : strstr(args, " -");

	return at != NULL ? (size_t)(at - args) + (*at == ' ') : strlen(args);
}

/* print_group - the commands of a noun with their options */
static void
print_group(const char *word, FILE *out)
{
	const struct command *command;
	uint64_t options = 0;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		size_t words = words_end(command->args);
		int n;

		if (!is_of(command, word))
			continue;
		n = fprintf(out, "  %s %.*s", command->name, (int)words, command->args);
		fprintf(out, "%*s %s\n", n < VALUE_COLUMN ? VALUE_COLUMN - n : 1, "",
		    command->help);
		print_parameters(command->args + words, out);
		print_options(command, out);
		options |= command->options;
	}
	if (takes_time(options))
		fputs("\nTimes: 2026-12-01T09:00:00Z, 2026-12-01, +30d, +12h, +15m.\n",
		    out);
}

/* print_verb - what follows the noun; "add|remove" where two begin with one more noun
 */
static void
print_verb(const char *verb, const char *last, FILE *out)
{
	size_t n = strcspn(verb, " ");

	if (last != NULL && verb[n] == ' ' && strncmp(verb, last, n + 1) == 0)
		fprintf(out, "|%s", verb + n + 1);
	else
		fprintf(out, "%s%s", last != NULL ? " | " : "", verb);
}

/* print_verbs - "tenant    add | set | ..." */
static void
print_verbs(const struct command *first, size_t at, FILE *out)
{
	size_t n = first_word(first->name);
	const struct command *command;
	const char *last = NULL;

	fprintf(out, "  %-9.*s ", (int)n, first->name);
	for (; (command = command_at(at)) != NULL; at++) {
		if (strncmp(command->name, first->name, n) != 0 ||
		    command->name[n] != ' ')
			break;
		print_verb(command->name + n + 1, last, out);
		last = command->name + n + 1;
	}
	if (last == NULL)
		fprintf(out, "%s%s%s", first->args, *first->args != '\0' ? "  " : "",
		    first->help);
	fputc('\n', out);
}

/* is_cmdlet - Exchange's commands begin with a capital, and share a line */
static bool
is_cmdlet(const struct command *command)
{
	return command != NULL && command->name[0] >= 'A' && command->name[0] <= 'Z';
}

static void
print_cmdlet(size_t at, FILE *out)
{
	bool first = at == 0 || !is_cmdlet(command_at(at - 1));

	fprintf(out, "%s%s%s", first ? "  " : " | ", command_at(at)->name,
	    is_cmdlet(command_at(at + 1)) ? "" : "\n");
}

/* shares_line - whether a command stands beside the one before it: "lock | unlock" */
static bool
shares_line(const struct command *command)
{
	static const char *const names[] = {"unlock", "locks", "restore"};

	for (size_t i = 0; command != NULL && i < sizeof names / sizeof *names; i++)
		if (strcmp(command->name, names[i]) == 0)
			return true;
	return false;
}

/*
 * help_line - "backup | restore  DIR", with the help of the first; without arguments
 * where the commands differ in them
 */
static void
help_line(size_t at, FILE *out)
{
	const struct command *first = command_at(at), *command;
	bool same = true;

	fprintf(out, "  %s", first->name);
	while (shares_line(command = command_at(++at))) {
		fprintf(out, " | %s", command->name);
		same = same && strcmp(command->args, first->args) == 0;
	}
	fprintf(
	    out, "  %s%s%s\n", same ? first->args : "", same ? "  " : "", first->help);
}

static void
print_overview(FILE *out)
{
	const struct command *command, *last = NULL;

	fputs("usage: smtpauthctl [-c FILE] [-d DIR] [--json] [--actor NAME] COMMAND "
	      "...\n\n",
	    out);
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		size_t n = first_word(command->name);

		if (is_cmdlet(command))
			print_cmdlet(i, out);
		else if (shares_line(command_at(i + 1)) && !shares_line(command))
			help_line(i, out);
		else if (shares_line(command))
			continue;
		else if (last == NULL || strncmp(last->name, command->name, n + 1) != 0)
			print_verbs(command, i, out);
		last = command;
	}
	fputs("\n"
	      "  -c FILE  configuration   -d DIR  state folder   --actor NAME  who "
	      "changes it\n"
	      "  --json  for programs   -h [COMMAND]  help   -V  version   see "
	      "smtpauthctl(8)\n",
	    out);
}

bool
help_print(const struct options *o, FILE *out)
{
	const struct command *command;

	if (o->version) {
		fprintf(out, "smtpauthctl %s\n", PACKAGE_VERSION);
		return true;
	}
	for (size_t i = 0; o->words > 0 && (command = command_at(i)) != NULL; i++) {
		if (is_of(command, o->word[0])) {
			fprintf(out, "usage: smtpauthctl [options] COMMAND ...\n\n");
			print_group(o->word[0], out);
			return true;
		}
	}
	if (o->words > 0)
		return false;
	print_overview(out);
	return true;
}
