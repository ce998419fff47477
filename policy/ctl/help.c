/* SPDX-License-Identifier: BSD-2-Clause */
/* help - what --help and --version print */
#include "policy/ctl/help.h"

#include <string.h>

#include "policy/ctl/commands.h"

#define VALUE_COLUMN 30
#define OPTION_COLUMN 38

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
	if (id == OPT_SMTP_AUTH && commands_is_of(command, "tenant"))
		return "enabled|disabled"; /* there is nothing it could inherit */
	if (id == OPT_UNTIL && commands_is_of(command, "audit"))
		return option_value_name(OPT_SINCE);
	return option_value_name(id);
}

/* option_words - what a command's option does */
static const char *
option_words(const struct command *command, enum option_id id)
{
	if (id == OPT_UNTIL && commands_is_of(command, "audit"))
		return "up to then";
	return option_help(id);
}

/* print_options - those of a command; whether one of them takes a time */
static bool
print_options(const struct command *command, FILE *out)
{
	bool time = false;
	int n;

	for (int i = 0; i < OPT_COUNT; i++) {
		const char *value = value_name(command, (enum option_id)i);

		if (!(command->options & OPTION(i)))
			continue;
		n = fprintf(out, "      --%s%s%s", option_name((enum option_id)i),
		    value != NULL ? " " : "", value != NULL ? value : "");
		fprintf(out, "%*s %s\n", n < OPTION_COLUMN ? OPTION_COLUMN - n : 1, "",
		    option_words(command, (enum option_id)i));
		time |= value != NULL && strstr(value, "TIME") != NULL;
	}
	return time;
}

/* words_end - where the words of the arguments end, and parameters like -Name begin */
static size_t
words_end(const char *args)
{
	const char *at = *args == '-' ? args : strstr(args, " -");

	return at != NULL ? (size_t)(at - args) + (*at == ' ') : strlen(args);
}

/*
 * is_meant - whether the words of O name the command: all of it, with or without its
 * arguments, or the first words of it
 */
static bool
is_meant(const struct command *command, const struct options *o)
{
	const char *name = command->name;

	for (size_t i = 0; i < o->words && *name != '\0'; i++) {
		size_t n;

		name += *name == '[';
		n = strcspn(name, " ]");
		if (strlen(o->word[i]) != n || memcmp(o->word[i], name, n) != 0)
			return false;
		name += n;
		name += strspn(name, " ]");
	}
	return true;
}

/* help_group - the commands that are meant, with their options; false where none is */
static bool
help_group(const struct options *o, FILE *out)
{
	const struct command *command;
	bool found = false, time = false;

	for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
		size_t words = words_end(command->args);
		int n;

		if (!is_meant(command, o))
			continue;
		if (!found)
			fputs("usage: smtpauthctl [options] COMMAND ...\n\n", out);
		found = true;
		n = fprintf(out, "  %s %.*s", command->name, (int)words, command->args);
		fprintf(out, "%*s %s\n", n < VALUE_COLUMN ? VALUE_COLUMN - n : 1, "",
		    command->help);
		print_parameters(command->args + words, out);
		time |= print_options(command, out);
	}
	if (time)
		fputs(
		    "\nTimes: 2026-12-01T09:00:00Z, 2026-12-01, tomorrow, +2w, +30d, +12h, +15m.\n",
		    out);
	return found;
}

/* What fits a screen; tests/cli/t_ctl.py looks for every command. */
static const char overview[] =
    "usage: smtpauthctl [-c FILE] [-d DIR] [--json] [--actor NAME] COMMAND ...\n"
    "\n"
    "  init      create folder and policy, or repair modes; --new-policy: start over\n"
    "  settings  show | set | unset | add | remove\n"
    "  tenant    add | set | show | list | remove | rename | lock | unlock\n"
    "  domain    add | move | remove | list\n"
    "  mailbox   set | show | list | remove | rename | prune | lock | unlock\n"
    "            | alias add|remove|list\n"
    "  lock | unlock | locks  block any login found in the log\n"
    "  check     LOGIN  show what would happen to a login, and why\n"
    "  import | export  make all changes in a file, or none | print such a file\n"
    "  audit     list | show | undo | verify | prune\n"
    "  why       ID  explain a decision of the daemon by the id of its reply\n"
    "  status | verify  show what is enforced, and the daemon | check the database\n"
    "  usage     [list] | tenants | export | prune\n"
    "  rollout   plan | disable-unused | grant | notify | status\n"
    "  snapshot  create | apply | show\n"
    "  doctor    look for mistakes in the setup of MTA and milter\n"
    "  exchange  run Exchange's commands from standard input, all or none\n"
    "  Get-TransportConfig | Set-TransportConfig | Get-CASMailbox | Set-CASMailbox\n"
    "  backup | restore  DIR  write a copy of the policy database, or bring it back\n"
    "\n"
    "  -c FILE  configuration   -d DIR  state folder   --actor NAME  who changes it\n"
    "  --json  for programs   -h [COMMAND]  help   -V  version   see smtpauthctl(8)\n";

bool
help_print(const struct options *o, FILE *out)
{
	if (o->version) {
		fprintf(out, "smtpauthctl %s\n", PACKAGE_VERSION);
		return true;
	}
	if (o->words == 0)
		fputs(overview, out);
	return o->words == 0 || help_group(o, out);
}
