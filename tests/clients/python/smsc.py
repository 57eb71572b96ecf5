"""What the simulated provider received: reads SMSC_RECORD and finds messages by the token in their octets."""

import json
import os
import re
import secrets
from dataclasses import dataclass
from typing import Optional

from tap import equal, eventually

TOKEN = re.compile(rb"KT[0-9A-F]{12}Z")
UDH_INDICATOR = 0x40


def new_token():
    """A token of 15 characters whose octets are the same in GSM 03.38, Latin-1 and IA5."""
    return f"KT{secrets.token_hex(6).upper()}Z"


@dataclass(frozen=True)
class Reference:
    """How a part says which part of what it is; `way` is udh8, udh16 or sar."""

    way: str
    number: int
    total: int
    index: int


@dataclass(frozen=True)
class Arrived:
    """One submit_sm at the provider, its user data header taken apart."""

    line: int
    bind: object
    source: str
    destination: str
    data_coding: int
    udh: bytes  # elements other than concatenation
    content: bytes
    reference: Optional[Reference]


def take_header_apart(octets):
    """(concatenation or None, the other elements, the content) of octets that start with a user data header."""
    end = 1 + octets[0]
    assert end <= len(octets), f"user data header of {octets[0]} octets in {len(octets)}"
    reference, others, at = None, b"", 1
    while at < end:
        kind, length = octets[at], octets[at + 1]
        value = octets[at + 2 : at + 2 + length]
        assert at + 2 + length <= end, "element beyond the user data header"
        if kind == 0x00:
            reference = Reference("udh8", value[0], value[1], value[2])
        elif kind == 0x08:
            reference = Reference("udh16", int.from_bytes(value[:2], "big"), value[2], value[3])
        else:
            others += octets[at : at + 2 + length]
        at += 2 + length
    return reference, others, octets[end:]


def arrived(line, record):
    """A line of SMSC_RECORD as an Arrived."""
    payload = bytes.fromhex(record.get("payload_hex") or "")
    content = payload or bytes.fromhex(record.get("short_message_hex") or "")
    reference, udh = None, b""
    if record["esm_class"] & UDH_INDICATOR:
        reference, udh, content = take_header_apart(content)
    sar = record.get("sar")
    if sar:
        assert reference is None, "both a UDH reference and sar TLVs"
        reference = Reference("sar", sar["reference"], sar["total"], sar["index"])
    return Arrived(
        line=line,
        bind=record.get("bind"),
        source=record["source"]["addr"],
        destination=record["destination"]["addr"],
        data_coding=record["data_coding"],
        udh=udh,
        content=content,
        reference=reference,
    )


class Smsc:
    """Follows the record file; remembers what was expected, for the last check."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.lines = 0
        self.by_token = {}
        self.expected = {}

    def refresh(self):
        """Reads the whole lines that were appended since the last look."""
        if not os.path.exists(self.path):
            return
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for raw in whole.splitlines():
            self.lines += 1
            self.remember(raw)

    def remember(self, raw):
        """Files one line under each token in it."""
        record = json.loads(raw)
        octets = bytes.fromhex(record.get("payload_hex") or "") + bytes.fromhex(record.get("short_message_hex") or "")
        # A token in UCS-2 is the same with a NUL before each character.
        tokens = set(TOKEN.findall(octets)) | set(TOKEN.findall(octets.replace(b"\0", b"")))
        for token in tokens:
            self.by_token.setdefault(token.decode(), []).append((self.lines, record))

    def count(self, token):
        """How many PDUs with this token arrived so far."""
        self.refresh()
        return len(self.by_token.get(token, []))

    def await_parts(self, token, count=1):
        """The `count` PDUs that carry the token, in the order of their arrival."""
        self.expected[token] = count
        eventually(lambda: self.count(token) >= count, f"{count} part(s) of {token} at the provider")
        parts = [arrived(line, record) for line, record in self.by_token[token]]
        equal(len(parts), count, "PDUs at the provider")
        return parts

    def await_whole(self, token):
        """The one PDU that carries the token, or all the parts that its reference announces."""
        eventually(lambda: self.count(token), f"{token} at the provider")
        first = arrived(*self.by_token[token][0])
        return self.await_parts(token, first.reference.total if first.reference else 1)

    def wrong_counts(self):
        """All tokens that did not arrive exactly as often as expected, up to now."""
        return self.wrong_among(self.expected)

    def wrong_among(self, expected):
        """The same for some: token → how often it did arrive."""
        self.refresh()
        counts = {token: len(self.by_token.get(token, [])) for token in expected}
        return {token: counts[token] for token, wanted in expected.items() if counts[token] != wanted}
