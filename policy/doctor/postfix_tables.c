/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_tables - the tables of smtpd_milter_maps */
#include "policy/doctor/postfix_tables.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/child_process.h"

#define AROUND_WORDS " \t\r\n,:={}"

/* line_has_word - DISABLE as a word of a line that is no comment */
static bool
line_has_word(const char *line, size_t n)
{
	static const char word[] = "disable";
	size_t from = strspn(line, " \t"), len;

	for (size_t i = from; line[from] != '#' && i < n; i += len + 1) {
		len = strcspn(line + i, AROUND_WORDS);
		if (len == sizeof word - 1 && strncasecmp(line + i, word, len) == 0)
			return true;
	}
	return false;
}

/* is_result - whether the line gives a result: no comment, condition or continuation */
static bool
is_result(const char *line, size_t n)
{
	return n > 0 && strchr("# \t\r", line[0]) == NULL &&
	    strncmp(line, "if ", 3) != 0 && strncmp(line, "endif", 5) != 0;
}

static enum postfix_tables
look_at_text(const char *text, const char *ours)
{
	enum postfix_tables worst = TABLES_KEEP;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (line_has_word(text, n))
			return TABLES_DISABLE;
		if (is_result(text, n) && memmem(text, n, ours, strlen(ours)) == NULL)
			worst = TABLES_REPLACE;
		text += n;
		text += *text == '\n';
	}
	return worst;
}

static enum postfix_tables
look_at_file(const char *path, const char *ours)
{
	enum postfix_tables worst = TABLES_KEEP, t;
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return TABLES_UNKNOWN;
	while (worst != TABLES_DISABLE && getline(&line, &room, f) >= 0) {
		t = look_at_text(line, ours);
		worst = t > worst ? t : worst;
	}
	if (ferror(f) && worst == TABLES_KEEP) /* it is a folder */
		worst = TABLES_UNKNOWN;
	free(line);
	fclose(f);
	return worst;
}

/* look_at_map - by postmap, which knows the types that this Postfix has */
static enum postfix_tables
look_at_map(const char *dir, const char *table, const char *ours)
{
	const char *argv[6] = {"postmap"};
	size_t n = 1;
	enum postfix_tables result;
	char *out;

	if (dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = dir;
	}
	argv[n++] = "-s";
	argv[n] = table;
	if (child_process_read(argv, &out) != OK)
		return TABLES_UNKNOWN;
	result = look_at_text(out, ours);
	free(out);
	return result;
}

static enum postfix_tables
look_at(const char *dir, const char *table, const char *ours)
{
	static const char *const text_types[] = {"cidr", "pcre", "regexp", "texthash"};
	const char *colon = strchr(table, ':');

	if (colon == NULL)
		return TABLES_UNKNOWN;
	if (colon[1] == '{' || strncmp(table, "static:", 7) == 0)
		return look_at_text(table, ours);
	for (size_t i = 0; i < sizeof text_types / sizeof *text_types; i++) {
		size_t n = strlen(text_types[i]);

		if ((size_t)(colon - table) == n &&
		    strncmp(table, text_types[i], n) == 0)
			return look_at_file(colon + 1, ours);
	}
	return look_at_map(dir, table, ours);
}

enum postfix_tables
postfix_tables_look(
    const char *dir, const char *maps, const char *ours, char *table, size_t cap)
{
	enum postfix_tables worst = TABLES_KEEP, t;
	char one[1024];
	size_t n;

	for (maps += strspn(maps, ", \t"); *maps != '\0';
	     maps += n, maps += strspn(maps, ", \t")) {
		int depth = 0;

		for (n = 0;
		     maps[n] != '\0' && (depth > 0 || strchr(", \t", maps[n]) == NULL);
		     n++)
			depth += (maps[n] == '{') - (maps[n] == '}');
		snprintf(one, sizeof one, "%.*s", (int)n, maps);
		t = n < sizeof one ? look_at(dir, one, ours) : TABLES_UNKNOWN;
		if (t > worst) {
			worst = t;
			snprintf(table, cap, "%.*s", (int)n, maps);
		}
	}
	return worst;
}
