/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot - what the snapshot commands have in common: keys, and the head in words */
#include "policy/ctl/transfer/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/hex.h"
#include "policy/base/read_file.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/print.h"

/* Some hundred bytes, and remarks, make a key. */
#define PEM_BYTES_MAX 65536

static const char *const snapshot_counts[SNAPSHOT_COUNTS] = {
    [SNAPSHOT_SETTINGS] = "settings",
    [SNAPSHOT_TENANTS] = "tenants",
    [SNAPSHOT_DOMAINS] = "domains",
    [SNAPSHOT_MAILBOXES] = "mailboxes",
    [SNAPSHOT_ALIASES] = "aliases",
};

/* The text of a key's file. */
struct pem {
	char *text;
	size_t len;
	mode_t mode;
};

/* read_pem - the file of option ID; free_pem() follows in any case */
static enum error
read_pem(struct ctl *c, enum option_id id, struct pem *pem)
{
	const char *path = argument_option(c, id);
	enum error e;

	memset(pem, 0, sizeof *pem);
	if (path == NULL)
		return error_set(&c->why, ERR_USAGE, "\"%s\" needs --%s PEM",
		    c->command->name, option_name(id));
	pem->text = malloc(PEM_BYTES_MAX);
	if (pem->text == NULL)
		return error_about(&c->why, ERR_MEMORY, path);
	e = read_file(path, pem->text, PEM_BYTES_MAX, &pem->len, &pem->mode, &c->why);
	if (e == OK && pem->len == PEM_BYTES_MAX)
		return error_set(&c->why, ERR_DATA, "%s is too long for a key", path);
	return e;
}

static void
free_pem(struct pem *pem)
{
	if (pem->text != NULL)
		explicit_bzero(pem->text, pem->len);
	free(pem->text);
}

/* warn_of_mode - a key that others can read may be used by others */
static void
warn_of_mode(struct ctl *c, const char *path, mode_t mode)
{
	if (S_ISREG(mode) && (mode & 077) != 0)
		print_remark(c->err,
		    "warning: %s has mode %04o, and should be its owner's only: chmod "
		    "600",
		    path, (unsigned)(mode & 07777));
}

enum error
snapshot_load_key(struct ctl *c, struct signature_keys **key_r)
{
	const char *path = argument_option(c, OPT_KEY);
	struct pem pem;
	enum error e = read_pem(c, OPT_KEY, &pem);

	*key_r = NULL;
	if (e == OK)
		e = signature_keys_read(
		    key_r, SIGNATURE_PRIVATE, pem.text, pem.len, path, &c->why);
	if (e == OK)
		warn_of_mode(c, path, pem.mode);
	free_pem(&pem);
	return e;
}

enum error
snapshot_load_trusted(struct ctl *c, struct signature_keys **keys_r)
{
	struct pem pem;
	enum error e = read_pem(c, OPT_TRUST, &pem);

	*keys_r = NULL;
	if (e == OK)
		e = signature_keys_read(keys_r, SIGNATURE_PUBLIC, pem.text, pem.len,
		    argument_option(c, OPT_TRUST), &c->why);
	free_pem(&pem);
	return e;
}

void
snapshot_head_json(struct json *j, const struct snapshot_head *head)
{
	char digest[DIGEST_TEXT_MAX], id[SIGNATURE_ID_TEXT_MAX];

	json_number(j, "serial", (int64_t)head->serial);
	json_instant(j, "created", head->made);
	json_quoted(j, "key", hex_print(head->key_id, SIGNATURE_ID_BYTES, id));
	json_quoted(j, "policy_digest", digest_print(&head->policy, digest));
	for (int i = 0; i < SNAPSHOT_COUNTS; i++)
		json_number(j, snapshot_counts[i], (int64_t)head->count[i]);
}

static void
property_number(FILE *out, const char *key, uint64_t n)
{
	char buf[24];

	snprintf(buf, sizeof buf, "%" PRIu64, n);
	property(out, key, buf);
}

void
snapshot_head_print(FILE *out, const struct snapshot_head *head)
{
	char digest[DIGEST_TEXT_MAX], id[SIGNATURE_ID_TEXT_MAX];

	property_number(out, "serial", head->serial);
	property_time(out, "created", head->made);
	property(out, "key", hex_print(head->key_id, SIGNATURE_ID_BYTES, id));
	property(out, "policy digest", digest_print(&head->policy, digest));
	for (int i = 0; i < SNAPSHOT_COUNTS; i++)
		property_number(out, snapshot_counts[i], head->count[i]);
}
