"""The gateway as a smpplib customer sees it: settings from the environment, binds, one submit and its answer."""

import contextlib
import logging
import os
import ssl
import struct
import time
import warnings
from itertools import count

import smpplib.client
import smpplib.consts
import smpplib.smpp

from tap import BOUND_SECONDS

# smpplib's own default is to fail on a TLV that it does not know: a customer's client does so too.
warnings.filterwarnings("ignore", category=DeprecationWarning)

# smpplib warns at each close that it is still bound, also after unbind_resp.
logging.getLogger("smpp").setLevel(logging.ERROR)

HOST = os.environ["SMPP_HOST"]
PORT = int(os.environ["SMPP_PORT"])
TLS_PORT = int(os.environ["SMPP_TLS_PORT"])
CA_FILE = os.environ["SMPP_CA"]
SYSTEM_ID = os.environ["SMPP_SYSTEM_ID"]
PASSWORD = os.environ["SMPP_PASSWORD"]
SOURCE = os.environ.get("SMPP_SOURCE", "447700900000")
DESTINATION_PREFIX = os.environ.get("SMPP_DESTINATION_PREFIX", "4477009")

_numbers = count(10_000 + int.from_bytes(os.urandom(2), "big"))


def new_destination():
    """A number that no other message of this run goes to."""
    return f"{DESTINATION_PREFIX}{next(_numbers) % 100_000:05d}"


class Client(smpplib.client.Client):
    """smpplib's client; only counts the enquire_links that it answered by itself."""

    enquire_links = 0

    def _enquire_link_received(self, pdu):
        super()._enquire_link_received(pdu)
        self.enquire_links += 1


def connected(tls=False):
    """A client with an open connection, not bound."""
    context = None
    if tls:
        context = ssl.create_default_context(cafile=CA_FILE)
        context.check_hostname = False  # smpplib passes no host name to TLS; the chain is still verified
    client = Client(HOST, TLS_PORT if tls else PORT, timeout=BOUND_SECONDS, ssl_context=context)
    client.connect()
    return client


@contextlib.contextmanager
def bound(mode="transceiver", tls=False, system_id=SYSTEM_ID, password=PASSWORD):
    """A bound client that is unbound and closed at the end, whatever happens between."""
    client = connected(tls)
    try:
        client.bind_response = getattr(client, f"bind_{mode}")(system_id=system_id, password=password)
        with client:
            yield client
    finally:
        client.disconnect()


def response_to(client, request):
    """The response to a PDU that was sent; enquire_links in between are answered."""
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        pdu = client.read_pdu()
        if pdu.command == "enquire_link":
            client._enquire_link_received(pdu)
        elif pdu.sequence == request.sequence and pdu.is_response():
            return pdu
    raise AssertionError(f"no response to {request.command} within {BOUND_SECONDS:g} s")


def message(destination, **fields):
    """Fields of a submit_sm or data_sm with the usual addresses."""
    usual = {
        "source_addr_ton": smpplib.consts.SMPP_TON_INTL,
        "source_addr_npi": smpplib.consts.SMPP_NPI_ISDN,
        "source_addr": SOURCE,
        "dest_addr_ton": smpplib.consts.SMPP_TON_INTL,
        "dest_addr_npi": smpplib.consts.SMPP_NPI_ISDN,
        "destination_addr": destination,
        "esm_class": 0,
        "data_coding": 0,
        "registered_delivery": 0,
    }
    return usual | fields


def submit(client, destination, **fields):
    """submit_sm and its response, of any status."""
    return response_to(client, client.send_message(**message(destination, **fields)))


def request(client, command, **fields):
    """Any other PDU that smpplib knows, and its response."""
    pdu = smpplib.smpp.make_pdu(command, client=client, **fields)
    client.send_pdu(pdu)
    return response_to(client, pdu)


def concatenation(width, reference, total, index):
    """A user data header with nothing but a reference of 8 or 16 bits (3GPP TS 23.040, 9.2.3.24.1 and .8)."""
    if width == 8:
        return struct.pack(">BBBBBB", 5, 0x00, 3, reference, total, index)
    return struct.pack(">BBBHBB", 6, 0x08, 4, reference, total, index)
