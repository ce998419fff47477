/* SPDX-License-Identifier: BSD-2-Clause */
/* cidr - IP addresses, networks and lists of networks */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/base/text.h"

/* An address: IPv4 is kept as IPv4-mapped IPv6, so that both are one thing. */
struct cidr_ip {
	uint8_t byte[16];
};

struct cidr {
	struct cidr_ip base; /* bits past `bits` are zero */
	uint8_t bits;        /* 0 to 128; an IPv4 /8 is 104 */
};

#define CIDR_LIST_MAX 128 /* networks in one list */

/* In order and once each, so that the same networks are the same record. */
struct cidr_list {
	unsigned count;
	struct cidr net[CIDR_LIST_MAX];
};

#define CIDR_IP_TEXT_MAX 64 /* of an address as text, with its prefix */
#define CIDR_TEXT_MAX 50    /* the longest printed network and the NUL */

/*
 * Reads an address as an MTA writes it: dotted IPv4, IPv6, either with the prefix
 * "IPv6:". IPv4-mapped IPv6 is IPv4. Returns false for anything else.
 */
bool cidr_ip_parse(const char *s, struct cidr_ip *out_r);

/* Prints the address to BUF (CIDR_IP_TEXT_MAX bytes) and returns BUF. */
const char *cidr_ip_print(const struct cidr_ip *ip, char *buf);

/* Whether it is one of 127.0.0.0/8, or ::1. */
bool cidr_ip_is_loopback(const struct cidr_ip *ip);

/* Reads "ADDRESS" or "ADDRESS/BITS"; host bits that are set are ERR_DATA. */
enum error cidr_parse(
    const char *s, struct cidr *out_r, struct error_text *why) MUST_USE;

/* Whether no bits are set past the prefix, which is at most 128. */
bool cidr_is_valid(const struct cidr *net);

/* Whether it is wider than a /16 of IPv4 (but not 127.0.0.0/8), or a /32 of IPv6. */
bool cidr_is_wide(const struct cidr *net);

/* Prints the network to BUF (CIDR_TEXT_MAX bytes), without /32 and /128. */
const char *cidr_print(const struct cidr *net, char *buf);

/*
 * Reads a list separated by commas or blanks. An empty one, or more than
 * CIDR_LIST_MAX networks, is ERR_DATA.
 */
enum error cidr_list_parse(
    const char *s, struct cidr_list *out_r, struct error_text *why) MUST_USE;

/* Adds a network unless it is there; false when the list is full. */
bool cidr_list_add(struct cidr_list *list, const struct cidr *net);

/* Appends the list to T, separated by commas. */
void cidr_list_print(const struct cidr_list *list, struct text *t);

bool cidr_list_has(const struct cidr_list *list, const struct cidr_ip *ip);

/* The first network of LIST that OLD does not have; WIDE: and that is wide. Or NULL */
const struct cidr *cidr_list_new(
    const struct cidr_list *list, const struct cidr_list *old, bool wide);

/* Whether some network of the list has addresses of 127.0.0.0/8, or ::1. */
bool cidr_list_has_loopback(const struct cidr_list *list);
