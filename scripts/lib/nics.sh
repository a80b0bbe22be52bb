# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# mitibox between two ports of this machine: every precondition checked, what is missing named with
# its remedy, then started. Source it after box.sh. Uses: outside, inside, policy of scripts/run.

unmet=0
fine() { printf '  ok       %s\n' "$1"; }
lack() {
  printf '  MISSING  %s\n           -> %s\n' "$1" "$2"
  unmet=$((unmet + 1))
}
note() { printf '  note     %s\n           -> %s\n' "$1" "$2"; }

is_pci() { [[ $1 =~ ^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]]; }
pci_full() { if [[ $1 == ????:*:* ]]; then say "$1"; else say "0000:$1"; fi; }

# Interfaces that carry a default route: cutting one of them cuts the operator off.
default_interfaces() {
  { ip route show default && ip -6 route show default; } 2>/dev/null |
    sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u
}
carries_default() { default_interfaces | grep -qx -- "$1"; }

check_policy() {
  local said
  if said=$("$BOX" --check "$policy" 2>&1); then
    fine "policy $policy"
  else
    lack "policy $policy: $(tail -n 1 <<<"$said")" 'correct the file; docs/ describes every key'
  fi
}

check_kernel_interface() {
  local dev=$1 on
  [[ -d /sys/class/net/$dev ]] || {
    lack "$dev: no such interface (and not a PCI address)" 'ip -br link, or dpdk-devbind.py --status'
    return
  }
  fine "$dev exists (kernel interface: net_af_packet, for trials; vfio-pci is many times faster)"
  ! carries_default "$dev" ||
    lack "$dev carries the default route" 'choose another port: mitibox takes the whole interface'
  [[ -z $(ip -br address show dev "$dev" | awk '{ $1 = $2 = ""; print $3 }') ]] ||
    lack "$dev has addresses; the kernel would answer beside the box" \
      "ip address flush dev $dev; sysctl -w net.ipv6.conf.$dev.disable_ipv6=1"
  if [[ $(cat "/sys/class/net/$dev/carrier" 2>/dev/null) == 1 ]]; then
    fine "$dev has a link"
  else
    lack "$dev has no link" "plug it in; ip link set $dev up"
  fi
  [[ $(($(<"/sys/class/net/$dev/flags") & 0x80)) -ne 0 ]] ||
    note "$dev answers ARP of its own" "ip link set $dev arp off"
  on=$(ethtool -k "$dev" 2>/dev/null | sed -nE \
    's/^(rx-checksumming|tx-checksumming|tcp-segmentation-offload|generic-receive-offload|large-receive-offload|generic-segmentation-offload): on$/\1/p' |
    tr '\n' ' ')
  [[ -z $on ]] ||
    note "$dev has offloads on ($on): merged frames above 2 kB are cut, checksums look wrong" \
      "ethtool -K $dev rx off tx off tso off gso off gro off lro off"
}

check_pci() {
  local dev=$1 at driver net
  at=/sys/bus/pci/devices/$(pci_full "$1")
  [[ -d $at ]] || {
    lack "$dev: no such PCI device" 'dpdk-devbind.py --status-dev net'
    return
  }
  fine "$dev exists"
  for net in "$at"/net/*; do
    [[ -e $net ]] || continue
    ! carries_default "${net##*/}" ||
      lack "$dev is ${net##*/}, which carries the default route" 'choose another port'
  done
  driver=$(basename "$(readlink -f "$at/driver" 2>/dev/null)" 2>/dev/null)
  case $driver in
    vfio-pci) fine "$dev is bound to vfio-pci" && vfio_used=yes ;;
    uio_pci_generic | igb_uio) fine "$dev is bound to $driver" ;;
    mlx4_core | mlx5_core) fine "$dev stays with $driver (bifurcated driver)" ;;
    *)
      lack "$dev is bound to ${driver:-no driver}, not to vfio-pci" \
        "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci $(pci_full "$dev")"
      vfio_used=yes
      ;;
  esac
}

check_vfio() {
  if [[ -d /sys/module/vfio_pci ]]; then
    fine 'vfio-pci is loaded'
  else
    lack 'vfio-pci is not loaded' 'modprobe vfio-pci'
  fi
  if [[ -n $(ls /sys/kernel/iommu_groups 2>/dev/null) ]]; then
    fine 'the IOMMU is on'
  elif [[ $(cat /sys/module/vfio/parameters/enable_unsafe_noiommu_mode 2>/dev/null) == Y ]]; then
    fine 'vfio works without IOMMU'
  else
    lack 'there is no IOMMU' 'firmware: VT-d or AMD-Vi on; kernel: intel_iommu=on iommu=pt; in a
              virtual machine: echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode'
  fi
}

free_huge_mb() {
  local pool kb=0
  for pool in /sys/kernel/mm/hugepages/hugepages-*kB; do
    [[ -r $pool/free_hugepages ]] || continue
    local size=${pool##*-}
    kb=$((kb + ${size%kB} * $(<"$pool/free_hugepages")))
  done
  say $((kb / 1024))
}

check_huge_pages() {
  local mb
  mb=$(free_huge_mb)
  if ((mb == 0)); then
    lack 'no huge pages are free' \
      'echo 1024 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages  (2 GB; at boot: hugepages=1024)'
  else
    fine "$mb MB of huge pages are free"
    grep -q ' hugetlbfs ' /proc/mounts ||
      lack 'hugetlbfs is not mounted' 'mount -t hugetlbfs nodev /dev/hugepages'
  fi
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
  local eal=() port_outside='' port_inside='' vfio_used='' pci=''
  step 'preconditions'
  check_policy
  [[ $outside != "$inside" ]] || lack "both ports are $outside" 'name two different ports'
  local dev
  for dev in "$outside" "$inside"; do
    if is_pci "$dev"; then
      check_pci "$dev"
      pci=yes
    else
      check_kernel_interface "$dev"
    fi
  done
  [[ -z $vfio_used ]] || check_vfio
  if [[ -n $pci ]]; then
    has_option '^--no-huge$' "$@" || check_huge_pages
  elif ! has_option '^--no-huge$' "$@" && (($(free_huge_mb) == 0)); then
    eal+=(--no-huge)
  fi
  ((unmet == 0)) || die "$unmet preconditions are not met; see drivers-config/README.md"
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
