# SPDX-License-Identifier: BSD-3-Clause
"""VLANs without the kernel's VLAN driver: a patch panel between a trunk and untagged ports."""

import select
import socket
import struct

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 8, 23, 3
TP_STATUS_VLAN_VALID = 1 << 4


def _port(iface):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    port.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    port.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    port.bind((iface, 0))
    return port


def _receive(port):
    """Frame and VLAN number (the kernel takes the tag out and tells it beside the frame)."""
    frame, told, _, _ = port.recvmsg(2048, 128)
    for level, kind, data in told:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack_from("IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                return frame, tci & 0xFFF
    return frame, None


def patch(trunk, access):
    """Runs for ever: tags what comes from access ports {vlan: iface}, untags what leaves by them."""
    trunk = _port(trunk)
    ports = {vlan: _port(iface) for vlan, iface in access.items()}
    vlan_of = {port: vlan for vlan, port in ports.items()}
    while True:
        for port in select.select([trunk, *ports.values()], [], [])[0]:
            frame, vlan = _receive(port)
            try:
                if port is trunk:
                    if vlan in ports:
                        ports[vlan].send(frame)
                else:
                    trunk.send(frame[:12] + struct.pack("!HH", 0x8100, vlan_of[port]) + frame[12:])
            except OSError:
                pass  # a port without a link
