/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_file - a machine's usage as bytes: a file for others, or a pipe */
#include "policy/usage/usage_file.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/crypto/digest.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_frame.h"
#include "policy/usage/usage_key.h"

/* The body of a login with all the days that it may have, some 25 bytes each. */
#define ROW_MAX (1024 + 32 * USAGE_DAYS_MAX + AUTH_DENIED_BYTES_MAX)

/* Before the refusals at AUTH of a login: whether there are any. */
enum { NEVER_DENIED, WAS_DENIED };

/* So many records are scanned within the interval of signs of life, on any disk. */
#define RECORDS_A_SIGN 1000

struct writer {
	FILE *to;
	struct hasher *hasher;
	struct digest sum;
	uint64_t rows;
	bool started; /* the head is out */
	bool has_auth_denied;
	uint8_t body[ROW_MAX];
};

/* put_frame - the frame and its part of the sum, which NAME belongs to */
static enum error
put_frame(
    struct writer *writer, char type, struct bytes name, const struct record_writer *w)
{
	if (w->failed)
		return ERR_LIMIT;
	usage_frame_write(writer->to, type, w);
	return digest_add(
	    &writer->sum, writer->hasher, name, (struct bytes){w->at, w->len});
}

static enum error
write_host(struct writer *writer, const struct recording_host *host)
{
	struct record_writer w;

	record_write_start(&w, writer->body, sizeof writer->body);
	recording_host_encode(host, &w);
	fputs(USAGE_FILE_MAGIC, writer->to);
	writer->started = true;
	writer->has_auth_denied = host->has_auth_denied;
	return put_frame(writer, USAGE_FRAME_HOST,
	    (struct bytes){USAGE_FILE_MAGIC, strlen(USAGE_FILE_MAGIC)}, &w);
}

static void
put_auth_denied(const struct auth_denied *denied, struct record_writer *w)
{
	record_put_u8(w, denied != NULL ? WAS_DENIED : NEVER_DENIED);
	if (denied != NULL)
		auth_denied_encode(denied, w);
}

static enum error
write_row(void *arg, const struct usage_row *row)
{
	struct writer *writer = arg;
	struct record_writer w;
	enum error e;

	record_write_start(&w, writer->body, sizeof writer->body);
	record_put_string(&w, row->login.text);
	usage_encode(&row->usage, &w);
	record_put_u32(&w, (uint32_t)row->days);
	for (size_t i = 0; i < row->days; i++) {
		record_put_u32(&w, row->day[i].day);
		usage_day_encode(&row->day[i], &w);
	}
	if (writer->has_auth_denied)
		put_auth_denied(row->auth_denied, &w);
	writer->rows++;
	e = put_frame(writer, USAGE_FRAME_ROW,
	    (struct bytes){row->login.text, row->login.len}, &w);
	return e == OK && ferror(writer->to) ? ERR_IO : e;
}

static void
write_end(struct writer *writer)
{
	struct record_writer w;

	record_write_start(&w, writer->body, sizeof writer->body);
	record_put_u64(&w, writer->rows);
	record_put_bytes(&w, writer->sum.byte, sizeof writer->sum.byte);
	usage_frame_write(writer->to, USAGE_FRAME_END, &w);
}

/* A scan that does nothing but prove that all can be read. */
struct scan {
	FILE *to;
	void (*alive)(FILE *to);
	unsigned long records;
};

static enum error
scan_record(void *arg, struct bytes key, struct bytes value)
{
	struct scan *s = arg;

	(void)key;
	(void)value;
	if (++s->records % RECORDS_A_SIGN == 0 && s->alive != NULL)
		s->alive(s->to);
	return OK;
}

static enum error
write_all(struct db_txn *txn, struct writer *writer, void (*alive)(FILE *to))
{
	struct scan s = {writer->to, alive, 0};
	struct recording_host host;
	bool found;
	enum error e = db_scan(txn, 0, 1, scan_record, &s);

	if (e == OK)
		e = usage_database_get_host(txn, &host, &found);
	if (e == OK)
		e = auth_denied_table_has(txn, &host.has_auth_denied);
	if (e != OK)
		return e;
	if (!found)
		return ERR_MISSING;
	e = write_host(writer, &host);
	if (e == OK)
		e = usage_database_each(txn, write_row, writer);
	if (e == OK)
		write_end(writer);
	return e;
}

void
usage_file_write_error(FILE *to, enum error error, const char *text)
{
	fputs(USAGE_FILE_MAGIC, to);
	usage_frame_write_error(to, error, text);
	fflush(to);
}

enum error
usage_file_write(struct db *db, FILE *to, void (*alive)(FILE *to))
{
	struct writer *writer = calloc(1, sizeof *writer);
	struct db_txn *txn = NULL;
	struct error_text why;
	enum error e = ERR_MEMORY;

	if (writer == NULL || (writer->hasher = hasher_new()) == NULL)
		goto out;
	writer->to = to;
	e = db_begin(db, false, &txn);
	if (e == OK)
		e = write_all(txn, writer, alive);
	db_abort(&txn);
	if (e != OK && writer->started) { /* in the middle; nothing follows */
		error_about(&why, e, "the usage of this machine");
		usage_frame_write_error(to, e, why.text);
	}
	hasher_free(&writer->hasher);
out:
	free(writer);
	return e == OK && (fflush(to) != 0 || ferror(to)) ? ERR_IO : e;
}

