# SPDX-License-Identifier: BSD-3-Clause
"""The cores that forward: apart from everything else, awake, on the NIC's NUMA node."""

from .machine import listed, numbers

CPU = "/sys/devices/system/cpu"


def node_of(machine, core):
    names = machine.names(f"{CPU}/cpu{core}")
    nodes = [name.removeprefix("node") for name in names if name.startswith("node")]
    return int(nodes[0]) if nodes and nodes[0].isdigit() else 0


def check(machine, report, cores):
    """`cores`: those of EAL's -l. The first of several controls and sleeps."""
    online = numbers(machine.text(f"{CPU}/online"))
    missing = set(cores) - online
    if missing:
        report.fail("cores", "host", f"core {listed(missing)} is not online",
                    f"choose from {listed(online)}")
        return
    forwarding = set(cores[1:] or cores)
    _isolation(machine, report, forwarding)
    _governor(machine, report, forwarding)
    _interrupts(machine, report, forwarding)


def _isolation(machine, report, forwarding):
    for check, name, why in (
            ("isolated", "isolcpus", "others are scheduled there too"),
            ("nohz", "nohz_full", "the scheduler's tick interrupts it")):
        file = "isolated" if check == "isolated" else "nohz_full"
        away = numbers(machine.text(f"{CPU}/{file}"))
        left = forwarding - away
        if left:
            report.warn(check, "host", f"core {listed(left)} forwards, and {why}",
                        f"kernel parameter {name}={listed(forwarding)}; isolcpus can be had at run "
                        "time with a cpuset partition (drivers-config/cores.md)"
                        if check == "isolated" else f"kernel parameter {name}={listed(forwarding)}")
        else:
            report.ok(check, "host", f"core {listed(forwarding)} is in {name}")


def _governor(machine, report, forwarding):
    slow = {}
    for core in forwarding:
        governor = machine.text(f"{CPU}/cpu{core}/cpufreq/scaling_governor")
        if governor not in (None, "performance"):
            slow[core] = governor
    if slow:
        report.warn("governor", "host",
                    f"core {listed(slow)} has the governor {'/'.join(sorted(set(slow.values())))}",
                    f"cpupower -c {listed(slow)} frequency-set -g performance")
    else:
        report.ok("governor", "host", "no governor slows the forwarding cores")


def _interrupts(machine, report, forwarding):
    """irqbalance moves interrupts to cores that look idle to it, unless it is told not to."""
    running = any(machine.text(f"/proc/{name}/comm") == "irqbalance"
                  for name in machine.names("/proc") if name.isdigit())
    isolated = numbers(machine.text(f"{CPU}/isolated")) | numbers(machine.text(f"{CPU}/nohz_full"))
    banned = numbers(_banned(machine))
    if running and not forwarding <= isolated | banned:
        report.warn("irqbalance", "host", "irqbalance may put interrupts on the forwarding cores",
                    f"IRQBALANCE_BANNED_CPULIST={listed(forwarding)} in /etc/default/irqbalance")
    else:
        report.ok("irqbalance", "host", "irqbalance leaves the forwarding cores alone")


def _banned(machine):
    for line in (machine.text("/etc/default/irqbalance") or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "IRQBALANCE_BANNED_CPULIST":
            return value.strip().strip("\"'")
    return ""


def numa(machine, report, about, node, cores):
    """A NIC against the cores; `node` is -1 where the firmware names none."""
    if node < 0:
        report.ok("numa", about, "one NUMA node, or none named")
        return
    far = {core for core in cores if node_of(machine, core) != node}
    if far:
        near = numbers(machine.text(f"/sys/devices/system/node/node{node}/cpulist"))
        report.warn("numa", about, f"it is on NUMA node {node}, core {listed(far)} is not",
                    f"EAL option -l with cores of {listed(near)}")
    else:
        report.ok("numa", about, f"NIC and cores are on NUMA node {node}")
