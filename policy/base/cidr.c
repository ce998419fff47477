/* SPDX-License-Identifier: BSD-2-Clause */
/* cidr - IP addresses, networks and lists of networks */
#include "policy/base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

static const struct cidr loopback[] = {
    {{{[10] = 0xFF, [11] = 0xFF, [12] = 127}}, 104}, {{{[15] = 1}}, 128}};

static bool
is_v4(const struct cidr_ip *ip)
{
	return memcmp(ip->byte, mapped, sizeof mapped) == 0;
}

static bool
cidr_holds(const struct cidr *net, const struct cidr_ip *ip)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	/* An IPv6 network shorter than /96 must not swallow all of IPv4. */
	if (is_v4(ip) && net->bits < 96)
		return false;
	return memcmp(ip->byte, net->base.byte, whole) == 0 &&
	    (rest == 0 || (ip->byte[whole] ^ net->base.byte[whole]) >> (8 - rest) == 0);
}

static bool
has_loopback(const struct cidr *net)
{
	for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
		if (net->bits < loopback[i].bits ? cidr_holds(net, &loopback[i].base)
						 : cidr_holds(&loopback[i], &net->base))
			return true;
	return false;
}

/* without_host - the network without the bits past its prefix */
static struct cidr
without_host(struct cidr net)
{
	for (unsigned bit = net.bits; bit < 128; bit++)
		net.base.byte[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return net;
}

bool
cidr_ip_parse(const char *s, struct cidr_ip *out_r)
{
	if (strncasecmp(s, "IPv6:", 5) == 0)
		s += 5;
	if (strlen(s) >= CIDR_IP_TEXT_MAX)
		return false;
	memcpy(out_r->byte, mapped, sizeof mapped);
	return inet_pton(AF_INET, s, out_r->byte + sizeof mapped) == 1 ||
	    inet_pton(AF_INET6, s, out_r->byte) == 1;
}

const char *
cidr_ip_print(const struct cidr_ip *ip, char *buf)
{
	return cidr_print(&(struct cidr){*ip, 128}, buf);
}

bool
cidr_ip_is_loopback(const struct cidr_ip *ip)
{
	return has_loopback(&(struct cidr){*ip, 128});
}

/* parse_bits - the length within 128 bits of a prefix as written, or -1 */
static int
parse_bits(const char *s, bool dotted)
{
	size_t n = strlen(s);
	long bits = strtol(s, NULL, 10);

	if (n == 0 || n > 3 || strspn(s, "0123456789") < n || (*s == '0' && n > 1) ||
	    bits > (dotted ? 32 : 128))
		return -1;
	return (int)(dotted ? bits + 96 : bits);
}

enum error
cidr_parse(const char *s, struct cidr *out_r, struct error_text *why)
{
	char text[CIDR_IP_TEXT_MAX], print[CIDR_TEXT_MAX];
	size_t n = strcspn(s, "/");
	struct cidr given;
	int bits = 128;

	if (n >= sizeof text)
		goto bad;
	memcpy(text, s, n);
	text[n] = '\0';
	if (s[n] == '/')
		bits = parse_bits(s + n + 1, strchr(text, ':') == NULL);
	if (bits < 0 || !cidr_ip_parse(text, &given.base))
		goto bad;
	given.bits = (uint8_t)bits;
	*out_r = without_host(given);
	if (cidr_is_valid(&given))
		return OK;
	return error_set(why, ERR_DATA,
	    "bad network \"%s\": bits are set past the prefix; do you mean %s?", s,
	    cidr_print(out_r, print));
bad:
	return error_set(
	    why, ERR_DATA, "bad network \"%s\": use 192.0.2.0/24 or 2001:db8::/32", s);
}

bool
cidr_is_valid(const struct cidr *net)
{
	struct cidr masked = without_host(*net);

	return net->bits <= 128 &&
	    memcmp(masked.base.byte, net->base.byte, sizeof masked.base.byte) == 0;
}

bool
cidr_is_wide(const struct cidr *net)
{
	bool v4 = net->bits >= 8 * sizeof mapped && is_v4(&net->base);

	if (net->bits >= loopback[0].bits && cidr_holds(&loopback[0], &net->base))
		return false; /* one machine, this one */
	return net->bits < (v4 ? 8 * sizeof mapped + 16 : 32);
}

const char *
cidr_print(const struct cidr *net, char *buf)
{
	bool v4 = is_v4(&net->base) && net->bits >= 96;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, net->base.byte + (v4 ? sizeof mapped : 0),
	    text, sizeof text);
	if (net->bits == 128)
		snprintf(buf, CIDR_TEXT_MAX, "%s", text);
	else
		snprintf(
		    buf, CIDR_TEXT_MAX, "%s/%d", text, v4 ? net->bits - 96 : net->bits);
	return buf;
}

