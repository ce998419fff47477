/* SPDX-License-Identifier: BSD-2-Clause */
/* failing_allocation.c - stands in for malloc and its like by the linker's --wrap. */
#include "tests/lib/failing_allocation.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 256 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

static struct {
	bool on;
	unsigned left; /* allocations up to the one that fails */
	bool failed;
	void *kept[KEPT_MAX];
} scarce;

/* refuse - whether this is the allocation that fails */
static bool
refuse(void)
{
	if (!scarce.on || scarce.failed || scarce.left-- > 0)
		return false;
	scarce.failed = true;
	errno = ENOMEM;
	return true;
}

/* replace - in the list of what is kept: WAS, or a free place, gets P */
static void *
replace(void *was, void *p)
{
	size_t i = 0;

	if (!scarce.on || was == p)
		return p;
	while (i < KEPT_MAX && scarce.kept[i] != was)
		i++;
	if (i < KEPT_MAX)
		scarce.kept[i] = p;
	else if (was == NULL)
		abort(); /* KEPT_MAX is too low; libcheck would take memory to say so */
	return p;
}

void *
__wrap_malloc(size_t size)
{
	return refuse() ? NULL : replace(NULL, __real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : replace(NULL, __real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	return refuse() ? NULL : replace(p, __real_realloc(p, size));
}

char *
__wrap_strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *p = __wrap_malloc(size);

	return p == NULL ? NULL : memcpy(p, s, size);
}

void
__wrap_free(void *p)
{
	replace(p, NULL);
	__real_free(p);
}

void
failing_allocation_begin(unsigned number)
{
	memset(&scarce, 0, sizeof scarce);
	scarce.left = number;
	scarce.on = true;
}

bool
failing_allocation_end(void)
{
	scarce.on = false;
	for (size_t i = 0; i < KEPT_MAX; i++)
		ck_assert_msg(scarce.kept[i] == NULL, "memory is left");
	return scarce.failed;
}
