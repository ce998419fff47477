/* SPDX-License-Identifier: BSD-2-Clause */
/* contact - the address of whoever is told about a tenant */
#pragma once

#include <stdbool.h>

#include "policy/identity/domain.h"
#include "policy/model/tenant.h"

#define CONTACT_ASCII_MAX (CONTACT_MAX + DOMAIN_MAX + 2) /* with the NUL */

/*
 * Whether ADDRESS is one that every sendmail(1) takes as one recipient, and nothing
 * else: local@domain, of ASCII letters, digits and what RFC 5322 section 3.2.3 has for
 * an atom, with dots between, and not beginning with a dash.
 */
bool contact_can_address(const char *address);

/*
 * The contact S as such an address in OUT (CONTACT_ASCII_MAX bytes), its domain in
 * ASCII; false where it is none.
 */
bool contact_to_ascii(const char *s, char *out);
