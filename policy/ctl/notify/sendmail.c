/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - hands a message to sendmail(1) */
#include "policy/ctl/notify/sendmail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/base/child_process.h"

#define ERRORS_MAX 4096

/* print_status - its name in sysexits.h, if it has one; the length of that */
static int
print_status(int status, char *reason)
{
	static const char *const names[] = {"EX_USAGE", "EX_DATAERR", "EX_NOINPUT",
	    "EX_NOUSER", "EX_NOHOST", "EX_UNAVAILABLE", "EX_SOFTWARE", "EX_OSERR",
	    "EX_OSFILE", "EX_CANTCREAT", "EX_IOERR", "EX_TEMPFAIL", "EX_PROTOCOL",
	    "EX_NOPERM", "EX_CONFIG"};
	int code = WEXITSTATUS(status);

	if (!WIFEXITED(status))
		return snprintf(reason, SENDMAIL_REASON_MAX, "ended by signal %d",
		    WTERMSIG(status));
	if (code >= EX__BASE && code <= EX__MAX)
		return snprintf(
		    reason, SENDMAIL_REASON_MAX, "%s", names[code - EX__BASE]);
	return snprintf(reason, SENDMAIL_REASON_MAX, "exit status %d", code);
}

/* explain - why it failed, and the first line it wrote that is not empty */
static void
explain(const struct child_process *p, char *reason)
{
	const char *s = p->output != NULL ? p->output : "", *end = s + p->output_len;
	int n = print_status(p->status, reason);

	while (s < end && (*s == '\n' || *s == '\r' || *s == ' ' || *s == '\0'))
		s++;
	for (const char *at = s; at < end; at++)
		if (*at == '\n' || *at == '\r' || *at == '\0')
			end = at;
	if (end > s)
		snprintf(reason + n, (size_t)(SENDMAIL_REASON_MAX - n), ": %.*s",
		    (int)(end - s), s);
}

enum error
sendmail_send(const char *path, const char *address, const char *message, size_t n,
    int seconds, char *reason)
{
	struct child_process p = {.path = path,
	    .argv = (const char *const[]){path, "-i", "--", address, NULL},
	    .input = message,
	    .input_left = n,
	    .output_fd = STDERR_FILENO,
	    .output_max = ERRORS_MAX,
	    .seconds = seconds};
	enum error e = child_process_run(&p);

	*reason = '\0';
	if (e == ERR_BUSY)
		snprintf(
		    reason, SENDMAIL_REASON_MAX, "not done after %d seconds", seconds);
	else if (e != OK)
		snprintf(reason, SENDMAIL_REASON_MAX, "cannot run %s: %s", path,
		    strerror(errno));
	else if (!WIFEXITED(p.status) || WEXITSTATUS(p.status) != 0)
		explain(&p, reason);
	else if (p.input_left > 0)
		snprintf(reason, SENDMAIL_REASON_MAX,
		    "it ended before it had read the message");
	free(p.output);
	return *reason == '\0' ? OK : ERR_IO;
}
