/* SPDX-License-Identifier: BSD-2-Clause */
/* id - short names of decisions, to find a reply's log line */
#pragma once

#include "policy/base/error.h"

#define ID_LENGTH 10

/* Chooses where the ids of this process start. ERR_IO. */
enum error id_start(void) MUST_USE;

/*
 * Writes the next id, ID_LENGTH characters of [0-9a-z] without i, l, o and u. Ids of
 * one process differ; those of two are very likely to. Thread-safe.
 */
void id_next(char buf[ID_LENGTH + 1]);
