/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_file_writer - writes a machine's usage; the reader is in reader.c */
#include "policy/usage/usage_file_writer.h"

#include <stdlib.h>
#include <string.h>

#include "policy/crypto/digest.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_file_format.h"

/* Some are read within the time of one sign of life, however slow the disk. */
#define RECORDS_A_SIGN 1000

/* One stream on its way out. */
struct writer {
	FILE *to;
	struct hasher *hasher;
	struct digest sum;
	uint64_t rows;
	bool started; /* the head is out */
	uint8_t frame[FRAME_MAX];
};

/* send - one frame; what could not be written shows at the end, in fflush() */
static void
send_frame(FILE *to, char type, const struct record_writer *w)
{
	uint8_t head[FRAME_HEAD];
	struct record_writer h;

	record_write_start(&h, head, sizeof head);
	record_put_u32(&h, (uint32_t)w->len);
	record_put_u8(&h, (uint8_t)type);
	fwrite(head, 1, sizeof head, to);
	fwrite(w->at, 1, w->len, to);
}

static enum error
write_host(struct writer *writer, const struct recording_host *host)
{
	struct record_writer w;

	record_write_start(&w, writer->frame, sizeof writer->frame);
	recording_host_encode(host, &w);
	if (w.failed)
		return ERR_LIMIT;
	fputs(FRAME_MAGIC, writer->to);
	writer->started = true;
	send_frame(writer->to, FRAME_HOST, &w);
	return digest_add(&writer->sum, writer->hasher,
	    (struct bytes){FRAME_MAGIC, strlen(FRAME_MAGIC)},
	    (struct bytes){w.at, w.len});
}

/* write_row - a login: its name, its record, and its days */
static enum error
write_row(void *arg, const struct usage_row *row)
{
	struct writer *writer = arg;
	struct record_writer w;
	enum error e;

	record_write_start(&w, writer->frame, sizeof writer->frame);
	record_put_string(&w, row->login.text);
	usage_encode(&row->usage, &w);
	record_put_u32(&w, (uint32_t)row->days);
	for (size_t i = 0; i < row->days; i++) {
		record_put_u32(&w, row->day[i].day);
		usage_day_encode(&row->day[i], &w);
	}
	if (w.failed)
		return ERR_LIMIT;
	e = digest_add(&writer->sum, writer->hasher,
	    (struct bytes){row->login.text, row->login.len},
	    (struct bytes){w.at, w.len});
	writer->rows++;
	send_frame(writer->to, FRAME_ROW, &w);
	return e != OK ? e : ferror(writer->to) ? ERR_IO : OK;
}

static void
write_end(struct writer *writer)
{
	struct record_writer w;

	record_write_start(&w, writer->frame, sizeof writer->frame);
	record_put_u64(&w, writer->rows);
	record_put_bytes(&w, writer->sum.byte, sizeof writer->sum.byte);
	send_frame(writer->to, FRAME_END, &w);
}

/* A scan that only looks whether all can be read. */
struct look {
	FILE *to;
	void (*alive)(FILE *to);
	unsigned long records;
};

static enum error
look_at(void *arg, struct bytes key, struct bytes value)
{
	struct look *l = arg;

	(void)key;
	(void)value;
	if (++l->records % RECORDS_A_SIGN == 0 && l->alive != NULL)
		l->alive(l->to);
	return OK;
}

static enum error
write_all(struct db_txn *txn, struct writer *writer, void (*alive)(FILE *to))
{
	struct look l = {writer->to, alive, 0};
	struct recording_host host;
	enum error e = db_scan(txn, look_at, &l);

	if (e == OK)
		e = usage_database_get_host(txn, &host);
	if (e == OK)
		e = write_host(writer, &host);
	if (e == OK)
		e = usage_database_each(txn, write_row, writer);
	if (e == OK)
		write_end(writer);
	return e;
}

/* send_error - what could not be done */
static void
send_error(FILE *to, enum error error, const char *text)
{
	uint8_t frame[FRAME_ERROR_MAX];
	struct record_writer w;

	record_write_start(&w, frame, sizeof frame);
	record_put_u8(&w, (uint8_t)error);
	record_put_string(&w, text);
	send_frame(to, FRAME_ERROR, &w);
}

void
usage_file_write_error(FILE *to, enum error error, const char *text)
{
	fputs(FRAME_MAGIC, to);
	send_error(to, error, text);
	fflush(to);
}

enum error
usage_file_write(struct db *db, FILE *to, void (*alive)(FILE *to), uint64_t *rows_r)
{
	struct writer *writer = calloc(1, sizeof *writer);
	struct db_txn *txn = NULL;
	enum error e = writer != NULL ? OK : ERR_MEMORY;

	if (e == OK) {
		writer->to = to;
		writer->hasher = hasher_new();
		e = writer->hasher != NULL ? db_begin(db, false, &txn) : ERR_MEMORY;
	}
	if (e == OK)
		e = write_all(txn, writer, alive);
	db_abort(&txn);
	if (writer != NULL) {
		if (e != OK && writer->started) /* in the middle; nothing follows */
			send_error(to, e, error_string(e));
		*rows_r = writer->rows;
		hasher_free(&writer->hasher);
	}
	free(writer);
	return e == OK && (fflush(to) != 0 || ferror(to)) ? ERR_IO : e;
}
