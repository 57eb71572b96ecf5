"""Far over the window: 2,000 submits without reading. Each gets one answer, and the answer is true."""

import select
import time

import raw_pdu
from checks_refusals import submit_frame
from gateway import BOUND_SECONDS, bound, new_destination, submit
from raw_pdu import Frame
from session import SMSC
from smsc import new_token
from tap import check, equal, eventually

ESME_RTHROTTLED = 0x58
SUBMITS = 2_000
# Messages are spread over the provider's binds: so many, sent last, pass over each of them.
MARKERS = 8


def write_all(stream, octets):
    """Writes without reading. Returns what could not be written within 2 s: then the gateway waits for us to read."""
    left = memoryview(octets)
    stream.setblocking(False)
    try:
        while left and select.select([], [stream], [], 2)[1]:
            left = left[stream.send(left) :]
    finally:
        stream.settimeout(BOUND_SECONDS)
    return left


def read_answers(stream, count, unwritten):
    """All frames up to the `count`th submit_sm_resp; what was left is written after the first one."""
    frames, deadline = [], time.monotonic() + BOUND_SECONDS
    while len(frames) < count:
        assert time.monotonic() < deadline, f"{len(frames)} of {count} answers within {BOUND_SECONDS} s"
        frame = raw_pdu.read_frame(stream)
        if frame.command == raw_pdu.ENQUIRE_LINK:
            stream.sendall(Frame(raw_pdu.ENQUIRE_LINK_RESP, 0, frame.sequence, b"").octets())
            continue
        frames.append(frame)
        if unwritten:
            unwritten = write_all(stream, unwritten)
    return frames


@check("2,000 submits without reading: one answer each, OK arrives once, ESME_RTHROTTLED does not arrive")
def _():
    with bound() as client:
        token_of = {}
        octets = b""
        for _i in range(SUBMITS):
            token = new_token()
            frame = submit_frame(client, short_message=token.encode())
            token_of[frame.sequence] = token
            octets += frame.octets()
        left = write_all(client._socket, octets)
        frames = read_answers(client._socket, SUBMITS, left)
        check_answers(frames, token_of)
        nothing_further(client)
        serves_again(client)
    check_arrivals(frames, token_of)


def nothing_further(client):
    """No second answer was in the stream: the next frame is the one asked for."""
    frame = Frame(raw_pdu.ENQUIRE_LINK, 0, client.next_sequence(), b"")
    equal(raw_pdu.exchange(client._socket, frame).command, raw_pdu.ENQUIRE_LINK_RESP, "answer")


def check_answers(frames, token_of):
    """One answer for each sequence, of the two statuses that are right."""
    equal({hex(frame.command) for frame in frames}, {hex(raw_pdu.SUBMIT_SM_RESP)}, "commands")
    equal(sorted(frame.sequence for frame in frames), sorted(token_of), "sequence numbers")
    statuses = {frame.status for frame in frames}
    assert statuses <= {0, ESME_RTHROTTLED}, f"statuses {sorted(map(hex, statuses))}"
    assert 0 in statuses, "every submit was throttled"
    ids = [frame.body for frame in frames if frame.status == 0]
    equal(len(set(ids)), len(ids), "different ids")


def serves_again(client):
    """The rate recovers: submits are accepted again on the same bind."""
    for _i in range(MARKERS):
        eventually(lambda: submit_marker(client), "an accepted submit after the flood", seconds=5)


def submit_marker(client):
    token = new_token()
    response = submit(client, new_destination(), short_message=token.encode())
    accepted = response.status == 0
    SMSC.expected[token] = 1 if accepted else 0
    return accepted


def check_arrivals(frames, token_of):
    """What was accepted arrives; the last check of the run sees that it did so once and the rest did not."""
    accepted = {token_of[frame.sequence]: int(frame.status == 0) for frame in frames}
    SMSC.expected.update(accepted)
    eventually(lambda: not missing(accepted), f"all {sum(accepted.values())} accepted messages at the provider")
    equal(SMSC.wrong_among(accepted), {}, "tokens that arrived a wrong number of times")


def missing(accepted):
    SMSC.refresh()
    return [token for token, wanted in accepted.items() if wanted and not SMSC.by_token.get(token)]
