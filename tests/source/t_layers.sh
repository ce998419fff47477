#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# t_layers - which room may include which; each rule is also shown to be able to fail
set -u
export LC_ALL=C

src=${srcdir:-$(dirname "$0")/../..}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/lib/tap.sh
. "$src/tests/lib/tap.sh"

# The house, from the ground up: a room may include those above it in this list that
# its line names, and no others. "all" is any room above it in the list, "-" is none. The
# last column is the one header of another project's that only this room includes.
rooms='
policy/base            -                                                   uni[a-z0-9]*[.]h
policy/kernel          base                                                -
policy/crypto          base                                                openssl/.*
policy/identity        base                                                idn2[.]h
policy/model           base,identity                                       -
policy/config          base,identity,model                                 ini[.]h
policy/db              base,kernel,model                                   lmdb[.]h
policy/store           base,kernel,crypto,db,model                         -
policy/tables          base,identity,model,store                           -
policy/decision        base,identity,model,store,tables                    -
policy/audit           base,crypto,db,model,store                          -
policy/transfer        base,crypto,model,store,tables,decision,audit       -
policy/json            base                                                jansson[.]h
policy/import          base,identity,json,model,store,tables               -
policy/exchange        base,identity,model                                 -
policy/usage           base,kernel,crypto,identity,model,db,store,tables,decision -
policy/live            base,store,tables,decision                          -
policy/doctor          base,kernel,identity,model,config,store,decision,usage -
policy/doctor/door     base,kernel,identity,model,config,store,tables,decision,json,doctor -
policy/ctl/frame       all                                                 -
policy/ctl/usage       all                                                 -
policy/ctl/transfer    all                                                 -
policy/ctl/rollout     all                                                 -
policy/ctl/notify      all                                                 -
policy/ctl/why         all                                                 -
policy/ctl/commands    all                                                 -
policy/ctl/history     all                                                 -
policy/ctl             all                                                 -
milter/service         base,kernel,crypto,config,db,identity,store,tables,decision,live -
milter/auth            service,base,kernel,crypto,json,config,db,store,tables,decision,usage,live security/.*
milter                 service,base,kernel,crypto,identity,config,db,tables,decision,usage,live libmilter/.*
'
modules_max=15 # of one room

# sources ROOT FOLDER... - their C files, below ROOT
sources() {
	(cd "$1" && shift && find "$@" -name '*.[ch]' | sort)
}

# library ROOT - the C files of the library, without those of smtpauthctl
library() {
	sources "$1" policy | grep -v '^policy/ctl/'
}

