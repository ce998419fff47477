/* SPDX-License-Identifier: BSD-2-Clause */
/* cidr - client addresses and lists of networks */
#include "policy/base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool
is_v4(const struct cidr_ip *a)
{
	return memcmp(a->byte, mapped, sizeof mapped) == 0;
}

bool
cidr_ip_parse(const char *s, struct cidr_ip *out_r)
{
	if (strncasecmp(s, "IPv6:", 5) == 0)
		s += 5;
	if (strlen(s) >= CIDR_IP_TEXT_MAX)
		return false;
	memcpy(out_r->byte, mapped, sizeof mapped);
	if (inet_pton(AF_INET, s, out_r->byte + sizeof mapped) == 1)
		return true;
	return inet_pton(AF_INET6, s, out_r->byte) == 1;
}

/* mask - clears the bits past BITS */
static void
mask(struct cidr_ip *a, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned have = bits > i * 8 ? bits - i * 8 : 0;

		if (have < 8)
			a->byte[i] &= (uint8_t)(0xFF00 >> have);
	}
}

/* parse_bits - the prefix length as written, -1 where it is none */
static int
parse_bits(const char *s)
{
	int value = 0;

	if (*s == '\0' || strlen(s) > 3 || (s[0] == '0' && s[1] != '\0'))
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		value = value * 10 + (*s - '0');
	}
	return value;
}

static enum error
bad_network(struct error_text *why, const char *s)
{
	return error_set(
	    why, ERR_DATA, "bad network \"%s\": use 192.0.2.0/24 or 2001:db8::/32", s);
}

/* prefix_of - the length within 128 bits of what was written behind the slash */
static int
prefix_of(const char *slash, bool dotted)
{
	int bits;

	if (slash == NULL)
		return 128;
	bits = parse_bits(slash + 1);
	if (bits < 0 || bits > (dotted ? 32 : 128))
		return -1;
	return dotted ? bits + 96 : bits;
}

enum error
cidr_parse(const char *s, struct cidr *out_r, struct error_text *why)
{
	char text[CIDR_IP_TEXT_MAX], print[CIDR_TEXT_MAX];
	const char *slash = strchr(s, '/');
	size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);
	struct cidr_ip whole;
	int bits;

	if (n >= sizeof text)
		return bad_network(why, s);
	memcpy(text, s, n);
	text[n] = '\0';
	if (!cidr_ip_parse(text, &out_r->base))
		return bad_network(why, s);
	bits = prefix_of(slash, strchr(text, ':') == NULL);
	if (bits < 0)
		return bad_network(why, s);
	whole = out_r->base;
	out_r->bits = (uint8_t)bits;
	mask(&out_r->base, out_r->bits);
	if (memcmp(&whole, &out_r->base, sizeof whole) != 0)
		return error_set(why, ERR_DATA,
		    "bad network \"%s\": bits are set past the prefix; do you mean %s?",
		    s, cidr_print(out_r, print));
	return OK;
}

bool
cidr_is_valid(const struct cidr *net)
{
	struct cidr_ip masked = net->base;

	if (net->bits > 128)
		return false;
	mask(&masked, net->bits);
	return memcmp(&masked, &net->base, sizeof masked) == 0;
}

const char *
cidr_print(const struct cidr *net, char *buf)
{
	bool v4 = is_v4(&net->base) && net->bits >= 96;
	char text[INET6_ADDRSTRLEN];

	if (v4)
		inet_ntop(AF_INET, net->base.byte + sizeof mapped, text, sizeof text);
	else
		inet_ntop(AF_INET6, net->base.byte, text, sizeof text);
	if (net->bits == 128)
		snprintf(buf, CIDR_TEXT_MAX, "%s", text);
	else
		snprintf(
		    buf, CIDR_TEXT_MAX, "%s/%d", text, v4 ? net->bits - 96 : net->bits);
	return buf;
}

/* order - by address, then the wider network first */
static int
order(const struct cidr *a, const struct cidr *b)
{
	int by_address = memcmp(a->base.byte, b->base.byte, sizeof a->base.byte);

	return by_address != 0 ? by_address : (int)a->bits - (int)b->bits;
}

