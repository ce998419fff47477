/* SPDX-License-Identifier: BSD-2-Clause */
/* client_key - the key that smtpauth-authd demands, as pam_smtpauth reads it */
#include "milter/auth/client_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (CLIENT_KEY_MAX + 2) /* bytes that are read; one of a key has less */

/* open_fault - what errno of an open(2) means, with the way out */
static enum error
open_fault(const char *path, struct error_text *why)
{
	if (errno == ENOENT)
		return error_set(why, ERR_NOINPUT,
		    "%s: %s: \"smtpauthctl init\" makes it; key-file= names another file",
		    path, strerror(errno));
	if (errno == EACCES || errno == EPERM)
		return error_set(why, ERR_PERMISSION,
		    "%s: %s: the program that asks for passwords must be root or in the group of the file",
		    path, strerror(errno));
	return error_set(why, ERR_IO, "%s: %s", path, strerror(errno));
}

/* read_all - up to CAP bytes; the number of them, or -1 */
static ssize_t
read_all(int fd, char *to, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap) {
		n = read(fd, to + len, cap - len);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* read_regular - as read_all(), of PATH */
static enum error
read_regular(
    const char *path, char text[FILE_MAX + 1], size_t *len_r, struct error_text *why)
{
	/* A pipe would be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum error e = OK;
	struct stat st;
	ssize_t n = 0;

	*len_r = 0;
	if (fd < 0)
		return open_fault(path, why);
	if (fstat(fd, &st) != 0)
		e = error_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		e = error_set(why, ERR_DATA, "%s: not a regular file", path);
	else if ((n = read_all(fd, text, FILE_MAX)) < 0)
		e = error_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	else
		*len_r = (size_t)n;
	close(fd);
	return e;
}

enum error
client_key_read(const char *path, char key[CLIENT_KEY_MAX + 1], struct error_text *why)
{
	static const char of_token[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
	char text[FILE_MAX + 1];
	size_t len, n;
	enum error e = read_regular(path, text, &len, why);

	key[0] = '\0';
	if (e != OK)
		return e;
	text[len] = '\0';
	n = strspn(text, of_token);
	if (n < CLIENT_KEY_MIN || n > CLIENT_KEY_MAX || len - n > 1 ||
	    (len > n && text[n] != '\n'))
		return error_set(why, ERR_DATA,
		    "%s: expected one line, a key of %d to %d letters and digits; remove the file, and \"smtpauthctl init\" makes a new one",
		    path, CLIENT_KEY_MIN, CLIENT_KEY_MAX);
	memcpy(key, text, n);
	key[n] = '\0';
	return OK;
}
