/* SPDX-License-Identifier: BSD-2-Clause */
/* config - the configuration file (the only file with inih) */
#include "policy/config/config.h"

#include <errno.h>
#include <ini.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "policy/identity/mta.h"

#define DEFAULT_FILE SYSCONFDIR "/smtpauth-milter/smtpauth-milter.conf"
#define DEFAULT_STATE_DIR LOCALSTATEDIR "/lib/smtpauth-milter"
#define DEFAULT_USER "smtpauth"
#define STATE_DIR "state-dir"

static const char *const mta_words[] = {"auto", "postfix", "sendmail", NULL};
static const char *const log_words[] = {"stderr", "syslog", "json", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

/* A key: how it is set from text, and printed. */
struct row {
	const char *key;
	const char *initial;
	const char *expected; /* what a good value is, for the error message */
	bool (*set)(struct config *c, size_t offset, const char *value);
	void (*print)(const struct config *c, size_t offset, FILE *to);
	size_t offset; /* of the member, where the functions serve several */
};

static char *
member(struct config *c, size_t offset)
{
	return (char *)c + offset;
}

static const char *
const_member(const struct config *c, size_t offset)
{
	return (const char *)c + offset;
}

static bool
set_text(struct config *c, size_t offset, const char *value)
{
	size_t n = strlen(value);

	if (n > CONFIG_VALUE_MAX)
		return false;
	memcpy(member(c, offset), value, n + 1);
	return true;
}

static bool
set_path(struct config *c, size_t offset, const char *value)
{
	return value[0] == '/' && set_text(c, offset, value);
}

/* set_file - a path that does not name a folder */
static bool
set_file(struct config *c, size_t offset, const char *value)
{
	return value[0] == '/' && value[strlen(value) - 1] != '/' &&
	    set_text(c, offset, value);
}

/* number - digits up to MAX; where they end, or NULL */
static const char *
number(const char *s, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	return *s >= '0' && *s <= '9' && n <= max ? end : NULL;
}

/* is_port - "PORT@HOST"; libmilter would take no host for every address there is */
static bool
is_port(const char *s)
{
	const char *end = number(s, 65535);

	return end != NULL && strtoul(s, NULL, 10) > 0 && *end == '@' && end[1] != '\0';
}

static bool
is_path(const char *s)
{
	return *s == '/';
}

static bool
is_descriptor(const char *s)
{
	const char *end = number(s, 65535);

	return end != NULL && *end == '\0';
}

static bool
set_socket(struct config *c, size_t offset, const char *value)
{
	static const struct {
		const char *kind;
		bool (*is_good)(const char *s);
	} kinds[] = {{"inet:", is_port}, {"inet6:", is_port}, {"unix:", is_path},
	    {"local:", is_path}, {"fd:", is_descriptor}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i].kind);

		if (strncmp(value, kinds[i].kind, n) == 0)
			return kinds[i].is_good(value + n) &&
			    set_text(c, offset, value);
	}
	return false;
}

static void
print_text(const struct config *c, size_t offset, FILE *to)
{
	fputs(const_member(c, offset), to);
}

static bool
set_mode(struct config *c, size_t offset, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	(void)offset;
	c->socket_mode = (unsigned)mode;
	return value[0] >= '0' && value[0] <= '7' && *end == '\0' && mode <= 0777;
}

static void
print_mode(const struct config *c, size_t offset, FILE *to)
{
	(void)offset;
	fprintf(to, "%04o", c->socket_mode);
}

static bool
set_mta(struct config *c, size_t offset, const char *value)
{
	int i = word_find(mta_words, value);

	(void)offset;
	if (i >= 0)
		c->mta = (enum mta)i;
	return i >= 0;
}

static void
print_mta(const struct config *c, size_t offset, FILE *to)
{
	(void)offset;
	fputs(mta_words[c->mta], to);
}

