#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# t_man - the man pages are clean, and name all that the programs have
set -u
export LC_ALL=C

src=${srcdir:-$(dirname "$0")/../..}
ctl=${BUILDDIR:-.}/policy/smtpauthctl
milter=${BUILDDIR:-.}/milter/smtpauth-milter
authd=${BUILDDIR:-.}/milter/auth/smtpauth-authd
# shellcheck source=tests/lib/tap.sh
. "$src/tests/lib/tap.sh"

if ! command -v mandoc >/dev/null; then
	echo '1..0 # SKIP mandoc is missing (package mandoc)'
	exit 0
fi
if [ ! -x "$ctl" ] || [ ! -x "$milter" ] || [ ! -x "$authd" ]; then
	echo "Bail out! no programs below ${BUILDDIR:-.}"
	exit 1
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# lint PAGE - what mandoc has to say, but not of whether our pages are installed
lint() {
	mandoc -Tlint -W style "$1" 2>&1 | grep -v \
		-e 'STYLE: referenced manual not found: Xr [a-z_]*smtpauth' \
		-e 'outdated mandoc.db lacks [a-z_]*smtpauth'
}

# render PAGE - as plain text, a paragraph a line
render() {
	mandoc -Tascii -O width=500 "$1" | sed "s/.$(printf '\b')//g"
}

# has_option PAGE OPTION - whether the option stands behind the synopsis
has_option() {
	sed '/^SYNOPSIS/,/^DESCRIPTION/d' "$tmp/$1" |
		grep -qE -- "(^|[ [])$2([] ,]|\$)"
}

# has_item PAGE NAME - whether an item of a top-level list begins with the name
has_item() {
	grep -qE -- "^ {5}$2( |\$)" "$tmp/$1"
}

# options - the options that a help text names
options() {
	tr -cs '[:alnum:]-' '\n' | grep -E '^(-[[:alpha:]]|--[a-z][a-z-]*|-[A-Z][A-Za-z]+)$' |
		sort -u
}

# cmdlets - reads a help text or page; the names of Exchange's commands in it
cmdlets() {
	grep -oE '[A-Z][a-z]+-[A-Z][A-Za-z]+' | sort -u
}

# nouns - the first words of smtpauthctl's commands
nouns() {
	"$ctl" --help | sed -n 's/^  \([a-z]*\( | [a-z]*\)*\)  .*/\1/p' | tr -d '|' | xargs -n 1
	"$ctl" --help | cmdlets
}

# commands NOUN - their names, without arguments
commands() {
	"$ctl" "$1" --help | sed -n 's/^  \([A-Za-z].*\)/\1/p' | sed 's/  .*//; s/ [[A-Z].*//; s/ $//'
}

# all_of WHAT PAGE HOW - reads names; one test of each being in the page
all_of() {
	missing=''
	count=0
	while read -r name; do
		count=$((count + 1))
		"$3" "$2" "$name" || missing="$missing $name,"
	done
	[ -z "$missing" ] || echo "# not in $2:${missing%,}"
	[ -z "$missing" ] && [ "$count" -gt 0 ]
	result $? "$1 ($count) in $2"
}

for page in milter/auth/pam_smtpauth.8 milter/auth/smtpauth-authd.8 milter/smtpauth-milter.8 milter/smtpauth-milter.conf.5 policy/smtpauth-rollout.7 \
	policy/smtpauth-settings.5 policy/smtpauthctl.8; do
	lint "$src/$page" >"$tmp/lint"
	sed 's/^/# /' "$tmp/lint"
	! grep -q . "$tmp/lint"
	result $? "$page is clean"
	render "$src/$page" >"$tmp/$(basename "$page")"
done

