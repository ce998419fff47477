/* SPDX-License-Identifier: BSD-2-Clause */
/* service_notify - tells the service manager the daemon's state, as sd_notify(3) */
#include "milter/service/service_notify.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy/base/number.h"
#include "policy/base/unicode.h"

#define STATUS_MAX 200

/* address_of - a path, or with @ a name in the abstract space; 0 for anything else */
static socklen_t
address_of(const char *name, struct sockaddr_un *address)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof address->sun_path)
		return 0;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, name, len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
service_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t len = name != NULL ? address_of(name, &address) : 0;
	int fd;

	if (len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
	    (const struct sockaddr *)&address, len);
	close(fd);
}

void
service_notify_ready(void)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&said))
		service_notify("READY=1");
}

/*
 * copy_clean - up to STATUS_MAX bytes. systemd drops a status that is not UTF-8, and
 * a newline would begin another message: control and invalid bytes become '?'.
 */
static void
copy_clean(char *to, const char *text)
{
	size_t left = strlen(text), room = STATUS_MAX, n;

	while (left > 0) {
		n = unicode_length(text, left);
		if ((n == 0 ? 1 : n) > room)
			break;
		if (n == 0 || (unsigned char)*text < ' ')
			*to++ = '?';
		else
			to = (char *)memcpy(to, text, n) + n;
		n += n == 0;
		text += n;
		left -= n;
		room -= n;
	}
	*to = '\0';
}

void
service_notify_status(const char *text)
{
	char message[sizeof "STATUS=" + STATUS_MAX] = "STATUS=";

	copy_clean(message + strlen(message), text);
	service_notify(message);
}

uint64_t
service_notify_watchdog_usec(void)
{
	const char *process = getenv("WATCHDOG_PID");
	uint64_t pid, usec;

	(void)number_parse(process, UINT64_MAX, &pid);
	(void)number_parse(getenv("WATCHDOG_USEC"), UINT64_MAX, &usec);
	return process == NULL || pid == (uint64_t)getpid() ? usec : 0;
}
