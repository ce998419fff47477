/* SPDX-License-Identifier: BSD-2-Clause */
/* stored_settings - the settings as one snapshot of the database has them */
#include "policy/store/stored_settings.h"

enum error
stored_settings_get(
    struct db_txn *txn, const struct setting *setting, char *out, size_t cap)
{
	uint8_t buf[RECORD_MAX];
	struct key key;
	size_t len;
	enum error e;

	key_name(&key, TABLE_SETTING, setting->key);
	e = db_get(txn, &key, buf, sizeof buf, &len);
	if (e != OK)
		return e == ERR_LIMIT ? ERR_DAMAGED : e;
	return settings_decode((struct bytes){buf, len}, out, cap);
}

enum error
stored_settings_load(struct db_txn *txn, struct settings *out_r)
{
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;
	enum error e;

	settings_init(out_r);
	for (size_t i = 0; (row = settings_at(i)) != NULL; i++) {
		e = stored_settings_get(txn, row, text, sizeof text);
		if (e == ERR_NOTFOUND)
			continue;
		if (e == OK)
			e = settings_apply(row, text, out_r);
		if (e != OK)
			return e;
	}
	return OK;
}
