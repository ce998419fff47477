/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_origin - who runs a command, for the audit log, and the log's head in syslog */
#include "policy/ctl/frame/audit_origin.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "policy/base/text.h"
#include "policy/kernel/proc.h"

enum error
audit_origin_name(struct audit_log *log, const char *command)
{
	size_t n = strcspn(command, "[");

	while (n > 0 && command[n - 1] == ' ')
		n--;
	if (n > AUDIT_COMMAND_MAX)
		return ERR_INTERNAL; /* tests/cli/t_audit.py looks for one */
	memcpy(log->origin.command, command, n);
	log->origin.command[n] = '\0';
	return OK;
}

enum error
audit_origin_read(struct ctl *c, const char *command, struct audit_log *log)
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
	if (!proc_login_uid(&log->origin.login_uid))
		log->origin.login_uid = AUDIT_NO_UID;
	log->when = c->now;
	return audit_origin_name(log, command);
}

void
audit_origin_announce(const struct audit_log *log, const struct store_meta *meta)
{
	char actor[4 * AUDIT_ACTOR_MAX + 32], hash[DIGEST_TEXT_MAX];
	struct text t;

	text_init(&t, actor, sizeof actor);
	text_escape(&t, log->origin.actor, strlen(log->origin.actor), AUDIT_ACTOR_MAX);
	openlog("smtpauthctl", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE,
	    "audit head=%s count=%llu command=\"%s\" uid=%lu login_uid=%lld actor=%s",
	    digest_print(&meta->audit_head, hash),
	    (unsigned long long)meta->audit_count, log->origin.command,
	    (unsigned long)log->origin.uid,
	    log->origin.login_uid == AUDIT_NO_UID ? -1
						  : (long long)log->origin.login_uid,
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
