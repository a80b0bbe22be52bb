# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages, locked memory, open files."""

import os
import resource

POOLS = "/sys/kernel/mm/hugepages"
LOCKED = 64 << 20  # what vfio and the rings of AF_XDP pin, at least


def pools(machine, where=POOLS):
    """{page size in kB: free pages}"""
    found = {}
    for name in machine.names(where):
        size = name.removeprefix("hugepages-").removesuffix("kB")
        if size.isdigit():
            found[int(size)] = machine.number(f"{where}/{name}/free_hugepages") or 0
    return found


def huge_pages(machine, report, needed):
    """`needed`: a device that DMAs cannot do without."""
    free = pools(machine)
    megabytes = sum(size * count for size, count in free.items()) // 1024
    complain = report.fail if needed else report.warn
    if megabytes == 0:
        complain("huge-pages", "host", "no huge pages are free",
                 "echo 1024 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages (2 GB; at boot: "
                 "hugepages=1024)" + ("" if needed else "; or run with --no-huge, slower"))
    else:
        report.ok("huge-pages", "host", f"{megabytes} MB of huge pages are free")
    mounted = machine.mounts("hugetlbfs")
    if not mounted:
        complain("huge-mount", "host", "no hugetlbfs is mounted",
                 "mount -t hugetlbfs nodev /dev/hugepages")
    else:
        report.ok("huge-mount", "host", f"hugetlbfs is mounted at {', '.join(mounted)}")


def huge_pages_on_node(machine, report, about, node):
    """Those of the node where a NIC is; others are reached across nodes."""
    if len(machine.names("/sys/devices/system/node")) and \
            not machine.exists("/sys/devices/system/node/node1"):
        return
    where = f"/sys/devices/system/node/node{node}/hugepages"
    if any(pools(machine, where).values()):
        report.ok("huge-node", about, f"huge pages are free on its NUMA node {node}")
    else:
        report.warn("huge-node", about, f"no huge pages are free on its NUMA node {node}",
                    f"echo 1024 >{where}/hugepages-2048kB/nr_hugepages")


def limits(machine, report, get=resource.getrlimit):
    """Of whoever asks; the unit sets its own."""
    soft, _ = get(resource.RLIMIT_MEMLOCK)
    if soft in (resource.RLIM_INFINITY,) or soft >= LOCKED:
        report.ok("memlock", "host", "enough memory may be locked")
    else:
        report.warn("memlock", "host", f"only {soft >> 10} KiB of memory may be locked here",
                    "ulimit -l unlimited (the unit: LimitMEMLOCK=infinity)")
    pages = pools(machine).get(2048, 0)
    _, hard = get(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= pages + 256:
        report.ok("open-files", "host", "enough files may be open")
    else:
        report.warn("open-files", "host",
                    f"{hard} files may be open, but EAL opens one for each of {pages} huge pages",
                    f"ulimit -Hn {2 * (pages + 256)} (the unit: LimitNOFILE), or 1 GB pages")


def is_root():
    return os.geteuid() == 0
