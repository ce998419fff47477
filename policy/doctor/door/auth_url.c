/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_url - the address of a policy server, as Dovecot has it */
#include "policy/doctor/door/auth_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/base/number.h"

#define PORT_HTTP 80
#define PORT_HTTPS 443

/* take_port - ":PORT", or nothing */
static bool
take_port(const char *s, size_t n, struct auth_url *out)
{
	char digits[6];
	uint64_t port;

	out->at.port = out->tls ? PORT_HTTPS : PORT_HTTP;
	if (n == 0)
		return true;
	if (*s != ':' || n - 1 >= sizeof digits)
		return false;
	memcpy(digits, s + 1, n - 1);
	digits[n - 1] = '\0';
	if (!number_parse(digits, 65535, &port) || port == 0)
		return false;
	out->at.port = (unsigned)port;
	return true;
}

/* take_host - "HOST[:PORT]" of N bytes, an IPv6 address in brackets */
static bool
take_host(const char *s, size_t n, struct auth_url *out)
{
	const char *end = *s == '[' ? memchr(s, ']', n) : memchr(s, ':', n);
	const char *port = end == NULL ? s + n : end + (*end == ']');
	size_t len;

	if (memchr(s, '@', n) != NULL || (*s == '[' && end == NULL))
		return false;
	if (*s == '[')
		s++, n--;
	else
		end = port;
	len = (size_t)(end - s);
	if (len == 0 || len > ENDPOINT_MAX)
		return false;
	memcpy(out->at.name, s, len);
	out->at.name[len] = '\0';
	return take_port(port, (size_t)(s + n - port), out);
}

bool
auth_url_parse(const char *url, struct auth_url *out)
{
	size_t n;

	*out = (struct auth_url){.at.kind = ENDPOINT_INET};
	if (strncasecmp(url, "http://", 7) == 0)
		url += 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		url += 8, out->tls = true;
	else
		return false;
	n = strcspn(url, "/?#");
	if (!take_host(url, n, out))
		return false;
	url += n;
	n = strcspn(url, "?#");
	return snprintf(out->path, sizeof out->path, "%.*s", n > 0 ? (int)n : 1,
		   n > 0 ? url : "/") < (int)sizeof out->path;
}
