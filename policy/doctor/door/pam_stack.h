/* SPDX-License-Identifier: BSD-2-Clause */
/* pam_stack - the modules of a PAM service, in the order in which they are asked */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PAM_STACK_MAX 64
#define PAM_STACK_TEXT_MAX 255
#define PAM_STACK_FOLDER "/etc/pam.d"

enum pam_phase { PAM_PHASE_OTHER, PAM_PHASE_AUTH, PAM_PHASE_ACCOUNT };

/* A line of the file, or of one that it includes. */
struct pam_module {
	enum pam_phase phase;
	char control[PAM_STACK_TEXT_MAX +
	    1]; /* "required", "[success=1 default=ignore]" */
	char name[PAM_STACK_TEXT_MAX + 1]; /* "pam_unix.so", without its folder */
	char arguments[PAM_STACK_TEXT_MAX + 1];
};

struct pam_stack {
	struct pam_module module[PAM_STACK_MAX];
	size_t count;
	bool cut; /* there are more, longer ones, or files that could not be read */
};

/*
 * Reads FOLDER/SERVICE and what it includes ("@include", include and substack):
 * pam.conf(5). False if there is no such file.
 */
bool pam_stack_read(struct pam_stack *out, const char *folder, const char *service);

/*
 * What PAM does upon RESULT ("success", "perm_denied") of the module: "ok", "done",
 * "die", "bad", "ignore", a number, by its control. OUT has PAM_STACK_TEXT_MAX + 1
 * bytes.
 */
const char *pam_stack_action(const struct pam_module *m, const char *result, char *out);

/* The value of "NAME=VALUE" among the arguments, in OUT (PAM_STACK_TEXT_MAX + 1). */
bool pam_stack_argument(const struct pam_module *m, const char *name, char *out);