static bool
set_on_error(struct config *c, size_t offset, const char *value)
{
	(void)offset;
	return word_to_action(value, &c->on_error) && c->on_error != ACTION_DEFAULT &&
	    c->on_error != ACTION_REPORT;
}

static void
print_on_error(const struct config *c, size_t offset, FILE *to)
{
	(void)offset;
	fputs(word_of_action(c->on_error), to);
}

static bool
set_log(struct config *c, size_t offset, const char *value)
{
	int i = word_find(log_words, value);

	(void)offset;
	if (i >= 0)
		c->log = (enum log_target)i;
	return i >= 0;
}

static void
print_log(const struct config *c, size_t offset, FILE *to)
{
	(void)offset;
	fputs(log_words[c->log], to);
}

static bool
set_level(struct config *c, size_t offset, const char *value)
{
	int i = word_find(level_words, value);

	(void)offset;
	if (i >= 0)
		c->log_level = (enum log_level)i;
	return i >= 0;
}

static void
print_level(const struct config *c, size_t offset, FILE *to)
{
	(void)offset;
	fputs(level_words[c->log_level], to);
}

static bool
set_yes_no(struct config *c, size_t offset, const char *value)
{
	bool yes = strcmp(value, "yes") == 0;

	memcpy(member(c, offset), &yes, sizeof yes);
	return yes || strcmp(value, "no") == 0;
}

static void
print_yes_no(const struct config *c, size_t offset, FILE *to)
{
	bool yes;

	memcpy(&yes, const_member(c, offset), sizeof yes);
	fputs(yes ? "yes" : "no", to);
}

static bool
set_seconds(struct config *c, size_t offset, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	(void)offset;
	c->usage_flush = (unsigned)n;
	return value[0] >= '0' && value[0] <= '9' && *end == '\0' && n >= 1 &&
	    n <= 3600;
}

static void
print_seconds(const struct config *c, size_t offset, FILE *to)
{
	(void)offset;
	fprintf(to, "%u", c->usage_flush);
}

#define AT(m) offsetof(struct config, m)

static const struct row rows[] = {
    {"socket", CONFIG_SOCKET, "inet:PORT@HOST, inet6:PORT@HOST, unix:/PATH or fd:N",
	set_socket, print_text, AT(socket)},
    {"socket-mode", "0660", "an octal mode", set_mode, print_mode, 0},
    {"socket-group", "", "a group", set_text, print_text, AT(socket_group)},
    {"user", "", "a user", set_text, print_text, AT(user)},
    {STATE_DIR, DEFAULT_STATE_DIR, "an absolute path", set_path, print_text,
	AT(state_dir)},
    {"mta", "auto", "auto, postfix or sendmail", set_mta, print_mta, 0},
    {"on-error", "tempfail", "tempfail, reject or accept", set_on_error, print_on_error,
	0},
    {"log", "stderr", "syslog, stderr or json", set_log, print_log, 0},
    {"log-level", "info", "error, warning, info or debug", set_level, print_level, 0},
    {"log-allowed", "yes", "yes or no", set_yes_no, print_yes_no, AT(log_allowed)},
    {"usage", "yes", "yes or no", set_yes_no, print_yes_no, AT(usage)},
    {"usage-flush", "10", "seconds, 1 to 3600", set_seconds, print_seconds, 0},
    {"metrics-file", "", "an absolute path of a file", set_file, print_text,
	AT(metrics_file)},
};

#define ROWS (sizeof rows / sizeof *rows)

static const struct row *
find_row(const char *key)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

enum error
config_set(struct config *c, const char *key, const char *value, struct error_text *why)
{
	const struct row *row = find_row(key);

	if (row == NULL)
		return error_set(why, ERR_CONFIG, "unknown key \"%s\"", key);
	if (value[0] == '\0' && row->initial[0] == '\0')
		*member(c, row->offset) = '\0'; /* as config_print() has it */
	else if (!row->set(c, row->offset, value))
		return error_set(why, ERR_CONFIG, "bad value \"%s\" for %s: use %s",
		    value, key, row->expected);
	return OK;
}

