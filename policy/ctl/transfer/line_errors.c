/* SPDX-License-Identifier: BSD-2-Clause */
/* line_errors - the wrong lines of an input, reported as they are found */
#include "policy/ctl/transfer/line_errors.h"

#include <inttypes.h>

#include "policy/ctl/frame/print.h"

#define LINES_SHOWN 20

void
line_errors_add(
    struct line_errors *b, FILE *to, uint64_t line, const struct error_text *why)
{
	if (b->count++ < LINES_SHOWN)
		print_remark(to, "line %" PRIu64 ": %s", line, why->text);
}

enum error
line_errors_end(const struct line_errors *b, const char *what, struct error_text *why)
{
	if (b->count == 0)
		return OK;
	return error_set(why, ERR_DATA, "%" PRIu64 " bad %s%s; nothing is changed",
	    b->count, what, b->count == 1 ? "" : "s");
}

bool
line_errors_is(enum error e)
{
	return e == ERR_USAGE || e == ERR_DATA || e == ERR_NOTFOUND ||
	    e == ERR_EXISTS || e == ERR_CONFLICT || e == ERR_PROTECTED ||
	    e == ERR_LIMIT;
}
