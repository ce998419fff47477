/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_list - locks as people and programs see them */
#ifndef POLICY_CTL_COMMANDS_LOCK_LIST_H
#define POLICY_CTL_COMMANDS_LOCK_LIST_H

#include "policy/ctl/frame/ctl.h"
#include "policy/tables/lock_table.h"

/* Prints the locks of SUBJECT as `locks` does; where there is none, that it has ended.
 */
enum error lock_list_show(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* The lines on the locks of SUBJECT in a list of properties, for people. */
enum error lock_list_properties(
    struct ctl *c, const struct lock_subject *subject) MUST_USE;

#endif
