"""The last checks: what had to wait for the others."""

from checks_binds import ENQUIRE_LINK_SECONDS, IDLE
from gateway import bound, new_destination, submit
from session import SMSC
from smsc import new_token
from tap import check, equal

MARKERS = 8


@check("the gateway asks an idle receiver by enquire_link and takes smpplib's answer")
def _():
    IDLE.join(ENQUIRE_LINK_SECONDS + 20)
    assert IDLE.cause is None, f"{type(IDLE.cause).__name__} {IDLE.cause}"
    assert not IDLE.is_alive(), "no enquire_link within its time"
    equal((IDLE.asked, IDLE.answered), (1, 1), "asked, and served on")


@check("unbind is answered")
def _():
    with bound() as client:
        response = client.unbind()
        equal((response.command, response.status), ("unbind_resp", 0), "response")
        client.disconnect()


@check("at the end each accepted message has arrived exactly once, and no refused one")
def _():
    # Whatever would arrive late has had its time once these, sent last over each of the provider's binds, are there.
    with bound() as client:
        tokens = [new_token() for _ in range(MARKERS)]
        for token in tokens:
            equal(submit(client, new_destination(), short_message=token.encode()).status, 0, "status")
    for token in tokens:
        SMSC.await_parts(token)
    equal(SMSC.wrong_counts(), {}, "tokens that arrived a wrong number of times")
