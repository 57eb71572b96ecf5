"""Binds: each mode, TLS, wrong credentials, reconnect, limit, enquire_link both ways, unbind."""

import threading

from smpplib.exceptions import PDUError

import gateway
from gateway import bound, connected, new_destination, request, submit
from session import SMSC
from smsc import new_token
from tap import check, equal, eventually

ESME_RALYBND, ESME_RBINDFAIL, ESME_RINVPASWD = 0x05, 0x0D, 0x0E
ENQUIRE_LINK_SECONDS = float(gateway.os.environ.get("SMPP_ENQUIRE_LINK_SECONDS", "30"))
BINDS_MAX = int(gateway.os.environ.get("SMPP_BINDS_MAX", "4"))


class IdleBind(threading.Thread):
    """A receiver that says nothing while the other checks run: the gateway must ask whether it is alive."""

    def __init__(self):
        super().__init__(daemon=True)
        self.cause = None
        self.asked = 0
        self.answered = 0
        self.bound = threading.Event()

    def run(self):
        try:
            with bound("receiver") as client:
                client._socket.settimeout(ENQUIRE_LINK_SECONDS + 10)
                self.bound.set()
                while client.enquire_links < 1:
                    client.read_once(auto_send_enquire_link=False)
                self.asked = client.enquire_links
                # The gateway took smpplib's answer: the session goes on.
                equal(request(client, "enquire_link").status, 0, "enquire_link after the gateway's own")
                self.answered = 1
        except Exception as error:  # noqa: BLE001 - reported by the check that joins
            self.cause = error
        self.bound.set()


IDLE = IdleBind()


def start_idle_bind():
    """Before the first check, so that its waiting overlaps with them."""
    IDLE.start()
    IDLE.bound.wait(gateway.BOUND_SECONDS)


def bind_and_unbind(mode):
    with bound(mode) as client:
        equal(client.bind_response.command, f"bind_{mode}_resp", "response")
        assert client.bind_response.system_id, "no system_id in the response"


@check("binds as a transmitter")
def _():
    bind_and_unbind("transmitter")


@check("binds as a receiver")
def _():
    bind_and_unbind("receiver")


@check("binds as a transceiver")
def _():
    bind_and_unbind("transceiver")


def refused_status(**credentials):
    client = connected()
    try:
        client.bind_transceiver(**credentials)
    except PDUError as error:
        return error.args[1]
    finally:
        client.disconnect()
    raise AssertionError("the bind was accepted")


@check("a wrong password is refused with ESME_RINVPASWD")
def _():
    equal(refused_status(system_id=gateway.SYSTEM_ID, password="wrong"), ESME_RINVPASWD, "status")


@check("an unknown system id is refused as a wrong password is, so that ids cannot be probed")
def _():
    equal(refused_status(system_id="nobody", password=gateway.PASSWORD), ESME_RINVPASWD, "status")


@check("the right password is accepted after wrong ones")
def _():
    bind_and_unbind("transceiver")


@check("binds over TLS, the certificate verified, and a message arrives")
def _():
    token = new_token()
    with bound(tls=True) as client:
        equal(submit(client, new_destination(), short_message=token.encode()).status, 0, "status")
    equal(SMSC.await_parts(token)[0].content, token.encode(), "octets")


@check("a connection that is cut is forgotten: six reconnects within the limit of binds")
def _():
    for _attempt in range(6):
        client = connected()
        # The gateway sees the cut at its next read: until then the old bind may still count.
        eventually(lambda: try_bind(client), "bind after a cut", seconds=5)
        client.disconnect()


def try_bind(client):
    try:
        client.bind_transceiver(system_id=gateway.SYSTEM_ID, password=gateway.PASSWORD)
    except PDUError as error:
        assert error.args[1] in (ESME_RALYBND, ESME_RBINDFAIL), error
        client.disconnect()
        client.connect()
        return False
    return True


@check("one bind more than agreed is refused, and taken as soon as another has gone")
def _():
    clients = [connected() for _ in range(BINDS_MAX)]
    try:
        # The idle bind holds one; a bind that was cut before may still count for a moment.
        for client in clients[:-1]:
            eventually(lambda: try_bind(client), "bind within the limit", seconds=5)
        assert status_of_bind(clients[-1]) in (ESME_RALYBND, ESME_RBINDFAIL), "not refused as too many"
        equal(clients[0].unbind().status, 0, "unbind")
        clients[-1].disconnect()
        clients[-1].connect()
        eventually(lambda: try_bind(clients[-1]), "bind after another's unbind", seconds=5)
        # Not just cut: a cut is seen a moment later, and until then the bind counts for the next check.
        for client in clients[1:]:
            equal(client.unbind().status, 0, "unbind")
    finally:
        for client in clients:
            client.disconnect()


def status_of_bind(client):
    """The status of a refusal; None for a bind that was accepted."""
    try:
        client.bind_transceiver(system_id=gateway.SYSTEM_ID, password=gateway.PASSWORD)
    except PDUError as error:
        return error.args[1]
    return None


@check("enquire_link is answered")
def _():
    with bound() as client:
        equal(request(client, "enquire_link").command, "enquire_link_resp", "response")
