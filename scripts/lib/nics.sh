# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# mitibox between two ports of this machine: looked at by scripts/doctor, then started. Source it
# after box.sh. Uses: outside, inside, policy of scripts/run.

is_pci() { [[ $1 =~ ^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]]; }
pci_full() { if [[ $1 == ????:*:* ]]; then say "$1"; else say "0000:$1"; fi; }

free_huge_mb() {
  local pool kb=0
  for pool in /sys/kernel/mm/hugepages/hugepages-*kB; do
    [[ -r $pool/free_hugepages ]] || continue
    local size=${pool##*-}
    kb=$((kb + ${size%kB} * $(<"$pool/free_hugepages")))
  done
  say $((kb / 1024))
}

# eal_port NAME DEV: appends DEV to the EAL options; its DPDK name goes to port_NAME.
eal_port() {
  local -n port=port_$1
  if is_pci "$2"; then
    port=$(pci_full "$2")
    eal+=(-a "$port")
  else
    port=net_af_packet_$1
    eal+=(--vdev "$port,iface=$2,framecnt=4096")
  fi
}

has_option() {
  local wanted=$1 word
  shift
  for word in "$@"; do [[ $word =~ $wanted ]] && return 0; done
  return 1
}

# nics_run [EAL options]
nics_run() {
  local eal=() port_outside='' port_inside='' pci='' ask=(--mitibox "$BOX") status=0
  ! is_pci "$outside" && ! is_pci "$inside" || pci=yes
  if has_option '^--no-huge$' "$@"; then
    ask+=(--no-huge)
  elif [[ -z $pci ]] && (($(free_huge_mb) == 0)); then
    ask+=(--no-huge)
    eal+=(--no-huge)
  fi
  step 'preconditions'
  "$ROOT/scripts/doctor" "${ask[@]}" "$outside" "$inside" "$policy" || status=$?
  ((status < 2)) || die "what FAILs stops it; see drivers-config/README.md"
  [[ -n $pci ]] || has_option '^--no-pci$' "$@" || eal+=(--no-pci)
  has_option '^(-l|-c|--lcores)' "$@" || eal+=(-l 0)
  has_option '^--file-prefix' "$@" || eal+=(--file-prefix mitibox)
  eal_port outside "$outside"
  eal_port inside "$inside"
  step "running; stop with Ctrl-C; ask with $BOXCTL --file-prefix mitibox stats"
  trap - INT TERM HUP
  exec "$BOX" "${eal[@]}" "$@" -- --policy "$policy" \
    --outside "$port_outside" --inside "$port_inside"
}
