/* SPDX-License-Identifier: BSD-2-Clause */
/* dovecot_settings - how Dovecot asks its policy server for one protocol */
#include "policy/doctor/door/dovecot_settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/doctor/door/auth_url.h"

#define WHERE_MAX (DOVECONF_NAME_MAX + 20)
#define URL_MAX (ENDPOINT_MAX + AUTH_URL_PATH_MAX + 30)
#define RELOAD DOVECOT_SETTINGS_RELOAD

/* A protocol's settings under examination. */
struct visit {
	struct door *door;
	struct findings *found;
	const struct doveconf *conf;
	const char *protocol;
	char where[WHERE_MAX + 1];
};

static void
visit_start(
    struct visit *v, struct door *d, const char *protocol, const struct doveconf *conf)
{
	*v = (struct visit){d, &d->checks->findings, conf, protocol, ""};
	snprintf(v->where, sizeof v->where, "protocol %s", protocol);
}

/* is_loopback - however this machine writes it */
static bool
is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	    strcasecmp(host, "localhost") == 0;
}

enum dovecot_server
dovecot_settings_server(const struct authd *authd, const char *url)
{
	struct auth_url u;
	bool path, here;

	if (url[0] == '\0')
		return DOVECOT_SERVER_NONE;
	if (!auth_url_parse(url, &u))
		return DOVECOT_SERVER_FOREIGN;
	path = strcmp(u.path, AUTHD_PATH) == 0;
	here = endpoint_reaches(&u.at, &authd->at);
	if (path && here && !u.tls)
		return DOVECOT_SERVER_OURS;
	if (path && !here && !is_loopback(u.at.name))
		return DOVECOT_SERVER_REMOTE;
	return path || here ? DOVECOT_SERVER_NEAR : DOVECOT_SERVER_FOREIGN;
}

/* shown_url - without what may be a secret: user, password, query */
static const char *
shown_url(const char *url, char *out)
{
	struct auth_url u;
	bool v6;

	if (!auth_url_parse(url, &u))
		return "no URL that can be read";
	v6 = strchr(u.at.name, ':') != NULL;
	snprintf(out, URL_MAX + 1, "%s://%s%s%s:%u%s", u.tls ? "https" : "http",
	    v6 ? "[" : "", u.at.name, v6 ? "]" : "", u.at.port, u.path);
	return out;
}

void
dovecot_settings_near(struct door *d, const char *protocol, const struct doveconf *conf)
{
	char url[URL_MAX + 1], right[URL_MAX + 1];
	const char *host = d->authd.at.name;
	struct visit v;

	visit_start(&v, d, protocol, conf);
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		host = "127.0.0.1";
	snprintf(right, sizeof right, "http://%s%s%s:%u" AUTHD_PATH,
	    strchr(host, ':') != NULL ? "[" : "", host,
	    strchr(host, ':') != NULL ? "]" : "", d->authd.at.port);
	findings_add(v.found, "auth-policy-url", v.where,
	    "auth_policy_server_url is %s, and smtpauth-authd is asked at %s: %s",
	    shown_url(conf->url, url), right,
	    conf->reject_on_fail ? "nobody can log in" : "nothing is refused at AUTH");
	findings_fix(v.found, "auth_policy_server_url = %s" RELOAD, right);
}

/* name_of - whose server it probably is */
static const char *
name_of(const struct auth_url *u)
{
	if (u->at.port == 579 || strstr(u->path, "dovecot-auth-policy") != NULL)
		return "cPanel's cPHulk";
	if (u->at.port == 8084)
		return "an abuse shield (weakforced)";
	return "another policy server";
}

void
dovecot_settings_foreign(
    struct door *d, const char *protocol, const struct doveconf *conf)
{
	struct auth_url u = {.tls = false};
	char url[URL_MAX + 1];
	struct visit v;

	visit_start(&v, d, protocol, conf);
	(void)auth_url_parse(conf->url, &u);
	findings_add(v.found, "auth-policy-foreign", v.where,
	    "auth_policy_server_url is %s: that is %s, and Dovecot asks only one for a protocol, so smtpauth-authd is not asked",
	    shown_url(conf->url, url), name_of(&u));
	findings_fix(v.found,
	    "if SMTP can do without that server, give \"protocol smtp { }\" and \"protocol submission { }\" the URL of smtpauth-authd, and leave the other to IMAP (contrib/dovecot/README.md)" RELOAD
	    "; else leave it so, as the milter refuses in any case, and say --ignore auth-policy-foreign");
}

