/* SPDX-License-Identifier: BSD-2-Clause */
/* client_answer - what smtpauth-authd answers pam_smtpauth */
#pragma once

#include <stddef.h>

#define CLIENT_ANSWER_MAX 4096        /* bytes of the response, with its head */
#define CLIENT_ANSWER_MESSAGE_MAX 511 /* bytes */

enum client_verdict {
	CLIENT_ANSWER_MORE,   /* the response is not complete */
	CLIENT_ANSWER_BAD,    /* it is no answer */
	CLIENT_ANSWER_PASS,   /* "status" is 0 */
	CLIENT_ANSWER_REFUSE, /* "status" is negative */
};

struct client_answer {
	int http_status; /* 0: not known */
	/* "msg", visible ASCII and blanks; "" where the response is no answer */
	char message[CLIENT_ANSWER_MESSAGE_MAX + 1];
};

/*
 * Reads the N bytes of a response that have come so far. An answer is a response 200
 * whose body has the length that its head says, and is a JSON object of an integer
 * "status" and possibly a string "msg" of ASCII. All else is BAD. HTTP_STATUS is set
 * for a BAD response, too, if its first line has one.
 */
enum client_verdict client_answer_read(
    struct client_answer *answer, const char *text, size_t n);
