# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# tap - the results of a shell test, as TAP; sourced
tests=0 failed=0

# result STATUS NAME - one line of TAP, in which # has a meaning
result() {
	name=$(printf %s "$2" | tr -d '#\t')
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $name"
	else
		echo "not ok $tests - $name"
		failed=1
	fi
}

# results_end - the plan; the status is that of the test
results_end() {
	echo "1..$tests"
	[ "$failed" -eq 0 ]
}