# .Op takes in the rest of its line: two options on one need .Oo and .Oc.
! grep -E '\[-[^]]* \[-' "$tmp"/*.[578] | sed 's/^/# /' | grep .
result $? 'no option in the brackets of another'

# .It parses its line: "No" of a message is a macro there, and vanishes.
bare_no() {
	grep -hE '^\.It .* No [a-z]' "$@"
}
(cd "$src" && ! bare_no milter/*.[58] milter/auth/*.8 policy/*.[578] | sed 's/^/# /' | grep .)
result $? 'no word of a message is taken for a macro'

"$milter" -h | options >"$tmp/names"
all_of 'options of smtpauth-milter' smtpauth-milter.8 has_option <"$tmp/names"
"$authd" -h | options >"$tmp/names"
all_of 'options of smtpauth-authd' smtpauth-authd.8 has_option <"$tmp/names"

"$milter" -c /dev/null -p >"$tmp/defaults"
sed 's/ = .*//' "$tmp/defaults" >"$tmp/names"
all_of 'configuration keys' smtpauth-milter.conf.5 has_item <"$tmp/names"
"$authd" -c /dev/null -p | sed '1,/^\[authd\]$/d' >"$tmp/authd"
sed 's/ = .*//' "$tmp/authd" >"$tmp/names"
has_key_of_authd() {
	sed '1,/^   The section of smtpauth-authd$/d; /^FILES/q' "$tmp/$1" |
		grep -qE "^ {5}([a-z-]+, )*$2([, ]|\$)"
}
all_of "keys of smtpauth-authd's section" smtpauth-milter.conf.5 has_key_of_authd <"$tmp/names"
cat "$tmp/authd" >>"$tmp/defaults"

# What depends on the build and on the machine is left out.
grep -vE '^(state-dir|user) ' "$tmp/defaults" | sed 's/ *$//' >"$tmp/names"
in_example() {
	grep -qE "^ +$2\$" "$tmp/$1"
}
all_of 'defaults of the configuration' smtpauth-milter.conf.5 in_example <"$tmp/names"

sed -n 's/.*value_of(word, "\([^"]*\)").*/\1/p' "$src/milter/auth/pam_smtpauth.c" >"$tmp/names"
has_argument() {
	grep -qE "^ {5}$2=" "$tmp/$1"
}
all_of 'arguments of the PAM module' pam_smtpauth.8 has_argument <"$tmp/names"

sed -n '/^} symlists/,/^};/p' "$src/milter/filter.c" | grep -o '{[a-z_]*}' | sort -u >"$tmp/names"
has_macro() {
	grep -qF "$2" "$tmp/$1"
}
all_of 'macros that the MTA is asked for' smtpauth-milter.8 has_macro <"$tmp/names"

"$ctl" --help | options >"$tmp/names"
all_of 'options of smtpauthctl' smtpauthctl.8 has_option <"$tmp/names"

nouns | while read -r noun; do "$ctl" "$noun" --help; done >"$tmp/help"
options <"$tmp/help" >"$tmp/names"
all_of 'options of the commands' smtpauthctl.8 has_option <"$tmp/names"

nouns | while read -r noun; do commands "$noun"; done >"$tmp/commands"
all_of 'commands' smtpauthctl.8 has_item <"$tmp/commands"
[ "$(cmdlets <"$tmp/commands" | wc -l)" -eq 4 ]
result $? "Exchange's commands are among them"

# ... and no command in the page that there is not
sed -n '/^COMMANDS/,/^ENVIRONMENT/s/^     \([a-z].*\|[A-Z][a-z]*-[A-Z].*\)/\1/p' "$tmp/smtpauthctl.8" |
	grep -vE "^($(tr '\n' '|' <"$tmp/commands" | sed 's/|$//'))( |\$)" >"$tmp/found"
sed 's/^/# no such command: /' "$tmp/found"
[ ! -s "$tmp/found" ]
result $? 'no other commands in smtpauthctl.8'

"$ctl" -d "$tmp/state" init >/dev/null &&
	"$ctl" -d "$tmp/state" settings show --json |
	tr ',' '\n' | sed -n 's/^{*"\([a-z_]*\)":.*/\1/p' | tr _ - >"$tmp/names"
all_of 'settings' smtpauth-settings.5 has_item <"$tmp/names"

# That these tests can fail:
printf '.Dd November 1, 2026\n.Dt X 8\n.Sh NAME\n.Nm x\n.Nd x\n.Bogus\n' >"$tmp/x.8"
lint "$tmp/x.8" | grep -q Bogus
result $? 'a macro that does not exist is found'
printf '.It PATH: No such file or directory\n' >"$tmp/x.8"
bare_no "$tmp/x.8" >/dev/null
result $? 'a word that is taken for a macro is found'
! has_option smtpauth-milter.8 -x
result $? 'an option that is missing is found'
! has_item smtpauthctl.8 'tenant rewrite' && ! has_item smtpauthctl.8 'tenant ad'
result $? 'a command that is missing is found'
! has_item smtpauthctl.8 Get-Mailbox && ! has_option smtpauthctl.8 -Result
result $? "one of Exchange's that is missing is found"
! has_item smtpauth-milter.conf.5 socket-owner && ! has_key_of_authd smtpauth-milter.conf.5 mta
result $? 'a key that is missing is found'

results_end