static void
set_defaults(struct config *c)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].initial[0] != '\0' &&
		    !rows[i].set(c, rows[i].offset, rows[i].initial))
			abort(); /* a default of the table above is wrong */
}

/* set_default_user - asks for the account only where no other is named */
static void
set_default_user(struct config *c)
{
	if (getpwnam(DEFAULT_USER) != NULL)
		memcpy(c->user, DEFAULT_USER, sizeof DEFAULT_USER);
}

struct parse {
	struct config *config;
	FILE *from;
	const char *file;
	unsigned line;
	const char *text;               /* of the line, or "" */
	void (*warn)(const char *text); /* NULL: what is wrong is an error */
	bool pass;                      /* pass over the line */
	bool pass_all;                  /* ... and all lines that follow */
	bool no_text;                   /* a line has a NUL byte, or cannot be read */
	struct error_text *why;
	enum error e;
	bool has_user; /* the file says which, or none */
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
 * fail - the first error with its place, and inih is told to stop; or a warning, for
 * whoever needs the state folder alone
 */
static void
fail(struct parse *p, const char *what)
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

/* check_line - the N bytes of it; what inih would make of a bad one is no matter */
static void
check_line(struct parse *p, size_t n)
{
	const char *line = p->text + strspn(p->text, " \t");

	if (memchr(p->text, '\0', n) != NULL) {
		p->no_text = true;
		fail(p, "the line has a NUL byte");
	} else if (p->text[n - 1] != '\n' && !feof(p->from)) {
		fail(p, "the line is too long");
	} else if (*line == '[') {
		fail(p, "there are no sections in this file");
		p->pass_all = true;
	} else if (strchr("#;\r\n", *line) == NULL && strpbrk(line, "=:") == NULL) {
		fail(p, "expected key = value");
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
		fail(p, "it is in a section, and there are no sections in this file");
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

	(void)section;
	p->has_user = p->has_user || strcmp(key, "user") == 0;
	p->has_state_dir = p->has_state_dir || strcmp(key, STATE_DIR) == 0;
	if (p->e == OK && config_set(p->config, key, value, &why) != OK)
		fail(p, why.text);
	return p->e == OK;
}

/* read_stream - inih over the lines of P */
static enum error
read_stream(struct parse *p)
{
	int rc = ini_parse_stream(read_line, p, take_key, p);

	p->text = "";
	if (rc > 0) {
		p->line = (unsigned)rc;
		fail(p, "expected key = value");
	} else if (rc < 0) {
		fail(p, "cannot read on");
	}
	p->no_text = ferror(p->from) != 0;
	if (p->no_text)
		fail(p, strerror(EIO));
	return p->e;
}

/* read_file - that of P, into its CONFIG */
static enum error
read_file(struct parse *p, const char *file)
{
	p->file = file != NULL ? file : DEFAULT_FILE;
	set_defaults(p->config);
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

enum error
config_read(struct config *out, const char *file, struct error_text *why)
{
	struct parse p = {.config = out, .why = why};
	enum error e = read_file(&p, file);

	if (e == OK && !p.has_user)
		set_default_user(out);
	return e;
}

enum error
config_state_dir(
    char *dir, const char *file, void (*warn)(const char *text), struct error_text *why)
{
	struct config config;
	struct parse p = {.config = &config, .warn = warn, .why = why};
	enum error e = read_file(&p, file);

	if (e == OK)
		memcpy(dir, config.state_dir, sizeof config.state_dir);
	return e;
}

void
config_print(const struct config *c, FILE *to)
{
	for (size_t i = 0; i < ROWS; i++) {
		fprintf(to, "%s = ", rows[i].key);
		rows[i].print(c, rows[i].offset, to);
		fputc('\n', to);
	}
}
