/* SPDX-License-Identifier: BSD-2-Clause */
/* listener_checks - whether somebody else answers in the daemon's place */
#include <pwd.h>
#include <unistd.h>

#include "policy/doctor/checks.h"
#include "policy/doctor/listener.h"
#include "policy/store/state_dir.h"

/* is_ours - the daemon's user, or root, as whom systemd holds sockets; or who asks */
static bool
is_ours(const struct checks *s, uid_t user)
{
	const char *name =
	    s->config->user[0] != '\0' ? s->config->user : FOLDER_ACCOUNT;
	struct account account;

	return user == 0 || user == geteuid() ||
	    (account_find(name, &account) == OK && account.uid == user);
}

static void
say_stranger(struct checks *s, uid_t user)
{
	const struct passwd *pw = getpwuid(user);
	char address[ENDPOINT_MAX + 32];

	endpoint_milter(&s->milter, address);
	findings_add(&s->findings, "stranger-listens", address,
	    "user %s (%lu) listens here, who is neither root nor the daemon's user: whoever answers the MTA can let everything pass",
	    pw != NULL ? pw->pw_name : "without a name", (unsigned long)user);
	findings_fix(&s->findings,
	    "see whose program that is (ss -lntxp) and end it; systemctl enable --now smtpauth-milter.socket keeps a TCP address for the daemon while it is down, without systemd a unix socket does; \"user\" in smtpauth-milter.conf is the daemon's");
}

void
listener_check(struct checks *s)
{
	uid_t users[LISTENER_MAX];
	size_t count = listener_find(&s->milter, users);

	for (size_t i = 0; i < count; i++)
		if (!is_ours(s, users[i]))
			say_stranger(s, users[i]);
}