/* in_block_alone - whether the URL is that of a protocol's own block */
static bool
in_block_alone(void)
{
	static struct doveconf global; /* large */
	struct error_text why;

	return doveconf_read(&global, "smtpauth-none", &why) == OK &&
	    global.url[0] == '\0';
}

/* check_moment - it has to be asked before the password, and only then */
static void
check_moment(struct visit *v)
{
	const struct doveconf *conf = v->conf;

	if (conf->before) {
		if (!conf->after)
			return;
		findings_add(v->found, "auth-policy-after", v->where,
		    "auth_policy_check_after_auth is yes: smtpauth-authd is asked again after a right password, and a refusal there says that it was right");
		findings_fix(v->found, "auth_policy_check_after_auth = no" RELOAD);
		return;
	}
	if (!conf->after)
		findings_add(v->found, "auth-policy-never", v->where,
		    "auth_policy_check_before_auth and auth_policy_check_after_auth are no: smtpauth-authd is never asked");
	else if (!conf->filters && in_block_alone())
		findings_add(v->found, "auth-policy-never", v->where,
		    "auth_policy_check_before_auth is no, and this Dovecot asks a server of a protocol's block before the password only: smtpauth-authd is never asked");
	else
		findings_add(v->found, "auth-policy-after", v->where,
		    "auth_policy_check_before_auth is no: smtpauth-authd is asked after a right password only, and its refusal says that it was right");
	findings_fix(v->found,
	    "auth_policy_check_before_auth = yes; auth_policy_check_after_auth = no" RELOAD);
}

/* check_switches - what takes the effect away, or too much */
static void
check_switches(struct visit *v)
{
	const struct doveconf *conf = v->conf;

	if (conf->nonce[0] == '\0') {
		findings_add(v->found, "auth-policy-nonce", v->where,
		    "auth_policy_hash_nonce is empty: Dovecot does not ask its policy server then, or does not start");
		findings_fix(v->found,
		    "auth_policy_hash_nonce = any-text, beside auth_policy_server_url" RELOAD);
	}
	if (conf->log_only) {
		findings_add(v->found, "auth-policy-log-only", v->where,
		    "auth_policy_log_only is yes: Dovecot logs a refusal, and lets the login go on");
		findings_fix(v->found, "auth_policy_log_only = no" RELOAD);
	}
	if (conf->reject_on_fail) {
		findings_add(v->found, "auth-policy-reject-on-fail", v->where,
		    "auth_policy_reject_on_fail is yes: while smtpauth-authd is away nobody can log in, and every client is told that its password is wrong");
		findings_fix(v->found,
		    "auth_policy_reject_on_fail = no; the milter refuses while smtpauth-authd is away" RELOAD);
	}
}

/* check_timeout - how long a login waits for an authd that hangs */
static void
check_timeout(struct visit *v)
{
	const char *name = v->conf->filters
	    ? "auth_policy { http_client_request_absolute_timeout"
	    : "auth_policy_server_timeout_msecs";
	const char *value = v->conf->filters ? "1s }" : "1000";
	long ms = v->conf->timeout_ms;

	if (ms > 0 && ms <= DOVECOT_SETTINGS_PATIENCE_MS)
		return;
	if (ms > 0)
		findings_add(v->found, "auth-policy-timeout", v->where,
		    "Dovecot waits %ld s for smtpauth-authd: while that hangs, so does every login, and from 10 s on Postfix gives it up",
		    ms / 1000);
	else
		findings_add(v->found, "auth-policy-timeout", v->where,
		    "Dovecot has no limit to its waiting for smtpauth-authd that can be read: while that hangs, nobody may be able to log in");
	findings_fix(v->found, "%s = %s" RELOAD, name, value);
}

