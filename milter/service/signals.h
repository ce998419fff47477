/* SPDX-License-Identifier: BSD-2-Clause */
/* signals - those that end a daemon */
#pragma once

/* Blocks the signals that stop the daemon; ignores those that a write can raise. */
void signals_block(void);

/* Waits for one of them, at most SECONDS (0: for ever); 0 when the time is over. */
int signals_wait(unsigned seconds);
