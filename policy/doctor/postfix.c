/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix - the configuration of a live Postfix */
#include "policy/doctor/postfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/child_process.h"

#define OVERRIDES_MAX 64
#define LINE_MAX_WORDS 8 /* of master.cf before the arguments: master(5) */

const char *
postfix_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* postconf_ask - postconf with one more word of its own */
static enum error
postconf_ask(const char *dir, const char *word, char **out_r, struct error_text *why)
{
	const char *argv[] = {"postconf", word, NULL, NULL, NULL};
	enum error e;

	if (dir != NULL) {
		argv[2] = "-c";
		argv[3] = dir;
	}
	e = child_process_read(argv, out_r);
	if (e == ERR_MISSING)
		return error_set(why, e,
		    "no program postconf: is Postfix installed on this machine?");
	if (e != OK)
		return error_set(why, ERR_CONFIG,
		    "\"postconf %s%s%s\" fails: run it by hand to see why", word,
		    dir != NULL ? " -c " : "", dir != NULL ? dir : "");
	return OK;
}

/* value_of - the rest of the line of TEXT that begins with "KEY = ", or NULL */
static const char *
value_of(const char *text, const char *key, size_t *len_r)
{
	size_t n = strlen(key);

	while (text != NULL && *text != '\0') {
		size_t line = strcspn(text, "\n");

		if (line >= n + 2 && strncmp(text, key, n) == 0 &&
		    strncmp(text + n, " =", 2) == 0) {
			text += n + 2;
			*len_r = line - n - 2;
			if (*len_r > 0 && *text == ' ')
				text++, (*len_r)--;
			return text;
		}
		text += line;
		text += *text == '\n';
	}
	return NULL;
}

bool
postfix_overrides(
    struct postfix *p, const struct postfix_service *service, const char *name)
{
	char key[400];
	size_t len;

	return snprintf(key, sizeof key, "%s/%s/%s", service->name, service->type,
		   name) < (int)sizeof key &&
	    value_of(p->overrides, key, &len) != NULL;
}

const char *
postfix_value(
    struct postfix *p, const struct postfix_service *service, const char *name)
{
	size_t len = 0;
	const char *value = NULL;

	if (service != NULL && service->values != NULL)
		value = value_of(service->values, name, &len);
	if (value == NULL)
		value = value_of(p->main, name, &len);
	if (value == NULL || len >= sizeof p->value)
		return "";
	memcpy(p->value, value, len);
	p->value[len] = '\0';
	return p->value;
}

/* limit_of - the column maxproc; "-" is default_process_limit */
static long
limit_of(struct postfix *p, const char *column)
{
	if (strcmp(column, "-") == 0)
		column = postfix_value(p, NULL, "default_process_limit");
	return strtol(column, NULL, 10);
}

/* chroot_of - "-" is no, but yes at compatibility_level 0 (COMPATIBILITY_README) */
static bool
chroot_of(struct postfix *p, const char *column)
{
	if (strcmp(column, "-") == 0)
		return strtol(postfix_value(p, NULL, "compatibility_level"), NULL, 10) <
		    1;
	return strcmp(column, "y") == 0;
}

/* take_service - from one line of "postconf -M"; other programs are passed over */
static enum error
take_service(struct postfix *p, char *line)
{
	char *word[LINE_MAX_WORDS], *rest;
	struct postfix_service *grown, *s;
	size_t n = 0;

	for (char *w = strtok_r(line, " \t", &rest); w != NULL && n < LINE_MAX_WORDS;
	     w = strtok_r(NULL, " \t", &rest))
		word[n++] = w;
	if (n < LINE_MAX_WORDS || strcmp(postfix_basename(word[7]), "smtpd") != 0 ||
	    (strcmp(word[1], "inet") != 0 && strcmp(word[1], "pass") != 0))
		return OK;
	grown = realloc(p->service, (p->services + 1) * sizeof *grown);
	if (grown == NULL)
		return ERR_MEMORY;
	p->service = grown;
	s = &grown[p->services];
	s->name = strdup(word[0]);
	if (s->name == NULL)
		return ERR_MEMORY;
	s->values = NULL;
	s->type = word[1][0] == 'i' ? "inet" : "pass";
	s->chrooted = chroot_of(p, word[4]);
	s->processes = limit_of(p, word[6]);
	p->services++;
	return OK;
}

/* override_word - "name=value" from a line of the service; NULL when it is another's */
static char *
override_word(const struct postfix_service *s, const char *line, size_t n)
{
	char key[400], *word = NULL;
	int len = snprintf(key, sizeof key, "%s/%s/", s->name, s->type);
	const char *equal = memchr(line, '=', n);

	if (len >= (int)sizeof key || strncmp(line, key, (size_t)len) != 0 ||
	    equal == NULL || equal < line + len + 1 ||
	    asprintf(&word, "%.*s=%.*s", (int)(equal - line - len - 1), line + len,
		(int)(n - (size_t)(equal - line) - 1), equal + 1) < 0)
		return NULL;
	return word;
}

/*
 * service_expand - the values as the service has them: a parameter of main.cf may name
 * another one that master.cf overrides, so postconf is asked again with the overrides
 * in place
 */
static enum error
service_expand(struct postfix *p, struct postfix_service *s)
{
	const char *argv[2 * OVERRIDES_MAX + 5] = {"postconf", "-x"};
	char *word[OVERRIDES_MAX];
	size_t n = 2, words = 0, len;
	enum error e = OK;

	if (p->dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = p->dir;
	}
	for (const char *line = p->overrides; *line != '\0' && words < OVERRIDES_MAX;
	     line += len, line += *line == '\n') {
		len = strcspn(line, "\n");
		word[words] = override_word(s, line, len);
		if (word[words] == NULL)
			continue;
		argv[n++] = "-o";
		argv[n++] = word[words++];
	}
	argv[n] = NULL;
	if (words > 0)
		e = child_process_read(argv, &s->values);
	while (words > 0)
		free(word[--words]);
	return e;
}

static enum error
expand_all(struct postfix *p, struct error_text *why)
{
	for (size_t i = 0; i < p->services; i++)
		if (service_expand(p, &p->service[i]) != OK)
			return error_set(why, ERR_CONFIG,
			    "postconf does not take the -o options of service %s",
			    p->service[i].name);
	return OK;
}

static enum error
take_services(struct postfix *p, char *text, struct error_text *why)
{
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (take_service(p, line) != OK)
			return error_set(why, ERR_MEMORY, "out of memory");
	return OK;
}

enum error
postfix_read(struct postfix *out, const char *dir, struct error_text *why)
{
	char *services = NULL;
	enum error e;

	*out = (struct postfix){.dir = dir};
	e = postconf_ask(dir, "-x", &out->main, why);
	if (e == OK)
		e = postconf_ask(dir, "-P", &out->overrides, why);
	if (e == OK)
		e = postconf_ask(dir, "-M", &services, why);
	if (e == OK)
		e = take_services(out, services, why);
	free(services);
	return e == OK ? expand_all(out, why) : e;
}

void
postfix_free(struct postfix *p)
{
	for (size_t i = 0; i < p->services; i++) {
		free(p->service[i].name);
		free(p->service[i].values);
	}
	free(p->service);
	free(p->main);
	free(p->overrides);
	*p = (struct postfix){0};
}
