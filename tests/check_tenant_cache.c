/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tenant_cache.c - tenants kept by domain: which are found, and by whom. */
#include "policy/tenant_cache.h"
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 24, MANY = 100000, KEPT_LEAST = 8000, THREADS = 4, ROUNDS = 100000 };
enum { DOMAINS = 50, SNAPSHOTS = 3, RECORD_SIZE = 2000 };

static struct tenant_cache *cache;

static void
setup(void)
{
	cache = tenant_cache_new();
	ck_assert_ptr_nonnull(cache);
}

static void
teardown(void)
{
	tenant_cache_free(&cache);
	ck_assert_ptr_null(cache);
}

static bool
finds(uint64_t snapshot, const char *domain, struct tenant *out_r)
{
	struct tenant_view view = tenant_cache_view(cache, snapshot);

	return tenant_cache_find(cache, &view, domain, out_r);
}

/* keep - a tenant whose `enforce_from` is MARK, by which it is known again */
static void
keep(uint64_t snapshot, const char *domain, const char *name, instant mark,
    const char *note)
{
	struct tenant_view view = tenant_cache_view(cache, snapshot);
	uint8_t buf[RECORD_SIZE];
	struct record_writer w;
	struct tenant t;

	tenant_init(&t);
	t.enforce_from = mark;
	snprintf(t.note, sizeof(t.note), "%s", note);
	record_write_start(&w, buf, sizeof(buf));
	tenant_encode(&t, &w);
	ck_assert(!w.failed);
	tenant_cache_keep(cache, &view, domain, name, (struct bytes){buf, w.len});
}

START_TEST(what_is_kept_is_found)
{
	struct tenant t;

	keep(7, "a.test", "acme", 1234, "some note");
	ck_assert(finds(7, "a.test", &t));
	ck_assert_str_eq(t.name, "acme");
	ck_assert_int_eq(t.enforce_from, 1234);
	ck_assert_str_eq(t.note, "some note");
}
END_TEST

START_TEST(nothing_else_is_found)
{
	static const char *const others[] = {
	    "", "a.tes", "a.testa", "a.testacme", "A.test", "b.test", "*"};
	struct tenant t;

	ck_assert(!finds(0, "", &t));
	ck_assert(!finds(0, "a.test", &t));
	keep(7, "a.test", "acme", 1, "");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(!finds(7, others[i], &t), "\"%s\"", others[i]);
}
END_TEST

START_TEST(other_snapshot_does_not_find_it)
{
	struct tenant t;

	keep(7, "a.test", "acme", 1, "");
	ck_assert(!finds(6, "a.test", &t));
	ck_assert(!finds(8, "a.test", &t));
	keep(8, "a.test", "other", 2, "");
	ck_assert(finds(8, "a.test", &t));
	ck_assert_str_eq(t.name, "other");
	ck_assert_int_eq(t.enforce_from, 2);
}
END_TEST

START_TEST(forgotten_is_not_found)
{
	struct tenant t;

	keep(7, "a.test", "acme", 1, "");
	tenant_cache_forget(cache);
	ck_assert(!finds(7, "a.test", &t));
	keep(7, "a.test", "acme", 2, "");
	ck_assert(finds(7, "a.test", &t));
	ck_assert_int_eq(t.enforce_from, 2);
}
END_TEST

/* What was read before all was forgotten may be what it was forgotten for. */
START_TEST(what_was_read_before_is_forgotten_as_well)
{
	struct tenant_view before = tenant_cache_view(cache, 7);
	uint8_t buf[RECORD_SIZE];
	struct record_writer w;
	struct tenant t;

	tenant_init(&t);
	record_write_start(&w, buf, sizeof(buf));
	tenant_encode(&t, &w);
	tenant_cache_forget(cache);
	tenant_cache_keep(cache, &before, "a.test", "acme", (struct bytes){buf, w.len});
	ck_assert(!finds(7, "a.test", &t));
	ck_assert(tenant_cache_find(cache, &before, "a.test", &t));
}
END_TEST

/* found_with_note - whether a tenant with a note of N bytes is found again */
static bool
found_with_note(size_t n)
{
	char note[NOTE_MAX + 1];
	struct tenant t;

	memset(note, 'x', n);
	note[n] = '\0';
	keep(n + 1, "a.test", "acme", 1, note);
	return finds(n + 1, "a.test", &t) && strcmp(t.note, note) == 0;
}

START_TEST(too_long_is_not_kept)
{
	/* domain, name, and a record with nothing but the note, to the byte */
	const size_t most = TENANT_CACHE_BYTES - strlen("a.test") - strlen("acme") - 5 -
	    3 * sizeof(uint64_t) - 3 * sizeof(uint16_t);

	for (size_t n = 0; n <= NOTE_MAX; n++)
		ck_assert_int_eq(found_with_note(n), n <= most);
}
END_TEST

START_TEST(others_take_its_place)
{
	char domain[NAME_SIZE];
	struct tenant t;
	int kept = 0;

	for (int i = 0; i < MANY; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		keep(1, domain, domain, i, "");
		ck_assert(finds(1, domain, &t));
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		if (!finds(1, domain, &t))
			continue;
		ck_assert_str_eq(t.name, domain);
		ck_assert_int_eq(t.enforce_from, i);
		kept++;
	}
	ck_assert_int_ge(kept, KEPT_LEAST);
	ck_assert_int_lt(kept, MANY);
}
END_TEST

START_TEST(damaged_record_is_not_found)
{
	struct tenant_view view = tenant_cache_view(cache, 1);
	struct tenant t;

	tenant_cache_keep(cache, &view, "a.test", "acme", (struct bytes){"\1\1", 2});
	ck_assert(!finds(1, "a.test", &t));
}
END_TEST

static _Atomic unsigned found, wrong;

/* use - keeps and finds at random; the mark must be the one of domain and snapshot */
static void *
use(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;
	char domain[NAME_SIZE];
	struct tenant t;

	for (int i = 0; i < ROUNDS; i++) {
		int n = rand_r(&seed) % DOMAINS, s = rand_r(&seed) % SNAPSHOTS;

		snprintf(domain, sizeof(domain), "d%d.test", n);
		if (!finds((uint64_t)s, domain, &t)) {
			keep((uint64_t)s, domain, domain, n * SNAPSHOTS + s, "");
			continue;
		}
		atomic_fetch_add(&found, 1);
		if (strcmp(t.name, domain) != 0 || t.enforce_from != n * SNAPSHOTS + s)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

START_TEST(threads_find_whole_tenants)
{
	pthread_t thread[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, use, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(found, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tenant_cache");
	TCase *one = suite_add_case(suite, "one");

	tcase_add_checked_fixture(one, setup, teardown);
	tcase_add_test(one, what_is_kept_is_found);
	tcase_add_test(one, nothing_else_is_found);
	tcase_add_test(one, other_snapshot_does_not_find_it);
	tcase_add_test(one, forgotten_is_not_found);
	tcase_add_test(one, what_was_read_before_is_forgotten_as_well);
	tcase_add_test(one, too_long_is_not_kept);
	tcase_add_test(one, others_take_its_place);
	tcase_add_test(one, damaged_record_is_not_found);
	tcase_add_test(one, threads_find_whole_tenants);
	return suite_run(suite);
}
