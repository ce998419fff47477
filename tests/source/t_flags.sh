#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# t_flags - CFLAGS given to make hold beside those of configure, and nothing is warned of
set -u
export LC_ALL=C

src=${srcdir:-$(dirname "$0")/../..}
build=${BUILDDIR:-.}
# shellcheck source=tests/lib/tap.sh
. "$src/tests/lib/tap.sh"

if [ ! -f "$build/Makefile" ]; then
	echo "Bail out! no Makefile in $build"
	exit 1
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# The variables of the make that runs this test would reach ours.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CFLAGS CPPFLAGS
make -s -C "$build" Makefile >"$tmp/said" 2>&1 || sed 's/^/# /' "$tmp/said"
cat >"$tmp/show.mk" <<'EOT'
show-compile:
	@echo '$(COMPILE) $(PRODUCT_CFLAGS)'
show-%:
	@echo '$($*)'
EOT

# show NAME VARIABLE=VALUE... - a variable of the Makefile, or the command that compiles
show() {
	name=$1
	shift
	make -s -C "$build" -f Makefile -f "$tmp/show.mk" CPPFLAGS= "$@" "show-$name"
}

# compile FILE VARIABLE=VALUE... - with warnings as errors; what the compiler defines is
# in $tmp/defined then
compile() {
	file=$1
	shift
	show compile "$@" >"$tmp/command" || return 1
	(cd "$build" && eval "$(cat "$tmp/command") -Werror -c -o '$tmp/out.o' '$file'" &&
		eval "$(cat "$tmp/command") -Werror -dM -E '$file'" >"$tmp/defined") 2>"$tmp/said"
	status=$?
	sed 's/^/# /' "$tmp/said"
	return $status
}

# defined NAME VALUE - VALUE "" for a macro that is not defined
defined() {
	value=$(sed -n "s/^#define $1 //p" "$tmp/defined")
	[ "$value" = "$2" ] && return
	echo "# $1 is '$value'"
	return 1
}

cat >"$tmp/file.c" <<'EOT'
#include <string.h>

void fill(char *at);

void
fill(char *at)
{
	strcpy(at, "text");
}
EOT

# fortified LEVEL WHAT VARIABLE=VALUE...
fortified() {
	level=$1 what=$2
	shift 2
	compile "$tmp/file.c" "$@" && defined _FORTIFY_SOURCE "$level"
	result $? "_FORTIFY_SOURCE: $what"
}

# Compilers of some distributions define it themselves, where they optimize.
cc=$(show CC)
# cc_defines FLAG... - its level with these
cc_defines() {
	echo | $cc "$@" -dM -E - | sed -n 's/^#define _FORTIFY_SOURCE //p'
}
ours=$(cc_defines -O2)
cat >"$tmp/cc" <<EOT
#!/bin/sh
exec $cc -D_FORTIFY_SOURCE=3 "\$@"
EOT
chmod 755 "$tmp/cc"
case $(show PROJECT_CFLAGS) in
*-fsanitize*) echo '# sanitizers do what it does' ;;
*-fstack-protector*)
	fortified "${ours:-2}" 'ours' CFLAGS=-O2
	fortified '' 'not without optimization' CFLAGS=-O0
	fortified '' 'not without CFLAGS' CFLAGS=
	for sanitizer in address thread; do
		flags="-O2 -fsanitize=$sanitizer"
		# shellcheck disable=SC2086 # they are two
		fortified "$(cc_defines $flags)" "not with the sanitizer $sanitizer" CFLAGS="$flags"
	done
	fortified 3 'of CFLAGS' CFLAGS='-O2 -D_FORTIFY_SOURCE=3'
	fortified 1 'of CPPFLAGS' CFLAGS=-O2 CPPFLAGS=-D_FORTIFY_SOURCE=1
	fortified 3 'of CFLAGS, as Fedora writes it' \
		CFLAGS='-O2 -Wp,-U_FORTIFY_SOURCE -Wp,-D_FORTIFY_SOURCE=3'
	fortified 3 'of the compiler' CC="$tmp/cc" CFLAGS=-O2
	;;
*) echo '# no hardening in this build' ;;
esac

# The words of C23 for a standard that has had two names.
standard=gnu23
echo 'int i;' >"$tmp/empty.c"
$cc -std=gnu23 -c -o "$tmp/out.o" "$tmp/empty.c" 2>"$tmp/said" || standard=gnu2x
compile "$tmp/file.c" CFLAGS="-std=$standard" &&
	grep -qE '^#define __STDC_VERSION__ 202[03]' "$tmp/defined"
result $? 'C23 if CFLAGS say so'
compile "$tmp/file.c" CFLAGS=-O2 && defined __STDC_VERSION__ 201112L
result $? 'C11 otherwise'

# LTO inlines whole threads into one function.
limit=$(show PRODUCT_CFLAGS CFLAGS=-O2)
case $limit in
*frame*)
	[ -z "$(show PRODUCT_CFLAGS CFLAGS='-O2 -flto=auto')" ] &&
		[ -z "$(show PRODUCT_CFLAGS CFLAGS='-O2 -fsanitize=address')" ] &&
		[ "$(show PRODUCT_CFLAGS CFLAGS=-O0)" = "$limit" ]
	result $? 'no limit of frames with LTO and sanitizers'
	;;
*)
	[ -z "$limit" ]
	result $? 'no limit of frames in this build'
	;;
esac
results_end
