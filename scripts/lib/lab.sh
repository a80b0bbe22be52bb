# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The ground of a lab: its state directory, namespaces, links and processes. Everything a lab makes
# is written down first, so that lab_down finds it whatever happened. Source it after common.sh.
#
# LAB   name of the lab, prefix of its namespaces (LAB-out, LAB-rtr, LAB-box, ...)
# STATE its state directory

LABS=${MITIBOX_LABS:-/run/mitibox-lab}

lab_select() {
  [[ $1 =~ ^[a-z][a-z0-9]{0,14}$ ]] || die "a lab's name is up to 15 small letters and digits: $1"
  LAB=$1
  STATE=$LABS/$LAB
}

lab_exists() { [[ -d $STATE ]]; }
lab_need() { lab_exists || die "there is no lab $LAB (scripts/lab list)"; }

# in_ns NODE COMMAND...: runs it in that node's namespace.
in_ns() {
  local node=$1
  shift
  ip netns exec "$LAB-$node" "$@"
}

# Start time of a process in ticks since boot: with the pid it names a process for good.
birth_of() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# lab_spawn NODE LABEL COMMAND...: starts a process in the node and writes it down, so that
# lab_down ends it. Output goes to STATE/LABEL.log.
lab_spawn() {
  local node=$1 label=$2
  shift 2
  setsid ip netns exec "$LAB-$node" "$@" >"$STATE/$label.log" 2>&1 </dev/null &
  printf '%s %s %s\n' $! "$(birth_of $!)" "$label" >>"$STATE/pids"
  disown
}

# lab_daemon NODE LABEL COMMAND...: the same for what may fork: it runs in a pid namespace, and
# whatever it leaves behind goes with it. A shell is the first process there, because the kernel
# forgets --kill-child for a process that changes its credentials, as daemons do.
lab_daemon() {
  # shellcheck disable=SC2016
  lab_spawn "$1" "$2" unshare --pid --fork --kill-child --mount-proc -- \
    bash -c '"$@" & wait' daemon "${@:3}"
}

# lab_stop LABEL [SIGNAL]: stops the daemons of that label.
lab_stop() {
  local pid birth label
  while read -r pid birth label; do
    [[ $label == "$1" ]] || continue
    [[ $(birth_of "$pid") != "$birth" ]] || kill "-${2:-KILL}" "$pid" 2>/dev/null || true
  done <"$STATE/pids"
}

lab_node() {
  printf '%s\n' "$LAB-$1" >>"$STATE/namespaces"
  ip netns add "$LAB-$1"
  ip -n "$LAB-$1" link set lo up
}

# Bursts cut into frames, checksums complete: the box sees what a wire would carry.
plain_wire() {
  in_ns "$1" ethtool -K "$2" tx off rx off sg off tso off gso off gro off \
    txvlan off rxvlan off >/dev/null
}

# lab_link NODE IFACE NODE IFACE: a wire between two nodes.
lab_link() {
  ip link add "$2" netns "$LAB-$1" type veth peer name "$4" netns "$LAB-$3"
  plain_wire "$1" "$2"
  plain_wire "$3" "$4"
  in_ns "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" "net.ipv6.conf.$2.accept_ra=0"
  in_ns "$3" sysctl -qw "net.ipv6.conf.$4.accept_dad=0" "net.ipv6.conf.$4.accept_ra=0"
  ip -n "$LAB-$1" link set "$2" up
  ip -n "$LAB-$3" link set "$4" up
}

# A wire's end that belongs to no stack: no addresses, no ARP, no IPv6, everything received.
lab_bare() {
  in_ns "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1"
  ip -n "$LAB-$1" link set "$2" arp off promisc on
}

# lab_switch NODE: an Ethernet switch br0 in the node. Ports: lab_port.
lab_switch() {
  in_ns "$1" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
  ip -n "$LAB-$1" link add br0 type bridge mcast_snooping 0
  ip -n "$LAB-$1" link set br0 up
}
lab_port() { ip -n "$LAB-$1" link set "$2" master br0; }

# The tables of neighbours are one for the whole machine, and a scan of dark addresses fills them:
# raised while any lab is up, put back by the last.
readonly THRESHOLDS=(net.ipv4.neigh.default.gc_thresh{1,2,3} net.ipv6.neigh.default.gc_thresh{1,2,3})

with_lock() (
  mkdir -p "$LABS"
  exec 9>"$LABS/.lock"
  flock 9
  "$@"
)

thresholds_raise() {
  [[ -e $LABS/.thresholds ]] || sysctl "${THRESHOLDS[@]}" >"$LABS/.thresholds"
  sysctl -qw net.ipv4.neigh.default.gc_thresh{1=4096,2=8192,3=16384} \
    net.ipv6.neigh.default.gc_thresh{1=4096,2=8192,3=16384}
}

thresholds_restore() {
  local others=("$LABS"/*/)
  [[ ! -d ${others[0]} && -e $LABS/.thresholds ]] || return 0
  sysctl -qp "$LABS/.thresholds" || true
  rm -f "$LABS/.thresholds"
}

lab_make() {
  with_lock lab_claim
  with_lock thresholds_raise
}
lab_claim() { mkdir "$STATE" 2>/dev/null && : >"$STATE/pids" && : >"$STATE/namespaces"; }

lab_quiet() {
  local pid birth _
  while read -r pid birth _; do
    [[ $(birth_of "$pid") != "$birth" ]] || return 1
  done <"$STATE/pids"
}

# Takes down what the lab wrote down, and nothing else. Safe to repeat.
lab_down() {
  lab_exists || return 0
  local pid birth _ ns
  while read -r pid birth _; do
    [[ $(birth_of "$pid") != "$birth" ]] || kill -KILL "$pid" 2>/dev/null || true
  done <"$STATE/pids"
  poll 5 lab_quiet || warn "a process of lab $LAB does not end"
  while read -r ns; do
    [[ ! -e /run/netns/$ns ]] || ip netns del "$ns" || true
  done <"$STATE/namespaces"
  rm -rf "$STATE" "/var/run/dpdk/$LAB"
  with_lock thresholds_restore
}

# Labs whose owner has ended without taking them down.
lab_sweep() {
  local dir pid birth
  for dir in "$LABS"/*/; do
    [[ -r $dir/owner ]] && read -r pid birth <"$dir/owner" || continue
    [[ $(birth_of "$pid") == "$birth" ]] || (lab_select "$(basename "$dir")" && lab_down)
  done
}