struct usage_file_reader {
	FILE *from;
	const char *name;
	struct recording_host host;
	struct hasher *hasher;
	struct digest sum;
	uint64_t rows;
	struct login last; /* of the row before, where there is one */
	struct usage_day day[USAGE_DAYS_MAX];
	struct auth_denied denied;
	struct usage_frame frame;
	uint8_t body[ROW_MAX];
};

/* unreadable - damaged, unless it is newer than we are */
static enum error
unreadable(const struct usage_file_reader *r, enum error e, struct error_text *why)
{
	if (e == ERR_NEWER)
		return error_set(why, e, "%s: %s", r->name, error_string(e));
	return error_set(why, ERR_DAMAGED, "%s is damaged", r->name);
}

/* add_frame - the frame's part of the sum, which NAME belongs to */
static enum error
add_frame(struct usage_file_reader *r, struct bytes name)
{
	return digest_add(
	    &r->sum, r->hasher, name, (struct bytes){r->frame.at, r->frame.len});
}

static enum error
read_head(struct usage_file_reader *r, struct error_text *why)
{
	char magic[sizeof USAGE_FILE_MAGIC - 1];
	enum error e;

	if (fread(magic, 1, sizeof magic, r->from) != sizeof magic ||
	    memcmp(magic, USAGE_FILE_MAGIC, sizeof magic) != 0)
		return error_set(why, ERR_FORMAT,
		    "%s is no usage file; \"smtpauthctl usage export\" writes one",
		    r->name);
	e = usage_frame_read(r->from, r->name, &r->frame, why);
	if (e != OK)
		return e;
	if (r->frame.type != USAGE_FRAME_HOST)
		return unreadable(r, ERR_DAMAGED, why);
	e = recording_host_decode((struct bytes){r->frame.at, r->frame.len}, &r->host);
	if (e == OK)
		e = add_frame(r, (struct bytes){magic, sizeof magic});
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
	r->frame.at = r->body;
	r->frame.cap = sizeof r->body;
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

static enum error
get_days(
    struct usage_file_reader *r, struct record_reader *body, struct usage_row *row_r)
{
	uint32_t n = record_get_u32(body);
	enum error e;

	if (body->failed || n > USAGE_DAYS_MAX)
		return ERR_DAMAGED;
	for (uint32_t i = 0; i < n; i++) {
		r->day[i].day = record_get_u32(body);
		e = usage_day_read(body, &r->day[i]);
		if (e != OK)
			return e;
		if (i > 0 && r->day[i].day <= r->day[i - 1].day)
			return ERR_DAMAGED;
	}
	row_r->days = n;
	row_r->day = r->day;
	return OK;
}

/* get_auth_denied - where the file has them */
static enum error
get_auth_denied(
    struct usage_file_reader *r, struct record_reader *body, struct usage_row *row_r)
{
	uint8_t was = r->host.has_auth_denied ? record_get_u8(body) : NEVER_DENIED;
	enum error e = was == WAS_DENIED ? auth_denied_read(body, &r->denied) : OK;

	row_r->auth_denied = was == WAS_DENIED ? &r->denied : NULL;
	if (e != OK)
		return e;
	return was > WAS_DENIED ? ERR_DAMAGED : record_end(body);
}

static enum error
get_row(struct usage_file_reader *r, struct usage_row *row_r)
{
	struct record_reader body;
	char text[LOGIN_MAX + 1];
	enum error e;

	record_read_start(&body, (struct bytes){r->frame.at, r->frame.len});
	record_get_string(&body, text, sizeof text);
	if (body.failed || !text_is_line(text, strlen(text)))
		return ERR_DAMAGED;
	usage_others(&row_r->login);
	e = *text != '\0' ? login_from_normal(text, strlen(text), &row_r->login) : OK;
	if (e != OK)
		return e;
	if (r->rows > 0 && usage_key_order(&r->last, &row_r->login) >= 0)
		return ERR_DAMAGED;
	e = usage_read(&body, &row_r->usage);
	if (e == OK)
		e = get_days(r, &body, row_r);
	if (e == OK)
		e = get_auth_denied(r, &body, row_r);
	if (e != OK)
		return e;
	r->rows++;
	r->last = row_r->login;
	return add_frame(r, (struct bytes){row_r->login.text, row_r->login.len});
}

/* check_end - whether number and sum hold, and nothing follows */
static enum error
check_end(struct usage_file_reader *r)
{
	uint8_t sum[DIGEST_BYTES];
	struct record_reader body;
	uint64_t rows;

	record_read_start(&body, (struct bytes){r->frame.at, r->frame.len});
	rows = record_get_u64(&body);
	record_get_bytes(&body, sum, sizeof sum);
	return record_end(&body) == OK && rows == r->rows &&
		memcmp(sum, r->sum.byte, sizeof sum) == 0 && getc(r->from) == EOF
	    ? OK
	    : ERR_DAMAGED;
}

enum error
usage_file_reader_next(struct usage_file_reader *r, struct usage_row *row_r,
    bool *found_r, struct error_text *why)
{
	enum error e = usage_frame_read(r->from, r->name, &r->frame, why);

	*found_r = r->frame.type == USAGE_FRAME_ROW;
	if (e != OK)
		return e;
	if (r->frame.type == USAGE_FRAME_END)
		e = check_end(r);
	else
		e = *found_r ? get_row(r, row_r) : ERR_DAMAGED;
	return e == OK ? OK : unreadable(r, e, why);
}
