"""Receiving with smpplib: receipts and handsets' messages, in TAP. Environment: see tests/clients/README.md."""

import json
import os
import struct
import time
import urllib.request

import smpplib.exceptions

import tap
from gateway import BOUND_SECONDS, bound, concatenation, new_destination, submit
from smsc import new_token
from tap import check, equal, eventually

NUMBER = os.environ.get("SMPP_NUMBER", "72000")
ESME_RMSGQFUL, FINAL = 0x14, 0x0B
RECEIPT = 0x04
SILENCE_SECONDS = 2.5  # a delivery that is to come again comes after one second
RUNS = iter(range(int.from_bytes(os.urandom(3), "big"), 1 << 31))


def control(path, body):
    """Tells the simulated provider something."""
    request = urllib.request.Request(f"http://{os.environ['SMSC_CONTROL']}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=BOUND_SECONDS) as answer:
        return json.load(answer)


def receipts(**settings):
    """How the provider sends receipts from now on."""
    control("/settings", {"receipts": settings})


def handset_writes(token, count=1, parts=1):
    """Messages from handsets to our number; their texts begin with the token."""
    flood = {"count": count, "run": next(RUNS), "keyword": token, "destinations": [NUMBER], "parts": parts}
    control("/messages", flood | {"text_octets": 70})


class Inbox:
    """What came over some clients, and how it is answered."""

    def __init__(self, *clients):
        self.clients = clients
        self.came = []
        self.answers = []
        for client in clients:
            client.set_message_received_handler(lambda pdu, client=client: self.take(client, pdu))

    def take(self, client, pdu):
        self.came.append((client, pdu))
        return self.answers.pop(0) if self.answers else None

    def read(self):
        for client in self.clients:
            client.poll()

    def found(self, what):
        """All so far of which what(pdu) holds."""
        self.read()
        return [pdu for _client, pdu in self.came if what(pdu)]

    def awaited(self, what, count, name):
        """Exactly so many, once they are there."""
        eventually(lambda: len(self.found(what)) >= count, f"{count} x {name}")
        found = self.found(what)
        equal(len(found), count, name)
        return found

    def nothing_more(self, what, count, name):
        """Nothing further comes for a while."""
        until = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < until:
            equal(len(self.found(what)), count, f"{name}, after all had come")
            time.sleep(tap.POLL_SECONDS)


def receipt_of(message_id):
    return lambda pdu: pdu.esm_class & 0x3C == RECEIPT and pdu.receipted_message_id.rstrip(b"\0") == message_id


def text_with(token):
    return lambda pdu: token.encode() in (pdu.short_message or b"")


def accepted(client, **fields):
    """A submit that must be accepted: its id and its destination."""
    destination = new_destination()
    response = submit(client, destination, short_message=b"Hello", **fields)
    equal(response.status, 0, "status")
    return response.message_id.rstrip(b"\0"), destination


def is_receipt(pdu, message_id, destination, stat=b"DELIVRD", error=b"000"):
    """The text says what the TLVs say, and comes from whom the message went to."""
    equal((pdu.source_addr, pdu.esm_class), (destination.encode(), RECEIPT), "source and esm_class")
    words = dict(word.split(b":", 1) for word in pdu.short_message.split() if b":" in word)
    equal((words[b"id"], words[b"stat"], words[b"err"]), (message_id, stat, error), "id, stat and err")
    equal(pdu.message_state, {b"DELIVRD": 2, b"UNDELIV": 5}[stat], "message_state")


@check("a transceiver gets the receipt of its message, text and TLVs alike, once")
def _():
    with bound() as client:
        inbox = Inbox(client)
        message_id, destination = accepted(client, registered_delivery=1)
        is_receipt(*inbox.awaited(receipt_of(message_id), 1, "receipt"), message_id, destination)
        inbox.nothing_more(receipt_of(message_id), 1, "receipts")


@check("a receiver gets the receipt of what a transmitter sent, and its reason")
def _():
    receipts(states=[{"state": "undeliverable", "error": 27, "probability": 1}])
    try:
        with bound("receiver") as receiver, bound("transmitter") as transmitter:
            inbox = Inbox(receiver)
            message_id, destination = accepted(transmitter, registered_delivery=1)
            receipt = inbox.awaited(receipt_of(message_id), 1, "receipt")[0]
            is_receipt(receipt, message_id, destination, b"UNDELIV", b"027")
    finally:
        receipts()


@check("who asks for failures only hears nothing of a delivery, and who asks for nothing neither")
def _():
    with bound() as client:
        inbox = Inbox(client)
        for asked in (0, 2):
            message_id, _destination = accepted(client, registered_delivery=asked)
            inbox.nothing_more(receipt_of(message_id), 0, "receipts")


@check("a receiver gets what a handset wrote")
def _():
    token = new_token()
    with bound("receiver") as client:
        inbox = Inbox(client)
        handset_writes(token)
        (message,) = inbox.awaited(text_with(token), 1, "message")
        equal((message.destination_addr, message.esm_class), (NUMBER.encode(), 0), "destination and esm_class")
        assert message.source_addr.startswith(b"491700"), f"from {message.source_addr!r}"


@check("a transceiver gets a handset's long message in parts, in their order")
def _():
    token = new_token()
    with bound() as client:
        inbox = Inbox(client)
        handset_writes(token, parts=3)
        inbox.awaited(text_with(token), 1, "first part")
        parts = inbox.awaited(lambda pdu: pdu.esm_class & 0x40, 3, "parts")
        references = [struct.unpack(">BBBBBB", part.short_message[:6]) for part in parts]
        equal([(total, index) for *_, total, index in references], [(3, 1), (3, 2), (3, 3)], "total and index")
        expected = [concatenation(8, references[0][3], 3, index) for index in (1, 2, 3)]
        equal([part.short_message[:6] for part in parts], expected, "headers of one reference")


@check("what came while nobody was bound is there at the next bind: receipts and messages, each once")
def _():
    receipts(delay={"fixed": {"ms": 1000}})
    try:
        with bound() as client:
            ids = [accepted(client, registered_delivery=1)[0] for _ in range(5)]
    finally:
        receipts()
    token = new_token()
    handset_writes(token, count=5)
    # The provider was answered OK: all of it waits for us now.
    eventually(lambda: in_hand(token) >= 5, "messages taken from the provider")
    time.sleep(2.0)
    with bound("receiver") as client:
        inbox = Inbox(client)
        inbox.awaited(text_with(token), 5, "messages")
        for message_id in ids:
            inbox.awaited(receipt_of(message_id), 1, "receipt")
        inbox.nothing_more(lambda _pdu: True, 10, "deliveries")


def in_hand(_token):
    with urllib.request.urlopen(f"http://{os.environ['SMSC_CONTROL']}/messages", timeout=BOUND_SECONDS) as answer:
        last = json.load(answer)[-1]
    return sum(one["to"] - one["from"] + 1 for part in last["parts"] for one in part["ok"])


@check("two binds of one customer share what comes: each message over one of them, both have some")
def _():
    token = new_token()
    with bound("receiver") as one, bound("transceiver") as two:
        inbox = Inbox(one, two)
        handset_writes(token, count=40)
        inbox.awaited(text_with(token), 40, "messages")
        inbox.nothing_more(text_with(token), 40, "messages")
        counts = [sum(client is which for client, _pdu in inbox.came) for which in (one, two)]
        assert min(counts) > 0, f"{counts} over the two"


@check("what is refused with ESME_RMSGQFUL comes again, until it is taken")
def _():
    token = new_token()
    with bound("receiver") as client:
        inbox = Inbox(client)
        inbox.answers = [ESME_RMSGQFUL, ESME_RMSGQFUL]
        handset_writes(token)
        one, *again = inbox.awaited(text_with(token), 3, "times")
        for other in again:
            equal(other.short_message, one.short_message, "text")
        inbox.nothing_more(text_with(token), 3, "times")


@check("what is refused for good does not come again, nor at the next bind")
def _():
    token = new_token()
    with bound("receiver") as client:
        inbox = Inbox(client)
        inbox.answers = [FINAL]
        handset_writes(token)
        inbox.awaited(text_with(token), 1, "times")
        inbox.nothing_more(text_with(token), 1, "times")
    with bound("receiver") as client:
        Inbox(client).nothing_more(text_with(token), 0, "times")


@check("a receipt that is refused for a while comes again under the same id")
def _():
    with bound() as client:
        inbox = Inbox(client)
        inbox.answers = [ESME_RMSGQFUL]
        message_id, _destination = accepted(client, registered_delivery=1)
        inbox.awaited(receipt_of(message_id), 2, "times")
        inbox.nothing_more(receipt_of(message_id), 2, "times")


assert smpplib.exceptions  # the checks keep smpplib's own strictness: an unknown TLV would raise
tap.finish()
