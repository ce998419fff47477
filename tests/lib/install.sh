# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Installs Debian packages for quickstart and runtests; to be sourced.

# What a build needs, and what a private Postfix beside it needs.
# shellcheck disable=SC2034
build_needs=(gcc libc6-dev make autoconf automake pkg-config libmilter-dev liblmdb-dev
    libssl-dev libidn2-dev libunistring-dev libinih-dev libjansson-dev libpam0g-dev check)
# shellcheck disable=SC2034
run_needs=(postfix dovecot-core swaks python3)

# A package that has another name in another release is listed as `name|other-name`, one
# that not every release has as `name?`.

# missing_packages NAME...: prints those that are not installed.
missing_packages() {
    local package name
    for package in "$@"; do
        for name in ${package//[|?]/ }; do
            [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] && continue 2
        done
        printf '%s\n' "$package"
    done
}

# named_here NAME...: prints the name that this release has for each package.
named_here() {
    local package name
    for package in "$@"; do
        for name in ${package//[|?]/ }; do
            LC_ALL=C apt-cache policy "$name" | grep -q 'Candidate: [^(]' && break
            [[ $package != *'?' ]] || name=
        done
        [[ -z $name ]] || printf '%s\n' "$name"
    done
}

# install_packages NAME...: nothing that is installed may start a service (policy-rc.d)
# or replace a mail server (--no-remove).
install_packages() (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    apt-get update || true
    mapfile -t names < <(named_here "$@")
    printf 'postfix postfix/main_mailer_type select No configuration\n' | debconf-set-selections
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-remove "${names[@]}"
)
