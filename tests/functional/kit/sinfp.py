# SPDX-License-Identifier: BSD-3-Clause
"""SinFP's three probes, and of their answers whatever a stack could be known by; and what a capture
shows of time. To be called inside a node: scapy looks at the namespace when it is imported."""

import random

OFFER = [("WScale", 10), ("NOP", None), ("MSS", 1460), ("Timestamp", (0x3FFF, 0)), ("SAckOK", b"")]
PROBES = {"P1": ("S", []), "P2": ("S", OFFER), "P3": ("SA", [])}


def _scapy():
    import scapy.all  # pylint: disable=import-outside-toplevel
    scapy.all.conf.verb = 0
    return scapy.all


def _signature(asked, answer):
    """Random numbers are reduced to whether they are nought or ours."""
    if "TCP" not in answer:
        return answer.payload.summary()
    ip, tcp = answer.payload, answer["TCP"]
    head = (ip.ttl, ip.tos, str(ip.flags), ip.id != 0, ip.ihl, ip.len) if ip.version == 4 else \
        (ip.hlim, ip.tc, ip.fl != 0, ip.nh, ip.plen)
    return (*head, str(tcp.flags), int(tcp.reserved), tcp.window, tcp.urgptr, str(tcp.options),
            tcp.seq != 0, (tcp.ack - asked["TCP"].seq) & 0xFFFFFFFF)


def ask(gateway, targets, sources):
    """targets: {name: (address, port)}; gateway: MAC; sources(six) -> an address of the prober's.
    {(name, probe): signature, or None where nothing answered}."""
    scapy = _scapy()
    frames, dice = [], random.Random(7)
    for name, (address, port) in targets.items():
        for probe, (flags, options) in PROBES.items():
            family = scapy.IPv6 if ":" in address else scapy.IP
            frame = scapy.Ether(dst=gateway) / family(src=sources(":" in address), dst=address) / scapy.TCP(
                sport=dice.randrange(20000, 60000), dport=port, flags=flags, options=options,
                seq=dice.getrandbits(32), ack=dice.getrandbits(32) if "A" in flags else 0)
            frames.append(((name, probe), frame))
    answered, mute = scapy.srp([frame for _, frame in frames], iface="eth0", timeout=2)
    found = {bytes(asked): _signature(asked, answer) for asked, answer in answered}
    if len(answered) + len(mute) != len(frames):
        raise RuntimeError(f"{len(frames)} probes, {len(answered)} answered, {len(mute)} not")
    return {key: found.get(bytes(frame)) for key, frame in frames}


def timestamps(file, protected):
    """Of a capture's TCP segments from protected addresses (prefixes of their text): how many there
    are with and without data, and summaries of those with a timestamp."""
    scapy = _scapy()
    bare, full, stamped = 0, 0, []
    for frame in scapy.PcapReader(str(file)):
        if "TCP" in frame and frame.payload.src.startswith(protected):
            loaded = bool(frame["TCP"].payload) and not isinstance(frame["TCP"].payload, scapy.Padding)
            bare, full = bare + (not loaded), full + loaded
            if any(name == "Timestamp" for name, _ in frame["TCP"].options):
                stamped.append(frame.summary())
    return bare, full, stamped
