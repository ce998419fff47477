/* SPDX-License-Identifier: BSD-2-Clause */
/* authd - smtpauth-authd, asked as Dovecot asks it */
#include "policy/doctor/door/authd.h"

#include <stdio.h>
#include <string.h>

#include "policy/base/json.h"
#include "policy/base/text.h"
#include "policy/json/json_value.h"

#define QUESTION_MAX 3000

void
authd_place(struct authd *a, const struct config *config)
{
	*a = (struct authd){.at.kind = ENDPOINT_NONE};
	if (auth_key_path(a->key_file, config->key_file, config->state_dir, NULL) != OK)
		a->key_file[0] = '\0';
	a->off_tcp = strncmp(config->socket, "unix:", 5) == 0 ||
	    strncmp(config->socket, "local:", 6) == 0;
	if (!endpoint_from_milter(config->socket, &a->at) ||
	    a->at.kind != ENDPOINT_INET)
		a->at.kind = ENDPOINT_NONE;
}

enum error
authd_read_key(struct authd *a, struct error_text *why)
{
	enum error e = auth_key_read(&a->key, a->key_file, why);

	if (e != OK)
		a->key.len = 0;
	return e;
}

enum error
authd_health(const struct authd *a, struct http_answer *out, struct error_text *why)
{
	return http_client_ask(&a->at, "/health", NULL, NULL, out, why);
}

/* put - see json_start() */
static void
put(void *arg, const char *s, size_t n)
{
	text_add(arg, s, n);
}

/* write_question - false if it does not fit */
static bool
write_question(char *out, size_t cap, const struct submission *s)
{
	struct text t;
	struct json j;

	text_init(&t, out, cap);
	json_start(&j, put, &t);
	json_open(&j, NULL, "{");
	json_string_n(&j, "login", s->login, s->login_len);
	json_quoted(&j, "remote", s->client);
	json_quoted(&j, "protocol", s->listener);
	json_quoted(&j, "mechanism", s->mechanism);
	json_close(&j, "}");
	return !t.cut;
}

/* take_answer - {"status": N, "msg": "..."} */
static bool
take_answer(const json_value *v, struct authd_answer *out)
{
	const json_value *status = json_value_member(v, "status");
	const char *msg = json_value_string(json_value_member(v, "msg"));

	if (!json_value_is_object(v) || !json_value_is_integer(status) || msg == NULL ||
	    json_value_integer(status) > 0 || strlen(msg) > AUTHD_TEXT_MAX ||
	    !text_is_line(msg, strlen(msg)))
		return false;
	out->refused = json_value_integer(status) < 0;
	strcpy(out->text, msg);
	return true;
}

enum error
authd_ask(const struct authd *a, const struct submission *s, struct authd_answer *out,
    struct error_text *why)
{
	static const char path[] = AUTHD_PATH "?command=allow";
	char question[QUESTION_MAX];
	struct http_answer answer;
	json_value *v;
	bool good;
	enum error e;

	*out = (struct authd_answer){0};
	if (!write_question(question, sizeof question, s))
		return error_set(why, ERR_LIMIT, "the login is too long");
	e = http_client_ask(&a->at, path, a->key.text, question, &answer, why);
	out->http = answer.status;
	if (e != OK || answer.status != 200)
		return e;
	if (json_value_parse(answer.body, answer.len, &v, why) != OK)
		return ERR_FORMAT;
	good = take_answer(v, out);
	json_value_free(v);
	return good ? OK
		    : error_set(why, ERR_FORMAT,
			  "what it answers about a login is not of smtpauth-authd");
}
