/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_exchange.c - Exchange's commands: pasted scripts, and one from a command line */
#include "fuzz.h"

#include "policy/exchange/exchange_script.h"

#include <stdlib.h>
#include <string.h>

/* write_quoted - with every single quote in it, of whatever shape, doubled */
static void
write_quoted(const char *name, const char *value, FILE *to)
{
	struct exchange_span left = {value, strlen(value)};
	size_t n;

	fprintf(to, " -%s '", name);
	for (; left.len > 0; left = exchange_char_skip(left, n)) {
		if (exchange_char(left, &n) == '\'')
			fwrite(left.at, 1, n, to);
		fwrite(left.at, 1, n, to);
	}
	putc('\'', to);
}

/* write_command - as somebody would paste it; the caller frees it */
static char *
write_command(const struct exchange *x, size_t *n_r)
{
	static const char *const words[] = {"null", "false", "true"};
	char *line;
	FILE *to = open_memstream(&line, n_r);

	fuzz_expect(to != NULL);
	fputs(exchange_cmdlet_name(x->cmdlet), to);
	if (x->identity[0] != '\0')
		write_quoted("Identity", x->identity, to);
	if (x->organization[0] != '\0')
		write_quoted("Organization", x->organization, to);
	if (x->results_said && x->results == EXCHANGE_UNLIMITED)
		fputs(" -ResultSize Unlimited", to);
	else if (x->results_said)
		fprintf(to, " -ResultSize %llu", (unsigned long long)x->results);
	if (x->said)
		fprintf(
		    to, " -SmtpClientAuthenticationDisabled $%s", words[x->smtp_auth]);
	else if (exchange_cmdlet_writes(x->cmdlet))
		fputs(" -PopEnabled $false", to);
	if (x->what_if)
		fputs(" -WhatIf", to);
	fclose(to);
	return line;
}

static void
expect_equal(const struct exchange *a, const struct exchange *b)
{
	fuzz_expect(a->cmdlet == b->cmdlet);
	fuzz_expect(a->said == b->said && a->what_if == b->what_if);
	if (a->said)
		fuzz_expect(a->smtp_auth == b->smtp_auth);
	fuzz_expect(strcmp(a->identity, b->identity) == 0);
	fuzz_expect(strcmp(a->organization, b->organization) == 0);
	fuzz_expect(a->results == b->results && a->results_said == b->results_said);
}

/* is_sound - within its limits; written as a script, it is the same command */
static void
is_sound(const struct exchange *x)
{
	struct exchange_script *s = malloc(sizeof *s);
	struct exchange again;
	struct error_text why;
	bool found;
	size_t n;
	char *line;

	fuzz_expect(s != NULL && x->cmdlet < EXCHANGE_CMDLETS);
	fuzz_expect(strlen(x->foreign) <= EXCHANGE_FOREIGN_MAX);
	if (x->session) {
		free(s);
		return;
	}
	fuzz_expect(strlen(x->identity) <= LOGIN_RAW_MAX);
	fuzz_expect(strlen(x->organization) <= DOMAIN_MAX);
	fuzz_expect(x->results > 0);
	line = write_command(x, &n);
	exchange_script_start(s);
	exchange_script_line(s, line, n);
	if (exchange_char_check_text((struct exchange_span){line, n}, NULL) == OK) {
		fuzz_expect(exchange_script_next(s, &again, &found, &why) == OK);
		fuzz_expect(found);
		expect_equal(x, &again);
		fuzz_expect(exchange_script_next(s, &again, &found, &why) == OK);
		fuzz_expect(!found);
		fuzz_expect(exchange_script_end(s, &why) == OK);
	}
	free(line);
	free(s);
}

/* run_line - the commands that end on a line; each byte can begin one at most */
static void
run_line(struct exchange_script *s, const char *line, size_t n)
{
	struct error_text why = {""};
	struct exchange x;
	size_t commands = 0;
	bool found;
	enum error e;

	exchange_script_line(s, line, n);
	for (;;) {
		e = exchange_script_next(s, &x, &found, &why);
		if (!found)
			break;
		fuzz_expect(commands++ <= n);
		fuzz_expect(s->where > 0 && s->where <= s->line);
		if (e == OK)
			is_sound(&x);
		else
			fuzz_expect(e == ERR_DATA || e == ERR_USAGE);
		fuzz_expect((e == OK) == (why.text[0] == '\0'));
		why.text[0] = '\0';
	}
}

/* run_script - as "smtpauthctl exchange" reads its input */
static void
run_script(struct fuzz_input *input)
{
	struct exchange_script *s = malloc(sizeof *s);
	struct error_text why = {""};
	enum error e;

	fuzz_expect(s != NULL);
	exchange_script_start(s);
	while (input->left > 0) {
		const uint8_t *start = input->at, *end;
		size_t n = input->left;
		char *line;

		end = memchr(start, '\n', n);
		if (end != NULL)
			n = (size_t)(end - start);
		input->at += n + (end != NULL);
		input->left -= n + (end != NULL);
		n = n < EXCHANGE_LINE_MAX + 2 ? n : EXCHANGE_LINE_MAX + 2;
		line = (char *)fuzz_copy(start, n);
		run_line(s, line, n);
		free(line);
	}
	e = exchange_script_end(s, &why);
	fuzz_expect(e == OK || (e == ERR_DATA && why.text[0] != '\0'));
	free(s);
}

/* says - whether a word has the letters, in any case, somewhere */
static bool
says(const struct exchange_word *word, size_t n, const char *letters)
{
	for (size_t i = 0; i < n; i++)
		if (strcasestr(word[i].text.at, letters) != NULL)
			return true;
	return false;
}

/* is_meant - true is disabled and false is enabled, where nothing else is said */
static void
is_meant(const struct exchange *x, const struct exchange_word *word, size_t n)
{
	bool yes = says(word, n, "true"), no = says(word, n, "false");

	if (!x->said || (yes && no))
		return;
	if (!says(word, n, "null"))
		fuzz_expect(
		    x->smtp_auth == (yes ? SMTP_AUTH_DISABLED : SMTP_AUTH_ENABLED));
	else if (!yes && !no)
		fuzz_expect(x->smtp_auth == SMTP_AUTH_INHERIT);
}

/* run_words - the words of a command line, which a shell has parted */
static void
run_words(struct fuzz_input *input)
{
	struct exchange_word word[EXCHANGE_WORDS_MAX + 1] = {{.quoted = false}};
	enum exchange_cmdlet cmdlet =
	    (enum exchange_cmdlet)(fuzz_byte(input) % EXCHANGE_CMDLETS);
	char *text[EXCHANGE_WORDS_MAX + 1];
	struct error_text why = {""};
	struct exchange x;
	size_t n = 0;
	enum error e;

	for (; input->left > 0 && n <= EXCHANGE_WORDS_MAX; n++) {
		text[n] = fuzz_piece(input, '\n');
		word[n].text = (struct exchange_span){text[n], strlen(text[n])};
	}
	e = exchange_read(cmdlet, word, n, EXCHANGE_COMMAND_LINE, &x, &why);
	fuzz_expect((e == OK) == (why.text[0] == '\0'));
	if (e == OK) {
		is_sound(&x);
		is_meant(&x, word, n);
	} else {
		fuzz_expect(e == ERR_DATA || e == ERR_USAGE);
	}
	while (n > 0)
		free(text[--n]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};

	if (fuzz_byte(&input) == 'w')
		run_words(&input);
	else
		run_script(&input);
	return 0;
}
