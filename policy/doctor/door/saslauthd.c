/* SPDX-License-Identifier: BSD-2-Clause */
/* saslauthd - how the saslauthd of this machine was started */
#include "policy/doctor/door/saslauthd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/kernel/proc.h"

#define WORDS_MAX 64
#define TEXT_MAX 4096

/* Its options that have a value: saslauthd(8). */
#define WITH_VALUE "aOmnst"

void
saslauthd_take(struct saslauthd *out, char *const *word, int count)
{
	for (int i = 0; i < count; i++) {
		const char *at = word[i];

		if (*at != '-' || at[1] == '\0')
			continue;
		for (at++; *at != '\0'; at++) {
			const char *value = at[1] != '\0' ? at + 1
			    : i + 1 < count               ? word[i + 1]
							  : "";

			out->realm |= *at == 'r';
			out->caches |= *at == 'c';
			if (*at == 'a')
				out->pam = strcmp(value, "pam") == 0;
			if (strchr(WITH_VALUE, *at) == NULL)
				continue;
			i += at[1] == '\0';
			break;
		}
	}
}

/*
 * take_process - see proc_each(); its children have the same arguments. Only root's
 * counts: any user can run a program of that name, and so hide or make a finding.
 */
static bool
take_process(void *arg, pid_t pid, const struct proc *p)
{
	struct saslauthd *out = arg;
	char text[TEXT_MAX], *word[WORDS_MAX];
	int count = 0;
	uid_t user;
	size_t n;

	if (strcmp(p->name, "saslauthd") != 0 || !proc_user(pid, &user) || user != 0)
		return true;
	n = proc_arguments(pid, text, sizeof text);
	for (char *at = text; at < text + n && count < WORDS_MAX; at += strlen(at) + 1)
		word[count++] = at;
	if (count == 0)
		return true;
	saslauthd_take(out, word + 1, count - 1);
	out->known = out->runs = true;
	return false;
}

/* default_value - of a line NAME="VALUE"; cuts VALUE out of the line */
static char *
default_value(char *line, const char *name)
{
	size_t n = strlen(name);
	char *value;

	line += strspn(line, " \t");
	if (strncmp(line, name, n) != 0 || line[n] != '=')
		return NULL;
	value = line + n + 1;
	value += strspn(value, "\"'");
	value[strcspn(value, "\"'\n")] = '\0';
	return value;
}

/* take_defaults - Debian's file, or Red Hat's /etc/sysconfig/saslauthd (MECH, FLAGS) */
static void
take_defaults(struct saslauthd *out, FILE *f)
{
	char line[TEXT_MAX], *value, *word[WORDS_MAX], *rest;

	while (fgets(line, sizeof line, f) != NULL) {
		int count = 0;

		if ((value = default_value(line, "MECHANISMS")) != NULL ||
		    (value = default_value(line, "MECH")) != NULL)
			out->pam = strcmp(value, "pam") == 0;
		if ((value = default_value(line, "OPTIONS")) == NULL &&
		    (value = default_value(line, "FLAGS")) == NULL)
			continue;
		for (char *w = strtok_r(value, " \t", &rest);
		     w != NULL && count < WORDS_MAX; w = strtok_r(NULL, " \t", &rest))
			word[count++] = w;
		saslauthd_take(out, word, count);
	}
}

void
saslauthd_look(struct saslauthd *out, const char *defaults)
{
	FILE *f;

	memset(out, 0, sizeof *out);
	proc_each(take_process, out);
	if (out->runs || (f = fopen(defaults, "re")) == NULL)
		return;
	out->known = true;
	take_defaults(out, f);
	fclose(f);
}
