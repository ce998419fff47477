/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_origin - who runs this command, for the audit log, and its head in the system's
 * log
 */
#include "policy/ctl/frame/audit_origin.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "policy/base/text.h"

/* login_uid - who logged in, however they became root since; see audit(7), pam_loginuid
 */
static uint32_t
login_uid(void)
{
	FILE *f = fopen("/proc/self/loginuid", "re");
	char line[32] = "", *end;
	unsigned long uid = AUDIT_NO_UID;

	if (f == NULL)
		return AUDIT_NO_UID;
	if (fgets(line, sizeof line, f) != NULL && line[0] >= '0' && line[0] <= '9')
		uid = strtoul(line, &end, 10);
	fclose(f);
	return uid <= UINT32_MAX ? (uint32_t)uid : AUDIT_NO_UID;
}

/* set_command - the name in the table, without what may be left out */
static enum error
set_command(struct audit_origin *origin, const char *command)
{
	size_t n = strcspn(command, "[");

	while (n > 0 && command[n - 1] == ' ')
		n--;
	if (n > AUDIT_COMMAND_MAX)
		return ERR_INTERNAL; /* tests/cli/t_audit.py looks for one in the table
				      */
	memcpy(origin->command, command, n);
	origin->command[n] = '\0';
	return OK;
}

enum error
audit_origin_origin(struct ctl *c, const char *command, struct audit_log *log)
{
	const char *actor = c->options.actor != NULL ? c->options.actor : "";
	size_t n = strlen(actor);

	if (n > AUDIT_ACTOR_MAX)
		return error_set(&c->why, ERR_DATA, "--actor is longer than %d bytes",
		    AUDIT_ACTOR_MAX);
	if (!text_is_line(actor, n))
		return error_set(&c->why, ERR_DATA,
		    "--actor has control characters or is not UTF-8");
	memcpy(log->origin.actor, actor, n + 1);
	log->origin.uid = getuid();
	log->origin.login_uid = login_uid();
	log->when = c->now;
	return set_command(&log->origin, command);
}

enum error
audit_origin_start(struct ctl *c, const char *command)
{
	enum error e = audit_origin_origin(c, command, &c->log);

	if (e == OK)
		audit_watch(c->txn, &c->log);
	return e;
}

enum error
audit_origin_name(struct ctl *c, const char *command)
{
	return set_command(&c->log.origin, command);
}

/* audit_origin_announce - the head, for whoever keeps the system's log */
void
audit_origin_announce(const struct audit_log *log, const struct store_meta *meta)
{
	char actor[4 * AUDIT_ACTOR_MAX + 32], hash[DIGEST_TEXT_MAX];
	struct text t;

	text_init(&t, actor, sizeof actor);
	text_escape(&t, log->origin.actor, strlen(log->origin.actor), AUDIT_ACTOR_MAX);
	openlog("smtpauthctl", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE,
	    "audit head=%s count=%llu command=\"%s\" uid=%lu login_uid=%ld actor=%s",
	    digest_print(&meta->audit_head, hash),
	    (unsigned long long)meta->audit_count, log->origin.command,
	    (unsigned long)log->origin.uid,
	    log->origin.login_uid == AUDIT_NO_UID ? -1L : (long)log->origin.login_uid,
	    actor);
	closelog();
}

enum error
audit_origin_commit(struct ctl *c)
{
	struct store_meta meta = *store_meta(c->txn);
	bool grown = store_audit_grown(c->txn);
	enum error e = store_commit(&c->txn);

	if (e != OK)
		return store_about(&c->why, e, c->store);
	if (grown)
		audit_origin_announce(&c->log, &meta);
	return OK;
}
