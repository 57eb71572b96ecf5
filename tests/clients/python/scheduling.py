"""Scheduled messages with smpplib: they arrive when they are to, unless they were cancelled, as they were replaced.

Environment: see tests/clients/README.md; the other account is SMPP_OTHER_SYSTEM_ID with SMPP_OTHER_PASSWORD.
"""

import os
import time

import gateway
import raw_pdu
import tap
from gateway import bound, concatenation, new_destination, submit
from raw_pdu import Frame, exchange, read_frame
from session import SMSC
from smsc import new_token
from tap import check, equal

AFTER_SECONDS = 3
IN_THREE_SECONDS = "000000000003000R"
EARLY_SECONDS = 1
# Within a second where the machine is quiet (docs/adr/0004); how fast it is when it is not, is no matter of a test.
LATE_SECONDS = 5
ESME_ROK, ESME_RCANCELFAIL, ESME_RREPLACEFAIL = 0x00, 0x11, 0x13
DELIVER_SM, DELIVER_SM_RESP = 0x00000005, 0x80000005
OTHER = {"system_id": os.environ["SMPP_OTHER_SYSTEM_ID"], "password": os.environ["SMPP_OTHER_PASSWORD"]}


def scheduled(client, token, when=IN_THREE_SECONDS, **fields):
    """Submits; the id, the destination and the time at which it is to arrive (Unix seconds)."""
    destination = new_destination()
    fields = {"short_message": token.encode()} | fields
    sent = time.time()
    response = submit(client, destination, schedule_delivery_time=when, **fields)
    equal(response.status, ESME_ROK, "status of the submit")
    return response.message_id.decode(), destination, sent + AFTER_SECONDS


def answers(client, pdu, status):
    """The status of the answer to a PDU that smpplib has no class for."""
    response = exchange(client._socket, pdu)
    expected = (hex(pdu.command | raw_pdu.RESPONSE), hex(status))
    equal((hex(response.command), hex(response.status)), expected, "command and status")


def cancels(client, message_id, destination, status, source=gateway.SOURCE):
    answers(client, raw_pdu.cancel_sm(client.next_sequence(), message_id, source, destination), status)


def replaces(client, message_id, token, status):
    answers(client, raw_pdu.replace_sm(client.next_sequence(), message_id, gateway.SOURCE, token.encode()), status)


def arrives_in_time(token, due, count=1):
    SMSC.await_parts(token, count)
    for _, record in SMSC.by_token[token]:
        late = record["at_ms"] / 1000 - due
        assert -EARLY_SECONDS <= late <= LATE_SECONDS, f"it arrives {late:+.3f} s off its time"


@check("several messages with one time arrive, once each")
def _():
    # Function sandboxes start here; from now on a second is a second.
    tokens = [new_token() for _ in range(6)]
    with bound() as client:
        for token in tokens:
            scheduled(client, token, "000000000001000R")
        for token in tokens:
            SMSC.await_parts(token)


@check("a message arrives at its relative time, once")
def _():
    token = new_token()
    with bound() as client:
        _, _, due = scheduled(client, token)
        arrives_in_time(token, due)


@check("a message arrives at its absolute time, once")
def _():
    token = new_token()
    with bound() as client:
        due = int(time.time()) + 4
        when = time.strftime("%y%m%d%H%M%S", time.gmtime(due)) + "000+"
        scheduled(client, token, when)
        arrives_in_time(token, due)


@check("a long message arrives whole at its time")
def _():
    token, destination = new_token(), new_destination()
    with bound() as client:
        due = time.time() + AFTER_SECONDS
        for index in (2, 1):
            content = concatenation(8, 77, 2, index) + token.encode()
            fields = {"esm_class": 0x40, "schedule_delivery_time": IN_THREE_SECONDS, "short_message": content}
            equal(submit(client, destination, **fields).status, ESME_ROK, "status")
        arrives_in_time(token, due, 2)


@check("a cancelled message never arrives, and its receipt says DELETED")
def _():
    token = new_token()
    with bound() as client:
        message_id, destination, due = scheduled(client, token, registered_delivery=1)
        cancels(client, message_id, destination, ESME_ROK)
        frame = read_frame(client._socket)
        while frame.command != DELIVER_SM:
            frame = read_frame(client._socket)
        client._socket.sendall(Frame(DELIVER_SM_RESP, 0, frame.sequence, b"\0").octets())
        assert b"stat:DELETED" in frame.body and message_id.encode() in frame.body, f"receipt {frame.body!r}"
        cancels(client, message_id, destination, ESME_ROK)
        replaces(client, message_id, new_token(), ESME_RREPLACEFAIL)
    never(token, due)


def never(token, due):
    """Nothing arrives: not within two seconds of its time, nor (looked for at the end) later."""
    SMSC.expected[token] = 0
    tap.eventually(lambda: time.time() > due + 2, "the time", 20)
    equal(SMSC.count(token), 0, "PDUs at the provider")


@check("a replaced message arrives as it was replaced, at its time")
def _():
    before, after = new_token(), new_token()
    with bound() as client:
        message_id, destination, due = scheduled(client, before)
        replaces(client, message_id, after, ESME_ROK)
        arrives_in_time(after, due)
        cancels(client, message_id, destination, ESME_RCANCELFAIL)
        replaces(client, message_id, new_token(), ESME_RREPLACEFAIL)
    SMSC.expected[before] = 0


@check("another customer can neither cancel nor replace it, nor its own from another sender")
def _():
    token = new_token()
    with bound() as client, bound(**OTHER) as other:
        message_id, destination, due = scheduled(client, token)
        cancels(other, message_id, destination, ESME_RCANCELFAIL)
        replaces(other, message_id, new_token(), ESME_RREPLACEFAIL)
        cancels(client, message_id, destination, ESME_RCANCELFAIL, source="447700900001")
        cancels(client, message_id, new_destination(), ESME_RCANCELFAIL)
        cancels(client, "", destination, ESME_RCANCELFAIL)
        arrives_in_time(token, due)


@check("all arrived as often as they were to")
def _():
    equal(SMSC.wrong_counts(), {}, "wrong counts")


tap.finish()
