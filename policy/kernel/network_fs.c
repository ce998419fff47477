/* SPDX-License-Identifier: BSD-2-Clause */
/* network_fs - whether a folder is on another machine */
#include "policy/kernel/network_fs.h"

#include <errno.h>
#include <stddef.h>

#include "policy/kernel/linux_calls.h"

#ifdef LINUX_CALLS
#include <sys/vfs.h>
#elif defined(HAVE_MNT_LOCAL)
#include <sys/param.h>

#include <sys/mount.h>
#else
#include <sys/stat.h>
#endif

bool
network_fs_type(unsigned long type)
{
	static const unsigned long network[] = {
	    0x6969,     /* NFS */
	    0x517B,     /* SMB */
	    0xFF534D42, /* CIFS */
	    0xFE534D42, /* SMB2 */
	    0x00C36400, /* Ceph */
	    0x5346414F, /* AFS */
	    0x6B414653, /* kAFS */
	    0x73757245, /* Coda */
	    0x01021997, /* 9P */
	    0x7461636F, /* OCFS2 */
	    0x01161970, /* GFS2 */
	    0x0BD00BD0, /* Lustre */
	    0x47504653, /* GPFS */
	    0x19830326, /* BeeGFS */
	    0x20030528, /* OrangeFS */
	    0xAAD7AAEA, /* PanFS */
	};

	for (size_t i = 0; i < sizeof network / sizeof *network; i++)
		if ((type & 0xFFFFFFFFul) == network[i])
			return true;
	return false;
}

enum error
network_fs_check(const char *dir)
{
#ifdef LINUX_CALLS
	struct statfs fs;

	if (statfs(dir, &fs) != 0)
		return error_from_errno(errno);
	return network_fs_type((unsigned long)fs.f_type) ? ERR_NETWORK_FS : OK;
#elif defined(HAVE_MNT_LOCAL)
	struct statfs fs;

	if (statfs(dir, &fs) != 0)
		return error_from_errno(errno);
	return (fs.f_flags & MNT_LOCAL) == 0 ? ERR_NETWORK_FS : OK;
#else
	struct stat st; /* what is below the folder cannot be seen */

	return stat(dir, &st) == 0 ? OK : error_from_errno(errno);
#endif
}
