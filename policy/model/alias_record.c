/* SPDX-License-Identifier: BSD-2-Clause */
/* alias_record - the stored record of a login alias */
#include "policy/model/alias_record.h"

#define ALIAS_VERSION 1

struct bytes
alias_record_encode(const struct login *login, uint8_t *buf)
{
	struct record_writer w;

	record_write_start(&w, buf, ALIAS_RECORD_MAX);
	record_put_u8(&w, ALIAS_VERSION);
	record_put_bytes(&w, login->text, login->len);
	return (struct bytes){buf, w.len};
}

enum error
alias_record_decode(struct bytes from, struct login *out_r)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, ALIAS_VERSION);

	return e == OK ? login_from_normal((const char *)r.at, r.left, out_r) : e;
}

enum error
alias_record_index(struct bytes key, struct bytes value, struct key *index_r,
    uint8_t *buf, struct bytes *value_r)
{
	struct login login, mailbox;
	enum error e = key_to_login(key, &login);

	if (e == OK)
		e = alias_record_decode(value, &mailbox);
	if (e != OK)
		return e;
	key_mailbox_alias(index_r, &mailbox, &login);
	*value_r = alias_record_encode(&login, buf);
	return OK;
}
