/* SPDX-License-Identifier: BSD-2-Clause */
/* bad_lines - the lines of an input that are wrong, told as they are found */
#include "policy/ctl/transfer/line_errors.h"

#include <inttypes.h>

#include "policy/ctl/frame/remark.h"

void
bad_lines_add(
    struct bad_lines *b, FILE *to, uint64_t line, const struct error_text *why)
{
	if (b->count++ < BAD_LINES_SHOWN)
		remark(to, "line %" PRIu64 ": %s", line, why->text);
}

enum error
bad_lines_end(const struct bad_lines *b, const char *what, struct error_text *why)
{
	if (b->count == 0)
		return OK;
	return error_set(why, ERR_DATA, "%" PRIu64 " bad %s%s; nothing is changed",
	    b->count, what, b->count == 1 ? "" : "s");
}

bool
bad_lines_is(enum error e)
{
	return e == ERR_USAGE || e == ERR_DATA || e == ERR_NOTFOUND ||
	    e == ERR_EXISTS || e == ERR_CONFLICT || e == ERR_PROTECTED ||
	    e == ERR_LIMIT;
}
