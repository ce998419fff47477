/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_user - whose program is at the other end of a unix socket */
#include "policy/kernel/peer_user.h"

#include <sys/socket.h>
#include <unistd.h>

#include "policy/kernel/linux_calls.h"

bool
peer_user(int fd, uid_t *user_r)
{
#ifdef LINUX_CALLS
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	*user_r = peer.uid;
	return true;
#elif defined(HAVE_GETPEEREID)
	gid_t group;

	return getpeereid(fd, user_r, &group) == 0;
#else
	(void)fd;
	(void)user_r;
	return false;
#endif
}
