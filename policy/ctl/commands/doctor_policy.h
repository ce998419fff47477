/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor_policy - what doctor finds in the policy and its audit log */
#pragma once

#include "policy/doctor/checks.h"

/* Both do nothing where no policy is open. */

/* A finding if tenants seem to be denied, and pass: those in report mode. */
void doctor_policy_reported(struct checks *c);

/*
 * A finding if the policy has been changed since a snapshot was applied: the next one
 * takes that back. Locks are no such change. Sets C's `renamed`; where the audit log
 * cannot be read, to the present time.
 */
void doctor_policy_history(struct checks *c);