# code ROOT - reads names of files; prints their lines without comments and strings
# shellcheck disable=SC2016 # the program is awk's
code() {
	(cd "$1" && xargs awk '
	FNR == 1 {
		comment = 0
	}
	!comment && $0 !~ /["\047\/]/ {
		print FILENAME ":" FNR ":" $0
		next
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

# includes ROOT - a line "FILE LINE INCLUDED" for each include of ROOT, quoted or not
includes() {
	sources "$1" policy milter | (cd "$1" && xargs sed -snE -e \
		'/^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*[<"]/{F;=;s/.*[<"](.*)[>"].*/\1/p}' /dev/null) |
		paste -d ' ' - - -
}

# The rules: each prints "FILE:LINE: what is wrong" of the tree ROOT.

# arrows - no room includes one that its line does not name
# shellcheck disable=SC2016 # the program is awk's
arrows() {
	includes "$1" | awk -v rooms="$rooms" '
	function room(path) {
		sub("/[^/]*$", "", path)
		return path
	}
	BEGIN {
		n = split(rooms, line, "\n")
		for (i = 1; i <= n; i++) {
			if (split(line[i], f, " ") < 3)
				continue
			may[f[1]] = "," f[2] ","
			rank[f[1]] = i
		}
	}
	{
		from = room($1)
		to = room($3)
		if (from == to || !($3 ~ /^(policy|milter)\//))
			next
		word = to
		sub("^(policy|milter)/", "", word)
		if (rank[to] < rank[from] && (to in rank) &&
		    (may[from] == ",all," || index(may[from], "," word ",")))
			next
		print $1 ":" $2 ": " from " may not include " $3
	}'
}

# strangers - the header of another project is included in its room only
# shellcheck disable=SC2016 # the program is awk's
strangers() {
	includes "$1" | awk -v rooms="$rooms" '
	BEGIN {
		n = split(rooms, line, "\n")
		for (i = 1; i <= n; i++)
			if (split(line[i], f, " ") == 3 && f[3] != "-")
				owner["^" f[3] "$"] = f[1]
	}
	{
		room = $1
		sub("/[^/]*$", "", room)
		if ($3 == "unistd.h")
			next
		for (rx in owner)
			if ($3 ~ rx && owner[rx] != room)
				print $1 ":" $2 ": " $3 " belongs to " owner[rx]
	}'
}

# crowds - no room has more than modules_max modules, and each has a line of the table
# shellcheck disable=SC2016 # the program is awk's
crowds() {
	sources "$1" policy milter | awk -v rooms="$rooms" -v max="$modules_max" '
	BEGIN {
		n = split(rooms, line, "\n")
		for (i = 1; i <= n; i++)
			if (split(line[i], f, " ") == 3)
				known[f[1]] = 1
	}
	{
		file = $0
		sub("/[^/]*$", "")
		if (!($0 in known))
			print file ":1: " $0 " is no room of the table"
		if (file ~ /[.]c$/ && ++modules[$0] == max + 1)
			print file ":1: " $0 " has more than " max " modules"
	}'
}

# prefixes - what a header declares begins with the name of its file
# shellcheck disable=SC2016 # the program is awk's
prefixes() {
	sources "$1" policy milter | grep '\.h$' | code "$1" | awk -F: '
	FNR == 1 {
		depth = 0
	}
	{
		stem = $1
		sub(".*/", "", stem)
		sub("[.]h$", "", stem)
		sub("_parts$", "", stem) # what the files of one noun share
		sub("s$", "", stem)
		text = $3
		if (depth == 0 && paren == 0 && !(text ~ /^[[:blank:]#]/) &&
		    !(text ~ /typedef|__attribute__|^[ }]/) &&
		    match(text, /[a-z_][a-z_0-9]*\(/)) {
			name = substr(text, RSTART, RLENGTH - 1)
			if (index(name, stem) != 1)
				print $1 ":" $2 ": " name " is not " stem "..."
		}
		depth += gsub(/{/, "{", text) - gsub(/}/, "}", text)
	}'
}

# calls - the library neither prints nor exits: programs do
calls() {
	library "$1" | (cd "$1" && xargs grep -nE '^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*<syslog\.h' /dev/null)
	library "$1" | code "$1" | grep -E \
		':.*[^[:alnum:]_]((_?exit|_Exit|quick_exit|v?syslog|openlog|v?printf|puts|putchar)[[:blank:]]*\(|stdout([^[:alnum:]_]|$))'
}

rules='arrows strangers crowds prefixes calls'

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

for rule in $rules; do
	holds "$rule" "$src"
	result $? "$rule"
done

mkdir "$tmp/copy" && cp -R "$src/policy" "$src/milter" "$tmp/copy/" &&
	chmod -R u+w "$tmp/copy" || exit 1
# A rule the tree breaks is reported above; here it would hide the planted line.
for rule in $rules; do
	"$rule" "$tmp/copy" | sed 's/:.*//' | sort -u | while read -r file; do
		: >"$tmp/copy/$file"
	done
done

catches arrows policy/base/text.c '#include "policy/identity/login.h"'
catches arrows policy/store/store.c '#include "policy/tables/verify.h"'
catches arrows policy/db/db.h '#include "policy/store/store.h"'
catches arrows policy/doctor/probe.c '#include "policy/tables/verify.h"'
catches arrows policy/doctor/probe.c '#include "policy/doctor/door/door.h"'
catches arrows policy/store/store.c '#include "milter/service/log.h"'
catches arrows policy/ctl/commands/check.c '#include "milter/service/log.h"'
catches arrows policy/store/store.c '#include "policy/ctl/frame/ctl.h"'
catches arrows policy/ctl/frame/options.c '#include "policy/ctl/commands/lock.h"'
catches arrows milter/service/log.c '#include "milter/filter.h"'
catches arrows milter/main.c '#  include "policy/doctor/probe.h"'
catches arrows milter/main.c '#include "policy/nowhere/thing.h"'
catches strangers policy/store/store.c '#include <lmdb.h>'
catches strangers milter/main.c '#  include "lmdb.h"'
catches strangers policy/ctl/commands/status.c '#include <lmdb.h>'
catches strangers milter/service/log.c '#include <libmilter/mfapi.h>'
catches strangers policy/decision/reply.c '#include <libmilter/mfdef.h>'
catches strangers policy/store/store.c '#include <openssl/evp.h>'
catches strangers policy/base/text.c '#include <idn2.h>'
catches strangers policy/base/json.c '#include <jansson.h>'
catches strangers milter/main.c '#include <ini.h>'
catches strangers milter/main.c '#include <security/pam_modules.h>'
catches strangers policy/identity/login.c '#include <unicase.h>'
catches strangers policy/identity/login.c '#include <unistr.h>'
catches crowds policy/new.c 'int x;'
catches crowds policy/shelf/new.c 'int x;'
catches prefixes policy/base/text.h 'bool speak(const char *s);'
catches prefixes policy/store/new.h 'enum error old_thing(int x) MUST_USE;'
catches calls policy/store/store.c '	exit(1);'
catches calls policy/store/store.c '	_exit(1);'
catches calls policy/store/store.c '	syslog(LOG_ERR, "x");'
catches calls policy/store/store.c '	printf("x");'
catches calls policy/store/store.c '	fputs("x", stdout);'
catches calls policy/store/store.c '#include <syslog.h>'

spares strangers policy/db/db.c '#include <lmdb.h>'
spares strangers policy/identity/login.c '#include <unistd.h>'
spares arrows policy/store/store.c '#include "policy/base/text.h"'
spares arrows milter/main.c '#include "milter/service/log.h"'
spares prefixes policy/base/text.h 'void text_more(struct text *t);'
spares calls policy/ctl/main.c '	exit(1);'
spares calls policy/store/store.c '/* exit(1) and printf("x") */'
spares calls policy/store/store.c '	text_puts(t, "exit(1); /*");'
spares calls policy/store/store.c '	snprintf(buf, sizeof buf, "x");'

results_end
