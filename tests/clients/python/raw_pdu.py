"""PDUs that smpplib has no class for, or refuses to send in a state: built and read octet by octet (SMPP 3.4, section 4)."""

import socket
import struct
import time
from dataclasses import dataclass

from tap import BOUND_SECONDS

GENERIC_NACK = 0x80000000
SUBMIT_SM = 0x00000004
SUBMIT_SM_RESP = 0x80000004
REPLACE_SM = 0x00000007
CANCEL_SM = 0x00000008
ENQUIRE_LINK = 0x00000015
ENQUIRE_LINK_RESP = 0x80000015
SUBMIT_MULTI = 0x00000021
RESPONSE = 0x80000000


@dataclass(frozen=True)
class Frame:
    """A PDU with its body undecoded."""

    command: int
    status: int
    sequence: int
    body: bytes

    def octets(self):
        return struct.pack(">IIII", 16 + len(self.body), self.command, self.status, self.sequence) + self.body


def receive_exactly(stream, count):
    """Exactly `count` octets; the socket's own time-out is the bound."""
    octets = b""
    while len(octets) < count:
        some = stream.recv(count - len(octets))
        if not some:
            raise ConnectionError("closed by the gateway")
        octets += some
    return octets


def read_frame(stream: socket.socket):
    """The next PDU, whatever it is."""
    length, command, status, sequence = struct.unpack(">IIII", receive_exactly(stream, 16))
    return Frame(command, status, sequence, receive_exactly(stream, length - 16))


def exchange(stream, request):
    """Sends a request and returns its response (or generic_nack); answers enquire_link meanwhile."""
    stream.sendall(request.octets())
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        frame = read_frame(stream)
        if frame.command == ENQUIRE_LINK:
            stream.sendall(Frame(ENQUIRE_LINK_RESP, 0, frame.sequence, b"").octets())
        elif frame.command & RESPONSE:
            assert frame.sequence == request.sequence, f"response to {frame.sequence} instead of {request.sequence}"
            return frame
    raise AssertionError(f"no response to {request.command:#x} within {BOUND_SECONDS:g} s")


def c_string(text):
    return text.encode("ascii") + b"\0"


def address(number, ton=1, npi=1):
    return bytes([ton, npi]) + c_string(number)


def submit_multi(sequence, source, destinations, content):
    """SMPP 3.4, section 4.5.1: to SME addresses, default coding, no receipts."""
    to = bytes([len(destinations)]) + b"".join(b"\x01" + address(number) for number in destinations)
    rest = b"\0\0\0" + b"\0" + b"\0" + b"\0\0\0\0" + bytes([len(content)]) + content
    return Frame(SUBMIT_MULTI, 0, sequence, b"\0" + address(source) + to + rest)


def cancel_sm(sequence, message_id, source, destination):
    """SMPP 3.4, section 4.9.1."""
    return Frame(CANCEL_SM, 0, sequence, b"\0" + c_string(message_id) + address(source) + address(destination))


def replace_sm(sequence, message_id, source, content):
    """SMPP 3.4, section 4.10.1: no schedule, no validity, no receipt."""
    body = c_string(message_id) + address(source) + b"\0\0" + b"\0\0" + bytes([len(content)]) + content
    return Frame(REPLACE_SM, 0, sequence, body)
