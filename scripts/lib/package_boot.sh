#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs as a unit in the trial's root, booted by systemd: starts the shipped unit between two ports,
# kills it, stops it, and powers off. A line a check.
# shellcheck disable=SC2317  # functions are called by check
set -uo pipefail
check() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then
    printf 'ok    %s\n' "$what"
  else
    printf 'FAIL  %s\n      | %s\n' "$what" "${said//$'\n'/$'\n'      | }"
    journalctl --no-pager --quiet --output=cat --unit mitibox --lines 12 | sed 's/^/      | /'
  fi
}
within() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
answers() { mitiboxctl status >/dev/null; }
pid() { systemctl show --property MainPID --value mitibox; }
another() { answers && [[ $(pid) != "$1" ]]; }
ended_well() { [[ $(systemctl show --property Result --value mitibox) == success ]]; }
not_more_exposed() {
  local said
  said=$(systemd-analyze security --threshold="$1" --no-pager mitibox.service 2>&1) ||
    { tail -n 1 <<<"$said" && return 1; }
}

for side in outside inside; do
  ip link add "$side" type veth peer name "$side-peer"
  ip link set "$side" up
  ip link set "$side-peer" up
done
check 'systemctl start' systemctl start mitibox
check 'mitiboxctl status answers' within 5 answers
old=$(pid)
kill -KILL "$old"
check 'killed, it comes again by itself' within 10 another "$old"
check 'systemctl restart' systemctl restart mitibox
check 'mitiboxctl status answers again' within 5 answers
check 'its sandbox: systemd-analyze security 6.0 or less' not_more_exposed 60
systemctl stop mitibox
check 'systemctl stop, with status 0' ended_well
systemctl --no-block poweroff
