/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_tables - what smtpd_milter_maps may hold */
#include "policy/doctor/postfix_tables.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/doctor/program.h"

/* has_word - DISABLE as a word of a line that is no comment */
static bool
has_word(const char *text)
{
	static const char word[] = "disable";

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		for (size_t i = 0; text[0] != '#' && i + sizeof word - 1 <= n; i++)
			if (strncasecmp(text + i, word, sizeof word - 1) == 0)
				return true;
		text += n;
		text += *text == '\n';
	}
	return false;
}

static enum tables
look_at_file(const char *path)
{
	char line[4096];
	bool found = false;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return TABLES_UNKNOWN;
	while (!found && fgets(line, sizeof line, f) != NULL)
		found = has_word(line);
	fclose(f);
	return found ? TABLES_DISABLE : TABLES_KEEP;
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
