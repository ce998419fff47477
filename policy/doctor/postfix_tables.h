/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_tables - what smtpd_milter_maps may hold */
#ifndef DOCTOR_POSTFIX_TABLES_H
#define DOCTOR_POSTFIX_TABLES_H

#include <stddef.h>

enum tables { TABLES_KEEP, TABLES_DISABLE, TABLES_UNKNOWN };

/*
 * Looks through the tables that MAPS names (type:name, parted by commas or space) for
 * the value DISABLE: text files of types cidr, pcre, regexp and texthash by themselves,
 * "inline:" and "static:" in place, files of other types with "postmap -s". TABLE is
 * the one that the answer is about.
 */
enum tables tables_disable(const char *maps, char *table, size_t cap);

#endif
