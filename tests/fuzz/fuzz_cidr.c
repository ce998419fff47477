/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_cidr.c - networks and addresses: what is read is printed and read the same. */
#include "fuzz.h"

#include "policy/base/cidr.h"

#include <stdlib.h>
#include <string.h>

/* has - whether a network holds an address, bit by bit */
static bool
has(const struct cidr *net, const struct cidr_ip *a)
{
	static const uint8_t v4[12] = {[10] = 0xFF, [11] = 0xFF};

	if (memcmp(a->byte, v4, sizeof v4) == 0 && net->bits < 96)
		return false; /* an IPv6 network that would swallow all of IPv4 */
	for (unsigned i = 0; i < net->bits; i++)
		if (((net->base.byte[i / 8] ^ a->byte[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static bool
any_has(const struct cidr_list *list, const struct cidr_ip *a)
{
	for (unsigned i = 0; i < list->count; i++)
		if (has(&list->net[i], a))
			return true;
	return false;
}

/* is_sound - in order, once each, no bits behind the prefix; each reads as itself */
static void
is_sound(const struct cidr_list *list)
{
	struct cidr again;
	char text[CIDR_TEXT_MAX];

	fuzz_expect(list->count > 0 && list->count <= CIDR_LIST_MAX);
	for (unsigned i = 0; i < list->count; i++) {
		const struct cidr *net = &list->net[i];

		fuzz_expect(cidr_is_valid(net));
		fuzz_expect(cidr_print(net, text) == text);
		fuzz_expect(cidr_parse(text, &again, NULL) == OK);
		fuzz_expect(memcmp(net, &again, sizeof again) == 0);
		if (i > 0)
			fuzz_expect(memcmp(&list->net[i - 1], net, sizeof *net) < 0);
	}
}

/* is_stable - printed and read, it is the same list */
static void
is_stable(const struct cidr_list *list)
{
	char buf[CIDR_LIST_MAX * CIDR_TEXT_MAX];
	struct cidr_list again;
	struct text t;

	text_init(&t, buf, sizeof buf);
	cidr_list_print(list, &t);
	fuzz_expect(!t.cut);
	fuzz_expect(cidr_list_parse(buf, &again, NULL) == OK);
	fuzz_expect(memcmp(list, &again, sizeof again) == 0);
}

/* holds_right - the ends of each network, and what is beside them */
static void
holds_right(const struct cidr_list *list)
{
	struct cidr_ip a, loopback;

	for (unsigned i = 0; i < list->count; i++) {
		unsigned bits = list->net[i].bits;

		a = list->net[i].base;
		fuzz_expect(cidr_list_has(list, &a) == any_has(list, &a));
		if (bits > 0) {
			a.byte[(bits - 1) / 8] ^= (uint8_t)(1u << (7 - (bits - 1) % 8));
			fuzz_expect(cidr_list_has(list, &a) == any_has(list, &a));
		}
		memset(&a, 0xFF, sizeof a);
		fuzz_expect(cidr_list_has(list, &a) == any_has(list, &a));
	}
	fuzz_expect(cidr_ip_parse("192.0.2.1", &a));
	fuzz_expect(cidr_list_has(list, &a) == any_has(list, &a));
	fuzz_expect(cidr_ip_parse("127.0.0.1", &loopback) && cidr_ip_parse("::1", &a));
	if (any_has(list, &loopback) || any_has(list, &a))
		fuzz_expect(cidr_list_has_loopback(list));
}

static void
address_is_stable(const char *s)
{
	char text[CIDR_IP_TEXT_MAX];
	struct cidr_ip a, again;

	if (!cidr_ip_parse(s, &a))
		return;
	fuzz_expect(strlen(cidr_ip_print(&a, text)) < CIDR_IP_TEXT_MAX);
	fuzz_expect(cidr_ip_parse(text, &again));
	fuzz_expect(memcmp(&a, &again, sizeof a) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size);
	struct error_text why = {""};
	struct cidr_list list;
	enum error e = cidr_list_parse(s, &list, &why);

	fuzz_expect(e == OK || (e == ERR_DATA && why.text[0] != '\0'));
	if (e == OK) {
		is_sound(&list);
		is_stable(&list);
		holds_right(&list);
	}
	address_is_stable(s);
	free(s);
	return 0;
}
