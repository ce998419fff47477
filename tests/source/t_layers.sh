#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# t_layers - who may include and call what; each rule is also shown to be able to fail
set -u
export LC_ALL=C

src=${srcdir:-$(dirname "$0")/../..}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/lib/tap.sh
. "$src/tests/lib/tap.sh"

# sources ROOT FOLDER... - their C files, below ROOT
sources() {
	(cd "$1" && shift && find "$@" -name '*.[ch]' | sort)
}

# library ROOT - the C files of the library, without those of smtpauthctl
library() {
	sources "$1" policy | grep -v '^policy/ctl/'
}

# included ROOT REGEX - reads names of files; prints the includes that match
included() {
	(cd "$1" && xargs grep -nE \
		"^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*[<\"]$2" /dev/null)
}

# code ROOT - reads names of files; prints their lines without comments and strings
# shellcheck disable=SC2016 # the program is awk's
code() {
	(cd "$1" && xargs awk '
	FNR == 1 {
		comment = 0
	}
	{
		out = quote = ""
		for (i = 1; i <= length($0); i++) {
			c = substr($0, i, 1)
			two = substr($0, i, 2)
			if (comment) {
				if (two == "*/") {
					comment = 0
					i++
				}
			} else if (quote != "") {
				if (c == "\\")
					i++
				else if (c == quote)
					quote = ""
			} else if (two == "/*") {
				comment = 1
				out = out " "
				i++
			} else if (two == "//") {
				break
			} else if (c == "\"" || c == "\047") {
				quote = c
			} else {
				out = out c
			}
		}
		print FILENAME ":" FNR ":" out
	}' /dev/null)
}

# only ROOT REGEX OWNER - files but OWNER that include it
only() {
	sources "$1" policy milter | grep -vx "$3" | included "$1" "$2"
}

# The rules: each prints what breaks it in the tree ROOT.
lmdb() {
	only "$1" 'lmdb\.h' policy/db/db_parts.h
	sources "$1" policy milter | grep -v '^policy/db/' | included "$1" '.*db_parts\.h'
}
libmilter() { only "$1" 'libmilter/' milter/filter.c; }
openssl() { sources "$1" policy milter | grep -v '^policy/crypto/' | included "$1" 'openssl/'; }
idn2() { only "$1" 'idn2\.h' policy/identity/domain.c; }
inih() { only "$1" 'ini\.h' policy/config/config.c; }
jansson() { only "$1" 'jansson\.h' policy/import/jsonl.c; }
unistring() { only "$1" 'uni([^s]|s[^t]|st[^d])[^>]*\.h' policy/base/unicode.c; }
upwards() { sources "$1" policy | included "$1" '(\.\./)*milter/'; }
sideways() { library "$1" | included "$1" '(\.\./|policy/)*ctl/'; }
calls() {
	library "$1" | included "$1" 'syslog\.h'
	library "$1" | code "$1" | grep -E \
		':.*[^[:alnum:]_]((_?exit|_Exit|quick_exit|v?syslog|openlog|v?printf|puts|putchar)[[:blank:]]*\(|stdout([^[:alnum:]_]|$))'
}

# holds RULE ROOT - whether nothing breaks it; says what does
holds() {
	"$1" "$2" >"$tmp/found"
	sed 's/^/# /' "$tmp/found"
	[ ! -s "$tmp/found" ]
}

# catches RULE FILE LINE - whether LINE, added to FILE of a copy, is all that is found
catches() {
	mkdir -p "$(dirname "$tmp/copy/$2")"
	[ ! -f "$tmp/copy/$2" ] || cp "$tmp/copy/$2" "$tmp/saved"
	printf '%s\n' "$3" >>"$tmp/copy/$2"
	"$1" "$tmp/copy" >"$tmp/found"
	if [ -f "$tmp/saved" ]; then
		mv "$tmp/saved" "$tmp/copy/$2"
	else
		rm "$tmp/copy/$2"
	fi
	[ "$(wc -l <"$tmp/found")" -eq 1 ] && grep -q "^$2:" "$tmp/found"
	result $? "$1: caught in $2: $3"
}

# spares RULE FILE LINE - whether LINE, added to FILE of a copy, is let be
spares() {
	cp "$tmp/copy/$2" "$tmp/saved"
	printf '%s\n' "$3" >>"$tmp/copy/$2"
	"$1" "$tmp/copy" >"$tmp/found"
	mv "$tmp/saved" "$tmp/copy/$2"
	[ ! -s "$tmp/found" ]
	result $? "$1: let be in $2: $3"
}

if [ ! -f "$src/policy/db/db.c" ] || [ ! -f "$src/milter/filter.c" ]; then
	echo "Bail out! no sources below $src"
	exit 1
fi

for rule in lmdb libmilter openssl idn2 inih jansson unistring upwards sideways calls; do
	holds "$rule" "$src"
	result $? "$rule"
done

mkdir "$tmp/copy" && cp -R "$src/policy" "$src/milter" "$tmp/copy/" &&
	chmod -R u+w "$tmp/copy" || exit 1
# A rule the tree breaks is reported above; here it would hide the planted line.
for rule in lmdb libmilter openssl idn2 inih jansson unistring upwards sideways calls; do
	"$rule" "$tmp/copy" | sed 's/:.*//' | sort -u | while read -r file; do
		: >"$tmp/copy/$file"
	done
done

catches lmdb policy/store/store.c '#include <lmdb.h>'
catches lmdb policy/db/db.h '#include <lmdb.h>'
catches lmdb policy/store/store.c '#include "policy/db/db_parts.h"'
catches lmdb milter/main.c '#  include "lmdb.h"'
catches lmdb policy/ctl/commands/status.c '#include <lmdb.h>'
catches libmilter milter/main.c '#include <libmilter/mfapi.h>'
catches libmilter policy/decision/reply.c '#include <libmilter/mfdef.h>'
catches openssl policy/store/store.c '#include <openssl/evp.h>'
catches idn2 policy/identity/login.c '#include <idn2.h>'
catches jansson policy/base/json.c '#include <jansson.h>'
catches inih milter/main.c '#include <ini.h>'
catches unistring policy/identity/login.c '#include <unicase.h>'
catches unistring policy/identity/login.c '#include <unistr.h>'
catches upwards policy/store/store.c '#include "milter/service/log.h"'
catches upwards policy/ctl/commands/check.c '#include "milter/service/log.h"'
catches sideways policy/store/store.c '#include "policy/ctl/frame/ctl.h"'
catches sideways policy/new.h '#include "policy/ctl/frame/print.h"'
catches calls policy/store/store.c '	exit(1);'
catches calls policy/store/store.c '	_exit(1);'
catches calls policy/store/store.c '	syslog(LOG_ERR, "x");'
catches calls policy/store/store.c '	printf("x");'
catches calls policy/store/store.c '	fputs("x", stdout);'
catches calls policy/store/store.c '#include <syslog.h>'

spares lmdb policy/db/db_parts.h '#include <lmdb.h>'
spares lmdb policy/db/db_scan.c '#include "policy/db/db_parts.h"'
spares unistring policy/identity/login.c '#include <unistd.h>'
spares calls policy/ctl/main.c '	exit(1);'
spares calls policy/store/store.c '/* exit(1) and printf("x") */'
spares calls policy/store/store.c '	text_puts(t, "exit(1); /*");'
spares calls policy/store/store.c '	snprintf(buf, sizeof buf, "x");'

results_end
