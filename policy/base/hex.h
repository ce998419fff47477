/* SPDX-License-Identifier: BSD-2-Clause */
/* hex - bytes as hexadecimal digits */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Prints 2 N digits of lower case and a NUL to BUF, and returns BUF. */
const char *hex_print(const uint8_t *bytes, size_t n, char *buf);

/* The byte of the two digits of upper case at S, or -1. */
int hex_byte(const char *s);
