/* SPDX-License-Identifier: BSD-2-Clause */
/* log_line.c - reading the milter's decision lines: key=value, values escaped. */
#include "tests/lib/log_line.h"

#include "tests/lib/deadline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LIMIT = 3000 };

/* word_end - finds the end of the word at `at`; quoted parts may hold spaces */
static const char *
word_end(const char *at)
{
	bool quoted = false;

	for (; *at != '\0' && *at != '\n' && (quoted || *at != ' '); at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return at;
}

/* value_copy - copies the value between two places, without its quotation marks */
static void
value_copy(const char *from, const char *end, char *value, size_t size)
{
	size_t length;

	if (end - from >= 2 && *from == '"' && end[-1] == '"') {
		from++;
		end--;
	}
	length = (size_t)(end - from);
	if (length >= size)
		length = size - 1;
	memcpy(value, from, length);
	value[length] = '\0';
}

int
log_line_value(const char *line, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);
	const char *at = line;
	int found = 0;

	*value = '\0';
	while (*at != '\0' && *at != '\n') {
		const char *end = word_end(at);

		if (strncmp(at, key, length) == 0 && at[length] == '=' && found++ == 0)
			value_copy(at + length + 1, end, value, size);
		at = end + (*end == ' ');
	}
	return found;
}

bool
log_line_says(const char *line, const char *key, const char *value)
{
	char found[LOG_LINE_SIZE];

	return log_line_value(line, key, found, sizeof(found)) == 1 &&
	    strcmp(found, value) == 0;
}

/* line_copy - copies the line at `at` */
static void
line_copy(const char *at, char *line, size_t size)
{
	size_t length = strcspn(at, "\n");

	if (length >= size)
		length = size - 1;
	memcpy(line, at, length);
	line[length] = '\0';
}

/* line_last - copies the last line in which `key` has `value` */
static bool
line_last(const char *log, const char *key, const char *value, char *line, size_t size)
{
	bool found = false;
	const char *at;

	for (at = log; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		if (!log_line_says(at, key, value))
			continue;
		line_copy(at, line, size);
		found = true;
	}
	return found;
}

bool
log_line_find(const struct instance *instance, const char *key, const char *value,
    char *line, size_t size)
{
	int64_t deadline = deadline_in(LINE_LIMIT);
	bool found;

	do {
		char *log = instance_log(instance);

		found = log != NULL && line_last(log, key, value, line, size);
		free(log);
	} while (!found && deadline_pause(deadline));
	return found;
}

bool
log_line_mentions(const struct instance *instance, const char *text)
{
	int64_t deadline = deadline_in(LINE_LIMIT);
	bool found;

	do {
		char *log = instance_log(instance);

		found = log != NULL && strstr(log, text) != NULL;
		free(log);
	} while (!found && deadline_pause(deadline));
	return found;
}
