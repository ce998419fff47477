/* SPDX-License-Identifier: BSD-2-Clause */
/* filter - the milter protocol side (the only file with libmilter) */
#include "milter/filter.h"

#include <stdatomic.h>
#include <stdbool.h> /* or mfapi.h makes a type of this name, which C23 refuses */
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/daemon.h"
#include "milter/request.h"
#include "milter/service/listen_fault.h"
#include "milter/service/log.h"

#define NAME "smtpauth-milter"

/* Global, because libmilter's callbacks get no argument of ours. */
static struct daemon *the_daemon;
static atomic_bool closed;

/*
 * Old MTAs document at most five macros a stage, so {tls_version}, which decides
 * nothing, comes last. {client_addr} is always defined: libmilter keeps the macros of
 * an earlier MAIL until a packet with at least one macro replaces them.
 */
static struct {
	int stage;
	char macros[80]; /* not const, as libmilter's argument is not */
} symlists[] = {
    {SMFIM_CONNECT, "v {daemon_name} {client_addr}"},
    {SMFIM_ENVFROM,
	"{client_addr} {auth_authen} {auth_type} {daemon_name} v {tls_version}"},
};

/* Every step but MAIL. */
#define STEPS_UNUSED \
	(SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOHDRS | \
	    SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA)

/* warn_once - not for every connection */
static void
warn_once(atomic_flag *said, const char *message)
{
	if (!atomic_flag_test_and_set(said))
		log_message(LEVEL_WARNING, "%s", message);
}

/* on_negotiate - no actions, no steps but MAIL, and our own list of macros */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1, unsigned long *pf2,
    unsigned long *pf3)
{
	static atomic_flag said_fixed = ATOMIC_FLAG_INIT;
	static atomic_flag said_refused = ATOMIC_FLAG_INIT;

	(void)f2;
	(void)f3;
	*pf0 = f0 & SMFIF_SETSYMLIST;
	*pf1 = f1 & STEPS_UNUSED;
	*pf2 = *pf3 = 0;
	if (*pf0 == 0) {
		warn_once(&said_fixed,
		    "the MTA does not let a milter choose its macros; it must send v, {auth_authen}, {auth_type}, {client_addr} and {daemon_name} by itself");
		return SMFIS_CONTINUE;
	}
	for (size_t i = 0; i < sizeof symlists / sizeof *symlists; i++)
		if (smfi_setsymlist(ctx, symlists[i].stage, symlists[i].macros) !=
		    MI_SUCCESS)
			warn_once(&said_refused, "the list of macros was not taken");
	return SMFIS_CONTINUE;
}

/* macro - its value, or "" */
static const char *
macro(SMFICTX *ctx, const char *name)
{
	char copy[32];
	const char *value;

	strcpy(copy, name); /* libmilter's argument is not const */
	value = smfi_getsymval(ctx, copy);
	return value != NULL ? value : "";
}

/* double_percent - libmilter passes the text to the MTA as a format */
static void
double_percent(const char *in, char *out)
{
	for (; *in != '\0'; in++) {
		if (*in == '%')
			*out++ = '%';
		*out++ = *in;
	}
	*out = '\0';
}

/* answer - a reply that libmilter refuses leaves the MTA's own text for the verdict */
static sfsistat
answer(SMFICTX *ctx, enum verdict verdict, struct reply *r)
{
	char text[2 * sizeof r->text];

	if (decision_passes(verdict))
		return SMFIS_ACCEPT;
	double_percent(r->text, text);
	if (smfi_setreply(ctx, r->code, r->xcode, text) != MI_SUCCESS)
		log_message(LEVEL_ERROR, "libmilter does not take the reply %s %s %s",
		    r->code, r->xcode, r->text);
	return verdict == VERDICT_TEMPFAIL ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

/*
 * enter - begin a decision, unless the filter is closed. Either in_progress counts it,
 * or it sees `closed`.
 */
static int64_t
enter(struct metrics *m)
{
	int64_t begin = metrics_begin(m);

	if (!atomic_load(&closed))
		return begin;
	m->in_progress--;
	for (;;) /* until the process ends, and with it the connection */
		pause();
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct request request = {
	    .submission = {.login = macro(ctx, "{auth_authen}"),
		.mechanism = macro(ctx, "{auth_type}"),
		.client = macro(ctx, "{client_addr}"),
		.listener = macro(ctx, "{daemon_name}")},
	    .version = macro(ctx, "v"),
	    .tls = macro(ctx, "{tls_version}"),
	    .sender = argv != NULL && argv[0] != NULL ? argv[0] : "",
	};
	struct reply reply;
	int64_t begin = enter(&the_daemon->metrics);
	struct decision decision = request_decide(the_daemon, &request, &reply);
	sfsistat status = answer(ctx, decision.verdict, &reply);

	metrics_end(&the_daemon->metrics, begin, &decision);
	return status;
}

/*
 * By default libmilter closes a connection after 7,210 s without a packet, and the MTA
 * tempfails the rest of that session. We get packets at MAIL FROM only, so the MTA has
 * to end sessions; TCP keepalive ends those of a dead machine. In milliseconds this
 * still fits in an int.
 */
#define SILENCE_MAX_S (14 * 24 * 3600)

enum error
filter_open(const char *spec, struct error_text *why)
{
	static char name[] = NAME, conn[256]; /* libmilter keeps the pointers */
	struct smfiDesc desc = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_SETSYMLIST,
	    .xxfi_envfrom = on_mail,
	    .xxfi_negotiate = on_negotiate,
	};

	if (strlen(spec) >= sizeof conn)
		return error_set(
		    why, ERR_LIMIT, "the socket's name is too long: %s", spec);
	strcpy(conn, spec);
	if (smfi_register(desc) != MI_SUCCESS || smfi_setconn(conn) != MI_SUCCESS)
		return error_set(
		    why, ERR_IO, "libmilter does not take the socket %s", spec);
	(void)smfi_settimeout(SILENCE_MAX_S); /* fails for no value */
	if (smfi_opensocket(false) == MI_SUCCESS)
		return OK;
	if (strncmp(spec, "fd:", 3) == 0)
		return error_set(why, ERR_IO,
		    "this libmilter cannot take over a socket (%s): disable the socket unit, or set \"socket\" to an address",
		    spec);
	return listen_fault_find(spec, why);
}

enum error
filter_serve(struct daemon *d)
{
	the_daemon = d;
	return smfi_main() == MI_SUCCESS ? OK : ERR_IO;
}

void
filter_close(void)
{
	atomic_store(&closed, true);
}
