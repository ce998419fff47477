/* SPDX-License-Identifier: BSD-2-Clause */
/* rows.h - the policy that is measured: its tenants, mailboxes and their order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { ROW_SIZE = 64 }; /* room for a login of the policy */

/* Mailboxes are numbered from 0 and spread evenly: each tenant has those in a row. */
struct rows {
	unsigned long tenants, mailboxes;
};

/* The tenant of a mailbox. Where there are no mailboxes, numbers are of tenants. */
unsigned long row_tenant(const struct rows *rows, unsigned long number);

/* The login of a mailbox; returns its length. OUT has ROW_SIZE bytes. */
size_t row_login(const struct rows *rows, unsigned long number, char *out);

/* The next of a series of random numbers; STATE may begin with anything. */
uint64_t row_random(uint64_t *state);

/* The N numbers from 0 on, in no order; the same each time. The caller frees them. */
unsigned *row_shuffle(unsigned long n);
