#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run - fuzzes targets one after the other: run.sh SECONDS TARGET...; status 1: findings
set -u

src=${srcdir:-$(dirname "$0")/../..}
bin=${BUILDDIR:-.}/tests/fuzz
work=${BUILDDIR:-.}/fuzz
seconds=$1
shift
findings=0

# number KEY LOG - the value that libFuzzer gives KEY at the end
number() {
	sed -n "s/^stat::$1: *//p" "$2" | tail -1
}

# covered LOG - edges, from the last of its lines
covered() {
	sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$1" | tail -1
}

# fuzz TARGET - a line of the table
fuzz() {
	log=$work/$1.log corpus=$work/corpus/$1 found=$work/findings/$1
	mkdir -p "$corpus" "$found" "$work/tmp"
	set -- "$1" "$src/tests/fuzz/dict/$1.dict"
	[ -f "$2" ] && dict=-dict=$2 || dict=
	# shellcheck disable=SC2086 # no dictionary: no word
	TMPDIR=$work/tmp "$bin/fuzz_$1" -max_total_time="$seconds" -print_final_stats=1 \
		-timeout=25 -artifact_prefix="$found/" $dict \
		"$corpus" "$src/tests/fuzz/seeds/$1" >"$log" 2>&1 </dev/null
	status=$?
	n=$(find "$found" -type f | wc -l)
	[ "$status" -eq 0 ] || [ "$n" -gt 0 ] || n=1 # it could not even start, for one
	findings=$((findings + n))
	printf '%-10s %8s %12s %8s %7s %7s %9s\n' "$1" "$seconds" \
		"$(number number_of_executed_units "$log")" \
		"$(number average_exec_per_sec "$log")" "$(covered "$log")" \
		"$(find "$corpus" -type f | wc -l)" "$n"
	[ "$n" -eq 0 ] || echo "    see $log and $found"
}

printf '%-10s %8s %12s %8s %7s %7s %9s\n' target seconds executions /second edges \
	corpus findings
for target; do
	fuzz "$target"
done
[ "$findings" -eq 0 ]
