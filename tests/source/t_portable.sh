#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# t_portable - what only Linux or the GNU C library has stands in policy/kernel/, and
# every source compiles as plain C11 with the portable ways, and with musl's headers
set -u
export LC_ALL=C

src=${srcdir:-$(dirname "$0")/../..}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/lib/tap.sh
. "$src/tests/lib/tap.sh"

# Which file may use what others have not. A line: the file, and a pattern.
homes='
policy/kernel/byte_lock.c      F_OFD_[A-Z]*
policy/kernel/held_file.c      O_PATH|AT_EMPTY_PATH
policy/kernel/helper_process.c prctl|close_range|closefrom|PR_SET_[A-Z_]*
policy/kernel/network_fs.c     statfs|MNT_LOCAL|sys/vfs.h|sys/mount.h
policy/kernel/peer_user.c      ucred|SO_PEERCRED|getpeereid
policy/kernel/lock_holder.c    sys/sysmacros.h
policy/kernel/proc.c           CLOCK_BOOTTIME
policy/kernel/proc.h           "/proc
-                              mempcpy|strchrnul|rawmemchr|canonicalize_file_name|secure_getenv
-                              program_invocation_name|program_invocation_short_name|<error.h>
-                              endian.h|htobe(16|32|64)|be(16|32|64)toh|byteswap.h
-                              pwritev2|preadv2|renameat2|copy_file_range|splice|tee|sendfile
-                              epoll_[a-z0-9]*|eventfd|signalfd|timerfd_[a-z]*|inotify_[a-z0-9]*
-                              memfd_create|statx|openat2|pidfd_[a-z]*|gettid|syscall|O_TMPFILE
-                              linux/[a-z_/]*.h|__linux__|getauxval|malloc_trim|mallinfo2?
-                              pthread_[a-z_]*_np|PTHREAD_[A-Z_]*_NP|qsort_r|F_SETLKW?|lockf
'
# Who may ask which system this is: the header of the room, and one for an include.
asks='policy/kernel/(linux_calls[.]h|lock_holder[.]c)'

# Comments go, strings stay: "/proc/..." is one.
# shellcheck disable=SC2016 # the program is perl's
code() {
	(cd "$1" && find policy milter -name '*.[ch]' | sort |
		xargs perl -0777 -ne '
		s{("(?:\\.|[^"\\\n])*")|/\*.*?\*/}{my $s = $1; defined $s ? $s : do {
			(my $lines = $&) =~ s/[^\n]//g; $lines }}gse;
		my $n = 0;
		print map { $n++; "$ARGV:$n:$_\n" } split /\n/;' /dev/null)
}

# strays ROOT - "FILE:LINE: ..." of each use outside its home
strays() {
	code "$1" >"$tmp/code"
	printf '%s\n' "$homes" | while read -r home pattern; do
		[ -n "$home" ] || continue
		word="(^|[^A-Za-z0-9_])($pattern)([^A-Za-z0-9_]|\$)"
		case $pattern in
		'"'*) word=$pattern ;;
		esac
		grep -E "$word" "$tmp/code" | grep -v "^$home:" | case $pattern in
		*__linux__*) grep -vE "^$asks:.*__linux__" ;;
		*) cat ;;
		esac
	done | sort -u
}

# holds - nothing in the tree is out of its home
strays "$src" >"$tmp/found"
sed 's/^/# /' "$tmp/found"
[ ! -s "$tmp/found" ]
result $? "what only Linux has stands in its file"

mkdir "$tmp/copy" && cp -R "$src/policy" "$src/milter" "$tmp/copy/" &&
	chmod -R u+w "$tmp/copy" || exit 1

# catches FILE LINE - whether LINE, added to FILE, is found
catches() {
	cp "$tmp/copy/$1" "$tmp/saved"
	printf '%s\n' "$2" >>"$tmp/copy/$1"
	strays "$tmp/copy" | grep -q "^$1:"
	status=$?
	mv "$tmp/saved" "$tmp/copy/$1"
	result $status "caught in $1: $2"
}

# spares FILE LINE - whether LINE, added to FILE, is let be
spares() {
	cp "$tmp/copy/$1" "$tmp/saved"
	printf '%s\n' "$2" >>"$tmp/copy/$1"
	strays "$tmp/copy" | grep -q "^$1:"
	status=$((! $?))
	mv "$tmp/saved" "$tmp/copy/$1"
	result $status "let be in $1: $2"
}

