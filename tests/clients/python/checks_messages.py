"""Messages that must arrive: every coding, every way of a long message, each octet as it was sent and exactly once."""

from smpplib import gsm

import gateway
import raw_pdu
from gateway import bound, concatenation, message, new_destination, request, submit
from session import SMSC
from smsc import new_token
from tap import check, equal

GSM, LATIN_1, BINARY, UCS_2 = 0, 3, 4, 8
UDH_INDICATOR = 0x40
PORTS = bytes([0x05, 0x04, 0x3E, 0x81, 0x3E, 0x80])  # application ports 16001, 16000 (23.040, 9.2.3.24.4)


def arrives(token, content, destination, coding):
    """One part, as sent."""
    part = SMSC.await_parts(token)[0]
    equal(part.content, content, "octets")
    equal(part.data_coding, coding, "data_coding")
    equal(part.destination, destination, "destination")
    equal(part.source, gateway.SOURCE, "source")
    return part


def send_one(content, token, coding, **fields):
    """Submits one part, awaits it, returns what arrived."""
    destination = new_destination()
    with bound() as client:
        response = submit(client, destination, short_message=content, data_coding=coding, **fields)
        equal(response.status, 0, "status")
        assert response.message_id, "no message id in the response"
    return response, destination


def one_part(text, coding, encode):
    token = new_token()
    content = encode(f"{token} {text}")
    _response, destination = send_one(content, token, coding)
    arrives(token, content, destination, coding)


@check("a short text arrives")
def _():
    one_part("Hello, world. 0123456789", GSM, gsm.gsm_encode)


@check("a short text of 160 characters arrives in one part")
def _():
    one_part("x" * (160 - 16), GSM, gsm.gsm_encode)


@check("the whole GSM basic alphabet arrives")
def _():
    # Not 0x1B, which announces an extension character.
    token = new_token()
    content = token.encode() + bytes(code for code in range(128) if code != 0x1B)
    _response, destination = send_one(content, token, GSM)
    arrives(token, content, destination, GSM)


@check("GSM extension characters arrive")
def _():
    one_part("{}[]~\\|^€ {€} €", GSM, gsm.gsm_encode)


@check("Latin-1 arrives")
def _():
    one_part("Ünïcödé ÿ ¢ ½ Ð", LATIN_1, lambda text: text.encode("latin-1"))


@check("Unicode with emoji arrives")
def _():
    one_part("Zażółć 日本語 שלום 👋🏽 👩‍👩‍👧 🇵🇱", UCS_2, lambda text: text.encode("utf-16-be"))


@check("8-bit binary arrives: 140 octets, NUL and 0xFF among them")
def _():
    token = new_token()
    content = token.encode() + bytes((7 * i) % 256 for i in range(140 - len(token)))
    assert 0 in content and 0xFF in content
    _response, destination = send_one(content, token, BINARY)
    arrives(token, content, destination, BINARY)


@check("binary with a port in its user data header arrives with it")
def _():
    token = new_token()
    header = bytes([len(PORTS)]) + PORTS
    content = token.encode() + bytes(range(32))
    _response, destination = send_one(header + content, token, BINARY, esm_class=UDH_INDICATOR)
    part = arrives(token, content, destination, BINARY)
    equal(part.udh, PORTS, "user data header")
    equal(part.reference, None, "reference")


