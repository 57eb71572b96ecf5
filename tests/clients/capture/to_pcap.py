#!/usr/bin/env python3
"""Writes a pcap from recorded streams, for machines that allow no capture: to_pcap.py STREAMS.jsonl OUT.pcap

A line is {"from": "client" | "server", "port": P, "hex": "…"}: octets as one side wrote them, P the server's port;
"connection" (any number, 0 if absent) tells several connections to one port apart. Each connection becomes a TCP
stream over IPv4 loopback with handshake, sequence numbers, checksums and a close, so that a dissector reassembles it as
it would the real one.
"""

import json
import struct
import sys

LINKTYPE_RAW = 101  # packets begin with the IP header
SEGMENT_MAX = 1400
CLIENT_PORT_FIRST = 40_000
ADDRESS = bytes([127, 0, 0, 1])
FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10


def checksum(octets):
    """RFC 1071."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Writer:
    """A pcap file; each packet a microsecond after the last."""

    def __init__(self, file):
        self.file = file
        self.packets = 0
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, LINKTYPE_RAW))

    def packet(self, octets):
        self.packets += 1
        seconds, micros = divmod(self.packets, 1_000_000)
        self.file.write(struct.pack("<IIII", seconds, micros, len(octets), len(octets)) + octets)


class Connection:
    """One TCP connection between a made-up client port and the server's."""

    def __init__(self, writer, client_port, server_port):
        self.writer = writer
        self.ports = {"client": client_port, "server": server_port}
        self.next = {"client": 1_000, "server": 2_000}
        self.segment("client", SYN)
        self.segment("server", SYN | ACK)
        self.segment("client", ACK)

    def write(self, side, octets):
        """What one side wrote, in segments that the other acknowledges."""
        for at in range(0, len(octets), SEGMENT_MAX):
            self.segment(side, PSH | ACK, octets[at : at + SEGMENT_MAX])
        self.segment(other(side), ACK)

    def close(self):
        self.segment("client", FIN | ACK)
        self.segment("server", FIN | ACK)
        self.segment("client", ACK)

    def segment(self, side, flags, payload=b""):
        peer = other(side)
        acknowledged = self.next[peer] if flags & ACK else 0
        head = struct.pack(
            ">HHIIBBHHH", self.ports[side], self.ports[peer], self.next[side], acknowledged, 5 << 4, flags, 65_535, 0, 0
        )
        pseudo = ADDRESS + ADDRESS + struct.pack(">BBH", 0, 6, len(head) + len(payload))
        tcp = head[:16] + struct.pack(">H", checksum(pseudo + head + payload)) + head[18:] + payload
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ADDRESS + ADDRESS
        self.writer.packet(ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp)
        self.next[side] += len(payload) + bool(flags & (SYN | FIN))


def other(side):
    return "server" if side == "client" else "client"


def main():
    source, target = sys.argv[1:3]
    connections = {}
    with open(source, encoding="utf-8") as lines, open(target, "wb") as file:
        writer = Writer(file)
        for line in lines:
            chunk = json.loads(line)
            key = (chunk["port"], chunk.get("connection", 0))
            if key not in connections:
                connections[key] = Connection(writer, CLIENT_PORT_FIRST + len(connections), chunk["port"])
            connections[key].write(chunk["from"], bytes.fromhex(chunk["hex"]))
        for connection in connections.values():
            connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: to_pcap.py STREAMS.jsonl OUT.pcap")
    main()
