/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_frame - the pieces of a usage file, and of what a helper process answers */
#include "policy/usage/usage_frame.h"

#include <string.h>

#include "policy/base/text.h"

void
usage_frame_write(FILE *to, char type, const struct record_writer *body)
{
	uint8_t head[USAGE_FRAME_HEAD];
	struct record_writer h;

	record_write_start(&h, head, sizeof head);
	record_put_u32(&h, (uint32_t)body->len);
	record_put_u8(&h, (uint8_t)type);
	fwrite(head, 1, sizeof head, to);
	if (body->len > 0) /* fwrite(3) takes no NULL */
		fwrite(body->at, 1, body->len, to);
}

void
usage_frame_write_error(FILE *to, enum error error, const char *text)
{
	uint8_t body[USAGE_FRAME_ERROR_MAX];
	struct record_writer w;

	record_write_start(&w, body, sizeof body);
	record_put_u8(&w, (uint8_t)error);
	record_put_string(&w, text);
	usage_frame_write(to, USAGE_FRAME_ERROR, &w);
}

/* read_bytes - N bytes, or what is wrong with the file */
static enum error
read_bytes(FILE *from, const char *name, void *out, size_t n, struct error_text *why)
{
	if (fread(out, 1, n, from) == n)
		return OK;
	if (ferror(from))
		return error_set(why, ERR_IO, "cannot read %s", name);
	return error_set(why, ERR_DAMAGED, "%s is cut off", name);
}

enum error
usage_frame_read(
    FILE *from, const char *name, struct usage_frame *frame, struct error_text *why)
{
	uint8_t head[USAGE_FRAME_HEAD], error;
	char text[ERROR_TEXT_MAX];
	struct record_reader r;
	char type;
	enum error e = read_bytes(from, name, head, sizeof head, why);

	frame->type = 0;
	if (e != OK)
		return e;
	record_read_start(&r, (struct bytes){head, sizeof head});
	frame->len = record_get_u32(&r);
	type = (char)record_get_u8(&r);
	if (frame->len > frame->cap)
		return error_set(why, ERR_DAMAGED, "%s is damaged", name);
	e = read_bytes(from, name, frame->at, frame->len, why);
	if (e != OK)
		return e;
	if (type == USAGE_FRAME_ERROR) {
		record_read_start(&r, (struct bytes){frame->at, frame->len});
		error = record_get_u8(&r);
		record_get_string(&r, text, sizeof text);
		if (record_end(&r) != OK || error == OK || error == ERR_NOTFOUND ||
		    error >= WALK_STOP || !text_is_line(text, strlen(text)))
			return error_set(why, ERR_DAMAGED, "%s is damaged", name);
		e = error_set(why, (enum error)error, "%s", text);
	}
	frame->type = type;
	return e;
}
