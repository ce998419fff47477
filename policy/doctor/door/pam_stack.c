/* SPDX-License-Identifier: BSD-2-Clause */
/* pam_stack - the modules of a PAM service, in the order in which they are asked */
#include "policy/doctor/door/pam_stack.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INCLUDES_MAX 8 /* files within files */
#define BLANK " \t\n"

static bool read_level(struct pam_stack *out, const char *folder, const char *service,
    enum pam_phase only, unsigned depth);

/* take_word - the next word of *REST, or one in brackets; NULL for none */
static char *
take_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANK), *end;

	if (*word == '\0')
		return NULL;
	end = *word == '[' ? strchr(word, ']') : NULL;
	end = end != NULL ? end + 1 : word + strcspn(word, BLANK);
	*rest = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return word;
}

/* phase_of - "auth", "-auth" */
static enum pam_phase
phase_of(const char *word)
{
	word += *word == '-';
	return strcasecmp(word, "auth") == 0   ? PAM_PHASE_AUTH
	    : strcasecmp(word, "account") == 0 ? PAM_PHASE_ACCOUNT
					       : PAM_PHASE_OTHER;
}

static void
add_module(struct pam_stack *out, enum pam_phase phase, const char *control,
    const char *name, const char *arguments)
{
	const char *slash = strrchr(name, '/');
	struct pam_module *m = &out->module[out->count];
	int n;

	if (out->count == PAM_STACK_MAX) {
		out->cut = true;
		return;
	}
	n = snprintf(m->control, sizeof m->control, "%s", control);
	out->cut |= n >= (int)sizeof m->control;
	n = snprintf(m->name, sizeof m->name, "%s", slash != NULL ? slash + 1 : name);
	out->cut |= n >= (int)sizeof m->name;
	n = snprintf(m->arguments, sizeof m->arguments, " %s ", arguments);
	out->cut |= n >= (int)sizeof m->arguments;
	m->phase = phase;
	out->count++;
}

/* take_line - a module, or a file that stands for its modules */
static void
take_line(struct pam_stack *out, const char *folder, char *line, enum pam_phase only,
    unsigned depth)
{
	char *rest = line, *first, *control, *name;
	enum pam_phase phase;

	line[strcspn(line, "#\n")] = '\0';
	first = take_word(&rest);
	control = first != NULL ? take_word(&rest) : NULL;
	if (control == NULL)
		return;
	if (strcmp(first, "@include") == 0) {
		out->cut |= !read_level(out, folder, control, only, depth + 1);
		return;
	}
	phase = phase_of(first);
	name = take_word(&rest);
	if (name == NULL || phase == PAM_PHASE_OTHER ||
	    (only != PAM_PHASE_OTHER && phase != only))
		return;
	if (strcasecmp(control, "include") == 0 || strcasecmp(control, "substack") == 0)
		out->cut |= !read_level(out, folder, name, phase, depth + 1);
	else
		add_module(out, phase, control, name, rest);
}

/* join_lines - the lines that end with a backslash, with the next one */
static bool
join_lines(FILE *f, char **line, size_t *room)
{
	char *more = NULL;
	size_t more_room = 0;
	ssize_t n = getline(line, room, f);

	while (n >= 2 && strcmp(*line + n - 2, "\\\n") == 0) {
		ssize_t some = getline(&more, &more_room, f);
		char *both;

		if (some < 0)
			break;
		(*line)[n - 2] = ' ';
		(*line)[n - 1] = '\0';
		both = realloc(*line, (size_t)(n + some) + 1);
		if (both == NULL)
			break;
		memcpy(both + n - 1, more, (size_t)some + 1);
		*line = both;
		*room = (size_t)(n + some) + 1;
		n += some - 1;
	}
	free(more);
	return n >= 0;
}

/* read_level - a file, of ONLY one phase where another includes it for that */
static bool
read_level(struct pam_stack *out, const char *folder, const char *service,
    enum pam_phase only, unsigned depth)
{
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *f;

	if (depth > INCLUDES_MAX ||
	    snprintf(path, sizeof path, "%s%s%s", *service == '/' ? "" : folder,
		*service == '/' ? "" : "/", service) >= (int)sizeof path)
		return false;
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (join_lines(f, &line, &room))
		take_line(out, folder, line, only, depth);
	free(line);
	fclose(f);
	return true;
}

bool
pam_stack_read(struct pam_stack *out, const char *folder, const char *service)
{
	memset(out, 0, sizeof *out);
	return read_level(out, folder, service, PAM_PHASE_OTHER, 0);
}

/* find_value - of "NAME=VALUE" in TEXT, up to a blank or END; false: there is none */
static bool
find_value(const char *text, const char *name, const char *end, char *out)
{
	size_t n = strlen(name);

	for (const char *at = text; (at = strstr(at, name)) != NULL; at += n)
		if (at > text && strchr(BLANK "[", at[-1]) != NULL && at[n] == '=') {
			at += n + 1;
			snprintf(out, PAM_STACK_TEXT_MAX + 1, "%.*s",
			    (int)strcspn(at, end), at);
			return true;
		}
	return false;
}

const char *
pam_stack_action(const struct pam_module *m, const char *result, char *out)
{
	bool success = strcmp(result, "success") == 0;
	static const struct {
		const char *control, *success, *failure; /* pam.conf(5) */
	} words[] = {{"required", "ok", "bad"}, {"requisite", "ok", "die"},
	    {"sufficient", "done", "ignore"}, {"optional", "ok", "ignore"}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(m->control, words[i].control) == 0)
			return success ? words[i].success : words[i].failure;
	if (find_value(m->control, result, BLANK "]", out) ||
	    find_value(m->control, "default", BLANK "]", out))
		return out;
	return "bad"; /* libpam's */
}

bool
pam_stack_argument(const struct pam_module *m, const char *name, char *out)
{
	return find_value(m->arguments, name, BLANK, out);
}
