/* SPDX-License-Identifier: BSD-2-Clause */
/* init - creates the state folder and an empty policy database */
#include "policy/ctl/ctl.h"
#include "policy/ctl/output.h"
#include "policy/folder.h"

enum error
ctl_init(struct ctl *c)
{
	struct store *store;
	struct json j;
	bool created;
	enum error e = folder_create(c->dir, &c->why);

	if (e == OK)
		e = store_create(&store, c->dir, &created, &c->why);
	if (e != OK)
		return e;
	store_close(&store);
	if (!c->options.json) {
		fprintf(c->out, "%s: %s\n", c->dir,
		    created ? "policy database created"
			    : "policy database is there already");
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "dir", c->dir);
	json_quoted(&j, "policy", created ? "created" : "present");
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}
