# SPDX-License-Identifier: BSD-3-Clause
"""nmap, masscan and zmap as people run them, and what they report in the form that is made for machines.

Each takes a lab of the functional tests, the source to scan from and what to ask: addresses and TCP ports. They
scan from its node `out`, whose kernel owns the source and resets what it did not open, as it does for everybody.
"""

import concurrent.futures
import contextlib
import csv
import ipaddress
import json
import re
import subprocess
import time
from typing import NamedTuple
from xml.etree import ElementTree

RATE = 1000  # probes a second
PATIENCE = 150  # seconds for one call of a tool


class Asked(NamedTuple):
    addresses: tuple
    ports: tuple

    def pairs(self):
        return {(address, port) for address in self.addresses for port in self.ports}


class Report(NamedTuple):
    opened: set  # (address, port)
    up: set  # addresses


def words_of(ports):
    return ",".join(map(str, ports))


def ran(lab, *command):
    """What it prints; it has to end well and in time."""
    done = lab.run("out", *command, stderr=subprocess.PIPE, timeout=PATIENCE)
    if done.returncode:
        raise SystemExit(f"live: {' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def nmap_command(source, asked, *words):
    return ("nmap", "-n", "-T4", "--max-rate", RATE, "-e", "eth0", "-S", source, "--disable-arp-ping", *words,
            "-p", words_of(asked.ports), "-oX", "-", *asked.addresses)


def hosts_up(printed):
    for host in ElementTree.fromstring(printed).iter("host"):
        if host.find("status").get("state") == "up":
            yield host.find("address").get("addr"), host


def nmap(lab, source, asked):
    """Hosts are looked for with an echo request and a SYN to each port that is asked."""
    printed = ran(lab, *nmap_command(source, asked, "-sS", "-PE", f"-PS{words_of(asked.ports)}"))
    found = dict(hosts_up(printed))
    return Report({(address, int(port.get("portid"))) for address, host in found.items() for port in host.iter("port")
                   if port.find("state").get("state") == "open"}, set(found))


def speaks(port):
    """Whether a service has answered in its protocol; "tcpwrapped" says that it has not."""
    service = port.find("service")
    return service is not None and service.get("method") == "probed" and service.get("name") != "tcpwrapped"


def nmap_versions(lab, source, asked):
    """Open is what has spoken."""
    printed = ran(lab, *nmap_command(source, asked, "-sV", "--version-light", "-Pn", "--randomize-hosts"))
    opened = {(address, int(port.get("portid"))) for address, host in hosts_up(printed) for port in host.iter("port")
              if speaks(port)}
    return Report(opened, {address for address, _ in opened})


def masscan_command(lab, source, asked):
    router = lab.link_address("rtr", "wan").replace(":", "-")
    first, last = (f(asked.addresses, key=ipaddress.ip_address) for f in (min, max))
    # Line by line, or what it has found is lost when it has to be stopped.
    return ("stdbuf", "-oL", "masscan", "-e", "eth0", "--source-ip", source, "--router-mac", router, "--rate", RATE,
            "--wait", 3, "-p", words_of(asked.ports), "-oJ", "-", f"{first}-{last}")


@contextlib.contextmanager
def murmur(lab):
    """Two frames a second that nobody answers, as any host of the Internet hears: masscan's receiver notices that its
    time is over when something arrives."""
    ping = lab.popen("rtr", "ping", "-q", "-i", "0.5", "198.19.0.1", stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        ping.kill()
        ping.wait()


def masscan(lab, source, asked):
    with murmur(lab):
        printed = ran(lab, *masscan_command(lab, source, asked))
    # What it prints is not always one valid document.
    opened = {(row["ip"], port["port"]) for row in map(json.loads, re.findall(r"\{.*\}", printed))
              for port in row["ports"] if port["status"] == "open"}
    return Report(opened, {address for address, _ in opened})


def zmap(lab, source, asked):
    """A run for each port: it knows only one."""
    router, opened = lab.link_address("rtr", "wan"), set()
    network = ipaddress.ip_network(f"{asked.addresses[0]}/24", strict=False)
    for port in asked.ports:
        printed = ran(lab, "zmap", "-q", "-i", "eth0", "-G", router, "-S", source, "-p", port, "-r", RATE, "-c", 2,
                      "-b", "/dev/null", "-O", "csv", "-f", "saddr,sport,success", "-o", "-", network)
        opened |= {(row["saddr"], int(row["sport"])) for row in csv.DictReader(printed.splitlines())
                   if row["success"] == "1"}
    opened &= asked.pairs()
    return Report(opened, {address for address, _ in opened})


TOOLS = {"nmap -sS": nmap, "masscan": masscan, "zmap": zmap, "nmap -sV": nmap_versions}


def sent(lab):
    """Frames that have left the scanner's interface."""
    return lab.json("out", "ip", "-s", "-j", "link", "show", "dev", "eth0")[0]["stats64"]["tx"]["packets"]


def scan(lab, tool, sources, asked):
    """(a Report for each source, frames sent, seconds); the sources scan at once."""
    frames, start = sent(lab), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(sources)) as pool:
        reports = list(pool.map(lambda source: TOOLS[tool](lab, source, asked), sources))
    return reports, sent(lab) - frames, time.monotonic() - start
