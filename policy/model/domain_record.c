/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_record - the stored record of a domain, which names its tenant */
#include "policy/model/domain_record.h"

#include "policy/identity/domain.h"

#define DOMAIN_VERSION 1

struct bytes
domain_record_encode(const char *tenant, uint8_t *buf)
{
	struct record_writer w;

	record_write_start(&w, buf, DOMAIN_RECORD_MAX);
	record_put_u8(&w, DOMAIN_VERSION);
	record_put_string(&w, tenant);
	return (struct bytes){buf, w.len};
}

enum error
domain_record_decode(struct bytes from, char *tenant)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, DOMAIN_VERSION);

	if (e != OK)
		return e;
	record_get_string(&r, tenant, TENANT_NAME_MAX + 1);
	if (tenant[0] == '\0') /* it would read as "no tenant" */
		return ERR_DAMAGED;
	return record_end(&r);
}

enum error
domain_record_index(struct bytes key, struct bytes value, struct key *index_r)
{
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	enum error e = domain_record_decode(value, tenant);

	if (e == OK)
		e = key_to_name(key, 1, DOMAIN_MAX, domain);
	if (e != OK)
		return e;
	key_tenant_domain(index_r, tenant, domain);
	return OK;
}
