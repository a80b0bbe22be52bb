# SPDX-License-Identifier: BSD-3-Clause
"""A kernel interface (af_packet, af_xdp): nothing but mitibox may speak, merge or rewrite on it."""

import re

PROMISC = "promiscuity"
# TPACKET_V2 lays a frame 66 bytes into its slot of framesz = 2048.
AF_PACKET_MTU = 2048 - 66 - 14

# What ethtool calls it, the word that switches it off, and whether frames are lost with it.
OFFLOADS = (
    ("large-receive-offload", "lro", True, "merged frames are cut at 2 kB"),
    ("generic-receive-offload", "gro", True, "merged frames are cut at 2 kB"),
    ("tcp-segmentation-offload", "tso", False, "a virtual peer receives frames above the MTU"),
    ("generic-segmentation-offload", "gso", False, "a virtual peer receives frames above the MTU"),
    ("tx-checksumming", "tx", False, "a virtual peer receives unfinished checksums"),
    ("rx-vlan-offload", "rxvlan", False, "tags come beside the frame, 0x88a8 as 0x8100"),
    ("rx-vlan-filter", "rx-vlan-filter", False, "tags that nobody registered may be dropped"),
)


def check(machine, report, name):
    """The row of `ip link`, or None when there is no such interface."""
    rows = machine.rows("ip", "-d", "-j", "link", "show", "dev", name)
    if not rows:
        report.fail("exists", name, "no such interface, and no PCI address",
                    "ip -br link; or dpdk-devbind.py --status-dev net")
        return None
    link = rows[0]
    report.ok("exists", name, "kernel interface: net_af_packet or net_af_xdp")
    if name in machine.default_interfaces():
        report.fail("default-route", name, "carries the default route of this machine",
                    "choose another port: mitibox takes the whole interface")
    else:
        report.ok("default-route", name, "carries no default route")
    _link(machine, report, name, link)
    _silent(machine, report, name, link)
    _offloads(machine, report, name)
    return link


def _link(machine, report, name, link):
    if "UP" not in link["flags"]:
        report.fail("link", name, "is down", f"ip link set {name} up")
    elif machine.text(f"/sys/class/net/{name}/carrier") != "1":
        report.fail("link", name, "has no carrier", "check the cable, and the port of the peer")
    else:
        report.ok("link", name, "has a link")
    if link.get(PROMISC, 0) > 0:
        report.ok("promiscuous", name, "is promiscuous")
    else:
        report.warn("promiscuous", name, "is not promiscuous (mitibox asks for it at its start)",
                    f"ip link set {name} promisc on, if it may not (no CAP_NET_ADMIN)")


def _silent(machine, report, name, link):
    """With an address or ARP the kernel answers beside the box."""
    rows = machine.rows("ip", "-j", "address", "show", "dev", name)
    held = [a["local"] for row in rows for a in row.get("addr_info", []) if "local" in a]
    if held:
        report.fail("addresses", name, f"has {', '.join(held)}: the kernel answers beside the box",
                    f"ip address flush dev {name}")
    else:
        report.ok("addresses", name, "has no address")
    if machine.text(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6") in ("1", None):
        report.ok("ipv6", name, "IPv6 is off")
    else:
        report.fail("ipv6", name, "IPv6 is on: the kernel announces itself to both sides",
                    f"sysctl -w net.ipv6.conf.{name}.disable_ipv6=1")
    if "NOARP" in link["flags"]:
        report.ok("arp", name, "ARP is off")
    else:
        report.warn("arp", name, "ARP is on", f"ip link set {name} arp off")


def features(machine, name):
    """{feature: (on, fixed)}; empty without ethtool."""
    text = machine.output("ethtool", "-k", name) or ""
    found = re.findall(r"^([a-z0-9-]+): (on|off)( \[fixed\])?", text, re.MULTILINE)
    return {feature: (state == "on", bool(fixed)) for feature, state, fixed in found}


def _offloads(machine, report, name):
    state = features(machine, name)
    if not state:
        report.warn("offloads", name, "its offloads cannot be read", "apt-get install ethtool")
        return
    for feature, word, loses, why in OFFLOADS:
        on, fixed = state.get(feature, (False, False))
        said = f"{feature} is on: {why}"
        if not on:
            report.ok(f"offload-{word}", name, f"{feature} is off")
        elif fixed:
            report.warn(f"offload-{word}", name, said, "fixed in the driver: use another device")
        else:
            complain = report.fail if loses else report.warn
            complain(f"offload-{word}", name, said, f"ethtool -K {name} {word} off")


def buffers(report, name, mtu):
    """A frame of this MTU in the slots of af_packet's default framesz."""
    if mtu <= AF_PACKET_MTU:
        report.ok("buffer", name, f"frames of MTU {mtu} fit into af_packet's buffers")
    else:
        report.fail("buffer", name, f"MTU {mtu} is more than af_packet's {AF_PACKET_MTU}: longer "
                    "frames are cut without a word",
                    f"ip link set {name} mtu {AF_PACKET_MTU}, there and on its peers; or a NIC with "
                    "vfio-pci")


def same_mtu(report, mtus):
    """`mtus`: {interface: MTU} of both ports."""
    if len(set(mtus.values())) == 1:
        report.ok("mtu", "host", f"both ports have MTU {next(iter(mtus.values()))}")
        return
    told = ", ".join(f"{name} {mtu}" for name, mtu in mtus.items())
    least = min(mtus.values())
    report.fail("mtu", "host", f"the ports differ ({told}): what is longer than {least} is refused",
                "; ".join(f"ip link set {n} mtu {least}" for n, m in mtus.items() if m != least))
