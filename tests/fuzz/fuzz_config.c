/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_config.c - a configuration file of any bytes: what is taken is printed so. */
#include "fuzz.h"

#include "policy/config/config.h"
#include "policy/identity/mta.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[256];
static int file = -1;

static void
file_remove(void)
{
	unlink(path);
}

/* file_fill - the one file of this process */
static void
file_fill(const uint8_t *data, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	if (file < 0) {
		snprintf(
		    path, sizeof path, "%s/fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
		file = mkstemp(path);
		fuzz_expect(file >= 0 && atexit(file_remove) == 0);
	}
	fuzz_expect(ftruncate(file, 0) == 0);
	fuzz_expect(pwrite(file, data, size, 0) == (ssize_t)size);
}

/* is_sound - every value one that the daemon can use */
static void
is_sound(const struct config *c)
{
	fuzz_expect(strlen(c->socket) <= CONFIG_VALUE_MAX && c->socket[0] != '\0');
	fuzz_expect(strlen(c->socket_group) <= CONFIG_VALUE_MAX);
	fuzz_expect(strlen(c->user) <= CONFIG_VALUE_MAX);
	fuzz_expect(strlen(c->state_dir) <= CONFIG_VALUE_MAX);
	fuzz_expect(strlen(c->metrics_file) <= CONFIG_VALUE_MAX);
	fuzz_expect(c->state_dir[0] == '/');
	fuzz_expect(c->metrics_file[0] == '/' || c->metrics_file[0] == '\0');
	fuzz_expect(c->socket_mode <= 0777);
	fuzz_expect(c->usage_flush >= 1 && c->usage_flush <= 3600);
	fuzz_expect(c->mta <= MTA_SENDMAIL && c->log <= LOG_TO_JSON);
	fuzz_expect(c->log_level <= LEVEL_DEBUG);
	fuzz_expect(c->on_error == ACTION_REJECT || c->on_error == ACTION_TEMPFAIL ||
	    c->on_error == ACTION_ACCEPT);
}

/* print - as "smtpauth-milter -p" does; the caller frees it */
static char *
print(const struct config *c)
{
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	fuzz_expect(to != NULL);
	config_print(c, to);
	fclose(to);
	return text;
}

/* is_stable - what is printed, set line by line, prints the same */
static void
is_stable(const struct config *c)
{
	char *text = print(c), *lines = fuzz_string((uint8_t *)text, strlen(text));
	char *line = lines, *next, *value, *again;
	struct config other;

	fuzz_expect(config_read(&other, "/dev/null", NULL) == OK);
	for (; *line != '\0'; line = next) {
		next = strchr(line, '\n');
		value = strstr(line, " = ");
		fuzz_expect(next != NULL && value != NULL && value < next);
		*next++ = *value = '\0';
		fuzz_expect(config_set(&other, line, value + 3, NULL) == OK);
	}
	again = print(&other);
	fuzz_expect(strcmp(text, again) == 0);
	free(again);
	free(lines);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error_text why = {""};
	struct config c;
	enum error e;

	file_fill(data, size);
	e = config_read(&c, path, &why);
	fuzz_expect(e == OK || e == ERR_CONFIG);
	if (e == OK) {
		is_sound(&c);
		is_stable(&c);
	} else {
		fuzz_expect(strncmp(why.text, path, strlen(path)) == 0);
		fuzz_expect(why.text[strlen(path)] == ':');
	}
	return 0;
}
