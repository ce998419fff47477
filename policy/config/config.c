/* SPDX-License-Identifier: BSD-2-Clause */
/* config - the configuration file */
#include "policy/config/config.h"

#include <errno.h>
#include <ini.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/fnv.h"
#include "policy/base/number.h"
#include "policy/config/endpoint.h"

#define DEFAULT_STATE_DIR LOCALSTATEDIR "/lib/smtpauth-milter"
#define DEFAULT_USER "smtpauth"
#define STATE_DIR "state-dir"
#define AUTHD "authd"

/* Where a key may stand. Before any section it holds for all daemons, unless it is OWN:
 * then it is the milter's. */
#define GENERAL 1
#define OWN 2
#define IN_AUTHD 4

static const char *const mta_words[] = {"auto", "postfix", "sendmail", NULL};
static const char *const log_words[] = {"stderr", "syslog", "json", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

/* A key: the member it sets, how that is set from text, and printed. */
struct row {
	const char *key;
	const char *initial;
	const char *expected; /* good values, for the error message */
	bool (*set)(const struct row *row, void *member, const char *value);
	void (*print)(const struct row *row, const void *member, FILE *to);
	size_t offset;
	const char *const *words; /* of an enumeration */
	unsigned places;
};

static bool
set_text(const struct row *row, void *member, const char *value)
{
	size_t n = strlen(value);

	(void)row;
	if (n > CONFIG_VALUE_MAX)
		return false;
	memcpy(member, value, n + 1);
	return true;
}

static bool
set_path(const struct row *row, void *member, const char *value)
{
	return value[0] == '/' && set_text(row, member, value);
}

/* set_file - a path that does not name a folder */
static bool
set_file(const struct row *row, void *member, const char *value)
{
	return value[strlen(value) - 1] != '/' && set_path(row, member, value);
}

/* set_socket - an address of libmilter's, of a unix socket the whole path; or fd:N */
static bool
set_socket(const struct row *row, void *member, const char *value)
{
	struct endpoint e;
	uint64_t fd;

	if (strncmp(value, "fd:", 3) == 0)
		return number_parse(value + 3, 65535, &fd) &&
		    set_text(row, member, value);
	return endpoint_from_milter(value, &e) &&
	    (e.kind == ENDPOINT_INET || e.name[0] == '/') &&
	    set_text(row, member, value);
}

static void
print_text(const struct row *row, const void *member, FILE *to)
{
	(void)row;
	fputs(member, to);
}

static bool
set_mode(const struct row *row, void *member, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	(void)row;
	*(unsigned *)member = (unsigned)mode;
	return value[0] >= '0' && value[0] <= '7' && *end == '\0' && mode <= 0777;
}

static void
print_mode(const struct row *row, const void *member, FILE *to)
{
	(void)row;
	fprintf(to, "%04o", *(const unsigned *)member);
}

static bool
set_word(const struct row *row, void *member, const char *value)
{
	return word_find(row->words, value, member);
}

static void
print_word(const struct row *row, const void *member, FILE *to)
{
	int i;

	memcpy(&i, member, sizeof i);
	fputs(row->words[i], to);
}

static bool
set_seconds(const struct row *row, void *member, const char *value)
{
	uint64_t n;

	(void)row;
	(void)number_parse(value, 3600, &n);
	*(unsigned *)member = (unsigned)n;
	return n >= 1;
}

static void
print_seconds(const struct row *row, const void *member, FILE *to)
{
	(void)row;
	fprintf(to, "%u", *(const unsigned *)member);
}

#define AT(m) offsetof(struct config, m)

static const struct row rows[] = {
    {"socket", CONFIG_SOCKET, "inet:PORT@HOST, inet6:PORT@HOST, unix:/PATH or fd:N",
	set_socket, print_text, AT(socket), NULL, GENERAL | OWN | IN_AUTHD},
    {"socket-mode", "0660", "an octal mode", set_mode, print_mode, AT(socket_mode),
	NULL, GENERAL | OWN},
    {"socket-group", "", "a group", set_text, print_text, AT(socket_group), NULL,
	GENERAL | OWN},
    {"user", "", "a user", set_text, print_text, AT(user), NULL, GENERAL | IN_AUTHD},
    {STATE_DIR, DEFAULT_STATE_DIR, "an absolute path", set_path, print_text,
	AT(state_dir), NULL, GENERAL},
    {"mta", "auto", "auto, postfix or sendmail", set_word, print_word, AT(mta),
	mta_words, GENERAL | OWN},
    {"on-error", "tempfail", "tempfail, reject or accept", set_word, print_word,
	AT(on_error), word_three_way, GENERAL},
    {"log", "stderr", "syslog, stderr or json", set_word, print_word, AT(log),
	log_words, GENERAL | IN_AUTHD},
    {"log-level", "info", "error, warning, info or debug", set_word, print_word,
	AT(log_level), level_words, GENERAL | IN_AUTHD},
    {"log-allowed", "yes", "yes or no", set_word, print_word, AT(log_allowed),
	word_yes_no, GENERAL | IN_AUTHD},
    {"usage", "yes", "yes or no", set_word, print_word, AT(usage), word_yes_no,
	GENERAL},
    {"usage-flush", "10", "seconds, 1 to 3600", set_seconds, print_seconds,
	AT(usage_flush), NULL, GENERAL},
    {"metrics-file", "", "an absolute path of a file", set_file, print_text,
	AT(metrics_file), NULL, GENERAL | OWN | IN_AUTHD},
    {"key-file", "", "an absolute path of a file", set_file, print_text, AT(key_file),
	NULL, IN_AUTHD},
};

#define ROWS (sizeof rows / sizeof *rows)

/* find_row - of a key, or NULL with WHY */
static const struct row *
find_row(const char *key, struct error_text *why)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	(void)error_set(why, ERR_CONFIG, "unknown key \"%s\"", key);
	return NULL;
}

