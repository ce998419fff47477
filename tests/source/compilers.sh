#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# compilers - builds all with every compiler here and each set of flags, as a table
set -u

usage() {
	cat <<-EOT
	usage: tests/source/compilers.sh [-p] [COMPILER]...

	Builds product and tests, with warnings as errors, in build-compilers/ of the
	current folder, and prints a table. Compilers are those of the PATH, by their
	versions: gcc-12, clang-19. configure must be there.
	-p  the product alone
	FLAGS in the environment is a set of flags for each line of it.
	EOT
}

goal=check
while getopts ph option; do
	case $option in
	p) goal=all ;;
	*)
		usage
		[ "$option" = h ]
		exit
		;;
	esac
done
shift $((OPTIND - 1))

src=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
out=$PWD/build-compilers
sets='-O0
-O1
-O2
-O3
-O2 -flto=auto
-O3 -flto=auto
-O2 -std=gnu2x
-O2 -D_FORTIFY_SOURCE=3'
mapfile -t flags <<<"${FLAGS:-$sets}"
compilers=("$@")
[ $# -gt 0 ] || mapfile -t compilers < <(compgen -c | grep -xE '(gcc|clang)-[0-9]+' | sort -uV)
if [ ${#compilers[@]} -eq 0 ]; then
	echo "no gcc-N and no clang-N in PATH" >&2
	exit 1
fi

# build DIR COMPILER CFLAGS - out of tree, without what a build of the source tree left;
# LTO of clang needs its own ar, and the linker's plugin
build() {
	local cc=$2 cflags=$3 tools=()

	rm -rf "$1" && mkdir -p "$1" && cd "$1" || return 1
	case $cc:$cflags in
	gcc*-flto*) tools=(AR="gcc-ar-${cc#gcc-}" RANLIB="gcc-ranlib-${cc#gcc-}") ;;
	clang*-flto*)
		tools=(AR="llvm-ar-${cc#clang-}" RANLIB="llvm-ranlib-${cc#clang-}")
		cflags=${cflags/-flto=auto/-flto}
		;;
	esac
	"$src/configure" -q CC="$cc" "${tools[@]}" || return 1
	make -s -k -j"$(nproc)" CFLAGS="$cflags -Werror" TESTS= "$goal"
}

failed=0
printf '%-26s' 'flags'
printf ' %-9s' "${compilers[@]}"
printf '\n'
for set in "${flags[@]}"; do
	printf '%-26s' "$set"
	for cc in "${compilers[@]}"; do
		log=$out/$cc$(tr -d ' ' <<<"$set").log
		mkdir -p "$out"
		if (build "$out/build" "$cc" "$set") >"$log" 2>&1 </dev/null; then
			printf ' %-9s' ok
		else
			printf ' %-9s' FAILED
			failed=$((failed + 1))
		fi
	done
	printf '\n'
done
rm -rf "$out/build"
grep -HE '(warning|error): ' "$out"/*.log 2>/dev/null | sed "s|^$out/||" | sort -u | head -40
[ "$failed" -eq 0 ]
