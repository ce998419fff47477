/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix - the configuration of a live Postfix */
#include "policy/doctor/postfix.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/child_process.h"
#include "policy/kernel/proc.h"

#define OVERRIDES_MAX 64
#define LINE_MAX_WORDS 8 /* of master.cf before the arguments: master(5) */

const char *
postfix_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* postconf_words - postconf with a word of its own, for the folder DIR or NULL */
static void
postconf_words(const char *argv[6], const char *dir, const char *word, const char *name)
{
	size_t n = 0;

	argv[n++] = "postconf";
	argv[n++] = word;
	if (dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = dir;
	}
	argv[n++] = name;
	argv[n] = NULL;
}

/* is_old - whether this Postfix is older than 2.11, which has "postconf -P" first */
static bool
is_old(const char *dir, char *version, size_t cap)
{
	const char *argv[6];
	long major, minor;
	char *out, *end;

	postconf_words(argv, dir, "-h", "mail_version");
	if (child_process_read(argv, &out) != OK)
		return false;
	snprintf(version, cap, "%.*s", (int)strcspn(out, "\n"), out);
	free(out);
	major = strtol(version, &end, 10);
	minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	return major > 0 && (major < 2 || (major == 2 && minor < 11));
}

/* postconf_failed - why, in postconf's own words if it has any */
static enum error
postconf_failed(const char *dir, const char *word, struct error_text *why)
{
	const char *argv[6];
	char version[40], *said = NULL, *line = NULL, *rest;

	if (is_old(dir, version, sizeof version))
		return error_set(why, ERR_CONFIG,
		    "this is Postfix %s, whose postconf cannot say what master.cf has; Postfix 2.11 is needed for that: compare master.cf with contrib/postfix/README.md by hand",
		    version);
	postconf_words(argv, dir, word, NULL);
	if (child_process_complaints(argv, &said) == OK)
		for (char *l = strtok_r(said, "\n", &rest); l != NULL;
		     l = strtok_r(NULL, "\n", &rest))
			line = l;
	error_set(why, ERR_CONFIG, "\"postconf %s%s%s\" fails: %s", word,
	    dir != NULL ? " -c " : "", dir != NULL ? dir : "",
	    line != NULL ? line : "run it by hand to see why");
	free(said);
	return ERR_CONFIG;
}

/* postconf_ask - postconf with one more word of its own */
static enum error
postconf_ask(const char *dir, const char *word, char **out_r, struct error_text *why)
{
	const char *argv[6];
	enum error e;

	postconf_words(argv, dir, word, NULL);
	e = child_process_read(argv, out_r);
	if (e == ERR_MISSING)
		return error_set(why, e,
		    "no program postconf: is Postfix installed on this machine?");
	return e == OK ? OK : postconf_failed(dir, word, why);
}

/* is_plain - whether a shell takes the path as it stands */
static bool
is_plain(const char *path)
{
	for (; *path != '\0'; path++)
		if (!isalnum((unsigned char)*path) &&
		    strchr("/._-+:@%,", *path) == NULL)
			return false;
	return true;
}

/* name_folder - how a command names the folder; not at all if it is the default one */
static void
name_folder(struct postfix *p)
{
	static const char *const argv[] = {"postconf", "-dh", "config_directory", NULL};
	const char *own = getenv("MAIL_CONFIG");
	char *standard = NULL;
	bool same;

	p->option[0] = '\0';
	if (p->dir == NULL)
		return;
	if (own == NULL && child_process_read(argv, &standard) == OK) {
		standard[strcspn(standard, "\n")] = '\0';
		own = standard;
	}
	same = own != NULL && strcmp(own, p->dir) == 0;
	free(standard);
	if (!same &&
	    (!is_plain(p->dir) ||
		snprintf(p->option, sizeof p->option, " -c %s", p->dir) >=
		    (int)sizeof p->option))
		strcpy(p->option, " -c DIR");
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

/* reference - the name of the only parameter that the value names: "$mua_milters" */
static bool
reference(const char *value, size_t len, char *name)
{
	const char *end = value + len;
	bool closed;
	size_t n = 0;

	if (len < 2 || *value++ != '$')
		return false;
	closed = *value == '{' || *value == '(';
	value += closed;
	end -= closed;
	for (; value < end && n < POSTFIX_NAME_MAX; value++) {
		if (*value != '_' && !isalnum((unsigned char)*value))
			return false;
		name[n++] = *value;
	}
	name[n] = '\0';
	return n > 0 && value == end;
}

bool
postfix_set(struct postfix *p, const struct postfix_service *service, const char *name,
    char *out, size_t cap)
{
	char key[400], other[POSTFIX_NAME_MAX + 1];
	const char *value;
	size_t len;
	bool master;

	snprintf(key, sizeof key, "%s/%s/%s", service->name, service->type, name);
	value = value_of(p->overrides, key, &len);
	master = value != NULL;
	if (!master)
		value = value_of(p->plain, name, &len);
	if (value != NULL && reference(value, len, other) &&
	    !postfix_overrides(p, service, other)) {
		master = false;
		name = other;
	}
	if (master)
		return snprintf(out, cap, "postconf%s -P '%s=", p->option, key) <
		    (int)cap;
	snprintf(out, cap, "postconf%s -e '%s=", p->option, name);
	return false;
}

/* single_blanks - one blank for several */
static void
single_blanks(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++)
		if (*s != ' ' || s[1] != ' ')
			*out++ = *s;
	*out = '\0';
}