/* check_connections - Dovecot 2.4.1 was seen to do so with several of them */
static void
check_connections(struct visit *v)
{
	if (v->conf->one_connection)
		return;
	findings_add(v->found, "auth-policy-connections", v->where,
	    "Dovecot may hold several connections to smtpauth-authd: when that ends with logins under way, Dovecot 2.4 may ask nobody any more until it is restarted, and logins are refused at MAIL FROM only");
	findings_fix(v->found,
	    "auth_policy { http_client_max_parallel_connections = 1 }" RELOAD);
}

/* authorization_of - the value of that header; NULL: it is another one */
static const char *
authorization_of(const char *header)
{
	static const char name[] = "Authorization:";

	if (strncasecmp(header, name, sizeof name - 1) != 0)
		return NULL;
	header += sizeof name - 1;
	header += strspn(header, " ");
	return strncasecmp(header, "Bearer ", 7) == 0 ? header : NULL;
}

/* check_key - which is compared, and never shown */
static void
check_key(struct visit *v, bool remote)
{
	struct authd *authd = &v->door->authd;
	const char *value = authorization_of(v->conf->header);
	struct error_text why;

	if (v->conf->header[0] == '\0')
		findings_add(v->found, "auth-policy-key", v->where,
		    "auth_policy_server_api_header is not set, and smtpauth-authd demands its key: nothing is refused at AUTH");
	else if (value == NULL)
		findings_add(v->found, "auth-policy-key", v->where,
		    "auth_policy_server_api_header is not \"Authorization: Bearer KEY\", as smtpauth-authd demands it: nothing is refused at AUTH");
	else if (!remote && authd_read_key(authd, &why) == OK &&
	    !auth_key_is(&authd->key, value, strlen(value)))
		findings_add(v->found, "auth-policy-key", v->where,
		    "auth_policy_server_api_header has another key than %s: nothing is refused at AUTH",
		    authd->key_file);
	else
		return;
	findings_fix(v->found,
	    "auth_policy_server_api_header = Authorization: Bearer KEY, with the key that is in %s%s, in a file that only root can read (contrib/dovecot/README.md)" RELOAD,
	    authd->key_file, remote ? " there" : "");
}

/* drops_domain - whether the value is a login without its domain */
static bool
drops_domain(const char *value)
{
	return strstr(value, "%n") != NULL || strstr(value, "%Ln") != NULL ||
	    strstr(value, "%{username") != NULL || strstr(value, "|username") != NULL ||
	    strstr(value, "| username") != NULL;
}

/* check_attributes - what is told of a login */
static void
check_attributes(struct visit *v)
{
	const struct doveconf *conf = v->conf;
	const struct {
		const char *name, *value, *effect;
	} rows[] = {
	    {"login", conf->login, "nobody can be known"},
	    {"remote", conf->remote,
		"exempt-clients and exceptions for networks do not hold at AUTH"},
	    {"protocol", conf->protocol, "exempt-listeners does not hold at AUTH"},
	    {"mechanism", conf->mechanism,
		"a tenant that blocks passwords only is refused OAuth, too"},
	};
	const char *right = conf->filters
	    ? "auth_policy_request_attributes { login = %{requested_username} remote = %{remote_ip} protocol = %{protocol} mechanism = %{mechanism} }, a line each"
	    : "auth_policy_request_attributes = login=%{requested_username} remote=%{rip} protocol=%s mechanism=%m";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].value[0] != '\0')
			continue;
		findings_add(v->found, "auth-policy-attributes", v->where,
		    "auth_policy_request_attributes has no %s: %s", rows[i].name,
		    rows[i].effect);
		findings_fix(v->found, "%s" RELOAD, right);
	}
	if (!drops_domain(conf->login))
		return;
	findings_add(v->found, "auth-policy-attributes", v->where,
	    "auth_policy_request_attributes has login=%s, which is without its domain: it is of no tenant",
	    conf->login);
	findings_fix(v->found, "%s" RELOAD, right);
}

void
dovecot_settings_check(
    struct door *d, const char *protocol, const struct doveconf *conf, bool remote)
{
	struct visit v;

	visit_start(&v, d, protocol, conf);
	check_switches(&v);
	check_moment(&v);
	check_timeout(&v);
	check_connections(&v);
	check_key(&v, remote);
	check_attributes(&v);
}
