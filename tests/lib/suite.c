/* SPDX-License-Identifier: BSD-2-Clause */
/* suite.c - what the test programs that run the milter have in common. */
#include "tests/lib/suite.h"

#include "tests/lib/deadline.h"
#include "tests/lib/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CASE_SECONDS = 60, LINE_SIZE = 4096 };

static FILE *skips; /* shared with the tests' processes: NAME, a tab, the reason */

bool
suite_at_length(void)
{
	const char *text = getenv("TEST_LONG");

	return text != NULL && text[0] != '\0' && strcmp(text, "0") != 0;
}

TCase *
suite_add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, CASE_SECONDS * deadline_factor());
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* directive_print - the rest of a line that says that its test was passed */
static void
directive_print(const char *line)
{
	char skip[LINE_SIZE], name[LINE_SIZE + 2], *why;

	rewind(skips);
	while (fgets(skip, sizeof(skip), skips) != NULL) {
		skip[strcspn(skip, "\n")] = '\0';
		why = strchr(skip, '\t');
		*why++ = '\0';
		snprintf(name, sizeof(name), ":%s:", skip);
		if (strstr(line, name) != NULL)
			printf(" # SKIP %s", why);
	}
}

/* report_print - Check's report, to which it cannot add that a test was skipped */
static void
report_print(FILE *report)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), report) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		fputs(line, stdout);
		if (strncmp(line, "ok ", strlen("ok ")) == 0)
			directive_print(line);
		putchar('\n');
	}
}

int
suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	FILE *report = tmpfile();
	char path[64];
	int failed = 1;

	signal(SIGPIPE, SIG_IGN);
	skips = tmpfile();
	if (report == NULL || skips == NULL || !instance_base_open()) {
		perror("temporary files");
	} else {
		snprintf(
		    path, sizeof(path), "/proc/%d/fd/%d", getpid(), fileno(report));
		srunner_set_tap(runner, path);
		srunner_run_all(runner, CK_SILENT);
		report_print(report);
		failed = srunner_ntests_failed(runner);
		instance_base_close(failed > 0);
		fclose(skips);
		fclose(report);
	}
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

void
suite_skip(const char *test, const char *why)
{
	fprintf(skips, "%s\t%s\n", test, why);
	fflush(skips);
}