enum error
config_set(struct config *c, const char *key, const char *value, struct error_text *why)
{
	const struct row *row = find_row(key, why);
	char *member;

	if (row == NULL)
		return ERR_CONFIG;
	member = (char *)c + row->offset;
	if (value[0] == '\0' && row->initial[0] == '\0')
		*member = '\0'; /* as config_print() has it */
	else if (!row->set(row, member, value))
		return error_set(why, ERR_CONFIG, "bad value \"%s\" for %s: use %s",
		    value, key, row->expected);
	if (row->set == set_socket)
		c->socket_is_set = true;
	return OK;
}

static void
set_defaults(struct config *c)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < ROWS; i++)
		if (config_set(c, rows[i].key, rows[i].initial, NULL) != OK)
			abort(); /* a default of the table above is wrong */
	c->socket_is_set = false;
}

/* set_line - what a line of SECTION ("": none) says to the daemon whose section is OURS
 */
static enum error
set_line(struct config *c, const char *ours, const char *section, const char *key,
    const char *value, struct error_text *why)
{
	const struct row *row = find_row(key, why);
	bool general = section[0] == '\0', holds;
	struct config other = *c; /* checks what is for another daemon */

	if (row == NULL)
		return ERR_CONFIG;
	if (general && (row->places & GENERAL) == 0)
		return error_set(
		    why, ERR_CONFIG, "%s belongs in section [" AUTHD "]", key);
	if (!general && (row->places & IN_AUTHD) == 0)
		return error_set(why, ERR_CONFIG,
		    "%s belongs before the first section, [%s]", key, section);
	holds = general ? ours[0] == '\0' || (row->places & OWN) == 0
			: strcmp(ours, section) == 0;
	return config_set(holds ? c : &other, key, value, why);
}

