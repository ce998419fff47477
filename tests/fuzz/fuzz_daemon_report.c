/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_daemon_report.c - what a helper process could say of the daemon. */
#include "fuzz.h"

#include "policy/base/text.h"
#include "policy/ctl/usage/daemon.h"

#include <string.h>

static void
expect_line(const char *s)
{
	fuzz_expect(text_is_line(s, strlen(s)));
}

static void
expect_beat(const struct heartbeat *h)
{
	expect_line(h->socket);
	expect_line(h->version);
	fuzz_expect(instant_is_valid(h->started) && instant_is_valid(h->beat));
	fuzz_expect(h->policy <= HEARTBEAT_FAULT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
	FILE *from = fuzz_stream(at, size);
	struct daemon_report r;
	enum error e = daemon_report_read(from, &r);

	fclose(from);
	if (e != OK)
		return 0;
	fuzz_expect(r.error < WALK_STOP && r.error != ERR_NOTFOUND);
	expect_line(r.why.text);
	if (r.has_asked)
		expect_beat(&r.asked);
	if (r.has_latest)
		expect_beat(&r.latest);
	if (r.has_host) {
		expect_line(r.host.name);
		fuzz_expect(instant_is_valid(r.host.since));
		fuzz_expect(instant_is_valid(r.host.until));
	}
	return 0;
}
