/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_decision_line.c - any line of a log, and any value in a line of the daemon's. */
#include "fuzz.h"

#include "policy/base/text.h"
#include "policy/ctl/why/decision_line.h"

#include <stdlib.h>
#include <string.h>

#define ID "458bhpx12b"
#define NOW INT64_C(1796029921)

enum { SHOWN_MAX = 500 }; /* bytes of a value that the daemon shows */
enum { UTF8_MAX = 4 };

/* value_check - that it is whole, or is called cut */
static void
value_check(const struct decision_value *v)
{
	fuzz_expect(v->len <= DECISION_VALUE_MAX);
	fuzz_expect(v->at[v->len] == '\0');
}

/* any_line - says what is in the line, and only of the id that was asked for */
static void
any_line(const char *s)
{
	struct decision_line line;

	if (!decision_line_read(&line, s, ID, NOW))
		return;
	fuzz_expect(strstr(s, ID) != NULL);
	fuzz_expect(strcmp(line.id, ID) == 0);
	fuzz_expect(line.verdict.len > 0);
	value_check(&line.verdict);
	value_check(&line.reason);
	value_check(&line.login);
	value_check(&line.client);
	value_check(&line.sender);
}

/* foreign - what another program logs is no decision, whatever it is */
static void
foreign(const char *s)
{
	static const char head[] = "Nov 30 09:12:01 mx postfix/smtpd[9]: ";
	struct decision_line line;
	size_t n = strlen(s) + 1;
	char *whole = malloc(sizeof head + n);

	fuzz_expect(whole != NULL);
	memcpy(whole, head, sizeof head - 1);
	memcpy(whole + sizeof head - 1, s, n);
	fuzz_expect(!decision_line_read(&line, whole, ID, NOW));
	free(whole);
}

/* value - of a client's choice: it comes back, and is no other value */
static void
value(const uint8_t *data, size_t n)
{
	char room[4 * SHOWN_MAX + 300];
	struct decision_line line;
	struct text t;

	text_init(&t, room, sizeof room);
	text_puts(&t, "smtpauth-milter: id=" ID " verdict=reject reason=x login=");
	text_escape(&t, (const char *)data, n, SHOWN_MAX);
	text_puts(&t, " tenant=acme client=192.0.2.7 sender=s");
	fuzz_expect(!t.cut);
	fuzz_expect(decision_line_read(&line, room, ID, NOW));
	/* the last character that is shown may end behind the limit */
	fuzz_expect(line.login.cut ? n > SHOWN_MAX : n < SHOWN_MAX + UTF8_MAX);
	if (!line.login.cut) {
		fuzz_expect(line.login.len == n);
		fuzz_expect(memcmp(line.login.at, data, n) == 0);
	}
	fuzz_expect(strcmp(line.verdict.at, "reject") == 0);
	fuzz_expect(strcmp(line.tenant.at, "acme") == 0);
	fuzz_expect(strcmp(line.client.at, "192.0.2.7") == 0);
	fuzz_expect(strcmp(line.sender.at, "s") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size);

	any_line(s);
	foreign(s);
	value(data, size);
	free(s);
	return 0;
}
