# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The lab's map. Source it after lab.sh.
#
#   out ------- rtr ------- [seg] --- box --- lan (switch) --- web, shell, dns, perf, idle
#   scanner,    border      only with          outside|inside
#   clients     router      two routers (rtr2)
#
#   out   192.0.2.2   and every address of 198.18.0.0/16, 2001:db8:f::/48 (kernel's own);
#         198.19.0.0/16 and 2001:db8:e::/48 are routed to it, but its kernel stays mute there:
#         for probers that write frames themselves
#   rtr   203.0.113.1, 2001:db8:1::1 (inside the protected prefix, outside the box)
#   web   203.0.113.10, ::10  http 80, https 443, echo over UDP 443
#   shell 203.0.113.25, ::25  ssh 22, mail greeting 25
#   dns   203.0.113.53, ::53  dns 53
#   perf  203.0.113.40, ::40  iperf3 5201
#   idle  203.0.113.100 onwards, ::100 onwards: alive, serving nothing

hosts_of_lan=(web:10 shell:25 dns:53 perf:40)

topology_out() {
  lab_node out
  lab_node rtr
  lab_link out eth0 rtr wan
  in_ns out sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 \
    net.ipv4.tcp_fin_timeout=5 net.ipv4.ip_local_port_range='10240 65000'
  ip -n "$LAB-out" -batch - <<'BATCH'
address add 192.0.2.2/30 dev eth0
address add 2001:db8:ffff::2/64 dev eth0 nodad
address add 2001:db8:f::10/128 dev eth0 nodad
route add local 198.18.0.0/16 dev lo
route add default via 192.0.2.1 src 198.18.0.10
BATCH
  ip -6 -n "$LAB-out" -batch - <<'BATCH'
route add local 2001:db8:f::/48 dev lo
route add default via 2001:db8:ffff::1 src 2001:db8:f::10
BATCH
  in_ns rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.icmp_ratelimit=0 \
    net.ipv4.icmp_msgs_per_sec=100000 net.ipv6.icmp.ratelimit=0
  ip -n "$LAB-rtr" -batch - <<'BATCH'
address add 192.0.2.1/30 dev wan
address add 2001:db8:ffff::1/64 dev wan nodad
route add 198.18.0.0/15 via 192.0.2.2
BATCH
  ip -6 -n "$LAB-rtr" -batch - <<'BATCH'
route add 2001:db8:f::/48 via 2001:db8:ffff::2
route add 2001:db8:e::/48 via 2001:db8:ffff::2
BATCH
}

# Router NODE with the LAN address 203.0.113.N, on its own wire to the box or on the segment.
topology_router() {
  ip -n "$LAB-$1" -batch - <<BATCH
address add 203.0.113.$2/24 dev lan
address add 2001:db8:1::$2/64 dev lan nodad
BATCH
  in_ns "$1" sysctl -qw net.ipv4.conf.lan.rp_filter=0 net.ipv4.conf.lan.send_redirects=0 \
    net.ipv4.neigh.lan.unres_qlen_bytes=4194304 net.ipv6.neigh.lan.unres_qlen_bytes=4194304
}

topology_box() {
  lab_node box
  lab_node lan
  lab_switch lan
  lab_link box inside lan box
  lab_port lan box
  if [[ $1 -eq 1 ]]; then
    lab_link rtr lan box outside
  else
    lab_node seg
    lab_node rtr2
    lab_switch seg
    lab_link box outside seg box
    lab_link rtr lan seg rtr
    lab_link rtr2 lan seg rtr2
    lab_port seg box
    lab_port seg rtr
    lab_port seg rtr2
    in_ns rtr2 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    topology_router rtr2 2
  fi
  topology_router rtr 1
  lab_bare box outside
  lab_bare box inside
}

# lab_host NODE FIRST [COUNT]: a host with COUNT addresses from 203.0.113.FIRST on.
lab_host() {
  local i
  lab_node "$1"
  lab_link "$1" eth0 lan "$1"
  lab_port lan "$1"
  for ((i = $2; i < $2 + ${3:-1}; i++)); do
    printf 'address add 203.0.113.%d/24 dev eth0\naddress add 2001:db8:1::%d/64 dev eth0 nodad\n' \
      "$i" "$i"
  done | ip -n "$LAB-$1" -batch -
  ip -n "$LAB-$1" route add default via 203.0.113.1
  ip -n "$LAB-$1" -6 route add default via 2001:db8:1::1
}

topology_lan() {
  local host
  for host in "${hosts_of_lan[@]}"; do
    lab_host "${host%:*}" "${host#*:}"
  done
  (($1 == 0)) || lab_host idle 100 "$1"
}

# The box replaced by a plain wire, and back. `bridge` is how the LAN looks without MitiBox.
topology_bridge() {
  lab_switch box
  lab_port box outside
  lab_port box inside
}
topology_unbridge() { ip -n "$LAB-box" link del br0 2>/dev/null || true; }
