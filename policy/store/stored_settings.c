/* SPDX-License-Identifier: BSD-2-Clause */
/* stored_settings - the settings as one snapshot of the database has them */
#include "policy/store/stored_settings.h"

enum error
stored_settings_get(struct db_txn *txn, const struct setting *setting, char *out,
    size_t cap, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	key_name(&key, TABLE_SETTING, setting->key);
	e = db_get(txn, &key, buf, sizeof buf, &value);
	*found_r = value.at != NULL;
	if (e != OK)
		return e == ERR_LIMIT ? ERR_DAMAGED : e;
	return *found_r ? settings_decode(value, out, cap) : OK;
}

enum error
stored_settings_load(struct db_txn *txn, struct settings *out_r)
{
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;
	bool found;
	enum error e;

	settings_init(out_r);
	for (size_t i = 0; (row = settings_at(i)) != NULL; i++) {
		e = stored_settings_get(txn, row, text, sizeof text, &found);
		if (e == OK && found)
			e = settings_apply(row, text, out_r);
		if (e != OK)
			return e;
	}
	return OK;
}
