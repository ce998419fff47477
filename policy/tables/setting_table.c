/* SPDX-License-Identifier: BSD-2-Clause */
/* setting_table - the settings as the database has them */
#include "policy/tables/setting_table.h"

#include <string.h>
#include <strings.h>

#include "policy/tables/alias_table.h"

/* store_text - a canonical value into the database */
static enum error __attribute__((noinline)) /* a large frame */
store_text(struct store_txn *txn, const struct setting *setting, const char *text)
{
	struct record_writer w;
	uint8_t buf[RECORD_MAX];
	struct key key;

	key_name(&key, TABLE_SETTING, setting->key);
	record_write_start(&w, buf, sizeof buf);
	settings_encode(text, &w);
	return w.failed ? ERR_LIMIT : store_put(txn, &key, (struct bytes){buf, w.len});
}

struct separators {
	const char *of; /* characters */
	struct error_text *why;
};

/* check_separators - no login comes out with one of them, and without an '@' */
static enum error
check_separators(void *arg, const struct login *login, const struct login *mailbox)
{
	const struct separators *s = arg;

	if (login->has_domain || strpbrk(login->text, s->of) == NULL)
		return OK;
	return error_set(s->why, ERR_CONFLICT,
	    "the login alias %s of mailbox %s would never be looked at; remove it first",
	    login->text, mailbox->text);
}

enum error
setting_table_set(struct store_txn *txn, const struct setting *setting,
    const char *value, struct error_text *why)
{
	char text[SETTING_TEXT_MAX + 1];
	struct separators separators = {text, why};
	struct error_text bad;
	enum error e = settings_canonical(setting, value, text, sizeof text, &bad);

	if (e != OK)
		return error_set(why, e, "%s: %.*s", setting->key,
		    ERROR_TEXT_MAX - SETTING_KEY_MAX, bad.text);
	if (strcmp(setting->key, "login-separators") == 0)
		e = alias_table_each(txn, NULL, check_separators, &separators);
	return e == OK ? store_text(txn, setting, text) : e;
}

enum error
setting_table_unset(struct store_txn *txn, const struct setting *setting)
{
	struct key key;

	key_name(&key, TABLE_SETTING, setting->key);
	return store_delete(txn, &key);
}

/* one_item - ITEM in canonical form; a list of several is refused */
static enum error
one_item(const struct setting *setting, const char *item, char *out, size_t cap,
    struct error_text *why)
{
	enum error e = settings_canonical(setting, item, out, cap, why);

	if (e == OK && strchr(out, ',') != NULL)
		return error_set(why, ERR_DATA, "\"%s\" is more than one item", item);
	return e;
}

/*
 * take_out - LIST without ITEM, in place; whether it was there. Case is ignored, as
 * where a list is looked at: WEBMAIL and webmail are one listener.
 */
static bool
take_out(char *list, const char *item)
{
	size_t n, len = strlen(item), kept = 0;
	bool found = false;

	for (const char *at = list; *at != '\0'; at += n, at += *at == ',') {
		n = strcspn(at, ",");
		if (n == len && strncasecmp(at, item, n) == 0) {
			found = true;
			continue;
		}
		if (kept > 0)
			list[kept++] = ',';
		memmove(list + kept, at, n);
		kept += n;
	}
	list[kept] = '\0';
	return found;
}

enum error
setting_table_add(struct store_txn *txn, const struct setting *setting,
    const char *item, struct error_text *why)
{
	char list[SETTING_TEXT_MAX + 1], word[SETTING_LISTENERS_MAX + 1];
	enum error e = one_item(setting, item, word, sizeof word, why);
	size_t have, more;
	bool found;

	if (e == OK)
		e = store_get_setting(txn, setting, list, sizeof list, &found);
	if (e != OK)
		return e;
	if (!found)
		return store_text(txn, setting, word);
	have = strlen(list);
	more = strlen(word);
	if (have + 1 + more >= sizeof list)
		return error_set(why, ERR_DATA, "the list %s is full", setting->key);
	list[have] = ',';
	memcpy(list + have + 1, word, more + 1);
	return setting_table_set(txn, setting, list, why);
}

enum error
setting_table_remove(struct store_txn *txn, const struct setting *setting,
    const char *item, struct error_text *why)
{
	char list[SETTING_TEXT_MAX + 1], word[SETTING_LISTENERS_MAX + 1];
	bool found;
	enum error e = one_item(setting, item, word, sizeof word, why);

	if (e == OK)
		e = store_get_setting(txn, setting, list, sizeof list, &found);
	if (e != OK)
		return e;
	if (!found || !take_out(list, word))
		return error_set(
		    why, ERR_NOTFOUND, "%s is not in %s", word, setting->key);
	return list[0] != '\0' ? store_text(txn, setting, list)
			       : setting_table_unset(txn, setting);
}