struct parse {
	struct config *config;
	const char *ours; /* the daemon's section; "" for the milter */
	FILE *from;
	const char *file;
	unsigned line;
	const char *text;               /* of the line, or "" */
	void (*warn)(const char *text); /* NULL: a bad line is an error */
	bool pass;                      /* pass over the line */
	bool pass_all;                  /* ... and all lines that follow */
	bool no_text;                   /* a line has a NUL byte, or cannot be read */
	struct error_text *why;
	enum error e;
	bool has_user; /* the file has the key */
	bool has_state_dir;
};

/*
 * names_state_dir - whether a line that is passed over may have been the one for the
 * state folder: another folder has another policy
 */
static bool
names_state_dir(const char *line)
{
	line += strspn(line, " \t");
	return strchr("#;", *line) == NULL && strcasestr(line, "state") != NULL;
}

/*
 * config_fail - the first error with its place, and inih is told to stop; or a warning,
 * for whoever needs the state folder alone
 */
static void
config_fail(struct parse *p, const char *what)
{
	struct error_text text;

	if (p->e != OK)
		return;
	error_set(&text, ERR_CONFIG, "%s:%u: %s", p->file, p->line, what);
	p->pass = p->warn != NULL && !p->no_text && !names_state_dir(p->text);
	if (p->pass)
		p->warn(text.text);
	else
		p->e = error_set(p->why, ERR_CONFIG, "%s", text.text);
}

/* get_line - as fgets(3), which does not tell how long a line with a NUL is */
static size_t
get_line(FILE *from, char *out, size_t cap)
{
	size_t n = 0;
	int c = 0;

	while (n + 1 < cap && c != '\n' && (c = getc(from)) != EOF)
		out[n++] = (char)c;
	out[n] = '\0';
	return n;
}

/* is_section - whether LINE is the header of a section that there is */
static bool
is_section(const char *line)
{
	static const char header[] = "[" AUTHD "]";

	if (strncmp(line, header, sizeof header - 1) != 0)
		return false;
	line += sizeof header - 1;
	return strchr("#;\r\n", line[strspn(line, " \t")]) != NULL;
}

/* check_line - its N bytes, before inih gets them */
static void
check_line(struct parse *p, size_t n)
{
	const char *line = p->text + strspn(p->text, " \t");

	if (memchr(p->text, '\0', n) != NULL) {
		p->no_text = true;
		config_fail(p, "the line has a NUL byte");
	} else if (p->text[n - 1] != '\n' && !feof(p->from)) {
		config_fail(p, "the line is too long");
	} else if (*line == '[') {
		p->pass_all = !is_section(line);
		if (p->pass_all)
			config_fail(p, "the only section is [" AUTHD "]");
	} else if (strchr("#;\r\n", *line) == NULL && strpbrk(line, "=:") == NULL) {
		config_fail(p, "expected key = value");
	}
}

/* skip_line - the rest of one that is too long */
static void
skip_line(FILE *from)
{
	int c;

	while ((c = getc(from)) != EOF && c != '\n')
		;
}

/*
 * read_line - what inih calls for a line: leading blanks are dropped, or it would
 * take the line for a continuation, and a line it would cut is an error
 */
static char *
read_line(char *out, int cap, void *stream)
{
	struct parse *p = stream;
	size_t n, blanks;

	if (p->e != OK)
		return NULL;
	p->line++;
	p->text = out;
	n = get_line(p->from, out, (size_t)cap);
	if (n == 0)
		return NULL;
	p->pass = p->pass_all;
	if (!p->pass)
		check_line(p, n);
	else if (!p->has_state_dir && names_state_dir(out))
		config_fail(p, "it is in a section that is not known");
	if (p->e != OK)
		return NULL;
	if (p->pass && out[n - 1] != '\n')
		skip_line(p->from);
	if (p->pass)
		return memcpy(out, "\n", 2);
	blanks = strspn(out, " \t");
	return memmove(out, out + blanks, n - blanks + 1);
}

