/* SPDX-License-Identifier: BSD-2-Clause */
/* milter_answers.c - what a filter that denies every login may answer to some bytes. */
#include "milter_answers.h"

#include "fuzz.h"

#include "policy/decision/reply.h"

#include <string.h>

/* Bits of the negotiation, as in libmilter/mfdef.h. */
enum {
	NO_CONNECT = 0x01,
	NO_HELO = 0x02,
	NO_RCPT = 0x08,
	NO_BODY = 0x10,
	NO_HEADERS = 0x20,
	NO_EOH = 0x40,
	NO_UNKNOWN = 0x100,
	NO_DATA = 0x200,
	MAY_DECLINE = NO_CONNECT | NO_HELO | NO_RCPT | NO_BODY | NO_HEADERS | NO_EOH |
	    NO_UNKNOWN | NO_DATA,
	SET_SYMLIST = 0x100
};

struct packet {
	char command;
	const uint8_t *at;
	size_t n;
};

static uint32_t
number(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	    at[3];
}

/* packet_next - takes one off; false where there is no whole one */
static bool
packet_next(const uint8_t **at, size_t *left, struct packet *packet_r)
{
	size_t n = *left >= 5 ? number(*at) : 0;

	if (n == 0 || n > *left - 4)
		return false;
	*packet_r = (struct packet){(char)(*at)[4], *at + 5, n - 1};
	*at += 4 + n;
	*left -= 4 + n;
	return true;
}

bool
milter_is_harmful(const uint8_t *packet, size_t n)
{
	bool odd = false;

	for (size_t i = 2; n > 0 && packet[0] == 'D' && i < n; i++)
		odd ^= packet[i] == '\0';
	return odd;
}

bool
milter_is_deadly(const uint8_t *sent, size_t n)
{
	struct packet p;

	while (packet_next(&sent, &n, &p))
		if (milter_is_harmful(p.at - 1, p.n + 1))
			return true;
	return false;
}

/* string_next - takes a string off a list of them; NULL where none is whole */
static const char *
string_next(const uint8_t **at, size_t *left)
{
	const uint8_t *end = *left > 0 ? memchr(*at, '\0', *left) : NULL;
	const char *s = (const char *)*at;

	if (end == NULL)
		return NULL;
	*left -= (size_t)(end - *at) + 1;
	*at = end + 1;
	return s;
}

/* names_somebody - whether these macros of MAIL say who is logged in */
static bool
names_somebody(const struct packet *p)
{
	const uint8_t *at = p->at + 1;
	const char *name, *value, *login = NULL;
	size_t left;

	if (p->command != 'D' || p->n < 2 || p->at[0] != 'M')
		return false;
	left = p->n - 1;
	while ((name = string_next(&at, &left)) != NULL) {
		value = string_next(&at, &left);
		if (value == NULL)
			return false;
		if (login == NULL && strcmp(name, "{auth_authen}") == 0)
			login = value;
	}
	return left == 0 && login != NULL && *login != '\0';
}

struct milter_questions
milter_ask(const uint8_t *sent, size_t n)
{
	struct milter_questions q = {0};
	struct packet p;
	bool somebody = false;

	while (packet_next(&sent, &n, &p)) {
		if (p.command == 'M') {
			q.mails++;
			q.open += !somebody;
		}
		q.negotiations += p.command == 'O';
		q.others += strchr("MODAKQ", p.command) == NULL;
		somebody = names_somebody(&p);
	}
	return q;
}

/* expect_negotiation - MAIL is never declined, and every answer is waited for */
static void
expect_negotiation(const struct packet *p)
{
	fuzz_expect(p->n >= 12);
	fuzz_expect((number(p->at + 4) & ~(uint32_t)SET_SYMLIST) == 0);
	fuzz_expect((number(p->at + 8) & ~(uint32_t)MAY_DECLINE) == 0);
}

/* expect_reply - a line as SMTP has it, in which every % is two */
static void
expect_reply(const struct packet *p)
{
	size_t n = p->n - 1;

	fuzz_expect(p->n > 10 && p->at[n] == '\0');
	fuzz_expect(memchr(p->at, '\0', n) == NULL);
	fuzz_expect(p->at[0] == '4' || p->at[0] == '5');
	fuzz_expect(p->at[3] == ' ' && p->at[4] == p->at[0] && p->at[5] == '.');
	for (size_t i = 0; i < p->n - 1; i++) {
		fuzz_expect(p->at[i] >= ' ' && p->at[i] <= '~');
		if (p->at[i] != '%')
			continue;
		fuzz_expect(p->at[++i] == '%');
		n--;
	}
	fuzz_expect(n <= REPLY_LINE_MAX);
}

static void
count(const struct packet *p, struct milter_answers *answers)
{
	switch (p->command) {
	case 'O':
		expect_negotiation(p);
		answers->negotiations++;
		break;
	case 'a':
		answers->accepted++;
		break;
	case 'c':
		answers->continued++;
		break;
	case 'y':
		expect_reply(p);
		answers->denied++;
		break;
	default:
		fuzz_fail(__FILE__, __LINE__, "a kind of answer that we have");
	}
}

struct milter_answers
milter_expect(const uint8_t *answer, size_t n, const struct milter_questions *questions)
{
	struct milter_answers a = {0};
	struct packet p;

	while (packet_next(&answer, &n, &p))
		count(&p, &a);
	fuzz_expect(n == 0);
	fuzz_expect(a.accepted <= questions->open);
	fuzz_expect(a.accepted + a.denied <= questions->mails);
	fuzz_expect(a.continued <= questions->others);
	fuzz_expect(a.negotiations <= questions->negotiations);
	return a;
}
