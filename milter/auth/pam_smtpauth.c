/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pam_smtpauth - the PAM module that asks smtpauth-authd, before the password is
 * looked at, whether the login may use SMTP AUTH at all
 *
 * Its results are PAM_IGNORE and PAM_PERM_DENIED: no answer of the server lets
 * anybody in whom the modules after this one would not. The password is not read.
 */
#include <security/pam_modules.h>

#include <security/pam_ext.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "milter/auth/client_exchange.h"
#include "policy/base/monotonic.h"
#include "policy/base/number.h"

#define KEY_FILE LOCALSTATEDIR "/lib/smtpauth-milter/auth.key"
#define PORT 8898
#define TIMEOUT_MS 1000
#define TIMEOUT_MS_MAX 60000
#define SHOWN_MAX 320 /* bytes of a login that are logged */

/* All else of this library is hidden. */
#define ENTRY __attribute__((visibility("default")))

/* The arguments of the line in the PAM configuration. */
struct options {
	const char *key_file;
	uint64_t port, timeout_ms;
	bool deny_on_error;
	const char *bad; /* the first one that is none, or NULL */
};

/* value_of - what follows NAME= in WORD, or NULL */
static const char *
value_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

/* read_option - false for an argument that is unknown or has a bad value */
static bool
read_option(struct options *o, const char *word)
{
	const char *value;

	if ((value = value_of(word, "port")) != NULL)
		return number_parse(value, UINT16_MAX, &o->port) && o->port > 0;
	if ((value = value_of(word, "timeout_ms")) != NULL)
		return number_parse(value, TIMEOUT_MS_MAX, &o->timeout_ms) &&
		    o->timeout_ms > 0;
	if ((value = value_of(word, "key-file")) != NULL) {
		o->key_file = value;
		return value[0] == '/';
	}
	if ((value = value_of(word, "on_error")) != NULL) {
		o->deny_on_error = strcmp(value, "deny") == 0;
		return o->deny_on_error || strcmp(value, "ignore") == 0;
	}
	return false;
}

static struct options
read_options(int argc, const char **argv)
{
	struct options o = {
	    .key_file = KEY_FILE, .port = PORT, .timeout_ms = TIMEOUT_MS};

	for (int i = 0; i < argc; i++)
		if (!read_option(&o, argv[i]) && o.bad == NULL)
			o.bad = argv[i];
	return o;
}

/* shown - a login as it may stand in a line of the log */
static const char *
shown(const char *login, char buf[SHOWN_MAX + 4])
{
	size_t n = strnlen(login, SHOWN_MAX + 1), most = n > SHOWN_MAX ? SHOWN_MAX : n;

	for (size_t i = 0; i < most; i++)
		buf[i] = (char)(login[i] >= ' ' && login[i] <= '~' ? login[i] : '?');
	strcpy(buf + most, n > most ? "..." : "");
	return buf;
}

/* failed - the result where there is no answer, with a line in the log */
static int
failed(pam_handle_t *pamh, const struct options *o, const char *why)
{
	pam_syslog(pamh, LOG_ERR, "%s; on_error=%s: the login %s", why,
	    o->deny_on_error ? "deny" : "ignore",
	    o->deny_on_error ? "is refused" : "goes on, unchecked here");
	return o->deny_on_error ? PAM_PERM_DENIED : PAM_IGNORE;
}

static const char *
item(const pam_handle_t *pamh, int type)
{
	const void *value = NULL;

	return pam_get_item(pamh, type, &value) == PAM_SUCCESS ? value : NULL;
}

/* ask - the verdict of the server on LOGIN */
static enum error
ask(const pam_handle_t *pamh, const struct options *o, const char *login,
    struct client_answer *answer, enum client_verdict *verdict_r,
    struct error_text *why)
{
	int64_t deadline = monotonic_ms() + (int64_t)o->timeout_ms;
	uint16_t port = (uint16_t)o->port;
	char key[CLIENT_KEY_MAX + 1];
	struct client_question q;
	enum error e = client_key_read(o->key_file, key, why);

	if (e != OK)
		return e;
	client_question_write(&q, port, key, login, item(pamh, PAM_RHOST));
	return client_exchange(port, deadline, &q, answer, verdict_r, why);
}

/* decide - the result of the module, in either phase */
static int
decide(pam_handle_t *pamh, int argc, const char **argv)
{
	struct options o = read_options(argc, argv);
	const char *login = item(pamh, PAM_USER);
	char name[SHOWN_MAX + 4], line[ERROR_TEXT_MAX + 64];
	struct client_answer answer;
	enum client_verdict verdict;
	struct error_text why;

	if (o.bad != NULL) {
		snprintf(line, sizeof line, "bad argument \"%s\"", o.bad);
		return failed(pamh, &o, line);
	}
	if (login == NULL)
		return failed(pamh, &o, "the application names no user (PAM_USER)");
	if (ask(pamh, &o, login, &answer, &verdict, &why) != OK) {
		snprintf(line, sizeof line, "cannot ask 127.0.0.1:%u: %s",
		    (unsigned)o.port, why.text);
		return failed(pamh, &o, line);
	}
	if (verdict != CLIENT_ANSWER_REFUSE)
		return PAM_IGNORE;
	pam_syslog(
	    pamh, LOG_NOTICE, "%s is refused: %s", shown(login, name), answer.message);
	return PAM_PERM_DENIED;
}

ENTRY int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return decide(pamh, argc, argv);
}

ENTRY int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return decide(pamh, argc, argv);
}

/* The rest of the interface has nothing to do with logins that may or may not. */

ENTRY int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

ENTRY int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

ENTRY int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

ENTRY int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}
