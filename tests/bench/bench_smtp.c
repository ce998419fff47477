/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_smtp.c - sends whole messages to a mail server, after AUTH PLAIN:
 *
 *	bench_smtp PORT SESSIONS MESSAGES LOGIN PASSWORD-AS-BASE64-OF-PLAIN
 *
 * SESSIONS processes send MESSAGES each to 127.0.0.1, one command at a time. Prints
 * messages a second. A refusal ends the program.
 */
#include "asker.h"
#include "tests/lib/test_socket.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE = 1000, BODY_LINES = 30, LIMIT_S = 600 };

static FILE *in, *out;

/* expect - the last line of an answer must begin with CODE */
static void
expect(const char *code)
{
	char line[LINE];

	do {
		if (fgets(line, sizeof(line), in) == NULL)
			errx(EXIT_FAILURE, "the server has gone");
	} while (strlen(line) > 3 && line[3] == '-');
	if (strncmp(line, code, 3) != 0)
		errx(EXIT_FAILURE, "the server says: %s", line);
}

static void __attribute__((format(printf, 2, 3)))
command(const char *code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fflush(out);
	expect(code);
}

static void
send_message(const char *login)
{
	command("250", "MAIL FROM:<%s>\r\n", login);
	command("250", "RCPT TO:<someone@example.org>\r\n");
	command("354", "DATA\r\n");
	fprintf(out, "From: <%s>\r\nTo: <someone@example.org>\r\nSubject: test\r\n\r\n",
	    login);
	for (unsigned i = 0; i < BODY_LINES; i++)
		fputs("A line of a message of the usual size, more or less.\r\n", out);
	command("250", ".\r\n");
}

static void __attribute__((noreturn)) session(const char *port, unsigned messages,
    const char *login, const char *plain, int ready, int go)
{
	char socket[LINE], c;
	int fd;

	snprintf(socket, sizeof(socket), "inet:%s@127.0.0.1", port);
	fd = test_socket_connect(socket);
	if (fd < 0)
		err(EXIT_FAILURE, "%s", socket);
	in = fdopen(fd, "r");
	out = fdopen(dup(fd), "w");
	expect("220");
	command("250", "EHLO client.test\r\n");
	command("235", "AUTH PLAIN %s\r\n", plain);
	if (write(ready, "", 1) != 1 || read(go, &c, 1) != 0)
		errx(EXIT_FAILURE, "pipe");
	for (unsigned i = 0; i < messages; i++)
		send_message(login);
	command("221", "QUIT\r\n");
	exit(EXIT_SUCCESS);
}

int
main(int argc, char **argv)
{
	unsigned sessions, messages;
	int ready[2], go[2], status;
	int64_t begin;
	char c;

	if (argc != 6)
		errx(EXIT_FAILURE,
		    "usage: bench_smtp PORT SESSIONS MESSAGES LOGIN PLAIN");
	sessions = (unsigned)strtoul(argv[2], NULL, 10);
	messages = (unsigned)strtoul(argv[3], NULL, 10);
	if (sessions == 0 || messages == 0 || pipe(ready) != 0 || pipe(go) != 0)
		errx(EXIT_FAILURE, "a number is out of range");
	alarm(LIMIT_S); /* a session that failed before it was ready is waited for */
	for (unsigned i = 0; i < sessions; i++)
		if (fork() == 0) {
			close(go[1]);
			session(argv[1], messages, argv[4], argv[5], ready[1], go[0]);
		}
	for (unsigned i = 0; i < sessions; i++)
		if (read(ready[0], &c, 1) != 1)
			err(EXIT_FAILURE, "read");
	begin = asker_now();
	close(go[1]);
	for (unsigned i = 0; i < sessions; i++)
		if (wait(&status) < 0 || status != 0)
			errx(EXIT_FAILURE, "a session has failed");
	printf("%.2f\n", sessions * messages * 1e9 / (double)(asker_now() - begin));
	return EXIT_SUCCESS;
}
