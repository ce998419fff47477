/* SPDX-License-Identifier: BSD-2-Clause */
/* suite.c - what the test programs that run the milter have in common. */
#include "tests/lib/suite.h"

#include "tests/lib/deadline.h"
#include "tests/lib/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASE_SECONDS = 60 };

TCase *
suite_add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, CASE_SECONDS * deadline_factor());
	suite_add_tcase(suite, tcase);
	return tcase;
}

int
suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (!instance_base_open()) {
		perror("mkdtemp");
		srunner_free(runner);
		return EXIT_FAILURE;
	}
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	instance_base_close(failed > 0);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

void
suite_skip(const char *test, const char *why)
{
	printf("# SKIP %s: %s\n", test, why);
	fflush(stdout);
}