bool
cidr_list_add(struct cidr_list *list, const struct cidr *net)
{
	unsigned at = 0;

	while (at < list->count && order(&list->net[at], net) < 0)
		at++;
	if (at < list->count && order(&list->net[at], net) == 0)
		return true;
	if (list->count == CIDR_LIST_MAX)
		return false;
	memmove(&list->net[at + 1], &list->net[at],
	    (list->count - at) * sizeof list->net[0]);
	list->net[at] = *net;
	list->count++;
	return true;
}

/* add_word - one item of a list of N bytes */
static enum error
add_word(struct cidr_list *list, const char *s, size_t n, struct error_text *why)
{
	char word[CIDR_IP_TEXT_MAX + 8];
	struct cidr net;
	enum error e;

	if (n >= sizeof word)
		return error_set(why, ERR_DATA, "bad network \"%.*s\"", (int)n, s);
	memcpy(word, s, n);
	word[n] = '\0';
	e = cidr_parse(word, &net, why);
	if (e == OK && !cidr_list_add(list, &net))
		e = error_set(
		    why, ERR_DATA, "more than %d networks in one list", CIDR_LIST_MAX);
	return e;
}

enum error
cidr_list_parse(const char *s, struct cidr_list *out_r, struct error_text *why)
{
	static const char parting[] = ", \t";
	enum error e = OK;
	size_t n;

	memset(out_r, 0, sizeof *out_r);
	for (s += strspn(s, parting); *s != '\0' && e == OK;
	     s += n, s += strspn(s, parting)) {
		n = strcspn(s, parting);
		e = add_word(out_r, s, n, why);
	}
	if (e == OK && out_r->count == 0)
		e = error_set(why, ERR_DATA, "an empty list of networks");
	return e;
}

const char *
cidr_ip_print(const struct cidr_ip *a, char *buf)
{
	const struct cidr net = {*a, 128};

	return cidr_print(&net, buf);
}

void
cidr_list_print(const struct cidr_list *list, struct text *t)
{
	char buf[CIDR_TEXT_MAX];

	for (unsigned i = 0; i < list->count; i++) {
		if (i > 0)
			text_puts(t, ",");
		text_puts(t, cidr_print(&list->net[i], buf));
	}
}

bool
cidr_list_has(const struct cidr_list *list, const struct cidr_ip *a)
{
	for (unsigned i = 0; i < list->count; i++) {
		struct cidr_ip masked = *a;

		/* An IPv6 network shorter than /96 must not swallow all of IPv4. */
		if (is_v4(a) && list->net[i].bits < 96)
			continue;
		mask(&masked, list->net[i].bits);
		if (memcmp(&masked, &list->net[i].base, sizeof masked) == 0)
			return true;
	}
	return false;
}

/* overlap - whether one network holds the other */
static bool
overlap(const struct cidr *a, const struct cidr *b)
{
	unsigned bits = a->bits < b->bits ? a->bits : b->bits;
	struct cidr_ip x = a->base, y = b->base;

	/* An IPv6 network shorter than /96 holds no IPv4: see cidr_list_has(). */
	if (is_v4(&x) != is_v4(&y))
		return false;
	mask(&x, bits);
	mask(&y, bits);
	return memcmp(&x, &y, sizeof x) == 0;
}

bool
cidr_ip_is_loopback(const struct cidr_ip *a)
{
	static const struct cidr_ip one = {{[15] = 1}};

	return is_v4(a) ? a->byte[12] == 127 : memcmp(a, &one, sizeof one) == 0;
}

bool
cidr_list_has_loopback(const struct cidr_list *list)
{
	static const char *const loopback[] = {"127.0.0.0/8", "::1"};
	struct cidr net = {0};

	for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
		for (unsigned n = 0; n < list->count; n++)
			if (cidr_parse(loopback[i], &net, NULL) == OK &&
			    overlap(&net, &list->net[n]))
				return true;
	return false;
}