/* cidr_order - by address, then the wider network first */
static int
cidr_order(const struct cidr *a, const struct cidr *b)
{
	int by_address = memcmp(a->base.byte, b->base.byte, sizeof a->base.byte);

	return by_address != 0 ? by_address : (int)a->bits - (int)b->bits;
}

bool
cidr_list_add(struct cidr_list *list, const struct cidr *net)
{
	unsigned at = 0;

	while (at < list->count && cidr_order(&list->net[at], net) < 0)
		at++;
	if (at < list->count && cidr_order(&list->net[at], net) == 0)
		return true;
	if (list->count == CIDR_LIST_MAX)
		return false;
	memmove(&list->net[at + 1], &list->net[at],
	    (list->count - at) * sizeof list->net[0]);
	list->net[at] = *net;
	list->count++;
	return true;
}

enum error
cidr_list_parse(const char *s, struct cidr_list *out_r, struct error_text *why)
{
	static const char separators[] = ", \t";
	char word[CIDR_IP_TEXT_MAX + 8];
	struct cidr net = {.bits = 0};
	size_t n;

	memset(out_r, 0, sizeof *out_r);
	for (s += strspn(s, separators); *s != '\0';
	     s += n, s += strspn(s, separators)) {
		n = strcspn(s, separators);
		if (n >= sizeof word)
			return error_set(
			    why, ERR_DATA, "bad network \"%.*s\"", (int)n, s);
		memcpy(word, s, n);
		word[n] = '\0';
		if (cidr_parse(word, &net, why) != OK)
			return ERR_DATA;
		if (!cidr_list_add(out_r, &net))
			return error_set(why, ERR_DATA,
			    "more than %d networks in one list", CIDR_LIST_MAX);
	}
	if (out_r->count == 0)
		return error_set(why, ERR_DATA, "an empty list of networks");
	return OK;
}

void
cidr_list_print(const struct cidr_list *list, struct text *t)
{
	char buf[CIDR_TEXT_MAX];

	for (unsigned i = 0; i < list->count; i++)
		text_printf(
		    t, "%s%s", i > 0 ? "," : "", cidr_print(&list->net[i], buf));
}

bool
cidr_list_has(const struct cidr_list *list, const struct cidr_ip *ip)
{
	for (unsigned i = 0; i < list->count; i++)
		if (cidr_holds(&list->net[i], ip))
			return true;
	return false;
}

bool
cidr_list_has_loopback(const struct cidr_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		if (has_loopback(&list->net[i]))
			return true;
	return false;
}

static bool
has_network(const struct cidr_list *list, const struct cidr *net)
{
	for (unsigned i = 0; i < list->count; i++)
		if (memcmp(&list->net[i], net, sizeof *net) == 0)
			return true;
	return false;
}

const struct cidr *
cidr_list_new(const struct cidr_list *list, const struct cidr_list *old, bool wide)
{
	for (unsigned i = 0; i < list->count; i++)
		if ((!wide || cidr_is_wide(&list->net[i])) &&
		    !has_network(old, &list->net[i]))
			return &list->net[i];
	return NULL;
}
