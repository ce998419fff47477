/* SPDX-License-Identifier: BSD-2-Clause */
/* client_exchange - pam_smtpauth asks smtpauth-authd, within a time limit */
#pragma once

#include <stdint.h>

#include "milter/auth/client_answer.h"
#include "milter/auth/client_question.h"
#include "policy/base/error.h"

/*
 * Sends QUESTION to PORT of 127.0.0.1 and reads the answer, until DEADLINE of
 * monotonic_ms(), whatever the other side does. VERDICT_R is CLIENT_ANSWER_PASS or
 * CLIENT_ANSWER_REFUSE where the result is OK, otherwise WHY says what has happened:
 * ERR_BUSY (no answer in time), ERR_PERMISSION (the key was not accepted), ERR_FILES,
 * ERR_DATA (no answer of ours), ERR_IO. Thread-safe; raises no signal.
 */
enum error client_exchange(uint16_t port, int64_t deadline,
    const struct client_question *question, struct client_answer *answer,
    enum client_verdict *verdict_r, struct error_text *why) MUST_USE;
