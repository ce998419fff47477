/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pam_application.c - a program that uses PAM, for tests of pam_smtpauth.so
 *
 *	pam_application stack FOLDER LOGIN PASSWORD
 *		logs in
 *	pam_application module FOLDER MODULE LOGIN RHOST ARGUMENT...
 *		calls the functions of the module itself; RHOST "" is none
 *	pam_application threads FOLDER MODULE LOGIN COUNT ARGUMENT...
 *		calls the module from 16 threads, COUNT times each
 *
 * The configuration of PAM is FOLDER/smtp.
 * Prints a line "NAME VALUE" for each result, and what went to syslog as "log LINE".
 * All the time signals interrupt what waits. The module has our send(2), which takes
 * little at a time, and ends the program where SIGPIPE might, or a program that a
 * thread starts could inherit the socket.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>

#define THREADS 16
#define SEND_MAX 100 /* bytes */

static atomic_int sends;

typedef int (*entry)(pam_handle_t *pamh, int flags, int argc, const char **argv);

/* These take the place of the C library's, for libpam, too. */
void __vsyslog_chk(int priority, int flag, const char *fmt, va_list ap);
void __syslog_chk(int priority, int flag, const char *fmt, ...);

#undef syslog /* with fortified headers a macro, where the compiler is clang */

__attribute__((format(printf, 2, 0))) void
vsyslog(int priority, const char *fmt, va_list ap)
{
	char line[8192];

	(void)priority;
	vsnprintf(line, sizeof line, fmt, ap);
	printf("log %s\n", line);
}

__attribute__((format(printf, 3, 0))) void
__vsyslog_chk(int priority, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	vsyslog(priority, fmt, ap);
}

__attribute__((format(printf, 2, 3))) void
syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsyslog(priority, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 3, 4))) void
__syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	vsyslog(priority, fmt, ap);
	va_end(ap);
}

static void
fail(const char *what)
{
	printf("fault %s\n", what);
	exit(1);
}

ssize_t
send(int fd, const void *data, size_t n, int flags)
{
	if ((flags & MSG_NOSIGNAL) == 0)
		fail("send: SIGPIPE");
	if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
		fail("send: a child inherits this");
	if ((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0)
		fail("send: this can wait");
	atomic_fetch_add(&sends, 1);
	return sendto(fd, data, n < SEND_MAX ? n : SEND_MAX, flags, NULL, 0);
}

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
interrupt(int signum)
{
	(void)signum;
}

static void
start_interrupting(void)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct itimerval every = {{0, 3000}, {0, 3000}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static int
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		fail("/proc/self/fd");
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* converse - gives the password, and says that it was asked for */
static int
converse(int n, const struct pam_message **message, struct pam_response **response_r,
    void *password)
{
	struct pam_response *all = calloc((size_t)n, sizeof *all);

	if (all == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		printf("asked %s\n", message[i]->msg);
		if (message[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			all[i].resp = strdup(password);
	}
	*response_r = all;
	return PAM_SUCCESS;
}

static pam_handle_t *
start(const char *folder, const char *login, char *password)
{
	const struct pam_conv conversation = {converse, password};
	pam_handle_t *pamh = NULL;

	if (pam_start_confdir("smtp", login, &conversation, folder, &pamh) !=
	    PAM_SUCCESS)
		fail("pam_start");
	return pamh;
}

static int
run_stack(char **word)
{
	pam_handle_t *pamh = start(word[0], word[1], word[2]);
	int n = pam_authenticate(pamh, 0);

	printf("authenticate %d\n", n);
	if (n == PAM_SUCCESS)
		printf("account %d\n", pam_acct_mgmt(pamh, 0));
	pam_end(pamh, n);
	return 0;
}

/* A module that is called from here, and not by libpam. */
struct module {
	void *library;
	const char *folder, *login;
	int count, argc;
	const char **argv;
	int denied, ignored, other; /* of one thread */
};

/* entry_of - a function of the module */
static entry
entry_of(const struct module *m, const char *name)
{
	entry function;

	*(void **)&function = dlsym(m->library, name);
	if (function == NULL)
		fail(name);
	return function;
}

/* call - a function of the module; prints what it returned, and after what time */
static void
call(const struct module *m, pam_handle_t *pamh, const char *name)
{
	int files = open_files(), sent = atomic_load(&sends), n;
	long began = now_ms();

	n = entry_of(m, name)(pamh, 0, m->argc, m->argv);
	printf("ms %ld\n", now_ms() - began);
	printf("%s %d\n", name, n);
	printf("files %d\n", open_files() - files);
	printf("sends %d\n", atomic_load(&sends) - sent);
}

static void
load(struct module *m, const char *path)
{
	m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (m->library == NULL)
		fail(dlerror());
}

static int
run_module(int argc, char **word)
{
	struct module m = {.argc = argc - 4, .argv = (const char **)(void *)(word + 4)};
	pam_handle_t *pamh = start(word[0], word[2], NULL);

	load(&m, word[1]);
	if (word[3][0] != '\0')
		pam_set_item(pamh, PAM_RHOST, word[3]);
	call(&m, pamh, "pam_sm_authenticate");
	call(&m, pamh, "pam_sm_acct_mgmt");
	call(&m, pamh, "pam_sm_setcred");
	call(&m, pamh, "pam_sm_open_session");
	call(&m, pamh, "pam_sm_close_session");
	call(&m, pamh, "pam_sm_chauthtok");
	pam_end(pamh, PAM_SUCCESS);
	dlclose(m.library);
	return 0;
}

static void *
ask_often(void *arg)
{
	struct module *m = arg;
	entry authenticate = entry_of(m, "pam_sm_authenticate");
	pam_handle_t *pamh = start(m->folder, m->login, NULL);
	int n;

	for (int i = 0; i < m->count; i++) {
		n = authenticate(pamh, 0, m->argc, m->argv);
		m->denied += n == PAM_PERM_DENIED;
		m->ignored += n == PAM_IGNORE;
		m->other += n != PAM_PERM_DENIED && n != PAM_IGNORE;
	}
	pam_end(pamh, PAM_SUCCESS);
	return NULL;
}

static int
run_threads(int argc, char **word)
{
	struct module m[THREADS] = {0}, sum = {0};
	pthread_t thread[THREADS];

	load(&sum, word[1]);
	for (int i = 0; i < THREADS; i++) {
		m[i].library = sum.library;
		m[i].folder = word[0];
		m[i].login = word[2];
		m[i].count = atoi(word[3]);
		m[i].argc = argc - 4;
		m[i].argv = (const char **)(void *)(word + 4);
		if (pthread_create(&thread[i], NULL, ask_often, &m[i]) != 0)
			fail("pthread_create");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		sum.denied += m[i].denied;
		sum.ignored += m[i].ignored;
		sum.other += m[i].other;
	}
	printf("denied %d\nignored %d\nother %d\n", sum.denied, sum.ignored, sum.other);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 4 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	start_interrupting();
	if (strcmp(what, "stack") == 0 && argc == 5)
		return run_stack(argv + 2);
	if (strcmp(what, "module") == 0)
		return run_module(argc - 2, argv + 2);
	if (strcmp(what, "threads") == 0)
		return run_threads(argc - 2, argv + 2);
	fail("usage");
	return 1;
}
