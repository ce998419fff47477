/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant - the commands on tenants */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/model/tenant.h"

/* Prints all of a tenant, as `tenant show` does. */
enum error tenant_show(struct ctl *c, const struct tenant *t) MUST_USE;
