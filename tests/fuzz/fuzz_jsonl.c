/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_jsonl.c - JSON Lines of any bytes: read and imported. */
#include "fuzz.h"
#include "policy.h"

#include "policy/import/jsonl.h"

#include <stdlib.h>

static enum error
next(void *reader, struct row *row, bool *found_r, struct error_text *why)
{
	return jsonl_next(reader, row, found_r, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonl *j = malloc(sizeof *j);
	FILE *in = fuzz_stream(data, size);

	fuzz_expect(j != NULL);
	jsonl_start(j, in, 1, POLICY_NOW);
	policy_import(&(struct policy_rows){next, j});
	jsonl_end(j);
	free(j);
	fclose(in);
	return 0;
}
