/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_jsonl.c - JSON Lines of any bytes: read, imported, and read by the slow way. */
#include "fuzz.h"
#include "policy.h"

#include "policy/import/jsonl.h"

#include <stdlib.h>
#include <string.h>

static enum error
next(void *reader, struct row *row, uint64_t *line_r, struct error_text *why)
{
	return jsonl_next(reader, row, line_r, why);
}

/* write_record - the bytes that would be stored */
static void
write_record(const struct row *row, FILE *to)
{
	uint8_t buf[RECORD_MAX];
	struct record_writer w;

	record_write_start(&w, buf, sizeof buf);
	if (row->type == ROW_MAILBOX)
		mailbox_encode(&row->mailbox, &w);
	if (row->type == ROW_TENANT) {
		fprintf(to, " %s", row->tenant.name);
		tenant_encode(&row->tenant, &w);
	}
	fuzz_expect(!w.failed);
	fwrite(buf, 1, w.len, to);
}

/* write_row - all that it says, with its place */
static void
write_row(const struct row *row, uint64_t line, FILE *to)
{
	fprintf(to, "%llu %d %u %s %s", (unsigned long long)line, (int)row->type,
	    row->says, row->name != NULL ? row->name : "",
	    row->value != NULL ? row->value : "");
	for (size_t i = 0; i < row->domains; i++)
		fprintf(to, " %s", row->domain[i]);
	write_record(row, to);
	putc('\n', to);
}

/* meaning - what all lines say, as one text; the caller frees it */
static char *
meaning(FILE *in, size_t *n_r)
{
	struct jsonl *j = malloc(sizeof *j);
	struct row row = {0};
	uint64_t line = 0;
	char *text;
	FILE *to = open_memstream(&text, n_r);
	enum error e;

	fuzz_expect(j != NULL && to != NULL);
	jsonl_start(j, in, 1, POLICY_NOW);
	while ((e = jsonl_next(j, &row, &line, NULL)) != ERR_NOTFOUND) {
		fuzz_expect(e == OK || e == ERR_DATA);
		if (e == OK)
			write_row(&row, line, to);
		else
			fprintf(to, "%llu bad\n", (unsigned long long)line);
	}
	jsonl_end(j);
	free(row.domain);
	free(j);
	fclose(to);
	return text;
}

/* padded - with each line too long for the quick way; the caller frees it */
static char *
padded(const uint8_t *data, size_t size, size_t *n_r)
{
	char *text;
	FILE *to = open_memstream(&text, n_r);

	fuzz_expect(to != NULL);
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			fprintf(to, "%*s", JSONL_PLAIN_MAX, "");
		putc(data[i], to);
	}
	fprintf(to, "%*s", JSONL_PLAIN_MAX, "");
	fclose(to);
	return text;
}

/* means_the_same - the quick way takes nothing that the full parser would not */
static void
means_the_same(const uint8_t *data, size_t size)
{
	size_t long_n, n1, n2;
	char *longer = padded(data, size, &long_n);
	FILE *in = fuzz_stream(data, size), *long_in = fuzz_stream(longer, long_n);
	char *one = meaning(in, &n1), *two = meaning(long_in, &n2);

	fuzz_expect(n1 == n2 && memcmp(one, two, n1) == 0);
	free(one);
	free(two);
	fclose(in);
	fclose(long_in);
	free(longer);
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
	means_the_same(data, size);
	return 0;
}
