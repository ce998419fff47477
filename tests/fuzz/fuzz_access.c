/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_access.c - access tables of any bytes: read, and imported. */
#include "fuzz.h"
#include "policy.h"

#include "policy/import/access_rows.h"

#include <stdlib.h>
#include <string.h>

static enum error
next(void *reader, struct row *row, bool *found_r, struct error_text *why)
{
	enum error e = access_rows_next(reader, row, found_r, why);

	if (e == OK && *found_r) {
		fuzz_expect(row->type == ROW_MAILBOX && row->name[0] != '\0');
		fuzz_expect(strpbrk(row->name, " \t\r\n") == NULL);
		fuzz_expect(row->mailbox.note[0] == '\0' ||
		    row->mailbox.smtp_auth == SMTP_AUTH_DISABLED);
		fuzz_expect(row->mailbox.until == INSTANT_NONE);
		fuzz_expect(row->mailbox.clients.count == 0);
	}
	return e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct access_rows *a = malloc(sizeof *a);
	FILE *in = fuzz_stream(data, size);

	fuzz_expect(a != NULL);
	access_rows_start(a, in, 1, POLICY_NOW);
	policy_import(&(struct policy_rows){next, a});
	access_rows_end(a);
	free(a);
	fclose(in);
	return 0;
}
