# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What every script here needs. Source it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export ROOT

# Interpreter of the distribution: its scapy and jsonschema packages belong to this one.
# shellcheck disable=SC2034
PYTHON=/usr/bin/python3

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

need_root() {
  [[ $EUID -eq 0 ]] || die "$1 needs root (network namespaces, raw sockets); run it with sudo"
}

# poll SECONDS COMMAND...: until COMMAND succeeds; false when the time is over.
poll() {
  local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until "$@"; do
    ((${EPOCHREALTIME/./} < deadline)) || return 1
    sleep 0.05
  done
}
