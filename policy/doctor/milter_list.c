/* SPDX-License-Identifier: BSD-2-Clause */
/* milter_list - Postfix's list of milters (smtpd_milters) */
#include "policy/doctor/milter_list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BETWEEN ", \t\r\n"
#define SPACE " \t\r\n"

/* A part of the text. */
struct span {
	const char *at;
	size_t len;
};

/* next_item - a word, or what is in braces (without them); false at the end */
static bool
next_item(const char **from, const char *end, struct span *item, bool *braced)
{
	const char *s = *from;
	int depth = 0;

	while (s < end && strchr(BETWEEN, *s) != NULL)
		s++;
	item->at = s;
	*braced = s < end && *s == '{';
	for (; s < end && (depth > 0 || strchr(BETWEEN, *s) == NULL); s++) {
		if (*s == '{')
			depth++;
		if (*s == '}' && --depth == 0 && *braced)
			break;
	}
	item->len = (size_t)(s - item->at);
	*from = s < end ? s + 1 : end;
	if (*braced && item->len > 0) {
		item->at++;
		item->len--;
	}
	return item->len > 0 || *braced;
}

/* span_copy - the span without space around it; false when it does not fit */
static bool
span_copy(struct span from, char *out, size_t cap)
{
	while (from.len > 0 && strchr(SPACE, *from.at) != NULL)
		from.at++, from.len--;
	while (from.len > 0 && strchr(SPACE, from.at[from.len - 1]) != NULL)
		from.len--;
	if (from.len >= cap)
		return false;
	memcpy(out, from.at, from.len);
	out[from.len] = '\0';
	return true;
}

long
milter_list_seconds(const char *value)
{
	static const char units[] = "smhdw";
	static const long seconds[] = {1, 60, 3600, 86400, 604800};
	const char *unit;
	char *end;
	long n;

	if (!isdigit((unsigned char)value[0]))
		return -1;
	n = strtol(value, &end, 10);
	if (*end == '\0')
		return n;
	unit = strchr(units, *end);
	return unit != NULL && end[1] == '\0' && n < 1000000 ? n * seconds[unit - units]
							     : -1;
}

/* take_option - "name=value", with or without space around the "=" */
static void
take_option(struct milter_entry *entry, struct span option)
{
	const char *equal = memchr(option.at, '=', option.len);
	char name[40], value[MILTER_ACTION_MAX + 1];

	if (equal == NULL ||
	    !span_copy((struct span){option.at, (size_t)(equal - option.at)}, name,
		sizeof name) ||
	    !span_copy(
		(struct span){equal + 1, option.len - (size_t)(equal - option.at) - 1},
		value, sizeof value))
		return;
	if (strcmp(name, "default_action") == 0)
		strcpy(entry->default_action, value);
	else if (strcmp(name, "command_timeout") == 0)
		entry->command_timeout = milter_list_seconds(value);
}

/* take_entry - an address, or with braces an address and its options */
static void
take_entry(struct milter_list *list, struct span item, bool braced)
{
	const char *from = item.at, *end = item.at + item.len;
	struct milter_entry *entry = &list->entry[list->count];
	struct span part = item;
	bool nested;

	if (list->count == MILTER_LIST_MAX) {
		list->cut = true;
		return;
	}
	*entry = (struct milter_entry){.command_timeout = -1};
	if (braced && !next_item(&from, end, &part, &nested))
		return;
	if (!span_copy(part, entry->address, sizeof entry->address)) {
		list->cut = true;
		return;
	}
	(void)endpoint_from_postfix(entry->address, &entry->endpoint);
	while (braced && next_item(&from, end, &part, &nested))
		take_option(entry, part);
	list->count++;
}

void
milter_list_parse(const char *value, struct milter_list *out)
{
	const char *from = value, *end = value + strlen(value);
	struct span item;
	bool braced;

	out->count = 0;
	out->cut = false;
	out->open = 0;
	for (const char *c = value; *c != '\0'; c++)
		if (*c == '{')
			out->open++;
		else if (*c == '}' && out->open > 0)
			out->open--;
	while (next_item(&from, end, &item, &braced))
		take_entry(out, item, braced);
}

bool
milter_list_squeeze(const char *value, char *out, size_t cap)
{
	size_t n = 0;
	bool between = false;

	for (; *value != '\0'; value++) {
		if (strchr(BETWEEN, *value) != NULL) {
			between = true;
			continue;
		}
		if (n + 3 > cap)
			return false;
		if (between && n > 0 && strchr("{=", out[n - 1]) == NULL &&
		    strchr("}=", *value) == NULL)
			out[n++] = ',';
		out[n++] = *value;
		between = false;
	}
	out[n] = '\0';
	return true;
}

bool
milter_list_replace(
    const char *value, const char *address, const char *other, char *out, size_t cap)
{
	static const char around[] = BETWEEN "{}";
	size_t n = strlen(address);
	const char *at = value;

	if (n == 0)
		return false;
	while ((at = strstr(at, address)) != NULL) {
		bool begins = at == value || strchr(around, at[-1]) != NULL;

		if (begins && strchr(around, at[n]) != NULL)
			return snprintf(out, cap, "%.*s%s%s", (int)(at - value), value,
				   other, at + n) < (int)cap;
		at++;
	}
	return false;
}

/* find_option - what follows the "=" of the option in an entry's braces */
static bool
find_option(struct span item, const char *name, struct span *setting)
{
	const char *from = item.at, *end = item.at + item.len, *equal;
	struct span part;
	char known[40];
	bool nested;

	while (next_item(&from, end, &part, &nested)) {
		equal = memchr(part.at, '=', part.len);
		if (equal == NULL ||
		    !span_copy((struct span){part.at, (size_t)(equal - part.at)}, known,
			sizeof known) ||
		    strcmp(known, name) != 0)
			continue;
		setting->at = equal + 1;
		setting->len = part.len - (size_t)(equal + 1 - part.at);
		return true;
	}
	return false;
}

bool
milter_list_set(const char *value, size_t number, const char *name, const char *setting,
    char *out, size_t cap)
{
	const char *from = value, *end = value + strlen(value);
	struct span item, old;
	bool braced;
	int n;

	do
		if (!next_item(&from, end, &item, &braced))
			return false;
	while (number-- > 0);
	if (!braced) {
		n = snprintf(out, cap, "%.*s{ %.*s, %s=%s }%s", (int)(item.at - value),
		    value, (int)item.len, item.at, name, setting, item.at + item.len);
	} else if (find_option(item, name, &old)) {
		n = snprintf(out, cap, "%.*s%s%s", (int)(old.at - value), value,
		    setting, old.at + old.len);
	} else {
		while (item.len > 0 && strchr(BETWEEN, item.at[item.len - 1]) != NULL)
			item.len--;
		n = snprintf(out, cap, "%.*s, %s=%s%s",
		    (int)(item.at + item.len - value), value, name, setting,
		    item.at + item.len);
	}
	return n < (int)cap;
}
