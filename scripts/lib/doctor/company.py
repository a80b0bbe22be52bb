# SPDX-License-Identifier: BSD-3-Clause
"""Who else has to do with an interface: bundles that carry part of its traffic around the box,
bridges, listeners, programs in its path."""


def check(machine, report, name, link):
    _bundle(machine, report, name, link)
    _uppers(machine, report, name)
    _paths(machine, report, name)
    _listeners(machine, report, name, link)
    _programs(machine, report, name, link)


def _kind(row):
    return row.get("linkinfo", {}).get("info_kind", "")


def _bundle(machine, report, name, link):
    """One link a box: of a bundle it would see half of many flows only."""
    master = link.get("master")
    bundle = link.get("linkinfo", {}).get("info_slave_kind", "")
    if _kind(link) in ("bond", "team"):
        report.warn("bundle", name, f"is a {_kind(link)}: every member must be here, or flows are "
                    "seen by half (asymmetric)", "one link per box; no LACP across two boxes")
    elif master and bundle in ("bond", "team"):
        report.fail("bundle", name, f"is a member of {master} ({bundle}): the other members carry "
                    "part of the same flows around the box (asymmetric)",
                    f"ip link set {name} nomaster; one link per box instead of LACP")
    elif master:
        report.fail("bundle", name, f"is a port of {master} ({bundle}), which forwards beside the "
                    "box", f"ip link set {name} nomaster")
    else:
        report.ok("bundle", name, "is in no bond, team or bridge")


def _uppers(machine, report, name):
    uppers = [entry.removeprefix("upper_") for entry in machine.names(f"/sys/class/net/{name}")
              if entry.startswith("upper_")]
    masters = [u for u in uppers
               if machine.target(f"/sys/class/net/{name}/master") == u]
    rest = [u for u in uppers if u not in masters]
    if rest:
        report.fail("uppers", name, f"{', '.join(rest)} stands on it and takes its frames",
                    "; ".join(f"ip link delete {u}" for u in rest))
    else:
        report.ok("uppers", name, "no VLAN or macvlan stands on it")


def _paths(machine, report, name):
    """Equal-cost routes send the two directions of a flow over different links."""
    routes = (machine.rows("ip", "-j", "route", "show", "table", "all") +
              machine.rows("ip", "-6", "-j", "route", "show", "table", "all"))
    split = [r.get("dst", "?") for r in routes
             if len(r.get("nexthops", [])) > 1 and name in {h.get("dev") for h in r["nexthops"]}]
    if split:
        report.fail("multipath", name, f"the route to {split[0]} has several next hops, this link "
                    "among them (ECMP: asymmetric)", "one link per box; remove the route")
    else:
        report.ok("multipath", name, "no multipath route of this machine uses it (the neighbours' "
                  "own LACP or ECMP cannot be seen from here)")


def _owners(machine, inodes):
    """{inode: name of the process}, as far as this user may look."""
    found = {}
    for pid in (p for p in machine.names("/proc") if p.isdigit()):
        for fd in machine.names(f"/proc/{pid}/fd"):
            try:
                goal = str(machine.path(f"/proc/{pid}/fd/{fd}").readlink())
            except OSError:
                continue
            if goal.startswith("socket:[") and goal[8:-1] in inodes:
                found[goal[8:-1]] = machine.text(f"/proc/{pid}/comm") or pid
    return found


def _listeners(machine, report, name, link):
    """Packet sockets; those of mitibox itself are meant."""
    inodes = set()
    for line in (machine.text("/proc/net/packet") or "").splitlines()[1:]:
        words = line.split()
        if len(words) >= 9 and words[4] in ("0", str(link["ifindex"])):
            inodes.add(words[8])
    owners = _owners(machine, inodes)
    others = [owners.get(i, "a process of somebody else") for i in sorted(inodes)]
    others = sorted({o for o in others if not o.startswith(("mitibox", "dpdk-", "eal-", "rte-"))})
    if others:
        report.warn("listeners", name, f"{', '.join(others)} reads its frames too: each is copied "
                    "for it", "stop it, unless it is yours (tcpdump, lldpd, a DHCP client)")
    else:
        report.ok("listeners", name, "nobody else reads its frames")


def _programs(machine, report, name, link):
    qdiscs = machine.rows("tc", "-j", "qdisc", "show", "dev", name)
    hooked = [q["kind"] for q in qdiscs if q.get("kind") in ("ingress", "clsact")]
    if "xdp" in link:
        hooked.append("an XDP program")
    if hooked:
        report.warn("programs", name, f"{' and '.join(hooked)} sees its frames before mitibox",
                    f"tc qdisc delete dev {name} clsact (or ingress); ip link set {name} xdp off")
    else:
        report.ok("programs", name, "no tc filter or XDP program stands before mitibox")
