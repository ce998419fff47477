/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_options - the command line that all daemons have, and its configuration */
#include "milter/service/daemon_options.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/tables/verify.h"

static void
usage(const struct daemon_program *p, FILE *to)
{
	fprintf(to,
	    "usage: %s [-c FILE] [-d DIR] [-s SOCKET] [-t] [-p] [-V] [-h]\n\n"
	    "  -c FILE    configuration file\n"
	    "  -d DIR     state folder\n"
	    "  -s SOCKET  %s\n"
	    "  -t         check the configuration, report the state of the database, exit\n"
	    "  -p         print the effective configuration, exit\n"
	    "  -V, -h     version, this help\n\n"
	    "Runs in the foreground until SIGTERM. See %s(8).\n",
	    p->name, p->sockets, p->name);
}

void
daemon_options_parse(
    const struct daemon_program *p, int argc, char **argv, struct daemon_options *out_r)
{
	struct daemon_options *a = out_r;
	int c;

	*a = (struct daemon_options){.file = NULL};
	while ((c = getopt(argc, argv, "c:d:s:tpVh")) != -1) {
		switch (c) {
		case 'c':
			a->file = optarg;
			break;
		case 'd':
			a->dir = optarg;
			break;
		case 's':
			a->socket = optarg;
			break;
		case 't':
			a->test = true;
			break;
		case 'p':
			a->print = true;
			break;
		case 'V':
			printf("%s %s\n", p->name, PACKAGE_VERSION);
			exit(EX_OK);
		case 'h':
			usage(p, stdout);
			exit(EX_OK);
		default:
			usage(p, stderr);
			exit(EX_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected word \"%s\"\n", p->name, argv[optind]);
		exit(EX_USAGE);
	}
}

enum error
daemon_options_configure(const struct daemon_program *p, const struct daemon_options *a,
    struct config *config, struct error_text *why)
{
	enum error e = p->read(config, a->file, why);
	char *dir;

	if (e == OK && a->socket != NULL)
		e = config_set(config, "socket", a->socket, why);
	if (e != OK || a->dir == NULL)
		return e;
	if (a->dir[0] == '/')
		return config_set(config, "state-dir", a->dir, why);
	dir = realpath(a->dir, NULL); /* the daemon keeps to absolute names */
	if (dir == NULL)
		return error_set(why, ERR_CONFIG, "bad state folder \"%s\"", a->dir);
	e = config_set(config, "state-dir", dir, why);
	free(dir);
	return e;
}

/* tell_database - one line; a bad database does not make the configuration bad */
static void
tell_database(const struct config *config)
{
	struct error_text why;
	struct store *store;
	uint64_t records;
	enum error e = store_open(&store, config->state_dir, STORE_READ, &why);

	if (e == OK) {
		e = verify_store(store, &records, &why);
		store_close(&store);
	}
	if (e == OK)
		printf("policy database: good, %llu record%s verified\n",
		    (unsigned long long)records, records == 1 ? "" : "s");
	else
		printf("policy database: NOT usable: %s\n", why.text);
}

int
daemon_options_show(const struct daemon_program *p, const struct daemon_options *o,
    const struct config *config)
{
	if (o->print)
		p->print(config, stdout);
	if (o->test) {
		printf("configuration: good\n");
		tell_database(config);
	}
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
