/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_report - what the helper process says of the daemon, as bytes */
#include "policy/ctl/usage/daemon_report.h"

#include <string.h>

#include "policy/base/text.h"

#define PIECE_MAX HEARTBEAT_BYTES_MAX

/* put_piece - its length, 0 for none, and its bytes */
static void
put_piece(struct record_writer *w, const struct record_writer *piece)
{
	w->failed = w->failed || piece->failed;
	record_put_u32(w, (uint32_t)piece->len);
	record_put_bytes(w, piece->at, piece->len);
}

static void
put_beat(struct record_writer *w, bool has, const struct heartbeat *h)
{
	uint8_t buf[PIECE_MAX];
	struct record_writer piece;

	record_write_start(&piece, buf, sizeof buf);
	if (has)
		heartbeat_encode(h, &piece);
	put_piece(w, &piece);
}

static void
put_host(struct record_writer *w, bool has, const struct recording_host *n)
{
	uint8_t buf[PIECE_MAX];
	struct record_writer piece;

	record_write_start(&piece, buf, sizeof buf);
	if (has)
		recording_host_encode(n, &piece);
	put_piece(w, &piece);
}

void
daemon_report_encode(const struct daemon_report *r, struct record_writer *w)
{
	record_put_u8(w, (uint8_t)r->error);
	record_put_string(w, r->why.text);
	put_beat(w, r->has_asked, &r->asked);
	put_beat(w, r->has_latest, &r->latest);
	put_host(w, r->has_host, &r->host);
}

/* get_piece - its bytes in BUF (PIECE_MAX); none, or a longer one, is empty */
static struct bytes
get_piece(struct record_reader *r, uint8_t *buf)
{
	size_t n = record_get_u32(r);

	if (n > PIECE_MAX)
		r->failed = true;
	else
		record_get_bytes(r, buf, n);
	return (struct bytes){buf, r->failed ? 0 : n};
}

static enum error
get_beat(struct record_reader *r, bool *has_r, struct heartbeat *out_r)
{
	uint8_t buf[PIECE_MAX];
	struct bytes piece = get_piece(r, buf);

	*has_r = piece.len > 0;
	return *has_r ? heartbeat_decode(piece, out_r) : OK;
}

static enum error
get_host(struct record_reader *r, bool *has_r, struct recording_host *out_r)
{
	uint8_t buf[PIECE_MAX];
	struct bytes piece = get_piece(r, buf);

	*has_r = piece.len > 0;
	return *has_r ? recording_host_decode(piece, out_r) : OK;
}

enum error
daemon_report_decode(struct bytes from, struct daemon_report *out_r)
{
	struct record_reader r;
	uint8_t error;

	memset(out_r, 0, sizeof *out_r);
	record_read_start(&r, from);
	error = record_get_u8(&r);
	record_get_string(&r, out_r->why.text, sizeof out_r->why.text);
	if (r.failed || error > ERR_INTERNAL ||
	    !text_is_line(out_r->why.text, strlen(out_r->why.text)))
		return ERR_DAMAGED;
	out_r->error = (enum error)error;
	if (get_beat(&r, &out_r->has_asked, &out_r->asked) != OK ||
	    get_beat(&r, &out_r->has_latest, &out_r->latest) != OK ||
	    get_host(&r, &out_r->has_host, &out_r->host) != OK)
		return ERR_DAMAGED;
	return record_end(&r);
}