catches policy/store/write_lock.c 'int x = fcntl(fd, F_OFD_SETLK, &l);'
catches policy/store/store.c '#include <sys/vfs.h>'
catches policy/base/record.c '#include <endian.h>'
catches milter/metrics.c 'DIR *d = opendir("/proc/self/fd");'
catches policy/kernel/held_file.c 'const char *p = "/proc/self/fd/0";'
catches milter/service/listener.c 'fd = open(path, O_PATH);'
catches policy/ctl/usage/as_usage_user.c 'closefrom(3);'
catches policy/ctl/main.c '#ifdef __linux__'
catches milter/main.c 'pid = gettid();'
catches milter/service/service_notify.c 'to = mempcpy(to, from, n);'
spares policy/store/write_lock.c '/* F_OFD_SETLK and "/proc/locks" */'
spares policy/kernel/byte_lock.c 'int x = F_OFD_SETLK;'
spares milter/main.c 'prctl_like(statfs_like, my_O_PATH);'

# What configure found: times and files of 64 bits, on 32 bit.
wide=$(sed -n 's/^DEFS = //p' "${BUILDDIR:-.}/Makefile" |
	grep -oE -e '-D_(TIME_BITS|FILE_OFFSET_BITS)=64')

# compiles FOLDERS COMPILER FLAG... - whether their sources do, without a warning
compiles() {
	folders=$1
	shift
	# shellcheck disable=SC2086 # they are several
	(cd "$src" && find $folders -name '*.c' | sort) >"$tmp/sources"
	# shellcheck disable=SC2086
	(cd "$src" && xargs "$@" $wide -D_GNU_SOURCE -DSYSCONFDIR='"/etc"' \
		-DLOCALSTATEDIR='"/var"' -DPACKAGE_VERSION='"0"' -Wall -Wextra -Wno-psabi \
		-fsyntax-only -I. <"$tmp/sources") >"$tmp/warnings" 2>&1 ||
		echo "$1 failed" >>"$tmp/warnings"
	sed 's/^/# /' "$tmp/warnings"
	[ -s "$tmp/sources" ] && [ ! -s "$tmp/warnings" ]
}

# skip NAME REASON
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# headers - what musl-gcc needs of other libraries, and not of the GNU C library
headers() {
	mkdir "$tmp/include" "$tmp/include/openssl" || exit 1
	for dir in /usr/include /usr/include/*-linux-*; do
		for header in "$dir"/lmdb.h "$dir"/idn2.h "$dir"/ini.h "$dir"/jansson*.h \
			"$dir"/libmilter "$dir"/unicase.h "$dir"/uninorm.h \
			"$dir"/unictype.h "$dir"/unistr.h "$dir"/unitypes.h \
			"$dir"/unistring "$dir"/uniconv.h "$dir"/uniwidth.h \
			"$dir"/security; do
			[ ! -e "$header" ] || ln -s "$header" "$tmp/include/"
		done
		[ ! -d "$dir/openssl" ] ||
			ln -sf "$dir"/openssl/*.h "$tmp/include/openssl/"
	done
}

CC=${CC:-cc}
all='policy milter'
# shellcheck disable=SC2086 # it may have arguments
if command -v $CC >/dev/null; then
	compiles "$all" $CC -std=c11 -Wpedantic
	result $? "$CC takes all sources as plain C11"
	compiles policy/kernel $CC -std=c11 -Wpedantic -DPORTABLE_ONLY
	result $? "$CC takes the portable ways"
else
	skip "$CC takes all sources as plain C11" "it is not there"
fi
if command -v musl-gcc >/dev/null; then
	headers
	compiles "$all" musl-gcc -std=c11 -Wpedantic -isystem "$tmp/include"
	result $? "musl-gcc takes all sources"
	compiles policy/kernel musl-gcc -std=c11 -Wpedantic -DPORTABLE_ONLY \
		-isystem "$tmp/include"
	result $? "musl-gcc takes the portable ways"
else
	skip "musl-gcc takes all sources" "musl-tools is not installed"
fi

results_end
