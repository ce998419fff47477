/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_daemon_report.c - what a helper process could say of the daemon. */
#include "fuzz.h"

#include "policy/ctl/usage/daemon_report.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
	uint8_t bytes[DAEMON_REPORT_MAX];
	struct record_writer w;
	struct daemon_report r;

	if (daemon_report_decode((struct bytes){at, size}, &r) != OK)
		return 0;
	fuzz_expect(r.error <= ERR_INTERNAL);
	record_write_start(&w, bytes, sizeof bytes);
	daemon_report_encode(&r, &w);
	fuzz_expect(!w.failed && w.len == size && memcmp(bytes, at, size) == 0);
	return 0;
}
