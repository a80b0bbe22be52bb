# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# mitibox inline in the lab's box node. Source it after lab.sh.

BOX=$ROOT/build/app/mitibox
BOXCTL=$ROOT/build/app/mitiboxctl

# The lab's policy: what is served, and that the box stands in for every address nobody uses.
box_policy() {
  cat <<'JSON'
{
  "protected": ["203.0.113.0/24", "2001:db8:1::/64"],
  "gateways": ["203.0.113.1", "2001:db8:1::1"],
  "services": [
    { "address": "203.0.113.10", "tcp": [80, 443], "udp": [443], "echo": true },
    { "address": "203.0.113.25", "tcp": [22, 25] },
    { "address": "203.0.113.40", "tcp": [5201], "udp": [5201] },
    { "address": "203.0.113.53", "udp": [53], "tcp": [53] },
    { "address": "2001:db8:1::10", "tcp": [80, 443], "echo": true }
  ],
  "neighbours": { "answer_dark": ["203.0.113.0/24"] },
  "tables": { "connections": 65536, "sources": 65536, "persist": false }
}
JSON
}

box_ctl() { "$BOXCTL" --file-prefix "$LAB" "$@"; }
box_answers() { box_ctl stats >/dev/null 2>&1; }

# A process of the lab by its label: true while it runs.
lab_runs() {
  local pid birth label
  while read -r pid birth label; do
    [[ $label == "$1" ]] || continue
    [[ $(birth_of "$pid") != "$birth" ]] || return 0
  done <"$STATE/pids"
  return 1
}
box_settled() { box_answers || ! lab_runs mitibox; }

box_start() {
  box_policy >"$STATE/policy.json"
  lab_spawn box mitibox "$BOX" -l 0 --no-huge --no-pci --file-prefix "$LAB" \
    --vdev net_af_packet0,iface=outside,framecnt=4096 \
    --vdev net_af_packet1,iface=inside,framecnt=4096 \
    -- --policy "$STATE/policy.json" --state "$STATE/state"
  poll 30 box_settled || true
  box_answers || { tail -n 20 "$STATE/mitibox.log" >&2 && die "mitibox did not start"; }
}

box_stop() {
  lab_stop mitibox TERM
  box_gone() { ! lab_runs mitibox; }
  poll 15 box_gone || die "mitibox does not end on SIGTERM"
}

# The router knows an Ethernet address for each dark address too: the box has found out who lives.
router_knows_all() {
  local i known
  known=$(ip -n "$LAB-rtr" neigh show dev lan | grep -c lladdr) || true
  ((known >= 250)) && return 0
  in_ns rtr bash -c 'for i in {2..254}; do echo >"/dev/udp/203.0.113.$i/9"; done' 2>/dev/null || true
  return 1
}
box_warm() { poll 30 router_knows_all || warn "the router does not find every dark address"; }
