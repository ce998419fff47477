#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run - fuzzes targets one after the other: run.sh SECONDS TARGET...; status 1: findings
set -u

src=${srcdir:-$(dirname "$0")/../..}
bin=${BUILDDIR:-.}/tests/fuzz
work=${BUILDDIR:-.}/fuzz
tmp=$(mktemp -d) || exit 1 # the name of a socket has to be short
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
seconds=$1
shift
findings=0

# fuzz TARGET - until the time is over, or to the first finding
fuzz() {
	dict=$src/tests/fuzz/dict/$1.dict
	mkdir -p "$work/corpus/$1" "$work/findings/$1"
	set -- "$bin/fuzz_$1" -max_total_time="$seconds" -print_final_stats=1 -timeout=120 \
		-artifact_prefix="$work/findings/$1/" \
		"$work/corpus/$1" "$src/tests/fuzz/seeds/$1"
	[ ! -f "$dict" ] || set -- "$@" -dict="$dict"
	TMPDIR=$tmp "$@" </dev/null
}

# number KEY LOG - the value that libFuzzer gives KEY at the end
number() {
	sed -n "s/^stat::$1: *//p" "$2" | tail -1
}

# covered LOG - edges, from the last of its lines
covered() {
	sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$1" | tail -1
}

# row TARGET FINDINGS - a line of the table
row() {
	log=$work/$1.log
	printf '%-10s %8s %12s %8s %7s %7s %9s\n' "$1" "$seconds" \
		"$(number number_of_executed_units "$log")" \
		"$(number average_exec_per_sec "$log")" "$(covered "$log")" \
		"$(find "$work/corpus/$1" -type f | wc -l)" "$2"
}

mkdir -p "$work"
printf '%-10s %8s %12s %8s %7s %7s %9s\n' target seconds executions /second edges \
	corpus findings
for target; do
	if fuzz "$target" >"$work/$target.log" 2>&1; then
		row "$target" 0
	else
		row "$target" 1
		echo "    see $work/$target.log and $work/findings/$target/"
		findings=$((findings + 1))
	fi
done
[ "$findings" -eq 0 ]
