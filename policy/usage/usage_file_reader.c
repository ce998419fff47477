/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_file_reader - the reading half of stream.h: nothing it reads is trusted */
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/crypto/digest.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_file_format.h"
#include "policy/usage/usage_file_writer.h"

struct usage_file_reader {
	FILE *from;
	const char *name;
	struct recording_host host;
	struct hasher *hasher;
	struct digest sum;
	uint64_t rows;
	struct login last; /* of the row before, where there is one */
	struct usage_day day[USAGE_DAYS_MAX];
	uint8_t frame[FRAME_MAX];
};

/* fill - N bytes, or what is wrong with the file */
static enum error
fill(struct usage_file_reader *r, void *out, size_t n, struct error_text *why)
{
	if (fread(out, 1, n, r->from) == n)
		return OK;
	if (ferror(r->from))
		return error_set(why, ERR_IO, "cannot read %s", r->name);
	return error_set(why, ERR_DAMAGED, "%s is cut off", r->name);
}

static enum error
damaged(const struct usage_file_reader *r, struct error_text *why)
{
	return error_set(why, ERR_DAMAGED, "%s is damaged", r->name);
}

/* unreadable - damaged, unless it is newer than we are */
static enum error
unreadable(const struct usage_file_reader *r, enum error e, struct error_text *why)
{
	if (e == ERR_NEWER)
		return error_set(why, e, "%s: %s", r->name, error_string(e));
	return damaged(r, why);
}

/* next_frame - its letter and its bytes */
static enum error
next_frame(struct usage_file_reader *r, char *type_r, struct record_reader *body_r,
    struct error_text *why)
{
	struct record_reader head;
	uint8_t bytes[FRAME_HEAD];
	uint32_t n;
	enum error e = fill(r, bytes, sizeof bytes, why);

	if (e != OK)
		return e;
	record_read_start(&head, (struct bytes){bytes, sizeof bytes});
	n = record_get_u32(&head);
	*type_r = (char)record_get_u8(&head);
	if (n > sizeof r->frame)
		return damaged(r, why);
	e = fill(r, r->frame, n, why);
	record_read_start(body_r, (struct bytes){r->frame, n});
	return e;
}

/* take_error - what the other end says, in its own words */
static enum error
take_error(
    struct usage_file_reader *r, struct record_reader *body, struct error_text *why)
{
	char text[ERROR_TEXT_MAX];
	uint8_t error = record_get_u8(body);

	record_get_string(body, text, sizeof text);
	/* ERR_NOTFOUND would be taken for the end. */
	if (record_end(body) != OK || error == OK || error == ERR_NOTFOUND ||
	    error > ERR_INTERNAL || !text_is_line(text, strlen(text)))
		return damaged(r, why);
	return error_set(why, (enum error)error, "%s", text);
}

static enum error
read_head(struct usage_file_reader *r, struct error_text *why)
{
	char magic[sizeof FRAME_MAGIC - 1], type;
	struct record_reader body = {0};
	enum error e;

	if (fread(magic, 1, sizeof magic, r->from) != sizeof magic ||
	    memcmp(magic, FRAME_MAGIC, sizeof magic) != 0)
		return error_set(why, ERR_FORMAT,
		    "%s is no usage file; \"smtpauthctl usage export\" writes one",
		    r->name);
	e = next_frame(r, &type, &body, why);
	if (e != OK)
		return e;
	if (type == FRAME_ERROR)
		return take_error(r, &body, why);
	e = recording_host_decode((struct bytes){r->frame, body.left}, &r->host);
	if (type != FRAME_HOST)
		return damaged(r, why);
	if (e == OK)
		e = digest_add(&r->sum, r->hasher,
		    (struct bytes){FRAME_MAGIC, strlen(FRAME_MAGIC)},
		    (struct bytes){r->frame, body.left});
	return e == OK ? OK : unreadable(r, e, why);
}

enum error
usage_file_reader_open(struct usage_file_reader **reader_r, FILE *from,
    const char *name, struct error_text *why)
{
	struct usage_file_reader *r = calloc(1, sizeof *r);
	enum error e;

	*reader_r = r;
	if (r == NULL || (r->hasher = hasher_new()) == NULL) {
		usage_file_reader_close(reader_r);
		return error_about(why, ERR_MEMORY, name);
	}
	r->from = from;
	r->name = name;
	e = read_head(r, why);
	if (e != OK)
		usage_file_reader_close(reader_r);
	return e;
}

