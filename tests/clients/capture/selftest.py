#!/usr/bin/env python3
"""The dissection is checked: dissect.sh takes a good stream, by way of to_pcap.py, and finds each fault planted in one."""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PORT = 2775


def pdu(command, sequence, body=b"", length=None):
    return struct.pack(">IIII", 16 + len(body) if length is None else length, command, 0, sequence) + body


def submit_body(text, length=None, esm_class=0):
    """A submit_sm's mandatory parameters; sm_length may lie."""
    addresses = b"\0" + b"\1\1447700900000\0" + b"\1\1447700900001\0"
    rest = bytes([esm_class]) + b"\0\0" + b"\0\0" + b"\0\0\0\0"
    return addresses + rest + bytes([len(text) if length is None else length]) + text


BIND, BIND_RESP = pdu(0x09, 1, b"customer\0secret\0\0\x34\0\0\0"), pdu(0x80000009, 1, b"gateway\0")
SUBMIT, SUBMIT_RESP = pdu(0x04, 2, submit_body(b"hello")), pdu(0x80000004, 2, b"id-1\0")
UNBIND, UNBIND_RESP = pdu(0x06, 3), pdu(0x80000006, 3)


def stream(submit=SUBMIT, response=SUBMIT_RESP):
    """A short session with one exchange replaced."""
    return [BIND, BIND_RESP, submit, response, UNBIND, UNBIND_RESP]


GOOD = {
    "a session": stream(),
    "a PDU in two segments": stream(pdu(0x04, 2, submit_body(b"") + b"\x04\x24" + struct.pack(">H", 2_000) + b"x" * 2_000)),
}
FAULTY = {
    "sm_length beyond the PDU": stream(pdu(0x04, 2, submit_body(b"hello", 99))),
    "a message id without its NUL": stream(response=pdu(0x80000004, 2, b"id-1")),
    "a TLV beyond the PDU": stream(pdu(0x04, 2, submit_body(b"hello") + b"\x04\x24\x00\x50ab")),
    "half a TLV header": stream(pdu(0x04, 2, submit_body(b"hello") + b"\x04\x24\x00")),
    "a user data header beyond the message": stream(pdu(0x04, 2, submit_body(b"\x50\x00\x03\x01\x02\x01hi", esm_class=0x40))),
    "command_length 8": stream(pdu(0x04, 2, submit_body(b"hello"), length=8)),
    "command_length 2^31": stream(pdu(0x04, 2, submit_body(b"hello"), length=2**31)),
    "command_length one too long": stream(pdu(0x04, 2, submit_body(b"hello"), length=len(SUBMIT) + 1)),
    "command_length one too short": stream(pdu(0x04, 2, submit_body(b"hello"), length=len(SUBMIT) - 1)),
    "an unknown command": stream(pdu(0x0A, 2, b"abc")),
    "something other than SMPP": stream(response=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a PDU cut off by the end": [BIND, BIND_RESP, SUBMIT[:-3]],
    "no PDU": [],
}


def dissected(writes, *options):
    """Exit code and output of dissect.sh over the writes, client and server in turn."""
    with tempfile.TemporaryDirectory() as directory:
        streams, pcap = Path(directory, "streams.jsonl"), Path(directory, "streams.pcap")
        sides = ("client", "server")
        lines = [{"from": sides[i % 2], "port": PORT, "hex": octets.hex()} for i, octets in enumerate(writes)]
        streams.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        subprocess.run([sys.executable, HERE / "to_pcap.py", streams, pcap], check=True)
        run = subprocess.run([HERE / "dissect.sh", *options, pcap, str(PORT)], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout


def main():
    cases = [(name, writes, [], 0) for name, writes in GOOD.items()]
    cases += [("an unknown command that is allowed", FAULTY["an unknown command"], ["--allow", "0x0000000a"], 0)]
    cases += [(name, writes, [], 1) for name, writes in FAULTY.items()]
    failed = 0
    for number, (name, writes, options, wanted) in enumerate(cases, start=1):
        code, output = dissected(writes, *options)
        failed += code != wanted
        print(f"{'ok' if code == wanted else 'not ok'} {number} - {name} is {'found' if wanted else 'taken'}")
        if code != wanted:
            print(output)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