static int
take_key(void *user, const char *section, const char *key, const char *value)
{
	struct parse *p = user;
	struct error_text why;

	p->has_user = p->has_user ||
	    (strcmp(key, "user") == 0 &&
		(section[0] == '\0' || strcmp(section, p->ours) == 0));
	p->has_state_dir = p->has_state_dir || strcmp(key, STATE_DIR) == 0;
	if (p->e == OK && set_line(p->config, p->ours, section, key, value, &why) != OK)
		config_fail(p, why.text);
	return p->e == OK;
}

static enum error
read_stream(struct parse *p)
{
	int rc = ini_parse_stream(read_line, p, take_key, p);

	p->text = "";
	if (rc > 0) {
		p->line = (unsigned)rc;
		config_fail(p, "expected key = value");
	} else if (rc < 0) {
		config_fail(p, "cannot read on");
	}
	p->no_text = ferror(p->from) != 0;
	if (p->no_text)
		config_fail(p, strerror(EIO));
	return p->e;
}

/* config_load - the file of P, into its CONFIG */
static enum error
config_load(struct parse *p, const char *file)
{
	p->file = file != NULL ? file : CONFIG_FILE;
	set_defaults(p->config);
	if (p->ours[0] != '\0')
		strcpy(p->config->socket, CONFIG_AUTHD_SOCKET);
	p->from = fopen(p->file, "re");
	if (p->from == NULL && file == NULL && errno == ENOENT)
		return OK;
	if (p->from != NULL) {
		read_stream(p);
		fclose(p->from);
		return p->e;
	}
	return error_set(p->why, ERR_CONFIG, "%s: %s", p->file, strerror(errno));
}

/* config_read_ours - for the daemon whose section is OURS */
static enum error
config_read_ours(
    struct config *out, const char *ours, const char *file, struct error_text *why)
{
	struct parse p = {.config = out, .ours = ours, .why = why};
	enum error e = config_load(&p, file);

	if (e == OK && !p.has_user && getpwnam(DEFAULT_USER) != NULL)
		memcpy(out->user, DEFAULT_USER, sizeof DEFAULT_USER);
	return e;
}

enum error
config_read(struct config *out, const char *file, struct error_text *why)
{
	return config_read_ours(out, "", file, why);
}

enum error
config_read_authd(struct config *out, const char *file, struct error_text *why)
{
	return config_read_ours(out, AUTHD, file, why);
}

enum error
config_state_dir(
    char *dir, const char *file, void (*warn)(const char *text), struct error_text *why)
{
	struct config config;
	struct parse p = {.config = &config, .ours = "", .warn = warn, .why = why};
	enum error e = config_load(&p, file);

	if (e == OK)
		memcpy(dir, config.state_dir, sizeof config.state_dir);
	return e;
}

/* print_rows - the keys that may stand in one of the WITH places and in none of WITHOUT
 */
static void
print_rows(const struct config *c, unsigned with, unsigned without, FILE *to)
{
	for (size_t i = 0; i < ROWS; i++) {
		if ((rows[i].places & with) == 0 || (rows[i].places & without) != 0)
			continue;
		fprintf(to, "%s = ", rows[i].key);
		rows[i].print(&rows[i], (const char *)c + rows[i].offset, to);
		fputc('\n', to);
	}
}

void
config_print(const struct config *c, FILE *to)
{
	print_rows(c, GENERAL, 0, to);
}

void
config_print_authd(const struct config *c, FILE *to)
{
	print_rows(c, GENERAL, OWN | IN_AUTHD, to);
	fprintf(to, "\n[" AUTHD "]\n");
	print_rows(c, IN_AUTHD, 0, to);
}

uint64_t
config_digest(const struct config *c)
{
	struct config plain = *c;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	uint64_t digest = 0;

	plain.socket[0] = plain.state_dir[0] = '\0';
	if (f == NULL)
		return 0;
	config_print(&plain, f);
	if (fclose(f) == 0)
		digest = fnv_add(FNV_START, text, n);
	free(text);
	return digest;
}