void
usage_file_reader_close(struct usage_file_reader **reader)
{
	if (*reader == NULL)
		return;
	hasher_free(&(*reader)->hasher);
	free(*reader);
	*reader = NULL;
}

const struct recording_host *
usage_file_reader_host(const struct usage_file_reader *reader)
{
	return &reader->host;
}

const char *
usage_file_reader_name(const struct usage_file_reader *reader)
{
	return reader->name;
}

/* get_record - the next N bytes as a record of their own */
static struct bytes
get_record(struct record_reader *body, uint8_t *buf, size_t n)
{
	record_get_bytes(body, buf, n);
	return (struct bytes){buf, body->failed ? 0 : n};
}

/* get_usage - a record whose length its own contents tell */
static enum error
get_usage(struct record_reader *body, struct usage *usage_r)
{
	uint8_t buf[USAGE_BYTES_MAX];
	size_t n = USAGE_BYTES_MIN;

	/* The last bit of the short form tells whether an address follows. */
	if (body->left >= n && (body->at[n - 1] & 1) != 0)
		n = USAGE_BYTES_MAX;
	return usage_decode(get_record(body, buf, n), usage_r);
}

static enum error
get_days(
    struct usage_file_reader *r, struct record_reader *body, struct usage_row *row_r)
{
	uint32_t n = record_get_u32(body);
	uint8_t buf[USAGE_DAY_BYTES];
	enum error e = OK;

	if (n > USAGE_DAYS_MAX)
		return ERR_DAMAGED;
	for (uint32_t i = 0; i < n && e == OK; i++) {
		r->day[i].day = record_get_u32(body);
		e = usage_day_decode(get_record(body, buf, sizeof buf), &r->day[i]);
		if (i > 0 && r->day[i].day <= r->day[i - 1].day)
			e = ERR_DAMAGED;
	}
	row_r->days = n;
	row_r->day = r->day;
	return e == OK ? record_end(body) : e;
}

static enum error
get_row(
    struct usage_file_reader *r, struct record_reader *body, struct usage_row *row_r)
{
	char text[LOGIN_MAX + 1];
	enum error e;

	record_get_string(body, text, sizeof text);
	if (body->failed || !text_is_line(text, strlen(text)))
		return ERR_DAMAGED;
	e = OK;
	if (*text != '\0')
		e = login_from_normal(text, strlen(text), &row_r->login);
	else
		usage_others(&row_r->login);
	if (e == OK && r->rows > 0 && usage_login_order(&r->last, &row_r->login) >= 0)
		e = ERR_DAMAGED;
	if (e == OK)
		e = get_usage(body, &row_r->usage);
	return e == OK ? get_days(r, body, row_r) : e;
}

/* check_end - ERR_NOTFOUND, the end, where number and sum hold */
static enum error
check_end(struct usage_file_reader *r, struct record_reader *body)
{
	uint8_t sum[DIGEST_BYTES];
	uint64_t rows = record_get_u64(body);

	record_get_bytes(body, sum, sizeof sum);
	return record_end(body) == OK && rows == r->rows &&
		memcmp(sum, r->sum.byte, sizeof sum) == 0 && getc(r->from) == EOF
	    ? ERR_NOTFOUND
	    : ERR_DAMAGED;
}

enum error
usage_file_reader_next(
    struct usage_file_reader *r, struct usage_row *row_r, struct error_text *why)
{
	struct record_reader body = {0};
	struct bytes value;
	char type;
	enum error e = next_frame(r, &type, &body, why);

	if (e != OK)
		return e;
	value = (struct bytes){r->frame, body.left};
	if (type == FRAME_ERROR)
		return take_error(r, &body, why);
	if (type == FRAME_END)
		e = check_end(r, &body);
	else
		e = type == FRAME_ROW ? get_row(r, &body, row_r) : ERR_DAMAGED;
	if (e == OK) {
		r->rows++;
		r->last = row_r->login;
		e = digest_add(&r->sum, r->hasher,
		    (struct bytes){row_r->login.text, row_r->login.len}, value);
	}
	return e == OK || e == ERR_NOTFOUND ? e : unreadable(r, e, why);
}