bool
postfix_spaced(
    const struct postfix_service *service, char *name, char *line, size_t cap)
{
	const char *at = service->line, *equal;
	size_t n;

	while ((at = strstr(at, " -o ")) != NULL) {
		at += strlen(" -o ");
		n = strcspn(at, " ={");
		equal = at + n + strspn(at + n, " ");
		if (n == 0 || *equal != '=' || n > POSTFIX_NAME_MAX ||
		    (at[n] == '=' &&
			(equal[1] != ' ' || strchr("-", equal[2]) != NULL)))
			continue; /* right, or an empty value */
		memcpy(name, at, n);
		name[n] = '\0';
		equal++;
		equal += strspn(equal, " ");
		if (snprintf(line, cap, "%.*s=%s", (int)(at + n - service->line),
			service->line, equal) >= (int)cap)
			line[0] = '\0';
		single_blanks(line);
		return true;
	}
	return false;
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
	char *word[LINE_MAX_WORDS], *rest, *whole = strdup(line);
	struct postfix_service *grown, *s;
	size_t n = 0;

	if (whole == NULL)
		return ERR_MEMORY;
	for (char *w = strtok_r(line, " \t", &rest); w != NULL && n < LINE_MAX_WORDS;
	     w = strtok_r(NULL, " \t", &rest))
		word[n++] = w;
	if (n < LINE_MAX_WORDS || strcmp(postfix_basename(word[7]), "smtpd") != 0 ||
	    (strcmp(word[1], "inet") != 0 && strcmp(word[1], "pass") != 0)) {
		free(whole);
		return OK;
	}
	grown = realloc(p->service, (p->services + 1) * sizeof *grown);
	if (grown != NULL)
		p->service = grown;
	s = grown != NULL ? &grown[p->services] : NULL;
	if (s == NULL || (s->name = strdup(word[0])) == NULL) {
		free(whole);
		return ERR_MEMORY;
	}
	s->line = whole;
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
	const char *words[6];
	char *services = NULL;
	enum error e;

	memset(out, 0, sizeof *out);
	out->dir = dir;
	e = postconf_ask(dir, "-x", &out->main, why);
	if (e == OK)
		e = postconf_ask(dir, "-n", &out->plain, why);
	if (e == OK)
		e = postconf_ask(dir, "-P", &out->overrides, why);
	if (e == OK)
		e = postconf_ask(dir, "-M", &services, why);
	if (e == OK)
		e = take_services(out, services, why);
	free(services);
	if (e == OK)
		e = expand_all(out, why);
	if (e != OK)
		return e;
	name_folder(out);
	postconf_words(words, dir, "-x", NULL);
	return child_process_complaints(words, &out->warnings);
}

void
postfix_free(struct postfix *p)
{
	for (size_t i = 0; i < p->services; i++) {
		free(p->service[i].name);
		free(p->service[i].line);
		free(p->service[i].values);
	}
	free(p->service);
	free(p->main);
	free(p->plain);
	free(p->overrides);
	free(p->warnings);
	memset(p, 0, sizeof *p);
}

bool
postfix_master_find(struct postfix *p, struct postfix_master *out)
{
	char path[POSTFIX_DIR_MAX + 40], line[40];
	struct proc master, queue;
	long pid = 0;
	FILE *f;
	int n = snprintf(path, sizeof path, "%s/pid/master.pid",
	    postfix_value(p, NULL, "queue_directory"));

	f = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
	if (f == NULL)
		return false;
	if (fgets(line, sizeof line, f) != NULL)
		pid = strtol(line, NULL, 10);
	fclose(f);
	if (pid <= 0 || !proc_read((pid_t)pid, &master) ||
	    strcmp(master.name, "master") != 0)
		return false;
	/* its queue manager lives until the master reads its files again */
	*out = (struct postfix_master){.pid = (pid_t)pid};
	if (proc_child(out->pid, "qmgr", &queue))
		out->loaded = queue.start;
	return true;
}
