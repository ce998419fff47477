#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# replay - every fuzz target over its seeds; and that a bad one would be seen
set -u

src=${srcdir:-$(dirname "$0")/../..}
bin=${BUILDDIR:-.}/tests/fuzz
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/lib/tap.sh
. "$src/tests/lib/tap.sh"

# replay PROGRAM FOLDER - says how many files it ran; or what is wrong, and with which
replay() {
	if [ ! -x "$1" ]; then
		echo "$1 is not there"
		return 1
	fi
	wanted=$(find "$2" -type f 2>/dev/null | wc -l)
	if [ "$wanted" -eq 0 ]; then
		echo "no seeds in $2"
		return 1
	fi
	find "$2" -type f | LC_ALL=C sort >"$tmp/list"
	TMPDIR=$tmp xargs "$1" <"$tmp/list" >"$tmp/out" 2>&1
	status=$?
	ran=$(grep -c '^Running: ' "$tmp/out")
	if [ "$status" -ne 0 ]; then
		echo "status $status at $(sed -n 's/^Running: //p' "$tmp/out" | tail -1)"
		return 1
	fi
	echo "$ran of $wanted inputs"
	[ "$ran" -eq "$wanted" ]
}

# target NAME - replays it; what it wrote is shown where that failed
target() {
	said=$(replay "$bin/fuzz_$1" "$src/tests/fuzz/seeds/$1")
	status=$?
	result "$status" "$1: $said"
	[ "$status" -eq 0 ] || tail -40 "$tmp/out" | sed 's/^/# /'
}

# seen NAME PATTERN PROGRAM - whether that fails, and what is said of it
seen() {
	printf '#!/bin/sh\n%s\n' "$3" >"$tmp/program"
	chmod +x "$tmp/program"
	said=$(replay "$tmp/program" "$tmp/seeds") && said="taken for good: $said"
	# shellcheck disable=SC2254 # it is a pattern
	case $said in
	$2) result 0 "$1 is seen" ;;
	*) result 1 "$1 is seen: $said" ;;
	esac
}

: >"$tmp/out"
for source in "$src"/tests/fuzz/fuzz_*.c; do
	name=${source##*/fuzz_}
	target "${name%.c}"
done

mkdir "$tmp/seeds"
seen 'a target without seeds' "no seeds in $tmp/seeds" 'exit 0'
echo a >"$tmp/seeds/a"
echo b >"$tmp/seeds/b"
# shellcheck disable=SC2016 # the programs' own
{
	seen 'a seed that fails' "status * at $tmp/seeds/b" \
		'for f; do echo "Running: $f"; grep -q a "$f" || exit 9; done'
	seen 'a crash' "status * at $tmp/seeds/a" \
		'echo "Running: $1"; kill -s ABRT $$'
	seen 'a seed that is left out' '1 of 2 inputs' 'echo "Running: $1"'
}

results_end
