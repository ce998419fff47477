/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_export - usage export: this machine's usage as a file for another */
#include <inttypes.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output_file.h"
#include "policy/ctl/usage/usage_sources.h"

#define HERE "the usage of this machine"

/* The file, and what it tells. */
struct exported {
	struct output_file to;
	struct recording_host host;
	uint64_t logins;
};

/* read_back - checks that the file can be read on another machine */
static enum error
read_back(struct ctl *c, struct exported *x)
{
	struct usage_file_reader *reader;
	struct usage_row row;
	bool found = true;
	enum error e;

	rewind(x->to.file);
	e = usage_file_reader_open(&reader, x->to.file, HERE, &c->why);
	if (e != OK)
		return e;
	x->host = *usage_file_reader_host(reader);
	while (e == OK && found) {
		e = usage_file_reader_next(reader, &row, &found, &c->why);
		x->logins +=
		    found && !usage_is_others(&row.login) && usage_row_is_used(&row);
	}
	usage_file_reader_close(&reader);
	return e;
}

static void
print_exported(struct printer *p, const struct exported *x)
{
	char since[INSTANT_TEXT_MAX], id[RECORDING_HOST_ID_TEXT_MAX];

	print_line(p, "%" PRIu64 " login%s of %s, recorded since %s, written to %s",
	    x->logins, x->logins == 1 ? "" : "s",
	    x->host.name[0] != '\0' ? x->host.name : "this machine",
	    instant_print(x->host.since, since), x->to.path);
	print_object_start(p, NULL);
	print_text(p, "node", recording_host_id_print(&x->host, id));
	print_text(p, "host", x->host.name);
	print_time(p, "since", x->host.since);
	print_time(p, "until", x->host.until);
	print_number(p, "logins", x->logins);
	print_text(p, "file", x->to.path);
	print_object_end(p);
}

enum error
ctl_usage_export(struct ctl *c)
{
	struct exported x = {.logins = 0};
	enum error e = output_file_open(&x.to, c, argument_word(c, 0));

	if (e == OK)
		e = usage_sources_copy(c, x.to.file);
	if (e == OK)
		e = read_back(c, &x);
	if (e == OK)
		e = output_file_sync(&x.to, c);
	if (e == OK)
		e = output_file_deliver(&x.to, c);
	output_file_close(&x.to);
	if (e == OK && x.to.path != NULL)
		print_exported(&c->print, &x);
	return e;
}
