# SPDX-License-Identifier: BSD-3-Clause
"""What an attacker can see in an answer: {field: small value}. Numbers that are random by nature are
reduced to what could matter: nought or not, steps between answers of one target, the bits at both ends."""

from . import wire


def step_bucket(step, bits):
    """A difference modulo 2^bits, as a word: counters are small steps."""
    step &= (1 << bits) - 1
    for limit, word in ((0, "0"), (8, "1-8"), (256, "9-256"), (4096, "257-4096")):
        if step <= limit:
            return word
    if bits == 16:
        return "more"
    return "to 2^20" if step < 1 << 20 else "to 2^26" if step < 1 << 26 else "more"


def ip_fields(packet, last):
    """last: the answer before of the same target, or None."""
    fields = {"ttl": packet.ttl, "tos": packet.tos, "fragment bits": packet.bits, "length": packet.length,
              "checksums": packet.sound}
    if len(packet.src) == 4:
        fields["id zero"] = packet.ident == 0
        fields["id step"] = step_bucket(packet.ident - last.ident, 16) if last else "first"
        fields["id high"] = packet.ident >> 13
    else:
        fields["label zero"] = packet.label == 0
        fields["label step"] = step_bucket(packet.label - last.label, 20) if last else "first"
        fields["label high"] = packet.label >> 17
    return fields


def option_fields(packet):
    words, fields = [], {"mss": 0, "scale": "-"}
    for kind, value in wire.options_of(packet):
        words.append(f"{kind}" + (f":{value.hex()}" if kind not in (0, 1, 5, 8) else ""))
        if kind == 8 and len(value) == 8:
            fields["timestamp echo"] = value[4:].hex()
            fields["timestamp high"] = value[0]
    fields["options"] = " ".join(words)
    for kind, value in wire.options_of(packet):
        if kind == 2:
            fields["mss"] = value.hex()
        if kind == 3:
            fields["scale"] = value.hex()
    return fields


def tcp_fields(probe, packet, last):
    last_seq = last.seq if last else 0
    sent = probe.seq + 1
    fields = {"flags": wire.letters(packet.flags), "reserved": packet.reserved, "window": packet.window,
              "urgent": packet.urgent, "ack": (packet.ack - sent) & 0xFFFFFFFF if packet.flags & wire.ACK else "-",
              "payload": len(packet.load)}
    if fields["ack"] not in ("-", 0):
        fields["ack"] = "data" if fields["ack"] < 4096 else "other"
    fields.update(option_fields(packet))
    if packet.flags & wire.SYN:
        fields.update({
            "isn zero": packet.seq == 0, "isn low bits": packet.seq & 15, "isn high bits": packet.seq >> 28,
            "isn mod 64000": packet.seq % 64000 // 4000,
            "isn step": step_bucket(packet.seq - last_seq, 32) if last else "first",
            "isn less ours": ((packet.seq - probe.seq) & 0xFFFFFFFF) >> 28})
    return fields


def icmp_fields(probe, packet):
    fields = {"icmp": f"{packet.kind}/{packet.code}", "payload": len(packet.load)}
    if packet.quote:
        six = len(packet.src) == 16
        fields["quoted ttl"] = packet.quote[7 if six else 8]
        fields["quoted head"] = packet.quote[:1 if six else 8].hex()
        fields["quoted length"] = len(packet.quote)
    else:
        fields["echoed"] = packet.load == bytes(range(48))
    return {**fields, "to us": probe.src == packet.dst}


def fields_of(probe, packet, last):
    fields = {"protocol": packet.protocol, **ip_fields(packet, last)}
    if packet.protocol == wire.TCP:
        return {**fields, **tcp_fields(probe, packet, last)}
    if packet.protocol == wire.UDP:
        return {**fields, "payload": len(packet.load), "content": packet.load[:4].hex()}
    return {**fields, **icmp_fields(probe, packet)}


def seconds(packet, since):
    return (packet.stamp - since) / 1e9


def answer_rows(probes):
    """{class: [(fields, latency in us, place in time)]} of the first answers."""
    rows, last = {}, {}
    answered = [p for p in probes if p.answers]
    for probe in sorted(answered, key=lambda p: p.answers[0].stamp):
        first = probe.answers[0]
        row = fields_of(probe, first, last.get(first.src))
        last[first.src] = first
        again = [f"{seconds(p, probe.sent):.1f}s" for p in probe.answers[1:] if p.flags & wire.SYN]
        row["again"] = "followed" if probe.acked else " ".join(again) or "never"
        row["at once again"] = sum(1 for p in probe.answers[1:] if p.flags & wire.SYN and
                                   seconds(p, probe.sent) < 0.5)
        rows.setdefault(probe.group, []).append((row, round((first.stamp - probe.sent) / 1e3)))
    return rows


def talk_rows(probes):
    """The same for what follows our ACK (and data), up to the first byte of the application; and
    {class: [asked, answered so, told by the application]}."""
    rows, shares = {}, {}
    for probe in probes:
        if not probe.acked:
            continue
        share = shares.setdefault(probe.group, [0, 0, 0])
        share[0] += 1
        said = next((p.stamp for p in probe.answers if p.load and p.protocol == wire.TCP), None)
        share[2] += said is not None
        before = [p for p in probe.answers if p.stamp > probe.acked and (said is None or p.stamp < said)]
        if not before:
            continue
        share[1] += 1
        row = fields_of(probe, before[0], None)
        row["seq"] = (before[0].seq - probe.answers[0].seq) & 0xFFFFFFFF if before[0].flags & wire.ACK else "-"
        rows.setdefault(probe.group, []).append((row, round((before[0].stamp - probe.acked) / 1e3)))
    return rows, shares
