"""What the gateway refuses, each with the status that the specification names (SMPP 3.4, section 5.1.3)."""

import time

import gateway
import raw_pdu
from gateway import bound, message, new_destination, request, submit
from raw_pdu import Frame, exchange
from session import SMSC
from smsc import new_token
from tap import check, equal

ESME_RINVCMDID, ESME_RINVBNDSTS = 0x03, 0x04
ESME_RCANCELFAIL, ESME_RREPLACEFAIL = 0x11, 0x13
ESME_RINVSCHED, ESME_RQUERYFAIL = 0x61, 0x67
UNKNOWN_COMMAND = 0x0000000A
NEVER_GIVEN = "00000000-0000-0000-0000-000000000000"


def still_serves(client):
    """A refusal never ends the session: the next request is answered."""
    equal(request(client, "enquire_link").command, "enquire_link_resp", "response after the refusal")


def refuses(client, frame, command, status):
    response = exchange(client._socket, frame)
    equal((hex(response.command), hex(response.status)), (hex(command), hex(status)), "command and status")
    still_serves(client)


def submit_frame(client, **fields):
    """A submit_sm by smpplib, to be sent past smpplib's own check of the state."""
    pdu = gateway.smpplib.smpp.make_pdu("submit_sm", client=client, **message(new_destination(), **fields))
    return Frame(raw_pdu.SUBMIT_SM, 0, pdu.sequence, pdu.generate()[16:])


@check("a submit on a receiver is refused with ESME_RINVBNDSTS, and does not arrive")
def _():
    token = new_token()
    with bound("receiver") as client:
        refuses(client, submit_frame(client, short_message=token.encode()), raw_pdu.SUBMIT_SM_RESP, ESME_RINVBNDSTS)
    SMSC.expected[token] = 0


@check("a submit before the bind is refused with ESME_RINVBNDSTS, and does not arrive")
def _():
    token = new_token()
    client = gateway.connected()
    try:
        response = exchange(client._socket, submit_frame(client, short_message=token.encode()))
        equal((hex(response.command), response.status), (hex(raw_pdu.SUBMIT_SM_RESP), ESME_RINVBNDSTS), "response")
    finally:
        client.disconnect()
    SMSC.expected[token] = 0


@check("query_sm of an unknown id is refused with ESME_RQUERYFAIL")
def _():
    with bound() as client:
        fields = {"source_addr_ton": 1, "source_addr_npi": 1, "source_addr": gateway.SOURCE}
        response = request(client, "query_sm", message_id=NEVER_GIVEN, **fields)
        equal((response.command, response.status), ("query_sm_resp", ESME_RQUERYFAIL), "response")
        still_serves(client)


@check("cancel_sm of a message that has left is refused with ESME_RCANCELFAIL")
def _():
    token, destination = new_token(), new_destination()
    with bound() as client:
        response = submit(client, destination, short_message=token.encode())
        equal(response.status, 0, "status")
        SMSC.await_parts(token)
        message_id = response.message_id.decode()
        pdu = raw_pdu.cancel_sm(client.next_sequence(), message_id, gateway.SOURCE, destination)
        refuses(client, pdu, raw_pdu.CANCEL_SM | raw_pdu.RESPONSE, ESME_RCANCELFAIL)


@check("replace_sm of a message that has left is refused with ESME_RREPLACEFAIL")
def _():
    token = new_token()
    with bound() as client:
        response = submit(client, new_destination(), short_message=token.encode())
        equal(response.status, 0, "status")
        SMSC.await_parts(token)
        message_id = response.message_id.decode()
        pdu = raw_pdu.replace_sm(client.next_sequence(), message_id, gateway.SOURCE, token.encode())
        refuses(client, pdu, raw_pdu.REPLACE_SM | raw_pdu.RESPONSE, ESME_RREPLACEFAIL)


def refuses_schedule(when):
    token = new_token()
    with bound() as client:
        response = submit(client, new_destination(), short_message=token.encode(), schedule_delivery_time=when)
        equal((response.command, hex(response.status)), ("submit_sm_resp", hex(ESME_RINVSCHED)), "response")
        still_serves(client)
    SMSC.expected[token] = 0


@check("an absolute schedule_delivery_time that has passed is refused with ESME_RINVSCHED, and does not arrive")
def _():
    refuses_schedule(time.strftime("%y%m%d%H%M%S", time.gmtime(time.time() - 86_400)) + "000+")


@check("a relative schedule_delivery_time beyond thirty days is refused with ESME_RINVSCHED, and does not arrive")
def _():
    refuses_schedule("000031000000000R")


@check("an unknown command is answered by generic_nack with ESME_RINVCMDID")
def _():
    with bound() as client:
        frame = Frame(UNKNOWN_COMMAND, 0, client.next_sequence(), b"\x01\x02\x03")
        refuses(client, frame, raw_pdu.GENERIC_NACK, ESME_RINVCMDID)