def long_text(token, length):
    """Text with the token in every slice of 67 characters."""
    filled = "".join(f"{token} no. {i:03d}. " for i in range(length // 26 + 1))
    return filled[:length]


def arrives_in_parts(token, parts, way, coding, destination):
    """The parts as sent, each once, in their order, under one reference, over one bind."""
    found = SMSC.await_parts(token, len(parts))
    ways = [p.reference and (p.reference.way, p.reference.total) for p in found]
    equal(ways, [(way, len(parts))] * len(parts), "way and total")
    equal([p.reference.index for p in found], list(range(1, len(parts) + 1)), "order of the parts")
    equal(len({p.reference.number for p in found}), 1, "number of references")
    equal(len({p.bind for p in found}), 1, "number of the provider's binds")
    for part, content in zip(found, parts):
        equal(part.content, content, f"octets of part {part.reference.index}")
        equal(part.data_coding, coding, "data_coding")
        equal(part.destination, destination, "destination")


def send_parts(clients, destination, submits):
    """Submits each set of fields over the next client in turn; all must be accepted under ids of their own."""
    ids = set()
    for i, fields in enumerate(submits):
        response = submit(clients[i % len(clients)], destination, **fields)
        equal(response.status, 0, f"status of submit {i + 1}")
        ids.add(response.message_id)
    equal(len(ids), len(submits), "number of ids")


def by_udh(parts, width, reference, coding):
    return [
        {
            "short_message": concatenation(width, reference, len(parts), i) + part,
            "esm_class": UDH_INDICATOR,
            "data_coding": coding,
        }
        for i, part in enumerate(parts, start=1)
    ]


def by_smpplib(parts, coding, esm_class):
    """What gsm.make_parts returned, as fields of submits."""
    return [{"short_message": part, "esm_class": esm_class, "data_coding": coding} for part in parts]


@check("a long text by smpplib's own splitting (user data header, 8 bits) arrives")
def _():
    token, destination = new_token(), new_destination()
    parts, coding, esm_class = gsm.make_parts(long_text(token, 400))
    equal((len(parts), esm_class), (3, UDH_INDICATOR), "parts and esm_class of smpplib")
    with bound() as client:
        send_parts([client], destination, by_smpplib(parts, coding, esm_class))
    arrives_in_parts(token, [part[6:] for part in parts], "udh8", GSM, destination)


@check("a long text by user data header of 16 bits arrives")
def _():
    token, destination = new_token(), new_destination()
    text = long_text(token, 300).encode()
    parts = [text[:152], text[152:]]
    with bound() as client:
        send_parts([client], destination, by_udh(parts, 16, 0xBEEF, GSM))
    arrives_in_parts(token, parts, "udh16", GSM, destination)


@check("a long Unicode text with emoji by user data header arrives")
def _():
    token, destination = new_token(), new_destination()
    text = long_text(token, 70) + "日本語 👋🏽 " + long_text(token, 54)
    parts, coding, esm_class = gsm.make_parts(text, encoding=UCS_2)
    with bound() as client:
        send_parts([client], destination, by_smpplib(parts, coding, esm_class))
    arrives_in_parts(token, [part[6:] for part in parts], "udh8", UCS_2, destination)


@check("a long text by sar TLVs arrives, as the provider wants it (user data header)")
def _():
    token, destination = new_token(), new_destination()
    parts, coding, esm_class = gsm.make_parts(long_text(token, 400), use_udhi=False)
    submits = by_smpplib(parts, coding, esm_class)
    for i, fields in enumerate(submits, start=1):
        fields |= {"sar_msg_ref_num": 0x1234, "sar_total_segments": len(parts), "sar_segment_seqnum": i}
    with bound() as client:
        send_parts([client], destination, submits)
    # sar references have 16 bits, and what came in parts keeps the width of its reference.
    arrives_in_parts(token, parts, "udh16", GSM, destination)


@check("a long text by message_payload arrives")
def _():
    token, destination = new_token(), new_destination()
    text = long_text(token, 400).encode()
    with bound() as client:
        send_parts([client], destination, [{"message_payload": text}])
    whole_or_split(token, text, destination)


def whole_or_split(token, text, destination):
    """One part for us: it reaches the provider whole, or split in order under one reference."""
    parts = SMSC.await_whole(token)
    equal(b"".join(part.content for part in parts), text, "octets, joined")
    equal({part.destination for part in parts}, {destination}, "destination")
    if parts[0].reference is not None:
        equal([part.reference.index for part in parts], list(range(1, len(parts) + 1)), "order of the parts")
        equal(len({(part.reference.way, part.reference.number) for part in parts}), 1, "number of references")


@check("a short text by message_payload arrives")
def _():
    token, destination = new_token(), new_destination()
    with bound() as client:
        send_parts([client], destination, [{"message_payload": token.encode()}])
    arrives(token, token.encode(), destination, GSM)


@check("parts of one message over two binds, out of order, are joined under one reference")
def _():
    token, destination = new_token(), new_destination()
    text = long_text(token, 400).encode()
    parts = [text[:150], text[150:300], text[300:]]
    submits = by_udh(parts, 16, 0x0102, GSM)
    with bound() as first, bound("transmitter") as second:
        send_parts([first, second], destination, [submits[2], submits[0], submits[1]])
    arrives_in_parts(token, parts, "udh16", GSM, destination)


@check("a part that is sent again before the others arrives once")
def _():
    token, destination = new_token(), new_destination()
    text = long_text(token, 250).encode()
    parts = [text[:150], text[150:]]
    submits = by_udh(parts, 8, 0x77, GSM)
    with bound() as client:
        send_parts([client], destination, [submits[0], submits[0], submits[1]])
    arrives_in_parts(token, parts, "udh8", GSM, destination)


@check("data_sm arrives")
def _():
    token, destination = new_token(), new_destination()
    with bound() as client:
        response = request(client, "data_sm", **message(destination, message_payload=token.encode()))
        equal((response.command, response.status), ("data_sm_resp", 0), "response")
        assert response.message_id, "no message id in the response"
    arrives(token, token.encode(), destination, GSM)


@check("submit_multi to two destinations arrives at both")
def _():
    token, destinations = new_token(), sorted([new_destination(), new_destination()])
    with bound() as client:
        pdu = raw_pdu.submit_multi(client.next_sequence(), gateway.SOURCE, destinations, token.encode())
        response = raw_pdu.exchange(client._socket, pdu)
    equal((response.command, response.status), (raw_pdu.SUBMIT_MULTI | raw_pdu.RESPONSE, 0), "response")
    message_id, _nul, unsuccessful = response.body.partition(b"\0")
    assert message_id, "no message id in the response"
    equal(unsuccessful, b"\0", "unsuccessful destinations")
    found = SMSC.await_parts(token, 2)
    equal(sorted(part.destination for part in found), destinations, "destinations")
    equal({part.content for part in found}, {token.encode()}, "octets")
