/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cidr_model.c - random networks and addresses against a model, bit by bit. */
#include "policy/base/cidr.h"
#include "tests/lib/suite.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* bit - bit I of an address, the most significant first */
static unsigned
bit(const struct cidr_ip *a, unsigned i)
{
	return a->byte[i / 8] >> (7 - i % 8) & 1U;
}

/* model_has - bit by bit; IPv4 and IPv6 are told apart as their texts are */
static bool
model_has(const struct cidr *net, bool net_v4, const struct cidr_ip *a, bool a_v4)
{
	if (net_v4 != a_v4)
		return false;
	for (unsigned i = 0; i < net->bits; i++)
		if (bit(&net->base, i) != bit(a, i))
			return false;
	return true;
}

/* draw_address - a random address; prints what an MTA would */
static struct cidr_ip
draw_address(unsigned short *seed, bool v4, char *text)
{
	struct cidr_ip a = {{0}};

	for (unsigned i = v4 ? 12 : 0; i < 16; i++)
		a.byte[i] = (uint8_t)nrand48(seed);
	if (v4)
		a.byte[10] = a.byte[11] = 0xFF;
	else
		a.byte[0] |= 0x20; /* not IPv4-mapped */
	inet_ntop(
	    v4 ? AF_INET : AF_INET6, a.byte + (v4 ? 12 : 0), text, INET6_ADDRSTRLEN);
	return a;
}

/* draw_network - the network of A with a random prefix, printed and parsed */
static struct cidr
draw_network(unsigned short *seed, bool v4, struct cidr_ip a)
{
	unsigned bits = (unsigned)nrand48(seed) % (v4 ? 33 : 129),
		 cut = bits + (v4 ? 96 : 0);
	char text[INET6_ADDRSTRLEN], line[64], print[CIDR_TEXT_MAX];
	struct cidr net, again;

	for (unsigned i = cut; i < 128; i++)
		a.byte[i / 8] &= (uint8_t) ~(1U << (7 - i % 8));
	inet_ntop(v4 ? AF_INET : AF_INET6, a.byte + (v4 ? 12 : 0), text, sizeof text);
	snprintf(line, sizeof line, "%s/%u", text, bits);
	if (cidr_parse(line, &net, NULL) != OK || net.bits != cut ||
	    memcmp(&net.base, &a, sizeof a) != 0)
		ck_abort_msg("%s is not parsed as it is written", line);
	if (cidr_parse(cidr_print(&net, print), &again, NULL) != OK ||
	    memcmp(&net, &again, sizeof net) != 0)
		ck_abort_msg("%s is printed as %s", line, print);
	return net;
}

START_TEST(list_has_as_the_model)
{
	unsigned short seed[3] = {3, 1, 4};
	unsigned hits = 0;

	for (int round = 0; round < 40000; round++) {
		bool net_v4 = nrand48(seed) % 2,
		     a_v4 = nrand48(seed) % 8 ? net_v4 : !net_v4;
		char text[INET6_ADDRSTRLEN];
		struct cidr_ip of = draw_address(seed, net_v4, text), a, read;
		struct cidr_list list = {.count = 1};
		bool has;

		list.net[0] = draw_network(seed, net_v4, of);
		a = draw_address(seed, a_v4, text);
		if (a_v4 == net_v4) { /* near by: one bit away from the network */
			unsigned flip = (unsigned)nrand48(seed) % (a_v4 ? 32 : 125) +
			    (a_v4 ? 96 : 3);

			a = of;
			a.byte[flip / 8] ^= (uint8_t)(1U << (7 - flip % 8));
			inet_ntop(a_v4 ? AF_INET : AF_INET6, a.byte + (a_v4 ? 12 : 0),
			    text, sizeof text);
		}
		if (!cidr_ip_parse(text, &read) || memcmp(&read, &a, sizeof a) != 0)
			ck_abort_msg("%s is not parsed as it is written", text);
		has = model_has(&list.net[0], net_v4, &a, a_v4);
		if (cidr_list_has(&list, &read) != has)
			ck_abort_msg("round %d: %s, prefix of %u bits", round, text,
			    (unsigned)list.net[0].bits);
		hits += has;
	}
	ck_assert_uint_gt(hits, 5000);
	ck_assert_uint_lt(hits, 35000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cidr_model");
	TCase *model = suite_add_case(suite, "model");

	tcase_add_test(model, list_has_as_the_model);
	return suite_run(suite);
}
