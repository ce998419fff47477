/* SPDX-License-Identifier: BSD-2-Clause */
/* help - what --help and --version print */
#include "policy/ctl/help.h"

#include <string.h>

#include "policy/ctl/ctl.h"

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

static void
print_options(uint64_t set, FILE *out)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		const char *value = option_value_name((enum option_id)i);

		if (set & OPTION(i))
			fprintf(out, "      --%s%s%s\n", option_name((enum option_id)i),
			    value != NULL ? " " : "", value != NULL ? value : "");
	}
}

/* print_group - the commands of a noun with their options */
static void
print_group(const char *word, FILE *out)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		int n;

		if (!is_of(command, word))
			continue;
		n = fprintf(out, "  %s %s", command->name, command->args);
		fprintf(out, "%*s %s\n", n < VALUE_COLUMN ? VALUE_COLUMN - n : 1, "",
		    command->help);
		print_options(command->options, out);
	}
}

/* print_verbs - "tenant    add | set | ..." */
static void
print_verbs(const struct command *first, size_t at, FILE *out)
{
	size_t n = first_word(first->name);
	const struct command *command;
	const char *between = "";

	fprintf(out, "  %-9.*s ", (int)n, first->name);
	for (; (command = command_at(at)) != NULL; at++) {
		if (strncmp(command->name, first->name, n) != 0 ||
		    command->name[n] != ' ')
			break;
		fprintf(out, "%s%s", between, command->name + n + 1);
		between = " | ";
	}
	if (*between == '\0')
		fprintf(out, "%s%s%s", first->args, *first->args != '\0' ? "  " : "",
		    first->help);
	fputc('\n', out);
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

		if (last == NULL || strncmp(last->name, command->name, n + 1) != 0)
			print_verbs(command, i, out);
		last = command;
	}
	fputs("\n"
	      "  -c FILE       configuration file, for the state folder\n"
	      "  -d DIR        state folder\n"
	      "  --json        output for programs: one object, or one a line\n"
	      "  --actor NAME  who makes the change\n"
	      "  -h, -V        this help, or with a command its own; the version\n\n"
	      "Times: 2026-12-01T09:00:00Z, 2026-12-01, +30d, +12h, +15m. See "
	      "smtpauthctl(8).\n",
	    out);
}

int
help_print(const struct options *o, FILE *out)
{
	const struct command *command;

	if (o->version) {
		fprintf(out, "smtpauthctl %s\n", PACKAGE_VERSION);
		return 0;
	}
	for (size_t i = 0; o->words > 0 && (command = command_at(i)) != NULL; i++) {
		if (is_of(command, o->word[0])) {
			fprintf(out, "usage: smtpauthctl [options] COMMAND ...\n\n");
			print_group(o->word[0], out);
			return 0;
		}
	}
	print_overview(out);
	return 0;
}
