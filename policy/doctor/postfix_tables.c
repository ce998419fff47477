/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_tables - what smtpd_milter_maps may hold */
#include "policy/doctor/postfix_tables.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/doctor/program.h"

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

static bool
has_word(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (line_has_word(text, n))
			return true;
		text += n;
		text += *text == '\n';
	}
	return false;
}

static enum tables
look_at_file(const char *path)
{
	char *line = NULL;
	size_t room = 0;
	bool found = false, bad;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return TABLES_UNKNOWN;
	while (!found && getline(&line, &room, f) >= 0)
		found = has_word(line);
	bad = ferror(f) != 0; /* it is a folder */
	free(line);
	fclose(f);
	return found ? TABLES_DISABLE : bad ? TABLES_UNKNOWN : TABLES_KEEP;
}

/* look_at_map - by postmap, which knows the types that this Postfix has */
static enum tables
look_at_map(const char *table)
{
	const char *argv[] = {"postmap", "-s", table, NULL};
	enum tables result;
	char *out;

	if (program_read(argv, &out) != OK)
		return TABLES_UNKNOWN;
	result = has_word(out) ? TABLES_DISABLE : TABLES_KEEP;
	free(out);
	return result;
}

static enum tables
look_at(const char *table)
{
	static const char *const text_types[] = {"cidr", "pcre", "regexp", "texthash"};
	const char *colon = strchr(table, ':');

	if (colon == NULL)
		return TABLES_UNKNOWN;
	for (size_t i = 0; i < sizeof text_types / sizeof *text_types; i++) {
		size_t n = strlen(text_types[i]);

		if ((size_t)(colon - table) == n &&
		    strncmp(table, text_types[i], n) == 0)
			return look_at_file(colon + 1);
	}
	if (strncmp(table, "inline:", 7) == 0 || strncmp(table, "static:", 7) == 0)
		return has_word(table) ? TABLES_DISABLE : TABLES_KEEP;
	return look_at_map(table);
}

enum tables
tables_disable(const char *maps, char *table, size_t cap)
{
	enum tables worst = TABLES_KEEP;

	while (worst != TABLES_DISABLE && *maps != '\0') {
		char one[1024];
		size_t n = 0;
		int depth = 0;
		enum tables t;

		maps += strspn(maps, ", \t");
		while (
		    maps[n] != '\0' && (depth > 0 || strchr(", \t", maps[n]) == NULL)) {
			depth += maps[n] == '{';
			depth -= maps[n] == '}';
			n++;
		}
		if (n == 0)
			break;
		snprintf(one, sizeof one, "%.*s", (int)n, maps);
		t = n < sizeof one ? look_at(one) : TABLES_UNKNOWN;
		if (t > worst || t == TABLES_DISABLE) {
			worst = t == TABLES_DISABLE ? t : TABLES_UNKNOWN;
			snprintf(table, cap, "%.*s", (int)n, maps);
		}
		maps += n;
	}
	return worst;
}
