#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# package_ground.sh ROOT: what the trial's root needs around it, in namespaces of its own: file
# systems, and the two ports with a station behind each. Then package_root.sh within.
set -euo pipefail
root=$1

ip link set lo up
for side in outside inside; do
  ip link add "$side" type veth peer name "$side-peer"
  for port in "$side" "$side-peer"; do
    sysctl -qw "net.ipv6.conf.$port.disable_ipv6=1"
    ethtool -K "$port" tx off tso off gso off gro off >/dev/null 2>&1 || true
    ip link set "$port" arp off promisc on up
  done
done

mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys" -o ro
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null || {
  mkdir -p "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm" -o mode=1777
}
chmod 1777 "$root/dev/shm"
for device in null zero random urandom full tty; do
  [[ -e $root/dev/$device ]] || touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done

# A frame that must come through: broadcast ARP, which no rule touches.
pass_a_frame() {
  /usr/bin/python3 - <<'EOT'
import socket, sys, time
def port(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((name, 0))
    s.settimeout(0.2)
    return s
out, within = port("outside-peer"), port("inside-peer")
frame = bytes.fromhex("ffffffffffff020000000001080600010800060400010200000000015f") + bytes(40)
for _ in range(50):
    out.send(frame)
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        try:
            if within.recv(2048)[:20] == frame[:20]:
                sys.exit(0)
        except TimeoutError:
            break
sys.exit("no frame came through")
EOT
}
export -f pass_a_frame
mkfifo "$root/run/ask" "$root/run/answer"
# The root asks for a frame when its box stands.
(while read -r _ <"$root/run/ask"; do
  if pass_a_frame; then echo yes; else echo no; fi >"$root/run/answer"
done) &
code=0
chroot "$root" /bin/bash /package_root.sh || code=$?
exit "$code"
