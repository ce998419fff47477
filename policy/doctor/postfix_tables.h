/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_tables - the tables of smtpd_milter_maps */
#pragma once

#include <stddef.h>

/* The effect of a table on the milters of the service; the worst is last. */
enum postfix_tables { TABLES_KEEP, TABLES_UNKNOWN, TABLES_REPLACE, TABLES_DISABLE };

/*
 * Looks through the tables that MAPS names (type:name, separated by commas or space). A
 * result takes the place of smtpd_milters (postconf(5), smtpd_milter_maps): DISABLE, or
 * a list that does not have OURS, a piece of our milter's address. Text files of types
 * cidr, pcre, regexp and texthash are read, "inline:", "static:" and tables in braces
 * taken as written, others listed by "postmap -s". TABLE is the one that the answer is
 * about. DIR is Postfix's configuration folder, NULL for the default one.
 */
enum postfix_tables postfix_tables_look(
    const char *dir, const char *maps, const char *ours, char *table, size_t cap);
