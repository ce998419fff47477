/* SPDX-License-Identifier: BSD-2-Clause */
/* recording_host - a machine that records usage, and what its records cover */
#include "policy/usage/recording_host.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "policy/base/hex.h"
#include "policy/base/text.h"

#define RECORDING_HOST_VERSION 1
#define RECORDING_HOST_VERSION_AUTH 2 /* the same, with `has_auth_denied` */

/* set_name - for people; it may change and need not be right */
static void
set_name(struct recording_host *n)
{
	if (gethostname(n->name, sizeof n->name) != 0)
		n->name[0] = '\0';
	n->name[sizeof n->name - 1] = '\0';
	if (!text_is_line(n->name, strlen(n->name)))
		n->name[0] = '\0';
}

enum error
recording_host_init(struct recording_host *n, instant now)
{
	memset(n, 0, sizeof *n);
	n->since = n->until = now;
	n->last_dropped = INSTANT_NONE;
	return getrandom(n->id, sizeof n->id, 0) == (ssize_t)sizeof n->id
	    ? OK
	    : ERR_INTERNAL;
}

void
recording_host_touch(
    struct recording_host *n, instant now, bool record, uint64_t dropped)
{
	set_name(n);
	/* A clock that was wrong by more than a pause leaves nothing to rely on. */
	if (!record || now - n->until > RECORDING_HOST_GAP_SECONDS || now < n->since)
		n->since = now;
	n->until = now;
	n->dropped += dropped;
	if (dropped > 0)
		n->last_dropped = now;
}

bool
recording_host_same(const struct recording_host *a, const struct recording_host *b)
{
	return memcmp(a->id, b->id, sizeof a->id) == 0;
}

const char *
recording_host_id_print(const struct recording_host *n, char *buf)
{
	return hex_print(n->id, RECORDING_HOST_ID_BYTES, buf);
}

void
recording_host_encode(const struct recording_host *n, struct record_writer *w)
{
	record_put_u8(w,
	    n->has_auth_denied ? RECORDING_HOST_VERSION_AUTH : RECORDING_HOST_VERSION);
	record_put_bytes(w, n->id, sizeof n->id);
	record_put_string(w, n->name);
	record_put_u64(w, (uint64_t)n->since);
	record_put_u64(w, (uint64_t)n->until);
	record_put_u64(w, n->dropped);
	record_put_u64(w, (uint64_t)n->last_dropped);
}

enum error
recording_host_decode(struct bytes from, struct recording_host *out_r)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, RECORDING_HOST_VERSION_AUTH);

	if (e != OK)
		return e;
	out_r->has_auth_denied =
	    *(const uint8_t *)from.at == RECORDING_HOST_VERSION_AUTH;
	record_get_bytes(&r, out_r->id, sizeof out_r->id);
	record_get_string(&r, out_r->name, sizeof out_r->name);
	out_r->since = (instant)record_get_u64(&r);
	out_r->until = (instant)record_get_u64(&r);
	out_r->dropped = record_get_u64(&r);
	out_r->last_dropped = (instant)record_get_u64(&r);
	if (record_end(&r) != OK || !text_is_line(out_r->name, strlen(out_r->name)) ||
	    !instant_is_valid(out_r->since) || !instant_is_valid(out_r->until) ||
	    (out_r->last_dropped != INSTANT_NONE &&
		!instant_is_valid(out_r->last_dropped)))
		return ERR_DAMAGED; /* it may be printed, as another user */
	return OK;
}
