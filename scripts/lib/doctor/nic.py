# SPDX-License-Identifier: BSD-3-Clause
"""A PCI device: bound to vfio-pci, behind an IOMMU, or with a driver that shares it."""

import re

DEVICES = "/sys/bus/pci/devices"
BIFURCATED = ("mlx4_core", "mlx5_core")
UIO = ("uio_pci_generic", "igb_uio")


def full(name):
    """0000:01:00.0 of a PCI address; empty when it is none."""
    found = re.fullmatch(r"(?:([0-9a-fA-F]{4,}):)?([0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])", name)
    return f"{found[1] or '0000'}:{found[2]}".lower() if found else ""


def check(machine, report, name):
    """Its NUMA node (-1: none named), or None when there is no such device."""
    address = full(name)
    at = f"{DEVICES}/{address}"
    if not machine.exists(at):
        report.fail("exists", name, "no such PCI device", "dpdk-devbind.py --status-dev net")
        return None
    report.ok("exists", name, "PCI device")
    for interface in machine.names(f"{at}/net"):
        if interface in machine.default_interfaces():
            report.fail("default-route", name, f"is {interface}, which carries the default route",
                        "choose another port")
    driver = machine.target(f"{at}/driver")
    if driver in BIFURCATED:
        report.ok("driver", name, f"stays with {driver}, which shares it with DPDK")
        _bifurcated(machine, report, name, machine.names(f"{at}/net"))
    elif driver == "vfio-pci":
        report.ok("driver", name, "is bound to vfio-pci")
        _group(machine, report, name, at)
    elif driver in UIO:
        report.warn("driver", name, f"is bound to {driver}: no IOMMU holds what it writes",
                    f"dpdk-devbind.py --bind=vfio-pci {address}")
    else:
        report.fail("driver", name, f"is bound to {driver or 'no driver'}, not to vfio-pci",
                    f"modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {address}")
    if driver not in BIFURCATED:
        vfio(machine, report)
    node = machine.number(f"{at}/numa_node")
    return -1 if node is None else node


def _bifurcated(machine, report, name, interfaces):
    """What mitibox has not claimed would reach the kernel."""
    for interface in interfaces:
        rows = machine.rows("ip", "-j", "address", "show", "dev", interface)
        held = [a["local"] for row in rows for a in row.get("addr_info", []) if "local" in a]
        if held:
            report.fail("addresses", name, f"{interface} has {', '.join(held)}",
                        f"ip address flush dev {interface}; sysctl -w "
                        f"net.ipv6.conf.{interface}.disable_ipv6=1")
        else:
            report.ok("addresses", name, f"{interface} has no address")


def _group(machine, report, name, at):
    """VFIO wants every device of the group, but bridges, or none."""
    shared = []
    for other in machine.names(f"{at}/iommu_group/devices"):
        driver = machine.target(f"{DEVICES}/{other}/driver")
        if driver not in ("", "vfio-pci", "pcieport", "pci-stub"):
            shared.append(f"{other} ({driver})")
    if shared:
        report.fail("iommu-group", name, f"its IOMMU group has {', '.join(shared)} as well",
                    "bind them to vfio-pci or to nothing, or use another slot")
    else:
        report.ok("iommu-group", name, "nothing else of its IOMMU group is in use by the kernel")


def vfio(machine, report):
    if any(f.check == "vfio" for f in report.findings):
        return
    if machine.exists("/sys/module/vfio_pci"):
        report.ok("vfio", "host", "vfio-pci is loaded")
    else:
        report.fail("vfio", "host", "vfio-pci is not loaded",
                    "modprobe vfio-pci; at boot: echo vfio-pci >/etc/modules-load.d/vfio.conf")
    unsafe = machine.text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == "Y"
    if machine.names("/sys/kernel/iommu_groups"):
        report.ok("iommu", "host", "the IOMMU is on")
    elif unsafe:
        report.warn("iommu", "host", "vfio works without IOMMU: the NIC may write anywhere",
                    "firmware: VT-d or AMD-Vi on; kernel: intel_iommu=on iommu=pt")
    else:
        report.fail("iommu", "host", "there is no IOMMU",
                    "firmware: VT-d or AMD-Vi on; kernel: intel_iommu=on iommu=pt; in a virtual "
                    "machine: echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
