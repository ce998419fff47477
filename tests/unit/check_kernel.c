/* SPDX-License-Identifier: BSD-2-Clause */
/* check_kernel.c - what only Linux has, and the portable ways where it is left out */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/kernel/byte_lock.h"
#include "policy/kernel/held_file.h"
#include "policy/kernel/helper_process.h"
#include "policy/kernel/linux_calls.h"
#include "policy/kernel/peer_user.h"
#include "policy/kernel/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef LINUX_CALLS
enum { LINUX = true };
#else
enum { LINUX = false };
#endif

static struct state state;

static void
setup(void)
{
	state_open(&state);
}

static int
file_open(void)
{
	int fd = open(state.writers, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(byte_is_locked_by_one)
{
	int first = file_open(), second = file_open();

	ck_assert_int_eq(
	    byte_lock_take(first), LINUX ? BYTE_LOCK_OURS : BYTE_LOCK_NONE);
	ck_assert_int_eq(
	    byte_lock_take(second), LINUX ? BYTE_LOCK_OTHERS : BYTE_LOCK_NONE);
	ck_assert_int_eq(
	    byte_lock_against_read(second), LINUX ? BYTE_LOCK_WRITE : BYTE_LOCK_FREE);
	byte_lock_release(first);
	ck_assert_int_eq(byte_lock_against_write(second), BYTE_LOCK_FREE);
	ck_assert_int_eq(
	    byte_lock_take(second), LINUX ? BYTE_LOCK_OURS : BYTE_LOCK_NONE);
	close(first);
	close(second);
}
END_TEST

START_TEST(no_file_no_lock)
{
	ck_assert_int_eq(byte_lock_take(-1), BYTE_LOCK_NONE);
	ck_assert_int_eq(byte_lock_against_read(-1), BYTE_LOCK_FREE);
}
END_TEST

/* What the kernel tells of this process, or nothing. */
START_TEST(process_is_known)
{
	struct rlimit files;
	struct proc self = {.parent = -1};
	long limit;
	uid_t user;

	ck_assert_int_eq(proc_read(getpid(), &self), LINUX);
	ck_assert_int_eq(proc_user(getpid(), &user), LINUX);
	ck_assert_int_eq(proc_files_limit(getpid(), &limit), LINUX);
	if (!LINUX)
		return;
	ck_assert_str_eq(self.name, "check_kernel");
	ck_assert_int_eq(self.parent, getppid());
	ck_assert_int_le(self.start, time(NULL) + 1);
	ck_assert_int_gt(self.start, time(NULL) - 3600);
	ck_assert_uint_eq(user, geteuid());
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_uint_eq((rlim_t)limit, files.rlim_cur);
}
END_TEST

START_TEST(process_that_is_none)
{
	struct proc none;
	long limit;
	uid_t user;

	ck_assert(!proc_read(-1, &none));
	ck_assert(!proc_user(-1, &user));
	ck_assert(!proc_files_limit(-1, &limit));
	ck_assert(!proc_child(getpid(), "check_kernel", &none));
}
END_TEST

START_TEST(child_is_found_by_its_name)
{
	struct proc found;
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(proc_child(getpid(), "check_kernel", &found), LINUX);
	ck_assert(!proc_child(getpid(), "check", &found));
	ck_assert(!proc_child(child, "check_kernel", &found));
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* take_self - see proc_each() */
static bool
take_self(void *arg, pid_t pid, const struct proc *p)
{
	struct proc *self = arg;

	if (pid == getpid())
		*self = *p;
	return pid != getpid();
}

START_TEST(processes_are_visited)
{
	struct proc self = {.start = 0};

	proc_each(take_self, &self);
	ck_assert_str_eq(self.name, LINUX ? "check_kernel" : "");
}
END_TEST

START_TEST(arguments_of_a_process)
{
	char text[4096];
	size_t n = proc_arguments(getpid(), text, sizeof text);

	ck_assert_int_eq(n > 0, LINUX);
	if (n == 0)
		return;
	ck_assert_ptr_nonnull(strstr(text, "check_kernel"));
	ck_assert_int_eq(text[n - 1], '\0');
	ck_assert_uint_eq(proc_arguments(getpid(), text, 3), 0);
	ck_assert_uint_eq(proc_arguments(-1, text, sizeof text), 0);
}
END_TEST

START_TEST(open_files_are_counted)
{
	long before = proc_open_files();
	int fd = file_open();

	ck_assert_int_eq(proc_open_files(), LINUX ? before + 1 : -1);
	close(fd);
	ck_assert_int_eq(proc_open_files(), before);
}
END_TEST

START_TEST(path_leads_to_an_open_file_without_a_name)
{
	char path[PROC_PATH_MAX];
	struct stat st, again;
	int fd = file_open();

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(unlink(state.writers), 0);
	ck_assert_int_eq(stat(proc_path(fd, path), &again), 0);
	ck_assert_uint_eq(st.st_ino, again.st_ino);
	close(fd);
}
END_TEST

START_TEST(peer_is_known)
{
	uid_t user = (uid_t)-1;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(peer_user(ends[0], &user), LINUX);
	ck_assert(!LINUX || user == geteuid());
	ck_assert(!peer_user(-1, &user));
}
END_TEST

/* close_all - all descriptors from 20 on; 1: one is open, 2: one too many is closed */
static void __attribute__((noreturn)) close_all(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (dup2(fd, 19) != 19 || dup2(fd, 20) != 20 || dup2(fd, 500) != 500)
		_exit(3);
	helper_process_close_from(20);
	if (fcntl(20, F_GETFD) != -1 || fcntl(500, F_GETFD) != -1)
		_exit(1);
	_exit(fcntl(19, F_GETFD) != -1 ? 0 : 2);
}

START_TEST(descriptors_are_closed)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		close_all();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(helper_of_a_parent_that_has_ended)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child == 0)
		_exit(helper_process_tie(parent) && !helper_process_tie(parent + 1)
			? 0
			: 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Where files are not held, root goes by a name only if nobody else can give it away.
 */
START_TEST(file_in_a_folder_of_others)
{
	struct held_file file;
	bool done;

	close(file_open());
	ck_assert_int_eq(chmod(state.dir, 0777), 0);
	ck_assert(held_file_open(&file, state.writers));
	done = held_file_set_mode(&file, 0640);
	ck_assert_int_eq(done, LINUX || geteuid() != 0);
	if (!done) {
		ck_assert_int_eq(errno, EPERM);
		ck_assert_ptr_nonnull(strstr(held_file_why(&file), "root"));
	}
	ck_assert(held_file_set_owner(&file, geteuid(), (gid_t)-1) == done);
	held_file_close(&file);
	ck_assert_int_eq(chmod(state.dir, 0700), 0);
}
END_TEST

/* A folder of our own is as good as a file that is held; /tmp above it is sticky. */
START_TEST(file_in_a_folder_of_ours)
{
	struct held_file file;
	struct stat st;

	close(file_open());
	ck_assert(held_file_open(&file, state.writers));
	ck_assert(held_file_set_owner(&file, geteuid(), getegid()));
	ck_assert(held_file_set_mode(&file, 0640));
	ck_assert_int_eq(stat(state.writers, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	held_file_close(&file);
}
END_TEST

/* A link is held itself, and what it leads to is not changed. */
START_TEST(link_is_not_followed)
{
	struct held_file file;
	struct stat st;

	close(file_open());
	ck_assert_int_eq(symlink(state.writers, state.data), 0);
	ck_assert(held_file_open(&file, state.data));
	ck_assert(S_ISLNK(file.st.st_mode));
	(void)!held_file_set_mode(&file, 0666);
	(void)!held_file_set_owner(&file, geteuid(), getegid() + 1);
	ck_assert_int_eq(stat(state.writers, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_gid, getegid());
	held_file_close(&file);
}
END_TEST

/* Another file in its place is not changed. */
START_TEST(file_that_was_replaced)
{
	struct held_file file;
	struct stat st;

	close(file_open());
	ck_assert(held_file_open(&file, state.writers));
	ck_assert_int_eq(
	    link(state.writers, state.data), 0); /* or its number is free */
	ck_assert_int_eq(unlink(state.writers), 0);
	close(file_open());
	ck_assert_int_eq(held_file_set_mode(&file, 0644), LINUX);
	ck_assert_int_eq(stat(state.writers, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	held_file_close(&file);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kernel");
	TCase *tcase = state_add_case(suite, "kernel");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, byte_is_locked_by_one);
	tcase_add_test(tcase, no_file_no_lock);
	tcase_add_test(tcase, process_is_known);
	tcase_add_test(tcase, process_that_is_none);
	tcase_add_test(tcase, child_is_found_by_its_name);
	tcase_add_test(tcase, processes_are_visited);
	tcase_add_test(tcase, arguments_of_a_process);
	tcase_add_test(tcase, open_files_are_counted);
	tcase_add_test(tcase, path_leads_to_an_open_file_without_a_name);
	tcase_add_test(tcase, peer_is_known);
	tcase_add_test(tcase, descriptors_are_closed);
	tcase_add_test(tcase, helper_of_a_parent_that_has_ended);
	tcase_add_test(tcase, file_in_a_folder_of_others);
	tcase_add_test(tcase, file_in_a_folder_of_ours);
	tcase_add_test(tcase, link_is_not_followed);
	tcase_add_test(tcase, file_that_was_replaced);
	return suite_run(suite);
}
