/* SPDX-License-Identifier: BSD-2-Clause */
/* remark - a line for a person, on standard error */
#include "policy/ctl/frame/remark.h"

#include <stdarg.h>
#include <string.h>

#include "policy/base/error.h"
#include "policy/base/text.h"

void
remark(FILE *to, const char *fmt, ...)
{
	char line[ERROR_TEXT_MAX + 64], shown[4 * sizeof line + 64];
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	text_init(&t, shown, sizeof shown);
	text_show(&t, line, strlen(line), sizeof line);
	fprintf(to, "smtpauthctl: %s\n", shown);
}
