# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Counts the results of make check, in all and by kind of test; to be sourced.

passed=0 failed=0 skipped=0
built=-
kinds=(unit 'daemon and CLI' 'mail servers' packages)
kind_passed=(0 0 0 0) kind_failed=(0 0 0 0)

# explain DIR - why tests failed: of each program at most 40 lines
explain() {
	local trs log

	while IFS= read -r trs; do
		log=${trs%.trs}.log
		echo "    --- ${log#"$1/"}"
		if grep -qE '^(not ok|Bail out)' "$log"; then
			awk '/^ok /{show=0} /^(not ok|Bail out)/{show=15} show-->0' "$log" | head -40
		else
			tail -40 "$log"
		fi | cut -c1-400 | sed 's/^/    /'
	done < <(find "$1" -name '*.trs' -exec grep -lE '^:test-result: (FAIL|ERROR|XPASS)' {} +)
}

# by_kind - of lines `TEST<tab>RESULT...`, those that passed and failed of each kind
by_kind() {
	awk -F '\t' '
		{ kind = 0 }
		$1 ~ /^tests\/(daemon|cli|faults)\// { kind = 1 }
		$1 ~ /^tests\/system\// { kind = 2 }
		$1 ~ /^tests\/system\/t_(packages|rpm|newcomer|autopkgtest|reproducible)$/ { kind = 3 }
		$2 ~ /^PASS/ { passed[kind]++ }
		$2 ~ /^(FAIL|ERROR|XPASS)/ { failed[kind]++ }
		END { for (k = 0; k < 4; k++) print k, passed[k] + 0, failed[k] + 0 }'
}

# count_kinds RESULTS - adds them to the row of this platform
count_kinds() {
	local kind good bad

	while read -r kind good bad; do
		kind_passed[kind]=$((kind_passed[kind] + good))
		kind_failed[kind]=$((kind_failed[kind] + bad))
	done < <(by_kind <<<"$1")
}

# count DIR - adds up the results of a build's last tests; shows what did not pass
count() {
	local results

	results=$(find "$1" -name '*.trs' -exec grep -H '^:test-result:' {} + 2>/dev/null |
		sed "s|^$1/||; s|\.trs::test-result: |\t|")
	passed=$((passed + $(grep -c $'\t''PASS' <<<"$results")))
	failed=$((failed + $(grep -cE $'\t''(FAIL|ERROR|XPASS)' <<<"$results")))
	skipped=$((skipped + $(grep -c $'\t''SKIP' <<<"$results")))
	grep -E $'\t''(FAIL|ERROR|XPASS|SKIP)' <<<"$results" | sed 's/^/    /'
	explain "$1"
	[ "${1##*/}" != gcc ] || count_kinds "$results"
	find "$1" -name '*.trs' -delete
}

# platform - what this machine is, as `Debian 13 amd64`
platform() {
	local id
	id=$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' /etc/os-release)
	echo "Debian ${id:-sid} $(dpkg --print-architecture 2>/dev/null)"
}

# table_row - of the tests of the plain build on this machine
table_row() {
	local k cells=()

	for k in "${!kinds[@]}"; do
		if [ $((kind_passed[k] + kind_failed[k])) -gt 0 ]; then
			cells+=("${kind_passed[k]} / ${kind_failed[k]}")
		else
			cells+=(-)
		fi
	done
	printf '| %-16s | %-6s | %-12s | %-14s | %-12s | %-8s |\n' "$(platform)" "$built" "${cells[@]}"
}

# table FILE... - this machine's row, and those that runs on other platforms printed
table() {
	printf '| %-16s | %-6s | %-12s | %-14s | %-12s | %-8s |\n' 'passed / failed' build "${kinds[@]}"
	[ "$built" = - ] || table_row
	[ $# -eq 0 ] || sed -n 's/^| Debian/&/p' "$@"
}
