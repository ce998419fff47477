/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - the commands on mailboxes */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/identity/login.h"
#include "policy/model/mailbox.h"

/* Prints all of a mailbox, as `mailbox show` does; M is its record. */
enum error mailbox_show(
    struct ctl *c, const struct login *address, const struct mailbox *m) MUST_USE;
