/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_key - the secret by which mail servers ask smtpauth-authd, and its file */
#include "policy/store/auth_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/hex.h"
#include "policy/store/state_dir.h"

#define RANDOM_BYTES 32
#define FILE_MODE 0640
#define PART AUTH_KEY_FILE ".new"
#define SCHEME "Bearer "

enum error
auth_key_path(
    char *path, const char *configured, const char *dir, struct error_text *why)
{
	if (configured[0] == '\0')
		return state_dir_path(path, dir, AUTH_KEY_FILE, why);
	if (strlen(configured) >= PATH_MAX)
		return error_set(
		    why, ERR_LIMIT, "the path is too long: %s", configured);
	strcpy(path, configured);
	return OK;
}

static enum error
auth_key_failed(struct error_text *why, const char *what, const char *path)
{
	int err = errno;

	return error_set(
	    why, error_from_errno(err), "cannot %s %s: %s", what, path, strerror(err));
}

/* auth_key_write - a new key as the file FD */
static bool
auth_key_write(int fd)
{
	char line[2 * RANDOM_BYTES + 2];
	uint8_t random[RANDOM_BYTES];
	size_t n = sizeof line - 1;

	if (getentropy(random, sizeof random) != 0)
		return false;
	hex_print(random, sizeof random, line);
	line[n - 1] = '\n';
	return write(fd, line, n) == (ssize_t)n && fsync(fd) == 0;
}

/* auth_key_create - as the file PART of the folder AT, which is DIR */
static enum error
auth_key_create(int at, const char *dir, struct error_text *why)
{
	int fd;
	bool good;

	(void)unlinkat(at, PART, 0); /* of an init that was killed */
	fd = openat(
	    at, PART, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return auth_key_failed(why, "create the key in", dir);
	good = auth_key_write(fd);
	close(fd);
	if (!good)
		return auth_key_failed(why, "write the key in", dir);
	return state_dir_give(dir, PART, FILE_MODE, why);
}

/*
 * The file gets its name only when it is whole: who reads a half of it would be refused
 * for good.
 */
enum error
auth_key_make(const char *dir, bool *made_r, struct error_text *why)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	enum error e = OK;

	*made_r = false;
	if (at < 0)
		return auth_key_failed(why, "open", dir);
	if (fstatat(at, AUTH_KEY_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		e = state_dir_give(dir, AUTH_KEY_FILE, FILE_MODE, why);
	} else {
		e = auth_key_create(at, dir, why);
		if (e == OK && renameat(at, PART, at, AUTH_KEY_FILE) != 0)
			e = auth_key_failed(why, "create the key in", dir);
		if (e != OK)
			(void)unlinkat(at, PART, 0);
		*made_r = e == OK;
	}
	close(at);
	return e;
}

/* auth_key_is_token - the first N bytes: b64token of RFC 6750 section 2.1 */
static bool
auth_key_is_token(const char *s, size_t n)
{
	static const char of_token[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";

	return n >= AUTH_KEY_MIN && n <= AUTH_KEY_MAX && strspn(s, of_token) == n;
}

/* auth_key_take - from the N bytes of a file, which end with a NUL */
static enum error
auth_key_take(struct auth_key *key, const char *text, size_t n, const char *path,
    struct error_text *why)
{
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (!auth_key_is_token(text, n))
		return error_set(why, ERR_CONFIG,
		    "%s: expected one line, a key of %d to %d letters and digits; remove the file, and \"smtpauthctl init\" makes a new one",
		    path, AUTH_KEY_MIN, AUTH_KEY_MAX);
	memcpy(key->text, text, n);
	key->text[n] = '\0';
	key->len = n;
	return OK;
}

enum error
auth_key_read(struct auth_key *key, const char *path, struct error_text *why)
{
	char text[AUTH_KEY_MAX + 3];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum error e = OK;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 && errno == ENOENT)
		return error_set(why, ERR_MISSING,
		    "there is no key %s: \"smtpauthctl init\" makes one", path);
	if (fd < 0)
		return auth_key_failed(why, "read", path);
	if (fstat(fd, &st) != 0 || (n = read(fd, text, sizeof text - 1)) < 0)
		e = auth_key_failed(why, "read", path);
	close(fd);
	if (e != OK)
		return e;
	text[n] = '\0';
	key->exposed = (st.st_mode & S_IROTH) != 0;
	return auth_key_take(key, text, (size_t)n, path, why);
}

bool
auth_key_is(const struct auth_key *key, const char *value, size_t n)
{
	const size_t scheme = sizeof SCHEME - 1;
	volatile unsigned char differ = 0;

	if (n != scheme + key->len || strncasecmp(value, SCHEME, scheme) != 0)
		return false;
	for (size_t i = 0; i < key->len; i++)
		differ |= (unsigned char)(value[scheme + i] ^ key->text[i]);
	return differ == 0;
}
